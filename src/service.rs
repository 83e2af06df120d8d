//! The service: the only wiring. Source -> lanes -> checkpoint -> sinks, from start to shutdown.
//!
//! One thread polls Kafka, a few threads judge, each with its own partitions, one writes checkpoints, a few restore
//! partitions that come, and one a sink delivers. State, alerts and input offsets leave in one transaction; whatever goes
//! wrong in a way that leaves doubt ends the session, and the next one begins with what was committed.

pub mod committer;
pub mod conductor;
pub mod days;
pub mod dispatch;
pub mod health;
pub mod homes;
pub mod lane;
pub mod outbox;
pub mod progress;
pub mod queue;
pub mod reload;
pub mod restorer;
pub mod unreadable;
pub mod watchdog;
pub mod worker;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use crate::checkpoint::recall::Recaller;
use crate::checkpoint::writer::Writer;
use crate::config::kafka::RawKafka;
use crate::engine::decode::RECORD_BYTES_MAX;
use crate::engine::policy::Policy;
use crate::kafka::{Connection, KafkaProblem};
use crate::metrics::Metrics;
use crate::mutes::{Acknowledgements, Mutes};
use crate::sink::Sink;
use crate::sink::letter::Labels;
use crate::source::kafka::{Clients, Source};
use crate::status::Board;
use committer::Committer;
use conductor::{Conductor, Ways};
use dispatch::Dispatch;
use health::{Health, Stage, Stop};
use lane::{Place, Reading};
use queue::{Gone, Queue};
use reload::Reload;
use watchdog::Watchdog;
use worker::{Common, Worker};

/// A session that lasted so long was a good one: what ended it is no habit.
const GOOD_SESSION: Duration = Duration::from_secs(60);
/// So many sessions may end early one after the other.
const SESSIONS_MAX: u32 = 5;
/// How long to wait before the next session.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the service ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaProblem),
    /// A thread cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// A thread ended on its own, by a mistake of the program; the message before this one says which.
    #[error("a thread of the service ended")]
    Gone,
}

impl From<Gone> for ServiceError {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// What the outside can see of a running service.
#[derive(Clone)]
pub struct View {
    /// Everything counted.
    pub metrics: Arc<Metrics>,
    /// The state of apps.
    pub board: Arc<Board>,
    /// What probes ask.
    pub health: Arc<Health>,
    /// The policy in force, and the way for another to come into force.
    pub reload: Reload,
    /// Which alerts somebody muted.
    pub mutes: Arc<Mutes>,
    /// Which alerts somebody acknowledged.
    pub acknowledgements: Arc<Acknowledgements>,
    /// Labels that alerts get on their way to the first Alertmanager of the configuration: fingerprints are told with them.
    pub external_labels: Arc<Labels>,
}

impl View {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// Only if a metric is malformed.
    pub fn new() -> Result<Self, prometheus::Error> {
        let board = Arc::<Board>::default();
        let metrics = Arc::new(Metrics::of(board.clone())?);
        Ok(Self {
            metrics,
            board,
            health: Arc::default(),
            external_labels: Arc::default(),
            reload: Reload::default(),
            mutes: Arc::default(),
            acknowledgements: Arc::default(),
        })
    }
}

/// What a service is made of besides its view.
pub struct Setup<'a> {
    /// Where it reads and writes.
    pub kafka: &'a RawKafka,
    /// Where relative paths of secrets start.
    pub folder: &'a Path,
    /// What it judges by.
    pub policy: &'a Arc<Policy>,
    /// Where it sends alerts besides Kafka.
    pub sinks: Vec<Box<dyn Sink>>,
    /// How often the watchdog calls; zero for never.
    pub watchdog_every: Duration,
}

