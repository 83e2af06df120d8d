//! The call records of Tencent Cloud Contact Center: the CDR push object, and the answers `DescribeTelCdr`,
//! `DescribeProtectedTelCdr` and `DescribeSessionDetail` of its API 2020-02-10, whole or one `TelCdrInfo` a value.
//!
//! Times are Unix seconds; 0, `null` and absent mean it did not happen. Unknown fields and codes are accepted. Answers that
//! hold no finished calls (live sessions, counters, errors of the API) are refused by name.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::super::number::Number;
use super::super::record::{CallRecord, Direction, HangupBy, Kind, Outcome, RawOutcome};
use super::super::time::Timestamp;
use super::json::{self, Fill, Int, Shape, Target, Text};
use super::{Calls, DecodeError, Limits, Reason, Times, Wire};
use nested::{Location, Participants, Seat};

mod nested;
mod status;

const CALL_TYPE_OUTBOUND: i64 = 1;
const CALL_TYPE_INBOUND: i64 = 2;
const CALL_TYPE_AUDIO_INBOUND: i64 = 3;
const CALL_TYPE_PREDICTIVE: i64 = 5;
const CALL_TYPE_INTERNAL: i64 = 6;

/// Decodes one source value.
pub(super) fn decode<'a, F>(bytes: &'a [u8], calls: &mut Calls<'a, '_, F>)
where
    F: FnMut(Result<CallRecord<'a>, DecodeError>),
{
    let mut answer = Answer { calls, call: Wired::default(), in_response: false, listed: false, refused: None };
    let shape = json::read(bytes, answer.calls.limits, &mut answer);
    let Answer { calls, mut call, listed, refused, .. } = answer;
    match (shape, refused) {
        (Err(error), _) => calls.fail(error),
        (Ok(Shape::List), _) => {}
        // A finished call is one whatever else stands beside it.
        (Ok(Shape::Object), Some((field, reason))) if call.end == Int::Absent => calls.fail(DecodeError::new(field, reason)),
        (Ok(Shape::Object), _) if listed => {}
        (Ok(Shape::Object), _) => calls.deliver(&mut call),
        (Ok(_), _) => calls.fail(DecodeError::whole(Reason::NotObject)),
    }
}

/// The keys of a call, in the order of a push object, and those of the answers around calls.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(field_identifier)]
enum Key {
    SdkAppId,
    SessionId,
    Direction,
    CallType,
    StartTimestamp,
    RingTimestamp,
    AcceptTimestamp,
    EndedTimestamp,
    Duration,
    EndStatus,
    EndStatusString,
    HungUpSide,
    Caller,
    Callee,
    ProtectedCaller,
    ProtectedCallee,
    CallerLocation,
    SeatUser,
    ServeParticipants,
    #[serde(rename = "AIAgentId")]
    AiAgentId,
    Time,
    TelLocation,
    StartTimeStamp,
    StaffUserId,
    Response,
    TelCdrList,
    /// What old versions of the API called the list.
    TelCdrs,
    Sessions,
    SessionStatus,
    TotalMetrics,
    NumberMetrics,
    Error,
    #[serde(other)]
    Other,
}

/// A source value: a call, or an answer of the API around calls. The fields of a lone call are taken as they come; those
/// of `Response` count as the value's own.
struct Answer<'c, 'a, 'l, F> {
    calls: &'c mut Calls<'a, 'l, F>,
    call: Wired<'a>,
    in_response: bool,
    listed: bool,
    refused: Option<(&'static str, Reason)>,
}

impl<'a, F: FnMut(Result<CallRecord<'a>, DecodeError>)> Target<'a> for Answer<'_, 'a, '_, F> {
    type Key = Key;

    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        let refused = match key {
            Key::Response if !self.in_response => {
                self.in_response = true;
                let shape = map.next_value_seed(Fill(&mut *self))?;
                (shape != Shape::Object).then_some(("Response", Reason::NotObject))
            }
            Key::TelCdrList | Key::TelCdrs => {
                self.listed = true;
                let list = if self.in_response { "Response.TelCdrList" } else { "TelCdrList" };
                let shape = map.next_value_seed(Fill(&mut CallList { calls: &mut *self.calls, list }))?;
                (!matches!(shape, Shape::List | Shape::Null)).then_some((list, Reason::NotList))
            }
            Key::Sessions => Some(("Sessions", Reason::NotCalls(LIVE_SESSIONS))),
            Key::SessionStatus => Some(("SessionStatus", Reason::NotCalls(LIVE_SESSION))),
            Key::TotalMetrics => Some(("TotalMetrics", Reason::NotCalls(LIVE_COUNTERS))),
            Key::NumberMetrics => Some(("NumberMetrics", Reason::NotCalls(LIVE_COUNTERS))),
            Key::Error => Some(("Error", Reason::NotCalls(API_ERROR))),
            key => return self.call.field(key, map),
        };
        if matches!(refused, Some((_, Reason::NotCalls(_)))) {
            json::skip(map)?;
        }
        self.refused = self.refused.or(refused);
        Ok(())
    }

    fn list<A: SeqAccess<'a>>(&mut self, elements: A) -> Result<(), A::Error> {
        self.calls.list::<Wired<'a>, A>("", elements)
    }
}

