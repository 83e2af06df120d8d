//! What changed, as records. It keeps its buffers, and never decides what is written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zstd::zstd_safe::CCtx;

use super::journal::{Entry, Written};
use super::record::{Header, Key, pack};
use super::{CHUNK_BYTES, Head, StateRecord};

/// Makes the records of one partition. It knows how many chunks lie in the topic of each app, so that none outlives its
/// app's getting smaller: the state of a partition needs one encoder from its first record on, or that of [`super::Kept`].
pub struct Encoder {
    /// Of the apps with more than one chunk; few have.
    chunks: HashMap<Box<str>, u32>,
    chunk_bytes: usize,
    context: CCtx<'static>,
    packed: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// For a partition of which nothing lies in the topic.
    pub fn new() -> Self {
        Self::knowing(HashMap::new())
    }

    /// For a partition of which the apps here have so many chunks, and all others one or none.
    pub(super) fn knowing(chunks: HashMap<Box<str>, u32>) -> Self {
        Self { chunks, chunk_bytes: CHUNK_BYTES, context: CCtx::create(), packed: Vec::new() }
    }

    #[cfg(test)]
    pub(super) fn with_chunks_of(chunk_bytes: usize) -> Self {
        Self { chunk_bytes, ..Self::new() }
    }

    /// The record of the head.
    ///
    /// # Panics
    /// If the head cannot be serialized: a mistake in its type, whatever its values.
    pub fn head(&self, head: &Head) -> StateRecord {
        match postcard::to_stdvec(head) {
            Ok(bytes) => whole(Key::Head, &bytes),
            Err(error) => panic!("a head has no durable form: {error}"),
        }
    }

    /// Appends the records of an app, and the deletions of those it no longer needs.
    pub fn app(&mut self, app_id: &str, bytes: &[u8], out: &mut Vec<StateRecord>) {
        let chunks = self.packed(Key::App { app_id, chunk: 0 }, bytes, out);
        self.shrink(app_id, chunks, out);
        if chunks > 1 {
            self.chunks.insert(app_id.into(), chunks);
        }
    }

    /// Appends the records of a body, packed, in as many chunks as it takes. Returns how many.
    fn packed(&mut self, key: Key<'_>, body: &[u8], out: &mut Vec<StateRecord>) -> u32 {
        pack(&mut self.context, body, &mut self.packed);
        let (seal, chunks) = (key.seal(&self.packed), self.packed.len().div_ceil(self.chunk_bytes) as u32);
        for (piece, chunk) in self.packed.chunks(self.chunk_bytes).zip(0..) {
            let (key, header) = (key.chunk(chunk), Header { chunk, chunks, seal });
            out.push(StateRecord { key: key.bytes(), value: Some(key.value(&header, piece)) });
        }
        chunks
    }

    /// Appends the deletions of an app that is no longer remembered.
    pub fn forget(&mut self, app_id: &str, out: &mut Vec<StateRecord>) {
        out.push(deletion(Key::App { app_id, chunk: 0 }));
        self.shrink(app_id, 1, out);
    }

    /// Deletes what lies in the topic from chunk `chunks` on.
    fn shrink(&mut self, app_id: &str, chunks: u32, out: &mut Vec<StateRecord>) {
        if let Some(before) = self.chunks.remove(app_id) {
            out.extend((chunks..before).map(|chunk| deletion(Key::App { app_id, chunk })));
        }
    }

    /// Appends the records of an entry of the journal. Returns how many they are.
    ///
    /// # Panics
    /// If the entry cannot be serialized: a mistake in its type, whatever its values.
    pub fn entry(&mut self, number: u64, entry: &Entry, out: &mut Vec<StateRecord>) -> u32 {
        match postcard::to_stdvec(entry) {
            Ok(bytes) => self.packed(Key::Entry { number, chunk: 0 }, &bytes, out),
            Err(error) => panic!("an entry has no durable form: {error}"),
        }
    }

    /// Appends the deletions of an entry.
    pub fn forget_entry(&self, Written { number, chunks }: Written, out: &mut Vec<StateRecord>) {
        out.extend((0..chunks).map(|chunk| deletion(Key::Entry { number, chunk })));
    }

    /// The record of an alert that not every sink has yet: its number in the outbox, and what is sent.
    pub fn alert(&self, number: u64, json: &[u8]) -> StateRecord {
        whole(Key::Alert(number), json)
    }

    /// The deletion of an alert that every sink has.
    pub fn delivered(&self, number: u64) -> StateRecord {
        deletion(Key::Alert(number))
    }
}

/// An encoder that a lane and what writes for it have in common. They take turns: the one begins a checkpoint when the other has
/// written the last.
#[derive(Clone)]
pub struct SharedEncoder(Arc<Mutex<Encoder>>);

impl SharedEncoder {
    /// Shares an encoder.
    pub fn of(encoder: Encoder) -> Self {
        Self(Arc::new(Mutex::new(encoder)))
    }

    /// Takes a turn.
    pub fn lock(&self) -> MutexGuard<'_, Encoder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole(key: Key<'_>, body: &[u8]) -> StateRecord {
    StateRecord { key: key.bytes(), value: Some(key.value(&Header::whole(key.seal(body)), body)) }
}

fn deletion(key: Key<'_>) -> StateRecord {
    StateRecord { key: key.bytes(), value: None }
}
