//! Lists of subjects, and what corrections do to them.

use super::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn ids(gallery: &Gallery, names: &[&str]) -> Vec<u64> {
    let mut ids: Vec<u64> = names.iter().map(|name| gallery.subject(name).unwrap().id).collect();
    ids.sort_unstable();
    ids
}

/// A gallery of p-0 to p-5 with three templates each.
fn gallery() -> (Kind, Gallery) {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 6);
    (kind, gallery)
}

fn require_sound(gallery: &Gallery) {
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
}

#[test]
fn lists_are_made_changed_and_removed() {
    let (kind, gallery) = gallery();
    assert_eq!(gallery.lists().unwrap(), []);
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-2", "p-2"])).unwrap();
    gallery.set_list(&name("staff"), &[]).unwrap();
    gallery
        .change_list("watch", &ids(&gallery, &["p-0", "p-1"]), &ids(&gallery, &["p-1", "p-2", "p-4"]))
        .unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-0", "p-1"]));
    assert_eq!(gallery.lists().unwrap(), [("staff".into(), 0), ("watch".into(), 2)]);
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-5"])).unwrap();
    gallery.remove_list("staff").unwrap();
    gallery.set_list(&name("Jose\u{301}"), &[]).unwrap();
    drop(gallery);
    let gallery = kind.open(Access::ReadOnly);
    assert_eq!(gallery.lists().unwrap(), [("Jos\u{e9}".into(), 0), ("watch".into(), 1)]);
    assert_eq!(gallery.list("Jose\u{301}").unwrap(), [0_u64; 0]);
    require_sound(&gallery);
}

#[test]
fn unknown_subjects_and_lists_are_refused_and_nothing_is_changed() {
    let (_kind, gallery) = gallery();
    let known = ids(&gallery, &["p-1"]);
    gallery.set_list(&name("watch"), &known).unwrap();
    let gone = gallery.remove_subject("p-2").unwrap().id;
    for (add, wrong) in [(vec![known[0] + 3, 99], 99), (vec![gone], gone), (vec![0], 0)] {
        let errors = [
            gallery.set_list(&name("watch"), &add).unwrap_err(),
            gallery.set_list(&name("new"), &add).unwrap_err(),
            gallery.change_list("watch", &add, &known).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, GalleryError::UnknownSubjectId { id } if id == wrong), "{error}");
        }
    }
    assert_eq!(gallery.lists().unwrap(), [("watch".into(), 1)]);
    assert_eq!(gallery.list("watch").unwrap(), known);
    for result in [
        gallery.list("other").map(drop),
        gallery.change_list("other", &known, &[]),
        gallery.remove_list("other"),
    ] {
        assert!(matches!(result, Err(GalleryError::UnknownList { .. })), "{result:?}");
    }
}

#[test]
fn a_removed_subject_leaves_all_lists() {
    let (_kind, gallery) = gallery();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-2", "p-3"])).unwrap();
    gallery.set_list(&name("staff"), &ids(&gallery, &["p-1"])).unwrap();
    // In the transaction that marks its templates, although its row is deleted later.
    let subject = gallery.subject("p-1").unwrap();
    gallery.catalog().mark_removed(&subject).unwrap();
    assert_eq!(gallery.lists().unwrap(), [("staff".into(), 0), ("watch".into(), 2)]);
    gallery.finish_removals().unwrap();
    let templates = gallery.templates_of(&gallery.subject("p-2").unwrap()).unwrap();
    let all: Vec<u64> = templates.iter().map(|template| template.id).collect();
    gallery.remove_templates(&all[..2]).unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-2", "p-3"]));
    gallery.remove_templates(&all[2..]).unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-3"]));
    require_sound(&gallery);
}

