//! How the rate of false alarms grows with the gallery.
//!
//! Were all comparisons of all probes alike and independent, `FPIR_N = 1 - (1 - FPIR_n)^(N / n)`. Probes are not alike: some resemble
//! many people, and their false alarms come twice as often in the small gallery already. So the rate grows more slowly, as
//! `1 - (1 - FPIR_n)^((N / n)^b)` with an exponent `b` below 1, which is measured by searching parts of the gallery.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::binomial;

/// The same non-mated searches in a part of the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Subjects in the part.
    pub subjects: u64,
    /// Searches with a false alarm at [`Growth::threshold`].
    pub alarms: u64,
    /// The rate there.
    pub fpir: f64,
    /// Its 95 % interval, given the alarms in the whole gallery.
    pub interval: [f64; 2],
    /// What the rate in the whole gallery predicts with an exponent of 1.
    pub predicted: f64,
}

/// What was measured in parts of the gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Growth {
    /// The score that is asked about: the lowest that at most [`SHARE`] of the searches reach in the whole gallery.
    pub threshold: f32,
    /// Searches that reach it there.
    pub alarms: u64,
    /// Smallest part first.
    pub parts: Vec<Part>,
    /// `b`, by the smallest part, and its 95 % interval within 0 to 1.
    pub exponent: f64,
    /// Its interval.
    pub interval: [f64; 2],
}

/// The share of searches at whose score growth is measured: much more says nothing about rare alarms, much less is too few.
pub const SHARE: f64 = 0.05;
/// Alarms without which nothing is measured.
const FEWEST: usize = 20;

impl Growth {
    /// From best scores of the same searches, in descending order, in the whole gallery and in parts of it; `None` if alarms or parts are
    /// too few.
    pub fn measure(subjects: u64, maxima: &[f32], parts: &[(u64, Vec<f32>)], design: f64) -> Option<Self> {
        let rank = ((maxima.len() as f64 * SHARE) as usize).max(FEWEST);
        let threshold = *maxima.get(rank.checked_sub(1)?)?;
        let reaching = |scores: &[f32]| scores.iter().filter(|score| **score >= threshold).count();
        let alarms = reaching(maxima);
        if alarms * 2 > maxima.len() || alarms > rank * 2 {
            return None; // too few searches, or scores that are all one
        }
        let whole = alarms as f64 / maxima.len() as f64;
        let mut measured: Vec<(Part, [f64; 3])> = Vec::new();
        for (part_subjects, scores) in parts {
            let part = *part_subjects as f64 / subjects as f64;
            if !(part > 0.0 && part < 1.0) {
                continue;
            }
            let left = reaching(scores);
            // Of the alarms of the whole, those that the part gives too: the part's subjects are some of the whole's.
            let kept = binomial::interval(left as f64 / design, alarms as f64 / design);
            let exponent = |kept: f64| (kept.ln() / part.ln()).clamp(0.0, 1.0);
            let part = Part {
                subjects: *part_subjects,
                alarms: left as u64,
                fpir: left as f64 / scores.len().max(1) as f64,
                interval: kept.map(|share| share * whole),
                predicted: scaled(whole, part),
            };
            let middle = exponent((left as f64 / alarms as f64).max(1e-9));
            measured.push((part, [middle, exponent(kept[1]), exponent(kept[0].max(1e-9))]));
        }
        measured.sort_by_key(|(part, _)| part.subjects);
        let &(_, [exponent, low, high]) = measured.first()?;
        Some(Self {
            threshold,
            alarms: alarms as u64,
            parts: measured.into_iter().map(|(part, _)| part).collect(),
            exponent,
            interval: [low, high],
        })
    }
}

/// The rate in a gallery `times` as large as the one in which it is `share`, were comparisons alike and independent.
pub fn scaled(share: f64, times: f64) -> f64 {
    -(times * (-share).ln_1p()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_scale_there_and_back() {
        assert!((scaled(0.01, 2.0) - 0.0199).abs() < 1e-12);
        assert!((scaled(scaled(0.3, 7.0), 1.0 / 7.0) - 0.3).abs() < 1e-12);
        assert_eq!(scaled(0.0, 1000.0), 0.0);
        assert_eq!(scaled(1.0, 0.5), 1.0);
    }

    /// 1,000 searches of 1,600 subjects of which `alarms` reach 0.5, and the best scores of 400 of these.
    fn measured(left: usize) -> Growth {
        let scores =
            |above: usize| (0..1000).map(move |at| if at < above { 0.6 } else { 0.3 - at as f32 * 1e-4 });
        let mut whole: Vec<f32> = scores(50).collect();
        whole[49] = 0.5;
        Growth::measure(1600, &whole, &[(400, scores(left).collect())], 1.0).unwrap()
    }

    #[test]
    fn a_quarter_of_the_gallery_gives_a_quarter_of_the_alarms() {
        let growth = measured(13);
        assert_eq!((growth.threshold, growth.alarms, growth.parts[0].alarms), (0.5, 50, 13));
        assert!((growth.exponent - 0.97).abs() < 0.01, "{growth:?}");
        assert!(growth.interval[0] < 0.8 && growth.interval[1] == 1.0, "{growth:?}");
        assert!((growth.parts[0].predicted - 0.0127).abs() < 1e-3);
    }

    #[test]
    fn alarms_of_the_same_probes_grow_more_slowly() {
        let growth = measured(25);
        assert!((growth.exponent - 0.5).abs() < 1e-9, "{growth:?}");
        assert!(growth.interval[0] > 0.3 && growth.interval[1] < 0.8, "{growth:?}");
    }

    #[test]
    fn nothing_is_measured_with_too_little() {
        assert_eq!(
            Growth::measure(100, &[0.5; 1000], &[(50, vec![0.5; 1000])], 1.0),
            None,
            "all scores are one"
        );
        assert_eq!(Growth::measure(100, &[0.5, 0.4], &[(50, vec![0.5, 0.4])], 1.0), None);
        assert_eq!(Growth::measure(0, &[], &[], 1.0), None);
    }
}
