//! The way to one worker: records gathered into batches, jobs in order, and a bound on what waits there.
//!
//! It never blocks for longer than it is told, so that the poller keeps polling whatever a worker does.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};

use super::worker::{Batch, Job};
use crate::metrics::Stream;
use crate::source::kafka::Record;

/// Records in a batch: enough that what is done once a batch weighs nothing.
const BATCH_RECORDS: usize = 512;
/// Jobs on the way to a worker.
const JOBS: usize = 8;

/// The worker is gone.
#[derive(Debug)]
pub struct Gone;

/// One worker's queue.
pub struct Queue<'c> {
    jobs: Sender<Job<'c>>,
    gathered: Vec<(Stream, Record<'c>)>,
    received: Instant,
    /// What the channel had no room for, in order.
    backlog: VecDeque<Job<'c>>,
}

impl<'c> Queue<'c> {
    /// A queue and the end at which its worker takes.
    pub fn new() -> (Self, Receiver<Job<'c>>) {
        let (jobs, taken) = bounded(JOBS);
        (Self { jobs, gathered: Vec::new(), received: Instant::now(), backlog: VecDeque::new() }, taken)
    }

    /// Adds a record. Returns whether a batch is full and should be sent.
    pub fn gather(&mut self, stream: Stream, record: Record<'c>) -> bool {
        if self.gathered.is_empty() {
            self.received = Instant::now();
            self.gathered.reserve(BATCH_RECORDS);
        }
        self.gathered.push((stream, record));
        self.gathered.len() >= BATCH_RECORDS
    }

    /// Adds a job after all records gathered so far.
    pub fn add(&mut self, job: Job<'c>) {
        self.seal();
        self.backlog.push_back(job);
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            let records = std::mem::take(&mut self.gathered);
            self.backlog.push_back(Job::Judge(Batch { records, received: self.received }));
        }
    }

    /// Jobs that wait for the worker.
    pub fn depth(&self) -> usize {
        self.jobs.len() + self.backlog.len()
    }

    /// Whether anything waits to be sent.
    pub fn is_waiting(&self) -> bool {
        !self.gathered.is_empty() || !self.backlog.is_empty()
    }

    /// Sends what waits, for at most `patience`. Returns whether nothing waits any more.
    ///
    /// # Errors
    /// The worker is gone.
    pub fn send(&mut self, patience: Duration) -> Result<bool, Gone> {
        self.seal();
        let deadline = Instant::now() + patience;
        while let Some(job) = self.backlog.pop_front() {
            match self.jobs.send_deadline(job, deadline) {
                Ok(()) => {}
                Err(SendTimeoutError::Timeout(job)) => {
                    self.backlog.push_front(job);
                    return Ok(false);
                }
                Err(SendTimeoutError::Disconnected(_)) => return Err(Gone),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(partition: i32) -> Job<'static> {
        Job::Tick { partition, now: crate::engine::time::Timestamp::EARLIEST }
    }

    fn taken(jobs: &Receiver<Job<'_>>) -> Vec<i32> {
        jobs.try_iter().map(|job| if let Job::Tick { partition, .. } = job { partition } else { -1 }).collect()
    }

    #[test]
    fn what_finds_no_room_waits_in_order() {
        let (mut queue, jobs) = Queue::new();
        (0..20).for_each(|partition| queue.add(tick(partition)));
        assert!(!queue.send(Duration::ZERO).expect("the worker is there"));
        let mut all = taken(&jobs);
        assert_eq!(all.len(), JOBS);
        while queue.is_waiting() {
            queue.send(Duration::ZERO).expect("the worker is there");
            all.extend(taken(&jobs));
        }
        assert_eq!(all, (0..20).collect::<Vec<i32>>());
    }

    #[test]
    fn a_worker_that_is_gone_is_noticed() {
        let (mut queue, jobs) = Queue::new();
        drop(jobs);
        queue.add(tick(0));
        assert!(queue.send(Duration::ZERO).is_err());
    }
}
