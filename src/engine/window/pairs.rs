//! Pair memory: whom an app has called, since when, and how many different callees in the last hour and day.
//!
//! Exact: one entry a callee, and a count per pane of the callees whose last call began in it. A call moves one unit from
//! the old pane to the new, so `distinct` of both windows costs O(1) a call. Bounded: above the cap the callees longest
//! unheard of are forgotten, which can only make a callee look new.

use serde::{Deserialize, Serialize};

use super::panes::Span;
use super::{Map, evict_oldest, keyed_map, sorted};
use crate::engine::number::Number;
use crate::engine::time::{DAY_S, Minute};

/// A callee not contacted for this long is new again: 30 days.
pub const MEMORY_S: u32 = 30 * DAY_S;
/// A contact stays *fresh* for this long after the first call to the callee: 24 hours.
pub const FRESH_S: u32 = DAY_S;

/// What is known of a callee: 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    /// Start of the first call of this acquaintance; 0 if the app never called.
    first_s: u32,
    /// Start of the latest call; 0 if the app never called.
    last_s: u32,
    /// End of the latest call that came from the callee; 0 if none did.
    inbound_s: u32,
}

impl Pair {
    fn last_used_s(&self) -> u32 {
        self.last_s.max(self.inbound_s)
    }
}

/// What a call to a callee meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The first call in [`MEMORY_S`], with no call from the callee either.
    pub first: bool,
    /// Within [`FRESH_S`] of such a first call.
    pub fresh: bool,
    /// Start of the call before, if remembered.
    pub previous_s: Option<u32>,
    /// End of the latest call that came from the callee, if remembered.
    pub called_us_s: Option<u32>,
}

/// Distinct callees of one window, by the pane of their last call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LastSeen {
    /// Callees per pane, a ring indexed by pane number; empty until used.
    ring: Vec<u32>,
    /// The newest pane.
    newest: u32,
    total: u32,
}

impl LastSeen {
    fn advance(&mut self, span: Span, pane: u32) {
        if self.ring.is_empty() {
            self.ring = vec![0; span.panes as usize];
            self.newest = pane;
        }
        let steps = pane.saturating_sub(self.newest).min(span.panes);
        for step in 1..=steps {
            let expired = &mut self.ring[((self.newest + step) % span.panes) as usize];
            self.total -= std::mem::take(expired);
        }
        if steps == span.panes {
            self.ring.fill(0);
        }
        self.newest = self.newest.max(pane);
    }

    /// What `total` would be had time passed to `pane`.
    fn total_at(&self, span: Span, pane: u32) -> u32 {
        let steps = pane.saturating_sub(self.newest).min(span.panes);
        let expired = |step| self.ring.get(((self.newest + step) % span.panes) as usize);
        self.total - (1..=steps).filter_map(expired).sum::<u32>()
    }

    fn slot(&mut self, span: Span, at_s: u32) -> Option<&mut u32> {
        let pane = span.pane(Minute(at_s / 60));
        let held = pane <= self.newest && self.newest - pane < span.panes;
        held.then(|| &mut self.ring[(pane % span.panes) as usize])
    }

    fn moved(&mut self, span: Span, from_s: u32, to_s: u32) {
        self.advance(span, span.pane(Minute(to_s / 60)));
        if from_s != 0
            && let Some(count) = self.slot(span, from_s)
        {
            *count -= 1;
            self.total -= 1;
        }
        if let Some(count) = self.slot(span, to_s) {
            *count += 1;
            self.total += 1;
        }
    }

    fn forgotten(&mut self, span: Span, last_s: u32) {
        if last_s != 0
            && let Some(count) = self.slot(span, last_s)
        {
            *count -= 1;
            self.total -= 1;
        }
    }
}

/// Every callee an app remembers.
#[derive(Clone, Debug)]
pub struct Pairs {
    map: Map<u64, Pair>,
    hour: LastSeen,
    day: LastSeen,
    /// Callees forgotten because of the cap, ever.
    evicted: u64,
    swept_day: u32,
}

