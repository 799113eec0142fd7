//! The CRC-32C that ends small files: 4 bytes, little-endian, of everything before it.

use std::path::Path;

use super::damaged;
use crate::error::Error;

/// Appends the checksum of the bytes so far.
pub(crate) fn append(bytes: &mut Vec<u8>) {
    let checksum = crc32c::crc32c(bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
}

/// The bytes before the checksum.
///
/// # Errors
/// It is not theirs, or the file is shorter than a checksum.
pub(crate) fn verify<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a [u8], Error> {
    let (content, stored) = bytes.split_last_chunk::<4>().unwrap_or((bytes, &[0; 4]));
    let (stored, computed) = (u32::from_le_bytes(*stored), crc32c::crc32c(content));
    if stored == computed {
        return Ok(content);
    }
    Err(damaged(path, content.len(), format!("checksum {computed:08x}"), format!("{stored:08x}")))
}
