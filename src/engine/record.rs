//! What comes in: calls, feedback and registrations, as decoded and as the engine keeps them.
//!
//! [`CallRecord`] borrows from the bytes it was read from and says everything the wire says; [`Call`] is the compact
//! form that waits in a shard and is judged. Neither knows any wire format: that is `decode`'s.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::region::Region;
use super::time::Timestamp;

/// The longest app id, in bytes.
pub const APP_ID_BYTES_MAX: usize = 64;
/// The longest call id, in bytes.
pub const CALL_ID_BYTES_MAX: usize = 128;
/// The longest call, in milliseconds (three days): beyond it a time is wrong.
pub const CALL_MS_MAX: i64 = 3 * 24 * 3_600 * 1_000;

/// A plain enum with its wire names: text on the wire, a byte in the engine.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of a wire word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Who rang whom, seen from the app.
    Direction {
        /// The app called a callee.
        Outbound = "outbound",
        /// A person called the app. The person is then the call's *callee side* for pair rules: see [`Call::person`].
        Inbound = "inbound",
        /// Between agents.
        Internal = "internal",
    }
}

words! {
    /// What placed the call.
    Kind {
        /// An agent, by hand or by preview.
        Agent = "agent",
        /// A predictive or progressive dialer.
        Predictive = "predictive",
        /// A machine that plays speech.
        Auto = "auto",
        /// A machine that talks.
        Ai = "ai",
        /// The record does not say.
        Unknown = "unknown",
    }
}

words! {
    /// How a call ended for the callee.
    Outcome {
        /// Somebody (or something) answered.
        Answered = "answered",
        /// The callee declined.
        Rejected = "rejected",
        /// It rang out.
        NoAnswer = "no_answer",
        /// Engaged.
        Busy = "busy",
        /// No such number.
        InvalidNumber = "invalid_number",
        /// Switched off, out of coverage, suspended.
        Unreachable = "unreachable",
        /// The caller gave up before an answer.
        Cancelled = "cancelled",
        /// The platform refused to place it.
        BlockedPlatform = "blocked_platform",
        /// The carrier refused to carry it.
        BlockedCarrier = "blocked_carrier",
        /// The network failed.
        NetworkError = "network_error",
        /// A mailbox answered.
        Voicemail = "voicemail",
        /// Anything else; the raw outcome says what.
        Other = "other",
    }
}

words! {
    /// Who ended the call.
    HangupBy {
        /// The app's agent.
        Agent = "agent",
        /// The person called or calling.
        Customer = "customer",
        /// A machine.
        System = "system",
        /// The record does not say.
        Unknown = "unknown",
    }
}

words! {
    /// What a feedback says.
    FeedbackKind {
        /// Call me no more.
        OptOut = "opt_out",
        /// A complaint was filed.
        Complaint = "complaint",
        /// The person agreed to be called (again).
        Consent = "consent",
        /// Somebody listened in and judged.
        Inspection = "inspection",
        /// The app replied to a complaint of the person.
        Reply = "reply",
    }
}

/// The provider's own words for an outcome, kept whatever they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawOutcome<'a> {
    /// The code, if there is one.
    pub code: Option<i64>,
    /// The text, empty if there is none.
    pub text: Cow<'a, str>,
}

impl fmt::Display for RawOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.text.is_empty()) {
            (Some(code), true) => write!(f, "{code}"),
            (Some(code), false) => write!(f, "{code}/{}", self.text),
            (None, _) => f.write_str(&self.text),
        }
    }
}

/// One call as its record tells it. Times are moments; absent means it did not happen.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord<'a> {
    /// The app, at most [`APP_ID_BYTES_MAX`] bytes, not empty.
    pub app_id: Cow<'a, str>,
    /// The call, unique within the app, at most [`CALL_ID_BYTES_MAX`] bytes, not empty.
    pub call_id: Cow<'a, str>,
    /// Who rang whom.
    pub direction: Direction,
    /// What placed it.
    pub kind: Kind,
    /// The number calling.
    pub caller: Option<Number>,
    /// The number called.
    pub callee: Option<Number>,
    /// When it began.
    pub start: Timestamp,
    /// When the far end began to ring.
    pub ring: Option<Timestamp>,
    /// When it was answered.
    pub answer: Option<Timestamp>,
    /// When it ended, never before `start`.
    pub end: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the record says how, in a code or word that is known. `other` says nothing, and neither does no word at all where
    /// nobody answered.
    pub outcome_known: bool,
    /// How the provider says it ended.
    pub raw_outcome: RawOutcome<'a>,
    /// Who ended it.
    pub hangup_by: HangupBy,
    /// The agent on the call, if any.
    pub agent: Option<Cow<'a, str>>,
    /// Where the caller number is at home, as the provider says it.
    pub caller_region: Option<Cow<'a, str>>,
    /// Where the callee number is at home, as the provider says it.
    pub callee_region: Option<Cow<'a, str>>,
}