impl Pairs {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self { map: keyed_map(seed), hour: LastSeen::default(), day: LastSeen::default(), evicted: 0, swept_day: 0 }
    }

    /// Takes in an outbound call that began at `start_s`. `cap` bounds how many callees are remembered.
    pub fn called(&mut self, callee: Number, start_s: u32, cap: usize) -> Contact {
        self.make_room(cap);
        let pair = self.map.entry(callee.packed()).or_default();
        let known_s = pair.last_used_s();
        let first = known_s == 0 || start_s.saturating_sub(known_s) > MEMORY_S;
        if first {
            pair.first_s = start_s;
        } else if pair.first_s == 0 {
            // Known from a call of theirs: an acquaintance from the beginning.
            pair.first_s = 1;
        }
        let (previous_s, inbound_s) = (pair.last_s, pair.inbound_s);
        let fresh = start_s.saturating_sub(pair.first_s) < FRESH_S;
        if start_s > previous_s {
            pair.last_s = start_s;
            self.hour.moved(Span::HOUR, previous_s, start_s);
            self.day.moved(Span::DAY, previous_s, start_s);
        }
        let known = |at_s: u32| (at_s != 0 && !first).then_some(at_s);
        Contact { first, fresh, previous_s: known(previous_s), called_us_s: known(inbound_s) }
    }

    /// Start of the latest call to a callee, in Unix seconds; `None` if it is not remembered or only called itself.
    pub fn last_called_s(&self, callee: Number) -> Option<u32> {
        self.map.get(&callee.packed()).map(|pair| pair.last_s).filter(|last_s| *last_s != 0)
    }

    /// Takes in a call that came from the callee and ended at `end_s`.
    pub fn called_back(&mut self, callee: Number, end_s: u32, cap: usize) {
        self.make_room(cap);
        let pair = self.map.entry(callee.packed()).or_default();
        pair.inbound_s = pair.inbound_s.max(end_s);
    }

    fn make_room(&mut self, cap: usize) {
        if self.map.len() < cap.max(8) {
            return;
        }
        let (hour, day) = (&mut self.hour, &mut self.day);
        let before: Vec<u32> = self.map.values().map(|pair| pair.last_s).collect();
        // More than an eighth only where the cap has become smaller.
        let excess = self.map.len() - cap.max(8);
        let evicted = evict_oldest(&mut self.map, excess + cap.max(8) / 8, Pair::last_used_s);
        self.evicted += evicted as u64;
        // The panes must not count those who went: recount both sides by value.
        let mut kept: Vec<u32> = self.map.values().map(|pair| pair.last_s).collect();
        let mut gone = before;
        gone.sort_unstable();
        kept.sort_unstable();
        let mut kept = kept.into_iter().peekable();
        for last_s in gone {
            if kept.peek() == Some(&last_s) {
                kept.next();
            } else {
                hour.forgotten(Span::HOUR, last_s);
                day.forgotten(Span::DAY, last_s);
            }
        }
    }

    /// Lets time pass to the closed `minute`: panes expire, and once a day the callees beyond [`MEMORY_S`].
    pub fn advance(&mut self, minute: Minute) {
        self.hour.advance(Span::HOUR, Span::HOUR.pane(minute));
        self.day.advance(Span::DAY, Span::DAY.pane(minute));
        let now_s = minute.end().seconds();
        let day = now_s / DAY_S;
        if day > self.swept_day {
            self.swept_day = day;
            self.map.retain(|_, pair| now_s.saturating_sub(pair.last_used_s()) <= MEMORY_S);
        }
    }

    /// Different callees called in the last hour.
    pub fn distinct_hour(&self) -> u32 {
        self.hour.total
    }

    /// Different callees called in the last day.
    pub fn distinct_day(&self) -> u32 {
        self.day.total
    }

    /// Different callees called in the day that ends with `minute`, for looking on without touching.
    pub fn distinct_day_at(&self, minute: Minute) -> u32 {
        self.day.total_at(Span::DAY, Span::DAY.pane(minute))
    }

    /// Callees remembered.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Callees forgotten because of the cap.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> PairsSnapshot {
        PairsSnapshot {
            pairs: sorted(&self.map).into_iter().map(|(key, pair)| (key, *pair)).collect(),
            hour: self.hour.clone(),
            day: self.day.clone(),
            evicted: self.evicted,
            swept_day: self.swept_day,
        }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: PairsSnapshot, seed: u64) -> Self {
        let mut map = keyed_map(seed);
        map.reserve(snapshot.pairs.len());
        map.extend(snapshot.pairs);
        Self { map, hour: snapshot.hour, day: snapshot.day, evicted: snapshot.evicted, swept_day: snapshot.swept_day }
    }
}

