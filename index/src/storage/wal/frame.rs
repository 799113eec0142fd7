//! One record of a log. All numbers are little-endian.
//!
//! ```text
//!  0  length of the payload       4   at most MAX_PAYLOAD
//!  4  kind                        1   1 insert, 2 delete, 3 close, 4 mark, 5 insert with lengths
//!  5  flags                       1   bit 0: the transaction goes on in the next frame
//!  6  zero                        2
//!  8  sequence                    8   one more than the frame before
//! 16  durable                     8   highest sequence known to be on disk when this was written
//! 24  CRC-32C                     4   of the bytes before it in the frame, continuing the file's seed
//! 28  payload
//!     zeros, so that the frame's length is a multiple of 8
//!     CRC-32C                     4   of all bytes before it in the frame, continuing the previous frame's
//! ```
//! Payloads:
//! ```text
//! insert   rows u32, dimension u32, ids u64[rows], groups u64[rows], vectors f32[rows * dimension]
//! insert with lengths: the same, and lengths f32[rows]
//! delete   (id u64, group u64)[]
//! close    nothing: the owner closed the index and everything before was on disk
//! mark     watermark u64: how far the caller's own count had come with this transaction
//! ```

use std::sync::Arc;

use zerocopy::IntoBytes;

use crate::row::validate;
use crate::storage::buffer::{CHUNK_BYTES, Chunk, row_bytes};
use crate::storage::file::header::{u16_at, u32_at, u64_at};

/// Bytes before the payload.
pub(crate) const HEAD: usize = 28;
/// Bytes of a payload, at most.
pub(crate) const MAX_PAYLOAD: usize = CHUNK_BYTES + 64;
/// Deletions in one frame, at most.
pub(crate) const MAX_DELETIONS: usize = MAX_PAYLOAD / 16;
const CONTINUES: u8 = 1;

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Insert(Arc<Chunk>),
    /// `(id, group)` of rows.
    Delete(Vec<(u64, u64)>),
    Close,
    /// The caller's watermark.
    Mark(u64),
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) continues: bool,
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
}

impl Head {
    /// Reads the fixed part in a file with a seed. `None` if no writer writes this.
    pub(crate) fn parse(bytes: &[u8; HEAD], seed: u32) -> Option<Self> {
        let length = u32_at(bytes, 0) as usize;
        let (kind, flags) = (bytes[4], bytes[5]);
        let head = Self {
            length,
            kind,
            continues: flags & CONTINUES != 0,
            sequence: u64_at(bytes, 8),
            durable: u64_at(bytes, 16),
        };
        let plausible = length <= MAX_PAYLOAD
            && matches!(kind, 1..=5)
            && flags <= CONTINUES
            && u16_at(bytes, 6) == 0
            && u32_at(bytes, 24) == crc32c::crc32c_append(seed, &bytes[..24])
            && head.durable < head.sequence;
        plausible.then_some(head)
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_length(&self) -> usize {
        frame_length(self.length)
    }
}

fn frame_length(payload: usize) -> usize {
    (HEAD + payload + 4).next_multiple_of(8)
}

/// The checksum that the first frame of a file continues.
pub(crate) fn seed(index: [u8; 16], file: u64, salt: u64) -> u32 {
    let seed = crc32c::crc32c(&index);
    let seed = crc32c::crc32c_append(seed, &file.to_le_bytes());
    crc32c::crc32c_append(seed, &salt.to_le_bytes())
}

/// The checksum of a whole frame if it is valid after `chain`.
pub(crate) fn verify(frame: &[u8], chain: u32) -> Option<u32> {
    let (content, stored) = frame.split_last_chunk::<4>()?;
    let computed = crc32c::crc32c_append(chain, content);
    (computed == u32::from_le_bytes(*stored)).then_some(computed)
}

/// Puts frames together.
pub(crate) struct Encoder<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    /// The file's, see [`seed`].
    pub(crate) seed: u32,
    /// Checksum of the last frame.
    pub(crate) chain: u32,
    /// Sequence of the last frame.
    pub(crate) sequence: u64,
    /// Highest sequence known to be on disk.
    pub(crate) durable: u64,
}

impl Encoder<'_> {
    /// One frame for each record; whole in the log or absent.
    pub(crate) fn transaction(&mut self, records: &[Record]) {
        for (position, record) in records.iter().enumerate() {
            self.frame(record, position + 1 < records.len());
        }
    }

    fn frame(&mut self, record: &Record, continues: bool) {
        let start = self.out.len();
        self.sequence += 1;
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&[record.kind(), u8::from(continues), 0, 0]);
        self.out.extend_from_slice(&self.sequence.to_le_bytes());
        self.out.extend_from_slice(&self.durable.to_le_bytes());
        self.out.extend_from_slice(&[0; 4]);
        record.encode(self.out);
        let length = self.out.len() - start - HEAD;
        debug_assert!(length <= MAX_PAYLOAD);
        self.out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
        let head = crc32c::crc32c_append(self.seed, &self.out[start..start + 24]);
        self.out[start + 24..start + HEAD].copy_from_slice(&head.to_le_bytes());
        self.out.resize(start + frame_length(length) - 4, 0);
        self.chain = crc32c::crc32c_append(self.chain, &self.out[start..]);
        self.out.extend_from_slice(&self.chain.to_le_bytes());
    }
}

