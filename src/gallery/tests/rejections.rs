//! Faces that do not show a subject, and what later corrections make of that.

use super::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A gallery of p-0 to p-3 with three templates each, and an unknown face.
fn gallery() -> (Kind, Gallery, u64) {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    let unknown = gallery.add_unknown_faces(&[unknown(1, 100)]).unwrap()[0][0];
    (kind, gallery, unknown)
}

fn templates(gallery: &Gallery, subject: &str) -> Vec<u64> {
    let subject = gallery.subject(subject).unwrap();
    gallery.templates_of(&subject).unwrap().iter().map(|template| template.id).collect()
}

/// The names of the subjects in the gallery that a template does not show.
fn rejected(gallery: &Gallery, id: u64) -> Vec<String> {
    let rejections = gallery.rejections().unwrap();
    rejections.of_template(id).filter_map(|id| gallery.subject_name(id).unwrap()).collect()
}

#[test]
fn rejected_templates_leave_their_subject_and_others_are_recorded() {
    let (kind, gallery, unknown) = gallery();
    let own = templates(&gallery, "p-0")[0];
    let done = gallery.reject_templates(&[own, unknown, templates(&gallery, "p-1")[0]], "p-0").unwrap();
    let now = done.removed[0].1;
    assert_eq!((done.removed.len(), done.others.len(), done.entries.len()), (1, 2, 2));
    assert_eq!((gallery.unknown_count().unwrap(), templates(&gallery, "p-0").len()), (2, 2));
    for id in [now, unknown, templates(&gallery, "p-1")[0]] {
        assert_eq!(rejected(&gallery, id), ["p-0"]);
    }
    // What is known is not recorded again.
    assert_eq!(gallery.reject_templates(&[unknown], "p-0").unwrap().entries, [0_i64; 0]);
    let error = gallery.reject_templates(&[unknown, 999], "p-0").unwrap_err();
    assert!(matches!(error, GalleryError::UnknownTemplate { id: 999 }), "{error}");
    drop(gallery);
    let gallery = kind.open(Access::ReadWrite);
    assert_eq!((rejected(&gallery, now), gallery.unknown_count().unwrap()), (vec!["p-0".into()], 2));
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn a_rejection_follows_its_template_and_its_subject() {
    let (_kind, gallery, unknown) = gallery();
    gallery.reject_templates(&[unknown], "p-0").unwrap();
    let ids = gallery.assign_unknown_faces(&[(vec![unknown], name("Person 1"))]).unwrap()[0].ids.clone();
    assert_eq!(rejected(&gallery, ids[0]), ["p-0"]);
    gallery.rename_subject("p-0", &name("Ada")).unwrap();
    gallery.merge_subjects("Ada", "p-3").unwrap();
    assert_eq!(rejected(&gallery, ids[0]), ["p-3"]);
    // A user who moves the template to the subject has another opinion now, also about the subject that it leaves.
    let ids = gallery.move_templates(&ids, "p-2").unwrap().ids;
    let ids = gallery.move_templates(&ids, "p-1").unwrap().ids;
    assert_eq!(rejected(&gallery, ids[0]), ["p-2", "p-3"]);
    let ids = gallery.move_templates(&ids, "p-2").unwrap().ids;
    assert_eq!(rejected(&gallery, ids[0]), ["p-1", "p-3"]);
}

#[test]
fn an_undone_rejection_is_forgotten() {
    let (_kind, gallery, _) = gallery();
    let own = templates(&gallery, "p-0")[0];
    let done = gallery.reject_templates(&[own], "p-0").unwrap();
    let undone = gallery.undo(done.entries[0]).unwrap();
    assert_eq!((undone.subject.as_deref(), undone.verb.as_str()), (Some("p-0"), "reject"));
    assert_eq!(rejected(&gallery, undone.templates[0].1), [""; 0]);
    assert_eq!((gallery.unknown_count().unwrap(), templates(&gallery, "p-0").len()), (1, 3));
    assert!(!done.is_gone);
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn the_rejection_of_all_templates_is_undone_like_their_move() {
    let (kind, gallery, _) = gallery();
    let renamed = gallery.rename_subject("p-1", &name("Tony")).unwrap();
    let first = gallery.reject_templates(&templates(&gallery, "Tony")[..1], "Tony").unwrap();
    let done = gallery.reject_templates(&templates(&gallery, "Tony"), "Tony").unwrap();
    assert!((first.is_gone, done.is_gone) == (false, true) && gallery.subject("Tony").is_err());
    gallery.purge().unwrap();
    // The faces may even have got another name meanwhile.
    let moved = gallery.move_templates(&[done.removed[0].1], "Ada").unwrap();
    drop(gallery);
    let gallery = kind.open(Access::ReadWrite);
    let error = gallery.undo(done.entries[0]).unwrap_err().to_string();
    assert!(error.contains("moved on"), "{error}");
    for entry in [moved.entries[0], done.entries[0], first.entries[0]] {
        gallery.undo(entry).unwrap();
    }
    assert_eq!((templates(&gallery, "Tony").len(), gallery.unknown_count().unwrap()), (3, 1));
    gallery.undo(renamed).unwrap();
    assert_eq!(templates(&gallery, "p-1").len(), 3);
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn the_name_of_a_rejected_subject_is_erased_when_one_of_its_faces_is_removed() {
    let (_kind, gallery, _) = gallery();
    gallery.rename_subject("p-1", &name("Tony")).unwrap();
    let done = gallery.reject_templates(&templates(&gallery, "Tony"), "Tony").unwrap();
    assert!(format!("{:?}", gallery.journal().unwrap()).contains("Tony"));
    gallery.remove_templates(&[done.removed[0].1]).unwrap();
    let journal = format!("{:?}", gallery.journal().unwrap());
    assert!(!journal.contains("Tony") && !journal.contains("\"p-1\""), "{journal}");
    let error = gallery.undo(done.entries[0]).unwrap_err().to_string();
    assert!(error.contains("the name erased"), "{error}");
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn an_undone_statement_about_a_face_of_another_subject_is_forgotten() {
    let (_kind, gallery, unknown) = gallery();
    let done = gallery.reject_templates(&[unknown, templates(&gallery, "p-1")[0]], "p-0").unwrap();
    let undone = gallery.undo(done.entries[0]).unwrap();
    assert_eq!((undone.verb.as_str(), undone.templates.len()), ("not_subject", 0));
    assert_eq!(gallery.rejections().unwrap().iter().count(), 0);
    assert!(matches!(gallery.undo(done.entries[0]), Err(GalleryError::CannotUndo { .. })));
    assert_eq!(gallery.reject_templates(&[unknown], "p-0").unwrap().entries.len(), 1);
}

#[test]
fn clusters_are_assigned_all_or_none() {
    let (_kind, gallery, first) = gallery();
    let second = gallery.add_unknown_faces(&[unknown(2, 101)]).unwrap()[0][0];
    let entries = gallery.journal().unwrap().len();
    for wrong in [vec![second, first], vec![second, 1], vec![second, 999]] {
        let clusters = [(vec![first], name("Person 1")), (wrong, name("p-0"))];
        let error = gallery.assign_unknown_faces(&clusters).unwrap_err();
        assert!(matches!(error, GalleryError::UnknownTemplate { .. }), "{error}");
    }
    assert_eq!((gallery.unknown_count().unwrap(), gallery.journal().unwrap().len()), (2, entries));
    let clusters = [(vec![first], name("Person 1")), (vec![second], name("p-0"))];
    let named = gallery.assign_unknown_faces(&clusters).unwrap();
    assert_eq!(named.iter().map(|one| one.subject.as_str()).collect::<Vec<_>>(), ["Person 1", "p-0"]);
    assert_eq!((templates(&gallery, "Person 1").len(), templates(&gallery, "p-0").len()), (1, 4));
    assert_eq!((gallery.unknown_count().unwrap(), gallery.journal().unwrap().len()), (0, entries + 2));
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}
