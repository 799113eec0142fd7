//! Clusters that become subjects: unknown faces join the subject of their cluster, and clusters without one become new subjects.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::super::error::{Result, SessionError};
use super::super::{Control, Session, Stopped};
use super::Clustered;
use crate::gallery::{GalleryError, Name, NamedFaces, View};
use crate::reply::{ClusteredFace, FacesAssigned, VERSION};
use crate::template::product::dot;

/// Names of the subjects that are made: this word and a number.
const GENERATED: &str = "Person";
/// Faces that are assigned with the syncs of one write.
const BLOCK: usize = 2048;
/// Lowest score of two encodings of one photo, and the largest difference of their places, in widths of the face and as a share.
const COPY: f32 = 0.995;
const PLACE: f32 = 0.1;
/// Lowest score of equal templates.
const EQUAL: f32 = 0.99999;

impl Session {
    /// Gives unknown faces the subject of their cluster. A cluster of at least `fewest` unknown faces and no subject becomes a new subject;
    /// copies of a photo, such as encodings of it, count as one face. It gets a generated name, without faces of a cluster that was
    /// rejected as a whole. Faces that have a subject are left alone, so earlier runs and corrections stay. Each cluster is assigned
    /// completely or not at all, and has an entry in the journal, by which it can be undone. The clusters get the new ids and names. The inner error means that it was stopped; what
    /// was assigned stays.
    ///
    /// # Errors
    /// The clusters were made without the names; a face was removed or named since; the disk is full or failing.
    pub fn assign(
        &self,
        clustered: &mut Clustered,
        fewest: usize,
        control: &Control<'_>,
    ) -> Result<Result<FacesAssigned, Stopped>> {
        if !clustered.summary.names_obeyed {
            let reason = "expected clusters that keep the subjects of the gallery".into();
            return Err(SessionError::Request { field: "ignore_names", reason });
        }
        let mut assigned = FacesAssigned {
            version: VERSION,
            joined: 0,
            new_subjects: 0,
            faces: 0,
            unknown: clustered.summary.unknown,
            journal_ids: None,
        };
        let clusters = self.intended(clustered, fewest, &mut assigned)?;
        let total = Some(assigned.faces);
        let (mut done, mut now) = (0, HashMap::new());
        for block in blocks(&clusters) {
            if control.is_stopped() {
                return Ok(Err(Stopped { looked_at: done, total: assigned.faces, unit: "face" }));
            }
            control.report("faces assigned", done, total);
            let part = &clusters[block];
            let named = self.gallery().assign_unknown_faces(part)?;
            for ((old, _), NamedFaces { subject, ids, .. }) in part.iter().zip(&named) {
                now.extend(old.iter().copied().zip(ids.iter().map(|id| (*id, subject.clone()))));
            }
            done += named.iter().map(|one| one.ids.len() as u64).sum::<u64>();
            for entry in named.iter().filter_map(|one| one.entry) {
                let [first, _] = assigned.journal_ids.unwrap_or([entry; 2]);
                assigned.journal_ids = Some([first, entry]);
            }
        }
        for face in &mut clustered.faces {
            if let Some((id, subject)) = now.remove(&face.face_id) {
                (face.face_id, face.subject) = (id, Some(subject));
            }
        }
        assigned.unknown -= assigned.faces;
        Ok(Ok(assigned))
    }

    /// The unknown faces of each cluster and their subject, and their counts.
    fn intended(
        &self,
        clustered: &Clustered,
        fewest: usize,
        assigned: &mut FacesAssigned,
    ) -> Result<Vec<(Vec<u64>, Name)>> {
        let mut number = self.last_generated()?;
        let refused = self.refused()?;
        let view = self.gallery().view_with_unknown()?;
        let mut clusters = Vec::new();
        for faces in clustered.faces.chunk_by(|a, b| a.cluster == b.cluster) {
            let mut unknown: Vec<u64> =
                faces.iter().filter(|face| face.subject.is_none()).map(|face| face.face_id).collect();
            let name = match faces.iter().find_map(|face| face.subject.as_deref()) {
                _ if unknown.is_empty() => continue,
                Some(subject) => {
                    assigned.joined += unknown.len() as u64;
                    Name::new(subject)?
                }
                None => {
                    unknown.retain(|id| !refused.contains(id));
                    let fewest = fewest.max(1);
                    let is_large = unknown.len() >= fewest
                        && (fewest == 1 || has_different(&view, faces, &unknown, fewest)?);
                    if !is_large {
                        continue;
                    }
                    assigned.new_subjects += 1;
                    number += 1;
                    Name::new(&format!("{GENERATED} {number}"))?
                }
            };
            assigned.faces += unknown.len() as u64;
            clusters.push((unknown, name));
        }
        Ok(clusters)
    }

