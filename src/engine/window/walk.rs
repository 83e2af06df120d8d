//! Whether an app walks through numbers instead of calling people it knows: its last first contacts, and how close
//! together they lie.
//!
//! Never judges: a company's block of extensions looks the same, so the result says how many blocks and which are mobile,
//! and a detector decides. Never shows a number: what it holds is [`Number`], which prints as a mask.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::engine::number::Number;
use crate::engine::statistics::poisson_tail;

/// How many callees are remembered.
pub const CALLEES_MAX: usize = 256;
/// Fewer consecutive numbers are no run.
pub const RUN_MIN: usize = 5;
/// Numbers per block: mobile numbers are given out by ten thousand.
pub const BLOCK_SIZE: u64 = 10_000;
/// Cells that are told apart when close pairs are looked for: of 256 callees one or two share one by chance.
const CELLS: usize = 1 << 16;
/// Between neighbours of a run that jumps to and fro.
const NEIGHBOUR_MAX: i64 = 2;
/// Between neighbours of a run that always makes the same step.
const STRIDE_MAX: i64 = 10;
/// Chinese mobile numbers, +86 130… to +86 199…, by their E.164 value.
const CHINESE_MOBILE: std::ops::RangeInclusive<u64> = 8_613_000_000_000..=8_619_999_999_999;

/// The last [`CALLEES_MAX`] distinct callees an app (or one of its numbers) had never called before, in the order in which
/// their calls began.
///
/// Calls come in order of their end. One that was answered comes after the unanswered ones begun later, so each is put
/// where its start belongs: else every answer would break a run.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct NumberWalk {
    callees: VecDeque<Number>,
    /// The start of each callee's call, in Unix seconds: never descending.
    starts_s: VecDeque<u32>,
}

/// Numbers called one after the other as they stand in the number plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many numbers.
    pub length: u32,
    /// The one called first.
    pub first: Number,
    /// The one called last.
    pub last: Number,
    /// The step from one to the next if it is always the same (1 to 10, negative if descending); `None` if they lie one or
    /// two apart, to and fro.
    pub stride: Option<i64>,
    /// Whether it begins at a Chinese mobile number.
    pub mobile: bool,
}

/// How many callees lie close together within blocks of [`BLOCK_SIZE`] numbers, and how likely that is by chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosePairs {
    /// Pairs of callees of one block that lie close together.
    pub pairs: u32,
    /// How many pairs chance would bring close, with as many callees in each block anywhere in it.
    pub expected: f64,
    /// The probability of as many or more pairs by chance (Poisson).
    pub tail: f64,
    /// Callees looked at.
    pub of: u32,
    /// Blocks in which a close pair lies.
    pub blocks: u32,
    /// Those of them that are Chinese mobile numbers, where no company has a block of its own.
    pub mobile_blocks: u32,
}

impl NumberWalk {
    /// Takes in a first contact, which it does not hold, by the start of its call (Unix seconds). Says whether it was remembered:
    /// short and hidden numbers are not, nor is a call begun before all that a full memory holds.
    pub fn push(&mut self, start_s: u32, callee: Number) -> bool {
        if callee.e164_value().is_none() {
            return false;
        }
        // From the back: calls begun later have rarely ended yet.
        let later = self.starts_s.iter().rev().take_while(|other_s| **other_s > start_s).count();
        let mut place = self.callees.len() - later;
        if self.callees.len() == CALLEES_MAX {
            if place == 0 {
                return false;
            }
            self.callees.pop_front();
            self.starts_s.pop_front();
            place -= 1;
        }
        self.callees.insert(place, callee);
        self.starts_s.insert(place, start_s);
        true
    }

    /// Whether a callee is remembered: as dear as reading all of them.
    pub fn holds(&self, callee: Number) -> bool {
        // To the end without a branch, several at once: most are new, and of them all must be looked at anyway.
        let in_part = |part: &[Number]| part.iter().fold(false, |found, other| found | (*other == callee));
        let (older, newer) = self.callees.as_slices();
        in_part(older) | in_part(newer)
    }

    /// Forgets the callees whose calls began before `start_s` (Unix seconds).
    pub fn forget_before(&mut self, start_s: u32) {
        let gone = self.starts_s.partition_point(|other_s| *other_s < start_s);
        self.starts_s.drain(..gone);
        self.callees.drain(..gone);
    }

