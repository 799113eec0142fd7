//! Corrections by users: rename, merge, move, remove. Each one is recorded in the journal.

use std::collections::BTreeMap;

use super::catalog::journal::Kind;
use super::catalog::template::Original;
use super::catalog::{JournalEntry, Subject, SubjectTemplate};
use super::error::{GalleryError, Result};
use super::relocation::{Destination, Relocated};
use super::{Gallery, Name};

/// The templates of a correction.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The templates of subjects before the correction, in order of id.
    pub templates: Vec<SubjectTemplate>,
    /// The ids of unknown faces, in order.
    pub unknown: Vec<u64>,
    /// Subjects that lose their last template and are removed.
    pub emptied: Vec<Subject>,
}

/// Templates that were moved to another subject. They have new ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The templates before the move.
    pub chosen: Chosen,
    /// The new ids, in the order of the templates and then the unknown faces.
    pub ids: Vec<u64>,
    /// Name of their present subject.
    pub into: String,
    /// The numbers of the journal entries, one for each former subject.
    pub entries: Vec<i64>,
}

/// Two subjects that were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Number of moved templates.
    pub templates: u64,
    /// The number of the journal entry; `None` if there was no template to move.
    pub entry: Option<i64>,
}

impl Chosen {
    /// The ids of the templates, then those of the unknown faces.
    pub fn ids(&self) -> Vec<u64> {
        self.templates.iter().map(|template| template.id).chain(self.unknown.iter().copied()).collect()
    }

    fn originals(&self) -> Vec<Original> {
        let unknown = self.unknown.iter().map(|&id| Original { id, subject: None });
        self.templates.iter().map(Original::from).chain(unknown).collect()
    }
}

impl Gallery {
    /// The subject with this name.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubject`], with similar names.
    pub fn subject(&self, name: &str) -> Result<Subject> {
        let catalog = self.catalog();
        let subject = catalog.subject(name)?;
        self.require_agreement(&catalog, subject.id)?;
        Ok(subject)
    }

