//! Every metric of the program, in one struct of typed handles on a registry of its own.
//!
//! Names are an interface: dashboards and alerts of operators rest on them. Every label has a bounded set of values, and
//! none of them is a phone number. Nothing here is global, and nothing is looked up by name.

mod alerts;
mod apps;
mod checkpoints;
mod latency;
mod ledger;
mod partitions;
mod reloads;
mod sinks;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

#[cfg(test)]
pub(crate) use crate::engine::alert::tests::example as example_alert;
pub use alerts::{Alerts, OpenAlerts};
pub use apps::AppSeries;
pub use checkpoints::{Checkpoints, Restores};
pub use latency::{Latency, Recorder};
pub use ledger::{Ledger, Outcome, Page, Stream};
pub use partitions::{Partition, Partitions};
pub use reloads::Reloads;
pub use sinks::{SinkSeries, Sinks};

use crate::status::Board;

/// The metrics.
pub struct Metrics {
    registry: Registry,
    /// The ledger of records.
    pub ledger: Ledger,
    /// Alerts sent and open.
    pub alerts: Alerts,
    /// Which apps have series of their own.
    pub apps: AppSeries,
    /// What is known of each partition.
    pub partitions: Partitions,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Partitions whose state was read back.
    pub restores: Restores,
    /// Reloads of the configuration.
    pub reloads: Reloads,
    /// From the moment a record was received to the moment it was judged.
    pub judgement: Latency,
    /// From the moment a record was received to the commit of an alert it led to.
    pub alert_latency: Latency,
    /// Sessions with Kafka that ended by themselves and were begun again.
    pub sessions_restarted: IntCounter,
    /// When a record of a stream was last processed.
    pub last_processed: LastProcessed,
    /// Records that cannot be read and lie in the topic for them.
    pub dead_letters: DeadLetters,
    /// Jobs that wait for each worker.
    pub queues: Queues,
    /// What became of alerts at each sink.
    pub sinks: Sinks,
    /// Apps forgotten since a partition remembers no more.
    pub apps_evicted: IntCounter,
    /// Apps that have filed something.
    pub registered_apps: IntGauge,
    /// Partitions this process owns.
    pub partitions_assigned: IntGauge,
    /// Times that partitions were given to this process or taken away.
    pub rebalances: Rebalances,
    /// Ticks of the wall clock given to idle partitions.
    pub idle_ticks: IntCounter,
}

/// Rebalances by what happened.
pub struct Rebalances {
    /// Partitions came.
    pub assigned: IntCounter,
    /// Partitions went.
    pub revoked: IntCounter,
}

/// When a record was last processed, in Unix seconds of the wall clock; 0 before the first.
pub struct LastProcessed([IntGauge; Stream::ALL.len()]);

/// Records that cannot be read, by stream.
pub struct DeadLetters([IntCounter; Stream::ALL.len()]);

/// Jobs that wait, by worker.
pub struct Queues(IntGaugeVec);

/// What creates the series and puts them on the registry.
struct Maker<'r>(&'r Registry);

impl Maker<'_> {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let counter = IntCounter::new(name, help)?;
        self.0.register(Box::new(counter.clone()))?;
        Ok(counter)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        self.0.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
        let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(counters.clone()))?;
        Ok(counters)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
        self.0.register(Box::new(gauges.clone()))?;
        Ok(gauges)
    }

    fn latency(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Result<Latency, prometheus::Error> {
        let latency = Latency::new(name, help, labels)?;
        self.0.register(Box::new(latency.clone()))?;
        Ok(latency)
    }
}

impl Metrics {
    /// All metrics at zero, with a board nobody writes on.
    ///
    /// # Errors
    /// Only if two metrics have one name or a name is not a valid one: see the test.
    pub fn new() -> Result<Self, prometheus::Error> {
        Self::of(Arc::default())
    }

    /// All metrics at zero; the series of apps are read off `board`.
    ///
    /// # Errors
    /// Only if two metrics have one name or a name is not a valid one: see the test.
    pub fn of(board: Arc<Board>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let ledger = Ledger::new()?;
        registry.register(Box::new(ledger.clone()))?;
        let apps = AppSeries::new(board)?;
        registry.register(Box::new(apps.clone()))?;
        make.gauges("dialwatch_build_info", "What is running; the value is always 1.", &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            ledger,
            apps,
            alerts: Alerts::new(&make)?,
            partitions: Partitions::new(&make)?,
            checkpoints: Checkpoints::new(&make)?,
            restores: Restores::new(&make)?,
            reloads: Reloads::new(&make)?,
            judgement: make.latency(
                "dialwatch_judgement_latency_seconds",
                "From receiving a record to having judged it.",
                &[],
            )?,
            alert_latency: make.latency(
                "dialwatch_alert_latency_seconds",
                "From receiving a record to the commit of an alert that followed from it.",
                &[],
            )?,
            sessions_restarted: make.counter(
                "dialwatch_sessions_restarted_total",
                "Sessions with Kafka that ended by themselves and were begun again, from the last checkpoint on.",
            )?,
            last_processed: LastProcessed::new(&make)?,
            dead_letters: DeadLetters::new(&make)?,
            queues: Queues(make.gauges("dialwatch_queue_depth", "Jobs that wait for a worker.", &["worker"])?),
            sinks: Sinks::new(&make)?,
            apps_evicted: make
                .counter("dialwatch_apps_evicted_total", "Apps that were forgotten because a partition remembers no more.")?,
            registered_apps: make.gauge("dialwatch_registered_apps", "Apps that have filed something in the registry.")?,
            partitions_assigned: make
                .gauge("dialwatch_partitions_assigned", "Partitions of the calls topic that this process owns.")?,
            rebalances: Rebalances::new(&make)?,
            idle_ticks: make
                .counter("dialwatch_idle_ticks_total", "Ticks of the wall clock given to partitions in which nothing came.")?,
            registry,
        })
    }

    /// All metrics in the Prometheus text format.
    ///
    /// # Errors
    /// Only if a metric is malformed.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

