//! Undoing corrections, with a local store and across restarts.

use super::*;
use crate::gallery::catalog::journal::Kind as Correction;
use crate::gallery::catalog::template;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Subjects by name, with the vectors of their templates by number (see [`template`](super::template)).
fn content(gallery: &Gallery) -> Vec<(String, Vec<u64>)> {
    let mut subjects = Vec::new();
    gallery.each_subject(|subject| subjects.push(subject)).unwrap();
    let view = gallery.view().unwrap();
    let number = |id: u64| {
        let vector = view.get(id).unwrap().unwrap().vector;
        (0..1000).find(|&number| super::template(number).as_slice() == vector).unwrap()
    };
    subjects
        .into_iter()
        .map(|subject| {
            let templates = gallery.templates_of(&subject).unwrap();
            let mut numbers: Vec<u64> = templates.iter().map(|template| number(template.id)).collect();
            numbers.sort_unstable();
            (subject.name, numbers)
        })
        .collect()
}

fn refusal(gallery: &Gallery, id: i64) -> String {
    let before = content(gallery);
    let entries = gallery.journal().unwrap().len();
    let error = gallery.undo(id).unwrap_err();
    assert!(matches!(error, GalleryError::CannotUndo { .. }), "{error}");
    assert_eq!((content(gallery), gallery.journal().unwrap().len()), (before, entries));
    error.to_string()
}

fn require_sound(gallery: &Gallery) {
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

/// A gallery of p-0 to p-5 with three templates each.
fn gallery() -> (Kind, Gallery) {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 6);
    gallery.keep_names_in_memory().unwrap();
    (kind, gallery)
}

#[test]
fn each_kind_of_correction_is_undone_once_also_after_a_restart() {
    for restart in [false, true] {
        let (kind, mut gallery) = gallery();
        let before = content(&gallery);
        let renamed = gallery.rename_subject("p-0", &name("Ada")).unwrap();
        let merged = gallery.merge_subjects("p-1", "p-2").unwrap();
        assert_eq!(merged.templates, 3);
        let ids = gallery.templates_of(&gallery.subject("p-3").unwrap()).unwrap();
        let moved = gallery.move_templates(&[ids[0].id, ids[1].id], "Bob").unwrap();
        let all = [renamed, merged.entry.unwrap(), moved.entries[0]];
        if restart {
            drop(gallery);
            gallery = kind.open(Access::ReadWrite);
        }
        for (id, verb, subject, templates) in
            [(all[0], "rename", "p-0", 0), (all[1], "merge", "p-1", 3), (all[2], "move", "p-3", 2)]
        {
            let entry = gallery.journal().unwrap().into_iter().find(|entry| entry.id == id).unwrap();
            assert!(entry.may_be_undone() && entry.verb == verb, "{entry:?}");
            let undone = gallery.undo(id).unwrap();
            assert_eq!(
                (undone.undone, undone.verb.as_str(), undone.subject.as_deref()),
                (id, verb, Some(subject))
            );
            assert_eq!(undone.templates.len(), templates);
            let journal = gallery.journal().unwrap();
            let entry = journal.iter().find(|entry| entry.id == id).unwrap();
            assert_eq!((entry.undone_by, entry.may_be_undone()), (Some(undone.entry), false));
            let last = journal.last().unwrap();
            assert_eq!((last.id, last.verb.as_str(), last.may_be_undone()), (undone.entry, "undo", false));
        }
        assert_eq!(content(&gallery), before);
        if restart {
            drop(gallery);
            gallery = kind.open(Access::ReadWrite);
        }
        for id in all {
            assert!(refusal(&gallery, id).contains("has undone it"));
        }
        require_sound(&gallery);
    }
}

