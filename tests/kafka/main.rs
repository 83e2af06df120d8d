//! The service against a real Apache Kafka. Without one the tests say `skipped` and pass, except on CI.
//!
//! The harness: `jars`, `broker`, `access`, `topics`, `producing`, `reading`, `program`, `traffic`, `alerts`,
//! `watchers`. The others are tests, one subject each.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod alerts;
mod broker;
mod dead_letters;
mod exactly_once;
mod harness;
mod jars;
mod observed;
mod outage;
mod outbox;
mod producing;
mod program;
mod provision;
mod reading;
mod rebalance;
mod recovery;
mod refusals;
mod topics;
mod traffic;
mod watchers;

const PARTITIONS: i32 = 4;
/// Only records move time: nothing depends on how fast the test runs.
const NO_IDLE_TICKS: &str = "  idle_timeout: '0'\n";

/// The seed of a test that draws: `own`, unless `DIALWATCH_TEST_SEED` says otherwise. Printed, so that it can be had again.
fn seed(own: u64) -> u64 {
    let seed = std::env::var("DIALWATCH_TEST_SEED").map_or(own, |seed| seed.parse().expect("a seed is a number"));
    eprintln!("seed {seed}");
    seed
}
