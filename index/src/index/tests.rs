//! The index on a disk that fails.

mod faults;
mod power;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::storage::file::Operation;
use crate::storage::file::fault::Fault;
use crate::{Durability, Error, Index, Options, Row};

const EIO: i32 = libc::EIO;
const ENOSPC: i32 = libc::ENOSPC;

fn scratch(shards: u16, seal_rows: usize) -> (tempfile::TempDir, Index) {
    // In memory where that is possible: these tests sync thousands of times.
    let memory = Path::new("/dev/shm");
    let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let options = Options::new(2).shards(shards).seal_rows(seal_rows).background_compaction(false);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    (directory, index)
}

/// Inserts rows `ids` of one group.
fn insert(index: &Index, group: u64, ids: std::ops::Range<u64>) -> Result<(), Error> {
    let rows: Vec<Row<'_>> = ids.map(|id| Row { id, group, vector: &[0.6, 0.8] }).collect();
    index.insert(&rows).map(drop)
}

fn live(index: &Index) -> Vec<u64> {
    let mut ids: Vec<u64> = index.view().rows().map(|row| row.unwrap().id).collect();
    ids.sort_unstable();
    ids
}

/// Groups that live in different shards of two.
fn groups() -> [u64; 2] {
    let of = |shard| (0..).find(|&group| crate::storage::state::shard_of(group, 2) == shard).unwrap();
    [of(0), of(1)]
}

