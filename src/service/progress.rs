//! How far a lane has come, as others see it: written by its worker and by the sinks, read by the poller.
//!
//! Numbers only; whoever reads one may be a moment behind.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::engine::time::Timestamp;

/// Nothing happened on the first day of 1970: event time there is that of a lane without records.
const DAY_MS: i64 = 86_400_000;

/// How far a lane has come.
#[derive(Debug)]
pub struct Progress {
    next_call: AtomicI64,
    is_quiet: AtomicBool,
    /// Whether too many dead letters wait.
    is_full: AtomicBool,
    /// Alerts that may wait.
    alerts_max: u64,
    is_stopped: AtomicBool,
    /// The newest moment of event time, in milliseconds; not after it, at least.
    reached_ms: AtomicI64,
    /// The number of the next alert.
    posted: AtomicU64,
    /// For each sink, the number of the next alert it has not got yet. Without sinks one that is told of checkpoints.
    delivered: Box<[AtomicU64]>,
    has_sinks: bool,
}

impl Progress {
    /// Of a lane whose alerts go to so many sinks, and in which so many may wait.
    pub fn new(sinks: usize, alerts_max: usize) -> Self {
        Self {
            next_call: AtomicI64::new(0),
            is_quiet: AtomicBool::new(true),
            is_full: AtomicBool::new(false),
            alerts_max: alerts_max as u64,
            is_stopped: AtomicBool::new(false),
            reached_ms: AtomicI64::new(0),
            posted: AtomicU64::new(0),
            has_sinks: sinks > 0,
            delivered: (0..sinks.max(1)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Everything before the call at this offset is judged; time alone changes nothing if it `is_quiet`.
    pub fn judged(&self, next_call: i64, is_quiet: bool) {
        self.next_call.store(next_call, Ordering::Release);
        self.is_quiet.store(is_quiet, Ordering::Release);
    }

    /// Event time has come so far.
    pub fn reached(&self, at: Timestamp) {
        self.reached_ms.store(at.millis(), Ordering::Release);
    }

    /// How far event time has come, to the minute: a record that ends here moves nothing. `None` before the first record.
    pub fn event_time(&self) -> Option<Timestamp> {
        let reached_ms = self.reached_ms.load(Ordering::Acquire);
        (reached_ms > DAY_MS).then(|| Timestamp::from_millis(reached_ms))
    }

    /// The offset of the next call.
    pub fn next_call(&self) -> i64 {
        self.next_call.load(Ordering::Acquire)
    }

    /// Whether time alone changes nothing in the lane.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Acquire)
    }

    /// Whether too many dead letters wait to leave.
    pub fn fill(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Release);
    }

    /// Whether no more records should come until there is room.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Acquire) || self.waiting() > self.alerts_max
    }

    /// No more records are judged until the next start.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Whether records are no longer judged.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Whether there is any sink: otherwise an alert is delivered with its checkpoint.
    pub fn has_sinks(&self) -> bool {
        self.has_sinks
    }

    /// Every alert before the one of this number has been posted.
    pub fn posted(&self, next: u64) {
        self.posted.store(next, Ordering::Release);
    }

    /// Alerts that some sink has not got yet.
    pub fn waiting(&self) -> u64 {
        self.posted.load(Ordering::Acquire).saturating_sub(self.undelivered())
    }

    /// A sink has got every alert before the one of this number.
    pub fn delivered(&self, sink: usize, next: u64) {
        self.delivered[sink].fetch_max(next, Ordering::AcqRel);
    }

    /// Every sink has got every alert before the one of this number: an earlier life knows.
    pub fn all_delivered(&self, next: u64) {
        (0..self.delivered.len()).for_each(|sink| self.delivered(sink, next));
    }

    /// The number of the first alert that some sink has not got yet.
    pub fn undelivered(&self) -> u64 {
        self.delivered.iter().map(|next| next.load(Ordering::Acquire)).min().unwrap_or_default()
    }
}
