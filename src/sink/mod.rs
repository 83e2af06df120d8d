//! Where alerts go besides Kafka. A sink moves alerts; it never changes and never judges them.

pub mod jsonl;

use std::io;

use crate::engine::alert::Alert;

/// What takes alerts while the service runs. Each has a thread of its own: one that is slow holds up no other.
pub trait Sink: Send {
    /// What it is called in logs and metrics.
    fn name(&self) -> &'static str;

    /// Takes alerts, in order. When it returns, they have left the process. An alert may come again with the same id.
    ///
    /// # Errors
    /// They have not: they come again, after a while.
    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()>;
}

impl Sink for jsonl::JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn deliver(&mut self, alerts: &[Alert]) -> io::Result<()> {
        alerts.iter().try_for_each(|alert| self.write(alert))?;
        self.flush()
    }
}
