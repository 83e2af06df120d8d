//! Decoding: bytes to records, or an error that names the field, the place and the reason.
//!
//! One file per call format and one line in the registry below; feedback and registrations have one form each. Real
//! feeds repeat keys, write `null` anywhere, numbers as text and text as numbers: none of that loses a record
//! (the rules stand in `json.rs`). What would be a guess is an error instead.
//!
//! Never panics on input, never keeps more than it is given, never overflows the stack, and never puts a phone number or
//! other text of a record into an error: errors are safe to log.

mod feedback;
mod json;
mod neutral;
mod registration;
mod tccc;

use std::borrow::Cow;
use std::fmt;

use super::number::Number;
use super::record::{APP_ID_BYTES_MAX, CALL_ID_BYTES_MAX, CALL_MS_MAX, CallRecord};
use super::time::Timestamp;

pub use feedback::feedback;
pub use neutral::NeutralCall;
pub use registration::registration;

/// The longest record that is looked at unless told otherwise: 1 MiB, the default of a Kafka broker.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// What a record may not exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The longest source value, in bytes; longer ones are not parsed at all.
    pub record_bytes_max: usize,
    /// The last moment a record may carry: the shell passes its clock and a day, or the broker's timestamp.
    pub newest: Timestamp,
    /// The country code of numbers written without one.
    pub home_country: &'a str,
}

impl Default for Limits<'_> {
    fn default() -> Self {
        Self { record_bytes_max: RECORD_BYTES_MAX, newest: Timestamp::LATEST, home_country: "86" }
    }
}

/// The registry of call formats: one line each.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $decode:path;)+) => {
        /// A format in which calls arrive.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format { $($(#[$doc])* $variant),+ }

        impl Format {
            /// Every format, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used on the command line and in the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Hands every call of one source value (a Kafka message, a line, a whole file) to `each`, in order. An answer
            /// of an API may hold many calls; a call that cannot be read is handed over as its error, and its neighbours
            /// arrive all the same. Where the value breaks off, what came before the break has been handed over.
            ///
            /// `app_id` is the app of records that do not name theirs.
            pub fn decode<'a>(
                self,
                bytes: &'a [u8],
                app_id: Option<&'a str>,
                limits: &Limits<'_>,
                each: impl FnMut(Result<CallRecord<'a>, DecodeError>),
            ) {
                let mut calls = Calls { app_id, limits, each };
                match self { $(Self::$variant => $decode(bytes, &mut calls)),+ }
            }
        }
    };
}

formats! {
    /// Tencent Cloud Contact Center: the CDR push object and the answers of its API.
    Tccc = "tccc", tccc::decode;
    /// The neutral form, see [`NeutralCall`].
    Dialwatch = "dialwatch", neutral::decode;
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

/// There is no format of this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownFormat;

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown format, known are")?;
        Format::ALL.iter().enumerate().try_for_each(|(index, format)| write!(f, "{} {format}", if index == 0 { "" } else { "," }))
    }
}

/// Why a record cannot be used. Its text is one line in lower case and safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct DecodeError {
    /// The field, as the format spells it; empty if the whole value is meant.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub reason: Reason,
    /// Where it stands, if that says more than the field does.
    pub at: Option<Place>,
}

/// Where in a source value an error was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the text, both from 1; the column counts bytes.
    Text {
        /// The line.
        line: usize,
        /// The byte in the line.
        column: usize,
    },
    /// In one element of a list.
    Element {
        /// The path of the list, empty if the value itself is the list.
        list: &'static str,
        /// The element, from 0.
        index: usize,
    },
}

