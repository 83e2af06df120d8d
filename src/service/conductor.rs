//! The main loop: polls the source, deals records to workers, gives and takes partitions, commits what is judged.
//!
//! One thread. It never decodes a call, never judges, and never waits for long: a worker that is behind has its partitions
//! paused, a broker out of reach is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use prometheus::IntGauge;

use super::ServiceError;
use super::health::{Health, Stage, Stop};
use super::lane::Progress;
use super::queue::{Gone, Queue};
use super::worker::{Common, Job, wall_clock};
use crate::config::kafka::RawKafka;
use crate::engine::decode;
use crate::engine::record::Registration;
use crate::engine::time::{DAY_S, SECOND_MS};
use crate::metrics::{Outcome, Page, Stream};
use crate::source::kafka::{Event, Judged, KafkaProblem, Record, Source};

/// The longest wait for a record: also how long feedback may wait when no call comes.
const WAIT: Duration = Duration::from_millis(50);
/// How long a worker may have no room before its partitions are paused. Pausing throws away what was fetched ahead.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the loop looks at everything that is not a record.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a silent partition is given a tick at most.
const TICK_EVERY: Duration = Duration::from_secs(30);

/// A worker as the loop sees it.
pub struct Hand<'c, 's> {
    /// The way to it.
    pub queue: Queue<'c>,
    /// Its thread.
    pub thread: ScopedJoinHandle<'s, io::Result<()>>,
}

/// A partition as the loop sees it.
struct Dealt {
    hand: usize,
    progress: Arc<Progress>,
    lag: IntGauge,
    /// The offset after the last call dealt, and what it was at the last look.
    next_dealt: Option<i64>,
    next_seen: Option<i64>,
    last_call: Instant,
    last_tick: Instant,
    /// What was last committed: the next call and the next feedback.
    committed: (Option<i64>, Option<i64>),
}

/// The loop.
pub struct Conductor<'c, 's> {
    source: Source<'c>,
    hands: Vec<Hand<'c, 's>>,
    /// Hands whose partitions are paused because they have no room.
    full: BTreeSet<usize>,
    dealt: BTreeMap<i32, Dealt>,
    common: &'s Common,
    health: &'s Health,
    registered: BTreeSet<String>,
    idle_timeout: Duration,
    commit_interval: Duration,
    close_timeout: Duration,
    last_look: Instant,
    last_commit: Instant,
}

impl<'c, 's> Conductor<'c, 's> {
    /// A loop over `source` that deals to `hands`.
    pub fn new(source: Source<'c>, hands: Vec<Hand<'c, 's>>, common: &'s Common, health: &'s Health, kafka: &RawKafka) -> Self {
        let duration = |millis: i64| Duration::from_millis(millis.unsigned_abs());
        Self {
            source,
            hands,
            full: BTreeSet::new(),
            dealt: BTreeMap::new(),
            common,
            health,
            registered: BTreeSet::new(),
            idle_timeout: duration(kafka.idle_timeout.millis()),
            commit_interval: duration(kafka.checkpoint_interval.millis()),
            close_timeout: duration(kafka.session_timeout.millis()) / 2,
            last_look: Instant::now(),
            last_commit: Instant::now(),
        }
    }

    /// Goes round until asked to stop, then finishes what is in hand, commits and leaves the group.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on. What was judged before is committed all the same.
    pub fn run(mut self, stop: &Stop) -> Result<(), ServiceError> {
        let ended = self.go_round(stop);
        self.health.enter(Stage::Stopping);
        match (ended, self.finish()) {
            // The loop only knows that a worker ended; the worker knows why.
            (Err(ServiceError::Worker) | Ok(()), finished) => finished,
            (ended, _) => ended,
        }
    }

