//! What the consumers tell besides records: changes of the assignment, and how far partitions go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::statistics::{Broker, Statistics};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::kafka::Voice;

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
pub struct Watch {
    voice: Voice,
    changes: Mutex<VecDeque<Change>>,
    ends: Mutex<BTreeMap<i32, Ends>>,
    is_leaving: AtomicBool,
    is_lost: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsRef<Voice> for Watch {
    fn as_ref(&self) -> &Voice {
        &self.voice
    }
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
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the client knows of no broker any more. It would not look for one again: a broker that has just started may answer that
    /// there are topics and no brokers, and librdkafka (2.10 to 2.13 at least, its issue 5301) then forgets even those it began with.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Voice::log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let is_address = |broker: &Broker| matches!(broker.source.as_str(), "configured" | "learned");
        self.is_lost.store(!statistics.brokers.values().any(is_address), Ordering::Relaxed);
        let mut ends = lock(&self.ends);
        for partition in statistics.topics.into_values().flat_map(|topic| topic.partitions.into_values()) {
            if partition.partition >= 0 && partition.hi_offset >= 0 {
                ends.insert(partition.partition, Ends { high: partition.hi_offset, reached: partition.eof_offset });
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.voice.heard(&error, reason);
    }
}

impl ConsumerContext for Watch {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        if self.is_leaving.load(Ordering::Relaxed) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_without_a_broker_to_ask_is_lost() {
        let told = |sources: &[&str]| {
            let broker = |source: &&str| ((*source).to_owned(), Broker { source: (*source).to_owned(), ..Broker::default() });
            let watch = Watch::default();
            watch.stats(Statistics { brokers: sources.iter().map(broker).collect(), ..Statistics::default() });
            watch.is_lost()
        };
        assert!(!told(&["configured", "internal"]) && !told(&["learned", "logical"]));
        assert!(told(&["internal", "logical"]) && told(&[]));
        assert!(!Watch::default().is_lost(), "nothing is known yet");
    }
}
