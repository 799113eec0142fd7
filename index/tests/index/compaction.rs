//! Segments that are merged and rewritten: fewer files, the same answers, and bytes that are gone when they should be.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gallerist_index::{Index, Options};

use crate::oracle::{Oracle, borrowed, rows, scratch, vector};

fn small(shards: u16) -> (tempfile::TempDir, Index) {
    scratch(Options::new(6).shards(shards).seal_rows(50))
}

/// Inserts rows and seals after each so many.
fn fill(index: &Index, oracle: &mut Oracle, ids: std::ops::Range<u64>, per_segment: u64) {
    for start in ids.clone().step_by(per_segment as usize) {
        let given = rows(6, start..ids.end.min(start + per_segment), 3);
        index.insert(&borrowed(&given)).unwrap();
        given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
        index.seal().unwrap();
    }
}

fn delete(index: &Index, oracle: &mut Oracle, ids: impl Iterator<Item = u64>) {
    let ids: Vec<u64> = ids.collect();
    assert_eq!(index.delete(&ids).unwrap().rows, ids.len());
    ids.iter().for_each(|id| drop(oracle.0.remove(id)));
}

#[test]
fn many_small_segments_become_few_and_nothing_else_changes() {
    let (directory, index) = small(3);
    let mut oracle = Oracle::default();
    fill(&index, &mut oracle, 0..1500, 30);
    delete(&index, &mut oracle, (0..1500).step_by(7));
    let before = index.view();
    let compaction = index.compact().unwrap();
    assert!(compaction.segments <= 21 && compaction.segments == index.stats().segments, "{compaction:?}");
    let probes = [vector(6, 1), vector(6, 77), oracle.0[&5].1.clone()];
    oracle.assert_equals(&index.view(), &probes);
    oracle.assert_equals(&before, &probes);
    assert!(index.check().unwrap().is_clean());
    assert_eq!(index.compact().unwrap().rewritten, 0, "nothing is left to do");
    drop(before);
    index.close().unwrap();
    let path = directory.path().join("index");
    let report = Index::check_at(&path).unwrap();
    assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
    oracle.assert_equals(&Index::open(&path).unwrap().view(), &probes);
}

#[test]
fn a_view_keeps_the_files_it_was_taken_with() {
    let (directory, index) = small(1);
    let mut oracle = Oracle::default();
    fill(&index, &mut oracle, 0..40, 40);
    let before = (index.view(), oracle.clone());
    let segments = || {
        let names = fs::read_dir(directory.path().join("index")).unwrap();
        names
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "seg"))
            .count()
    };
    delete(&index, &mut oracle, 0..5);
    let receipt = index.purge().unwrap();
    assert_eq!((receipt.erased, receipt.waiting), (0, 5), "the view has them");
    assert_eq!((receipt.rewritten, receipt.held_by_views), (1, 1));
    let again = index.purge().unwrap();
    assert_eq!((again.erased, again.waiting, again.held_by_views), (0, 5, 1), "it still has");
    assert_eq!(segments(), 2);
    before.1.assert_equals(&before.0, &[vector(6, 2)]);
    oracle.assert_equals(&index.view(), &[vector(6, 2)]);
    drop(before);
    assert_eq!(segments(), 1, "the old file went with the last view");
}

