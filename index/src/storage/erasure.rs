//! Erasures: a record of deletions, so that an older copy of the index does not restore deleted rows.
//!
//! Deletions are in the logs until these are sealed. Then they are written to an erasure file, which the
//! manifest names. It holds no vectors and no ids: a row is identified by a hash of its id and group.
//!
//! ```text
//!  0  header (kind 5)               64
//! 64  records                        8
//! 72  for each: XXH3-128 of (index 16 bytes, id u64, group u64), sequence u64 in the log of the group's shard
//!     CRC-32C of everything before   4
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::{Context, Error, reserve};
use crate::storage::file::header::{self, Header, Kind, u64_at};
use crate::storage::file::{self, checksum, damaged, name};
use crate::storage::manifest::{ErasureEntry, Manifest};
use crate::storage::state::{State, shard_of};
use crate::storage::wal::frame::Record;

/// Erasure files that are kept apart; one more, and they become one.
pub(crate) const FILES: usize = 16;
const RECORD: usize = 24;

/// One deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Erasure {
    /// See [`key`].
    key: u128,
    /// Its place in the log of the shard that the group belongs to.
    sequence: u64,
}

/// What a row is known by.
fn key(index: [u8; 16], id: u64, group: u64) -> u128 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&index);
    bytes[16..24].copy_from_slice(&id.to_le_bytes());
    bytes[24..].copy_from_slice(&group.to_le_bytes());
    xxh3_128(&bytes)
}

impl Erasure {
    /// What the records of a transaction delete; `last` is the sequence of the last one.
    pub(crate) fn of(index: [u8; 16], records: &[Record], last: u64) -> impl Iterator<Item = Self> {
        let first = last + 1 - records.len() as u64;
        (first..).zip(records).flat_map(move |(sequence, record)| {
            let targets = if let Record::Delete(targets) = record { &targets[..] } else { &[] };
            targets.iter().map(move |&(id, group)| Self { key: key(index, id, group), sequence })
        })
    }
}

/// All deletions that an index records, for [`Index::restore`](crate::Index::restore).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasures {
    pub(crate) index: [u8; 16],
    list: Vec<Erasure>,
}

impl Erasures {
    pub(crate) fn new(index: [u8; 16], list: Vec<Erasure>) -> Self {
        Self { index, list: latest(list.into_iter()) }
    }

    /// The ids of live rows that were deleted later than `held`, the last sequence of each shard.
    pub(crate) fn among(&self, state: &State, held: &[u64]) -> Vec<u64> {
        let erased: HashMap<u128, u64> =
            self.list.iter().map(|erasure| (erasure.key, erasure.sequence)).collect();
        let mut ids = Vec::new();
        state.each_live(|id, group| {
            let sequence = erased.get(&key(self.index, id, group));
            if sequence.is_some_and(|&sequence| sequence > held[shard_of(group, held.len())]) {
                ids.push(id);
            }
        });
        ids
    }

    /// Removes the deletions of rows, given as id and group, that a restored copy is to keep.
    pub fn spare(&mut self, rows: &[(u64, u64)]) {
        let spared: HashSet<u128> = rows.iter().map(|&(id, group)| key(self.index, id, group)).collect();
        self.list.retain(|erasure| !spared.contains(&erasure.key));
    }

    /// Writes the list to a file, durably, and replaces what is there. Kept apart from the index, it still
    /// protects a restored snapshot when the index itself is lost. The file holds hashes, no ids and no
    /// vectors.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let header = Header { kind: Kind::Erasures, index: self.index, file: 0, sequence: 0, salt: 0 };
        let (parent, name) = (file::parent(path), path.file_name().unwrap_or_default());
        Ok(file::publish(parent, &name.to_string_lossy(), &encode(&header, &self.list))?)
    }

    /// Reads a list that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::NewerVersion`], [`Error::Io`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let length = path.metadata().context(path, "reading the length")?.len();
        let bytes = file::read_small(path, length)?;
        let header = Header::parse(&bytes, path, Kind::Erasures)?;
        let records = length.saturating_sub(file_length(0)) / RECORD as u64;
        if file_length(records) != length {
            return Err(damaged(
                path,
                0,
                format!("{} bytes", file_length(records)),
                format!("{length} bytes"),
            ));
        }
        let list = parse(&bytes, path, header.index, &ErasureEntry { file: 0, records })?;
        Ok(Self::new(header.index, list))
    }

    /// Number of deletions.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The deletions in all erasure files that a manifest names.
