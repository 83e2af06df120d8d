//! A packed map from numbers to small values: what an app remembers of each of very many people.
//!
//! One array of entries in the order of their scattered numbers, with gaps: the place of an entry follows from its number, but for
//! those before it that lie closer together. It grows by an eighth and is between 77 % and 88 % full, so an entry takes 18 to 21
//! bytes where it is 16, and a map that doubles would take up to 39. Entries leave only by the many, when the array is built
//! anew: one pass over the old one, since the order stays. Never iterated into output.
//!
//! The array lies in pieces of one size, and the new one takes over those of the old one as they become empty: no table is twice in
//! memory while it grows, and none leaves a hole behind in which the others, all larger by then, find no room.

use super::sketch::scattered;

/// How full it may be, in eighths; from here on searches become long.
const FULL_EIGHTHS: usize = 7;
/// The homes of the smallest array that is not empty.
const HOMES_MIN: usize = 8;
/// Places that are added behind the last home when its entries need them.
const BEHIND: usize = 8;
/// An array of fewer homes is small: it weighs less than what else an app holds.
const SMALL: usize = 512;
/// Places of a piece: a kilobyte of entries of 16 bytes. Larger ones leave more holes, and take longer to allocate.
const PIECE: usize = 64;

/// Scattered numbers with their values; 0 marks a gap.
type Piece<V> = Box<[(u64, V)]>;

/// A map from numbers other than 0 to values.
#[derive(Clone, Debug)]
pub struct Table<V> {
    /// The array: ascending, and between the home of an entry and the entry there is no gap. All pieces but the last have [`PIECE`]
    /// places, and that one has no more.
    pieces: Vec<Piece<V>>,
    /// Places in which the search for a number may begin; behind them lies what the last ones cannot hold.
    homes: usize,
    len: usize,
    scatter: Scatter,
}

impl<V: Copy + Default> Table<V> {
    /// Empty. `seed` decides where numbers lie.
    pub fn new(seed: u64) -> Self {
        Self { pieces: Vec::new(), homes: 0, len: 0, scatter: Scatter::keyed(seed) }
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
        let key = self.scatter.there(number);
        self.piece_from(self.find(key)).first().filter(|(found, _)| *found == key).map(|(_, value)| *value)
    }

    /// Whether there is a value of a number.
    pub fn contains(&self, number: u64) -> bool {
        self.get(number).is_some()
    }

    /// The value of a number, put there if there was none, and whether it was.
    pub fn entry(&mut self, number: u64) -> (&mut V, bool) {
        assert!(number != 0, "0 is no number");
        let key = self.scatter.there(number);
        let mut at = self.find(key);
        let is_new = self.piece_from(at).first().is_none_or(|(found, _)| *found != key);
        if is_new {
            if (self.len + 1) * 8 > self.homes * FULL_EIGHTHS {
                self.rebuild(larger(self.homes), |_, _| true);
                at = self.find(key);
            }
            self.insert(at, key);
        }
        (&mut self.pieces[at / PIECE][at % PIECE].1, is_new)
    }

    /// Keeps the entries for which `wanted` holds.
    pub fn retain(&mut self, wanted: impl Fn(u64, V) -> bool) {
        let kept = self.iter().filter(|(number, value)| wanted(*number, *value)).count();
        if kept < self.len {
            self.rebuild(homes_for(kept), wanted);
        }
    }

