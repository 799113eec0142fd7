//! A gallery takes the place of another one.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::error::{GalleryError, Result};
use super::opening::{put_in_place, refuse_occupied};

/// Renames a finished gallery to a place where nothing is, or an empty folder, durably. Both are on one file system.
///
/// # Errors
/// Something is at the place; the disk is failing.
pub fn put_in_free_place(made: &Path, place: &Path) -> Result<()> {
    refuse_occupied(place)?;
    put_in_place(made, place)
}

/// Puts the finished gallery `made` in the place of the one at `place`, which goes to `former`, where nothing may exist. All are on one file
/// system. Processes that have the former gallery open keep it.
///
/// The two galleries exchange their names in one step, and then the former one gets its name. So a complete gallery is at `place` at every
/// moment, and a crash between the steps leaves the former one at `made`. A file system that cannot exchange names gets two renames: a crash
/// between these leaves no gallery at `place`, the former one at `former` and the new one at `made`.
///
/// # Errors
/// Something is at `former`; the disk is failing.
pub fn exchange(made: &Path, place: &Path, former: &Path) -> Result<()> {
    refuse_occupied(former)?;
    let failed = |doing| move |source: io::Error| GalleryError::Io { path: place.to_owned(), doing, source };
    sync(made).map_err(failed("syncing the gallery that replaces it"))?;
    match renameat_with(CWD, made, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => {
            sync_parents(&[made, place]).map_err(failed("syncing its folder"))?;
            put_in_place(made, former)
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            put_in_place(place, former)?;
            put_in_place(made, place)
        }
        Err(error) => Err(failed("replacing it")(error.into())),
    }
}

fn sync_parents(paths: &[&Path]) -> io::Result<()> {
    paths.iter().try_for_each(|path| sync(path.parent().unwrap_or(path)))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gallery(folder: &Path, content: &str) {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("content"), content).unwrap();
    }

    fn content(folder: &Path) -> Option<String> {
        fs::read_to_string(folder.join("content")).ok()
    }

    #[test]
    fn the_former_gallery_is_kept_under_its_new_name() {
        let folder = tempfile::tempdir().unwrap();
        let [made, place, former] = ["made", "place", "former"].map(|name| folder.path().join(name));
        gallery(&place, "old");
        gallery(&made, "new");
        exchange(&made, &place, &former).unwrap();
        assert_eq!(
            [&made, &place, &former].map(|path| content(path)),
            [None, Some("new".into()), Some("old".into())]
        );
    }

    #[test]
    fn nothing_is_replaced_if_the_name_for_the_former_gallery_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let [made, place, former] = ["made", "place", "former"].map(|name| folder.path().join(name));
        for (path, text) in [(&place, "old"), (&made, "new"), (&former, "older")] {
            gallery(path, text);
        }
        assert!(matches!(exchange(&made, &place, &former), Err(GalleryError::AlreadyExists(_))));
        assert_eq!([&made, &place, &former].map(|path| content(path).unwrap()), ["new", "old", "older"]);
    }
}
