//! The platform's end of Kafka: calls, feedback and registrations as a platform writes them, each under the id of its app.
//!
//! All of an app goes to one partition of each topic, by one partitioner: that is what the service relies on. Nothing is read
//! back but which topics there are, and no topic is created or changed by asking.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::config::kafka::{RawKafka, RawTopics};
use crate::kafka::{Connection, KafkaProblem, Voice, failed};
use crate::simulate::{FeedbackLine, Outlet, RegistryLine, SimulatedCall, WireFormat, app_id};

/// The partitioner of Kafka's own clients, which most platforms write with. Whoever writes with another says so in the
/// configuration.
const PARTITIONER: (&str, &str) = ("partitioner", "murmur2_random");
/// How long one attempt to reach a broker lasts.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long to wait before a full queue is tried again.
const TACT: Duration = Duration::from_millis(2);
/// How long records may take to be accepted at the end.
const FLUSH: Duration = Duration::from_secs(60);

/// What became of the records.
#[derive(Clone, Default)]
pub struct Receipts(Arc<Heard>);

#[derive(Default)]
struct Heard {
    voice: Voice,
    /// The first record that was not accepted.
    refused: Mutex<Option<KafkaError>>,
}

impl ClientContext for Receipts {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Voice::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.voice.heard(&error, reason);
    }
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

/// Where a platform puts the records of an app: the partition of its calls and feedback.
pub type Place = fn(&str) -> i32;

/// A platform that writes.
pub struct Platform {
    producer: ThreadedProducer<Receipts>,
    receipts: Receipts,
    topics: RawTopics,
    format: WireFormat,
    place: Option<Place>,
    records: u64,
    value: Vec<u8>,
}

impl Platform {
    /// Prepares to write to the topics of `kafka`; secrets' relative paths start at `folder`. Without a `place` the partitioner
    /// finds it. Waits for nobody: see [`Self::meet`].
    ///
    /// # Errors
    /// The properties are refused, or a secret cannot be read.
    pub fn open(kafka: &RawKafka, folder: &Path, format: WireFormat, place: Option<Place>) -> Result<Self, KafkaProblem> {
        let connection = Connection::new(kafka, folder)?;
        let receipts = Receipts::default();
        let partitioner = kafka.properties.0.get(PARTITIONER.0).map_or(PARTITIONER.1, String::as_str);
        let own = [("linger.ms", "5"), (PARTITIONER.0, partitioner)];
        let producer = connection.producer(&own, receipts.clone())?;
        Ok(Self { producer, receipts, topics: kafka.topics.clone(), format, place, records: 0, value: Vec::new() })
    }

    /// Waits for a broker, and sees to it that the topics are there and lie alike.
    ///
    /// # Errors
    /// Nobody answers within the configured time, or a topic is not as it must be.
    pub fn meet(&self, kafka: &RawKafka) -> Result<(), KafkaProblem> {
        let patience = Duration::from_millis(kafka.connect_timeout.millis().unsigned_abs());
        let calls = self.partitions(kafka, patience, "topics.calls", &self.topics.calls)?;
        if let Some(feedback) = &self.topics.feedback {
            let partitions = self.partitions(kafka, patience, "topics.feedback", feedback)?;
            if partitions != calls {
                return Err(KafkaProblem::PartitionCounts {
                    calls: self.topics.calls.clone(),
                    calls_partitions: calls,
                    field: "topics.feedback",
                    topic: feedback.clone(),
                    partitions,
                });
            }
        }
        if let Some(registry) = &self.topics.registry {
            self.partitions(kafka, patience, "topics.registry", registry)?;
        }
        Ok(())
    }