#[test]
fn the_destination_of_a_merge_takes_the_place_on_lists_and_undoing_restores_it() {
    let (kind, mut gallery) = gallery();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-2"])).unwrap();
    gallery.set_list(&name("staff"), &ids(&gallery, &["p-1"])).unwrap();
    gallery.set_list(&name("old"), &ids(&gallery, &["p-1"])).unwrap();
    let merged = gallery.merge_subjects("p-1", "p-2").unwrap().entry.unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-2"]));
    assert_eq!(gallery.list("staff").unwrap(), ids(&gallery, &["p-2"]));
    gallery.remove_list("old").unwrap();
    drop(gallery);
    gallery = kind.open(Access::ReadWrite);
    gallery.undo(merged).unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-1", "p-2"]));
    assert_eq!(gallery.list("staff").unwrap(), ids(&gallery, &["p-1"]));
    assert!(gallery.list("old").is_err());
    require_sound(&gallery);
}

/// A visible person must not stay hidden after the undoing.
#[test]
fn undoing_takes_the_destination_off_the_lists_that_it_joined() {
    let (_kind, gallery) = gallery();
    let merge = |from: &str| gallery.merge_subjects(from, "p-5").unwrap().entry.unwrap();
    let to_join = |from: &str| {
        let [from, into] = [from, "p-5"].map(|name| gallery.subject(name).unwrap().id);
        gallery.lists_to_join(from, into).unwrap()
    };
    gallery.set_list(&name("hidden"), &ids(&gallery, &["p-1", "p-2"])).unwrap();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-5"])).unwrap();
    assert_eq!((to_join("p-1"), to_join("p-0")), (vec!["hidden".to_owned()], vec![]));
    let first = merge("p-1");
    let second = merge("p-2");
    assert_eq!(gallery.list("hidden").unwrap(), ids(&gallery, &["p-5"]));
    // The second merge still holds it there.
    gallery.undo(first).unwrap();
    assert_eq!(gallery.list("hidden").unwrap(), ids(&gallery, &["p-1", "p-5"]));
    gallery.undo(second).unwrap();
    gallery.change_list("hidden", &[], &ids(&gallery, &["p-5"])).unwrap();
    let [first, second] = [merge("p-1"), merge("p-2")];
    gallery.undo(second).unwrap();
    assert_eq!(gallery.list("hidden").unwrap(), ids(&gallery, &["p-2", "p-5"]));
    gallery.undo(first).unwrap();
    assert_eq!(gallery.list("hidden").unwrap(), ids(&gallery, &["p-1", "p-2"]));
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-1", "p-5"]));
    require_sound(&gallery);
}

/// Entries of older galleries do not say which lists the destination has joined.
#[test]
fn the_undoing_of_an_older_merge_leaves_the_destination_on_its_lists() {
    let (_kind, gallery) = gallery();
    gallery.set_list(&name("hidden"), &ids(&gallery, &["p-1"])).unwrap();
    let merged = gallery.merge_subjects("p-1", "p-2").unwrap().entry.unwrap();
    let mut entry = gallery.journal().unwrap().pop().unwrap();
    assert_eq!(entry.detail.as_object_mut().unwrap().remove("joined"), Some(serde_json::json!([1])));
    let older = gallery.catalog().transaction("making it older", |tx| {
        tx.execute("UPDATE journal SET detail = ?1 WHERE id = ?2", (entry.detail.to_string(), merged))
    });
    assert_eq!(older.unwrap(), 1);
    gallery.undo(merged).unwrap();
    assert_eq!(gallery.list("hidden").unwrap(), ids(&gallery, &["p-1", "p-2"]));
    require_sound(&gallery);
}

#[test]
fn the_destination_of_the_last_moved_template_takes_the_place_on_lists() {
    let (_kind, gallery) = gallery();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1"])).unwrap();
    let templates = gallery.templates_of(&gallery.subject("p-1").unwrap()).unwrap();
    gallery.move_templates(&[templates[0].id, templates[1].id], "Ada").unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-1"]));
    let last = gallery.move_templates(&[templates[2].id], "Bob").unwrap().entries[0];
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["Bob"]));
    gallery.undo(last).unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-1"]));
    gallery
        .rename_templates(&[(gallery.templates_after(0, 100).unwrap().pop().unwrap().id, name("Eve"))])
        .unwrap();
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["Eve"]));
    require_sound(&gallery);
}