#[test]
fn a_chain_of_corrections_is_undone_from_its_end() {
    let (_kind, gallery) = gallery();
    let before = content(&gallery);
    let chain = [
        gallery.merge_subjects("p-0", "p-1").unwrap().entry.unwrap(),
        gallery.rename_subject("p-1", &name("Ada")).unwrap(),
        gallery.merge_subjects("Ada", "p-2").unwrap().entry.unwrap(),
        gallery.merge_subjects("p-2", "p-3").unwrap().entry.unwrap(),
        gallery.rename_subject("p-3", &name("Eve")).unwrap(),
    ];
    assert!(refusal(&gallery, chain[0]).contains("was removed, or moved on"));
    assert!(refusal(&gallery, chain[1]).contains("not in the gallery any more"));
    for id in chain.into_iter().rev() {
        gallery.undo(id).unwrap();
    }
    assert_eq!(content(&gallery), before);
    // A second time through the subjects that were made again.
    let again = gallery.merge_subjects("p-0", "p-1").unwrap().entry.unwrap();
    let on = gallery.merge_subjects("p-1", "p-2").unwrap().entry.unwrap();
    gallery.undo(on).unwrap();
    gallery.undo(again).unwrap();
    assert_eq!(content(&gallery), before);
    require_sound(&gallery);
}

#[test]
fn several_subjects_are_renamed_at_once_and_back() {
    let (kind, gallery) = gallery();
    let before = content(&gallery);
    let id = |name: &str| gallery.subject(name).unwrap().id;
    let renames =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(from, to)| (id(from), name(to))).collect::<Vec<_>>();
    for wrong in [&[("p-0", "p-1")][..], &[("p-0", "p-1"), ("p-2", "p-0")]] {
        gallery.rename_subjects(&renames(wrong)).unwrap_err();
    }
    let journal = gallery.journal().unwrap().len();
    // A swap, a rotation, a chain, and a name that a temporary one would have.
    let all = renames(&[
        ("p-0", "p-1"),
        ("p-1", "p-0"),
        ("p-2", "p-3"),
        ("p-3", "p-4"),
        ("p-4", "p-2"),
        ("p-5", "p-1 (2)"),
    ]);
    let ids: Vec<u64> = all.iter().map(|(id, _)| *id).collect();
    let entries = gallery.rename_subjects(&all).unwrap();
    assert_eq!((entries.len(), gallery.journal().unwrap().len()), (8, journal + 8));
    let now: Vec<String> = ids.iter().map(|id| gallery.subject_name(*id).unwrap().unwrap()).collect();
    assert_eq!(now, ["p-1", "p-0", "p-3", "p-4", "p-2", "p-1 (2)"]);
    drop(gallery);
    let gallery = kind.open(Access::ReadWrite);
    for entry in entries.into_iter().rev() {
        gallery.undo(entry).unwrap();
    }
    assert_eq!(content(&gallery), before);
    require_sound(&gallery);
}

#[test]
fn what_cannot_be_undone_is_refused_with_the_reason() {
    let (_kind, gallery) = gallery();
    let error = gallery.undo(77).unwrap_err();
    assert!(matches!(error, GalleryError::UnknownEntry { id: 77 }), "{error}");

    gallery.remove_subject("p-5").unwrap();
    let removal = gallery.journal().unwrap().last().unwrap().clone();
    assert!(!removal.may_be_undone());
    assert!(refusal(&gallery, removal.id).contains("removal"));

    // Another name, or another subject with the old name.
    let renamed = gallery.rename_subject("p-0", &name("Ada")).unwrap();
    gallery.rename_subject("Ada", &name("Ada Lovelace")).unwrap();
    assert!(refusal(&gallery, renamed).contains("renamed again, to \"Ada Lovelace\""));
    gallery.rename_subject("Ada Lovelace", &name("Ada")).unwrap();
    gallery.rename_subject("p-1", &name("p-0")).unwrap();
    assert!(refusal(&gallery, renamed).contains("another subject has this name"));

    // A template that is gone, although the others are there.
    let merged = gallery.merge_subjects("p-2", "p-3").unwrap().entry.unwrap();
    let pairs = gallery.journal().unwrap().last().unwrap().moved();
    gallery.remove_templates(&[pairs[1].1]).unwrap();
    assert!(refusal(&gallery, merged).contains(&format!("template {} was removed", pairs[1].1)));

    // The destination has the old name.
    let merged = gallery.merge_subjects("p-4", "p-3").unwrap().entry.unwrap();
    gallery.rename_subject("p-3", &name("p-4")).unwrap();
    assert!(refusal(&gallery, merged).contains("has the name \"p-4\" now"));

    gallery
        .undo(gallery.journal().unwrap().iter().find(|entry| entry.verb == "rename").unwrap().id)
        .unwrap_err();
    require_sound(&gallery);
}

