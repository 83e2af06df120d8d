//! Delivers alerts to sinks after their checkpoint: a thread a sink, tried again until it takes them, told again of what is
//! open where a sink wants that.
//!
//! What waits here is bounded by the outboxes it comes from. It decides nothing and drops nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::progress::Progress;
use crate::checkpoint::writer::Outgoing;
use crate::engine::alert::Alert;
use crate::metrics::{Metrics, SinkSeries};
use crate::sink::standing::Standing;
use crate::sink::{Delivery, Sink};
use crate::watchdog;

/// The first wait before a sink is tried again; doubled each time.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest wait before a sink is tried again.
const RETRY_LAST: Duration = Duration::from_secs(30);

/// What a sink's thread is given, in order.
#[derive(Clone)]
enum Parcel {
    /// Alerts of a lane.
    News { partition: i32, progress: Arc<Progress>, alerts: Arc<Vec<Outgoing>> },
    /// A lane begins here: what is open in it.
    Begins { partition: i32, open: Arc<Vec<Alert>> },
    /// A lane goes elsewhere.
    Ends { partition: i32 },
    /// All lanes have gone.
    AllEnd,
    /// The watchdog's call has come through a lane.
    Barks { partition: i32 },
}

/// The ways to the sinks. Clones lead to the same ones.
#[derive(Clone)]
pub struct Dispatch(Vec<Way>);

#[derive(Clone)]
struct Way {
    parcels: Sender<Parcel>,
    series: SinkSeries,
}

impl Dispatch {
    /// Starts a thread for each sink. They outlive the service: one that is stuck in a sink cannot be waited for.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(sinks: Vec<Box<dyn Sink>>, metrics: &Arc<Metrics>) -> std::io::Result<Self> {
        let mut ways: Vec<Way> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for (at, sink) in sinks.into_iter().enumerate() {
            let (parcels, given) = channel();
            let before = names.iter().filter(|name| **name == sink.name()).count();
            names.push(sink.name());
            let name = if before == 0 { sink.name().to_owned() } else { format!("{}-{}", sink.name(), before + 1) };
            let series = metrics.sinks.of(&name);
            let standing = sink.repeats_every().map(|every| Standing::new(every, Instant::now()));
            let desk = Desk { at, name, sink, standing, series: series.clone() };
            thread::Builder::new().name(format!("sink-{}", desk.name)).spawn(move || desk.serve(&given))?;
            ways.push(Way { parcels, series });
        }
        Ok(Self(ways))
    }

    /// How many sinks there are.
    pub fn sinks(&self) -> usize {
        self.0.len()
    }

    /// Sends alerts of a lane, committed ones only. `next` is the number after the last.
    pub fn send(&self, partition: i32, progress: &Arc<Progress>, alerts: Vec<Outgoing>, next: u64) {
        if self.0.is_empty() {
            progress.delivered(0, next);
        }
        if alerts.is_empty() {
            return;
        }
        self.0.iter().for_each(|way| way.series.waiting.add(alerts.len() as i64));
        self.tell(&Parcel::News { partition, progress: progress.clone(), alerts: Arc::new(alerts) });
    }

    /// A lane begins to be judged here, with these alerts open.
    pub fn begin(&self, partition: i32, open: Vec<Alert>) {
        self.tell(&Parcel::Begins { partition, open: Arc::new(open) });
    }

    /// A lane is no longer judged here: others tell of its alerts.
    pub fn end(&self, partition: i32) {
        self.tell(&Parcel::Ends { partition });
    }

    /// No lane is judged here.
    pub fn end_all(&self) {
        self.tell(&Parcel::AllEnd);
    }

    /// The watchdog's call has come through a lane, checkpoint included.
    pub fn bark(&self, partition: i32) {
        self.tell(&Parcel::Barks { partition });
    }

    fn tell(&self, parcel: &Parcel) {
        for way in &self.0 {
            // A sink's thread ends only with the process.
            let _ = way.parcels.send(parcel.clone());
        }
    }
}