impl Record {
    fn kind(&self) -> u8 {
        match self {
            Self::Insert(chunk) => {
                if chunk.part().lengths.is_empty() {
                    1
                } else {
                    5
                }
            }
            Self::Delete(_) => 2,
            Self::Close => 3,
            Self::Mark(_) => 4,
        }
    }

    /// Rows that it adds.
    pub(crate) fn rows(&self) -> usize {
        if let Self::Insert(chunk) = self { chunk.len() } else { 0 }
    }

    /// The watermark that it carries; 0 if none.
    pub(crate) fn watermark(&self) -> u64 {
        if let Self::Mark(watermark) = self { *watermark } else { 0 }
    }

    /// The groups of the rows that it adds or deletes.
    pub(crate) fn groups(&self) -> impl Iterator<Item = u64> {
        let (added, deleted) = match self {
            Self::Insert(chunk) => (chunk.part().groups, &[][..]),
            Self::Delete(targets) => (&[][..], &targets[..]),
            Self::Close | Self::Mark(_) => (&[][..], &[][..]),
        };
        added.iter().copied().chain(deleted.iter().map(|&(_, group)| group))
    }

    /// Bytes that its frame takes.
    pub(crate) fn frame_length(&self) -> usize {
        frame_length(match self {
            Self::Insert(chunk) => {
                8 + chunk.len() * row_bytes(chunk.part().dimension) + size_of_val(chunk.part().lengths)
            }
            Self::Delete(targets) => targets.len() * 16,
            Self::Close => 0,
            Self::Mark(_) => 8,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Insert(chunk) => {
                let part = chunk.part();
                out.extend_from_slice(&(part.len() as u32).to_le_bytes());
                out.extend_from_slice(&(part.dimension as u32).to_le_bytes());
                out.extend_from_slice(part.ids.as_bytes());
                out.extend_from_slice(part.groups.as_bytes());
                out.extend_from_slice(part.vectors.as_bytes());
                out.extend_from_slice(part.lengths.as_bytes());
            }
            Self::Delete(targets) => {
                for (id, group) in targets {
                    out.extend_from_slice(&id.to_le_bytes());
                    out.extend_from_slice(&group.to_le_bytes());
                }
            }
            Self::Close => {}
            Self::Mark(watermark) => out.extend_from_slice(&watermark.to_le_bytes()),
        }
    }

    /// Reads a payload. The error says what was expected.
    pub(crate) fn parse(kind: u8, payload: &[u8], dimension: usize) -> Result<Self, String> {
        match kind {
            1 | 5 => parse_insert(payload, dimension, kind == 5).map(|chunk| Self::Insert(Arc::new(chunk))),
            2 => {
                let (pairs, rest) = payload.as_chunks::<16>();
                if !rest.is_empty() {
                    return Err("deletions of 16 bytes each".into());
                }
                Ok(Self::Delete(pairs.iter().map(|pair| (u64_at(pair, 0), u64_at(pair, 8))).collect()))
            }
            3 if payload.is_empty() => Ok(Self::Close),
            4 => match payload.first_chunk::<8>().filter(|_| payload.len() == 8) {
                Some(watermark) => Ok(Self::Mark(u64::from_le_bytes(*watermark))),
                None => Err("a watermark of 8 bytes".into()),
            },
            _ => Err("a record of kind 1 to 5".into()),
        }
    }
}

fn parse_insert(payload: &[u8], dimension: usize, with_lengths: bool) -> Result<Chunk, String> {
    let wrong = || format!("rows of dimension {dimension}");
    let (counts, columns) = payload.split_first_chunk::<8>().ok_or_else(wrong)?;
    let rows = u32_at(counts, 0) as usize;
    let width = row_bytes(dimension) + if with_lengths { size_of::<f32>() } else { 0 };
    if u32_at(counts, 4) as usize != dimension || columns.len() != rows * width {
        return Err(wrong());
    }
    let (ids, rest) = columns.split_at(rows * 8);
    let (groups, rest) = rest.split_at(rows * 8);
    let (vectors, lengths) = rest.split_at(rows * dimension * 4);
    let numbers = |bytes: &[u8]| -> Vec<u64> {
        bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
    };
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let (vectors, lengths) = (floats(vectors), floats(lengths));
    if !lengths.iter().all(|length| length.is_finite() && *length > 0.0) {
        return Err("finite lengths above 0".into());
    }
    if vectors
        .chunks_exact(dimension)
        .enumerate()
        .any(|(row, vector)| validate(row, vector, dimension).is_err())
    {
        return Err("finite vectors of length 1".into());
    }
    Ok(Chunk::new(dimension, numbers(ids), numbers(groups), vectors).with_lengths(lengths))
}
