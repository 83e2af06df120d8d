//! When checkpoints are made, and what becomes of those that fail.
//!
//! One at a time. A checkpoint is written in the name this process has in the group at that moment, asked for in the
//! thread that gives and takes partitions: so no partition that has gone can be written for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use super::Conductor;
use crate::config::kafka::RawKafka;
use crate::kafka::KafkaProblem;
use crate::service::ServiceError;
use crate::service::committer::{LanePart, Order, Parts, Report};
use crate::service::lane::Extent;
use crate::service::queue::Gone;
use crate::service::worker::{Job, Mark};

/// How long checkpoints may fail one after the other before the service begins a new session.
const FAILING_MAX: Duration = Duration::from_secs(120);
/// How often something is waited for while everything is being finished.
const TACT: Duration = Duration::from_millis(5);

/// What the conductor knows of checkpoints.
pub(super) struct Checkpoints {
    orders: Sender<Order>,
    reports: Receiver<Report>,
    given_up: Arc<AtomicBool>,
    interval: Duration,
    /// How often the state of each partition is written; zero for every time.
    snapshot_interval: Duration,
    is_in_flight: bool,
    last_begun: Instant,
    failing_since: Option<Instant>,
    /// Whether the last one held anything.
    had_changes: bool,
    /// State that is being collected while checkpoints go on.
    snapshot: Option<Receiver<Vec<LanePart>>>,
    last_snapshot: Instant,
}

impl Checkpoints {
    pub(super) fn new(orders: Sender<Order>, reports: Receiver<Report>, given_up: Arc<AtomicBool>, kafka: &RawKafka) -> Self {
        let duration = |millis: i64| Duration::from_millis(millis.unsigned_abs());
        let now = Instant::now();
        Self {
            orders,
            reports,
            given_up,
            interval: duration(kafka.checkpoint_interval.millis()),
            snapshot_interval: duration(kafka.snapshot_interval.millis()),
            is_in_flight: false,
            last_begun: now,
            failing_since: None,
            had_changes: false,
            snapshot: None,
            last_snapshot: now,
        }
    }

    /// Nobody waits for an answer any more.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

impl Conductor<'_, '_> {
    /// Begins a checkpoint when it is time, and takes note of one that has ended.
    pub(super) fn checkpoint_if_due(&mut self) -> Result<(), ServiceError> {
        self.hear_reports(Duration::ZERO)?;
        if self.checkpoints.is_in_flight || self.checkpoints.last_begun.elapsed() < self.checkpoints.interval {
            return Ok(());
        }
        let extent = match &self.checkpoints.snapshot {
            _ if self.checkpoints.snapshot_interval.is_zero() => Extent::State,
            Some(_) => Extent::EntryOnly,
            None => Extent::Entry,
        };
        self.begin_checkpoint(extent)
    }

    fn begin_checkpoint(&mut self, extent: Extent) -> Result<(), ServiceError> {
        self.checkpoints.last_begun = Instant::now();
        let Some(member) = self.source.membership().filter(|_| !self.dealt.is_empty()) else { return Ok(()) };
        let (reply, collected) = crossbeam_channel::bounded(self.hands.len());
        let mut wanted = if extent == Extent::Entry { self.next_snapshot() } else { None };
        for (at, queue) in self.hands.iter_mut().enumerate() {
            let snapshot = wanted.take_if(|(_, hand)| *hand == at).map(|(partition, _)| {
                let (sender, receiver) = crossbeam_channel::bounded(1);
                self.checkpoints.snapshot = Some(receiver);
                (partition, sender)
            });
            queue.add(Job::Checkpoint(Mark { extent, reply: reply.clone(), snapshot }));
        }
        self.checkpoints.is_in_flight = true;
        self.order(Order { member, parts: Parts::Collect(collected, self.hands.len()) })
    }

    /// The partition, and its worker, whose state is to be written next: one after the other, each once an interval.
    fn next_snapshot(&mut self) -> Option<(i32, usize)> {
        let Checkpoints { snapshot_interval, last_snapshot, .. } = &mut self.checkpoints;
        let share = *snapshot_interval / u32::try_from(self.dealt.len()).unwrap_or(u32::MAX).max(1);
        if last_snapshot.elapsed() < share {
            return None;
        }
        *last_snapshot = Instant::now();
        let (partition, dealt) = self.dealt.iter_mut().min_by_key(|(_, dealt)| dealt.last_snapshot)?;
        dealt.last_snapshot = Instant::now();
        Some((*partition, dealt.hand))
    }

