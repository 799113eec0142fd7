//! Probes that are called strangers and score as nobody's stranger does: unlabelled mates, most likely.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::maxima::NormalMaxima;

/// A probe that may be in the gallery under another name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    /// The probe: a path, or a row of a file.
    pub probe: String,
    /// Who in the gallery it is like.
    pub subject: String,
    /// How much: cosine.
    pub score: f32,
}

/// In so many calibrations one stranger is called a suspect.
const ONE_IN: f64 = 100.0;
/// Fewer searches say nothing about what is usual.
const FEWEST: usize = 20;
/// The same photo, or one made from it.
const SAME: f32 = 0.98;

/// How many of `maxima`, the best scores of non-mated searches among `subjects` people in descending order, no stranger would have reached,
/// but for one in a hundred calibrations. Scores of strangers are taken as normally distributed; mean and deviation follow from the median
/// and the 90 % quantile of the best of so many, on which a tenth of mates have no influence. Relatives and doubles score more than
/// that, and are to be looked at as well.
pub fn count(maxima: &[f32], subjects: u64) -> usize {
    let from = least(maxima, subjects);
    maxima.iter().take_while(|score| **score >= from).count()
}

/// The score from which on [`count`] counts.
pub fn least(maxima: &[f32], subjects: u64) -> f32 {
    if maxima.len() < FEWEST {
        return SAME;
    }
    NormalMaxima::of(maxima, subjects).score(1.0 / (ONE_IN * maxima.len() as f64)).min(SAME)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;

    /// The quantiles of the best of 1,000 normal scores with a deviation of 0.12.
    fn strangers(count: usize) -> Vec<f32> {
        (0..count)
            .map(|rank| {
                let below = 1.0 - (rank as f64 + 0.5) / count as f64;
                (-0.12 * Normal::standard().inverse_cdf(-(below.ln() / 1000.0).exp_m1())) as f32
            })
            .collect()
    }

    #[test]
    fn strangers_are_no_suspects() {
        assert_eq!(count(&strangers(1000), 1000), 0);
        assert_eq!(count(&strangers(30), 1000), 0);
        assert_eq!(count(&[], 0), 0);
    }

    #[test]
    fn mates_among_strangers_are() {
        let mut maxima = strangers(1000);
        maxima.splice(0..0, [0.95, 0.85, 0.8]);
        assert_eq!(count(&maxima, 1000), 3);
        assert_eq!(count(&[1.0, 0.3], 9), 1, "among few, the same photo");
        assert_eq!(count(&[0.9, 0.3], 9), 0);
    }
}