    /// The entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, V)> + '_ {
        let taken = self.pieces.iter().flatten().filter(|(key, _)| *key != 0);
        taken.map(|(key, value)| (self.scatter.back(*key), *value))
    }

    /// Makes room for so many entries.
    pub fn reserve(&mut self, entries: usize) {
        if homes_for(entries) > self.homes {
            self.rebuild(homes_for(entries), |_, _| true);
        }
    }

    fn places(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    /// The places from `at` to the end of its piece; none behind the last.
    fn piece_from(&self, at: usize) -> &[(u64, V)] {
        self.pieces.get(at / PIECE).map_or(&[], |piece| &piece[at % PIECE..])
    }

    /// Where the search for a key begins.
    fn home(&self, key: u64) -> usize {
        // The high half of the product spreads keys over any number of places, and keeps their order (Lemire 2019).
        ((u128::from(key) * self.homes as u128) >> 64) as usize
    }

    /// Where a key lies, or where it would have to be put.
    fn find(&self, key: u64) -> usize {
        let mut at = self.home(key);
        loop {
            let rest = self.piece_from(at);
            let smaller = rest.iter().take_while(|(other, _)| *other != 0 && *other < key).count();
            at += smaller;
            if smaller < rest.len() || rest.is_empty() {
                return at;
            }
        }
    }

    /// Puts a key, which is not in, where it must lie; those there move on by one, up to the next gap.
    fn insert(&mut self, mut at: usize, key: u64) {
        let mut carried = (key, V::default());
        while carried.0 != 0 {
            if at == self.places() {
                self.lengthen();
            }
            let rest = &mut self.pieces[at / PIECE][at % PIECE..];
            let moved = rest.iter().take_while(|(other, _)| *other != 0).count();
            // With the gap, or with what has to go on into the next piece.
            let with_last = (moved + 1).min(rest.len());
            let last = rest[with_last - 1];
            rest.copy_within(..with_last - 1, 1);
            rest[0] = std::mem::replace(&mut carried, last);
            at += with_last;
        }
        self.len += 1;
    }

    /// Adds places behind the last home.
    fn lengthen(&mut self) {
        let mut last = self.pieces.pop_if(|last| last.len() < PIECE).unwrap_or_default().into_vec();
        let places = (last.len() + BEHIND).min(PIECE);
        last.reserve_exact(places - last.len());
        last.resize(places, (0, V::default()));
        self.pieces.reserve_exact(1);
        self.pieces.push(last.into());
    }

    fn rebuild(&mut self, homes: usize, wanted: impl Fn(u64, V) -> bool) {
        let before = std::mem::replace(&mut self.pieces, Vec::with_capacity(homes.div_ceil(PIECE) + 1));
        (self.homes, self.len) = (homes, 0);
        let (mut emptied, mut reached, mut next) = (Vec::new(), 0, 0);
        for mut piece in before {
            for (key, value) in piece.iter_mut().map(std::mem::take) {
                if key != 0 && wanted(self.scatter.back(key), value) {
                    let at = self.home(key).max(next);
                    if at >= reached {
                        reached = self.reach(at + 1, &mut emptied);
                    }
                    self.pieces[at / PIECE][at % PIECE] = (key, value);
                    self.len += 1;
                    next = at + 1;
                }
            }
            if piece.len() == PIECE {
                emptied.push(piece);
            }
        }
        self.reach(homes, &mut emptied);
    }

    /// Sees to it that there are so many places, while the array is built anew out of `emptied` pieces of the old one. Returns how
    /// many there are.
    fn reach(&mut self, places: usize, emptied: &mut Vec<Piece<V>>) -> usize {
        while self.places() < places {
            let left = self.homes.saturating_sub(self.places()).min(PIECE);
            if left == 0 {
                self.lengthen();
                continue;
            }
            let piece = emptied.pop_if(|piece| piece.len() == left);
            self.pieces.push(piece.unwrap_or_else(|| vec![(0, V::default()); left].into()));
        }
        self.places()
    }
}

/// The next size: by an eighth of the power of two below, which is whole pieces where there are many. By a quarter while it is small.
fn larger(homes: usize) -> usize {
    let below = homes.checked_ilog2().map_or(0, |log2| 1 << log2);
    let part = if homes < SMALL { 4 } else { 8 };
    homes + (below / part).max(HOMES_MIN / 2)
}

/// Homes for so many entries, with some to spare.
fn homes_for(entries: usize) -> usize {
    if entries == 0 { 0 } else { (entries * 5 / 4 + 1).max(HOMES_MIN) }
}

