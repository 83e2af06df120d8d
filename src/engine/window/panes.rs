//! A sliding sum over panes of event time: added on arrival, subtracted on expiry. Exact, O(1) an event.
//!
//! Time only moves forward here: the shard hands over closed minutes in order.

use std::collections::VecDeque;
use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};

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

/// The sum of `C` over the last panes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sliding<C> {
    panes: VecDeque<(u32, C)>,
    total: C,
}

impl<C: Default> Default for Sliding<C> {
    fn default() -> Self {
        Self { panes: VecDeque::new(), total: C::default() }
    }
}

impl<C: Clone + Default + for<'c> AddAssign<&'c C> + for<'c> SubAssign<&'c C>> Sliding<C> {
    /// Adds to the pane of `minute`, which must not lie before any minute added earlier.
    pub fn add(&mut self, span: Span, minute: Minute, count: &C) {
        self.advance(span, minute);
        let pane = span.pane(minute);
        self.total += count;
        match self.panes.back_mut() {
            Some((last, sum)) if *last == pane => *sum += count,
            last => {
                debug_assert!(last.is_none_or(|(last, _)| *last < pane), "minutes come in order");
                self.panes.push_back((pane, count.clone()));
            }
        }
    }

    /// Lets panes expire that the window ending with `minute` no longer holds.
    pub fn advance(&mut self, span: Span, minute: Minute) {
        let first = (span.pane(minute) + 1).saturating_sub(span.panes);
        while let Some((pane, sum)) = self.panes.front()
            && *pane < first
        {
            self.total -= sum;
            self.panes.pop_front();
        }
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
    pub fn panes(&self) -> impl DoubleEndedIterator<Item = (u32, &C)> {
        self.panes.iter().map(|(pane, sum)| (*pane, sum))
    }

    /// What the sum would be had the window come to end with `minute`: for looking on without touching.
    pub fn total_at(&self, span: Span, minute: Minute) -> C {
        let first = (span.pane(minute) + 1).saturating_sub(span.panes);
        let expired = self.panes.iter().take_while(|(pane, _)| *pane < first);
        expired.fold(self.total.clone(), |mut total, (_, sum)| {
            total -= sum;
            total
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq)]
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

    proptest! {
        #[test]
        fn equals_a_filter_over_everything(steps in prop::collection::vec((0_u32..200, 1_u64..5), 1..200), which in 0..4) {
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
            }
        }
    }
}