const LIVE_SESSIONS: &str = "are live sessions (DescribePSTNActiveSessionList), not calls that have ended";
const LIVE_SESSION: &str = "is that of a live session (DescribePSTNActiveSessionList), not of a call that has ended";
const LIVE_COUNTERS: &str = "are live counters (DescribeCallInMetrics), not calls";
const API_ERROR: &str = "is what the API answered with instead of calls";

/// The list of an answer.
struct CallList<'c, 'a, 'l, F> {
    calls: &'c mut Calls<'a, 'l, F>,
    list: &'static str,
}

impl<'a, F: FnMut(Result<CallRecord<'a>, DecodeError>)> Target<'a> for CallList<'_, 'a, '_, F> {
    type Key = IgnoredAny;

    fn field<A: MapAccess<'a>>(&mut self, _: IgnoredAny, map: &mut A) -> Result<(), A::Error> {
        json::skip(map)
    }

    fn list<A: SeqAccess<'a>>(&mut self, elements: A) -> Result<(), A::Error> {
        self.calls.list::<Wired<'a>, A>(self.list, elements)
    }
}

/// A call as it is written.
#[derive(Default)]
struct Wired<'a> {
    app_id: Text<'a>,
    session_id: Text<'a>,
    direction: Int,
    call_type: Int,
    start: Int,
    start_of_detail: Int,
    /// Whether it is an answer of `DescribeSessionDetail`, which alone spells `StartTimeStamp` so.
    is_detail: bool,
    time: Int,
    ring: Int,
    accept: Int,
    end: Int,
    duration: Int,
    end_status: Int,
    end_status_text: Text<'a>,
    hung_up_side: Text<'a>,
    caller: Text<'a>,
    callee: Text<'a>,
    protected_caller: Text<'a>,
    protected_callee: Text<'a>,
    caller_location: Text<'a>,
    ai_agent: Text<'a>,
    staff: Text<'a>,
    location: Location<'a>,
    seat: Seat<'a>,
    /// Whether the record says who served the call, be it nobody.
    says_seat: bool,
    participants: Participants<'a>,
}

impl<'a> Wired<'a> {
    /// Reads the moments. Without an end it is the talk time after the answer, or after the start where nobody answered.
    fn times(&mut self, limits: &Limits<'_>) -> Result<Times, DecodeError> {
        let start = moment("StartTimestamp", &mut self.start)?;
        let start = match start {
            Some(start) => Some(start),
            None => moment("StartTimeStamp", &mut self.start_of_detail)?.or(moment("Time", &mut self.time)?),
        };
        let start = start.ok_or_else(|| DecodeError::new("StartTimestamp", Reason::Missing))?;
        let ring = moment("RingTimestamp", &mut self.ring)?;
        let answer = moment("AcceptTimestamp", &mut self.accept)?;
        let end = match moment("EndedTimestamp", &mut self.end)? {
            Some(end) => end,
            None => self.end_by_duration(answer.unwrap_or(start))?,
        };
        Times { start, ring, answer, end }.checked("StartTimestamp", "EndedTimestamp", limits)
    }

