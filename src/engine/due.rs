//! What a checkpoint still has to write: the apps that changed, each as it was when the checkpoint began.
//!
//! Copied before it is written over: an app about to change is copied first, the others when there is time. So a
//! checkpoint is of one moment, and the judgement does not stand still for it. Never says when one begins or ends.

use super::app::{App, Waiting};
use super::waiting::{AppSlot, WaitingRoom};
use super::window::{Map, keyed_map};

/// From so many callees on an app is copied as it is, which is much sooner done than to make bytes of it.
const LARGE_CALLEES: usize = 1 << 14;

/// The state of an app at one moment.
pub struct AppState {
    app_id: Box<str>,
    form: Form,
}

enum Form {
    Bytes(Box<[u8]>),
    /// Of a large app, for whoever does not judge to make bytes of.
    Copy(Box<App>, Waiting),
}

impl AppState {
    /// That of an app now, with what waits for it.
    pub fn of(app: &App, waiting: Waiting) -> Self {
        let is_large = app.memory().pairs.len() >= LARGE_CALLEES;
        let form = if is_large { Form::Copy(Box::new(app.clone()), waiting) } else { Form::Bytes(app.bytes(waiting)) };
        Self { app_id: app.id().into(), form }
    }

    /// The app, and its durable form: see [`App::bytes`].
    pub fn into_bytes(self) -> (Box<str>, Box<[u8]>) {
        let bytes = match self.form {
            Form::Bytes(bytes) => bytes,
            Form::Copy(app, waiting) => app.bytes(waiting),
        };
        (self.app_id, bytes)
    }
}

/// The apps that are due.
pub struct Due {
    /// By seat: what waited for it when the checkpoint began.
    waiting: Map<AppSlot, Waiting>,
    /// The seats in the order in which they are taken, the last first; some may have been taken since.
    order: Vec<AppSlot>,
    /// Those that were about to change.
    copied: Vec<AppState>,
}

impl Due {
    /// None. `seed` keys the hashes.
    pub fn new(seed: u64) -> Self {
        Self { waiting: keyed_map(seed), order: Vec::new(), copied: Vec::new() }
    }

    /// Whether all have been taken.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.copied.is_empty()
    }

    /// Makes these due, with what waits for them now.
    pub fn begin(&mut self, mut slots: Vec<AppSlot>, room: &WaitingRoom) {
        assert!(self.is_empty(), "a checkpoint begins when the one before is written");
        slots.sort_unstable_by(|slot, other| other.cmp(slot));
        self.waiting.extend(slots.iter().map(|slot| (*slot, Waiting::default())));
        for (slot, call) in room.calls() {
            if let Some(waiting) = self.waiting.get_mut(&slot) {
                waiting.calls.push(call.clone());
            }
        }
        for (slot, minute, feedback) in room.feedback() {
            if let Some(waiting) = self.waiting.get_mut(&slot) {
                waiting.feedback.push((minute, feedback.clone()));
            }
        }
        self.order = slots;
    }

    /// What waited for an app, if it is due and was not taken yet. Whoever asks copies it.
    pub fn take(&mut self, slot: AppSlot) -> Option<Waiting> {
        if self.waiting.is_empty() { None } else { self.waiting.remove(&slot) }
    }

    /// Keeps the copy of an app that was about to change.
    pub fn keep(&mut self, state: AppState) {
        self.copied.push(state);
    }

    /// A copy that was kept.
    pub fn next_copied(&mut self) -> Option<AppState> {
        self.copied.pop()
    }

    /// The next app that has not been copied.
    pub fn next_uncopied(&mut self) -> Option<(AppSlot, Waiting)> {
        while let Some(slot) = self.order.pop() {
            if let Some(waiting) = self.take(slot) {
                return Some((slot, waiting));
            }
        }
        None
    }
}
