//! Subjects ranked by their fused scores.

use std::collections::HashMap;

use super::error::Result;
use super::vectors::{Answer, Hit, Query, Selection, View};
use super::{Gallery, Search, dot};
use crate::fusion::{Fusion, UNKNOWN_QUALITY};
use crate::template::{Template, similarity};

/// Subjects without their names, best first: the subject, its best template, its fused score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Each subject once.
    pub subjects: Vec<(u64, u64, f32)>,
    /// The search behind it. Its hits are the subjects' best templates.
    pub answer: Answer,
}

/// What of a gallery subjects are ranked in.
#[derive(Clone, Copy)]
struct Part<'a> {
    view: &'a View,
    among: Option<&'a Selection>,
    /// A template that is not there.
    except: Option<u64>,
}

impl<'a> Part<'a> {
    /// A search of it for these probes.
    fn query(&self, probes: &'a [&'a [f32]], search: &Search) -> Query<'a> {
        let Search { mode, miss, recall, .. } = *search;
        let (among, except) = (self.among, self.except);
        Query { mode, miss, recall, among, except, ..Query::new(probes) }
    }
}

/// Probes that are searched for in one pass over the rows.
pub const TOGETHER: usize = 32;

impl Gallery {
    /// The `k` best subjects for each probe in a view of this gallery, or in a part of it; in the order of the probes.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn rank(
        &self,
        view: &View,
        probes: &[&Template],
        k: usize,
        search: &Search,
        among: Option<&Selection>,
    ) -> Result<Vec<Ranking>> {
        let mut rankings = Vec::with_capacity(probes.len());
        for probes in probes.chunks(TOGETHER) {
            for probe in probes {
                self.check_dimension(probe)?;
            }
            let vectors: Vec<&[f32]> = probes.iter().map(|probe| probe.as_slice()).collect();
            let part = Part { view, among, except: None };
            let answers = view.top_subjects(&part.query(&vectors, search), k)?;
            for (vector, answer) in vectors.into_iter().zip(answers) {
                rankings.push(self.fused(part, vector, answer, k, search)?);
            }
        }
        Ok(rankings)
    }

    /// The `k` best subjects for a template of the gallery, as if that one were not there.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn rank_left_out(
        &self,
        view: &View,
        probe: &Template,
        own: Option<u64>,
        k: usize,
        search: &Search,
    ) -> Result<Ranking> {
        self.check_dimension(probe)?;
        let part = Part { view, among: None, except: own };
        let answer = view.top_subjects(&part.query(&[probe.as_slice()], search), k)?.remove(0);
        self.fused(part, probe.as_slice(), answer, k, search)
    }

    /// The fused ranking behind the best templates of subjects. No fused score is above the best of a subject's scores: whoever is
    /// not among the subjects of the `k` best templates and yet belongs among the `k` best has a template that reaches the `k`-th
    /// fused score of those that are.
    fn fused(
        &self,
        part: Part<'_>,
        probe: &[f32],
        mut answer: Answer,
        k: usize,
        search: &Search,
    ) -> Result<Ranking> {
        let mut subjects = self.fuse(part, probe, &answer.hits, search.fusion)?;
        if search.fusion != Fusion::Max && k > 0 && answer.hits.len() == k {
            let cut = subjects.last().map_or(-1.0, |(_, _, score)| *score).max(-1.0);
            let probes = [probe];
            let query = Query { hits_only: true, ..part.query(&probes, search) };
            let reaching = part.view.range(&query, cut)?.remove(0);
            let mut best: HashMap<u64, Hit> = HashMap::new();
            for hit in reaching.hits {
                let known = best.entry(hit.subject).or_insert(hit);
                if (hit.score, known.id) > (known.score, hit.id) {
                    *known = hit;
                }
            }
            let hits: Vec<Hit> = best.into_values().collect();
            subjects = self.fuse(part, probe, &hits, search.fusion)?;
            subjects.truncate(k);
            // Whatever the first search missed, the second one found.
            (answer.complete, answer.certificate) = (reaching.complete, reaching.certificate);
        }
        Ok(Ranking { subjects, answer: cosines(answer) })
    }

    fn fuse(
        &self,
        part: Part<'_>,
        probe: &[f32],
        hits: &[Hit],
        fusion: Fusion,
    ) -> Result<Vec<(u64, u64, f32)>> {
        let mut subjects = Vec::with_capacity(hits.len());
        for hit in hits {
            let score = match fusion {
                Fusion::Max => similarity(hit.score),
                _ => self
                    .score_left_out(part.view, probe, hit.subject, part.except, fusion)?
                    .unwrap_or(similarity(hit.score)),
            };
            subjects.push((hit.subject, hit.id, score));
        }
        subjects.sort_unstable_by(|one, other| other.2.total_cmp(&one.2).then(one.1.cmp(&other.1)));
        Ok(subjects)
    }

    /// The fused score of one subject for a probe; `None` if it has no template in the view.
    ///
    /// # Errors
    /// The catalog failed; a segment is damaged.
    pub fn subject_score(
        &self,
        view: &View,
        probe: &[f32],
        subject: u64,
        fusion: Fusion,
    ) -> Result<Option<f32>> {
        self.score_left_out(view, probe, subject, None, fusion)
    }

    /// The same as if one of the subject's templates were not there.
    pub(crate) fn score_left_out(
        &self,
        view: &View,
        probe: &[f32],
        subject: u64,
        except: Option<u64>,
        fusion: Fusion,
    ) -> Result<Option<f32>> {
        let mut scored = Vec::new();
        let mut ids = view.ids_of(subject)?;
        ids.retain(|id| Some(*id) != except);
        for row in view.vectors(&ids) {
            if let Some(row) = row? {
                let quality = if fusion == Fusion::Quality { self.quality(row.id)? } else { UNKNOWN_QUALITY };
                scored.push((similarity(dot(probe, &row.vector)), quality));
            }
        }
        Ok(fusion.fuse(&scored))
    }

    fn quality(&self, id: u64) -> Result<f32> {
        let Some(quality) = self.catalog().quality(id)? else {
            self.require_removed(id)?;
            return Ok(UNKNOWN_QUALITY);
        };
        Ok(quality.unwrap_or(UNKNOWN_QUALITY))
    }
}

/// An answer with cosines for scores.
pub(super) fn cosines(mut answer: Answer) -> Answer {
    for hit in &mut answer.hits {
        hit.score = similarity(hit.score);
    }
    answer.max_score = answer.max_score.map(similarity);
    answer
}
