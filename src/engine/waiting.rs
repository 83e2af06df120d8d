//! The waiting room: records wait here until their minute closes, and are then judged in one fixed order.
//!
//! This is what makes the engine indifferent to disorder, doubles and batching: within the lateness, whatever order
//! records come in, they leave in the same. Doubles are recognised exactly, among the records that wait; a double of a
//! record that has left is late by definition.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};

use super::record::{Call, CallId, Feedback};
use super::time::Minute;

/// The place of an app in its shard.
pub type AppSlot = u32;

/// The records of one minute, each with its app.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Calls that ended in it.
    pub calls: Vec<(AppSlot, Call)>,
    /// Feedback given in it.
    pub feedback: Vec<(AppSlot, Feedback)>,
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
    /// An emptied bucket, kept for its memory.
    spare: Bucket,
}

impl WaitingRoom {
    /// Empty, with hashes keyed by `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            buckets: BTreeMap::new(),
            index: HashTable::new(),
            hasher: foldhash::fast::FixedState::with_seed(seed),
            spare: Bucket::default(),
        }
    }

    /// Lets a call in; `false` if one with its id is here already.
    pub fn admit_call(&mut self, app: AppSlot, call: Call) -> bool {
        let hash = self.hash(app, &call.id);
        let buckets = &self.buckets;
        let same = |place: &Place| {
            let (other_app, other) = &buckets[&place.minute].calls[place.index as usize];
            *other_app == app && other.id == call.id
        };
        if self.index.find(hash, same).is_some() {
            return false;
        }
        let minute = call.end.minute();
        let spare = &mut self.spare;
        let bucket = self.buckets.entry(minute).or_insert_with(|| std::mem::take(spare));
        let place = Place { minute, index: bucket.calls.len() as u32 };
        bucket.calls.push((app, call));
        let (buckets, hasher) = (&self.buckets, &self.hasher);
        self.index.insert_unique(hash, place, |place| {
            let (app, call) = &buckets[&place.minute].calls[place.index as usize];
            hash_of(hasher, *app, &call.id)
        });
        true
    }

    /// Lets a feedback in at `minute`; `false` if an equal one is here already.
    pub fn admit_feedback(&mut self, app: AppSlot, feedback: Feedback, minute: Minute) -> bool {
        let bucket = self.buckets.entry(minute).or_default();
        let known = bucket.feedback.iter().any(|(other_app, other)| *other_app == app && *other == feedback);
        if !known {
            bucket.feedback.push((app, feedback));
        }
        !known
    }

    /// The first minute in which something waits.
    pub fn first(&self) -> Option<Minute> {
        self.buckets.keys().next().copied()
    }

    /// Takes a minute out, its records in the order in which they are judged: by app, then time, then id.
    pub fn close(&mut self, minute: Minute) -> Option<Bucket> {
        let mut bucket = self.buckets.remove(&minute)?;
        for (index, (app, call)) in bucket.calls.iter().enumerate() {
            let hash = self.hash(*app, &call.id);
            let here = |place: &Place| place.minute == minute && place.index == index as u32;
            if let Ok(entry) = self.index.find_entry(hash, here) {
                entry.remove();
            }
        }
        bucket.calls.sort_unstable_by(|(app, call), (other_app, other)| {
            app.cmp(other_app)
                .then(call.end.cmp(&other.end))
                .then(call.start.cmp(&other.start))
                .then_with(|| call.id.cmp(&other.id))
        });
        bucket.feedback.sort_unstable_by(|(app, feedback), (other_app, other)| {
            let key = |feedback: &Feedback| (feedback.at, feedback.kind, feedback.callee, feedback.verified);
            app.cmp(other_app).then(key(feedback).cmp(&key(other))).then_with(|| feedback.channel.cmp(&other.channel))
        });
        Some(bucket)
    }

    /// Gives a closed bucket's memory back for the next minute.
    pub fn recycle(&mut self, mut bucket: Bucket) {
        bucket.calls.clear();
        bucket.feedback.clear();
        if bucket.calls.capacity() > self.spare.calls.capacity() {
            self.spare = bucket;
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

    /// The durable form: records in the order in which they will be judged.
    pub fn snapshot(&self) -> BTreeMap<Minute, Bucket> {
        let mut copy = self.clone();
        self.buckets.keys().filter_map(|minute| copy.close(*minute).map(|bucket| (*minute, bucket))).collect()
    }

    /// Back from the durable form.
    pub fn restore(buckets: BTreeMap<Minute, Bucket>, seed: u64) -> Self {
        let mut room = Self::new(seed);
        for (minute, bucket) in buckets {
            for (app, call) in bucket.calls {
                room.admit_call(app, call);
            }
            for (app, feedback) in bucket.feedback {
                room.admit_feedback(app, feedback, minute);
            }
        }
        room
    }

    fn hash(&self, app: AppSlot, id: &CallId) -> u64 {
        hash_of(&self.hasher, app, id)
    }
}

fn hash_of(hasher: &foldhash::fast::FixedState, app: AppSlot, id: &CallId) -> u64 {
    struct Key<'k>(AppSlot, &'k CallId);
    impl Hash for Key<'_> {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
            self.1.hash(state);
        }
    }
    hasher.hash_one(Key(app, id))
}