    /// How many partitions a topic has.
    fn partitions(&self, kafka: &RawKafka, patience: Duration, field: &'static str, topic: &str) -> Result<usize, KafkaProblem> {
        let began = Instant::now();
        loop {
            let error = match self.producer.client().fetch_metadata(Some(topic), ATTEMPT.min(patience)) {
                Ok(metadata) => {
                    let count =
                        metadata.topics().iter().find(|found| found.name() == topic).map_or(0, |found| found.partitions().len());
                    return if count > 0 { Ok(count) } else { Err(missing(field, topic)) };
                }
                Err(error) => error,
            };
            if began.elapsed() >= patience {
                let heard = self.receipts.0.voice.last_error();
                let reason = if heard.is_empty() { error.to_string() } else { heard };
                return Err(KafkaProblem::unreachable(&kafka.bootstrap_servers, patience, reason));
            }
        }
    }

    /// How many records were written.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Waits until everything is accepted.
    ///
    /// # Errors
    /// Something was refused, or is not accepted in time.
    pub fn flush(&self) -> Result<(), KafkaProblem> {
        let flushed = self.producer.flush(FLUSH);
        self.refusal()?;
        flushed.map_err(failed("writing the last records"))
    }

    fn refusal(&self) -> Result<(), KafkaProblem> {
        let refused = self.receipts.0.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        refused.map_or(Ok(()), |error| Err(failed("writing a record")(error)))
    }

    /// Writes one record; waits while there is no room for it.
    fn write(&self, topic: &str, partition: Option<i32>, app_id: &str, value: &[u8]) -> Result<(), KafkaProblem> {
        let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(app_id).payload(value);
        record.partition = partition;
        loop {
            self.refusal()?;
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(TACT);
                }
                Err((error, _)) => return Err(failed("writing a record")(error)),
            }
        }
    }

    /// Writes one JSON record to a topic that may not be used.
    fn write_json<T: serde::Serialize>(
        &mut self,
        topic: Option<String>,
        partition: Option<i32>,
        app_id: &str,
        value: &T,
    ) -> anyhow::Result<()> {
        if let Some(topic) = topic {
            self.write(&topic, partition, app_id, &serde_json::to_vec(value)?)?;
            self.records += 1;
        }
        Ok(())
    }
}

fn missing(field: &'static str, topic: &str) -> KafkaProblem {
    KafkaProblem::Topic { field, topic: topic.to_owned(), reason: "which does not exist: create it".into() }
}

impl Outlet for Platform {
    type Error = anyhow::Error;

    /// The registry has a partitioning of its own; with places it has one partition.
    fn registration(&mut self, line: &RegistryLine) -> anyhow::Result<()> {
        self.write_json(self.topics.registry.clone(), self.place.map(|_| 0), &line.app_id, line)
    }

    fn feedback(&mut self, line: &FeedbackLine) -> anyhow::Result<()> {
        self.write_json(self.topics.feedback.clone(), self.place.map(|place| place(&line.app_id)), &line.app_id, line)
    }

