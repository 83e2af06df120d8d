//! Writes the watchdog's calls into the topic of calls: one a partition now and then. It reads nothing and judges nothing.
//!
//! A call of it never moves event time: it ends where its partition has come to, and there is none before the first record.
//! Otherwise a topic whose records come hours after the calls would find all of them late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};

use crate::clock::wall_clock;
use crate::config::kafka::RawKafka;
use crate::engine::decode::Format;
use crate::engine::time::Timestamp;
use crate::kafka::{Connection, KafkaProblem, Voice};
use crate::metrics::Metrics;
use crate::watchdog;

/// What the producer tells.
#[derive(Default)]
struct Teller(Voice);

impl ClientContext for Teller {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Voice::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.heard(&error, reason);
    }
}

impl ProducerContext for Teller {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivered {
            tracing::warn!("a call of the watchdog is not written: {error}");
        }
    }
}

/// The watchdog.
pub struct Watchdog {
    producer: ThreadedProducer<Teller>,
    topic: String,
    format: Format,
    every: Duration,
    due: Instant,
    metrics: Arc<Metrics>,
}

impl Watchdog {
    /// One that calls every so often, the first time at once; `None` if it is never to.
    ///
    /// # Errors
    /// librdkafka refuses the properties.
    pub fn new(
        kafka: &RawKafka,
        connection: &Connection,
        every: Duration,
        metrics: &Arc<Metrics>,
    ) -> Result<Option<Self>, KafkaProblem> {
        if every.is_zero() {
            return Ok(None);
        }
        let producer = connection.producer(&[("acks", "all")], Teller::default())?;
        let (topic, format) = (kafka.topics.calls.clone(), kafka.format());
        Ok(Some(Self { producer, topic, format, every, due: Instant::now(), metrics: metrics.clone() }))
    }

    /// Calls in these partitions, if it is time to. Each comes with how far its event time has come.
    pub fn call(&mut self, partitions: impl Iterator<Item = (i32, Option<Timestamp>)>) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + self.every;
        for (partition, event_time) in partitions {
            // Where nothing has come yet there is no event time to end at.
            let Some(event_time) = event_time else { continue };
            let end = event_time.min(wall_clock());
            // From now on there is a series, at 0 until a call comes back.
            let _ = self.metrics.partitions.watchdog(partition);
            let (key, call) = (watchdog::app_id(partition), watchdog::call(self.format, partition, end));
            let record = BaseRecord::to(&self.topic).partition(partition).key(&key).payload(&call);
            if let Err((error, _)) = self.producer.send(record) {
                tracing::warn!(partition, "a call of the watchdog is not written: {error}");
            }
        }
    }
}
