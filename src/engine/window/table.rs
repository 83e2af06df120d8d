//! A packed map from numbers to small values: what an app remembers of each of very many people.
//!
//! One array of entries, searched from where the keyed hash of the number points to; 0 is no number and marks a free place. It
//! grows by a quarter and is between 62 % and 80 % full, so an entry takes 20 to 26 bytes where it is 16, and a map that doubles would
//! take up to 39. Entries leave only by the many, when the array is built anew. Never iterated into output.

use std::hash::BuildHasher;

/// How full it may be, in fifths; from here on searches become long.
const FULL_FIFTHS: usize = 4;
/// The places of the smallest array.
const PLACES_MIN: usize = 8;

/// A map from numbers other than 0 to values.
#[derive(Clone, Debug)]
pub struct Table<V> {
    /// Number and value; 0 where there is none.
    places: Vec<(u64, V)>,
    len: usize,
    hasher: foldhash::fast::FixedState,
}

impl<V: Copy + Default> Table<V> {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { places: Vec::new(), len: 0, hasher: foldhash::fast::FixedState::with_seed(seed) }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a number.
    pub fn get(&self, number: u64) -> Option<V> {
        if self.places.is_empty() {
            return None;
        }
        let (key, value) = self.places[self.find(number)];
        (key != 0).then_some(value)
    }

    /// Whether there is a value of a number.
    pub fn contains(&self, number: u64) -> bool {
        self.get(number).is_some()
    }

    /// The value of a number, put there if there was none, and whether it was.
    pub fn entry(&mut self, number: u64) -> (&mut V, bool) {
        debug_assert!(number != 0, "0 is no number");
        if (self.len + 1) * 5 > self.places.len() * FULL_FIFTHS {
            self.rebuild((self.places.len() + self.places.len() / 4 + 1).max(PLACES_MIN), |_, _| true);
        }
        let at = self.find(number);
        let (key, value) = &mut self.places[at];
        let is_new = *key == 0;
        *key = number;
        self.len += usize::from(is_new);
        (value, is_new)
    }

    /// Keeps the entries for which `wanted` holds.
    pub fn retain(&mut self, wanted: impl Fn(u64, V) -> bool) {
        let kept = self.iter().filter(|(number, value)| wanted(*number, *value)).count();
        if kept < self.len {
            self.rebuild(places_for(kept), wanted);
        }
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        self.places.iter().filter(|(number, _)| *number != 0).copied()
    }

    /// Makes room for so many entries.
    pub fn reserve(&mut self, entries: usize) {
        if places_for(entries) > self.places.len() {
            self.rebuild(places_for(entries), |_, _| true);
        }
    }

    /// Where the search for a number begins.
    fn home(&self, number: u64) -> usize {
        // The high half of the product spreads a hash over any number of places (Lemire 2019).
        ((u128::from(self.hasher.hash_one(number)) * self.places.len() as u128) >> 64) as usize
    }

    /// Where a number lies, or the free place where it would. There is always a free one.
    fn find(&self, number: u64) -> usize {
        let places = self.places.len();
        let mut at = self.home(number);
        loop {
            let key = self.places[at].0;
            if key == number || key == 0 {
                return at;
            }
            at += 1;
            if at == places {
                at = 0;
            }
        }
    }

    fn rebuild(&mut self, places: usize, wanted: impl Fn(u64, V) -> bool) {
        let before = std::mem::replace(&mut self.places, vec![(0, V::default()); places]);
        self.len = 0;
        for (number, value) in before {
            if number != 0 && wanted(number, value) {
                let at = self.find(number);
                self.places[at] = (number, value);
                self.len += 1;
            }
        }
    }
}

/// Places for so many entries, with some to spare.
fn places_for(entries: usize) -> usize {
    if entries == 0 { 0 } else { (entries * 3 / 2).max(PLACES_MIN) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..20, 1_u64..400, 0_u32..1_000), 1..600), seed in 0_u64..4) {
            let (mut table, mut naive) = (Table::<u32>::new(seed), BTreeMap::new());
            for (what, number, value) in steps {
                match what {
                    0 => {
                        table.retain(|number, held| number % 3 != 0 || held > value);
                        naive.retain(|number, held| number % 3 != 0 || *held > value);
                    }
                    1..4 => prop_assert_eq!(table.get(number), naive.get(&number).copied()),
                    _ => {
                        let (held, is_new) = table.entry(number);
                        prop_assert_eq!(is_new, !naive.contains_key(&number));
                        *held += value;
                        *naive.entry(number).or_default() += value;
                    }
                }
                prop_assert_eq!(table.len(), naive.len());
            }
            prop_assert_eq!(table.iter().collect::<BTreeMap<_, _>>(), naive);
        }
    }

    #[test]
    fn an_entry_of_16_bytes_takes_at_most_26_however_many_there_are() {
        let mut table = Table::<[u32; 2]>::new(5);
        for number in 1..=100_000_u64 {
            table.entry(number);
            let bytes = table.places.capacity() * size_of::<(u64, [u32; 2])>();
            assert!(number < 64 || bytes as u64 <= number * 26, "{bytes} bytes for {number}");
        }
        table.retain(|number, _| number <= 10);
        assert!(table.places.capacity() <= 16);
        table.retain(|_, _| false);
        assert_eq!((table.places.capacity(), table.get(1)), (0, None));
    }
}