/// What somebody said about an app's calls to a callee.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Feedback {
    /// What it says.
    pub kind: FeedbackKind,
    /// About which app.
    pub app_id: String,
    /// Who says it.
    pub callee: Number,
    /// When it was said.
    pub at: Timestamp,
    /// Where it came in (`12321`, `agent`, `ivr`, …), lower case, empty if unsaid.
    pub channel: String,
    /// What it is about (`harassment`, `fraud`, …), lower case, empty if unsaid.
    pub category: String,
    /// Whether it was looked into and found true.
    pub verified: bool,
    /// The business scene an inspection found.
    pub scene: Option<String>,
    /// The call it is about.
    pub call_id: Option<String>,
}

/// A caller number an app has filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledCaller {
    /// The number.
    pub number: Number,
    /// How many calls it may carry at once; `None` leaves it to the policy.
    pub channels: Option<u32>,
}

/// What an app filed about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Registration {
    /// The app.
    pub app_id: String,
    /// Its name, empty if unsaid.
    pub name: String,
    /// Its industry, empty if unsaid.
    pub industry: String,
    /// Its business scene, empty if unsaid.
    pub scene: String,
    /// How many agents may be signed in.
    pub seats: Option<u32>,
    /// The caller numbers it filed.
    pub callers: Vec<FiledCaller>,
    /// The IANA time zone of its callees, checked to exist; `None` leaves it to the policy.
    pub timezone: Option<String>,
    /// What it said it does: `agent_calls`, `predictive_dialer`, `voice_notification`, …
    pub declared_use: Vec<String>,
    /// Since when it is a customer.
    pub since: Option<Timestamp>,
    /// The regions it said it calls.
    pub regions: Vec<String>,
    /// Limits of rules that differ for this app: rule, parameter, value, as JSON text; empty if none.
    pub limits_json: String,
}

impl Registration {
    /// Of an app that filed nothing.
    pub fn nothing(app_id: String) -> Self {
        Self {
            app_id,
            name: String::new(),
            industry: String::new(),
            scene: String::new(),
            seats: None,
            callers: Vec::new(),
            timezone: None,
            declared_use: Vec::new(),
            since: None,
            regions: Vec::new(),
            limits_json: String::new(),
        }
    }
}

/// Where a record stands in its stream: the proof that it was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Kafka partition, or the number of the file on the command line.
    pub partition: u32,
    /// Kafka offset, or the line in the file (from 1).
    pub offset: u64,
}

/// Where calls of an app were met that must all be in one place. In order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The end of the first call met here.
    pub at: Timestamp,
    /// Where that call stands.
    pub here: Position,
    /// Where a call met before it stands, in another partition.
    pub there: Position,
}

/// A call id in 24 bytes: the usual UUID is packed, anything else is text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CallId {
    /// A lower-case, hyphenated UUID.
    Uuid([u8; 16]),
    /// Any other text.
    Text(Box<str>),
}

impl CallId {
    /// Packs an id; exact: `to_string` gives `text` back.
    pub fn new(text: &str) -> Self {
        Self::packed_uuid(text.as_bytes()).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }

    fn packed_uuid(text: &[u8]) -> Option<[u8; 16]> {
        let text: &[u8; 36] = text.try_into().ok()?;
        let mut bytes = [0; 16];
        // Told at the end whether all were digits: a branch for each would cost more than the work.
        let mut seen = 0;
        for (byte, at) in bytes.iter_mut().zip(UUID_BYTES) {
            let (high, low) = (HEX[usize::from(text[at])], HEX[usize::from(text[at + 1])]);
            seen |= high | low;
            *byte = high << 4 | low & 0xf;
        }
        let is_hyphened = [8, 13, 18, 23].iter().all(|at| text[*at] == b'-');
        (is_hyphened && seen < NO_HEX).then_some(bytes)
    }
}

