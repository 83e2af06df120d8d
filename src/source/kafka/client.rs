//! The connections to Kafka: made, checked and told apart from what can go wrong with them.
//!
//! Three clients of one group: the calls are subscribed to and shared by the group; the feedback follows the calls'
//! partitions by hand, because no assignor but one promises two topics to one member; the registry is read by everybody.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::config::kafka::{OffsetReset, RawKafka, RawTopics, UnreadableSecret};

/// How long one attempt to reach a broker lasts.
const ATTEMPT: Duration = Duration::from_secs(2);

/// What cannot be gone on with. The texts are for the person who runs the service.
#[derive(Debug, thiserror::Error)]
pub enum KafkaProblem {
    /// A secret's file cannot be read.
    #[error(transparent)]
    Secret(#[from] UnreadableSecret),
    /// librdkafka refuses the properties.
    #[error("kafka: {0}")]
    Properties(KafkaError),
    /// No broker answers.
    #[error("kafka: no broker of {servers} answers within {waited_s} s: {reason}")]
    Unreachable {
        /// The configured brokers.
        servers: String,
        /// How long was waited.
        waited_s: u64,
        /// The last error.
        reason: String,
    },
    /// A topic is not there, or may not be seen.
    #[error("kafka: kafka.{field} names the topic `{topic}`, {reason}")]
    Topic {
        /// The field of the configuration.
        field: &'static str,
        /// The topic.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The feedback does not lie where its calls lie.
    #[error(
        "kafka: the topic `{calls}` has {calls_partitions} partitions and `{feedback}` has {feedback_partitions}: both must \
         have as many and be keyed by app id with the same partitioner, or the feedback of an app is not where its calls \
         are; create `{feedback}` anew with {calls_partitions} partitions"
    )]
    PartitionCounts {
        /// The topic of the calls.
        calls: String,
        /// Its partitions.
        calls_partitions: usize,
        /// The topic of the feedback.
        feedback: String,
        /// Its partitions.
        feedback_partitions: usize,
    },
    /// The group has no offset where one is demanded.
    #[error("kafka: no offset is committed for `{topic}` and auto_offset_reset is `error`")]
    NoOffset {
        /// The topic.
        topic: String,
    },
    /// Anything else.
    #[error("kafka: {doing}: {error}")]
    Client {
        /// What was being done.
        doing: &'static str,
        /// What came of it.
        error: KafkaError,
    },
    /// Whoever waited was told to stop.
    #[error("stopped before the brokers answered")]
    Stopped,
}

/// A change of what the group gives to this process.
#[derive(Debug)]
pub(super) enum Change {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

/// How far a partition goes, as the client last heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The offset after the last record.
    pub high: i64,
    /// Where the end was last reached; negative if never.
    pub reached: i64,
}

/// What a client tells besides records.
///
/// A change of the assignment is noted and carried out later by the source, which can then first finish what it has in
/// hand. Only when the client is being dropped it is carried out at once.
#[derive(Default)]
pub(super) struct Watch {
    changes: Mutex<VecDeque<Change>>,
    ends: Mutex<BTreeMap<i32, Ends>>,
    last_error: Mutex<String>,
    is_leaving: std::sync::atomic::AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    pub(super) fn take_change(&self) -> Option<Change> {
        lock(&self.changes).pop_front()
    }

    pub(super) fn ends(&self, partition: i32) -> Option<Ends> {
        lock(&self.ends).get(&partition).copied()
    }

    /// From now on a change is carried out at once: nobody will ask for it any more.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut ends = lock(&self.ends);
        for partition in statistics.topics.into_values().flat_map(|topic| topic.partitions.into_values()) {
            if partition.partition >= 0 && partition.hi_offset >= 0 {
                ends.insert(partition.partition, Ends { high: partition.hi_offset, reached: partition.eof_offset });
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is reported here too, and is none.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(target: "librdkafka", "{reason}");
            reason.clone_into(&mut lock(&self.last_error));
        }
    }
}

impl ConsumerContext for Watch {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.is_leaving.load(std::sync::atomic::Ordering::Relaxed) {
            if let Err(error) = consumer.unassign() {
                tracing::debug!("leaving the group: {error}");
            }
            return;
        }
        let change = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign(partitions.clone()),
            _ => Change::Revoke(partitions.clone()),
        };
        lock(&self.changes).push_back(change);
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
            Err(error) => tracing::warn!("offsets were not committed and will be again: {error}"),
        }
    }
}

