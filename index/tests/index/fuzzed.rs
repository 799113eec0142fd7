//! What fuzzing found worth keeping, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use gallerist_index::{Error, Index};

use crate::fuzz::directory::{Input, Kind};
use crate::fuzz::{attack, operations, seeds};
use crate::oracle::quick_directory;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// Runs one target on its part of the corpus.
fn replay(target: &str, run: fn(&[u8])) {
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(folder("corpus").join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for input in inputs {
        eprintln!("{}", input.display()); // shown if it fails
        run(&fs::read(input).unwrap());
    }
}

#[test]
fn manifests() {
    replay("manifest", attack::manifest);
}

#[test]
fn logs() {
    replay("log", |input| attack::file(input, Kind::Log(0)));
}

#[test]
fn segments() {
    replay("segment", |input| attack::file(input, Kind::Segment));
}

#[test]
fn graphs() {
    replay("graph", |input| attack::file(input, Kind::Segment));
}

#[test]
fn tombstones() {
    replay("tombstones", attack::tombstones);
}

#[test]
fn erasures() {
    replay("erasures", |input| attack::file(input, Kind::Erasures));
}

#[test]
fn directories() {
    replay("directory", attack::all);
}

#[test]
fn sequences_of_operations() {
    replay("operations", operations::run);
}

/// Writes what fuzzing begins with anew.
#[test]
#[ignore = "changes the source folder"]
fn write_seeds() {
    seeds::write(&folder("corpus"), &folder("base")).unwrap();
}

/// A search would find it, but neither its group nor a deletion would.
#[test]
fn a_row_in_another_shards_log_is_damage() {
    let mut input = Input::parse(&fs::read(folder("corpus/directory/three")).unwrap());
    for (kind, _) in &mut input.pieces {
        if let Kind::Log(shard) = kind {
            *shard = 1 - *shard;
        }
    }
    let directory = quick_directory();
    input.files(2).write(directory.path());
    let report = Index::check_at(directory.path()).unwrap();
    assert!(report.problems[0].expected.starts_with("groups of shard"), "{report:?}");
    assert!(matches!(Index::open(directory.path()), Err(Error::Damaged { .. })));
    assert!(!Index::salvage(directory.path()).unwrap().problems.is_empty());
}
