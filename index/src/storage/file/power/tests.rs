//! The model itself: what it allows, and what it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::storage::file;
use crate::storage::file::trace::Recorder;

/// Every content of a directory that many power cuts leave, as text by name.
fn outcomes(disk: &Disk, kinds: &[Kind]) -> BTreeSet<BTreeMap<String, String>> {
    let image = |(kind, seed): (Kind, u64)| {
        let target = tempfile::tempdir().unwrap();
        Image::new(kind, seed).write(disk, target.path());
        let files = fs::read_dir(target.path()).unwrap().map(Result::unwrap);
        files
            .map(|entry| {
                let bytes = fs::read(entry.path()).unwrap();
                (entry.file_name().into_string().unwrap(), String::from_utf8_lossy(&bytes).into_owned())
            })
            .collect()
    };
    kinds.iter().flat_map(|&kind| (0..60).map(move |seed| (kind, seed))).map(image).collect()
}

fn after(act: impl FnOnce(&Path)) -> Disk {
    let directory = tempfile::tempdir_in(std::env::temp_dir().canonicalize().unwrap()).unwrap();
    fs::write(directory.path().join("old"), "old").unwrap();
    let recorder = Recorder::new(directory.path());
    act(directory.path());
    let (mut disk, events) = recorder.finish();
    events.iter().for_each(|event| disk.apply(event));
    disk
}

fn names(outcome: &BTreeMap<String, String>) -> Vec<&str> {
    outcome.keys().map(String::as_str).collect()
}

#[test]
fn a_new_file_may_have_its_name_or_its_data_or_both_or_neither() {
    let disk = after(|directory| {
        let file = file::create(&directory.join("new")).unwrap();
        file::write_at(&file, &directory.join("new"), b"data", 0).unwrap();
    });
    let outcomes = outcomes(&disk, &KINDS);
    assert!(outcomes.iter().any(|files| !files.contains_key("new")));
    for content in ["", "data", "\0\0\0\0"] {
        assert!(outcomes.iter().any(|files| files.get("new").is_some_and(|found| found == content)));
    }
    assert!(outcomes.iter().all(|files| files["old"] == "old"), "{outcomes:?}");
}

#[test]
fn a_synced_file_has_its_data_wherever_it_has_a_name() {
    let disk = after(|directory| {
        let path = directory.join("new");
        let file = file::create(&path).unwrap();
        file::write_at(&file, &path, b"data", 0).unwrap();
        file::sync(&file, &path).unwrap();
    });
    let found = outcomes(&disk, &KINDS);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|files| files.get("new").is_none_or(|content| content == "data")));
}

#[test]
fn a_rename_happens_or_does_not() {
    let disk = after(|directory| {
        file::create(&directory.join("tmp")).unwrap();
        file::sync_directory(directory).unwrap();
        file::rename(&directory.join("tmp"), &directory.join("old")).unwrap();
    });
    let found = outcomes(&disk, &KINDS);
    let found: Vec<_> = found.iter().map(|files| (names(files), &files["old"][..])).collect();
    assert_eq!(found, [(vec!["old"], ""), (vec!["old", "tmp"], "old")]);
}

#[test]
fn an_unsynced_removal_may_come_undone_and_a_synced_one_does_not() {
    let disk = after(|directory| file::discard(&directory.join("old")));
    assert_eq!(outcomes(&disk, &KINDS).len(), 2);
    let disk = after(|directory| {
        file::discard(&directory.join("old"));
        file::sync_directory(directory).unwrap();
    });
    assert_eq!(outcomes(&disk, &KINDS), [BTreeMap::new()].into());
}

#[test]
fn sectors_of_a_write_arrive_in_any_order_and_are_never_torn() {
    let disk = after(|directory| {
        let path = directory.join("new");
        let file = file::create(&path).unwrap();
        file::sync_directory(directory).unwrap();
        file::write_at(&file, &path, &[b'x'; 700], 500).unwrap();
    });
    let found = outcomes(&disk, &[Kind::SectorsAndZeros]);
    let shapes: BTreeSet<Vec<bool>> = found
        .iter()
        .map(|files| {
            let bytes = files["new"].as_bytes();
            [500..512, 512..1024, 1024..1200]
                .map(|part| {
                    let part: BTreeSet<u8> =
                        part.map(|at| bytes.get(at).copied().unwrap_or_default()).collect();
                    assert_eq!(part.len(), 1, "torn");
                    part.contains(&b'x')
                })
                .to_vec()
        })
        .collect();
    assert_eq!(shapes.len(), 8);
}

#[test]
fn no_later_sync_makes_up_for_a_failed_one() {
    use crate::storage::file::fault::Fault;
    let disk = after(|directory| {
        let path = directory.join("new");
        let file = file::create(&path).unwrap();
        file::sync_directory(directory).unwrap();
        file::write_at(&file, &path, b"lost", 0).unwrap();
        let fault = Fault::new(file::Operation::Sync, directory, "new", 0, libc::EIO);
        file::sync(&file, &path).unwrap_err();
        drop(fault);
        file::write_at(&file, &path, b"kept", 4).unwrap();
        file::sync(&file, &path).unwrap();
    });
    let found: BTreeSet<String> = outcomes(&disk, &[Kind::Synced, Kind::Everything])
        .into_iter()
        .map(|files| files["new"].clone())
        .collect();
    assert_eq!(found, ["\0\0\0\0kept".into(), "lostkept".into()].into());
}

#[test]
fn a_file_keeps_its_identity_through_renames() {
    let disk = after(|directory| {
        let (one, two) = (directory.join("one"), directory.join("two"));
        let file = file::create(&one).unwrap();
        file::rename(&one, &two).unwrap();
        file::create(&one).unwrap();
        file::write_at(&file, &one, b"of two", 0).unwrap();
        file::sync(&file, &one).unwrap();
        file::sync_directory(directory).unwrap();
    });
    let found = outcomes(&disk, &KINDS);
    assert_eq!(found.len(), 1);
    let files = found.first().unwrap();
    assert_eq!((&files["one"][..], &files["two"][..]), ("", "of two"));
}
