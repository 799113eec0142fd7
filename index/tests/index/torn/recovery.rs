//! A crash while recovering from a crash, and while sealing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gallerist_index::{Durability, Index, Options};

use super::assert_works;
use crate::oracle::{Oracle, borrowed, copy, quick_directory, rows};

/// Files below a directory, relative to it.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = Path::new(path.file_name().unwrap());
        if path.is_dir() {
            found.extend(files(&path).iter().map(|file| name.join(file)));
        } else {
            found.insert(name.to_owned());
        }
    }
    found
}

/// One moment between two states of an index on disk: some files of both.
struct Between<'a> {
    before: &'a Path,
    after: &'a Path,
}

impl Between<'_> {
    /// Files that the step made.
    fn made(&self) -> Vec<PathBuf> {
        files(self.after).difference(&files(self.before)).cloned().collect()
    }

    /// Before the step, with some of what it made.
    fn begun(&self, name: &str, made: &[PathBuf]) -> PathBuf {
        let path = self.before.with_file_name(name);
        let _ = fs::remove_dir_all(&path);
        copy(self.before, &path);
        for file in made {
            fs::copy(self.after.join(file), path.join(file)).unwrap();
        }
        path
    }

    /// After the step, with what it had not removed yet.
    fn committed(&self, name: &str) -> PathBuf {
        let path = self.begun(name, &self.made());
        fs::copy(self.after.join("MANIFEST"), path.join("MANIFEST")).unwrap();
        path
    }
}

/// An index of two shards with segments, tombstones and rows and deletions in logs.
fn busy(directory: &Path) -> Index {
    let options = Options::new(3).shards(2).background_compaction(false);
    let index = Index::create(&directory.join("live"), options).unwrap();
    index.insert(&borrowed(&rows(3, 0..60, 3))).unwrap();
    index.seal().unwrap();
    index.delete(&[1, 7, 30, 31, 32]).unwrap();
    index.insert_with(&borrowed(&rows(3, 100..130, 3)), Durability::Bulk).unwrap();
    index.delete(&[101, 50]).unwrap();
    index.insert(&borrowed(&rows(3, 7..8, 1))).unwrap(); // again, in another group
    index
}

/// The same after a crash that tore the tails of its logs.
fn crashed(directory: &Path) -> (PathBuf, Oracle) {
    let index = busy(directory);
    let expected = Oracle::of(&index.view());
    let path = directory.join("crashed");
    copy(index.path(), &path);
    for log in files(&path).iter().filter(|file| file.extension() == Some("log".as_ref())) {
        let mut bytes = fs::read(path.join(log)).unwrap();
        bytes.extend_from_slice(&[0x33; 77]);
        fs::write(path.join(log), bytes).unwrap();
    }
    (path, expected)
}

/// Opens an index and copies it while it is open, as a crash after recovery would leave it.
fn recovered(path: &Path, name: &str, expected: &Oracle) -> PathBuf {
    let index = Index::open(path).unwrap();
    assert_eq!(&Oracle::of(&index.view()), expected);
    let copied = path.with_file_name(name);
    copy(path, &copied);
    copied
}

#[test]
fn a_crash_while_recovering_loses_nothing() {
    let directory = quick_directory();
    let (before, expected) = crashed(directory.path());
    let scratch = before.with_file_name("scratch");
    copy(&before, &scratch);
    let after = recovered(&scratch, "after", &expected);
    let between = Between { before: &before, after: &after };
    let made = between.made();
    assert_eq!(made.len(), 2, "a new log for each shard: {made:?}");

    assert_works(&between.begun("case", &[]), &expected, "nothing begun");
    assert_works(&between.begun("case", &made[..1]), &expected, "one log copied");
    assert_works(&between.begun("case", &made), &expected, "both logs copied");
    assert_works(&between.committed("case"), &expected, "old logs not removed");
    for length in (64..fs::metadata(after.join(&made[0])).unwrap().len()).step_by(50) {
        let path = between.begun("case", &made[..1]);
        let log = fs::OpenOptions::new().write(true).open(path.join(&made[0])).unwrap();
        log.set_len(length).unwrap();
        assert_works(&path, &expected, &format!("{length} bytes of a log copied"));
    }
    let manifest = fs::read(after.join("MANIFEST")).unwrap();
    for length in [0, 10, manifest.len() - 1, manifest.len()] {
        let path = between.begun("case", &made);
        fs::write(path.join("tmp-MANIFEST"), &manifest[..length]).unwrap();
        assert_works(&path, &expected, &format!("{length} bytes of the manifest written"));
    }
}

