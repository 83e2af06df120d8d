//! What can go wrong with Kafka, in words for the person who runs the service: what, where, and what to do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::checkpoint::{Misfit, StateError};
use crate::config::kafka::UnreadableSecret;

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
    #[error("kafka: no broker of {servers} answers within {waited_s} s: {reason}")]
    Unreachable {
        /// The configured brokers.
        servers: String,
        /// How long was waited.
        waited_s: u64,
        /// The last error.
        reason: String,
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
    #[error("kafka: {doing} is not permitted: grant {grant}")]
    Forbidden {
        /// What was being done.
        doing: &'static str,
        /// What the operator may grant.
        grant: String,
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
        "kafka: another process has taken over the transactional id `{transactional_id}`: two processes run with the same \
         kafka.group_instance_id; give each its own"
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
    /// Whether a new session, from the last committed state on, can be expected to go well: the world has changed, not the
    /// configuration.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Client { .. } | Self::Fenced { .. })
    }
}

/// Names what failed, and what to grant if that is what is missing.
pub fn failed(doing: &'static str) -> impl Fn(KafkaError) -> KafkaProblem {
    move |error| match forbidden(&error) {
        Some(grant) => KafkaProblem::Forbidden { doing, grant: grant.to_owned() },
        None => KafkaProblem::Client { doing, error },
    }
}

/// What the broker says is not permitted, as the operation to grant.
fn forbidden(error: &KafkaError) -> Option<&'static str> {
    let code = match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    };
    match code? {
        RDKafkaErrorCode::GroupAuthorizationFailed => Some("Read on the group named by kafka.group_id"),
        RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
            Some("Write and Describe on transactional ids that begin with kafka.group_id")
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => {
            Some("Read on the topics of calls, feedback, registry and state, and Write on those of state, alerts and dead letters")
        }
        RDKafkaErrorCode::ClusterAuthorizationFailed => Some("IdempotentWrite on the cluster"),
        _ => None,
    }
}
