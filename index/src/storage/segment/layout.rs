//! The bytes of a segment file. All numbers are little-endian.
//!
//! ```text
//! header (kind 3)         64
//! sections, each beginning at a multiple of 64, zeros between
//! table of sections       32 each
//! footer                  64
//!
//! entry of the table                footer
//!  0  kind                4          0  offset of the table            8
//!  4  zero                4          8  entries of the table           4
//!  8  offset              8         12  CRC-32C of the table           4
//! 16  length              8         16  rows                           8
//! 24  XXH3-64 of it       8         24  dimension                      4
//!                                   28  zero                           4
//!                                   32  XXH3-128 of all before footer 16
//!                                   48  length of the file             8
//!                                   56  "GEND"                         4
//!                                   60  CRC-32C of footer bytes 0-59   4
//! ```
//! Rows are sorted by (group, id). The sections:
//! ```text
//!  1 ids       u64[rows]
//!  2 groups    u64[rows]
//!  3 order     u32[rows]               rows by ascending id
//!  4 vectors   f32[rows * dimension]
//!  5 codes     i8[rows * dimension]    vectors in one byte a component (see sq8)
//!  6 scales    f32[rows]               what a row's code is multiplied with
//!  7 L0 codes  see segment/l0.rs       in segments of many rows
//!  8 graph     u32[1 + layers]         degree M, nodes of each layer (lowest first)
//!  9 statistics u64[6 or 23]           what was measured, see statistics
//! 10 first     u32[nodes]              the first row of each node
//! 11 next      u32[rows]               the next row with the same code, ffffffff after the last
//! 12 lowest    u32[nodes * 2M]         neighbours, nearest first, ffffffff where there is none
//! 13 upper     u32[...]                M neighbours for each node of layer 1, then of layer 2, and so on
//! 14 rotation  see segment/l0.rs       with L0 codes
//! 16 second bits, see segment/l0.rs   with codes of one bit
//! 17 lengths   f32[rows]               in indexes that take vectors of any length
//! 15 blocks    u32[...]                the last one: a CRC-32C for each 64 KiB of the file before it, continuing
//!                                      that of (file number u64, block number u64)
//! ```
//! Kinds that a reader does not know are checked and otherwise ignored.

use std::ops::Range;
use std::path::Path;

use crate::error::Error;
use crate::storage::file::damaged;
use crate::storage::file::header::{self, u32_at, u64_at};

pub(crate) const IDS: u32 = 1;
pub(crate) const GROUPS: u32 = 2;
pub(crate) const ORDER: u32 = 3;
pub(crate) const VECTORS: u32 = 4;
pub(crate) const CODES: u32 = 5;
pub(crate) const SCALES: u32 = 6;
pub(crate) const L0_BLOCKS: u32 = 7;
pub(crate) const GRAPH: u32 = 8;
pub(crate) const STATISTICS: u32 = 9;
pub(crate) const GRAPH_FIRST: u32 = 10;
pub(crate) const GRAPH_NEXT: u32 = 11;
pub(crate) const GRAPH_LOWEST: u32 = 12;
pub(crate) const GRAPH_UPPER: u32 = 13;
pub(crate) const L0_ROTATION: u32 = 14;
pub(crate) const BLOCKS: u32 = 15;
pub(crate) const L0_SECOND: u32 = 16;
pub(crate) const LENGTHS: u32 = 17;

/// Sections begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 64;
/// Bytes under one block checksum.
pub(crate) const BLOCK: usize = 64 << 10;
/// Blocks that are read at once where many are verified.
pub(crate) const READ_AHEAD: usize = 64;
pub(crate) const ENTRY: usize = 32;
pub(crate) const FOOTER: usize = 64;
const END: [u8; 4] = *b"GEND";
/// Sections of a file, at most.
const MAX_SECTIONS: usize = 64;

/// One section of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) checksum: u64,
}

