//! Duplicates of people in a gallery: one person under two names, and two people under one name.

mod mixed;
mod sides;
mod threshold;

use std::ops::ControlFlow;

use super::error::{Result, SessionError};
use super::joining::join;
use super::{Control, Session, Stopped};
use crate::dedup::subjects::{Alike, Best};
use crate::gallery::{JoinDevice, Pair, PairSubjects, View};
use crate::reply::{DoubleSubject, DuplicatesLeftOut, SubjectDuplicates, SubjectsKeptApart, VERSION};
use threshold::Threshold;

/// Pairs of subjects that are kept in memory, at most.
const MOST: usize = 1_000_000;

/// The request for duplicates of people.
#[derive(Debug, Clone, PartialEq)]
pub struct DuplicatesRequest {
    /// The score at or above which two subjects may be one person, -1 to 1. `None`: derived from `target_false_pairs`.
    pub threshold: Option<f32>,
    /// About so many pairs of templates of different people may reach the threshold in the whole gallery (above 0).
    pub target_false_pairs: f64,
    /// The share of pairs of different people whose score is high enough for the parts of one subject (above 0, below 1).
    pub mixed_rate: f64,
    /// The longest list of pairs, and of subjects.
    pub limit: usize,
    /// Lists of subjects that are not listed, nor pairs with them. They count for the threshold.
    pub not_lists: Vec<String>,
}

impl Default for DuplicatesRequest {
    fn default() -> Self {
        Self {
            threshold: None,
            target_false_pairs: 1.0,
            mixed_rate: 0.001,
            limit: 100,
            not_lists: Vec::new(),
        }
    }
}

impl Session {
    /// Finds pairs of subjects that may be one person, by comparing all pairs of templates, and subjects whose templates may show two people. The
    /// score of two subjects is that of their closest templates. The inner error means that it was stopped.
    ///
    /// # Errors
    /// An argument is out of its range; there is no such list; there is no threshold and too few subjects to measure one; more than a million pairs of subjects reach
    /// the threshold; a device was requested, and cannot be used; the gallery failed.
    pub fn duplicates(
        &self,
        request: &DuplicatesRequest,
        control: &Control<'_>,
    ) -> Result<Result<SubjectDuplicates, Stopped>> {
        require(request)?;
        let listed = self.subject_ids(&[], &request.not_lists)?;
        let gallery = self.gallery();
        let mut device = self.products()?;
        let (view, (subjects, templates)) = (gallery.view()?, gallery.counts()?);
        let Some(sample) = self.sample(&view, control)? else { return Ok(Err(stopped(0, subjects))) };
        let Threshold { value, from, expected } =
            self.duplicates_threshold(request, &sample, (subjects, templates))?;
        let best = alike(&view, value, device.as_deref_mut(), control)?;
        let Some(best) = best else { return Ok(Err(stopped(0, subjects))) };
        let distinct = gallery.distinct_subjects()?;
        let (apart, best): (Vec<Best>, Vec<Best>) =
            best.into_iter().partition(|pair| distinct.contains(pair.subjects[0], pair.subjects[1]));
        let (hidden, best): (Vec<Best>, Vec<Best>) =
            best.into_iter().partition(|pair| pair.subjects.iter().any(|id| listed.contains(id)));
        let doubles = self.doubles(&best[..best.len().min(request.limit)])?;
        let quantile = sample.mixed_below(request.mixed_rate, value);
        let mixed = match quantile {
            Some((below, _)) => self.mixed(&view, below, subjects, control)?,
            None => Some(Vec::new()),
        };
        let Some(mut mixed) = mixed else { return Ok(Err(stopped(0, subjects))) };
        let mixed_all = mixed.len() as u64;
        mixed.retain(|mixed| !listed.contains(&mixed.subject_id));
        let mixed_count = mixed.len() as u64;
        mixed.truncate(request.limit);
        Ok(Ok(SubjectDuplicates {
            version: VERSION,
            subjects,
            templates,
            threshold: value,
            threshold_from: from,
            expected_false_pairs: expected,
            doubles,
            doubles_count: best.len() as u64,
            kept_apart: apart.len() as u64,
            mixed_below: quantile.map(|(below, _)| below),
            mixed_rate: quantile.map(|(_, rate)| rate),
            mixed,
            mixed_count,
            left_out: (!request.not_lists.is_empty())
                .then(|| DuplicatesLeftOut { doubles: hidden.len() as u64, mixed: mixed_all - mixed_count }),
        }))
    }

