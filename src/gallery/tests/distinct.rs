//! Subjects that are kept apart, and what corrections do to them.

use super::*;

fn id(gallery: &Gallery, name: &str) -> u64 {
    gallery.subject(name).unwrap().id
}

#[test]
fn what_was_said_holds_until_the_opposite_is_said() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    let [one, two] = ["p-1", "p-2"].map(|name| id(&gallery, name));
    assert!(gallery.set_distinct(two, one, true).unwrap().is_some());
    assert_eq!(gallery.set_distinct(one, two, true).unwrap(), None, "it is so already");
    assert_eq!(gallery.set_distinct(one, one, true).unwrap(), None);
    assert!(matches!(gallery.set_distinct(one, 99, true), Err(GalleryError::UnknownSubjectId { id: 99 })));
    drop(gallery);
    let gallery = kind.open(Access::ReadWrite);
    let distinct = gallery.distinct_subjects().unwrap();
    assert!(distinct.contains(one, two) && distinct.contains(two, one));
    assert_eq!(distinct.iter().collect::<Vec<_>>(), [[one, two]]);
    let entry = gallery.journal().unwrap().pop().unwrap();
    assert!(matches!(gallery.undo(entry.id), Err(GalleryError::CannotUndo { .. })));
    assert!(gallery.set_distinct(one, two, false).unwrap().is_some());
    assert_eq!(gallery.distinct_subjects().unwrap().iter().count(), 0);
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn a_merge_inherits_and_its_undoing_takes_that_back() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    let [one, two, three] = ["p-1", "p-2", "p-3"].map(|name| id(&gallery, name));
    gallery.set_distinct(one, two, true).unwrap();
    let merged = gallery.merge_subjects("p-2", "p-3").unwrap();
    assert!(gallery.distinct_subjects().unwrap().contains(one, three));
    gallery.undo(merged.entry.unwrap()).unwrap();
    let again = id(&gallery, "p-2");
    let distinct = gallery.distinct_subjects().unwrap();
    assert!(distinct.contains(one, again) && !distinct.contains(one, three), "{distinct:?}");
    // One that is removed leaves nothing that matters.
    gallery.remove_subject("p-1").unwrap();
    gallery.merge_subjects("p-2", "p-3").unwrap();
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}