#[test]
fn named_and_assigned_faces_are_unknown_again() {
    let (_kind, gallery) = gallery();
    let ids = gallery.add_unknown_faces(&[unknown(1, 100), unknown(2, 101)]).unwrap().concat();
    let before = content(&gallery);
    let named = gallery.move_templates(&ids[..1], "p-0").unwrap();
    let assigned = gallery.assign_unknown_faces(&[(ids[1..].to_vec(), name("Person 1"))]).unwrap();
    assert_eq!(gallery.unknown_count().unwrap(), 0);
    // A face that was moved on cannot go back.
    let moved = gallery.move_templates(&assigned[0].ids, "p-1").unwrap();
    assert!(refusal(&gallery, assigned[0].entry.unwrap()).contains("moved on"));
    gallery.undo(moved.entries[0]).unwrap();
    for entry in [named.entries[0], assigned[0].entry.unwrap()] {
        let undone = gallery.undo(entry).unwrap();
        assert_eq!((undone.subject, undone.templates.len()), (None, 1));
        assert!(refusal(&gallery, entry).contains("has undone it"));
    }
    assert_eq!((content(&gallery), gallery.unknown_count().unwrap()), (before, 2));
    assert!(gallery.subject("Person 1").is_err());
    require_sound(&gallery);
}

#[test]
fn templates_go_back_to_the_subject_that_is_still_there() {
    let (_kind, gallery) = gallery();
    let ids = gallery.templates_of(&gallery.subject("p-0").unwrap()).unwrap();
    let moved = gallery.move_templates(&[ids[0].id], "p-1").unwrap().entries[0];
    gallery.rename_subject("p-0", &name("Ada")).unwrap();
    assert_eq!(gallery.undo(moved).unwrap().subject.as_deref(), Some("Ada"));
    assert_eq!(gallery.subject("Ada").unwrap().templates, 3);
    require_sound(&gallery);
}

/// The name of a subject that is gone may have been given to another person.
#[test]
fn undoing_merges_no_two_people_under_one_name() {
    let (_kind, gallery) = gallery();
    let templates = |name: &str| -> Vec<u64> {
        let subject = gallery.subject(name).unwrap();
        gallery.templates_of(&subject).unwrap().iter().map(|template| template.id).collect()
    };
    let enrolled = gallery.add_unknown_faces(&[unknown(1, 100)]).unwrap().concat();
    gallery.assign_unknown_faces(&[(enrolled, name("Eve"))]).unwrap();
    let corrections = [
        gallery.merge_subjects("p-0", "p-5").unwrap().entry.unwrap(),
        gallery.move_templates(&templates("p-1"), "Zoe").unwrap().entries[0],
        gallery.reject_templates(&templates("p-2"), "p-2").unwrap().entries[0],
        gallery.prune_photos(&[unknown(1, 100).hash]).unwrap()[0],
    ];
    let mut other = "p-3".to_owned();
    for (entry, taken) in corrections.into_iter().zip(["p-0", "p-1", "p-2", "Eve"]) {
        gallery.rename_subject(&other, &name(taken)).unwrap();
        other = taken.into();
        let said = refusal(&gallery, entry);
        assert!(said.contains(&format!("{taken:?}: another subject has this name")), "{said}");
    }
    gallery.rename_subject(&other, &name("Ada")).unwrap();
    for entry in corrections {
        gallery.undo(entry).unwrap();
    }
    assert_eq!(gallery.subject("Ada").unwrap().templates, 3);
    assert_eq!(["p-0", "p-1", "p-2", "Eve"].map(|name| templates(name).len()), [3, 3, 3, 1]);
    require_sound(&gallery);
}

/// What [`Gallery::undo`] says of entries, one after the other until the first refusal; of a dry run too.
fn undone(gallery: &Gallery, ids: &[i64]) -> [Vec<Result<i64, String>>; 2] {
    let until_refused = |undo: &mut dyn FnMut(i64) -> crate::gallery::Result<i64>| {
        let mut said = Vec::new();
        for id in ids {
            said.push(undo(*id).map_err(|error| error.to_string()));
            if said.last().is_some_and(|last| last.is_err()) {
                break;
            }
        }
        said
    };
    let (before, entries) = (content(gallery), gallery.journal().unwrap().len());
    let mut dry_run = gallery.undo_dry_run().unwrap();
    let simulated = until_refused(&mut |id| dry_run.undo(id).map(|entry| entry.id));
    assert_eq!((content(gallery), gallery.journal().unwrap().len()), (before, entries));
    let real = until_refused(&mut |id| gallery.undo(id).map(|undone| undone.undone));
    [simulated, real]
}

