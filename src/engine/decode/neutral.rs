//! The neutral form of a call: one JSON object with the names of the contract, times in Unix milliseconds.
//!
//! What the source leaves open stays open: unknown words become `unknown` or `other` and are never guessed at.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::de::{MapAccess, SeqAccess};
use serde::{Deserialize, Serialize};

use super::super::record::{CallRecord, Direction, HangupBy, Kind, Outcome, RawOutcome};
use super::super::time::Timestamp;
use super::json::{self, Fill, Int, Shape, Target, Text};
use super::{Calls, DecodeError, Limits, Reason, Times, Wire};

/// Decodes one source value: a call or a list of calls.
pub(super) fn decode<'a, F>(bytes: &'a [u8], calls: &mut Calls<'a, '_, F>)
where
    F: FnMut(Result<CallRecord<'a>, DecodeError>),
{
    let mut value = Value { calls, call: Neutral::default() };
    let shape = json::read(bytes, value.calls.limits, &mut value);
    let Value { calls, mut call } = value;
    match shape {
        Err(error) => calls.fail(error),
        Ok(Shape::List) => {}
        Ok(Shape::Object) => calls.deliver(&mut call),
        Ok(Shape::Null | Shape::Scalar) => calls.fail(DecodeError::whole(Reason::NotObject)),
    }
}

/// A source value.
struct Value<'c, 'a, 'l, F> {
    calls: &'c mut Calls<'a, 'l, F>,
    call: Neutral<'a>,
}

impl<'a, F: FnMut(Result<CallRecord<'a>, DecodeError>)> Target<'a> for Value<'_, 'a, '_, F> {
    type Key = Key;

    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        self.call.field(key, map)
    }

    fn list<A: SeqAccess<'a>>(&mut self, elements: A) -> Result<(), A::Error> {
        self.calls.list::<Neutral<'a>, A>("", elements)
    }
}

/// A call as it is written.
#[derive(Default)]
struct Neutral<'a> {
    app_id: Text<'a>,
    call_id: Text<'a>,
    direction: Text<'a>,
    kind: Text<'a>,
    caller: Text<'a>,
    callee: Text<'a>,
    start: Int,
    ring: Int,
    answer: Int,
    end: Int,
    outcome: Text<'a>,
    raw_outcome: Raw<'a>,
    hangup_by: Text<'a>,
    agent: Text<'a>,
    caller_region: Text<'a>,
    callee_region: Text<'a>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    AppId,
    CallId,
    Direction,
    Kind,
    Caller,
    Callee,
    Start,
    Ring,
    Answer,
    End,
    Outcome,
    RawOutcome,
    HangupBy,
    Agent,
    CallerRegion,
    CalleeRegion,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Neutral<'a> {
    type Key = Key;

    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::AppId => self.app_id.update(json::id(map)?),
            Key::CallId => self.call_id.update(json::id(map)?),
            Key::Direction => self.direction.read(map)?,
            Key::Kind => self.kind.read(map)?,
            Key::Caller => self.caller.read(map)?,
            Key::Callee => self.callee.read(map)?,
            Key::Start => self.start.read(map)?,
            Key::Ring => self.ring.read(map)?,
            Key::Answer => self.answer.read(map)?,
            Key::End => self.end.read(map)?,
            Key::Outcome => self.outcome.read(map)?,
            Key::RawOutcome => {
                map.next_value_seed(Fill(&mut self.raw_outcome))?;
            }
            Key::HangupBy => self.hangup_by.read(map)?,
            Key::Agent => self.agent.read(map)?,
            Key::CallerRegion => self.caller_region.read(map)?,
            Key::CalleeRegion => self.callee_region.read(map)?,
            Key::Other => json::skip(map)?,
        }
        Ok(())
    }
}

