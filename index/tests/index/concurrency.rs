//! Many threads at once.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use gallerist_index::{Durability, Error, Index, Options, Row, View};

use crate::oracle::{Oracle, Random, borrowed, rows, scratch, vector};

const DIMENSION: usize = 8;

/// Rows of a group that are always written and deleted together.
const TOGETHER: u64 = 7;

/// Ids `first..first + TOGETHER` of one group.
fn together(group: u64, first: u64) -> Vec<(u64, u64, Vec<f32>)> {
    (first..first + TOGETHER).map(|id| (id, group, vector(DIMENSION, id))).collect()
}

/// Rows are there as they were written, and those that were written together are there together.
fn assert_consistent(view: &View) {
    let found = Oracle::of(view);
    let mut batches: BTreeMap<u64, u64> = BTreeMap::new();
    for (id, (group, stored)) in &found.0 {
        assert_eq!(stored, &vector(DIMENSION, *id), "row {id} of group {group}");
        *batches.entry(id / TOGETHER).or_default() += 1;
    }
    for (batch, count) in batches {
        assert_eq!(count, TOGETHER, "only some rows of batch {batch}");
    }
    assert_eq!(view.len(), found.0.len());
    let probe = vector(DIMENSION, 5);
    let hits = view.query(&probe).unwrap().top_k(9).unwrap();
    assert_eq!(hits.hits, found.ranked(&probe)[..found.0.len().min(9)]);
    assert_eq!(Oracle::of(view), found, "a view never changes");
}

/// Writes batches, deletes some of them in one of two ways, and returns what is left. Adds ids that stay to `stays`.
fn write(index: &Index, writer: u64, stays: &Mutex<Vec<u64>>) -> Oracle {
    let mut left = Oracle::default();
    let mut random = Random(writer);
    for step in 0..60 {
        // A group of its own, or one of all writers.
        let group = if random.below(2) == 0 { 1000 * writer + step } else { random.below(5) };
        let rows = together(group, (writer * 1000 + step) * TOGETHER);
        let durability = [Durability::Group, Durability::Each, Durability::Bulk][random.below(3) as usize];
        index.insert_with(&borrowed(&rows), durability).unwrap();
        let ids: Vec<u64> = rows.iter().map(|row| row.0).collect();
        assert!(ids.iter().all(|&id| index.view().contains(id)), "acknowledged, so visible");
        let receipt = match random.below(4) {
            0 => index.delete(&ids).unwrap(),
            1 if group >= 5 => index.delete_group(group).unwrap(),
            _ => {
                stays.lock().unwrap().push(ids[0]);
                rows.into_iter().for_each(|(id, group, vector)| left.insert(id, group, vector));
                continue;
            }
        };
        assert_eq!(receipt.rows as u64, TOGETHER);
        assert!(!ids.iter().any(|&id| index.view().contains(id)), "acknowledged, so gone");
    }
    left
}

#[test]
fn every_view_is_consistent_and_nothing_is_lost() {
    let options = Options::new(DIMENSION).shards(3).seal_rows(100);
    let (directory, index) = scratch(options);
    let (done, stays) = (AtomicBool::new(false), Mutex::default());
    let expected = thread::scope(|scope| {
        let (index, stays) = (&index, &stays);
        let writers: Vec<_> = (1..5).map(|writer| scope.spawn(move || write(index, writer, stays))).collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut first = None;
                while !done.load(Ordering::Relaxed) {
                    let stays = stays.lock().unwrap().clone();
                    let view = index.view();
                    assert!(stays.iter().all(|&id| view.contains(id)), "acknowledged before, so visible");
                    assert_consistent(&view);
                    first.get_or_insert_with(|| (Oracle::of(&view), view));
                }
                let (found, view) = first.unwrap();
                assert_eq!(Oracle::of(&view), found, "not even after all those seals");
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                index.seal().unwrap();
            }
        });
        let mut expected = Oracle::default();
        for writer in writers {
            expected.0.extend(writer.join().inspect_err(|_| done.store(true, Ordering::Relaxed)).unwrap().0);
        }
        done.store(true, Ordering::Relaxed);
        expected
    });
    expected.assert_equals(&index.view(), &[vector(DIMENSION, 3)]);
    index.close().unwrap();
    let path = directory.path().join("index");
    let report = Index::check_at(&path).unwrap();
    assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
    expected.assert_equals(&Index::open(&path).unwrap().view(), &[vector(DIMENSION, 3)]);
}

#[test]
fn a_check_finds_nothing_wrong_while_writers_and_seals_go_on() {
    let options = Options::new(DIMENSION).shards(2).seal_rows(20);
    for _ in 0..4 {
        let (_directory, index) = scratch(options.clone());
        let (done, stays) = (AtomicBool::new(false), Mutex::default());
        thread::scope(|scope| {
            let (index, stays) = (&index, &stays);
            let writers: Vec<_> =
                (1..3).map(|writer| scope.spawn(move || write(index, writer, stays))).collect();
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let report = index.check().unwrap();
                    assert!(report.is_clean(), "{:?}", report.problems);
                    assert!(report.unknown.is_empty(), "{:?}", report.unknown);
                }
            });
            let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
            done.store(true, Ordering::Relaxed);
            assert!(ended.iter().all(Result::is_ok));
        });
    }
}

