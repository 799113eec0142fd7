//! Backups of galleries, and galleries from backups.
//!
//! A backup is a folder, or a `.tar` file of this folder:
//!
//! ```text
//! backup.json       counts of the gallery; length and SHA-256 of each file
//! catalog.sqlite    the catalog
//! index/            the index at the same moment
//! pictures/         the pictures of photos at the same moment
//! ```

mod listing;
mod since;

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::listing::Listing;
use self::since::ChangesSince;
use super::catalog::Catalog;
use super::error::{GalleryError, Result};
use super::opening::{put_in_place, refuse_inside, refuse_occupied, temporary_folder_beside};
use super::vectors::{Access, VectorErrorKind, local};
use super::{Barrier, CATALOG, Gallery, INDEX, pictures, private};

pub(super) use self::listing::new_file;

/// Progress callback: completed bytes, and all bytes.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// The content of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// Number of subjects.
    pub subjects: u64,
    /// Number of live templates.
    pub templates: u64,
    /// Number of files.
    pub files: u64,
    /// Size of the files, in bytes.
    pub bytes: u64,
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The content of the backup.
    pub backup: Backup,
    /// Templates of the backup that were removed from the original gallery since the backup. They were not restored.
    pub erased: u64,
    /// Restored templates that have another id in the original gallery: they were moved, merged, or removed and enrolled again.
    pub moved: u64,
    /// Why the moved templates have the names of the backup: the catalog of the original gallery cannot be read. `None` if they have their
    /// present names.
    pub names_unknown: Option<String>,
    /// Rows of the original gallery that cannot be read. A template that was moved to such a row counts as removed.
    pub unreadable: u64,
}

impl Gallery {
    /// Copies the gallery at `directory` to `to`, where nothing may exist: a file if the name ends in `.tar`, otherwise a folder. The
    /// gallery may be in use, in this process or another one. Its writes wait while files are linked or copied. The backup appears at `to`
    /// after every file was verified and catalog and index agree. Pictures are part of it.
    ///
    /// # Errors
    /// There is no gallery; it is damaged; something is at `to`; the disk is full or failing.
    pub fn backup(directory: &Path, to: &Path, progress: Progress<'_>) -> Result<Backup> {
        refuse_occupied(to)?;
        refuse_inside(to)?;
        let temporary = temporary_folder_beside(to)?;
        let copy = temporary.path().join("backup");
        make_directory(&copy)?;
        copy_consistently(directory, &copy)?;
        Catalog::merge_log(&copy.join(CATALOG))?;
        pictures::remove_lost(&copy)?;
        let backup = require_sound(&copy)?;
        let listing = Listing::of(&copy, &backup, progress)?;
        listing.write(&copy)?;
        private::keep_private(&copy);
        if is_file(to) {
            let file = temporary.path().join("backup.tar");
            listing::pack(&copy, &file)?;
            listing::verify_packed(&file, progress)?;
            put_in_place(&file, to)?;
        } else {
            put_in_place(&copy, to)?;
        }
        Ok(listing.backup)
    }

    /// Makes a gallery at `directory` from a backup. The folder must not exist, or be empty. `erased` is the original gallery of the
    /// backup. Templates that were removed from it since the backup are not restored, and no pictures of their photos; its index lists
    /// them. Templates that were moved or merged get their present subjects, if its catalog can be read. The gallery appears after it was
    /// verified; with `dry_run` nothing is made.
    ///
    /// # Errors
    /// There is no backup; it is damaged; `erased` is another gallery or cannot be read; the disk is full or failing.
    pub fn restore(
        backup: &Path,
        directory: &Path,
        erased: Option<&Path>,
        dry_run: bool,
        progress: Progress<'_>,
    ) -> Result<Restored> {
        refuse_occupied(directory)?;
        refuse_inside(directory)?;
        if !backup.exists() {
            return Err(GalleryError::Missing(backup.to_owned()));
        }
        let temporary = temporary_folder_beside(directory)?;
        let gallery = temporary.path().join("gallery");
        make_directory(&gallery)?;
        let restored = if backup.is_dir() {
            restore_into(backup, &gallery, erased, progress)?
        } else {
            let unpacked = temporary.path().join("backup");
            make_directory(&unpacked)?;
            listing::unpack(backup, &unpacked)?;
            restore_into(&unpacked, &gallery, erased, progress)
                .map_err(|error| listing::in_terms_of(backup, &unpacked, error))?
        };
        if !dry_run {
            put_in_place(&gallery, directory)?;
        }
        Ok(restored)
    }
}

