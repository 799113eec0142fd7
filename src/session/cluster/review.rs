//! The choices of a user about clusters, carried out: names, merges, moves and rejections.

use std::collections::HashMap;

use super::super::error::Result;
use super::super::{Control, Session, Stopped};
use super::entries;
use super::plan::{Plan, Step};
use crate::gallery::{Name, Present};
use crate::reply::{Review, ReviewApplied};

/// The present ids of faces while a review is carried out.
struct Ids {
    present: Present,
    /// The ids that faces got since.
    later: HashMap<u64, u64>,
}

impl Ids {
    fn now(&self, ids: &[u64]) -> Vec<u64> {
        let now = |&id: &u64| {
            let mut at = self.present.template(id);
            while let Some(&next) = self.later.get(&at) {
                at = next;
            }
            at
        };
        ids.iter().map(now).collect()
    }
}

impl Session {
    /// The id of the gallery as reviews have it: 32 hexadecimal digits.
    pub fn review_id(&self) -> String {
        entries::id_of(self.gallery())
    }

    /// Carries out a review. Its names are the state after the whole review: subjects that have the same name then become one, also with a
    /// subject that the review does not name, and names may be swapped. The corrections are recorded in the journal and can be undone. Ids are
    /// those of the time when the clusters were made, and are followed through later corrections, so the same review again changes
    /// nothing, and completes a review that was interrupted. Clusters whose subject got another name since are left alone, if the review
    /// says which one it had. The inner error means that it was stopped.
    ///
    /// # Errors
    /// The review is for another gallery, its version is not known, a name in it is not valid, or a subject or a face gets two names, and
    /// nothing is changed; the disk is full or failing.
    pub fn apply_review(
        &self,
        review: &Review,
        control: &Control<'_>,
    ) -> Result<Result<ReviewApplied, Stopped>> {
        let Plan { steps, mut counts, names, .. } = Plan::of(review, self.gallery())?;
        let total = steps.len() as u64;
        let mut ids = Ids { present: self.gallery().present_ids()?, later: HashMap::new() };
        let (mut done, mut has_merged) = (0, false);
        for step in steps {
            if control.is_stopped() {
                return Ok(Err(Stopped { looked_at: done, total, unit: "change" }));
            }
            control.report("changes", done, Some(total));
            if has_merged && !matches!(step, Step::Merge { .. }) {
                // The faces of merged subjects have other ids.
                ids = Ids { present: self.gallery().present_ids()?, later: HashMap::new() };
                has_merged = false;
            }
            has_merged |= matches!(step, Step::Merge { .. });
            counts.journal_ids.extend(self.carry_out(step, &mut ids)?);
            done += 1;
        }
        counts.similar_names = self.gallery().similar_names_to(&names)?;
        Ok(Ok(counts))
    }

    /// Carries out a step. Returns the numbers of its entries in the journal.
    fn carry_out(&self, step: Step, ids: &mut Ids) -> Result<Vec<i64>> {
        let gallery = self.gallery();
        Ok(match step {
            Step::Reject { subject, face_ids, .. } => {
                let rejected = gallery.reject_templates(&ids.now(&face_ids), &subject)?;
                ids.later.extend(rejected.removed);
                rejected.entries
            }
            Step::Merge { from, into } => gallery.merge_subjects(&from, &into)?.entry.into_iter().collect(),
            Step::Rename(renames) => {
                let renames: Vec<(u64, Name)> = renames.into_iter().map(|(id, _, to)| (id, to)).collect();
                gallery.rename_subjects(&renames)?
            }
            Step::Name { subject, face_ids, .. } | Step::Move { subject, face_ids, .. } => {
                let moved = gallery.move_templates(&ids.now(&face_ids), subject.as_str())?;
                ids.later.extend(moved.chosen.ids().into_iter().zip(moved.ids));
                moved.entries
            }
        })
    }
}
