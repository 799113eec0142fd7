//! The 64 bytes that every file but LOCK begins with. All numbers are little-endian.
//!
//! ```text
//!  0  magic "GALLERST"      8
//!  8  format version        2
//! 10  kind of file          2   1 manifest, 2 log, 3 segment, 4 tombstones, 5 erasures
//! 12  length of this header 4   64
//! 16  index                16   random, the same in all files of an index
//! 32  file number           8   as in the name; 0 for the manifest
//! 40  sequence              8   manifest: its epoch; others: the epoch in which they were made
//! 48  salt                  8   logs: random; others: 0
//! 56  zero                  4
//! 60  CRC-32C of bytes 0-59 4
//! ```

use std::path::Path;

use super::damaged;
use crate::error::Error;

/// Bytes of a header.
pub(crate) const LENGTH: usize = 64;
/// The format version that is written wherever it will do.
pub(crate) const VERSION: u16 = 2;
/// The newest format version, which manifests of indexes with lengths have.
pub(crate) const NEWEST: u16 = 3;
const MAGIC: [u8; 8] = *b"GALLERST";

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    Manifest = 1,
    Log = 2,
    Segment = 3,
    Tombstones = 4,
    Erasures = 5,
}

/// Says what a file is and to which index it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) index: [u8; 16],
    pub(crate) file: u64,
    pub(crate) sequence: u64,
    pub(crate) salt: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; LENGTH] {
        self.encode_version(VERSION)
    }

    pub(crate) fn encode_version(&self, version: u16) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&version.to_le_bytes());
        bytes[10..12].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[12..16].copy_from_slice(&(LENGTH as u32).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.index);
        bytes[32..40].copy_from_slice(&self.file.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.salt.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The format version of a file whose header was parsed.
    pub(crate) fn version(bytes: &[u8]) -> u16 {
        bytes.first_chunk::<LENGTH>().map_or(0, |bytes| u16_at(bytes, 8))
    }

    /// Reads the header of a file of the given kind.
    pub(crate) fn parse(bytes: &[u8], path: &Path, kind: Kind) -> Result<Self, Error> {
        let Some(bytes) = bytes.first_chunk::<LENGTH>() else {
            return Err(damaged(path, bytes.len(), "a header of 64 bytes", "the end of the file"));
        };
        if bytes[0..8] != MAGIC {
            return Err(damaged(path, 0, "the letters GALLERST", format!("{:02x?}", &bytes[0..8])));
        }
        let (stored, computed) = (u32_at(bytes, 60), crc32c::crc32c(&bytes[..60]));
        if stored != computed {
            return Err(damaged(path, 60, format!("checksum {computed:08x}"), format!("{stored:08x}")));
        }
        let version = u16_at(bytes, 8);
        if version > NEWEST {
            return Err(Error::NewerVersion { path: path.to_owned(), got: version, supported: NEWEST });
        }
        let got = u16_at(bytes, 10);
        if got != kind as u16 {
            return Err(damaged(path, 10, format!("kind {} ({kind:?})", kind as u16), format!("kind {got}")));
        }
        let mut index = [0; 16];
        index.copy_from_slice(&bytes[16..32]);
        Ok(Self {
            kind,
            index,
            file: u64_at(bytes, 32),
            sequence: u64_at(bytes, 40),
            salt: u64_at(bytes, 48),
        })
    }

    /// As [`Header::parse`], for a file that must belong to an index and carry a number.
    pub(crate) fn parse_member(
        bytes: &[u8],
        path: &Path,
        kind: Kind,
        index: [u8; 16],
        file: u64,
    ) -> Result<Self, Error> {
        let header = Self::parse(bytes, path, kind)?;
        if header.index != index {
            return Err(damaged(path, 16, "a file of this index", "a file of another index"));
        }
        if header.file != file {
            return Err(damaged(path, 32, format!("file number {file}"), header.file));
        }
        Ok(header)
    }
}

/// The little-endian number at an offset, which must lie inside.
pub(crate) fn u16_at<const N: usize>(bytes: &[u8; N], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

/// The little-endian number at an offset, which must lie inside.
pub(crate) fn u32_at<const N: usize>(bytes: &[u8; N], offset: usize) -> u32 {
    u32::from(u16_at(bytes, offset)) | u32::from(u16_at(bytes, offset + 2)) << 16
}

/// The little-endian number at an offset, which must lie inside.
pub(crate) fn u64_at<const N: usize>(bytes: &[u8; N], offset: usize) -> u64 {
    u64::from(u32_at(bytes, offset)) | u64::from(u32_at(bytes, offset + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header { kind: Kind::Segment, index: [7; 16], file: 300, sequence: 1 << 40, salt: u64::MAX - 1 }
    }

    #[test]
    fn a_header_comes_back() {
        let read = Header::parse(&sample().encode(), Path::new("x"), Kind::Segment).unwrap();
        assert_eq!(read, sample());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..LENGTH * 8 {
            let mut bytes = sample().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&bytes, Path::new("x"), Kind::Segment).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_version_is_refused_by_name() {
        let mut bytes = sample().encode();
        bytes[8] = 4;
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        let error = Header::parse(&bytes, Path::new("x"), Kind::Segment).unwrap_err();
        assert!(matches!(error, Error::NewerVersion { got: 4, supported: 3, .. }));
    }

    #[test]
    fn files_do_not_stand_in_for_each_other() {
        let bytes = sample().encode();
        assert!(Header::parse(&bytes, Path::new("x"), Kind::Log).is_err());
        assert!(Header::parse_member(&bytes, Path::new("x"), Kind::Segment, [8; 16], 300).is_err());
        assert!(Header::parse_member(&bytes, Path::new("x"), Kind::Segment, [7; 16], 301).is_err());
        assert!(Header::parse_member(&bytes, Path::new("x"), Kind::Segment, [7; 16], 300).is_ok());
    }
}
