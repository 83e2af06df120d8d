//! A worker: one thread, a share of the lanes, nothing shared with other workers on the way of a record.
//!
//! It decodes and judges batch by batch. A checkpoint that is asked for is of that moment; state for it is collected in slices between
//! the batches. It waits for nobody: neither for brokers nor for sinks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use super::committer::LanePart;
use super::days::Days;
use super::dispatch::Dispatch;
use super::lane::{Extent, Given, Lane, Outcomes, Place, Raw, Reading, Registrations, Reject};
use super::reload::Reload;
use crate::clock::wall_clock;
use crate::engine::policy::Policy;
use crate::engine::record::Registration;
use crate::engine::time::{DAY_S, Timestamp};
use crate::metrics::{Metrics, Recorder, Stream};
use crate::source::kafka::Record;
use crate::status::Board;
use crate::watchdog;

/// So long after it came, what a record closed is judged, however much else there is to do.
const BEHIND_MAX: Duration = Duration::from_secs(1);
/// For so long the judgement stands still at a time while a checkpoint is made.
const SLICE: Duration = Duration::from_millis(5);
/// Unreadable records are told of at most this often.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// What a worker is given to do, in order.
pub enum Job<'c> {
    /// Judge records.
    Judge(Batch<'c>),
    /// A partition is yours from now on.
    Open(Box<Lane>),
    /// A checkpoint is of this moment.
    Checkpoint(Mark),
    /// Partitions go: say so when everything before this is done.
    Close {
        /// The partitions.
        partitions: Vec<i32>,
        /// Where to say it.
        done: Sender<()>,
    },
    /// An app filed something.
    Register(Arc<Registration>),
    /// Judge by another policy from now on.
    Adopt(Arc<Policy>),
    /// No call came in a partition: let time pass.
    Tick {
        /// The partition.
        partition: i32,
        /// The wall clock, less what is allowed for records on their way.
        now: Timestamp,
    },
}

/// A checkpoint, as it meets a worker.
pub struct Mark {
    /// How much of each lane it is to hold.
    pub extent: Extent,
    /// Where that goes.
    pub reply: Sender<Vec<LanePart>>,
    /// A partition whose state of this moment is to be written later, and where it goes. Dropped if there is no need.
    pub snapshot: Option<(i32, Sender<Vec<LanePart>>)>,
}

/// Records for one worker, in the order in which they came.
pub struct Batch<'c> {
    /// The records, each with its stream.
    pub records: Vec<(Stream, Record<'c>)>,
    /// When the first of them was received.
    pub received: Instant,
}

/// What all threads of a service have in common.
pub struct Common {
    /// What shards judge by at the start.
    pub policy: Arc<Policy>,
    /// What they are to judge by later.
    pub reload: Reload,
    /// How records are read.
    pub reading: Reading,
    /// What lanes are told.
    pub place: Place,
    /// Where the apps of all lanes meet.
    pub days: Arc<Days>,
    /// Where everything is counted.
    pub metrics: Arc<Metrics>,
    /// Where the state of apps is shown.
    pub board: Arc<Board>,
    /// Alerts of a lane that may wait to be delivered.
    pub outbox_alerts_max: usize,
    /// The ways to the sinks.
    pub dispatch: Dispatch,
    /// Whether a watchdog calls.
    pub has_watchdog: bool,
}

/// State that is being collected.
struct Collecting {
    /// Lanes of which not everything is here yet.
    lanes: Vec<i32>,
    parts: Vec<LanePart>,
    /// Where it goes when all is.
    reply: Sender<Vec<LanePart>>,
    /// The longest time for which the judgement has stood still for it.
    pause: Duration,
}

/// A lane at work.
struct Active {
    lane: Lane,
    /// When the first of the records came that something closed, but not judged, may be left of.
    behind_since: Option<Instant>,
}

/// One worker.
pub struct Worker<'s> {
    common: &'s Common,
    policy: Arc<Policy>,
    lanes: BTreeMap<i32, Active>,
    registrations: Registrations,
    out: Outcomes,
    /// In the order in which it is wanted.
    collecting: VecDeque<Collecting>,
    latency: Recorder,
    pauses: Recorder,
    told: Option<Instant>,
    untold: u64,
}

impl<'s> Worker<'s> {
    /// A worker without lanes.
    pub fn new(common: &'s Common) -> Self {
        Self {
            common,
            policy: common.policy.clone(),
            lanes: BTreeMap::new(),
            registrations: Registrations::default(),
            out: Outcomes::default(),
            collecting: VecDeque::new(),
            latency: common.metrics.judgement.recorder(),
            pauses: common.metrics.checkpoints.collect.recorder(),
            told: None,
            untold: 0,
        }
    }

