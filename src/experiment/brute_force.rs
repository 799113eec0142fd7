//! The candidates of probes by brute force: every template of the gallery is scored. Replies are compared with the result.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fusion::Fusion;
use crate::gallery::{Gallery, GalleryError, Result, View, dot};
use crate::template::{Template, similarity};

/// Scores that differ by no more than this are equal: templates are rounded in JSON.
pub const SAME: f32 = 1e-5;
/// Rows between two checks of the stop flag.
const BLOCK: usize = 4096;

/// A probe and the subjects whose scores are wanted.
pub struct Question<'a> {
    /// The probe.
    pub probe: &'a Template,
    /// How a subject's templates are scored.
    pub fusion: Fusion,
    /// Subjects that are reported whatever their score.
    pub listed: Vec<u64>,
    /// All other subjects whose fused score reaches this are reported as well.
    pub least: f32,
}

/// The result for one probe.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Truth {
    /// The best score of any template; `None` in an empty gallery.
    pub best: Option<f32>,
    /// The reported subjects that are in the gallery, best first.
    pub subjects: Vec<Standing>,
}

/// One subject and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The subject.
    pub subject: u64,
    /// Its fused score.
    pub score: f32,
    /// Ids of its best templates: several only where their scores are equal.
    pub templates: Vec<u64>,
}

impl Truth {
    /// The standing of a subject, if it is reported.
    pub fn of(&self, subject: u64) -> Option<&Standing> {
        self.subjects.iter().find(|standing| standing.subject == subject)
    }
}

/// Answers each question by scoring every template of the gallery; `None` if it was stopped.
///
/// # Errors
/// The gallery failed; a probe has another dimension.
pub fn answer(
    gallery: &Gallery,
    questions: &[Question<'_>],
    stop: &AtomicBool,
) -> Result<Option<Vec<Truth>>> {
    let (expected, view) = (gallery.binding().dimension, gallery.view()?);
    for Question { probe, .. } in questions {
        if probe.dimension() != expected {
            return Err(GalleryError::WrongDimension { expected, got: probe.dimension() });
        }
    }
    let mut best = vec![None::<f32>; questions.len()];
    let mut near = vec![HashSet::new(); questions.len()];
    for (number, row) in view.rows().enumerate() {
        if number % BLOCK == 0 && stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let row = row?;
        for (at, question) in questions.iter().enumerate() {
            let score = similarity(dot(question.probe.as_slice(), &row.vector));
            best[at] = Some(best[at].map_or(score, |best| best.max(score)));
            // No fused score is above the best template's.
            if score >= question.least {
                near[at].insert(row.subject);
            }
        }
    }
    let mut truths = Vec::with_capacity(questions.len());
    for ((question, best), mut near) in questions.iter().zip(best).zip(near) {
        near.extend(&question.listed);
        let mut subjects = Vec::with_capacity(near.len());
        for subject in near {
            let standing = standing(gallery, &view, question, subject)?;
            let listed = question.listed.contains(&subject);
            subjects.extend(standing.filter(|standing| listed || standing.score >= question.least));
        }
        subjects
            .sort_by(|one, other| other.score.total_cmp(&one.score).then(one.subject.cmp(&other.subject)));
        truths.push(Truth { best, subjects });
    }
    Ok(Some(truths))
}

fn standing(
    gallery: &Gallery,
    view: &View,
    question: &Question<'_>,
    subject: u64,
) -> Result<Option<Standing>> {
    let probe = question.probe.as_slice();
    let Some(score) = gallery.subject_score(view, probe, subject, question.fusion)? else { return Ok(None) };
    let mut scored = Vec::new();
    for row in view.vectors(&view.ids_of(subject)?) {
        if let Some(row) = row? {
            scored.push((row.id, similarity(dot(probe, &row.vector))));
        }
    }
    let best = scored.iter().map(|(_, score)| *score).fold(f32::NEG_INFINITY, f32::max);
    let templates = scored.into_iter().filter(|(_, score)| *score >= best - SAME).map(|(id, _)| id).collect();
    Ok(Some(Standing { subject, score, templates }))
}
