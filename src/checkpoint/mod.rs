//! The state of a partition as records of a compacted topic, and back: pure bytes, it knows no broker.
//!
//! | key | value |
//! |---|---|
//! | `head` | where the partition's input goes on, and what its apps have in common |
//! | `app/<app id>/<chunk>` | an app, compressed, in one chunk or more |
//! | `alert/<16 hex digits>` | an alert that not every sink has yet, as it is sent |
//! | `journal/<16 hex digits>/<chunk>` | what was taken in since head and apps were written: which records to judge again |
//!
//! [`Encoder`] makes the records of what changed, [`Gathered`] collects what lies in the topic and makes state of it. What
//! a value looks like is told in `record.rs`. State is either taken back whole, the same as it was, or refused: a missing,
//! cut or altered record is an error that says which, never a guess.

mod encoder;
mod gathered;
pub mod journal;
mod plan;
pub mod recall;
mod record;
#[cfg(test)]
mod tests;
pub mod writer;

use serde::{Deserialize, Serialize};

use crate::engine::shard::ShardHead;
use crate::engine::time::StreamClock;

pub use encoder::{Encoder, SharedEncoder};
pub use gathered::{Gathered, Kept};
pub use journal::{Entry, Journal, Step, Written};
pub use plan::Misfit;

/// The newest layout: its number stands in every value that is written in it. Whoever changes anything that is saved, in here or
/// in the engine's snapshots, counts it up and keeps reading the older ones; `record.rs` says which values are still written in an older one.
pub const LAYOUT: u8 = 2;

/// The most of an app that one record takes, in bytes: by default Kafka takes records of up to 1 MiB.
pub const CHUNK_BYTES: usize = 700 << 10;

/// The state of a partition that is not an app's.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Head {
    /// The consumer group whose state this is.
    pub group_id: String,
    /// The partition of the calls.
    pub partition: i32,
    /// The offset of the first call not judged yet.
    pub next_call: i64,
    /// The offset of the first feedback not taken in yet, if there is a topic of feedback.
    pub next_feedback: Option<i64>,
    /// How far the partition has come in event time.
    pub clock: StreamClock,
    /// What the apps of the shard have in common.
    pub shard: ShardHead,
    /// The number of the next alert of the outbox.
    pub next_alert: u64,
}

impl Head {
    /// The offsets of the next call and of the next feedback.
    pub fn position(&self) -> Position {
        (self.next_call, self.next_feedback)
    }
}

/// The offsets of the next call and of the next feedback of a partition.
pub type Position = (i64, Option<i64>);

/// A record to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRecord {
    /// Its key: readable text.
    pub key: Vec<u8>,
    /// Its value; `None` deletes the key.
    pub value: Option<Vec<u8>>,
}

/// Why state cannot be taken back, by what its reader should do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Another version of the program wrote it.
    #[error(
        "the state has layout {found}, and this version of dialwatch reads layouts up to {LAYOUT}: \
         run the version of dialwatch that wrote it, or set kafka.recovery: rebuild"
    )]
    UnknownLayout {
        /// The layout it has.
        found: u8,
    },
    /// A record is missing, cut, altered, or not of this program.
    #[error("the state is damaged: record {key}: {why}: set kafka.recovery: rebuild to begin the partition anew")]
    Damaged {
        /// The record's key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is whole, but another group's or another partition's.
    #[error(
        "the state is that of partition {partition} for the group {group_id}, not of partition {expected_partition} for \
         {expected_group_id}: each group needs a state topic of its own"
    )]
    Foreign {
        /// The group whose state it is.
        group_id: String,
        /// The partition whose state it is.
        partition: i32,
        /// The group that reads it.
        expected_group_id: String,
        /// The partition in which it lies.
        expected_partition: i32,
    },
}

impl StateError {
    fn damaged(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Damaged { key: key.into(), why: why.into() }
    }
}
