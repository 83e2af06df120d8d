//! The shard: a deterministic state machine. Records and ticks in, alerts out, nothing else.
//!
//! It owns a share of the apps (a Kafka partition, or a part of a replay) and shares nothing. The same inputs in any order
//! within the lateness, in any batches, cut and restored anywhere, give the same alerts.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::app::{App, AppSnapshot};
use super::detector::Found;
use super::policy::Policy;
use super::record::{Call, CallRecord, Feedback, Position, Registration};
use super::time::{MINUTE_MS, Minute, Timestamp};
use super::waiting::{AppSlot, Bucket, WaitingRoom};
use super::window::{Map, keyed_map};

/// Everything that can happen to a shard.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A call record.
    Call(&'a CallRecord<'a>, Position),
    /// A feedback.
    Feedback(&'a Feedback),
    /// What an app filed; the newest holds.
    Registration(&'a Registration),
    /// The stream has come to this moment: see `StreamClock`.
    Tick(Timestamp),
}

/// What became of a record: its line in the ledger of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accepted {
    /// It counts.
    Applied,
    /// A feedback about a minute already judged: it counts from now on.
    LateApplied,
    /// A call of a minute already judged: it does not count.
    LateDropped,
    /// It is here already.
    Duplicate,
}

/// What should happen outside.
#[derive(Debug, Default)]
pub struct Effects {
    /// Alerts to send, in order: by minute, then app, rule and subject.
    pub alerts: Vec<Alert>,
    /// Alerts of rules in shadow: to count, never to send.
    pub shadowed: Vec<Alert>,
}

/// A share of the apps.
pub struct Shard {
    policy: Arc<Policy>,
    seed: u64,
    slots: Map<Box<str>, AppSlot>,
    apps: Vec<App>,
    waiting: WaitingRoom,
    /// The first minute not yet judged.
    open: Minute,
    /// Apps that must be judged in every minute because an alert of theirs waits for time to pass.
    awake: BTreeSet<AppSlot>,
    apps_evicted: u64,
    found: Found,
}

impl Shard {
    /// An empty shard. `seed` keys the hashes of its maps: any number, best a secret one; it changes no result.
    pub fn new(policy: Arc<Policy>, seed: u64) -> Self {
        Self {
            policy,
            seed,
            slots: keyed_map(seed),
            apps: Vec::new(),
            waiting: WaitingRoom::new(seed),
            open: Minute(0),
            awake: BTreeSet::new(),
            apps_evicted: 0,
            found: Found::default(),
        }
    }

    /// Takes in one input. What it leads to outside is appended to `effects`.
    pub fn apply(&mut self, input: Input<'_>, effects: &mut Effects) -> Accepted {
        match input {
            Input::Call(record, position) => self.call(record, position),
            Input::Feedback(feedback) => self.feedback(feedback),
            Input::Registration(registration) => {
                let slot = self.slot(&registration.app_id);
                self.apps[slot as usize].register(registration, &self.policy);
                Accepted::Applied
            }
            Input::Tick(at) => {
                self.tick(at, effects);
                Accepted::Applied
            }
        }
    }

    fn call(&mut self, record: &CallRecord<'_>, position: Position) -> Accepted {
        if record.end.minute() < self.open {
            return Accepted::LateDropped;
        }
        let slot = self.slot(&record.app_id);
        if self.waiting.admit_call(slot, Call::new(record, position)) { Accepted::Applied } else { Accepted::Duplicate }
    }

    fn feedback(&mut self, feedback: &Feedback) -> Accepted {
        let slot = self.slot(&feedback.app_id);
        let minute = feedback.at.minute();
        if !self.waiting.admit_feedback(slot, feedback.clone(), minute.max(self.open)) {
            Accepted::Duplicate
        } else if minute < self.open {
            Accepted::LateApplied
        } else {
            Accepted::Applied
        }
    }

    fn slot(&mut self, app_id: &str) -> AppSlot {
        if let Some(slot) = self.slots.get(app_id) {
            return *slot;
        }
        let slot = self.apps.len() as AppSlot;
        self.slots.insert(app_id.into(), slot);
        self.apps.push(App::new(app_id, &self.policy, self.seed));
        slot
    }

    /// Closes every minute that ends at or before the watermark: `at` less the lateness.
    fn tick(&mut self, at: Timestamp, effects: &mut Effects) {
        let watermark = at.plus_millis(-self.policy.lateness_ms);
        if watermark.millis() < MINUTE_MS {
            return;
        }
        let end = watermark.minute();
        while let Some(minute) = self.next_minute().filter(|minute| *minute < end) {
            self.close(minute, effects);
            self.open = minute.next();
        }
        self.open = self.open.max(end);
    }