/// A subject that a concurrent enrollment adds to is still there after a merge. If that enrollment is reverted, it goes.
#[test]
fn a_merge_during_an_enrollment_loses_nobody() {
    let (kind, gallery) = gallery();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1"])).unwrap();
    let id = gallery.subject("p-1").unwrap().id.cast_signed();
    let pending = gallery.catalog().begin_write("adding", |tx| {
        tx.execute("INSERT INTO templates(subject_id, source_id) VALUES (?1, 1)", [id])?;
        let template = tx.last_insert_rowid();
        PendingWrite::note(tx, PendingKind::Insert, template, template)
    });
    pending.unwrap();
    gallery.merge_subjects("p-1", "p-2").unwrap();
    drop(gallery);
    let gallery = kind.open(Access::ReadWrite);
    assert_eq!(gallery.list("watch").unwrap(), ids(&gallery, &["p-2"]));
    require_sound(&gallery);
}

#[test]
fn lists_are_in_backups_without_subjects_that_were_removed_since() {
    let (kind, gallery) = gallery();
    gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-2", "p-3"])).unwrap();
    let backup = kind.folder.path().join("backup.tar");
    let place = |name: &str| kind.folder.path().join(name);
    Gallery::backup(&place("gallery"), &backup, &|_, _| {}).unwrap();
    gallery.remove_subject("p-1").unwrap();
    gallery.merge_subjects("p-2", "p-4").unwrap();
    drop(gallery);
    for (erased, names) in [(None, &["p-1", "p-2", "p-3"][..]), (Some(place("gallery")), &["p-3", "p-4"])] {
        let to = place(&format!("restored {}", names.len()));
        Gallery::restore(&backup, &to, erased.as_deref(), false, &|_, _| {}).unwrap();
        let restored = Gallery::open(&to).unwrap();
        assert_eq!(restored.list("watch").unwrap(), ids(&restored, names));
        require_sound(&restored);
    }
}

#[test]
fn a_purge_leaves_no_name_of_a_removed_list() {
    let (kind, gallery) = gallery();
    let path = kind.folder.path().join("gallery").join(CATALOG);
    let is_in_files = |name: &[u8]| {
        [path.clone(), path.with_extension("sqlite-wal")]
            .iter()
            .filter_map(|file| std::fs::read(file).ok())
            .any(|bytes| bytes.windows(name.len()).any(|window| window == name))
    };
    gallery.set_list(&name("suspects of 1987"), &ids(&gallery, &["p-1"])).unwrap();
    gallery.set_list(&name("guests of 1988"), &ids(&gallery, &["p-1"])).unwrap();
    gallery.remove_list("suspects of 1987").unwrap();
    assert!(is_in_files(b"suspects of 1987"));
    assert!(gallery.purge().unwrap().is_whole());
    assert!(!is_in_files(b"suspects of 1987") && is_in_files(b"guests of 1988"));
}

/// A lost row must not make a watch-list shorter without a word.
#[test]
fn damaged_lists_are_reported() {
    for damage in [
        "DELETE FROM list_members WHERE subject_id = 2",
        "DELETE FROM lists WHERE name = 'staff'",
        "UPDATE lists SET name = 'match' WHERE name = 'watch'",
        "INSERT INTO list_members(list_id, subject_id) VALUES (1, 5)",
    ] {
        let (kind, gallery) = gallery();
        gallery.set_list(&name("watch"), &ids(&gallery, &["p-1", "p-2"])).unwrap();
        gallery.set_list(&name("staff"), &[]).unwrap();
        // Without the triggers of the ledger, as another program does.
        let catalog = gallery.catalog();
        let damaged = catalog.read("damaging it", |db| {
            db.execute_batch("PRAGMA foreign_keys = OFF")?;
            for table in ["lists", "list_members"] {
                for change in ["inserted", "deleted", "updated"] {
                    db.execute_batch(&format!("DROP TRIGGER temp.{table}_{change}"))?;
                }
            }
            db.execute_batch(damage)
        });
        damaged.unwrap();
        drop(catalog);
        drop(gallery);
        let gallery = kind.open(Access::ReadOnly);
        assert!(gallery.list("watch").unwrap_err().is_damage(), "{damage}");
        assert!(gallery.lists().unwrap_err().is_damage(), "{damage}");
        assert!(!gallery.check(false).unwrap().is_sound(), "{damage}");
    }
}
