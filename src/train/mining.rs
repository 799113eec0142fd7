//! The choice of pairs and triplets from the distances in a batch.
//!
//! Distances are Euclidean, not squared, between unit vectors: 0 to 2. They are given row by row for all samples of the batch.

use rand::Rng;
use rand::distr::{Distribution, weighted::WeightedIndex};
use rand_chacha::ChaCha8Rng;

use super::Mining;

/// Smaller distances count as this one when negatives are weighed, because the inverse of their density is nearly infinite and their
/// gradient is noise (Wu et al., section 4.1).
pub const CUTOFF: f64 = 0.5;
/// Negatives from this distance are not drawn by [`Mining::DistanceWeighted`]: they are beyond every boundary and have no gradient. Two
/// random vectors of many components have the distance 1.41.
pub const FAR: f64 = 1.4;

/// An anchor, a sample of the same person, and a sample of another person: positions in the batch.
pub type Triplet = [usize; 3];

/// The distances in a batch with its people.
#[derive(Debug, Clone, Copy)]
pub struct Distances<'a> {
    /// The person of each sample.
    pub people: &'a [u32],
    /// The distances, row by row.
    pub values: &'a [f32],
    /// Number of components of the embeddings.
    pub dimension: usize,
}

impl Distances<'_> {
    fn between(&self, one: usize, other: usize) -> f64 {
        f64::from(self.values[one * self.people.len() + other])
    }

    fn positives(&self, anchor: usize) -> impl Iterator<Item = usize> + '_ {
        let own = self.people[anchor];
        (0..self.people.len()).filter(move |&at| at != anchor && self.people[at] == own)
    }

    fn negatives(&self, anchor: usize) -> impl Iterator<Item = usize> + '_ {
        let own = self.people[anchor];
        (0..self.people.len()).filter(move |&at| self.people[at] != own)
    }

    /// The triplets of a batch. For [`Mining::BatchHard`] one for each anchor, otherwise one for each anchor and positive, in their order.
    /// `margin` is that of squared distances, for [`Mining::RandomHard`].
    pub fn triplets(&self, mining: Mining, margin: f64, random: &mut ChaCha8Rng) -> Vec<Triplet> {
        let mut chosen = Vec::new();
        for anchor in 0..self.people.len() {
            if mining == Mining::BatchHard {
                let positive = self.positives(anchor).max_by(|&a, &b| self.order(anchor, a, b));
                let negative = self.negatives(anchor).min_by(|&a, &b| self.order(anchor, a, b));
                chosen
                    .extend(positive.zip(negative).map(|(positive, negative)| [anchor, positive, negative]));
                continue;
            }
            let weights = (mining == Mining::DistanceWeighted).then(|| self.weights(anchor));
            for positive in self.positives(anchor) {
                let negative = match (mining, &weights) {
                    (_, Some(weights)) => self.weighted(anchor, weights.as_ref(), random),
                    (Mining::SemiHard, _) => self.semi_hard(anchor, positive),
                    (Mining::RandomHard, _) => self.random_hard(anchor, positive, margin, random),
                    _ => self.any(anchor, random),
                };
                chosen.extend(negative.map(|negative| [anchor, positive, negative]));
            }
        }
        chosen
    }

    fn order(&self, anchor: usize, a: usize, b: usize) -> std::cmp::Ordering {
        self.between(anchor, a).total_cmp(&self.between(anchor, b)).then(b.cmp(&a))
    }

    /// The nearest negative that is farther than the positive; if all are nearer, the farthest one, whose gradient is the least dangerous.
    fn semi_hard(&self, anchor: usize, positive: usize) -> Option<usize> {
        let least = self.between(anchor, positive);
        let farther = self.negatives(anchor).filter(|&at| self.between(anchor, at) > least);
        let nearest = farther.min_by(|&a, &b| self.order(anchor, a, b));
        nearest.or_else(|| self.negatives(anchor).max_by(|&a, &b| self.order(anchor, a, b)))
    }

    fn random_hard(
        &self,
        anchor: usize,
        positive: usize,
        margin: f64,
        random: &mut ChaCha8Rng,
    ) -> Option<usize> {
        let limit = self.between(anchor, positive).powi(2) + margin;
        let hard: Vec<usize> =
            self.negatives(anchor).filter(|&at| self.between(anchor, at).powi(2) < limit).collect();
        (!hard.is_empty()).then(|| hard[random.random_range(0..hard.len())])
    }

    fn any(&self, anchor: usize, random: &mut ChaCha8Rng) -> Option<usize> {
        let all: Vec<usize> = self.negatives(anchor).collect();
        (!all.is_empty()).then(|| all[random.random_range(0..all.len())])
    }

    fn weighted(
        &self,
        anchor: usize,
        weights: Option<&WeightedIndex<f64>>,
        random: &mut ChaCha8Rng,
    ) -> Option<usize> {
        match weights {
            Some(weights) => self.negatives(anchor).nth(weights.sample(random)),
            None => self.any(anchor, random),
        }
    }

    /// The distribution over the negatives of an anchor; `None` if all of them are far.
    fn weights(&self, anchor: usize) -> Option<WeightedIndex<f64>> {
        let distances: Vec<f64> = self.negatives(anchor).map(|at| self.between(anchor, at)).collect();
        WeightedIndex::new(weights(&distances, self.dimension)).ok()
    }
}

