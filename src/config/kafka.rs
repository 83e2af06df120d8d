//! The `kafka` section: where the service reads. Not used by `replay`.
//!
//! Typed fields for what everybody sets, a map of librdkafka's own properties for the rest. Whatever must be as it is for
//! the service to be right cannot be set in the map. Secrets come from files and are never printed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::Duration;
use crate::engine::decode::Format;
use crate::engine::record::APP_ID_BYTES_MAX;
use crate::metrics::Stream;

/// What a property's name ends in when its value stands in a file.
const FILE_SUFFIX: &str = "_file";
/// More workers than any machine has use for.
const WORKERS_MAX: usize = 1_024;

/// Properties that have a field of their own, and that field.
const TYPED: [(&str, &str); 9] = [
    ("bootstrap.servers", "bootstrap_servers"),
    ("metadata.broker.list", "bootstrap_servers"),
    ("group.id", "group_id"),
    ("client.id", "client_id"),
    ("group.instance.id", "group_instance_id"),
    ("group.protocol", "group_protocol"),
    ("auto.offset.reset", "auto_offset_reset"),
    ("session.timeout.ms", "session_timeout"),
    ("max.poll.interval.ms", "poll_interval_max"),
];

/// Properties the service relies on. Offsets leave in a transaction and never by the client itself; the end of a partition
/// is what tells a silent partition from a slow one; what others rolled back must not be seen.
const FIXED: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("isolation.level", "read_committed"),
    ("statistics.interval.ms", "1000"),
];

/// Properties the service sets as it needs them.
const OWN: [&str; 3] = ["partition.assignment.strategy", "transactional.id", "transaction.timeout.ms"];

/// Better defaults than librdkafka's; the map may set them otherwise. A full queue stops fetching for
/// `fetch.queue.backoff.ms`: its default of one second cuts catching up to a fifth.
const DEFAULTS: [(&str, &str); 4] = [
    ("fetch.queue.backoff.ms", "5"),
    ("queued.min.messages", "20000"),
    ("queued.max.messages.kbytes", "16384"),
    ("socket.keepalive.enable", "true"),
];

/// The `kafka` section as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawKafka {
    /// Brokers to begin with, as `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// The consumer group.
    pub group_id: String,
    /// What the broker calls this client in its logs and quotas.
    pub client_id: String,
    /// Where the streams are.
    pub topics: RawTopics,
    /// The format of the calls: `tccc` or `dialwatch`.
    pub format: String,
    /// The app of calls that name none; without it the key of their Kafka record is taken.
    pub app_id: Option<String>,
    /// Where to begin when the group has no offsets.
    pub auto_offset_reset: OffsetReset,
    /// How the group shares its partitions.
    pub group_protocol: GroupProtocol,
    /// A name that stays with this process over restarts, so that a restart moves no partitions.
    pub group_instance_id: Option<String>,
    /// After so long without a sign of life a process loses its partitions. Not used by the protocol `consumer`, where
    /// the broker decides.
    pub session_timeout: Duration,
    /// After so long without progress a process gives up its partitions.
    pub poll_interval_max: Duration,
    /// When nothing has come in a partition for so long, the wall clock drives its event time, this much behind. `0` never.
    pub idle_timeout: Duration,
    /// How often alerts and offsets leave together, in one transaction, with the state or with a note of what it takes to judge the
    /// same again: an alert waits for so long at most.
    pub checkpoint_interval: Duration,
    /// How often the state of a partition is written. After a crash at most so much of its calls is judged again, at full speed, before
    /// it goes on. `0` writes it with every checkpoint.
    pub snapshot_interval: Duration,
    /// What to do when the state and the log do not fit together: records are gone, offsets were moved, the state is lost.
    pub recovery: Recovery,
    /// The share of unreadable records among the last thousand of a partition above which the partition stops, so that a
    /// wrong format is not taken for so many bad records. 1 never stops.
    pub invalid_share_max: f64,
    /// Alerts of a partition that wait to be delivered; with more its calls are paused.
    pub outbox_alerts_max: usize,
    /// How long to wait for a broker at the start.
    pub connect_timeout: Duration,
    /// Threads that judge; 0 takes one for each core.
    pub workers: usize,
    /// Properties of librdkafka, such as `security.protocol` or `ssl.ca.location`. A name that ends in `_file` takes the
    /// value from a file: `sasl.password_file: /run/secrets/kafka`.
    pub properties: Properties,
    /// The brokers are librdkafka's mock cluster, which knows no settings of topics.
    #[serde(skip)]
    pub is_mock: bool,
}

