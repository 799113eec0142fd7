//! One owner at a time.

use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gallerist_index::{Error, Index, Options};

use super::sample;
use crate::oracle::{Process, borrowed, child, rows};

/// Names the index that a child process holds.
const HELD: &str = "GALLERIST_TEST_HELD";

#[test]
#[ignore = "run by a_killed_owner_leaves_no_lock, in a process of its own"]
fn holder() {
    let Some(path) = std::env::var_os(HELD) else { return };
    let index = Index::open(Path::new(&path)).unwrap();
    index.insert(&borrowed(&rows(3, 100..110, 10))).unwrap();
    io::stdout().write_all(b"\nheld\n").unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_killed_owner_leaves_no_lock() {
    let (_directory, path, mut oracle) = sample(Options::new(3));
    let mut holder = Process::start(child("opening::owners::holder").env(HELD, &path));
    assert!(holder.lines().any(|line| line == "held"), "the child could not open the index");
    for refused in [Index::open(&path).map(drop), Index::check_at(&path).map(drop)] {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains(&format!("in use by process {}", holder.id())), "{error}");
        assert!(matches!(error, Error::Locked { .. }));
    }
    holder.kill();
    let index = Index::open(&path).unwrap();
    rows(3, 100..110, 10).into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    oracle.assert_equals(&index.view(), &[]);
}

#[test]
fn one_process_owns_an_index_once() {
    let (_directory, path, oracle) = sample(Options::new(3));
    let index = Index::open(&path).unwrap();
    let link = path.with_file_name("link");
    symlink(&path, &link).unwrap();
    for path in [&path, &link, &path.join("../index")] {
        match Index::open(path) {
            Err(Error::Locked { holder, .. }) => assert_eq!(holder, "this very process"),
            other => panic!("{other:?}"),
        }
    }
    // Being refused changed nothing, and a view keeps nobody out.
    let view = index.view();
    index.insert(&borrowed(&rows(3, 70..71, 1))).unwrap();
    drop(index);
    let index = Index::open(&link).unwrap();
    assert_eq!(index.view().len(), oracle.0.len() + 1);
    oracle.assert_equals(&view, &[]);
}

#[test]
fn a_process_started_meanwhile_does_not_keep_the_lock() {
    // Between its fork and its exec, a process that another thread starts shares the lock file.
    let (_directory, path, oracle) = sample(Options::new(3).shards(1));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
            }
        });
        let opened: Vec<_> = (0..300).map(|_| Index::open(&path).and_then(Index::close)).collect();
        done.store(true, Ordering::Relaxed);
        assert!(opened.iter().all(Result::is_ok), "{:?}", opened.iter().find(|opened| opened.is_err()));
    });
    oracle.assert_equals(&Index::open(&path).unwrap().view(), &[]);
}
