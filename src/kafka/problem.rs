//! What can go wrong with Kafka, in words for the person who runs the service: what, where, and what to do.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::checkpoint::{Misfit, StateError};
use crate::config::kafka::{RawTopics, UnreadableSecret};

/// What cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum KafkaProblem {
    /// A secret's file cannot be read.
    #[error(transparent)]
    Secret(#[from] UnreadableSecret),
    /// librdkafka refuses the properties.
    #[error("kafka: {0}")]
    Properties(KafkaError),
    /// No broker answers.
    #[error("kafka: no broker of {servers} answers within {waited_s} s: {reason}{hint}")]
    Unreachable {
        /// The configured brokers.
        servers: String,
        /// How long was waited.
        waited_s: u64,
        /// The last error.
        reason: String,
        /// What to look at.
        hint: &'static str,
    },
    /// A topic is not there, may not be used, or is not as it must be.
    #[error("kafka: kafka.{field} names the topic `{topic}`, {reason}")]
    Topic {
        /// The field of the configuration.
        field: &'static str,
        /// The topic.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A topic does not lie as its calls lie.
    #[error(
        "kafka: the topic `{calls}` has {calls_partitions} partitions and `{topic}` (kafka.{field}) has {partitions}: both \
         must have as many and be keyed by app id with the same partitioner, or what belongs to an app is not where its \
         calls are; create `{topic}` anew with {calls_partitions} partitions"
    )]
    PartitionCounts {
        /// The topic of the calls.
        calls: String,
        /// Its partitions.
        calls_partitions: usize,
        /// The field of the other topic.
        field: &'static str,
        /// The other topic.
        topic: String,
        /// Its partitions.
        partitions: usize,
    },
    /// This client may not do what it must.
    #[error("kafka: {what}, which this client may not use: grant it the operations {operations}")]
    Forbidden {
        /// What it may not use, and where the configuration names it.
        what: String,
        /// What is to be granted.
        operations: &'static str,
    },
    /// State and log do not fit together.
    #[error("kafka: partition {partition} of `{topic}`: {misfit}")]
    Misfit {
        /// The topic: calls or feedback.
        topic: String,
        /// The partition.
        partition: i32,
        /// How they differ.
        misfit: Misfit,
    },
    /// The state of a partition cannot be used.
    #[error("kafka: partition {partition} of `{topic}`: {error}")]
    State {
        /// The topic of the state.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why.
        error: StateError,
    },
    /// Another process writes under the same name.
    #[error(
        "kafka: the broker takes no more writes under the transactional id `{transactional_id}`: a checkpoint took too long, or another process writes under it"
    )]
    Fenced {
        /// The name.
        transactional_id: String,
    },
    /// Another process took this one's place in the group.
    #[error(
        "kafka: another process has joined the group with the same kafka.group_instance_id, `{instance_id}`: give each \
         process its own"
    )]
    Replaced {
        /// The name.
        instance_id: String,
    },
    /// A client has forgotten its brokers.
    #[error("kafka: a client knows of no broker any more, as can happen while brokers start")]
    Lost,
    /// A broker answers to others, not to what was asked here.
    #[error("kafka: {doing}: nothing came for {waited_s} s")]
    Silent {
        /// What was being done.
        doing: &'static str,
        /// How long was waited.
        waited_s: u64,
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

impl KafkaProblem {
    /// No broker answers, and where to look by what was heard last.
    pub fn unreachable(servers: &str, patience: Duration, reason: String) -> Self {
        let hint = match reason.as_str() {
            reason if reason.contains("SASL") || reason.contains("uthentication") => {
                ": look at sasl.username and sasl.password in kafka.properties"
            }
            reason if reason.contains("SSL") || reason.contains("certificate") => ": look at ssl.ca.location in kafka.properties",
            _ => "",
        };
        Self::Unreachable { servers: servers.to_owned(), waited_s: patience.as_secs(), reason, hint }
    }

    /// Whether a new session, from the last committed state on, can be expected to go well: the world has changed, not the
    /// configuration.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Client { .. } | Self::Fenced { .. } | Self::Lost | Self::Silent { .. })
    }

    /// If a permission is missing: it is missing for this topic.
    #[must_use]
    pub fn of_topic(self, field: &'static str, topic: &str) -> Self {
        match self.code() {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                Self::Topic { field, topic: topic.to_owned(), reason: not_permitted(field) }
            }
            _ => self,
        }
    }

    /// If a permission is missing: it is missing for this group.
    #[must_use]
    pub fn of_group(self, group_id: &str) -> Self {
        match self.code() {
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                Self::Forbidden { what: format!("kafka.group_id names the group `{group_id}`"), operations: "Read" }
            }
            _ => self,
        }
    }

    /// If a permission is missing: it is missing for this transactional id.
    #[must_use]
    pub fn of_transaction(self, transactional_id: &str) -> Self {
        match self.code() {
            Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => Self::Forbidden {
                what: format!("kafka.group_id and kafka.group_instance_id make the transactional id `{transactional_id}`"),
                operations: "Write and Describe",
            },
            _ => self,
        }
    }

    fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Client { error: KafkaError::Transaction(error), .. } => Some(error.code()),
            Self::Client { error, .. } => error.rdkafka_error_code(),
            _ => None,
        }
    }
}

/// Why a topic cannot be used by a client without the rights, and which those are.
pub(super) fn not_permitted(field: &str) -> String {
    let operations = match field {
        "topics.state" => "Read, Write and Describe",
        field if RawTopics::is_written(field) => "Write and Describe",
        _ => "Read and Describe",
    };
    format!("which this client may not use: grant it the operations {operations}")
}

/// Names what failed.
pub fn failed(doing: &'static str) -> impl Fn(KafkaError) -> KafkaProblem {
    move |error| KafkaProblem::Client { doing, error }
}