impl<'a> Wire<'a> for Neutral<'a> {
    fn finish(&mut self, app_id: Option<&'a str>, limits: &Limits<'_>) -> Result<CallRecord<'a>, DecodeError> {
        let app_id = super::app_id("app_id", &mut self.app_id, app_id)?;
        let call_id = super::call_id("call_id", &mut self.call_id)?;
        let start = moment("start", &mut self.start)?.ok_or_else(|| DecodeError::new("start", Reason::Missing))?;
        let ring = moment("ring", &mut self.ring)?;
        let answer = moment("answer", &mut self.answer)?;
        let end = moment("end", &mut self.end)?.ok_or_else(|| DecodeError::new("end", Reason::Missing))?;
        let times = Times { start, ring, answer, end }.checked("start", "end", limits)?;
        let direction = self.direction.require("direction", Reason::NotText)?;
        let (outcome, outcome_known, raw_outcome) = self.outcome(times.answer.is_some());
        Ok(CallRecord {
            app_id,
            call_id,
            direction: Direction::from_word(&direction)
                .ok_or_else(|| DecodeError::new("direction", Reason::UnknownWord("outbound, inbound, internal")))?,
            kind: self.kind.readable().and_then(|word| Kind::from_word(&word)).unwrap_or(Kind::Unknown),
            caller: super::number("caller", &mut self.caller, limits)?,
            callee: super::number("callee", &mut self.callee, limits)?,
            start: times.start,
            ring: times.ring,
            answer: times.answer,
            end: times.end,
            outcome,
            outcome_known,
            raw_outcome,
            hangup_by: self.hangup_by.readable().and_then(|word| HangupBy::from_word(&word)).unwrap_or(HangupBy::Unknown),
            agent: self.agent.readable(),
            caller_region: self.caller_region.readable(),
            callee_region: self.callee_region.readable(),
        })
    }
}

impl<'a> Neutral<'a> {
    /// An unknown outcome is other, and its word is the raw outcome where there is no other. Without an outcome, a call
    /// that was answered is answered. And whether it is known how the call ended.
    fn outcome(&mut self, answered: bool) -> (Outcome, bool, RawOutcome<'a>) {
        let mut raw = self.raw_outcome.take();
        let Some(word) = self.outcome.readable() else {
            return (if answered { Outcome::Answered } else { Outcome::Other }, answered, raw);
        };
        if let Some(outcome) = Outcome::from_word(&word) {
            return (outcome, outcome != Outcome::Other, raw);
        }
        if raw == RawOutcome::default() {
            raw.text = word;
        }
        (Outcome::Other, false, raw)
    }
}

/// A moment in Unix milliseconds; zero and less mean it did not happen.
fn moment(field: &'static str, millis: &mut Int) -> Result<Option<Timestamp>, DecodeError> {
    let Some(millis @ 1..) = millis.take(field, Reason::NotNumber)? else { return Ok(None) };
    let moment = Timestamp::from_millis(millis);
    if moment.is_plausible() {
        return Ok(Some(moment));
    }
    let seconds = millis.checked_mul(1_000).map(Timestamp::from_millis).is_some_and(Timestamp::is_plausible);
    Err(DecodeError::new(field, if seconds { Reason::Seconds } else { Reason::OutOfRange }))
}

/// `raw_outcome`: text, a code, `code/text` as it is printed, or an object of both.
#[derive(Default)]
struct Raw<'a> {
    code: Int,
    text: Text<'a>,
}

impl<'a> Raw<'a> {
    fn take(&mut self) -> RawOutcome<'a> {
        RawOutcome { code: self.code.readable(), text: self.text.readable().unwrap_or_default() }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum RawKey {
    Code,
    Text,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Raw<'a> {
    type Key = RawKey;

    fn field<A: MapAccess<'a>>(&mut self, key: RawKey, map: &mut A) -> Result<(), A::Error> {
        match key {
            RawKey::Code => self.code.read(map)?,
            RawKey::Text => self.text.read(map)?,
            RawKey::Other => json::skip(map)?,
        }
        Ok(())
    }

