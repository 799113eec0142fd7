//! Subjects whose templates may show two people.

use super::super::error::Result;
use super::super::{Control, Session};
use crate::dedup::subjects::split;
use crate::gallery::{GalleryError, Stored, Subject, View, dot};
use crate::reply::MixedSubject;

/// Templates of a subject that are compared, at most. Splitting takes time in proportion to the third power.
const COMPARED: usize = 256;
/// Subjects that are read from the catalog at a time.
const BLOCK: usize = 4096;

impl Session {
    /// The subjects whose parts score less than `below` on the average, the least alike first; `None` if it was stopped.
    pub(super) fn mixed(
        &self,
        view: &View,
        below: f32,
        total: u64,
        control: &Control<'_>,
    ) -> Result<Option<Vec<MixedSubject>>> {
        let (mut found, mut last, mut done) = (Vec::new(), 0, 0);
        loop {
            let block = self.gallery().subjects_after(last, BLOCK)?;
            let Some((end, _)) = block.last() else { break };
            last = end.id;
            for (subject, _) in &block {
                if control.is_stopped() {
                    return Ok(None);
                }
                if subject.templates > 1 {
                    found.extend(self.mixed_subject(view, below, subject)?);
                }
            }
            done += block.len() as u64;
            control.report("subjects split", done, Some(total));
        }
        found.sort_by(|one: &MixedSubject, other| {
            one.between.total_cmp(&other.between).then(one.subject_id.cmp(&other.subject_id))
        });
        Ok(Some(found))
    }

    fn mixed_subject(&self, view: &View, below: f32, subject: &Subject) -> Result<Option<MixedSubject>> {
        let ids = view.ids_of(subject.id).map_err(GalleryError::from)?;
        let chosen: Vec<u64> = ids.iter().copied().step_by(ids.len().div_ceil(COMPARED).max(1)).collect();
        let mut rows: Vec<Stored> = Vec::with_capacity(chosen.len());
        for row in view.vectors(&chosen) {
            rows.extend(row.map_err(GalleryError::from)?);
        }
        let score = |one: usize, other: usize| dot(&rows[one].vector, &rows[other].vector);
        let Some(split) = split(rows.len(), score).filter(|split| split.between < below) else {
            return Ok(None);
        };
        let (closest, places) = split.closest;
        let [one, other] = places.map(|at| self.side(rows[at].id));
        let (Some(one), Some(other)) = (one?, other?) else { return Ok(None) };
        Ok(Some(MixedSubject {
            subject_id: subject.id,
            subject: subject.name.clone(),
            templates: subject.templates,
            compared: rows.len() as u64,
            between: split.between,
            closest,
            apart_ids: split.apart.iter().map(|&at| rows[at].id).collect(),
            sides: [one, other],
        }))
    }
}