    /// Has the state written that was collected. Right after a checkpoint, so that none waits for it.
    fn write_snapshot(&mut self) -> Result<(), ServiceError> {
        let Some(snapshot) = &self.checkpoints.snapshot else { return Ok(()) };
        let parts = match snapshot.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Vec::new(),
            Ok(parts) => parts,
        };
        self.checkpoints.snapshot = None;
        let part = parts.into_iter().find(|part| self.is_ours(part));
        if let Some((part, member)) = part.zip(self.source.membership()) {
            self.checkpoints.is_in_flight = true;
            self.order(Order { member, parts: Parts::Snapshot(part) })?;
        }
        Ok(())
    }

    fn order(&mut self, order: Order) -> Result<(), ServiceError> {
        self.checkpoints.orders.send(order).map_err(|_| Gone.into())
    }

    fn hear_reports(&mut self, patience: Duration) -> Result<(), ServiceError> {
        let Ok(report) = self.checkpoints.reports.recv_timeout(patience) else { return Ok(()) };
        match report {
            Report::Committed(partitions) => {
                self.checkpoints.is_in_flight = false;
                self.checkpoints.failing_since = None;
                self.checkpoints.had_changes = !partitions.is_empty();
                self.write_snapshot()
            }
            Report::Failed(parts, problem) => self.write_again(parts, problem),
            Report::Over(problem) => Err(problem.into()),
        }
    }

    /// Whether the lane that a part came from is still here.
    fn is_ours(&self, (progress, part): &LanePart) -> bool {
        self.dealt.get(&part.partition).is_some_and(|dealt| Arc::ptr_eq(&dealt.progress, progress))
    }

    /// Writes what failed once more, without the partitions that have gone since.
    fn write_again(&mut self, parts: Vec<LanePart>, problem: KafkaProblem) -> Result<(), ServiceError> {
        let since = *self.checkpoints.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= FAILING_MAX {
            return Err(problem.into());
        }
        let parts: Vec<LanePart> = parts.into_iter().filter(|part| self.is_ours(part)).collect();
        tracing::warn!(partitions = parts.len(), "a checkpoint was rolled back and is written again: {problem}");
        let Some(member) = self.source.membership().filter(|_| !parts.is_empty()) else {
            self.checkpoints.is_in_flight = false;
            return Ok(());
        };
        self.order(Order { member, parts: Parts::Again(parts) })
    }

    /// Lets the workers finish what they have, commits it and waits for the sinks, all until `deadline`. Returns whether
    /// everything is committed.
    pub(super) fn settle(&mut self, deadline: Instant) -> Result<bool, ServiceError> {
        if !self.checkpoint_until(deadline)? {
            return Ok(false);
        }
        let is_delivered = || self.dealt.values().all(|dealt| dealt.progress.waiting() == 0);
        if self.common.dispatch.sinks() == 0 || !self.checkpoints.had_changes {
            return Ok(true);
        }
        while !is_delivered() && Instant::now() < deadline {
            std::thread::sleep(TACT);
        }
        // What the sinks have taken need not be delivered again by whoever comes next.
        self.checkpoint_until(deadline)
    }

    /// Makes a checkpoint of the whole state, with everything dealt so far. Returns whether it is committed.
    fn checkpoint_until(&mut self, deadline: Instant) -> Result<bool, ServiceError> {
        let mut has_begun = false;
        while !has_begun || self.checkpoints.is_in_flight {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            if !self.checkpoints.is_in_flight {
                // State that was begun is written before state that is newer.
                self.write_snapshot()?;
            }
            if !self.checkpoints.is_in_flight && self.checkpoints.snapshot.is_none() {
                self.begin_checkpoint(Extent::State)?;
                has_begun = true;
                if !self.checkpoints.is_in_flight {
                    return Ok(true);
                }
            }
            self.send(TACT)?;
            self.hear_reports(TACT)?;
        }
        Ok(true)
    }
}