/// What is wrong with a field or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what they mean")]
pub enum Reason {
    #[error("is missing")]
    Missing,
    #[error("is missing: these records do not name their app, pass --app-id")]
    NoAppId,
    #[error("is empty")]
    Empty,
    #[error("is longer than {max} bytes")]
    TooLong { max: usize },
    #[error("is longer than the {max} bytes a record may have")]
    RecordTooLong { max: usize },
    #[error("is nested too deeply")]
    TooDeep,
    #[error("is not UTF-8 text")]
    NotUtf8,
    #[error("is not JSON")]
    NotJson,
    #[error("breaks off in the middle")]
    Truncated,
    #[error("goes on after its end")]
    Trailing,
    #[error("is not an object")]
    NotObject,
    #[error("is not a list")]
    NotList,
    #[error("is not a number")]
    NotNumber,
    #[error("is not a count")]
    NotCount,
    #[error("is not text")]
    NotText,
    #[error("is neither true nor false")]
    NotBool,
    #[error("is not a time: Unix seconds, Unix milliseconds or RFC 3339 are")]
    NotTime,
    #[error("is unknown ({0})")]
    UnknownCode(i16),
    #[error("is unknown")]
    Unknown,
    #[error("is none of {0}")]
    UnknownWord(&'static str),
    #[error("is not the name of an IANA time zone")]
    UnknownTimeZone,
    #[error("is not between 2000 and 2100")]
    OutOfRange,
    #[error("is not between 2000 and 2100: milliseconds, where seconds are due")]
    Milliseconds,
    #[error("is not between 2000 and 2100: seconds, where milliseconds are due")]
    Seconds,
    #[error("is before {field} ({start})")]
    BeforeStart { field: &'static str, start: Timestamp },
    #[error("is in the future ({end}, later than {newest})")]
    InFuture { end: Timestamp, newest: Timestamp },
    #[error("is more than {} hours after {field}", CALL_MS_MAX / 3_600_000)]
    CallTooLong { field: &'static str },
    #[error("{0}")]
    WrongLimit(super::terms::Wrong),
    #[error("{0}")]
    NotCalls(&'static str),
}

impl Reason {
    /// An unknown code, which is named unless it is as long as a phone number that strayed into its field.
    fn unknown_code(code: i64) -> Self {
        i16::try_from(code).map_or(Self::Unknown, Self::UnknownCode)
    }
}

impl DecodeError {
    fn new(field: impl Into<Cow<'static, str>>, reason: Reason) -> Self {
        Self { field: field.into(), reason, at: None }
    }

    fn whole(reason: Reason) -> Self {
        Self::new("", reason)
    }

    /// The same error, standing in an element of a list.
    fn in_element(self, list: &'static str, index: usize) -> Self {
        Self { at: Some(Place::Element { list, index }), ..self }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at, self.field.is_empty()) {
            (Some(Place::Element { list, index }), true) => write!(f, "{list}[{index}]")?,
            (Some(Place::Element { list, index }), false) => write!(f, "{list}[{index}].{}", self.field)?,
            (_, true) => f.write_str("record")?,
            (_, false) => f.write_str(&self.field)?,
        }
        write!(f, ": {}", self.reason)?;
        match self.at {
            Some(Place::Text { line, column }) => write!(f, " (line {line}, column {column})"),
            _ => Ok(()),
        }
    }
}

/// What a format needs to finish its calls, and where they go.
struct Calls<'a, 'l, F> {
    app_id: Option<&'a str>,
    limits: &'l Limits<'l>,
    each: F,
}

/// One call as a format's JSON spells it, on its way to a [`CallRecord`]. Finishing takes its texts out of it.
trait Wire<'a>: json::Target<'a> + Default {
    fn finish(&mut self, app_id: Option<&'a str>, limits: &Limits<'_>) -> Result<CallRecord<'a>, DecodeError>;
}

impl<'a, F: FnMut(Result<CallRecord<'a>, DecodeError>)> Calls<'a, '_, F> {
    /// Finishes a call and hands it over.
    fn deliver(&mut self, wire: &mut impl Wire<'a>) {
        let call = wire.finish(self.app_id, self.limits);
        (self.each)(call);
    }

    fn fail(&mut self, error: DecodeError) {
        (self.each)(Err(error));
    }

    /// Reads a list of calls; `list` is its path.
    fn list<W: Wire<'a>, A: serde::de::SeqAccess<'a>>(&mut self, list: &'static str, elements: A) -> Result<(), A::Error> {
        json::elements(elements, |index, wire: &mut W, shape| {
            let call = match shape {
                json::Shape::Object => wire.finish(self.app_id, self.limits),
                _ => Err(DecodeError::whole(Reason::NotObject)),
            };
            (self.each)(call.map_err(|error| error.in_element(list, index)));
        })
    }
}

/// The app of a call: the record's own, or else the one it was given.
fn app_id<'a>(field: &'static str, own: &mut json::Text<'a>, given: Option<&'a str>) -> Result<Cow<'a, str>, DecodeError> {
    match own.take(field, Reason::NotText)?.or(given.map(Cow::Borrowed)) {
        Some(id) => identifier(field, id, APP_ID_BYTES_MAX),
        None => Err(DecodeError::new(field, Reason::NoAppId)),
    }
}

/// The id of a call.
fn call_id<'a>(field: &'static str, own: &mut json::Text<'a>) -> Result<Cow<'a, str>, DecodeError> {
    identifier(field, own.require(field, Reason::NotText)?, CALL_ID_BYTES_MAX)
}

fn identifier<'a>(field: &'static str, id: Cow<'a, str>, max: usize) -> Result<Cow<'a, str>, DecodeError> {
    match id.len() {
        _ if id.trim_ascii().is_empty() => Err(DecodeError::new(field, Reason::Empty)),
        length if length > max => Err(DecodeError::new(field, Reason::TooLong { max })),
        _ => Ok(id),
    }
}

/// A number, or `None` where there is none.
fn number(field: &'static str, text: &mut json::Text<'_>, limits: &Limits<'_>) -> Result<Option<Number>, DecodeError> {
    Ok(text.take(field, Reason::NotText)?.and_then(|text| Number::parse(&text, limits.home_country)))
}

/// The moments of a call, checked and in order.
struct Times {
    start: Timestamp,
    ring: Option<Timestamp>,
    answer: Option<Timestamp>,
    end: Timestamp,
}

impl Times {
    /// Checks that the call lies between `start` and `limits.newest` and is not endless. Ringing and answer that stand
    /// outside the call by the noise of several clocks are moved to its nearer end. The fields are the format's names of
    /// start and end.
    fn checked(mut self, start_field: &'static str, end_field: &'static str, limits: &Limits<'_>) -> Result<Self, DecodeError> {
        let (start, end) = (self.start, self.end);
        let reason = if end < start {
            Reason::BeforeStart { field: start_field, start }
        } else if end > limits.newest {
            Reason::InFuture { end, newest: limits.newest }
        } else if end.millis() - start.millis() > CALL_MS_MAX {
            Reason::CallTooLong { field: start_field }
        } else {
            self.ring = self.ring.map(|moment| moment.clamp(start, end));
            self.answer = self.answer.map(|moment| moment.clamp(start, end));
            return Ok(self);
        };
        Err(DecodeError::new(end_field, reason))
    }
}

#[cfg(test)]
mod tests;
