//! Simulated traffic: written to Kafka, and judged by the engine alone, for comparison.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dialwatch::engine::decode::{self, Format, Limits};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::Position;
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::{StreamClock, Timestamp};
use dialwatch::simulate::{self, WireFormat, World};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ThreadedProducer};
use serde_json::Value;

use crate::broker::Broker;

/// A record: its app and its value.
pub struct Record {
    pub app_id: String,
    pub value: Vec<u8>,
}

impl Record {
    fn json(app_id: &str, value: &impl serde::Serialize) -> Self {
        Self { app_id: app_id.to_owned(), value: serde_json::to_vec(value).expect("JSON") }
    }
}

/// All records of a world, in order.
pub struct Traffic {
    pub calls: Vec<Record>,
    pub feedback: Vec<Record>,
    pub registry: Vec<Record>,
}

/// The topics of one test.
pub struct Topics {
    pub calls: String,
    pub feedback: String,
    pub registry: String,
}

impl Traffic {
    /// Of a world, in TCCC's words.
    pub fn of(world: &World) -> Self {
        let call = |call: simulate::SimulatedCall| {
            let mut value = Vec::new();
            call.write(WireFormat::Tccc, &mut value);
            value.pop();
            Record { app_id: simulate::app_id(call.app).to_string(), value }
        };
        Self {
            calls: simulate::calls(world).map(call).collect(),
            feedback: simulate::feedback(world).iter().map(|line| Record::json(&line.app_id, line)).collect(),
            registry: simulate::registrations(world).iter().map(|line| Record::json(&line.app_id, line)).collect(),
        }
    }

    /// Creates topics and writes everything: the registry, the feedback, then the calls.
    pub fn produce(&self, broker: &Broker, partitions: i32) -> Topics {
        let topics = Topics {
            calls: broker.create_topic("calls", partitions, &[]),
            feedback: broker.create_topic("feedback", partitions, &[]),
            registry: broker.create_topic("registry", 2, &[("cleanup.policy", "compact")]),
        };
        produce(broker, &topics.registry, 2, &self.registry);
        produce(broker, &topics.feedback, partitions, &self.feedback);
        produce(broker, &topics.calls, partitions, &self.calls);
        topics
    }

    /// What the engine says to the same records, partition by partition: the alerts of each app, in order. `until` lets time
    /// pass to a moment after the last record.
    pub fn judged(&self, partitions: i32, policy: &Arc<Policy>, until: Option<Timestamp>) -> Alerts {
        let mut alerts = Alerts::default();
        for partition in 0..partitions {
            for alert in self.judged_partition(partition, partitions, policy, until) {
                alerts.add(serde_json::to_value(alert).expect("JSON"));
            }
        }
        alerts
    }

    fn judged_partition(
        &self,
        partition: i32,
        partitions: i32,
        policy: &Arc<Policy>,
        until: Option<Timestamp>,
    ) -> Vec<dialwatch::engine::alert::Alert> {
        let limits = Limits { home_country: &policy.home_country, ..Limits::default() };
        let mut shard = Shard::new(policy.clone(), 7);
        let (mut clock, mut effects) = (StreamClock::default(), Effects::default());
        let own = |record: &&Record| partition_of(&record.app_id, partitions) == partition;
        for record in self.registry.iter().filter(own) {
            let registration = decode::registration(&record.value, &limits).expect("simulated registrations are valid");
            shard.apply(Input::Registration(&registration), &mut effects);
        }
        for record in self.feedback.iter().filter(own) {
            let feedback = decode::feedback(&record.value, &limits).expect("simulated feedback is valid");
            shard.apply(Input::Feedback(&feedback), &mut effects);
        }
        for record in self.calls.iter().filter(own) {
            Format::Tccc.decode(&record.value, None, &limits, |call| {
                let Ok(call) = call else { return };
                if let Some(now) = clock.observe(call.end) {
                    shard.apply(Input::Tick(now), &mut effects);
                }
                shard.apply(Input::Call(&call, Position::default()), &mut effects);
            });
        }
        if let Some(until) = until {
            shard.apply(Input::Tick(until), &mut effects);
        }
        effects.alerts
    }
}

/// The alerts of each app in order, as JSON, without the positions of calls.
#[derive(Debug, Default, PartialEq)]
pub struct Alerts(BTreeMap<String, Vec<Value>>);

impl Alerts {
    /// Reads JSON lines.
    pub fn read(lines: &str) -> Self {
        let mut alerts = Self::default();
        lines.lines().for_each(|line| alerts.add(serde_json::from_str(line).expect("a JSON line")));
        alerts
    }

    fn add(&mut self, mut alert: Value) {
        for call in alert["calls"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            call.remove("partition");
            call.remove("offset");
        }
        let app_id = alert["app_id"].as_str().expect("an app").to_owned();
        self.0.entry(app_id).or_default().push(alert);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Fails with the first difference, if there is one.
    pub fn assert_equal(&self, expected: &Self) {
        for (app_id, expected) in &expected.0 {
            let found = self.0.get(app_id).map_or(&[][..], Vec::as_slice);
            for (at, expected) in expected.iter().enumerate() {
                assert_eq!(found.get(at), Some(expected), "alert {at} of app {app_id}");
            }
        }
        assert_eq!(self, expected, "alerts that the engine does not know of");
    }
}

/// Where a key lies: the same for all topics with as many partitions.
pub fn partition_of(app_id: &str, partitions: i32) -> i32 {
    let sum: u32 = app_id.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (sum % partitions as u32) as i32
}

/// Writes records and waits until the broker has them all.
pub fn produce(broker: &Broker, topic: &str, partitions: i32, records: &[Record]) {
    let producer: ThreadedProducer<DefaultProducerContext> =
        broker.config().set("linger.ms", "20").set("queue.buffering.max.messages", "1000000").create().expect("a producer");
    for record in records {
        let partition = partition_of(&record.app_id, partitions);
        let message = BaseRecord::to(topic).partition(partition).key(&record.app_id).payload(&record.value);
        producer.send(message).map_err(|(error, _)| error).expect("room in the producer");
    }
    producer.flush(Duration::from_secs(120)).expect("all written");
}

/// Writes one record with any bytes, under a key, without which a compacted topic takes nothing.
pub fn produce_raw(broker: &Broker, topic: &str, partition: i32, value: &[u8]) {
    let producer: BaseProducer = broker.config().create().expect("a producer");
    producer
        .send(BaseRecord::to(topic).partition(partition).key("poison").payload(value))
        .map_err(|(error, _)| error)
        .expect("room");
    producer.flush(Duration::from_secs(30)).expect("written");
}
