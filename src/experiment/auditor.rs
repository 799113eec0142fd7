//! The searches of an audit: for mates, for every sampled template itself, and for the closest other person of each.

mod mates;
mod people;

use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{now, record};
use crate::audit::{Audit, LISTED};
use crate::gallery::{Gallery, Mode, Query, Result, Search, TOGETHER, dot, mode_name};
use crate::template::Template;

/// Runs an audit.
pub struct Auditor<'a> {
    /// The gallery.
    pub gallery: &'a Gallery,
    /// The way to search that is audited.
    pub search: Search,
    /// The score at which a mate counts as found.
    pub threshold: f32,
    /// Length of the candidate lists.
    pub top_k: usize,
    /// The largest number of probes, and of templates that are examined.
    pub sample: usize,
    /// The seed of every random choice.
    pub seed: u64,
    /// The FNIR that an approximate way to search may add.
    pub bound: f64,
    /// Two subjects that score this or more against each other are listed as doubles. `None`: above the scores of strangers.
    pub doubles_above: Option<f32>,
    /// Called with the present task, how much of it is done, and its total.
    pub progress: &'a dyn Fn(&'static str, usize, usize),
    /// Ends the audit when it becomes true.
    pub stop: &'a AtomicBool,
}

impl Auditor<'_> {
    /// Runs the whole audit; `None` if it was stopped. `given` holds probes with the names of their people; it may be empty.
    ///
    /// # Errors
    /// The gallery failed, or a probe has another dimension.
    pub fn run(&self, given: &[(Template, String)]) -> Result<Option<Audit>> {
        let (subjects, templates) = self.gallery.counts()?;
        let ids = self.some_templates()?;
        let Some(mates) = self.mates(&ids, given)? else { return Ok(None) };
        let Some(not_found) = self.look_up_verbatim(&ids)? else { return Ok(None) };
        let Some(doubles) = self.doubles(&ids)? else { return Ok(None) };
        let Some(outliers) = self.outliers(&ids)? else { return Ok(None) };
        let mut audit = Audit {
            made: now(),
            search: mode_name(self.search.mode),
            subjects,
            templates,
            threshold: self.threshold,
            mates,
            looked_up: ids.len() as u64,
            not_found_count: not_found.len() as u64,
            not_found: not_found.into_iter().take(LISTED).collect(),
            doubles,
            outliers,
            calibration: self.calibration(subjects, templates),
            broken: Vec::new(),
        };
        audit.judge(if self.may_miss() { self.bound } else { 0.0 });
        Ok(Some(audit))
    }

    /// Whether the way to search is approximate.
    fn may_miss(&self) -> bool {
        matches!(self.search.mode, Mode::Graph { .. }) || self.search.recall.is_some()
    }

    fn calibration(&self, subjects: u64, templates: u64) -> Vec<String> {
        match record::calibration(self.gallery, None) {
            Ok(Some((_, calibration))) => calibration.stale(subjects, templates),
            Ok(None) => vec!["the gallery is not calibrated".into()],
            Err(error) => vec![error.to_string()],
        }
    }

    /// Searches for stored templates. Each must be its own best hit, or score the same as an identical one. Returns the ids of those
    /// that are not.
    fn look_up_verbatim(&self, ids: &[u64]) -> Result<Option<Vec<u64>>> {
        let view = self.gallery.view()?;
        let mut failed = Vec::new();
        for (done, block) in ids.chunks(TOGETHER).enumerate() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            (self.progress)("templates looked up", done * TOGETHER, ids.len());
            let mut rows = Vec::with_capacity(block.len());
            for row in view.vectors(block) {
                rows.extend(row?);
            }
            let vectors: Vec<&[f32]> = rows.iter().map(|row| &row.vector[..]).collect();
            let answers = view.top(&Query { mode: self.search.mode, ..Query::new(&vectors) }, 1)?;
            for (row, answer) in rows.iter().zip(answers) {
                let own = dot(&row.vector, &row.vector);
                if !answer.hits.first().is_some_and(|hit| hit.score >= own - 1e-6) {
                    failed.push(row.id);
                }
            }
        }
        Ok(Some(failed))
    }

    /// Ids of up to [`Self::sample`] live templates, drawn uniformly.
    fn some_templates(&self) -> Result<Vec<u64>> {
        let mut ids = Vec::new();
        let mut last = 0;
        loop {
            let block = self.gallery.template_ids_after(last, 1 << 16)?;
            let Some(&end) = block.last() else { break };
            last = end;
            ids.extend(block);
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        Ok(ids.partial_shuffle(&mut random, self.sample).0.to_vec())
    }
}
