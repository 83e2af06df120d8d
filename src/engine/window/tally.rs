//! The counters of a pane: how outbound calls ended. Plain sums, so they can be added on arrival and subtracted on
//! expiry without error.

use std::ops::{AddAssign, SubAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::panes::{Counts, byte_of};
use crate::engine::record::{Call, Outcome};

/// A connected call of at most this many seconds is *short* (Telnyx, Genesys, Volli: `reference` limits of 6 s).
pub const SHORT_TALK_S: u32 = 6;

macro_rules! tally {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Counts of outbound calls in a pane or a window. Every share a rule quotes is a quotient of two of these.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct Tally { $($(#[$doc])* pub $field: u32),+ }

        impl AddAssign<&Tally> for Tally {
            fn add_assign(&mut self, other: &Tally) { $(self.$field += other.$field;)+ }
        }

        impl SubAssign<&Tally> for Tally {
            fn sub_assign(&mut self, other: &Tally) { $(self.$field -= other.$field;)+ }
        }

        /// A [`Tally`] of few calls: a byte a count.
        #[derive(Clone, Copy, Debug)]
        pub struct SmallTally { $($field: u8),+ }

        impl Counts for Tally {
            type Packed = SmallTally;

            fn pack(&mut self) -> SmallTally {
                SmallTally { $($field: byte_of(&mut self.$field)),+ }
            }

            fn unpack(packed: &SmallTally) -> Self {
                Self { $($field: packed.$field.into()),+ }
            }

            fn join(packed: &mut SmallTally, counts: &Self) -> bool {
                let sums = [$(u32::from(packed.$field) + counts.$field),+];
                let fits = sums.iter().fold(0, |all, sum| all | sum) <= u8::MAX.into();
                if fits {
                    let [$($field),+] = sums.map(|sum| sum as u8);
                    *packed = SmallTally { $($field),+ };
                }
                fits
            }
        }
    };
}

tally! {
    /// Calls placed towards a callee; calls that the platform itself refused were not.
    placed,
    /// Placed calls whose end says something about the callee: the denominator of outcome shares (NER, ITU-T E.425).
    reached,
    /// Answered.
    answered,
    /// Answered, where the record tells whether an agent was on the call.
    agent_known,
    /// Answered with an agent on the call.
    agent_answered,
    /// Answered and over within [`SHORT_TALK_S`] seconds.
    short,
    /// Answered and over within [`SHORT_TALK_S`] seconds, and the record tells that no agent was there: the callee met
    /// nobody.
    dropped,
    /// Declined by the callee.
    rejected,
    /// Rang out.
    no_answer,
    /// Engaged.
    busy,
    /// No such number.
    invalid_number,
    /// Switched off, out of coverage, suspended.
    unreachable,
    /// A mailbox answered.
    voicemail,
    /// The network failed.
    network_error,
    /// The carrier refused.
    blocked_carrier,
    /// The caller gave up.
    cancelled,
    /// Placed to a callee whom the app contacted for the first time within the last 24 hours.
    fresh,
}

impl Tally {
    /// What one call adds; nothing for a call that was not placed.
    pub fn of(call: &Call, fresh: bool) -> Self {
        let mut tally = Self::default();
        if !call.is_attempt() {
            return tally;
        }
        tally.placed = 1;
        tally.reached = u32::from(call.reached_callee());
        tally.fresh = u32::from(fresh);
        match call.outcome {
            Outcome::Answered => {
                let short = call.talk_s().is_some_and(|talk_s| talk_s <= SHORT_TALK_S);
                tally.answered = 1;
                tally.agent_known = u32::from(call.met_agent().is_some());
                tally.agent_answered = u32::from(call.has_agent);
                tally.short = u32::from(short);
                tally.dropped = u32::from(short && call.met_agent() == Some(false));
            }
            Outcome::Rejected => tally.rejected = 1,
            Outcome::NoAnswer => tally.no_answer = 1,
            Outcome::Busy => tally.busy = 1,
            Outcome::InvalidNumber => tally.invalid_number = 1,
            Outcome::Unreachable => tally.unreachable = 1,
            Outcome::Voicemail => tally.voicemail = 1,
            Outcome::NetworkError => tally.network_error = 1,
            Outcome::BlockedCarrier => tally.blocked_carrier = 1,
            Outcome::Cancelled => tally.cancelled = 1,
            Outcome::BlockedPlatform | Outcome::Other => {}
        }
        tally
    }
}
