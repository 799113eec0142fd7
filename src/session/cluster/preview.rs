//! What a review would change, without changing it.

use std::collections::HashMap;

use super::super::Session;
use super::super::error::Result;
use super::review::{distinct, names};
use crate::gallery::{GalleryError, Name, Present, Rejections, Subject};
use crate::reply::{ClusterReview, Review, ReviewApplied, ReviewChange, VERSION};

/// The names as they would be after the clusters so far.
#[derive(Default)]
struct Names {
    /// Whether a subject has the name, where that differs from the gallery.
    taken: HashMap<String, bool>,
    /// The name of a subject, where that differs from the gallery; `None` if it is gone.
    of: HashMap<u64, Option<String>>,
}

impl Names {
    fn rename(&mut self, subject: u64, from: &str, to: &str) {
        self.taken.insert(from.to_owned(), false);
        self.taken.insert(to.to_owned(), true);
        self.of.insert(subject, Some(to.to_owned()));
    }

    fn remove(&mut self, subject: u64, name: &str) {
        self.taken.insert(name.to_owned(), false);
        self.of.insert(subject, None);
    }
}

/// A review that is looked at, not carried out.
struct Preview<'a> {
    session: &'a Session,
    present: Present,
    rejections: Rejections,
    names: Names,
    counts: ReviewApplied,
    changes: Vec<ReviewChange>,
}

impl Session {
    /// What [`apply_review`](Self::apply_review) would change, in its order, and the counts. Nothing is changed.
    ///
    /// # Errors
    /// The version of the review is not known, or a name in it is not valid; the catalog failed.
    pub fn preview_review(&self, review: &Review) -> Result<(ReviewApplied, Vec<ReviewChange>)> {
        let names = names(review)?;
        let mut preview = Preview {
            session: self,
            present: self.gallery().present_ids()?,
            rejections: self.gallery().rejections()?,
            names: Names::default(),
            counts: ReviewApplied { version: VERSION, dry_run: true, ..ReviewApplied::default() },
            changes: Vec::new(),
        };
        for (cluster, name) in review.clusters.iter().zip(&names) {
            preview.add(cluster, name.as_ref())?;
        }
        let names = distinct(names);
        preview.counts.similar_names = preview.similar(&names)?;
        Ok((preview.counts, preview.changes))
    }
}

impl Preview<'_> {
    /// The names of the review, each with another one that differs only in case or form, in the gallery or in the review.
    fn similar(&self, names: &[Name]) -> Result<Vec<[String; 2]>> {
        let mut similar = self.session.gallery().similar_names_to(names)?;
        similar.retain(|[_, other]| self.names.taken.get(other) != Some(&false));
        for (at, name) in names.iter().enumerate() {
            let earlier = names[..at].iter().map(Name::as_str).filter(|other| name.is_similar_to(other));
            let pairs: Vec<_> = earlier.map(|other| [name.to_string(), other.to_owned()]).collect();
            similar.extend(pairs.into_iter().filter(|pair| !similar.contains(pair)).collect::<Vec<_>>());
        }
        Ok(similar)
    }

    /// Follows the steps of `apply_cluster`.
    fn add(&mut self, cluster: &ClusterReview, name: Option<&Name>) -> Result<()> {
        let now = |ids: &[u64], present: &Present| ids.iter().map(|&id| present.template(id)).collect();
        let rejected =
            self.session.in_gallery(now(&cluster.rejected_ids, &self.present), &mut self.counts)?;
        let subject = cluster.subject_id.map(|id| self.present.subject(id));
        let mut person = match subject.map(|id| self.subject(id)).transpose()? {
            Some(None) => {
                self.counts.missing += 1;
                None
            }
            found => found.flatten(),
        };
        let was_there = person.is_some();
        if let Some((subject, called)) = person.take() {
            let is_last = self.reject(&rejected, Some(&subject), &called)?;
            if is_last {
                self.names.remove(subject.id, &called);
            }
            person = Some((subject, called)).filter(|_| !is_last);
        }
        let mut is_somebody = was_there;
        if let Some(name) = name {
            let name = name.as_str();
            if let Some((subject, called)) = person.filter(|(_, called)| called != name) {
                self.rename_or_merge(&subject, &called, name)?;
            }
            let faces = self.session.in_gallery(now(&cluster.face_ids, &self.present), &mut self.counts)?;
            let faces: Vec<u64> = faces.into_iter().filter(|id| !rejected.contains(id)).collect();
            let face_ids = self.session.gallery().choose(&faces)?.unknown;
            if !face_ids.is_empty() {
                self.counts.named += face_ids.len() as u64;
                let (subject, is_new) = (name.to_owned(), !self.is_taken(name)?);
                self.names.taken.insert(subject.clone(), true);
                self.changes.push(ReviewChange::Name { subject, is_new, face_ids });
            }
            if !was_there && self.is_taken(name)? {
                is_somebody = true;
                let known = self.session.gallery().subject(name).ok();
                self.reject(&rejected, known.as_ref(), name)?;
            }
        }
        if !is_somebody && !rejected.is_empty() {
            self.counts.missing += rejected.len() as u64;
        }
        Ok(())
    }

    /// A subject and its name at this point of the review.
    fn subject(&self, id: u64) -> Result<Option<(Subject, String)>> {
        let subject = match self.session.gallery().subject_of_id(id) {
            Err(GalleryError::UnknownSubjectId { .. }) => return Ok(None),
            found => found?,
        };
        let name = self.names.of.get(&id).cloned().unwrap_or_else(|| Some(subject.name.clone()));
        Ok(name.map(|name| (subject, name)))
    }

    fn is_taken(&self, name: &str) -> Result<bool> {
        match self.names.taken.get(name) {
            Some(taken) => Ok(*taken),
            None => match self.session.gallery().subject(name) {
                Err(GalleryError::UnknownSubject { .. }) => Ok(false),
                found => Ok(found.map(|_| true)?),
            },
        }
    }

    fn rename_or_merge(&mut self, subject: &Subject, from: &str, to: &str) -> Result<()> {
        let from_name = from.to_owned();
        if self.is_taken(to)? {
            self.counts.merged += 1;
            self.changes.push(ReviewChange::Merge { from: from_name, into: to.to_owned() });
            self.names.remove(subject.id, from);
        } else {
            self.counts.renamed += 1;
            self.changes.push(ReviewChange::Rename { from: from_name, to: to.to_owned() });
            self.names.rename(subject.id, from, to);
        }
        Ok(())
    }

    /// Adds a rejection, without the faces that are rejected from the subject already. Returns whether the subject loses its last face.
    fn reject(&mut self, faces: &[u64], subject: Option<&Subject>, name: &str) -> Result<bool> {
        let chosen = self.session.gallery().choose(faces)?;
        let id = subject.map(|subject| subject.id);
        let own = chosen.templates.iter().filter(|template| Some(template.subject_id) == id).count() as u64;
        let is_own = |face: u64| {
            chosen.templates.iter().any(|template| template.id == face && Some(template.subject_id) == id)
        };
        let is_known = |face: u64| self.rejections.of_template(face).any(|other| Some(other) == id);
        let face_ids: Vec<u64> =
            chosen.ids().into_iter().filter(|&face| is_own(face) || !is_known(face)).collect();
        let is_last = subject.is_some_and(|subject| own > 0 && subject.templates == own);
        if !face_ids.is_empty() {
            self.counts.rejected += face_ids.len() as u64;
            self.changes.push(ReviewChange::Reject { subject: name.to_owned(), face_ids, is_last });
        }
        Ok(is_last)
    }
}
