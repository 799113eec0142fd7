//! Reads that do not wait for writes: counts, and names in memory.

use super::*;

/// The names in the catalog, by subject.
fn names_in_catalog(gallery: &Gallery) -> Vec<(u64, String)> {
    let catalog = gallery.catalog();
    let listed = catalog.read("listing names", |db| {
        let mut statement = db.prepare("SELECT id, name FROM subjects ORDER BY id")?;
        statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))?.collect()
    });
    listed.unwrap()
}

/// The names in memory and the counts must be those of the catalog.
fn require_published(gallery: &Gallery) {
    assert_eq!(gallery.published.names().unwrap().all(), names_in_catalog(gallery));
    assert_eq!(gallery.published.counts(), Some(gallery.catalog().counts().unwrap()));
}

#[test]
fn an_identification_completes_during_a_write() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 10);
    let expected = gallery.identify(&template(4), 3, &Search::default()).unwrap();
    assert_eq!(gallery.keep_names_in_memory().unwrap(), 10);
    let read = || {
        let found = gallery.identify(&template(4), 3, &Search::default()).unwrap();
        (found, gallery.counts().unwrap(), gallery.subject_name(2).unwrap())
    };
    let found = gallery.during_a_write(read).expect("it waited for the catalog");
    assert_eq!(found, (expected, (10, 30), Some("p-1".into())));
}

#[test]
fn names_and_counts_in_memory_are_those_of_the_catalog() {
    for seed in 0..6 {
        let kind = Kind::local();
        let mut gallery = kind.open(Access::ReadWrite);
        import(&gallery, 6);
        gallery.keep_names_in_memory().unwrap();
        let mut state = seed * 7919 + 1;
        let mut random = |below: u64| {
            state =
                u64::wrapping_mul(state, 6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut done = 0;
        for step in 0..60 {
            let mut subjects = Vec::new();
            gallery.each_subject(|subject| subjects.push(subject)).unwrap();
            let mut templates = gallery.templates_after(0, 1000).unwrap();
            let any = |subjects: &[Subject], at: u64| subjects[at as usize % subjects.len()].name.clone();
            let (one, other) = (any(&subjects, random(100)), any(&subjects, random(100)));
            let chosen = templates.swap_remove(random(templates.len() as u64) as usize).id;
            let new = Name::new(&format!("new {}", random(12))).unwrap();
            let result = match random(7) {
                0 => gallery.rename_subject(&one, &new).map(drop),
                1 => gallery.merge_subjects(&one, &other).map(drop),
                2 => gallery.move_templates(&[chosen], new.as_str()).map(drop),
                3 if subjects.len() > 3 => gallery.remove_subject(&one).map(drop),
                4 if subjects.len() > 3 => gallery.remove_templates(&[chosen]).map(drop),
                5 => gallery.rename_templates(&[(chosen, new)]),
                _ => {
                    let row = |row: u64| ImportedRow {
                        row,
                        person: Some(match row {
                            0 => Person::Named(new.clone()),
                            _ => Person::Unknown(Name::generated("photo.jpg").unwrap()),
                        }),
                        template: template(1000 + 10 * step + row),
                        photo: None,
                    };
                    let source = gallery.source(&[step as u8 + 2; 32], Path::new("more.npy"), 3).unwrap();
                    gallery.import(&source, &[row(0), row(1), row(2)])
                }
            };
            done += u64::from(result.is_ok());
            require_published(&gallery);
            if step % 20 == 19 {
                gallery.purge().unwrap();
                require_published(&gallery);
                drop(gallery);
                gallery = kind.open(Access::ReadWrite);
                gallery.keep_names_in_memory().unwrap();
            }
        }
        assert!(done > 30, "{done} of 60 writes were made");
    }
}

/// It is not known whether a failed commit is in the file, so the catalog itself is read until the next transaction.
#[test]
fn a_failed_commit_publishes_nothing() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    gallery.keep_names_in_memory().unwrap();
    let failed = gallery.catalog().transaction("failing", |tx| {
        tx.execute_batch(
            "PRAGMA defer_foreign_keys = ON; UPDATE subjects SET name = 'Eve' WHERE id = 1;
             INSERT INTO templates(subject_id) VALUES (999);",
        )
    });
    assert!(failed.is_err());
    assert!(gallery.published.names().is_none() && gallery.published.counts().is_none());
    assert_eq!(gallery.subject_name(1).unwrap().as_deref(), Some("p-0"));
    assert_eq!(gallery.counts().unwrap(), (4, 12));
    gallery.rename_subject("p-1", &Name::new("Ada").unwrap()).unwrap();
    require_published(&gallery);
    assert_eq!(gallery.subject_name(1).unwrap().as_deref(), Some("p-0"));
}

#[test]
fn a_subject_of_an_unfinished_write_is_not_counted() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    let counts = gallery.catalog().begin_write("adding", |tx| {
        let (subject, _) = subject::ensure(tx, &Person::Named(Name::new("Ada").unwrap()))?;
        tx.execute("INSERT INTO templates(subject_id, source_id) VALUES (?1, 1)", [subject])?;
        let id = tx.last_insert_rowid();
        PendingWrite::note(tx, PendingKind::Insert, id, id)
    });
    counts.unwrap();
    assert_eq!((gallery.counts().unwrap(), gallery.catalog().counts().unwrap()), ((4, 12), (4, 12)));
    drop(gallery);
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert_eq!(kind.open(access).published.counts(), Some((4, 12)));
    }
}
