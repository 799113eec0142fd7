//! Copies of a living index, and putting them back: whole, and without what was deleted since.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gallerist_index::{Error, Index, Options};

use crate::oracle::{Oracle, READ_ONLY, borrowed, copy, rows, scratch, vector};

const DIMENSION: usize = 4;

fn small(shards: u16, seal_rows: usize) -> (tempfile::TempDir, Index) {
    scratch(Options::new(DIMENSION).shards(shards).seal_rows(seal_rows).background_compaction(false))
}

fn insert(index: &Index, oracle: &mut Oracle, ids: std::ops::Range<u64>) {
    let given = rows(DIMENSION, ids, 3);
    index.insert(&borrowed(&given)).unwrap();
    given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
}

fn delete(index: &Index, oracle: &mut Oracle, ids: &[u64]) {
    assert_eq!(index.delete(ids).unwrap().rows, ids.len());
    ids.iter().for_each(|id| drop(oracle.0.remove(id)));
}

#[test]
fn a_snapshot_is_the_index_as_it_was() {
    let (directory, index) = small(3, 1000);
    let mut oracle = Oracle::default();
    insert(&index, &mut oracle, 0..300);
    index.seal().unwrap();
    delete(&index, &mut oracle, &[3, 4, 100]);
    insert(&index, &mut oracle, 300..400);
    let (snapshot, restored) = (directory.path().join("snapshot"), directory.path().join("restored"));
    let report = index.snapshot(&snapshot).unwrap();
    assert!(report.files > report.linked, "{report:?}");
    let then = oracle.clone();
    insert(&index, &mut oracle, 400..500);
    assert_eq!(Index::restore(&snapshot, &restored, None).unwrap().rows, then.0.len() as u64);
    then.assert_equals(&Index::open(&restored).unwrap().view(), &[vector(DIMENSION, 5)]);
    oracle.assert_equals(&index.view(), &[vector(DIMENSION, 5)]);
    assert!(matches!(index.snapshot(&snapshot), Err(Error::AlreadyExists { .. })));
    assert!(matches!(Index::restore(&snapshot, &restored, None), Err(Error::AlreadyExists { .. })));
    let nowhere = directory.path().join("nowhere");
    assert!(matches!(
        Index::restore(&nowhere, &directory.path().join("x"), None),
        Err(Error::NotAnIndex { .. })
    ));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "failures leave nothing");
    for path in [&snapshot, &restored] {
        let report = Index::check_at(path).unwrap();
        assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
    }
    // The index goes, the snapshot stays.
    drop(index);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    let again = directory.path().join("again");
    Index::restore(&snapshot, &again, None).unwrap();
    then.assert_equals(&Index::open(&again).unwrap().view(), &[]);
}

#[test]
fn what_was_deleted_since_does_not_come_back() {
    let (directory, index) = small(2, 1000);
    let mut oracle = Oracle::default();
    insert(&index, &mut oracle, 0..60);
    index.seal().unwrap();
    insert(&index, &mut oracle, 60..90);
    // Deleted and enrolled again before the snapshot: the second row is none of what was deleted.
    delete(&index, &mut oracle, &[7, 65]);
    let again = [7u64, 65].map(|id| (id, id / 3, vector(DIMENSION, id + 5000)));
    index.insert(&borrowed(&again)).unwrap();
    again.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    let snapshot = directory.path().join("snapshot");
    index.snapshot(&snapshot).unwrap();
    let mut expected = oracle.clone();

    let gone = [1, 20, 64, 66, 88];
    delete(&index, &mut oracle, &gone);
    // Afterwards the id belongs to somebody else; the old row must not come back for that.
    index.insert(&borrowed(&[(20, 999, vector(DIMENSION, 20_000))])).unwrap();
    index.purge().unwrap();
    index.delete(&[2]).unwrap();
    gone.iter().chain(&[2]).for_each(|id| drop(expected.0.remove(id)));
    let restored = directory.path().join("restored");
    let report = Index::restore(&snapshot, &restored, Some(&index.erasures().unwrap())).unwrap();
    assert_eq!((report.erased, report.rows), (6, expected.0.len() as u64));
    let back = Index::open(&restored).unwrap();
    expected.assert_equals(&back.view(), &[vector(DIMENSION, 1)]);
    assert_eq!(back.stats().deleted_rows, 0, "not even as tombstones");
    let (other_directory, other) = small(2, 10);
    let target = other_directory.path().join("restored");
    let refused = Index::restore(&snapshot, &target, Some(&other.erasures().unwrap()));
    assert!(matches!(refused, Err(Error::OtherIndex { .. })));
    assert!(!target.exists());
}

