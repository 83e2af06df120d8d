//! What records lack or have wrong, though the calls were as they were.
//!
//! Flaws are decided by the id of a call, not by chance of their own: a record that comes twice has them twice, and a world with
//! flaws is the same world without them. Truth is never touched: what a call breaks, it breaks whatever its record says.

use super::SimulatedCall;
use super::draw::{scatter, unit_of};
use super::family::Draft;
use crate::engine::record::{Direction, HangupBy, Kind, Outcome};

/// The share of records that lack a field, by field; and how far the platform's clocks are off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flaws {
    /// Who hung up.
    pub hangup_by: f64,
    /// When it rang.
    pub ring: f64,
    /// The agent.
    pub agent: f64,
    /// What placed an outbound call: it becomes unknown.
    pub kind: f64,
    /// How a call ended that nobody answered: it becomes an outcome that says nothing.
    pub outcome: f64,
    /// Every record is off by up to so many milliseconds, earlier or later, in all of its times alike. Up to 500 no two
    /// records of one app contradict what was done about a limit in whole seconds.
    pub clock_ms: u32,
}

/// Keeps the decisions about one record apart.
#[derive(Clone, Copy)]
enum Field {
    HangupBy = 1,
    Ring,
    Agent,
    Kind,
    Outcome,
    Clock,
}

impl Flaws {
    /// Records as they should be.
    pub const NONE: Self = Self { hangup_by: 0.0, ring: 0.0, agent: 0.0, kind: 0.0, outcome: 0.0, clock_ms: 0 };
    /// Records as they are: now and then something is not there.
    pub const MODEST: Self = Self { hangup_by: 0.02, ring: 0.03, agent: 0.01, kind: 0.03, outcome: 0.01, clock_ms: 400 };

    /// The flaws of one app: each share anything up to twice as much, declared as a parameter.
    pub(super) fn of_app(self, draft: &mut Draft<'_>) -> Self {
        let mut share = |name, usual: f64| if usual > 0.0 { draft.draw(name, 0.0..=(2.0 * usual).min(1.0)) } else { 0.0 };
        Self {
            hangup_by: share("without_hangup_by", self.hangup_by),
            ring: share("without_ring", self.ring),
            agent: share("without_agent", self.agent),
            kind: share("without_kind", self.kind),
            outcome: share("without_outcome", self.outcome),
            clock_ms: self.clock_ms,
        }
    }

    /// Takes from a record what it lacks.
    pub(super) fn take_away(&self, call: &mut SimulatedCall) {
        if strikes(call, Field::HangupBy, self.hangup_by) {
            call.hangup_by = HangupBy::Unknown;
        }
        if strikes(call, Field::Ring, self.ring) {
            call.ring = None;
        }
        if strikes(call, Field::Agent, self.agent) {
            call.agent = None;
        }
        if call.direction == Direction::Outbound && strikes(call, Field::Kind, self.kind) {
            call.kind = Kind::Unknown;
        }
        if call.outcome != Outcome::Answered && strikes(call, Field::Outcome, self.outcome) {
            call.outcome = Outcome::Other;
        }
    }

    /// How far the clock was off under which a record was written.
    pub(super) fn clock_shift_ms(&self, call: &SimulatedCall) -> i64 {
        let most_ms = f64::from(self.clock_ms);
        ((2.0 * unit(call, Field::Clock) - 1.0) * most_ms) as i64
    }

    /// Writes a record under a clock that is off by `shift_ms`. It still arrives after it was written.
    pub(super) fn shift(call: &mut SimulatedCall, shift_ms: i64) {
        call.start = call.start.plus_millis(shift_ms);
        call.ring = call.ring.map(|ring| ring.plus_millis(shift_ms));
        call.answer = call.answer.map(|answer| answer.plus_millis(shift_ms));
        call.end = call.end.plus_millis(shift_ms);
        call.arrival = call.arrival.max(call.end);
    }
}

fn strikes(call: &SimulatedCall, field: Field, share: f64) -> bool {
    share > 0.0 && unit(call, field) < share
}

/// A number in [0, 1) that follows from the call and the field.
fn unit(call: &SimulatedCall, field: Field) -> f64 {
    unit_of(scatter((call.id >> 64) as u64 ^ scatter(call.id as u64 ^ field as u64)))
}