/// Where the bytes of a UUID stand in its text.
const UUID_BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/// What is no lower-case hexadecimal digit.
const NO_HEX: u8 = 0x10;
/// The values of lower-case hexadecimal digits.
const HEX: [u8; 256] = {
    let mut values = [NO_HEX; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (index, byte) in bytes.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// `ring` or `answer` of a [`Call`] that did not happen.
const NEVER: u32 = u32::MAX;

/// A call as the engine keeps it: 88 bytes, no borrowed text, no allocation where the call id is a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The call's id.
    pub id: CallId,
    /// When it ended: calls are judged in this order.
    pub end: Timestamp,
    /// When it began.
    pub start: Timestamp,
    ring_after_ms: u32,
    answer_after_ms: u32,
    /// The number calling.
    pub caller: Option<Number>,
    /// The number called.
    pub callee: Option<Number>,
    /// Where the record stands.
    pub position: Position,
    /// Who rang whom.
    pub direction: Direction,
    /// What placed it.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the record says how in a code or word that is known.
    pub outcome_known: bool,
    /// Who ended it.
    pub hangup_by: HangupBy,
    /// Whether an agent was on it.
    pub has_agent: bool,
    /// Where the caller number is at home, if it is of a place that is known: see `Region::of_party`.
    pub caller_region: Option<Region>,
    /// The same of the callee's.
    pub callee_region: Option<Region>,
}

impl Call {
    /// The compact form of a decoded record. The decoder has checked the order of the times.
    pub fn new(record: &CallRecord<'_>, position: Position) -> Self {
        let after = |moment: Option<Timestamp>| {
            moment.map_or(NEVER, |moment| {
                u32::try_from((moment.millis() - record.start.millis()).max(0)).unwrap_or(NEVER - 1).min(NEVER - 1)
            })
        };
        Self {
            id: CallId::new(&record.call_id),
            end: record.end,
            start: record.start,
            ring_after_ms: after(record.ring),
            answer_after_ms: after(record.answer),
            caller: record.caller,
            callee: record.callee,
            position,
            direction: record.direction,
            kind: record.kind,
            outcome: record.outcome,
            outcome_known: record.outcome_known,
            hangup_by: record.hangup_by,
            has_agent: record.agent.is_some(),
            caller_region: Region::of_party(record.caller_region.as_deref(), record.caller),
            callee_region: Region::of_party(record.callee_region.as_deref(), record.callee),
        }
    }

    /// The person at the other end: the callee of an outbound call, the caller of an inbound one.
    pub fn person(&self) -> Option<Number> {
        match self.direction {
            Direction::Outbound => self.callee,
            Direction::Inbound => self.caller,
            Direction::Internal => None,
        }
    }

    /// Whether the platform placed it towards a callee: an attempt in the sense of ASR. Calls that the platform itself
    /// refused were never placed.
    pub fn is_attempt(&self) -> bool {
        self.direction == Direction::Outbound && self.outcome != Outcome::BlockedPlatform
    }

    /// Whether it says something about the callee rather than about the network, the carrier or the caller: an attempt
    /// in the sense of NER (ITU-T E.425), the denominator of every outcome share.
    pub fn reached_callee(&self) -> bool {
        self.direction == Direction::Outbound
            && !matches!(
                self.outcome,
                Outcome::BlockedPlatform | Outcome::BlockedCarrier | Outcome::NetworkError | Outcome::Cancelled | Outcome::Other
            )
    }

    /// Whether the callee's telephone gave a sign of life: it rang, or somebody answered, declined or was engaged.
    pub fn disturbed_callee(&self) -> bool {
        self.direction == Direction::Outbound
            && match self.outcome {
                Outcome::Answered | Outcome::Rejected | Outcome::NoAnswer | Outcome::Busy | Outcome::Voicemail => true,
                Outcome::Cancelled => self.ring_after_ms != NEVER,
                _ => false,
            }
    }

    /// When it rang.
    pub fn ring(&self) -> Option<Timestamp> {
        (self.ring_after_ms != NEVER).then(|| self.start.plus_millis(i64::from(self.ring_after_ms)))
    }

    /// When it was answered.
    pub fn answer(&self) -> Option<Timestamp> {
        (self.answer_after_ms != NEVER).then(|| self.start.plus_millis(i64::from(self.answer_after_ms)))
    }

    /// Whether an agent was on the call; `None` where the record does not tell agents from machines.
    pub fn met_agent(&self) -> Option<bool> {
        if self.has_agent {
            Some(true)
        } else if self.kind == Kind::Unknown {
            None
        } else {
            Some(false)
        }
    }

    /// How long they talked, in whole seconds rounded down; `None` if nobody answered.
    pub fn talk_s(&self) -> Option<u32> {
        if self.outcome != Outcome::Answered {
            return None;
        }
        self.answer().map(|answer| ((self.end.millis() - answer.millis()).max(0) / 1_000) as u32)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A made-up outbound call that rang out.
    pub(crate) fn call(id: &str, end_s: i64, length_s: i64) -> Call {
        let end = Timestamp::from_seconds(end_s);
        let record = CallRecord {
            app_id: "app".into(),
            call_id: id.into(),
            direction: Direction::Outbound,
            kind: Kind::Unknown,
            caller: Number::parse("+8675580000001", "86"),
            callee: Number::parse("+8619900000001", "86"),
            start: end.plus_millis(-length_s * 1_000),
            ring: None,
            answer: None,
            end,
            outcome: Outcome::NoAnswer,
            outcome_known: true,
            raw_outcome: RawOutcome::default(),
            hangup_by: HangupBy::Unknown,
            agent: None,
            caller_region: None,
            callee_region: None,
        };
        Call::new(&record, Position::default())
    }

    #[test]
    fn a_call_is_small() {
        assert!(size_of::<Call>() <= 88, "{} bytes", size_of::<Call>());
    }

    #[test]
    fn call_ids_come_back_as_they_were() {
        for text in [
            "e97be0ab-1ef6-4ad2-a8c4-2b2bbfb18e55",
            "E97BE0AB-1EF6-4AD2-A8C4-2B2BBFB18E55",
            "call-7",
            "e97be0ab1ef64ad2a8c42b2bbfb18e55",
        ] {
            assert_eq!(CallId::new(text).to_string(), text);
        }
        assert!(matches!(CallId::new("e97be0ab-1ef6-4ad2-a8c4-2b2bbfb18e55"), CallId::Uuid(_)));
        assert!(matches!(CallId::new("e97be0ab--1ef6-4ad2-a8c4-2b2bbfb18e5"), CallId::Text(_)));
    }
}
