//! Containers of recent events: each bounded, each with a naive model of itself in its test.
//!
//! A window never judges: it counts, and detectors ask it.

pub mod baseline;
pub mod concurrency;
pub mod line;
pub mod talk;
pub mod walk;
