//! The shard: a deterministic state machine. Records and ticks in, alerts out, nothing else.
//!
//! It owns a share of the apps (a Kafka partition, or a part of a replay) and shares nothing. The same inputs in any order
//! within the lateness, in any batches, cut and restored anywhere, give the same alerts.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::app::{App, AppSnapshot, Waiting};
use super::detector::{Found, Mode};
use super::overlaps::{DaySketch, Overlap};
use super::policy::Policy;
use super::record::{Call, CallRecord, Elsewhere, Feedback, Position, Registration};
use super::time::{MINUTE_MS, Minute, Timestamp};
use super::waiting::{AppSlot, Share, WaitingRoom};
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
    /// Calls of an app were met in another partition before they were met in this one.
    Elsewhere {
        /// The app.
        app_id: &'a str,
        /// Where its first call in this partition stands.
        here: Position,
        /// Where a call of it in the other partition stands.
        there: Position,
        /// The end of the call here.
        at: Timestamp,
    },
    /// On a day another app called the same people: see `overlaps`.
    Overlap {
        /// The app.
        app_id: &'a str,
        /// What it has in common with the other.
        overlap: &'a Overlap,
    },
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
    /// More calls of this app wait than the bound allows: it does not count, and the app's alerts say so.
    Flooded,
}

/// What should happen outside.
#[derive(Debug, Default)]
pub struct Effects {
    /// Alerts to send, in order: by minute, then app, rule and subject.
    pub alerts: Vec<Alert>,
    /// Alerts of rules in shadow: to count, never to send.
    pub shadowed: Vec<Alert>,
    /// Whom the apps called on the days that were judged to their end, in order: by day, then app.
    pub sketches: Vec<DaySketch>,
}

