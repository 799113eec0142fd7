//! Searches of a gallery.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::Gallery;
use super::catalog::{Catalog, NamesInMemory, SubjectTemplate};
use super::error::Result;
use super::ranking::{Ranking, cosines};
use super::vectors::{Answer, Hit, Mode, Proof, Query, Selection, View};
use crate::fusion::Fusion;
use crate::image::PhotoHash;
use crate::template::Template;

/// How a gallery is searched.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Search {
    /// The search mode. Only a graph search is incomplete.
    pub mode: Mode,
    /// Probability that a subject exactly at the threshold is missed, for a mode with probabilistic bounds: see [`Proof::Bounded`].
    pub miss: Option<f64>,
    /// Required share of the candidates, on average, for [`Mode::Auto`].
    pub recall: Option<f64>,
    /// How the scores of a subject's templates become one score.
    pub fusion: Fusion,
}

/// The name of a search mode, which is the key of its audits: `exact`, `scan`, `graph-64`.
pub fn mode_name(mode: Mode) -> String {
    match mode {
        Mode::Exact => "exact".into(),
        Mode::Scan => "scan".into(),
        Mode::Graph { width } => format!("graph-{width}"),
        Mode::Auto => "auto".into(),
    }
}

/// The search mode with this [`mode_name`]. There is none for `auto`.
pub fn mode_named(name: &str) -> Option<Mode> {
    match name {
        "exact" => Some(Mode::Exact),
        "scan" => Some(Mode::Scan),
        _ => Some(Mode::Graph { width: name.strip_prefix("graph-")?.parse().ok()? }),
    }
}

/// A candidate: a subject of the gallery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Id of the subject.
    pub subject_id: u64,
    /// Name of the subject.
    pub subject: String,
    /// Id of its template with the best score.
    pub template_id: u64,
    /// Fused score of the subject: cosine, -1 to 1.
    pub score: f32,
}

/// A ranked candidate list and its certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// The candidates, best first. Each subject occurs once.
    pub candidates: Vec<Candidate>,
    /// Number of rows that were scored or bounded.
    pub searched: u64,
    /// Best score of any live template; `None` in an empty gallery.
    pub max_score: Option<f32>,
    /// What is certain about subjects that are not in the list.
    pub certificate: Proof,
    /// The search mode; never [`Mode::Auto`].
    pub mode: Mode,
}

/// Subjects that were selected for searches, at one moment of the gallery.
pub struct Selected {
    view: View,
    selection: Selection,
}

/// Where names of subjects are looked up. They do not change while this exists.
enum Names<'a> {
    Kept(NamesInMemory<'a>),
    Catalog(MutexGuard<'a, Catalog>),
}

impl Names<'_> {
    fn get(&self, subject: u64) -> Result<Option<String>> {
        match self {
            Self::Kept(names) => Ok(names.get(subject).map(str::to_owned)),
            Self::Catalog(catalog) => catalog.subject_name(subject),
        }
    }
}

impl Gallery {
    /// The `k` subjects with the highest scores.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery; the catalog failed; a segment is damaged.
    pub fn identify(&self, probe: &Template, k: usize, search: &Search) -> Result<Candidates> {
        let mut found = self.identify_all(&[probe], k, search)?;
        let Some(candidates) = found.pop() else { unreachable!("one list for one probe") };
        Ok(candidates)
    }

