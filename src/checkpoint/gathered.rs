//! What lies in the topic, and the state it makes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use zstd::zstd_safe::DCtx;

use super::encoder::Encoder;
use super::record::{Header, Key, Seal, check_layout, unpack};
use super::{Head, StateError, StateRecord};
use crate::engine::app::AppSnapshot;
use crate::engine::policy::Policy;
use crate::engine::shard::{Shard, ShardSnapshot};

/// The records of a partition of the topic, taken in the order in which they lie there. Only the last of each key is kept,
/// and none is looked into before all are here.
#[derive(Default)]
pub struct Gathered {
    records: BTreeMap<Box<[u8]>, Box<[u8]>>,
    bytes: usize,
}

/// The state of a partition.
pub struct Kept {
    /// What is not an app's.
    pub head: Head,
    /// The apps, by id.
    pub apps: Vec<AppSnapshot<'static>>,
    /// Alerts that not every sink has yet, by number.
    pub outbox: Vec<(u64, Box<[u8]>)>,
    /// What goes on writing the state.
    pub encoder: Encoder,
}

impl Kept {
    /// The shard, which takes the apps out of here.
    pub fn shard(&mut self, policy: Arc<Policy>, seed: u64) -> Shard {
        Shard::restore(ShardSnapshot { head: self.head.shard, apps: std::mem::take(&mut self.apps) }, policy, seed)
    }
}

impl Gathered {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Deletes all of it.
    pub fn deletions(&self) -> Vec<StateRecord> {
        self.records.keys().map(|key| StateRecord { key: key.to_vec(), value: None }).collect()
    }

    /// Takes in the next record: a value replaces the one before it, no value deletes it.
    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        let before = match value {
            Some(value) => {
                self.bytes += key.len() + value.len();
                self.records.insert(key.into(), value.into())
            }
            None => self.records.remove(key),
        };
        self.bytes -= before.map_or(0, |before| key.len() + before.len());
    }

    /// Whether there is no state.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the keys and values kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The state, if there is any, for the group and the partition of the calls that ask for it.
    ///
    /// # Errors
    /// If it was written in an unknown layout, by another group or for another partition, or is not whole.
    pub fn finish(self, group_id: &str, partition: i32) -> Result<Option<Kept>, StateError> {
        if self.is_empty() {
            return Ok(None);
        }
        // Another layout may have other keys: it is told before anything is taken for damage.
        self.records.values().try_for_each(|value| check_layout(value))?;
        let (mut head, mut outbox, mut chunks) = (None, Vec::new(), Vec::new());
        for (key, value) in &self.records {
            let text = || String::from_utf8_lossy(key);
            let known = Key::parse(key).ok_or_else(|| StateError::damaged(text(), "no such key is written"))?;
            let (header, piece) =
                Header::parse(value).ok_or_else(|| StateError::damaged(text(), "its value is cut, or of another program"))?;
            match known {
                Key::Head => head = Some(decoded::<Head>(known, whole(known, header, piece)?)?),
                Key::Alert(number) => outbox.push((number, whole(known, header, piece)?)),
                Key::App { app_id, chunk } => chunks.push(Chunk { app_id, chunk, header, piece }),
            }
        }
        let head = head.ok_or_else(|| StateError::damaged(Key::Head.to_string(), "it is missing, and others are there"))?;
        check_owner(&head, group_id, partition)?;
        if let Some((number, _)) = outbox.last().filter(|(number, _)| *number >= head.next_alert) {
            return Err(StateError::damaged(Key::Alert(*number).to_string(), "the head does not know of it"));
        }
        let (apps, encoder) = apps(chunks)?;
        let outbox = outbox.into_iter().map(|(number, alert)| (number, alert.into())).collect();
        Ok(Some(Kept { head, apps, outbox, encoder }))
    }
}

fn check_owner(head: &Head, group_id: &str, partition: i32) -> Result<(), StateError> {
    if head.group_id == group_id && head.partition == partition {
        return Ok(());
    }
    Err(StateError::Foreign {
        group_id: head.group_id.clone(),
        partition: head.partition,
        expected_group_id: group_id.to_owned(),
        expected_partition: partition,
    })
}

/// The body of a record that has it whole.
fn whole<'v>(key: Key<'_>, header: Header, body: &'v [u8]) -> Result<&'v [u8], StateError> {
    check_seal(key, header.seal, body)?;
    if header == Header::whole(header.seal) { Ok(body) } else { Err(StateError::damaged(key.to_string(), "it is in pieces")) }
}

fn check_seal(key: Key<'_>, seal: Seal, body: &[u8]) -> Result<(), StateError> {
    if key.seal(body) == seal { Ok(()) } else { Err(StateError::damaged(key.to_string(), "its seal does not fit what it holds")) }
}

fn decoded<T: DeserializeOwned>(key: Key<'_>, body: &[u8]) -> Result<T, StateError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(StateError::damaged(key.to_string(), "it holds more than it should")),
        Err(error) => Err(StateError::damaged(key.to_string(), format!("it cannot be read: {error}"))),
    }
}

/// A piece of an app.
struct Chunk<'v> {
    app_id: &'v str,
    chunk: u32,
    header: Header,
    piece: &'v [u8],
}

/// The apps of these chunks, and the encoder that knows how many each has.
fn apps(mut chunks: Vec<Chunk<'_>>) -> Result<(Vec<AppSnapshot<'static>>, Encoder), StateError> {
    chunks.sort_unstable_by_key(|chunk| (chunk.app_id, chunk.chunk));
    let mut context = DCtx::create();
    let (mut packed, mut body) = (Vec::new(), Vec::new());
    let (mut apps, mut many): (Vec<AppSnapshot<'static>>, HashMap<Box<str>, u32>) = Default::default();
    for of_app in chunks.chunk_by(|one, next| one.app_id == next.app_id) {
        let Chunk { app_id, header: Header { chunks, seal, .. }, .. } = of_app[0];
        let key = |chunk| Key::App { app_id, chunk };
        packed.clear();
        for (at, chunk) in (0..).zip(of_app) {
            let damaged = |why| Err(StateError::damaged(key(at).to_string(), why));
            if chunk.chunk != at {
                return damaged("it is missing");
            } else if chunk.header != (Header { chunk: at, chunks, seal }) {
                return damaged("it belongs to another state of its app than the first");
            }
            packed.extend_from_slice(chunk.piece);
        }
        if of_app.len() != chunks as usize {
            let why = format!("its app has {chunks} in all, and {} are there", of_app.len());
            return Err(StateError::damaged(key(0).to_string(), why));
        }
        check_seal(key(0), seal, &packed)?;
        unpack(&mut context, &packed, &mut body).map_err(|why| StateError::damaged(key(0).to_string(), why))?;
        let app: AppSnapshot<'static> = decoded(key(0), &body)?;
        if app.id() != app_id {
            return Err(StateError::damaged(key(0).to_string(), "it holds another app"));
        }
        apps.push(app);
        if chunks > 1 {
            many.insert(app_id.into(), chunks);
        }
    }
    Ok((apps, Encoder::knowing(many)))
}