/// The weight of each distance: the inverse of the density of distances between random unit vectors of `dimension` components,
/// `q(d) = d^(n-2) (1 - d^2/4)^((n-3)/2)` (Wu et al., equation 1), relative to the largest; 0 from [`FAR`].
pub fn weights(distances: &[f64], dimension: usize) -> Vec<f64> {
    let n = dimension as f64;
    let logarithm = |&distance: &f64| {
        let d = distance.max(CUTOFF);
        if distance >= FAR {
            return f64::NEG_INFINITY;
        }
        (2.0 - n) * d.ln() - (n - 3.0) / 2.0 * (1.0 - d * d / 4.0).ln()
    };
    let logarithms: Vec<f64> = distances.iter().map(logarithm).collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logarithms.iter().map(|value| if value.is_finite() { (value - largest).exp() } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::batch::generator;
    use super::*;

    /// Two samples of person 0, two of 1, one of 2.
    const PEOPLE: [u32; 5] = [0, 0, 1, 1, 2];
    #[rustfmt::skip]
    const VALUES: [f32; 25] = [
        0.0, 0.6, 0.5, 0.9, 1.3,
        0.6, 0.0, 0.7, 0.4, 1.0,
        0.5, 0.7, 0.0, 0.8, 1.1,
        0.9, 0.4, 0.8, 0.0, 0.3,
        1.3, 1.0, 1.1, 0.3, 0.0,
    ];
    const BATCH: Distances<'static> = Distances { people: &PEOPLE, values: &VALUES, dimension: 128 };

    fn chosen(mining: Mining, margin: f64) -> Vec<Triplet> {
        BATCH.triplets(mining, margin, &mut generator(1, 0, 0))
    }

    #[test]
    fn batch_hard_takes_the_farthest_positive_and_the_nearest_negative() {
        assert_eq!(chosen(Mining::BatchHard, 0.0), [[0, 1, 2], [1, 0, 3], [2, 3, 0], [3, 2, 4]]);
    }

    #[test]
    fn semi_hard_takes_the_nearest_negative_beyond_the_positive() {
        // Of 0: 0.5 is nearer than the positive (0.6), so 0.9. Of 3: the positive is at 0.8, so 0.9.
        assert_eq!(chosen(Mining::SemiHard, 0.0), [[0, 1, 3], [1, 0, 2], [2, 3, 4], [3, 2, 0]]);
    }

    #[test]
    fn semi_hard_takes_the_farthest_if_all_negatives_are_nearer() {
        let values = [0.0, 1.9, 0.5, 0.7, 1.9, 0.0, 0.1, 0.2, 0.5, 0.1, 0.0, 1.0, 0.7, 0.2, 1.0, 0.0];
        let batch = Distances { people: &[0, 0, 1, 2], values: &values, dimension: 8 };
        let chosen = batch.triplets(Mining::SemiHard, 0.2, &mut generator(1, 0, 0));
        assert_eq!(chosen, [[0, 1, 3], [1, 0, 3]]);
    }

    #[test]
    fn random_hard_takes_only_violations_of_the_margin() {
        // With no margin: of 0 only 2 (0.25 < 0.36), of 1 only 3, of 2 also 0 and 1, of 3 also 1 and 4.
        for step in 0..50 {
            for [anchor, positive, negative] in
                BATCH.triplets(Mining::RandomHard, 0.0, &mut generator(1, step, 0))
            {
                assert!(BATCH.between(anchor, negative) < BATCH.between(anchor, positive));
            }
        }
        let all = BATCH.triplets(Mining::RandomHard, 9.0, &mut generator(1, 0, 0));
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn a_person_alone_gives_no_triplet() {
        let alone = Distances { people: &[0, 0], values: &[0.0, 0.1, 0.1, 0.0], dimension: 4 };
        for mining in [Mining::Random, Mining::SemiHard, Mining::BatchHard, Mining::DistanceWeighted] {
            assert_eq!(alone.triplets(mining, 0.2, &mut generator(1, 0, 0)), Vec::<Triplet>::new());
        }
    }

    #[test]
    fn weights_are_the_inverse_of_the_density() {
        // n = 4: q(d) = d^2 (1 - d^2/4)^(1/2).
        let q = |d: f64| d * d * (1.0 - d * d / 4.0).sqrt();
        let distances = [0.2, 0.5, 0.8, 1.2, 1.5];
        let weights = weights(&distances, 4);
        assert_eq!((weights[0], weights[1], weights[4]), (1.0, 1.0, 0.0));
        for at in [2, 3] {
            assert!((weights[at] - q(0.5) / q(distances[at])).abs() < 1e-12);
        }
        let high = super::weights(&[0.5, 1.0, 1.3], 512);
        assert!(high.iter().all(|weight| weight.is_finite()) && high[0] == 1.0 && high[2] < 1e-30);
    }

    #[test]
    fn distance_weighted_draws_follow_their_weights() {
        // An anchor with one positive, and negatives at six distances.
        let distances = [0.0, 0.4, 0.55, 0.6, 0.7, 0.9, 1.1, 1.39];
        let n = distances.len();
        let mut values = vec![1.0; n * n];
        for (at, &distance) in distances.iter().enumerate() {
            values[at] = distance as f32;
            values[at * n] = distance as f32;
        }
        let people: Vec<u32> = [0, 0].into_iter().chain(1..).take(n).collect();
        let batch = Distances { people: &people, values: &values, dimension: 8 };
        let expected = weights(&distances[2..], 8);
        let total: f64 = expected.iter().sum();
        let draws = 20_000;
        let mut counts = vec![0.0; n];
        for step in 0..draws {
            let chosen = batch.triplets(Mining::DistanceWeighted, 0.2, &mut generator(3, step, 0));
            counts[chosen[0][2]] += 1.0;
        }
        // Chi squared with 5 degrees of freedom is below 20.5 with a probability of 0.999. The draws are fixed by the seed.
        let chi: f64 = (expected.iter().zip(&counts[2..]))
            .map(|(weight, count)| (weight / total * draws as f64, count))
            .map(|(expected, count)| (count - expected).powi(2) / expected)
            .sum();
        assert!(chi < 20.5, "{chi} {counts:?}");
    }
}
