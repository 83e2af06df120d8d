//! Every metric of the program, in one struct of typed handles on a registry of its own.
//!
//! Names are an interface: dashboards and alerts of operators rest on them. Every label has a bounded set of values, and
//! none of them is a phone number. Nothing here is global, and nothing is looked up by name.

mod latency;
mod ledger;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

pub use latency::{Latency, Recorder};
pub use ledger::{Ledger, Outcome, Page, Stream};

use crate::engine::alert::{Alert, Status};
use crate::engine::detector::{RuleName, Severity};

/// The metrics.
pub struct Metrics {
    registry: Registry,
    /// The ledger of records.
    pub ledger: Ledger,
    /// Alerts sent and open.
    pub alerts: Alerts,
    /// What is known of each partition.
    pub partitions: Partitions,
    /// From the moment a record was received to the moment it was judged and its alerts were delivered.
    pub judgement: Latency,
    /// When a record of a stream was last processed.
    pub last_processed: LastProcessed,
    /// Apps that have filed something.
    pub registered_apps: IntGauge,
    /// Partitions this process owns.
    pub partitions_assigned: IntGauge,
    /// Times that partitions were given to this process or taken away.
    pub rebalances: Rebalances,
    /// Ticks of the wall clock given to idle partitions.
    pub idle_ticks: IntCounter,
    /// Sessions with Kafka that ended by themselves and were begun again.
    pub sessions: IntCounter,
    /// Checkpoints.
    pub checkpoints: Checkpoints,
    /// Records sent to the dead letters.
    pub dead_letters: IntCounterVec,
    /// Alerts that a sink did not take.
    pub sink_failures: IntCounterVec,
    /// From receiving a record to the commit of an alert it led to.
    pub alert_latency: Latency,
}

/// Checkpoints.
pub struct Checkpoints {
    /// Failed attempts.
    pub failed: IntCounter,
    committed: IntCounter,
    bytes: IntCounter,
    duration: Latency,
}

impl Checkpoints {
    /// Counts one that is committed.
    pub fn committed(&self, took: std::time::Duration, bytes: u64) {
        self.committed.inc();
        self.bytes.inc_by(bytes);
        self.duration.recorder().record(took, 1);
    }
}

/// Alerts by rule and severity.
pub struct Alerts {
    sent: IntCounterVec,
    shadowed: IntCounterVec,
    active: IntGaugeVec,
}

/// The open alerts of one shard, so that what is counted as active can be taken back.
#[derive(Debug, Default)]
pub struct OpenAlerts(HashMap<String, (RuleName, Severity)>);

/// The series of all partitions.
#[derive(Clone)]
pub struct Partitions {
    apps: IntGaugeVec,
    callees: IntGaugeVec,
    waiting: IntGaugeVec,
    watermark: IntGaugeVec,
    lag: IntGaugeVec,
    lag_s: IntGaugeVec,
}

