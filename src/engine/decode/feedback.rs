//! Feedback: what callees, agents, regulators and inspectors say about an app's calls.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::MapAccess;

use super::super::record::{APP_ID_BYTES_MAX, CALL_ID_BYTES_MAX, Feedback, FeedbackKind};
use super::super::time::Timestamp;
use super::json::{self, Field, Int, Scalar, Target, Text};
use super::{DecodeError, Limits, Reason};

/// The longest word (channel, category, scene), in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Reads one feedback. An unknown kind is an error: an opt-out taken for something else would be a call too many.
pub fn feedback(bytes: &[u8], limits: &Limits<'_>) -> Result<Feedback, DecodeError> {
    let mut wire = Wired::default();
    json::read_object(bytes, limits, &mut wire)?;
    wire.finish(limits)
}

#[derive(Default)]
struct Wired<'a> {
    kind: Text<'a>,
    app_id: Text<'a>,
    callee: Text<'a>,
    at: Field<Moment>,
    channel: Text<'a>,
    category: Text<'a>,
    verified: Field<bool>,
    scene: Text<'a>,
    call_id: Text<'a>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Kind,
    AppId,
    Callee,
    At,
    Channel,
    Category,
    Verified,
    Scene,
    CallId,
    #[serde(other)]
    Other,
}

impl<'a> Target<'a> for Wired<'a> {
    type Key = Key;

    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::Kind => self.kind.read(map)?,
            Key::AppId => self.app_id.update(json::id(map)?),
            Key::Callee => self.callee.read(map)?,
            Key::At => self.at.read(map)?,
            Key::Channel => self.channel.read(map)?,
            Key::Category => self.category.read(map)?,
            Key::Verified => self.verified.read(map)?,
            Key::Scene => self.scene.read(map)?,
            Key::CallId => self.call_id.update(json::id(map)?),
            Key::Other => json::skip(map)?,
        }
        Ok(())
    }
}

impl Wired<'_> {
    fn finish(mut self, limits: &Limits<'_>) -> Result<Feedback, DecodeError> {
        let kind = self.kind.require("kind", Reason::NotText)?;
        let app_id = self.app_id.require("app_id", Reason::NotText)?;
        let at = self.at.require("at", Reason::NotTime)?.checked("at")?;
        if at > limits.newest {
            return Err(DecodeError::new("at", Reason::InFuture { end: at, newest: limits.newest }));
        }
        Ok(Feedback {
            kind: FeedbackKind::from_word(&kind)
                .ok_or_else(|| DecodeError::new("kind", Reason::UnknownWord("opt_out, complaint, consent, inspection, reply")))?,
            app_id: super::identifier("app_id", app_id, APP_ID_BYTES_MAX)?.into_owned(),
            callee: super::number("callee", &mut self.callee, limits)?
                .ok_or_else(|| DecodeError::new("callee", Reason::Missing))?,
            at,
            channel: word("channel", &mut self.channel)?.unwrap_or_default().to_lowercase(),
            category: word("category", &mut self.category)?.unwrap_or_default().to_lowercase(),
            verified: self.verified.take("verified", Reason::NotBool)?.unwrap_or(false),
            scene: word("scene", &mut self.scene)?,
            call_id: match self.call_id.take("call_id", Reason::NotText)? {
                Some(id) => Some(super::identifier("call_id", id, CALL_ID_BYTES_MAX)?.into_owned()),
                None => None,
            },
        })
    }
}

/// A short text, without the space around it; `None` if nothing is left.
pub(super) fn word(field: &'static str, text: &mut Text<'_>) -> Result<Option<String>, DecodeError> {
    let Some(text) = text.take(field, Reason::NotText)? else { return Ok(None) };
    match text.trim() {
        word if word.len() > WORD_BYTES_MAX => Err(DecodeError::new(field, Reason::TooLong { max: WORD_BYTES_MAX })),
        word => Ok((!word.is_empty()).then(|| word.to_owned())),
    }
}

/// A moment as people and programs write it: Unix seconds or milliseconds, told apart by their size, or RFC 3339. A
/// date alone is its first moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment(i64);

impl Moment {
    /// The moment, if a record may carry it.
    pub(super) fn checked(self, field: &'static str) -> Result<Timestamp, DecodeError> {
        let moment = Timestamp::from_millis(self.0);
        if moment.is_plausible() { Ok(moment) } else { Err(DecodeError::new(field, Reason::OutOfRange)) }
    }
}

