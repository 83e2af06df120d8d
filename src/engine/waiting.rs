//! The waiting room: records wait here until their minute closes, and are then judged in one fixed order.
//!
//! This is what makes the engine indifferent to disorder, doubles and batching: within the lateness, whatever order
//! records come in, they leave in the same. Doubles are recognised exactly, among the records that wait; a double of a
//! record that has left is late by definition.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::record::{Call, CallId, Feedback};
use super::time::{Minute, Timestamp};

/// The place of an app in its shard.
pub type AppSlot = u32;

/// Looking through the index once is cheaper than looking up every call of a minute that has this part of all, or more.
const SCAN_PARTS: usize = 32;
/// Of so many minutes the memory is kept.
const SPARE_MAX: usize = 2;

/// The records of one minute while it is open.
#[derive(Clone, Debug, Default)]
struct Bucket {
    calls: Vec<(AppSlot, Call)>,
    feedback: BTreeSet<(AppSlot, Timestamp, Feedback)>,
}

/// The records of a closed minute, in the order in which they are judged: by app, then time, then id.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// Calls that ended in it.
    pub calls: Vec<(AppSlot, Call)>,
    /// Feedback given in it.
    pub feedback: Vec<(AppSlot, Feedback)>,
}

impl Closed {
    /// App by app, in order, how many calls and how much feedback it has.
    pub fn counts(&self) -> impl Iterator<Item = (AppSlot, u32, u32)> {
        let (mut calls, mut feedback) = (&self.calls[..], &self.feedback[..]);
        std::iter::from_fn(move || {
            let slot = calls.first().map(|(slot, _)| *slot).into_iter().chain(feedback.first().map(|(slot, _)| *slot)).min()?;
            let own_calls = calls.partition_point(|(other, _)| *other == slot);
            let own_feedback = feedback.partition_point(|(other, _)| *other == slot);
            (calls, feedback) = (&calls[own_calls..], &feedback[own_feedback..]);
            Some((slot, own_calls as u32, own_feedback as u32))
        })
    }
}

/// Where a waiting call lies, for the index of doubles.
#[derive(Clone, Copy, Debug)]
struct Place {
    minute: Minute,
    index: u32,
}

/// All that waits in a shard.
#[derive(Clone, Debug)]
pub struct WaitingRoom {
    buckets: BTreeMap<Minute, Bucket>,
    index: HashTable<Place>,
    hasher: foldhash::fast::FixedState,
    /// The memory of judged minutes, for the next ones.
    spare: Vec<Vec<(AppSlot, Call)>>,
    /// The keys of a minute being sorted, kept for their memory: app, end, start, place.
    order: Vec<(AppSlot, Timestamp, Timestamp, u32)>,
}

impl WaitingRoom {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            buckets: BTreeMap::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::FixedState::with_seed(seed),
            spare: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Lets a call in; `false` if one with its id is here already.
    pub fn admit_call(&mut self, app: AppSlot, call: Call) -> bool {
        let minute = call.end.minute();
        let index = self.buckets.get(&minute).map_or(0, |bucket| bucket.calls.len()) as u32;
        let (buckets, hasher) = (&self.buckets, &self.hasher);
        let at = |place: &Place| &buckets[&place.minute].calls[place.index as usize];
        let is_same = |place: &Place| {
            let (other_app, other) = at(place);
            *other_app == app && other.id == call.id
        };
        let hash_at = |place: &Place| {
            let (app, call) = at(place);
            hash_of(hasher, *app, &call.id)
        };
        let Entry::Vacant(free) = self.index.entry(hash_of(hasher, app, &call.id), is_same, hash_at) else { return false };
        free.insert(Place { minute, index });
        let bucket = self.buckets.entry(minute).or_default();
        if bucket.calls.capacity() == 0 {
            bucket.calls = self.spare.pop().unwrap_or_default();
        }
        bucket.calls.push((app, call));
        true
    }

    /// Lets a feedback in at `minute`; `false` if an equal one is here already.
    pub fn admit_feedback(&mut self, app: AppSlot, feedback: Feedback, minute: Minute) -> bool {
        self.buckets.entry(minute).or_default().feedback.insert((app, feedback.at, feedback))
    }

    /// Drops the feedback that waits for an app.
    pub fn forget_feedback(&mut self, app: AppSlot) {
        for bucket in self.buckets.values_mut() {
            bucket.feedback.retain(|(other, _, _)| *other != app);
        }
    }

    /// The first minute in which something waits.
    pub fn first(&self) -> Option<Minute> {
        self.buckets.keys().next().copied()
    }

    /// Takes a minute out; empty if nothing waits in it.
    pub fn close(&mut self, minute: Minute) -> Closed {
        let Some(bucket) = self.buckets.remove(&minute) else { return Closed::default() };
        if bucket.calls.len() * SCAN_PARTS >= self.index.len() {
            self.index.retain(|place| place.minute != minute);
        } else {
            for (index, (app, call)) in bucket.calls.iter().enumerate() {
                let hash = hash_of(&self.hasher, *app, &call.id);
                let here = |place: &Place| place.minute == minute && place.index == index as u32;
                if let Ok(entry) = self.index.find_entry(hash, here) {
                    entry.remove();
                }
            }
        }
        let mut calls = bucket.calls;
        self.sort(&mut calls);
        Closed { calls, feedback: bucket.feedback.into_iter().map(|(app, _, feedback)| (app, feedback)).collect() }
    }