    fn scalar(&mut self, text: Cow<'a, str>) {
        let (code, rest) = match text.split_once('/') {
            Some((code, rest)) => (code, rest),
            None => (&*text, ""),
        };
        *self = match code.parse() {
            Ok(code) => {
                let from = text.len() - rest.len();
                let text = match text {
                    Cow::Borrowed(text) => Cow::Borrowed(&text[from..]),
                    Cow::Owned(text) => Cow::Owned(text[from..].to_owned()),
                };
                Self { code: Int::Value(code), text: Text::Value(text) }
            }
            Err(_) if text.is_empty() => return,
            Err(_) => Self { code: Int::Absent, text: Text::Value(text) },
        };
    }
}

/// A call in the neutral form, to be written: what `dialwatch schema call` describes and the simulation emits. Numbers
/// are in clear, so a value of this type must stay with the data it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "dialwatch call", description = "A finished call in the neutral form. Unknown fields are ignored.")]
pub struct NeutralCall {
    /// The app, at most 64 bytes of text; a whole number is read as text.
    #[schemars(with = "TextOrInteger")]
    pub app_id: String,
    /// The call, unique within the app, at most 128 bytes of text.
    #[schemars(with = "TextOrInteger")]
    pub call_id: String,
    /// Who rang whom, seen from the app.
    pub direction: Direction,
    /// What placed the call; `unknown` if absent.
    #[schemars(default = "unknown_kind")]
    pub kind: Kind,
    /// The number calling: `+8613…`, `008613…`, a national form, a short code, or an opaque token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TextOrInteger>")]
    pub caller: Option<String>,
    /// The number called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TextOrInteger>")]
    pub callee: Option<String>,
    /// When the call began, in Unix milliseconds.
    pub start: i64,
    /// When the far end began to ring; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring: Option<i64>,
    /// When it was answered; absent if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<i64>,
    /// When it ended, not before `start` and at most three days after it.
    pub end: i64,
    /// How it ended; any other word is read as `other`.
    pub outcome: Outcome,
    /// The provider's own words for the outcome: a code, a text, or `code/text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_outcome: Option<String>,
    /// Who ended it; `unknown` if absent.
    #[schemars(default = "unknown_side")]
    pub hangup_by: HangupBy,
    /// The agent on the call, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Where the caller number is at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_region: Option<String>,
    /// Where the callee number is at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callee_region: Option<String>,
}

/// How ids and numbers may be written.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "described, never built")]
enum TextOrInteger {
    Text(String),
    Integer(u64),
}

fn unknown_kind() -> Kind {
    Kind::Unknown
}

