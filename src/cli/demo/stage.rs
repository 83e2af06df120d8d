//! The stage of the demo: an in-process Kafka with its topics, and the configuration of a service on it.
//!
//! It is librdkafka's mock cluster, in memory. It keeps at most 5 MiB of a partition and forgets the oldest records first,
//! which bounds the memory of a show of any length: 5 MiB for each of some 17 partitions. Nothing here reads a state or an
//! alert back from it. It keeps no transactions either: it shows how the service works and proves nothing about it.

use anyhow::Context;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::config;
use crate::config::kafka::{GroupProtocol, Properties, RawKafka, RawTopics, Recovery};

/// Call records.
pub const CALLS: &str = "calls";
/// Feedback lies where its calls lie.
pub const FEEDBACK: &str = "feedback";
/// What apps filed.
pub const REGISTRY: &str = "registry";
/// How many partitions a topic has but the registry. Time passes in a partition by its records alone: with a few apps in each
/// there are some at most hours.
pub const PARTITIONS: usize = 4;

/// The mock cluster with its topics. The cluster lives as long as this.
pub struct Stage {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Stage {
    /// Sets it up.
    pub fn new() -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1).context("librdkafka's mock cluster does not start")?;
        let topics = topics();
        for (_, topic) in topics.used() {
            let partitions = if topic == REGISTRY { 1 } else { PARTITIONS as i32 };
            cluster.create_topic(topic, partitions, 1).with_context(|| format!("the topic {topic} cannot be created"))?;
        }
        Ok(Self { cluster })
    }

    /// The configuration of the service. Only records move time: the days are long over, and played far too fast for a wall
    /// clock. A session that begins anew makes do with what the cluster still has.
    pub fn kafka(&self) -> RawKafka {
        RawKafka {
            bootstrap_servers: self.cluster.bootstrap_servers(),
            topics: topics(),
            group_protocol: GroupProtocol::Consumer,
            idle_timeout: config::Duration::default(),
            checkpoint_interval: config::Duration::from_millis(1_000),
            // The mock cluster keeps whoever waits for records waiting to the last, though some have come.
            properties: Properties([("fetch.wait.max.ms".into(), "20".into())].into()),
            recovery: Recovery::Rebuild,
            is_mock: true,
            ..RawKafka::default()
        }
    }
}

fn topics() -> RawTopics {
    RawTopics { calls: CALLS.into(), feedback: Some(FEEDBACK.into()), registry: Some(REGISTRY.into()), ..RawTopics::default() }
}

/// Where an app lies, in both of its topics.
pub fn partition_of(app_id: &str) -> usize {
    let sum = app_id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    sum as usize % PARTITIONS
}