/// [`Pairs`] in the order of the callees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairsSnapshot {
    pairs: Vec<(u64, Pair)>,
    hour: LastSeen,
    day: LastSeen,
    evicted: u64,
    swept_day: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn callee(index: u64) -> Number {
        Number::from_packed(8_619_900_000_000 + index).expect("not zero")
    }

    /// Distinct callees whose last call began in the window that ends with `minute`.
    fn naive_distinct(calls: &[(u64, u32)], span: Span, minute: Minute) -> u32 {
        let mut last: BTreeMap<u64, u32> = BTreeMap::new();
        for (callee, start_s) in calls {
            let entry = last.entry(*callee).or_default();
            *entry = (*entry).max(*start_s);
        }
        let from_s = span.from(minute).seconds();
        last.values().filter(|start_s| **start_s >= from_s).count() as u32
    }

    proptest! {
        #[test]
        fn distinct_equals_a_scan(steps in prop::collection::vec((0_u64..40, 0_u32..4_000, 0_u32..300), 1..300)) {
            let mut pairs = Pairs::new(7);
            let mut calls = Vec::new();
            let mut now_s = 1_700_000_000;
            for (who, gap_s, talk_s) in steps {
                now_s += gap_s;
                let start_s = now_s - talk_s;
                pairs.called(callee(who), start_s, 1_000);
                calls.push((who, start_s));
                let minute = Minute(now_s / 60);
                pairs.advance(minute);
                prop_assert_eq!(pairs.distinct_hour(), naive_distinct(&calls, Span::HOUR, minute));
                prop_assert_eq!(pairs.distinct_day(), naive_distinct(&calls, Span::DAY, minute));
                let later = Minute(minute.0 + gap_s);
                prop_assert_eq!(pairs.distinct_day_at(later), naive_distinct(&calls, Span::DAY, later));
            }
            let bytes = postcard::to_stdvec(&pairs.snapshot()).expect("bytes");
            let restored = Pairs::restore(postcard::from_bytes(&bytes).expect("snapshot"), 12345);
            prop_assert_eq!(restored.snapshot(), pairs.snapshot());
        }
    }

    #[test]
    fn a_contact_is_first_once_and_fresh_for_a_day() {
        let mut pairs = Pairs::new(1);
        let t = 1_700_000_000;
        assert_eq!(pairs.called(callee(1), t, 100), Contact { first: true, fresh: true, previous_s: None, called_us_s: None });
        assert_eq!(
            pairs.called(callee(1), t + 60, 100),
            Contact { first: false, fresh: true, previous_s: Some(t), called_us_s: None }
        );
        assert_eq!(
            pairs.called(callee(1), t + FRESH_S, 100),
            Contact { first: false, fresh: false, previous_s: Some(t + 60), called_us_s: None }
        );
        let later = t + FRESH_S + MEMORY_S + 1;
        assert_eq!(
            pairs.called(callee(1), later, 100),
            Contact { first: true, fresh: true, previous_s: None, called_us_s: None }
        );
        pairs.called_back(callee(2), t, 100);
        assert_eq!(
            pairs.called(callee(2), t + 60, 100),
            Contact { first: false, fresh: false, previous_s: None, called_us_s: Some(t) }
        );
    }

    #[test]
    fn a_flood_of_callees_is_bounded_and_still_counted() {
        let mut pairs = Pairs::new(1);
        for index in 0..100_000_u32 {
            pairs.called(callee(u64::from(index)), 1_700_000_000 + index / 100, 1_000);
            assert!(pairs.len() <= 1_000);
        }
        pairs.advance(Minute((1_700_000_000 + 1_000) / 60));
        assert_eq!(pairs.distinct_hour() as usize, pairs.len());
        assert!(pairs.evicted() >= 99_000);
    }
}
