//! The ledger of records: what was read, and what became of each.

use std::fmt;
use std::ops::AddAssign;

use crate::engine::shard::Accepted;

/// The records of one stream. Everything read is in exactly one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records read.
    pub consumed: u64,
    /// Those that count.
    pub applied: u64,
    /// Those that came late and count from then on.
    pub late_applied: u64,
    /// Those that came too late.
    pub late_dropped: u64,
    /// Those that were here already.
    pub duplicate: u64,
    /// Those that could not be read, or were turned away at a bound.
    pub invalid: u64,
}

impl Ledger {
    /// Enters what became of a record that was read.
    pub fn enter(&mut self, accepted: Accepted) {
        *match accepted {
            Accepted::Applied => &mut self.applied,
            Accepted::LateApplied => &mut self.late_applied,
            Accepted::LateDropped => &mut self.late_dropped,
            Accepted::Duplicate => &mut self.duplicate,
            // A record turned away at a bound counts as little as one that cannot be read.
            Accepted::Flooded => &mut self.invalid,
        } += 1;
    }

    /// Whether everything read is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.consumed == self.applied + self.late_applied + self.late_dropped + self.duplicate + self.invalid
    }
}

impl AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.consumed += other.consumed;
        self.applied += other.applied;
        self.late_applied += other.late_applied;
        self.late_dropped += other.late_dropped;
        self.duplicate += other.duplicate;
        self.invalid += other.invalid;
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} read = {} applied + {} late applied + {} late dropped + {} duplicate + {} invalid",
            self.consumed, self.applied, self.late_applied, self.late_dropped, self.duplicate, self.invalid
        )
    }
}
