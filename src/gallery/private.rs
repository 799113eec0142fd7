//! File modes. Faces are personal data, so only the owner can read the files of a gallery.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use walkdir::WalkDir;

/// The mode of a gallery's folder.
pub(super) const FOLDER: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// Removes all rights of other users to a gallery's folder and its content. Logs a warning for a file that this user may not change.
pub(super) fn keep_private(gallery: &Path) {
    let below = WalkDir::new(gallery).min_depth(1).into_iter().filter_map(Result::ok);
    let below = below.filter(|entry| !entry.file_type().is_symlink()).map(walkdir::DirEntry::into_path);
    let mut open = 0_u64;
    for path in std::iter::once(gallery.to_owned()).chain(below) {
        match tighten(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {} // a file that came and went
            Err(_) => open += 1,
        }
    }
    if open > 0 {
        tracing::warn!(
            open,
            "other users can read files of the gallery, and this user cannot change their mode"
        );
    }
}

fn tighten(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & OTHERS == 0 {
        Ok(())
    } else {
        fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS & 0o7777))
    }
}
