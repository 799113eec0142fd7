//! ONNX files in a zip archive.

use std::fs::File;

use zip::CompressionMethod;
use zip::result::ZipError;

use super::{MOST_ENTRIES, Unread, Wanted, is_onnx, name, only, read};
use crate::encoder::onnx::Refusal;

/// Largest ratio of an entry to its compressed form. Weights hardly shrink.
const LARGEST_RATIO: u64 = 100;

/// What is wanted, and the names of the ONNX files in the archive. Every entry that is read is compared with its length and its CRC-32.
pub(super) fn search<T>(
    file: File,
    largest: u64,
    wanted: &Wanted<'_, T>,
) -> Result<(T, Vec<String>), Refusal> {
    let unreadable = |error: ZipError| Refusal::new(format!("the zip archive cannot be read: {error}"));
    let mut archive = zip::ZipArchive::new(file).map_err(unreadable)?;
    if archive.len() > MOST_ENTRIES {
        let count = archive.len();
        return Err(Refusal::new(format!(
            "{count} entries in the zip archive, expected at most {MOST_ENTRIES}"
        )));
    }
    let mut places = Vec::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(unreadable)?;
        let Some(inside) = entry.enclosed_name() else {
            let entry = String::from_utf8_lossy(entry.name_raw());
            return Err(Refusal::new(format!("the zip archive names a file outside of it: {entry:?}")));
        };
        if entry.is_file() && is_onnx(&name(&inside)) {
            require_readable(&name(&inside), entry.compression(), entry.encrypted())?;
            places.push((at, name(&inside)));
        }
    }
    let names: Vec<String> = places.iter().map(|(_, name)| name.clone()).collect();
    let found = only(&names, wanted, "zip archive", |at| {
        let name = &names[at];
        let damaged = |reason: String| {
            Unread::Damaged(Refusal::new(format!(
                "{name} in the zip archive is damaged: {reason}; download or copy the archive again"
            )))
        };
        let entry = archive.by_index(places[at].0).map_err(|error| damaged(error.to_string()))?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        if size > largest || size / LARGEST_RATIO > packed {
            let reason =
                format!("{name} in the zip archive has {size} bytes, compressed {packed}, which is no model");
            return Err(Unread::Unwanted(Refusal::new(reason)));
        }
        read(entry, size).map_err(damaged)
    })?;
    Ok((found, names))
}

/// Refuses an entry that this program cannot unpack.
fn require_readable(name: &str, method: CompressionMethod, is_encrypted: bool) -> Result<(), Refusal> {
    let what = match method {
        _ if is_encrypted => "is encrypted".to_owned(),
        CompressionMethod::Stored | CompressionMethod::Deflated => return Ok(()),
        method => format!("is compressed with {method}, expected Deflated or Stored"),
    };
    Err(Refusal::new(format!("{name} in the zip archive {what}; unpack the archive and give the folder")))
}