/// The connections, checked: every topic is there, and the feedback lies where its calls lie.
pub struct Clients {
    pub(super) topics: RawTopics,
    pub(super) reset: OffsetReset,
    pub(super) calls: BaseConsumer<Watch>,
    pub(super) feedback: Option<BaseConsumer<Watch>>,
    pub(super) registry: Option<BaseConsumer<Watch>>,
    pub(super) registry_partitions: Vec<i32>,
}

impl Clients {
    /// Connects and checks. Waits for a broker as long as the configuration allows, unless `is_stopped`. Relative paths of
    /// secrets start at `folder`.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    pub fn connect(kafka: &RawKafka, folder: &Path, is_stopped: impl Fn() -> bool) -> Result<Self, KafkaProblem> {
        let mut config = ClientConfig::new();
        for (name, value) in kafka.client_properties(folder)? {
            config.set(name, value);
        }
        let client = || config.create_with_context(Watch::default()).map_err(KafkaProblem::Properties);
        let follower = |topic: &Option<String>| topic.as_ref().map(|_| client()).transpose();
        let mut clients = Self {
            calls: client()?,
            feedback: follower(&kafka.topics.feedback)?,
            registry: follower(&kafka.topics.registry)?,
            registry_partitions: Vec::new(),
            topics: kafka.topics.clone(),
            reset: kafka.auto_offset_reset,
        };
        let patience = Duration::from_millis(kafka.connect_timeout.millis().unsigned_abs());
        clients.check(&kafka.bootstrap_servers, patience, is_stopped)?;
        Ok(clients)
    }

    fn check(&mut self, servers: &str, patience: Duration, is_stopped: impl Fn() -> bool) -> Result<(), KafkaProblem> {
        let began = Instant::now();
        let mut partitions = BTreeMap::new();
        for (field, topic) in self.topics.used() {
            let found = loop {
                match partitions_of(&self.calls, field, topic) {
                    Ok(found) => break found?,
                    Err(_) if is_stopped() => return Err(KafkaProblem::Stopped),
                    Err(error) if began.elapsed() >= patience => {
                        let last_error = lock(&self.calls.context().last_error).clone();
                        let reason = if last_error.is_empty() { error.to_string() } else { last_error };
                        return Err(KafkaProblem::Unreachable {
                            servers: servers.to_owned(),
                            waited_s: patience.as_secs(),
                            reason,
                        });
                    }
                    // Errors of the connection come with the events, and the events with a poll.
                    Err(_) => while self.calls.poll(Duration::ZERO).is_some() {},
                }
            };
            partitions.insert(field, found);
        }
        let count = |field: &str| partitions.get(field).map_or(0, Vec::len);
        match &self.topics.feedback {
            Some(feedback) if count("topics.feedback") != count("topics.calls") => {
                return Err(KafkaProblem::PartitionCounts {
                    calls: self.topics.calls.clone(),
                    calls_partitions: count("topics.calls"),
                    feedback: feedback.clone(),
                    feedback_partitions: count("topics.feedback"),
                });
            }
            _ => {}
        }
        self.registry_partitions = partitions.remove("topics.registry").unwrap_or_default();
        Ok(())
    }
}

/// The partitions of a topic. The outer error means that it is worth trying again.
fn partitions_of(client: &BaseConsumer<Watch>, field: &'static str, topic: &str) -> KafkaResult<Result<Vec<i32>, KafkaProblem>> {
    let metadata = client.fetch_metadata(Some(topic), ATTEMPT)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Err(wrong_topic(field, topic, "which the broker says nothing about".into())));
    };
    if let Some(error) = found.error().map(RDKafkaErrorCode::from) {
        let reason = match error {
            RDKafkaErrorCode::LeaderNotAvailable => return Err(KafkaError::MetadataFetch(error)),
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                "which is not there: create it, or correct the name".into()
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => {
                "which this client may not read: grant it the operations Read and Describe".into()
            }
            other => format!("which cannot be read: {other}"),
        };
        return Ok(Err(wrong_topic(field, topic, reason)));
    }
    Ok(Ok(found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()))
}

fn wrong_topic(field: &'static str, topic: &str, reason: String) -> KafkaProblem {
    KafkaProblem::Topic { field, topic: topic.to_owned(), reason }
}
