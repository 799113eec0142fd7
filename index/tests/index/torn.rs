//! Logs that a crash cut short, or that the disk damaged.

mod image;
mod recovery;

use std::fs;
use std::path::Path;

use gallerist_index::{Durability, Error, Index, Options};

use crate::oracle::{Oracle, READ_ONLY, Random, borrowed, contents, rows};
use image::{Image, logs};

const HEADER: usize = 64;

/// The index holds this, takes writes, closes cleanly and holds them again.
fn assert_works(path: &Path, expected: &Oracle, what: &str) {
    let before = contents(path);
    let reader = Index::open_with(path, &READ_ONLY).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(&Oracle::of(&reader.view()), expected, "{what}, read only");
    drop(reader);
    assert!(contents(path) == before, "{what}: a reader changed something");
    let index = Index::open(path).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(&Oracle::of(&index.view()), expected, "{what}");
    let mut expected = expected.clone();
    let more = rows(3, 900..903, 3);
    index.insert(&borrowed(&more)).unwrap();
    more.into_iter().for_each(|(id, group, vector)| expected.insert(id, group, vector));
    let gone = *expected.0.keys().next().unwrap();
    assert_eq!(index.delete(&[gone]).unwrap().rows, 1);
    expected.0.remove(&gone);
    index.close().unwrap();
    let report = Index::check_at(path).unwrap();
    assert!(report.is_clean() && report.unknown.is_empty(), "{what}: {report:?}");
    let index = Index::open(path).unwrap();
    expected.assert_equals(&index.view(), &[]);
    assert!(index.check().unwrap().is_clean(), "{what}");
}

fn assert_refused(path: &Path, damaged: &Path, what: &str) {
    for opened in [Index::open_with(path, &READ_ONLY), Index::open(path)] {
        match opened {
            Err(Error::Damaged { path, .. }) => assert_eq!(path, damaged, "{what}"),
            other => panic!("{what}: {:?}", other.map(|index| index.view().len())),
        }
    }
}

#[test]
fn a_log_cut_anywhere_holds_the_writes_before_the_cut() {
    for durability in [Durability::Group, Durability::Bulk] {
        let image = Image::small(durability);
        let (log, ends) = (image.log(0), image.ends(0));
        let last = ends[ends.len() - 3];
        for length in (HEADER..last).step_by(9).chain(last..=log.len()) {
            let path = image.with(&[(0, &log[..length])]);
            assert_works(&path, image.at(&[length]), &format!("{durability:?}, cut at {length}"));
        }
        assert_eq!(image.at(&[log.len()]), image.last());
    }
}

#[test]
fn a_tail_of_anything_else_is_dropped() {
    let image = Image::small(Durability::Group);
    let log = image.log(0);
    let mut random = Random(7);
    for start in image.ends(0).into_iter().flat_map(|end| [end, end + 4, end + 24, end + 57]) {
        let start = start.min(log.len());
        for kind in 0..4 {
            for length in [log.len() - start, log.len() - start + 8, 5000] {
                let noise = (0..length).map(|at| match kind {
                    0 => 0,
                    1 => 0xff,
                    2 => random.below(256) as u8,
                    _ => log[log.len() - 1 - at % (log.len() - HEADER)],
                });
                let changed: Vec<u8> = log[..start].iter().copied().chain(noise).collect();
                let path = image.with(&[(0, &changed)]);
                let index = Index::open(&path).unwrap();
                assert_eq!(&Oracle::of(&index.view()), image.at(&[start]), "kind {kind} at {start}");
            }
        }
    }
}

#[test]
fn damage_before_frames_that_vouch_for_it_is_an_error() {
    let image = Image::small(Durability::Group);
    let log = image.log(0);
    let ends = image.ends(0);
    for byte in HEADER..ends[ends.len() - 2] {
        let mut changed = log.clone();
        changed[byte] ^= 1 << (byte % 8);
        image.assert_damaged(&image.with(&[(0, &changed)]), 0, &format!("byte {byte} of {}", log.len()));
    }
}

