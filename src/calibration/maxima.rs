//! The best of many scores of strangers, under the assumption that the scores are normally distributed.

use statrs::distribution::{ContinuousCDF, Gamma, Normal};

/// The distribution of the best score of a search for somebody among strangers.
///
/// Mean and deviation of the scores follow from the median and the 90 % quantile of the best scores, on which a tenth of
/// mates have no influence. Both lie where a threshold lies, so that the middle of the distribution, which is often not normal,
/// does not matter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMaxima {
    /// The score that half of the searches reach.
    median: f64,
    /// Standard deviation of the scores.
    deviation: f64,
    /// Strangers in a search.
    strangers: f64,
}

impl NormalMaxima {
    /// Fits it to the best scores of searches among so many strangers, in descending order. There must be at least one.
    pub fn of(maxima: &[f32], strangers: u64) -> Self {
        Self::through(1, [0.5, 0.1], maxima, strangers)
    }

    /// Fits it to the scores of this rank of each search, from 1, in descending order: the lower half of them, on which mates in the other half
    /// have no influence. There must be at least one. Of many numbers, those above a high level are nearly Poisson distributed.
    pub fn of_rank(rank: u32, maxima: &[f32], strangers: u64) -> Self {
        Self::through(rank, [0.9, 0.5], maxima, strangers)
    }

    /// The distribution with the quantiles that these shares of the scores reach.
    fn through(rank: u32, [low, high]: [f64; 2], maxima: &[f32], strangers: u64) -> Self {
        let quantile = |above: f64| {
            let at = (maxima.len() as f64 * above) as usize;
            maxima.get(at.min(maxima.len().saturating_sub(1))).map_or(0.0, |score| f64::from(*score))
        };
        let strangers = strangers.max(1) as f64;
        let beyond = |chance: f64| match rank {
            1 => deviations(chance, strangers),
            _ => -Normal::standard().inverse_cdf((expected(chance, rank) / strangers).min(0.5)),
        };
        let deviation = (quantile(high) - quantile(low)) / (beyond(high) - beyond(low));
        // The best score has another median than that of this rank.
        let median = quantile(low) + deviation * (deviations(0.5, strangers) - beyond(low));
        Self { median, deviation, strangers }
    }

    /// The score that the best of all strangers reaches with a chance (above 0, below 1).
    pub fn score(&self, chance: f64) -> f32 {
        let beyond = deviations(chance, self.strangers) - deviations(0.5, self.strangers);
        (self.median + self.deviation * beyond) as f32
    }

    /// The chance that the best of all strangers reaches a score.
    pub fn chance(&self, score: f32) -> f64 {
        let beyond = (f64::from(score) - self.median) / self.deviation.max(1e-9);
        let each = Normal::standard().sf(beyond + deviations(0.5, self.strangers));
        -(self.strangers * (-each).ln_1p()).exp_m1()
    }
}

/// The number of scores above a level that is expected there if a chance is that there are `rank` or more.
fn expected(chance: f64, rank: u32) -> f64 {
    Gamma::new(f64::from(rank), 1.0).map_or(f64::NAN, |sums| sums.inverse_cdf(chance))
}

/// By how many deviations a normal number exceeds the mean which the best of `strangers` of them exceeds with a chance. What the best
/// of all is below with a chance, each is below with its n-th root.
fn deviations(chance: f64, strangers: f64) -> f64 {
    -Normal::standard().inverse_cdf(-((-chance).ln_1p() / strangers).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_and_scores_are_each_others_inverse() {
        for strangers in [1, 1_000, 1_000_000] {
            let maxima: Vec<f32> = (0..1000).map(|rank| 0.6 - 1e-4 * rank as f32).collect();
            let fitted = NormalMaxima::of(&maxima, strangers);
            assert!((fitted.score(0.5) - 0.55).abs() < 1e-4 && (fitted.score(0.1) - 0.59).abs() < 1e-4);
            for chance in [0.3, 1e-3, 1e-6, 1e-9] {
                let back = fitted.chance(fitted.score(chance));
                assert!((back / chance - 1.0).abs() < 0.01, "{strangers}: {chance}, {back}");
            }
        }
    }

    #[test]
    fn lower_ranks_of_normal_scores_give_the_same_distribution() {
        // The quantiles of the second and third best of 10,000.
        let share = |at: u32| (f64::from(at) + 0.5) / 1000.0;
        for rank in [2, 3] {
            let level = |at: u32| -Normal::standard().inverse_cdf(expected(share(at), rank) / 1e4);
            let scores: Vec<f32> = (0..1000).map(|at| (0.1 * level(at)) as f32).collect();
            let fitted = NormalMaxima::of_rank(rank, &scores, 10_000);
            for chance in [0.5, 0.1, 1e-4] {
                let expected = 0.1 * deviations(chance, 1e4);
                assert!((f64::from(fitted.score(chance)) - expected).abs() < 2e-3, "{rank}: {chance}");
            }
        }
        assert!((expected(0.5, 1) - 2f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_threshold_for_normal_scores_is_their_quantile() {
        let normal = Normal::standard();
        let share = |rank: u32| (f64::from(rank) + 0.5) / 1000.0;
        let maxima: Vec<f32> = (0..1000).map(|rank| (0.1 * deviations(share(rank), 1e4)) as f32).collect();
        let score = NormalMaxima::of(&maxima, 10_000).score(1e-4);
        let expected = -0.1 * normal.inverse_cdf(1e-8);
        assert!((f64::from(score) - expected).abs() < 2e-3, "{score}, {expected}");
    }
}