    /// The pairs of subjects that may be one person, best first, at most `limit`, as [`duplicates`](Self::duplicates) finds them for the default
    /// request. Empty without a threshold, and if more pairs than can be kept reach it. Pairs with a subject on one of `not_lists` are left out.
    /// The inner error means that it was stopped.
    ///
    /// # Errors
    /// There is no such list; the gallery failed.
    pub fn subjects_alike(
        &self,
        limit: usize,
        not_lists: &[String],
        control: &Control<'_>,
    ) -> Result<Result<Vec<DoubleSubject>, Stopped>> {
        let gallery = self.gallery();
        let mut device = self.products()?;
        let (view, (subjects, templates)) = (gallery.view()?, gallery.counts()?);
        let Some(sample) = self.sample(&view, control)? else { return Ok(Err(stopped(0, subjects))) };
        let request = DuplicatesRequest::default();
        let threshold = match self.duplicates_threshold(&request, &sample, (subjects, templates)) {
            Err(SessionError::NoThreshold) => return Ok(Ok(Vec::new())),
            threshold => threshold?.value,
        };
        let best = match alike(&view, threshold, device.as_deref_mut(), control) {
            Err(SessionError::Request { .. }) => return Ok(Ok(Vec::new())),
            best => best?,
        };
        let Some(mut best) = best else { return Ok(Err(stopped(0, subjects))) };
        let distinct = gallery.distinct_subjects()?;
        best.retain(|pair| !distinct.contains(pair.subjects[0], pair.subjects[1]));
        let listed = self.subject_ids(&[], not_lists)?;
        best.retain(|pair| !pair.subjects.iter().any(|id| listed.contains(id)));
        best.truncate(limit);
        self.doubles(&best).map(Ok)
    }

    /// The sides of pairs, without those of subjects that were removed meanwhile.
    fn doubles(&self, best: &[Best]) -> Result<Vec<DoubleSubject>> {
        let mut doubles = Vec::with_capacity(best.len());
        for pair in best {
            if let (Some(one), Some(other)) = (self.side(pair.templates[0])?, self.side(pair.templates[1])?) {
                doubles.push(DoubleSubject { score: pair.score, pairs: pair.pairs, sides: [one, other] });
            }
        }
        Ok(doubles)
    }

    /// Records that two subjects, by id, are different people, or with `false` that they may be one person again.
    ///
    /// # Errors
    /// One of them is not in the gallery, or both are one, and nothing is recorded; the disk is full or failing.
    pub fn keep_apart(&self, ids: [u64; 2], are_distinct: bool) -> Result<SubjectsKeptApart> {
        if ids[0] == ids[1] {
            let reason = format!("expected two subjects, got {} twice", ids[0]);
            return Err(SessionError::Request { field: "subject_ids", reason });
        }
        let gallery = self.gallery();
        let [one, other] = ids.map(|id| gallery.subject_of_id(id).map(|subject| subject.name));
        let subjects = [one?, other?];
        let journal_id = gallery.set_distinct(ids[0], ids[1], are_distinct)?;
        Ok(SubjectsKeptApart {
            version: VERSION,
            subject_ids: ids,
            subjects,
            distinct: are_distinct,
            journal_id,
        })
    }
}

fn require(request: &DuplicatesRequest) -> Result<()> {
    let refused = |field, reason| Err(SessionError::Request { field, reason });
    let DuplicatesRequest { threshold, target_false_pairs, mixed_rate, .. } = request;
    if let Some(threshold) = threshold.filter(|score| !(-1.0..=1.0).contains(score)) {
        return refused("threshold", format!("expected a cosine from -1 to 1, got {threshold}"));
    }
    if !(*target_false_pairs > 0.0 && target_false_pairs.is_finite()) {
        return refused("target_false_pairs", format!("expected a number above 0, got {target_false_pairs}"));
    }
    if !(*mixed_rate > 0.0 && *mixed_rate < 1.0) {
        return refused("mixed_rate", format!("expected a rate above 0 and below 1, got {mixed_rate}"));
    }
    Ok(())
}

fn stopped(looked_at: u64, total: u64) -> Stopped {
    Stopped { looked_at, total, unit: "subject" }
}

/// The pairs of subjects with templates that score at least `min_score`, best first; `None` if it was stopped.
fn alike(
    view: &View,
    min_score: f32,
    device: JoinDevice<'_>,
    control: &Control<'_>,
) -> Result<Option<Vec<Best>>> {
    let (mut alike, mut is_full) = (Alike::new(MOST), false);
    let mut sink = |pairs: &[Pair]| {
        is_full |= pairs.iter().any(|pair| alike.add(pair.subjects, pair.ids, pair.score).is_err());
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let is_whole = join(view, (min_score, PairSubjects::Different), device, control, &mut sink)?;
    if is_full {
        let reason = format!(
            "more than {MOST} pairs of subjects score {min_score:.3} or higher: expected a threshold that fewer reach"
        );
        return Err(SessionError::Request { field: "threshold", reason });
    }
    Ok(is_whole.then(|| alike.ranked()))
}
