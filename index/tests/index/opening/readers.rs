//! Any number of readers, who write nothing.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use gallerist_index::{Access, Error, Index, OpenOptions, Options};

use super::sample;
use crate::oracle::{Oracle, Process, READ_ONLY, borrowed, child, contents, copy, rows, scratch, vector};

/// Names the index that a child process reads.
const READ: &str = "GALLERIST_TEST_READ";

#[test]
#[ignore = "run by an_owner_is_told_who_reads, in a process of its own"]
fn reader() {
    let Some(path) = std::env::var_os(READ) else { return };
    let index = Index::open_with(Path::new(&path), &READ_ONLY).unwrap();
    io::stdout().write_all(format!("\nread {}\n", index.view().len()).as_bytes()).unwrap();
    loop {
        std::thread::park();
    }
}

/// What a crash left: unsynced rows, and the tails of the logs torn.
fn crashed() -> (tempfile::TempDir, std::path::PathBuf, Oracle) {
    let (directory, index) = scratch(Options::new(3).shards(2));
    index.insert(&borrowed(&rows(3, 0..40, 2))).unwrap();
    index.seal().unwrap();
    index.delete(&[3, 4]).unwrap();
    index.insert(&borrowed(&rows(3, 40..60, 2))).unwrap();
    let oracle = Oracle::of(&index.view());
    let path = directory.path().join("crashed");
    copy(index.path(), &path);
    for (file, bytes) in contents(&path) {
        if let (Some(bytes), Some("log")) = (bytes, file.extension().and_then(|name| name.to_str())) {
            fs::write(&file, [&bytes[..], &[0x33; 77]].concat()).unwrap();
        }
    }
    fs::write(path.join("tmp-MANIFEST"), "half of somethi").unwrap();
    (directory, path, oracle)
}

#[test]
fn readers_share_what_a_crash_left_and_change_nothing() {
    for has_lock in [true, false] {
        let (_directory, path, oracle) = crashed();
        if !has_lock {
            fs::remove_file(path.join("LOCK")).unwrap();
        }
        let before = contents(&path);
        let readers = [0, 1].map(|_| Index::open_with(&path, &READ_ONLY).unwrap());
        for index in &readers {
            oracle.assert_equals(&index.view(), &[vector(3, 9)]);
            assert_eq!(index.stats().buffered_rows, 20);
            let report = index.check().unwrap();
            assert!(report.is_clean() && report.rows == 58, "{:?}", report.problems);
            assert_eq!(index.erasures().unwrap().len(), 2);
        }
        for [index, other] in [[&readers[0], &readers[1]], [&readers[1], &readers[0]]] {
            assert_eq!((index.id(), index.watermarks()), (other.id(), vec![0, 0]));
        }
        assert!(Index::check_at(&path).is_ok() && Index::salvage(&path).is_ok(), "they only read, too");
        drop(readers);
        assert!(contents(&path) == before);
    }
}

#[test]
fn a_reader_refuses_every_write() {
    let (directory, path, oracle) = crashed();
    let before = contents(&path);
    let index = Index::open_with(&path, &READ_ONLY).unwrap();
    let row = rows(3, 900..901, 1);
    let refused = [
        index.insert(&borrowed(&row)).map(drop),
        index.insert(&[]).map(drop),
        index.insert_marked(&borrowed(&row), Default::default(), 7).map(drop),
        index.delete(&[0]).map(drop),
        index.delete_marked(&[0], 7).map(drop),
        index.delete_group(0).map(drop),
        index.set_watermark(7).map(drop),
        index.sync(),
        index.seal(),
        index.compact().map(drop),
        index.purge().map(drop),
    ];
    for refused in refused {
        match refused {
            Err(Error::OpenForReading { path: named }) => assert_eq!(named, index.path()),
            other => panic!("{other:?}"),
        }
    }
    // A copy of it is none of its files.
    let copied = directory.path().join("copied");
    index.snapshot(&copied).unwrap();
    index.close().unwrap();
    assert!(contents(&path) == before);
    let copied = Index::open(&copied).unwrap();
    oracle.assert_equals(&copied.view(), &[]);
    assert!(copied.check().unwrap().is_clean());
}

#[test]
fn readers_and_an_owner_keep_each_other_out() {
    let (_directory, path, oracle) = sample(Options::new(3));
    let owner = Index::open(&path).unwrap();
    assert!(matches!(Index::open_with(&path, &READ_ONLY), Err(Error::Locked { .. })));
    drop(owner);
    let reader = Index::open_with(&path, &READ_ONLY).unwrap();
    match Index::open(&path) {
        Err(error @ Error::Locked { .. }) => {
            assert!(error.to_string().contains("in use by this very process"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    thread::scope(|scope| {
        let wait = OpenOptions { access: Access::ReadWrite, wait: Duration::MAX };
        let owner = scope.spawn(move || Index::open_with(&path, &wait).unwrap().close());
        oracle.assert_equals(&reader.view(), &[]);
        assert!(!owner.is_finished());
        drop(reader);
        owner.join().unwrap().unwrap();
    });
}

#[test]
fn an_owner_is_told_who_reads() {
    let (_directory, path, _) = sample(Options::new(3));
    let mut reader = Process::start(child("opening::readers::reader").env(READ, &path));
    assert!(reader.lines().any(|line| line == "read 58"), "the child could not read the index");
    let error = Index::open(&path).unwrap_err().to_string();
    assert!(error.contains(&format!("process {}, which reads it", reader.id())), "{error}");
    reader.kill();
    Index::open(&path).unwrap();
}
