//! Calibration: the rate at which strangers are named, measured on a gallery, and thresholds for target rates and sizes of the gallery.
//!
//! A *non-mated search* is for somebody who is not in the gallery. It raises a false alarm if its best score reaches the threshold. The
//! rate of false alarms of a threshold (FPIR) is the share of non-mated searches that do. A [`Calibration`] is made of the
//! best scores of such searches, a [`Measurement`]. It answers, for any size of the gallery: which threshold has a given FPIR, how certain
//! that is, and how often a stranger scores as high as a given candidate. The searches themselves are run elsewhere.
//!
//! Where enough searches reach a threshold they are counted. Beyond that a [`Tail`] is fitted to the highest scores. Far beyond, the
//! result is an error that states how many searches are needed.

pub mod binomial;
mod curve;
mod error;
pub mod growth;
pub mod maxima;
pub mod suspects;
pub mod tail;
#[cfg(test)]
mod tests;
mod univariate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use curve::Curve;
pub use error::CalibrationError;
pub use growth::Growth;
pub use suspects::Suspect;
pub use tail::Tail;

use crate::decision::{Calibrated, Method, Operating, Origin, Threshold};
use crate::fusion::Fusion;
use crate::template::Binding;
use growth::scaled;

/// The fewest searches that must reach a threshold for their share to be counted.
pub const COUNTED: f64 = 10.0;
/// How many times rarer than one in all searches a target may be.
const BEYOND: f64 = 10.0;
/// A calibration is out of date for a gallery that grew or shrank by this factor.
const OTHER_SIZE: f64 = 1.5;
/// It is out of date as well if the templates per subject changed by this factor.
const OTHER_TEMPLATES: f64 = 1.1;
/// The lower bound of the exponent of growth where it was not measured: see [`growth`].
const UNKNOWN_GROWTH: f64 = 0.0;

/// Who was searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// Probes of people who are not in the gallery.
    Given,
    /// Subjects of the gallery, each among all the others.
    LeftOut,
}

/// The best scores of non-mated searches, and the gallery that was searched.
pub struct Measurement<'a> {
    /// When, in seconds since 1970, UTC.
    pub made: i64,
    /// The gallery's model.
    pub binding: &'a Binding,
    /// Subjects in the gallery.
    pub subjects: u64,
    /// Templates in the gallery.
    pub templates: u64,
    /// How subjects of several templates were scored.
    pub fusion: Fusion,
    /// Who was searched for.
    pub strangers: Strangers,
    /// Target rates; the first is the gallery's.
    pub targets: &'a [f64],
    /// Searches that count as one in every interval: see [`Calibration::design`].
    pub design: f64,
    /// The best score of each search, in descending order.
    pub maxima: Vec<f32>,
    /// The best scores of the same searches in parts of the gallery, each with the number of its subjects.
    pub parts: &'a [(u64, Vec<f32>)],
    /// Probes that may be in the gallery after all.
    pub suspects: Vec<Suspect>,
}

/// The measured scores of a gallery, with what is derived from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// When, in seconds since 1970, UTC.
    pub made: i64,
    /// The gallery's model and its fingerprint: other models have other scores.
    pub model: String,
    /// Empty for templates made elsewhere.
    pub fingerprint: String,
    /// Numbers in a template.
    pub dimension: usize,
    /// Subjects that each search went through.
    pub subjects: u64,
    /// Their templates.
    pub templates: u64,
    /// How subjects of several templates were scored.
    pub fusion: Fusion,
    /// Who was searched for.
    pub strangers: Strangers,
    /// Targets that were asked for; the first is the gallery's.
    pub targets: Vec<f64>,
    /// Searches that count as one in every interval: above 1 where several probes show one person, or two left-out subjects are each
    /// other's best.
    pub design: f64,
    /// The best score of each search, in descending order.
    pub maxima: Vec<f32>,
    /// The fitted upper tail of the scores, if there are enough.
    pub tail: Option<Tail>,
    /// The tail as a curve, with intervals.
    pub curve: Curve,
    /// The growth of the rate, measured in parts of the gallery.
    pub growth: Option<Growth>,
    /// Probes that may be in the gallery after all.
    pub suspects: Vec<Suspect>,
}

