//! Vectors of any length: normalised, with their lengths kept.

use std::collections::BTreeMap;
use std::fs;

use gallerist_index::{Error, Index, Lengths, Mode, Options, Row, dot};

use crate::oracle::{copy, scratch, vector};

const DIMENSION: usize = 24;

fn options() -> Options {
    Options::new(DIMENSION).shards(2).background_compaction(false).lengths(Lengths::Any)
}

/// A vector whose length is the returned one.
fn long(id: u64) -> (Vec<f32>, f32) {
    let length = (id + 1) as f32 * 0.25;
    (vector(DIMENSION, id).iter().map(|x| x * length).collect(), length)
}

fn insert(index: &Index, ids: std::ops::Range<u64>) {
    let vectors: Vec<Vec<f32>> = ids.clone().map(|id| long(id).0).collect();
    let rows: Vec<Row<'_>> =
        ids.zip(&vectors).map(|(id, vector)| Row { id, group: id / 3, vector }).collect();
    index.insert(&rows).unwrap();
}

fn assert_holds(index: &Index, ids: &[u64]) {
    let view = index.view();
    let found: BTreeMap<u64, (Vec<f32>, f32)> =
        view.rows().map(Result::unwrap).map(|row| (row.id, (row.vector, row.length))).collect();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ids);
    for (id, (unit, length)) in &found {
        let (given, expected) = long(*id);
        assert!((length / expected - 1.0).abs() < 1e-6, "row {id}: {length}");
        assert!((dot(unit, unit) - 1.0).abs() < 1e-5);
        assert!(unit.iter().zip(&given).all(|(part, whole)| (part * length - whole).abs() < 1e-4));
        let row = view.get(*id).unwrap().unwrap();
        assert_eq!((&row.vector, row.length), (unit, *length));
    }
}

#[test]
fn lengths_come_back_from_buffers_logs_segments_and_snapshots() {
    let (directory, index) = scratch(options());
    let path = directory.path().join("index");
    insert(&index, 0..50);
    assert_holds(&index, &(0..50).collect::<Vec<_>>());
    let crashed = directory.path().join("crashed");
    copy(&path, &crashed);
    assert_holds(&Index::open(&crashed).unwrap(), &(0..50).collect::<Vec<_>>());

    index.seal().unwrap();
    insert(&index, 50..80);
    index.seal().unwrap();
    insert(&index, 80..90);
    index.delete(&[3, 55, 85]).unwrap();
    let left: Vec<u64> = (0..90).filter(|id| ![3, 55, 85].contains(id)).collect();
    assert_holds(&index, &left);
    index.purge().unwrap();
    index.compact().unwrap();
    assert_holds(&index, &left);
    let (given, length) = long(500);
    index.upsert(&[Row { id: 4, group: 1, vector: &given }]).unwrap();
    let row = index.view().get(4).unwrap().unwrap();
    assert!((row.length / length - 1.0).abs() < 1e-6);
    index.delete(&[4]).unwrap();
    assert!(index.check().unwrap().is_clean());

    let left: Vec<u64> = left.into_iter().filter(|id| *id != 4).collect();
    let [snapshot, restored] = ["snapshot", "restored"].map(|name| directory.path().join(name));
    index.snapshot(&snapshot).unwrap();
    Index::restore(&snapshot, &restored, None).unwrap();
    index.close().unwrap();
    for place in [&path, &restored] {
        let index = Index::open(place).unwrap();
        assert_eq!(index.options().lengths, Lengths::Any);
        assert_holds(&index, &left);
    }
}

#[test]
fn scores_are_cosines_of_whatever_length() {
    let (_directory, index) = scratch(options());
    insert(&index, 0..200);
    index.seal().unwrap();
    let (view, probe) = (index.view(), vector(DIMENSION, 7));
    let long_probe: Vec<f32> = probe.iter().map(|x| x * 123.0).collect();
    for mode in [Mode::Auto, Mode::Exact] {
        let answer = view.query(&long_probe).unwrap().mode(mode).top_k(5).unwrap();
        assert!((answer.hits[0].score - 1.0).abs() < 1e-5 && answer.hits[0].id == 7);
        let unit = view.query(&probe).unwrap().mode(mode).top_k(5).unwrap();
        assert_eq!(
            unit.hits.iter().map(|hit| hit.id).collect::<Vec<_>>(),
            answer.hits.iter().map(|hit| hit.id).collect::<Vec<_>>()
        );
    }
    assert_eq!(view.batch(&[&long_probe, &probe]).unwrap().top_k(1).unwrap()[0].hits[0].id, 7);
    let nothing = [0.0; DIMENSION];
    assert!(matches!(view.query(&nothing), Err(Error::NoDirection { row: 0, .. })));
    let refused = index.insert(&[Row { id: 900, group: 1, vector: &nothing }]);
    assert!(matches!(refused, Err(Error::NoDirection { row: 0, .. })));
}

/// Other indexes refuse what is not of length 1, and are of a version that older programs read.
#[test]
fn only_such_an_index_takes_them() {
    let (directory, index) = scratch(Options::new(2));
    assert!(matches!(
        index.insert(&[Row { id: 1, group: 1, vector: &[3.0, 4.0] }]),
        Err(Error::NotUnit { .. })
    ));
    index.insert(&[Row { id: 1, group: 1, vector: &[0.6, 0.8] }]).unwrap();
    assert_eq!(index.view().get(1).unwrap().unwrap().length, 1.0);
    assert_eq!(fs::read(directory.path().join("index/MANIFEST")).unwrap()[8], 2);
    let (directory, index) = scratch(options());
    assert_eq!(fs::read(directory.path().join("index/MANIFEST")).unwrap()[8], 3);
    let other = Index::open_or_create(index.path(), Options::new(DIMENSION));
    assert!(matches!(other, Err(Error::Locked { .. })));
    index.close().unwrap();
    let other = Index::open_or_create(&directory.path().join("index"), Options::new(DIMENSION));
    assert!(matches!(other, Err(Error::InvalidOption { field: "lengths", .. })), "{other:?}");
}
