//! Recorded files: opened, decompressed and cut into chunks of whole lines.
//!
//! Holds one chunk at a time, whatever a file is made of: of a line longer than any record only the beginning is kept, just
//! enough for the decoder to refuse it. A file that begins like a document laid out over several lines is one record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::decode::RECORD_BYTES_MAX;

/// The longest document laid out over several lines, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// How much is read at least at a time.
const BLOCK_BYTES: usize = 1 << 16;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file to be read, known to be readable.
pub struct Source {
    name: String,
    origin: Origin,
    bytes: Option<u64>,
}

enum Origin {
    Stdin,
    /// Opened again when its turn comes: a thousand inputs are no thousand open files.
    Regular(PathBuf),
    /// A pipe or device, which can be opened only once.
    Other(File),
}

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be opened: {error}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl Source {
    /// Opens `path`; `-` is stdin.
    ///
    /// # Errors
    /// If it is not there, may not be read, or is a folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path == Path::new("-") {
            return Ok(Self { name: "(stdin)".into(), origin: Origin::Stdin, bytes: None });
        }
        let refused = |error| OpenError { path: path.to_owned(), error };
        let file = File::open(path).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        if metadata.is_dir() {
            return Err(refused(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")));
        }
        let (origin, bytes) = if metadata.is_file() {
            (Origin::Regular(path.to_owned()), Some(metadata.len()))
        } else {
            (Origin::Other(file), None)
        };
        Ok(Self { name: path.display().to_string(), origin, bytes })
    }

    /// What to call it in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes it has on disk, compressed or not; `None` for a stream.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Its content, decompressed; `meter` counts the bytes before that.
    fn reader(self, meter: Meter) -> io::Result<Box<dyn BufRead>> {
        match self.origin {
            Origin::Stdin => decompressed(io::stdin(), meter),
            Origin::Regular(path) => decompressed(File::open(path)?, meter),
            Origin::Other(file) => decompressed(file, meter),
        }
    }
}

/// Counts bytes read, for somebody who watches.
pub type Meter = Arc<AtomicU64>;

struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.meter.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Undoes gzip and zstd. They are told by their first bytes, so that a name cannot be wrong.
fn decompressed(inner: impl Read + 'static, meter: Meter) -> io::Result<Box<dyn BufRead>> {
    let mut inner = Metered { inner, meter };
    let mut magic = Vec::with_capacity(4);
    inner.by_ref().take(4).read_to_end(&mut magic)?;
    let all = io::Cursor::new(magic.clone()).chain(inner);
    let buffered = |reader: Box<dyn Read>| -> Box<dyn BufRead> { Box::new(BufReader::with_capacity(BLOCK_BYTES, reader)) };
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => buffered(Box::new(flate2::read::MultiGzDecoder::new(all))),
        // A frame, or one that may be skipped in front of it.
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => buffered(Box::new(zstd::Decoder::new(all)?)),
        _ => buffered(Box::new(all)),
    })
}

/// How a chunk holds its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One a line.
    Lines,
    /// It is one.
    Whole,
}

/// A piece of a file: whole lines, or a whole document.
#[derive(Debug)]
pub struct Chunk {
    /// The number of the file, from 0.
    pub file: u32,
    /// How it holds its records.
    pub layout: Layout,
    /// Its text.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Its lines with their numbers in the chunk, from 0; blank ones too.
    pub fn lines(&self) -> Lines<'_> {
        Lines { rest: &self.bytes, number: 0, layout: self.layout }
    }

    /// The longest record it may hold.
    pub fn record_bytes_max(&self) -> usize {
        match self.layout {
            Layout::Lines => RECORD_BYTES_MAX,
            Layout::Whole => DOCUMENT_BYTES_MAX,
        }
    }
}

/// The lines of a chunk.
pub struct Lines<'c> {
    rest: &'c [u8],
    number: u32,
    layout: Layout,
}