impl Default for RawKafka {
    fn default() -> Self {
        Self {
            bootstrap_servers: String::new(),
            group_id: "dialwatch".into(),
            client_id: "dialwatch".into(),
            topics: RawTopics::default(),
            format: Format::Tccc.name().into(),
            app_id: None,
            auto_offset_reset: OffsetReset::Earliest,
            group_protocol: GroupProtocol::Classic,
            group_instance_id: None,
            session_timeout: Duration::from_millis(10_000),
            poll_interval_max: Duration::minutes(5),
            idle_timeout: Duration::from_millis(30_000),
            checkpoint_interval: Duration::from_millis(1_000),
            snapshot_interval: Duration::minutes(1),
            recovery: Recovery::Refuse,
            invalid_share_max: 0.5,
            outbox_alerts_max: 10_000,
            connect_timeout: Duration::from_millis(30_000),
            workers: 0,
            properties: Properties::default(),
            is_mock: false,
        }
    }
}

/// The topics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTopics {
    /// Call records, keyed by app id.
    pub calls: String,
    /// Feedback, keyed by app id, with as many partitions as the calls. Optional.
    pub feedback: Option<String>,
    /// What apps filed: compacted, keyed by app id. Read whole before the first call is judged. Optional.
    pub registry: Option<String>,
    /// What the service remembers: compacted, with as many partitions as the calls, for this group alone.
    pub state: String,
    /// Alerts, keyed by their id. Optional.
    pub alerts: Option<String>,
    /// Records that cannot be read, as they came, with the reason in their headers. Optional.
    pub dead_letters: Option<String>,
}

impl Default for RawTopics {
    fn default() -> Self {
        Self {
            calls: "calls".into(),
            feedback: None,
            registry: None,
            state: "dialwatch-state".into(),
            alerts: Some("dialwatch-alerts".into()),
            dead_letters: None,
        }
    }
}

impl RawTopics {
    /// The topics that must have as many partitions as the calls, each with its field.
    pub fn beside_calls(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.used().filter(|(field, _)| ["topics.feedback", "topics.state"].contains(field))
    }

    /// Whether the service writes to the topic of a field.
    pub fn is_written(field: &str) -> bool {
        ["topics.state", "topics.alerts", "topics.dead_letters"].contains(&field)
    }

    /// The topic of a stream, if it has one.
    pub fn of(&self, stream: Stream) -> Option<&str> {
        match stream {
            Stream::Calls => Some(&self.calls),
            Stream::Feedback => self.feedback.as_deref(),
            Stream::Registry => self.registry.as_deref(),
        }
    }

    /// The field that names a topic.
    pub fn field_of(&self, topic: &str) -> &'static str {
        self.used().find(|(_, used)| *used == topic).map_or("topics", |(field, _)| field)
    }

    /// The topics that are used, each with its field.
    pub fn used(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("topics.calls", Some(&self.calls)),
            ("topics.feedback", self.feedback.as_ref()),
            ("topics.registry", self.registry.as_ref()),
            ("topics.state", Some(&self.state)),
            ("topics.alerts", self.alerts.as_ref()),
            ("topics.dead_letters", self.dead_letters.as_ref()),
        ]
        .into_iter()
        .filter_map(|(field, topic)| Some((field, topic?.as_str())))
    }
}

/// Where to begin when the group has no offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OffsetReset {
    /// With the oldest record: nothing is skipped.
    Earliest,
    /// With the next record: what is there is skipped.
    Latest,
    /// Not at all: stop and say so.
    Error,
}

/// What to do when the state and the log do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Stop and say what does not fit.
    Refuse,
    /// Begin the partition anew: empty windows, from the oldest record that the group has not judged yet.
    Rebuild,
}

/// How a consumer group shares its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupProtocol {
    /// By the clients, cooperatively: works with every broker.
    Classic,
    /// By the broker (KIP-848): Kafka 4.0 or newer.
    Consumer,
}

/// librdkafka's own properties. Its `Debug` prints names only: values may be secret.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Properties(pub BTreeMap<String, String>);

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// A secret's file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("kafka.properties: {property}: {file} cannot be read: {reason}")]
pub struct UnreadableSecret {
    property: String,
    file: String,
    reason: std::io::Error,
}

