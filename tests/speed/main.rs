//! What a call costs in quantities that are the same on any machine: allocations and instructions.
//!
//! Nothing here looks at a clock: how many calls a second that makes is what the benches say.
#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]

mod allocation;
mod instructions;
