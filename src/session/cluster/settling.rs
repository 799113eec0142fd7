//! The subjects that faces get by their clusters, and what becomes of the clusters then.
//!
//! Named faces are together from the start, and no longer among the look-alikes by which the linkage corrects its scores. So other faces join
//! them that did not join the same faces without a name. The clusters of an assignment are therefore made again with the subjects that it
//! would give, until no face gets a subject. Every round but the last one gives some faces a subject and takes none away, so it ends. What is
//! assigned in the end is what a second assignment would find.

use std::collections::{BTreeMap, HashSet};

use super::super::error::Result;
use super::assignment::is_generated;
use super::faces::Faces;
use crate::gallery::Gallery;
use crate::template::product::dot;

/// Lowest score of two encodings of one photo, and the largest difference of their places, in widths of the face and as a share.
const COPY: f32 = 0.995;
const PLACE: f32 = 0.1;
/// Lowest score of equal templates.
const EQUAL: f32 = 0.99999;

/// Faces that get one subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Intended {
    /// The ids of the faces, ascending.
    pub ids: Vec<u64>,
    /// The name of a subject of the gallery; `None` for a new one.
    pub subject: Option<String>,
}

/// The subjects of faces while clusters are made to be assigned.
pub(super) struct Settling<'a> {
    faces: &'a Faces,
    /// The fewest faces of a new subject; `None` if nothing is to be assigned.
    fewest: Option<usize>,
    /// Faces of clusters that were rejected as a whole.
    refused: HashSet<u64>,
    /// The id of the subject of each face, also of one that it would get. Ids of new subjects are the highest numbers, downwards.
    subjects: Vec<Option<u64>>,
    /// The names of the subjects of the gallery by their ids.
    names: BTreeMap<u64, &'a str>,
    /// New subjects.
    new: u64,
}

impl<'a> Settling<'a> {
    /// The subjects that the faces have.
    pub fn new(faces: &'a Faces, fewest: Option<usize>, gallery: &Gallery) -> Result<Self> {
        let names = faces.faces.iter().filter_map(|face| face.subject.as_ref());
        let names = names.map(|(id, name)| (*id, name.as_str())).collect();
        let refused = fewest.map(|_| refused(gallery)).transpose()?.unwrap_or_default();
        Ok(Self { faces, fewest, refused, subjects: faces.subjects().collect(), names, new: 0 })
    }

    /// The id of the subject of each face.
    pub fn subjects(&self) -> &[Option<u64>] {
        &self.subjects
    }

    /// Gives faces the subjects of their clusters, which are given by the positions of their faces in the order of their ids. Returns whether a
    /// face has got one.
    pub fn advance(&mut self, clusters: &[Vec<usize>]) -> bool {
        let Some(fewest) = self.fewest.map(|fewest| fewest.max(1)) else { return false };
        let mut has_advanced = false;
        for members in clusters {
            let subject = members.iter().find_map(|&at| self.subjects[at]);
            let takes_refused =
                subject.and_then(|id| self.names.get(&id)).is_some_and(|name| !is_generated(name));
            let is_free = |&at: &usize| {
                let is_refused = !takes_refused && self.refused.contains(&self.faces.faces[at].id);
                self.subjects[at].is_none() && !is_refused
            };
            let free: Vec<usize> = members.iter().copied().filter(is_free).collect();
            if free.is_empty() || subject.is_none() && !has_different(self.faces, &free, fewest) {
                continue;
            }
            let subject = subject.unwrap_or_else(|| {
                self.new += 1;
                u64::MAX - self.new
            });
            free.iter().for_each(|&at| self.subjects[at] = Some(subject));
            has_advanced = true;
        }
        has_advanced
    }

    /// The faces of each cluster that have got a subject.
    pub fn intended(&self, clusters: &[Vec<usize>]) -> Vec<Intended> {
        let of_cluster = |members: &Vec<usize>| {
            let given = members
                .iter()
                .filter(|&&at| self.faces.faces[at].subject.is_none() && self.subjects[at].is_some());
            let ids: Vec<u64> = given.map(|&at| self.faces.faces[at].id).collect();
            let subject = members.iter().find_map(|&at| self.faces.faces[at].subject.as_ref());
            (!ids.is_empty()).then(|| Intended { ids, subject: subject.map(|(_, name)| name.clone()) })
        };
        clusters.iter().filter_map(of_cluster).collect()
    }
}

/// Faces that were rejected from a subject that is gone, because all its faces were rejected. A user who has refused a cluster does not want it
/// again.
fn refused(gallery: &Gallery) -> Result<HashSet<u64>> {
    let mut refused = HashSet::new();
    for (template, subject) in gallery.rejections()?.iter() {
        if gallery.subject_name(subject)?.is_none() {
            refused.insert(template);
        }
    }
    Ok(refused)
}

/// Left, top, right and bottom of a face in its photo, if they are known.
type Bounds = Option<[f32; 4]>;

/// Whether there are at least `fewest` different photos of a face among these faces.
fn has_different(faces: &Faces, positions: &[usize], fewest: usize) -> bool {
    if positions.len() < fewest || fewest <= 1 {
        return positions.len() >= fewest;
    }
    let mut different: Vec<(&[f32], Bounds)> = Vec::new();
    for &at in positions {
        let one = (&faces.vectors[at * faces.dimension..][..faces.dimension], faces.faces[at].bounds);
        if !different.iter().any(|other| are_copies(*other, one)) {
            different.push(one);
        }
        if different.len() >= fewest {
            return true;
        }
    }
    false
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
