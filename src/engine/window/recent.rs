//! The last calls of an app, so that an alert can name some of those it counted.
//!
//! A ring: what an alert quotes is never computed from it, only shown from it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::engine::number::Number;
use crate::engine::record::{Call, CallId, Outcome, Position};
use crate::engine::region::Region;
use crate::engine::time::Timestamp;

/// Calls held per app.
pub const RECENT_CALLS: usize = 128;
/// Sample calls shown with an alert.
pub const SAMPLES_MAX: usize = 10;

/// A call as an alert shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The call.
    pub id: CallId,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// From which number.
    pub caller: Option<Number>,
    /// To or from whom.
    pub callee: Option<Number>,
    /// Talk, in seconds, if answered.
    pub talk_s: Option<u32>,
    /// Whether an agent was on it.
    pub has_agent: bool,
    /// Whether the callee's telephone gave a sign of life.
    pub disturbed: bool,
    /// Whether the callee was fresh: see `Contact::fresh`.
    pub fresh: bool,
    /// Where the caller number is at home, if that is known.
    pub caller_region: Option<Region>,
    /// Where the callee's number is at home, if that is known.
    pub callee_region: Option<Region>,
    /// Where its record stands.
    pub position: Position,
}

impl Sample {
    /// The sample of a call.
    pub fn of(call: &Call) -> Self {
        Self {
            id: call.id.clone(),
            start: call.start,
            end: call.end,
            outcome: call.outcome,
            caller: call.caller,
            callee: call.person(),
            talk_s: call.talk_s(),
            has_agent: call.has_agent,
            disturbed: call.disturbed_callee(),
            fresh: false,
            caller_region: call.caller_region,
            callee_region: call.callee_region,
            position: call.position,
        }
    }
}

/// [`Sample`] in the 72 bytes that it takes here, of which an app holds very many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sample", into = "Sample")]
struct Held {
    id: CallId,
    start: Timestamp,
    caller: Option<Number>,
    callee: Option<Number>,
    offset: u64,
    partition: u32,
    lasted_ms: u32,
    /// [`NO_TALK`] if there was none.
    talk_s: u32,
    outcome: Outcome,
    caller_region: Option<Region>,
    callee_region: Option<Region>,
    /// A bit each, from the lowest on: an agent was on it, the callee was disturbed, the callee was fresh.
    signs: u8,
}

/// More seconds than any call lasts.
const NO_TALK: u32 = u32::MAX;
/// In the place of an id that is not told.
const NO_ID: CallId = CallId::Uuid([0; 16]);

impl From<Sample> for Held {
    fn from(sample: Sample) -> Self {
        let Sample { id, start, end, outcome, caller, callee, talk_s, has_agent, disturbed, fresh, .. } = sample;
        Self {
            id,
            start,
            caller,
            callee,
            offset: sample.position.offset,
            partition: sample.position.partition,
            // Of who wrote the state: a call that is decoded lasts hours at most.
            lasted_ms: u32::try_from(end.millis().saturating_sub(start.millis())).unwrap_or(0),
            talk_s: talk_s.unwrap_or(NO_TALK),
            outcome,
            caller_region: sample.caller_region,
            callee_region: sample.callee_region,
            signs: u8::from(has_agent) | u8::from(disturbed) << 1 | u8::from(fresh) << 2,
        }
    }
}

impl Held {
    /// What it shows, under an id.
    fn shown(&self, id: CallId) -> Sample {
        Sample {
            id,
            start: self.start,
            end: self.start.plus_millis(self.lasted_ms.into()),
            outcome: self.outcome,
            caller: self.caller,
            callee: self.callee,
            talk_s: (self.talk_s != NO_TALK).then_some(self.talk_s),
            has_agent: self.signs & 1 != 0,
            disturbed: self.signs >> 1 & 1 != 0,
            fresh: self.signs >> 2 & 1 != 0,
            caller_region: self.caller_region,
            callee_region: self.callee_region,
            position: Position { partition: self.partition, offset: self.offset },
        }
    }
}

impl From<Held> for Sample {
    fn from(mut held: Held) -> Self {
        let id = std::mem::replace(&mut held.id, NO_ID);
        held.shown(id)
    }
}

/// The last [`RECENT_CALLS`] outbound calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    ring: VecDeque<Held>,
}

impl Recent {
    /// Takes in an outbound call.
    pub fn push(&mut self, call: &Call, fresh: bool) {
        if self.ring.len() == RECENT_CALLS {
            self.ring.pop_front();
        }
        self.ring.push_back(Sample { fresh, ..Sample::of(call) }.into());
    }

    /// The newest calls for which `wanted` holds, at most [`SAMPLES_MAX`], oldest first. What it is asked of has no id yet: that may
    /// be text, and most are not wanted.
    pub fn samples(&self, wanted: impl Fn(&Sample) -> bool) -> Vec<Sample> {
        let held = self.ring.iter().rev().filter(|held| wanted(&held.shown(NO_ID))).take(SAMPLES_MAX);
        let mut samples = Vec::with_capacity(SAMPLES_MAX.min(self.ring.len()));
        samples.extend(held.map(|held| held.shown(held.id.clone())));
        samples.reverse();
        samples
    }

    /// The call to `callee` that began at `start_s`, if it is still held.
    pub fn find(&self, callee: Number, start_s: u32) -> Option<Sample> {
        let is_it = |held: &&Held| held.callee == Some(callee) && held.start.seconds() == start_s;
        self.ring.iter().rev().find(is_it).map(|held| held.shown(held.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::tests::call;

    #[test]
    fn what_is_held_is_what_is_shown_and_small() {
        assert!(size_of::<Held>() <= 72, "{} bytes", size_of::<Held>());
        let mut recent = Recent::default();
        for index in 0..RECENT_CALLS as i64 + 9 {
            let call = call(&format!("call-{index}"), 1_700_000_000 + index, index % 7);
            recent.push(&call, index % 2 == 0);
            let shown = Sample { fresh: index % 2 == 0, ..Sample::of(&call) };
            assert_eq!(recent.samples(|_| true).last(), Some(&shown));
            if let Some(callee) = shown.callee {
                assert_eq!(recent.find(callee, call.start.seconds()), Some(shown));
            }
        }
        assert_eq!((recent.ring.len(), recent.samples(|_| true).len()), (RECENT_CALLS, SAMPLES_MAX));
        let bytes = postcard::to_stdvec(&recent).expect("bytes");
        assert_eq!(postcard::from_bytes(&bytes), Ok(recent));
    }
}
