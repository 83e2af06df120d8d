//! Where a partition goes on: what the state says, what the group committed and what the log still holds, put together.
//!
//! Pure: no broker is asked. State, alerts and offsets leave in one transaction, so all three agree unless somebody moved
//! offsets, the log lost records, or the state was lost; each of these has its own words.

use std::ops::Range;

use crate::config::kafka::{OffsetReset, Recovery};

/// What is known of one partition of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The next offset by the state, if there is a state.
    pub remembered: Option<i64>,
    /// The next offset by the group, if it committed any.
    pub committed: Option<i64>,
    /// What the log holds: the oldest offset, and the one after the newest.
    pub log: Range<i64>,
}

/// How state and log do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The group has nothing to begin with, and is not to begin by itself.
    #[error("the group has no offset here and kafka.auto_offset_reset is `error`")]
    NoOffset,
    /// The group has been here, but what it remembered is not.
    #[error(
        "the group has judged everything before offset {committed}, but its state is gone: was the state topic emptied, or \
         another one named? kafka.recovery: rebuild begins anew at {committed} with empty windows"
    )]
    StateLost {
        /// The group's offset.
        committed: i64,
    },
    /// The group's offset is not the one that left together with the state.
    #[error(
        "the group's offset is {committed}, the state belongs to offset {remembered}: somebody has moved the offsets; set \
         them back, or begin anew at {committed} with empty windows by kafka.recovery: rebuild"
    )]
    OffsetMoved {
        /// The group's offset.
        committed: i64,
        /// The state's.
        remembered: i64,
    },
    /// The log no longer holds what is to be judged next.
    #[error(
        "records {next} to {last} are gone from the log before they were judged (it begins at {oldest}): retention is shorter \
         than the service was away; kafka.recovery: rebuild begins anew at {oldest} with empty windows",
        last = oldest - 1
    )]
    RecordsGone {
        /// The next offset to judge.
        next: i64,
        /// The oldest in the log.
        oldest: i64,
    },
    /// The log ends before what was judged.
    #[error(
        "everything before offset {next} is judged, but the log ends at {end}: the topic was created anew; \
         kafka.recovery: rebuild begins anew at {oldest} with empty windows"
    )]
    LogShorter {
        /// The next offset to judge.
        next: i64,
        /// The oldest in the log.
        oldest: i64,
        /// The offset after the newest.
        end: i64,
    },
}

/// Where a partition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// With its state, or for the first time.
    GoOn(i64),
    /// With empty windows: what was remembered does not count.
    Rebuild(i64, Misfit),
}

impl Plan {
    /// The offset of the next record.
    pub fn next(self) -> i64 {
        match self {
            Self::GoOn(next) | Self::Rebuild(next, _) => next,
        }
    }
}

/// Where to go on, or why not.
///
/// # Errors
/// State and log do not fit together, and are not to be made to fit.
pub fn plan(facts: &Facts, reset: OffsetReset, recovery: Recovery) -> Result<Plan, Misfit> {
    let (begin, misfit) = match (facts.remembered, facts.committed) {
        (None, None) => match reset {
            OffsetReset::Earliest => return Ok(Plan::GoOn(facts.log.start)),
            OffsetReset::Latest => return Ok(Plan::GoOn(facts.log.end)),
            OffsetReset::Error => return Err(Misfit::NoOffset),
        },
        (None, Some(committed)) => (committed, Some(Misfit::StateLost { committed })),
        // A group that was away for long loses its offsets; the state does not.
        (Some(remembered), None) => (remembered, None),
        (Some(remembered), Some(committed)) if remembered == committed => (remembered, None),
        (Some(remembered), Some(committed)) => (committed, Some(Misfit::OffsetMoved { committed, remembered })),
    };
    let Range { start: oldest, end } = facts.log;
    let (next, misfit) = match misfit {
        None if begin < oldest => (oldest, Some(Misfit::RecordsGone { next: begin, oldest })),
        None if begin > end => (oldest, Some(Misfit::LogShorter { next: begin, oldest, end })),
        None => return Ok(Plan::GoOn(begin)),
        Some(misfit) => (begin.clamp(oldest, end), Some(misfit)),
    };
    match (misfit, recovery) {
        (Some(misfit), Recovery::Refuse) => Err(misfit),
        (Some(misfit), Recovery::Rebuild) => Ok(Plan::Rebuild(next, misfit)),
        (None, _) => Ok(Plan::GoOn(next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(remembered: Option<i64>, committed: Option<i64>, log: Range<i64>, recovery: Recovery) -> Result<Plan, Misfit> {
        plan(&Facts { remembered, committed, log }, OffsetReset::Earliest, recovery)
    }

    #[test]
    fn a_first_start_begins_as_configured() {
        let facts = Facts { remembered: None, committed: None, log: 7..20 };
        assert_eq!(plan(&facts, OffsetReset::Earliest, Recovery::Refuse), Ok(Plan::GoOn(7)));
        assert_eq!(plan(&facts, OffsetReset::Latest, Recovery::Refuse), Ok(Plan::GoOn(20)));
        assert_eq!(plan(&facts, OffsetReset::Error, Recovery::Rebuild), Err(Misfit::NoOffset));
    }

    #[test]
    fn what_fits_is_gone_on_with() {
        for log in [0..50, 10..10, 10..11, 3..10] {
            assert_eq!(planned(Some(10), Some(10), log, Recovery::Refuse), Ok(Plan::GoOn(10)));
        }
        assert_eq!(planned(Some(10), None, 0..50, Recovery::Refuse), Ok(Plan::GoOn(10)), "the group's offsets have expired");
    }

    #[test]
    fn an_emptied_log_is_told_from_a_lost_one() {
        assert_eq!(planned(Some(10), Some(10), 10..10, Recovery::Refuse), Ok(Plan::GoOn(10)), "emptied behind us");
        let gone = Misfit::RecordsGone { next: 10, oldest: 15 };
        assert_eq!(planned(Some(10), Some(10), 15..15, Recovery::Refuse), Err(gone), "emptied before us");
        assert_eq!(planned(Some(10), Some(10), 15..30, Recovery::Rebuild), Ok(Plan::Rebuild(15, gone)));
        let shorter = Misfit::LogShorter { next: 10, oldest: 0, end: 4 };
        assert_eq!(planned(Some(10), Some(10), 0..4, Recovery::Refuse), Err(shorter), "created anew");
        assert_eq!(planned(Some(10), Some(10), 0..4, Recovery::Rebuild), Ok(Plan::Rebuild(0, shorter)));
        assert!(gone.to_string().contains("records 10 to 14 are gone"), "{gone}");
    }

    #[test]
    fn state_and_offsets_must_be_of_one_moment() {
        let lost = Misfit::StateLost { committed: 9 };
        assert_eq!(planned(None, Some(9), 0..20, Recovery::Refuse), Err(lost));
        assert_eq!(planned(None, Some(9), 0..20, Recovery::Rebuild), Ok(Plan::Rebuild(9, lost)));
        assert_eq!(planned(None, Some(9), 12..20, Recovery::Rebuild), Ok(Plan::Rebuild(12, lost)), "never before the log");
        let moved = Misfit::OffsetMoved { committed: 3, remembered: 9 };
        assert_eq!(planned(Some(9), Some(3), 0..20, Recovery::Refuse), Err(moved));
        assert_eq!(planned(Some(9), Some(3), 0..20, Recovery::Rebuild), Ok(Plan::Rebuild(3, moved)));
    }
}
