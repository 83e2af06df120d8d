//! The shard: a deterministic state machine. Records and ticks in, alerts out, nothing else.
//!
//! It owns a share of the apps (a Kafka partition, or a part of a replay) and shares nothing. The same inputs in any order
//! within the lateness, in any batches, cut and restored anywhere, give the same alerts.

mod judgement;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::alert::Alert;
use super::app::App;
use super::detector::{Found, Mode};
use super::docket::Docket;
use super::due::Due;
use super::overlaps::{DaySketch, Overlap};
use super::policy::Policy;
use super::record::{Call, CallRecord, Elsewhere, Feedback, Position, Registration};
use super::seats::{Lent, Seats};
use super::time::{Minute, Timestamp};
use super::waiting::{AppSlot, WaitingRoom};
pub use state::{Changes, ShardHead, ShardSnapshot};

/// Everything that can happen to a shard.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A call, out of its record.
    Call {
        /// The app that placed or took it.
        app_id: &'a str,
        /// The call.
        call: Call,
    },
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
    /// The stream has come to this moment: see `StreamClock`. All that is closed is judged.
    Tick(Timestamp),
    /// The same, but what is closed may be judged later: see [`Shard::catch_up`].
    Pass(Timestamp),
}

impl<'a> Input<'a> {
    /// The call that a record tells, which stands at `position`.
    pub fn call(record: &'a CallRecord<'_>, position: Position) -> Self {
        Self::Call { app_id: &record.app_id, call: Call::new(record, position) }
    }
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
    seats: Seats,
    waiting: WaitingRoom,
    /// The first minute not yet closed: what comes for an earlier one is late.
    open: Minute,
    /// The first minute not yet judged: `open`, or earlier on the same day.
    unjudged: Minute,
    /// What lies between the two.
    docket: Docket,
    /// Nothing of this minute or a later one is judged for the time being.
    held: Option<Minute>,
    /// Apps that must be judged in every minute because an alert or a rule of theirs waits for time to pass.
    awake: BTreeSet<AppSlot>,
    /// A list of them, kept for its memory.
    spare: Vec<AppSlot>,
    apps_evicted: u64,
    /// Apps evicted since the last checkpoint.
    forgotten: Vec<Box<str>>,
    due: Due,
    found: Found,
}

impl Shard {
    /// An empty shard. `seed` keys the hashes of its maps: any number, best a secret one; it changes no result.
    pub fn new(policy: Arc<Policy>, seed: u64) -> Self {
        Self {
            policy,
            seed,
            seats: Seats::new(seed),
            waiting: WaitingRoom::new(seed),
            open: Minute(0),
            unjudged: Minute(0),
            docket: Docket::default(),
            held: None,
            awake: BTreeSet::new(),
            spare: Vec::new(),
            apps_evicted: 0,
            forgotten: Vec::new(),
            due: Due::new(seed),
            found: Found::default(),
        }
    }

    /// Takes in one input. What it leads to outside is appended to `effects`.
    pub fn apply(&mut self, input: Input<'_>, effects: &mut Effects) -> Accepted {
        match input {
            Input::Call { app_id, call } => return self.call(app_id, call, effects),
            Input::Feedback(feedback) => return self.feedback(feedback, effects),
            Input::Pass(at) => self.pass(at, effects),
            Input::Tick(at) => {
                self.pass(at, effects);
                self.catch_up(effects);
            }
            // What was closed before is judged as things stood.
            Input::Registration(registration) => {
                self.catch_up(effects);
                self.register(registration, effects);
            }
            Input::Elsewhere { app_id, here, there, at } => {
                self.catch_up(effects);
                let slot = self.slot(app_id, effects);
                self.preserve(slot);
                if let Some(app) = self.seats.wake(slot, &self.policy) {
                    app.locate(&Elsewhere { at, here, there }, &self.policy);
                }
            }
            Input::Overlap { app_id, overlap } => {
                self.catch_up(effects);
                self.meet(app_id, overlap);
            }
        }
        Accepted::Applied
    }

    fn register(&mut self, registration: &Registration, effects: &mut Effects) {
        let slot = self.slot(&registration.app_id, effects);
        self.preserve(slot);
        let Some(app) = self.seats.wake(slot, &self.policy) else { return };
        app.register(registration, &self.policy);
        // Limits of its own may switch on a rule that waits for time to pass, or off the only one that did.
        if app.is_waiting(&self.policy) {
            self.awake.insert(slot);
        } else {
            self.awake.remove(&slot);
            // Most that file never call.
            if !self.seats.has_called(slot) {
                self.seats.lay_down(slot);
            }
        }
    }

    fn call(&mut self, app_id: &str, call: Call, effects: &mut Effects) -> Accepted {
        if call.end.minute() < self.open {
            return Accepted::LateDropped;
        }
        let slot = self.slot(app_id, effects);
        self.preserve(slot);
        if self.is_flooded(slot) {
            // What is closed no longer waits, but is counted as waiting until it is judged.
            self.catch_up(effects);
        }
        if self.is_flooded(slot) {
            if let Some(app) = self.seats.wake(slot, &self.policy) {
                app.flooded();
            }
            return Accepted::Flooded;
        }
        let position = call.position;
        if !self.waiting.admit_call(slot, call) {
            return Accepted::Duplicate;
        }
        self.seats.admitted(slot, position, &self.policy);
        Accepted::Applied
    }

    fn is_flooded(&self, slot: AppSlot) -> bool {
        self.seats.waiting_calls(slot) >= self.policy.bounds.waiting_calls
    }