    /// Faces that were rejected from a subject that is gone, because all its faces were rejected. A user who has refused a cluster does not want
    /// it again.
    fn refused(&self) -> Result<HashSet<u64>> {
        let (gallery, mut refused) = (self.gallery(), HashSet::new());
        for (template, subject) in gallery.rejections()?.iter() {
            if gallery.subject_name(subject)?.is_none() {
                refused.insert(template);
            }
        }
        Ok(refused)
    }

    /// The highest number among the generated names of the gallery, and of those that come back when a correction is undone.
    fn last_generated(&self) -> Result<u64> {
        let mut last = 0;
        self.gallery().each_subject(|subject| last = last.max(number(&subject.name).unwrap_or(0)))?;
        let journal = self.gallery().journal()?;
        let earlier = journal.iter().filter(|entry| entry.may_be_undone()).filter_map(|entry| {
            let name = entry.detail.get(if entry.verb == "rename" { "from" } else { "from_name" });
            number(name?.as_str()?)
        });
        Ok(earlier.fold(last, u64::max))
    }
}

/// Left, top, right and bottom of a face in its photo, if they are known.
type Bounds = Option<[f32; 4]>;

/// Whether a cluster, whose faces are in the order of their ids, has at least `fewest` different photos of a face among `unknown`.
fn has_different(view: &View, faces: &[ClusteredFace], unknown: &[u64], fewest: usize) -> Result<bool> {
    let mut different: Vec<(Vec<f32>, Bounds)> = Vec::new();
    for (id, row) in unknown.iter().zip(view.vectors(unknown)) {
        let Some(row) = row.map_err(GalleryError::from)? else { continue };
        let at = faces.binary_search_by_key(id, |face| face.face_id).ok();
        let bounds = at.and_then(|at| faces[at].bounds);
        if !different
            .iter()
            .any(|(vector, place)| are_copies((&vector[..], *place), (&row.vector[..], bounds)))
        {
            different.push((row.vector, bounds));
        }
        if different.len() >= fewest {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two faces are one face in two copies of a photo, perhaps of different size: their templates are nearly equal, and they are at
/// the same place, measured in widths of the face. Without places the templates must be equal but for rounding.
fn are_copies((one, one_bounds): (&[f32], Bounds), (other, other_bounds): (&[f32], Bounds)) -> bool {
    let place = |[left, top, right, bottom]: [f32; 4]| {
        let width = (right - left).max(f32::MIN_POSITIVE);
        [left / width, top / width, (bottom - top) / width]
    };
    let Some((one_bounds, other_bounds)) = one_bounds.zip(other_bounds) else {
        return dot(one, other) >= EQUAL;
    };
    let mut places = place(one_bounds).into_iter().zip(place(other_bounds));
    places.all(|(a, b)| (a - b).abs() <= PLACE + PLACE * a.abs().max(b.abs())) && dot(one, other) >= COPY
}

/// The number in a generated name.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(GENERATED)?.strip_prefix(' ')?.parse().ok()
}

/// Whether a name was generated, and means nothing in another gallery.
pub(super) fn is_generated(name: &str) -> bool {
    number(name).is_some()
}

/// Ranges of clusters of at most [`BLOCK`] faces together, or of one larger cluster.
fn blocks(clusters: &[(Vec<u64>, Name)]) -> Vec<Range<usize>> {
    let (mut blocks, mut faces) = (Vec::<Range<usize>>::new(), 0);
    for (at, (ids, _)) in clusters.iter().enumerate() {
        match blocks.last_mut().filter(|_| faces + ids.len() <= BLOCK) {
            Some(block) => block.end = at + 1,
            None => {
                blocks.push(at..at + 1);
                faces = 0;
            }
        }
        faces += ids.len();
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_in_a_copy_of_a_photo_is_the_same_face_and_another_photo_of_the_person_is_not() {
        let (one, near, far) = ([1.0, 0.0], [0.998, 0.063], [0.97, 0.243]);
        let place = Some([100.0, 80.0, 160.0, 150.0]);
        assert!(are_copies((&one, place), (&near, Some([101.0, 79.0, 162.0, 151.0]))));
        // The copy has half of the size.
        assert!(are_copies((&one, place), (&near, Some([50.0, 40.0, 80.0, 75.0]))));
        assert!(are_copies((&one, None), (&one, place)) && !are_copies((&one, None), (&near, place)));
        assert!(!are_copies((&one, place), (&far, place)), "another photo");
        assert!(!are_copies((&one, place), (&near, Some([20.0, 80.0, 80.0, 150.0]))), "another place");
    }
}
