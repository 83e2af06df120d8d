//! Keys and values of state records.
//!
//! A value is a header of [`HEADER_BYTES`] and a piece of a body. In the header, integers little-endian: the magic, the
//! layout (one byte, always at this place), the number of the chunk, the number of chunks (4 bytes each), and the seal of
//! the whole body. A head is postcard; an alert is what is sent; an app is described in [`pack`].

use std::fmt;
use std::io::Cursor;
use std::ops::RangeInclusive;

use zstd::zstd_safe::{self, CCtx, DCtx};

use super::{LAYOUT, StateError};

/// What every value begins with.
const MAGIC: [u8; 4] = *b"dwst";
/// Magic, layout, chunk, chunks, seal.
pub(super) const HEADER_BYTES: usize = 4 + 1 + 4 + 4 + SEAL_BYTES;
const SEAL_BYTES: usize = 8;
const ZSTD_LEVEL: i32 = 1;

/// The layouts that are read, and that of everything but the journal: it has not changed since the first.
const LAYOUTS: RangeInclusive<u8> = LAYOUT_OF_STATE..=LAYOUT;
const LAYOUT_OF_STATE: u8 = 1;

/// How a body lies in an app's records.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// Method and length of what was compressed.
const PACKED_PREFIX_BYTES: usize = 1 + 8;

/// So much may always come out of a compressed body, in bytes.
const EXPANDS_FREELY_BYTES: usize = 1 << 20;
/// Beyond it, so many times what went in: whoever writes to the topic cannot ask for more memory than that.
const EXPANSION_MAX: usize = 64;

/// The key of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'k> {
    Head,
    App { app_id: &'k str, chunk: u32 },
    Alert(u64),
    Entry { number: u64, chunk: u32 },
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::App { app_id, chunk } => write!(f, "app/{app_id}/{chunk}"),
            Self::Alert(number) => write!(f, "alert/{number:016x}"),
            Self::Entry { number, chunk } => write!(f, "journal/{number:016x}/{chunk}"),
        }
    }
}

impl<'k> Key<'k> {
    /// The key these bytes are, if they are exactly what is written for one. An app id may itself contain slashes.
    pub(super) fn parse(bytes: &'k [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let key = if let Some(rest) = text.strip_prefix("app/") {
            let (app_id, chunk) = rest.rsplit_once('/')?;
            Self::App { app_id, chunk: chunk.parse().ok()? }
        } else if let Some(number) = text.strip_prefix("alert/") {
            Self::Alert(u64::from_str_radix(number, 16).ok()?)
        } else if let Some(rest) = text.strip_prefix("journal/") {
            let (number, chunk) = rest.split_once('/')?;
            Self::Entry { number: u64::from_str_radix(number, 16).ok()?, chunk: chunk.parse().ok()? }
        } else {
            Self::Head
        };
        (key.to_string() == text).then_some(key)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// The same of another chunk.
    pub(super) fn chunk(self, chunk: u32) -> Self {
        match self {
            Self::App { app_id, .. } => Self::App { app_id, chunk },
            Self::Entry { number, .. } => Self::Entry { number, chunk },
            key => key,
        }
    }

    /// The layout of its value. Versions that know no journal read state without one.
    fn layout(&self) -> u8 {
        if matches!(self, Self::Entry { .. }) { LAYOUT } else { LAYOUT_OF_STATE }
    }

    /// The value: a header and a piece of the body.
    pub(super) fn value(&self, header: &Header, piece: &[u8]) -> Vec<u8> {
        header.before(piece, self.layout())
    }

    /// The first bytes of the hash of what a body is the body of, and of the body. An app's chunks have one in common.
    pub(super) fn seal(&self, body: &[u8]) -> Seal {
        let owner = match self {
            Self::App { app_id, .. } => format!("app/{app_id}"),
            Self::Entry { number, .. } => format!("journal/{number:016x}"),
            key => key.to_string(),
        };
        // No text contains the byte between the two.
        let hash = *blake3::Hasher::new().update(owner.as_bytes()).update(&[0xff]).update(body).finalize().as_bytes();
        std::array::from_fn(|at| hash[at])
    }
}