/// Numbers spread evenly over 64 bits and back: no two come out the same, and 0 alone comes out as 0.
#[derive(Clone, Copy, Debug)]
struct Scatter {
    factor: u64,
    inverse: u64,
}

impl Scatter {
    fn keyed(seed: u64) -> Self {
        // Odd, so that there is an inverse; scattered, so that no seed leaves the high bits as they are.
        let factor = scattered(seed) | 1;
        Self { factor, inverse: inverse(factor) }
    }

    fn there(self, number: u64) -> u64 {
        let value = number.wrapping_mul(self.factor);
        let value = (value ^ value >> 32).wrapping_mul(MIX);
        value ^ value >> 32
    }

    fn back(self, key: u64) -> u64 {
        let value = (key ^ key >> 32).wrapping_mul(UNMIX);
        (value ^ value >> 32).wrapping_mul(self.inverse)
    }
}

/// The second multiplier of SplitMix64 (Steele and others 2014), and what undoes it.
const MIX: u64 = 0x94d0_49bb_1331_11eb;
const UNMIX: u64 = inverse(MIX);

/// What an odd factor is undone by (Newton's iteration: each step doubles the bits that are right).
const fn inverse(factor: u64) -> u64 {
    let mut inverse = factor;
    let mut step = 0;
    while step < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(factor.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
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
                    4 => table.reserve(number as usize),
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
    fn every_number_comes_back_and_lies_where_it_is_looked_for() {
        let mut table = Table::<u32>::new(9);
        assert_eq!((table.scatter.there(0), table.scatter.back(0)), (0, 0));
        for number in (1..2_000).chain([u64::MAX, 1 << 63, 8_613_800_000_000]) {
            assert_eq!(table.scatter.back(table.scatter.there(number)), number);
            table.entry(number);
            let keys: Vec<u64> = table.pieces.iter().flatten().map(|(key, _)| *key).filter(|key| *key != 0).collect();
            assert!(keys.is_sorted_by(|one, other| one < other) && keys.len() == table.len());
            assert!(table.pieces.iter().rev().skip(1).all(|piece| piece.len() == PIECE), "{number} numbers");
        }
        // However close together the numbers lie, searches stay short.
        let far = |(at, (key, _)): (usize, &(u64, u32))| if *key == 0 { 0 } else { at - table.home(*key) };
        let (far, len) = (table.pieces.iter().flatten().enumerate().map(far).sum::<usize>(), table.len());
        assert!(far < 8 * len, "{far} places away in all, {len} entries");
    }

    #[test]
    fn numbers_that_all_belong_to_the_last_place_are_held_behind_it() {
        let mut table = Table::<u64>::new(3);
        let numbers: Vec<u64> = (0..1_000).map(|index| table.scatter.back(u64::MAX - index * 7_919 % 1_000)).collect();
        for (index, number) in (0..).zip(&numbers) {
            *table.entry(*number).0 = index;
        }
        assert!(table.places() <= table.homes + numbers.len() + BEHIND);
        table.retain(|_, index| index % 3 > 0);
        for (index, number) in (0..).zip(&numbers) {
            assert_eq!(table.get(*number), (index % 3 > 0).then_some(index));
        }
    }

    #[test]
    fn an_entry_of_16_bytes_takes_at_most_21_however_many_there_are() {
        let mut table = Table::<[u32; 2]>::new(5);
        for number in 1..=100_000_u64 {
            table.entry(number);
            let bytes = table.places() * size_of::<(u64, [u32; 2])>() + table.pieces.capacity() * size_of::<Piece<[u32; 2]>>();
            assert!(number < 1_024 || bytes as u64 <= number * 21, "{bytes} bytes for {number}");
        }
        table.retain(|number, _| number <= 10);
        assert!(table.places() <= 16);
        table.retain(|_, _| false);
        assert_eq!((table.places(), table.get(1)), (0, None));
    }
}