/// The series of one partition; they go when it goes.
pub struct Partition {
    families: Partitions,
    label: String,
    /// Apps with a call or feedback.
    pub apps: IntGauge,
    /// Callees remembered, over all apps.
    pub callees: IntGauge,
    /// Calls waiting for their minute to close.
    pub waiting: IntGauge,
    /// Everything before this moment of event time is judged, in Unix seconds.
    pub watermark: IntGauge,
    /// Records in the calls topic that are not processed yet.
    pub lag: IntGauge,
    /// How long ago the last record processed was written, in seconds, while there are others.
    pub lag_s: IntGauge,
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
}

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// Only if two metrics have one name or a name is not a valid one: see the test.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let ledger = Ledger::new()?;
        registry.register(Box::new(ledger.clone()))?;
        let judgement = Latency::new(
            "dialwatch_judgement_latency_seconds",
            "From receiving a record to having judged it and delivered what followed from it.",
        )?;
        registry.register(Box::new(judgement.clone()))?;
        let checkpoints = make.counters("dialwatch_checkpoints_total", "Checkpoints, by result.", &["result"])?;
        let duration = Latency::new("dialwatch_checkpoint_duration_seconds", "How long checkpoints took.")?;
        registry.register(Box::new(duration.clone()))?;
        let alert_latency =
            Latency::new("dialwatch_alert_latency_seconds", "From receiving a record to the commit of an alert.")?;
        registry.register(Box::new(alert_latency.clone()))?;
        make.gauges("dialwatch_build_info", "What is running; the value is always 1.", &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let rebalances = make.counters("dialwatch_rebalances_total", "Times that partitions came or went.", &["change"])?;
        Ok(Self {
            ledger,
            judgement,
            alerts: Alerts::new(&make)?,
            partitions: Partitions::new(&make)?,
            last_processed: LastProcessed::new(&make)?,
            registered_apps: make.gauge("dialwatch_registered_apps", "Apps that have filed something in the registry.")?,
            partitions_assigned: make
                .gauge("dialwatch_partitions_assigned", "Partitions of the calls topic that this process owns.")?,
            rebalances: Rebalances {
                assigned: rebalances.with_label_values(&["assigned"]),
                revoked: rebalances.with_label_values(&["revoked"]),
            },
            idle_ticks: make
                .counter("dialwatch_idle_ticks_total", "Ticks of the wall clock given to partitions in which nothing came.")?,
            sessions: make.counter("dialwatch_sessions_restarted_total", "Sessions with Kafka that were begun again.")?,
            checkpoints: Checkpoints {
                failed: checkpoints.with_label_values(&["failed"]),
                committed: checkpoints.with_label_values(&["committed"]),
                bytes: make.counter("dialwatch_checkpoint_bytes_total", "Bytes of state written.")?,
                duration,
            },
            dead_letters: make.counters("dialwatch_dead_letters_total", "Records sent to the dead letters.", &["stream"])?,
            sink_failures: make.counters("dialwatch_sink_failures_total", "Alerts that a sink did not take.", &["sink"])?,
            alert_latency,
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

impl Alerts {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let sent = make.counters("dialwatch_alerts_total", "Alerts sent.", &["rule", "severity", "status"])?;
        let shadowed = make.counters(
            "dialwatch_alerts_shadowed_total",
            "Alerts of rules in shadow: evaluated and counted, never sent.",
            &["rule", "severity", "status"],
        )?;
        let active = make.gauges("dialwatch_alerts_active", "Alerts that are open now.", &["rule", "severity"])?;
        for rule in RuleName::ALL {
            for severity in Severity::ALL {
                active.with_label_values(&[rule.as_str(), severity.as_str()]);
                for status in [Status::Firing, Status::Resolved] {
                    let labels = [rule.as_str(), severity.as_str(), status_label(status)];
                    sent.with_label_values(&labels);
                    shadowed.with_label_values(&labels);
                }
            }
        }
        Ok(Self { sent, shadowed, active })
    }

    /// Counts an alert that was sent, and keeps what is active up to date.
    pub fn sent(&self, alert: &Alert, open: &mut OpenAlerts) {
        self.sent.with_label_values(&labels(alert)).inc();
        let before = match alert.status {
            Status::Firing => open.0.insert(alert.alert_id.clone(), (alert.rule, alert.severity)),
            Status::Resolved => open.0.remove(&alert.alert_id),
        };
        if let Some((rule, severity)) = before {
            self.active.with_label_values(&[rule.as_str(), severity.as_str()]).dec();
        }
        if alert.status == Status::Firing {
            self.active.with_label_values(&[alert.rule.as_str(), alert.severity.as_str()]).inc();
        }
    }

    /// Notes an open alert of a shard that was taken over: it is active, and was sent before.
    pub fn restored(&self, alert: &Alert, open: &mut OpenAlerts) {
        open.0.insert(alert.alert_id.clone(), (alert.rule, alert.severity));
        self.active.with_label_values(&[alert.rule.as_str(), alert.severity.as_str()]).inc();
    }

    /// Counts an alert that was not sent because its rule is in shadow.
    pub fn shadowed(&self, alert: &Alert) {
        self.shadowed.with_label_values(&labels(alert)).inc();
    }

    /// Takes back what a shard that goes away had open.
    pub fn forget(&self, open: OpenAlerts) {
        for (rule, severity) in open.0.into_values() {
            self.active.with_label_values(&[rule.as_str(), severity.as_str()]).dec();
        }
    }
}

fn labels(alert: &Alert) -> [&'static str; 3] {
    [alert.rule.as_str(), alert.severity.as_str(), status_label(alert.status)]
}

const fn status_label(status: Status) -> &'static str {
    match status {
        Status::Firing => "firing",
        Status::Resolved => "resolved",
    }
}

impl Partitions {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let gauges = |name, help| make.gauges(name, help, &["partition"]);
        Ok(Self {
            apps: gauges("dialwatch_apps", "Apps seen.")?,
            callees: gauges("dialwatch_remembered_callees", "Callees remembered, over all apps.")?,
            waiting: gauges("dialwatch_waiting_calls", "Calls that wait for their minute to close.")?,
            watermark: gauges(
                "dialwatch_watermark_timestamp_seconds",
                "Everything before this moment of event time is judged; 0 before the first judgement.",
            )?,
            lag: gauges("dialwatch_consumer_lag_records", "Records of the calls topic that are not processed yet.")?,
            lag_s: gauges(
                "dialwatch_consumer_lag_seconds",
                "How long ago the last call processed was written, while others wait.",
            )?,
        })
    }

    /// The series of one partition.
    pub fn of(&self, partition: i32) -> Partition {
        let label = partition.to_string();
        let gauge = |family: &IntGaugeVec| family.with_label_values(&[&label]);
        Partition {
            apps: gauge(&self.apps),
            callees: gauge(&self.callees),
            waiting: gauge(&self.waiting),
            watermark: gauge(&self.watermark),
            lag: gauge(&self.lag),
            lag_s: gauge(&self.lag_s),
            families: self.clone(),
            label,
        }
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        let Partitions { apps, callees, waiting, watermark, lag, lag_s } = &self.families;
        for family in [apps, callees, waiting, watermark, lag, lag_s] {
            // It fails only if the series is gone already.
            let _ = family.remove_label_values(&[&self.label]);
        }
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
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.0[stream as usize].set(since_epoch.as_secs() as i64);
    }
}

