//! Callees whom the cap has pushed out of the pair memory, in little: whether somebody was among them, with a declared error.
//!
//! Two Bloom filters (Bloom 1970), one after the other. Says yes of everybody who was pushed out in the last fifteen days, or of as
//! many as the cap where that were more; and of fewer than [`ERROR`] of those who never were: an error makes a new callee look
//! known, in the app's favour. Never names anybody.

use serde::{Deserialize, Serialize};

use super::pairs::MEMORY_S;
use super::sketch::scattered;
use crate::engine::number::Number;

/// Of those who were never pushed out, the share that is taken for one at most. Twelve bits a member and eight probes make
/// (1 - e^(-8/12))^8 = 0.0031 of a full filter, and there are two.
pub const ERROR: f64 = 0.01;

const BITS_A_MEMBER: usize = 12;
const PROBES: u32 = 8;
/// The longest for which a filter takes members.
const FILTER_S: u32 = MEMORY_S / 2;

/// The two filters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faded {
    newer: Filter,
    older: Filter,
    /// When the newer one took its first member, in Unix seconds.
    since_s: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Filter {
    bits: Vec<u8>,
    members: usize,
}

impl Filter {
    fn for_members(members: usize) -> Self {
        Self { bits: vec![0; (members * BITS_A_MEMBER).div_ceil(8)], members: 0 }
    }

    fn has_room_for(&self, members: usize) -> bool {
        (self.members + members) * BITS_A_MEMBER <= self.bits.len() * 8
    }

    /// The places of a number: byte and bit (double hashing, Kirsch and Mitzenmacher 2006).
    fn places(&self, number: u64) -> impl Iterator<Item = (usize, u8)> + use<> {
        let (hash, bits) = (scattered(number), self.bits.len() as u64 * 8);
        let (first, step) = (hash as u32, (hash >> 32) as u32 | 1);
        (0..PROBES).map(move |probe| {
            let bit = (u64::from(first.wrapping_add(probe.wrapping_mul(step))) * bits) >> 32;
            ((bit / 8) as usize, 1 << (bit % 8))
        })
    }

    fn insert(&mut self, number: u64) {
        for (byte, bit) in self.places(number) {
            self.bits[byte] |= bit;
        }
        self.members += 1;
    }

    fn holds(&self, number: u64) -> bool {
        self.members > 0 && self.places(number).all(|(byte, bit)| self.bits[byte] & bit != 0)
    }
}

impl Faded {
    /// Takes in those who are pushed out at a moment (Unix seconds), out of a memory for `cap`.
    pub fn take_in(&mut self, pushed_out: &[u64], now_s: u32, cap: usize) {
        if !self.newer.has_room_for(pushed_out.len()) || now_s.saturating_sub(self.since_s) > FILTER_S {
            self.older = std::mem::replace(&mut self.newer, Filter::for_members(cap.max(pushed_out.len())));
            self.since_s = now_s;
        }
        pushed_out.iter().for_each(|number| self.newer.insert(*number));
    }

    /// Whether somebody was pushed out: true of all who were, and of fewer than [`ERROR`] of all others.
    pub fn holds(&self, callee: Number) -> bool {
        self.newer.holds(callee.packed()) || self.older.holds(callee.packed())
    }

    /// How many were pushed out and are still told from others.
    pub fn len(&self) -> usize {
        self.newer.members + self.older.members
    }

    /// Whether nobody was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn callee(number: u64) -> Number {
        Number::from_packed(number).expect("not zero")
    }

    #[test]
    fn all_members_are_known_and_few_others() {
        let mut faded = Faded::default();
        let cap = 20_000_u64;
        let number = |index: u64| 8_613_800_000_000 + index * 7;
        for batch in 0..16 {
            let pushed_out: Vec<u64> = (batch * cap / 8..(batch + 1) * cap / 8).map(number).collect();
            faded.take_in(&pushed_out, 1_700_000_000, cap as usize);
        }
        assert_eq!(faded.len() as u64, 2 * cap, "both filters are full");
        assert!((0..2 * cap).all(|index| faded.holds(callee(number(index)))));
        let others = 200_000;
        let wrong = (0..others).filter(|index| faded.holds(callee(number(2 * cap + index)))).count();
        let share = wrong as f64 / others as f64;
        assert!(share < ERROR, "{share} of others are taken for members");
        assert!(share > 0.0, "a filter this full is never free of errors: nothing was looked at");
    }

    #[test]
    fn the_longest_gone_are_forgotten_by_time_and_by_number() {
        let mut faded = Faded::default();
        let day = |days: u32| 1_700_000_000 + days * crate::engine::time::DAY_S;
        faded.take_in(&[1], day(0), 8);
        faded.take_in(&[2], day(16), 8);
        assert!(faded.holds(callee(1)) && faded.holds(callee(2)));
        faded.take_in(&[3], day(32), 8);
        assert!(!faded.holds(callee(1)) && faded.holds(callee(2)) && faded.holds(callee(3)));
        faded.take_in(&[4, 5, 6, 7, 8, 9, 10, 11], day(32), 8);
        assert!(!faded.holds(callee(2)) && faded.holds(callee(3)) && faded.holds(callee(11)));
        assert_eq!(faded.len(), 9);
    }

    proptest! {
        #[test]
        fn nobody_of_the_last_fifteen_days_is_missed_until_the_cap(
            batches in prop::collection::vec((prop::collection::btree_set(1_u64..1_000_000, 1..20), 0_u32..500_000), 1..12)
        ) {
            let (mut faded, mut naive, mut now_s) = (Faded::default(), Vec::<(u32, BTreeSet<u64>)>::new(), 1_700_000_000);
            for (members, gap_s) in batches {
                now_s += gap_s;
                faded.take_in(&members.iter().copied().collect::<Vec<u64>>(), now_s, 400);
                naive.push((now_s, members));
                let recent = naive.iter().filter(|(at_s, _)| now_s - at_s <= FILTER_S);
                prop_assert!(recent.flat_map(|(_, members)| members).all(|member| faded.holds(callee(*member))));
            }
            let bytes = postcard::to_stdvec(&faded).expect("bytes");
            prop_assert_eq!(postcard::from_bytes::<Faded>(&bytes).expect("filters"), faded);
        }
    }
}
