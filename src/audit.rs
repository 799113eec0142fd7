//! Whether a gallery keeps its promises: what a way to search misses at the threshold, whether every template finds itself, who is in it
//! twice, which photos do not belong to their person, and whether the calibration still holds.

mod mates;
mod people;

use std::sync::atomic::AtomicBool;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::calibration::measure::now;
use crate::calibration::{binomial, is_other_size};
use crate::decision::Missed;
use crate::decision::certificate::name_of;
use crate::gallery::{Gallery, Result, Search, TOGETHER};
use crate::template::Template;

pub use mates::MateProbe;
pub use people::{Double, Outlier};

/// How to audit.
pub struct Auditor<'a> {
    /// The gallery.
    pub gallery: &'a Gallery,
    /// The way to search that is audited.
    pub search: Search,
    /// The score at which a mate counts as found.
    pub threshold: f32,
    /// Length of the candidate lists.
    pub top_k: usize,
    /// Probes, and templates that are looked at, at most.
    pub sample: usize,
    /// Of every random choice.
    pub seed: u64,
    /// FNIR that the way to search may add, for one that may miss.
    pub bound: f64,
    /// People in the gallery twice score this against each other; `None`: whatever strangers would not.
    pub doubles_above: Option<f32>,
    /// Told what is being done, and how much of it is.
    pub progress: &'a dyn Fn(&'static str, usize, usize),
    /// Ends the audit when it becomes true.
    pub stop: &'a AtomicBool,
}

/// Where the probes of an audit come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatesFrom {
    /// Probes that were given, with the names of their people.
    Given,
    /// Templates of the gallery, each looked up as if it were not there, in search of the others of its person.
    LeftOut,
    /// Made up: vectors whose score against a template of the gallery lies a little above the threshold.
    MadeUp,
}

/// Mates that were looked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mates {
    /// Where the probes come from.
    pub from: MatesFrom,
    /// Probes.
    pub probes: u64,
    /// Those whose mate reaches the threshold, by brute force.
    pub reachable: u64,
    /// Those of them whose mate is not on the candidate list, although it scores more than its last one.
    pub missed: u64,
    /// Share of the probes whose mate does not reach the threshold, and the same by the audited search.
    pub fnir_exact: f64,
    /// `fnir_exact` and what was missed.
    pub fnir: f64,
    /// What was missed, as a share of all probes: FNIR that comes from the search, with its 95 % interval.
    pub difference: f64,
    /// Its interval.
    pub difference_ci95: [f64; 2],
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// When, in seconds since 1970, UTC.
    pub made: i64,
    /// The way to search.
    pub search: String,
    /// Subjects there were.
    pub subjects: u64,
    /// Templates there were.
    pub templates: u64,
    /// The score at which a mate counts as found.
    pub threshold: f32,
    /// What the search misses; `None` if there were no probes.
    pub mates: Option<Mates>,
    /// Templates that were looked up as they are.
    pub looked_up: u64,
    /// Ids of those that were not their own best hit, the first hundred of them.
    pub not_found: Vec<u64>,
    /// How many these are in all.
    pub not_found_count: u64,
    /// Pairs of subjects that may be one person, or one photo under two names; highest score first.
    pub doubles: Vec<Double>,
    /// Photos that are closer to somebody else than to any other photo of their own person.
    pub outliers: Vec<Outlier>,
    /// What is to be said of the calibration; empty if it is fresh.
    pub calibration: Vec<String>,
    /// Promises that are broken, in words; empty if none is.
    pub broken: Vec<String>,
}

/// Entries of a list that are kept.
const LISTED: usize = 100;

impl Audit {
    /// Whether the gallery is about the size that it had.
    pub fn is_fresh(&self, templates: u64) -> bool {
        !is_other_size(templates.max(1) as f64 / self.templates.max(1) as f64)
    }

    /// Of the mates that brute force finds, the share that this way to search misses.
    pub fn missed(&self) -> Option<Missed> {
        let mates = self.mates.filter(|mates| mates.reachable > 0)?;
        let (missed, reachable) = (mates.missed as f64, mates.reachable as f64);
        Some(Missed { rate: missed / reachable, interval: binomial::interval(missed, reachable) })
    }
}

impl Auditor<'_> {
    /// Does it all; `None` if it was stopped. `given` are probes with the names of their people, or none.
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
            search: name_of(self.search.mode),
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
        audit.broken = self.broken(&audit);
        Ok(Some(audit))
    }

    fn broken(&self, audit: &Audit) -> Vec<String> {
        let mut broken = Vec::new();
        let bound = if self.may_miss() { self.bound } else { 0.0 };
        if let Some(mates) = audit.mates.filter(|mates| mates.difference > bound) {
            broken.push(format!(
                "{} of {} mates above the threshold are missed: {:.3} % of searches, {:.3} % are allowed",
                mates.missed,
                mates.reachable,
                100.0 * mates.difference,
                100.0 * bound
            ));
        }
        if audit.not_found_count > 0 {
            broken.push(format!(
                "{} of {} templates do not find themselves",
                audit.not_found_count, audit.looked_up
            ));
        }
        broken
    }

    /// Whether the way to search can miss anybody at all.
    fn may_miss(&self) -> bool {
        matches!(self.search.mode, gallerist_index::Mode::Graph { .. }) || self.search.recall.is_some()
    }

    fn calibration(&self, subjects: u64, templates: u64) -> Vec<String> {
        match self.gallery.calibration(None) {
            Ok(Some((_, calibration))) => calibration.stale(subjects, templates),
            Ok(None) => vec!["the gallery is not calibrated".into()],
            Err(error) => vec![error.to_string()],
        }
    }

    /// Templates as probes: each must be its own best hit, or score the same as it (an identical one). The ids of those that
    /// failed.
    fn look_up_verbatim(&self, ids: &[u64]) -> Result<Option<Vec<u64>>> {
        let view = self.gallery.view();
        let mut failed = Vec::new();
        for (done, block) in ids.chunks(TOGETHER).enumerate() {
            if self.stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(None);
            }
            (self.progress)("templates looked up", done * TOGETHER, ids.len());
            let mut rows = Vec::with_capacity(block.len());
            for &id in block {
                rows.extend(view.get(id)?);
            }
            let vectors: Vec<&[f32]> = rows.iter().map(|row| &row.vector[..]).collect();
            let answers = view.batch(&vectors)?.mode(self.search.mode).top_k(1)?;
            for (row, answer) in rows.iter().zip(answers) {
                let own = gallerist_index::dot(&row.vector, &row.vector);
                if !answer.hits.first().is_some_and(|hit| hit.score >= own - 1e-6) {
                    failed.push(row.id);
                }
            }
        }
        Ok(Some(failed))
    }

    /// Ids of up to [`Self::sample`] live templates, drawn evenly.
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