    fn call(&mut self, call: &SimulatedCall) -> anyhow::Result<()> {
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        call.write(self.format, &mut value);
        // A line's end is no part of a record.
        let app_id = app_id(call.app).to_string();
        let written = self.write(&self.topics.calls, self.place.map(|place| place(&app_id)), &app_id, value.trim_ascii_end());
        self.value = value;
        self.records += 1;
        Ok(written?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rdkafka::Message;
    use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

    use super::*;
    use crate::config;
    use crate::simulate::{self, World};

    fn settings(servers: &str) -> RawKafka {
        RawKafka {
            bootstrap_servers: servers.into(),
            topics: RawTopics { feedback: Some("feedback".into()), registry: Some("registry".into()), ..RawTopics::default() },
            connect_timeout: config::Duration::from_millis(10_000),
            ..RawKafka::default()
        }
    }

    /// Every record of a topic: partition, key, value.
    fn records(kafka: &RawKafka, topic: &str, partitions: i32, count: usize) -> Vec<(i32, String, Vec<u8>)> {
        let connection = Connection::new(kafka, Path::new("")).expect("a connection");
        let consumer: BaseConsumer = connection.consumer(&[], DefaultConsumerContext).expect("a consumer");
        let mut list = TopicPartitionList::new();
        (0..partitions).for_each(|partition| list.add_partition_offset(topic, partition, Offset::Beginning).expect("added"));
        consumer.assign(&list).expect("assigned");
        let (mut found, began) = (Vec::new(), Instant::now());
        while found.len() < count && began.elapsed() < Duration::from_secs(60) {
            if let Some(Ok(record)) = consumer.poll(Duration::from_millis(200)) {
                let key = String::from_utf8(record.key().expect("a key").to_vec()).expect("text");
                found.push((record.partition(), key, record.payload().expect("a value").to_vec()));
            }
        }
        found
    }

    #[test]
    fn a_world_lies_in_kafka_by_app() {
        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).expect("a cluster");
        for (topic, partitions) in [("calls", 4), ("feedback", 4), ("registry", 1)] {
            cluster.create_topic(topic, partitions, 1).expect("created");
        }
        let kafka = settings(&cluster.bootstrap_servers());
        let world = World::new(1, 1, 6);
        let mut platform = Platform::open(&kafka, Path::new(""), WireFormat::Dialwatch, None).expect("open");
        platform.meet(&kafka).expect("there");
        let labels = tempfile::tempdir().expect("a folder");
        let summary = simulate::send(&world, &mut platform, labels.path()).expect("sent");
        platform.flush().expect("accepted");
        assert_eq!(platform.records(), summary.calls + summary.feedback + summary.registrations);
        assert!(labels.path().join("labels.json").exists());

        let calls = records(&kafka, "calls", 4, summary.calls as usize);
        let feedback = records(&kafka, "feedback", 4, summary.feedback as usize);
        let registry = records(&kafka, "registry", 1, summary.registrations as usize);
        assert_eq!((calls.len() as u64, feedback.len() as u64), (summary.calls, summary.feedback));
        assert_eq!(registry.len() as u64, summary.registrations);
        let mut homes: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
        for (partition, key, value) in calls.iter().chain(&feedback) {
            homes.entry(key).or_default().insert(*partition);
            let record: serde_json::Value = serde_json::from_slice(value).expect("json");
            assert_eq!(record["app_id"], **key);
        }
        assert!(homes.len() == 6 && homes.values().all(|partitions| partitions.len() == 1), "{homes:?}");
        // In each partition they lie in the order of their arrival, as the files hold them.
        let mut expected: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
        let ids: Vec<String> = (0..6).map(|app| app_id(app).to_string()).collect();
        for call in simulate::calls(&world) {
            let mut line = Vec::new();
            call.write(WireFormat::Dialwatch, &mut line);
            expected.entry(&ids[call.app as usize]).or_default().push(line.trim_ascii_end().to_vec());
        }
        for (app, lines) in expected {
            let found: Vec<&Vec<u8>> = calls.iter().filter(|(_, key, _)| key == app).map(|(_, _, value)| value).collect();
            assert!(found.into_iter().eq(&lines), "{app}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let mut kafka = settings("127.0.0.1:1");
        kafka.connect_timeout = config::Duration::from_millis(1_000);
        let platform = Platform::open(&kafka, Path::new(""), WireFormat::Tccc, None).expect("open");
        let said = platform.meet(&kafka).expect_err("nobody there").to_string();
        assert!(said.starts_with("kafka: no broker of 127.0.0.1:1 answers within 1 s: "), "{said}");

        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("calls", 4, 1).expect("created");
        cluster.create_topic("feedback", 3, 1).expect("created");
        let kafka = settings(&cluster.bootstrap_servers());
        let platform = Platform::open(&kafka, Path::new(""), WireFormat::Tccc, None).expect("open");
        let said = platform.meet(&kafka).expect_err("they do not lie alike").to_string();
        assert!(
            said.starts_with("kafka: the topic `calls` has 4 partitions and `feedback` (kafka.topics.feedback) has 3"),
            "{said}"
        );
    }
}
