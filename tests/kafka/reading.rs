//! Reading a topic to its end, as a reader who believes only what is committed, and as one who believes everything.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Headers;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::program::eventually;
use crate::topics::ANSWER;

/// What a reader believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed, and nothing after the begin of a transaction that is still open.
    Committed,
    /// Everything, also what was taken back.
    Uncommitted,
}

impl Isolation {
    fn client(self, broker: &Broker) -> BaseConsumer {
        let level = if self == Self::Committed { "read_committed" } else { "read_uncommitted" };
        let mut config = broker.config();
        config.set("group.id", "a reader").set("isolation.level", level).set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true").set("auto.offset.reset", "earliest").create().expect("a consumer")
    }
}

/// A record as it lies in its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: BTreeMap<String, String>,
}

/// All records of a topic up to its present end, partition by partition.
pub fn read(broker: &Broker, topic: &str, isolation: Isolation) -> Vec<Stored> {
    let client = isolation.client(broker);
    let mut unread = BTreeSet::new();
    let mut assignment = TopicPartitionList::new();
    for partition in partitions(&client, topic) {
        unread.insert(partition);
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    client.assign(&assignment).expect("assigned");
    let mut found = Vec::new();
    while !unread.is_empty() {
        match client.poll(ANSWER) {
            Some(Ok(message)) => found.push(Stored::of(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
            }
            Some(Err(error)) => panic!("{topic}: {error}"),
            None => panic!("{topic}: partitions {unread:?} have no end"),
        }
    }
    found.sort_by_key(|message| (message.partition, message.offset));
    found
}

impl Stored {
    fn of(message: &impl Message) -> Self {
        let mut headers = BTreeMap::new();
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            let value = String::from_utf8(header.value.unwrap_or_default().to_vec()).expect("headers are text");
            assert!(headers.insert(header.key.to_owned(), value).is_none(), "the header {} stands twice", header.key);
        }
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers,
        }
    }
}

fn partitions(client: &BaseConsumer, topic: &str) -> Vec<i32> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER).expect("metadata");
    metadata.topics()[0].partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect()
}

/// Tells whether a transaction is open on topics: a reader of what is committed then sees less of them.
pub struct Transactions {
    committed: BaseConsumer,
    uncommitted: BaseConsumer,
    partitions: Vec<(String, i32)>,
}

impl Transactions {
    /// On `topics`.
    pub fn on(broker: &Broker, topics: &[&str]) -> Self {
        let (committed, uncommitted) = (Isolation::Committed.client(broker), Isolation::Uncommitted.client(broker));
        let of =
            |topic: &&str| partitions(&committed, topic).into_iter().map(|partition| ((*topic).to_owned(), partition)).collect();
        let partitions = topics.iter().flat_map(|topic| -> Vec<(String, i32)> { of(topic) }).collect();
        Self { committed, uncommitted, partitions }
    }

    /// Whether one is open just now.
    pub fn is_open(&self) -> bool {
        self.partitions.iter().any(|(topic, partition)| {
            let end = |client: &BaseConsumer| client.fetch_watermarks(topic, *partition, ANSWER).expect("answered").1;
            // Asked in this order, what is written between the questions passes for an open transaction only if it is one.
            let (uncommitted, committed) = (end(&self.uncommitted), end(&self.committed));
            committed < uncommitted
        })
    }

    /// Whether one is open and stays open: one that was being committed is over in a moment.
    pub fn stays_open(&self) -> bool {
        (0..5).all(|_| {
            std::thread::park_timeout(Duration::from_millis(20));
            self.is_open()
        })
    }

    /// Waits until none is: readers of what is committed then see all there is.
    pub fn settle(&self) {
        eventually("an end of all transactions", || (!self.is_open()).then_some(()));
    }
}

/// Sees records as they come to a topic.
pub struct Tail(BaseConsumer);

impl Tail {
    /// Of a topic, from now on.
    pub fn of(broker: &Broker, topic: &str, isolation: Isolation) -> Self {
        let client = isolation.client(broker);
        let mut assignment = TopicPartitionList::new();
        for partition in partitions(&client, topic) {
            let (_, end) = client.fetch_watermarks(topic, partition, ANSWER).expect("answered");
            assignment.add_partition_offset(topic, partition, Offset::Offset(end)).expect("a partition");
        }
        client.assign(&assignment).expect("assigned");
        Self(client)
    }

    /// The next record, if one comes within `wait`.
    pub fn next(&self, wait: Duration) -> Option<Stored> {
        self.0.poll(wait).and_then(Result::ok).map(|message| Stored::of(&message))
    }

    /// Whether a record comes just now, or in a moment. What came before does not count.
    pub fn has_grown(&self) -> bool {
        while self.0.poll(Duration::ZERO).is_some() {}
        (0..10).any(|_| self.next(Duration::from_millis(50)).is_some())
    }
}

/// All committed records of a topic in which nothing is on its way any more.
pub fn settled(broker: &Broker, topic: &str) -> Vec<Stored> {
    Transactions::on(broker, &[topic]).settle();
    read(broker, topic, Isolation::Committed)
}

/// How many records of a topic were taken back.
pub fn aborted(broker: &Broker, topic: &str) -> usize {
    let committed = settled(broker, topic).len();
    read(broker, topic, Isolation::Uncommitted).len() - committed
}
