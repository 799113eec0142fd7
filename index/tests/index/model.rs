//! Random operations against a map, with reopening in between.

use std::fs;
use std::path::Path;

use gallerist_index::{Durability, Error, GraphOptions, GraphWhen, Index, Mode, Options, Receipt, Row};
use proptest::prelude::*;

use crate::oracle::{Oracle, READ_ONLY, quick_directory, vector};

#[derive(Debug, Clone)]
enum Operation {
    Insert {
        rows: Vec<(u64, u64)>,
        durability: Durability,
    },
    Upsert {
        rows: Vec<(u64, u64)>,
        durability: Durability,
    },
    Delete(Vec<u64>),
    DeleteGroup(u64),
    Sync,
    /// A watermark without rows.
    Mark,
    Seal,
    Compact,
    Purge,
    /// Closed and opened.
    Reopen,
    /// Opened from a copy of the files as they are, as after a crash of the process.
    Crash,
    /// Opened from a snapshot that was restored with everything deleted after it was taken, which these are.
    Restore(Vec<u64>),
    /// The graphs' answer: whatever it finds, in the right order and with the right scores.
    Graph,
    Check,
}

fn operation() -> impl Strategy<Value = Operation> {
    let durability = prop_oneof![
        Just(Durability::Group),
        Just(Durability::Each),
        Just(Durability::Interval),
        Just(Durability::Bulk)
    ];
    let rows = prop::collection::vec((0u64..80, 0u64..9), 0..12);
    prop_oneof![
        6 => (rows.clone(), durability.clone()).prop_map(|(rows, durability)| Operation::Insert { rows, durability }),
        4 => (rows, durability).prop_map(|(rows, durability)| Operation::Upsert { rows, durability }),
        3 => prop::collection::vec(0u64..90, 0..6).prop_map(Operation::Delete),
        1 => (0u64..10).prop_map(Operation::DeleteGroup),
        1 => Just(Operation::Sync),
        1 => Just(Operation::Mark),
        1 => Just(Operation::Seal),
        1 => Just(Operation::Compact),
        1 => Just(Operation::Purge),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Crash),
        1 => prop::collection::vec(0u64..90, 0..6).prop_map(Operation::Restore),
        1 => Just(Operation::Graph),
        1 => Just(Operation::Check),
    ]
}

/// What the watermarks of the shards should be: the step of the last write that went there.
fn mark(marks: &mut [u64], receipt: &Receipt, step: u64) {
    receipt.sequences.iter().for_each(|(shard, _)| marks[usize::from(*shard)] = step);
}

fn insert(
    index: &Index,
    oracle: &mut Oracle,
    rows: &[(u64, u64)],
    durability: Durability,
    salt: u64,
    marks: &mut [u64],
) {
    let vectors: Vec<Vec<f32>> = rows.iter().map(|(id, _)| vector(5, id * 1000 + salt)).collect();
    let given: Vec<Row<'_>> =
        rows.iter().zip(&vectors).map(|(&(id, group), vector)| Row { id, group, vector }).collect();
    let fresh = rows.iter().enumerate().all(|(place, (id, _))| {
        !oracle.0.contains_key(id) && rows[..place].iter().all(|(other, _)| other != id)
    });
    match index.insert_marked(&given, durability, salt) {
        Ok(receipt) => {
            assert!(fresh);
            mark(marks, &receipt, salt);
            assert_eq!(receipt.rows, rows.len());
            assert_eq!(receipt.durable, matches!(durability, Durability::Group | Durability::Each));
            for (&(id, group), vector) in rows.iter().zip(vectors) {
                oracle.insert(id, group, vector);
            }
        }
        Err(Error::DuplicateId { row, id }) => {
            assert!(!fresh && rows[row].0 == id);
            assert!(oracle.0.contains_key(&id) || rows[..row].iter().any(|(other, _)| *other == id));
        }
        Err(error) => panic!("{error}"),
    }
}

fn upsert(index: &Index, oracle: &mut Oracle, rows: &[(u64, u64)], durability: Durability, salt: u64) {
    let vectors: Vec<Vec<f32>> = rows.iter().map(|(id, _)| vector(5, id * 1000 + salt)).collect();
    let given: Vec<Row<'_>> =
        rows.iter().zip(&vectors).map(|(&(id, group), vector)| Row { id, group, vector }).collect();
    let is_twice = |place: usize, id: u64| rows[..place].iter().any(|(other, _)| *other == id);
    let is_elsewhere = |id: u64, group: u64| oracle.0.get(&id).is_some_and(|row| row.0 != group);
    let twice = (0..rows.len()).any(|place| is_twice(place, rows[place].0));
    match index.upsert_with(&given, durability) {
        Ok(receipt) => {
            assert!(!twice && !rows.iter().any(|&(id, group)| is_elsewhere(id, group)));
            let replaced = rows.iter().filter(|(id, _)| oracle.0.contains_key(id)).count();
            assert_eq!((receipt.rows, receipt.replaced), (rows.len(), replaced));
            for (&(id, group), vector) in rows.iter().zip(vectors) {
                oracle.upsert(id, group, vector);
            }
        }
        Err(Error::DuplicateId { row, id }) => assert!(is_twice(row, id)),
        Err(Error::OtherGroup { row, id, group }) => {
            assert!(!twice && rows[row].0 == id && oracle.0[&id].0 == group && rows[row].1 != group);
        }
        Err(error) => panic!("{error}"),
    }
}

