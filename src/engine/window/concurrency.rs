//! How many calls were in progress at each second of the last hour.
//!
//! Never knows calls that have not ended: their records are not written yet. What it says of a second is final only once
//! the calls of that second have ended.

use std::cell::Cell;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::engine::time::HOUR_S;

/// How far back seconds are kept.
pub const KEPT_S: u32 = HOUR_S;

/// Calls in progress by second, as a ring.
///
/// A call is in progress at its first second and no longer at its last. Calls come in order of their end; of a call longer
/// than the ring, the part within it counts. Empty (and without memory) while no call of the last hour is known.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(from = "Whole", into = "Whole")]
pub struct Concurrency {
    /// Those at a second lie at its remainder by [`KEPT_S`]. Empty, or [`KEPT_S`] long.
    in_progress: Vec<u16>,
    /// The oldest second kept; the newest is [`KEPT_S`] - 1 later.
    first_s: u32,
    /// The newest end known.
    last_end_s: u32,
    /// No more calls than this were ever at once within the ring.
    at_most: AtMost,
}

/// So many are counted at once.
const CALLS_MAX: u16 = i16::MAX as u16;

/// A bound that spares most looks at the whole ring. What it says is no part of the state.
#[derive(Clone, Debug)]
struct AtMost(Cell<u32>);

impl Default for AtMost {
    /// Nothing is known.
    fn default() -> Self {
        Self(Cell::new(u32::MAX))
    }
}

impl PartialEq for AtMost {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The most calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// How many.
    pub calls: u32,
    /// The first second (Unix) at which there were so many.
    pub at_s: u32,
}

impl Concurrency {
    /// Takes in a call that was in progress from `start_s` until before `end_s` (Unix seconds).
    ///
    /// Where 32,767 calls are in progress already it is left out: too few counted, never too many.
    pub fn add(&mut self, start_s: u32, end_s: u32) {
        self.advance(end_s);
        let unused = self.in_progress.is_empty();
        let first_s = if unused { end_s.saturating_sub(KEPT_S - 1) } else { self.first_s };
        let start_s = start_s.max(first_s);
        if start_s >= end_s {
            return;
        }
        if unused {
            self.first_s = first_s;
            self.in_progress.resize(KEPT_S as usize, 0);
            self.at_most.0.set(0);
        }
        let parts = parts(start_s..end_s);
        let most = |part: &Range<usize>| self.in_progress[part.clone()].iter().copied().max().unwrap_or(0);
        let most = parts.iter().map(most).max().unwrap_or(0);
        if most < CALLS_MAX {
            parts.into_iter().for_each(|part| self.in_progress[part].iter_mut().for_each(|calls| *calls += 1));
            self.at_most.0.set(self.at_most.0.get().max(u32::from(most) + 1));
            self.last_end_s = self.last_end_s.max(end_s);
        }
    }

    /// Forgets what lies more than an hour before `now_s` (Unix seconds). Earlier moments than before change nothing.
    pub fn advance(&mut self, now_s: u32) {
        if self.in_progress.is_empty() {
            return;
        }
        let first_s = now_s.saturating_sub(KEPT_S - 1);
        if first_s >= self.last_end_s {
            // Nothing was in progress since: what an idle app keeps should be nothing.
            *self = Self::default();
            return;
        }
        if first_s > self.first_s {
            parts(self.first_s..first_s).into_iter().for_each(|part| self.in_progress[part].fill(0));
            self.first_s = first_s;
        }
    }

    /// The most calls at once within the last hour, if that is more than `limit`. Looks at the ring only if so many can have
    /// been at once: it is asked every minute.
    pub fn peak_over(&self, limit: u32) -> Option<Peak> {
        if self.at_most.0.get() <= limit {
            return None;
        }
        let peak = self.peak_since(self.first_s);
        self.at_most.0.set(peak.map_or(0, |peak| peak.calls));
        peak.filter(|peak| peak.calls > limit)
    }