    /// Works until there will be no more jobs.
    pub fn run(mut self, jobs: &Receiver<Job<'_>>) {
        while let Some(job) = self.next_job(jobs) {
            match job {
                Job::Judge(batch) => self.judge(batch),
                Job::Open(lane) => self.open(*lane),
                Job::Close { partitions, done } => {
                    self.close(&partitions);
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
                Job::Checkpoint(mark) => self.begin_checkpoint(mark),
                Job::Register(registration) => self.register(registration),
                Job::Adopt(policy) => self.adopt(policy),
                Job::Tick { partition, now } => self.tick(partition, now),
            }
        }
        let Common { metrics, board, .. } = self.common;
        self.lanes.into_values().for_each(|active| active.lane.end(metrics, board));
    }

    /// The next job. A checkpoint goes on between jobs, and all the time while there is none. What is closed is judged when
    /// nothing else is to be done, and before anything but further records and checkpoints.
    fn next_job<'c>(&mut self, jobs: &Receiver<Job<'c>>) -> Option<Job<'c>> {
        loop {
            self.collect(Some(SLICE));
            match jobs.try_recv() {
                Ok(job @ (Job::Judge(_) | Job::Checkpoint(_))) => return Some(job),
                Ok(job) => {
                    self.catch_up(|_, _| true);
                    return Some(job);
                }
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => self.catch_up(|_, _| true),
            }
            if self.collecting.is_empty() {
                return jobs.recv().ok();
            }
        }
    }

    /// Judges all that is closed, of the lanes for which that is `wanted`.
    fn catch_up(&mut self, wanted: impl Fn(&Lane, Instant) -> bool) {
        let mut oldest = None;
        for (partition, Active { lane, behind_since }) in &mut self.lanes {
            if let Some(since) = behind_since.take_if(|since| wanted(lane, *since)) {
                lane.catch_up(&mut self.out);
                self.out.own(*partition);
                oldest = oldest.into_iter().chain([since]).min();
            }
        }
        if let Some(received) = oldest {
            self.finish(received, false);
        }
    }

    fn open(&mut self, mut lane: Lane) {
        let partition = lane.partition();
        lane.adopt(self.policy.clone());
        if self.common.has_watchdog {
            self.registrations.keep(Arc::new(watchdog::registration(partition)));
        }
        let open = lane.settle_in(&self.registrations, &self.common.metrics, &mut self.out);
        self.common.dispatch.begin(partition, open);
        self.out.own(partition);
        let inherited = lane.take_inherited();
        if let Some(last) = inherited.last() {
            tracing::info!(partition, alerts = inherited.len(), "alerts that some sink may not have are delivered again");
            let next = last.number + 1;
            self.common.dispatch.send(partition, lane.progress(), inherited, next);
        }
        self.lanes.insert(partition, Active { lane, behind_since: None });
        self.finish(Instant::now(), true);
    }

    fn adopt(&mut self, policy: Arc<Policy>) {
        self.lanes.values_mut().for_each(|active| active.lane.adopt(policy.clone()));
        self.policy = policy;
    }

    fn begin_checkpoint(&mut self, mark: Mark) {
        let wanted = mark.snapshot.as_ref().map(|(partition, _)| *partition);
        self.catch_up(|lane, _| lane.must_give_state(mark.extent) || wanted == Some(lane.partition()));
        let (began, place) = (Instant::now(), &self.common.place);
        let (mut lanes, mut parts) = (Vec::new(), Vec::new());
        for (partition, Active { lane, .. }) in &mut self.lanes {
            match lane.begin_checkpoint(mark.extent, place) {
                Given::Nothing => {}
                Given::Entry(part) => parts.push((lane.progress().clone(), *part)),
                Given::State => lanes.push(*partition),
            }
        }
        let collecting = Collecting { lanes, parts, reply: mark.reply, pause: began.elapsed() };
        // Entries wait for nothing, least of all for state that an earlier checkpoint began.
        if collecting.lanes.is_empty() {
            self.hand_over(collecting);
        } else {
            self.collecting.push_back(collecting);
        }
        if let Some((partition, reply)) = mark.snapshot
            && self.lanes.get_mut(&partition).is_some_and(|active| active.lane.begin_snapshot(place))
        {
            self.collecting.push_back(Collecting { lanes: vec![partition], parts: Vec::new(), reply, pause: began.elapsed() });
        }
        self.finish(Instant::now(), false);
    }

    /// Goes on with the state that is being collected, for about as long as a slice lasts.
    fn collect(&mut self, slice: Option<Duration>) {
        let began = Instant::now();
        let has_time = || slice.is_none_or(|slice| began.elapsed() < slice);
        while let Some(collecting) = self.collecting.front_mut() {
            let lane = collecting.lanes.last().and_then(|partition| self.lanes.get_mut(partition));
            if let Some(Active { lane, .. }) = lane {
                let part = lane.go_on(has_time);
                collecting.pause = collecting.pause.max(began.elapsed());
                let Some(part) = part else { return };
                collecting.parts.push((lane.progress().clone(), part));
                collecting.lanes.pop();
            }
            if collecting.lanes.is_empty()
                && let Some(collecting) = self.collecting.pop_front()
            {
                self.hand_over(collecting);
            }
        }
    }

    /// Hands over what is collected.
    fn hand_over(&mut self, Collecting { parts, reply, pause, .. }: Collecting) {
        self.pauses.record(pause, 1);
        // Whoever asked may be gone.
        let _ = reply.send(parts);
    }

    fn close(&mut self, partitions: &[i32]) {
        self.collect(None);
        for Active { lane, .. } in partitions.iter().filter_map(|partition| self.lanes.remove(partition)) {
            self.common.dispatch.end(lane.partition());
            lane.leave(&self.common.metrics, &self.common.board);
        }
    }

    fn judge(&mut self, batch: Batch<'_>) {
        let Common { reading, .. } = self.common;
        // To the second, so that a journal need not say it for every batch.
        let newest = Timestamp::from_seconds(i64::from(wall_clock().seconds()) + i64::from(DAY_S));
        for (stream, record) in &batch.records {
            let partition = record.partition();
            // A record of a partition that has gone meanwhile is another process's.
            let Some(Active { lane, behind_since }) = self.lanes.get_mut(&partition) else { continue };
            behind_since.get_or_insert(batch.received);
            let raw = Raw { payload: record.payload(), key: record.key_bytes(), offset: record.offset() };
            match stream {
                Stream::Calls => lane.call(raw, reading, newest, &self.registrations, &mut self.out),
                Stream::Feedback => lane.feedback(raw, reading, newest, &self.registrations, &mut self.out),
                Stream::Registry => {}
            }
            self.out.own(partition);
        }
        let records = batch.records.len() as u64;
        self.finish(batch.received, false);
        self.catch_up(|lane, since| lane.is_behind() || since.elapsed() >= BEHIND_MAX);
        self.latency.record(batch.received.elapsed(), records);
    }

    fn register(&mut self, registration: Arc<Registration>) {
        for (partition, Active { lane, .. }) in &mut self.lanes {
            lane.registration(&registration, &mut self.out);
            self.out.own(*partition);
        }
        self.registrations.keep(registration);
        self.finish(Instant::now(), false);
    }

    fn tick(&mut self, partition: i32, now: Timestamp) {
        let Some(Active { lane, .. }) = self.lanes.get_mut(&partition) else { return };
        lane.tick(now, &mut self.out);
        self.out.own(partition);
        self.common.metrics.idle_ticks.inc();
        self.finish(Instant::now(), false);
    }

    /// Lets what was done be seen: alerts in their outboxes, records in the ledger, lanes where they are.
    fn finish(&mut self, received: Instant, finally: bool) {
        let Common { metrics, board, days, .. } = self.common;
        for (alert, partition) in self.out.effects.alerts.drain(..).zip(self.out.owners.drain(..)) {
            if let Some(Active { lane, .. }) = self.lanes.get_mut(&partition) {
                lane.post(alert, received, metrics);
            }
        }
        days.take(self.out.effects.sketches.drain(..));
        self.out.effects.shadowed.drain(..).for_each(|alert| metrics.alerts.shadowed(&alert));
        for stream in [Stream::Calls, Stream::Feedback] {
            if self.out.page.has(stream) {
                metrics.last_processed.now(stream);
            }
        }
        metrics.ledger.enter(&mut self.out.page);
        for reject in std::mem::take(&mut self.out.rejects) {
            self.tell(&reject);
        }
        for Active { lane, behind_since } in self.lanes.values_mut() {
            if behind_since.is_none() {
                lane.meet(days);
            }
            lane.advance(metrics, board, finally);
        }
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
