//! A lane: one partition of the calls topic with its shard, its clock and its accounts. Bytes in, alerts out.
//!
//! It knows no broker, no thread and no wall clock: the same bytes in the same order lead to the same alerts. What
//! belongs to a partition is in here and nowhere else, so that a partition can be given away whole.

mod checkpoints;
mod intake;
mod relive;

use std::sync::Arc;

use super::days::Days;
use super::homes::Homes;
use super::outbox::Outbox;
use super::progress::Progress;
use super::unreadable::Unreadable;
use crate::checkpoint;
use crate::checkpoint::recall::Recalled;
use crate::checkpoint::writer::{DeadLetter, Part};
use crate::checkpoint::{Encoder, Journal, Kept, SharedEncoder, StateRecord};
use crate::engine::alert::Alert;
use crate::engine::decode::{self, DecodeError};
use crate::engine::policy::Policy;
use crate::engine::record::{CallRecord, Position, Registration};
use crate::engine::shard::{Accepted, Effects, Input, Shard};
use crate::engine::time::{StreamClock, Timestamp};
use crate::metrics::{self, Metrics, OpenAlerts, Outcome, Stream};
use crate::status::{Board, Pen};
use crate::watchdog;
pub use checkpoints::{Extent, Given};
pub use intake::{Outcomes, Place, Raw, Reading, Registrations, Reject};
pub use relive::{OwnedRecord, Relived, Reliving};

/// Calls that are closed and judged together at most: a worker does nothing else for about as long as a fifth of a second.
const BEHIND_CALLS_MAX: usize = 1 << 16;
/// Dead letters that may wait for the next checkpoint.
const DEAD_LETTERS_MAX: usize = 10_000;

/// One partition.
pub struct Lane {
    partition: i32,
    shard: Shard,
    clock: StreamClock,
    open_alerts: OpenAlerts,
    gauges: metrics::Partition,
    progress: Arc<Progress>,
    homes: Arc<Homes>,
    /// The last day whose comparison its apps were told of.
    met: u32,
    outbox: Outbox,
    unreadable: Unreadable,
    encoder: SharedEncoder,
    /// Deletes what an earlier life remembered and this one does not.
    clear: Vec<StateRecord>,
    dead_letters: Vec<DeadLetter>,
    /// Whether anything happened since the last checkpoint was begun.
    is_changed: bool,
    journal: Journal,
    /// The state that is being written: of the whole lane, as it was at one moment.
    part: Option<Part>,
    /// Alerts that an earlier life did not send: it had not come to them, or should have.
    unsaid: Vec<Alert>,
    /// Where `progress` goes once the batch is judged.
    next_call: i64,
    next_feedback: Option<i64>,
    pen: Pen,
    /// Calls of the watchdog so far that were told of.
    barks: u64,
    /// Apps forgotten so far that were counted.
    evicted: u64,
    /// Those forgotten before the journal began.
    evicted_before: u64,
}

impl Lane {
    /// A lane that goes on with the state that is `recalled`; what the journal names it has still to relive, see [`Reliving`].
    pub fn new(
        partition: i32,
        recalled: Recalled,
        policy: Arc<Policy>,
        place: &Place,
        progress: Arc<Progress>,
        gauges: metrics::Partition,
    ) -> Self {
        let Recalled { start, kept, clear, .. } = recalled;
        let mut lane = Self {
            partition,
            shard: Shard::new(policy, place.seed),
            clock: StreamClock::default(),
            open_alerts: OpenAlerts::default(),
            gauges,
            homes: place.homes.clone(),
            met: 0,
            outbox: Outbox::new(progress.clone()),
            progress,
            unreadable: Unreadable::default(),
            encoder: SharedEncoder::of(Encoder::default()),
            is_changed: !clear.is_empty(),
            clear,
            dead_letters: Vec::new(),
            journal: Journal::after(Vec::new()),
            part: None,
            unsaid: Vec::new(),
            next_call: start.next_call,
            next_feedback: start.next_feedback,
            pen: Pen::new(partition),
            barks: 0,
            evicted: 0,
            evicted_before: 0,
        };
        if let Some(Kept { head, end, apps, entries, outbox, encoder, .. }) = kept {
            lane.journal = Journal::after(entries);
            lane.clock = head.clock;
            lane.next_call = head.next_call;
            lane.next_feedback = head.next_feedback.or(lane.next_feedback);
            lane.encoder = SharedEncoder::of(encoder);
            lane.outbox.restore(end.next_alert, outbox);
            lane.shard.restore_head(head.shard);
            apps.into_iter().for_each(|app| lane.shard.restore_app(app));
        }
        lane.barks = lane.barks();
        lane.evicted = lane.shard.apps_evicted();
        lane.evicted_before = lane.evicted;
        lane.progress.judged(lane.next_call, lane.shard.is_quiet());
        lane
    }