fn unknown_side() -> HangupBy {
    HangupBy::Unknown
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    fn example() -> NeutralCall {
        NeutralCall {
            app_id: "1400000001".to_owned(),
            call_id: "call-1".to_owned(),
            direction: Direction::Outbound,
            kind: Kind::Auto,
            caller: Some("+8675512345678".to_owned()),
            callee: Some("+8613000000001".to_owned()),
            start: 1_773_020_400_001,
            ring: Some(1_773_020_401_002),
            answer: Some(1_773_020_402_003),
            end: 1_773_020_403_004,
            outcome: Outcome::Answered,
            raw_outcome: Some("1/ok".to_owned()),
            hangup_by: HangupBy::Customer,
            agent: Some("agent".to_owned()),
            caller_region: Some("广东深圳".to_owned()),
            callee_region: Some("北京".to_owned()),
        }
    }

    fn decode_one(text: &str) -> Result<CallRecord<'_>, DecodeError> {
        let mut calls = Vec::new();
        Format::Dialwatch.decode(text.as_bytes(), None, &Limits::default(), |call| calls.push(call));
        assert_eq!(calls.len(), 1);
        calls.remove(0)
    }

    #[test]
    fn what_is_written_is_read() {
        let text = serde_json::to_string(&example()).expect("JSON");
        let call = decode_one(&text).expect("a call");
        let again = NeutralCall {
            app_id: call.app_id.to_string(),
            call_id: call.call_id.to_string(),
            direction: call.direction,
            kind: call.kind,
            caller: call.caller.map(|number| number.reveal()),
            callee: call.callee.map(|number| number.reveal()),
            start: call.start.millis(),
            ring: call.ring.map(Timestamp::millis),
            answer: call.answer.map(Timestamp::millis),
            end: call.end.millis(),
            outcome: call.outcome,
            raw_outcome: Some(call.raw_outcome.to_string()),
            hangup_by: call.hangup_by,
            agent: call.agent.map(Cow::into_owned),
            caller_region: call.caller_region.map(Cow::into_owned),
            callee_region: call.callee_region.map(Cow::into_owned),
        };
        assert_eq!(again, example());
    }

    #[test]
    fn the_schema_asks_for_what_the_decoder_asks_for() {
        let schema = serde_json::to_value(schemars::schema_for!(NeutralCall)).expect("JSON");
        let required = schema["required"].as_array().expect("a list");
        let full = serde_json::to_value(example()).expect("JSON");
        let keys = full.as_object().expect("an object");
        assert_eq!(schema["properties"].as_object().expect("an object").len(), keys.len());
        for key in keys.keys() {
            let mut call = full.clone();
            call.as_object_mut().expect("an object").remove(key);
            // A word for the outcome is asked of those who write; a reader can do without.
            let is_required = required.iter().any(|name| name == key) && key != "outcome";
            assert_eq!(decode_one(&call.to_string()).is_err(), is_required, "{key}");
        }
    }

    #[test]
    fn raw_outcomes_are_read_back() {
        for (written, code, text) in [
            ("\"205/numberNotExist\"", Some(205), "numberNotExist"),
            ("\"205\"", Some(205), ""),
            ("205", Some(205), ""),
            ("\"no/answer\"", None, "no/answer"),
            ("\"NO ANSWER\"", None, "NO ANSWER"),
            ("{\"code\":486,\"text\":\"Busy\"}", Some(486), "Busy"),
            ("\"\\u0031/ok\"", Some(1), "ok"),
            ("null", None, ""),
        ] {
            let call = format!(
                r#"{{"app_id":1,"call_id":2,"direction":"inbound","start":1773020400000,"end":1773020400000,"raw_outcome":{written}}}"#
            );
            let raw = decode_one(&call).expect("a call").raw_outcome;
            assert_eq!((raw.code, &*raw.text), (code, text), "{written}");
        }
    }

    #[test]
    fn unknown_words_are_kept_and_seconds_are_refused() {
        let call = |fields: &str| format!(r#"{{"app_id":"a","call_id":"b","direction":"outbound",{fields}}}"#);
        let times = r#""start":1773020400000,"end":1773020400000"#;
        let text = call(&format!(r#"{times},"outcome":"lost","kind":"x","hangup_by":"y""#));
        let read = decode_one(&text).expect("a call");
        assert_eq!((read.outcome, read.kind, read.hangup_by), (Outcome::Other, Kind::Unknown, HangupBy::Unknown));
        assert!(!read.outcome_known);
        assert_eq!(read.raw_outcome.text, "lost");
        let text = call(&format!(r#"{times},"outcome":"lost","raw_outcome":7"#));
        assert_eq!(decode_one(&text).expect("a call").raw_outcome.to_string(), "7");
        let text = call(&format!(r#"{times},"answer":1773020400000"#));
        assert_eq!(decode_one(&text).expect("a call").outcome, Outcome::Answered);
        for (text, expected) in [
            (
                call(r#""start":1773020400,"end":1773020400000"#),
                "start: is not between 2000 and 2100: seconds, where milliseconds are due",
            ),
            (call(r#""start":1773020400000"#), "end: is missing"),
            (call(r#""start":1773020400000,"end":1773020399999"#), "end: is before start (2026-03-09T01:40:00Z)"),
        ] {
            assert_eq!(decode_one(&text).map(|call| call.end).map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
    }
}
