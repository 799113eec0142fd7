//! The searches behind an evaluation of a gallery: mated and non-mated ones, these also in parts of the gallery.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Probe, parts};
use crate::calibration::suspects;
use crate::evaluation::{MatedSearch, NonMatedSearch, Searches};
use crate::gallery::{Gallery, Mode, Ranking, Result, Search, Selection, View};
use crate::template::Template;

/// Probes of both kinds, with who they show.
pub struct LabelledProbes<'a> {
    /// Probes of people who are in the gallery, with the ids of their subjects.
    pub mated: &'a [(Probe, u64)],
    /// Probes of people who are not in it. Each without a name counts as a person of its own.
    pub non_mated: &'a [Probe],
    /// Probes without a usable face: those of people in the gallery by subject id, the others by name.
    pub failed: (&'a [u64], &'a [String]),
}

/// Runs the searches of an evaluation.
pub struct Evaluator<'a> {
    /// The gallery.
    pub gallery: &'a Gallery,
    /// How it is searched.
    pub search: Search,
    /// Called with the number of probes that are done.
    pub progress: &'a dyn Fn(usize),
    /// Ends the searches when it becomes true.
    pub stop: &'a AtomicBool,
}

/// Length of the candidate lists: the highest rank that is reported.
const RANKS: usize = 50;
/// Probes between two checks of the stop flag.
const BLOCK: usize = 256;

impl Evaluator<'_> {
    /// Searches for every probe, and if the search is complete, for non-mated probes in parts of the gallery as well. Returns warnings too:
    /// about non-mated probes that score as mates do. `None` if it was stopped.
    ///
    /// # Errors
    /// The gallery failed, or a probe has another dimension.
    pub fn run(&self, probes: &LabelledProbes<'_>) -> Result<Option<(Searches, Vec<String>)>> {
        let view = self.gallery.view()?;
        let (subjects, templates) = self.gallery.counts()?;
        let Some(mated) = self.mated(&view, probes)? else { return Ok(None) };
        let mut searches = Searches {
            subjects,
            templates,
            mated,
            mated_without_face: probes.failed.0.len() as u64,
            ..Searches::default()
        };
        let complete = !matches!(self.search.mode, Mode::Graph { .. });
        let selections = if complete { parts(self.gallery, &view)? } else { Vec::new() };
        let Some((found, closest)) = self.non_mated(&view, probes, &selections)? else { return Ok(None) };
        let mut found = found.into_iter();
        searches.non_mated = found.next().unwrap_or_default();
        searches.parts = selections.iter().map(|(subjects, _)| *subjects).zip(found).collect();
        let doubts = suspected(self.gallery, subjects, probes.non_mated, &closest)?;
        Ok(Some((searches, doubts)))
    }

    fn mated(&self, view: &View, probes: &LabelledProbes<'_>) -> Result<Option<Vec<MatedSearch>>> {
        let mut mated = Vec::with_capacity(probes.mated.len());
        for block in probes.mated.chunks(BLOCK) {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let templates: Vec<&Template> = block.iter().map(|(probe, _)| &probe.template).collect();
            let rankings = self.gallery.rank(view, &templates, RANKS, &self.search, None)?;
            for (ranking, (probe, subject)) in rankings.iter().zip(block) {
                let (vector, fusion) = (probe.template.as_slice(), self.search.fusion);
                let score = self.gallery.subject_score(view, vector, *subject, fusion)?;
                let mate = score.and_then(|score| placed(ranking, *subject, score));
                mated.push(MatedSearch { subject: *subject, mate });
            }
            (self.progress)(mated.len());
        }
        mated.extend(probes.failed.0.iter().map(|&subject| MatedSearch { subject, mate: None }));
        Ok(Some(mated))
    }

    fn non_mated(
        &self,
        view: &View,
        probes: &LabelledProbes<'_>,
        parts: &[(u64, Selection)],
    ) -> Result<Option<LookedUp>> {
        let mut people: HashMap<&str, u64> = HashMap::new();
        let mut number = |name| {
            let next = people.len() as u64;
            *people.entry(name).or_insert(next)
        };
        let names = probes.non_mated.iter().map(|probe| probe.person.as_deref().unwrap_or(&probe.name));
        let owners: Vec<u64> = names.map(&mut number).collect();
        let without_face =
            probes.failed.1.iter().map(|name| NonMatedSearch { subject: number(name), best: None });
        let without_face: Vec<NonMatedSearch> = without_face.collect();

        let among: Vec<Option<&Selection>> =
            std::iter::once(None).chain(parts.iter().map(|(_, part)| Some(part))).collect();
        let mut found = vec![Vec::with_capacity(owners.len()); among.len()];
        let mut closest = Vec::with_capacity(owners.len());
        for (block, owners) in probes.non_mated.chunks(BLOCK).zip(owners.chunks(BLOCK)) {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let templates: Vec<&Template> = block.iter().map(|probe| &probe.template).collect();
            for (part, found) in among.iter().zip(&mut found) {
                let rankings = self.gallery.rank(view, &templates, 1, &self.search, *part)?;
                for (ranking, &subject) in rankings.iter().zip(owners) {
                    let best = ranking.subjects.first();
                    if part.is_none() {
                        closest.push(best.map(|&(subject, _, score)| (score, subject)));
                    }
                    found.push(NonMatedSearch { subject, best: best.map(|(_, _, score)| *score) });
                }
            }
            (self.progress)(probes.mated.len() + closest.len());
        }
        found.iter_mut().for_each(|found| found.extend(&without_face));
        Ok(Some((found, closest)))
    }
}

/// The best score of a search and its subject; `None` in an empty gallery.
type Closest = Option<(f32, u64)>;
/// Non-mated searches in the whole gallery and in each part, and the closest subject of each probe in the whole.
type LookedUp = (Vec<Vec<NonMatedSearch>>, Vec<Closest>);

/// The mate's score and rank; `None` if the search missed the mate: it is not listed although the last candidate scores less.
fn placed(ranking: &Ranking, subject: u64, score: f32) -> Option<(f32, u32)> {
    let better =
        ranking.subjects.iter().filter(|(other, _, theirs)| *other != subject && *theirs >= score).count();
    let is_listed = ranking.subjects.iter().any(|(other, ..)| *other == subject);
    (is_listed || better == ranking.subjects.len()).then_some((score, better as u32 + 1))
}

/// A warning about non-mated probes that score as mates do.
fn suspected(gallery: &Gallery, subjects: u64, probes: &[Probe], closest: &[Closest]) -> Result<Vec<String>> {
    let mut best: Vec<(f32, u64, &Probe)> = closest
        .iter()
        .zip(probes)
        .filter_map(|(best, probe)| best.map(|(score, id)| (score, id, probe)))
        .collect();
    best.sort_by(|one, other| other.0.total_cmp(&one.0));
    let scores: Vec<f32> = best.iter().map(|(score, ..)| *score).collect();
    let count = suspects::count(&scores, subjects);
    let Some((score, id, probe)) = best.first().filter(|_| count > 0) else { return Ok(Vec::new()) };
    let name = gallery.subject_name(*id)?.unwrap_or_default();
    let (are, they) = if count == 1 { ("probe scores", "it") } else { ("probes score", "they") };
    Ok(vec![format!(
        "{count} {are} as strangers do not, as if {they} were in the gallery under another name; the first: {} is like {name}, {score:.3}. \
         False alarms by wrong labels are counted as the engine's.",
        probe.name
    )])
}