/// The corrections depend on each other in several ways, and are undone in several orders.
#[test]
fn a_dry_run_promises_what_the_undoing_does() {
    let orders: [(&[usize], usize); 9] = [
        (&[7, 6, 5, 4, 3, 2, 1, 0], 8),
        (&[0], 0),
        (&[1, 0], 1),
        (&[2, 1, 0], 0),
        (&[3, 2, 1, 0], 3),
        (&[6, 5, 4], 3),
        (&[6, 4, 5], 1),
        (&[7, 6, 3, 2, 2], 4),
        (&[5, 7, 6, 4, 1], 5),
    ];
    for (order, done) in orders {
        let (_kind, gallery) = gallery();
        let ids = gallery.add_unknown_faces(&[unknown(1, 100), unknown(2, 101)]).unwrap().concat();
        let of = |name: &str| -> Vec<u64> {
            let subject = gallery.subject(name).unwrap();
            gallery.templates_of(&subject).unwrap().iter().map(|template| template.id).collect()
        };
        let assigned = gallery.assign_unknown_faces(&[(ids, name("Person 1"))]).unwrap();
        let entries = [
            assigned[0].entry.unwrap(),
            gallery.rename_subject("Person 1", &name("Ada")).unwrap(),
            gallery.merge_subjects("p-0", "Ada").unwrap().entry.unwrap(),
            gallery.rename_subject("p-1", &name("p-0")).unwrap(),
            gallery.move_templates(&of("p-2"), "Zoe").unwrap().entries[0],
            gallery.rename_subject("Zoe", &name("Eve")).unwrap(),
            gallery.reject_templates(&of("Eve")[..1], "Eve").unwrap().entries[0],
            gallery.prune_photos(&[unknown(1, 100).hash]).unwrap()[0],
        ];
        let ids: Vec<i64> = order.iter().map(|&at| entries[at]).collect();
        let [simulated, real] = undone(&gallery, &ids);
        // The dry run does not know the ids of templates that it has not made.
        let kind = |said: &[Result<i64, String>]| {
            said.iter().map(|one| one.as_ref().map_err(|reason| words(reason)).copied()).collect::<Vec<_>>()
        };
        assert_eq!(kind(&simulated), kind(&real), "{order:?}");
        assert_eq!(real.iter().filter(|one| one.is_ok()).count(), done, "{order:?}: {real:?}");
        require_sound(&gallery);
    }
}

/// A text without its numbers.
fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The name would be erased from the journal, and the rename could never be undone.
#[test]
fn a_subject_that_was_renamed_is_not_undone_before_its_rename() {
    let (_kind, gallery) = gallery();
    let faces = gallery.add_unknown_faces(&[unknown(1, 100), unknown(2, 101)]).unwrap();
    let before = content(&gallery);
    let assigned = gallery.assign_unknown_faces(&[(faces.concat(), name("Person 1"))]).unwrap();
    let assigned = assigned[0].entry.unwrap();
    let renamed = gallery.rename_subject("Person 1", &name("Grandma")).unwrap();
    let said = refusal(&gallery, assigned);
    let expected =
        format!("entry {renamed}, the rename of its subject, depends on it and must be undone first");
    assert!(said.contains(&expected), "{said}");
    // A subject with other faces keeps its name.
    let merged = gallery.merge_subjects("p-0", "Grandma").unwrap().entry.unwrap();
    gallery.undo(assigned).unwrap();
    assert_eq!(gallery.subject("Grandma").unwrap().templates, 3);
    assert!(refusal(&gallery, merged).contains(&expected));
    for entry in [renamed, merged] {
        gallery.undo(entry).unwrap();
    }
    assert_eq!((content(&gallery), gallery.unknown_count().unwrap()), (before, 2));
    assert!(gallery.journal().unwrap().iter().all(|entry| entry.verb == "undo" || entry.undone_by.is_some()));
    require_sound(&gallery);
}

