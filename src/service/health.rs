//! What probes ask: does the main loop move, and is everything there that it needs? And the wish to stop.
//!
//! Written by the main loop, read by the HTTP server; never by what judges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest silence of a main loop that lives: well above its longest wait for a broker.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Where the service is between start and end, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No broker has answered yet.
    Connecting,
    /// What apps filed is being read.
    ReadingRegistry,
    /// The group has not said yet which partitions are ours.
    Joining,
    /// What is remembered of our partitions is being read.
    Restoring,
    /// Records are judged.
    Running,
    /// What is in hand is being finished.
    Stopping,
}

impl Stage {
    const ALL: [Self; 6] =
        [Self::Connecting, Self::ReadingRegistry, Self::Joining, Self::Restoring, Self::Running, Self::Stopping];

    /// What is going on, for whoever asks why the service is not ready.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting to the brokers",
            Self::ReadingRegistry => "reading the registry",
            Self::Joining => "joining the consumer group",
            Self::Restoring => "restoring the state of its partitions",
            Self::Running => "running",
            Self::Stopping => "stopping",
        }
    }
}

/// The health of the service.
pub struct Health {
    began: Instant,
    beat_ms: AtomicU64,
    stage: AtomicU8,
}

impl Default for Health {
    fn default() -> Self {
        Self { began: Instant::now(), beat_ms: AtomicU64::new(0), stage: AtomicU8::new(0) }
    }
}

impl Health {
    /// The main loop has come round.
    pub fn beat(&self) {
        self.beat_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// The service is at another stage.
    pub fn enter(&self, stage: Stage) {
        self.beat();
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Where the service is.
    pub fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed)).min(Stage::ALL.len() - 1)]
    }

    /// How long ago the main loop came round.
    pub fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.beat_ms.load(Ordering::Relaxed)))
    }
}

/// The wish that the service stops. Clones share it; once uttered it stays.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the service to finish what it has in hand and end.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