    /// The next minute in which anything can happen.
    fn next_minute(&self) -> Option<Minute> {
        if self.awake.is_empty() { self.waiting.first() } else { Some(self.open) }
    }

    fn close(&mut self, minute: Minute, effects: &mut Effects) {
        let bucket = self.waiting.close(minute).unwrap_or_default();
        let before = (effects.alerts.len(), effects.shadowed.len());
        let awake = std::mem::take(&mut self.awake);
        let mut silent = awake.iter().copied().peekable();
        for (slot, calls, feedback) in shares(&bucket) {
            while let Some(earlier) = silent.next_if(|earlier| *earlier < slot) {
                self.judge(earlier, minute, &[], &[], effects);
            }
            silent.next_if_eq(&slot);
            self.judge(slot, minute, calls, feedback, effects);
        }
        for slot in silent {
            self.judge(slot, minute, &[], &[], effects);
        }
        let order = |alert: &Alert, other: &Alert| alert.app_id.cmp(&other.app_id);
        effects.alerts[before.0..].sort_by(order);
        effects.shadowed[before.1..].sort_by(order);
        self.waiting.recycle(bucket);
    }

    fn judge(
        &mut self,
        slot: AppSlot,
        minute: Minute,
        calls: &[(AppSlot, Call)],
        feedback: &[(AppSlot, Feedback)],
        effects: &mut Effects,
    ) {
        let app = &mut self.apps[slot as usize];
        app.judge(minute, calls, feedback, &self.policy, &mut self.found, effects);
        if app.is_waiting() {
            self.awake.insert(slot);
        }
    }

    /// Apps known.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// Whether an app is here.
    pub fn knows(&self, app_id: &str) -> bool {
        self.slots.contains_key(app_id)
    }

    /// Whether time alone changes nothing: no record waits, and no alert.
    pub fn is_quiet(&self) -> bool {
        self.next_minute().is_none()
    }

    /// The policy it judges by.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The first minute not yet judged: everything before it is final.
    pub fn open_minute(&self) -> Minute {
        self.open
    }

    /// Calls waiting for their minute to close.
    pub fn waiting_calls(&self) -> usize {
        self.waiting.len()
    }

    /// The whole state: the same bytes for the same history.
    pub fn snapshot(&self) -> ShardSnapshot {
        ShardSnapshot {
            apps: self.apps.iter().map(App::snapshot).collect(),
            waiting: self.waiting.snapshot().into_iter().collect(),
            open: self.open,
            awake: self.awake.clone(),
            apps_evicted: self.apps_evicted,
        }
    }

    /// A shard that goes on where the snapshot was taken.
    pub fn restore(snapshot: ShardSnapshot, policy: Arc<Policy>, seed: u64) -> Self {
        let apps: Vec<App> = snapshot.apps.into_iter().map(|app| App::restore(app, &policy, seed)).collect();
        let mut slots = keyed_map(seed);
        slots.extend(apps.iter().enumerate().map(|(slot, app)| (Box::from(app.id()), slot as AppSlot)));
        Self {
            policy,
            seed,
            slots,
            apps,
            waiting: WaitingRoom::restore(snapshot.waiting.into_iter().collect(), seed),
            open: snapshot.open,
            awake: snapshot.awake,
            apps_evicted: snapshot.apps_evicted,
            found: Found::default(),
        }
    }
}

/// The state of a shard, in a fixed order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardSnapshot {
    apps: Vec<AppSnapshot>,
    waiting: Vec<(Minute, Bucket)>,
    open: Minute,
    awake: BTreeSet<AppSlot>,
    apps_evicted: u64,
}

/// What one app has in a closed bucket.
type Share<'a> = (AppSlot, &'a [(AppSlot, Call)], &'a [(AppSlot, Feedback)]);

/// A closed bucket, app by app: its calls and its feedback, each in order.
fn shares(bucket: &Bucket) -> impl Iterator<Item = Share<'_>> {
    let mut calls = &bucket.calls[..];
    let mut feedback = &bucket.feedback[..];
    std::iter::from_fn(move || {
        let slot = calls.first().map(|(slot, _)| *slot).into_iter().chain(feedback.first().map(|(slot, _)| *slot)).min()?;
        let (own_calls, other_calls) = calls.split_at(calls.partition_point(|(other, _)| *other == slot));
        let (own_feedback, other_feedback) = feedback.split_at(feedback.partition_point(|(other, _)| *other == slot));
        (calls, feedback) = (other_calls, other_feedback);
        Some((slot, own_calls, own_feedback))
    })
}
