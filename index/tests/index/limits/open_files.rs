//! Few open files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use gallerist_index::{Error, Index, Mode};

use super::{DIMENSION, DIRECTORY, options, run_by, sample, shell};
use crate::oracle::{Oracle, borrowed, copy, quick_directory, rows, vector};

/// What may be there: every row that was acknowledged, and none or some of those that were not.
struct Ledger {
    certain: Oracle,
    /// Deleted or inserted without an answer.
    doubtful: Oracle,
}

impl Ledger {
    fn insert(&mut self, index: &Index, ids: std::ops::Range<u64>) -> Result<(), Error> {
        let rows = rows(DIMENSION, ids, 1);
        let inserted = index.insert(&borrowed(&rows)).map(drop);
        let into = if inserted.is_ok() { &mut self.certain } else { &mut self.doubtful };
        rows.into_iter().for_each(|(id, group, vector)| into.insert(id, group, vector));
        inserted
    }

    fn delete(&mut self, index: &Index, ids: &[u64]) -> Result<(), Error> {
        let deleted = index.delete(ids).map(drop);
        for id in ids {
            let Some((group, vector)) = self.certain.0.remove(id) else { continue };
            if deleted.is_err() {
                self.doubtful.insert(*id, group, vector);
            }
        }
        deleted
    }

    fn assert_agrees(&self, found: &Oracle, place: &str) {
        for (id, row) in &self.certain.0 {
            assert_eq!(found.0.get(id), Some(row), "{place}: row {id}");
        }
        for (id, row) in &found.0 {
            let known = self.certain.0.get(id).or(self.doubtful.0.get(id));
            assert_eq!(known, Some(row), "{place}: row {id}");
        }
    }
}

/// Everything there is to do, whatever fails; tells how much did.
fn exercise(index: &Index, ledger: &mut Ledger, beside: &Path, failed: &mut Vec<Error>) {
    let mut note = |result: Result<(), Error>| failed.extend(result.err());
    for first in (1000..1120).step_by(20) {
        note(ledger.insert(index, first..first + 20));
    }
    note(ledger.delete(index, &[1, 1001, 201]));
    note(index.seal());
    note(index.compact().map(drop));
    note(index.snapshot(&beside.join("snapshot")).map(drop));
    note(Index::restore(&beside.join("snapshot"), &beside.join("restored"), None).map(drop));
    note(index.purge().map(drop));
    note(index.erasures().map(drop));
    // What could not be opened for want of descriptors is no damage.
    note(index.check().map(|report| assert!(report.is_clean(), "{:?}", report.problems)));
    let (view, probe) = (index.view(), vector(DIMENSION, 5));
    let answer = view.query(&probe).unwrap().top_k(9).unwrap();
    assert_eq!(answer.hits, Oracle::of(&view).ranked(&probe)[..9]);
    view.query(&probe).unwrap().mode(Mode::Graph { width: 20 }).top_k(9).unwrap();
    ledger.assert_agrees(&Oracle::of(&view), "in use");
}

#[test]
fn sixty_four_open_files_are_enough() {
    for test in ["limits::open_files::with_64_files", "limits::open_files::with_ever_more_files"] {
        run_by(&mut shell("ulimit -n 64"), test, quick_directory().path());
    }
}

#[test]
#[ignore = "run by its parent, where 64 files may be open"]
fn with_64_files() {
    let Some(root) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let path = root.join("enough");
    let mut ledger = Ledger { certain: sample(&path, false), doubtful: Oracle::default() };
    let index = Index::open(&path).unwrap();
    let mut failed = Vec::new();
    exercise(&index, &mut ledger, &root.join("."), &mut failed);
    assert!(failed.is_empty(), "{failed:?}");
    // However many segments there are.
    for first in (2000..2500).step_by(5) {
        ledger.insert(&index, first..first + 5).unwrap();
        index.seal().unwrap();
    }
    assert!(index.stats().segments > 64);
    index.close().unwrap();
    let index = Index::open(&path).unwrap();
    ledger.assert_agrees(&Oracle::of(&index.view()), "again");
    index.compact().unwrap();
    index.close().unwrap();

    // And where they are not enough, that is what is said.
    let wide = root.join("wide");
    for refused in [Index::create(&wide, options().shards(100)).map(drop), Index::open(&wide).map(drop)] {
        assert_says_what_to_do(&refused.unwrap_err());
    }
}

fn assert_says_what_to_do(error: &Error) {
    let text = error.to_string();
    assert!(matches!(error, Error::TooManyFiles { .. }) && text.contains("ulimit -n"), "{text}");
}

/// Takes all files that may be opened but some.
fn leave(free: usize) -> Vec<File> {
    let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len() - free);
    taken
}

#[test]
#[ignore = "run by its parent, where 64 files may be open"]
fn with_ever_more_files() {
    let Some(root) = std::env::var_os(DIRECTORY).map(PathBuf::from) else { return };
    let (source, path, beside) = (root.join("source"), root.join("index"), root.join("beside"));
    let oracle = sample(&source, false);
    for (scarce_from_the_start, free) in
        (0..36).map(|free| (true, free)).chain((0..14).map(|free| (false, free)))
    {
        copy(&source, &path);
        fs::create_dir(&beside).unwrap();
        let mut ledger = Ledger { certain: oracle.clone(), doubtful: Oracle::default() };
        let mut failed = Vec::new();
        let mut taken = if scarce_from_the_start { leave(free) } else { Vec::new() };
        match Index::open(&path) {
            Ok(index) => {
                if !scarce_from_the_start {
                    taken = leave(free);
                }
                exercise(&index, &mut ledger, &beside, &mut failed);
                failed.extend(index.close().err());
            }
            Err(error) => failed.push(error),
        }
        drop(taken);
        let place = format!("{free} files, {scarce_from_the_start}");
        assert!(free > 11 || !failed.is_empty(), "{place}: a limit that does not bind");
        for error in failed {
            let follows = matches!(error, Error::AlreadyExists { .. } | Error::NotAnIndex { .. });
            assert!(follows || error.to_string().contains("too many open files"), "{place}: {error}");
        }
        let index = Index::open(&path).unwrap();
        ledger.assert_agrees(&Oracle::of(&index.view()), &place);
        let report = index.check().unwrap();
        assert!(report.is_clean() && report.unknown.is_empty(), "{place}: {report:?}");
        // There is room again.
        index.insert(&borrowed(&rows(DIMENSION, 5000..5010, 1))).unwrap();
        index.seal().unwrap();
        index.close().unwrap();
        fs::remove_dir_all(&path).unwrap();
        fs::remove_dir_all(&beside).unwrap();
    }
}
