//! Faces that do not show a subject, as a user has said. No clustering gives them that subject again.
//!
//! The journal holds what was said, by ids. So it is part of backups, and holds no names.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::journal::{Kind, Present};
use super::catalog::template::Original;
use super::error::Result;
use super::relocation::Destination;
use super::{Gallery, JournalEntry};

/// The subjects that templates do not show, by the id of the template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejections(BTreeMap<u64, BTreeSet<u64>>);

/// What a rejection did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Name of the subject.
    pub subject: String,
    /// The templates that belonged to it and are unknown faces now: pairs of the ids before and after.
    pub removed: Vec<(u64, u64)>,
    /// The other templates.
    pub others: Vec<u64>,
    /// How many of the others were not recorded before.
    pub new: usize,
    /// Whether the subject has lost its last template and is gone.
    pub is_gone: bool,
    /// The numbers of the journal entries.
    pub entries: Vec<i64>,
}

impl Rejections {
    /// What the journal says: a template does not show a subject from which a user has rejected it or moved it away, unless a user has
    /// moved it there again. A subject into which another was merged takes its place.
    fn of(journal: &[JournalEntry]) -> Self {
        let mut of: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        let present = Present::of(journal);
        for entry in journal {
            let subject = |key| entry.id_of(key).map(|id| present.unmerged(id));
            let (from, into) = (subject("from"), subject("into"));
            let is_rejection = matches!(entry.verb.as_str(), "move" | "reject");
            for (before, after) in entry.moved() {
                let mut subjects = of.remove(&before).unwrap_or_default();
                subjects.extend(from.filter(|_| is_rejection));
                if let Some(into) = into {
                    subjects.remove(&into);
                }
                if !subjects.is_empty() {
                    of.insert(after, subjects);
                }
            }
            if let Some((ids, subject)) = entry.not_of_subject() {
                for id in ids {
                    of.entry(id).or_default().insert(present.unmerged(subject));
                }
            }
        }
        let merged = |subjects: BTreeSet<u64>| subjects.into_iter().map(|id| present.subject(id)).collect();
        Self(of.into_iter().map(|(id, subjects)| (id, merged(subjects))).collect())
    }

    /// The ids of the subjects that a template does not show. Subjects that are not in the gallery any more may be among them.
    pub fn of_template(&self, id: u64) -> impl Iterator<Item = u64> + '_ {
        self.0.get(&id).into_iter().flatten().copied()
    }

    /// Each template with a subject that it does not show. Templates that are not in the gallery any more may be among them.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().flat_map(|(id, subjects)| subjects.iter().map(|subject| (*id, *subject)))
    }
}

impl Gallery {
    /// The faces that do not show a subject, as a user has said.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn rejections(&self) -> Result<Rejections> {
        Ok(Rejections::of(&self.journal()?))
    }

    /// Records that templates do not show a subject. Those that belong to it become unknown faces, under new ids. It is durable when it
    /// returns. A subject that loses its last template is removed. Its name stays in the journal, for the undoing, until one of the
    /// templates leaves the gallery.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`](super::GalleryError::UnknownSubject), or
    /// [`GalleryError::UnknownTemplate`](super::GalleryError::UnknownTemplate) with the first id that no template has, and nothing is
    /// recorded; the disk is full or failing.
    pub fn reject_templates(&self, ids: &[u64], subject: &str) -> Result<Rejected> {
        let _alone = self.correct();
        let subject = self.subject(subject)?;
        let known = Rejections::of(&self.journal()?);
        let is_of_subject = |one: &Original| one.subject.as_ref().is_some_and(|(id, _)| *id == subject.id);
        let (own, others): (Vec<Original>, Vec<Original>) =
            self.require_originals(ids)?.into_iter().partition(is_of_subject);
        let others: Vec<u64> = others.iter().map(|one| one.id).collect();
        let is_new = |id: &&u64| known.of_template(**id).all(|other| other != subject.id);
        let new: Vec<u64> = others.iter().filter(is_new).copied().collect();
        let mut entries = Vec::new();
        if !new.is_empty() {
            let mut catalog = self.catalog();
            entries.push(catalog.record_not_subject(&new, subject.id)?);
            self.record_in_index(&catalog)?;
        }
        let mut removed = Vec::new();
        if !own.is_empty() {
            let moved = self.relocate(Kind::Reject, &own, Destination::Nobody)?;
            removed = own.iter().map(|one| one.id).zip(moved.ids).collect();
            entries.extend(moved.entries);
        }
        let is_gone = !removed.is_empty() && removed.len() as u64 == subject.templates;
        Ok(Rejected { subject: subject.name, removed, others, new: new.len(), is_gone, entries })
    }
}
