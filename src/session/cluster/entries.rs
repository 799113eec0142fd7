//! The clusters of a review, compared with the gallery: their subjects and faces of today.

use std::collections::HashMap;

use super::super::error::{Result, SessionError};
use super::assignment::is_generated;
use crate::gallery::{Gallery, GalleryError, Name, Present, Subject};
use crate::reply::{ClusterReview, REVIEW_VERSION, Review, ReviewLeftAlone, ReviewObstacle};

/// A face of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Face {
    /// Its present id.
    pub id: u64,
    /// Its present subject.
    pub subject: Option<u64>,
}

/// How a cluster got its subject: a claim with a lower number decides about the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// The review names it.
    Own,
    /// It is the one into which the subject of the review was merged.
    Merged,
    /// All faces of the cluster, which had no subject, have this one now.
    Faces,
}

/// A cluster of a review.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number in the review, from 1.
    pub number: u64,
    pub subject: Option<(Subject, Claim)>,
    /// Whether the subject that the review names is not in the gallery any more.
    pub is_gone: bool,
    pub shown: Option<String>,
    pub name: Option<Name>,
    /// Faces that get the name.
    pub faces: Vec<Face>,
    pub rejected: Vec<Face>,
    /// The rejected faces as the review has them.
    pub rejected_ids: Vec<u64>,
    pub moved: Vec<(Name, Vec<Face>)>,
}

impl Entry {
    pub fn left_alone(&self, obstacle: ReviewObstacle) -> ReviewLeftAlone {
        ReviewLeftAlone { cluster: self.number, name: self.name.as_ref().map(Name::to_string), obstacle }
    }

    /// Why the page shows another state of the subject than the gallery; `None` if it does not, or if that is not known.
    pub fn is_outdated(&self) -> Option<ReviewObstacle> {
        let ((subject, claim), shown) = self.subject.as_ref().zip(self.shown.clone())?;
        let now = subject.name.clone();
        match claim {
            Claim::Merged => Some(ReviewObstacle::Merged { shown, now }),
            _ if shown != now => Some(ReviewObstacle::Renamed { shown, now }),
            _ => None,
        }
    }
}

/// Checks a review as far as that needs only the id of the gallery.
///
/// # Errors
/// The version is not known; it is for another gallery; a name is not valid; a subject or a face gets two names.
pub(super) fn check(review: &Review, gallery: &Gallery) -> Result<()> {
    let refused = |field, reason| Err(SessionError::Request { field, reason });
    if review.review_version != REVIEW_VERSION {
        let reason = format!("expected {REVIEW_VERSION}, got {}", review.review_version);
        return refused("review_version", reason);
    }
    let id = id_of(gallery);
    if let Some(other) = review.gallery.as_ref().filter(|other| **other != id) {
        let reason = format!("the review was made for another gallery: expected the id {id}, got {other}");
        return refused("gallery", reason);
    }
    let (mut subjects, mut faces) = (HashMap::new(), HashMap::new());
    for cluster in &review.clusters {
        let name = cluster.name.as_deref().map(Name::new).transpose()?;
        if let Some((subject, name)) = cluster.subject_id.zip(name.clone())
            && let Some(other) = subjects.insert(subject, name.clone()).filter(|other| *other != name)
        {
            return refused("clusters", format!("subject {subject} gets two names: {other} and {name}"));
        }
        let rejected = |id: &&u64| !cluster.rejected_ids.contains(id);
        let mut named: Vec<(u64, Name)> = Vec::new();
        if let Some(name) = name {
            named.extend(cluster.face_ids.iter().filter(rejected).map(|id| (*id, name.clone())));
        }
        for moved in &cluster.moved {
            let name = Name::new(&moved.name)?;
            named.extend(moved.face_ids.iter().map(|id| (*id, name.clone())));
        }
        for (face, name) in named {
            if let Some(other) = faces.insert(face, name.clone()).filter(|other| *other != name) {
                return refused("clusters", format!("face {face} gets two names: {other} and {name}"));
            }
        }
    }
    Ok(())
}