pub(crate) fn read_all(directory: &Path, manifest: &Manifest) -> Result<Vec<Erasure>, Error> {
    let mut list = Vec::new();
    for entry in &manifest.body.erasures {
        list.extend(read(directory, manifest.index, entry)?);
    }
    Ok(list)
}

/// The deletions in one erasure file.
pub(crate) fn read(directory: &Path, index: [u8; 16], entry: &ErasureEntry) -> Result<Vec<Erasure>, Error> {
    let path = directory.join(name::erasures(entry.file));
    let length = file_length(entry.records);
    let bytes = file::read_small(&path, length)?;
    if bytes.len() as u64 != length {
        return Err(damaged(&path, 0, format!("{length} bytes"), format!("{} bytes", bytes.len())));
    }
    parse(&bytes, &path, index, entry)
}

/// The last deletion of each row.
pub(crate) fn latest(list: impl Iterator<Item = Erasure>) -> Vec<Erasure> {
    let mut last: BTreeMap<u128, u64> = BTreeMap::new();
    for Erasure { key, sequence } in list {
        let known = last.entry(key).or_default();
        *known = sequence.max(*known);
    }
    last.into_iter().map(|(key, sequence)| Erasure { key, sequence }).collect()
}

fn file_length(records: u64) -> u64 {
    records.saturating_mul(RECORD as u64).saturating_add((header::LENGTH + 12) as u64)
}

pub(crate) fn encode(header: &Header, list: &[Erasure]) -> Vec<u8> {
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(&(list.len() as u64).to_le_bytes());
    for Erasure { key, sequence } in list {
        bytes.extend_from_slice(&key.to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
    }
    checksum::append(&mut bytes);
    bytes
}

fn parse(bytes: &[u8], path: &Path, index: [u8; 16], entry: &ErasureEntry) -> Result<Vec<Erasure>, Error> {
    Header::parse_member(bytes, path, Kind::Erasures, index, entry.file)?;
    let content = checksum::verify(bytes, path)?;
    let body = content.get(header::LENGTH..).unwrap_or_default();
    let Some((count, records)) =
        body.split_first_chunk::<8>().filter(|(count, _)| **count == entry.records.to_le_bytes())
    else {
        return Err(damaged(path, header::LENGTH, format!("{} records", entry.records), "another number"));
    };
    let (records, _) = records.as_chunks::<RECORD>();
    debug_assert_eq!(records.len() as u64, u64::from_le_bytes(*count));
    let record = |bytes: &[u8; RECORD]| Erasure {
        key: u128::from(u64_at(bytes, 0)) | u128::from(u64_at(bytes, 8)) << 64,
        sequence: u64_at(bytes, 16),
    };
    let mut list = Vec::new();
    reserve(&mut list, records.len(), path, "reading")?;
    list.extend(records.iter().map(record));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<u8>, ErasureEntry, Vec<Erasure>) {
        let header = Header { kind: Kind::Erasures, index: [3; 16], file: 7, sequence: 2, salt: 0 };
        let list: Vec<Erasure> =
            (0..5).map(|n| Erasure { key: key([3; 16], n, n * 9), sequence: n + 100 }).collect();
        (encode(&header, &list), ErasureEntry { file: 7, records: 5 }, list)
    }

    #[test]
    fn a_list_comes_back_and_every_change_is_noticed() {
        let path = Path::new("erased");
        let (bytes, entry, list) = sample();
        assert_eq!(bytes.len() as u64, file_length(5));
        assert_eq!(parse(&bytes, path, [3; 16], &entry).unwrap(), list);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(parse(&changed, path, [3; 16], &entry).is_err(), "byte {at}");
            assert!(parse(&bytes[..at], path, [3; 16], &entry).is_err(), "length {at}");
        }
        assert!(parse(&bytes, path, [3; 16], &ErasureEntry { records: 4, ..entry }).is_err());
    }

    #[test]
    fn merging_keeps_the_last_deletion_of_each_row() {
        let erasure = |key, sequence| Erasure { key, sequence };
        let list = [erasure(2, 9), erasure(1, 5), erasure(2, 4), erasure(3, 1)];
        assert_eq!(latest(list.into_iter()), [erasure(1, 5), erasure(2, 9), erasure(3, 1)]);
    }
}
