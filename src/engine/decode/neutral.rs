//! The neutral form of a call: one JSON object with the names of the contract, times in Unix milliseconds.
//!
//! What the source leaves open stays open: unknown words become `unknown` or `other` and are never guessed at.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde::de::{MapAccess, SeqAccess};

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
    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
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

impl<'a> Target<'a> for Neutral<'a> {
    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "app_id" => self.app_id.update(json::id(map)?),
            "call_id" => self.call_id.update(json::id(map)?),
            "direction" => self.direction.update(map.next_value()?),
            "kind" => self.kind.update(map.next_value()?),
            "caller" => self.caller.update(map.next_value()?),
            "callee" => self.callee.update(map.next_value()?),
            "start" => self.start.update(map.next_value()?),
            "ring" => self.ring.update(map.next_value()?),
            "answer" => self.answer.update(map.next_value()?),
            "end" => self.end.update(map.next_value()?),
            "outcome" => self.outcome.update(map.next_value()?),
            "raw_outcome" => {
                map.next_value_seed(Fill(&mut self.raw_outcome))?;
            }
            "hangup_by" => self.hangup_by.update(map.next_value()?),
            "agent" => self.agent.update(map.next_value()?),
            "caller_region" => self.caller_region.update(map.next_value()?),
            "callee_region" => self.callee_region.update(map.next_value()?),
            _ => json::skip(map)?,
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
        let (outcome, raw_outcome) = self.outcome(times.answer.is_some());
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
    /// that was answered is answered.
    fn outcome(&mut self, answered: bool) -> (Outcome, RawOutcome<'a>) {
        let mut raw = self.raw_outcome.take();
        let Some(word) = self.outcome.readable() else {
            return (if answered { Outcome::Answered } else { Outcome::Other }, raw);
        };
        let outcome = Outcome::from_word(&word).unwrap_or_else(|| {
            if raw == RawOutcome::default() {
                raw.text = word;
            }
            Outcome::Other
        });
        (outcome, raw)
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

impl<'a> Target<'a> for Raw<'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "code" => self.code.update(map.next_value()?),
            "text" => self.text.update(map.next_value()?),
            _ => json::skip(map)?,
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
    #[schemars(schema_with = "text_or_integer")]
    pub app_id: String,
    /// The call, unique within the app, at most 128 bytes of text.
    #[schemars(schema_with = "text_or_integer")]
    pub call_id: String,
    /// Who rang whom, seen from the app.
    pub direction: Direction,
    /// What placed the call; `unknown` if absent.
    #[schemars(default = "unknown_kind")]
    pub kind: Kind,
    /// The number calling: `+8613…`, `008613…`, a national form, a short code, or an opaque token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text_or_integer")]
    pub caller: Option<String>,
    /// The number called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text_or_integer")]
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

fn text_or_integer(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"] })
}

fn unknown_kind() -> Kind {
    Kind::Unknown
}

fn unknown_side() -> HangupBy {
    HangupBy::Unknown
}
