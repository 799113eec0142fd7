//! Look-ups: who in the gallery is close to a probe.

use gallerist_index::{Answer, Hit, View};
use serde::Serialize;

use super::Gallery;
use super::catalog::SubjectTemplate;
use super::error::Result;
use crate::template::Template;

/// One subject close to the probe, represented by its best template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The subject's id.
    pub subject_id: u64,
    /// The subject's name.
    pub subject: String,
    /// The template that scored best.
    pub template_id: u64,
    /// Its score: cosine similarity, -1 to 1, higher is closer.
    pub score: f32,
}

/// A ranked candidate list and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// Best first, every subject once.
    pub candidates: Vec<Candidate>,
    /// Rows that were looked at.
    pub searched: u64,
    /// The best score of any live template, on the list or not; `None` in an empty gallery.
    pub max_score: Option<f32>,
    /// Whether no closer template can have been missed.
    pub complete: bool,
}

impl Gallery {
    /// The `k` subjects closest to the probe, by their best template (fusion `max`).
    ///
    /// # Errors
    /// The probe has another dimension than the gallery; the catalog failed.
    pub fn identify(&self, probe: &Template, k: usize) -> Result<Candidates> {
        self.check_dimension(probe)?;
        let view = self.index.view();
        let answer = view.query(probe.as_slice())?.top_groups(k)?;
        let catalog = self.catalog();
        let mut candidates = Vec::with_capacity(answer.hits.len());
        for hit in &answer.hits {
            // A subject removed since the view was taken has no name any more, and is nobody's candidate.
            if let Some(subject) = catalog.subject_name(hit.group)? {
                candidates.push(Candidate {
                    subject_id: hit.group,
                    subject,
                    template_id: hit.id,
                    score: hit.score,
                });
            }
        }
        Ok(Candidates {
            candidates,
            searched: answer.scanned,
            max_score: answer.max_score,
            complete: answer.complete,
        })
    }

    /// The `k` templates closest to the probe, best first.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn search(&self, probe: &Template, k: usize) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(self.index.view().query(probe.as_slice())?.top_k(k)?)
    }

    /// Every template whose score is at least `min_score`, best first, without a cap.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn range(&self, probe: &Template, min_score: f32) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(self.index.view().query(probe.as_slice())?.range(min_score)?)
    }

    /// What the catalog knows of the template behind a hit.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn describe(&self, hit: &Hit) -> Result<Option<SubjectTemplate>> {
        self.catalog().template(hit.id)
    }

    /// A frozen picture of the index, for reading vectors.
    pub fn view(&self) -> View {
        self.index.view()
    }

    /// Up to `limit` templates with ids above `after`, in order of id.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn templates_after(&self, after: u64, limit: usize) -> Result<Vec<SubjectTemplate>> {
        self.catalog().templates_after(after, limit)
    }
}