/// Copies the files of an open index. While the manifest stays the same, no file that it names goes.
fn snapshot(from: &Path, to: &Path) {
    loop {
        let before = fs::read(from.join("MANIFEST")).unwrap();
        copy(from, to);
        let copied = fs::read(to.join("MANIFEST")).unwrap();
        if copied == before && fs::read(from.join("MANIFEST")).unwrap() == before {
            return;
        }
        fs::remove_dir_all(to).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(path, target)), // it may be gone by now
        }
    }
}

fn run(operations: Vec<Operation>, shards: u16, seal_rows: usize, graph: bool) {
    let directory = quick_directory();
    let mut path = directory.path().join("index");
    let when = if graph { GraphWhen::Always } else { GraphWhen::Never };
    let graph = GraphOptions { when, degree: 4, build_width: 16 };
    let options = Options::new(5).shards(shards).seal_rows(seal_rows).graph(graph);
    let mut index = Some(Index::create(&path, options).unwrap());
    let mut oracle = Oracle::default();
    let mut marks = vec![0; shards.into()];
    for (step, operation) in operations.into_iter().enumerate() {
        let open = index.as_ref().unwrap();
        match operation {
            Operation::Insert { rows, durability } => {
                insert(open, &mut oracle, &rows, durability, step as u64 + 1, &mut marks)
            }
            Operation::Upsert { rows, durability } => {
                upsert(open, &mut oracle, &rows, durability, step as u64 + 1)
            }
            Operation::Delete(ids) => {
                let before = oracle.0.len();
                let receipt = open.delete_marked(&ids, step as u64 + 1).unwrap();
                mark(&mut marks, &receipt, step as u64 + 1);
                ids.iter().for_each(|id| drop(oracle.0.remove(id)));
                assert_eq!(receipt.rows, before - oracle.0.len());
            }
            Operation::DeleteGroup(group) => {
                let before = oracle.0.len();
                let receipt = open.delete_group(group).unwrap();
                oracle.0.retain(|_, row| row.0 != group);
                assert_eq!(receipt.rows, before - oracle.0.len());
            }
            Operation::Sync => open.sync().unwrap(),
            Operation::Mark => {
                mark(&mut marks, &open.set_watermark(step as u64 + 1).unwrap(), step as u64 + 1)
            }
            Operation::Seal => {
                open.seal().unwrap();
                assert_eq!(open.stats().buffered_rows, 0);
            }
            Operation::Compact => drop(open.compact().unwrap()),
            Operation::Purge => {
                open.purge().unwrap();
                assert_eq!(open.stats().deleted_rows, 0);
            }
            Operation::Reopen => {
                index.take().unwrap().close().unwrap();
                index = Some(Index::open(&path).unwrap());
            }
            Operation::Crash => {
                let copied = directory.path().join(format!("crash-{step}"));
                snapshot(&path, &copied);
                drop(index.take());
                path = copied;
                let reader = Index::open_with(&path, &READ_ONLY).unwrap();
                oracle.assert_equals(&reader.view(), &[vector(5, step as u64)]);
                assert_eq!(reader.watermarks(), marks);
                drop(reader);
                index = Some(Index::open(&path).unwrap());
            }
            Operation::Restore(ids) => {
                let (taken, restored) = (
                    directory.path().join(format!("taken-{step}")),
                    directory.path().join(format!("restored-{step}")),
                );
                open.snapshot(&taken).unwrap();
                open.delete(&ids).unwrap();
                ids.iter().for_each(|id| drop(oracle.0.remove(id)));
                let erasures = open.erasures().unwrap();
                Index::restore(&taken, &restored, Some(&erasures)).unwrap();
                drop(index.take());
                [&taken, &path].into_iter().for_each(|old| fs::remove_dir_all(old).unwrap());
                path = restored;
                index = Some(Index::open(&path).unwrap());
            }
            Operation::Graph => {
                let (view, probe) = (open.view(), vector(5, step as u64));
                let found = view.query(&probe).unwrap().mode(Mode::Graph { width: 8 }).top_k(5).unwrap();
                let ranked = oracle.ranked(&probe);
                let mut rest = ranked.iter();
                assert!(
                    found.hits.iter().all(|hit| rest.any(|other| other == hit)),
                    "in order, nothing made up"
                );
                assert_eq!(found.hits.len(), 5.min(ranked.len()));
                assert!(!found.complete || found.hits == ranked[..found.hits.len()]);
            }
            Operation::Check => {
                let report = open.check().unwrap();
                assert!(report.is_clean(), "{:?}", report.problems);
                assert_eq!(report.rows, oracle.0.len() as u64);
            }
        }
        let open = index.as_ref().unwrap();
        oracle.assert_equals(&open.view(), &[vector(5, step as u64)]);
        assert_eq!(open.watermarks(), marks);
    }
    index.take().unwrap().close().unwrap();
    let report = Index::check_at(&path).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!((report.rows, report.unknown), (oracle.0.len() as u64, Vec::new()));
    oracle.assert_equals(&Index::open(&path).unwrap().view(), &[vector(5, 77)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: number("GALLERIST_CASES", 48), ..ProptestConfig::default() })]
    #[test]
    fn an_index_is_a_map(
        operations in prop::collection::vec(operation(), 1..=number("GALLERIST_STEPS", 40) as usize),
        shards in 1u16..4,
        seal_rows in 1usize..30,
        graph in any::<bool>(),
    ) {
        run(operations, shards, seal_rows, graph);
    }
}

/// What the environment says, for longer runs.
fn number(variable: &str, default: u32) -> u32 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}
