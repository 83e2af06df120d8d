//! How one call goes: whether it is answered, when it rings, how long it lasts and who ends it.
//!
//! Knows nothing of the app, its lines or its lists.

use super::draw::{Draw, scatter, span, unit_of};
use super::numbers::Phone;
use super::plan::{Answers, Body, SHORT_TALK_S, TALK_S_MAX, TALK_S_MIN, Talk};
use crate::engine::record::{HangupBy, Outcome};

/// The course of a call, in milliseconds from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) outcome: Outcome,
    pub(super) ring_ms: Option<i64>,
    pub(super) answer_ms: Option<i64>,
    pub(super) end_ms: i64,
    pub(super) hangup_by: HangupBy,
    /// Whether somebody or something of the app is there once it is answered.
    pub(super) attended: bool,
}

/// A call that is instantly hung up by the callee lasts no longer than this.
const REFUSED_TALK_MS: i64 = 5_000;

impl Course {
    /// Whether the callee declined, or hung up at once.
    pub(super) fn is_refusal(&self) -> bool {
        match (self.outcome, self.answer_ms) {
            (Outcome::Rejected, _) => true,
            (Outcome::Answered, Some(answer_ms)) => {
                self.hangup_by == HangupBy::Customer && self.end_ms - answer_ms <= REFUSED_TALK_MS
            }
            _ => false,
        }
    }

    /// Whether the callee noticed it: it rang, or somebody answered, declined or was engaged.
    pub(super) fn disturbs(&self) -> bool {
        match self.outcome {
            Outcome::Answered | Outcome::Rejected | Outcome::NoAnswer | Outcome::Busy | Outcome::Voicemail => true,
            Outcome::Cancelled => self.ring_ms.is_some(),
            _ => false,
        }
    }

    /// Whether nobody was reached.
    pub(super) fn is_unreached(&self) -> bool {
        matches!(self.outcome, Outcome::NoAnswer | Outcome::Busy | Outcome::Unreachable)
    }

    /// The call given up at the moment of its answer, because nobody is free to talk.
    pub(super) fn given_up(mut self) -> Self {
        self.end_ms = self.answer_ms.unwrap_or(self.end_ms);
        Self { outcome: Outcome::Cancelled, answer_ms: None, hangup_by: HangupBy::System, attended: false, ..self }
    }
}

fn ms(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}

/// An outbound call to `callee`. `mood` scales the willingness to answer; `network_error` is the share the network loses
/// at the moment, if more than usual.
pub(super) fn outbound(draw: &mut Draw, callee: Phone, answers: &Answers, talk: &Talk, mood: f64, network_error: f64) -> Course {
    let outcome = outcome(draw, callee, answers, mood, network_error);
    let connect_s = draw.between(1.2, 5.0);
    let unanswered = |rings_s: Option<f64>, after_s: f64, hangup_by| Course {
        outcome,
        ring_ms: rings_s.map(ms),
        answer_ms: None,
        end_ms: ms(rings_s.unwrap_or(0.0) + after_s),
        hangup_by,
        attended: false,
    };
    match outcome {
        Outcome::Answered => answered(draw, connect_s, talk),
        Outcome::Rejected => unanswered(Some(connect_s), draw.between(2.0, 14.0), HangupBy::Customer),
        Outcome::NoAnswer => unanswered(Some(connect_s), draw.between(25.0, 58.0), HangupBy::System),
        Outcome::Voicemail => unanswered(Some(connect_s), draw.between(20.0, 35.0), HangupBy::System),
        _ => unanswered(None, connect_s + draw.between(0.5, 9.0), HangupBy::System),
    }
}

fn outcome(draw: &mut Draw, callee: Phone, answers: &Answers, mood: f64, network_error: f64) -> Outcome {
    if draw.chance(answers.network_error.max(network_error)) {
        return Outcome::NetworkError;
    }
    if is_invalid(callee, answers.invalid) {
        return match draw.unit() {
            masked if masked >= answers.masked => Outcome::InvalidNumber,
            masked if masked < 0.6 * answers.masked => Outcome::NoAnswer,
            _ => Outcome::Busy,
        };
    }
    // The shares are of all attempts; here only existing numbers are left.
    let mut left = draw.unit() * (1.0 - answers.invalid);
    let shares = [
        (answers.answered * mood, Outcome::Answered),
        (answers.rejected, Outcome::Rejected),
        (answers.busy, Outcome::Busy),
        (answers.unreachable, Outcome::Unreachable),
        (answers.voicemail, Outcome::Voicemail),
    ];
    for (share, outcome) in shares {
        if left < share {
            return outcome;
        }
        left -= share;
    }
    Outcome::NoAnswer
}

/// Whether a number does not exist, if `share` of all do not: a property of the number, not of the call.
fn is_invalid(callee: Phone, share: f64) -> bool {
    unit_of(scatter(callee.e164())) < share
}

fn answered(draw: &mut Draw, connect_s: f64, talk: &Talk) -> Course {
    let answer_s = connect_s + draw.lognormal(8.0, 0.5).clamp(1.5, 45.0);
    let kind = draw.unit();
    let (talk_s, hangup_by, attended) = if kind < talk.dropped {
        (draw.between(0.4, 1.9), HangupBy::System, false)
    } else if kind < talk.dropped + talk.short {
        (draw.within(SHORT_TALK_S), HangupBy::Customer, true)
    } else {
        let (talk_s, hangup_by) = spoken(draw, talk.body);
        (talk_s, hangup_by, true)
    };
    Course {
        outcome: Outcome::Answered,
        ring_ms: Some(ms(connect_s)),
        answer_ms: Some(ms(answer_s)),
        end_ms: ms(answer_s + talk_s),
        hangup_by,
        attended,
    }
}

fn spoken(draw: &mut Draw, body: Body) -> (f64, HangupBy) {
    match body {
        Body::Conversation { median_s, sigma } => {
            let by = if draw.chance(0.6) { HangupBy::Customer } else { HangupBy::Agent };
            (draw.lognormal(median_s, sigma).clamp(TALK_S_MIN, TALK_S_MAX), by)
        }
        Body::Playback { length_s, heard } if draw.chance(heard) => (length_s + draw.between(0.0, 0.8), HangupBy::System),
        Body::Playback { length_s, .. } => (draw.between(2.0, length_s.max(3.0)), HangupBy::Customer),
    }
}

/// A call of a customer to the app; `missed` of them give up before an agent takes it.
pub(super) fn inbound(draw: &mut Draw, missed: f64, talk: &Talk) -> Course {
    let wait = span(5.0, 60.0);
    if draw.chance(missed) {
        return Course {
            outcome: Outcome::Cancelled,
            ring_ms: None,
            answer_ms: None,
            end_ms: ms(draw.within(wait)),
            hangup_by: HangupBy::Customer,
            attended: false,
        };
    }
    let queue_s = draw.between(1.0, 20.0);
    let (talk_s, hangup_by) = spoken(draw, talk.body);
    let answer_s = queue_s + draw.between(1.0, 6.0);
    Course {
        outcome: Outcome::Answered,
        ring_ms: Some(ms(queue_s)),
        answer_ms: Some(ms(answer_s)),
        end_ms: ms(answer_s + talk_s),
        hangup_by,
        attended: true,
    }
}
