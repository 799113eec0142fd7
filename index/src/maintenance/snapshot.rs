//! Copies of an index: taken while it is in use, and copied back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::maintenance::creation;
use crate::options::Access;
use crate::report::SnapshotReport;
use crate::storage::file::header;
use crate::storage::file::lock::{self, Lock};
use crate::storage::file::{self, name};
use crate::storage::manifest::Manifest;
use crate::storage::store::Store;
use crate::write::logs::Logs;

/// Copies an open index to `to`. Writers go on; the manifest stands still while segments are linked and logs
/// copied.
pub(crate) fn take(store: &Store, logs: &Logs, to: &Path) -> Result<SnapshotReport, Error> {
    creation::beside(to, |building| {
        // Before the manifest is held: a shard may wait for it with its own lock in hand. What is sealed in
        // between is in the manifest's segments, and a log that comes into use in between begins after
        // everything acknowledged before.
        store.expect_there()?;
        let ends = logs.ends();
        let committer = store.committer();
        let manifest = committer.manifest.clone();
        let mut report = SnapshotReport { files: 0, linked: 0 };
        for file in immutable(&manifest) {
            report.linked +=
                usize::from(file::link_or_copy(&store.directory.join(&file), &building.join(&file))?);
            report.files += 1;
        }
        for ((shard, entry), end) in (0..).zip(&manifest.body.shards).zip(&ends) {
            let (from, to) = (name::shard(&store.directory, shard), name::shard(building, shard));
            file::create_directory(&to)?;
            for &number in &entry.logs {
                let name = name::log(number);
                let length = match number.cmp(&end.number) {
                    std::cmp::Ordering::Less => u64::MAX,
                    std::cmp::Ordering::Equal => end.length,
                    std::cmp::Ordering::Greater => header::LENGTH as u64, // a spare, empty then
                };
                file::copy(&from.join(&name), &to.join(&name), length)?;
                report.files += 1;
            }
            file::sync_directory(&to)?;
        }
        // What was linked and copied is this index's.
        store.expect_there()?;
        drop(committer);
        file::create(&building.join(name::LOCK))?;
        manifest.publish(building)?;
        report.files += 1;
        Ok(report)
    })
}

/// Copies an index that may be open for writing elsewhere, and gets no writes meanwhile. It may be sealed or
/// compacted: then the manifest changes, files go, and it is copied anew.
pub(crate) fn take_beside(from: &Path, to: &Path) -> Result<SnapshotReport, Error> {
    creation::beside(to, |building| {
        loop {
            let manifest = Manifest::load(from)?;
            let copied = copy_beside(from, building, &manifest);
            if Manifest::load(from)?.epoch != manifest.epoch {
                // The directory itself stays: it is locked, so that it is not taken for abandoned.
                file::empty_directory(building)?;
                continue;
            }
            let report = copied?;
            file::create(&building.join(name::LOCK))?;
            manifest.publish(building)?;
            return Ok(SnapshotReport { files: report.files + 1, ..report });
        }
    })
}

fn copy_beside(from: &Path, to: &Path, manifest: &Manifest) -> Result<SnapshotReport, Error> {
    let mut report = SnapshotReport { files: 0, linked: 0 };
    for file in immutable(manifest) {
        report.linked += usize::from(file::link_or_copy(&from.join(&file), &to.join(&file))?);
        report.files += 1;
    }
    for (shard, entry) in (0..).zip(&manifest.body.shards) {
        let (from, to) = (name::shard(from, shard), name::shard(to, shard));
        file::create_directory(&to)?;
        for &number in &entry.logs {
            let name = name::log(number);
            file::copy(&from.join(&name), &to.join(&name), u64::MAX)?;
            report.files += 1;
        }
        file::sync_directory(&to)?;
    }
    Ok(report)
}

/// Copies a snapshot to `to` and lets `finish` work on the copy before it appears there. `of` is the index
/// that it must be of.
pub(crate) fn copy_back<T>(
    snapshot: &Path,
    to: &Path,
    of: Option<[u8; 16]>,
    finish: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    lock::expect_index(snapshot)?;
    // It must not be written to while it is copied.
    let _lock = Lock::take(snapshot, Access::ReadOnly, Duration::ZERO)?;
    let manifest = Manifest::load(snapshot)?;
    if of.is_some_and(|of| of != manifest.index) {
        return Err(Error::OtherIndex { path: snapshot.to_owned() });
    }
    creation::beside(to, |building| {
        copy_all(snapshot, building, &manifest)?;
        finish(building)
    })
}

fn copy_all(snapshot: &Path, to: &Path, manifest: &Manifest) -> Result<(), Error> {
    for file in immutable(manifest) {
        file::copy(&snapshot.join(&file), &to.join(&file), u64::MAX)?;
    }
    for (shard, entry) in (0..).zip(&manifest.body.shards) {
        let (from, to) = (name::shard(snapshot, shard), name::shard(to, shard));
        file::create_directory(&to)?;
        for &number in &entry.logs {
            let name = name::log(number);
            file::copy(&from.join(&name), &to.join(&name), u64::MAX)?;
        }
        file::sync_directory(&to)?;
    }
    file::create(&to.join(name::LOCK))?;
    Ok(manifest.publish(to)?)
}

/// Files that a manifest names and that never change.
fn immutable(manifest: &Manifest) -> Vec<PathBuf> {
    let body = &manifest.body;
    let segments = body.segments.iter().map(|entry| name::segment(entry.file));
    let tombstones = body.tombstones.iter().map(|entry| name::tombstones(entry.file));
    let erasures = body.erasures.iter().map(|entry| name::erasures(entry.file));
    segments.chain(tombstones).chain(erasures).map(PathBuf::from).collect()
}
