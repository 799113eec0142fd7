//! The choices of a user about clusters, carried out: names, merges and rejections.

use std::collections::HashSet;

use super::super::error::{Result, SessionError};
use super::super::{Control, Session, Stopped};
use crate::gallery::{GalleryError, Merged, Name, Present};
use crate::reply::{ClusterReview, REVIEW_VERSION, Review, ReviewApplied, VERSION};

/// The valid names of a review, by cluster.
pub(super) fn names(review: &Review) -> Result<Vec<Option<Name>>> {
    if review.review_version != REVIEW_VERSION {
        let reason = format!("expected {REVIEW_VERSION}, got {}", review.review_version);
        return Err(SessionError::Request { field: "review_version", reason });
    }
    let name = |cluster: &ClusterReview| cluster.name.as_deref().map(Name::new).transpose();
    Ok(review.clusters.iter().map(name).collect::<Result<_, _>>()?)
}

/// The names of a review, each once.
pub(super) fn distinct(names: Vec<Option<Name>>) -> Vec<Name> {
    let mut seen = HashSet::new();
    names.into_iter().flatten().filter(|name| seen.insert(name.as_str().to_owned())).collect()
}

impl Session {
    /// Carries out a review. Each cluster is changed by corrections that are recorded in the journal and can be undone. Ids are those of the time
    /// when the clusters were made, and are followed through later corrections, so the same review again changes nothing, and completes
    /// a review that was interrupted. The inner error means that it was stopped.
    ///
    /// # Errors
    /// The version of the review is not known, or a name in it is not valid, and nothing is changed; the disk is full or failing.
    pub fn apply_review(
        &self,
        review: &Review,
        control: &Control<'_>,
    ) -> Result<Result<ReviewApplied, Stopped>> {
        let names = names(review)?;
        let total = review.clusters.len() as u64;
        // A subject is in one cluster, so no cluster changes the ids of another one.
        let present = self.gallery().present_ids()?;
        let mut applied = ReviewApplied { version: VERSION, ..ReviewApplied::default() };
        for (done, (cluster, name)) in (0..).zip(review.clusters.iter().zip(&names)) {
            if control.is_stopped() {
                return Ok(Err(Stopped { looked_at: done, total, unit: "cluster" }));
            }
            control.report("clusters", done, Some(total));
            self.apply_cluster((cluster, &present), name.as_ref(), &mut applied)?;
        }
        applied.similar_names = self.gallery().similar_names_to(&distinct(names))?;
        Ok(Ok(applied))
    }

    fn apply_cluster(
        &self,
        (cluster, present): (&ClusterReview, &Present),
        name: Option<&Name>,
        applied: &mut ReviewApplied,
    ) -> Result<()> {
        let gallery = self.gallery();
        let now = |ids: &[u64]| ids.iter().map(|&id| present.template(id)).collect();
        let subject = cluster.subject_id.map(|id| present.subject(id));
        let rejected = self.in_gallery(now(&cluster.rejected_ids), applied)?;
        let mut person = match subject.map(|id| gallery.subject_of_id(id)).transpose() {
            Err(GalleryError::UnknownSubjectId { .. }) => {
                applied.missing += 1;
                None
            }
            found => found?.map(|subject| subject.name),
        };
        // Before the subject is merged, so that the faces leave it and not the other one.
        if let Some(person) = person.as_deref() {
            self.reject(&rejected, person, applied)?;
        }
        if let Some(name) = name {
            // A subject whose faces were all rejected is gone.
            if let Some(person) = person.as_deref().filter(|person| gallery.subject(person).is_ok()) {
                self.rename_or_merge(person, name, applied)?;
            }
            let not_rejected = |id: &u64| !rejected.contains(id);
            let faces =
                self.in_gallery(now(&cluster.face_ids), applied)?.into_iter().filter(not_rejected).collect();
            self.name_faces(faces, name, applied)?;
            if person.is_none() && gallery.subject(name.as_str()).is_ok() {
                person = Some(name.as_str().to_owned());
                self.reject(&rejected, name.as_str(), applied)?;
            }
        }
        if person.is_none() && !rejected.is_empty() {
            // Without a name there is nobody whom the faces could not show.
            applied.missing += rejected.len() as u64;
        }
        Ok(())
    }

    /// The ids that are in the gallery; the others are counted.
    pub(super) fn in_gallery(&self, ids: Vec<u64>, applied: &mut ReviewApplied) -> Result<Vec<u64>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            match self.gallery().choose(&[id]) {
                Ok(_) => found.push(id),
                Err(GalleryError::UnknownTemplate { .. }) => applied.missing += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    fn rename_or_merge(&self, person: &str, name: &Name, applied: &mut ReviewApplied) -> Result<()> {
        let gallery = self.gallery();
        if person == name.as_str() {
            return Ok(());
        }
        if gallery.subject(name.as_str()).is_ok() {
            let Merged { entry, .. } = gallery.merge_subjects(person, name.as_str())?;
            applied.merged += 1;
            applied.journal_ids.extend(entry);
        } else {
            applied.journal_ids.push(gallery.rename_subject(person, name)?);
            applied.renamed += 1;
        }
        Ok(())
    }

    /// Names faces that have no subject.
    fn name_faces(&self, faces: Vec<u64>, name: &Name, applied: &mut ReviewApplied) -> Result<()> {
        let chosen = self.gallery().choose(&faces)?;
        if !chosen.unknown.is_empty() {
            let moved = self.gallery().move_templates(&chosen.unknown, name.as_str())?;
            applied.named += moved.ids.len() as u64;
            applied.journal_ids.extend(moved.entries);
        }
        Ok(())
    }

    fn reject(&self, faces: &[u64], person: &str, applied: &mut ReviewApplied) -> Result<()> {
        if faces.is_empty() {
            return Ok(());
        }
        let rejected = self.gallery().reject_templates(faces, person)?;
        applied.rejected += (rejected.removed.len() + rejected.new) as u64;
        applied.journal_ids.extend(rejected.entries);
        Ok(())
    }
}