/// An alert as the engine makes it, with as little in it as there can be.
#[cfg(test)]
pub(crate) fn example_alert() -> Alert {
    use crate::engine::alert::{PolicyView, SCHEMA, SubjectView, WindowView, alert_id};
    use crate::engine::detector::Subject;
    use crate::engine::policy::Policy;
    use crate::engine::time::Timestamp;
    let (policy, at) = (Policy::for_tests(), Timestamp::from_seconds(1_773_020_460));
    Alert {
        schema: SCHEMA,
        alert_id: alert_id(&policy, "app", RuleName::BlindDialing, Subject::App, at),
        status: Status::Firing,
        rule: RuleName::BlindDialing,
        severity: Severity::Violation,
        app_id: "app".into(),
        subject: SubjectView::new(&policy, "app", Subject::App),
        starts_at: at,
        updated_at: at,
        ends_at: None,
        window: WindowView { from: at, to: at },
        summary: String::new(),
        evidence: Vec::new(),
        calls: Vec::new(),
        calls_before_alert: 0,
        callees_before_alert: 0,
        policy: PolicyView { pack: String::new(), clause: "".into(), version: String::new() },
        recommended_action: "review".into(),
        completeness: 1.0,
        note: None,
    }
}

#[cfg(test)]
mod tests {
    use prometheus::proto::MetricType;

    use super::*;

    /// Units that Prometheus asks to convert, and scales of those it asks for.
    const FOREIGN_UNITS: [&str; 9] =
        ["_ms", "_millis", "_milliseconds", "_us", "_micros", "_minutes", "_hours", "_kb", "_percent"];

    #[test]
    fn every_metric_keeps_the_conventions() {
        let metrics = Metrics::new().expect("valid");
        let _partition = metrics.partitions.of(0);
        let families = metrics.registry.gather();
        assert!(families.len() >= 15, "{} families", families.len());
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
    fn a_partition_takes_its_series_along() {
        let metrics = Metrics::new().expect("valid");
        let partition = metrics.partitions.of(7);
        partition.lag.set(12);
        assert!(metrics.render().expect("text").contains("dialwatch_consumer_lag_records{partition=\"7\"} 12"));
        drop(partition);
        assert!(!metrics.render().expect("text").contains("partition="));
    }

    #[test]
    fn active_alerts_follow_severity_and_end() {
        let metrics = Metrics::new().expect("valid");
        let mut open = OpenAlerts::default();
        let active = |severity: &str| {
            let series = format!("dialwatch_alerts_active{{rule=\"blind_dialing\",severity=\"{severity}\"}}");
            let text = metrics.render().expect("text");
            let line = text.lines().find(|line| line.starts_with(&series)).expect("a series").to_owned();
            line.rsplit(' ').next().and_then(|value| value.parse::<i64>().ok()).expect("a value")
        };
        let mut alert = example_alert();
        metrics.alerts.sent(&alert, &mut open);
        metrics.alerts.sent(&alert, &mut open);
        assert_eq!((active("violation"), active("major")), (1, 0));
        alert.severity = Severity::Major;
        metrics.alerts.sent(&alert, &mut open);
        assert_eq!((active("violation"), active("major")), (0, 1));
        alert.status = Status::Resolved;
        metrics.alerts.sent(&alert, &mut open);
        assert_eq!((active("violation"), active("major")), (0, 0));

        alert.status = Status::Firing;
        metrics.alerts.sent(&alert, &mut open);
        metrics.alerts.forget(open);
        assert_eq!(active("major"), 0);
    }
}
