//! Delivers alerts to sinks after their checkpoint: a thread a sink, tried again until it takes them.
//!
//! What waits here is bounded by the outboxes it comes from. It decides nothing and drops nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::progress::Progress;
use crate::checkpoint::writer::Outgoing;
use crate::engine::alert::Alert;
use crate::metrics::Metrics;
use crate::sink::Sink;

/// The first wait before a sink is tried again; doubled each time.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait before a sink is tried again.
const RETRY_LAST: Duration = Duration::from_secs(30);

/// Alerts of one lane, in order.
struct Parcel {
    progress: Arc<Progress>,
    alerts: Arc<Vec<Outgoing>>,
}

/// The ways to the sinks. Clones lead to the same ones.
#[derive(Clone)]
pub struct Dispatch(Vec<Sender<Parcel>>);

impl Dispatch {
    /// Starts a thread for each sink. They outlive the service: one that is stuck in a sink cannot be waited for.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(sinks: Vec<Box<dyn Sink>>, metrics: &Arc<Metrics>) -> std::io::Result<Self> {
        let mut ways = Vec::new();
        for (at, sink) in sinks.into_iter().enumerate() {
            let (way, parcels) = channel();
            let metrics = metrics.clone();
            thread::Builder::new().name(format!("sink-{}", sink.name())).spawn(move || serve(at, sink, &parcels, &metrics))?;
            ways.push(way);
        }
        Ok(Self(ways))
    }

    /// How many sinks there are.
    pub fn sinks(&self) -> usize {
        self.0.len()
    }

    /// Sends alerts of a lane, committed ones only. `next` is the number after the last.
    pub fn send(&self, progress: &Arc<Progress>, alerts: Vec<Outgoing>, next: u64) {
        if self.0.is_empty() {
            progress.delivered(0, next);
        }
        let alerts = Arc::new(alerts);
        for way in self.0.iter().filter(|_| !alerts.is_empty()) {
            // A sink's thread ends only with the process.
            let _ = way.send(Parcel { progress: progress.clone(), alerts: alerts.clone() });
        }
    }
}

fn serve(at: usize, mut sink: Box<dyn Sink>, parcels: &Receiver<Parcel>, metrics: &Metrics) {
    for Parcel { progress, alerts } in parcels {
        let messages: Vec<Alert> = alerts.iter().map(|outgoing| outgoing.alert.clone()).collect();
        let mut wait = RETRY_FIRST;
        while let Err(error) = sink.deliver(&messages) {
            let alerts = messages.len();
            metrics.sink_failures.of(sink.name()).inc();
            tracing::warn!(sink = sink.name(), alerts, retry_s = wait.as_secs_f64(), "alerts are not delivered yet: {error}");
            thread::sleep(wait);
            wait = (wait * 2).min(RETRY_LAST);
        }
        if let Some(last) = alerts.last() {
            progress.delivered(at, last.number + 1);
        }
    }
}
