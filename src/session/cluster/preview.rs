//! What a review would change, without changing it.

use super::super::Session;
use super::super::error::Result;
use super::plan::{Plan, Step};
use crate::gallery::{Gallery, Name};
use crate::reply::{Review, ReviewApplied, ReviewChange};

impl Session {
    /// What [`apply_review`](Self::apply_review) would change, in its order, and the counts. Nothing is changed.
    ///
    /// # Errors
    /// As [`apply_review`](Self::apply_review), as far as they are about the review; the catalog failed.
    pub fn preview_review(&self, review: &Review) -> Result<(ReviewApplied, Vec<ReviewChange>)> {
        let plan = Plan::of(review, self.gallery())?;
        let similar_names = similar(&plan, self.gallery())?;
        let changes = plan.steps.into_iter().flat_map(changes).collect();
        Ok((ReviewApplied { dry_run: true, similar_names, ..plan.counts }, changes))
    }
}

/// The names of the review, each with another one that differs only in case or form, in the gallery or in the review.
fn similar(plan: &Plan, gallery: &Gallery) -> Result<Vec<[String; 2]>> {
    let mut similar = gallery.similar_names_to(&plan.names)?;
    similar.retain(|[_, other]| !plan.freed.contains(other));
    for (at, name) in plan.names.iter().enumerate() {
        let earlier = plan.names[..at].iter().map(Name::as_str).filter(|other| name.is_similar_to(other));
        let pairs: Vec<_> = earlier.map(|other| [name.to_string(), other.to_owned()]).collect();
        similar.extend(pairs.into_iter().filter(|pair| !similar.contains(pair)).collect::<Vec<_>>());
    }
    Ok(similar)
}

fn changes(step: Step) -> Vec<ReviewChange> {
    vec![match step {
        Step::Reject { subject, face_ids, is_last } => ReviewChange::Reject { subject, face_ids, is_last },
        Step::Merge { from, into } => ReviewChange::Merge { from, into },
        Step::Name { subject, is_new, face_ids } => {
            ReviewChange::Name { subject: subject.to_string(), is_new, face_ids }
        }
        Step::Move { subject, is_new, face_ids } => {
            ReviewChange::Move { subject: subject.to_string(), is_new, face_ids }
        }
        Step::Rename(renames) => {
            let rename =
                |(_, from, to): (u64, String, Name)| ReviewChange::Rename { from, to: to.to_string() };
            return renames.into_iter().map(rename).collect();
        }
    }]
}