#[test]
fn rows_that_die_during_a_compaction_stay_dead() {
    let (directory, index) = small(2);
    let mut oracle = Oracle::default();
    fill(&index, &mut oracle, 0..2000, 50);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.compact().unwrap();
                index.purge().unwrap();
            }
        });
        for id in (0..2000).step_by(3) {
            delete(&index, &mut oracle, std::iter::once(id));
            if id % 5 == 0 {
                // The same id again, for somebody else.
                let again = vec![(id, id + 7000, vector(6, id + 7000))];
                index.insert(&borrowed(&again)).unwrap();
                oracle.insert(id, id + 7000, again[0].2.clone());
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    oracle.assert_equals(&index.view(), &[vector(6, 9)]);
    assert!(index.check().unwrap().is_clean());
    index.close().unwrap();
    oracle.assert_equals(&Index::open(&directory.path().join("index")).unwrap().view(), &[vector(6, 9)]);
}

/// A compaction that read its sources before the deletion makes a segment that holds the deleted row.
#[test]
fn a_purge_erases_what_a_compaction_under_way_still_held() {
    let (_directory, index) = small(1);
    let mut oracle = Oracle::default();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.compact().unwrap();
            }
        });
        for round in 0..40 {
            fill(&index, &mut oracle, round * 80..(round + 1) * 80, 10);
            delete(&index, &mut oracle, (round * 80..(round + 1) * 80).step_by(7));
            index.purge().unwrap();
            let left = index.stats().deleted_rows;
            if left > 0 {
                done.store(true, Ordering::Relaxed);
            }
            assert_eq!(left, 0, "round {round}");
        }
        done.store(true, Ordering::Relaxed);
    });
    oracle.assert_equals(&index.view(), &[vector(6, 9)]);
}

/// Every byte of every file.
fn bytes_of(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { bytes_of(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn what_was_purged_is_in_no_file() {
    let (directory, index) = small(2);
    let mut oracle = Oracle::default();
    // Some in segments, some in logs; ids that occur nowhere by chance.
    let id = |n: u64| 0x5eed_0000_0000_0000 + n * 0x0001_0001;
    let given: Vec<_> = (0..120).map(|n| (id(n), n / 3, vector(6, n))).collect();
    index.insert(&borrowed(&given[..90])).unwrap();
    index.seal().unwrap();
    index.insert(&borrowed(&given[90..])).unwrap();
    given.iter().for_each(|(id, group, vector)| oracle.insert(*id, *group, vector.clone()));
    let gone: Vec<u64> = (0..120).step_by(6).map(id).collect();
    delete(&index, &mut oracle, gone.iter().copied());
    let traces = |index: &Index| {
        let all = bytes_of(index.path());
        let of = |ids: &[u64]| {
            given
                .iter()
                .filter(|(id, ..)| ids.contains(id))
                .filter(|(id, _, vector)| {
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    holds(&all, &id.to_le_bytes()) || holds(&all, &bytes)
                })
                .count()
        };
        let kept: Vec<u64> = oracle.0.keys().copied().collect();
        (of(&gone), of(&kept))
    };
    assert_eq!(traces(&index), (20, 100), "deleted is not erased");
    let receipt = index.purge().unwrap();
    assert_eq!((receipt.erased, receipt.held_by_views), (20, 0));
    assert_eq!(traces(&index), (0, 100));
    index.close().unwrap();
    let index = Index::open(&directory.path().join("index")).unwrap();
    assert_eq!(traces(&index), (0, 100));
    oracle.assert_equals(&index.view(), &[vector(6, 3)]);
}

/// Runs something while others insert and delete without end, and returns when it does.
fn beside_deletions<T: Send>(index: &Index, first: u64, act: impl FnOnce(&Index) -> T + Send) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for id in (first..).step_by(10) {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                index.insert(&borrowed(&rows(6, id..id + 10, 1))).unwrap();
                index.delete(&(id..id + 9).collect::<Vec<_>>()).unwrap();
                // Of a segment that is there already, so that each has dead rows whenever it is looked at.
                index.delete(&[(id / 10) % 3000]).unwrap();
            }
        });
        let result = act(index);
        done.store(true, Ordering::Relaxed);
        result
    })
}

#[test]
fn a_purge_and_a_compaction_end_while_others_delete() {
    let (_directory, index) = small(2);
    let mut oracle = Oracle::default();
    fill(&index, &mut oracle, 0..3000, 300);
    delete(&index, &mut oracle, (0..3000).step_by(3));
    let purged = beside_deletions(&index, 1_000_000, |index| index.purge().unwrap());
    assert!(purged.erased + purged.waiting >= 1000, "all that were deleted before: {purged:?}");
    beside_deletions(&index, 2_000_000, |index| index.compact().unwrap());
    beside_deletions(&index, 3_000_000, |index| index.seal().unwrap());
    assert!(index.check().unwrap().is_clean());
    index.purge().unwrap();
    assert_eq!(index.stats().deleted_rows, 0);
}
