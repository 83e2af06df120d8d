//! What lies in the topic, and the state it makes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use zstd::zstd_safe::DCtx;

use super::encoder::Encoder;
use super::journal::{Entry, Written};
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
    /// The same at the end of the journal: how far the partition had come in all.
    pub end: Head,
    /// The apps, by id.
    pub apps: Vec<AppSnapshot<'static>>,
    /// What was taken in since.
    pub journal: Vec<Entry>,
    /// Its entries as they lie in the topic.
    pub entries: Vec<Written>,
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
        let (mut head, mut outbox, mut apps, mut entries) = (None, Vec::new(), Bodies::default(), Bodies::default());
        for (key, value) in &self.records {
            let text = || String::from_utf8_lossy(key);
            let known = Key::parse(key).ok_or_else(|| StateError::damaged(text(), "no such key is written"))?;
            let (header, piece) = Header::parse(&known, value)
                .ok_or_else(|| StateError::damaged(text(), "its value is cut, or of another program"))?;
            match known {
                Key::Head => head = Some(decoded::<Head>(known, whole(known, header, piece)?)?),
                Key::Alert(number) => outbox.push((number, whole(known, header, piece)?)),
                Key::App { app_id, chunk } => apps.add(app_id, chunk, header, piece),
                Key::Entry { number, chunk } => entries.add(number, chunk, header, piece),
            }
        }
        let head = head.ok_or_else(|| StateError::damaged(Key::Head.to_string(), "it is missing, and others are there"))?;
        check_owner(&head, group_id, partition)?;
        let (apps, encoder) = apps_of(apps)?;
        let (journal, entries) = journal_of(entries)?;
        let outbox: Vec<(u64, Box<[u8]>)> = outbox.into_iter().map(|(number, alert)| (number, alert.into())).collect();
        let mut before = &head;
        for (entry, Written { number, .. }) in journal.iter().zip(&entries) {
            if entry.after != before.position() {
                let key = Key::Entry { number: *number, chunk: 0 };
                return Err(StateError::damaged(key.to_string(), "it does not go on where what is written before it ends"));
            }
            before = &entry.head;
        }
        let end = before.clone();
        if let Some((number, _)) = outbox.last().filter(|(number, _)| *number >= end.next_alert) {
            return Err(StateError::damaged(Key::Alert(*number).to_string(), "the head does not know of it"));
        }
        Ok(Some(Kept { head, end, apps, journal, entries, outbox, encoder }))
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

/// Bodies that may lie in several pieces, by what they are the bodies of.
struct Bodies<'v, K>(Vec<Chunk<'v, K>>);

/// A piece of a body.
struct Chunk<'v, K> {
    owner: K,
    chunk: u32,
    header: Header,
    piece: &'v [u8],
}

impl<K> Default for Bodies<'_, K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'v, K: Ord + Copy> Bodies<'v, K> {
    fn add(&mut self, owner: K, chunk: u32, header: Header, piece: &'v [u8]) {
        self.0.push(Chunk { owner, chunk, header, piece });
    }

    /// Puts the pieces together and shows each body, unpacked, with its owner and how many pieces it had.
    fn whole<'k>(
        mut self,
        key: impl Fn(K) -> Key<'k>,
        mut show: impl FnMut(K, u32, &[u8]) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.0.sort_unstable_by_key(|chunk| (chunk.owner, chunk.chunk));
        let (mut context, mut packed, mut body) = (DCtx::create(), Vec::new(), Vec::new());
        for pieces in self.0.chunk_by(|one, next| one.owner == next.owner) {
            let Chunk { owner, header: Header { chunks, seal, .. }, .. } = pieces[0];
            let key = key(owner);
            packed.clear();
            for (at, chunk) in (0..).zip(pieces) {
                let damaged = |why| Err(StateError::damaged(key.chunk(at).to_string(), why));
                if chunk.chunk != at {
                    return damaged("it is missing");
                } else if chunk.header != (Header { chunk: at, chunks, seal }) {
                    return damaged("it belongs to another state than the first");
                }
                packed.extend_from_slice(chunk.piece);
            }
            if pieces.len() != chunks as usize {
                let why = format!("it is the first of {chunks}, and {} are there", pieces.len());
                return Err(StateError::damaged(key.to_string(), why));
            }
            check_seal(key, seal, &packed)?;
            unpack(&mut context, &packed, &mut body).map_err(|why| StateError::damaged(key.to_string(), why))?;
            show(owner, chunks, &body)?;
        }
        Ok(())
    }
}

/// The apps, and the encoder that knows how many chunks each has.
fn apps_of(bodies: Bodies<'_, &str>) -> Result<(Vec<AppSnapshot<'static>>, Encoder), StateError> {
    let (mut apps, mut many): (Vec<AppSnapshot<'static>>, HashMap<Box<str>, u32>) = Default::default();
    bodies.whole(
        |app_id| Key::App { app_id, chunk: 0 },
        |app_id, chunks, body| {
            let key = Key::App { app_id, chunk: 0 };
            let app: AppSnapshot<'static> = decoded(key, body)?;
            if app.id() != app_id {
                return Err(StateError::damaged(key.to_string(), "it holds another app"));
            }
            apps.push(app);
            if chunks > 1 {
                many.insert(app_id.into(), chunks);
            }
            Ok(())
        },
    )?;
    Ok((apps, Encoder::knowing(many)))
}

/// The entries of the journal, in order, and how they lie in the topic.
fn journal_of(bodies: Bodies<'_, u64>) -> Result<(Vec<Entry>, Vec<Written>), StateError> {
    let (mut journal, mut entries): (Vec<Entry>, Vec<Written>) = Default::default();
    let key = |number| Key::Entry { number, chunk: 0 };
    bodies.whole(key, |number, chunks, body| {
        if entries.last().is_some_and(|last| last.number + 1 != number) {
            return Err(StateError::damaged(key(number - 1).to_string(), "it is missing"));
        }
        journal.push(decoded(key(number), body)?);
        entries.push(Written { number, chunks });
        Ok(())
    })?;
    Ok((journal, entries))
}
