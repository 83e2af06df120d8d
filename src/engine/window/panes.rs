//! A sliding sum over panes of event time: added on arrival, subtracted on expiry. Exact, O(1) an event.
//!
//! Time only moves forward here: the shard hands over closed minutes in order.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::ops::{AddAssign, SubAssign};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::time::{Minute, Timestamp};

/// The shape of a window: how many minutes a pane has and how many panes the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Minutes in a pane.
    pub pane_minutes: u32,
    /// Panes in the window, the running one included.
    pub panes: u32,
}

impl Span {
    /// One hour, sliding by the minute.
    pub const HOUR: Self = Self { pane_minutes: 1, panes: 60 };
    /// 24 hours, sliding by a quarter of an hour.
    pub const DAY: Self = Self { pane_minutes: 15, panes: 96 };
    /// 24 hours, sliding by the hour: for the many caller numbers.
    pub const DAY_COARSE: Self = Self { pane_minutes: 60, panes: 24 };
    /// Fourteen days, sliding by half a day: for what is rare.
    pub const FORTNIGHT: Self = Self { pane_minutes: 720, panes: 28 };
    /// Seven days, sliding by the hour.
    pub const WEEK: Self = Self { pane_minutes: 60, panes: 168 };

    /// The pane a minute lies in.
    pub const fn pane(self, minute: Minute) -> u32 {
        minute.0 / self.pane_minutes
    }

    /// Where the window that ends with `minute` begins.
    pub const fn from(self, minute: Minute) -> Timestamp {
        let first = (self.pane(minute) + 1).saturating_sub(self.panes);
        Minute(first * self.pane_minutes).start()
    }
}

/// What a window sums. A pane holds it packed: most panes hold few calls, and there are many panes.
pub trait Counts: Clone + Default + PartialEq + for<'c> AddAssign<&'c Self> + for<'c> SubAssign<&'c Self> {
    /// The counts of a pane, or of a part of it where they do not fit.
    type Packed: Clone + Debug;

    /// Takes out as much as fits.
    fn pack(&mut self) -> Self::Packed;

    /// What was packed.
    fn unpack(packed: &Self::Packed) -> Self;

    /// Adds counts to what is packed, where that is sooner done than unpacking it. If the sum does not fit, nothing is added, and this is
    /// `false`.
    fn join(_packed: &mut Self::Packed, _counts: &Self) -> bool {
        false
    }
}

/// Takes as much out of a count as fits a byte.
pub fn byte_of(count: &mut u32) -> u8 {
    let part = (*count).min(u8::MAX.into());
    *count -= part;
    part as u8
}

/// A plain count, to be summed over panes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count(pub u32);

impl AddAssign<&Count> for Count {
    fn add_assign(&mut self, other: &Count) {
        self.0 += other.0;
    }
}

impl SubAssign<&Count> for Count {
    fn sub_assign(&mut self, other: &Count) {
        self.0 -= other.0;
    }
}

impl Counts for Count {
    type Packed = u32;

    fn pack(&mut self) -> u32 {
        std::mem::take(&mut self.0)
    }

    fn unpack(packed: &u32) -> Self {
        Self(*packed)
    }
}

/// More panes than any window has: which of them one is shows in the low byte of its number.
const PANES_MAX: u32 = 256;

/// The counts of a pane, or of a part of it.
#[derive(Clone, Debug)]
struct Entry<P> {
    /// The low byte of its number.
    pane: u8,
    sum: P,
}

/// The sum of `C` over the last panes.
#[derive(Clone, Debug)]
pub struct Sliding<C: Counts> {
    /// By pane; one whose counts do not fit goes on in the next entry.
    panes: VecDeque<Entry<C::Packed>>,
    /// The pane of the last entry.
    newest: u32,
    total: C,
    /// The pane of the first entry, or an earlier one: mostly nothing has expired, and this tells without fetching the panes.
    oldest: u32,
}

