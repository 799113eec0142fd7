//! Names of the files of an index.

use std::path::{Path, PathBuf};

/// The commit point.
pub(crate) const MANIFEST: &str = "MANIFEST";
/// Held by the owner.
pub(crate) const LOCK: &str = "LOCK";
/// How names of unfinished files begin.
const TEMPORARY: &str = "tmp-";

/// A segment.
pub(crate) fn segment(file: u64) -> String {
    format!("seg-{file:010}.seg")
}

/// The tombstones of a segment.
pub(crate) fn tombstones(file: u64) -> String {
    format!("tomb-{file:010}.tomb")
}

/// Deletions that left the logs.
pub(crate) fn erasures(file: u64) -> String {
    format!("erased-{file:010}.list")
}

/// The folder of a shard.
pub(crate) fn shard(directory: &Path, shard: u16) -> PathBuf {
    directory.join(format!("shard-{shard:02}"))
}

/// A write-ahead log in a shard's folder.
pub(crate) fn log(file: u64) -> String {
    format!("wal-{file:010}.log")
}

/// A file while it is written.
pub(crate) fn temporary(name: &str) -> String {
    format!("{TEMPORARY}{name}")
}

/// Whether a file was being written when its writer ended.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// The number in the name of a segment, tombstone, erasure or log file; `None` for any other name.
pub(crate) fn number(name: &str) -> Option<u64> {
    let (kind, rest) = name.split_once('-')?;
    let (digits, extension) = rest.split_once('.')?;
    let ours =
        matches!((kind, extension), ("seg", "seg") | ("tomb", "tomb") | ("wal", "log") | ("erased", "list"));
    let decimal = digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if ours && decimal { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_names() {
        for file in [0, 7, 9_999_999_999, 10_000_000_000, u64::MAX] {
            assert_eq!(number(&segment(file)), Some(file));
            assert_eq!(number(&tombstones(file)), Some(file));
            assert_eq!(number(&log(file)), Some(file));
        }
        for other in
            ["MANIFEST", "seg-1.seg", "seg-0000000001.log", "tmp-seg-0000000001.seg", "wal--000000001.log"]
        {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
