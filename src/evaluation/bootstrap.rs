//! The bootstrap over subjects, and 95 % intervals: how much a figure would vary with another sample of people.
//!
//! Trials that share a person are not independent: someone who is hard to recognise fails in every photo.
//! So subjects are drawn, not trials, and all searches of a drawn subject count, once for each time it
//! was drawn (the subsets bootstrap: Bolle, Ratha and Pankanti, Error analysis of pattern recognition systems,
//! Computer Vision and Image Understanding 93, 2004). A pair of two subjects counts once for each pairing
//! of their drawings (the vertex bootstrap: Snijders and Borgatti, Non-parametric standard errors and tests for
//! network statistics, Connections 22, 1999). Product weights err to the wide side: were all pairs independent,
//! the interval would be up to the root of 3 too wide (Owen, The pigeonhole bootstrap, Annals of Applied
//! Statistics 1, 2007).

use std::collections::HashMap;
use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{Beta, ContinuousCDF};

use super::Options;
use super::results::Rate;
use super::trials::{Count, ONE};

/// The subjects that are drawn from, in blocks that are drawn independently of each other.
pub(super) struct Population {
    blocks: Vec<Range<u32>>,
    end: u32,
}

impl Population {
    /// An empty population.
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

/// The probability outside an interval on each side: half of 5 %.
const TAIL: f64 = 0.025;

/// A rate of errors with its interval. `units`: see [`interval`].
pub(super) fn rate(observed: Count, units: u64, repeated: impl IntoIterator<Item = Count>) -> Rate {
    let value = observed.share();
    Rate {
        value,
        interval: interval(value, units, repeated.into_iter().map(Count::share)),
        errors: observed.errors,
        trials: observed.trials,
    }
}

/// The share of successes instead of failures. `errors` still counts failures.
pub(super) fn complement(rate: Rate) -> Rate {
    let [low, high] = rate.interval;
    let value = (rate.trials - rate.errors) as f64 / rate.trials as f64;
    Rate { value, interval: [(1.0 - high).min(value), (1.0 - low).max(value)], ..rate }
}

/// The percentile interval of repetitions, which always holds the value itself.
///
/// Where nothing or everything failed, drawing the same trials again shows no failure or success either,
/// however few they are. There the exact binomial interval joins in, over `units`: subjects rather than trials,
/// as many photos of few people prove little about others.
pub(super) fn interval(value: f64, units: u64, repeated: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let varied = percentiles(repeated);
    let [low, high] = match varied {
        Some(varied) if 0.0 < value && value < 1.0 => varied,
        _ => {
            let exact = exact(value, units);
            varied.map_or(exact, |varied| [varied[0].min(exact[0]), varied[1].max(exact[1])])
        }
    };
    [low.min(value), high.max(value)]
}

/// The middle 95 % of what repetitions gave; `None` without any.
fn percentiles(repeated: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let mut sorted: Vec<f64> = repeated.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let outside = (TAIL * sorted.len() as f64) as usize;
    let low = sorted.get(outside)?;
    let high = sorted.get(sorted.len() - 1 - outside)?;
    Some([*low, *high])
}

/// The interval of Clopper and Pearson (The use of confidence or fiducial limits illustrated in the case of
/// the binomial, Biometrika 26, 1934) for a share of `units`, which need not be a whole number of them.
fn exact(share: f64, units: u64) -> [f64; 2] {
    let trials = units as f64;
    let errors = share * trials;
    if units == 0 || share.is_nan() {
        return [0.0, 1.0];
    }
    // At the ends the beta distribution's quantiles have a closed form.
    let end = 1.0 - TAIL.powf(trials.recip());
    match (errors <= 0.0, errors >= trials) {
        (true, _) => [0.0, end],
        (_, true) => [1.0 - end, 1.0],
        _ => [
            quantile(errors, trials - errors + 1.0, TAIL).unwrap_or(0.0),
            quantile(errors + 1.0, trials - errors, 1.0 - TAIL).unwrap_or(1.0),
        ],
    }
}

fn quantile(a: f64, b: f64, at: f64) -> Option<f64> {
    Some(Beta::new(a, b).ok()?.inverse_cdf(at)).filter(|value| value.is_finite())
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

    #[test]
    fn the_exact_interval_is_that_of_the_tables() {
        // 0 of 10 and 3 of 10, as binom.test of R gives them.
        let close = |[a, b]: [f64; 2], [c, d]: [f64; 2]| (a - c).abs() < 1e-6 && (b - d).abs() < 1e-6;
        assert!(close(exact(0.0, 10), [0.0, 0.308_497_1]), "{:?}", exact(0.0, 10));
        assert!(close(exact(1.0, 10), [0.691_502_9, 1.0]), "{:?}", exact(1.0, 10));
        assert!(close(exact(0.3, 10), [0.066_739_51, 0.652_452_85]), "{:?}", exact(0.3, 10));
        assert_eq!(exact(f64::NAN, 10), [0.0, 1.0]);
        assert_eq!(exact(0.5, 0), [0.0, 1.0]);
    }

    #[test]
    fn an_interval_leaves_out_a_fortieth_on_each_side_and_holds_its_value() {
        let repeated = || (0..1000).map(|i| f64::from(i) / 1000.0);
        assert_eq!(interval(0.5, 1, repeated()), [0.025, 0.974]);
        assert_eq!(interval(0.99, 1, repeated()), [0.025, 0.99]);
    }

    #[test]
    fn nothing_failed_does_not_mean_that_nothing_can() {
        let [low, high] = interval(0.0, 10, [0.0; 100]);
        assert_eq!(low, 0.0);
        assert!((high - 0.308_497_1).abs() < 1e-6);
        assert_eq!(interval(0.0, 10, [0.5; 100]), [0.0, 0.5], "thresholds that vary count too");
    }
}