#[test]
fn deletions_are_remembered_through_many_seals_and_reopenings() {
    let (directory, index) = small(1, 1000);
    let mut oracle = Oracle::default();
    insert(&index, &mut oracle, 0..200);
    let snapshot = directory.path().join("snapshot");
    index.snapshot(&snapshot).unwrap();
    let (path, mut index) = (index.path().to_owned(), Some(index));
    for id in 0..40 {
        let open = index.as_ref().unwrap();
        delete(open, &mut oracle, &[id * 5]);
        open.seal().unwrap();
        if id % 7 == 0 {
            index.take().unwrap().close().unwrap();
            index = Some(Index::open(&path).unwrap());
        }
    }
    let index = index.unwrap();
    let lists = fs::read_dir(&path).unwrap();
    let lists: Vec<_> = lists
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "list"))
        .collect();
    assert!((1..=17).contains(&lists.len()), "{}", lists.len());
    let erasures = index.erasures().unwrap();
    assert_eq!(erasures.len(), 40);
    Index::restore(&snapshot, &directory.path().join("restored"), Some(&erasures)).unwrap();
    oracle.assert_equals(&Index::open(&directory.path().join("restored")).unwrap().view(), &[]);

    let mut bytes = fs::read(&lists[0]).unwrap();
    bytes[80] ^= 1;
    fs::write(&lists[0], bytes).unwrap();
    assert!(matches!(index.erasures(), Err(Error::Damaged { path, .. }) if path == lists[0]));
    assert_eq!(index.check().unwrap().problems[0].path, lists[0]);
}

#[test]
fn a_snapshot_of_a_busy_index_holds_what_was_acknowledged_before() {
    let (directory, index) = small(3, 40);
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Bounded: what grows for as long as it is copied is never copied.
            for number in 0..3000 {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                index.insert(&borrowed(&rows(DIMENSION, number * 6..number * 6 + 6, 6))).unwrap();
                acknowledged.store(number + 1, Ordering::Relaxed);
                if number % 200 == 199 {
                    index.compact().unwrap();
                }
            }
        });
        for round in 0..12 {
            let before = acknowledged.load(Ordering::Relaxed);
            let snapshot = directory.path().join(format!("snapshot-{round}"));
            index.snapshot(&snapshot).unwrap();
            let after = acknowledged.load(Ordering::Relaxed);
            let restored = directory.path().join(format!("restored-{round}"));
            Index::restore(&snapshot, &restored, None).unwrap();
            let held = Oracle::of(&Index::open(&restored).unwrap().view());
            let groups: std::collections::BTreeSet<u64> = held.0.values().map(|row| row.0).collect();
            assert_eq!(held.0.len(), groups.len() * 6, "no half of a group");
            assert!((0..before).all(|group| groups.contains(&group)), "round {round}");
            assert!(groups.iter().all(|&group| group <= after), "round {round}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_being_written_is_not_restored_from() {
    let (directory, index) = small(2, 1000);
    let mut oracle = Oracle::default();
    insert(&index, &mut oracle, 0..100);
    let restored = directory.path().join("restored");
    match Index::restore(index.path(), &restored, None) {
        Err(Error::Locked { path, holder }) => {
            assert_eq!((path, &*holder), (index.path().to_owned(), "this very process"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left");
    let path = index.path().to_owned();
    index.close().unwrap();
    let reader = Index::open_with(&path, &READ_ONLY).unwrap();
    Index::restore(&path, &restored, None).unwrap();
    oracle.assert_equals(&reader.view(), &[]);
    oracle.assert_equals(&Index::open(&restored).unwrap().view(), &[]);
}

/// What killed snapshots leave: hidden, and full of rows that are purged from the index later.
#[test]
fn copies_that_a_kill_left_are_named_and_removed() {
    let (directory, index) = small(2, 1000);
    let mut oracle = Oracle::default();
    insert(&index, &mut oracle, 0..100);
    index.snapshot(&directory.path().join("taken")).unwrap();
    index.close().unwrap();
    let at = |name: &str| directory.path().join(name);
    let [killed, alive] = [".snap.new-0123456789abcdef", ".other.new-00000000deadbeef"].map(at);
    let strangers = [".snap.new-0123", "snap.new-0123456789abcdef", ".notes.new-0123456789abcdef"].map(at);
    for path in [&killed, &alive].into_iter().chain(&strangers) {
        copy(&at("taken"), path);
    }
    fs::write(strangers[2].join("letter.txt"), "mine").unwrap();
    // What a living snapshot holds.
    let claim = fs::File::open(&alive).unwrap();
    claim.lock().unwrap();

    let path = at("index");
    assert_eq!(Index::check_at(&path).unwrap().abandoned, std::slice::from_ref(&killed));
    let reader = Index::open_with(&path, &READ_ONLY).unwrap();
    assert_eq!(reader.check().unwrap().abandoned, std::slice::from_ref(&killed));
    drop(reader);
    let index = Index::open(&path).unwrap();
    assert!(!killed.exists() && alive.exists() && strangers.iter().all(|path| path.exists()));
    drop(claim);
    index.snapshot(&at("second")).unwrap();
    assert!(!alive.exists() && strangers.iter().all(|path| path.exists()));
    assert!(index.check().unwrap().abandoned.is_empty());
}
