//! Pair memory: whom an app has called, since when, and how many different callees in the last hour and day.
//!
//! Exact: one entry of 16 bytes a callee, one more for those who called themselves, and a count per pane of the callees whose last
//! call began in it. A call moves one unit from the old pane to the new, so `distinct` of both windows costs O(1) a call. Bounded:
//! above the cap the callees longest unheard of go over into a sketch ([`Faded`]) that tells whether a callee was among them, with a
//! declared error, and no longer when. Of those, `distinct` counts one twice who is called again within the window.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::faded::Faded;
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
    /// Those pushed out by the cap; `None` until somebody was.
    faded: Option<Box<Faded>>,
    /// How many ever were.
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
            faded: None,
            evicted: 0,
            swept_day: 0,
        }
    }

    /// Takes in an outbound call that began at `start_s`. `cap` bounds how many callees are remembered.
    pub fn called(&mut self, callee: Number, start_s: u32, cap: usize) -> Contact {
        self.make_room(start_s, cap);
        let inbound_s = self.called_us.get(callee.packed()).unwrap_or(0);
        let (pair, is_new) = self.called.entry(callee.packed());
        let is_faded = is_new && inbound_s == 0 && self.faded.as_ref().is_some_and(|faded| faded.holds(callee));
        self.strangers -= usize::from(is_new && inbound_s != 0);
        let known_s = pair.last_s.max(inbound_s);
        let first = !is_faded && (known_s == 0 || start_s.saturating_sub(known_s) > MEMORY_S);
        if first {
            pair.first_s = start_s;
        } else if pair.first_s == 0 {
            // Known from a call of theirs, or as somebody pushed out: an acquaintance from the beginning.
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
        self.make_room(end_s, cap);
        let (inbound_s, is_new) = self.called_us.entry(callee.packed());
        *inbound_s = end_s.max(*inbound_s);
        self.strangers += usize::from(is_new && !self.called.contains(callee.packed()));
    }

    fn make_room(&mut self, now_s: u32, cap: usize) {
        if self.len() < cap.max(8) {
            return;
        }
        // More than an eighth only where the cap has become smaller.
        let evict = self.len() - cap.max(8) + cap.max(8) / 8;
        if let Some(threshold_s) = nth_oldest(self.last_used(), evict) {
            let strangers = self.called_us.iter().filter(|(number, _)| !self.called.contains(*number));
            let called = self.called.iter().map(|(number, pair)| (number, self.last_used_s(number, pair)));
            let pushed_out = called.chain(strangers).filter(|(_, last_used_s)| *last_used_s <= threshold_s);
            let pushed_out: Vec<u64> = pushed_out.map(|(number, _)| number).collect();
            self.evicted += pushed_out.len() as u64;
            self.faded.get_or_insert_default().take_in(&pushed_out, now_s, cap.max(8));
            self.drop_all_but(|last_used_s| last_used_s > threshold_s);
        }
    }

    /// When each was last heard of, in Unix seconds, in no order.
    fn last_used(&self) -> impl Iterator<Item = u32> + '_ {
        let strangers =
            self.called_us.iter().filter(|(number, _)| !self.called.contains(*number)).map(|(_, inbound_s)| inbound_s);
        self.called.iter().map(|(number, pair)| self.last_used_s(number, pair)).chain(strangers)
    }

    fn last_used_s(&self, number: u64, pair: Called) -> u32 {
        pair.last_s.max(self.called_us.get(number).unwrap_or(0))
    }

    /// Keeps those who were last heard of when it is `wanted`. The panes go on counting those who go, while they last.
    fn drop_all_but(&mut self, wanted: impl Fn(u32) -> bool) {
        let Self { called, called_us, .. } = self;
        called.retain(|number, pair| wanted(pair.last_s.max(called_us.get(number).unwrap_or(0))));
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
            self.drop_all_but(|last_used_s| now_s.saturating_sub(last_used_s) <= MEMORY_S);
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

    /// Callees pushed out by the cap, ever.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Of these, how many the sketch still tells from others.
    pub fn faded(&self) -> usize {
        self.faded.as_ref().map_or(0, |faded| faded.len())
    }

    /// The durable form: the same bytes for the same contents.
    pub fn snapshot(&self) -> PairsSnapshot<'_> {
        let called_us_s = |number| self.called_us.get(number).unwrap_or(0);
        let called = self
            .called
            .iter()
            .map(|(number, Called { first_s, last_s })| (number, Pair { first_s, last_s, inbound_s: called_us_s(number) }));
        let strangers = self.called_us.iter().filter(|(number, _)| !self.called.contains(*number));
        let strangers = strangers.map(|(number, inbound_s)| (number, Pair { inbound_s, ..Pair::default() }));
        let mut pairs: Vec<(u64, Pair)> = called.chain(strangers).collect();
        pairs.sort_unstable_by_key(|(number, _)| *number);
        let newest_s = pairs.iter().map(|(_, pair)| pair.last_s.max(pair.inbound_s)).max().unwrap_or(0);
        let mut before = 0;
        let steps =
            pairs.into_iter().map(|(number, pair)| Step::new(number - std::mem::replace(&mut before, number), pair, newest_s));
        PairsSnapshot {
            newest_s,
            steps: steps.collect(),
            hour: Cow::Borrowed(&self.hour),
            day: Cow::Borrowed(&self.day),
            faded: self.faded.as_deref().map(Cow::Borrowed),
            evicted: self.evicted,
            swept_day: self.swept_day,
        }
    }

    /// Back from the durable form.
    pub fn restore(snapshot: PairsSnapshot<'_>, seed: u64) -> Self {
        let (hour, day) = (snapshot.hour.into_owned(), snapshot.day.into_owned());
        let mut pairs = Self { hour, day, evicted: snapshot.evicted, swept_day: snapshot.swept_day, ..Self::new(seed) };
        pairs.faded = snapshot.faded.map(|faded| Box::new(faded.into_owned()));
        pairs.called.reserve(snapshot.steps.len());
        let mut number: u64 = 0;
        for step in snapshot.steps {
            number = number.wrapping_add(step.number);
            // No number is 0: whoever wrote that into the topic was not this program.
            if number == 0 {
                continue;
            }
            let Pair { first_s, last_s, inbound_s } = step.pair(snapshot.newest_s);
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

/// What is known of a callee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair {
    /// Start of the first call of this acquaintance; 0 if the app never called.
    first_s: u32,
    /// Start of the latest call; 0 if the app never called.
    last_s: u32,
    /// End of the latest call that came from the callee; 0 if none did.
    inbound_s: u32,
}

/// A callee as it is stored, from the one before it on: small numbers, which take few bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    /// How much larger the number is.
    number: u64,
    /// How long before the newest moment the latest call began.
    last_before_s: u32,
    /// How long before that the first one did.
    first_before_s: u32,
    /// How long before the second after the newest moment a call of theirs ended; 0 if none did.
    inbound_before_s: u32,
}

