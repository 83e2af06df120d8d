//! The topics and the group of one test: created, emptied, and how far the group has come in them.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::broker::{Broker, unique};
use crate::program::eventually;

/// The longest a broker takes for one answer.
pub const ANSWER: Duration = Duration::from_secs(60);
/// As a topic of state or of registrations must be.
pub const COMPACTED: &[(&str, &str)] = &[("cleanup.policy", "compact")];
/// Compacted while a test lasts: what is overwritten or taken back disappears within seconds.
const COMPACTED_SOON: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("segment.ms", "500"), ("min.cleanable.dirty.ratio", "0.01"), ("delete.retention.ms", "0")];

/// The topics of one test, and the group that reads them.
#[derive(Clone, Debug)]
pub struct Topics {
    pub calls: String,
    pub feedback: String,
    pub registry: String,
    pub state: String,
    pub alerts: String,
    pub dead_letters: String,
    pub group: String,
    pub partitions: i32,
}

impl Topics {
    /// Creates them, as they should be.
    pub fn create(broker: &Broker, partitions: i32) -> Self {
        Self {
            calls: create(broker, "calls", partitions, &[]),
            feedback: create(broker, "feedback", partitions, &[]),
            registry: create(broker, "registry", 2, COMPACTED),
            state: create(broker, "state", partitions, COMPACTED_SOON),
            alerts: create(broker, "alerts", 3, &[]),
            dead_letters: create(broker, "dead-letters", 2, &[]),
            group: unique("group"),
            partitions,
        }
    }

    /// The configuration of a service that reads them and has no sinks, with `more` lines in its `kafka` section.
    pub fn config(&self, broker: &Broker, more: &str) -> String {
        self.config_at(broker.servers(), more)
    }

    /// The same, for another listener.
    pub fn config_at(&self, servers: &str, more: &str) -> String {
        let Self { calls, feedback, registry, state, alerts, dead_letters, group, .. } = self;
        format!(
            "kafka:\n  bootstrap_servers: {servers}\n  group_id: {group}\n  topics:\n    calls: {calls}\n    \
             feedback: {feedback}\n    registry: {registry}\n    state: {state}\n    alerts: {alerts}\n    \
             dead_letters: {dead_letters}\n{more}http: {{listen: '127.0.0.1:0'}}\nsinks: []\n"
        )
    }
}

/// Creates a topic with a name nobody else has, beginning with `purpose`.
pub fn create(broker: &Broker, purpose: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
    let name = unique(purpose);
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let created = wait(admin(broker).create_topics([&topic], &AdminOptions::new())).expect("answered");
    created.into_iter().for_each(|topic| {
        topic.expect("created");
    });
    name
}

/// Deletes the records of a partition before an offset, as retention does.
pub fn delete_records(broker: &Broker, topic: &str, partition: i32, before: i64) {
    let list = list(topic, [(partition, Offset::Offset(before))]);
    let deleted = wait(admin(broker).delete_records(&list, &AdminOptions::new())).expect("answered");
    deleted.elements().iter().for_each(|partition| partition.error().expect("deleted"));
}

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    broker.config().create().expect("an admin client")
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(answer)
}

fn list(topic: &str, partitions: impl IntoIterator<Item = (i32, Offset)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, partition, offset).expect("a partition");
    }
    list
}

/// How far a group is in a topic, seen from outside, without joining it.
pub struct Position {
    config: ClientConfig,
    /// `None` after it was not answered: a client that lost its broker may not find it again.
    client: Cell<Option<BaseConsumer>>,
    topic: String,
    partitions: i32,
}

impl Position {
    /// Of `group` in `topic`.
    pub fn new(broker: &Broker, group: &str, topic: &str, partitions: i32) -> Self {
        // Read uncommitted, the last offsets that hold are told even while others are on their way.
        let mut config = broker.config();
        config.set("group.id", group).set("isolation.level", "read_uncommitted");
        Self { config, client: Cell::default(), topic: topic.to_owned(), partitions }
    }

    /// Of the group of `topics` in their calls.
    pub fn in_calls(broker: &Broker, topics: &Topics) -> Self {
        Self::new(broker, &topics.group, &topics.calls, topics.partitions)
    }

    /// The committed offset of each partition, 0 where there is none; `None` if the broker does not answer.
    pub fn committed(&self) -> Option<Vec<i64>> {
        let partitions = list(&self.topic, (0..self.partitions).map(|partition| (partition, Offset::Invalid)));
        let committed = self.ask(|client| client.committed_offsets(partitions, Duration::from_secs(5)).ok())?;
        let offset = |partition| match committed.find_partition(&self.topic, partition).map(|found| found.offset()) {
            Some(Offset::Offset(offset)) => offset,
            _ => 0,
        };
        Some((0..self.partitions).map(offset).collect())
    }

    /// How many records it has committed, over all partitions.
    pub fn sum(&self) -> i64 {
        eventually("the group's offsets", || self.committed()).iter().sum()
    }

    /// The first and the next offset of each partition; `None` if the broker does not answer.
    pub fn ends(&self) -> Option<Vec<(i64, i64)>> {
        self.ask(|client| {
            let ends = |partition| client.fetch_watermarks(&self.topic, partition, Duration::from_secs(5)).ok();
            (0..self.partitions).map(ends).collect()
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&BaseConsumer) -> Option<T>) -> Option<T> {
        let client = self.client.take().unwrap_or_else(|| self.config.create().expect("a consumer"));
        let answer = question(&client)?;
        self.client.set(Some(client));
        Some(answer)
    }

    /// Whether the group has everything.
    pub fn is_at_end(&self) -> bool {
        let (Some(ends), Some(committed)) = (self.ends(), self.committed()) else { return false };
        ends.iter().zip(committed).all(|((_, end), committed)| *end == committed)
    }

    /// Sets the group's offset of a partition. Nobody may be in the group.
    pub fn commit(&self, partition: i32, offset: i64) {
        let offsets = list(&self.topic, [(partition, Offset::Offset(offset))]);
        self.ask(|client| client.commit(&offsets, CommitMode::Sync).ok()).expect("committed");
    }
}
