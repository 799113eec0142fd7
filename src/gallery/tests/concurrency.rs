//! Enrollments and corrections of the same subjects at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

/// A template of a removed subject that is in the index only would make every search that finds it fail.
#[test]
fn subjects_are_removed_and_merged_while_templates_are_added_to_them() {
    let kind = Kind::local();
    let gallery = kind.open(Access::ReadWrite);
    import(&gallery, 4);
    gallery.keep_names_in_memory().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let adding: Vec<_> = (1..=2_u8)
            .map(|thread| {
                let (gallery, stop) = (&gallery, &stop);
                scope.spawn(move || {
                    for batch in 0..60_u8 {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let row = |row: u64| ImportedRow {
                            row,
                            person: Some(Person::Named(Name::new(&format!("p-{row}")).unwrap())),
                            template: template(u64::from(thread) * 1000 + u64::from(batch) * 4 + row),
                            photo: None,
                        };
                        let source = gallery.source(&[100 + thread; 32], Path::new("more.npy"), 240).unwrap();
                        // Another thread may have removed the last template of the file meanwhile, and with it the file.
                        let _ = gallery.import(&source, &[row(0), row(1), row(2)]);
                    }
                })
            })
            .collect();
        let search = || {
            for number in 0..400 {
                gallery.identify(&template(number % 40), 5, &Search::default()).unwrap();
            }
        };
        let searching = scope.spawn(search);
        let tolerate = |result: Result<()>| match result {
            Ok(()) | Err(GalleryError::UnknownSubject { .. } | GalleryError::CannotUndo { .. }) => {}
            Err(error) => {
                stop.store(true, Ordering::Relaxed);
                panic!("{error}");
            }
        };
        for _ in 0..25 {
            tolerate(gallery.remove_subject("p-0").map(drop));
            let merged = gallery.merge_subjects("p-1", "p-2").map(|merged| merged.entry);
            match merged {
                Ok(Some(entry)) => tolerate(gallery.undo(entry).map(drop)),
                merged => tolerate(merged.map(drop)),
            }
        }
        adding.into_iter().for_each(|thread| thread.join().unwrap());
        searching.join().unwrap();
    });
    assert_eq!(gallery.check(false).unwrap().problems, [""; 0]);
    let catalog = gallery.catalog().counts().unwrap();
    assert_eq!(gallery.counts().unwrap(), catalog);
    assert_eq!(gallery.view().unwrap().len() as u64, catalog.1);
}