impl<C: Counts> Default for Sliding<C> {
    fn default() -> Self {
        Self { panes: VecDeque::new(), oldest: 0, newest: 0, total: C::default() }
    }
}

impl<C: Counts> Sliding<C> {
    /// Adds to the pane of `minute`, which must not lie before any minute added earlier.
    pub fn add(&mut self, span: Span, minute: Minute, count: &C) {
        self.advance(span, minute);
        self.total += count;
        let pane = span.pane(minute);
        // Nearly always the pane is there already, and its counts are small.
        let last = self.panes.back_mut().filter(|_| self.newest == pane);
        if !last.is_some_and(|last| C::join(&mut last.sum, count)) {
            self.put(span, pane, count.clone());
        }
    }

    fn put(&mut self, span: Span, pane: u32, mut rest: C) {
        if let Some(last) = self.panes.back_mut() {
            debug_assert!(self.newest <= pane && pane - self.newest < PANES_MAX, "minutes come in order");
            if self.newest == pane {
                rest += &C::unpack(&last.sum);
                last.sum = rest.pack();
            }
        }
        while rest != C::default() {
            let len = self.panes.len();
            if len == self.panes.capacity() {
                // By less than the double: most windows stay as they are once they are full, with an entry a pane.
                let full = (span.panes as usize).checked_sub(len).filter(|more| *more > 0);
                self.panes.reserve_exact((len / 4 + 4).min(full.unwrap_or(usize::MAX)));
            }
            self.panes.push_back(Entry { pane: pane as u8, sum: rest.pack() });
            self.newest = pane;
        }
    }

    /// The number of a pane that is held.
    fn number(&self, pane: u8) -> u32 {
        self.newest - u32::from((self.newest as u8).wrapping_sub(pane))
    }

    /// Lets panes expire that the window ending with `minute` no longer holds.
    pub fn advance(&mut self, span: Span, minute: Minute) {
        let first = (span.pane(minute) + 1).saturating_sub(span.panes);
        if first <= self.oldest {
            return;
        }
        while let Some(oldest) = self.panes.front()
            && self.number(oldest.pane) < first
        {
            self.total -= &C::unpack(&oldest.sum);
            self.panes.pop_front();
        }
        // Of an empty one: whatever comes is not earlier.
        self.oldest = self.panes.front().map_or(first, |oldest| self.number(oldest.pane));
        if self.panes.is_empty() && self.panes.capacity() > 8 {
            // An idle app keeps nothing.
            self.panes = VecDeque::new();
        }
    }

    /// The sum over the window as of the last `add` or `advance`.
    pub fn total(&self) -> &C {
        &self.total
    }

    /// The panes that hold anything, oldest first, each with its sum.
    pub fn panes(&self) -> impl Iterator<Item = (u32, C)> {
        let mut parts = self.panes.iter().peekable();
        std::iter::from_fn(move || {
            let part = parts.next()?;
            let mut sum = C::unpack(&part.sum);
            while let Some(more) = parts.next_if(|other| other.pane == part.pane) {
                sum += &C::unpack(&more.sum);
            }
            Some((self.number(part.pane), sum))
        })
    }

    /// What the sum would be had the window come to end with `minute`: for looking on without touching.
    pub fn total_at(&self, span: Span, minute: Minute) -> C {
        let first = (span.pane(minute) + 1).saturating_sub(span.panes);
        let expired = self.panes.iter().take_while(|part| self.number(part.pane) < first);
        expired.fold(self.total.clone(), |mut total, part| {
            total -= &C::unpack(&part.sum);
            total
        })
    }
}

impl<C: Counts> PartialEq for Sliding<C> {
    /// What is summed counts, not how its panes are cut.
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.panes().eq(other.panes())
    }
}

impl<C: Counts + Eq> Eq for Sliding<C> {}

/// More entries than any window has: a thousand million calls make a quarter of it.
const PARTS_MAX: usize = 1 << 24;

