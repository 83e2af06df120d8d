//! The main loop: polls the source, deals records to workers, gives and takes partitions, has checkpoints made.
//!
//! One thread. It never decodes a call, never judges, and never waits for long: a worker that is behind has its partitions
//! paused, a broker out of reach is asked again, state is restored and written beside it.

mod checkpoints;
mod partitions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use prometheus::IntGauge;

use super::ServiceError;
use super::committer::{Order, Report};
use super::health::{Health, Stage, Stop};
use super::progress::Progress;
use super::queue::Queue;
use super::restorer::{Request, Restored};
use super::watchdog::Watchdog;
use super::worker::{Common, Job};
use crate::clock::wall_clock;
use crate::config::kafka::RawKafka;
use crate::engine::decode;
use crate::engine::record::Registration;
use crate::engine::time::{DAY_S, SECOND_MS};
use crate::kafka::KafkaProblem;
use crate::metrics::{Outcome, Page, Stream};
use crate::source::kafka::{Event, Record, Source};
use checkpoints::Checkpoints;

/// The longest wait for a record: also how long feedback may wait when no call comes.
const WAIT: Duration = Duration::from_millis(50);
/// How long a worker may have no room before its partitions are paused. Pausing throws away what was fetched ahead.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the loop looks at everything that is not a record.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a silent partition is given a tick at most.
const TICK_EVERY: Duration = Duration::from_secs(30);

/// The ways between the loop and the threads beside it.
pub struct Ways<'c> {
    /// To each worker.
    pub hands: Vec<Queue<'c>>,
    /// To the committer.
    pub orders: Sender<Order>,
    /// From the committer.
    pub reports: Receiver<Report>,
    /// To the restorers.
    pub requests: Sender<Request>,
    /// From the restorers.
    pub restored: Receiver<Result<Restored, KafkaProblem>>,
    /// Tells the committer that nobody waits for it any more.
    pub given_up: Arc<AtomicBool>,
}

/// A partition as the loop sees it.
struct Dealt {
    hand: usize,
    progress: Arc<Progress>,
    lag: IntGauge,
    lag_seconds: IntGauge,
    /// The offset after the last call dealt, and what it was at the last look.
    next_dealt: i64,
    next_seen: i64,
    /// When the last call dealt was written.
    written_ms: Option<i64>,
    last_call: Instant,
    last_tick: Instant,
    /// When its state was written last, or was to be.
    last_snapshot: Instant,
}

/// The loop.
pub struct Conductor<'c, 's> {
    source: Source<'c>,
    hands: Vec<Queue<'c>>,
    requests: Sender<Request>,
    restored: Receiver<Result<Restored, KafkaProblem>>,
    checkpoints: Checkpoints,
    /// Hands without room.
    full: BTreeSet<usize>,
    /// Partitions whose calls are not fetched for the time being.
    stalled: BTreeSet<i32>,
    dealt: BTreeMap<i32, Dealt>,
    /// Partitions being restored, each with what tells that it has gone.
    coming: BTreeMap<i32, Arc<AtomicBool>>,
    common: &'s Common,
    health: &'s Health,
    watchdog: Option<Watchdog>,
    /// Whether the group has given it partitions, or none, since it joined.
    has_joined: bool,
    registered: BTreeSet<String>,
    idle_timeout: Duration,
    close_timeout: Duration,
    last_look: Instant,
}

impl<'c, 's> Conductor<'c, 's> {
    /// A loop over `source`.
    pub fn new(
        source: Source<'c>,
        ways: Ways<'c>,
        common: &'s Common,
        health: &'s Health,
        watchdog: Option<Watchdog>,
        kafka: &RawKafka,
    ) -> Self {
        let duration = |millis: i64| Duration::from_millis(millis.unsigned_abs());
        let Ways { hands, orders, reports, requests, restored, given_up } = ways;
        Self {
            source,
            hands,
            requests,
            restored,
            checkpoints: Checkpoints::new(orders, reports, given_up, kafka),
            full: BTreeSet::new(),
            stalled: BTreeSet::new(),
            dealt: BTreeMap::new(),
            coming: BTreeMap::new(),
            common,
            health,
            watchdog,
            has_joined: false,
            registered: BTreeSet::new(),
            idle_timeout: duration(kafka.idle_timeout.millis()),
            close_timeout: duration(kafka.session_timeout.millis()) / 2,
            last_look: Instant::now(),
        }
    }