#[test]
fn of_many_who_insert_an_id_one_wins() {
    let (directory, index) = scratch(Options::new(DIMENSION).seal_rows(30));
    let (barrier, deleted) = (Barrier::new(8), AtomicUsize::new(0));
    let winners: Vec<HashSet<u64>> = thread::scope(|scope| {
        let contend = |thread: u64| {
            let mut won = HashSet::new();
            for id in 0..100 {
                barrier.wait();
                // Different groups, so that they go to different shards; a second row that nobody wants.
                let (wanted, own) = (vector(DIMENSION, thread), vector(DIMENSION, 50));
                let row = |id, vector| Row { id, group: thread * 31 + id, vector };
                match index.insert(&[row(1_000_000 + id * 8 + thread, &own), row(id, &wanted)]) {
                    Ok(receipt) => assert!(receipt.rows == 2 && won.insert(id)),
                    Err(Error::DuplicateId { row: 1, id: taken }) => assert_eq!(taken, id),
                    Err(error) => panic!("{error}"),
                }
                barrier.wait();
                if id % 3 == 0 {
                    deleted.fetch_add(index.delete(&[id]).unwrap().rows, Ordering::Relaxed);
                }
            }
            won
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(move || contend(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(deleted.into_inner(), 34, "each row was deleted once");
    drop(index);
    let index = Index::open(&directory.path().join("index")).unwrap();
    let view = index.view();
    for id in 0..100 {
        let thread: Vec<u64> = (0..8).filter(|&thread| winners[thread as usize].contains(&id)).collect();
        assert_eq!(thread.len(), 1, "id {id} was inserted by {thread:?}");
        let expected = (id % 3 != 0).then(|| vector(DIMENSION, thread[0]));
        assert_eq!(view.get(id).unwrap().map(|row| row.vector), expected);
        let others = (0..8).filter(|thread| view.contains(1_000_000 + id * 8 + thread));
        assert_eq!(others.collect::<Vec<_>>(), thread, "who lost inserted nothing");
    }
}

#[test]
fn writers_of_one_group_lose_nothing() {
    let (directory, index) = scratch(Options::new(DIMENSION).seal_rows(64));
    thread::scope(|scope| {
        for writer in 0..6u64 {
            let index = &index;
            scope.spawn(move || {
                for id in (0..50).map(|step| writer * 50 + step) {
                    let receipt = index.insert(&borrowed(&[(id, 7, vector(DIMENSION, id))])).unwrap();
                    assert!(receipt.durable && receipt.sequences.len() == 1);
                }
            });
        }
    });
    let all: Vec<u64> = (0..300).collect();
    assert_eq!(index.view().group_ids(7), all);
    drop(index);
    let index = Index::open(&directory.path().join("index")).unwrap();
    assert_eq!(index.view().group_ids(7), all);
}

#[test]
fn a_write_of_many_frames_appears_at_once() {
    let (_directory, index) = scratch(Options::new(2).shards(1));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let rows = index.view().len();
                assert_eq!(rows % 10_000, 0, "{rows} rows");
            }
        });
        for write in 0..20u64 {
            let rows: Vec<Row<'_>> = (write * 10_000..(write + 1) * 10_000)
                .map(|id| Row { id, group: write, vector: &[0.6, 0.8] })
                .collect();
            index.insert_with(&rows, Durability::Bulk).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(index.view().len(), 200_000);
}

/// A group in each shard of two.
fn groups(index: &Index) -> [u64; 2] {
    let shard = |group| {
        let row = (u64::MAX - group, group, vector(index.options().dimension, group));
        let (shard, _) = index.insert(&borrowed(&[row])).unwrap().sequences[0];
        index.delete_group(group).unwrap();
        shard
    };
    [0, 1].map(|wanted| (0..).find(|&group| shard(group) == wanted).unwrap())
}

/// Whether a segment is being written.
fn is_sealing(index: &Index) -> bool {
    let mut names = fs::read_dir(index.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.any(|name| name.to_string_lossy().starts_with("tmp-seg-"))
}

#[test]
fn writers_of_other_shards_go_on_while_a_shard_is_sealed() {
    // Tried until inserts were seen to begin and end within a seal. If writers had to wait, none ever would.
    let dimension = 128;
    for _ in 0..50 {
        let (_directory, index) = scratch(Options::new(dimension).shards(2));
        let [sealed, other] = groups(&index);
        let mut many = rows(dimension, 0..10_000, 1);
        many.iter_mut().for_each(|row| row.1 = sealed);
        index.insert(&borrowed(&many)).unwrap();
        let within = thread::scope(|scope| {
            let seal = scope.spawn(|| index.seal().unwrap());
            while !is_sealing(&index) && !seal.is_finished() {
                thread::yield_now();
            }
            let insert = |id| {
                let began = is_sealing(&index);
                index.insert(&borrowed(&[(id, other, vector(dimension, id))])).unwrap();
                began && is_sealing(&index)
            };
            (50_000..).take_while(|&id| insert(id)).count()
        });
        assert_eq!(index.view().len(), 10_000 + within + 1);
        if within > 0 {
            return;
        }
    }
    panic!("no writer ever went on");
}
