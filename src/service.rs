//! The service: the only wiring. Source -> lanes -> sink, from start to shutdown.
//!
//! One thread polls Kafka, a few threads judge, each with its own partitions; see `conductor` and `worker`. State is in
//! memory; offsets are committed after what they lead to was delivered, so after a crash records may be judged again and
//! none is passed over.

pub mod conductor;
pub mod health;
pub mod homes;
pub mod lane;
pub mod queue;
pub mod worker;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::config::kafka::RawKafka;
use crate::engine::decode::RECORD_BYTES_MAX;
use crate::engine::policy::Policy;
use crate::metrics::Metrics;
use crate::sink::Sink;
use crate::source::kafka::{Clients, KafkaProblem, Source};
use crate::status::Board;
use conductor::{Conductor, Hand};
use health::{Health, Stage, Stop};
use lane::Reading;
use queue::{Gone, Queue};
use worker::{Common, Worker};

/// Why the service ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Kafka.
    #[error(transparent)]
    Kafka(#[from] KafkaProblem),
    /// Alerts could not be delivered.
    #[error("alerts cannot be delivered: {0}")]
    Sink(io::Error),
    /// A worker ended on its own; joining it says why.
    #[error("a worker ended")]
    Worker,
}

impl From<Gone> for ServiceError {
    fn from(_: Gone) -> Self {
        Self::Worker
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
}

impl View {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// Only if a metric is malformed.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self { metrics: Arc::new(Metrics::new()?), board: Arc::default(), health: Arc::default() })
    }
}

/// Runs until `stop` is asked for: consumes, judges, delivers. Relative paths of secrets start at `folder`.
///
/// # Errors
/// Whatever makes it pointless to go on; what was judged and delivered before is committed.
pub fn run(
    kafka: &RawKafka,
    folder: &Path,
    policy: Arc<Policy>,
    sink: Box<dyn Sink>,
    view: &View,
    stop: &Stop,
) -> Result<(), ServiceError> {
    let View { metrics, board, health } = view;
    let clients = match Clients::connect(kafka, folder, || stop.is_asked()) {
        Err(KafkaProblem::Stopped) => return Ok(()),
        clients => clients?,
    };
    health.enter(Stage::ReadingRegistry);
    let reading = Reading {
        format: kafka.format(),
        app_id: kafka.app_id.clone(),
        record_bytes_max: RECORD_BYTES_MAX,
        home_country: policy.home_country.clone(),
    };
    let common = Common {
        policy,
        reading,
        seed: seed(),
        homes: Arc::default(),
        metrics: metrics.clone(),
        board: board.clone(),
        sink: Mutex::new(sink),
    };
    thread::scope(|scope| {
        let mut hands = Vec::new();
        for _ in 0..workers(kafka) {
            let (queue, jobs) = Queue::new();
            let common = &common;
            let thread = scope.spawn(move || Worker::new(common).run(&jobs));
            hands.push(Hand { queue, thread });
        }
        let source = Source::new(&clients)?;
        Conductor::new(source, hands, &common, health, kafka).run(stop)
    })
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