/// Where one sink is served.
struct Desk {
    at: usize,
    name: String,
    sink: Box<dyn Sink>,
    standing: Option<Standing>,
    series: SinkSeries,
}

impl Desk {
    fn serve(mut self, parcels: &Receiver<Parcel>) {
        loop {
            let parcel = match self.standing.as_ref().map(|standing| standing.wait(Instant::now())) {
                None => parcels.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => parcels.recv_timeout(wait),
            };
            match parcel {
                Ok(parcel) => self.take(parcel),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.repeat();
        }
    }

    fn take(&mut self, parcel: Parcel) {
        if let Parcel::News { partition, progress, alerts } = parcel {
            let messages: Vec<Alert> = alerts.iter().map(|outgoing| outgoing.alert.clone()).collect();
            self.deliver(&messages);
            self.standing.iter_mut().for_each(|standing| standing.take(partition, &messages, Instant::now()));
            if let Some(last) = alerts.last() {
                progress.delivered(self.at, last.number + 1);
            }
            return;
        }
        let Some(standing) = &mut self.standing else { return };
        match parcel {
            Parcel::News { .. } => {}
            Parcel::Begins { partition, open } => {
                standing.begin(partition, &open, Instant::now());
                self.tell_again(&open);
            }
            Parcel::Ends { partition } => standing.forget(partition),
            Parcel::AllEnd => standing.forget_all(),
            Parcel::Barks { partition } => {
                let watchdogs = standing.of(partition, |alert| watchdog::is_its(&alert.app_id));
                self.tell(&watchdogs);
            }
        }
    }

    /// Delivers news, however long it takes.
    fn deliver(&mut self, messages: &[Alert]) {
        let mut wait = RETRY_FIRST;
        while let Err((after, why)) = self.try_once(messages) {
            let wait_now = wait.max(after);
            self.failed(messages.len(), &why, Some(wait_now));
            thread::sleep(wait_now);
            wait = (wait * 2).min(RETRY_LAST);
        }
        self.series.waiting.sub(messages.len() as i64);
    }

    /// Tells again of what is due.
    fn repeat(&mut self) {
        let Some(standing) = &mut self.standing else { return };
        let due = standing.due(Instant::now());
        self.tell_again(&due);
    }

    /// Tells again of all but the watchdog's alert: that is told when its call has come through, and by nothing else.
    fn tell_again(&mut self, alerts: &[Alert]) {
        let others: Vec<Alert> = alerts.iter().filter(|alert| !watchdog::is_its(&alert.app_id)).cloned().collect();
        self.tell(&others);
    }

    /// Tells once: the next time is soon enough.
    fn tell(&mut self, alerts: &[Alert]) {
        if !alerts.is_empty()
            && let Err((_, why)) = self.try_once(alerts)
        {
            self.failed(alerts.len(), &why, None);
        }
    }

    /// Counts what left. What did not comes back with how long to wait at least, and why.
    fn try_once(&mut self, alerts: &[Alert]) -> Result<(), (Duration, String)> {
        let mut left = alerts.len();
        match self.sink.deliver(alerts) {
            Delivery::Retry(after, why) => return Err((after, why)),
            Delivery::Done => {}
            Delivery::Partly(why) => self.failed(left, &why, None),
            Delivery::Refused(refused, why) => {
                tracing::error!(sink = self.name, alerts = refused, "alerts are refused and not sent again: {why}");
                self.series.refused.inc_by(refused as u64);
                left = left.saturating_sub(refused);
            }
        }
        self.series.delivered.inc_by(left as u64);
        self.series.succeeded_now();
        Ok(())
    }

    fn failed(&self, alerts: usize, why: &str, wait: Option<Duration>) {
        self.series.failures.inc();
        let retry_s = wait.map_or(0.0, |wait| wait.as_secs_f64());
        tracing::warn!(sink = self.name, alerts, retry_s, "alerts are not delivered everywhere yet: {why}");
    }
}

#[cfg(test)]
mod tests;
