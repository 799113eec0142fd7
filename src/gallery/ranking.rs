//! Ranking of subjects by their fused scores.

use std::collections::HashMap;

use super::error::Result;
use super::vectors::{Answer, Hit, Query, Selection, View};
use super::{Gallery, Search, dot};
use crate::fusion::{Fusion, UNKNOWN_QUALITY};
use crate::template::{Template, similarity};

/// Ranked subjects without their names.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The subjects, best first: id, its best template, its fused score. Each subject occurs once.
    pub subjects: Vec<(u64, u64, f32)>,
    /// The answer of the search. Its hits are the best templates of the subjects.
    pub answer: Answer,
}

/// The part of a gallery in which subjects are ranked.
#[derive(Clone, Copy)]
struct Part<'a> {
    view: &'a View,
    among: Option<&'a Selection>,
    /// A template that is ignored.
    except: Option<u64>,
}

impl<'a> Part<'a> {
    /// The query for these probes.
    fn query(&self, probes: &'a [&'a [f32]], search: &Search) -> Query<'a> {
        let Search { mode, miss, recall, .. } = *search;
        let (among, except) = (self.among, self.except);
        Query { mode, miss, recall, among, except, ..Query::new(probes) }
    }
}

/// Probes per pass over the rows.
pub const TOGETHER: usize = 32;

impl Gallery {
    /// The `k` best subjects for each probe, in a view of this gallery or in a part of it, in the order of the probes.
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

    /// The `k` best subjects for a template of the gallery, which is itself ignored.
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

    /// The fused ranking from the best templates of subjects. A fused score is never above the best score of a subject's templates. So a
    /// subject outside the `k` best templates can belong to the `k` best fused scores only if it has a template with at least the `k`-th
    /// fused score found so far. A range search finds such templates.
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
            // The range search found everything that the first search may have missed.
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

    /// The fused score of a subject for a probe; `None` if it has no template in the view.
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

    /// As [`subject_score`](Self::subject_score), without one of the subject's templates.
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

/// Limits the scores of an answer to the range of cosines.
pub(super) fn cosines(mut answer: Answer) -> Answer {
    for hit in &mut answer.hits {
        hit.score = similarity(hit.score);
    }
    answer.max_score = answer.max_score.map(similarity);
    answer
}
