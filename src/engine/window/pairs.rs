//! Pair memory: whom an app has called, since when, and how many different callees in the last hour and day.
//!
//! Exact: one entry of 16 bytes a callee, one more for those who called themselves, and a count per pane of the callees whose last
//! call began in it. A call moves one unit from the old pane to the new, so `distinct` of both windows costs O(1) a call. Bounded:
//! above the cap the callees longest unheard of are forgotten, which can only make a callee look new.

use serde::{Deserialize, Serialize};

use super::nth_oldest;
use super::panes::Span;
use super::table::Table;
use crate::engine::number::Number;
use crate::engine::time::{DAY_S, Minute};

/// A callee not contacted for this long is new again: 30 days.
pub const MEMORY_S: u32 = 30 * DAY_S;
/// A contact stays *fresh* for this long after the first call to the callee: 24 hours.
pub const FRESH_S: u32 = DAY_S;

/// The calls to a callee.
#[derive(Clone, Copy, Debug, Default)]
struct Called {
    /// Start of the first call of this acquaintance; 1 if it began with a call of theirs.
    first_s: u32,
    /// Start of the latest call.
    last_s: u32,
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
    called: Table<Called>,
    /// End of the latest call that came from somebody.
    called_us: Table<u32>,
    /// Those who called and were never called.
    strangers: usize,
    hour: LastSeen,
    day: LastSeen,
    /// Callees forgotten because of the cap, ever.
    evicted: u64,
    swept_day: u32,
}

impl Pairs {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            called: Table::new(seed),
            called_us: Table::new(seed),
            strangers: 0,
            hour: LastSeen::default(),
            day: LastSeen::default(),
            evicted: 0,
            swept_day: 0,
        }
    }

    /// Takes in an outbound call that began at `start_s`. `cap` bounds how many callees are remembered.
    pub fn called(&mut self, callee: Number, start_s: u32, cap: usize) -> Contact {
        self.make_room(cap);
        let inbound_s = self.called_us.get(callee.packed()).unwrap_or(0);
        let (pair, is_new) = self.called.entry(callee.packed());
        self.strangers -= usize::from(is_new && inbound_s != 0);
        let known_s = pair.last_s.max(inbound_s);
        let first = known_s == 0 || start_s.saturating_sub(known_s) > MEMORY_S;
        if first {
            pair.first_s = start_s;
        } else if pair.first_s == 0 {
            // Known from a call of theirs: an acquaintance from the beginning.
            pair.first_s = 1;
        }
        let previous_s = pair.last_s;
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
        self.called.get(callee.packed()).map(|pair| pair.last_s)
    }

    /// Takes in a call that came from the callee and ended at `end_s`.
    pub fn called_back(&mut self, callee: Number, end_s: u32, cap: usize) {
        self.make_room(cap);
        let (inbound_s, is_new) = self.called_us.entry(callee.packed());
        *inbound_s = end_s.max(*inbound_s);
        self.strangers += usize::from(is_new && !self.called.contains(callee.packed()));
    }

    fn make_room(&mut self, cap: usize) {
        if self.len() < cap.max(8) {
            return;
        }
        // More than an eighth only where the cap has become smaller.
        let evict = self.len() - cap.max(8) + cap.max(8) / 8;
        if let Some(threshold_s) = nth_oldest(self.last_used(), evict) {
            let before = self.len();
            self.forget(|last_used_s| last_used_s > threshold_s);
            self.evicted += (before - self.len()) as u64;
        }
    }

    /// When each was last heard of, in Unix seconds, in no order.
    fn last_used(&self) -> impl Iterator<Item = u32> + '_ {
        let strangers =
            self.called_us.iter().filter(|(number, _)| !self.called.contains(*number)).map(|(_, inbound_s)| inbound_s);
        let called_us_s = |number| self.called_us.get(number).unwrap_or(0);
        self.called.iter().map(move |(number, pair)| pair.last_s.max(called_us_s(number))).chain(strangers)
    }

    /// Keeps those who were last heard of when it is `wanted`. The panes no longer count those who go.
    fn forget(&mut self, wanted: impl Fn(u32) -> bool) {
        let Self { called, called_us, hour, day, .. } = self;
        let is_kept = |number, pair: Called| wanted(pair.last_s.max(called_us.get(number).unwrap_or(0)));
        for (_, pair) in called.iter().filter(|(number, pair)| !is_kept(*number, *pair)) {
            hour.forgotten(Span::HOUR, pair.last_s);
            day.forgotten(Span::DAY, pair.last_s);
        }
        called.retain(is_kept);
        // Who goes there was last heard of no later than by a call of theirs.
        called_us.retain(|number, inbound_s| called.contains(number) || wanted(inbound_s));
        self.strangers = called_us.iter().filter(|(number, _)| !called.contains(*number)).count();
    }

    /// Lets time pass to the closed `minute`: panes expire, and once a day the callees beyond [`MEMORY_S`].
    pub fn advance(&mut self, minute: Minute) {
        self.hour.advance(Span::HOUR, Span::HOUR.pane(minute));
        self.day.advance(Span::DAY, Span::DAY.pane(minute));
        let now_s = minute.end().seconds();
        let day = now_s / DAY_S;
        if day > self.swept_day {
            self.swept_day = day;
            self.forget(|last_used_s| now_s.saturating_sub(last_used_s) <= MEMORY_S);
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
        self.called.len() + self.strangers
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Callees forgotten because of the cap.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> PairsSnapshot {
        let called_us_s = |number| self.called_us.get(number).unwrap_or(0);
        let called = self
            .called
            .iter()
            .map(|(number, Called { first_s, last_s })| (number, Pair { first_s, last_s, inbound_s: called_us_s(number) }));
        let strangers = self.called_us.iter().filter(|(number, _)| !self.called.contains(*number));
        let strangers = strangers.map(|(number, inbound_s)| (number, Pair { inbound_s, ..Pair::default() }));
        let mut pairs: Vec<(u64, Pair)> = called.chain(strangers).collect();
        pairs.sort_unstable_by_key(|(number, _)| *number);
        PairsSnapshot { pairs, hour: self.hour.clone(), day: self.day.clone(), evicted: self.evicted, swept_day: self.swept_day }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: PairsSnapshot, seed: u64) -> Self {
        let mut pairs = Self { hour: snapshot.hour, day: snapshot.day, evicted: snapshot.evicted, ..Self::new(seed) };
        pairs.swept_day = snapshot.swept_day;
        pairs.called.reserve(snapshot.pairs.iter().filter(|(_, pair)| pair.last_s != 0).count());
        for (number, Pair { first_s, last_s, inbound_s }) in snapshot.pairs {
            if last_s != 0 {
                *pairs.called.entry(number).0 = Called { first_s, last_s };
            }
            if inbound_s != 0 {
                *pairs.called_us.entry(number).0 = inbound_s;
                pairs.strangers += usize::from(last_s == 0);
            }
        }
        pairs
    }
}

/// What is known of a callee, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    /// Start of the first call of this acquaintance; 0 if the app never called.
    first_s: u32,
    /// Start of the latest call; 0 if the app never called.
    last_s: u32,
    /// End of the latest call that came from the callee; 0 if none did.
    inbound_s: u32,
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
