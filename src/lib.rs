//! dialwatch: finds the apps of a cloud call centre that dial blindly, harass, surge or let machines talk.

pub mod cli;
pub mod config;
pub mod engine;
pub mod replay;
pub mod simulate;
pub mod sink;
pub mod source;