/// A share of the apps.
pub struct Shard {
    policy: Arc<Policy>,
    seed: u64,
    slots: Map<Box<str>, AppSlot>,
    /// By slot; `None` where an app was evicted.
    apps: Vec<Option<App>>,
    free: Vec<AppSlot>,
    waiting: WaitingRoom,
    /// The first minute not yet judged.
    open: Minute,
    /// Apps that must be judged in every minute because an alert or a rule of theirs waits for time to pass.
    awake: BTreeSet<AppSlot>,
    apps_evicted: u64,
    /// Apps evicted since the last checkpoint.
    forgotten: Vec<Box<str>>,
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
            free: Vec::new(),
            waiting: WaitingRoom::new(seed),
            open: Minute(0),
            awake: BTreeSet::new(),
            apps_evicted: 0,
            forgotten: Vec::new(),
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
                if let Some(app) = &mut self.apps[slot as usize] {
                    app.register(registration, &self.policy);
                    // Limits of its own may switch on a rule that waits for time to pass, or off the only one that did.
                    if app.is_waiting(&self.policy) {
                        self.awake.insert(slot)
                    } else {
                        self.awake.remove(&slot)
                    };
                }
                Accepted::Applied
            }
            Input::Elsewhere { app_id, here, there, at } => {
                let slot = self.slot(app_id);
                if let Some(app) = &mut self.apps[slot as usize] {
                    app.locate(&Elsewhere { at, here, there }, &self.policy);
                }
                Accepted::Applied
            }
            Input::Overlap { app_id, overlap } => {
                self.meet(app_id, overlap);
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
        let Some(app) = &mut self.apps[slot as usize] else { return Accepted::Flooded };
        if app.waiting_calls() >= self.policy.bounds.waiting_calls {
            app.flooded();
            return Accepted::Flooded;
        }
        if !self.waiting.admit_call(slot, Call::new(record, position)) {
            return Accepted::Duplicate;
        }
        app.admitted(position);
        Accepted::Applied
    }

    fn feedback(&mut self, feedback: &Feedback) -> Accepted {
        let slot = self.slot(&feedback.app_id);
        let minute = feedback.at.minute();
        if !self.waiting.admit_feedback(slot, feedback.clone(), minute.max(self.open)) {
            return Accepted::Duplicate;
        }
        if let Some(app) = &mut self.apps[slot as usize] {
            app.told();
        }
        if minute < self.open { Accepted::LateApplied } else { Accepted::Applied }
    }

    fn slot(&mut self, app_id: &str) -> AppSlot {
        if let Some(slot) = self.slots.get(app_id) {
            return *slot;
        }
        if self.slots.len() >= self.policy.bounds.apps.max(1) {
            self.evict_apps();
        }
        self.settle(App::new(app_id, &self.policy, self.seed))
    }

    /// Gives an app that is not here a slot.
    fn settle(&mut self, app: App) -> AppSlot {
        let app_id = app.id().into();
        let app = Some(app);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.apps[slot as usize] = app;
                slot
            }
            None => {
                self.apps.push(app);
                self.apps.len() as AppSlot - 1
            }
        };
        self.slots.insert(app_id, slot);
        slot
    }

    /// Forgets an eighth of the apps: those longest unheard of, with nothing waiting and no alert open.
    fn evict_apps(&mut self) {
        let mut idle: Vec<(Minute, &str, AppSlot)> = self
            .slots
            .values()
            .filter_map(|slot| self.apps[*slot as usize].as_ref().map(|app| (app, *slot)))
            .filter(|(app, slot)| app.waiting_calls() == 0 && !self.awake.contains(slot))
            .map(|(app, slot)| (app.last_judged(), app.id(), slot))
            .collect();
        idle.sort_unstable();
        let evict = (self.slots.len() / 8).max(1);
        let evicted: Vec<AppSlot> = idle.into_iter().take(evict).map(|(_, _, slot)| slot).collect();
        // Feedback may wait for an app that never called: it goes with the app.
        for slot in evicted {
            if let Some(app) = self.apps[slot as usize].take() {
                self.slots.remove(app.id());
                self.forgotten.push(app.id().into());
                self.waiting.forget_feedback(slot);
                self.free.push(slot);
                self.apps_evicted += 1;
            }
        }
    }

    /// Closes every minute that ends at or before the watermark: `at` less the lateness.
    fn tick(&mut self, at: Timestamp, effects: &mut Effects) {
        let watermark = at.plus_millis(-self.policy.lateness_ms);
        if watermark.millis() < MINUTE_MS {
            return;
        }
        let end = watermark.minute();
        while let Some(minute) = self.next_minute().filter(|minute| *minute < end) {
            self.come_to(minute, effects);
            self.close(minute, effects);
            self.come_to(minute.next(), effects);
        }
        self.come_to(self.open.max(end), effects);
    }

    /// All before `minute` is judged. Where a day ends with that, its sketches leave.
    fn come_to(&mut self, minute: Minute, effects: &mut Effects) {
        let day = self.open.day();
        self.open = minute;
        if minute.day() > day {
            self.sketch(day, effects);
        }
    }

    /// Hands over once more whom the apps called on the day before the running one: for whoever was told and has forgotten.
    pub fn sketch_day_before(&self, effects: &mut Effects) {
        self.sketch(self.open.day().saturating_sub(1), effects);
    }

    fn sketch(&self, day: u32, effects: &mut Effects) {
        let first = effects.sketches.len();
        for app in self.apps.iter().flatten() {
            let limits = &app.limits(&self.policy).resale;
            let callees = app.memory().day_callees.of(day).filter(|_| limits.mode != Mode::Off);
            if let Some(callees) = callees.filter(|callees| callees.len() >= limits.overlap_callees_min as usize) {
                effects.sketches.push(DaySketch { app_id: app.id().into(), day, callees: callees.clone() });
            }
        }
        effects.sketches[first..].sort_unstable();
    }

    /// Tells an app, if it is here, whom it has called together with another.
    fn meet(&mut self, app_id: &str, overlap: &Overlap) {
        let Some(slot) = self.slots.get(app_id).copied() else { return };
        let Some(app) = &mut self.apps[slot as usize] else { return };
        app.meet(overlap, &self.policy);
        if app.is_waiting(&self.policy) {
            self.awake.insert(slot);
        }
    }

    /// The next minute in which anything can happen.
    fn next_minute(&self) -> Option<Minute> {
        if self.awake.is_empty() { self.waiting.first() } else { Some(self.open) }
    }

    fn close(&mut self, minute: Minute, effects: &mut Effects) {
        let closed = self.waiting.close(minute);
        let before = (effects.alerts.len(), effects.shadowed.len());
        let awake = std::mem::take(&mut self.awake);
        let mut silent = awake.iter().copied().peekable();
        for share in closed.shares() {
            while let Some(earlier) = silent.next_if(|earlier| *earlier < share.0) {
                self.judge((earlier, &[], &[]), minute, effects);
            }
            silent.next_if_eq(&share.0);
            self.judge(share, minute, effects);
        }
        for slot in silent {
            self.judge((slot, &[], &[]), minute, effects);
        }
        // Slots depend on who came first; what leaves must not.
        let order = |alert: &Alert, other: &Alert| alert.app_id.cmp(&other.app_id);
        effects.alerts[before.0..].sort_by(order);
        effects.shadowed[before.1..].sort_by(order);
        self.waiting.recycle(closed);
    }

    fn judge(&mut self, (slot, calls, feedback): Share<'_>, minute: Minute, effects: &mut Effects) {
        let Some(app) = &mut self.apps[slot as usize] else { return };
        app.judge(minute, calls, feedback, &self.policy, &mut self.found, effects);
        if app.is_waiting(&self.policy) {
            self.awake.insert(slot);
        }
    }

    /// The apps known, in no order.
    pub fn apps(&self) -> impl Iterator<Item = &App> {
        self.apps.iter().flatten()
    }

    /// An app by its id.
    pub fn app(&self, app_id: &str) -> Option<&App> {
        self.slots.get(app_id).and_then(|slot| self.apps[*slot as usize].as_ref())
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
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Judges by another policy, beginning with the first minute not yet judged. All that is remembered is kept: windows,
    /// what waits, open alerts. An alert whose rule is no longer on is resolved by the next minute, and says why.
    pub fn adopt(&mut self, policy: Arc<Policy>) {
        self.apps.iter_mut().flatten().for_each(|app| app.adopt(&policy));
        let waiting = |slot: &AppSlot| self.apps[*slot as usize].as_ref().is_some_and(|app| app.is_waiting(&policy));
        self.awake = self.slots.values().copied().filter(waiting).collect();
        self.policy = policy;
    }

    /// The first minute not yet judged: everything before it is final.
    pub fn open_minute(&self) -> Minute {
        self.open
    }

    /// Calls waiting for their minute to close.
    pub fn waiting_calls(&self) -> usize {
        self.waiting.len()
    }

    /// Apps forgotten because of the bound.
    pub fn apps_evicted(&self) -> u64 {
        self.apps_evicted
    }

    /// The whole state: the same bytes for the same records, whatever their order within the lateness.
    pub fn snapshot(&self) -> ShardSnapshot {
        let slots = self.slots.values().copied().collect();
        ShardSnapshot { head: self.head(), apps: self.snapshot_apps(slots) }
    }

    /// What changed since the last time this was asked: the head, and every app whose state is no longer what was told.
    pub fn changes(&mut self) -> Changes {
        let apps = &mut self.apps;
        let changed = |slot: &AppSlot| apps[*slot as usize].as_mut().is_some_and(App::take_changed);
        let slots = self.slots.values().copied().filter(changed).collect();
        let mut forgotten = std::mem::take(&mut self.forgotten);
        forgotten.retain(|app_id| !self.slots.contains_key(app_id));
        Changes { head: self.head(), apps: self.snapshot_apps(slots), forgotten }
    }

    /// The state that belongs to no app.
    pub fn head(&self) -> ShardHead {
        ShardHead { open: self.open, apps_evicted: self.apps_evicted }
    }

    fn snapshot_apps(&self, slots: Vec<AppSlot>) -> Vec<AppSnapshot> {
        let mut waiting: Map<AppSlot, Waiting> = keyed_map(self.seed);
        waiting.extend(slots.iter().map(|slot| (*slot, Waiting::default())));
        for (slot, call) in self.waiting.calls() {
            if let Some(waiting) = waiting.get_mut(&slot) {
                waiting.calls.push(call.clone());
            }
        }
        for (slot, minute, feedback) in self.waiting.feedback() {
            if let Some(waiting) = waiting.get_mut(&slot) {
                waiting.feedback.push((minute, feedback.clone()));
            }
        }
        let mut apps: Vec<AppSnapshot> = slots
            .into_iter()
            .filter_map(|slot| self.apps[slot as usize].as_ref().map(|app| (app, waiting.remove(&slot).unwrap_or_default())))
            .map(|(app, waiting)| app.snapshot(waiting))
            .collect();
        apps.sort_unstable_by(|app, other| app.id().cmp(other.id()));
        apps
    }

    /// A shard that goes on where the snapshot was taken.
    pub fn restore(snapshot: ShardSnapshot, policy: Arc<Policy>, seed: u64) -> Self {
        let mut shard = Self::new(policy, seed);
        shard.restore_head(snapshot.head);
        for app in snapshot.apps {
            shard.restore_app(app);
        }
        shard
    }

    /// Takes back the state that belongs to no app.
    pub fn restore_head(&mut self, head: ShardHead) {
        self.open = head.open;
        self.apps_evicted = head.apps_evicted;
    }

    /// Takes back an app that is not here. Evicts none for it: the bound was kept, or broken for a reason, when it was saved.
    pub fn restore_app(&mut self, snapshot: AppSnapshot) {
        let (app, waiting) = App::restore(snapshot, &self.policy, self.seed);
        let is_waiting = app.is_waiting(&self.policy);
        let slot = self.settle(app);
        if is_waiting {
            self.awake.insert(slot);
        }
        for call in waiting.calls {
            self.waiting.admit_call(slot, call);
        }
        for (minute, feedback) in waiting.feedback {
            self.waiting.admit_feedback(slot, feedback, minute);
        }
    }
}

/// The state of a shard that belongs to no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardHead {
    open: Minute,
    apps_evicted: u64,
}

/// The state of a shard, in a fixed order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardSnapshot {
    /// What belongs to no app.
    pub head: ShardHead,
    /// The apps, by id.
    pub apps: Vec<AppSnapshot>,
}

/// What changed in a shard: what a checkpoint writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// What belongs to no app.
    pub head: ShardHead,
    /// The apps that changed, by id.
    pub apps: Vec<AppSnapshot>,
    /// The apps that were forgotten because of the bound.
    pub forgotten: Vec<Box<str>>,
}