impl<'de> Scalar<'de> for Moment {
    fn from_text(text: Cow<'de, str>) -> Field<Self> {
        let text = text.trim_ascii();
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Field::Value(Self(moment.as_millisecond()));
        }
        // Only ten bytes are a date alone: a local time says no moment.
        if text.len() == 10
            && let Ok(date) = text.parse::<jiff::civil::Date>()
        {
            return date
                .to_zoned(jiff::tz::TimeZone::UTC)
                .map_or(Field::Unreadable, |midnight| Field::Value(Self(midnight.timestamp().as_millisecond())));
        }
        match i64::from_text(Cow::Borrowed(text)) {
            Int::Value(integer) => Self::from_integer(integer),
            Int::Absent => Field::Absent,
            Int::Unreadable => Field::Unreadable,
        }
    }

    fn from_integer(integer: i64) -> Field<Self> {
        // Seconds between 2000 and 2100 have nine or ten digits, milliseconds twelve or thirteen.
        let millis = if integer.unsigned_abs() < 100_000_000_000 { integer * 1_000 } else { integer };
        Field::Value(Self(millis))
    }

    fn from_float(float: f64) -> Field<Self> {
        match float.abs() {
            ..1e11 => Field::Value(Self((float * 1_000.0) as i64)),
            ..9e15 => Field::Value(Self(float as i64)),
            _ => Field::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Feedback, String> {
        let limits = Limits { newest: Timestamp::from_seconds(1_780_000_000), ..Limits::default() };
        feedback(text.as_bytes(), &limits).map_err(|error| error.to_string())
    }

    fn at(at: &str) -> Result<Timestamp, String> {
        read(&format!(r#"{{"kind":"opt_out","app_id":"a","callee":"13000000001","at":{at}}}"#)).map(|feedback| feedback.at)
    }

    #[test]
    fn times_are_read_as_programs_and_people_write_them() {
        let moment = Ok(Timestamp::from_seconds(1_773_020_400));
        for text in [
            "1773020400",
            "1773020400.0",
            "1773020400000",
            "\"1773020400\"",
            "\"1773020400000\"",
            "\"2026-03-09T01:40:00Z\"",
            "\"2026-03-09T09:40:00+08:00\"",
            "\" 2026-03-09 01:40:00Z \"",
            "1.7730204e9",
        ] {
            assert_eq!(at(text), moment, "{text}");
        }
        assert_eq!(at("1773020400.25"), Ok(Timestamp::from_millis(1_773_020_400_250)));
        assert_eq!(at("\"2026-03-09\""), Ok(Timestamp::from_seconds(1_773_014_400)));
        for (text, expected) in [
            ("null", "at: is missing"),
            ("\"\"", "at: is missing"),
            ("0", "at: is not between 2000 and 2100"),
            ("-1773020400", "at: is not between 2000 and 2100"),
            ("9223372036854775807", "at: is not between 2000 and 2100"),
            ("-9223372036854775808", "at: is not between 2000 and 2100"),
            ("1e300", "at: is not a time: Unix seconds, Unix milliseconds or RFC 3339 are"),
            ("true", "at: is not a time: Unix seconds, Unix milliseconds or RFC 3339 are"),
            ("\"yesterday\"", "at: is not a time: Unix seconds, Unix milliseconds or RFC 3339 are"),
            ("\"2026-03-09T01:40:00\"", "at: is not a time: Unix seconds, Unix milliseconds or RFC 3339 are"),
            ("1780000001", "at: is in the future (2026-05-28T20:26:41Z, later than 2026-05-28T20:26:40Z)"),
        ] {
            assert_eq!(at(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_must_be_said_is_asked_for() {
        for (text, expected) in [
            (r#"{"app_id":"a","callee":"1","at":1773020400}"#, "kind: is missing"),
            (
                r#"{"kind":"praise","app_id":"a","callee":"1","at":1773020400}"#,
                "kind: is none of opt_out, complaint, consent, inspection, reply",
            ),
            (r#"{"kind":"consent","callee":"1","at":1773020400}"#, "app_id: is missing"),
            (r#"{"kind":"consent","app_id":"a","at":1773020400}"#, "callee: is missing"),
            (r#"{"kind":"consent","app_id":"a","callee":" ","at":1773020400}"#, "callee: is missing"),
            (
                r#"{"kind":"consent","app_id":"a","callee":"1","at":1773020400,"verified":"maybe"}"#,
                "verified: is neither true nor false",
            ),
            (r#"{"kind":"consent","app_id":"a","callee":"1","at":1773020400,"channel":[]}"#, "channel: is not text"),
            ("[]", "record: is not an object"),
        ] {
            assert_eq!(read(text), Err(expected.to_owned()), "{text}");
        }
        let long = format!(r#"{{"kind":"consent","app_id":"a","callee":"1","at":1773020400,"scene":"{}"}}"#, "x".repeat(129));
        assert_eq!(read(&long), Err("scene: is longer than 128 bytes".to_owned()));
    }

    #[test]
    fn truth_has_many_spellings() {
        for (word, expected) in
            [("true", true), ("\"true\"", true), ("1", true), ("\"0\"", false), ("null", false), ("\"\"", false)]
        {
            let text = format!(r#"{{"kind":"complaint","app_id":"a","callee":"13000000001","at":1773020400,"verified":{word}}}"#);
            assert_eq!(read(&text).expect("feedback").verified, expected, "{word}");
        }
    }
}
