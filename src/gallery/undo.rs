//! Undoing corrections.
//!
//! A rename, a merge and a move are recorded in the journal with what is necessary to undo them. Undoing is a correction too, of the kind
//! `undo`. Two corrections that cancel each other do not prevent that an earlier one is undone.

mod plan;

use super::catalog::journal::{Kind, Present};
use super::catalog::template::Original;
use super::catalog::{JournalEntry, Subject};
use super::error::{GalleryError, Result};
use super::relocation::{Destination, Relocated};
use super::{Gallery, Name};
use plan::{Before, Plan};

/// A correction that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The number of the journal entry of the undoing.
    pub entry: i64,
    /// The number of the undone entry.
    pub undone: i64,
    /// The kind of the undone correction: `rename`, `merge`, `move`, `assign`, `reject`, `prune` or
    /// `not_subject`.
    pub verb: String,
    /// The subject that has its name or its templates again. `None` if the templates are unknown faces again.
    pub subject: Option<String>,
    /// The templates that were moved back: pairs of the ids before and after. Empty for a rename.
    pub templates: Vec<(u64, u64)>,
}

/// A dry run of undoings: the same checks, of the gallery as each undoing would leave it to the next.
pub struct UndoDryRun<'a>(Before<'a>);

impl Gallery {
    /// Undoes a correction, given by the number of its journal entry.
    ///
    /// - A renamed subject gets its old name again.
    /// - Merged, moved or rejected templates go back to their former subject under new ids, and assigned ones are unknown faces again.
    /// - The faces of photos that were gone are in the gallery again, with their former subjects.
    /// - Templates that do not show a subject may show it again. A subject that is gone is made again, with its name at
    ///   that time and a new id, unless another subject has this name now. All templates of the correction go back, or none.
    ///
    /// It is durable when it returns, and recorded in the journal. A removal cannot be undone, and no correction twice.
    ///
    /// # Errors
    /// [`GalleryError::UnknownEntry`]. [`GalleryError::CannotUndo`] with the reason: the kind of the correction; it was undone; a later
    /// correction changed the name or one of the templates; another subject has the old name; the subject would be gone, and was renamed. The
    /// disk is full or failing.
    pub fn undo(&self, id: i64) -> Result<Undone> {
        let _alone = self.correct();
        let before = Before::of(self)?;
        let (entry, plan) = before.plan(id)?;
        match plan {
            Plan::Rename { subject, name } => self.rename_back(entry, &subject, &name),
            Plan::Forget => self.forget(entry),
            Plan::Move { originals, destination } => self.move_back(entry, &originals, destination),
        }
    }

    /// Checks whether corrections can be undone, one after the other. Changes nothing, also in memory.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn undo_dry_run(&self) -> Result<UndoDryRun<'_>> {
        Ok(UndoDryRun(Before::of(self)?))
    }

    fn rename_back(&self, entry: &JournalEntry, subject: &Subject, name: &Name) -> Result<Undone> {
        let mut catalog = self.catalog();
        let undone = match catalog.rename(Kind::Undo(entry), subject, name) {
            Err(GalleryError::SubjectName { name, reason }) => {
                return Err(GalleryError::CannotUndo { id: entry.id, reason: format!("{name:?}: {reason}") });
            }
            undone => undone?,
        };
        self.record_in_index(&catalog)?;
        Ok(Undone {
            entry: undone,
            undone: entry.id,
            verb: entry.verb.clone(),
            subject: Some(name.to_string()),
            templates: Vec::new(),
        })
    }

    /// Undoes an entry that has changed no subject and no template.
    fn forget(&self, entry: &JournalEntry) -> Result<Undone> {
        let mut catalog = self.catalog();
        let undone = catalog.record_undo(entry)?;
        self.record_in_index(&catalog)?;
        let verb = entry.verb.clone();
        Ok(Undone { entry: undone, undone: entry.id, verb, subject: None, templates: Vec::new() })
    }

    fn move_back(
        &self,
        entry: &JournalEntry,
        originals: &[Original],
        destination: Destination,
    ) -> Result<Undone> {
        let Relocated { into, ids, entries } = self.relocate(Kind::Undo(entry), originals, destination)?;
        Ok(Undone {
            entry: entries.first().copied().unwrap_or_default(),
            undone: entry.id,
            verb: entry.verb.clone(),
            subject: into,
            templates: originals.iter().map(|template| template.id).zip(ids).collect(),
        })
    }

    /// The present ids of templates and subjects, after all moves and merges.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn present_ids(&self) -> Result<Present> {
        Ok(Present::of(&self.journal()?))
    }
}

impl UndoDryRun<'_> {
    /// Checks whether [`Gallery::undo`] would undo this entry after the earlier ones of the dry run, and returns the entry.
    ///
    /// # Errors
    /// As [`Gallery::undo`], but for the disk.
    pub fn undo(&mut self, id: i64) -> Result<JournalEntry> {
        let (entry, plan) = self.0.plan(id)?;
        let entry = entry.clone();
        self.0.simulate(&entry, plan)?;
        Ok(entry)
    }
}