impl Rebalances {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let family = make.counters("dialwatch_rebalances_total", "Times that partitions came or went.", &["change"])?;
        let of = |change| family.with_label_values(&[change]);
        Ok(Self { assigned: of("assigned"), revoked: of("revoked") })
    }
}

impl LastProcessed {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let family = make.gauges(
            "dialwatch_last_record_processed_timestamp_seconds",
            "When a record was last processed, by the wall clock; 0 before the first.",
            &["stream"],
        )?;
        Ok(Self(Stream::ALL.map(|stream| family.with_label_values(&[stream.as_str()]))))
    }

    /// Notes that a record of a stream was processed just now.
    pub fn now(&self, stream: Stream) {
        self.0[stream as usize].set(unix_seconds());
    }
}

impl DeadLetters {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let help = "Records that cannot be read and were written to the topic for them.";
        let family = make.counters("dialwatch_dead_letters_total", help, &["stream"])?;
        Ok(Self(Stream::ALL.map(|stream| family.with_label_values(&[stream.as_str()]))))
    }

    /// Those of a stream.
    pub fn of(&self, stream: Stream) -> &IntCounter {
        &self.0[stream as usize]
    }
}

impl Queues {
    /// That of a worker.
    pub fn of(&self, worker: usize) -> IntGauge {
        self.0.with_label_values(&[&worker.to_string()])
    }
}

/// The wall clock.
fn unix_seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus::proto::MetricType;

    use super::*;

    /// Units that Prometheus asks to convert, and scales of those it asks for.
    const FOREIGN_UNITS: [&str; 9] =
        ["_ms", "_millis", "_milliseconds", "_us", "_micros", "_minutes", "_hours", "_kb", "_percent"];

    #[test]
    fn every_metric_keeps_the_conventions() {
        let metrics = Metrics::new().expect("valid");
        let _partition = metrics.partitions.of(0);
        metrics.queues.of(0).set(1);
        metrics.sinks.of("jsonl").failures.inc();
        metrics.partitions.watchdog(0).set(1);
        let families = metrics.registry.gather();
        assert!(families.len() >= 35, "{} families", families.len());
        for family in families {
            let name = family.name();
            assert!(name.starts_with("dialwatch_"), "{name}");
            assert!(family.help().ends_with('.'), "{name}: {}", family.help());
            assert_eq!(family.get_field_type() == MetricType::COUNTER, name.ends_with("_total"), "{name}");
            assert!(!FOREIGN_UNITS.iter().any(|unit| name.ends_with(unit) || name.contains(&format!("{unit}_"))), "{name}");
            assert!(!family.get_metric().is_empty(), "{name} has no series");
            if family.get_field_type() == MetricType::HISTOGRAM {
                assert!(name.ends_with("_seconds") || name.ends_with("_bytes"), "{name}");
            }
        }
    }

    #[test]
    fn phases_of_a_checkpoint_are_one_family() {
        let metrics = Metrics::new().expect("valid");
        metrics.checkpoints.collect.recorder().record(Duration::from_millis(3), 1);
        metrics.checkpoints.commit.recorder().record(Duration::from_millis(40), 1);
        metrics.checkpoints.committed_now();
        let text = metrics.render().expect("text");
        let name = "dialwatch_checkpoint_duration_seconds";
        assert_eq!(text.matches(&format!("# TYPE {name} histogram")).count(), 1);
        for (phase, below) in [("collect", "0.005"), ("commit", "0.05")] {
            assert!(text.contains(&format!("{name}_bucket{{phase=\"{phase}\",le=\"{below}\"}} 1")), "{text}");
            assert!(text.contains(&format!("{name}_count{{phase=\"{phase}\"}} 1")), "{text}");
        }
        assert!(text.contains("dialwatch_checkpoints_total{result=\"committed\"} 1"));
        assert!(!text.contains("dialwatch_checkpoint_last_committed_timestamp_seconds 0"));
    }

    #[test]
    fn a_failed_reload_is_seen_until_one_succeeds() {
        let metrics = Metrics::new().expect("valid");
        let successful = |value: u8| {
            let line = format!("dialwatch_config_last_reload_successful {value}");
            metrics.render().expect("text").contains(&line)
        };
        assert!(successful(1), "what runs was read once");
        metrics.reloads.done(false);
        assert!(successful(0));
        metrics.reloads.done(true);
        assert!(successful(1));
        let text = metrics.render().expect("text");
        assert!(text.contains("dialwatch_policy_reloads_total{result=\"failure\"} 1"));
        assert!(text.contains("dialwatch_policy_reloads_total{result=\"success\"} 1"));
    }
}
