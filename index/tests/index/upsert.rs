//! Upserts: rows inserted or replaced by id, in one commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gallerist_index::{Durability, Error, Index, Options, Row};
use proptest::prelude::*;

use crate::oracle::{Oracle, borrowed, quick_directory, scratch, vector};

const DIMENSION: usize = 4;

fn upsert(index: &Index, oracle: &mut Oracle, rows: &[(u64, u64, Vec<f32>)]) -> (usize, usize) {
    let known = rows.iter().filter(|(id, ..)| oracle.0.contains_key(id)).count();
    let receipt = index.upsert(&borrowed(rows)).unwrap();
    rows.iter().cloned().for_each(|(id, group, vector)| oracle.upsert(id, group, vector));
    assert_eq!((receipt.rows, receipt.replaced), (rows.len(), known));
    (receipt.rows, receipt.replaced)
}

#[test]
fn a_row_is_replaced_wherever_it_lies() {
    let (directory, index) = scratch(Options::new(DIMENSION).shards(2).background_compaction(false));
    let mut oracle = Oracle::default();
    let row = |id: u64, salt: u64| (id, id % 3, vector(DIMENSION, id * 100 + salt));
    let batch = |salt| (0..20).map(|id| row(id, salt)).collect::<Vec<_>>();
    assert_eq!(upsert(&index, &mut oracle, &batch(0)), (20, 0));
    assert_eq!(upsert(&index, &mut oracle, &batch(1)), (20, 20), "in a buffer");
    index.seal().unwrap();
    assert_eq!(upsert(&index, &mut oracle, &batch(2)[..10]), (10, 10), "in a segment");
    index.seal().unwrap();
    index.compact().unwrap();
    assert_eq!(upsert(&index, &mut oracle, &batch(3)[5..]), (15, 15), "in a merged segment");
    assert_eq!(upsert(&index, &mut oracle, &[row(7, 4), row(77, 4)]), (2, 1), "one is new");
    oracle.assert_equals(&index.view(), &[vector(DIMENSION, 9)]);
    assert!(index.check().unwrap().is_clean());
    index.purge().unwrap();
    assert_eq!(index.stats().deleted_rows, 0);
    oracle.assert_equals(&index.view(), &[vector(DIMENSION, 9)]);
    index.close().unwrap();
    oracle.assert_equals(&Index::open(&directory.path().join("index")).unwrap().view(), &[]);
}

/// Otherwise its tombstone could be on disk, and the new row not.
#[test]
fn what_replaces_a_row_is_on_disk_when_it_is_seen() {
    let (_directory, index) = scratch(Options::new(DIMENSION));
    let unit = vector(DIMENSION, 1);
    let row = |id| Row { id, group: 1, vector: &unit };
    for durability in [Durability::Bulk, Durability::Interval] {
        let receipt = index.upsert_with(&[row(1), row(2)], durability).unwrap();
        assert_eq!((receipt.replaced, receipt.durable), (0, false), "nothing is replaced");
        let receipt = index.upsert_with(&[row(2), row(3)], durability).unwrap();
        assert_eq!((receipt.replaced, receipt.durable), (1, true));
        index.delete(&[1, 2, 3]).unwrap();
    }
}

#[test]
fn a_row_keeps_its_group_and_a_batch_names_an_id_once() {
    let (_directory, index) = scratch(Options::new(DIMENSION));
    let unit = vector(DIMENSION, 1);
    let row = |id, group| Row { id, group, vector: &unit };
    index.upsert(&[row(1, 10), row(2, 20)]).unwrap();
    let refused = index.upsert(&[row(3, 10), row(2, 10)]);
    assert!(matches!(refused, Err(Error::OtherGroup { row: 1, id: 2, group: 20 })), "{refused:?}");
    let refused = index.upsert(&[row(4, 1), row(4, 1)]);
    assert!(matches!(refused, Err(Error::DuplicateId { row: 1, id: 4 })), "{refused:?}");
    assert_eq!(index.view().len(), 2, "nothing was written");
    index.delete(&[2]).unwrap();
    index.upsert(&[row(2, 10)]).unwrap();
    assert_eq!(index.view().group_of(2), Some(10));
}

/// An old copy does not bring back what an upsert replaced.
#[test]
fn what_was_replaced_does_not_come_back() {
    let (directory, index) = scratch(Options::new(DIMENSION).shards(1));
    let (old, new) = (vector(DIMENSION, 1), vector(DIMENSION, 2));
    index.insert(&[Row { id: 1, group: 1, vector: &old }, Row { id: 2, group: 1, vector: &old }]).unwrap();
    let [snapshot, restored] = ["snapshot", "restored"].map(|name| directory.path().join(name));
    index.snapshot(&snapshot).unwrap();
    index.upsert(&[Row { id: 1, group: 1, vector: &new }]).unwrap();
    let report = Index::restore(&snapshot, &restored, Some(&index.erasures().unwrap())).unwrap();
    assert_eq!((report.rows, report.erased), (1, 1));
    assert!(!Index::open(&restored).unwrap().view().contains(1));
}

#[test]
fn readers_see_the_old_row_or_the_new_one() {
    let (_directory, index) = scratch(Options::new(DIMENSION).shards(2).seal_rows(16));
    let groups = 4;
    let write = |round: u64, durability| {
        let vectors: Vec<Vec<f32>> =
            (0..groups).map(|group| vector(DIMENSION, round * groups + group)).collect();
        let pair = |group: u64| {
            [group, group + groups].map(|id| Row { id, group, vector: &vectors[group as usize] })
        };
        let rows: Vec<Row<'_>> = (0..groups).flat_map(pair).collect();
        index.upsert_with(&rows, durability).unwrap();
    };
    write(0, Durability::Group);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let view = index.view();
                assert_eq!(view.len() as u64, 2 * groups);
                for group in 0..groups {
                    let pair = [group, group + groups].map(|id| view.get(id).unwrap().unwrap().vector);
                    assert_eq!(pair[0], pair[1], "the rows of one group are replaced together");
                }
            }
        });
        for round in 1..200 {
            write(round, if round % 2 == 0 { Durability::Group } else { Durability::Bulk });
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(index.check().unwrap().is_clean());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Each id has a group of its own choosing, so no upsert is refused.
    #[test]
    fn upserts_are_those_of_a_map(
        batches in prop::collection::vec(prop::collection::btree_map(0u64..40, any::<u16>(), 0..12), 1..20),
        shards in 1u16..4,
        seal_rows in 1usize..30,
        reopen in any::<u32>(),
    ) {
        let directory = quick_directory();
        let path = directory.path().join("index");
        let mut index = Index::create(&path, Options::new(DIMENSION).shards(shards).seal_rows(seal_rows)).unwrap();
        let mut oracle = Oracle::default();
        for (place, batch) in batches.iter().enumerate() {
            let rows: Vec<(u64, u64, Vec<f32>)> =
                batch.iter().map(|(&id, &salt)| (id, id % 5, vector(DIMENSION, u64::from(salt)))).collect();
            upsert(&index, &mut oracle, &rows);
            if reopen >> (place % 32) & 1 == 1 {
                index.close().unwrap();
                index = Index::open(&path).unwrap();
            }
            oracle.assert_equals(&index.view(), &[vector(DIMENSION, place as u64)]);
        }
        prop_assert!(index.check().unwrap().is_clean());
    }
}