/// The durable form of [`Sliding`]: a pane an entry.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Sliding")]
struct Whole<C> {
    panes: Vec<(u32, C)>,
    total: C,
}

impl<C: Counts + Serialize> Serialize for Sliding<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Whole { panes: self.panes().collect(), total: self.total.clone() }.serialize(serializer)
    }
}

impl<'de, C: Counts + Deserialize<'de>> Deserialize<'de> for Sliding<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Whole { panes, total } = Whole::<C>::deserialize(deserializer)?;
        if !panes.is_sorted_by(|(one, _), (other, _)| one < other) {
            return Err(D::Error::custom("panes out of order"));
        }
        let number = |pane: Option<&(u32, C)>| pane.map_or(0, |(number, _)| *number);
        if number(panes.last()) - number(panes.first()) >= PANES_MAX {
            return Err(D::Error::custom("more panes than a window has"));
        }
        let mut sliding = Self { panes: VecDeque::with_capacity(panes.len()), oldest: 0, newest: 0, total };
        for (pane, mut rest) in panes {
            while rest != C::default() {
                if sliding.panes.len() > PARTS_MAX {
                    return Err(D::Error::custom("more than ever was counted"));
                }
                sliding.panes.push_back(Entry { pane: pane as u8, sum: rest.pack() });
                sliding.newest = pane;
            }
        }
        Ok(sliding)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Sum(u64);
    impl AddAssign<&Sum> for Sum {
        fn add_assign(&mut self, other: &Sum) {
            self.0 += other.0;
        }
    }
    impl SubAssign<&Sum> for Sum {
        fn sub_assign(&mut self, other: &Sum) {
            self.0 -= other.0;
        }
    }
    /// Three fit.
    impl Counts for Sum {
        type Packed = u8;
        fn pack(&mut self) -> u8 {
            let part = self.0.min(3);
            self.0 -= part;
            part as u8
        }
        fn unpack(packed: &u8) -> Self {
            Self(u64::from(*packed))
        }
        fn join(packed: &mut u8, counts: &Self) -> bool {
            let sum = u64::from(*packed) + counts.0;
            if sum <= 3 {
                *packed = sum as u8;
            }
            sum <= 3
        }
    }

    proptest! {
        #[test]
        fn equals_a_filter_over_everything(steps in prop::collection::vec((0_u32..200, 0_u64..5), 1..200), which in 0..4) {
            let span = [Span::HOUR, Span::DAY, Span::DAY_COARSE, Span::WEEK][which as usize];
            let mut sliding = Sliding::<Sum>::default();
            let mut all = Vec::new();
            let mut minute = Minute(1_000_000);
            for (gap, count) in steps {
                minute = Minute(minute.0 + gap);
                sliding.add(span, minute, &Sum(count));
                all.push((minute, count));
                let from = span.from(minute);
                let naive: u64 = all.iter().filter(|(at, _)| at.start() >= from).map(|(_, count)| count).sum();
                prop_assert_eq!(sliding.total().0, naive);
                let later = Minute(minute.0 + gap);
                let from = span.from(later);
                let naive: u64 = all.iter().filter(|(at, _)| at.start() >= from).map(|(_, count)| count).sum();
                prop_assert_eq!(sliding.total_at(span, later).0, naive);
                let mut naive = BTreeMap::new();
                for (at, count) in all.iter().filter(|(at, count)| *count > 0 && at.start() >= span.from(minute)) {
                    *naive.entry(span.pane(*at)).or_insert(0) += count;
                }
                prop_assert_eq!(sliding.panes().map(|(pane, sum)| (pane, sum.0)).collect::<BTreeMap<_, _>>(), naive);
            }
            let bytes = postcard::to_stdvec(&sliding).expect("bytes");
            prop_assert_eq!(postcard::from_bytes::<Sliding<Sum>>(&bytes).expect("a window"), sliding);
        }
    }
}
