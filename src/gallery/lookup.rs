//! Look-ups: who in the gallery is close to a probe.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Gallery;
use super::catalog::SubjectTemplate;
use super::error::Result;
use super::ranking::{Ranking, cosines};
use super::vectors::{Answer, Hit, Mode, Proof, Query, View};
use crate::fusion::Fusion;
use crate::image::PhotoHash;
use crate::template::Template;

/// How a gallery is searched.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Search {
    /// Complete unless a graph is walked.
    pub mode: Mode,
    /// The probability with which a subject at the threshold itself may be missed, where bounds are not certain: see
    /// [`Proof::Bounded`].
    pub miss: Option<f64>,
    /// The part of the candidates that is enough on the average, for [`Mode::Auto`].
    pub recall: Option<f64>,
    /// How subjects of several templates are scored.
    pub fusion: Fusion,
}

/// The name of a way to search, by which audits are kept: `exact`, `scan`, `graph-64`.
pub fn mode_name(mode: Mode) -> String {
    match mode {
        Mode::Exact => "exact".into(),
        Mode::Scan => "scan".into(),
        Mode::Graph { width } => format!("graph-{width}"),
        Mode::Auto => "auto".into(),
    }
}

/// The way to search with this [`mode_name`]; none is called `auto`.
pub fn mode_named(name: &str) -> Option<Mode> {
    match name {
        "exact" => Some(Mode::Exact),
        "scan" => Some(Mode::Scan),
        _ => Some(Mode::Graph { width: name.strip_prefix("graph-")?.parse().ok()? }),
    }
}

/// One subject close to the probe.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// The subject's id.
    pub subject_id: u64,
    /// The subject's name.
    pub subject: String,
    /// The template that scored best.
    pub template_id: u64,
    /// The subject's fused score: cosine similarity, -1 to 1, higher is closer.
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
    /// What is certain about those that are not on the list.
    pub certificate: Proof,
    /// How it was found; never [`Mode::Auto`].
    pub mode: Mode,
}

impl Gallery {
    /// The `k` subjects closest to the probe.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery; the catalog failed; a segment is damaged.
    pub fn identify(&self, probe: &Template, k: usize, search: &Search) -> Result<Candidates> {
        let mut found = self.identify_all(&[probe], k, search)?;
        let Some(candidates) = found.pop() else { unreachable!("one list for one probe") };
        Ok(candidates)
    }

    /// The same for many probes, in their order; the rows are read from memory once for some at a time.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn identify_all(&self, probes: &[&Template], k: usize, search: &Search) -> Result<Vec<Candidates>> {
        loop {
            let rankings = self.rank(&self.view()?, probes, k, search, None)?;
            if let Some(found) = self.named(rankings)? {
                return Ok(found);
            }
            // Somebody was removed meanwhile, and took the place of who comes next.
        }
    }

    /// Candidates with their names; `None` if one of them was removed since the view was taken.
    fn named(&self, rankings: Vec<Ranking>) -> Result<Option<Vec<Candidates>>> {
        let catalog = self.catalog();
        let mut found = Vec::with_capacity(rankings.len());
        for Ranking { subjects, answer } in rankings {
            let mut candidates = Vec::with_capacity(subjects.len());
            for (subject_id, template_id, score) in subjects {
                let Some(subject) = catalog.subject_name(subject_id)? else {
                    self.require_removed(template_id)?;
                    return Ok(None);
                };
                candidates.push(Candidate { subject_id, subject, template_id, score });
            }
            let Answer { scanned, max_score, certificate, mode, .. } = answer;
            found.push(Candidates { candidates, searched: scanned, max_score, certificate, mode });
        }
        Ok(Some(found))
    }

    /// The catalog does not know a template that a view of the index holds: it was removed since the view was taken, or the catalog is damaged.
    pub(super) fn require_removed(&self, id: u64) -> Result<()> {
        if self.view()?.contains(id)? {
            return Err(
                self.damaged(format!("template {id} is in the index, and whose it is is not in the catalog"))
            );
        }
        Ok(())
    }

    /// The `k` templates closest to the probe, best first.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn search(&self, probe: &Template, k: usize) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(cosines(self.view()?.top(&Query::new(&[probe.as_slice()]), k)?.remove(0)))
    }

    /// Every template whose score is at least `min_score`, best first, without a cap.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn range(&self, probe: &Template, min_score: f32) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(cosines(self.view()?.range(&Query::new(&[probe.as_slice()]), min_score)?.remove(0)))
    }

    /// The name of the subject behind a hit; `None` if it was removed since the hit was found.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn name_of(&self, hit: &Hit) -> Result<Option<String>> {
        let name = self.subject_name(hit.subject)?;
        if name.is_none() {
            self.require_removed(hit.id)?;
        }
        Ok(name)
    }

    /// What the catalog knows of a template of a subject.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn template(&self, id: u64) -> Result<Option<SubjectTemplate>> {
        self.catalog().template(id)
    }

    /// Up to `limit` ids of live templates of subjects above `after`, in order.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn template_ids_after(&self, after: u64, limit: usize) -> Result<Vec<u64>> {
        let (mut after, mut ids) = (after, Vec::new());
        // A block may be of unknown faces alone, and is not the end then.
        while ids.len() < limit {
            let block = self.catalog().template_ids_after(after, limit - ids.len())?;
            let Some(&(last, _)) = block.last() else { break };
            after = last;
            ids.extend(block.into_iter().filter(|(_, known)| *known).map(|(id, _)| id));
        }
        Ok(ids)
    }

    /// The paths beside the first one at which the photo with these bytes was seen.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn other_paths(&self, photo: &PhotoHash) -> Result<Vec<PathBuf>> {
        self.catalog().other_paths(photo)
    }

    /// The name of a subject; `None` if there is none with this id.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn subject_name(&self, id: u64) -> Result<Option<String>> {
        self.catalog().subject_name(id)
    }

    /// Subjects and their live templates.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn counts(&self) -> Result<(u64, u64)> {
        self.catalog().counts()
    }

    /// Every subject that has live templates, with the oldest of these; in order of subject.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn first_templates(&self) -> Result<Vec<(u64, u64)>> {
        self.catalog().first_templates()
    }

    /// A frozen picture of the index, for reading and searching the vectors of subjects. Unknown faces are not in it.
    ///
    /// # Errors
    /// The index failed.
    pub fn view(&self) -> Result<View> {
        self.hidden.view(self.clock.load(Ordering::Acquire), || self.view_with_unknown())
    }

    /// The same with unknown faces, each in a group of its own, which is no subject.
    ///
    /// # Errors
    /// As [`view`](Self::view).
    pub fn view_with_unknown(&self) -> Result<View> {
        match &self.settled {
            Some(view) => Ok(view.clone()),
            None => Ok(self.vectors.snapshot()?),
        }
    }

    /// Up to `limit` templates of subjects with ids above `after`, in order of id.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn templates_after(&self, after: u64, limit: usize) -> Result<Vec<SubjectTemplate>> {
        self.catalog().templates_after(after, limit)
    }
}
