//! Calls as JSON lines: the vendor's push object, and the neutral form.
//!
//! Written by hand into one buffer, since a line a microsecond is wanted; every text written here needs no escaping.
//! Vendor fields and codes: TCCC's CDR push (product/679/67257) and `TelCdrInfo` of its SDK.

use super::SimulatedCall;
use super::numbers::{app_id, caller_city, write_decimal};
use crate::engine::record::{Direction, HangupBy, Kind, Outcome};
use crate::engine::time::Timestamp;

/// How a call is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// The push object of Tencent Cloud Contact Center: times in whole seconds, 0 for what did not happen.
    Tccc,
    /// The neutral form: times in milliseconds, absent for what did not happen.
    Dialwatch,
}

impl SimulatedCall {
    /// The call's id as text: a lower-case UUID.
    pub fn call_id(&self) -> String {
        let mut out = Vec::with_capacity(36);
        write_uuid(self.id, &mut out);
        out.into_iter().map(char::from).collect()
    }

    /// The call as one line, with its line end.
    pub fn line(&self, format: WireFormat) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(format, &mut line);
        line
    }

    /// Appends the call as one line, with its line end.
    pub fn write(&self, format: WireFormat, out: &mut Vec<u8>) {
        match format {
            WireFormat::Tccc => self.write_tccc(out),
            WireFormat::Dialwatch => self.write_neutral(out),
        }
        out.extend_from_slice(b"}\n");
    }

    fn write_neutral(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"call_id\":\"");
        write_uuid(self.id, out);
        number(out, b"\",\"app_id\":\"", app_id(self.app));
        text(out, b"\",\"direction\":\"", self.direction.as_str());
        text(out, b"\",\"kind\":\"", self.kind.as_str());
        out.extend_from_slice(b"\",\"caller\":\"");
        self.caller.write_e164(out);
        out.extend_from_slice(b"\",\"callee\":\"");
        self.callee.write_e164(out);
        number(out, b"\",\"start\":", self.start.millis() as u64);
        for (name, moment) in [(b",\"ring\":".as_slice(), self.ring), (b",\"answer\":".as_slice(), self.answer)] {
            if let Some(moment) = moment {
                number(out, name, moment.millis() as u64);
            }
        }
        number(out, b",\"end\":", self.end.millis() as u64);
        text(out, b",\"outcome\":\"", self.outcome.as_str());
        text(out, b"\",\"raw_outcome\":\"", self.status().1);
        if self.hangup_by != HangupBy::Unknown {
            text(out, b"\",\"hangup_by\":\"", self.hangup_by.as_str());
        }
        if let Some(agent) = self.agent {
            out.extend_from_slice(b"\",\"agent\":\"");
            write_agent(agent, out);
        }
        out.push(b'"');
    }

    fn write_tccc(&self, out: &mut Vec<u8>) {
        let inbound = self.direction == Direction::Inbound;
        let (code, status) = self.status();
        let [start, ring, answer, end] = [Some(self.start), self.ring, self.answer, Some(self.end)]
            .map(|moment| u64::from(moment.map_or(0, Timestamp::seconds)));
        let talk = if answer > 0 { end - answer } else { 0 };
        number(out, b"{\"SdkAppId\":", app_id(self.app));
        out.extend_from_slice(b",\"SessionId\":\"");
        write_uuid(self.id, out);
        number(out, b"\",\"Direction\":", u64::from(!inbound));
        number(out, b",\"CallType\":", call_type(self.direction, self.kind));
        number(out, b",\"StartTimestamp\":", start);
        number(out, b",\"QueuedTimestamp\":", if inbound { start } else { 0 });
        number(out, b",\"RingTimestamp\":", ring);
        number(out, b",\"AcceptTimestamp\":", answer);
        number(out, b",\"EndedTimestamp\":", end);
        number(out, b",\"Duration\":", talk);
        number(out, b",\"EndStatus\":", code);
        text(out, b",\"EndStatusString\":\"", status);
        text(out, b"\",\"HungUpSide\":\"", side(self.hangup_by));
        out.extend_from_slice(b"\",\"Caller\":\"");
        self.caller.write_tccc(out);
        out.extend_from_slice(b"\",\"Callee\":\"");
        self.callee.write_tccc(out);
        text(out, b"\",\"CallerLocation\":\"", if inbound { "" } else { caller_city(self.app) });
        out.extend_from_slice(b"\",\"IVRKeyPressed\":null,\"PostIVRKeyPressed\":[],\"Uui\":\"\",\"Remark\":\"\"");
        number(out, b",\"QueuedSkillGroupId\":", if inbound { self.skill_group() } else { 0 });
        self.write_recording(out);
        self.write_seat(start, ring, answer, end, out);
    }

    fn write_recording(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"RecordId\":\"");
        if self.answer.is_some() {
            write_uuid(self.id.rotate_left(64), out);
            out.extend_from_slice(b"\",\"RecordURL\":\"https://recordings.invalid/");
            write_decimal(app_id(self.app), out);
            out.push(b'/');
            write_uuid(self.id, out);
            out.extend_from_slice(b".mp3\"");
        } else {
            out.extend_from_slice(b"\",\"RecordURL\":\"\"");
        }
    }

    fn write_seat(&self, start: u64, ring: u64, answer: u64, end: u64, out: &mut Vec<u8>) {
        let Some(agent) = self.agent else {
            out.extend_from_slice(b",\"SeatUser\":null,\"ServeParticipants\":[]");
            return;
        };
        out.extend_from_slice(b",\"SeatUser\":{\"Mail\":\"");
        self.write_mail(agent, out);
        for name in [b"\",\"Name\":\"".as_slice(), b"\",\"Nick\":\"".as_slice()] {
            out.extend_from_slice(name);
            write_agent(agent, out);
        }
        out.extend_from_slice(b"\",\"Phone\":\"\",\"UserId\":\"");
        self.write_mail(agent, out);
        number(out, b"\",\"StaffNumber\":\"", u64::from(agent) + 1_000);
        number(out, b"\",\"SkillGroupNameList\":[\"group-", self.skill_group());
        out.extend_from_slice(b"\"]},\"ServeParticipants\":[{\"Mail\":\"");
        self.write_mail(agent, out);
        number(out, b"\",\"Phone\":\"\",\"StartTimestamp\":", start);
        number(out, b",\"RingTimestamp\":", ring);
        number(out, b",\"AcceptTimestamp\":", answer);
        number(out, b",\"EndedTimestamp\":", end);
        out.extend_from_slice(b",\"Type\":\"staffSeat\",\"Sequence\":0}]");
    }

    fn write_mail(&self, agent: u32, out: &mut Vec<u8>) {
        write_agent(agent, out);
        out.push(b'@');
        write_decimal(app_id(self.app), out);
        out.extend_from_slice(b".invalid");
    }

    /// A group for every eight agents.
    fn skill_group(&self) -> u64 {
        1_000 + u64::from(self.agent.unwrap_or(0) / 8)
    }

    /// The vendor's code and word. Where it has several for one outcome, the call's id chooses.
    fn status(&self) -> (u64, &'static str) {
        let pick = (self.id >> 96) as usize;
        match (self.outcome, self.direction) {
            (Outcome::Answered, _) => (1, "ok"),
            (Outcome::Cancelled, Direction::Inbound) => [(103, "waitingGiveUp"), (104, "ringingGiveUp")][pick % 2],
            (Outcome::Rejected, _) => (203, "userReject"),
            (Outcome::NoAnswer, _) => (202, "notAnswer"),
            (Outcome::Busy, _) => (206, "busy"),
            (Outcome::InvalidNumber, _) => [(205, "numberNotExist"), (205, "numberNotExist"), (215, "numberInvalid")][pick % 3],
            (Outcome::Unreachable, _) => {
                [(204, "powerOff"), (204, "powerOff"), (210, "notInService"), (207, "outOfCredit")][pick % 4]
            }
            (Outcome::Cancelled, _) => (220, "callerCancelWhileRing"),
            (Outcome::BlockedPlatform, _) => (109, "tooManyRequest"),
            (Outcome::BlockedCarrier, _) => (212, "carrierBlocked"),
            (Outcome::NetworkError, _) => (208, "operatorError"),
            (Outcome::Voicemail, _) => (222, "voiceMailReached"),
            (Outcome::Other, _) => (201, "unknown"),
        }
    }
}

/// The vendor's `CallType`. It has none of its own for machines that dial: those differ by having no seat.
const fn call_type(direction: Direction, kind: Kind) -> u64 {
    match (direction, kind) {
        (Direction::Inbound, _) => 2,
        (Direction::Internal, _) => 6,
        (Direction::Outbound, Kind::Predictive) => 5,
        (Direction::Outbound, _) => 1,
    }
}

const fn side(by: HangupBy) -> &'static str {
    match by {
        HangupBy::Agent => "seat",
        HangupBy::Customer => "user",
        HangupBy::System => "system",
        HangupBy::Unknown => "",
    }
}

fn number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    write_decimal(value, out);
}

fn text(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    out.extend_from_slice(value.as_bytes());
}

fn write_agent(agent: u32, out: &mut Vec<u8>) {
    number(out, b"agent-", u64::from(agent));
}

fn write_uuid(id: u128, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}