#[test]
fn a_log_that_was_only_just_made_is_removed() {
    let directory = quick_directory();
    let (before, expected) = crashed(directory.path());
    for content in [&[][..], &[0; 64], &[0; 10]] {
        let path = before.with_file_name("case");
        let _ = fs::remove_dir_all(&path);
        copy(&before, &path);
        fs::write(path.join("shard-01/wal-0000000077.log"), content).unwrap();
        assert_works(&path, &expected, &format!("a log of {} bytes", content.len()));
    }
}

#[test]
fn crash_after_crash_loses_nothing() {
    let directory = quick_directory();
    let (mut path, mut expected) = crashed(directory.path());
    for round in 0..8 {
        path = recovered(&path, &format!("round-{round}"), &expected);
        let index = Index::open(&path).unwrap();
        let more = rows(3, 200 + round * 4..204 + round * 4, 2);
        index.insert_with(&borrowed(&more), Durability::Bulk).unwrap();
        more.into_iter().for_each(|(id, group, vector)| expected.insert(id, group, vector));
        let gone = *expected.0.keys().nth(round as usize * 3).unwrap();
        index.delete(&[gone]).unwrap();
        expected.0.remove(&gone);
        if round % 3 == 2 {
            index.seal().unwrap();
        }
        let next = directory.path().join(format!("crash-{round}"));
        copy(&path, &next);
        path = next;
    }
    assert_works(&path, &expected, "at the end");
}

#[test]
fn a_crash_while_sealing_loses_nothing_and_revives_nothing() {
    let directory = quick_directory();
    let index = busy(directory.path());
    let expected = Oracle::of(&index.view());
    let [before, after] = ["before", "after"].map(|name| directory.path().join(name));
    copy(index.path(), &before);
    index.seal().unwrap();
    copy(index.path(), &after);
    let between = Between { before: &before, after: &after };
    let made = between.made();
    let kinds = |kind: &str| made.iter().filter(|file| file.extension() == Some(kind.as_ref())).count();
    assert!(kinds("seg") == 2 && kinds("tomb") > 0 && kinds("log") > 1, "{made:?}");
    for file in &made {
        let what = file.display().to_string();
        assert_works(&between.begun("case", std::slice::from_ref(file)), &expected, &what);
    }
    assert_works(&between.begun("case", &made), &expected, "all but the manifest");
    assert_works(&between.committed("case"), &expected, "nothing removed yet");
    assert_works(&after, &expected, "afterwards");
}

#[test]
fn what_a_crash_left_counts_towards_the_next_seal() {
    let directory = quick_directory();
    let path = directory.path().join("index");
    let options = Options::new(4).shards(1).seal_rows(100).background_compaction(false);
    let index = Index::create(&path, options).unwrap();
    index.insert(&borrowed(&rows(4, 0..60, 3))).unwrap();
    let crashes = ["one", "two"].map(|name| directory.path().join(name));
    crashes.iter().for_each(|crash| copy(&path, crash));

    let index = Index::open(&crashes[0]).unwrap();
    index.seal().unwrap();
    assert_eq!((index.stats().buffered_rows, index.stats().segments), (0, 1));

    let index = Index::open(&crashes[1]).unwrap();
    index.insert(&borrowed(&rows(4, 60..120, 3))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while index.stats().segments == 0 {
        assert!(Instant::now() < deadline, "60 and 60 rows are more than 100, so 60 are sealed");
        std::thread::sleep(Duration::from_millis(5));
    }
    index.close().unwrap();
    let index = Index::open(&crashes[1]).unwrap();
    assert_eq!(index.stats().buffered_rows, 60);
}

#[test]
fn the_largest_frame_comes_back() {
    let directory = quick_directory();
    let path = directory.path().join("index");
    // 1032 rows of 16 + 250 * 4 bytes are all that one frame takes, to the byte.
    let index = Index::create(&path, Options::new(250).shards(1)).unwrap();
    let given = rows(250, 0..1032, 2000);
    index.insert(&borrowed(&given)).unwrap();
    let mut oracle = Oracle::default();
    given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    let crashed = directory.path().join("crashed");
    copy(&path, &crashed);
    recovered(&crashed, "again", &oracle);
}
