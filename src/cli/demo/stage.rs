//! The stage of the demo: an in-process Kafka and a small world of apps that play two days on it, fast.
//!
//! librdkafka's mock cluster keeps at most 5 MiB of a partition, so what is played never runs far ahead of what is judged.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::config::kafka::RawTopics;
use crate::engine::time::Timestamp;
use crate::service::health::Stop;
use crate::simulate::{self, FeedbackLine, RegistryLine, SimulatedCall, WireFormat, World, app_id};

/// The topics, each with its partitions.
pub const CALLS: &str = "calls";
/// Feedback lies where its calls lie.
pub const FEEDBACK: &str = "feedback";
/// What apps filed.
pub const REGISTRY: &str = "registry";
const PARTITIONS: i32 = 8;
/// How long the world lasts: on the first day everybody's callees are new.
const DAYS: u32 = 2;
/// Records that may be on their way: far below what the mock cluster keeps.
const AHEAD_MAX: u64 = 10_000;
/// How often the player looks up when it waits.
const TACT: Duration = Duration::from_millis(2);

/// The mock cluster with its topics. The cluster lives as long as this.
pub struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Stage {
    /// Sets it up.
    pub fn new() -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1).context("librdkafka's mock cluster does not start")?;
        let written = RawTopics::default();
        let own = [(CALLS, PARTITIONS), (FEEDBACK, PARTITIONS), (REGISTRY, 1), (&*written.state, PARTITIONS)];
        for (topic, partitions) in own.into_iter().chain(written.alerts.as_deref().map(|alerts| (alerts, PARTITIONS))) {
            cluster.create_topic(topic, partitions, 1).with_context(|| format!("the topic {topic} cannot be created"))?;
        }
        Ok(Self { cluster })
    }

    /// Where clients begin.
    pub fn servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}

/// What is played: everything but the calls is known beforehand.
pub struct Play {
    world: World,
    registry: Vec<RegistryLine>,
    feedback: Vec<FeedbackLine>,
}

/// How a play went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Played {
    /// Records written to all topics.
    pub records: u64,
}

impl Play {
    /// Makes up two days of `apps` apps.
    pub fn new(seed: u64, apps: u32) -> Self {
        let world = World::new(seed, DAYS, apps);
        Self { registry: simulate::registrations(&world), feedback: simulate::feedback(&world), world }
    }

    /// When the first day begins.
    pub fn begin(&self) -> Timestamp {
        self.world.start
    }

    /// When the last day ends.
    pub fn end(&self) -> Timestamp {
        self.world.end()
    }

    /// What the apps filed.
    pub fn registry(&self) -> &[RegistryLine] {
        &self.registry
    }

    /// Writes everything in the order in which it would come, spread over `length`. `judged` tells how many records have
    /// been consumed; `now` is told how far the days are.
    pub fn perform(
        &self,
        servers: &str,
        length: Duration,
        stop: &Stop,
        judged: impl Fn() -> u64,
        now: impl Fn(Timestamp),
    ) -> anyhow::Result<Played> {
        let mut stream = Stream::open(servers)?;
        for line in &self.registry {
            stream.write(REGISTRY, &line.app_id, &serde_json::to_vec(line)?)?;
        }
        stream.flush()?;
        let mut clock = Clock::new(self.begin(), self.end(), length);
        let mut said = self.feedback.iter().peekable();
        let mut value = Vec::new();
        for call in simulate::calls(&self.world) {
            if stop.is_asked() {
                break;
            }
            while let Some(line) = said.next_if(|line| line.at_ms <= call.arrival.millis()) {
                stream.write(FEEDBACK, &line.app_id, &serde_json::to_vec(line)?)?;
            }
            if clock.wait_for(call.arrival) {
                now(call.arrival);
            }
            stream.call(&call, &mut value)?;
            if stream.records.is_multiple_of(512) {
                while stream.records.saturating_sub(judged()) > AHEAD_MAX && !stop.is_asked() {
                    std::thread::sleep(TACT);
                }
            }
        }
        for line in said {
            stream.write(FEEDBACK, &line.app_id, &serde_json::to_vec(line)?)?;
        }
        stream.flush()?;
        Ok(Played { records: stream.records })
    }
}

/// The pace: event time runs as much faster as the days are longer than the show.
struct Clock {
    begin: Timestamp,
    began: Instant,
    speed: f64,
}

impl Clock {
    fn new(begin: Timestamp, end: Timestamp, length: Duration) -> Self {
        let day_ms = (end.millis() - begin.millis()).max(1) as f64;
        Self { begin, began: Instant::now(), speed: day_ms / (length.as_secs_f64() * 1e3).max(1.0) }
    }

    /// Waits until it is `moment`, if that is worth it. Returns whether it waited.
    fn wait_for(&mut self, moment: Timestamp) -> bool {
        let due_ms = (moment.millis() - self.begin.millis()).max(0) as f64 / self.speed;
        let early = Duration::from_secs_f64(due_ms / 1e3).saturating_sub(self.began.elapsed());
        if early > TACT {
            std::thread::sleep(early);
        }
        early > TACT
    }
}

/// The platform's end of Kafka.
struct Stream {
    producer: ThreadedProducer<DefaultProducerContext>,
    records: u64,
}

impl Stream {
    fn open(servers: &str) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("client.id", "the simulated platform")
            .set("linger.ms", "5")
            .set("log_level", "0")
            .create()
            .context("no producer for the mock cluster")?;
        Ok(Self { producer, records: 0 })
    }

    fn call(&mut self, call: &SimulatedCall, value: &mut Vec<u8>) -> anyhow::Result<()> {
        value.clear();
        call.write(WireFormat::Tccc, value);
        self.write(CALLS, &app_id(call.app).to_string(), value)
    }

    fn write(&mut self, topic: &str, app_id: &str, value: &[u8]) -> anyhow::Result<()> {
        let partition = if topic == REGISTRY { 0 } else { partition_of(app_id) };
        let record = BaseRecord::to(topic).partition(partition).key(app_id).payload(value);
        self.producer.send(record).map_err(|(error, _)| error).context("the mock cluster takes no more records")?;
        self.records += 1;
        Ok(())
    }

    fn flush(&self) -> anyhow::Result<()> {
        self.producer.flush(Duration::from_secs(10)).context("the mock cluster does not answer")
    }
}

/// Where an app lies, in both of its topics.
fn partition_of(app_id: &str) -> i32 {
    let sum = app_id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (sum % PARTITIONS as u32) as i32
}