    fn go_round(&mut self, stop: &Stop) -> Result<(), ServiceError> {
        while !stop.is_asked() {
            let is_waiting = self.hands.iter().any(|hand| hand.queue.is_waiting());
            let event = self.source.next(if is_waiting { Duration::ZERO } else { WAIT })?;
            let is_time_to_send = match event {
                None => true,
                Some(event) => self.handle(event)?,
            };
            if is_time_to_send {
                self.send()?;
                if self.last_look.elapsed() >= LOOK_EVERY {
                    self.look_around()?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether it is time to send what was gathered.
    fn handle(&mut self, event: Event<'c>) -> Result<bool, ServiceError> {
        match event {
            Event::Call(record) => Ok(self.deal(Stream::Calls, record)),
            Event::Feedback(record) => Ok(self.deal(Stream::Feedback, record)),
            Event::Registration(record) => {
                self.register(&record);
                Ok(true)
            }
            Event::RegistryRead => {
                tracing::info!(apps = self.registered.len(), "the registry is read, joining the consumer group");
                self.health.enter(Stage::Joining);
                Ok(true)
            }
            Event::Assigned(partitions) => {
                self.open(&partitions);
                Ok(true)
            }
            Event::Revoked { partitions, lost } => {
                self.close(&partitions, lost)?;
                Ok(true)
            }
        }
    }

    fn deal(&mut self, stream: Stream, record: Record<'c>) -> bool {
        let Some(dealt) = self.dealt.get_mut(&record.partition()) else { return false };
        if stream == Stream::Calls {
            dealt.next_dealt = Some(record.offset() + 1);
        }
        self.hands[dealt.hand].queue.gather(stream, record)
    }

    fn register(&mut self, record: &Record<'_>) {
        let mut page = Page::default();
        page.consumed(Stream::Registry);
        let newest = wall_clock().plus_millis(i64::from(DAY_S) * SECOND_MS);
        let registration = match record.key() {
            Some(app_id) if record.is_deletion() => Ok(nothing_filed(app_id)),
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
                    hand.queue.add(Job::Register(registration.clone()));
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

    fn open(&mut self, partitions: &[i32]) {
        for partition in partitions {
            let hand = self.idlest_hand();
            let progress = Arc::new(Progress::default());
            let gauges = self.common.metrics.partitions.of(*partition);
            let (now, lag) = (Instant::now(), gauges.lag.clone());
            self.hands[hand].queue.add(Job::Open { partition: *partition, progress: progress.clone(), gauges });
            self.dealt.insert(
                *partition,
                Dealt {
                    hand,
                    progress,
                    lag,
                    next_dealt: None,
                    next_seen: None,
                    last_call: now,
                    last_tick: now,
                    committed: (None, None),
                },
            );
        }
        self.common.metrics.rebalances.assigned.inc();
        self.assignment_changed("partitions came", partitions);
        self.health.enter(Stage::Running);
    }

    /// The worker with the fewest partitions.
    fn idlest_hand(&self) -> usize {
        let load = |hand: &usize| self.dealt.values().filter(|dealt| dealt.hand == *hand).count();
        (0..self.hands.len()).min_by_key(load).unwrap_or(0)
    }

    /// Finishes what is in hand of partitions that go, commits it and gives them back.
    fn close(&mut self, partitions: &[i32], lost: bool) -> Result<(), ServiceError> {
        let deadline = Instant::now() + self.close_timeout;
        let (done, all_done) = crossbeam_channel::bounded(self.hands.len());
        for (at, hand) in self.hands.iter_mut().enumerate() {
            let own = partitions.iter().filter(|partition| self.dealt.get(partition).is_some_and(|dealt| dealt.hand == at));
            hand.queue.add(Job::Close { partitions: own.copied().collect(), done: done.clone() });
            hand.queue.send(deadline.saturating_duration_since(Instant::now()))?;
        }
        drop(done);
        for _ in &self.hands {
            if all_done.recv_deadline(deadline).is_err() {
                tracing::warn!("revoked partitions were not finished in time: what was not committed is judged again elsewhere");
                break;
            }
        }
        if lost {
            tracing::warn!(?partitions, "partitions were lost: what was not committed is judged again elsewhere");
        } else if let Err(error) = self.source.commit(self.judged(partitions), true) {
            tracing::warn!("{error}: what was not committed is judged again elsewhere");
        }
        for partition in partitions {
            self.dealt.remove(partition);
        }
        self.source.release(partitions)?;
        self.common.metrics.rebalances.revoked.inc();
        self.assignment_changed("partitions went", partitions);
        Ok(())
    }

    fn assignment_changed(&self, what: &str, partitions: &[i32]) {
        self.common.metrics.partitions_assigned.set(self.dealt.len() as i64);
        tracing::info!(?partitions, assigned = self.dealt.len(), "{what}");
    }

    fn judged(&self, partitions: &[i32]) -> Vec<Judged> {
        let judged = |partition: &i32| {
            let progress = &self.dealt.get(partition)?.progress;
            Some(Judged { partition: *partition, next_call: progress.next_call(), next_feedback: progress.next_feedback() })
        };
        partitions.iter().filter_map(judged).collect()
    }

    /// Sends what was gathered; pauses the partitions of workers without room, and resumes those that have room again.
    fn send(&mut self) -> Result<(), ServiceError> {
        for at in 0..self.hands.len() {
            let is_full = self.full.contains(&at);
            let has_sent = self.hands[at].queue.send(if is_full { Duration::ZERO } else { PATIENCE })?;
            if has_sent == is_full {
                let own: Vec<i32> =
                    self.dealt.iter().filter(|(_, dealt)| dealt.hand == at).map(|(partition, _)| *partition).collect();
                self.source.stall(&own, !has_sent)?;
                if has_sent {
                    self.full.remove(&at)
                } else {
                    self.full.insert(at)
                };
                tracing::debug!(worker = at, partitions = ?own, paused = !has_sent, "a worker's room changed");
            }
        }
        Ok(())
    }

    fn look_around(&mut self) -> Result<(), ServiceError> {
        self.last_look = Instant::now();
        self.health.beat();
        if self.hands.iter().any(|hand| hand.thread.is_finished()) {
            return Err(Gone.into());
        }
        for (partition, dealt) in &mut self.dealt {
            if dealt.next_seen != dealt.next_dealt {
                (dealt.next_seen, dealt.last_call) = (dealt.next_dealt, self.last_look);
            }
            if let (Some(ends), Some(next)) = (self.source.ends(*partition), dealt.progress.next_call()) {
                // At the end nothing is left, although the last offsets may be the broker's own marks.
                let is_done = ends.reached == ends.high && dealt.next_dealt.is_none_or(|dealt| dealt <= next);
                dealt.lag.set(if is_done { 0 } else { (ends.high - next).max(0) });
            }
        }
        if let Some(policy) = self.common.reload.take() {
            tracing::info!(version = policy.version, "another policy holds from the next minute on");
            self.hands.iter_mut().for_each(|hand| hand.queue.add(Job::Adopt(policy.clone())));
        }
        if self.last_commit.elapsed() >= self.commit_interval {
            self.commit_changed()?;
        }
        self.tick_idle();
        Ok(())
    }

    /// Commits what has come further since the last commit, without waiting.
    fn commit_changed(&mut self) -> Result<(), ServiceError> {
        self.last_commit = Instant::now();
        let mut changed = Vec::new();
        for (partition, dealt) in &mut self.dealt {
            let now = (dealt.progress.next_call(), dealt.progress.next_feedback());
            if now != dealt.committed {
                dealt.committed = now;
                changed.push(Judged { partition: *partition, next_call: now.0, next_feedback: now.1 });
            }
        }
        Ok(self.source.commit(changed, false)?)
    }

    /// Lets the wall clock drive a partition in which nothing has come for long, everything is judged, something waits for
    /// time to pass, and a broker confirms that nothing is to come. At most one a look, since the broker is waited for.
    fn tick_idle(&mut self) {
        if self.idle_timeout.is_zero() {
            return;
        }
        let source = &self.source;
        let end_of_idle = |(partition, dealt): (&i32, &mut Dealt)| {
            let is_judged = dealt.next_dealt.is_none_or(|next| dealt.progress.next_call() >= Some(next));
            let ends = source.ends(*partition).filter(|ends| ends.reached == ends.high);
            let is_idle = is_judged
                && !dealt.progress.is_quiet()
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
            self.hands[hand].queue.add(Job::Tick { partition, now });
        }
    }

    /// Lets the workers finish, commits what they judged and leaves the group.
    fn finish(mut self) -> Result<(), ServiceError> {
        let mut ended = Ok(());
        for mut hand in self.hands.drain(..) {
            // A worker that is gone says why when it is joined.
            let _ = hand.queue.send(self.close_timeout);
            drop(hand.queue);
            match hand.thread.join() {
                Ok(worked) => ended = ended.and(worked.map_err(ServiceError::Sink)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        let partitions: Vec<i32> = self.dealt.keys().copied().collect();
        let committed = self.source.commit(self.judged(&partitions), true);
        self.source.leave();
        ended?;
        committed.map_err(|error| match error {
            KafkaProblem::Client { error, .. } => {
                KafkaProblem::Client { doing: "committing the last offsets (they will be judged again)", error }
            }
            other => other,
        })?;
        Ok(())
    }
}

/// What holds for an app that takes back what it filed.
pub(super) fn nothing_filed(app_id: &str) -> Registration {
    Registration {
        app_id: app_id.to_owned(),
        name: String::new(),
        industry: String::new(),
        scene: String::new(),
        seats: None,
        callers: Vec::new(),
        timezone: None,
        declared_use: Vec::new(),
        since: None,
        regions: Vec::new(),
        limits_json: String::new(),
    }
}
