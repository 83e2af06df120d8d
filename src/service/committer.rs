//! The committer: one thread that collects what workers hand over at a checkpoint and writes it in one transaction.
//!
//! While it packs and waits for brokers, the judgement goes on. It never decides whose partitions are whose: the conductor says in
//! whose name it writes, and whether a checkpoint that failed is written again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rdkafka::consumer::ConsumerGroupMetadata;

use super::dispatch::Dispatch;
use super::progress::Progress;
use crate::checkpoint::Position;
use crate::checkpoint::writer::{Part, Unwritten, Writer};
use crate::clock::wall_clock;
use crate::kafka::KafkaProblem;
use crate::metrics::{Metrics, Stream};

/// How long to wait before a checkpoint that failed is written again.
const PAUSE: Duration = Duration::from_millis(200);

/// A part of a checkpoint, and the lane it came from.
pub type LanePart = (Arc<Progress>, Part);

/// A checkpoint to write.
pub struct Order {
    /// Who this process is in the group.
    pub member: ConsumerGroupMetadata,
    /// What to write.
    pub parts: Parts,
}

/// What to write.
pub enum Parts {
    /// What so many workers will hand over.
    Collect(Receiver<Vec<LanePart>>, usize),
    /// State of a checkpoint that holds already.
    Snapshot(LanePart),
    /// What failed before.
    Again(Vec<LanePart>),
}

/// What became of a checkpoint.
pub enum Report {
    /// It is committed. The partitions it holds.
    Committed(Vec<i32>),
    /// Nothing of it is visible, and it may be tried again.
    Failed(Vec<LanePart>, KafkaProblem),
    /// Only a new session helps.
    Over(KafkaProblem),
}

/// The committer.
pub struct Committer {
    /// What writes.
    pub writer: Writer,
    /// Where committed alerts go on to.
    pub dispatch: Dispatch,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Set when nobody waits for an answer any more.
    pub given_up: Arc<AtomicBool>,
    /// The offsets committed last, by partition.
    pub committed: BTreeMap<i32, Position>,
}

impl Committer {
    /// Writes checkpoints until there will be no more orders.
    pub fn run(mut self, orders: &Receiver<Order>, reports: &Sender<Report>) {
        for order in orders {
            let Some(report) = self.carry_out(order) else { return };
            if reports.send(report).is_err() {
                return;
            }
        }
    }

    /// `None` if a worker has gone.
    fn carry_out(&mut self, order: Order) -> Option<Report> {
        let parts = match order.parts {
            Parts::Collect(handed_over, hands) => {
                let mut parts = Vec::new();
                for _ in 0..hands {
                    parts.extend(handed_over.recv().ok()?);
                }
                parts
            }
            Parts::Snapshot((progress, mut part)) => {
                // Checkpoints have gone on meanwhile, and offsets never go back.
                if let Some((next_call, next_feedback)) = self.committed.get(&part.partition) {
                    (part.next_call, part.next_feedback) = (*next_call, *next_feedback);
                }
                vec![(progress, part)]
            }
            Parts::Again(parts) => {
                thread::sleep(PAUSE);
                parts
            }
        };
        Some(self.write(parts, &order.member))
    }

    fn write(&mut self, mut lane_parts: Vec<LanePart>, member: &ConsumerGroupMetadata) -> Report {
        if lane_parts.is_empty() {
            return Report::Committed(Vec::new());
        }
        let began = Instant::now();
        // Of one that failed before, all is packed.
        lane_parts.iter_mut().for_each(|(_, part)| part.pack());
        let parts: Vec<&Part> = lane_parts.iter().map(|(_, part)| part).collect();
        let written = self.writer.write(&parts, member, &|| self.given_up.load(Ordering::Relaxed));
        match written {
            Ok(written) => {
                let checkpoints = &self.metrics.checkpoints;
                checkpoints.committed_now();
                checkpoints.bytes.inc_by(written.bytes);
                checkpoints.commit.recorder().record(began.elapsed(), 1);
                for part in parts {
                    self.committed.insert(part.partition, (part.next_call, part.next_feedback));
                    checkpoints.snapshots.inc_by(u64::from(part.is_snapshot));
                }
                Report::Committed(lane_parts.into_iter().map(|(progress, part)| self.let_go(&progress, part)).collect())
            }
            Err(Unwritten::Again(problem)) => {
                self.metrics.checkpoints.failed.inc();
                Report::Failed(lane_parts, problem)
            }
            Err(Unwritten::Over(problem)) => {
                self.metrics.checkpoints.failed.inc();
                Report::Over(problem)
            }
        }
    }

    /// What is committed takes effect outside: alerts go on to the sinks, and what was written is counted.
    fn let_go(&self, progress: &Arc<Progress>, part: Part) -> i32 {
        for stream in [Stream::Calls, Stream::Feedback] {
            let letters = part.dead_letters.iter().filter(|letter| letter.stream == stream).count();
            self.metrics.dead_letters.of(stream).inc_by(letters as u64);
        }
        let recorder = self.metrics.alert_latency.recorder();
        let mut alerts = Vec::with_capacity(part.alerts.len());
        for (outgoing, received) in part.alerts {
            recorder.record(received.elapsed(), 1);
            alerts.push(outgoing);
        }
        self.dispatch.send(part.partition, progress, alerts, part.next_alert);
        if part.has_watchdog {
            self.metrics.partitions.watchdog(part.partition).set(wall_clock().seconds().into());
            self.dispatch.bark(part.partition);
        }
        part.partition
    }
}