    /// Puts the calls of a minute in the order in which they are judged. Their keys are sorted first and the calls, five
    /// times as large, moved once.
    fn sort(&mut self, calls: &mut [(AppSlot, Call)]) {
        let order = &mut self.order;
        order.clear();
        order.extend(calls.iter().enumerate().map(|(place, (app, call))| (*app, call.end, call.start, place as u32)));
        order.sort_unstable_by(|one, other| {
            let id = |place: u32| &calls[place as usize].1.id;
            (one.0, one.1, one.2).cmp(&(other.0, other.1, other.2)).then_with(|| id(one.3).cmp(id(other.3)))
        });
        for first in 0..order.len() {
            // One round of places that hand their calls on to each other.
            let mut place = first;
            loop {
                let from = std::mem::replace(&mut order[place].3, place as u32) as usize;
                if from == first {
                    break;
                }
                calls.swap(place, from);
                place = from;
            }
        }
    }

    /// Gives a judged minute's memory back for another.
    pub fn recycle(&mut self, closed: Closed) {
        let mut calls = closed.calls;
        calls.clear();
        if calls.capacity() > 0 && self.spare.len() < SPARE_MAX {
            self.spare.push(calls);
        }
    }

    /// Calls waiting.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no call waits.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// All calls waiting, minute by minute, in no order within it.
    pub fn calls(&self) -> impl Iterator<Item = (AppSlot, &Call)> {
        self.buckets.values().flat_map(|bucket| bucket.calls.iter().map(|(app, call)| (*app, call)))
    }

    /// All feedback waiting, with the minute it waits for.
    pub fn feedback(&self) -> impl Iterator<Item = (AppSlot, Minute, &Feedback)> {
        self.buckets
            .iter()
            .flat_map(|(minute, bucket)| bucket.feedback.iter().map(|(app, _, feedback)| (*app, *minute, feedback)))
    }
}

fn hash_of(hasher: &foldhash::fast::FixedState, app: AppSlot, id: &CallId) -> u64 {
    let mut state = hasher.build_hasher();
    app.hash(&mut state);
    id.hash(&mut state);
    std::hash::Hasher::finish(&state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::tests::call;

    #[test]
    fn doubles_are_turned_away_until_their_minute_has_closed() {
        let mut room = WaitingRoom::new(3);
        let (first, second) = (call("a", 1_700_000_000, 10), call("b", 1_700_000_005, 10));
        assert!(room.admit_call(0, first.clone()));
        assert!(room.admit_call(1, first.clone()), "another app's call of the same id is another call");
        assert!(room.admit_call(0, second));
        assert!(!room.admit_call(0, first.clone()));
        assert_eq!(room.len(), 3);
        let minute = room.first().expect("not empty");
        let closed = room.close(minute);
        let order: Vec<_> = closed.calls.iter().map(|(app, call)| (*app, call.id.to_string())).collect();
        assert_eq!(order, [(0, "a".into()), (0, "b".into()), (1, "a".into())]);
        assert_eq!(closed.counts().collect::<Vec<_>>(), [(0, 2, 0), (1, 1, 0)]);
        assert!(room.is_empty());
        assert!(room.admit_call(0, first));
    }

    #[test]
    fn any_order_of_arrival_leaves_in_one() {
        let mut calls: Vec<(AppSlot, Call)> = (0..500_i64)
            .map(|index| {
                (index as u32 * 7 % 5, call(&format!("call-{}", index * 31 % 500), 1_700_000_040 + index * 13 % 19, index % 3))
            })
            .collect();
        let mut room = WaitingRoom::new(3);
        for (app, call) in &calls {
            assert!(room.admit_call(*app, call.clone()));
        }
        let minute = room.first().expect("not empty");
        let closed = room.close(minute);
        calls.sort_by(|one, other| {
            (one.0, one.1.end, one.1.start, &one.1.id).cmp(&(other.0, other.1.end, other.1.start, &other.1.id))
        });
        assert_eq!(closed.calls, calls);
    }

    #[test]
    fn a_closed_minute_leaves_the_index_whether_it_is_much_of_it_or_little() {
        let at = |id: u32, second: i64| call(&format!("call-{id}"), 1_700_000_040 + second, 1);
        let mut room = WaitingRoom::new(3);
        for id in 0..3 {
            assert!(room.admit_call(0, at(id, 0)));
        }
        for id in 3..1_000 {
            assert!(room.admit_call(0, at(id, 60)));
        }
        let closed = |room: &mut WaitingRoom| room.first().map_or(0, |minute| room.close(minute).calls.len());
        assert_eq!((closed(&mut room), room.len()), (3, 997), "little of it");
        assert!(!room.admit_call(0, at(500, 60)) && room.admit_call(0, at(1, 120)));
        assert_eq!((closed(&mut room), room.len()), (997, 1), "nearly all");
        assert!(room.admit_call(0, at(500, 120)) && !room.admit_call(0, at(1, 120)));
    }

    #[test]
    fn the_index_survives_growth() {
        let mut room = WaitingRoom::new(3);
        for index in 0..5_000 {
            assert!(room.admit_call(0, call(&format!("call-{index}"), 1_700_000_000 + index % 300, 1)));
        }
        for index in 0..5_000 {
            assert!(!room.admit_call(0, call(&format!("call-{index}"), 1_700_000_000 + index % 300, 1)));
        }
    }
}