    fn feedback(&mut self, feedback: &Feedback, effects: &mut Effects) -> Accepted {
        let slot = self.slot(&feedback.app_id, effects);
        self.preserve(slot);
        let minute = feedback.at.minute();
        if !self.waiting.admit_feedback(slot, feedback.clone(), minute.max(self.open)) {
            return Accepted::Duplicate;
        }
        self.seats.told(slot);
        if minute < self.open { Accepted::LateApplied } else { Accepted::Applied }
    }

    fn slot(&mut self, app_id: &str, effects: &mut Effects) -> AppSlot {
        if let Some(slot) = self.seats.slot(app_id) {
            return slot;
        }
        if self.seats.len() >= self.policy.bounds.apps.max(1) {
            self.catch_up(effects);
            self.evict_apps();
        }
        self.seats.seat(App::new(app_id, &self.policy, self.seed), true)
    }

    /// Forgets an eighth of the apps: those longest unheard of, with nothing waiting and no alert open.
    fn evict_apps(&mut self) {
        let waits = |slot| self.seats.waiting_calls(slot) > 0 || self.awake.contains(&slot);
        let idle = self.seats.taken().filter(|(_, slot, _)| !waits(*slot));
        let mut idle: Vec<(Minute, &str)> = idle.map(|(app_id, _, last_judged)| (last_judged, app_id)).collect();
        idle.sort_unstable();
        let evict = (self.seats.len() / 8).max(1);
        let evicted: Vec<Box<str>> = idle.into_iter().take(evict).map(|(_, app_id)| app_id.into()).collect();
        // Feedback may wait for an app that never called: it goes with the app.
        for app_id in evicted {
            if let Some(slot) = self.seats.slot(&app_id) {
                self.preserve(slot);
                self.seats.forget(slot);
                self.waiting.forget_feedback(slot);
                self.forgotten.push(app_id);
                self.apps_evicted += 1;
            }
        }
    }

    /// Hands over once more whom the apps called on the day before the running one: for whoever was told and has forgotten.
    pub fn sketch_day_before(&self, effects: &mut Effects) {
        self.sketch(self.unjudged.day().saturating_sub(1), effects);
    }

    fn sketch(&self, day: u32, effects: &mut Effects) {
        let first = effects.sketches.len();
        for app in self.seats.all_present() {
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
        let Some(slot) = self.seats.slot(app_id) else { return };
        self.preserve(slot);
        let Some(app) = self.seats.wake(slot, &self.policy) else { return };
        app.meet(overlap, &self.policy);
        if app.is_waiting(&self.policy) {
            self.awake.insert(slot);
        }
    }

    /// How many apps are known.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Callees remembered by all apps.
    pub fn callees(&self) -> usize {
        self.seats.callees()
    }

    /// The apps known, in no order.
    pub fn apps(&self) -> impl Iterator<Item = Lent<'_>> {
        self.judged_since(Minute::default())
    }

    /// The apps last judged at or after a minute, in no order.
    pub fn judged_since(&self, since: Minute) -> impl Iterator<Item = Lent<'_>> {
        self.seats.judged_since(since, &self.policy)
    }

    /// The ids of the apps known, in no order.
    pub fn app_ids(&self) -> impl Iterator<Item = &str> {
        self.seats.taken().map(|(app_id, _, _)| app_id)
    }

    /// An app by its id.
    pub fn app(&self, app_id: &str) -> Option<Lent<'_>> {
        self.seats.slot(app_id).and_then(|slot| self.seats.look(slot, &self.policy))
    }

    /// Whether a call of an app was ever let in.
    pub fn has_called(&self, app_id: &str) -> bool {
        self.seats.slot(app_id).is_some_and(|slot| self.seats.has_called(slot))
    }

    /// Whether an app is here.
    pub fn knows(&self, app_id: &str) -> bool {
        self.seats.slot(app_id).is_some()
    }

    /// Whether time alone changes nothing: no record waits, and no alert.
    pub fn is_quiet(&self) -> bool {
        self.docket.is_empty() && self.next_minute().is_none()
    }

    /// The policy it judges by.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Judges by another policy, beginning with the first minute not yet judged. All that is remembered is kept: windows,
    /// what waits, open alerts. An alert whose rule is no longer on is resolved by the next minute, and says why.
    ///
    /// # Panics
    /// If something is closed and not judged: see [`Shard::catch_up`].
    pub fn adopt(&mut self, policy: Arc<Policy>) {
        assert!(self.docket.is_empty(), "what is closed is judged by the policy it was closed under");
        self.seats.adopt(&policy);
        let waiting = |slot: &AppSlot| self.seats.look(*slot, &policy).is_some_and(|app| app.is_waiting(&policy));
        self.awake = self.seats.slots().filter(waiting).collect();
        self.policy = policy;
    }

    /// Judges nothing of `from` or a later minute until told otherwise: a shard that goes the way of another once more stops where that
    /// one did.
    pub fn hold(&mut self, from: Option<Minute>) {
        self.held = from;
    }

    /// The first minute not yet judged: everything before it is final.
    pub fn open_minute(&self) -> Minute {
        self.unjudged
    }

    /// Calls waiting for their minute to close.
    pub fn waiting_calls(&self) -> usize {
        self.waiting.len()
    }

    /// Apps forgotten because of the bound.
    pub fn apps_evicted(&self) -> u64 {
        self.apps_evicted
    }
}

#[cfg(test)]
mod tests;