impl Calibration {
    /// Derives a calibration from searches.
    ///
    /// # Errors
    /// A target is no rate, or rarer than these searches can tell.
    pub fn of(measured: Measurement<'_>) -> Result<Self, CalibrationError> {
        let Measurement { binding, subjects, design, maxima, .. } = measured;
        let left_out = u64::from(measured.strangers == Strangers::LeftOut);
        let tail = Tail::fit(&maxima, design);
        let rarest = design / (BEYOND * maxima.len() as f64);
        let calibration = Self {
            made: measured.made,
            model: binding.model.clone(),
            fingerprint: binding.fingerprint.clone(),
            dimension: binding.dimension,
            subjects: subjects - left_out,
            templates: measured.templates - left_out.min(measured.templates),
            fusion: measured.fusion,
            strangers: measured.strangers,
            targets: measured.targets.to_vec(),
            design,
            curve: tail.map(|tail| Curve::of(&tail, &maxima, design, rarest)).unwrap_or_default(),
            tail,
            growth: Growth::measure(subjects, &maxima, measured.parts, design),
            suspects: measured.suspects,
            maxima,
        };
        for &target in measured.targets {
            calibration.operating(target, subjects)?;
        }
        Ok(calibration)
    }

    /// The thresholds for one or two target rates in a gallery of `subjects`; the rarer one decides for a match. `id` is the number of
    /// this calibration in the gallery.
    ///
    /// # Errors
    /// As [`operating`](Self::operating).
    pub fn threshold(&self, id: i64, targets: &[f64], subjects: u64) -> Result<Threshold, CalibrationError> {
        let rarest = targets.iter().copied().min_by(f64::total_cmp);
        let most = targets.iter().copied().max_by(f64::total_cmp);
        let rarest = rarest.ok_or(CalibrationError::Target { target: 0.0 })?;
        let operating = self.operating(rarest, subjects)?;
        let no_match = most
            .filter(|target| *target > rarest)
            .map(|target| self.operating(target, subjects))
            .transpose()?;
        let value = operating.threshold;
        let no_match_below = no_match.as_ref().map_or(value, |operating| operating.threshold.min(value));
        let calibrated = Some(Calibrated { id, operating, no_match });
        Ok(Threshold { value, no_match_below, origin: Origin::Calibrated, calibrated })
    }

    /// The threshold whose FPIR in a gallery of `subjects` is `target`.
    ///
    /// # Errors
    /// The target is no rate, or rarer than these searches can tell.
    pub fn operating(&self, target: f64, subjects: u64) -> Result<Operating, CalibrationError> {
        if !(target > 0.0 && target < 1.0) {
            return Err(CalibrationError::Target { target });
        }
        let times = self.times(subjects);
        // The rate that the threshold had in the gallery that was searched.
        let share = scaled(target, 1.0 / times);
        let searches = self.maxima.len() as f64;
        let lowest_target = self.rarest(subjects);
        let reach = share * (searches + 1.0) / self.design;
        let usable = self.tail.filter(|tail| tail.is_good() && share < tail.share && reach < COUNTED);
        let counted = |reach: f64| {
            let (threshold, rank) = self.counted(reach);
            let interval = binomial::order_interval(rank / self.design, searches / self.design);
            (threshold, interval, Method::Counted)
        };
        let (threshold, interval, method) = match usable {
            Some(_) if target < lowest_target => return Err(self.too_rare(target, lowest_target, times)),
            Some(tail) => {
                let (threshold, last) = (tail.score(share) as f32, counted(self.seam(&tail)));
                if threshold > last.0 { (threshold, self.curve.interval(share), Method::Tail) } else { last }
            }
            None if reach < 1.0 => {
                return Err(match self.tail {
                    Some(tail) => {
                        CalibrationError::NoTail { target, lowest: lowest_target, heavy: tail.heavy }
                    }
                    None => self.too_rare(target, lowest_target, times),
                });
            }
            None => counted(share * (searches + 1.0)),
        };
        Ok(Operating {
            target_fpir: target,
            threshold,
            fpir_ci95: self.grown(interval, times),
            subjects,
            method,
            alarms: self.alarms(threshold),
            extrapolated: reach < 1.0 || is_other_size(times),
            lowest_target,
        })
    }

    /// The 95 % interval of the FPIR of a threshold that was not chosen by this calibration, in a gallery of `subjects`.
    pub fn fpir_interval(&self, threshold: f32, subjects: u64) -> [f64; 2] {
        let times = self.times(subjects);
        let (alarms, searches) = (self.alarms(threshold) as f64 / self.design, self.maxima.len() as f64);
        let interval = match self.beyond_counting(threshold) {
            Some(share) => self.curve.interval(share),
            None => binomial::interval(alarms, searches / self.design),
        };
        self.grown(interval, times)
    }

    /// How often a search for somebody who is not among `subjects` people has a candidate of this score or above; never less than the
    /// [`rarest`](Self::rarest) rate that these searches can tell, as a fitted tail may end where strangers do not.
    pub fn false_alarm_rate(&self, score: f32, subjects: u64) -> f64 {
        let times = self.times(subjects);
        let counted = || self.alarms(score).max(1) as f64 / self.maxima.len().max(1) as f64;
        let rate = scaled(self.beyond_counting(score).unwrap_or_else(counted), times);
        rate.max(self.rarest(subjects))
    }

