//! What is known of each partition this process owns. A partition's series go when it goes.

use prometheus::{IntGauge, IntGaugeVec};

use super::Maker;

const WATCHDOG: &str = "dialwatch_watchdog_last_seen_timestamp_seconds";
const WATCHDOG_HELP: &str =
    "When a call of the watchdog was last judged and committed, by the wall clock; 0 from its first call on until then.";

macro_rules! partition_gauges {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal, $help:literal;)+) => {
        /// The series of all partitions.
        #[derive(Clone)]
        pub struct Partitions { $($field: IntGaugeVec,)+ watchdog: IntGaugeVec }

        /// The series of one partition; they go when it goes.
        pub struct Partition {
            families: Partitions,
            label: String,
            $($(#[doc = $doc])+ pub $field: IntGauge,)+
        }

        impl Partitions {
            pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
                let watchdog = make.gauges(WATCHDOG, WATCHDOG_HELP, &["partition"])?;
                Ok(Self { $($field: make.gauges($name, $help, &["partition"])?,)+ watchdog })
            }

            /// When the watchdog's call last came through a partition; there is no such series where there is no watchdog.
            pub fn watchdog(&self, partition: i32) -> IntGauge {
                self.watchdog.with_label_values(&[&partition.to_string()])
            }

            /// The series of one partition.
            pub fn of(&self, partition: i32) -> Partition {
                let label = partition.to_string();
                Partition { $($field: self.$field.with_label_values(&[&label]),)+ families: self.clone(), label }
            }
        }

        impl Drop for Partition {
            fn drop(&mut self) {
                // It fails only if the series is gone already.
                $(let _ = self.families.$field.remove_label_values(&[&self.label]);)+
                let _ = self.families.watchdog.remove_label_values(&[&self.label]);
            }
        }
    };
}

partition_gauges! {
    /// Apps with a call or feedback.
    apps = "dialwatch_apps", "Apps seen.";
    /// Callees remembered, over all apps.
    callees = "dialwatch_remembered_callees", "Callees remembered, over all apps.";
    /// Calls waiting for their minute to close.
    waiting = "dialwatch_waiting_calls", "Calls that wait for their minute to close.";
    /// Everything before this moment of event time is judged, in Unix seconds.
    watermark = "dialwatch_watermark_timestamp_seconds",
        "Everything before this moment of event time is judged; 0 before the first judgement.";
    /// Records in the calls topic that are not processed yet.
    lag = "dialwatch_consumer_lag_records", "Records of the calls topic that are not processed yet.";
    /// The age of the oldest record that is not processed yet, in seconds; 0 when there is none.
    lag_seconds = "dialwatch_consumer_lag_seconds",
        "How long ago the next record of the calls topic that is not processed yet was written; 0 when there is none.";
    /// Alerts that wait to be delivered.
    outbox = "dialwatch_outbox_alerts", "Alerts that wait to be delivered.";
    /// 1 while the partition is stopped because too many of its records cannot be read, else 0.
    stopped = "dialwatch_partition_stopped", "Whether the partition is stopped: too many of its records cannot be read.";
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;

    #[test]
    fn a_partition_takes_its_series_along() {
        let metrics = Metrics::new().expect("valid");
        let partition = metrics.partitions.of(7);
        partition.lag.set(12);
        partition.stopped.set(1);
        let text = metrics.render().expect("text");
        assert!(text.contains("dialwatch_consumer_lag_records{partition=\"7\"} 12"));
        assert!(text.contains("dialwatch_partition_stopped{partition=\"7\"} 1"));
        drop(partition);
        assert!(!metrics.render().expect("text").contains("partition="));
        let partition = metrics.partitions.of(7);
        metrics.partitions.watchdog(7).set(1);
        drop(partition);
        assert!(!metrics.render().expect("text").contains("partition="), "the watchdog's goes with it");
    }
}