    /// Goes round until asked to stop, then finishes what is in hand, commits and leaves the group.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on. What was not committed will be judged again from the last checkpoint on.
    pub fn run(mut self, stop: &Stop) -> Result<(), ServiceError> {
        let ended = self.go_round(stop);
        if stop.is_asked() {
            self.health.enter(Stage::Stopping);
        }
        let ended = ended.and_then(|()| self.finish()).map_err(|error| self.told(error));
        self.checkpoints.give_up();
        self.coming.values().for_each(|gone| gone.store(true, std::sync::atomic::Ordering::Relaxed));
        self.source.leave();
        ended
    }

    /// A fenced writer is either another process's victim, or its transaction took too long: the group tells which.
    fn told(&self, error: ServiceError) -> ServiceError {
        match error {
            ServiceError::Kafka(KafkaProblem::Fenced { .. }) => {
                self.source.replacement(self.close_timeout * 2).map_or(error, ServiceError::Kafka)
            }
            error => error,
        }
    }

    fn go_round(&mut self, stop: &Stop) -> Result<(), ServiceError> {
        while !stop.is_asked() {
            let is_waiting = self.hands.iter().any(Queue::is_waiting);
            let event = self.source.next(if is_waiting { Duration::ZERO } else { WAIT })?;
            let is_time_to_send = match event {
                None => true,
                Some(event) => self.handle(event)?,
            };
            if is_time_to_send {
                self.send(PATIENCE)?;
                self.stall()?;
                self.open_restored()?;
                self.checkpoint_if_due()?;
                if self.last_look.elapsed() >= LOOK_EVERY {
                    self.look_around();
                }
            }
        }
        Ok(())
    }

    /// Returns whether it is time to send what was gathered.
    fn handle(&mut self, event: Event<'c>) -> Result<bool, ServiceError> {
        match event {
            Event::Call(record) => return Ok(self.deal(Stream::Calls, record)),
            Event::Feedback(record) => return Ok(self.deal(Stream::Feedback, record)),
            Event::Registration(record) => self.register(&record),
            Event::RegistryRead => {
                tracing::info!(apps = self.registered.len(), "the registry is read, joining the consumer group");
                self.health.enter(Stage::Joining);
            }
            Event::Assigned(partitions) => {
                // What an earlier session told of may be another process's now; what comes here is told of anew.
                if !std::mem::replace(&mut self.has_joined, true) {
                    self.common.dispatch.end_all();
                }
                self.take(&partitions)?;
            }
            Event::Revoked { partitions, lost } => self.give(&partitions, lost)?,
        }
        Ok(true)
    }

    fn deal(&mut self, stream: Stream, record: Record<'c>) -> bool {
        let Some(dealt) = self.dealt.get_mut(&record.partition()) else { return false };
        if stream == Stream::Calls {
            dealt.next_dealt = record.offset() + 1;
            dealt.written_ms = record.written_ms();
        }
        self.hands[dealt.hand].gather(stream, record)
    }

    fn register(&mut self, record: &Record<'_>) {
        let mut page = Page::default();
        page.consumed(Stream::Registry);
        let newest = wall_clock().plus_millis(i64::from(DAY_S) * SECOND_MS);
        let registration = match record.key() {
            Some(app_id) if record.is_deletion() => Ok(Registration::nothing(app_id.to_owned())),
            _ => decode::registration(record.payload(), &self.common.reading.limits(newest)),
        };
        match registration {
            Ok(registration) => {
                if record.is_deletion() {
                    self.registered.remove(&registration.app_id);
                } else {
                    self.registered.insert(registration.app_id.clone());
                }
                self.common.metrics.registered_apps.set(self.registered.len() as i64);
                let registration = Arc::new(registration);
                for hand in &mut self.hands {
                    hand.add(Job::Register(registration.clone()));
                }
                page.settled(Stream::Registry, Outcome::Applied);
            }
            Err(error) => {
                let (partition, offset) = (record.partition(), record.offset());
                tracing::warn!(stream = "registry", partition, offset, "a record cannot be read and does not count: {error}");
                page.settled(Stream::Registry, Outcome::Invalid);
            }
        }
        self.common.metrics.last_processed.now(Stream::Registry);
        self.common.metrics.ledger.enter(&mut page);
    }

    /// Sends what was gathered, and notes which workers have no room.
    fn send(&mut self, patience: Duration) -> Result<(), ServiceError> {
        for (at, hand) in self.hands.iter_mut().enumerate() {
            let is_full = self.full.contains(&at);
            let has_sent = hand.send(if is_full { Duration::ZERO } else { patience })?;
            if has_sent {
                self.full.remove(&at);
            } else {
                self.full.insert(at);
            }
        }
        Ok(())
    }

