//! When checkpoints are made, and what becomes of those that fail.
//!
//! One at a time. A checkpoint is written in the name this process has in the group at that moment, asked for in the
//! thread that gives and takes partitions: so no partition that has gone can be written for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Conductor;
use crate::kafka::KafkaProblem;
use crate::service::ServiceError;
use crate::service::committer::{LanePart, Order, Parts, Report};
use crate::service::queue::Gone;
use crate::service::worker::Job;

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
    is_in_flight: bool,
    last_begun: Instant,
    failing_since: Option<Instant>,
    /// Whether the last one held anything.
    had_changes: bool,
}

impl Checkpoints {
    pub(super) fn new(orders: Sender<Order>, reports: Receiver<Report>, given_up: Arc<AtomicBool>, interval: Duration) -> Self {
        let last_begun = Instant::now();
        Self { orders, reports, given_up, interval, is_in_flight: false, last_begun, failing_since: None, had_changes: false }
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
        if !self.checkpoints.is_in_flight && self.checkpoints.last_begun.elapsed() >= self.checkpoints.interval {
            self.begin_checkpoint()?;
        }
        Ok(())
    }

    fn begin_checkpoint(&mut self) -> Result<(), ServiceError> {
        self.checkpoints.last_begun = Instant::now();
        let Some(member) = self.source.membership().filter(|_| !self.dealt.is_empty()) else { return Ok(()) };
        let (parts, collected) = crossbeam_channel::bounded(self.hands.len());
        for hand in &mut self.hands {
            hand.add(Job::Checkpoint(parts.clone()));
        }
        self.checkpoints.is_in_flight = true;
        self.order(Order { member, parts: Parts::Collect(collected, self.hands.len()) })
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
                Ok(())
            }
            Report::Failed(parts, problem) => self.write_again(parts, problem),
            Report::Over(problem) => Err(problem.into()),
        }
    }

    /// Writes what failed once more, without the partitions that have gone since.
    fn write_again(&mut self, parts: Vec<LanePart>, problem: KafkaProblem) -> Result<(), ServiceError> {
        let since = *self.checkpoints.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= FAILING_MAX {
            return Err(problem.into());
        }
        let is_ours = |(progress, part): &LanePart| {
            self.dealt.get(&part.partition).is_some_and(|dealt| Arc::ptr_eq(&dealt.progress, progress))
        };
        let parts: Vec<LanePart> = parts.into_iter().filter(is_ours).collect();
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

    /// Makes a checkpoint of everything dealt so far. Returns whether it is committed.
    fn checkpoint_until(&mut self, deadline: Instant) -> Result<bool, ServiceError> {
        let mut has_begun = false;
        while !has_begun || self.checkpoints.is_in_flight {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            if !self.checkpoints.is_in_flight {
                self.begin_checkpoint()?;
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