impl RawKafka {
    /// What is wrong with values that parsed: the field, as a path within the section, and the reason.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, field: &'static str, reason: &str| {
            if !holds {
                problems.push((field, reason.to_owned()));
            }
        };
        require(!self.bootstrap_servers.is_empty() || *self == Self::default(), "bootstrap_servers", "is missing");
        require(!self.group_id.is_empty(), "group_id", "is empty");
        require(self.workers <= WORKERS_MAX, "workers", "is more than any machine has use for: at most 1024");
        require(self.session_timeout.millis() >= 1_000, "session_timeout", "must be at least 1s");
        require(self.session_timeout < self.poll_interval_max, "session_timeout", "must be shorter than poll_interval_max");
        require(self.checkpoint_interval.millis() >= 100, "checkpoint_interval", "must be at least 100ms");
        require((0.0..=1.0).contains(&self.invalid_share_max), "invalid_share_max", "must lie between 0 and 1");
        require(self.outbox_alerts_max >= 1, "outbox_alerts_max", "must be at least 1");
        require(self.connect_timeout.millis() >= 1_000, "connect_timeout", "must be at least 1s");
        if let Some(app_id) = &self.app_id {
            require((1..=APP_ID_BYTES_MAX).contains(&app_id.len()), "app_id", "must have 1 to 64 bytes");
        }
        if let Err(unknown) = self.format.parse::<Format>() {
            problems.push(("format", unknown.to_string()));
        }
        self.topic_problems(&mut problems);
        self.property_problems(&mut problems);
        problems
    }

    fn topic_problems(&self, problems: &mut Vec<(&'static str, String)>) {
        let used: Vec<_> = self.topics.used().collect();
        for (at, (field, topic)) in used.iter().enumerate() {
            if topic.is_empty() {
                problems.push((field, "is empty".into()));
            } else if let Some((other, _)) = used[..at].iter().find(|(_, other)| other == topic) {
                problems.push((field, format!("is the topic of {other} already")));
            }
        }
    }

    fn property_problems(&self, problems: &mut Vec<(&'static str, String)>) {
        for name in self.properties.0.keys().map(|name| name.strip_suffix(FILE_SUFFIX).unwrap_or(name)) {
            if let Some((_, field)) = TYPED.iter().find(|(typed, _)| *typed == name) {
                problems.push(("properties", format!("`{name}` cannot be set here: set kafka.{field} instead")));
            } else if FIXED.iter().any(|(fixed, _)| *fixed == name) || OWN.contains(&name) {
                problems.push(("properties", format!("`{name}` cannot be set: the service relies on it")));
            }
        }
    }

    /// The name under which this process writes: it stays with the process over restarts if `group_instance_id` does.
    pub fn transactional_id(&self) -> String {
        let instance = self.group_instance_id.clone().unwrap_or_else(|| {
            use std::hash::{BuildHasher, RandomState};
            format!("{:016x}", RandomState::new().hash_one("dialwatch"))
        });
        format!("{}-{instance}", self.group_id)
    }

    /// The format of the calls; the default if it is not valid.
    pub fn format(&self) -> Format {
        self.format.parse().unwrap_or(Format::Tccc)
    }

    /// What the client library is told, secrets read. Relative paths of secrets start at `folder`.
    ///
    /// # Errors
    /// The file of a secret cannot be read.
    pub fn client_properties(&self, folder: &Path) -> Result<BTreeMap<String, String>, UnreadableSecret> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut properties: BTreeMap<String, String> = DEFAULTS.into_iter().map(owned).collect();
        for (name, value) in &self.properties.0 {
            match name.strip_suffix(FILE_SUFFIX) {
                None => properties.insert(name.clone(), value.clone()),
                Some(name) => properties.insert(name.to_owned(), secret(name, &folder.join(value))?),
            };
        }
        properties.extend(FIXED.into_iter().map(owned));
        properties.extend(self.typed_properties());
        Ok(properties)
    }

    fn typed_properties(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let classic = self.group_protocol == GroupProtocol::Classic;
        [
            ("bootstrap.servers", Some(self.bootstrap_servers.clone())),
            ("group.id", Some(self.group_id.clone())),
            ("client.id", Some(self.client_id.clone())),
            ("group.protocol", Some(if classic { "classic" } else { "consumer" }.to_owned())),
            ("group.instance.id", self.group_instance_id.clone()),
            ("partition.assignment.strategy", classic.then(|| "cooperative-sticky".to_owned())),
            ("session.timeout.ms", classic.then(|| self.session_timeout.millis().to_string())),
            ("max.poll.interval.ms", Some(self.poll_interval_max.millis().to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    }
}

/// The secret in a file, without the newline that editors put at its end.
fn secret(property: &str, file: &Path) -> Result<String, UnreadableSecret> {
    let unreadable = |reason| UnreadableSecret { property: property.to_owned(), file: file.display().to_string(), reason };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn read(text: &str) -> Result<RawKafka, Vec<String>> {
        let text = format!("kafka:\n{text}");
        Config::parse(&text, "test.yaml")
            .map(|config| config.kafka().clone())
            .map_err(|problems| problems.list().iter().map(|problem| format!("{}: {}", problem.path, problem.message)).collect())
    }

    #[test]
    fn typed_fields_stand_above_the_map_and_the_map_above_defaults() {
        let kafka = read(
            "  bootstrap_servers: one:9092,two:9092\n  session_timeout: 6s\n  topics: {calls: cdr, feedback: said}\n  \
             properties:\n    queued.min.messages: 7\n    security.protocol: sasl_ssl\n    check.crcs: true\n",
        )
        .expect("valid");
        let properties = kafka.client_properties(Path::new("")).expect("no secrets");
        for (name, value) in [
            ("bootstrap.servers", "one:9092,two:9092"),
            ("session.timeout.ms", "6000"),
            ("queued.min.messages", "7"),
            ("fetch.queue.backoff.ms", "5"),
            ("security.protocol", "sasl_ssl"),
            ("check.crcs", "true"),
            ("enable.auto.commit", "false"),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ] {
            assert_eq!(properties.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!properties.contains_key("group.instance.id"));
    }

    #[test]
    fn the_broker_side_protocol_is_told_nothing_it_refuses() {
        let kafka = read("  bootstrap_servers: a:1\n  group_protocol: consumer\n").expect("valid");
        let properties = kafka.client_properties(Path::new("")).expect("no secrets");
        assert_eq!(properties.get("group.protocol").map(String::as_str), Some("consumer"));
        assert!(!properties.contains_key("session.timeout.ms") && !properties.contains_key("partition.assignment.strategy"));
    }

    #[test]
    fn secrets_come_from_files_and_are_not_printed() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("password"), "correct horse\n").expect("written");
        let kafka = read("  bootstrap_servers: a:1\n  properties: {sasl.password_file: password, ssl.key.password: pony}\n")
            .expect("valid");
        let properties = kafka.client_properties(folder.path()).expect("readable");
        assert_eq!(properties.get("sasl.password").map(String::as_str), Some("correct horse"));
        assert!(!format!("{kafka:?}").contains("pony"));
        let error = kafka.client_properties(Path::new("/nowhere")).expect_err("not there").to_string();
        assert!(error.starts_with("kafka.properties: sasl.password: /nowhere/password cannot be read"), "{error}");
    }

    #[test]
    fn everything_wrong_is_said() {
        let problems = read(
            "  group_id: ''\n  format: csv\n  workers: 5000\n  session_timeout: 10m\n  topics: {calls: cdr, feedback: cdr}\n  \
             properties:\n    group.id: mine\n    enable.auto.commit: true\n",
        )
        .expect_err("wrong");
        let expected = [
            "kafka.bootstrap_servers: is missing",
            "kafka.group_id: is empty",
            "kafka.format: unknown format, known are tccc, dialwatch",
            "kafka.workers: is more than any machine has use for: at most 1024",
            "kafka.session_timeout: must be shorter than poll_interval_max",
            "kafka.topics.feedback: is the topic of topics.calls already",
            "kafka.properties: `group.id` cannot be set here: set kafka.group_id instead",
            "kafka.properties: `enable.auto.commit` cannot be set: the service relies on it",
        ];
        for expected in expected {
            assert!(problems.iter().any(|problem| problem == expected), "{expected} is not in {problems:#?}");
        }
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        assert_eq!(read("  bootstrap_server: a:1\n").expect_err("unknown").len(), 1);
        assert!(read("").is_ok(), "a configuration for replay alone names no brokers");
    }
}
