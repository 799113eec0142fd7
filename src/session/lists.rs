//! Lists of subjects: showing and changing them by names, with the replies of [`reply`](crate::reply).

use super::error::Result;
use crate::gallery::{Gallery, GalleryError, Name};
use crate::reply::{ListOverview, ListShown, ListsShown, VERSION};

/// The lists of a gallery, by name.
///
/// # Errors
/// The catalog failed.
pub fn all(gallery: &Gallery) -> Result<ListsShown> {
    let lists = gallery.lists()?.into_iter().map(|(name, subjects)| ListOverview { name, subjects });
    Ok(ListsShown { version: VERSION, lists: lists.collect() })
}

/// A list with its subjects.
///
/// # Errors
/// There is no such list; the catalog failed.
pub fn shown(gallery: &Gallery, name: &str) -> Result<ListShown> {
    Ok(ListShown { version: VERSION, name: name.to_owned(), subjects: gallery.list(name)? })
}

/// Adds subjects, by name, to a list, which is made if there is none. Those that are on it stay.
///
/// # Errors
/// A subject is not in the gallery, and nothing is changed; the disk is full or failing.
pub fn add(gallery: &Gallery, name: &Name, subjects: &[String]) -> Result<ListShown> {
    let ids = ids(gallery, subjects)?;
    match gallery.change_list(name.as_str(), &ids, &[]) {
        Err(GalleryError::UnknownList { .. }) => gallery.set_list(name, &ids)?,
        changed => changed?,
    }
    shown(gallery, name.as_str())
}

/// Takes subjects, by name, off a list. They stay in the gallery.
///
/// # Errors
/// There is no such list, or a subject is not in the gallery, and nothing is changed; the disk is full or failing.
pub fn take_off(gallery: &Gallery, name: &str, subjects: &[String]) -> Result<ListShown> {
    gallery.change_list(name, &[], &ids(gallery, subjects)?)?;
    shown(gallery, name)
}

fn ids(gallery: &Gallery, subjects: &[String]) -> Result<Vec<u64>> {
    subjects.iter().map(|name| Ok(gallery.subject(name)?.id)).collect()
}
