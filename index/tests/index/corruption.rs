//! Damage of every kind to every file: an error that names the file, or the right answer. Never a panic, never another
//! answer, and a check reports it.
//!
//! Only the end of a log is special: bytes that nothing later in the log vouches for cannot be told from a write that
//! a crash tore. Losing exactly those rows is right there, and losing any other is not.

mod image;
mod trial;

use std::path::Path;

use gallerist_index::{Error, Index, Options};

use crate::oracle::{Oracle, Random, borrowed, copy, quick_directory, rows, vector};
use image::Image;
use trial::{Expected, Trial};

/// Set GALLERIST_CASES for a longer run: 48, as for the model, means once.
fn rounds() -> u64 {
    std::env::var("GALLERIST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(48u64).div_ceil(48)
}

/// Every byte of every file: one bit flipped, and in what is no payload also all bits cleared and all set.
fn every_byte(image: &Image, which: fn(&Path) -> bool, at_least: usize) {
    let mut trial = Trial::default();
    for (path, bytes) in image.files.iter().filter(|(path, _)| which(path)) {
        let frames = if image::is_log(path) { image.frames(path) } else { Vec::new() };
        for at in 0..bytes.len() {
            trial.change(image, path, &format!("a bit of byte {at}"), |bytes| bytes[at] ^= 1 << (at % 8));
            let in_frame = frames.iter().any(|frame| at < frame.bytes.start + 28 && at >= frame.bytes.start);
            let in_tables = at < 64 || (bytes.len() - at <= 224 && frames.is_empty());
            if in_frame || in_tables {
                for value in [0x00, 0xff] {
                    trial
                        .change(image, path, &format!("byte {at} = {value:#04x}"), |bytes| bytes[at] = value);
                }
            }
        }
    }
    trial.finish(at_least);
}

#[test]
fn no_byte_of_a_closed_index_changes_unnoticed() {
    every_byte(&Image::closed(), |_| true, 8_000);
}

#[test]
fn no_byte_of_a_crashed_index_changes_unnoticed() {
    let image = Image::crashed();
    let logs = image.files.iter().filter(|(path, _)| path.starts_with("shard-00"));
    let sizes: Vec<usize> = logs.map(|(_, bytes)| bytes.len()).collect();
    assert!(sizes.len() == 2 && sizes.iter().all(|&size| size > 64), "two logs in use: {sizes:?}");
    every_byte(&image, |path| path.starts_with("shard-00") || path.starts_with("shard-01"), 4_000);
}

#[test]
fn no_cut_and_no_addition_passes() {
    for image in [Image::closed(), Image::crashed()] {
        let mut trial = Trial::default();
        for (path, bytes) in &image.files {
            let step = if bytes.len() > 600 { 3 } else { 1 };
            for length in (0..bytes.len()).rev().step_by(step).chain([0, 63, 64]) {
                trial.change(&image, path, &format!("cut to {length}"), |bytes| bytes.truncate(length));
            }
            for (more, what) in
                [(&[0; 1][..], "0"), (&[0xff; 1], "ff"), (&[0; 4096], "zeros"), (&[7; 100], "7s")]
            {
                trial.change(&image, path, &format!("{what} added"), |bytes| bytes.extend_from_slice(more));
            }
            // The end once more: what a rewritten or recycled block would show.
            let end = bytes[bytes.len().saturating_sub(96)..].to_vec();
            trial.change(&image, path, "its end again", |bytes| bytes.extend_from_slice(&end));
        }
        trial.finish(2_000);
    }
}

#[test]
fn no_lost_or_garbled_range_passes() {
    let images = [Image::closed(), Image::crashed()];
    let (mut trial, mut random) = (Trial::default(), Random(11));
    for round in 0..1_500 * rounds() {
        let image = &images[(round % 2) as usize];
        let path = image.files.keys().nth(random.below(image.files.len() as u64) as usize).unwrap();
        let size = image.files[path].len() as u64;
        let from = random.below(size) as usize;
        let to = (from + 1 + random.below(size) as usize).min(size as usize);
        match random.below(3) {
            0 => {
                trial.change(image, path, &format!("zeros in {from}..{to}"), |bytes| bytes[from..to].fill(0))
            }
            1 => trial.change(image, path, &format!("noise in {from}..{to}"), |bytes| {
                bytes[from..to].iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            }),
            _ => trial
                .change(image, path, &format!("{from}..{to} left out"), |bytes| drop(bytes.drain(from..to))),
        }
    }
    trial.finish(1_500);
}

#[test]
fn files_do_not_stand_in_for_each_other() {
    let (image, other) = (Image::crashed(), Image::crashed());
    let mut trial = Trial::default();
    for (one, content) in &image.files {
        for (another, replacement) in &image.files {
            let mut files = image.files.clone();
            files.insert(one.clone(), replacement.clone());
            files.insert(another.clone(), content.clone());
            let expected = match one == another {
                true => Expected::Rows(image.whole()),
                false if image::is_list(one) && image::is_list(another) => Expected::Reported(image.whole()),
                false => Expected::Refused,
            };
            let what = format!("{} swapped with {}", one.display(), another.display());
            trial.judge(&files, &[one, another], &expected, &what);
        }
        let foreign = other.files.iter().filter(|(path, _)| path.extension() == one.extension());
        for (path, replacement) in foreign.filter(|_| one.extension().is_some()) {
            let what = format!("{} of another index", path.display());
            trial.change(&image, one, &what, |bytes| bytes.clone_from(replacement));
        }
        let mut files = image.files.clone();
        files.remove(one);
        let expected =
            if image::is_list(one) { Expected::Reported(image.whole()) } else { Expected::Refused };
        trial.judge(&files, &[one], &expected, &format!("{} missing", one.display()));
    }
    trial.finish(100);
}

#[test]
fn a_manifest_with_right_checksums_and_wrong_numbers_is_no_panic() {
    let path = Path::new("MANIFEST");
    for image in [Image::closed(), Image::crashed()] {
        let mut trial = Trial::default();
        let size = image.files[path].len();
        for at in (8..60).chain(64..size - 12) {
            for value in [0u64, 1 << 40, u64::MAX - 1, u64::MAX] {
                let mut files = image.files.clone();
                let bytes = files.get_mut(path).unwrap();
                bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
                seal(bytes);
                trial.judge(&files, &[path], &Expected::Anything, &format!("{value:#x} at {at}"));
            }
        }
        trial.finish(1_000);
    }
}

/// Gives a manifest the checksums of what it holds.
fn seal(bytes: &mut [u8]) {
    let header = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&header.to_le_bytes());
    let (content, checksum) = bytes.split_last_chunk_mut::<4>().unwrap();
    *checksum = crc32c::crc32c(content).to_le_bytes();
}

