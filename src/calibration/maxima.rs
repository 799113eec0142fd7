//! The best of many scores of strangers, under the assumption that the scores are normally distributed.

use statrs::distribution::{ContinuousCDF, Normal};

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
        let quantile = |above: f64| {
            let at = (maxima.len() as f64 * above) as usize;
            maxima.get(at.min(maxima.len().saturating_sub(1))).map_or(0.0, |score| f64::from(*score))
        };
        let (median, high) = (quantile(0.5), quantile(0.1));
        let strangers = strangers.max(1) as f64;
        let spread = deviations(0.1, strangers) - deviations(0.5, strangers);
        Self { median, deviation: (high - median) / spread, strangers }
    }

    /// Derives it from the scores of single strangers, in any order: their median and 90 % quantile. There must be at least one. The middle of a
    /// distribution says less about its end than best scores do, but mates are few among all pairs.
    pub fn of_scores(mut scores: Vec<f32>, strangers: u64) -> Self {
        let mut quantile = |above: f64| {
            let at = ((scores.len() as f64 * above) as usize).min(scores.len().saturating_sub(1));
            match scores.is_empty() {
                true => 0.0,
                false => f64::from(*scores.select_nth_unstable_by(at, |one, other| other.total_cmp(one)).1),
            }
        };
        let (mean, high) = (quantile(0.5), quantile(0.1));
        let strangers = strangers.max(1) as f64;
        let deviation = (high - mean) / deviations(0.1, 1.0);
        Self { median: mean + deviation * deviations(0.5, strangers), deviation, strangers }
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

/// Other subjects of a template whose scores are looked at. All but the last one may be the same person.
pub const CLOSEST: usize = 4;
/// The chance that the best of all strangers has a score that is taken for one of the same person.
const MISTAKEN: f64 = 0.05;

/// The best score of each of some templates with a stranger, in descending order. `closest` has for each of them its best score with each of
/// the [`CLOSEST`] other subjects, in descending order, and `pairs` the scores of all pairs of them.
///
/// Any number of people may be in a gallery under two or three names: mates are few among all pairs. Best scores that are too high for
/// strangers, to judge by those, do not count, and that of the next subject does.
pub fn of_strangers<'a>(
    closest: impl Iterator<Item = &'a [f32]>,
    pairs: Vec<f32>,
    strangers: u64,
) -> Vec<f32> {
    let highest = NormalMaxima::of_scores(pairs, strangers).score(MISTAKEN);
    let mut best: Vec<f32> =
        closest.filter_map(|own| own.iter().copied().find(|score| *score <= highest)).collect();
    best.sort_unstable_by(|one, other| other.total_cmp(one));
    best
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
    fn single_scores_and_the_best_of_many_give_one_distribution() {
        let normal = Normal::standard();
        let share = |rank: u32| (f64::from(rank) + 0.5) / 10_000.0;
        let scores = (0..10_000).map(|rank| (0.3 - 0.1 * normal.inverse_cdf(share(rank))) as f32).collect();
        let fitted = NormalMaxima::of_scores(scores, 5_000);
        for chance in [0.5, 0.05, 1e-6] {
            let expected = 0.3 + 0.1 * deviations(chance, 5_000.0);
            assert!((f64::from(fitted.score(chance)) - expected).abs() < 1e-3, "{chance}");
        }
        assert_eq!(NormalMaxima::of_scores(vec![0.25], 10).score(0.1), 0.25);
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
