//! How a call of Tencent Cloud Contact Center ended: its `EndStatus` and `EndStatusString`, as one table.
//!
//! The codes are the union of what the vendor has published: the `TelCdrInfo` of its SDK 3.1.177 and of older ones, the
//! documents 679/123938 and 1229/71847 and the CDR push page. 214, 223, 224 and 234 are in none of them; unknown codes
//! become [`Outcome::Other`] and their raw pair is kept.

use super::super::super::record::Outcome;
use Reading::{Always, Otherwise, Unclear};

/// How a status is read.
#[derive(Clone, Copy)]
enum Reading {
    /// It says how the call ended.
    Always(Outcome),
    /// It says why a call ended that may have been answered first: answered if it was, else this.
    Otherwise(Outcome),
    /// It says too little: answered if it was, a call that rang out if it rang, else [`Outcome::Other`].
    Unclear,
}

struct Status {
    code: Option<u16>,
    text: &'static str,
    reading: Reading,
}

const fn status(code: u16, text: &'static str, reading: Reading) -> Status {
    Status { code: Some(code), text, reading }
}

const fn leg(text: &'static str, reading: Reading) -> Status {
    Status { code: None, text, reading }
}

/// Every known status. The contract has fewer outcomes than the vendor has codes; these are the choices made:
/// - A fault of the platform or of an AI (`error`, `asrError`, …) or of the agent's device (`clientError`) says nothing
///   about callee, carrier or network: other. Only a fault of the carrier's line is a network error.
/// - A caller of the app who gives up in menu, queue or ringing has cancelled; one whom no agent answers (`seatGiveUp`,
///   `noSeatOnline`, `notWorkTime`) got no answer; one who was served by the menu alone is other.
/// - Blacklist, blind area, hours and frequency are refusals of the platform; interception, "restricted" announcements and
///   the callee's own blacklist are refusals of the carrier.
/// - Switched off, out of coverage, in arrears, or answered by a reminder or forwarding announcement: unreachable.
/// - `unknown`, and `callerCancelWithoutRing`, whose name and description contradict each other, are other.
#[rustfmt::skip]
static STATUSES: &[Status] = &[
    status(1, "ok", Unclear),
    status(0, "error", Otherwise(Outcome::Other)),
    status(2, "unconnected", Unclear),
    status(17, "seatGiveUp", Otherwise(Outcome::NoAnswer)),
    status(100, "blackList", Always(Outcome::BlockedPlatform)),
    status(102, "ivrGiveUp", Otherwise(Outcome::Cancelled)),
    status(103, "waitingGiveUp", Otherwise(Outcome::Cancelled)),
    status(104, "ringingGiveUp", Otherwise(Outcome::Cancelled)),
    status(105, "noSeatOnline", Otherwise(Outcome::NoAnswer)),
    status(106, "notWorkTime", Otherwise(Outcome::NoAnswer)),
    status(107, "ivrEnd", Otherwise(Outcome::Other)),
    status(108, "restrictedCallee", Always(Outcome::BlockedPlatform)),
    status(109, "tooManyRequest", Always(Outcome::BlockedPlatform)),
    status(110, "restrictedArea", Always(Outcome::BlockedPlatform)),
    status(111, "restrictedTime", Always(Outcome::BlockedPlatform)),
    status(201, "unknown", Otherwise(Outcome::Other)),
    status(202, "notAnswer", Always(Outcome::NoAnswer)),
    status(203, "userReject", Always(Outcome::Rejected)),
    status(204, "powerOff", Always(Outcome::Unreachable)),
    status(205, "numberNotExist", Always(Outcome::InvalidNumber)),
    status(206, "busy", Always(Outcome::Busy)),
    status(207, "outOfCredit", Always(Outcome::Unreachable)),
    status(208, "operatorError", Always(Outcome::NetworkError)),
    status(209, "callerCancel", Always(Outcome::Cancelled)),
    status(210, "notInService", Always(Outcome::Unreachable)),
    status(211, "clientError", Otherwise(Outcome::Other)),
    status(212, "carrierBlocked", Always(Outcome::BlockedCarrier)),
    status(213, "callReminder", Always(Outcome::Unreachable)),
    status(215, "numberInvalid", Always(Outcome::InvalidNumber)),
    status(216, "callRestricted", Always(Outcome::BlockedCarrier)),
    status(217, "calleeRestricted", Always(Outcome::BlockedCarrier)),
    status(218, "areaRestricted", Always(Outcome::BlockedCarrier)),
    status(219, "promptCallForwarding", Always(Outcome::Unreachable)),
    status(220, "callerCancelWhileRing", Always(Outcome::Cancelled)),
    status(221, "callerCancelWithoutRing", Always(Outcome::Other)),
    status(222, "voiceMailReached", Always(Outcome::Voicemail)),
    status(225, "asrError", Otherwise(Outcome::Other)),
    status(226, "llmasrError", Otherwise(Outcome::Other)),
    status(227, "ttsError", Otherwise(Outcome::Other)),
    status(228, "functionCallHangup", Unclear),
    status(229, "maxCallDurationReached", Unclear),
    status(230, "userInactivity", Unclear),
    status(231, "callTerminatedByAPI", Unclear),
    status(232, "userHangupDuringAiCall", Unclear),
    status(233, "aiAgentEndCall", Unclear),
    status(501, "callConflict", Otherwise(Outcome::Other)),
    status(502, "clientTimeout", Otherwise(Outcome::Other)),
    status(503, "voipClientError", Otherwise(Outcome::Other)),
    leg("seatForward", Unclear),
    leg("outboundForward", Unclear),
];

