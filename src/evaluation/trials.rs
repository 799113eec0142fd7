//! Trials of one class, mated or non-mated, best score first.

use super::error::{EvaluationError, Result};

/// The bootstrap units a trial belongs to, whose weights are multiplied: the subject of a search and
/// [`ONE`], or both subjects of a pair.
pub(super) type Owners = [u32; 2];

/// The unit that weighs one in every repetition.
pub(super) const ONE: u32 = 0;

/// Trials in the order in which a falling threshold accepts them, those without a score last.
pub(super) struct Trials {
    scores: Vec<f32>,
    owners: Vec<Owners>,
}

impl Trials {
    /// Sorts trials; `None` is never accepted.
    pub fn new(trials: impl IntoIterator<Item = (Option<f32>, Owners)>) -> Self {
        let mut sorted: Vec<(f32, Owners)> =
            trials.into_iter().map(|(score, owners)| (score.unwrap_or(f32::NEG_INFINITY), owners)).collect();
        sorted.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let scores = sorted.iter().map(|(score, _)| *score).take_while(|score| score.is_finite()).collect();
        Self { scores, owners: sorted.into_iter().map(|(_, owners)| owners).collect() }
    }

    /// How many there are, with a score or without.
    pub fn len(&self) -> usize {
        self.owners.len()
    }

    /// The scores there are, highest first.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// How many score at or above a threshold.
    pub fn reaching(&self, threshold: f32) -> usize {
        self.scores.partition_point(|score| *score >= threshold)
    }

    /// How many score higher.
    pub fn above(&self, score: f32) -> usize {
        self.scores.partition_point(|other| *other > score)
    }

    /// The running sum of the trials' weights. `weights` has one for every unit.
    pub fn weigh(&self, weights: &[u32], sums: &mut Sums) {
        let mut sum = 0;
        sums.0.clear();
        sums.0.push(sum);
        sums.0.extend(self.owners.iter().map(|[a, b]| {
            sum += u64::from(weights[*a as usize]) * u64::from(weights[*b as usize]);
            sum
        }));
    }
}

/// Running sums of the weights of [`Trials`]: what the first 0, 1, 2, ... weigh together.
#[derive(Default)]
pub(super) struct Sums(Vec<u64>);

impl Sums {
    /// Where every trial weighs one.
    pub fn plain(trials: &Trials) -> Self {
        Self((0..=trials.len() as u64).collect())
    }

    /// What all trials weigh.
    pub fn total(&self) -> u64 {
        self.0.last().copied().unwrap_or(0)
    }

    /// The first `count` trials, as errors of all: false positives if so many are accepted.
    pub fn first(&self, count: usize) -> Count {
        Count { errors: self.0[count], trials: self.total() }
    }

    /// All but the first `count`, as errors of all: misses if so many are accepted.
    pub fn rest(&self, count: usize) -> Count {
        Count { errors: self.total() - self.0[count], trials: self.total() }
    }
}

/// Errors among trials, both weighted in a repetition of the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// What went wrong.
    pub errors: u64,
    /// All there is.
    pub trials: u64,
}

impl Count {
    /// The error rate, the nearest number to the fraction; NaN of no trials.
    pub fn share(self) -> f64 {
        self.errors as f64 / self.trials as f64
    }
}

/// Refuses a score that is NaN or infinite: it would be neither accepted nor refused by every threshold.
pub(super) fn check_scores(trial: &'static str, scores: impl IntoIterator<Item = Option<f32>>) -> Result<()> {
    match scores.into_iter().enumerate().find_map(|(i, s)| s.filter(|s| !s.is_finite()).map(|s| (i, s))) {
        Some((position, score)) => Err(EvaluationError::Score { trial, position, score }),
        None => Ok(()),
    }
}
