//! Alerts sent, shadowed and open, by rule and severity.

use std::collections::HashMap;

use prometheus::{IntCounterVec, IntGaugeVec};

use super::Maker;
use crate::engine::alert::{Alert, Status};
use crate::engine::detector::{RuleName, Severity};

/// Alerts by rule and severity.
pub struct Alerts {
    sent: IntCounterVec,
    shadowed: IntCounterVec,
    active: IntGaugeVec,
}

/// The open alerts of one shard, so that what is counted as active can be taken back.
#[derive(Debug, Default)]
pub struct OpenAlerts(HashMap<String, (RuleName, Severity)>);

impl Alerts {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let sent = make.counters("dialwatch_alerts_total", "Alerts sent.", &["rule", "severity", "status"])?;
        let shadowed = make.counters(
            "dialwatch_alerts_shadowed_total",
            "Alerts of rules in shadow, or excepted for their app: evaluated and counted, never sent.",
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
        self.note(alert, open);
    }

    /// Notes an alert that is open in a state that was restored: it was sent by whoever had the state before.
    pub fn restored(&self, alert: &Alert, open: &mut OpenAlerts) {
        self.note(alert, open);
    }

    fn note(&self, alert: &Alert, open: &mut OpenAlerts) {
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

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;
    use crate::engine::alert::tests::example;

    /// The open alerts of `blind_dialing` with a severity, and the alerts ever sent.
    fn counted(metrics: &Metrics, severity: &str) -> (i64, i64) {
        let text = metrics.render().expect("text");
        let sum = |series: &str| {
            let of_series = text.lines().filter(|line| line.starts_with(series));
            of_series.filter_map(|line| line.rsplit(' ').next()?.parse::<i64>().ok()).sum()
        };
        let active = format!("dialwatch_alerts_active{{rule=\"blind_dialing\",severity=\"{severity}\"}}");
        (sum(&active), sum("dialwatch_alerts_total"))
    }

    #[test]
    fn active_alerts_follow_severity_and_end() {
        let metrics = Metrics::new().expect("valid");
        let mut open = OpenAlerts::default();
        let active = |severity| counted(&metrics, severity).0;
        let mut alert = example("app");
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

    #[test]
    fn a_restored_alert_is_open_and_not_sent() {
        let metrics = Metrics::new().expect("valid");
        let mut open = OpenAlerts::default();
        let mut alert = example("app");
        metrics.alerts.restored(&alert, &mut open);
        assert_eq!(counted(&metrics, "violation"), (1, 0));
        alert.status = Status::Resolved;
        metrics.alerts.sent(&alert, &mut open);
        assert_eq!(counted(&metrics, "violation"), (0, 1));
    }
}
