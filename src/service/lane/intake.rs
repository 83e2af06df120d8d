//! What a lane is given and what it gives back: records as they lie in their topics, how they are read, what became of them.
//!
//! It judges nothing and keeps nothing between batches but what apps filed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::decode::{DecodeError, Format, Limits};
use crate::engine::record::Registration;
use crate::engine::shard::Effects;
use crate::engine::time::Timestamp;
use crate::metrics::{Page, Stream};
use crate::service::homes::Homes;

/// How records are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The format of the calls.
    pub format: Format,
    /// The app of calls that name none, before the key of their record.
    pub app_id: Option<String>,
    /// The longest record, in bytes.
    pub record_bytes_max: usize,
    /// The country code of numbers written without one.
    pub home_country: String,
    /// Whether records that cannot be read are kept as they came.
    pub keeps_unreadable: bool,
    /// The share of unreadable records above which a partition stops.
    pub invalid_share_max: f64,
}

impl Reading {
    /// What a record may not exceed; `newest` is the last moment it may carry.
    pub fn limits(&self, newest: Timestamp) -> Limits<'_> {
        Limits { record_bytes_max: self.record_bytes_max, newest, home_country: &self.home_country }
    }
}

/// What apps filed, by app. Every worker has all of it, since nobody can tell in which partition an app's calls will be.
#[derive(Debug, Default)]
pub struct Registrations(HashMap<String, Arc<Registration>>);

impl Registrations {
    /// What an app filed, if it did.
    pub fn of(&self, app_id: &str) -> Option<&Registration> {
        self.0.get(app_id).map(Arc::as_ref)
    }

    /// Keeps what an app filed; what it filed before no longer holds.
    pub fn keep(&mut self, registration: Arc<Registration>) {
        self.0.insert(registration.app_id.clone(), registration);
    }
}

/// A record as it lies in its topic.
#[derive(Clone, Copy)]
pub struct Raw<'r> {
    /// Its value; empty if it has none.
    pub payload: &'r [u8],
    /// Its key, if it has one.
    pub key: Option<&'r [u8]>,
    /// Its offset.
    pub offset: i64,
}

impl<'r> Raw<'r> {
    /// Its key as text: the app id.
    pub(super) fn app_id(&self) -> Option<&'r str> {
        self.key.and_then(|key| std::str::from_utf8(key).ok())
    }
}

/// What a batch of records leads to, before it leaves.
#[derive(Default)]
pub struct Outcomes {
    /// What became of the records.
    pub page: Page,
    /// What the shards want done.
    pub effects: Effects,
    /// The partition of each alert.
    pub owners: Vec<i32>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
}

/// A record that could not be read: where it lies and why, as the log says it.
#[derive(Debug)]
pub struct Reject {
    /// Its stream.
    pub stream: Stream,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What is wrong with it; says nothing of what is in it.
    pub error: DecodeError,
}

/// What lanes are told of the world they are in.
#[derive(Clone, Debug)]
pub struct Place {
    /// The consumer group: state belongs to it.
    pub group_id: String,
    /// Keys the hashes of shards.
    pub seed: u64,
    /// Where the apps of the process are at home.
    pub homes: Arc<Homes>,
}

impl Outcomes {
    /// The alerts since last asked are of `partition`.
    pub fn own(&mut self, partition: i32) {
        self.owners.resize(self.effects.alerts.len(), partition);
    }
}
