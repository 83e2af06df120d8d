//! dialwatch: finds the apps of a cloud call centre that dial blindly, harass, surge or let machines talk.

pub mod checkpoint;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod engine;
pub mod evaluate;
pub mod explain;
pub mod http;
pub mod kafka;
pub mod ledger;
pub mod metrics;
pub mod mutes;
pub mod replay;
pub mod service;
pub mod simulate;
pub mod sink;
pub mod source;
pub mod status;
pub mod watchdog;
