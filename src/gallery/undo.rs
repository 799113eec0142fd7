//! Undoing corrections.
//!
//! A rename, a merge and a move are recorded in the journal with what is necessary to undo them. Undoing is a correction too, of the kind
//! `undo`. Two corrections that cancel each other do not prevent that an earlier one is undone.

use super::catalog::JournalEntry;
use super::catalog::journal::{Kind, Present, Successors};
use super::catalog::template::Original;
use super::error::{GalleryError, Result};
use super::relocation::{Destination, Relocated};
use super::{Gallery, Name};

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
    /// correction changed the name or one of the templates; another subject has the old name. The disk is full or failing.
    pub fn undo(&self, id: i64) -> Result<Undone> {
        let _alone = self.correct();
        let journal = self.journal()?;
        let entry = journal.iter().find(|entry| entry.id == id).ok_or(GalleryError::UnknownEntry { id })?;
        if let Some(reason) = entry.obstacle() {
            return Err(GalleryError::CannotUndo { id, reason });
        }
        let successors = Successors::of(&journal);
        match entry.verb.as_str() {
            "rename" => self.undo_rename(entry, &successors),
            "not_subject" => self.forget(entry),
            _ => self.undo_move(entry, &successors),
        }
    }

    fn undo_rename(&self, entry: &JournalEntry, successors: &Successors) -> Result<Undone> {
        let refused = |reason: String| Err(GalleryError::CannotUndo { id: entry.id, reason });
        let (Some(id), Some(from), Some(to)) =
            (entry.id_of("subject"), entry.name_of("from"), entry.name_of("to"))
        else {
            return Err(self.incomplete(entry));
        };
        let mut catalog = self.catalog();
        let subject = match catalog.subject(to) {
            Ok(subject) if subject.id == successors.subject(id) => subject,
            Ok(_) | Err(GalleryError::UnknownSubject { .. }) => {
                return refused(match catalog.subject_name(successors.subject(id))? {
                    Some(now) => format!("the subject was renamed again, to {now:?}"),
                    None => "the subject is not in the gallery any more".into(),
                });
            }
            Err(error) => return Err(error),
        };
        let undone = Name::new(from).and_then(|name| catalog.rename(Kind::Undo(entry), &subject, &name));
        let undone = match undone {
            Err(GalleryError::SubjectName { name, reason }) => return refused(format!("{name:?}: {reason}")),
            undone => undone?,
        };
        self.record_in_index(&catalog)?;
        Ok(Undone {
            entry: undone,
            undone: entry.id,
            verb: entry.verb.clone(),
            subject: Some(from.to_owned()),
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

    fn undo_move(&self, entry: &JournalEntry, successors: &Successors) -> Result<Undone> {
        let refused = |reason: String| Err(GalleryError::CannotUndo { id: entry.id, reason });
        let (from, into) = (entry.id_of("from"), entry.id_of("into"));
        let ids: Vec<u64> = entry.moved().into_iter().map(|(_, id)| successors.template(id)).collect();
        let originals = match self.require_originals(&ids) {
            Err(GalleryError::UnknownTemplate { id }) => {
                return refused(format!("template {id} was removed, or moved on"));
            }
            originals => originals?,
        };
        let into = into.map(|id| successors.subject(id));
        let is_there = |one: &&Original| one.subject.as_ref().map(|(id, _)| *id) == into;
        if let Some(other) = originals.iter().find(|one| !is_there(one)) {
            return refused(match &other.subject {
                Some((_, now)) => format!("template {} belongs to {now:?} now", other.id),
                None => format!("template {} has no subject now", other.id),
            });
        }
        let destination = match from {
            None => Destination::Nobody,
            Some(from) => match self.former(entry, successors.subject(from), into)? {
                Ok(destination) => destination,
                Err(reason) => return refused(reason),
            },
        };
        if originals.is_empty() {
            return Err(self.incomplete(entry));
        }
        let Relocated { into, ids, entries } = self.relocate(Kind::Undo(entry), &originals, destination)?;
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

    /// The subject from which the templates of an entry came, or why they cannot go back. A subject that still exists is identified by its
    /// id, because it may have been renamed.
    fn former(
        &self,
        entry: &JournalEntry,
        from: u64,
        now: Option<u64>,
    ) -> Result<Result<Destination, String>> {
        let Some(name) = entry.name_of("from_name") else { return Err(self.incomplete(entry)) };
        let known = self.catalog().subject_name(from)?;
        let is_gone = known.is_none();
        Ok(match self.destination(known.as_deref().unwrap_or(name)) {
            Ok(Destination::Subject(subject)) if Some(subject.id) == now => {
                Err(format!("the subject with the templates has the name {name:?} now"))
            }
            // It may be another person, and would get the templates without a word.
            Ok(Destination::Subject(_)) if is_gone => {
                Err(format!("{name:?}: another subject has this name; rename that subject first"))
            }
            Err(GalleryError::SubjectName { name, reason }) => Err(format!("{name:?}: {reason}")),
            destination => Ok(destination?),
        })
    }

    fn incomplete(&self, entry: &JournalEntry) -> GalleryError {
        self.damaged(format!("entry {} of the journal has no complete detail", entry.id))
    }
}