    /// Calls of the watchdog that were judged, ever.
    fn barks(&self) -> u64 {
        self.shard.app(&watchdog::app_id(self.partition)).map_or(0, |app| app.calls_judged())
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The offsets of its next call and of its next feedback.
    pub fn position(&self) -> checkpoint::Position {
        (self.next_call, self.next_feedback)
    }

    /// How far it has come, as others see it.
    pub fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Its metrics.
    pub fn gauges(&self) -> &metrics::Partition {
        &self.gauges
    }

    /// It begins to be judged here: what apps filed meanwhile holds from now on, and its open alerts count. Returns these.
    pub fn settle_in(&mut self, registrations: &Registrations, metrics: &Metrics, out: &mut Outcomes) -> Vec<Alert> {
        let filed_anew: Vec<&Registration> = self
            .shard
            .apps()
            .filter_map(|app| registrations.of(app.id()).filter(|filed| app.registration() != Some(filed)))
            .collect();
        for filed in filed_anew {
            file(&mut self.shard, filed, &mut out.effects);
            self.is_changed = true;
            self.journal.break_off();
        }
        self.homes.settle(&self.shard);
        self.shard.sketch_day_before(&mut out.effects);
        let policy = self.shard.policy().clone();
        let open: Vec<Alert> = self.shard.apps().flat_map(|app| app.open_alerts(&policy)).collect();
        open.iter().for_each(|alert| metrics.alerts.restored(alert, &mut self.open_alerts));
        out.effects.alerts.append(&mut self.unsaid);
        open
    }

    /// Takes in a record of the calls topic, which may hold many calls.
    pub fn call(
        &mut self,
        raw: Raw<'_>,
        reading: &Reading,
        newest: Timestamp,
        registrations: &Registrations,
        out: &mut Outcomes,
    ) {
        if self.progress.is_stopped() {
            return;
        }
        let position = Position { partition: self.partition as u32, offset: raw.offset as u64 };
        let app_id = reading.app_id.as_deref().or(raw.app_id());
        let mut unread = None;
        reading.format.decode(raw.payload, app_id, &reading.limits(newest), |call| {
            out.page.consumed(Stream::Calls);
            match call {
                Ok(call) => self.judge(&call, position, registrations, out),
                Err(error) => {
                    out.page.settled(Stream::Calls, Outcome::Invalid);
                    unread.get_or_insert(error);
                }
            }
        });
        self.next_call = raw.offset + 1;
        self.journal.read(Stream::Calls, self.next_call, newest);
        self.note(Stream::Calls, raw, unread, reading, out);
    }

    fn judge(&mut self, call: &CallRecord<'_>, position: Position, registrations: &Registrations, out: &mut Outcomes) {
        if let Some(now) = self.clock.observe(call.end) {
            self.shard.apply(Input::Pass(now), &mut out.effects);
        }
        let is_first = !self.shard.has_called(&call.app_id);
        let is_new = is_first && !self.shard.knows(&call.app_id);
        let filed = if is_new { registrations.of(&call.app_id) } else { None };
        let accepted = self.shard.apply(Input::call(call, position), &mut out.effects);
        if let Some(registration) = filed.filter(|filed| self.shard.knows(&filed.app_id)) {
            self.journal.meet(registration);
            file(&mut self.shard, registration, &mut out.effects);
        }
        if is_first
            && accepted == Accepted::Applied
            && let Some(there) = self.homes.meet(&call.app_id, position)
        {
            let elsewhere = Input::Elsewhere { app_id: &call.app_id, here: position, there, at: call.end };
            self.shard.apply(elsewhere, &mut out.effects);
            self.journal.break_off();
        }
        out.page.settled(Stream::Calls, accepted.into());
    }

    /// Takes in a record of the feedback topic.
    pub fn feedback(
        &mut self,
        raw: Raw<'_>,
        reading: &Reading,
        newest: Timestamp,
        registrations: &Registrations,
        out: &mut Outcomes,
    ) {
        if self.progress.is_stopped() {
            return;
        }
        out.page.consumed(Stream::Feedback);
        let unread = match decode::feedback(raw.payload, &reading.limits(newest)) {
            Ok(feedback) => {
                if let Some(filed) = registrations.of(&feedback.app_id).filter(|_| !self.shard.knows(&feedback.app_id)) {
                    self.journal.meet(filed);
                    file(&mut self.shard, filed, &mut out.effects);
                }
                let accepted = self.shard.apply(Input::Feedback(&feedback), &mut out.effects);
                out.page.settled(Stream::Feedback, accepted.into());
                None
            }
            Err(error) => {
                out.page.settled(Stream::Feedback, Outcome::Invalid);
                Some(error)
            }
        };
        self.next_feedback = Some(raw.offset + 1);
        self.journal.read(Stream::Feedback, raw.offset + 1, newest);
        self.note(Stream::Feedback, raw, unread, reading, out);
    }

    /// Notes whether a record could be read. Too many that cannot be stop the partition.
    fn note(&mut self, stream: Stream, raw: Raw<'_>, unread: Option<DecodeError>, reading: &Reading, out: &mut Outcomes) {
        self.is_changed = true;
        let share = self.unreadable.note(unread.is_some());
        let Some(error) = unread else { return };
        if share > reading.invalid_share_max {
            tracing::error!(
                partition = self.partition,
                offset = raw.offset,
                stream = stream.as_str(),
                "the partition stops here: {:.0} % of its last records cannot be read, more than kafka.invalid_share_max \
                 permits; correct kafka.format or what writes the topic, and start again: {error}",
                share * 100.0
            );
            self.progress.stop();
        }
        if reading.keeps_unreadable {
            self.dead_letters.push(DeadLetter {
                stream,
                partition: self.partition,
                offset: raw.offset,
                key: raw.key.map(Into::into),
                payload: raw.payload.into(),
                reason: error.to_string(),
            });
        }
        out.rejects.push(Reject { stream, partition: self.partition, offset: raw.offset, error });
    }

    /// Takes in what an app filed anew, if the app is here.
    pub fn registration(&mut self, registration: &Registration, out: &mut Outcomes) {
        if self.shard.knows(&registration.app_id) {
            self.journal.file(registration);
            file(&mut self.shard, registration, &mut out.effects);
            self.is_changed = true;
        }
    }

    /// Judges by another policy from the next minute on.
    pub fn adopt(&mut self, policy: Arc<Policy>) {
        if !Arc::ptr_eq(self.shard.policy(), &policy) {
            self.shard.adopt(policy);
            self.is_changed = true;
            self.journal.break_off();
        }
    }

    /// Tells its apps which others called the same people, once that is known. It takes effect at a moment of event time.
    pub fn meet(&mut self, days: &Days) {
        let Some(found) = days.found(self.shard.open_minute(), &mut self.met) else { return };
        for (app_id, overlaps) in found.iter() {
            if !self.shard.knows(app_id) {
                continue;
            }
            for overlap in overlaps {
                // Nothing leaves the shard with it.
                self.shard.apply(Input::Overlap { app_id, overlap }, &mut Effects::default());
            }
            self.is_changed = true;
            self.journal.break_off();
        }
    }

    /// Lets time pass to `now` although no call came: the wall clock, as data.
    pub fn tick(&mut self, now: Timestamp, out: &mut Outcomes) {
        self.shard.apply(Input::Tick(now), &mut out.effects);
        self.is_changed = true;
        self.journal.tick(now);
    }

    /// Whether so much is to be judged that it should be now.
    pub fn is_behind(&self) -> bool {
        self.shard.is_behind(BEHIND_CALLS_MAX)
    }

    /// Judges what is closed.
    pub fn catch_up(&mut self, out: &mut Outcomes) {
        self.shard.catch_up(&mut out.effects);
    }

    /// The batch is judged: others may see how far the lane has come.
    pub fn advance(&mut self, metrics: &Metrics, board: &Board, finally: bool) {
        self.progress.judged(self.next_call, self.shard.is_quiet());
        self.progress.fill(self.dead_letters.len() >= DEAD_LETTERS_MAX);
        self.gauges.waiting.set(self.shard.waiting_calls() as i64);
        self.gauges.outbox.set(self.progress.waiting() as i64);
        self.gauges.stopped.set(i64::from(self.progress.is_stopped()));
        let judged_until = self.shard.open_minute().start();
        self.progress.reached(judged_until.plus_millis(self.shard.policy().lateness_ms));
        if finally || self.pen.is_due(&self.shard) {
            self.pen.write(board, &self.shard);
            let evicted = self.shard.apps_evicted();
            metrics.apps_evicted.inc_by(evicted - std::mem::replace(&mut self.evicted, evicted));
            self.gauges.apps.set(self.shard.len() as i64);
            self.gauges.callees.set(self.shard.callees() as i64);
        }
        self.gauges.watermark.set(i64::from(judged_until.seconds()));
    }

    /// The partition goes elsewhere, and all that is known of it here goes with it.
    pub fn leave(self, metrics: &Metrics, board: &Board) {
        self.homes.forget(self.partition as u32);
        self.pen.wipe(board, &self.shard);
        metrics.alerts.forget(self.open_alerts);
    }

    /// The service ends; what the board says last stays on it.
    pub fn end(mut self, metrics: &Metrics, board: &Board) {
        self.advance(metrics, board, true);
        metrics.alerts.forget(self.open_alerts);
    }
}

/// Has a shard take in what an app filed. Limits of it that do not go with the policy are told of.
fn file(shard: &mut Shard, registration: &Registration, effects: &mut Effects) {
    shard.apply(Input::Registration(registration), effects);
    let terms = shard.app(&registration.app_id).and_then(|app| app.terms().cloned());
    for fault in terms.iter().flat_map(|terms| terms.faults()) {
        tracing::warn!(app_id = registration.app_id, "a limit that was filed does not go with the policy: {fault}");
    }
}

#[cfg(test)]
mod tests;