/// The id of a gallery as a review has it.
pub(super) fn id_of(gallery: &Gallery) -> String {
    gallery.id().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The clusters of a valid review, what of them is not in the gallery any more, and the number of these faces and subjects.
pub(super) fn resolve(
    review: &Review,
    (gallery, present): (&Gallery, &Present),
) -> Result<(Vec<Entry>, Vec<ReviewLeftAlone>, u64)> {
    let (mut entries, mut left, mut missing) = (Vec::with_capacity(review.clusters.len()), Vec::new(), 0);
    for (number, cluster) in (1..).zip(&review.clusters) {
        let (entry, gone) = entry(number, cluster, (gallery, present))?;
        if entry.is_gone {
            missing += 1;
            left.push(entry.left_alone(ReviewObstacle::SubjectGone));
        }
        missing += gone.len() as u64;
        if !gone.is_empty() {
            left.push(entry.left_alone(ReviewObstacle::FacesGone { face_ids: gone }));
        }
        entries.push(entry);
    }
    Ok((entries, left, missing))
}

/// A cluster of a review, and the ids of its faces that are not in the gallery any more.
fn entry(
    number: u64,
    cluster: &ClusterReview,
    (gallery, present): (&Gallery, &Present),
) -> Result<(Entry, Vec<u64>)> {
    let mut gone = Vec::new();
    let mut faces = |ids: &[u64]| in_gallery(ids, (gallery, present), &mut gone);
    let rejected = faces(&cluster.rejected_ids)?;
    let moved = cluster.moved.iter().map(|one| Ok((Name::new(&one.name)?, faces(&one.face_ids)?)));
    let moved = moved.collect::<Result<Vec<_>>>()?;
    let name = cluster.name.as_deref().map(Name::new).transpose()?;
    // Without a name they stay what they are.
    let mut named = if name.is_some() { faces(&cluster.face_ids)? } else { Vec::new() };
    named.retain(|face| !rejected.contains(face));
    let mut subject = None;
    if let Some(id) = cluster.subject_id {
        let claim = if present.subject(id) == present.unmerged(id) { Claim::Own } else { Claim::Merged };
        subject = subject_of(gallery, present.subject(id))?.map(|subject| (subject, claim));
    } else if let Some(id) = common_subject(&named) {
        let found = subject_of(gallery, id)?.filter(|subject| is_generated(&subject.name));
        subject = found.map(|subject| (subject, Claim::Faces));
    }
    let entry = Entry {
        number,
        is_gone: cluster.subject_id.is_some() && subject.is_none(),
        subject,
        shown: cluster.shown.clone(),
        name,
        faces: named,
        rejected,
        rejected_ids: cluster.rejected_ids.clone(),
        moved,
    };
    gone.sort_unstable();
    gone.dedup();
    Ok((entry, gone))
}

/// The subject that all these faces have.
fn common_subject(faces: &[Face]) -> Option<u64> {
    let first = faces.first()?.subject?;
    faces.iter().all(|face| face.subject == Some(first)).then_some(first)
}

/// The subject with this id; `None` if it is not in the gallery.
pub(super) fn subject_of(gallery: &Gallery, id: u64) -> Result<Option<Subject>> {
    match gallery.subject_of_id(id) {
        Err(GalleryError::UnknownSubjectId { .. }) => Ok(None),
        found => Ok(Some(found?)),
    }
}

/// The faces that are in the gallery. The ids of the others are added to `gone`.
fn in_gallery(
    ids: &[u64],
    (gallery, present): (&Gallery, &Present),
    gone: &mut Vec<u64>,
) -> Result<Vec<Face>> {
    let now: Vec<u64> = ids.iter().map(|&id| present.template(id)).collect();
    let mut faces = Vec::with_capacity(ids.len());
    let mut add = |ids: &[u64]| -> Result<bool> {
        let chosen = match gallery.choose(ids) {
            Err(GalleryError::UnknownTemplate { .. }) => return Ok(false),
            chosen => chosen?,
        };
        faces.extend(chosen.templates.iter().map(|one| Face { id: one.id, subject: Some(one.subject_id) }));
        faces.extend(chosen.unknown.iter().map(|&id| Face { id, subject: None }));
        Ok(true)
    };
    if add(&now)? {
        return Ok(faces);
    }
    for (&id, now) in ids.iter().zip(now) {
        if !add(&[now])? {
            gone.push(id);
        }
    }
    Ok(faces)
}
