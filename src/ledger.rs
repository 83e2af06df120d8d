//! The ledger of records: what was taken out of the input, and what became of each. Everything that was taken out is, in the
//! end, in exactly one outcome.
//!
//! A [`Page`] is plain numbers: the service enters pages into its metrics, a replay adds them up for its summary.

use std::ops::AddAssign;

use crate::engine::shard::Accepted;

/// A stream of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Call records.
    Calls,
    /// What callees and others said about calls.
    Feedback,
    /// What apps filed.
    Registry,
}

impl Stream {
    /// Every stream, in order.
    pub const ALL: [Self; 3] = [Self::Calls, Self::Feedback, Self::Registry];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Feedback => "feedback",
            Self::Registry => "registry",
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It counts.
    Applied,
    /// It came after its minute was judged and counts from now on.
    LateApplied,
    /// It came after its minute was judged and does not count.
    LateDropped,
    /// It was here already.
    Duplicate,
    /// It could not be read.
    Invalid,
}

impl Outcome {
    /// Every outcome, in order.
    pub const ALL: [Self; 5] = [Self::Applied, Self::LateApplied, Self::LateDropped, Self::Duplicate, Self::Invalid];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::LateApplied => "late_applied",
            Self::LateDropped => "late_dropped",
            Self::Duplicate => "duplicate",
            Self::Invalid => "invalid",
        }
    }
}

impl From<Accepted> for Outcome {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Accepted::Applied => Self::Applied,
            Accepted::LateApplied => Self::LateApplied,
            Accepted::LateDropped => Self::LateDropped,
            Accepted::Duplicate => Self::Duplicate,
            // A record turned away at a bound counts as little as one that cannot be read.
            Accepted::Flooded => Self::Invalid,
        }
    }
}

/// Counted records: those of a batch, of a worker, or of all there was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// By stream.
    pub(crate) consumed: [u64; Stream::ALL.len()],
    /// By stream and outcome.
    pub(crate) outcomes: [[u64; Outcome::ALL.len()]; Stream::ALL.len()],
}

impl Page {
    /// A record was taken out of the input.
    pub fn consumed(&mut self, stream: Stream) {
        self.consumed[stream as usize] += 1;
    }

    /// Records were taken out of the input.
    pub fn consumed_many(&mut self, stream: Stream, records: u64) {
        self.consumed[stream as usize] += records;
    }

    /// It is known what became of a record.
    pub fn settled(&mut self, stream: Stream, outcome: Outcome) {
        self.outcomes[stream as usize][outcome as usize] += 1;
    }

    /// How many records of a stream became what.
    pub fn of(&self, stream: Stream, outcome: Outcome) -> u64 {
        self.outcomes[stream as usize][outcome as usize]
    }

    /// How many records of a stream were taken out of the input.
    pub fn consumed_of(&self, stream: Stream) -> u64 {
        self.consumed[stream as usize]
    }

    /// Whether there is any record of a stream.
    pub fn has(&self, stream: Stream) -> bool {
        self.consumed_of(stream) > 0
    }

    /// Whether all that was taken out is accounted for.
    pub fn is_balanced(&self) -> bool {
        Stream::ALL.iter().all(|stream| self.consumed_of(*stream) == self.outcomes[*stream as usize].iter().sum::<u64>())
    }

    /// Records of all streams taken out of the input.
    pub fn total(&self) -> u64 {
        self.consumed.iter().sum()
    }
}

impl AddAssign for Page {
    fn add_assign(&mut self, other: Self) {
        let counts = self.consumed.iter_mut().chain(self.outcomes.iter_mut().flatten());
        counts.zip(other.consumed.iter().chain(other.outcomes.iter().flatten())).for_each(|(count, more)| *count += more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_add_up_and_balance() {
        let mut read = Page::default();
        read.consumed_many(Stream::Calls, 4);
        read.consumed(Stream::Feedback);
        let mut judged = Page::default();
        for accepted in [Accepted::Applied, Accepted::LateDropped, Accepted::Duplicate, Accepted::Flooded] {
            judged.settled(Stream::Calls, accepted.into());
        }
        assert!(!read.is_balanced() && !judged.is_balanced());
        judged += read;
        assert!(!judged.is_balanced(), "nobody said what became of the feedback");
        judged.settled(Stream::Feedback, Accepted::LateApplied.into());
        assert!(judged.is_balanced(), "{judged:?}");
        assert_eq!((judged.total(), judged.consumed_of(Stream::Calls)), (5, 4));
        assert_eq!(judged.of(Stream::Calls, Outcome::Invalid), 1, "what is turned away at a bound counts as little");
        assert!(judged.has(Stream::Feedback) && !judged.has(Stream::Registry));
    }
}
