//! Whom an app called in a day, in little: the callees with the smallest hashes. Two such sketches tell how much of two apps'
//! callees is the same, with a declared error, and exactly where both had few.
//!
//! Never names a callee: a hash cannot accuse anybody, and nothing here is an identity.

use serde::{Deserialize, Serialize};

use crate::engine::number::Number;

/// Hashes held: of 256 a share of three in ten is known to ± 3 percentage points (one standard deviation).
pub const HASHES: usize = 256;

/// The smallest hashes of a set, in order: all of them where the set is not larger than [`HASHES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sketch {
    hashes: Vec<u64>,
}

/// How much two sets have in common, counted over the smallest hashes of both together: an even sample of their union.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Common {
    /// Those that are in both.
    pub shared: u32,
    /// Those looked at.
    pub of: u32,
}

impl Sketch {
    /// Takes in a member; one that is in changes nothing.
    pub fn push(&mut self, number: Number) {
        let hash = scattered(number.packed());
        if self.hashes.len() == HASHES && self.hashes.last().is_some_and(|largest| hash >= *largest) {
            return;
        }
        if let Err(place) = self.hashes.binary_search(&hash) {
            self.hashes.truncate(HASHES - 1);
            self.hashes.insert(place, hash);
        }
    }

    /// How many hashes are held: the size of the set, up to [`HASHES`].
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The hashes, in order.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// What two sets have in common.
    pub fn common(&self, other: &Self) -> Common {
        let (mut ours, mut theirs) = (self.hashes.iter().peekable(), other.hashes.iter().peekable());
        let mut common = Common { shared: 0, of: 0 };
        while common.of < HASHES as u32 {
            let Some(smallest) = ours.peek().into_iter().chain(theirs.peek()).min().map(|hash| **hash) else { break };
            let both = [ours.next_if_eq(&&smallest), theirs.next_if_eq(&&smallest)];
            common.of += 1;
            common.shared += u32::from(both.iter().all(Option::is_some));
        }
        common
    }
}

/// The callees of the running day, and of the last one before it that had any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayCallees {
    running: Day,
    before: Day,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    day: u32,
    callees: Sketch,
}

impl DayCallees {
    /// Takes in a callee of a day, counted from the Unix epoch; days come in order.
    pub fn push(&mut self, day: u32, callee: Number) {
        if day > self.running.day {
            self.before = std::mem::replace(&mut self.running, Day { day, callees: Sketch::default() });
        }
        self.running.callees.push(callee);
    }

    /// The callees of a day, if it is one of the last two with any.
    pub fn of(&self, day: u32) -> Option<&Sketch> {
        let known = [&self.running, &self.before].into_iter().find(|known| known.day == day)?;
        (!known.callees.is_empty()).then_some(&known.callees)
    }
}

/// A number spread evenly over 64 bits; no two come out the same (the last steps of SplitMix64, Steele and others 2014).
pub(super) const fn scattered(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn number(index: u64) -> Number {
        Number::from_packed(8_619_900_000_000 + index).expect("not zero")
    }

    fn sketch(members: &BTreeSet<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        // Every one twice, in either order.
        members.iter().chain(members.iter().rev()).for_each(|member| sketch.push(number(*member)));
        sketch
    }

    #[test]
    fn small_sets_are_known_exactly() {
        for seed in 0..200 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let mut draw = || (0..random.random_range(0..128)).map(|_| random.random_range(0..200)).collect::<BTreeSet<u64>>();
            let (one, other) = (draw(), draw());
            let common = sketch(&one).common(&sketch(&other));
            let exact = Common { shared: one.intersection(&other).count() as u32, of: one.union(&other).count() as u32 };
            assert_eq!(common, exact, "seed {seed}");
            assert_eq!(sketch(&one).len(), one.len());
        }
    }

    #[test]
    fn large_sets_are_known_within_the_declared_error() {
        let mut beyond = 0;
        for seed in 0..200 {
            let random = &mut ChaCha8Rng::seed_from_u64(seed);
            let (size, shared) = (random.random_range(300..5_000_u64), random.random_range(0.0..1.0));
            let step = ((size as f64) * (1.0 - shared)) as u64;
            let (one, other): (BTreeSet<u64>, BTreeSet<u64>) = ((0..size).collect(), (step..step + size).collect());
            let exact = one.intersection(&other).count() as f64 / one.union(&other).count() as f64;
            let Common { shared, of } = sketch(&one).common(&sketch(&other));
            assert_eq!(of, HASHES as u32, "seed {seed}");
            let deviation = (exact * (1.0 - exact) / HASHES as f64).sqrt();
            let off = (f64::from(shared) / f64::from(of) - exact).abs();
            assert!(off <= 4.5 * deviation + 1e-9, "seed {seed}: {off} of {exact}");
            beyond += u32::from(off > 2.0 * deviation);
        }
        assert!(beyond <= 20, "{beyond} of 200 are off by more than two deviations, where one in twenty-two is right");
    }

    #[test]
    fn what_is_held_are_the_smallest() {
        let members: BTreeSet<u64> = (0..3_000).collect();
        let mut hashes: Vec<u64> = members.iter().map(|member| scattered(number(*member).packed())).collect();
        hashes.sort_unstable();
        assert_eq!(sketch(&members).hashes(), &hashes[..HASHES]);
    }
}