    fn end_by_duration(&mut self, from: Timestamp) -> Result<Timestamp, DecodeError> {
        match self.duration.take("Duration", Reason::NotNumber)? {
            None | Some(..=0) => Err(DecodeError::new("EndedTimestamp", Reason::Missing)),
            Some(seconds) => {
                let end = seconds.checked_mul(1_000).and_then(|millis| from.millis().checked_add(millis));
                end.map(Timestamp::from_millis)
                    .filter(|end| end.is_plausible())
                    .ok_or_else(|| DecodeError::new("Duration", Reason::OutOfRange))
            }
        }
    }

    /// Internal calls are told by their type alone; otherwise `Direction` decides, and the type where it is absent.
    fn direction(&mut self, call_type: Option<i64>) -> Result<Direction, DecodeError> {
        let direction = self.direction.take("Direction", Reason::NotNumber)?;
        let unknown = |field, code| Err(DecodeError::new(field, Reason::unknown_code(code)));
        match (direction, call_type) {
            (_, Some(CALL_TYPE_INTERNAL)) => Ok(Direction::Internal),
            (Some(0), _) => Ok(Direction::Inbound),
            (Some(1), _) => Ok(Direction::Outbound),
            (_, Some(CALL_TYPE_OUTBOUND | CALL_TYPE_PREDICTIVE)) => Ok(Direction::Outbound),
            (_, Some(CALL_TYPE_INBOUND | CALL_TYPE_AUDIO_INBOUND)) => Ok(Direction::Inbound),
            (Some(code), _) => unknown("Direction", code),
            (None, Some(code)) => unknown("CallType", code),
            (None, None) => Err(DecodeError::new("Direction", Reason::Missing)),
        }
    }

    /// The agent: who the record says served the call, or else the last participant who took it.
    fn agent(&mut self) -> Option<Cow<'a, str>> {
        self.seat.readable().or_else(|| self.staff.readable()).or_else(|| self.participants.took_it.take())
    }

    /// Where caller and callee are at home. `TelLocation` is the home of the person's number, whoever called.
    fn regions(&mut self, direction: Direction) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
        let caller = self.caller_location.readable();
        match direction {
            Direction::Outbound => (caller, self.location.readable()),
            Direction::Inbound => (caller.or_else(|| self.location.readable()), None),
            Direction::Internal => (caller, None),
        }
    }

    /// The call's own id. An answer of `DescribeSessionDetail` has none, since it is the answer to one: its id is derived
    /// from what it says, with no more of the numbers than tells calls of the same second apart.
    fn call_id(&mut self, call: &Times, caller: Option<Number>, callee: Option<Number>) -> Result<Cow<'a, str>, DecodeError> {
        if self.session_id != Text::Absent || !self.is_detail {
            return super::call_id("SessionId", &mut self.session_id);
        }
        let mut hasher = blake3::Hasher::new();
        for number in [caller, callee] {
            hasher.update(&number.map_or(0, Number::packed).to_le_bytes());
        }
        let numbers = hasher.finalize().to_hex();
        Ok(Cow::Owned(format!("derived-{}-{}-{}", call.start.seconds(), call.end.seconds(), &numbers[..6])))
    }
}

/// What placed a call. A machine that talks is told by its id and a predictive dialer by the call type; otherwise an agent
/// did if one was there. Nothing tells an automatic task from an agent's call but the absence of an agent: an answered
/// outbound call is automatic if the record speaks of agents and names none, and unknown if it does not speak of them.
fn kind(is_ai: bool, call_type: Option<i64>, has_agent: bool, unserved: bool) -> Kind {
    match call_type {
        _ if is_ai => Kind::Ai,
        Some(CALL_TYPE_PREDICTIVE) => Kind::Predictive,
        _ if has_agent => Kind::Agent,
        _ if unserved => Kind::Auto,
        _ => Kind::Unknown,
    }
}

