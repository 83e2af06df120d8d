//! What a lane gives to checkpoints: an entry of its journal, at once, or its state, bit by bit while it judges on.
//!
//! It writes nothing anywhere: what it gives is written by the committer. Never says when.

use std::time::Instant;

use super::{Lane, Place};
use crate::checkpoint::Head;
use crate::checkpoint::writer::{Outgoing, Part};
use crate::engine::alert::Alert;
use crate::engine::app::Said;
use crate::engine::shard::ShardHead;
use crate::metrics::Metrics;

/// How much of a lane a checkpoint is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Its state.
    State,
    /// What was taken in since the last checkpoint; its state if that cannot be said.
    Entry,
    /// What was taken in since the last checkpoint; nothing if that cannot be said, since its state is being written already.
    EntryOnly,
}

/// What a lane gives to a checkpoint.
pub enum Given {
    /// Nothing happened, or it cannot be said yet.
    Nothing,
    /// This, which is all.
    Entry(Box<Part>),
    /// Its state as it is now: see [`Lane::go_on`].
    State,
}

impl Lane {
    /// Alerts of an earlier life that some sink may not have.
    pub fn take_inherited(&mut self) -> Vec<Outgoing> {
        self.outbox.take_inherited()
    }

    /// Takes an alert of its shard, which leaves with the next checkpoint.
    pub fn post(&mut self, alert: Alert, received: Instant, metrics: &Metrics) {
        metrics.alerts.sent(&alert, &mut self.open_alerts);
        self.outbox.post(alert, received);
    }

    /// Whether it is its state that it gives to a checkpoint: then what is closed must be judged before.
    pub fn must_give_state(&self, extent: Extent) -> bool {
        match extent {
            Extent::State => true,
            Extent::Entry => self.has_gap(),
            Extent::EntryOnly => false,
        }
    }

    /// Whether something happened that the journal cannot say. Whom it forgets goes by what it remembers of all others.
    fn has_gap(&self) -> bool {
        self.journal.has_gap() || self.shard.apps_evicted() != self.evicted_before
    }

    /// Takes part in a checkpoint of this moment: with everything that happened since the last one. An entry may name calls that are
    /// closed and not judged: whoever relives it stops where the judgement has come to.
    pub fn begin_checkpoint(&mut self, extent: Extent, place: &Place) -> Given {
        let (has_gap, is_whole) = (self.has_gap(), self.must_give_state(extent));
        if has_gap {
            self.journal.break_off();
        }
        if has_gap && extent == Extent::EntryOnly {
            return Given::Nothing;
        }
        let mut state = std::mem::take(&mut self.clear);
        let has_sent = self.outbox.write(&self.encoder.lock(), &mut state);
        // The state may be old although nothing happened since the last checkpoint: that said only what to judge again.
        let is_old = extent == Extent::State && !self.journal.is_empty();
        if !(std::mem::take(&mut self.is_changed) || has_sent || is_old) {
            return Given::Nothing;
        }
        let barks = self.barks();
        let mut part = Part {
            alerts: self.outbox.take_new(),
            dead_letters: std::mem::take(&mut self.dead_letters),
            has_watchdog: barks > std::mem::replace(&mut self.barks, barks),
            state,
            ..self.empty_part()
        };
        if is_whole {
            self.begin_state(part, place);
            return Given::State;
        }
        let (said, head) = (self.said(&part), self.head(self.shard.head(), place));
        self.journal.write(said, head, &mut self.encoder.lock(), &mut part.state);
        Given::Entry(Box::new(part))
    }

    /// Begins to write its state as it is now, with all judged that is closed, right after it has taken part in a checkpoint by an
    /// entry: see [`Lane::go_on`]. What it gives must be written after that checkpoint and before another that holds its state. Returns
    /// whether there is need.
    pub fn begin_snapshot(&mut self, place: &Place) -> bool {
        let is_needed = !self.journal.is_empty() && !self.journal.has_gap() && self.part.is_none();
        if is_needed {
            let part = Part { is_snapshot: true, ..self.empty_part() };
            self.begin_state(part, place);
        }
        is_needed
    }

    fn begin_state(&mut self, mut part: Part, place: &Place) {
        assert!(self.part.is_none(), "state is written when that before is");
        let changes = self.shard.begin_checkpoint();
        let head = self.head(changes.head, place);
        let mut encoder = self.encoder.lock();
        changes.forgotten.iter().for_each(|app_id| encoder.forget(app_id, &mut part.state));
        self.journal.begin_anew(head.position(), &encoder, &mut part.state);
        self.evicted_before = self.shard.apps_evicted();
        part.state.push(encoder.head(&head));
        drop(encoder);
        self.part = Some(part);
    }

    /// Goes on with the state that was begun, app by app while there is time. Returns it once it holds everything.
    pub fn go_on(&mut self, mut has_time: impl FnMut() -> bool) -> Option<Part> {
        let part = self.part.as_mut()?;
        while has_time() {
            match self.shard.next_due() {
                Some(app) => part.apps.push(app),
                None => return self.part.take(),
            }
        }
        None
    }

    fn empty_part(&self) -> Part {
        Part {
            partition: self.partition,
            is_snapshot: false,
            next_call: self.next_call,
            next_feedback: self.next_feedback,
            state: Vec::new(),
            apps: Vec::new(),
            encoder: self.encoder.clone(),
            alerts: Vec::new(),
            next_alert: self.outbox.next(),
            dead_letters: Vec::new(),
            has_watchdog: false,
        }
    }

    fn head(&self, shard: ShardHead, place: &Place) -> Head {
        Head {
            group_id: place.group_id.clone(),
            partition: self.partition,
            next_call: self.next_call,
            next_feedback: self.next_feedback,
            clock: self.clock,
            shard,
            next_alert: self.outbox.next(),
        }
    }

    /// What their alerts have said so far, of the apps whose alerts leave with this.
    fn said(&self, part: &Part) -> Vec<Said> {
        let mut app_ids: Vec<&str> = part.alerts.iter().map(|(outgoing, _)| outgoing.alert.app_id.as_str()).collect();
        app_ids.sort_unstable();
        app_ids.dedup();
        app_ids.into_iter().filter_map(|app_id| self.shard.said(app_id)).collect()
    }
}
