//! Where alerts go. A sink moves alerts; it never changes and never judges them.

pub mod jsonl;

use std::io;

use crate::engine::alert::Alert;

/// What takes alerts while the service runs.
pub trait Sink: Send {
    /// Takes alerts, in order. When it returns, they have left the process: what led to them will not be read again.
    ///
    /// # Errors
    /// They have not. That ends the service, since nothing may step over a lost alert.
    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()>;
}

impl Sink for jsonl::JsonLines {
    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()> {
        alerts.iter().try_for_each(|alert| self.write(alert))?;
        self.flush()
    }
}

/// Several sinks: an alert counts as delivered when all have it.
impl Sink for Vec<Box<dyn Sink>> {
    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()> {
        self.iter_mut().try_for_each(|sink| sink.deliver(alerts))
    }
}
