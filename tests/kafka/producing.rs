//! Writing records: at once, or bit by bit while something else happens.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::broker::Broker;
use crate::topics::ANSWER;
use crate::traffic::{Record, partition_of};

/// How often a pump writes a bit.
const BEAT: Duration = Duration::from_millis(25);
/// How often what is missing at the end is written again.
const ATTEMPTS: usize = 3;

/// What was handed over and is not known to be written, by its place among all that was handed over.
#[derive(Default)]
struct Open(Mutex<BTreeSet<usize>>);

impl ClientContext for Open {}

impl ProducerContext for Open {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        if result.is_ok() {
            self.0.lock().expect("no panic under the lock").remove(&place);
        }
    }
}

/// A writer that keeps the order and doubles nothing, also over a restart of the broker.
pub struct Writer {
    producer: ThreadedProducer<Open>,
    topic: String,
    partitions: i32,
    handed_over: Cell<usize>,
}

impl Writer {
    /// To a topic of so many partitions.
    pub fn new(broker: &ClientConfig, topic: &str, partitions: i32) -> Self {
        let mut config = broker.clone();
        config.set("enable.idempotence", "true").set("message.timeout.ms", "0").set("compression.type", "lz4");
        config.set("linger.ms", "5").set("queue.buffering.max.messages", "2000000").set("queue.buffering.max.kbytes", "2000000");
        let producer = config.create_with_context(Open::default()).expect("a producer");
        Self { producer, topic: topic.to_owned(), partitions, handed_over: Cell::new(0) }
    }

    /// Hands records over; they leave within milliseconds.
    pub fn write<'r>(&self, records: impl IntoIterator<Item = &'r Record>) {
        for record in records {
            let partition = partition_of(&record.key, self.partitions);
            let place = self.handed_over.replace(self.handed_over.get() + 1);
            self.producer.context().0.lock().expect("no panic under the lock").insert(place);
            let message =
                BaseRecord::with_opaque_to(&self.topic, place).partition(partition).key(&record.key).payload(&record.value);
            self.producer.send(message).map_err(|(error, _)| error).expect("room in the producer");
        }
    }

    /// Waits until the broker has all.
    pub fn finish(self) {
        self.producer.flush(2 * ANSWER).expect("all written");
    }

    /// Waits until the broker has all, or for as long as it may take to answer. The places of what it may not have.
    fn missing(self) -> Vec<usize> {
        let _ = self.producer.flush(ANSWER / 2);
        let open = self.producer.context().0.lock().expect("no panic under the lock");
        open.iter().copied().collect()
    }
}

/// Writes records and waits until the broker has them all.
pub fn produce(broker: &Broker, topic: &str, partitions: i32, records: &[Record]) {
    let writer = Writer::new(&broker.config(), topic, partitions);
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
        let (servers, topic) = (broker.config(), topic.to_owned());
        let writer = Writer::new(&servers, &topic, partitions);
        let is_to_finish = Arc::new(AtomicBool::new(false));
        let is_told = is_to_finish.clone();
        let thread = std::thread::spawn(move || {
            let mut left = &records[..];
            let mut writer = writer;
            while !is_told.load(Ordering::Relaxed) && !left.is_empty() {
                let bit;
                (bit, left) = left.split_at(left.len().div_ceil(share));
                writer.write(bit);
                std::thread::park_timeout(BEAT);
            }
            writer.write(left);
            let mut missing: Vec<&Record> = writer.missing().into_iter().map(|place| &records[place]).collect();
            for _ in 0..ATTEMPTS {
                // A client that lost its broker may not find it again. What is written twice is judged once.
                writer = Writer::new(&servers, &topic, partitions);
                writer.write(missing.iter().copied());
                missing = writer.missing().into_iter().map(|place| missing[place]).collect();
            }
            assert!(missing.is_empty(), "{} records are not written", missing.len());
        });
        Self { is_to_finish, thread }
    }

    /// Lets it write the rest, and waits until the broker has all.
    pub fn finish(self) {
        self.is_to_finish.store(true, Ordering::Relaxed);
        self.thread.join().expect("all written");
    }
}
