//! Duplicates of people: one person under two names, and two people under one name.

mod alike;
mod split;

pub use alike::{Alike, Best, TooMany};
pub use split::{Split, split};

use crate::calibration::maxima::NormalMaxima;

/// Fewer best scores say nothing about strangers.
pub const FEWEST: usize = 20;

/// The scores of different people in a gallery, from the best score that each of some templates has with a template of another subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impostors {
    maxima: NormalMaxima,
    templates: f64,
}

impl Impostors {
    /// Fits the distribution to best scores, in any order, in a gallery of `templates` templates. `None` if there are fewer than [`FEWEST`].
    /// Up to a tenth of them may be of subjects that are in the gallery twice.
    pub fn fit(mut best: Vec<f32>, templates: u64) -> Option<Self> {
        if best.len() < FEWEST {
            return None;
        }
        best.sort_unstable_by(|one, other| other.total_cmp(one));
        let maxima = NormalMaxima::of(&best, templates.saturating_sub(1));
        Some(Self { maxima, templates: templates as f64 })
    }

    /// The score that about `pairs` pairs of templates of different people reach in the whole gallery, -1 to 1. Each of the two templates
    /// has the other one above the score, so each template has one with a chance of twice the pairs for each template.
    pub fn threshold(&self, pairs: f64) -> f32 {
        let chance = (2.0 * pairs / self.templates.max(1.0)).clamp(f64::MIN_POSITIVE, 0.5);
        self.maxima.score(chance).clamp(-1.0, 1.0)
    }

    /// About how many pairs of templates of different people reach a score.
    pub fn pairs(&self, threshold: f32) -> f64 {
        self.maxima.chance(threshold) * self.templates / 2.0
    }
}

/// The score below which `rate` of the scores of different people do not lie, and the rate that so many scores can tell: at least
/// one of them. `None` without scores.
pub fn quantile(mut scores: Vec<f32>, rate: f64) -> Option<(f32, f64)> {
    if scores.is_empty() {
        return None;
    }
    let rank = ((scores.len() as f64 * rate) as usize).clamp(1, scores.len());
    let (_, score, _) = scores.select_nth_unstable_by(rank - 1, |one, other| other.total_cmp(one));
    Some((*score, rank as f64 / scores.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_leaves_about_as_many_pairs_as_were_allowed() {
        let best: Vec<f32> = (0..500).map(|rank| 0.4 - 2e-4 * rank as f32).collect();
        let fitted = Impostors::fit(best.clone(), 10_000).unwrap();
        for pairs in [0.1, 1.0, 10.0] {
            let threshold = fitted.threshold(pairs);
            assert!((fitted.pairs(threshold) / pairs - 1.0).abs() < 0.05, "{pairs}: {threshold}");
        }
        assert!(fitted.threshold(0.1) > fitted.threshold(10.0));
        let mut with_doubles = best.clone();
        with_doubles.splice(..20, [0.95; 20]);
        let moved = Impostors::fit(with_doubles, 10_000).unwrap().threshold(1.0) - fitted.threshold(1.0);
        assert!(moved.abs() < 1e-6, "doubles below a tenth have no influence: {moved}");
        assert_eq!(Impostors::fit(best[..19].to_vec(), 100), None);
    }

    #[test]
    fn a_quantile_is_reached_by_its_share() {
        let scores: Vec<f32> = (0..1000).map(|rank| rank as f32 / 1000.0).collect();
        assert_eq!(quantile(scores.clone(), 0.01), Some((0.99, 0.01)));
        assert_eq!(
            quantile(vec![0.25, 0.5], 0.001),
            Some((0.5, 0.5)),
            "two scores tell no rate below a half"
        );
        assert_eq!(quantile(Vec::new(), 0.1), None);
    }
}