impl Step {
    // All of it wraps, so that every moment comes back whatever it was.
    fn new(number: u64, Pair { first_s, last_s, inbound_s }: Pair, newest_s: u32) -> Self {
        let inbound_before_s = if inbound_s == 0 { 0 } else { newest_s.wrapping_sub(inbound_s).wrapping_add(1) };
        let (last_before_s, first_before_s) = (newest_s.wrapping_sub(last_s), last_s.wrapping_sub(first_s));
        Self { number, last_before_s, first_before_s, inbound_before_s }
    }

    fn pair(self, newest_s: u32) -> Pair {
        let last_s = newest_s.wrapping_sub(self.last_before_s);
        let inbound_s = match self.inbound_before_s {
            0 => 0,
            before_s => newest_s.wrapping_sub(before_s.wrapping_sub(1)),
        };
        Pair { first_s: last_s.wrapping_sub(self.first_before_s), last_s, inbound_s }
    }
}

/// [`Pairs`] in the order of the callees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairsSnapshot<'a> {
    newest_s: u32,
    steps: Vec<Step>,
    hour: Cow<'a, LastSeen>,
    day: Cow<'a, LastSeen>,
    faded: Option<Cow<'a, Faded>>,
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
        assert_eq!((pairs.distinct_hour(), pairs.distinct_day()), (100_000, 100_000), "whoever is pushed out still counts");
        assert!(pairs.evicted() >= 99_000);
        pairs.advance(Minute((1_700_000_000 + 2 * DAY_S) / 60));
        assert_eq!((pairs.distinct_hour(), pairs.distinct_day()), (0, 0));
    }

    #[test]
    fn whoever_was_pushed_out_is_not_new() {
        let mut pairs = Pairs::new(1);
        let t = 1_700_000_000;
        for index in 0..2_000 {
            pairs.called(callee(index), t + index as u32, 1_000);
        }
        assert!(pairs.last_called_s(callee(3)).is_none() && pairs.faded() as u64 == pairs.evicted());
        let again = pairs.called(callee(3), t + 3_000, 1_000);
        assert_eq!(again, Contact { first: false, fresh: false, previous_s: None, called_us_s: None });
        let others = (0..1_000).filter(|index| !pairs.called(callee(10_000 + index), t + 3_001, 1_000).first).count();
        assert!(others <= 10, "{others} of 1,000 new ones are taken for known");
        let bytes = postcard::to_stdvec(&pairs.snapshot()).expect("bytes");
        let restored = Pairs::restore(postcard::from_bytes(&bytes).expect("snapshot"), 5);
        assert_eq!(restored.snapshot(), pairs.snapshot());
    }
}
