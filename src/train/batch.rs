//! Batches of P people with K samples each (FaceNet, section 3.2; Hermans et al., section 2).

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws batches. A batch is a function of the seed and of the number of the step.
#[derive(Debug, Clone)]
pub struct Batches {
    /// Samples of people with two samples or more.
    several: Vec<Vec<usize>>,
    /// Samples of the others.
    single: Vec<usize>,
    people: usize,
    samples: usize,
    seed: u64,
}

impl Batches {
    /// Batches of `people` people with `samples` samples each, from the samples of each person.
    pub fn new(by_person: Vec<Vec<usize>>, (people, samples): (usize, usize), seed: u64) -> Self {
        let (several, others): (Vec<_>, Vec<_>) = by_person.into_iter().partition(|own| own.len() > 1);
        Self { several, single: others.into_iter().flatten().collect(), people, samples, seed }
    }

    /// Number of people with two samples or more.
    pub fn people_with_several(&self) -> usize {
        self.several.len()
    }

    /// Batches in one pass over the samples.
    pub fn in_an_epoch(&self) -> u64 {
        let all = self.several.iter().map(Vec::len).sum::<usize>() + self.single.len();
        all.div_ceil(self.people * self.samples).max(1) as u64
    }

    /// Positions of the samples of a batch. People are drawn without repetition, and K of their samples, or all if they have fewer. What is
    /// left of P x K is filled with people of one sample: they are strangers to all others.
    pub fn batch(&self, step: u64) -> Vec<usize> {
        let mut random = generator(self.seed, step, 0);
        let (drawn, _) = {
            let mut order: Vec<usize> = (0..self.several.len()).collect();
            let count = self.people.min(order.len());
            let (drawn, rest) = order.partial_shuffle(&mut random, count);
            (drawn.to_vec(), rest.len())
        };
        let mut batch = Vec::with_capacity(self.people * self.samples);
        for person in drawn {
            let mut own = self.several[person].clone();
            let count = self.samples.min(own.len());
            batch.extend_from_slice(own.partial_shuffle(&mut random, count).0);
        }
        let left = (self.people * self.samples).saturating_sub(batch.len()).min(self.single.len());
        let mut single = self.single.clone();
        batch.extend_from_slice(single.partial_shuffle(&mut random, left).0);
        batch
    }
}

/// A number between `-bound` and `bound`, each with the same probability.
pub fn uniform(random: &mut ChaCha8Rng, bound: f32) -> f32 {
    random.random_range(-bound..bound)
}

/// The random numbers of one purpose in one step.
pub fn generator(seed: u64, step: u64, purpose: u8) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(purpose) << 56));
    random.set_stream(step);
    random
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_batch_has_p_people_with_k_samples_and_strangers() {
        // 20 people with 5 samples, 20 with 2, 30 with 1.
        let mut next = 0;
        let mut own = |count: usize| {
            next += count;
            (next - count..next).collect::<Vec<_>>()
        };
        let counts = [[5; 20].as_slice(), &[2; 20], &[1; 30]].concat();
        let by_person: Vec<Vec<usize>> = counts.iter().map(|&count| own(count)).collect();
        let person: HashMap<usize, usize> = by_person
            .iter()
            .enumerate()
            .flat_map(|(who, own)| own.iter().map(move |&at| (at, who)))
            .collect();
        let batches = Batches::new(by_person, (8, 4), 7);
        assert_eq!((batches.people_with_several(), batches.in_an_epoch()), (40, 6));
        let mut seen = vec![0; next];
        for step in 0..300 {
            let batch = batches.batch(step);
            assert_eq!(batch, batches.batch(step));
            let mut people: HashMap<usize, Vec<usize>> = HashMap::new();
            for &at in &batch {
                seen[at] += 1;
                people.entry(person[&at]).or_default().push(at);
            }
            let several: Vec<_> = people.iter().filter(|(who, _)| **who < 40).collect();
            assert_eq!(several.len(), 8);
            for (who, own) in several {
                assert_eq!(own.len(), if *who < 20 { 4 } else { 2 });
            }
            assert!(
                people
                    .values()
                    .all(|own| own.iter().collect::<std::collections::HashSet<_>>().len() == own.len())
            );
            assert_eq!(batch.len(), 32);
        }
        assert!(seen.iter().all(|&count| count > 10), "{seen:?}");
        assert_ne!(batches.batch(0), batches.batch(1));
    }
}
