//! Reloads of the configuration, named as Prometheus and Alertmanager name theirs.

use prometheus::{IntCounter, IntGauge};

use super::{Maker, unix_seconds};

/// Reloads by what became of them.
pub struct Reloads {
    succeeded: IntCounter,
    failed: IntCounter,
    last_successful: IntGauge,
    last_success: IntGauge,
}

impl Reloads {
    /// A program that has metrics runs on a valid configuration: reading it counts as the last success.
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let results =
            make.counters("dialwatch_policy_reloads_total", "Times the configuration was read again, by result.", &["result"])?;
        let reloads = Self {
            succeeded: results.with_label_values(&["success"]),
            failed: results.with_label_values(&["failure"]),
            last_successful: make.gauge(
                "dialwatch_config_last_reload_successful",
                "Whether the configuration was valid when it was last read: 1 or 0.",
            )?,
            last_success: make.gauge(
                "dialwatch_config_last_reload_success_timestamp_seconds",
                "When the configuration was last read and valid, by the wall clock.",
            )?,
        };
        reloads.last_successful.set(1);
        reloads.last_success.set(unix_seconds());
        Ok(reloads)
    }

    /// The configuration was read again, and is valid or not.
    pub fn done(&self, successful: bool) {
        self.last_successful.set(i64::from(successful));
        if successful {
            self.succeeded.inc();
            self.last_success.set(unix_seconds());
        } else {
            self.failed.inc();
        }
    }
}