    /// Pauses the partitions of workers without room and those with too much waiting to leave, and resumes the others.
    fn stall(&mut self) -> Result<(), ServiceError> {
        let must_wait =
            |dealt: &Dealt| self.full.contains(&dealt.hand) || dealt.progress.is_full() || dealt.progress.is_stopped();
        let stalled: BTreeSet<i32> =
            self.dealt.iter().filter(|(_, dealt)| must_wait(dealt)).map(|(partition, _)| *partition).collect();
        if stalled == self.stalled {
            return Ok(());
        }
        let paused: BTreeSet<i32> = stalled.difference(&self.stalled).copied().collect();
        let resumed: BTreeSet<i32> = self.stalled.difference(&stalled).copied().collect();
        tracing::debug!(?paused, ?resumed, "room has changed");
        self.source.stall(&paused, true)?;
        self.source.stall(&resumed, false)?;
        self.stalled = stalled;
        Ok(())
    }

    fn look_around(&mut self) {
        self.last_look = Instant::now();
        self.health.beat();
        let now_ms = wall_clock().millis();
        for (partition, dealt) in &mut self.dealt {
            if dealt.next_seen != dealt.next_dealt {
                (dealt.next_seen, dealt.last_call) = (dealt.next_dealt, self.last_look);
            }
            if let Some(ends) = self.source.ends(*partition) {
                let next = dealt.progress.next_call();
                // At the end nothing is left, although the last offsets may be the broker's own marks.
                let is_done = ends.reached == ends.high && dealt.next_dealt <= next;
                dealt.lag.set(if is_done { 0 } else { (ends.high - next).max(0) });
                let behind_ms = dealt.written_ms.map_or(0, |written_ms| (now_ms - written_ms).max(0));
                dealt.lag_seconds.set(if is_done { 0 } else { behind_ms / SECOND_MS });
            }
        }
        for (at, hand) in self.hands.iter().enumerate() {
            self.common.metrics.queues.of(at).set(hand.depth() as i64);
        }
        if let Some(policy) = self.common.reload.take() {
            tracing::info!(version = policy.version, "another policy holds from the next minute on");
            self.hands.iter_mut().for_each(|hand| hand.add(Job::Adopt(policy.clone())));
        }
        if let Some(watchdog) = &mut self.watchdog {
            let running = self.dealt.iter().filter(|(_, dealt)| !dealt.progress.is_stopped());
            watchdog.call(running.map(|(partition, dealt)| (*partition, dealt.progress.event_time())));
        }
        self.tick_idle();
    }

    /// Lets the wall clock drive a partition in which nothing has come for long, everything is judged, something waits for
    /// time to pass, and a broker confirms that nothing is to come. At most one a look, since the broker is waited for.
    fn tick_idle(&mut self) {
        if self.idle_timeout.is_zero() {
            return;
        }
        let source = &self.source;
        let end_of_idle = |(partition, dealt): (&i32, &mut Dealt)| {
            let is_judged = dealt.progress.next_call() >= dealt.next_dealt;
            let ends = source.ends(*partition).filter(|ends| ends.reached == ends.high);
            let is_idle = is_judged
                && !dealt.progress.is_quiet()
                && !dealt.progress.is_stopped()
                && dealt.last_call.elapsed() >= self.idle_timeout
                && dealt.last_tick.elapsed() >= self.idle_timeout.min(TICK_EVERY);
            let end = ends.filter(|_| is_idle)?.high;
            dealt.last_tick = Instant::now();
            Some((*partition, dealt.hand, end))
        };
        let Some((partition, hand, end)) = self.dealt.iter_mut().find_map(end_of_idle) else { return };
        if self.source.confirms_end(partition, end) {
            let allowance_ms = i64::try_from(self.idle_timeout.as_millis()).unwrap_or(i64::MAX);
            let now = wall_clock().plus_millis(-allowance_ms);
            tracing::debug!(partition, %now, "nothing comes: the wall clock drives the event time");
            self.hands[hand].add(Job::Tick { partition, now });
        }
    }

    /// Finishes what is in hand, commits it, and waits for the sinks as long as it may take.
    fn finish(&mut self) -> Result<(), ServiceError> {
        let is_settled = self.settle(Instant::now() + self.close_timeout)?;
        let undelivered: u64 = self.dealt.values().map(|dealt| dealt.progress.waiting()).sum();
        if undelivered > 0 {
            tracing::warn!(alerts = undelivered, "the sinks have not taken every alert: they are delivered after the next start");
        }
        if !is_settled {
            tracing::warn!("not everything in hand was committed in time: it will be judged again after the next start");
        }
        Ok(())
    }
}
