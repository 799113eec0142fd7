//! An index whose directory is moved or replaced while it is open.

use std::fs;

use gallerist_index::{Durability, Error, Index, Options};

use super::sample;
use crate::oracle::{Oracle, borrowed, contents, rows};

fn assert_moved<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    assert!(matches!(result, Err(Error::Moved { .. })), "{what}: {result:?}");
}

#[test]
fn an_index_that_was_replaced_writes_nothing_and_removes_nothing() {
    let (directory, path, oracle) = sample(Options::new(3).shards(2));
    let moved = directory.path().join("moved");
    // The same index, so that its files have the same names.
    let twin = directory.path().join("twin");
    crate::oracle::copy(&path, &twin);

    let index = Index::open(&path).unwrap();
    index.insert(&borrowed(&rows(3, 70..75, 1))).unwrap();
    index.delete(&[0]).unwrap();
    index.seal().unwrap();
    let old = index.view();
    index.purge().unwrap();
    let expected = Oracle::of(&index.view());
    index.delete(&[1]).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::rename(&twin, &path).unwrap();
    let before = contents(&path);
    assert_moved(index.insert(&borrowed(&rows(3, 80..85, 1))), "insert");
    assert_moved(index.insert_with(&borrowed(&rows(3, 80..85, 1)), Durability::Bulk), "insert");
    assert_moved(index.delete(&[5]), "delete");
    assert_moved(index.set_watermark(5), "mark");
    assert_moved(index.seal(), "seal");
    assert_moved(index.purge(), "purge");
    assert_moved(index.check(), "check");
    assert_moved(index.snapshot(&directory.path().join("copy")), "snapshot");
    // Files that only views hold go with them, and only they.
    drop(old);
    assert_moved(index.close(), "close");
    assert!(contents(&path) == before, "what lies there now was touched");

    assert_eq!(Oracle::of(&Index::open(&path).unwrap().view()), oracle);
    let index = Index::open(&moved).unwrap();
    let mut expected = expected;
    expected.0.remove(&1);
    expected.assert_equals(&index.view(), &[]);
    assert!(index.check().unwrap().is_clean());
}

#[test]
fn an_index_that_was_removed_says_so_and_one_that_came_back_goes_on() {
    let (directory, path, mut oracle) = sample(Options::new(3).shards(2));
    let index = Index::open(&path).unwrap();
    let moved = directory.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    assert_moved(index.insert(&borrowed(&rows(3, 80..85, 1))), "moved");
    fs::rename(&moved, &path).unwrap();
    let more = rows(3, 80..85, 1);
    index.insert(&borrowed(&more)).unwrap();
    more.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    oracle.assert_equals(&index.view(), &[]);
    fs::remove_dir_all(&path).unwrap();
    assert_moved(index.insert(&borrowed(&rows(3, 90..95, 1))), "removed");
    assert!(!path.exists());
}