impl<'a> Target<'a> for Wired<'a> {
    type Key = Key;

    #[inline]
    fn field<A: MapAccess<'a>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        match key {
            Key::SdkAppId => self.app_id.update(json::id(map)?),
            Key::SessionId => self.session_id.read(map)?,
            Key::Direction => self.direction.read(map)?,
            Key::CallType => self.call_type.read(map)?,
            Key::StartTimestamp => self.start.read(map)?,
            Key::RingTimestamp => self.ring.read(map)?,
            Key::AcceptTimestamp => self.accept.read(map)?,
            Key::EndedTimestamp => self.end.read(map)?,
            Key::Duration => self.duration.read(map)?,
            Key::EndStatus => self.end_status.read(map)?,
            Key::EndStatusString => self.end_status_text.read(map)?,
            Key::HungUpSide => self.hung_up_side.read(map)?,
            Key::Caller => self.caller.read(map)?,
            Key::Callee => self.callee.read(map)?,
            Key::ProtectedCaller => self.protected_caller.read(map)?,
            Key::ProtectedCallee => self.protected_callee.read(map)?,
            Key::CallerLocation => self.caller_location.read(map)?,
            Key::SeatUser => {
                self.says_seat = true;
                map.next_value_seed(Fill(&mut self.seat))?;
            }
            Key::ServeParticipants => {
                self.says_seat = true;
                if self.seat.is_empty() {
                    map.next_value_seed(Fill(&mut self.participants))?;
                } else {
                    json::skip(map)?;
                }
            }
            Key::AiAgentId => self.ai_agent.update(json::id(map)?),
            Key::Time => self.time.read(map)?,
            Key::TelLocation => {
                map.next_value_seed(Fill(&mut self.location))?;
            }
            Key::StartTimeStamp => {
                self.is_detail = true;
                self.start_of_detail.read(map)?;
            }
            Key::StaffUserId => self.staff.read(map)?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

impl<'a> Wire<'a> for Wired<'a> {
    fn finish(&mut self, app_id: Option<&'a str>, limits: &Limits<'_>) -> Result<CallRecord<'a>, DecodeError> {
        let app_id = super::app_id("SdkAppId", &mut self.app_id, app_id)?;
        let times = self.times(limits)?;
        let call_type = self.call_type.take("CallType", Reason::NotNumber)?;
        let direction = self.direction(call_type)?;
        let caller = party("Caller", &mut self.caller, &mut self.protected_caller, limits)?;
        let callee = party("Callee", &mut self.callee, &mut self.protected_callee, limits)?;
        let call_id = self.call_id(&times, caller, callee)?;
        let code = self.end_status.readable();
        let text = self.end_status_text.readable().unwrap_or_default();
        let outcome = status::outcome(code, &text, times.answer.is_some(), times.ring.is_some());
        let agent = self.agent();
        let is_ai = self.ai_agent.readable().is_some_and(|id| id != "0");
        let unserved = direction == Direction::Outbound && outcome == Outcome::Answered && self.says_seat;
        let (caller_region, callee_region) = self.regions(direction);
        Ok(CallRecord {
            app_id,
            call_id,
            direction,
            kind: kind(is_ai, call_type, agent.is_some(), unserved),
            caller,
            callee,
            start: times.start,
            ring: times.ring,
            answer: times.answer,
            end: times.end,
            outcome,
            outcome_known: status::is_known(code, &text, times.answer.is_some()),
            raw_outcome: RawOutcome { code, text },
            hangup_by: match self.hung_up_side.readable().as_deref() {
                Some("seat") => HangupBy::Agent,
                Some("user") => HangupBy::Customer,
                Some("system") => HangupBy::System,
                _ => HangupBy::Unknown,
            },
            agent,
            caller_region,
            callee_region,
        })
    }
}

/// A moment in Unix seconds; zero and less mean it did not happen.
fn moment(field: &'static str, seconds: &mut Int) -> Result<Option<Timestamp>, DecodeError> {
    const EARLIEST_S: i64 = Timestamp::EARLIEST.millis() / 1_000;
    const LATEST_S: i64 = Timestamp::LATEST.millis() / 1_000;
    match seconds.take(field, Reason::NotNumber)? {
        None | Some(..=0) => Ok(None),
        Some(seconds @ EARLIEST_S..LATEST_S) => Ok(Some(Timestamp::from_seconds(seconds))),
        Some(other) if Timestamp::from_millis(other).is_plausible() => Err(DecodeError::new(field, Reason::Milliseconds)),
        Some(_) => Err(DecodeError::new(field, Reason::OutOfRange)),
    }
}

/// A number, or under number protection the token that stands for it.
fn party(
    field: &'static str,
    number: &mut Text<'_>,
    token: &mut Text<'_>,
    limits: &Limits<'_>,
) -> Result<Option<Number>, DecodeError> {
    let number = super::number(field, number, limits)?;
    Ok(number.or_else(|| token.readable().map(|token| Number::token(&token))))
}
