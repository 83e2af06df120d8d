//! The state of a shard: taken whole, taken as what changed, and taken back.
//!
//! It judges nothing, and nothing of it is written anywhere from here.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Shard;
use super::judgement::may_rest;
use crate::engine::app::{App, AppSnapshot, Said};
use crate::engine::due::{AppState, Due};
use crate::engine::policy::Policy;
use crate::engine::time::Minute;
use crate::engine::waiting::AppSlot;

impl Shard {
    /// The whole state: the same bytes for the same records, whatever their order within the lateness.
    ///
    /// # Panics
    /// If something is closed and not judged: see [`Shard::catch_up`].
    pub fn snapshot(&self) -> ShardSnapshot {
        self.assert_caught_up();
        let mut all = Due::new(self.seed);
        all.begin(self.seats.slots().collect(), &self.waiting);
        let states = std::iter::from_fn(|| all.next_uncopied())
            .filter_map(|(slot, waiting)| self.seats.state(slot, waiting, &self.policy));
        let mut apps: Vec<AppSnapshot<'static>> = states.map(|state| AppSnapshot::of(&state.into_bytes().1)).collect();
        apps.sort_unstable_by(|app, other| app.id().cmp(other.id()));
        ShardSnapshot { head: self.head(), apps }
    }

    /// Begins a checkpoint of this moment: every app whose state is no longer what the one before said is due, and is told by
    /// [`Shard::next_due`] as it is now, whatever happens to it before it is asked for.
    ///
    /// # Panics
    /// If something is closed and not judged: see [`Shard::catch_up`].
    pub fn begin_checkpoint(&mut self) -> Changes {
        self.assert_caught_up();
        let mut slots: Vec<AppSlot> = self.seats.slots().collect();
        slots.retain(|slot| self.seats.take_changed(*slot));
        self.due.begin(slots, &self.waiting);
        let mut forgotten = std::mem::take(&mut self.forgotten);
        forgotten.retain(|app_id| !self.knows(app_id));
        Changes { head: self.head(), forgotten }
    }

    /// The state of the next app that is due; `None` when the checkpoint has all.
    pub fn next_due(&mut self) -> Option<AppState> {
        if let Some(copied) = self.due.next_copied() {
            return Some(copied);
        }
        let (slot, waiting) = self.due.next_uncopied()?;
        self.seats.state(slot, waiting, &self.policy)
    }

    /// An app is about to change or to be forgotten: if it is due, what it was is kept.
    pub(super) fn preserve(&mut self, slot: AppSlot) {
        if let Some(waiting) = self.due.take(slot)
            && let Some(state) = self.seats.state(slot, waiting, &self.policy)
        {
            self.due.keep(state);
        }
    }

    /// What the alerts of an app have said so far, if it is here.
    pub fn said(&self, app_id: &str) -> Option<Said> {
        self.app(app_id).map(|app| app.said())
    }

    /// Makes the alerts of an app those that were `said`, if they say otherwise. Returns whether they did.
    pub fn stand_by(&mut self, said: &Said) -> bool {
        let unknown = || App::new(said.app_id(), &self.policy, self.seed);
        let slot = self.seats.slot(said.app_id()).unwrap_or_else(|| self.seats.seat(unknown(), true));
        self.preserve(slot);
        let Some(app) = self.seats.wake(slot, &self.policy) else { return false };
        let differs = app.stand_by(said);
        if app.is_waiting(&self.policy) {
            self.awake.insert(slot);
        }
        differs
    }

    /// The state that belongs to no app, as far as it is judged: what is closed beyond that follows from the records.
    pub fn head(&self) -> ShardHead {
        ShardHead { open: self.unjudged, apps_evicted: self.apps_evicted }
    }

    fn assert_caught_up(&self) {
        assert!(self.unjudged == self.open, "what is closed is judged before it is saved");
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
        (self.open, self.unjudged) = (head.open, head.open);
        self.apps_evicted = head.apps_evicted;
    }

    /// Takes back an app that is not here. Evicts none for it: the bound was kept, or broken for a reason, when it was saved.
    pub fn restore_app(&mut self, snapshot: AppSnapshot<'_>) {
        let (app, waiting) = App::restore(snapshot, &self.policy, self.seed);
        let is_waiting = app.is_waiting(&self.policy);
        let may_rest = waiting.calls.is_empty() && may_rest(&app, self.open);
        let slot = self.seats.seat(app, false);
        if is_waiting {
            self.awake.insert(slot);
        } else if may_rest {
            self.seats.lay_down(slot);
        }
        let waits = |call| self.waiting.admit_call(slot, call);
        let calls = waiting.calls.into_iter().map(waits).filter(|is_here| *is_here).count();
        self.seats.waits(slot, calls);
        for (minute, feedback) in waiting.feedback {
            self.waiting.admit_feedback(slot, feedback, minute);
        }
    }
}

/// The state of a shard that belongs to no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardHead {
    /// Every minute before it is judged.
    pub open: Minute,
    apps_evicted: u64,
}

/// The state of a shard, in a fixed order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardSnapshot {
    /// What belongs to no app.
    pub head: ShardHead,
    /// The apps, by id.
    pub apps: Vec<AppSnapshot<'static>>,
}

/// What changed in a shard besides its apps: what a checkpoint writes at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// What belongs to no app.
    pub head: ShardHead,
    /// The apps that were forgotten because of the bound.
    pub forgotten: Vec<Box<str>>,
}
