//! The machine's clock as a moment of event time. The engine never asks it: who needs it passes it on.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::time::Timestamp;

/// Now.
pub fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
