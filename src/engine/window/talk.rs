//! How long an app's last answered talks were: a machine that plays one message makes one length stand out.
//!
//! Never judges, and never counts the short answers, which say that somebody hung up, not what was played.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many talks are remembered.
pub const TALKS_MAX: usize = 512;
/// Talks up to this many seconds are short answers and are left out.
pub const SHORT_S: u32 = 6;
/// The width of a bin, in seconds.
pub const BIN_S: u32 = 3;
/// The bin of all talks too long to be told apart: from 12:52 on.
const LONGEST: u8 = u8::MAX;

/// The last [`TALKS_MAX`] answered talks of more than [`SHORT_S`], by length in bins of [`BIN_S`]: 7 to 9 s, 10 to 12 s …
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct TalkLengths {
    bins: VecDeque<u8>,
}

/// The length that occurs most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// The shortest talk of the bin, in seconds; the longest is [`BIN_S`] - 1 more.
    pub from_s: u32,
    /// How many talks lie in it.
    pub count: u32,
    /// Of how many.
    pub of: u32,
}

impl TalkLengths {
    /// Takes in an answered call by its talk time, in seconds.
    pub fn push(&mut self, talk_s: u32) {
        let Some(beyond_s) = talk_s.checked_sub(SHORT_S + 1) else { return };
        if self.bins.len() == TALKS_MAX {
            self.bins.pop_front();
        }
        self.bins.push_back(u8::try_from(beyond_s / BIN_S).unwrap_or(LONGEST));
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// The bin with the most talks among those of talks no shorter than `from_s`, the shortest of equals; `None` if there are none.
    /// Talks of 12:52 and more count among all, but they are never the mode: they have no length in common.
    pub fn modal(&self, from_s: u32) -> Option<Mode> {
        let mut counts = [0_u16; LONGEST as usize + 1];
        self.bins.iter().for_each(|bin| counts[usize::from(*bin)] += 1);
        let shorter = from_s.saturating_sub(SHORT_S + 1).div_ceil(BIN_S);
        let bins = counts[..usize::from(LONGEST)].get(shorter as usize..)?;
        // How many first, then which: several are compared at once.
        let count = bins.iter().copied().max().filter(|count| *count > 0)?;
        let bin = shorter + bins.iter().position(|other| *other == count)? as u32;
        Some(Mode { from_s: SHORT_S + 1 + bin * BIN_S, count: u32::from(count), of: self.bins.len() as u32 })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// From all talks ever pushed.
    fn naive(talks: &[u32], shortest_s: u32) -> Option<Mode> {
        let long: Vec<u32> = talks.iter().copied().filter(|talk_s| *talk_s > 6).collect();
        let last = &long[long.len().saturating_sub(512)..];
        let mut mode = None;
        for from_s in (7..772).step_by(3).filter(|from_s| *from_s >= shortest_s) {
            let count = last.iter().filter(|talk_s| (from_s..from_s + 3).contains(*talk_s)).count() as u32;
            if count > mode.map_or(0, |mode: Mode| mode.count) {
                mode = Some(Mode { from_s, count, of: last.len() as u32 });
            }
        }
        mode
    }

    #[test]
    fn the_mode_is_the_naive_one() {
        for seed in 0..40 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut lengths, mut talks) = (TalkLengths::default(), Vec::new());
            let talk_max_s = [8, 12, 100, 2_000][random.random_range(0..4)];
            for talk in 0..random.random_range(1..1_500) {
                let talk_s = if random.random_ratio(1, 4) { 31 } else { random.random_range(0..talk_max_s) };
                lengths.push(talk_s);
                talks.push(talk_s);
                if talk % 37 == 0 || talk < 20 {
                    let shortest_s = random.random_range(0..20);
                    assert_eq!(lengths.modal(shortest_s), naive(&talks, shortest_s), "seed {seed}, {talk} talks");
                }
            }
            let bytes = postcard::to_stdvec(&lengths).expect("bytes");
            assert_eq!(postcard::from_bytes::<TalkLengths>(&bytes), Ok(lengths), "seed {seed}");
        }
    }

    #[test]
    fn the_edges_of_the_bins() {
        let mut lengths = TalkLengths::default();
        (0..=6).for_each(|talk_s| lengths.push(talk_s));
        assert_eq!(lengths.modal(0), None);
        lengths.push(u32::MAX);
        lengths.push(772);
        assert_eq!(lengths.modal(0), None);
        lengths.push(771);
        assert_eq!(lengths.modal(0), Some(Mode { from_s: 769, count: 1, of: 3 }));
        lengths.push(9);
        lengths.push(7);
        lengths.push(10);
        assert_eq!(lengths.modal(7), Some(Mode { from_s: 7, count: 2, of: 6 }));
        assert_eq!(lengths.modal(8), Some(Mode { from_s: 10, count: 1, of: 6 }));
        assert_eq!(lengths.bins.capacity().max(TALKS_MAX), TALKS_MAX);
    }
}
