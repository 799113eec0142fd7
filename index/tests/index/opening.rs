//! Making, finding and refusing indexes.

mod moved;
mod owners;
mod race;
mod readers;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use gallerist_index::{Durability, Error, Index, MAX_DIMENSION, MAX_LABEL, MAX_SHARDS, Options};

use crate::oracle::{Oracle, borrowed, contents, rows, scratch};

/// A closed index with a segment, tombstones and rows in logs.
fn sample(options: Options) -> (tempfile::TempDir, PathBuf, Oracle) {
    let (directory, index) = scratch(options);
    index.insert(&borrowed(&rows(3, 0..40, 2))).unwrap();
    index.seal().unwrap();
    index.delete(&[3, 4]).unwrap();
    index.seal().unwrap();
    index.insert(&borrowed(&rows(3, 40..60, 2))).unwrap();
    let (path, oracle) = (index.path().to_owned(), Oracle::of(&index.view()));
    index.close().unwrap();
    (directory, path, oracle)
}

#[test]
fn creation_takes_only_what_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let full = directory.path().join("full");
    fs::create_dir_all(full.join("inner")).unwrap();
    fs::write(full.join("inner/letter.txt"), "mine").unwrap();
    fs::write(directory.path().join("file"), "mine too").unwrap();
    symlink(&full, directory.path().join("link")).unwrap();
    symlink("nowhere", directory.path().join("dangling")).unwrap();
    let index = Index::create(&directory.path().join("index"), Options::new(3)).unwrap();
    index.insert(&borrowed(&rows(3, 0..5, 1))).unwrap();
    index.close().unwrap();
    let before = contents(directory.path());
    for taken in ["full", "file", "link", "dangling", "index", "."] {
        let refused = Index::create(&directory.path().join(taken), Options::new(3));
        assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{taken}: {:?}", refused.err());
        assert_eq!(contents(directory.path()), before, "{taken}");
    }
    assert!(matches!(Index::create(&full.join("no/parent"), Options::new(3)), Err(Error::Io { .. })));
    assert_eq!(contents(directory.path()), before);

    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    Index::create(&empty, Options::new(3)).unwrap().close().unwrap();
    assert_eq!(Index::open(&empty).unwrap().path(), empty.canonicalize().unwrap());
}

#[test]
fn options_out_of_their_ranges_are_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index");
    let fine = Options::new(3);
    for (field, options) in [
        ("dimension", Options::new(0)),
        ("dimension", Options::new(MAX_DIMENSION + 1)),
        ("shards", fine.clone().shards(0)),
        ("shards", fine.clone().shards(MAX_SHARDS + 1)),
        ("label", fine.clone().label("x".repeat(MAX_LABEL + 1))),
        ("label", fine.clone().label("é".repeat(MAX_LABEL / 2 + 1))),
        ("seal_rows", fine.seal_rows(0)),
    ] {
        match Index::create(&path, options) {
            Err(Error::InvalidOption { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
        assert_eq!(contents(directory.path()), []);
    }
}

#[test]
fn options_come_back_whatever_they_are() {
    for options in [
        Options::new(1),
        Options::new(2).shards(MAX_SHARDS).label("é".repeat(MAX_LABEL / 2)),
        Options::new(MAX_DIMENSION).shards(1).label("a\0b\n\"").seal_rows(usize::MAX),
    ] {
        let (directory, index) = scratch(options.clone());
        assert_eq!(index.options(), &options);
        index.close().unwrap();
        let index = Index::open(&directory.path().join("index")).unwrap();
        assert_eq!(index.options(), &options);
    }
}

#[test]
fn what_is_no_index_is_not_opened_and_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("full/MANIFEST")).unwrap();
    fs::write(directory.path().join("full/tmp-notes"), "mine").unwrap();
    fs::create_dir(directory.path().join("empty")).unwrap();
    fs::write(directory.path().join("file"), "mine").unwrap();
    let before = contents(directory.path());
    for name in ["full", "empty", "file", "nothing"] {
        let path = directory.path().join(name);
        assert!(matches!(Index::open(&path), Err(Error::NotAnIndex { .. })), "{name}");
        assert!(matches!(Index::check_at(&path), Err(Error::NotAnIndex { .. })), "{name}");
        assert_eq!(contents(directory.path()), before, "{name}");
    }
}

#[test]
fn a_stranger_with_a_manifest_of_its_own_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("MANIFEST"), "setup.py\nREADME.txt\n").unwrap();
    fs::write(directory.path().join("tmp-notes"), "mine").unwrap();
    match Index::open(directory.path()) {
        Err(Error::Damaged { path, .. }) => assert!(path.ends_with("MANIFEST")),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(directory.path().join("tmp-notes")).ok(), Some(b"mine".to_vec()));
}

#[test]
fn a_newer_version_is_refused_by_name() {
    for kind in ["MANIFEST", ".log", ".seg", ".tomb"] {
        let (_directory, path, _) = sample(Options::new(3).shards(1));
        let named = contents(&path).into_iter().find(|(path, _)| path.to_string_lossy().ends_with(kind));
        let (file, bytes) = named.unwrap();
        let mut bytes = bytes.unwrap();
        bytes[8..10].copy_from_slice(&4u16.to_le_bytes());
        let checksum = crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        fs::write(&file, bytes).unwrap();
        let before = contents(&path);
        match Index::open(&path) {
            Err(Error::NewerVersion { path, got: 4, supported: 3 }) => assert_eq!(path, file),
            other => panic!("{kind}: {other:?}"),
        }
        let changed = contents(&path).into_iter().filter(|file| !before.contains(file));
        assert!(changed.map(|file| file.0).all(|path| path.ends_with("LOCK")), "{kind}");
    }
}

