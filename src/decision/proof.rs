//! Replies recomputed by brute force: whether what was claimed of a probe holds in the gallery as it is.

use std::collections::HashSet;

use serde::Deserialize;

use super::certificate::Kind;
use super::{Certificate, Decision, Fusion, Threshold, decide};
use crate::gallery::{Gallery, GalleryError, Result};
use crate::template::Template;

/// Scores that differ by no more are the same: a template that went through JSON was rounded.
const SAME: f32 = 1e-5;
/// Subjects that are named in a complaint.
const NAMED: usize = 3;

/// What a reply says, as its JSON has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Claim {
    /// The decision.
    pub decision: Decision,
    /// The candidate list.
    pub matches: Vec<Listed>,
    /// The score at which a candidate matches.
    pub threshold: f32,
    /// The score below which nobody does.
    pub no_match_below: f32,
    /// What the search claims to prove.
    pub certificate: Certificate,
    /// How it was found.
    pub search: How,
}

/// One candidate.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// Its subject.
    pub subject_id: u64,
    /// Its fused score.
    pub similarity: f32,
}

/// What the gallery was like, and how it was searched.
#[derive(Debug, Clone, Deserialize)]
pub struct How {
    /// How a subject's templates are scored.
    pub fusion: Fusion,
    /// Templates there were.
    pub templates: u64,
}

/// What brute force says of a probe.
#[derive(Debug, Clone, Default)]
struct Truth {
    best_template: Option<f32>,
    /// Subjects that belong on the list or reach a threshold, with their fused scores, best first.
    subjects: Vec<(u64, f32)>,
}

/// What is wrong with each claim about each probe, in words; nothing if it holds. Scores every template of the gallery.
///
/// # Errors
/// The gallery failed; a probe has another dimension.
pub fn check(gallery: &Gallery, claims: &[(Claim, Template)]) -> Result<Vec<Vec<String>>> {
    let (expected, view) = (gallery.binding().dimension, gallery.view());
    for (_, probe) in claims {
        if probe.dimension() != expected {
            return Err(GalleryError::WrongDimension { expected, got: probe.dimension() });
        }
    }
    let mut truths = vec![Truth::default(); claims.len()];
    let mut near = vec![HashSet::new(); claims.len()];
    let cuts: Vec<f32> = claims.iter().map(|(claim, _)| claim.cut()).collect();
    for row in view.try_rows() {
        let row = row?;
        for (at, (_, probe)) in claims.iter().enumerate() {
            let score = gallerist_index::dot(probe.as_slice(), &row.vector);
            truths[at].best_template = Some(truths[at].best_template.map_or(score, |best| best.max(score)));
            // No fused score is above the best template's.
            if score >= cuts[at] {
                near[at].insert(row.group);
            }
        }
    }
    let mut found = Vec::with_capacity(claims.len());
    for (((claim, probe), mut truth), near) in claims.iter().zip(truths).zip(near) {
        let listed = claim.matches.iter().map(|listed| listed.subject_id);
        for subject in near.into_iter().chain(listed).collect::<HashSet<_>>() {
            let score = gallery.subject_score(&view, probe.as_slice(), subject, claim.search.fusion)?;
            truth.subjects.extend(score.map(|score| (subject, score)));
        }
        truth.subjects.sort_by(|one, other| other.1.total_cmp(&one.1));
        let mut wrong = claim.compare(&truth);
        if !wrong.is_empty() && view.len() as u64 != claim.search.templates {
            wrong.push(format!(
                "the gallery had {} templates then and has {} now: it has changed since",
                claim.search.templates,
                view.len()
            ));
        }
        found.push(wrong);
    }
    Ok(found)
}

impl Claim {
    /// The lowest score that matters to it.
    fn cut(&self) -> f32 {
        let last = self.matches.last().map_or(-1.0, |listed| listed.similarity);
        last.min(self.no_match_below).min(self.threshold) - SAME
    }

    fn compare(&self, truth: &Truth) -> Vec<String> {
        let mut wrong = Vec::new();
        for listed in &self.matches {
            let score = truth.subjects.iter().find(|(subject, _)| *subject == listed.subject_id);
            match score {
                Some((_, score)) if (score - listed.similarity).abs() <= SAME => {}
                Some((_, score)) => wrong.push(format!(
                    "subject {} scores {score:.6}, the reply says {:.6}",
                    listed.subject_id, listed.similarity
                )),
                None => wrong.push(format!("subject {} is not in the gallery", listed.subject_id)),
            }
        }
        if self.certificate.proves_absence() {
            self.compare_absence(truth, &mut wrong);
        } else if self.decision == Decision::NoMatch {
            wrong.push("the reply says no_match without a proof that nobody was missed".into());
        }
        let best = truth.subjects.first().map(|(_, score)| *score);
        let threshold = Threshold::given(self.threshold, self.no_match_below);
        let (decision, _) = decide(best, &self.certificate, &threshold);
        // At the threshold itself, rounding decides.
        let edge = |limit: f32| best.is_some_and(|best| (best - limit).abs() <= SAME);
        if decision != self.decision && !edge(self.threshold) && !edge(self.no_match_below) {
            wrong.push(format!(
                "the best subject scores {}, so that the decision is {decision:?}, the reply says {:?}",
                best.map_or("nothing".into(), |best| format!("{best:.6}")),
                self.decision
            ));
        }
        wrong
    }

    /// Whoever belongs on the list is on it, and the best score is what it is.
    fn compare_absence(&self, truth: &Truth, wrong: &mut Vec<String>) {
        let last = self.matches.last().map_or(f32::NEG_INFINITY, |listed| listed.similarity);
        let missed: Vec<String> = truth
            .subjects
            .iter()
            .filter(|(subject, _)| self.matches.iter().all(|listed| listed.subject_id != *subject))
            .filter(|(_, score)| *score > last + SAME && *score >= self.no_match_below + SAME)
            .map(|(subject, score)| format!("{subject} ({score:.6})"))
            .collect();
        if !missed.is_empty() {
            let (named, kind) = (missed[..missed.len().min(NAMED)].join(", "), self.certificate.kind);
            wrong.push(format!("{kind:?} was claimed, and {} subjects were missed: {named}", missed.len()));
        }
        let [claimed, best] = [self.certificate.max_similarity, truth.best_template];
        let same = match (claimed, best) {
            (Some(claimed), Some(best)) => (claimed - best).abs() <= SAME,
            (claimed, best) => claimed.is_none() && best.is_none(),
        };
        if self.certificate.kind == Kind::Exact && !same {
            wrong.push(format!("the best template scores {best:?}, the certificate says {claimed:?}"));
        }
    }
}