impl Section {
    pub(crate) fn encode(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[0..4].copy_from_slice(&self.kind.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.length.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// Its bytes in a file, once its table was proven to lie inside.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset as usize..(self.offset + self.length) as usize
    }

    fn parse(bytes: &[u8; ENTRY]) -> Self {
        Self {
            kind: u32_at(bytes, 0),
            offset: u64_at(bytes, 8),
            length: u64_at(bytes, 16),
            checksum: u64_at(bytes, 24),
        }
    }
}

/// The end of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) table: u64,
    pub(crate) entries: u32,
    pub(crate) table_checksum: u32,
    pub(crate) rows: u64,
    pub(crate) dimension: u32,
    pub(crate) digest: [u8; 16],
    pub(crate) length: u64,
}

impl Footer {
    pub(crate) fn encode(&self) -> [u8; FOOTER] {
        let mut bytes = [0; FOOTER];
        bytes[0..8].copy_from_slice(&self.table.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.entries.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.table_checksum.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.rows.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.dimension.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.digest);
        bytes[48..56].copy_from_slice(&self.length.to_le_bytes());
        bytes[56..60].copy_from_slice(&END);
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the footer of a file given whole.
    pub(crate) fn parse(file: &[u8], path: &Path) -> Result<Self, Error> {
        let Some((before, bytes)) = file.split_last_chunk::<FOOTER>() else {
            return Err(damaged(path, file.len(), "a footer of 64 bytes", "the end of the file"));
        };
        let at = |offset| before.len() + offset;
        let (stored, computed) = (u32_at(bytes, 60), crc32c::crc32c(&bytes[..60]));
        if stored != computed || bytes[56..60] != END {
            return Err(damaged(
                path,
                at(60),
                format!("footer checksum {computed:08x}"),
                format!("{stored:08x}"),
            ));
        }
        let mut digest = [0; 16];
        digest.copy_from_slice(&bytes[32..48]);
        let footer = Self {
            table: u64_at(bytes, 0),
            entries: u32_at(bytes, 8),
            table_checksum: u32_at(bytes, 12),
            rows: u64_at(bytes, 16),
            dimension: u32_at(bytes, 24),
            digest,
            length: u64_at(bytes, 48),
        };
        if footer.length != file.len() as u64 {
            return Err(damaged(path, at(48), format!("length {}", file.len()), footer.length));
        }
        Ok(footer)
    }

    /// Reads the table and proves that its sections lie in order inside the file.
    pub(crate) fn sections(&self, file: &[u8], path: &Path) -> Result<Vec<Section>, Error> {
        let end = file.len() - FOOTER;
        let entries = self.entries as usize;
        let start = usize::try_from(self.table).unwrap_or(usize::MAX);
        if entries > MAX_SECTIONS || start.checked_add(entries * ENTRY) != Some(end) {
            return Err(damaged(
                path,
                end,
                format!("a table that ends at byte {end}"),
                format!("{entries} entries at {start}"),
            ));
        }
        let table = file.get(start..end).unwrap_or_default();
        let computed = crc32c::crc32c(table);
        if computed != self.table_checksum {
            let stored = format!("{:08x}", self.table_checksum);
            return Err(damaged(path, start, format!("table checksum {computed:08x}"), stored));
        }
        let sections: Vec<Section> = table.as_chunks::<ENTRY>().0.iter().map(Section::parse).collect();
        let mut free = header::LENGTH as u64;
        for section in &sections {
            let section_end = section.offset.checked_add(section.length);
            let aligned = section.offset % ALIGNMENT as u64 == 0;
            match section_end {
                Some(section_end) if aligned && section.offset >= free && section_end <= start as u64 => {
                    free = section_end;
                }
                _ => {
                    return Err(damaged(
                        path,
                        start,
                        "aligned sections, one after the other",
                        format!("{section:?}"),
                    ));
                }
            }
        }
        Ok(sections)
    }
}

/// The checksum of one block of a file.
pub(crate) fn block_checksum(file: u64, block: u64, bytes: &[u8]) -> u32 {
    let seed = crc32c::crc32c(&file.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &block.to_le_bytes()), bytes)
}
