//! The threshold for duplicates of people, and its basis.

use super::super::error::{Result, SessionError};
use super::super::{Control, Session};
use super::DuplicatesRequest;
use crate::dedup::subjects::{CLOSEST, Impostors, quantile};
use crate::fusion::Fusion;
use crate::gallery::{GalleryError, Query, TOGETHER, View, dot};
use crate::reply::ThresholdFrom;

/// Subjects whose closest strangers are looked for, at most.
const SAMPLE: usize = 1000;

/// A threshold and what is known about it.
pub(super) struct Threshold {
    pub value: f32,
    pub from: ThresholdFrom,
    /// About how many pairs of templates of different people reach it.
    pub expected: Option<f64>,
}

/// One template of some subjects, evenly chosen.
#[derive(Default)]
pub(super) struct Sample {
    /// For each one its best scores with other subjects, in descending order.
    closest: Vec<Vec<f32>>,
    /// The scores of all pairs of them.
    pairs: Vec<f32>,
}

impl Sample {
    /// The score that a share `rate` of the scores of different people reaches, and the share that so many can tell. Pairs that reach
    /// `threshold` may be one person and are left out.
    pub(super) fn mixed_below(&self, rate: f64, threshold: f32) -> Option<(f32, f64)> {
        quantile(self.pairs.iter().copied().filter(|score| *score < threshold).collect(), rate)
    }
}

impl Session {
    /// Searches for the closest strangers of a sample of the subjects; `None` if it was stopped.
    pub(super) fn sample(&self, view: &View, control: &Control<'_>) -> Result<Option<Sample>> {
        let first = self.gallery().first_templates()?;
        let step = first.len().div_ceil(SAMPLE).max(1);
        let ids: Vec<u64> = first.iter().step_by(step).map(|(_, template)| *template).collect();
        let (mut sample, mut vectors) = (Sample::default(), Vec::new());
        for (block, some) in ids.chunks(TOGETHER).enumerate() {
            if control.is_stopped() {
                return Ok(None);
            }
            control.report("subjects sampled", (block * TOGETHER) as u64, Some(ids.len() as u64));
            let mut rows = Vec::with_capacity(some.len());
            for row in view.vectors(some) {
                rows.extend(row.map_err(GalleryError::from)?);
            }
            let probes: Vec<&[f32]> = rows.iter().map(|row| &row.vector[..]).collect();
            let answers = view.top_subjects(&Query::new(&probes), 1 + CLOSEST).map_err(GalleryError::from)?;
            for (row, answer) in rows.iter().zip(answers) {
                let others = answer.hits.iter().filter(|hit| hit.subject != row.subject);
                sample.closest.push(others.take(CLOSEST).map(|hit| hit.score).collect());
            }
            vectors.extend(rows.into_iter().map(|row| row.vector));
        }
        let later = |(at, one): (usize, &Vec<f32>)| {
            vectors[at + 1..].iter().map(|other| dot(one, other)).collect::<Vec<f32>>()
        };
        sample.pairs = vectors.iter().enumerate().flat_map(later).collect();
        Ok(Some(sample))
    }

    /// The threshold for a request: given, calibrated, measured with the gallery's own subjects, or that of the gallery.
    pub(super) fn duplicates_threshold(
        &self,
        request: &DuplicatesRequest,
        sample: &Sample,
        (subjects, templates): (u64, u64),
    ) -> Result<Threshold> {
        let impostors = Impostors::fit(&sample.closest, &sample.pairs, templates);
        let expected = |value: f32| impostors.map(|impostors| impostors.pairs(value));
        if let Some(value) = request.threshold {
            return Ok(Threshold { value, from: ThresholdFrom::Given, expected: expected(value) });
        }
        // Each template is a search for somebody who is not among the others; both templates of a pair find each other.
        let rate = 2.0 * request.target_false_pairs / templates.max(1) as f64;
        if let Ok(Some((_, calibration))) = self.documents.calibration(self.gallery(), Some(Fusion::Max))
            && let Ok(operating) = calibration.operating(rate, subjects)
        {
            let (value, expected) = (operating.threshold, Some(request.target_false_pairs));
            return Ok(Threshold { value, from: ThresholdFrom::Calibration, expected });
        }
        if let Some(impostors) = impostors {
            let value = impostors.threshold(request.target_false_pairs);
            return Ok(Threshold { value, from: ThresholdFrom::OwnScores, expected: expected(value) });
        }
        let value = self.gallery().binding().threshold.ok_or(SessionError::NoThreshold)?;
        Ok(Threshold { value, from: ThresholdFrom::Gallery, expected: None })
    }
}
