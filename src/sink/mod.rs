//! Where alerts go besides Kafka. A sink moves alerts; it never changes and never judges them.

pub mod alertmanager;
pub mod jsonl;
pub mod letter;
pub mod standing;
pub mod webhook;

use std::path::Path;
use std::time::Duration;

use crate::config::RawSink;
use crate::engine::alert::Alert;

/// What became of alerts that were given to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// They have left the process.
    Done,
    /// They have left the process, but somebody who should have got them did not.
    Partly(String),
    /// They have not: they come again, and not before so long.
    Retry(Duration, String),
    /// So many of them are refused for what they are: to try again is useless. The others have left.
    Refused(usize, String),
}

/// What takes alerts while the service runs. Each has a thread of its own: one that is slow holds up no other.
pub trait Sink: Send {
    /// What it is called in logs and metrics.
    fn name(&self) -> &'static str;

    /// Takes alerts, in order. An alert may come again with the same id.
    fn deliver(&mut self, alerts: &[Alert]) -> Delivery;

    /// How often it is told again of what is open and of what was over lately; `None` if once is enough.
    fn repeats_every(&self) -> Option<Duration> {
        None
    }
}

/// The sinks of a configuration. Relative paths start at `folder`; `page` is where an alert's page is, without its id.
///
/// # Errors
/// A file that cannot be written or read, in words that name the sink.
pub fn open(sinks: &[RawSink], folder: &Path, page: &str) -> Result<Vec<Box<dyn Sink>>, String> {
    let open = |(at, sink): (usize, &RawSink)| -> Result<Box<dyn Sink>, String> {
        let opened: Result<Box<dyn Sink>, String> = match sink {
            RawSink::Jsonl(jsonl) => jsonl::JsonLines::keeping(jsonl, folder)
                .map(|lines| Box::new(lines) as Box<dyn Sink>)
                .map_err(|error| format!("{} cannot be written: {error}", jsonl.path.display())),
            RawSink::Alertmanager(raw) => {
                alertmanager::Alertmanager::new(raw, folder, page).map(|sink| Box::new(sink) as Box<dyn Sink>)
            }
            RawSink::Webhook(raw) => webhook::Webhook::new(raw, folder, page).map(|sink| Box::new(sink) as Box<dyn Sink>),
        };
        opened.map_err(|why| format!("sinks.{at}.{}: {why}", sink.name()))
    };
    sinks.iter().enumerate().map(open).collect()
}

#[cfg(test)]
mod tests;
