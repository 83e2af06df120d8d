//! The topics: that each is there, may be used, has as many partitions as it must, and is cleaned as it must be.
//!
//! Checked before the group is joined, so that what is wrong is said at the start and in one place.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::{Connection, KafkaProblem, Voice, failed};
use crate::config::kafka::{RawKafka, RawTopics};

/// How long one attempt to reach a broker lasts.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long to listen for what a client says besides answers.
const LISTEN: Duration = Duration::from_millis(20);
/// How long to wait for the settings of a topic.
const SETTINGS: Duration = Duration::from_secs(10);

/// The topics in use, checked.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Their names.
    pub names: RawTopics,
    /// The partitions of the registry.
    pub registry_partitions: Vec<i32>,
}

impl Topics {
    /// Looks at every topic through `client`. Waits for a broker as long as the configuration allows, unless `is_stopped`.
    ///
    /// # Errors
    /// Whatever makes it pointless to go on.
    pub fn check<C: ConsumerContext + AsRef<Voice>>(
        client: &BaseConsumer<C>,
        connection: &Connection,
        kafka: &RawKafka,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Self, KafkaProblem> {
        let began = Instant::now();
        let mut partitions = BTreeMap::new();
        for (field, topic) in kafka.topics.used() {
            let found = loop {
                let error = match partitions_of(client, field, topic) {
                    Ok(found) => break found?,
                    Err(error) => error,
                };
                // Errors of the connection come with the events, and the events with a poll.
                while client.poll(LISTEN).is_some() {}
                if is_stopped() {
                    return Err(KafkaProblem::Stopped);
                }
                if began.elapsed() >= connection.patience {
                    let heard = client.context().as_ref().as_ref().last_error();
                    let reason = if heard.is_empty() { error.to_string() } else { heard };
                    return Err(KafkaProblem::unreachable(&connection.servers, connection.patience, reason));
                }
            };
            partitions.insert(field, found);
        }
        let calls_partitions = partitions.get("topics.calls").map_or(0, Vec::len);
        for (field, topic) in kafka.topics.beside_calls() {
            let count = partitions.get(field).map_or(0, Vec::len);
            if count != calls_partitions {
                let (calls, topic) = (kafka.topics.calls.clone(), topic.to_owned());
                return Err(KafkaProblem::PartitionCounts { calls, calls_partitions, field, topic, partitions: count });
            }
        }
        if !kafka.is_mock {
            check_state_is_compacted(connection, &kafka.topics.state)?;
        }
        let registry_partitions = partitions.remove("topics.registry").unwrap_or_default();
        Ok(Self { names: kafka.topics.clone(), registry_partitions })
    }
}

/// The partitions of a topic. The outer error means that it is worth trying again.
fn partitions_of<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    field: &'static str,
    topic: &str,
) -> KafkaResult<Result<Vec<i32>, KafkaProblem>> {
    let metadata = client.fetch_metadata(Some(topic), ATTEMPT)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(Err(wrong(field, topic, "which the broker says nothing about".into())));
    };
    if let Some(error) = found.error().map(RDKafkaErrorCode::from) {
        let reason = match error {
            RDKafkaErrorCode::LeaderNotAvailable => return Err(KafkaError::MetadataFetch(error)),
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => {
                "which is not there: create it, or correct the name".into()
            }
            RDKafkaErrorCode::TopicAuthorizationFailed => super::problem::not_permitted(field),
            other => format!("which cannot be used: {other}"),
        };
        return Ok(Err(wrong(field, topic, reason)));
    }
    Ok(Ok(found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()))
}

/// A state topic that is not compacted would either grow for ever or lose what it is there to keep.
fn check_state_is_compacted(connection: &Connection, topic: &str) -> Result<(), KafkaProblem> {
    let admin: AdminClient<Voice> = connection.producer(&[], Voice::default())?;
    let options = AdminOptions::new().request_timeout(Some(SETTINGS));
    let asking = failed("reading the settings of the state topic");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| asking(KafkaError::AdminOpCreation(error.to_string())))?;
    let described = runtime.block_on(admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options)).map_err(&asking)?;
    // Whoever may use a topic need not be allowed to see its settings: then there are none.
    let settings = described.into_iter().next().and_then(Result::ok);
    let policy = settings.and_then(|settings| settings.get("cleanup.policy").and_then(|entry| entry.value.clone()));
    match policy.as_deref() {
        Some("compact") => Ok(()),
        None => {
            tracing::warn!("whether `{topic}` is compacted cannot be seen: grant DescribeConfigs on it to have it checked");
            Ok(())
        }
        Some(other) => Err(wrong(
            "topics.state",
            topic,
            format!(
                "whose cleanup.policy is `{other}`: it must be `compact` alone, or the service forgets what it knows; set it \
                 with kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config cleanup.policy=compact"
            ),
        )),
    }
}

fn wrong(field: &'static str, topic: &str, reason: String) -> KafkaProblem {
    KafkaProblem::Topic { field, topic: topic.to_owned(), reason }
}
