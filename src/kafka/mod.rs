//! Connections to Kafka: how clients are made, how topics are found, and what can go wrong with either.
//!
//! It moves no record. `source` reads through these connections, `checkpoint` writes and remembers through them.

mod problem;
pub mod provision;
mod topics;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub use problem::{KafkaProblem, failed};
pub use topics::Topics;

use crate::config::kafka::RawKafka;

/// Properties that only a consumer knows.
const CONSUMER_ONLY: [&str; 15] = [
    "group.id",
    "group.instance.id",
    "group.protocol",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "partition.assignment.strategy",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.partition.eof",
    "isolation.level",
    "fetch.queue.backoff.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
];

/// For whoever waits for the end of a partition: a broker says at once that there is no more, not after half a second.
pub const PROMPT: (&str, &str) = ("fetch.wait.max.ms", "50");

/// How often one client says that all brokers are down.
const DOWN_EVERY: Duration = Duration::from_secs(10);

/// How to connect: every property of the configuration, secrets read.
#[derive(Clone)]
pub struct Connection {
    properties: BTreeMap<String, String>,
    /// The brokers to begin with.
    pub servers: String,
    /// How long to wait for one at the start.
    pub patience: Duration,
}

impl Connection {
    /// Reads secrets; relative paths of theirs start at `folder`.
    ///
    /// # Errors
    /// A secret's file cannot be read.
    pub fn new(kafka: &RawKafka, folder: &Path) -> Result<Self, KafkaProblem> {
        Ok(Self {
            properties: kafka.client_properties(folder)?,
            servers: kafka.bootstrap_servers.clone(),
            patience: Duration::from_millis(kafka.connect_timeout.millis().unsigned_abs()),
        })
    }

    /// A consumer with some properties of its own.
    ///
    /// # Errors
    /// librdkafka refuses the properties.
    pub fn consumer<C: ConsumerContext>(&self, own: &[(&str, &str)], context: C) -> Result<BaseConsumer<C>, KafkaProblem> {
        self.client(own, context, |_| true)
    }

    /// A client that writes, with some properties of its own.
    ///
    /// # Errors
    /// librdkafka refuses the properties.
    pub fn producer<C: ClientContext, P: FromClientConfigAndContext<C>>(
        &self,
        own: &[(&str, &str)],
        context: C,
    ) -> Result<P, KafkaProblem> {
        self.client(own, context, |name| !CONSUMER_ONLY.contains(&name))
    }

    fn client<C: ClientContext, P: FromClientConfigAndContext<C>>(
        &self,
        own: &[(&str, &str)],
        context: C,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<P, KafkaProblem> {
        let mut config = ClientConfig::new();
        for (name, value) in self.properties.iter().filter(|(name, _)| is_known(name)) {
            config.set(name, value);
        }
        for (name, value) in own {
            config.set(*name, *value);
        }
        config.create_with_context(context).map_err(KafkaProblem::Properties)
    }
}

/// What a client says besides records goes to the log; its last error is kept for whoever waits in vain.
#[derive(Default)]
pub struct Voice {
    last_error: Mutex<String>,
    told_down: Mutex<Option<Instant>>,
}

impl Voice {
    /// The last error it told of; empty if none.
    pub fn last_error(&self) -> String {
        self.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Passes on what librdkafka logs.
    pub fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            // Properties of consumers come to producers too: told once a client, and of no consequence.
            RDKafkaLogLevel::Warning if facility == "CONFWARN" => {
                tracing::debug!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    /// Passes on an error of the connection.
    pub fn heard(&self, error: &KafkaError, reason: &str) {
        // The end of a partition is reported here too, and is none.
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::AllBrokersDown) if !self.is_down_news() => {}
            _ => tracing::warn!(target: "librdkafka", "{reason}"),
        }
        // That all brokers are down is said after why each is.
        if !matches!(code, Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AllBrokersDown)) {
            reason.clone_into(&mut self.last_error.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        }
    }

    /// Whether it has not been said for a while that all brokers are down: each attempt to connect has it said.
    fn is_down_news(&self) -> bool {
        let mut told = self.told_down.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_news = told.is_none_or(|told| told.elapsed() >= DOWN_EVERY);
        if is_news {
            *told = Some(Instant::now());
        }
        is_news
    }
}

impl ClientContext for Voice {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Self::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.heard(&error, reason);
    }
}

impl ConsumerContext for Voice {}

/// Partitions of a topic, without offsets.
///
/// # Errors
/// The topic's name holds a NUL byte.
pub fn partitions(topic: &str, partitions: impl IntoIterator<Item = i32>) -> Result<TopicPartitionList, KafkaProblem> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        add(&mut list, topic, partition, Offset::Invalid)?;
    }
    Ok(list)
}

/// Adds a partition and an offset to a list.
///
/// # Errors
/// The topic's name holds a NUL byte.
pub fn add(list: &mut TopicPartitionList, topic: &str, partition: i32, offset: Offset) -> Result<(), KafkaProblem> {
    list.add_partition_offset(topic, partition, offset).map_err(failed("naming a partition"))
}
