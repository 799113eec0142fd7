//! Clusters that become subjects: unknown faces join the subject of their cluster, and clusters without one become new subjects.

use std::collections::HashMap;
use std::ops::Range;

use super::super::error::{Result, SessionError};
use super::super::{Control, Session, Stopped};
use super::Clustered;
use super::settling::Intended;
use crate::gallery::{Name, NamedFaces};
use crate::reply::{FacesAssigned, VERSION};

/// Names of the subjects that are made: this word and a number.
const GENERATED: &str = "Person";
/// Faces that are assigned with the syncs of one write.
const BLOCK: usize = 2048;

impl Session {
    /// Gives unknown faces the subject of their cluster. A cluster of enough unknown faces and no subject, as many as
    /// [`ClusterRequest::assign`](super::ClusterRequest::assign) says, becomes a new subject; copies of a photo, such as encodings of it, count
    /// as one face. It gets a generated name. Faces of a cluster that was rejected as a whole join no subject with such a name. Faces that have
    /// a subject are left alone, so earlier runs and corrections stay. The same again changes nothing. Each cluster is assigned completely or not
    /// at all, and has an entry in the journal, by which it can be undone. The clusters get the new ids and names. The inner error means that
    /// it was stopped; what was assigned stays.
    ///
    /// # Errors
    /// The clusters were not made to be assigned, or are assigned already; a face was removed or named since; the disk is full or failing.
    pub fn assign(
        &self,
        clustered: &mut Clustered,
        control: &Control<'_>,
    ) -> Result<Result<FacesAssigned, Stopped>> {
        let Some(intended) = clustered.intended.take() else {
            let reason = "expected clusters that are made to be assigned, and are not assigned yet".into();
            return Err(SessionError::Request { field: "assign", reason });
        };
        let mut assigned = FacesAssigned {
            version: VERSION,
            joined: 0,
            new_subjects: 0,
            faces: 0,
            unknown: clustered.summary.unknown,
            journal_ids: None,
        };
        let clusters = self.named(intended, &mut assigned)?;
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

    /// The faces and their subject, and their counts.
    fn named(&self, intended: Vec<Intended>, assigned: &mut FacesAssigned) -> Result<Vec<(Vec<u64>, Name)>> {
        let mut number = self.last_generated()?;
        let mut clusters = Vec::with_capacity(intended.len());
        for Intended { ids, subject } in intended {
            let name = match subject {
                Some(subject) => {
                    assigned.joined += ids.len() as u64;
                    Name::new(&subject)?
                }
                None => {
                    assigned.new_subjects += 1;
                    number += 1;
                    Name::new(&format!("{GENERATED} {number}"))?
                }
            };
            assigned.faces += ids.len() as u64;
            clusters.push((ids, name));
        }
        Ok(clusters)
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
