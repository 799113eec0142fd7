//! Corrections by people: rename, merge, remove. Each is in the journal.

use std::sync::PoisonError;

use gallerist_index::Row;

use super::catalog::{PendingKind, Subject, SubjectTemplate, subject};
use super::error::{GalleryError, Result};
use super::{Gallery, Name};

impl Gallery {
    /// The subject called `name`.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], with similar names.
    pub fn subject(&self, name: &str) -> Result<Subject> {
        self.catalog().subject(name)
    }

    /// Calls `visit` with every subject in order of name.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn each_subject(&self, visit: impl FnMut(Subject)) -> Result<()> {
        self.catalog().each_subject(visit)
    }

    /// The templates of one subject, oldest first.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn templates_of(&self, subject: &Subject) -> Result<Vec<SubjectTemplate>> {
        self.catalog().templates_of(subject.id)
    }

    /// Gives a subject another name.
    ///
    /// # Errors
    /// Nobody is called `from`; `to` is taken.
    pub fn rename_subject(&self, from: &str, to: &Name) -> Result<()> {
        let mut catalog = self.catalog();
        let subject = catalog.subject(from)?;
        catalog.rename(&subject, to)
    }

    /// Removes a subject with all templates: hidden from every look-up and durable when it returns.
    ///
    /// # Errors
    /// Nobody is called `name`; the disk is failing.
    pub fn remove_subject(&self, name: &str) -> Result<Subject> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = {
            let mut catalog = self.catalog();
            let removed = catalog.subject(name)?;
            catalog.mark_removed(&removed)?;
            removed
        };
        self.finish_removals()?;
        Ok(removed)
    }

    /// Makes two subjects one: the templates of `from` become new templates of `into`, `from` is gone.
    /// Returns how many templates moved.
    ///
    /// # Errors
    /// One of them does not exist, or both are the same; the disk is failing.
    pub fn merge_subjects(&self, from: &str, into: &str) -> Result<usize> {
        let _alone = self.correcting.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, into) = (self.subject(from)?, self.subject(into)?);
        if from.id == into.id {
            let reason = "a subject cannot be merged with itself".into();
            return Err(GalleryError::SubjectName { name: from.name, reason });
        }
        let view = self.index.view();
        let mut originals = Vec::new();
        for template in self.templates_of(&from)? {
            originals.push(view.get(template.id).ok_or_else(|| {
                self.catalog().damaged(format!(
                    "template {} of {:?} is not in the index; `gallerist check` tells more",
                    template.id, from.name
                ))
            })?);
        }
        let mut moved = Vec::with_capacity(originals.len());
        let (written, ()) = self.write_as(PendingKind::Move, "merging subjects", |tx, rows| {
            for original in &originals {
                let id = subject::copy_template(tx, original.id, into.id)?.cast_unsigned();
                rows.push(Row { id, group: into.id, vector: &original.vector });
                moved.push((original.id, id));
            }
            Ok(())
        })?;
        self.finish(written, |tx| subject::retire_moved(tx, &from, &into, &moved))?;
        self.finish_removals()?;
        Ok(moved.len())
    }

    pub(super) fn finish_removals(&self) -> Result<()> {
        let removing = self.catalog().removing()?;
        if removing.is_empty() {
            return Ok(());
        }
        self.index.delete(&removing)?;
        self.catalog().finish_removing()
    }
}