    /// The longest run of at least [`RUN_MIN`] remembered callees, the latest of equals: either each one or two away from the
    /// one before, up or down, or always the same step of 1 to 10 on.
    pub fn longest_run(&self) -> Option<Run> {
        let steps = self.values().zip(self.values().skip(1)).map(|(one, other)| other as i64 - one as i64);
        if steps.filter(|step| step.abs() <= STRIDE_MAX).count() < RUN_MIN - 1 {
            return None;
        }
        let mut best = None;
        let (mut near, mut strided) = (Stretch::default(), Stretch::default());
        let mut stride = 0;
        for (index, pair) in self.values().zip(self.values().skip(1)).enumerate() {
            let step = pair.1 as i64 - pair.0 as i64;
            near.step(index, step.abs() <= NEIGHBOUR_MAX, true);
            strided.step(index, step.abs() <= STRIDE_MAX, step == stride);
            stride = step;
            for (stretch, stride) in [(near, None), (strided, Some(stride))] {
                if stretch.numbers >= best.map_or(RUN_MIN, |(best, _): (Stretch, _)| best.numbers) {
                    best = Some((stretch, stride));
                }
            }
        }
        best.map(|(stretch, stride)| self.run(stretch, stride))
    }

    /// Whether any two remembered callees lie at most `distance` apart: much sooner known than how many.
    pub fn has_close_pair(&self, distance: u64) -> bool {
        // A bit for each cell of numbers, wider than `distance`: who is close lies in the same cell or in one beside it.
        let cell_bits = u64::BITS - distance.leading_zeros();
        let mut cells = [0_u64; CELLS / 64];
        self.values().enumerate().any(|(index, value)| {
            let cell = (value >> cell_bits) as usize;
            let is_set = |cell: usize| cells[cell / 64 % (CELLS / 64)] >> (cell % 64) & 1 != 0;
            let may_be = is_set(cell) || is_set(cell.wrapping_sub(1)) || is_set(cell + 1);
            cells[cell / 64 % (CELLS / 64)] |= 1 << (cell % 64);
            // Cells far apart share a bit.
            may_be && self.values().take(index).any(|other| other.abs_diff(value) <= distance)
        })
    }

    /// How many pairs of remembered callees of one block lie at most `distance` apart.
    ///
    /// Among `n` callees anywhere in a block of `M` numbers, `n (n - 1) / 2 * 2 * distance / M` pairs are expected so close: the
    /// birthday problem. Real lists lie less evenly, the more so the larger the distance; 1 or 2 is meant.
    pub fn close_pairs(&self, distance: u64) -> ClosePairs {
        let mut values = [0; CALLEES_MAX];
        let mut of = 0;
        for (place, value) in values.iter_mut().zip(self.values()) {
            *place = value;
            of += 1;
        }
        let values = &mut values[..of];
        values.sort_unstable();
        let mut found = ClosePairs { pairs: 0, expected: 0.0, tail: 1.0, of: of as u32, blocks: 0, mobile_blocks: 0 };
        for block in values.chunk_by(|one, other| one / BLOCK_SIZE == other / BLOCK_SIZE) {
            let close = |(index, value): (usize, &u64)| block[index + 1..].iter().take_while(|v| **v - value <= distance).count();
            let pairs = block.iter().enumerate().map(close).sum::<usize>() as u32;
            let callees = block.len() as f64;
            found.expected += callees * (callees - 1.0) * distance as f64 / BLOCK_SIZE as f64;
            found.pairs += pairs;
            found.blocks += u32::from(pairs > 0);
            found.mobile_blocks += u32::from(pairs > 0 && CHINESE_MOBILE.contains(&block[0]));
        }
        found.tail = poisson_tail(u64::from(found.pairs), found.expected);
        found
    }

    fn values(&self) -> impl Iterator<Item = u64> {
        self.callees.iter().filter_map(|callee| callee.e164_value())
    }

    fn run(&self, stretch: Stretch, stride: Option<i64>) -> Run {
        let first = self.callees[stretch.from];
        Run {
            length: stretch.numbers as u32,
            first,
            last: self.callees[stretch.from + stretch.numbers - 1],
            stride,
            mobile: first.e164_value().is_some_and(|value| CHINESE_MOBILE.contains(&value)),
        }
    }
}

/// Consecutive places in the order of calls.
#[derive(Clone, Copy, Default)]
struct Stretch {
    from: usize,
    numbers: usize,
}

