//! The engine: what turns calls into alerts. Pure.
//!
//! It reads no clock, does no I/O, starts no thread, draws no random number, writes no log and counts no metric. Time
//! comes in as [`time::Timestamp`] with the records and ticks; what should happen outside comes out as effects. From that
//! follows everything else: a replay equals the live run, a crash is a re-run, alert ids can be computed.
//! The wall is the list in `.clippy.toml`, denied from here down.
#![deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types)]

pub mod alert;
pub mod app;
pub mod decode;
pub mod detector;
pub mod docket;
pub mod due;
pub mod memory;
pub mod number;
pub mod overlaps;
pub mod policy;
pub mod record;
pub mod region;
pub mod seats;
pub mod shard;
pub mod statistics;
pub mod terms;
pub mod time;
pub mod waiting;
pub mod window;
pub mod zeros;
