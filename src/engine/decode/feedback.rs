//! Feedback: what callees, agents, regulators and inspectors say about an app's calls.

use std::borrow::Cow;

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

impl<'a> Target<'a> for Wired<'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind.update(map.next_value()?),
            "app_id" => self.app_id.update(json::id(map)?),
            "callee" => self.callee.update(map.next_value()?),
            "at" => self.at.update(map.next_value()?),
            "channel" => self.channel.update(map.next_value()?),
            "category" => self.category.update(map.next_value()?),
            "verified" => self.verified.update(map.next_value()?),
            "scene" => self.scene.update(map.next_value()?),
            "call_id" => self.call_id.update(json::id(map)?),
            _ => json::skip(map)?,
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
                .ok_or_else(|| DecodeError::new("kind", Reason::UnknownWord("opt_out, complaint, consent, inspection")))?,
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
        if let Ok(date) = text.parse::<jiff::civil::Date>() {
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
