//! Simulated traffic, judged by the engine alone, for comparison.

use std::sync::{Arc, OnceLock};

use dialwatch::config::Config;
use dialwatch::engine::alert::Alert;
use dialwatch::engine::decode::{self, Format, Limits};
use dialwatch::engine::policy::Policy;
use dialwatch::engine::record::Position;
use dialwatch::engine::shard::{Effects, Input, Shard};
use dialwatch::engine::time::{StreamClock, Timestamp};
use dialwatch::simulate::{self, WireFormat, World};

use crate::alerts::Alerts;
use crate::broker::Broker;
use crate::producing::produce;
use crate::topics::Topics;

/// A record: its key and its value. The key of a call is its app.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub key: String,
    pub value: Vec<u8>,
}

impl Record {
    /// A record with any bytes.
    pub fn new(key: &str, value: &[u8]) -> Self {
        Self { key: key.to_owned(), value: value.to_vec() }
    }

    fn json(key: &str, value: &impl serde::Serialize) -> Self {
        Self { key: key.to_owned(), value: serde_json::to_vec(value).expect("JSON") }
    }
}

/// All records of a world, in order.
#[derive(Clone, Default)]
pub struct Traffic {
    pub calls: Vec<Record>,
    pub feedback: Vec<Record>,
    pub registry: Vec<Record>,
}

/// What the service judges by where a configuration says nothing of it.
pub fn policy() -> Arc<Policy> {
    static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
    POLICY.get_or_init(|| Arc::new(Config::parse("", "").expect("the built-in configuration").policy())).clone()
}

impl Traffic {
    /// Of a world, in TCCC's words.
    pub fn of(world: &World) -> Self {
        Self::of_first(usize::MAX, world)
    }

    /// Of a world, but for the calls after the first so many.
    pub fn of_first(calls: usize, world: &World) -> Self {
        let call = |call: simulate::SimulatedCall| {
            let mut value = Vec::new();
            call.write(WireFormat::Tccc, &mut value);
            value.pop();
            Record { key: simulate::app_id(call.app).to_string(), value }
        };
        Self {
            calls: simulate::calls(world).take(calls).map(call).collect(),
            feedback: simulate::feedback(world).iter().map(|line| Record::json(&line.app_id, line)).collect(),
            registry: simulate::registrations(world).iter().map(|line| Record::json(&line.app_id, line)).collect(),
        }
    }

    /// Creates topics and writes everything: the registry, the feedback, then the calls.
    pub fn produce(&self, broker: &Broker, partitions: i32) -> Topics {
        let topics = self.produce_before_calls(broker, partitions);
        produce(broker, &topics.calls, partitions, &self.calls);
        topics
    }

    /// Creates topics and writes everything but the calls.
    pub fn produce_before_calls(&self, broker: &Broker, partitions: i32) -> Topics {
        let topics = Topics::create(broker, partitions);
        produce(broker, &topics.registry, 2, &self.registry);
        produce(broker, &topics.feedback, partitions, &self.feedback);
        topics
    }

    /// What the engine says to the same records, partition by partition. `until` lets time pass to a moment after the last
    /// record.
    pub fn judged(&self, partitions: i32, until: Option<Timestamp>) -> Alerts {
        let mut alerts = Alerts::default();
        for (_, alert) in self.judged_at(partitions, until) {
            alerts.add(serde_json::to_value(alert).expect("JSON"));
        }
        alerts
    }

    /// The same messages, each with the number of the call at which the engine sends it.
    pub fn judged_at(&self, partitions: i32, until: Option<Timestamp>) -> Vec<(usize, Alert)> {
        (0..partitions).flat_map(|partition| self.judged_partition(partition, partitions, until)).collect()
    }

    fn judged_partition(&self, partition: i32, partitions: i32, until: Option<Timestamp>) -> Vec<(usize, Alert)> {
        let policy = policy();
        let limits = Limits { home_country: &policy.home_country, ..Limits::default() };
        let mut shard = Shard::new(policy.clone(), 7);
        let (mut clock, mut effects, mut sent_at) = (StreamClock::default(), Effects::default(), Vec::new());
        let own = |record: &&Record| partition_of(&record.key, partitions) == partition;
        for record in self.registry.iter().filter(own) {
            if let Ok(registration) = decode::registration(&record.value, &limits) {
                shard.apply(Input::Registration(&registration), &mut effects);
            }
        }
        for record in self.feedback.iter().filter(own) {
            if let Ok(feedback) = decode::feedback(&record.value, &limits) {
                shard.apply(Input::Feedback(&feedback), &mut effects);
            }
        }
        let numbered = self.calls.iter().enumerate().filter(|(_, record)| own(record));
        for (offset, (number, record)) in numbered.enumerate() {
            let position = Position { partition: partition as u32, offset: offset as u64 };
            Format::Tccc.decode(&record.value, None, &limits, |call| {
                let Ok(call) = call else { return };
                if let Some(now) = clock.observe(call.end) {
                    shard.apply(Input::Tick(now), &mut effects);
                }
                shard.apply(Input::call(&call, position), &mut effects);
            });
            sent_at.resize(effects.alerts.len(), number);
        }
        if let Some(until) = until {
            shard.apply(Input::Tick(until), &mut effects);
        }
        sent_at.resize(effects.alerts.len(), self.calls.len());
        sent_at.into_iter().zip(effects.alerts).collect()
    }
}

/// Where a key lies: the same for all topics with as many partitions.
pub fn partition_of(key: &str, partitions: i32) -> i32 {
    let sum: u32 = key.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    (sum % partitions as u32) as i32
}

/// A key that lies in a partition.
pub fn key_in(partition: i32, partitions: i32) -> String {
    let mut keys = (0..).map(|number| format!("key-{number}"));
    keys.find(|key| partition_of(key, partitions) == partition).expect("there is one")
}
