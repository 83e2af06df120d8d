//! A worker: one thread, a share of the lanes, nothing shared with other workers on the way of a record.
//!
//! It decodes and judges batch by batch. A batch counts as done when its alerts are delivered and its records entered in
//! the ledger; only then the lanes say that they have come further.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender};

use super::homes::Homes;
use super::lane::{Lane, Outcomes, Progress, Raw, Reading, Registrations, Reject};
use crate::engine::policy::Policy;
use crate::engine::record::Registration;
use crate::engine::time::{DAY_S, SECOND_MS, Timestamp};
use crate::metrics::{self, Metrics, Recorder, Stream};
use crate::sink::Sink;
use crate::source::kafka::Record;
use crate::status::Board;

/// Unreadable records are told of at most this often.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What a worker is given to do, in order.
pub enum Job<'c> {
    /// Judge records.
    Judge(Batch<'c>),
    /// A partition is yours from now on.
    Open {
        /// The partition.
        partition: i32,
        /// Where to say how far it is judged.
        progress: Arc<Progress>,
        /// Its metrics.
        gauges: metrics::Partition,
    },
    /// Partitions go: say so when everything before this is done.
    Close {
        /// The partitions.
        partitions: Vec<i32>,
        /// Where to say it.
        done: Sender<()>,
    },
    /// An app filed something.
    Register(Arc<Registration>),
    /// No call came in a partition: let time pass.
    Tick {
        /// The partition.
        partition: i32,
        /// The wall clock, less what is allowed for records on their way.
        now: Timestamp,
    },
}

/// Records for one worker, in the order in which they came.
pub struct Batch<'c> {
    /// The records, each with its stream.
    pub records: Vec<(Stream, Record<'c>)>,
    /// When the first of them was received.
    pub received: Instant,
}

/// What all workers of a service have in common.
pub struct Common {
    /// What shards judge by.
    pub policy: Arc<Policy>,
    /// How records are read.
    pub reading: Reading,
    /// Keys the hashes of the shards.
    pub seed: u64,
    /// Where apps are at home.
    pub homes: Arc<Homes>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// Where the state of apps is shown.
    pub board: Arc<Board>,
    /// Where alerts go. Taken once a batch, and only by batches with alerts.
    pub sink: Mutex<Box<dyn Sink>>,
}

/// One worker.
pub struct Worker<'s> {
    common: &'s Common,
    lanes: BTreeMap<i32, Lane>,
    registrations: Registrations,
    out: Outcomes,
    latency: Recorder,
    told: Option<Instant>,
    untold: u64,
}

impl<'s> Worker<'s> {
    /// A worker without lanes.
    pub fn new(common: &'s Common) -> Self {
        Self {
            common,
            lanes: BTreeMap::new(),
            registrations: Registrations::default(),
            out: Outcomes::default(),
            latency: common.metrics.judgement.recorder(),
            told: None,
            untold: 0,
        }
    }

    /// Works until there will be no more jobs.
    ///
    /// # Errors
    /// Alerts could not be delivered. The batch they came from does not count.
    pub fn run(mut self, jobs: &Receiver<Job<'_>>) -> io::Result<()> {
        for job in jobs {
            match job {
                Job::Judge(batch) => self.judge(batch)?,
                Job::Open { partition, progress, gauges } => self.open(partition, progress, gauges),
                Job::Close { partitions, done } => {
                    self.close(&partitions);
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
                Job::Register(registration) => self.register(registration)?,
                Job::Tick { partition, now } => self.tick(partition, now)?,
            }
        }
        for lane in self.lanes.values_mut() {
            lane.advance(&self.common.board, true);
        }
        Ok(())
    }

    fn open(&mut self, partition: i32, progress: Arc<Progress>, gauges: metrics::Partition) {
        let Common { policy, seed, homes, .. } = self.common;
        self.lanes.insert(partition, Lane::new(policy.clone(), *seed, partition, progress, gauges, homes.clone()));
    }

    fn close(&mut self, partitions: &[i32]) {
        for lane in partitions.iter().filter_map(|partition| self.lanes.remove(partition)) {
            lane.leave(&self.common.metrics, &self.common.board);
        }
    }

    fn judge(&mut self, batch: Batch<'_>) -> io::Result<()> {
        let Common { reading, .. } = self.common;
        let newest = wall_clock().plus_millis(i64::from(DAY_S) * SECOND_MS);
        for (stream, record) in &batch.records {
            let partition = record.partition();
            // A record of a partition that has gone meanwhile is another process's.
            let Some(lane) = self.lanes.get_mut(&partition) else { continue };
            let raw = Raw { payload: record.payload(), key: record.key(), offset: record.offset() };
            match stream {
                Stream::Calls => lane.call(raw, reading, newest, &self.registrations, &mut self.out),
                Stream::Feedback => lane.feedback(raw, reading, newest, &self.registrations, &mut self.out),
                Stream::Registry => {}
            }
            self.out.own(partition);
        }
        let records = batch.records.len() as u64;
        self.finish()?;
        self.latency.record(batch.received.elapsed(), records);
        Ok(())
    }

    fn register(&mut self, registration: Arc<Registration>) -> io::Result<()> {
        for (partition, lane) in &mut self.lanes {
            lane.registration(&registration, &mut self.out);
            self.out.own(*partition);
        }
        self.registrations.keep(registration);
        self.finish()
    }

    fn tick(&mut self, partition: i32, now: Timestamp) -> io::Result<()> {
        let Some(lane) = self.lanes.get_mut(&partition) else { return Ok(()) };
        lane.tick(now, &mut self.out);
        self.out.own(partition);
        self.common.metrics.idle_ticks.inc();
        self.finish()
    }

    /// Lets what was done take effect outside: first the alerts, then the ledger, then the progress.
    fn finish(&mut self) -> io::Result<()> {
        let Common { metrics, board, sink, .. } = self.common;
        let alerts = &self.out.effects.alerts;
        if !alerts.is_empty() {
            sink.lock().unwrap_or_else(PoisonError::into_inner).deliver(alerts)?;
        }
        for (alert, partition) in alerts.iter().zip(&self.out.owners) {
            if let Some(lane) = self.lanes.get_mut(partition) {
                metrics.alerts.sent(alert, lane.open_alerts());
            }
        }
        self.out.effects.shadowed.iter().for_each(|alert| metrics.alerts.shadowed(alert));
        self.out.effects.alerts.clear();
        self.out.effects.shadowed.clear();
        self.out.owners.clear();
        for stream in [Stream::Calls, Stream::Feedback] {
            if self.out.page.has(stream) {
                metrics.last_processed.now(stream);
            }
        }
        metrics.ledger.enter(&mut self.out.page);
        for reject in std::mem::take(&mut self.out.rejects) {
            self.tell(&reject);
        }
        for lane in self.lanes.values_mut() {
            lane.advance(board, false);
        }
        Ok(())
    }

    /// Tells of a record that could not be read, now and then. All of them are counted.
    fn tell(&mut self, reject: &Reject) {
        self.untold += 1;
        if self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        let Reject { stream, partition, offset, error } = reject;
        let more = self.untold - 1;
        tracing::warn!(stream = stream.as_str(), partition, offset, more, "a record cannot be read and does not count: {error}");
        self.told = Some(Instant::now());
        self.untold = 0;
    }
}

/// The machine's clock as a moment of event time.
pub fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
