//! What has to be there before the service runs: its topics, and what it may do with them, the least of it.
//!
//! It creates topics and deletes nothing. Who may do what is said, in the words of Kafka's own tool: librdkafka's rights of
//! administration are not open to this program.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{Connection, KafkaProblem, Voice, failed};
use crate::config::kafka::RawKafka;

/// How long to wait for brokers.
const ANSWER: Duration = Duration::from_secs(30);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: i32,
    /// Its copies.
    pub replication: i32,
    /// Its settings.
    pub settings: Vec<(&'static str, &'static str)>,
}

/// A right of the service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// `--topic`, `--group` or `--transactional-id`.
    pub kind: &'static str,
    /// What it is called.
    pub name: String,
    /// Whether the name is only how such names begin.
    pub is_prefix: bool,
    /// What may be done.
    pub operations: Vec<&'static str>,
}

/// The topics of a configuration. What is compacted is read whole at each start, so it is tidied up soon.
pub fn topics(kafka: &RawKafka, partitions: i32, replication: i32) -> Vec<TopicPlan> {
    let plan = |(field, name): (&str, &str)| TopicPlan {
        name: name.to_owned(),
        partitions,
        replication,
        settings: match field {
            "topics.state" => vec![("cleanup.policy", "compact"), ("segment.ms", "600000")],
            "topics.registry" => vec![("cleanup.policy", "compact")],
            _ => Vec::new(),
        },
    };
    kafka.topics.used().map(plan).collect()
}

/// The rights of the service, and no others. `has_watchdog` if it writes calls of its own.
pub fn rights(kafka: &RawKafka, has_watchdog: bool) -> Vec<Right> {
    let of_topic = |(field, name): (&str, &str)| {
        let operations = match field {
            "topics.calls" if has_watchdog => vec!["Read", "Write"],
            "topics.calls" | "topics.feedback" | "topics.registry" => vec!["Read"],
            "topics.state" => vec!["Read", "Write", "DescribeConfigs"],
            _ => vec!["Write"],
        };
        Right { kind: "--topic", name: name.to_owned(), is_prefix: false, operations }
    };
    let own = |kind, name: String, is_prefix, operations| Right { kind, name, is_prefix, operations };
    let is_prefix = kafka.group_instance_id.is_none();
    let transactional_id = if is_prefix { format!("{}-", kafka.group_id) } else { kafka.transactional_id() };
    let group = own("--group", kafka.group_id.clone(), false, vec!["Read"]);
    let transaction = own("--transactional-id", transactional_id, is_prefix, vec!["Write", "Describe"]);
    kafka.topics.used().map(of_topic).chain([group, transaction]).collect()
}

impl TopicPlan {
    /// The command that creates it.
    pub fn command(&self, servers: &str) -> String {
        let Self { name, partitions, replication, settings } = self;
        let settings: String = settings.iter().map(|(key, value)| format!(" --config {key}={value}")).collect();
        format!(
            "kafka-topics.sh --bootstrap-server {servers} --create --if-not-exists --topic {} --partitions {partitions} \
             --replication-factor {replication}{settings}",
            quoted(name)
        )
    }
}

impl Right {
    /// The command that grants it.
    pub fn command(&self, servers: &str, principal: &str) -> String {
        let Self { kind, name, is_prefix, operations } = self;
        let operations: String = operations.iter().map(|operation| format!(" --operation {operation}")).collect();
        let pattern = if *is_prefix { " --resource-pattern-type prefixed" } else { "" };
        let (principal, name) = (quoted(principal), quoted(name));
        format!(
            "kafka-acls.sh --bootstrap-server {servers} --add --allow-principal {principal}{operations} {kind} {name}{pattern}"
        )
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:=/".contains(&byte));
    if is_plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// What became of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is new.
    Created,
    /// It was there and is as it was.
    Found,
}

/// Creates what is not there. Topics that are there are left as they are.
///
/// # Errors
/// Brokers that do not answer, or refuse a topic.
pub fn create(connection: &Connection, plans: &[TopicPlan]) -> Result<Vec<Made>, KafkaProblem> {
    let there = existing(connection)?;
    let admin: AdminClient<Voice> = connection.producer(&[], Voice::default())?;
    let creating = failed("creating topics");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| creating(KafkaError::AdminOpCreation(error.to_string())))?;
    let mut made = Vec::new();
    for plan in plans {
        if there.contains(&plan.name) {
            made.push(Made::Found);
            continue;
        }
        let mut topic = NewTopic::new(&plan.name, plan.partitions, TopicReplication::Fixed(plan.replication));
        topic = plan.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let options = AdminOptions::new().request_timeout(Some(ANSWER));
        let answers = runtime.block_on(admin.create_topics([&topic], &options)).map_err(&creating)?;
        for answer in answers {
            made.push(match answer {
                Ok(_) => Made::Created,
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Made::Found,
                Err((_, code)) => return Err(creating(KafkaError::AdminOp(code)).of_topic("topics", &plan.name)),
            });
        }
    }
    Ok(made)
}

fn existing(connection: &Connection) -> Result<BTreeSet<String>, KafkaProblem> {
    let client = connection.consumer(&[("group.id", "dialwatch-topics")], Voice::default())?;
    let metadata = client.fetch_metadata(None, connection.patience).map_err(|error| {
        let heard = client.context().last_error();
        let reason = if heard.is_empty() { error.to_string() } else { heard };
        KafkaProblem::unreachable(&connection.servers, connection.patience, reason)
    })?;
    Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rights_are_those_the_service_needs() {
        let mut kafka = RawKafka { group_instance_id: Some("one".into()), ..RawKafka::default() };
        kafka.topics.dead_letters = Some("it's odd".into());
        let said: Vec<String> =
            rights(&kafka, false).iter().map(|right| right.command("broker:9092", "User:dialwatch")).collect();
        let add = "kafka-acls.sh --bootstrap-server broker:9092 --add --allow-principal User:dialwatch --operation";
        assert_eq!(
            said,
            [
                format!("{add} Read --topic calls"),
                format!("{add} Read --operation Write --operation DescribeConfigs --topic dialwatch-state"),
                format!("{add} Write --topic dialwatch-alerts"),
                format!("{add} Write --topic 'it'\\''s odd'"),
                format!("{add} Read --group dialwatch"),
                format!("{add} Write --operation Describe --transactional-id dialwatch-one"),
            ]
        );
        kafka.group_instance_id = None;
        let rights = rights(&kafka, true);
        assert_eq!(rights[0].operations, ["Read", "Write"], "the watchdog writes calls");
        let transaction = rights.last().expect("there are some");
        assert!(transaction.is_prefix && transaction.name == "dialwatch-", "{transaction:?}");
    }

    #[test]
    fn what_is_read_whole_is_compacted() {
        let kafka = RawKafka::default();
        let said: Vec<String> = topics(&kafka, 8, 3).iter().map(|topic| topic.command("broker:9092")).collect();
        let create = "kafka-topics.sh --bootstrap-server broker:9092 --create --if-not-exists --topic";
        let shape = "--partitions 8 --replication-factor 3";
        assert_eq!(
            said,
            [
                format!("{create} calls {shape}"),
                format!("{create} dialwatch-state {shape} --config cleanup.policy=compact --config segment.ms=600000"),
                format!("{create} dialwatch-alerts {shape}"),
            ]
        );
    }
}
