//! What fuzzing found worth keeping, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fuzz::{attack, directory::Kind, operations, seeds};

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