    /// Up to `limit` subjects with ids above `after`, in order of id, each with the id of its first template. A subject whose last template is
    /// being removed has none.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn subjects_after(&self, after: u64, limit: usize) -> Result<Vec<(Subject, Option<u64>)>> {
        self.catalog().subjects_after(after, limit)
    }

    /// The subject with this id.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubjectId`]; the catalog failed.
    pub fn subject_of_id(&self, id: u64) -> Result<Subject> {
        let found = self.subjects_after(id.saturating_sub(1), 1)?;
        let found = found.into_iter().map(|(subject, _)| subject).find(|subject| subject.id == id);
        found.ok_or(GalleryError::UnknownSubjectId { id })
    }

    /// Calls `visit` with every subject, in the order of names.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn each_subject(&self, visit: impl FnMut(Subject)) -> Result<()> {
        self.catalog().each_subject(visit)
    }

    /// The live templates of a subject, in ascending order of id.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn templates_of(&self, subject: &Subject) -> Result<Vec<SubjectTemplate>> {
        let catalog = self.catalog();
        self.require_agreement(&catalog, subject.id)?;
        catalog.templates_of(subject.id)
    }

    /// All corrections, oldest first. They do not contain names of removed subjects.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn journal(&self) -> Result<Vec<JournalEntry>> {
        self.catalog().journal()
    }

    /// The highest id of a subject so far, 0 if there is none. Later subjects have higher ones.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn last_subject(&self) -> Result<u64> {
        self.catalog().last_subject()
    }

    /// Names of subjects with ids above `after` that differ from the name of an earlier subject only in case or in the form of their
    /// characters (Unicode NFKC): the new name and the earlier one, in the order of the new subjects.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn similar_names(&self, after: u64) -> Result<Vec<[String; 2]>> {
        self.catalog().similar_names(after)
    }

    /// Names of subjects that differ from one of these names only in case or in the form of their characters (Unicode NFKC), each after the
    /// given name, in the order of the given ones.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn similar_names_to(&self, names: &[Name]) -> Result<Vec<[String; 2]>> {
        self.catalog().similar_names_to(names)
    }

    /// Checks that no other subject than `from` has a name that differs from `to` only in case or in the form of its characters.
    ///
    /// # Errors
    /// [`GalleryError::SimilarName`]; there is no subject `from`.
    pub fn require_no_similar_name(&self, from: &str, to: &Name) -> Result<()> {
        let catalog = self.catalog();
        match catalog.similar_to(catalog.subject(from)?.id, to)? {
            Some(other) => Err(GalleryError::SimilarName { name: to.to_string(), other }),
            None => Ok(()),
        }
    }

    /// Checks whether [`rename_subject`](Self::rename_subject) can rename.
    ///
    /// # Errors
    /// As [`rename_subject`](Self::rename_subject).
    pub fn may_rename(&self, from: &str, to: &Name) -> Result<()> {
        let catalog = self.catalog();
        catalog.may_rename(&catalog.subject(from)?, to)
    }

    /// Renames a subject. Returns the number of the journal entry, which [`undo`](Self::undo) takes.
    ///
    /// # Errors
    /// There is no subject `from`; another subject has the name `to`.
    pub fn rename_subject(&self, from: &str, to: &Name) -> Result<i64> {
        // An undoing may be about to make a subject with the new name.
        let _alone = self.correct_only();
        let mut catalog = self.catalog();
        let subject = catalog.subject(from)?;
        let entry = catalog.rename(Kind::Rename, &subject, to)?;
        self.record_in_index(&catalog)?;
        Ok(entry)
    }

    /// Gives several subjects, by id, new names at once, so that names can be swapped. All are renamed, or none. Returns the numbers of the
    /// journal entries: undone from the last to the first, they give all old names back.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubjectId`]; another subject has one of the names.
    pub fn rename_subjects(&self, renames: &[(u64, Name)]) -> Result<Vec<i64>> {
        let _alone = self.correct_only();
        let renames = renames.iter().map(|(id, to)| Ok((self.subject_of_id(*id)?, to.clone())));
        let renames = renames.collect::<Result<Vec<_>>>()?;
        let mut catalog = self.catalog();
        let entries = catalog.rename_all(&renames)?;
        self.record_in_index(&catalog)?;
        Ok(entries)
    }

    /// Removes a subject with all its templates. When it returns, the removal is durable, no search finds them, and the pictures of
    /// photos without other templates are erased. The journal does not contain the name any more.
    ///
    /// # Errors
    /// There is no subject `name`; the disk is failing.
    pub fn remove_subject(&self, name: &str) -> Result<Subject> {
        let _alone = self.correct();
        let removed = {
            let mut catalog = self.catalog();
            let removed = catalog.subject(name)?;
            self.require_agreement(&catalog, removed.id)?;
            catalog.mark_removed(&removed)?;
            removed
        };
        self.finish_removals()?;
        Ok(removed)
    }

    /// The live templates with these ids, and the subjects that would lose their last template without them.
    ///
    /// # Errors
    /// [`GalleryError::UnknownTemplate`] with the first id that no template has.
    pub fn choose(&self, ids: &[u64]) -> Result<Chosen> {
        let originals = self.require_originals(ids)?;
        let catalog = self.catalog();
        let (mut templates, mut unknown) = (Vec::with_capacity(ids.len()), Vec::new());
        let mut chosen: BTreeMap<u64, u64> = BTreeMap::new();
        for Original { id, subject } in originals {
            match subject {
                None => unknown.push(id),
                Some((subject, _)) => {
                    *chosen.entry(subject).or_default() += 1;
                    templates.extend(catalog.template(id)?);
                }
            }
        }
        let mut emptied = Vec::new();
        for template in &templates {
            let Some(count) = chosen.remove(&template.subject_id) else { continue };
            let subject = catalog.subject(&template.subject)?;
            emptied.extend(Some(subject).filter(|subject| subject.templates == count));
        }
        Ok(Chosen { templates, unknown, emptied })
    }

    /// Removes single templates and unknown faces. When it returns, the removal is durable and no search finds them. A photo without templates is removed
    /// too, with its picture, so it can be enrolled again.
    ///
    /// # Errors
    /// As [`choose`](Self::choose), and nothing is removed; the disk is failing.
    pub fn remove_templates(&self, ids: &[u64]) -> Result<Chosen> {
        let _alone = self.correct();
        let chosen = self.choose(ids)?;
        self.catalog().mark_templates_removed(&chosen.templates, &chosen.unknown)?;
        self.finish_removals()?;
        Ok(chosen)
    }

    /// Moves single templates and unknown faces to the subject `to`, which is made if it does not exist.
    ///
    /// # Errors
    /// As [`choose`](Self::choose); a template already belongs to the subject; `to` is not a valid name; the disk is failing.
    pub fn move_templates(&self, ids: &[u64], to: &str) -> Result<Moved> {
        let _alone = self.correct();
        let (chosen, destination) = self.choose_for(ids, to)?;
        let Relocated { into, ids, entries } = self.relocate(Kind::Move, &chosen.originals(), destination)?;
        Ok(Moved { chosen, ids, into: into.unwrap_or_default(), entries })
    }

    /// The result of [`move_templates`](Self::move_templates) without new ids and journal entries. Moves nothing.
    ///
    /// # Errors
    /// As [`move_templates`](Self::move_templates).
    pub fn may_move(&self, ids: &[u64], to: &str) -> Result<Moved> {
        let (chosen, destination) = self.choose_for(ids, to)?;
        let into = destination.name().unwrap_or_default().to_owned();
        Ok(Moved { chosen, ids: Vec::new(), into, entries: Vec::new() })
    }

    /// The templates with these ids, none of which may belong to the subject `to`.
    fn choose_for(&self, ids: &[u64], to: &str) -> Result<(Chosen, Destination)> {
        let (chosen, destination) = (self.choose(ids)?, self.destination(to)?);
        if let Destination::Subject(into) = &destination
            && let Some(there) = chosen.templates.iter().find(|template| template.subject_id == into.id)
        {
            return Err(GalleryError::TemplateThere { id: there.id, subject: into.name.clone() });
        }
        Ok((chosen, destination))
    }

    /// Merges two subjects: the templates of `from` become new templates of `into`, and `from` is removed.
    ///
    /// # Errors
    /// One of them does not exist; both are the same; the disk is failing.
    pub fn merge_subjects(&self, from: &str, into: &str) -> Result<Merged> {
        let _alone = self.correct();
        let (from, into) = self.may_merge(from, into)?;
        let originals: Vec<Original> = self.templates_of(&from)?.iter().map(Original::from).collect();
        let done = self.relocate(Kind::Merge, &originals, Destination::Subject(into))?;
        Ok(Merged { templates: done.ids.len() as u64, entry: done.entries.first().copied() })
    }

    /// Checks whether [`merge_subjects`](Self::merge_subjects) can merge, and returns both subjects.
    ///
    /// # Errors
    /// As [`merge_subjects`](Self::merge_subjects).
    pub fn may_merge(&self, from: &str, into: &str) -> Result<(Subject, Subject)> {
        let (from, into) = (self.subject(from)?, self.subject(into)?);
        if from.id == into.id {
            let reason = "a subject cannot be merged with itself".into();
            return Err(GalleryError::SubjectName { name: from.name, reason });
        }
        Ok((from, into))
    }

    pub(super) fn finish_removals(&self) -> Result<()> {
        let mut catalog = self.catalog();
        let removing = catalog.removing()?;
        if removing.is_empty() {
            return Ok(());
        }
        self.delete_from_index(&mut catalog, &removing)?;
        // Before the photos are removed, because after a crash the pictures to erase are known from them.
        self.erase_pictures(&catalog, &catalog.photos_without_others()?)?;
        catalog.finish_removing()
    }
}
