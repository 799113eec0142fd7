//! Tombstones: the deleted rows of a segment.
//!
//! A segment never changes. Its deleted rows are a set of bits in memory and in a file of its own. A
//! tombstone file never changes either: further deletions make a new file with a new number.
//!
//! ```text
//!  0  header (kind 4)               64
//! 64  file number of the segment     8
//! 72  rows of the segment            8
//! 80  dead rows                      8
//! 88  bits, row i in bit i % 64 of word i / 64, unused bits zero   8 * ceil(rows / 64)
//!     CRC-32C of everything before   4
//! ```

use std::path::Path;

use crate::error::Error;
use crate::storage::file::damaged;
use crate::storage::file::header::{self, Header, Kind};

/// The dead rows of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tombstones {
    words: Vec<u64>,
    dead: usize,
}

impl Tombstones {
    /// No dead row among `rows`.
    pub(crate) fn none(rows: usize) -> Self {
        Self { words: vec![0; rows.div_ceil(64)], dead: 0 }
    }

    /// Dead rows.
    pub(crate) fn len(&self) -> usize {
        self.dead
    }

    /// Marks a row. Returns whether it was alive.
    pub(crate) fn insert(&mut self, row: usize) -> bool {
        let Some(word) = self.words.get_mut(row / 64) else { return false };
        let alive = *word & (1 << (row % 64)) == 0;
        *word |= 1 << (row % 64);
        self.dead += usize::from(alive);
        alive
    }

    /// Whether a row is dead.
    pub(crate) fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// Rows `64 * at` and up, a bit for each.
    pub(crate) fn word(&self, at: usize) -> u64 {
        self.words.get(at).copied().unwrap_or(0)
    }

    /// The content of a tombstone file.
    pub(crate) fn encode(&self, header: &Header, segment: u64, rows: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(header::LENGTH + 28 + self.words.len() * 8);
        bytes.extend_from_slice(&header.encode());
        for number in [segment, rows as u64, self.dead as u64].iter().chain(&self.words) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Bytes of the tombstone file of a segment.
    pub(crate) fn file_length(rows: usize) -> usize {
        header::LENGTH + 24 + rows.div_ceil(64) * 8 + 4
    }

    /// Reads a tombstone file that must belong to a segment with `rows` rows.
    pub(crate) fn parse(
        bytes: &[u8],
        path: &Path,
        index: [u8; 16],
        file: u64,
        segment: u64,
        rows: usize,
    ) -> Result<Self, Error> {
        Header::parse_member(bytes, path, Kind::Tombstones, index, file)?;
        let expected = Self::file_length(rows);
        let content = match bytes.split_last_chunk::<4>() {
            Some((content, checksum)) if bytes.len() == expected => {
                let (stored, computed) = (u32::from_le_bytes(*checksum), crc32c::crc32c(content));
                if stored != computed {
                    let offset = content.len();
                    return Err(damaged(
                        path,
                        offset,
                        format!("checksum {computed:08x}"),
                        format!("{stored:08x}"),
                    ));
                }
                content
            }
            _ => return Err(damaged(path, 0, format!("{expected} bytes"), format!("{} bytes", bytes.len()))),
        };
        let (numbers, _) = content[header::LENGTH..].as_chunks::<8>();
        let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut field = |offset: u64, what: &str, expected: Option<u64>| match (numbers.next(), expected) {
            (Some(got), Some(expected)) if got != expected => {
                Err(damaged(path, offset, format!("{what} {expected}"), got))
            }
            (got, _) => Ok(got.unwrap_or(0)),
        };
        field(64, "segment", Some(segment))?;
        field(72, "rows", Some(rows as u64))?;
        let stored = field(80, "dead rows", None)?;
        let words: Vec<u64> = numbers.collect();
        let dead = words.iter().map(|word| word.count_ones() as usize).sum();
        let beyond = !rows.is_multiple_of(64) && words.last().is_some_and(|word| word >> (rows % 64) != 0);
        if stored != dead as u64 || beyond {
            return Err(damaged(path, 80, format!("{dead} dead rows within {rows}"), stored));
        }
        Ok(Self { words, dead })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Tombstones, Vec<u8>) {
        let mut dead = Tombstones::none(100);
        for row in [0, 63, 64, 99] {
            assert!(dead.insert(row));
            assert!(!dead.insert(row));
        }
        let header = Header { kind: Kind::Tombstones, index: [1; 16], file: 9, sequence: 3, salt: 0 };
        let bytes = dead.encode(&header, 4, 100);
        (dead, bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Tombstones, Error> {
        Tombstones::parse(bytes, Path::new("t"), [1; 16], 9, 4, 100)
    }

    #[test]
    fn a_file_comes_back() {
        let (dead, bytes) = sample();
        assert_eq!(bytes.len(), Tombstones::file_length(100));
        let read = parse(&bytes).unwrap();
        assert_eq!(read, dead);
        assert_eq!(read.len(), 4);
        assert!(read.contains(64) && !read.contains(65) && !read.contains(100_000));
    }

    #[test]
    fn every_change_is_noticed() {
        let (_, bytes) = sample();
        for position in 0..bytes.len() {
            for value in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[position] ^= value;
                assert!(parse(&changed).is_err(), "byte {position}");
            }
            assert!(parse(&bytes[..position]).is_err(), "length {position}");
        }
        assert!(parse(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn it_belongs_to_one_segment() {
        let (_, bytes) = sample();
        let path = Path::new("t");
        assert!(Tombstones::parse(&bytes, path, [1; 16], 9, 5, 100).is_err());
        assert!(Tombstones::parse(&bytes, path, [1; 16], 9, 4, 101).is_err());
    }
}
