//! Tests of the engine as a whole, over recorded and simulated traffic.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod invariants;
mod scratch;