    /// The rarest rate of false alarms in a gallery of `subjects` that these searches can tell, and the lowest target.
    pub fn rarest(&self, subjects: u64) -> f64 {
        let times = self.times(subjects);
        let searches = self.maxima.len() as f64;
        let beyond =
            if self.tail.is_some_and(|tail| tail.is_good()) { BEYOND * searches } else { searches + 1.0 };
        scaled(self.design / beyond, times)
    }

    /// The size of a gallery of `subjects`, as a multiple of the gallery that was searched.
    fn times(&self, subjects: u64) -> f64 {
        subjects.max(1) as f64 / self.subjects as f64
    }

    /// The share of searches that reach a score, by the tail, if that score is above every threshold that is counted.
    fn beyond_counting(&self, score: f32) -> Option<f64> {
        let tail = self.tail.filter(Tail::is_good)?;
        let (highest, rank) = self.counted(self.seam(&tail));
        (score > highest).then(|| tail.beyond(score.into()).min(rank / self.maxima.len() as f64))
    }

    /// The fewest searches that are counted where there is a tail. The tail may put a rarer share at a lower score than the last that is
    /// counted. A threshold must not fall when its target becomes rarer, so the counted threshold is used there.
    fn seam(&self, tail: &Tail) -> f64 {
        (COUNTED * self.design).min(tail.share * (self.maxima.len() as f64 + 1.0))
    }

    /// Refuses a gallery of another model: scores of two models cannot be compared.
    ///
    /// # Errors
    /// [`CalibrationError::OtherModel`].
    pub fn require(&self, binding: &Binding) -> Result<(), CalibrationError> {
        let own = Binding {
            model: self.model.clone(),
            fingerprint: self.fingerprint.clone(),
            dimension: self.dimension,
            threshold: binding.threshold,
        };
        if own == *binding {
            return Ok(());
        }
        let describe = |one: &Binding| format!("{}, {} numbers a template", one.describe(), one.dimension);
        Err(CalibrationError::OtherModel { calibration: describe(&own), gallery: describe(binding) })
    }

    /// The reasons why it is out of date for a gallery of so many subjects and templates; empty if it is not.
    pub fn stale(&self, subjects: u64, templates: u64) -> Vec<String> {
        let mut reasons = Vec::new();
        let times = self.times(subjects);
        if is_other_size(times) {
            reasons
                .push(format!("it was measured with {} subjects, there are {subjects} now", self.subjects));
        }
        let each = |templates: u64, subjects: u64| templates as f64 / subjects.max(1) as f64;
        let (then, now) = (each(self.templates, self.subjects), each(templates, subjects));
        if !(1.0 / OTHER_TEMPLATES..=OTHER_TEMPLATES).contains(&(now / then)) {
            reasons
                .push(format!("it was measured with {then:.1} templates a subject, there are {now:.1} now"));
        }
        reasons
    }

    /// Searches whose best score is `threshold` or more.
    fn alarms(&self, threshold: f32) -> usize {
        self.maxima.partition_point(|score| *score >= threshold)
    }

    /// The lowest threshold that at most `reach` searches reach, and how many do. In the mean over all samples the share above the k-th
    /// highest of m is k / (m + 1).
    fn counted(&self, reach: f64) -> (f32, f64) {
        let rank = (reach as usize).clamp(1, self.maxima.len());
        let threshold = self.maxima[rank - 1];
        match self.maxima.get(rank) {
            // Scores that are equal stay on one side.
            Some(&next) if next == threshold => {
                let above = threshold.next_up();
                (above, self.alarms(above).max(1) as f64)
            }
            _ => (threshold, rank as f64),
        }
    }

    /// The interval of the measured gallery's rate, scaled to a gallery `times` as large with every possible exponent of growth.
    fn grown(&self, interval: [f64; 2], times: f64) -> [f64; 2] {
        let least = self.growth.as_ref().map_or(UNKNOWN_GROWTH, |growth| growth.interval[0]);
        let slow = times.powf(least);
        [scaled(interval[0], times.min(slow)), scaled(interval[1], times.max(slow))]
    }

    fn too_rare(&self, target: f64, lowest: f64, times: f64) -> CalibrationError {
        let needed = self.design / (BEYOND * scaled(target, 1.0 / times));
        CalibrationError::TooRare {
            target,
            lowest,
            searches: self.maxima.len(),
            design: self.design,
            needed: (needed.ceil() as usize).max(tail::FEWEST * 4 + 1),
        }
    }
}

/// Whether a gallery `times` as large needs another calibration.
pub(crate) fn is_other_size(times: f64) -> bool {
    !(1.0 / OTHER_SIZE..=OTHER_SIZE).contains(&times)
}
