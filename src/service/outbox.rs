//! The outbox of a lane: alerts on their way out, from the judgement to the last sink. A part of the state.
//!
//! It delivers nothing. An alert leaves the process with a checkpoint at the earliest; until every sink has it, it stays
//! in the state, so that whoever takes the partition over goes on delivering.

use std::sync::Arc;
use std::time::Instant;

use super::progress::Progress;
use crate::checkpoint::writer::Outgoing;
use crate::checkpoint::{Encoder, StateRecord};
use crate::engine::alert::Alert;

/// The outbox.
pub struct Outbox {
    progress: Arc<Progress>,
    /// The number of the next alert.
    next: u64,
    /// The number of the first alert that is in the state.
    kept_from: u64,
    /// Alerts since the last checkpoint, and when their records were received.
    new: Vec<(Outgoing, Instant)>,
    /// Alerts of an earlier life that some sink may not have.
    inherited: Vec<Outgoing>,
}

impl Outbox {
    /// An empty one.
    pub fn new(progress: Arc<Progress>) -> Self {
        Self { progress, next: 0, kept_from: 0, new: Vec::new(), inherited: Vec::new() }
    }

    /// Goes on with what was kept: the number of the next alert, and the undelivered ones as JSON.
    pub fn restore(&mut self, next: u64, kept: Vec<(u64, Box<[u8]>)>) {
        self.next = next;
        self.kept_from = kept.first().map_or(next, |(number, _)| *number);
        let has_sinks = self.progress.has_sinks();
        self.progress.all_delivered(if has_sinks { self.kept_from } else { next });
        self.progress.posted(next);
        for (number, json) in kept.into_iter().filter(|_| has_sinks) {
            match serde_json::from_slice(&json) {
                Ok(alert) => self.inherited.push(Outgoing { number, alert }),
                // It is on the topic of alerts; only a sink may miss it.
                Err(error) => tracing::error!(number, "an alert in the state cannot be read and is not delivered: {error}"),
            }
        }
    }

    /// Takes an alert.
    pub fn post(&mut self, alert: Alert, received: Instant) {
        self.new.push((Outgoing { number: self.next, alert }, received));
        self.next += 1;
        self.progress.posted(self.next);
    }

    /// The number of the next alert.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Alerts of an earlier life, to be delivered again: some sinks may have them already.
    pub fn take_inherited(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.inherited)
    }

    /// Writes what is new and deletes what every sink has got since. Returns whether there was anything.
    pub fn write(&mut self, encoder: &Encoder, state: &mut Vec<StateRecord>) -> bool {
        let before = state.len();
        let delivered = self.progress.undelivered().min(self.next);
        state.extend((self.kept_from..delivered).map(|number| encoder.delivered(number)));
        self.kept_from = self.kept_from.max(delivered);
        if !self.progress.has_sinks() {
            self.kept_from = self.next;
            return state.len() > before || !self.new.is_empty();
        }
        for (Outgoing { number, alert }, _) in &self.new {
            // An alert is plain data: it always becomes JSON.
            state.push(encoder.alert(*number, &serde_json::to_vec(alert).unwrap_or_default()));
        }
        state.len() > before
    }

    /// The alerts since the last checkpoint: they leave now.
    pub fn take_new(&mut self) -> Vec<(Outgoing, Instant)> {
        std::mem::take(&mut self.new)
    }
}
