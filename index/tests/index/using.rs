//! What programs do with the crate beside inserting and searching.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gallerist_index::{Control, Durability, Erasures, Error, Index, Mode, Options, Row, measure_costs};

use crate::oracle::{Oracle, borrowed, rows, scratch, vector};

#[test]
fn an_index_is_opened_or_created() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    let options = || Options::new(3).shards(2).label("model 1");
    let index = Index::open_or_create(&path, options()).unwrap();
    index.insert(&borrowed(&rows(3, 0..5, 1))).unwrap();
    assert!(matches!(Index::open_or_create(&path, options()), Err(Error::Locked { .. })));
    index.close().unwrap();
    let index = Index::open_or_create(&path, options().shards(7)).unwrap();
    assert_eq!((index.view().len(), index.options().shards), (5, 2), "it keeps its own shape");
    drop(index);
    for (field, other) in [("dimension", Options::new(4).label("model 1")), ("label", Options::new(3))] {
        match Index::open_or_create(&path, other) {
            Err(Error::InvalidOption { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(Index::open_or_create(&path, Options::new(0)), Err(Error::InvalidOption { .. })));
    std::fs::write(directory.path().join("a file"), "").unwrap();
    let taken = Index::open_or_create(directory.path(), options());
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "{taken:?}");
}

#[test]
fn readers_share_an_index() {
    let (directory, index) = scratch(Options::new(3));
    index.insert(&borrowed(&rows(3, 0..5, 1))).unwrap();
    index.close().unwrap();
    let path = directory.path().join("index");
    let readers = [(); 3].map(|()| Index::open_read_only(&path).unwrap());
    assert!(readers.iter().all(|reader| reader.view().len() == 5));
    assert!(matches!(readers[0].upsert(&[]), Err(Error::OpenForReading { .. })));
    assert!(matches!(Index::open(&path), Err(Error::Locked { .. })));
}

#[test]
fn arguments_out_of_their_ranges_are_errors() {
    let (_directory, index) = scratch(Options::new(3));
    let view = index.view();
    let (probe, field) = (vector(3, 1), |error: Error| match error {
        Error::InvalidOption { field, .. } => field,
        other => panic!("{other}"),
    });
    for miss in [0.0, -1.0, 1e-16, 0.11, 1.0, f64::NAN, f64::INFINITY] {
        let query = || view.query(&probe).unwrap().miss(miss);
        assert_eq!(field(query().top_k(1).unwrap_err()), "miss", "{miss}");
        assert_eq!(field(query().top_groups(1).unwrap_err()), "miss");
        assert_eq!(field(query().range(0.5).unwrap_err()), "miss");
        let items: Vec<_> = query().stream(0.5).collect();
        assert!(matches!(&items[..], [Err(Error::InvalidOption { field: "miss", .. })]));
        let batch = view.batch(&[&probe]).unwrap().miss(miss);
        assert_eq!(field(batch.top_k(1).unwrap_err()), "miss");
    }
    for recall in [-0.1, 1.1, f64::NAN] {
        assert_eq!(field(view.query(&probe).unwrap().recall(recall).top_k(1).unwrap_err()), "recall");
    }
    assert!(view.query(&probe).unwrap().miss(1e-15).recall(1.0).top_k(1).is_ok());
    assert!(view.query(&probe).unwrap().miss(0.1).recall(0.0).top_k(1).is_ok());
}

#[test]
fn a_search_is_the_same_on_any_number_of_threads() {
    let (_directory, index) = scratch(Options::new(64).background_compaction(false));
    index.insert(&borrowed(&rows(64, 0..6000, 3))).unwrap();
    index.seal().unwrap();
    index.insert(&borrowed(&rows(64, 6000..6500, 3))).unwrap();
    let (view, probe) = (index.view(), vector(64, 99_999));
    let probes: Vec<&[f32]> = vec![&probe; 5];
    for mode in [Mode::Auto, Mode::Exact, Mode::Scan] {
        let query = || view.query(&probe).unwrap().mode(mode);
        let expected = query().top_k(20).unwrap().hits;
        for threads in [0, 1, 2, 3, 100] {
            assert_eq!(query().threads(threads).top_k(20).unwrap().hits, expected);
            let batch = view.batch(&probes).unwrap().mode(mode).threads(threads).top_k(20).unwrap();
            assert!(batch.iter().all(|answer| answer.hits == expected));
        }
    }
    measure_costs();
}

#[test]
fn ids_and_groups_are_read_without_vectors() {
    let (_directory, index) = scratch(Options::new(3).shards(2));
    index.insert(&borrowed(&rows(3, 0..10, 2))).unwrap();
    index.seal().unwrap();
    index.insert(&borrowed(&rows(3, 10..20, 2))).unwrap();
    index.delete(&[3, 13]).unwrap();
    let view = index.view();
    let expected: BTreeSet<(u64, u64)> =
        (0..20).filter(|id| ![3, 13].contains(id)).map(|id| (id, id / 2)).collect();
    assert_eq!(view.entries().collect::<BTreeSet<_>>(), expected);
    assert_eq!(view.entries().count(), view.len());
    assert_eq!((view.group_of(12), view.group_of(13), view.group_of(99)), (Some(6), None, None));
}

#[test]
fn rows_are_deleted_by_a_condition() {
    let (_directory, index) = scratch(Options::new(3).shards(3));
    index.insert(&borrowed(&rows(3, 0..30, 5))).unwrap();
    let receipt = index.delete_where(|id, group| id % 2 == 0 && group > 2).unwrap();
    let left: Vec<u64> = (0..30).filter(|id| id % 2 == 1 || id / 5 <= 2).collect();
    assert_eq!(receipt.rows, 30 - left.len());
    let mut found: Vec<u64> = index.view().entries().map(|(id, _)| id).collect();
    found.sort_unstable();
    assert_eq!(found, left);
    assert_eq!(index.delete_where(|_, _| false).unwrap().rows, 0);
}

#[test]
fn writes_that_do_not_wait_can_be_waited_for() {
    let (_directory, index) = scratch(Options::new(3).shards(2));
    let receipt = index.insert_with(&borrowed(&rows(3, 0..10, 1)), Durability::Bulk).unwrap();
    assert!(!receipt.durable);
    index.wait_durable(&receipt).unwrap();
    index.wait_durable(&receipt).unwrap();
    index.seal().unwrap();
    index.wait_durable(&receipt).unwrap();
    let mut beyond = receipt.clone();
    beyond.sequences = vec![(0, u64::MAX), (9, 1)];
    index.wait_durable(&beyond).unwrap();
}

#[test]
fn erasures_can_be_kept_elsewhere() {
    let (directory, index) = scratch(Options::new(3).shards(2));
    let mut oracle = Oracle::default();
    rows(3, 0..20, 2).into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    index.insert(&borrowed(&rows(3, 0..20, 2))).unwrap();
    let in_place = |name: &str| directory.path().join(name);
    index.snapshot(&in_place("snapshot")).unwrap();
    index.delete(&[4, 5, 17]).unwrap();
    let (erasures, file) = (index.erasures().unwrap(), in_place("erasures"));
    erasures.save(&file).unwrap();
    erasures.save(&file).unwrap();
    assert_eq!(Erasures::load(&file).unwrap(), erasures);
    drop(index);
    std::fs::remove_dir_all(in_place("index")).unwrap();
    let loaded = Erasures::load(&file).unwrap();
    Index::restore(&in_place("snapshot"), &in_place("restored"), Some(&loaded)).unwrap();
    [4, 5, 17].iter().for_each(|id| drop(oracle.0.remove(id)));
    oracle.assert_equals(&Index::open(&in_place("restored")).unwrap().view(), &[]);

    let bytes = std::fs::read(&file).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(&file, &changed).unwrap();
        assert!(Erasures::load(&file).is_err(), "byte {at}");
        std::fs::write(&file, &bytes[..at]).unwrap();
        assert!(Erasures::load(&file).is_err(), "length {at}");
    }
    assert!(matches!(Erasures::load(Path::new("/nowhere/at all")), Err(Error::Io { .. })));
}

