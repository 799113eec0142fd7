//! Duplicates of people: one person under two names, and two people under one name.

mod alike;
mod split;

pub use alike::{Alike, Best, TooMany};
pub use split::{Split, split};

pub use crate::calibration::maxima::CLOSEST;
use crate::calibration::maxima::{NormalMaxima, of_strangers};

/// Fewer best scores say nothing about strangers.
pub const FEWEST: usize = 20;

/// The scores of different people in a gallery, from the best scores that each of some templates has with templates of other subjects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impostors {
    maxima: NormalMaxima,
    templates: f64,
}

impl Impostors {
    /// Fits the distribution to the scores of some templates, in a gallery of `templates` templates; `closest` and `pairs` as for
    /// [`of_strangers`]. `None` if there are fewer than [`FEWEST`].
    pub fn fit(closest: &[Vec<f32>], pairs: &[f32], templates: u64) -> Option<Self> {
        let strangers = templates.saturating_sub(1);
        let best = of_strangers(closest.iter().map(Vec::as_slice), pairs.to_vec(), strangers);
        let maxima = (best.len() >= FEWEST).then(|| NormalMaxima::of(&best, strangers))?;
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

    /// The closest scores of the templates of a gallery of 400 people, of whom so many have two further names, the scores of all pairs, and the
    /// number of templates.
    fn sampled(doubles: u64) -> (Vec<Vec<f32>>, Vec<f32>, u64) {
        let mut faces = Vec::new();
        for person in 0..400 {
            let middle = direction(person);
            for name in 0..if person < doubles { 3 } else { 1 } {
                let own = direction(1_000 + 3 * person + name);
                faces.push(unit(middle.iter().zip(own).map(|(a, b)| a + 0.3 * b).collect()));
            }
        }
        let score = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(x, y)| x * y).sum::<f32>();
        let (mut closest, mut all) = (Vec::new(), Vec::new());
        for (at, face) in faces.iter().enumerate() {
            let others = faces.iter().enumerate().filter(|(other, _)| *other != at);
            let mut scores: Vec<f32> = others.map(|(_, other)| score(face, other)).collect();
            all.extend_from_slice(&scores[at..]);
            scores.sort_by(|one, other| other.total_cmp(one));
            closest.push(scores[..CLOSEST].to_vec());
        }
        (closest, all, faces.len() as u64)
    }

    /// A direction that is a function of the seed.
    fn direction(seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        unit((0..64).map(|_| (0..8).map(|_| random()).sum()).collect())
    }

    fn unit(vector: Vec<f32>) -> Vec<f32> {
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }

    fn fitted(doubles: u64) -> Impostors {
        let (closest, all, templates) = sampled(doubles);
        Impostors::fit(&closest, &all, templates).unwrap()
    }

    #[test]
    fn a_threshold_leaves_about_as_many_pairs_as_were_allowed() {
        let fitted = fitted(0);
        for pairs in [0.1, 1.0, 10.0] {
            let threshold = fitted.threshold(pairs);
            assert!((fitted.pairs(threshold) / pairs - 1.0).abs() < 0.05, "{pairs}: {threshold}");
        }
        assert!(fitted.threshold(0.1) > fitted.threshold(10.0));
        let (closest, all, _) = sampled(0);
        let reached = all.iter().filter(|score| **score >= fitted.threshold(10.0)).count();
        assert!((3..30).contains(&reached), "{reached} of about 10");
        assert_eq!(Impostors::fit(&closest[..19], &all, 100), None);
    }

    #[test]
    fn people_under_several_names_have_little_influence_however_many_they_are() {
        let clean = fitted(0).threshold(1.0);
        for doubles in [20, 100, 200, 400] {
            // More templates have more pairs, so the threshold rises, but mates score 0.9.
            let moved = fitted(doubles).threshold(1.0) - clean;
            assert!((-0.02..0.1).contains(&moved), "{doubles}: {clean} + {moved}");
        }
    }

    #[test]
    fn equal_templates_have_a_threshold_too() {
        let fitted = Impostors::fit(&vec![vec![1.0; CLOSEST]; 50], &[1.0; 1225], 50).unwrap();
        assert_eq!(fitted.threshold(1.0), 1.0);
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