    /// The most calls at once at `from_s` (Unix seconds) or later; `None` if there were none.
    pub fn peak_since(&self, from_s: u32) -> Option<Peak> {
        if self.in_progress.is_empty() {
            return None;
        }
        let from_s = from_s.max(self.first_s);
        let parts = parts(from_s..(self.first_s + KEPT_S).max(from_s));
        let calls = || parts.iter().flat_map(|part| &self.in_progress[part.clone()]);
        // How many first, then when: several are compared at once.
        let most = parts.iter().filter_map(|part| self.in_progress[part.clone()].iter().max()).max().filter(|most| **most > 0)?;
        let after_s = calls().position(|calls| calls == most)?;
        Some(Peak { calls: u32::from(*most), at_s: from_s + after_s as u32 })
    }
}

/// Where seconds lie, at most [`KEPT_S`] of them: in two parts if the ring's end is among them.
fn parts(seconds: Range<u32>) -> [Range<usize>; 2] {
    let (first, len) = ((seconds.start % KEPT_S) as usize, seconds.len());
    let end = (first + len).min(KEPT_S as usize);
    [first..end, 0..first + len - end]
}

/// The durable form of [`Concurrency`]: how many more calls there are at a second than at the one before.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Concurrency")]
struct Whole {
    differences: Vec<i16>,
    first_s: u32,
    /// Calls in progress just before `first_s`, as far as they are not in the first difference.
    before: i32,
    last_end_s: u32,
}

impl From<Concurrency> for Whole {
    fn from(Concurrency { in_progress, first_s, last_end_s, .. }: Concurrency) -> Self {
        let mut differences = vec![0; in_progress.len()];
        let mut before = 0;
        for at in parts(first_s..first_s + in_progress.len() as u32).into_iter().flatten() {
            let calls = in_progress[at] as i16;
            differences[at] = calls - std::mem::replace(&mut before, calls);
        }
        Self { differences, first_s, before: 0, last_end_s }
    }
}