/// An index with segments that hold deleted rows.
fn worn() -> (tempfile::TempDir, Index) {
    let (directory, index) = scratch(Options::new(8).shards(1).background_compaction(false));
    for start in [0, 100, 200, 300] {
        index.insert(&borrowed(&rows(8, start..start + 100, 1))).unwrap();
        index.seal().unwrap();
    }
    index.delete_where(|id, _| id % 10 == 0).unwrap();
    (directory, index)
}

#[test]
fn long_work_says_how_far_it_is() {
    let (_directory, index) = worn();
    let said = Mutex::new(Vec::new());
    let report =
        |progress: gallerist_index::Progress| said.lock().unwrap().push((progress.done, progress.total));
    let control = Control::new().progress(&report);
    assert!(index.check_with(&control).unwrap().is_clean());
    assert_eq!(said.lock().unwrap().last(), Some(&(5, Some(5))), "four segments and the manifest");
    said.lock().unwrap().clear();
    assert_eq!(index.purge_with(&control).unwrap().erased, 40);
    assert_eq!(*said.lock().unwrap(), [1, 2, 3, 4].map(|done| (done, Some(4))));
    index.compact_with(&control).unwrap();
}

#[test]
fn long_work_is_ended_by_a_flag_or_a_deadline() {
    let (_directory, index) = worn();
    let rows = index.view().len();
    let stop = AtomicBool::new(true);
    let late = Control::new().deadline(Instant::now());
    for control in [Control::new().stop(&stop), late] {
        assert!(matches!(index.check_with(&control), Err(Error::Stopped { action: "checking" })));
        assert!(matches!(index.purge_with(&control), Err(Error::Stopped { action: "compacting" })));
    }
    assert_eq!((index.view().len(), index.stats().segments), (rows, 4));
    assert!(index.check().unwrap().is_clean(), "and no file is left over");
    assert!(index.check().unwrap().unknown.is_empty());
    stop.store(false, Ordering::Relaxed);
    let control = Control::new().stop(&stop).deadline(Instant::now() + Duration::from_secs(600));
    assert_eq!(index.purge_with(&control).unwrap().erased, 40);
}

#[test]
fn a_row_is_what_was_given() {
    let (_directory, index) = scratch(Options::new(3));
    let vector = [0.0, 0.6, 0.8];
    index.insert(&[Row { id: 7, group: 9, vector: &vector }]).unwrap();
    let row = index.view().get(7).unwrap().unwrap();
    assert_eq!((row.id, row.group, &row.vector[..]), (7, 9, &vector[..]));
    assert_eq!(index.view().get(8).unwrap(), None);
}