#[test]
fn a_file_of_a_newer_version_is_refused_by_name() {
    let image = Image::closed();
    for path in image.files.keys() {
        let mut files = image.files.clone();
        let bytes = files.get_mut(path).unwrap();
        bytes[8] = 4;
        let header = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&header.to_le_bytes());
        if path == Path::new("MANIFEST") {
            seal(bytes);
        }
        let directory = quick_directory();
        Image::write(&files, directory.path());
        let root = directory.path().canonicalize().unwrap();
        let problems = Index::check_at(&root).unwrap().problems;
        assert!(!problems.is_empty());
        for problem in problems {
            assert_eq!(problem.path, root.join(path), "{problem}");
        }
        match Index::open(&root) {
            Ok(index) if image::is_list(path) => match index.erasures() {
                Err(Error::NewerVersion { path: named, .. }) => assert_eq!(named, root.join(path)),
                other => panic!("{}: {other:?}", path.display()),
            },
            Err(Error::NewerVersion { path: named, got: 4, supported: 3 }) => {
                assert_eq!(named, root.join(path))
            }
            other => panic!("{}: {other:?}", path.display()),
        }
    }
}

#[test]
fn a_damaged_vector_leaves_the_rest_usable() {
    let directory = quick_directory();
    let path = directory.path().join("index");
    let index = Index::create(&path, Options::new(16).shards(1)).unwrap();
    let given = rows(16, 0..3000, 3);
    index.insert(&borrowed(&given)).unwrap();
    index.seal().unwrap();
    index.close().unwrap();
    let segment = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let segment =
        segment.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "seg")).unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    // Ids, groups and order take 60 of the first 64 KiB; this is in the third block.
    bytes[150_000] ^= 1;
    std::fs::write(&segment, bytes).unwrap();

    let problems = Index::check_at(&path).unwrap().problems;
    assert!(
        !problems.is_empty()
            && problems.iter().all(|problem| problem.path.ends_with(segment.file_name().unwrap()))
    );
    assert_eq!(problems[0].offset, 131_072, "the block");
    let index = Index::open(&path).unwrap();
    let view = index.view();
    let (mut found, mut lost) = (Oracle::default(), 0);
    for row in view.rows() {
        match row {
            Ok(row) => found.insert(row.id, row.group, row.vector),
            Err(Error::Damaged { offset: 131_072, .. }) => lost += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!((1024..=1026).contains(&lost), "the rows of one block: {lost}");
    assert!(
        found.0.len() + lost == 3000 && view.len() == 3000 && view.rows().flatten().count() == found.0.len()
    );
    for (id, group, vector) in &given {
        assert!(view.contains(*id) && view.group_ids(*group).contains(id));
        match found.0.get(id) {
            Some(row) => {
                assert!(row == &(*group, vector.clone()) && view.get(*id).unwrap().unwrap().vector == *vector)
            }
            None => assert!(view.get(*id).is_err()),
        }
    }
    let search = |index: &Index| index.view().query(&vector(16, 1)).unwrap().top_k(1);
    assert!(matches!(search(&index), Err(Error::Damaged { offset: 131_072, .. })), "no answer is complete");
    index.insert(&borrowed(&rows(16, 3000..3010, 3))).unwrap();
    let unreadable: Vec<u64> = (0..3000).filter(|id| !found.0.contains_key(id)).collect();
    assert_eq!(index.delete(&unreadable).unwrap().rows, lost);
    assert!(matches!(search(&index), Err(Error::Damaged { .. })), "also when all its rows are deleted");
    assert_eq!(index.view().rows().filter(Result::is_ok).count(), 3010 - lost);
}

#[test]
fn what_is_sound_can_be_salvaged_from_a_damaged_index() {
    let image = Image::closed();
    let intact = quick_directory();
    Image::write(&image.files, intact.path());
    let salvage = Index::salvage(intact.path()).unwrap();
    assert!(salvage.problems.is_empty());
    image.whole().assert_equals(&salvage.view, &[vector(3, 1)]);
    for path in image.files.keys().filter(|path| path.extension().is_some()) {
        for change in 0..3 {
            let mut files = image.files.clone();
            let bytes = files.get_mut(path).unwrap();
            match change {
                0 => bytes[10] ^= 1,
                1 => bytes.truncate(30),
                _ => drop(files.remove(path)),
            }
            let directory = quick_directory();
            Image::write(&files, directory.path());
            let salvage = Index::salvage(directory.path()).unwrap();
            let root = directory.path().canonicalize().unwrap();
            if image::is_list(path) {
                assert!(salvage.problems.is_empty(), "no row is in it");
                continue;
            }
            let named = |error: &Error| matches!(error, Error::Damaged { path: named, .. } if *named == root.join(path));
            assert!(salvage.problems.iter().any(named), "{}: {:?}", path.display(), salvage.problems);
            let (found, whole) = (Oracle::of(&salvage.view), image.whole());
            let answer = salvage.view.query(&vector(3, 1)).unwrap().top_k(usize::MAX).unwrap();
            assert!(!answer.complete && answer.hits.len() == found.0.len());
            assert!(!found.0.is_empty(), "the other files are sound");
            if !image::is_log(path) {
                assert!(found.0.iter().all(|(id, row)| whole.0.get(id) == Some(row)), "{}", path.display());
            }
        }
    }
    let nothing = quick_directory();
    assert!(matches!(Index::salvage(nothing.path()), Err(Error::NotAnIndex { .. })));
}

#[test]
fn rows_that_look_like_a_record_vouch_for_nothing() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(3).shards(1)).unwrap();
    index.insert(&borrowed(&rows(3, 500..509, 3))).unwrap();
    // A delete record of no rows as four ids, with the checksums of a file whose seed is zero: the real one is secret.
    let mut record = [2u64 << 32, 1 << 41, 1 << 40, 0];
    let mut bytes: Vec<u8> = record.iter().flat_map(|number| number.to_le_bytes()).take(24).collect();
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    for (number, bytes) in record.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = u64::from_le_bytes(*bytes);
    }
    // Ids lie 36 bytes behind the start of a frame: with half of one before it, the record is where one may begin.
    let halves: Vec<u32> = record.iter().flat_map(|id| [*id as u32, (*id >> 32) as u32]).collect();
    let halves: Vec<u32> = [7].into_iter().chain(halves).chain([9]).collect();
    let ids = halves.chunks(2).map(|half| u64::from(half[0]) | u64::from(half[1]) << 32);
    let ids = [1000, 1001, 1002].into_iter().chain(ids);
    let given: Vec<_> = ids.map(|id| (id, 5, vector(3, id))).collect();
    index.insert(&borrowed(&given)).unwrap();
    let crashed = directory.path().join("crashed");
    copy(index.path(), &crashed);
    let log =
        std::fs::OpenOptions::new().write(true).open(crashed.join("shard-00/wal-0000000001.log")).unwrap();
    let length = log.metadata().unwrap().len();
    log.set_len(length - 20).unwrap();
    let view = Index::open(&crashed).unwrap().view();
    assert_eq!(Oracle::of(&view).0.into_keys().collect::<Vec<_>>(), (500..509).collect::<Vec<_>>());
}