/// A crash between the steps of an undoing leaves the correction undone completely, or not at all.
#[test]
fn a_crash_during_an_undoing_leaves_all_or_nothing() {
    let (kind, gallery) = gallery();
    let before = content(&gallery);
    let merged = gallery.merge_subjects("p-1", "p-2").unwrap().entry.unwrap();
    let after = content(&gallery);
    let mut gallery = gallery;
    for is_finished in [false, true] {
        let entry = gallery.journal().unwrap().into_iter().find(|entry| entry.id == merged).unwrap();
        let originals: Vec<template::Original> =
            entry.moved().iter().map(|(_, id)| gallery.catalog().original(*id).unwrap().unwrap()).collect();
        let rows: Vec<_> =
            originals.iter().map(|one| gallery.view().unwrap().get(one.id).unwrap().unwrap()).collect();
        let mut ids = Vec::new();
        let (written, into) = gallery
            .write_as(PendingKind::Move, "undoing", |tx, list| {
                let (into, _) = subject::ensure(tx, &Person::Named(name("p-1")))?;
                for row in &rows {
                    let id = template::copy_template(tx, row.id, Some(into.cast_unsigned()))?.cast_unsigned();
                    list.push(vectors::Row { id, subject: into.cast_unsigned(), vector: &row.vector });
                    ids.push(id);
                }
                Ok(into.cast_unsigned())
            })
            .unwrap();
        if is_finished {
            let kind = Correction::Undo(&entry);
            let retire = |tx: &rusqlite::Transaction<'_>| {
                template::retire_moved(tx, kind, &originals, Some((into, "p-1")), &ids).map(drop)
            };
            gallery.finish(written, retire).unwrap();
        }
        drop(gallery);
        gallery = kind.open(Access::ReadWrite);
        assert_eq!(content(&gallery), if is_finished { before.clone() } else { after.clone() });
        require_sound(&gallery);
    }
    assert!(refusal(&gallery, merged).contains("has undone it"));
}

/// A purge erases the names of removed subjects, also from undone corrections.
#[test]
fn undone_corrections_keep_no_name_of_a_removed_subject() {
    let (_kind, gallery) = gallery();
    let renamed = gallery.rename_subject("p-0", &name("Ada")).unwrap();
    gallery.undo(renamed).unwrap();
    let merged = gallery.merge_subjects("p-0", "p-1").unwrap().entry.unwrap();
    gallery.undo(merged).unwrap();
    gallery.remove_subject("p-0").unwrap();
    let journal = gallery.journal().unwrap();
    let text = format!("{journal:?}");
    assert!(!text.contains("\"p-0\"") && !text.contains("Ada") && text.contains("\"p-1\""), "{text}");
    assert!(journal.iter().all(|entry| !entry.may_be_undone()));
    assert!(refusal(&gallery, merged).contains("has undone it"));
}

#[test]
fn a_restore_follows_undone_corrections() {
    let (kind, gallery) = gallery();
    let place = |name: &str| kind.folder.path().join(name);
    Gallery::backup(&place("gallery"), &place("backup.tar"), &|_, _| {}).unwrap();
    for (from, into, is_undone) in [("p-0", "p-1", true), ("p-2", "p-3", false), ("p-4", "p-5", true)] {
        let merged = gallery.merge_subjects(from, into).unwrap().entry.unwrap();
        if is_undone {
            gallery.undo(merged).unwrap();
        }
    }
    let first = gallery.templates_of(&gallery.subject("p-5").unwrap()).unwrap()[0].id;
    let moved = gallery.move_templates(&[first], "Ada").unwrap().entries[0];
    gallery.undo(moved).unwrap();
    gallery.remove_subject("p-4").unwrap();
    let expected = content(&gallery);
    drop(gallery);
    let restored = Gallery::restore(
        &place("backup.tar"),
        &place("restored"),
        Some(&place("gallery")),
        false,
        &|_, _| {},
    );
    assert_eq!(restored.unwrap().erased, 3);
    let restored = Gallery::open(&place("restored")).unwrap();
    assert_eq!(content(&restored), expected);
    require_sound(&restored);
}