/// What tells a whole body from any other.
pub(super) type Seal = [u8; SEAL_BYTES];

/// What a value says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) chunk: u32,
    pub(super) chunks: u32,
    pub(super) seal: Seal,
}

impl Header {
    /// The header of a body in one piece.
    pub(super) fn whole(seal: Seal) -> Self {
        Self { chunk: 0, chunks: 1, seal }
    }

    /// The value: header and piece.
    fn before(&self, piece: &[u8], layout: u8) -> Vec<u8> {
        let mut value = Vec::with_capacity(HEADER_BYTES + piece.len());
        value.extend(MAGIC);
        value.push(layout);
        value.extend(self.chunk.to_le_bytes());
        value.extend(self.chunks.to_le_bytes());
        value.extend(self.seal);
        value.extend_from_slice(piece);
        value
    }

    /// The header of a value and the piece behind it. `None` if the value is shorter than a header, or not of this
    /// program and the layout of its key: see [`check_layout`].
    pub(super) fn parse<'v>(key: &Key<'_>, value: &'v [u8]) -> Option<(Self, &'v [u8])> {
        let rest = value.strip_prefix(&MAGIC)?.strip_prefix(&[key.layout()])?;
        let (chunk, rest) = rest.split_first_chunk()?;
        let (chunks, rest) = rest.split_first_chunk()?;
        let (seal, piece) = rest.split_first_chunk()?;
        let header = Self { chunk: u32::from_le_bytes(*chunk), chunks: u32::from_le_bytes(*chunks), seal: *seal };
        Some((header, piece))
    }
}

/// Refuses a value of a layout that this program does not know. All else about such a value may be different.
pub(super) fn check_layout(value: &[u8]) -> Result<(), StateError> {
    match value.strip_prefix(&MAGIC).and_then(<[u8]>::first) {
        Some(layout) if !LAYOUTS.contains(layout) => Err(StateError::UnknownLayout { found: *layout }),
        _ => Ok(()),
    }
}

/// What may come out of a compressed body of this length.
fn expanded_bytes_max(compressed_bytes: usize) -> usize {
    EXPANDS_FREELY_BYTES.saturating_add(compressed_bytes.saturating_mul(EXPANSION_MAX))
}

/// Packs an app's postcard into `packed`: a byte for the method, the length, then zstd; plain where zstd would make so
/// little of it that [`unpack`] would not believe it.
pub(super) fn pack(context: &mut CCtx<'_>, body: &[u8], packed: &mut Vec<u8>) {
    packed.clear();
    packed.push(ZSTD);
    packed.extend((body.len() as u64).to_le_bytes());
    packed.reserve(zstd_safe::compress_bound(body.len()));
    let mut behind_prefix = Cursor::new(std::mem::take(packed));
    behind_prefix.set_position(PACKED_PREFIX_BYTES as u64);
    let written = context.compress(&mut behind_prefix, body, ZSTD_LEVEL);
    *packed = behind_prefix.into_inner();
    if !written.is_ok_and(|written| body.len() <= expanded_bytes_max(written)) {
        packed.truncate(PACKED_PREFIX_BYTES);
        packed[0] = PLAIN;
        packed.extend_from_slice(body);
    }
}

/// Unpacks an app's postcard into `body`, or says what is wrong.
pub(super) fn unpack(context: &mut DCtx<'_>, packed: &[u8], body: &mut Vec<u8>) -> Result<(), &'static str> {
    body.clear();
    let (prefix, content) = packed.split_first_chunk::<PACKED_PREFIX_BYTES>().ok_or("its body is cut")?;
    let [method, length @ ..] = *prefix;
    let length = usize::try_from(u64::from_le_bytes(length)).map_err(|_| "its length is impossible")?;
    match method {
        PLAIN => body.extend_from_slice(content),
        ZSTD if length > expanded_bytes_max(content.len()) => return Err("its length is impossible"),
        ZSTD => {
            body.reserve(length);
            context.decompress(body, content).map_err(|_| "its body cannot be decompressed")?;
        }
        _ => return Err("its body is packed in an unknown way"),
    }
    if body.len() == length { Ok(()) } else { Err("its body has another length than it says") }
}