#[test]
fn a_closed_log_vouches_for_all_of_itself() {
    let image = Image::small(Durability::Bulk);
    let path = image.with(&[]);
    Index::open(&path).unwrap().close().unwrap();
    let log = logs(&path).remove(0);
    let bytes = fs::read(&log).unwrap();
    for byte in HEADER..bytes.len() {
        let mut changed = bytes.clone();
        changed[byte] ^= 1 << (byte % 8);
        fs::write(&log, changed).unwrap();
        assert_refused(&path, &log, &format!("byte {byte} of {}", bytes.len()));
    }
    for length in HEADER..bytes.len() {
        fs::write(&log, &bytes[..length]).unwrap();
        assert_refused(&path, &log, &format!("cut at {length} of {}", bytes.len()));
    }
    fs::write(&log, bytes).unwrap();
    assert_works(&path, image.last(), "untouched");
}

#[test]
fn a_hole_among_unsynced_writes_ends_the_log_there() {
    let image = Image::small(Durability::Bulk);
    let log = image.log(0);
    let ends = image.ends(0);
    for (start, end) in ends.iter().zip(&ends[1..]) {
        let mut changed = log.clone();
        changed[start + 8..end - 8].fill(0);
        assert_works(&image.with(&[(0, &changed)]), image.at(&[*start]), &format!("hole at {start}"));
    }
}

#[test]
fn a_write_of_many_frames_is_whole_or_absent() {
    let image = Image::new(Options::new(3).shards(1).background_compaction(false), |index, record| {
        index.insert(&borrowed(&rows(3, 0..2, 1))).unwrap();
        record();
        index.insert(&borrowed(&rows(3, 1000..10_000, 1 << 20))).unwrap();
        record();
    });
    let (log, ends) = (image.log(0), image.ends(0));
    let mut random = Random(3);
    for case in 0..40 {
        let length = match case {
            0..8 => log.len() - case,
            _ => ends[1] + random.below((log.len() - ends[1]) as u64) as usize,
        };
        let index = Index::open(&image.with(&[(0, &log[..length])])).unwrap();
        assert_eq!(index.view().len(), if length == log.len() { 9002 } else { 2 }, "cut at {length}");
    }
}

#[test]
fn the_second_log_of_a_shard_vouches_for_the_first() {
    let image = Image::of_two_logs(Durability::Group);
    let logs = [image.log(0), image.log(1)];
    let ends = image.ends(0);
    for length in (0..logs[0].len()).filter(|length| !ends.contains(length)).step_by(3) {
        image.assert_damaged(&image.with(&[(0, &logs[0][..length])]), 0, &format!("cut at {length}"));
    }
    for length in &ends[..ends.len() - 1] {
        image.assert_damaged(&image.with(&[(0, &logs[0][..*length])]), 0, &format!("cut at {length}"));
    }
    for length in (HEADER..=logs[1].len()).rev().step_by(3) {
        let path = image.with(&[(1, &logs[1][..length])]);
        let expected = image.at(&[logs[0].len(), length]);
        assert_works(&path, expected, &format!("the second cut at {length}"));
    }
    image.assert_damaged(&image.with(&[(0, &logs[1]), (1, &logs[0])]), 0, "swapped");
    image.assert_damaged(&image.with(&[(1, &logs[1][..HEADER - 1])]), 1, "half a header");
}

#[test]
fn a_hole_between_unsynced_logs_ends_the_log_there() {
    let image = Image::of_two_logs(Durability::Bulk);
    let logs = [image.log(0), image.log(1)];
    for length in (HEADER..logs[0].len()).step_by(5) {
        let path = image.with(&[(0, &logs[0][..length])]);
        assert_works(&path, image.at(&[length, 0]), &format!("the first cut at {length}"));
    }
    assert_works(&image.with(&[]), image.last(), "untouched");
}