/// Castagnoli's, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |state, &byte| {
        (0..8).fold(state ^ u32::from(byte), |state, _| (state >> 1) ^ (0x82f6_3b78 * (state & 1)))
    })
}

#[test]
fn nobody_but_the_owner_may_read() {
    let (directory, path, _) = sample(Options::new(3));
    let mut paths: Vec<PathBuf> = contents(&path).into_iter().map(|(path, _)| path).collect();
    assert!(paths.len() > 10, "{paths:?}");
    paths.push(directory.path().join("index"));
    for path in paths {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn what_is_not_ours_is_reported_and_left_alone() {
    let (directory, path, oracle) = sample(Options::new(3).shards(2));
    let (_other, foreign, _) = sample(Options::new(3).shards(2));
    let log = "shard-01/wal-0000000099.log";
    let strangers = ["notes.txt", "shard-00/notes.txt", "seg-1.seg", "seg-0000000090.seg", log];
    for name in strangers {
        fs::write(path.join(name), "mine").unwrap();
    }
    let segment = contents(&foreign).into_iter().find(|(path, _)| path.extension() == Some("seg".as_ref()));
    let copied = path.join("seg-0000000095.seg");
    fs::copy(segment.unwrap().0, &copied).unwrap();
    let mut expected: Vec<PathBuf> = strangers.iter().map(|name| path.join(name)).chain([copied]).collect();
    expected.sort();
    for _ in 0..2 {
        let mut report = Index::check_at(&path).unwrap();
        report.unknown.sort();
        assert_eq!((report.is_clean(), &report.unknown), (true, &expected));
        let index = Index::open(&path).unwrap();
        oracle.assert_equals(&index.view(), &[]);
        assert!(index.check().unwrap().unknown.contains(&path.join("notes.txt")));
        // New files do not collide with theirs.
        index.insert_with(&borrowed(&rows(3, 500..510, 1)), Durability::Bulk).unwrap();
        index.seal().unwrap();
        index.delete(&(500..510).collect::<Vec<_>>()).unwrap();
        index.close().unwrap();
        assert!(strangers.iter().all(|name| fs::read(path.join(name)).unwrap() == b"mine"));
    }
    drop(directory);
}

#[test]
fn a_file_with_a_number_near_the_end_of_all_numbers_does_not_lock_the_index_up() {
    for name in
        ["seg-9223372036854775806.seg", "wal-4611686018427387903.log", "tomb-18446744073709551615.tomb"]
    {
        let (_directory, path, oracle) = sample(Options::new(3));
        fs::write(path.join(name), "a stranger's").unwrap();
        let index = Index::open(&path).unwrap();
        index.seal().unwrap();
        assert!(index.check().unwrap().is_clean(), "{name}");
        index.close().unwrap();
        assert_eq!(Oracle::of(&Index::open(&path).unwrap().view()), oracle, "{name}");
        assert_eq!(fs::read_to_string(path.join(name)).unwrap(), "a stranger's");
    }
}

#[test]
fn unfinished_files_are_removed() {
    let (_directory, path, oracle) = sample(Options::new(3).shards(2));
    let unfinished = ["tmp-MANIFEST", "tmp-seg-0000000001.seg", "tmp-tomb-0000000050.tomb", "shard-01/tmp-x"];
    for name in unfinished {
        fs::write(path.join(name), "half of somethi").unwrap();
    }
    let index = Index::open(&path).unwrap();
    oracle.assert_equals(&index.view(), &[]);
    assert!(unfinished.iter().all(|name| !path.join(name).exists()));
    index.close().unwrap();
    assert_eq!(Index::check_at(&path).unwrap().unknown, Vec::<PathBuf>::new());
}

#[test]
fn an_index_may_move() {
    let (directory, path, oracle) = sample(Options::new(3));
    let moved = directory.path().join("elsewhere");
    fs::rename(&path, &moved).unwrap();
    let index = Index::open(&moved).unwrap();
    oracle.assert_equals(&index.view(), &[]);
    index.seal().unwrap();
    index.close().unwrap();
    assert!(!path.exists());
    oracle.assert_equals(&Index::open(&moved).unwrap().view(), &[]);
}

#[test]
fn a_missing_file_is_named() {
    let (directory, path, oracle) = sample(Options::new(3).shards(2));
    for (file, bytes) in contents(&path) {
        let Some(bytes) = bytes else { continue };
        fs::remove_file(&file).unwrap();
        let opened = Index::open(&path);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        match (&*name, opened) {
            ("MANIFEST", Err(Error::NotAnIndex { path: named })) => assert_eq!(named, path),
            ("LOCK", Ok(index)) => oracle.assert_equals(&index.view(), &[]),
            (name, Ok(index)) if name.ends_with(".list") => {
                oracle.assert_equals(&index.view(), &[]);
                assert!(matches!(index.erasures(), Err(Error::Damaged { path: named, .. }) if named == file));
            }
            (_, Err(Error::Damaged { path: named, got, .. })) => {
                assert_eq!((named, &*got), (file.clone(), "no file"));
                let report = Index::check_at(&path).unwrap();
                assert!(report.problems.iter().any(|problem| problem.path == file), "{name}");
            }
            (_, other) => panic!("{name}: {other:?}"),
        }
        fs::write(&file, bytes).unwrap();
    }
    oracle.assert_equals(&Index::open(&path).unwrap().view(), &[]);
    drop(directory);
}