/// Runs until `stop` is asked for: consumes, judges, delivers.
///
/// # Errors
/// Whatever makes it pointless to go on; what was judged and delivered before is committed.
pub fn run(setup: Setup<'_>, view: &View, stop: &Stop) -> Result<(), ServiceError> {
    let Setup { kafka, folder, policy, sinks, watchdog_every } = setup;
    view.reload.begin(policy.clone());
    let connection = Connection::new(kafka, folder)?;
    let dispatch = Dispatch::start(sinks, &view.metrics)?;
    let lines = Lines { kafka, connection, dispatch, watchdog_every };
    let (mut early_ends, mut has_run) = (0, false);
    loop {
        let began = Instant::now();
        let ended = session(&lines, view, stop);
        early_ends = if began.elapsed() >= GOOD_SESSION { 0 } else { early_ends + 1 };
        has_run |= view.health.stage() >= Stage::Running;
        match ended {
            Err(ServiceError::Kafka(KafkaProblem::Stopped)) => return Ok(()),
            // Brokers that once answered will again: that is waited for as long as it takes.
            Err(ServiceError::Kafka(problem @ KafkaProblem::Unreachable { .. })) if has_run && !stop.is_asked() => {
                tracing::warn!("{problem}: trying again");
                early_ends = 0;
            }
            Err(ServiceError::Kafka(problem)) if problem.is_passing() && early_ends < SESSIONS_MAX && !stop.is_asked() => {
                tracing::warn!("{problem}: going on from the last checkpoint");
                view.metrics.sessions_restarted.inc();
                thread::sleep(PAUSE);
            }
            ended => return ended,
        }
    }
}

/// What one session after the other works with.
struct Lines<'a> {
    kafka: &'a RawKafka,
    connection: Connection,
    dispatch: Dispatch,
    watchdog_every: Duration,
}

/// From connecting to leaving the group. Nothing is remembered from one session to the next but what is committed.
fn session(lines: &Lines<'_>, view: &View, stop: &Stop) -> Result<(), ServiceError> {
    let Lines { kafka, connection, dispatch, watchdog_every } = lines;
    let View { metrics, board, health, reload, .. } = view;
    let policy = reload.policy().ok_or(Gone)?;
    board.clear();
    health.enter(Stage::Connecting);
    let clients = Clients::connect(kafka, connection, || stop.is_asked())?;
    let writer = Writer::connect(kafka, connection, || stop.is_asked())?;
    let watchdog = Watchdog::new(kafka, connection, *watchdog_every, metrics)?;
    health.enter(Stage::ReadingRegistry);
    let common = Common {
        reading: reading(kafka, &policy),
        policy,
        reload: reload.clone(),
        place: Place { group_id: kafka.group_id.clone(), seed: seed(), homes: Arc::default() },
        days: Arc::default(),
        outbox_alerts_max: kafka.outbox_alerts_max,
        metrics: metrics.clone(),
        board: board.clone(),
        dispatch: dispatch.clone(),
        has_watchdog: watchdog.is_some(),
    };
    thread::scope(|scope| {
        let common = &common;
        let mut hands = Vec::new();
        let (requests, asked) = crossbeam_channel::unbounded();
        let (answers, restored) = crossbeam_channel::unbounded();
        for _ in 0..workers(kafka) {
            let (queue, jobs) = Queue::new();
            hands.push(queue);
            scope.spawn(move || Worker::new(common).run(&jobs));
            let recaller = Recaller::new(kafka, connection, clients.calls())?;
            let (asked, answers) = (asked.clone(), answers.clone());
            scope.spawn(move || restorer::run(&recaller, common, &asked, &answers));
        }
        let (orders, ordered) = crossbeam_channel::unbounded();
        let (tell, reports) = crossbeam_channel::unbounded();
        let given_up = Arc::new(AtomicBool::new(false));
        let (dispatch, metrics) = (dispatch.clone(), metrics.clone());
        let committer = Committer { writer, dispatch, metrics, given_up: given_up.clone(), committed: BTreeMap::new() };
        scope.spawn(move || committer.run(&ordered, &tell));
        let ways = Ways { hands, orders, reports, requests, restored, given_up };
        Conductor::new(Source::new(&clients)?, ways, common, health, watchdog, kafka).run(stop)
    })
}

fn reading(kafka: &RawKafka, policy: &Policy) -> Reading {
    Reading {
        format: kafka.format(),
        app_id: kafka.app_id.clone(),
        record_bytes_max: RECORD_BYTES_MAX,
        home_country: policy.home_country.clone(),
        keeps_unreadable: kafka.topics.dead_letters.is_some(),
        invalid_share_max: kafka.invalid_share_max,
    }
}

/// How many threads judge.
fn workers(kafka: &RawKafka) -> usize {
    match kafka.workers {
        0 => thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// A number nobody outside can guess: callee numbers are chosen by those who are judged, and must not be able to fill one
/// slot of a map.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("dialwatch")
}