const CODES: usize = 512;
const NO_STATUS: u8 = u8::MAX;

/// The place of each code in the table.
static BY_CODE: [u8; CODES] = {
    let mut places = [NO_STATUS; CODES];
    let mut place = 0;
    while place < STATUSES.len() {
        if let Some(code) = STATUSES[place].code {
            places[code as usize] = place as u8;
        }
        place += 1;
    }
    places
};

fn by_code(code: i64) -> Option<&'static Status> {
    let place = BY_CODE.get(usize::try_from(code).ok()?)?;
    STATUSES.get(usize::from(*place))
}

fn by_text(text: &str) -> Option<&'static Status> {
    STATUSES.iter().find(|status| status.text == text)
}

/// The outcome of a call. The code decides; the text does where the code is absent or unknown. Without either, a call that
/// was answered is answered and nothing is known of any other.
pub(super) fn outcome(code: Option<i64>, text: &str, answered: bool, rang: bool) -> Outcome {
    let reading = match code.and_then(by_code).or_else(|| by_text(text)) {
        Some(status) => status.reading,
        None if code.is_none() && text.is_empty() => Otherwise(Outcome::Other),
        None => Always(Outcome::Other),
    };
    match reading {
        Always(outcome) => outcome,
        Otherwise(_) | Unclear if answered => Outcome::Answered,
        Otherwise(outcome) => outcome,
        Unclear if rang => Outcome::NoAnswer,
        Unclear => Outcome::Other,
    }
}

/// Whether a status is one of the table. None at all is known of a call that was answered: it says enough.
pub(super) fn is_known(code: Option<i64>, text: &str, answered: bool) -> bool {
    let says_nothing = code.is_none() && text.is_empty();
    code.and_then(by_code).or_else(|| by_text(text)).is_some() || says_nothing && answered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_no_table_is_not_known() {
        for status in STATUSES {
            assert!(is_known(status.code.map(i64::from), status.text, false), "{}", status.text);
        }
        assert!(is_known(None, "busy", false) && is_known(Some(206), "neverSeen", false) && is_known(Some(999), "busy", false));
        assert!(!is_known(Some(214), "", true) && !is_known(None, "neverSeen", true));
        assert!(is_known(None, "", true) && !is_known(None, "", false));
    }

    #[test]
    fn every_status_is_found_by_its_code_and_by_its_text() {
        for (place, status) in STATUSES.iter().enumerate() {
            assert_eq!(by_text(status.text).map(|found| found.code), Some(status.code), "{} stands twice", status.text);
            if let Some(code) = status.code {
                let found = by_code(i64::from(code)).expect("in the table");
                assert_eq!(found.text, status.text, "{code} stands twice");
                assert_eq!(usize::from(BY_CODE[usize::from(code)]), place);
            }
        }
        assert_eq!(BY_CODE.iter().filter(|place| **place != NO_STATUS).count(), STATUSES.len() - 2);
    }

    #[test]
    fn the_code_wins_and_the_text_helps_where_there_is_none() {
        assert_eq!(outcome(Some(203), "ok", true, true), Outcome::Rejected);
        assert_eq!(outcome(None, "userReject", false, true), Outcome::Rejected);
        assert_eq!(outcome(Some(299), "userReject", false, true), Outcome::Rejected);
        assert_eq!(outcome(Some(234), "", true, true), Outcome::Other);
        for code in [-1, 214, 511, 512, i64::MAX, i64::MIN] {
            assert_eq!(outcome(Some(code), "neverSeen", true, true), Outcome::Other, "{code}");
        }
    }

    #[test]
    fn ok_is_an_answer_only_if_somebody_answered() {
        for code in [1, 228, 229, 230, 231, 232, 233] {
            assert_eq!(outcome(Some(code), "", true, true), Outcome::Answered, "{code}");
            assert_eq!(outcome(Some(code), "", false, true), Outcome::NoAnswer, "{code}");
            assert_eq!(outcome(Some(code), "", false, false), Outcome::Other, "{code}");
        }
        assert_eq!(outcome(Some(0), "", true, true), Outcome::Answered);
        assert_eq!(outcome(None, "error", false, true), Outcome::Other);
        assert_eq!(outcome(None, "", true, true), Outcome::Answered);
        assert_eq!(outcome(None, "", false, true), Outcome::Other);
    }
}