/// Makes a gallery in an empty folder from the folder of a backup.
fn restore_into(
    source: &Path,
    gallery: &Path,
    erased: Option<&Path>,
    progress: Progress<'_>,
) -> Result<Restored> {
    let listing = Listing::read(source)?;
    listing.verify(source, progress)?;
    let since = erased.map(|gallery| ChangesSince::of(gallery, source)).transpose()?;
    let erasures = since.as_ref().map(|since| &since.erasures);
    local::restore(&source.join(INDEX), &gallery.join(INDEX), erasures)?;
    copy_file(&source.join(CATALOG), &gallery.join(CATALOG))?;
    pictures::copy(source, gallery, pictures::copy_one)?;
    if since.is_some() {
        listing.expect_counts(source, counts_of(source)?)?;
    }
    let erased = forget_erased(gallery, since.is_some())?;
    since.iter().try_for_each(|since| since.carry_over(gallery))?;
    let made = require_sound(gallery)?;
    if since.is_none() {
        listing.expect_counts(source, Some((made.subjects, made.templates)))?;
    }
    private::keep_private(gallery);
    let moved = since.as_ref().map_or(0, ChangesSince::moved);
    let unreadable = since.as_ref().map_or(0, |since| since.unreadable);
    let names_unknown = since.and_then(|since| since.names_unknown).filter(|_| moved > 0);
    Ok(Restored { backup: listing.backup, erased, moved, names_unknown, unreadable })
}

/// Subjects and templates of a backup; `None` for a backup of an earlier version of the program.
fn counts_of(backup: &Path) -> Result<Option<(u64, u64)>> {
    match Gallery::open_with(backup, Access::ReadOnly, Duration::ZERO) {
        Ok(gallery) => gallery.counts().map(Some),
        Err(GalleryError::OlderCatalog { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a backup at this path is a file.
fn is_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar"))
}

/// Copies the files of a gallery at one moment, while no process writes to it or while its writers wait.
fn copy_consistently(directory: &Path, to: &Path) -> Result<()> {
    match Gallery::open_with(directory, Access::ReadOnly, Duration::ZERO) {
        Ok(gallery) => {
            gallery.vectors.copy_to(&to.join(INDEX))?;
            pictures::copy(directory, to, pictures::link_or_copy)?;
            copy_catalog(directory, to)
        }
        Err(GalleryError::Vectors(error)) if error.kind() == VectorErrorKind::Locked => {
            let _still = Barrier::of(directory).lock_exclusive()?;
            local::copy_at(&directory.join(INDEX), &to.join(INDEX))?;
            pictures::copy(directory, to, pictures::link_or_copy)?;
            copy_catalog(directory, to)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn copy_catalog(directory: &Path, to: &Path) -> Result<()> {
    copy_file(&directory.join(CATALOG), &to.join(CATALOG))?;
    let log = Path::new(CATALOG).with_extension("sqlite-wal");
    if directory.join(&log).exists() { copy_file(&directory.join(&log), &to.join(&log)) } else { Ok(()) }
}

fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let copy = || {
        let (mut source, mut target) = (File::open(from)?, listing::new_file(to)?);
        std::io::copy(&mut source, &mut target)?;
        target.sync_all()
    };
    copy().map_err(|source| GalleryError::Io { path: from.to_owned(), doing: "copying it", source })
}

pub(super) fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(|source| GalleryError::Io {
        path: path.to_owned(),
        doing: "making it",
        source,
    })
}

/// Verifies a copy completely. Damage is an error.
fn require_sound(copy: &Path) -> Result<Backup> {
    let gallery = Gallery::open_with(copy, Access::ReadOnly, Duration::ZERO)?;
    let found = gallery.check(false)?;
    if let Some(problem) = found.problems.first() {
        return Err(
            gallery.damaged(format!("the copy is damaged, because the gallery is damaged: {problem}"))
        );
    }
    let (subjects, templates) = gallery.counts()?;
    Ok(Backup { subjects, templates, files: 0, bytes: 0 })
}

/// Removes the templates from the catalog that the index does not contain any more. Returns their number.
pub(super) fn forget_erased(gallery: &Path, expected: bool) -> Result<u64> {
    let gallery = Gallery::open(gallery)?;
    let view = gallery.view_with_unknown()?;
    let (mut last, mut gone) = (0, Vec::new());
    loop {
        let block = gallery.catalog().template_ids_after(last, 1 << 16)?;
        let Some(&(end, _)) = block.last() else { break };
        last = end;
        let ids: Vec<u64> = block.into_iter().map(|(id, _)| id).collect();
        gone.extend(view.absent(&ids)?);
    }
    if !gone.is_empty() {
        if !expected {
            let what = format!("template {} is in the catalog of the backup and not in its index", gone[0]);
            return Err(gallery.damaged(what));
        }
        gallery.catalog().mark_gone(&gone)?;
        gallery.finish_removals()?;
    }
    Ok(gone.len() as u64)
}
