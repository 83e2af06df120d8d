//! dialwatch: finds the apps of a cloud call centre that dial blindly, harass, surge or let machines talk.

pub mod engine;

pub mod simulate;
