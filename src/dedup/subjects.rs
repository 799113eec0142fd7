//! Duplicates of people: one person under two names, and two people under one name.

mod alike;
mod split;

pub use alike::{Alike, Best, TooMany};
pub use split::{Split, split};

use crate::calibration::maxima::NormalMaxima;

/// Fewer best scores say nothing about strangers.
pub const FEWEST: usize = 20;

/// Other subjects of a template whose scores are looked at. All but the last two may be the same person.
pub const CLOSEST: usize = 4;
/// The rank of the score that is a stranger's although the person has two more names.
const STRANGER: u32 = 3;

/// The scores of different people in a gallery, from the best scores that each of some templates has with templates of other subjects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impostors {
    maxima: NormalMaxima,
    templates: f64,
}

impl Impostors {
    /// Fits the distribution to the scores of some templates, in a gallery of `templates` templates: for each one its best score with each of the
    /// [`CLOSEST`] other subjects, in descending order. `None` if there are fewer than [`FEWEST`].
    ///
    /// Any number of people may be in the gallery under two or three names. Scores that are too high for strangers, to judge by those of the third
    /// closest subjects, do not count; the closest subject after them does.
    pub fn fit(scores: &[Vec<f32>], templates: u64) -> Option<Self> {
        let of_rank = |rank: u32, found: Vec<f32>| {
            let mut found = found;
            found.sort_unstable_by(|one, other| other.total_cmp(one));
            let is_enough = found.len() >= FEWEST;
            let maxima =
                is_enough.then(|| NormalMaxima::of_rank(rank, &found, templates.saturating_sub(1)))?;
            Some(Self { maxima, templates: templates as f64 })
        };
        let third = scores.iter().filter_map(|own| own.get(STRANGER as usize - 1).copied());
        let highest =
            of_rank(STRANGER, third.collect()).map_or(f32::INFINITY, |fitted| fitted.threshold(1.0));
        let best = scores.iter().filter_map(|own| own.iter().copied().find(|score| *score <= highest));
        of_rank(1, best.collect())
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
        let best: Vec<Vec<f32>> = (0..500).map(|rank| vec![0.4 - 2e-4 * rank as f32]).collect();
        let fitted = Impostors::fit(&best, 10_000).unwrap();
        for pairs in [0.1, 1.0, 10.0] {
            let threshold = fitted.threshold(pairs);
            assert!((fitted.pairs(threshold) / pairs - 1.0).abs() < 0.05, "{pairs}: {threshold}");
        }
        assert!(fitted.threshold(0.1) > fitted.threshold(10.0));
        assert_eq!(Impostors::fit(&best[..19], 100), None);
    }

    /// The best scores with subjects of the templates of a gallery, in which so many of 400 people have two further names.
    fn sampled(doubles: usize) -> (Vec<Vec<f32>>, u64) {
        let people: Vec<Vec<f32>> = (0..400).map(|seed| direction(64, seed)).collect();
        let faces: Vec<(usize, Vec<f32>)> = (0..400)
            .flat_map(|person| (0..if person < doubles { 3 } else { 1 }).map(move |name| (person, name)))
            .map(|(person, name)| {
                let own = direction(64, 1_000 + 3 * person as u64 + name);
                let mixed: Vec<f32> = people[person].iter().zip(&own).map(|(a, b)| a + 0.3 * b).collect();
                let length = mixed.iter().map(|x| x * x).sum::<f32>().sqrt();
                (person, mixed.iter().map(|x| x / length).collect())
            })
            .collect();
        let best = faces.iter().enumerate().map(|(at, (_, face))| {
            let others = faces.iter().enumerate().filter(|(other, _)| *other != at);
            let mut scores: Vec<f32> =
                others.map(|(_, (_, other))| face.iter().zip(other).map(|(x, y)| x * y).sum()).collect();
            scores.sort_by(|one, other| other.total_cmp(one));
            scores[..CLOSEST].to_vec()
        });
        (best.collect(), faces.len() as u64)
    }

    /// A unit vector with normally distributed components.
    fn direction(dimension: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let vector: Vec<f32> = (0..dimension).map(|_| (0..8).map(|_| random()).sum()).collect();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }

    #[test]
    fn people_under_several_names_have_no_influence_however_many_they_are() {
        let threshold = |doubles| {
            let (scores, templates) = sampled(doubles);
            Impostors::fit(&scores, templates).unwrap().threshold(1.0)
        };
        let clean = threshold(0);
        for doubles in [20, 100, 400] {
            let moved = threshold(doubles) - clean;
            // Three names have more pairs, so the same number of pairs is a smaller share.
            assert!((-0.01..0.06).contains(&moved), "{doubles}: {clean} + {moved}");
        }
    }

    #[test]
    fn equal_templates_have_a_threshold_too() {
        let fitted = Impostors::fit(&vec![vec![1.0; CLOSEST]; 50], 50).unwrap();
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
