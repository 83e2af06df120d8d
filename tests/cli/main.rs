//! The program as a user runs it: what it writes where, what it says, how it ends.
#![allow(clippy::expect_used, reason = "a helper of a test fails like the test")]

mod check;
mod evaluate;
mod explain;
mod inputs;
mod outputs;
mod run;
mod support;
mod traffic;
