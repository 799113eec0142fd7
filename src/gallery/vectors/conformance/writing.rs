//! Checks of writes and their effects.

use super::{D, Place, Row, axis, expect_none, expect_rows, filled, people, row, rows, vectors};
use crate::gallery::vectors::{Access, Query, Stored, VectorErrorKind, VectorStore};

pub fn a_new_store_is_empty<P: Place>() {
    let (_place, store) = P::create(D);
    let identity = store.identity();
    assert_eq!((identity.dimension, identity.label.as_str()), (D, "model"));
    expect_rows(&*store.snapshot().unwrap(), &[]);
    assert!(store.watermarks().unwrap().iter().all(|watermark| *watermark == 0));
    let statistics = store.statistics().unwrap();
    assert_eq!((statistics.deleted, statistics.segments, statistics.buffered), (0, 0, 0));
    assert!(store.check(true).unwrap().problems.is_empty());
}

/// Requires that the store refuses these rows and does not change.
fn refuses(store: &dyn VectorStore, bad: &[Row<'_>], kind: VectorErrorKind) {
    let (before, watermarks) = (store.snapshot().unwrap(), store.watermarks().unwrap());
    let error = store.insert(bad, 77).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let stored: Vec<Stored> = before.rows().map(Result::unwrap).collect();
    expect_rows(&*store.snapshot().unwrap(), &stored);
    assert_eq!(store.watermarks().unwrap(), watermarks);
}

pub fn an_insertion_with_a_bad_row_writes_nothing<P: Place>() {
    let stored = people(12, 1);
    let (_place, store) = filled::<P>(&stored);
    let more: Vec<Stored> = (20..40).map(|id| row(id, id, axis(id as usize))).collect();
    let nan = vec![f32::NAN; D];
    let bad = [
        (Row { id: 50, subject: 50, vector: &[1.0] }, VectorErrorKind::WrongDimension),
        (Row { id: 50, subject: 50, vector: &nan }, VectorErrorKind::InvalidVector),
        (Row { id: 3, subject: 50, vector: &more[0].vector }, VectorErrorKind::DuplicateId),
        (Row { id: 30, subject: 50, vector: &more[0].vector }, VectorErrorKind::DuplicateId),
    ];
    for (bad, kind) in bad {
        for at in [0, 9, 20] {
            let mut batch = rows(&more);
            batch.insert(at, bad);
            refuses(&*store, &batch, kind);
        }
    }
    // Refused rows do not use their ids.
    store.insert(&rows(&more), 2).unwrap();
    expect_rows(&*store.snapshot().unwrap(), &[stored, more].concat());
}

pub fn ids_that_are_taken_are_refused<P: Place>() {
    let stored = people(12, 2);
    let (_place, store) = filled::<P>(&stored);
    let vector = axis(0);
    for subject in [stored[4].subject, 900] {
        refuses(&*store, &[Row { id: 5, subject, vector: &vector }], VectorErrorKind::DuplicateId);
    }
    let twice = Row { id: 70, subject: 7, vector: &vector };
    refuses(&*store, &[twice, twice], VectorErrorKind::DuplicateId);
    store.delete(&[5], 2).unwrap();
    // The id of a deleted row may be used again.
    store.insert(&[Row { id: 5, subject: 900, vector: &vector }], 3).unwrap();
    P::arrange(&*store);
    let again = store.snapshot().unwrap().get(5).unwrap();
    assert_eq!(again, Some(row(5, 900, vector)));
}

pub fn vectors_of_another_dimension_are_refused<P: Place>() {
    let (_place, store) = P::create(D);
    for length in [0, 1, D - 1, D + 1, 2 * D] {
        let mut vector = vec![0.0; length];
        vector.iter_mut().take(1).for_each(|first| *first = 1.0);
        refuses(&*store, &[Row { id: 1, subject: 1, vector: &vector }], VectorErrorKind::WrongDimension);
    }
}

pub fn vectors_that_are_no_templates_are_refused<P: Place>() {
    let (_place, store) = P::create(D);
    for (at, value) in
        [(0, f32::NAN), (D - 1, f32::NAN), (3, f32::INFINITY), (3, f32::NEG_INFINITY), (0, 1e30), (1, 0.5)]
    {
        let mut vector = axis(0);
        vector[at] = value;
        refuses(&*store, &[Row { id: 1, subject: 1, vector: &vector }], VectorErrorKind::InvalidVector);
    }
    refuses(&*store, &[Row { id: 1, subject: 1, vector: &[0.0; D] }], VectorErrorKind::InvalidVector);
}

pub fn deleted_rows_are_gone<P: Place>() {
    let stored = people(60, 3);
    let (_place, store) = filled::<P>(&stored);
    let (gone, kept): (Vec<Stored>, Vec<Stored>) = stored.into_iter().partition(|row| row.id % 3 == 2);
    let ids: Vec<u64> = gone.iter().map(|row| row.id).collect();
    // Unknown and repeated ids are ignored.
    store.delete(&[&ids[..], &[9999, ids[0], 0]].concat(), 2).unwrap();
    for _ in 0..2 {
        let view = store.snapshot().unwrap();
        expect_rows(&*view, &kept);
        expect_none(&*view, &gone);
        let probes = [&gone[0].vector[..]];
        for answers in [
            view.top(&Query::new(&probes), 60),
            view.top_subjects(&Query::new(&probes), 60),
            view.range(&Query::new(&probes), -1.1),
        ] {
            assert!(answers.unwrap()[0].hits.iter().all(|hit| !ids.contains(&hit.id)));
        }
        P::arrange(&*store);
    }
    store.delete(&[], 3).unwrap();
    assert_eq!(store.snapshot().unwrap().len(), 40);
}

pub fn a_purge_erases_deleted_rows<P: Place>() {
    let stored = people(60, 4);
    let (_place, store) = filled::<P>(&stored);
    store.delete(&[1, 2, 3], 2).unwrap();
    assert_eq!(store.statistics().unwrap().deleted, 3);
    assert!(store.statistics().unwrap().bytes > 0);
    store.purge_room().unwrap();
    assert_eq!(store.purge().unwrap().held_by_views, 0);
    assert_eq!(store.statistics().unwrap().deleted, 0);
    expect_rows(&*store.snapshot().unwrap(), &stored[3..]);
    assert!(store.check(true).unwrap().problems.is_empty());
}

pub fn watermarks_are_kept_by_the_shards_that_were_written<P: Place>() {
    let (place, store) = P::create(D);
    let stored = people(60, 5);
    let mut expected = store.watermarks().unwrap();
    let shards = expected.len();
    let written = |expected: &mut Vec<u64>, shards: &[u16], watermark: u64| {
        assert!(!shards.is_empty());
        shards.iter().for_each(|&shard| expected[usize::from(shard)] = watermark);
    };
    let receipt = store.insert(&rows(&stored), 10).unwrap();
    written(&mut expected, &receipt.shards, 10);
    assert_eq!(store.watermarks().unwrap(), expected);
    // The rows of a subject are in one shard.
    let one = [Row { id: 500, subject: stored[0].subject, vector: &axis(0) }];
    let receipt = store.insert(&one, 20).unwrap();
    assert_eq!(receipt.shards.len(), 1);
    written(&mut expected, &receipt.shards, 20);
    assert_eq!(store.delete(&[500], 30).unwrap().shards, receipt.shards);
    written(&mut expected, &receipt.shards, 30);
    assert_eq!(store.watermarks().unwrap(), expected);
    // A write without rows sets the watermark of shard 0. A lower watermark changes nothing.
    assert_eq!(store.insert(&[], 40).unwrap().shards, [0]);
    assert_eq!(store.delete(&[], 50).unwrap().shards, [0]);
    store.set_watermark(60).unwrap();
    store.set_watermark(55).unwrap();
    expected[0] = 60;
    P::arrange(&*store);
    assert_eq!(store.watermarks().unwrap(), expected);
    drop(store);
    if let Some(store) = place.reopen(Access::ReadOnly) {
        assert_eq!(store.watermarks().unwrap(), expected);
        assert_eq!(expected.len(), shards);
    }
}

pub fn acknowledged_writes_are_there_after_reopening<P: Place>() {
    let mut stored = people(60, 6);
    let (place, mut store) = filled::<P>(&stored);
    let identity = store.identity();
    for round in 0..3 {
        let added = row(600 + round, 6000 + round, vectors(1, round).remove(0));
        store.insert(&rows(std::slice::from_ref(&added)), 10 + round).unwrap();
        stored.push(added);
        let gone = stored.remove(2 * round as usize).id;
        store.delete(&[gone], 20 + round).unwrap();
        drop(store);
        let access = if round == 1 { Access::ReadOnly } else { Access::ReadWrite };
        let Some(opened) = place.reopen(access) else { return };
        store = opened;
        assert_eq!(store.identity(), identity);
        let view = store.snapshot().unwrap();
        expect_rows(&*view, &stored);
        assert!(!view.contains(gone).unwrap());
        if access == Access::ReadOnly {
            drop(store);
            store = place.reopen(Access::ReadWrite).unwrap();
        }
    }
    assert!(store.check(false).unwrap().problems.is_empty());
}

pub fn a_store_that_is_open_to_read_refuses_writes<P: Place>() {
    let stored = people(9, 7);
    let (place, store) = filled::<P>(&stored);
    drop(store);
    let Some(store) = place.reopen(Access::ReadOnly) else { return };
    let watermarks = store.watermarks().unwrap();
    refuses(&*store, &[Row { id: 70, subject: 7, vector: &axis(0) }], VectorErrorKind::ReadOnly);
    assert_eq!(store.delete(&[1], 5).unwrap_err().kind(), VectorErrorKind::ReadOnly);
    assert_eq!(store.set_watermark(5).unwrap_err().kind(), VectorErrorKind::ReadOnly);
    assert_eq!(store.purge().unwrap_err().kind(), VectorErrorKind::ReadOnly);
    expect_rows(&*store.snapshot().unwrap(), &stored);
    assert_eq!(store.watermarks().unwrap(), watermarks);
}

pub fn threads_write_and_read_at_once<P: Place>() {
    let (_place, store) = P::create(D);
    let stored = people(96, 8);
    std::thread::scope(|scope| {
        for block in stored.chunks(24) {
            let store = &store;
            scope.spawn(move || {
                for some in block.chunks(6) {
                    store.insert(&rows(some), 1).unwrap();
                    // Every later snapshot contains the acknowledged writes.
                    let view = store.snapshot().unwrap();
                    assert!(some.iter().all(|row| view.get(row.id).unwrap().as_ref() == Some(row)));
                }
            });
        }
    });
    expect_rows(&*store.snapshot().unwrap(), &stored);
}
