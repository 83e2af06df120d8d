//! What became of alerts at each sink.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::{Maker, unix_seconds};

/// The series of all sinks.
pub struct Sinks {
    delivered: IntCounterVec,
    failures: IntCounterVec,
    refused: IntCounterVec,
    waiting: IntGaugeVec,
    last_success: IntGaugeVec,
}

/// The series of one sink.
#[derive(Clone)]
pub struct SinkSeries {
    /// Alerts that it took.
    pub delivered: IntCounter,
    /// Deliveries that failed; each is tried again.
    pub failures: IntCounter,
    /// Alerts that it refused for what they are.
    pub refused: IntCounter,
    /// Alerts that wait for it.
    pub waiting: IntGauge,
    last_success: IntGauge,
}

impl Sinks {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let label = &["sink"];
        Ok(Self {
            delivered: make.counters("dialwatch_sink_delivered_total", "Alerts that a sink took, told again or not.", label)?,
            failures: make.counters("dialwatch_sink_failures_total", "Deliveries that failed; each is tried again.", label)?,
            refused: make.counters("dialwatch_sink_refused_total", "Alerts that a receiver refused for good.", label)?,
            waiting: make.gauges("dialwatch_sink_waiting_alerts", "Alerts that wait to be delivered to a sink.", label)?,
            last_success: make.gauges(
                "dialwatch_sink_last_success_timestamp_seconds",
                "When a sink last took alerts, by the wall clock; 0 before the first.",
                label,
            )?,
        })
    }

    /// Those of a sink, by its name among the sinks of the configuration.
    pub fn of(&self, sink: &str) -> SinkSeries {
        let label = &[sink];
        SinkSeries {
            delivered: self.delivered.with_label_values(label),
            failures: self.failures.with_label_values(label),
            refused: self.refused.with_label_values(label),
            waiting: self.waiting.with_label_values(label),
            last_success: self.last_success.with_label_values(label),
        }
    }
}

impl SinkSeries {
    /// Notes that it took something just now.
    pub fn succeeded_now(&self) {
        self.last_success.set(unix_seconds());
    }
}