impl Stretch {
    /// Goes on from the number at `index` to the next: if the step `fits` at all, as part of the stretch so far if it also
    /// `continues` that, else as the first step of a new one.
    fn step(&mut self, index: usize, fits: bool, continues: bool) {
        *self = match *self {
            _ if !fits => Self { from: index + 1, numbers: 1 },
            Self { from, numbers } if continues && numbers > 0 => Self { from, numbers: numbers + 1 },
            _ => Self { from: index, numbers: 2 },
        };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::seq::SliceRandom;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const NOON_S: u32 = 1_773_028_800;
    // Made up, as every number here.
    const MOBILE: u64 = 8_613_000_000_000;
    const LANDLINE: u64 = 862_000_000_000;

    fn number(value: u64) -> Number {
        Number::parse(&format!("+{value}"), "86").expect("a number")
    }

    fn walk(values: impl IntoIterator<Item = u64>) -> NumberWalk {
        let mut walk = NumberWalk::default();
        (NOON_S..).zip(values).for_each(|(start_s, value)| assert!(walk.push(start_s, number(value))));
        walk
    }

    /// All that was pushed, sorted by start whenever something comes.
    #[derive(Default)]
    struct Naive {
        callees: Vec<(u32, u64)>,
    }

    impl Naive {
        fn push(&mut self, start_s: u32, value: u64) {
            if self.callees.iter().all(|callee| callee.1 != value) {
                self.callees.push((start_s, value));
                self.callees.sort_by_key(|callee| callee.0);
                self.callees.drain(..self.callees.len().saturating_sub(256));
            }
        }

        fn is_run(values: &[(u32, u64)]) -> bool {
            let steps: Vec<i64> = values.windows(2).map(|pair| pair[1].1 as i64 - pair[0].1 as i64).collect();
            steps.iter().all(|step| step.abs() <= 2) || (steps[0].abs() <= 10 && steps.iter().all(|step| *step == steps[0]))
        }

        fn longest_run(&self) -> Option<usize> {
            let run_to = |from: usize| move |to: &usize| Self::is_run(&self.callees[from..*to]);
            let length = |from: usize| (from + 5..=self.callees.len()).take_while(run_to(from)).last().map(|to| to - from);
            (0..self.callees.len()).filter_map(length).max()
        }

        fn close_pairs(&self, distance: u64) -> (u32, f64, BTreeSet<u64>) {
            let (mut pairs, mut same_block, mut blocks) = (0, 0, BTreeSet::new());
            for (index, one) in self.callees.iter().enumerate() {
                for other in self.callees[..index].iter().filter(|other| other.1 / 10_000 == one.1 / 10_000) {
                    same_block += 1;
                    if other.1.abs_diff(one.1) <= distance {
                        pairs += 1;
                        blocks.insert(one.1 / 10_000);
                    }
                }
            }
            (pairs, f64::from(same_block) * 2.0 * distance as f64 / 10_000.0, blocks)
        }
    }

    /// Lists, runs up and down, strides and jumps, some of it called by several lines at once.
    fn random_calls(random: &mut impl Rng) -> Vec<(u32, u64)> {
        let (mut calls, mut start_s, mut value) = (Vec::new(), NOON_S, MOBILE);
        let spread = [100, 10_000, 1_000_000][random.random_range(0..3)];
        for _ in 0..random.random_range(1..60) {
            value = [MOBILE, LANDLINE][random.random_range(0..2)] + random.random_range(spread..2 * spread);
            let stride = [1, 1, 2, 3, 7, 10, 11][random.random_range(0..7)];
            let jumpy = random.random_ratio(1, 3);
            let upwards = random.random::<bool>();
            for _ in 0..random.random_range(1..20) {
                let step = if jumpy { random.random_range(1..3) } else { stride };
                value = if upwards { value + step } else { value - step };
                start_s += random.random_range(0..3);
                calls.push((start_s - if random.random_ratio(1, 10) { 3 } else { 0 }, value));
            }
        }
        calls.push((start_s, value));
        calls
    }

    #[test]
    fn runs_and_pairs_are_the_naive_ones() {
        for seed in 0..80 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (mut walk, mut naive) = (NumberWalk::default(), Naive::default());
            for (index, (start_s, value)) in random_calls(random).into_iter().enumerate() {
                if !walk.holds(number(value)) {
                    walk.push(start_s, number(value));
                }
                naive.push(start_s, value);
                if index % 37 == 0 {
                    walk.forget_before(start_s - 20);
                    naive.callees.retain(|callee| callee.0 >= start_s - 20);
                }
                if index % 11 == 0 {
                    compare(&walk, &naive, seed);
                }
            }
            compare(&walk, &naive, seed);
        }
    }