    /// As [`identify`](Self::identify), for many probes, in their order. The rows are read from memory once for several probes.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn identify_all(&self, probes: &[&Template], k: usize, search: &Search) -> Result<Vec<Candidates>> {
        loop {
            let rankings = self.rank(&self.view()?, probes, k, search, None)?;
            if let Some(found) = self.named(rankings)? {
                return Ok(found);
            }
            // A subject was removed after the search. Its place belongs to the next one, so search again.
        }
    }

    /// Number of transactions that changed the catalog since it was opened. What was derived from the gallery at another number may be out of
    /// date.
    pub fn changes(&self) -> u64 {
        self.generation_counter.load(Ordering::Acquire)
    }

    /// Selects the subjects for which `passes` is true, in the present gallery. Also returns the number of their templates.
    ///
    /// # Errors
    /// The index failed.
    pub fn select(&self, passes: &dyn Fn(u64) -> bool) -> Result<(Selected, u64)> {
        let (view, templates) = (self.view()?, Cell::new(0));
        let selection = view.select(&|subject| {
            let selected = passes(subject);
            templates.set(templates.get() + u64::from(selected));
            selected
        })?;
        Ok((Selected { view, selection }, templates.get()))
    }

    /// As [`identify_all`](Self::identify_all), among the selected subjects. `None` if one of the candidates was removed after the selection
    /// was made.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn identify_selected(
        &self,
        selected: &Selected,
        probes: &[&Template],
        k: usize,
        search: &Search,
    ) -> Result<Option<Vec<Candidates>>> {
        self.named(self.rank(&selected.view, probes, k, search, Some(&selected.selection))?)
    }

    /// Adds the names to candidates; `None` if one of the subjects was removed after the view was made.
    fn named(&self, rankings: Vec<Ranking>) -> Result<Option<Vec<Candidates>>> {
        let names = self.names();
        let mut found = Vec::with_capacity(rankings.len());
        for Ranking { subjects, answer } in rankings {
            let mut candidates = Vec::with_capacity(subjects.len());
            for (subject_id, template_id, score) in subjects {
                let Some(subject) = names.get(subject_id)? else {
                    drop(names);
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

    /// The names of subjects at one moment.
    fn names(&self) -> Names<'_> {
        match self.published.names() {
            Some(names) => Names::Kept(names),
            None => Names::Catalog(self.catalog()),
        }
    }

    /// Keeps the names of all subjects in memory from now on, so that [`identify_all`](Self::identify_all) does not wait for a running
    /// write. A name of 20 bytes takes 75 to 100 bytes, and a million names are read in less than a second. Returns
    /// their number.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn keep_names_in_memory(&self) -> Result<u64> {
        self.catalog().publish_names()
    }

    /// Checks a template that is in a view of the index and not in the catalog. It must have been removed after the view was made;
    /// otherwise the catalog is damaged.
    pub(super) fn require_removed(&self, id: u64) -> Result<()> {
        if self.view()?.contains(id)? {
            return Err(
                self.damaged(format!("template {id} is in the index, but its subject is not in the catalog"))
            );
        }
        Ok(())
    }

    /// The `k` templates with the highest scores, best first.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn search(&self, probe: &Template, k: usize) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(cosines(self.view()?.top(&Query::new(&[probe.as_slice()]), k)?.remove(0)))
    }

    /// Every template with at least the score `min_score`, best first.
    ///
    /// # Errors
    /// The probe has another dimension than the gallery.
    pub fn range(&self, probe: &Template, min_score: f32) -> Result<Answer> {
        self.check_dimension(probe)?;
        Ok(cosines(self.view()?.range(&Query::new(&[probe.as_slice()]), min_score)?.remove(0)))
    }

    /// The name of a hit's subject; `None` if it was removed after the search.
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

    /// A template of a subject.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn template(&self, id: u64) -> Result<Option<SubjectTemplate>> {
        self.catalog().template(id)
    }

    /// Up to `limit` ids of live templates of subjects with ids above `after`, in order.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn template_ids_after(&self, after: u64, limit: usize) -> Result<Vec<u64>> {
        let (mut after, mut ids) = (after, Vec::new());
        // A block with unknown faces only is not the end.
        while ids.len() < limit {
            let block = self.catalog().template_ids_after(after, limit - ids.len())?;
            let Some(&(last, _)) = block.last() else { break };
            after = last;
            ids.extend(block.into_iter().filter(|(_, known)| *known).map(|(id, _)| id));
        }
        Ok(ids)
    }

    /// The further paths of the photo with these bytes, without the first one.
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
        self.names().get(id)
    }

    /// Number of subjects, and of their live templates, after the last finished write. Does not wait for a running one.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn counts(&self) -> Result<(u64, u64)> {
        match self.published.counts() {
            Some(counts) => Ok(counts),
            None => self.catalog().counts(),
        }
    }

    /// Every subject with live templates, with the lowest id of these, in order of subject.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn first_templates(&self) -> Result<Vec<(u64, u64)>> {
        self.catalog().first_templates()
    }

    /// A view of the index, for reading and searching the vectors of subjects. It does not contain unknown faces.
    ///
    /// # Errors
    /// The index failed.
    pub fn view(&self) -> Result<View> {
        self.hidden.view(self.generation_counter.load(Ordering::Acquire), || self.view_with_unknown())
    }

    /// A view that also contains unknown faces. Each has a group of its own, which is not a subject.
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
