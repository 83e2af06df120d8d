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

/// The last [`RECENT_CALLS`] outbound calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    ring: VecDeque<Sample>,
}

impl Recent {
    /// Takes in an outbound call.
    pub fn push(&mut self, call: &Call, fresh: bool) {
        if self.ring.len() == RECENT_CALLS {
            self.ring.pop_front();
        }
        self.ring.push_back(Sample { fresh, ..Sample::of(call) });
    }

    /// The newest calls for which `wanted` holds, at most [`SAMPLES_MAX`], oldest first.
    pub fn samples(&self, wanted: impl Fn(&Sample) -> bool) -> Vec<Sample> {
        let mut samples: Vec<_> = self.ring.iter().rev().filter(|sample| wanted(sample)).take(SAMPLES_MAX).cloned().collect();
        samples.reverse();
        samples
    }

    /// The call to `callee` that began at `start_s`, if it is still held.
    pub fn find(&self, callee: Number, start_s: u32) -> Option<&Sample> {
        self.ring.iter().rev().find(|sample| sample.callee == Some(callee) && sample.start.seconds() == start_s)
    }
}
