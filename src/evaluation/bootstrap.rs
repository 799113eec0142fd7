//! The bootstrap over subjects: how much a figure would vary had other people been photographed.
//!
//! Trials that share a person are not independent: someone who is hard to recognise fails in every photo.
//! So subjects are drawn, not trials, and all searches of a drawn subject come along, once for each time it
//! was drawn (the subsets bootstrap: Bolle, Ratha and Pankanti, Error analysis of pattern recognition systems,
//! Computer Vision and Image Understanding 93, 2004). A pair of two subjects comes along once for each pairing
//! of their drawings (the vertex bootstrap: Snijders and Borgatti, Non-parametric standard errors and tests for
//! network statistics, Connections 22, 1999). Product weights err to the wide side: were all pairs independent,
//! the interval would be up to the root of 3 too wide (Owen, The pigeonhole bootstrap, Annals of Applied
//! Statistics 1, 2007).

use std::collections::HashMap;
use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::options::Options;
use super::trials::ONE;

/// The subjects that are drawn from, in blocks that are drawn independently of each other.
pub(super) struct Population {
    blocks: Vec<Range<u32>>,
    end: u32,
}

impl Population {
    /// Nobody yet.
    pub fn new() -> Self {
        Self { blocks: Vec::new(), end: ONE + 1 }
    }

    /// Adds the subjects of one block, given once for each of their trials, and says which unit each is.
    pub fn add(&mut self, subjects: impl IntoIterator<Item = u64>) -> Vec<u32> {
        let start = self.end;
        // Units are numbered as they appear, not as a hash map orders them, so that draws can be repeated.
        let mut known = HashMap::new();
        let units = subjects
            .into_iter()
            .map(|subject| {
                *known.entry(subject).or_insert_with(|| {
                    self.end += 1;
                    self.end - 1
                })
            })
            .collect();
        self.blocks.push(start..self.end);
        units
    }

    /// How many subjects a block has, in the order in which blocks were added.
    pub fn subjects(&self, block: usize) -> u64 {
        self.blocks.get(block).map_or(0, |units| units.len() as u64)
    }

    /// Draws as many subjects from each block as it has, with replacement: how often each unit was drawn.
    fn draw(&self, rng: &mut ChaCha8Rng, weights: &mut Vec<u32>) {
        weights.clear();
        weights.resize(self.end as usize, 0);
        weights[ONE as usize] = 1;
        for block in &self.blocks {
            for _ in block.clone() {
                weights[rng.random_range(block.clone()) as usize] += 1;
            }
        }
    }
}

/// How often to draw, and by which seed.
#[derive(Clone, Copy)]
pub(super) struct Bootstrap {
    seed: u64,
    repetitions: u32,
    stream: u32,
}

impl Bootstrap {
    /// The bootstrap of the whole sample.
    pub fn new(options: &Options) -> Self {
        Self { seed: options.seed, repetitions: options.repetitions, stream: 0 }
    }

    /// One of other draws: sample 0 is the whole.
    pub fn of_sample(self, stream: u32) -> Self {
        Self { stream, ..self }
    }

    /// What `figures` makes of each repetition's weights, in order. It gets scratch space to reuse.
    pub fn repeat<S: Default, F: Send>(
        self,
        population: &Population,
        figures: impl Fn(&[u32], &mut S) -> F + Sync,
    ) -> Vec<F> {
        (0..self.repetitions)
            .into_par_iter()
            .map_init(
                || (Vec::new(), S::default()),
                |(weights, scratch), repetition| {
                    population.draw(&mut self.generator(repetition), weights);
                    figures(weights, scratch)
                },
            )
            .collect()
    }

    /// A stream of its own for every repetition, so that it does not matter which thread draws when.
    fn generator(self, repetition: u32) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(u64::from(self.stream) << 32 | u64::from(repetition));
        rng
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed_and_keep_to_their_blocks() {
        let mut population = Population::new();
        assert_eq!(population.add([7, 9, 7, 8]), [1, 2, 1, 3]);
        assert_eq!(population.add([7, 5]), [4, 5], "blocks do not share units");
        let options = Options { repetitions: 50, ..Options::default() };
        let draws = |stream: u32| {
            let bootstrap = Bootstrap::new(&options).of_sample(stream);
            bootstrap.repeat(&population, |weights, _: &mut ()| weights.to_vec())
        };
        for weights in draws(0) {
            assert_eq!(weights[0], 1);
            assert_eq!(weights[1..4].iter().sum::<u32>(), 3);
            assert_eq!(weights[4..].iter().sum::<u32>(), 2);
        }
        assert_eq!(draws(0), draws(0));
        assert_ne!(draws(0), draws(1));
    }
}
