//! Checkpoints and restores: what leaves together and how long that takes, what comes back.

use prometheus::{IntCounter, IntGauge};

use super::latency::Latency;
use super::{Maker, unix_seconds};

/// Checkpoints: state, alerts and offsets in one transaction.
pub struct Checkpoints {
    /// Those that hold.
    pub committed: IntCounter,
    /// Those that do not: nothing of them did.
    pub failed: IntCounter,
    /// Collecting what changed, while nothing is judged.
    pub collect: Latency,
    /// From the first record of the transaction to its end.
    pub commit: Latency,
    /// Bytes of state written.
    pub bytes: IntCounter,
    /// Partitions whose state was written between two checkpoints.
    pub snapshots: IntCounter,
    last_committed: IntGauge,
}

/// Partitions whose state was read back.
pub struct Restores {
    /// How long one takes, from its assignment to its first record.
    pub duration: Latency,
    /// Apps that came back.
    pub apps: IntCounter,
    /// Records of calls that were judged again.
    pub calls: IntCounter,
}

impl Checkpoints {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let results = make.counters("dialwatch_checkpoints_total", "Checkpoints, by what became of them.", &["result"])?;
        let phase = |phase| {
            let help = "Of a checkpoint, how long a worker stood still at most while it collected what changed, and how long it took to commit.";
            make.latency("dialwatch_checkpoint_duration_seconds", help, &[("phase", phase)])
        };
        Ok(Self {
            committed: results.with_label_values(&["committed"]),
            failed: results.with_label_values(&["failed"]),
            collect: phase("collect")?,
            commit: phase("commit")?,
            bytes: make.counter("dialwatch_checkpoint_bytes_total", "Bytes of state written by checkpoints.")?,
            snapshots: make.counter(
                "dialwatch_checkpoint_snapshots_total",
                "Partitions whose state was written; between two, a checkpoint says what is to be judged again.",
            )?,
            last_committed: make.gauge(
                "dialwatch_checkpoint_last_committed_timestamp_seconds",
                "When a checkpoint last held, by the wall clock; 0 before the first.",
            )?,
        })
    }

    /// Counts a checkpoint that holds since just now.
    pub fn committed_now(&self) {
        self.committed.inc();
        self.last_committed.set(unix_seconds());
    }
}

impl Restores {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let help = "How long it takes to read back the state of a partition.";
        Ok(Self {
            duration: make.latency("dialwatch_restore_duration_seconds", help, &[])?,
            apps: make.counter("dialwatch_restored_apps_total", "Apps whose state was read back.")?,
            calls: make.counter(
                "dialwatch_restored_calls_total",
                "Records of calls judged again after a restart: those since the state of their partition was written.",
            )?,
        })
    }
}