#[test]
fn a_failed_sync_ends_a_shard_and_nothing_else() {
    let (directory, index) = scratch(2, 100);
    let [first, second] = groups();
    insert(&index, first, 0..3).unwrap();
    let fault = Fault::new(Operation::Sync, directory.path(), "shard-00/wal-", 0, EIO);
    assert!(matches!(insert(&index, first, 3..6), Err(Error::Io { .. })));
    assert_eq!(live(&index), [0, 1, 2], "never visible before it is durable");
    drop(fault);
    assert!(matches!(insert(&index, first, 6..9), Err(Error::ReadOnly { shard: 0, .. })));
    assert!(matches!(index.delete(&[1]), Err(Error::ReadOnly { shard: 0, .. })));
    assert!(matches!(index.sync(), Err(Error::ReadOnly { .. })));
    insert(&index, second, 10..12).unwrap();
    let doubtful = insert(&index, second, 3..4);
    assert!(matches!(doubtful, Err(Error::DuplicateId { id: 3, .. })), "it may be in the other shard's log");
    assert_eq!(live(&index), [0, 1, 2, 10, 11]);

    assert!(index.close().is_err());
    let index = Index::open(&directory.path().join("index")).unwrap();
    let ids = live(&index);
    assert!(ids == [0, 1, 2, 10, 11] || ids == [0, 1, 2, 3, 4, 5, 10, 11], "{ids:?}");
    insert(&index, first, 20..21).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_and_ends_nothing() {
    let (directory, index) = scratch(1, 100);
    insert(&index, 1, 0..3).unwrap();
    let fault = Fault::new(Operation::Write, directory.path(), "wal-", 0, ENOSPC);
    for _ in 0..3 {
        assert!(matches!(insert(&index, 1, 3..6), Err(Error::Full { .. })));
    }
    assert_eq!(live(&index), [0, 1, 2]);
    assert!(index.check().unwrap().is_clean());
    drop(fault);
    insert(&index, 1, 3..6).unwrap();
    drop(index);
    let index = Index::open(&directory.path().join("index")).unwrap();
    assert_eq!(live(&index), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_half_written_frame_that_cannot_be_cut_off_ends_the_shard() {
    for (operation, error) in [(Operation::Write, EIO), (Operation::Truncate, ENOSPC)] {
        let (directory, index) = scratch(1, 100);
        insert(&index, 1, 0..3).unwrap();
        let full = Fault::new(Operation::Write, directory.path(), "wal-", 0, error);
        let stuck = Fault::new(operation, directory.path(), "wal-", 0, error);
        assert!(insert(&index, 1, 3..6).is_err());
        drop((full, stuck));
        assert!(matches!(insert(&index, 1, 6..9), Err(Error::ReadOnly { .. })));
        assert_eq!(live(&index), [0, 1, 2]);
        drop(index);
        let index = Index::open(&directory.path().join("index")).unwrap();
        assert_eq!(live(&index), [0, 1, 2]);
        insert(&index, 1, 3..6).unwrap();
    }
}

#[test]
fn a_seal_that_finds_the_disk_full_is_tried_again() {
    let (directory, index) = scratch(1, 10);
    let fault = Fault::new(Operation::Write, directory.path(), "seg-", 0, ENOSPC);
    let mut inserted = 0;
    while insert(&index, inserted, inserted * 5..inserted * 5 + 5).is_ok() {
        inserted += 1;
        assert!(inserted < 100, "memory must stay bounded");
    }
    assert!((4..=8).contains(&inserted), "two buffers set aside, one filling: {inserted}");
    assert!(matches!(index.seal(), Err(Error::Full { .. })));
    assert_eq!(live(&index), (0..inserted * 5).collect::<Vec<_>>());
    assert_eq!(index.stats().segments, 0);
    drop(fault);
    insert(&index, 77, 1000..1005).unwrap();
    index.seal().unwrap();
    assert!(index.stats().segments >= 2);
    assert!(index.check().unwrap().is_clean());
    let expected: Vec<u64> = (0..inserted * 5).chain(1000..1005).collect();
    assert_eq!(live(&index), expected);
    drop(index);
    let path = directory.path().join("index");
    assert!(Index::check_at(&path).unwrap().unknown.is_empty(), "failed seals leave no files");
    assert_eq!(live(&Index::open(&path).unwrap()), expected);
}

#[test]
fn a_manifest_in_doubt_stops_sealing_but_loses_nothing() {
    for operation in [Operation::Rename, Operation::Sync] {
        let (directory, index) = scratch(1, 10);
        // Fewer than half a buffer, so that no spare log is there yet.
        insert(&index, 1, 0..4).unwrap();
        let path = directory.path().join("index");
        let contains = if operation == Operation::Rename { "MANIFEST" } else { "index" };
        // Setting a buffer aside syncs a new log, its folder, the new manifest and, in vain, the directory.
        let skip = if operation == Operation::Rename { 0 } else { 3 };
        let fault = Fault::new(operation, &path, contains, skip, EIO);
        index.seal().unwrap_err();
        drop(fault);
        assert!(matches!(index.seal(), Err(Error::ReadOnly { .. })));
        insert(&index, 1, 5..10).unwrap();
        assert!(matches!(insert(&index, 1, 10..15), Err(Error::ReadOnly { .. })), "the buffer is full");
        let ids = live(&index);
        assert_eq!(ids, (0..4).chain(5..10).collect::<Vec<_>>());
        drop(index);
        let index = Index::open(&path).unwrap();
        assert_eq!(live(&index), ids);
        assert!(index.check().unwrap().is_clean());
    }
}

#[test]
fn a_creation_that_fails_leaves_nothing() {
    for operation in [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index");
        for skip in 0.. {
            let fault = Fault::new(operation, directory.path(), "", skip, ENOSPC);
            let created = Index::create(&path, Options::new(3));
            drop(fault);
            if created.is_ok() {
                assert!(skip > 0);
                break;
            }
            let left: Vec<_> =
                fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            if left.is_empty() {
                continue;
            }
            // Only the very last steps may fail with the index already in place, and then it is whole.
            assert_eq!(left, std::slice::from_ref(&path));
            Index::open(&path).unwrap().close().unwrap();
            break;
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, target).map(drop).unwrap() }
    }
}

#[test]
fn an_unclean_index_opens_on_a_full_disk() {
    for operation in [Operation::Create, Operation::Write] {
        let (directory, index) = scratch(2, 1000);
        (0..50).for_each(|group| insert(&index, group, group * 10..group * 10 + 10).unwrap());
        let crashed = directory.path().join("crashed");
        copy(&directory.path().join("index"), &crashed);
        // A torn tail as well.
        let log = crashed.join("shard-00/wal-0000000001.log");
        let length = log.metadata().unwrap().len();
        fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(length - 20).unwrap();
        let fault = Fault::new(operation, &crashed, "", 0, ENOSPC);
        let index = Index::open(&crashed).unwrap();
        assert!((480..=490).contains(&index.view().len()), "{}", index.view().len());
        drop(fault);
        let before = live(&index);
        insert(&index, 1, 9000..9010).unwrap();
        insert(&index, 2, 9010..9020).unwrap();
        drop(index);
        let index = Index::open(&crashed).unwrap();
        assert_eq!(live(&index), before.into_iter().chain(9000..9020).collect::<Vec<_>>());
        assert!(index.check().unwrap().is_clean());
    }
}

/// What is known of an id: live, gone, or either.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Live,
    Gone,
    Doubtful,
}

/// Writes, deletes and seals, whatever fails, and keeps account.
fn work(index: &Index, known: &mut BTreeMap<u64, Known>) {
    for step in 0..12u64 {
        let ids = step * 5..step * 5 + 5;
        let inserted = insert(index, step % 4, ids.clone());
        let after = if inserted.is_ok() { Known::Live } else { Known::Doubtful };
        known.extend(ids.map(|id| (id, after)));
        if step % 3 == 2 {
            let ids = [step * 5 - 3, step * 5 - 9, step * 5 + 1];
            let deleted = index.delete(&ids);
            for id in ids {
                let before = known[&id];
                let after = match &deleted {
                    Ok(_) if before == Known::Doubtful && !index.view().contains(id) => Known::Doubtful,
                    Ok(_) => Known::Gone,
                    Err(_) => Known::Doubtful,
                };
                known.insert(id, after);
            }
        }
        if step % 5 == 4 {
            let _ = index.seal();
        }
        if step == 8 {
            let _ = index.purge();
        }
    }
}

#[test]
fn whichever_operation_fails_what_was_acknowledged_stays() {
    let mut cases = 0;
    for operation in
        [Operation::Create, Operation::Write, Operation::Sync, Operation::Truncate, Operation::Rename]
    {
        for error in [EIO, ENOSPC] {
            for skip in 0.. {
                let (directory, index) = scratch(2, 8);
                let path = directory.path().join("index");
                let mut known = BTreeMap::new();
                let fault = Fault::new(operation, &path, "", skip, error);
                work(&index, &mut known);
                drop(index);
                let failed = fault.failures() > 0;
                drop(fault);
                cases += 1;
                let index = Index::open(&path).unwrap();
                let report = index.check().unwrap();
                assert!(report.is_clean(), "{operation:?} {skip}: {:?}", report.problems);
                let view = index.view();
                for (&id, &known) in &known {
                    match known {
                        Known::Live => assert!(view.contains(id), "{operation:?} {error} {skip}: lost {id}"),
                        Known::Gone => {
                            assert!(!view.contains(id), "{operation:?} {error} {skip}: {id} came back")
                        }
                        Known::Doubtful => {}
                    }
                }
                for step in 0..12 {
                    let ids: Vec<u64> = (step * 5..step * 5 + 5).collect();
                    let doubtful = ids.iter().all(|id| known[id] == Known::Doubtful);
                    let present = ids.iter().filter(|id| view.contains(**id)).count();
                    assert!(!doubtful || step % 3 != 1 || present == 0 || present >= 3, "half a group");
                }
                if !failed {
                    break;
                }
            }
        }
    }
    assert!(cases > 200, "only {cases} cases");
}

#[test]
fn durability_says_what_it_did() {
    let (directory, index) = scratch(1, 100);
    let row = |id| [Row { id, group: 1, vector: &[0.6, 0.8] }];
    let syncs = Fault::new(Operation::Sync, directory.path(), "wal-", usize::MAX, EIO);
    let count = || syncs.passed();
    assert!(!index.insert_with(&row(1), Durability::Bulk).unwrap().durable);
    assert_eq!(count(), 0);
    assert!(index.view().contains(1), "acknowledged, so visible");
    assert!(index.insert_with(&row(2), Durability::Group).unwrap().durable);
    assert_eq!(count(), 1);
    assert!(index.insert_with(&row(3), Durability::Each).unwrap().durable);
    assert_eq!(count(), 2);
    index.sync().unwrap();
    assert_eq!(count(), 2, "nothing was left to sync");
    index.insert_with(&row(4), Durability::Bulk).unwrap();
    index.sync().unwrap();
    assert_eq!(count(), 3);
    assert!(!index.insert_with(&row(5), Durability::Interval).unwrap().durable);
    assert!(index.view().contains(5), "acknowledged, so visible");
    // However slow the machine is, the sync comes by itself.
    while count() < 4 {
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_cannot_be_removed_is_no_erased_row() {
    for name in ["seg-", "wal-"] {
        let (directory, index) = scratch(1, 100);
        insert(&index, 1, 0..10).unwrap();
        if name == "seg-" {
            index.seal().unwrap();
        }
        index.delete(&[3]).unwrap();
        let fault = Fault::new(Operation::Remove, directory.path(), name, 0, EIO);
        match index.purge() {
            Err(Error::Io { path, .. }) => assert!(path.to_string_lossy().contains(name), "{path:?}"),
            other => panic!("{other:?}"),
        }
        drop(fault);
        index.purge().unwrap();
        drop(index);
        assert!(Index::check_at(&directory.path().join("index")).unwrap().unknown.is_empty());
    }
}

#[test]
fn a_shortage_of_memory_is_no_damage() {
    let (directory, index) = scratch(1, 100);
    insert(&index, 1, 0..10).unwrap();
    index.seal().unwrap();
    insert(&index, 1, 10..20).unwrap();
    index.delete(&[3, 12]).unwrap();
    index.seal().unwrap();
    let path = directory.path().join("index");
    let checks = |what: &str, index: Option<&Index>| {
        for error in [libc::ENOMEM, libc::EMFILE] {
            for operation in [Operation::Open, Operation::Read] {
                let fault = Fault::new(operation, &path, what, 0, error);
                let checked = index.map_or_else(|| Index::check_at(&path), Index::check);
                match (checked, fault.failures()) {
                    (Err(Error::OutOfMemory { .. }), 1..) => assert_eq!(error, libc::ENOMEM),
                    (Err(Error::TooManyFiles { .. }), 1..) => assert_eq!(error, libc::EMFILE),
                    (Ok(report), 0) => assert!(report.is_clean()),
                    other => panic!("{what} {operation:?} {error}: {other:?}"),
                }
            }
        }
    };
    let files = ["seg-", "tomb-", "erased-", "wal-", "MANIFEST"];
    files.iter().for_each(|what| checks(what, Some(&index)));
    index.close().unwrap();
    files.iter().for_each(|what| checks(what, None));
}