    fn compare(walk: &NumberWalk, naive: &Naive, seed: u64) {
        assert!(walk.values().eq(naive.callees.iter().map(|callee| callee.1)), "seed {seed}");
        let run = walk.longest_run();
        assert_eq!(run.map(|run| run.length as usize), naive.longest_run(), "seed {seed}: {run:?}");
        if let Some(run) = run {
            let place = |callee: Number| naive.callees.iter().position(|c| Some(c.1) == callee.e164_value());
            let (from, to) = (place(run.first).expect("there"), place(run.last).expect("there"));
            assert_eq!(to - from + 1, run.length as usize, "seed {seed}: {run:?}");
            assert!(Naive::is_run(&naive.callees[from..=to]), "seed {seed}: {run:?}");
            assert_eq!(run.mobile, naive.callees[from].1 >= MOBILE, "seed {seed}: {run:?}");
            if let Some(stride) = run.stride {
                assert_eq!(naive.callees[to].1 as i64 - naive.callees[from].1 as i64, stride * i64::from(run.length - 1));
            }
        }
        for distance in [1, 2, 10] {
            let found = walk.close_pairs(distance);
            let (pairs, expected, blocks) = naive.close_pairs(distance);
            let mobile_blocks = blocks.iter().filter(|block| **block >= MOBILE / 10_000).count();
            assert_eq!((found.pairs, found.blocks as usize), (pairs, blocks.len()), "seed {seed}");
            assert_eq!((found.mobile_blocks as usize, found.of as usize), (mobile_blocks, naive.callees.len()), "seed {seed}");
            assert!((found.expected - expected).abs() < 1e-9, "seed {seed}: {found:?}");
            let are_close = |one: &(u32, u64), other: &(u32, u64)| one.1.abs_diff(other.1) <= distance;
            let any =
                naive.callees.iter().enumerate().any(|(index, one)| naive.callees[..index].iter().any(|o| are_close(one, o)));
            assert_eq!(walk.has_close_pair(distance), any, "seed {seed}");
        }
    }

    #[test]
    fn a_block_in_any_order_shows_and_a_list_does_not() {
        for seed in 0..30 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut block: Vec<u64> = (0..60).map(|index| MOBILE + 4_000 + index).collect();
            block.shuffle(random);
            let found = walk(block).close_pairs(1);
            assert_eq!((found.pairs, found.blocks, found.mobile_blocks), (59, 1, 1), "seed {seed}");
            assert!(found.tail < 1e-9, "seed {seed}: {found:?}");

            // A whole exchange of 256 random callees: about six and a half pairs are chance.
            let mut list: Vec<u64> = (0..10_000).map(|index| LANDLINE + index).collect();
            list.shuffle(random);
            let found = walk(list.into_iter().take(256)).close_pairs(1);
            assert!((found.expected - 6.528).abs() < 1e-9 && found.tail > 1e-6, "seed {seed}: {found:?}");
            assert_eq!((found.blocks, found.mobile_blocks), (u32::from(found.pairs > 0), 0), "seed {seed}");
        }
    }

    #[test]
    fn an_answered_call_does_not_break_a_run() {
        let mut walk = NumberWalk::default();
        // The second call is answered and ends last.
        for (start_s, value) in [(0, 0), (20, 2), (30, 3), (40, 4), (50, 5), (10, 1)] {
            assert!(walk.push(NOON_S + start_s, number(MOBILE + value)));
        }
        let run = walk.longest_run().expect("a run");
        assert_eq!((run.length, run.stride, run.mobile), (6, Some(1), true));
        assert_eq!((run.first, run.last), (number(MOBILE), number(MOBILE + 5)));
    }

    #[test]
    fn what_is_no_run() {
        assert_eq!(walk([]).longest_run(), None);
        assert_eq!(walk([0, 1, 2, 3].map(|value| MOBILE + value)).longest_run(), None);
        assert_eq!(walk([0, 11, 22, 33, 44, 55].map(|value| MOBILE + value)).longest_run(), None);
        assert_eq!(walk([0, 5, 9, 14, 18, 23].map(|value| MOBILE + value)).longest_run(), None);
        let descending = walk([50, 40, 30, 20, 10, 0].map(|value| LANDLINE + value)).longest_run().expect("a run");
        assert_eq!((descending.stride, descending.length, descending.mobile), (Some(-10), 6, false));
        let jumpy = walk([0, 2, 1, 3, 5, 4].map(|value| MOBILE + value)).longest_run().expect("a run");
        assert_eq!((jumpy.stride, jumpy.length), (None, 6));
    }

    #[test]
    fn only_new_numbers_are_remembered_and_only_so_many() {
        let mut walk = NumberWalk::default();
        assert!(!walk.push(NOON_S, Number::token("protected")));
        assert!(!walk.push(NOON_S, Number::parse("95588", "86").expect("a number")));
        for value in 0..1_000 {
            assert!(walk.push(NOON_S + value, number(MOBILE + u64::from(value))));
            assert!(walk.holds(number(MOBILE + u64::from(value))));
        }
        assert!(!walk.push(NOON_S, number(LANDLINE)), "begun before all that is remembered");
        assert_eq!((walk.callees.len(), walk.starts_s.len()), (256, 256));
        assert_eq!((walk.callees.capacity(), walk.starts_s.capacity()), (256, 256));
        assert_eq!(walk.longest_run().map(|run| run.length), Some(256));
        let bytes = postcard::to_stdvec(&walk).expect("bytes");
        assert_eq!(postcard::from_bytes::<NumberWalk>(&bytes).as_ref(), Ok(&walk));
        assert!(!format!("{walk:?}").contains("130000000"), "numbers are masked");
    }
}