impl From<Whole> for Concurrency {
    fn from(Whole { differences, first_s, before, last_end_s }: Whole) -> Self {
        // Of any other length whoever wrote that into the topic was not this program.
        let is_whole = differences.len() == KEPT_S as usize && first_s <= u32::MAX - KEPT_S;
        if !is_whole {
            return Self::default();
        }
        let mut in_progress = vec![0; differences.len()];
        let mut calls = i64::from(before);
        for at in parts(first_s..first_s + KEPT_S).into_iter().flatten() {
            calls += i64::from(differences[at]);
            in_progress[at] = calls.clamp(0, CALLS_MAX.into()) as u16;
        }
        Self { in_progress, first_s, last_end_s, at_most: AtMost::default() }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const NOON_S: u32 = 1_773_028_800;

    #[derive(Default)]
    struct Naive {
        calls: Vec<(u32, u32)>,
    }

    impl Naive {
        fn peak_since(&self, from_s: u32, now_s: u32) -> Option<Peak> {
            let mut peak = None;
            for at_s in from_s.max(now_s - (KEPT_S - 1))..=now_s {
                let calls = self.calls.iter().filter(|call| call.0 <= at_s && at_s < call.1).count() as u32;
                if calls > peak.map_or(0, |peak: Peak| peak.calls) {
                    peak = Some(Peak { calls, at_s });
                }
            }
            peak
        }
    }

    #[test]
    fn peaks_are_the_naive_ones() {
        for seed in 0..60 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut concurrency, mut naive) = (Concurrency::default(), Naive::default());
            let mut now_s = NOON_S;
            let length_max_s = [30, 600, 9_000][random.random_range(0..3)];
            for call in 0..150 {
                let pause_max_s = if random.random_ratio(1, 50) { 8_000 } else { 100 };
                now_s += random.random_range(0..pause_max_s);
                let start_s = now_s - random.random_range(0..length_max_s);
                concurrency.add(start_s, now_s);
                naive.calls.push((start_s, now_s));
                if call % 10 == 0 {
                    now_s += random.random_range(0..60);
                    concurrency.advance(now_s);
                    let limit = random.random_range(0..12);
                    let over = naive.peak_since(0, now_s).filter(|peak| peak.calls > limit);
                    assert_eq!(concurrency.peak_over(limit), over, "seed {seed}");
                    assert_eq!(concurrency.peak_over(limit), over, "asked again: seed {seed}");
                    let from_s = now_s - random.random_range(0..KEPT_S + 100);
                    assert_eq!(concurrency.peak_since(from_s), naive.peak_since(from_s, now_s), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn the_steps_of_time_do_not_matter_and_idleness_frees_the_memory() {
        for seed in 0..30 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut often, mut once) = (Concurrency::default(), Concurrency::default());
            assert_eq!(often.peak_over(0), None);
            for call in 0..40 {
                let end_s = NOON_S + call * 10;
                let start_s = end_s - random.random_range(0..5_000);
                often.add(start_s, end_s);
                once.add(start_s, end_s);
            }
            let last_s = NOON_S + 390 + random.random_range(0..2 * KEPT_S);
            (NOON_S..=last_s).step_by(60).for_each(|now_s| often.advance(now_s));
            often.advance(last_s);
            once.advance(last_s);
            assert_eq!(often, once, "seed {seed}");
            assert_eq!(once.in_progress.is_empty(), last_s >= NOON_S + 390 + KEPT_S - 1, "seed {seed}");
            let bytes = postcard::to_stdvec(&once).expect("bytes");
            assert_eq!(postcard::from_bytes::<Concurrency>(&bytes).as_ref(), Ok(&once), "seed {seed}");
            often.advance(last_s + KEPT_S);
            assert_eq!(often, Concurrency::default());
        }
    }

    #[test]
    fn a_second_is_not_shared_by_one_call_and_the_next() {
        let mut concurrency = Concurrency::default();
        concurrency.add(NOON_S, NOON_S + 10);
        concurrency.add(NOON_S + 10, NOON_S + 20);
        concurrency.add(NOON_S + 20, NOON_S + 20);
        assert_eq!(concurrency.peak_over(0), Some(Peak { calls: 1, at_s: NOON_S }));
        concurrency.add(NOON_S + 19, NOON_S + 21);
        assert_eq!(concurrency.peak_over(0), Some(Peak { calls: 2, at_s: NOON_S + 19 }));
        assert_eq!(concurrency.peak_since(NOON_S + 20), Some(Peak { calls: 1, at_s: NOON_S + 20 }));
        assert_eq!(concurrency.peak_since(NOON_S + 21), None);
        // Out of the ring, and not to be mistaken for the second an hour later.
        let before = concurrency.clone();
        concurrency.add(NOON_S - 5_000, NOON_S - 4_000);
        assert_eq!(concurrency, before);
    }

    #[test]
    fn state_that_counts_calls_from_before_the_ring_apart_comes_back_too() {
        let mut concurrency = Concurrency::default();
        concurrency.add(NOON_S - 10, NOON_S + 10);
        concurrency.advance(NOON_S + KEPT_S - 1);
        let whole = |len: u32| {
            let mut differences = vec![0; len as usize];
            differences[((NOON_S + 10) % KEPT_S) as usize] = -1;
            let whole = Whole { differences, first_s: NOON_S, before: 1, last_end_s: NOON_S + 10 };
            postcard::from_bytes::<Concurrency>(&postcard::to_stdvec(&whole).expect("bytes")).expect("state")
        };
        assert_eq!(whole(KEPT_S), concurrency);
        assert_eq!(whole(KEPT_S).peak_over(0), Some(Peak { calls: 1, at_s: NOON_S }));
        assert_eq!(whole(KEPT_S + 1), Concurrency::default(), "no ring of this program's");
    }

    #[test]
    fn a_flood_is_undercounted_not_miscounted() {
        let mut concurrency = Concurrency::default();
        for _ in 0..40_000 {
            concurrency.add(NOON_S, NOON_S + 10);
        }
        concurrency.add(NOON_S + 20, NOON_S + 30);
        assert_eq!(concurrency.peak_over(0), Some(Peak { calls: 32_767, at_s: NOON_S }));
        assert_eq!(concurrency.peak_since(NOON_S + 10), Some(Peak { calls: 1, at_s: NOON_S + 20 }));
    }
}
