//! Writing records: at once, or bit by bit while something else happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use crate::broker::Broker;
use crate::topics::ANSWER;
use crate::traffic::{Record, partition_of};

/// How often a pump writes a bit.
const BEAT: Duration = Duration::from_millis(25);

/// A writer that keeps the order and doubles nothing, also over a restart of the broker.
pub struct Writer {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    partitions: i32,
}

impl Writer {
    /// To a topic of so many partitions.
    pub fn new(broker: &Broker, topic: &str, partitions: i32) -> Self {
        let mut config = broker.config();
        config.set("enable.idempotence", "true").set("message.timeout.ms", "0").set("compression.type", "lz4");
        config.set("linger.ms", "5").set("queue.buffering.max.messages", "2000000").set("queue.buffering.max.kbytes", "2000000");
        Self { producer: config.create().expect("a producer"), topic: topic.to_owned(), partitions }
    }

    /// Hands records over; they leave within milliseconds.
    pub fn write(&self, records: &[Record]) {
        for record in records {
            let partition = partition_of(&record.key, self.partitions);
            let message = BaseRecord::to(&self.topic).partition(partition).key(&record.key).payload(&record.value);
            self.producer.send(message).map_err(|(error, _)| error).expect("room in the producer");
        }
    }

    /// Waits until the broker has all.
    pub fn finish(self) {
        self.producer.flush(2 * ANSWER).expect("all written");
    }
}

/// Writes records and waits until the broker has them all.
pub fn produce(broker: &Broker, topic: &str, partitions: i32, records: &[Record]) {
    let writer = Writer::new(broker, topic, partitions);
    writer.write(records);
    writer.finish();
}

/// Writes records bit by bit until told to finish, each bit a small share of what is left: so it never runs dry, however
/// long it takes.
pub struct Pump {
    is_to_finish: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Pump {
    /// Writes one record of `share` that are left, every 25 ms.
    pub fn start(broker: &Broker, topic: &str, partitions: i32, records: Vec<Record>, share: usize) -> Self {
        let writer = Writer::new(broker, topic, partitions);
        let is_to_finish = Arc::new(AtomicBool::new(false));
        let is_told = is_to_finish.clone();
        let thread = std::thread::spawn(move || {
            let mut left = &records[..];
            while !is_told.load(Ordering::Relaxed) && !left.is_empty() {
                let bit;
                (bit, left) = left.split_at(left.len().div_ceil(share));
                writer.write(bit);
                std::thread::park_timeout(BEAT);
            }
            writer.write(left);
            writer.finish();
        });
        Self { is_to_finish, thread }
    }

    /// Lets it write the rest, and waits until the broker has all.
    pub fn finish(self) {
        self.is_to_finish.store(true, Ordering::Relaxed);
        self.thread.join().expect("all written");
    }
}
