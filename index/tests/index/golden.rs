//! An index that is part of the repository: what was written once stays readable.

use std::fs;
use std::path::{Path, PathBuf};

use gallerist_index::{Durability, Index, Options};

use crate::oracle::{Oracle, borrowed, copy, quick_directory, rows, vector};

fn golden(version: u16) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"))
}

/// What it holds: 12 sealed rows less four, of which the log knows two; 5 rows in the log less one.
fn known() -> Oracle {
    let mut oracle = Oracle::default();
    rows(3, 0..12, 3).into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    rows(3, 100..105, 2).into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    [1, 7, 5, 6, 103].iter().for_each(|id| drop(oracle.0.remove(id)));
    oracle
}

/// An older version stays as it is; a new one gets a directory beside it.
#[test]
fn version_1_is_read_as_it_was_written() {
    is_read_as_it_was_written(1, 0);
}

#[test]
fn version_2_is_read_as_it_was_written() {
    is_read_as_it_was_written(2, 4);
}

fn is_read_as_it_was_written(version: u16, watermark: u64) {
    let directory = quick_directory();
    let path = directory.path().join("index");
    copy(&golden(version), &path);
    let names = |report: &gallerist_index::CheckReport| -> Vec<String> {
        let names = report.listed.iter().filter_map(|file| file.path.extension()?.to_str());
        names.map(String::from).collect()
    };
    for after in ["", " after a check"] {
        let index = Index::open(&path).unwrap();
        let options = Options::new(3).shards(1).label("golden").seal_rows(500);
        assert_eq!(index.options(), &options);
        let stats = index.stats();
        assert_eq!((stats.segments, stats.buffered_rows, stats.deleted_rows), (1, 4, 5), "{after}");
        known().assert_equals(&index.view(), &[vector(3, 9), vector(3, 1000)]);
        assert_eq!(index.watermarks(), [watermark], "{after}");
        index.close().unwrap();
        let report = Index::check_at(&path).unwrap();
        assert!(report.is_clean() && report.unknown.is_empty(), "{:?} {:?}", report.problems, report.unknown);
        assert_eq!(
            (report.rows, names(&report)),
            (12, ["seg", "tomb", "list", "log", "log"].map(String::from).to_vec())
        );
    }
    for (path, bytes) in files(&golden(version)) {
        assert!(
            fs::read(directory.path().join("index").join(&path)).unwrap() == bytes,
            "reading changed {path:?}"
        );
    }

    let (index, mut oracle) = (Index::open(&path).unwrap(), known());
    let more = rows(3, 200..210, 3);
    index.insert_marked(&borrowed(&more), Durability::Group, 9).unwrap();
    more.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    index.seal().unwrap();
    index.close().unwrap();
    let index = Index::open(&path).unwrap();
    oracle.assert_equals(&index.view(), &[vector(3, 1)]);
    assert_eq!(index.watermarks(), [9]);
    assert!(index.check().unwrap().is_clean());
}

/// Relative paths and contents.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        match path.is_dir() {
            true => {
                files.extend(self::files(&path).into_iter().map(|(path, bytes)| (name.join(path), bytes)))
            }
            false => files.push((name, fs::read(path).unwrap())),
        }
    }
    files
}

/// Writes the golden index of this version anew:
/// `cargo test -p gallerist-index --test index golden::write_the_golden_index -- --exact --ignored`
#[test]
#[ignore = "changes the repository"]
fn write_the_golden_index() {
    let path = golden(2);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    let options = Options::new(3).shards(1).label("golden").seal_rows(500);
    let index = Index::create(&path, options).unwrap();
    let insert = |rows: &[(u64, u64, Vec<f32>)], watermark| {
        index.insert_marked(&borrowed(rows), Durability::Group, watermark).unwrap();
    };
    insert(&rows(3, 0..12, 3), 1);
    index.seal().unwrap();
    index.delete_marked(&[1, 7], 2).unwrap();
    index.seal().unwrap();
    insert(&rows(3, 100..105, 2), 3);
    index.delete_marked(&[5, 6, 103], 4).unwrap();
    assert_eq!(Oracle::of(&index.view()), known());
    index.close().unwrap();
    fs::remove_file(path.join("LOCK")).unwrap();
}