impl<'c> Iterator for Lines<'c> {
    type Item = (u32, &'c [u8]);

    fn next(&mut self) -> Option<(u32, &'c [u8])> {
        if self.rest.is_empty() {
            return None;
        }
        let end = match self.layout {
            Layout::Lines => memchr::memchr(b'\n', self.rest),
            Layout::Whole => None,
        };
        let (line, rest) = end.map_or((self.rest, &[][..]), |end| (&self.rest[..end], &self.rest[end + 1..]));
        let number = self.number;
        self.number += 1;
        self.rest = rest;
        Some((number, line))
    }
}

/// What reading leads to, in order.
#[derive(Debug)]
pub enum Piece {
    /// The next chunk.
    Chunk(Chunk),
    /// Nothing more comes from this file.
    End {
        /// The number of the file, from 0.
        file: u32,
        /// Why, if it was not its end.
        error: Option<io::Error>,
    },
}

/// Reads the sources in order and hands every piece to `take`, until it returns `false`. A chunk has about `chunk_bytes`
/// bytes, and at least a line. `spare` gives a buffer nobody needs any more, or an empty one.
pub fn read(
    sources: Vec<Source>,
    chunk_bytes: usize,
    meter: &Meter,
    mut spare: impl FnMut() -> Vec<u8>,
    mut take: impl FnMut(Piece) -> bool,
) {
    for (file, source) in (0_u32..).zip(sources) {
        let error = match source.reader(meter.clone()) {
            Ok(reader) => {
                let mut cutter = Cutter { reader, chunk_bytes, carry: Vec::new(), ended: false, error: None };
                let mut layout = None;
                while let Some(mut bytes) = cutter.next_chunk(spare()) {
                    let layout = *layout.get_or_insert_with(|| begin(&mut bytes, &mut cutter));
                    if !take(Piece::Chunk(Chunk { file, layout, bytes })) {
                        return;
                    }
                }
                cutter.error
            }
            Err(error) => Some(error),
        };
        if !take(Piece::End { file, error }) {
            return;
        }
    }
}

/// Looks at the beginning of a file. If a document begins there, the whole of it is fetched.
fn begin(bytes: &mut Vec<u8>, cutter: &mut Cutter) -> Layout {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    if !begins_document(bytes) {
        return Layout::Lines;
    }
    cutter.fetch_all(bytes);
    if is_document(bytes) {
        cutter.ended = true;
        return Layout::Whole;
    }
    cutter.keep_whole_lines(bytes);
    Layout::Lines
}

/// Whether text begins with a JSON value, or with the beginning of one and nothing else. Half a line in front of others
/// does not: what follows it is wrong there.
fn is_document(bytes: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    values.next().is_some_and(|value| value.map_or_else(|error| error.is_eof(), |_| true))
}

/// Whether the first line is the beginning of a JSON value, broken off where writers break lines.
fn begins_document(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    let Some(line) = first.filter(|line| matches!(line.last(), Some(b'{' | b'[' | b',' | b':'))) else { return false };
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// Cuts a stream into whole lines.
struct Cutter {
    reader: Box<dyn BufRead>,
    chunk_bytes: usize,
    /// What was read beyond the last chunk: the beginning of a line.
    carry: Vec<u8>,
    ended: bool,
    error: Option<io::Error>,
}

impl Cutter {
    /// The next chunk, never empty, in a buffer that may hold anything; `None` at the end or at an error.
    fn next_chunk(&mut self, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let mut filled = self.carry.len();
        bytes.splice(..filled.min(bytes.len()), self.carry.drain(..));
        while !self.ended {
            let searched = filled;
            filled += self.fetch(&mut bytes, filled, self.chunk_bytes.saturating_sub(filled).max(BLOCK_BYTES));
            if memchr::memchr(b'\n', &bytes[searched..filled]).is_some() {
                bytes.truncate(filled);
                self.keep_whole_lines(&mut bytes);
                return Some(bytes);
            }
            if filled > RECORD_BYTES_MAX && !self.ended {
                bytes.truncate(RECORD_BYTES_MAX + 1);
                let skipped = self.reader.skip_until(b'\n').map(|_| ());
                self.note(skipped);
                return Some(bytes);
            }
        }
        bytes.truncate(filled);
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Reads `wanted` bytes more to the place `from`, fewer only at the end. Returns how many.
    fn fetch(&mut self, bytes: &mut Vec<u8>, from: usize, wanted: usize) -> usize {
        if bytes.len() < from + wanted {
            bytes.resize(from + wanted, 0);
        }
        let mut to = from;
        while to < from + wanted && !self.ended {
            match self.reader.read(&mut bytes[to..from + wanted]) {
                Ok(0) => self.ended = true,
                Ok(count) => to += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.note(Err(error)),
            }
        }
        to - from
    }

    /// Reads everything that is left, up to just over the bound of a document.
    fn fetch_all(&mut self, bytes: &mut Vec<u8>) {
        bytes.append(&mut self.carry);
        while !self.ended && bytes.len() <= DOCUMENT_BYTES_MAX {
            let filled = bytes.len();
            let fetched = self.fetch(bytes, filled, self.chunk_bytes.clamp(BLOCK_BYTES, 1 << 20));
            bytes.truncate(filled + fetched);
        }
    }

    /// Carries over the beginning of a line at the end, if its rest is still to come.
    fn keep_whole_lines(&mut self, bytes: &mut Vec<u8>) {
        if let Some(end) = memchr::memrchr(b'\n', bytes).filter(|_| !self.ended) {
            self.carry = bytes.split_off(end + 1);
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.ended = true;
            self.error = Some(error);
        }
    }
}

#[cfg(test)]
mod tests;
