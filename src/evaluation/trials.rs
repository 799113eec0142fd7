//! Trials of one class, mated or non-mated, best score first, and where thresholds may lie between them.
//!
//! A score at or above a threshold is accepted. As the threshold falls, the false positives grow in steps, one
//! for each distinct score of a non-mated trial; equal scores are accepted together or not at all. Of all the
//! thresholds between two steps the lowest is meant everywhere: the number just above the next non-mated score,
//! which has the fewest misses of those with the same false positives.

use super::{EvaluationError, Result};

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

/// The lowest cosine there is.
const LOWEST: f32 = -1.0;

/// The distinct scores of non-mated trials, highest first. Cut `c` accepts the first `c` of them; there is one
/// more cut than there are scores.
pub(super) struct Steps {
    scores: Vec<f32>,
    /// For each cut, how many non-mated trials it accepts.
    accepted: Vec<usize>,
    /// What accepts every trial that has a score.
    floor: f32,
}

impl Steps {
    /// The steps of these non-mated trials, in front of these mated ones.
    pub fn new(non_mated: &Trials, mated: &Trials) -> Self {
        let mut scores: Vec<f32> = non_mated.scores().to_vec();
        scores.dedup();
        let mut accepted: Vec<usize> = scores.iter().map(|score| non_mated.above(*score)).collect();
        accepted.push(non_mated.scores().len());
        let lowest = [non_mated, mated].into_iter().filter_map(|trials| trials.scores().last().copied());
        Self { scores, accepted, floor: lowest.fold(LOWEST, f32::min) }
    }

    /// How many cuts there are.
    pub fn cuts(&self) -> usize {
        self.accepted.len()
    }

    /// The lowest threshold that accepts what a cut accepts.
    pub fn threshold(&self, cut: usize) -> f32 {
        self.scores.get(cut).map_or(self.floor, |score| score.next_up())
    }

    /// The score at which the next cut begins; `None` if a cut accepts all.
    pub fn next_score(&self, cut: usize) -> Option<f32> {
        self.scores.get(cut).copied()
    }

    /// How many non-mated trials a cut accepts, by number, not by weight.
    pub fn accepted(&self, cut: usize) -> usize {
        self.accepted[cut]
    }

    /// The false positives of a cut.
    pub fn false_positives(&self, cut: usize, non_mated: &Sums) -> Count {
        non_mated.first(self.accepted[cut])
    }

    /// The furthest cut whose false positives are at most a share. Cut 0 has none, so there always is one.
    pub fn at_most(&self, target: f64, non_mated: &Sums) -> usize {
        let within = |accepted: &usize| non_mated.first(*accepted).share() <= target;
        self.accepted.partition_point(within).saturating_sub(1)
    }

    /// For each cut, how many of some mated trials its threshold accepts.
    pub fn hits(&self, mated: &Trials) -> Vec<usize> {
        (0..self.cuts()).map(|cut| mated.reaching(self.threshold(cut))).collect()
    }

    /// At most about `limit` cuts that draw the same curve over the logarithm of false positives: the first,
    /// the last, and the first of every equal stretch of the logarithm. All, if they are few.
    pub fn thinned(&self, limit: usize, non_mated: &Sums) -> Vec<usize> {
        let last = self.cuts() - 1;
        let log = |cut: usize| (self.false_positives(cut, non_mated).errors as f64).ln();
        if self.cuts() <= limit {
            return (0..=last).collect();
        }
        let stretch = (log(last) - log(1)) / limit as f64;
        let mut kept = vec![0];
        let mut reached = None;
        for cut in 1..=last {
            let at = Some(((log(cut) - log(1)) / stretch) as u64);
            if at != reached || cut == last {
                kept.push(cut);
                reached = at;
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::super::trials::ONE;

    fn trials(scores: impl IntoIterator<Item = f32>) -> Trials {
        Trials::new(scores.into_iter().map(|score| (Some(score), [ONE, ONE])))
    }

    #[test]
    fn equal_scores_are_one_step_and_so_are_the_two_zeros() {
        let non_mated = trials([0.5, 0.0, 0.5, -0.0]);
        let steps = Steps::new(&non_mated, &trials([0.5]));
        assert_eq!((steps.cuts(), &steps.accepted), (3, &vec![0, 2, 4]));
        let thresholds: Vec<f32> = (0..3).map(|cut| steps.threshold(cut)).collect();
        assert_eq!(thresholds, [0.5_f32.next_up(), 0.0_f32.next_up(), -1.0]);
        assert_eq!(steps.hits(&trials([0.5, 0.6])), [1, 2, 2]);
    }

    #[test]
    fn a_share_written_in_decimals_is_met_exactly() {
        let non_mated = trials((0..1000).map(|i| i as f32));
        let steps = Steps::new(&non_mated, &trials([]));
        let sums = Sums::plain(&non_mated);
        for (target, cut) in [(0.001, 1), (0.007, 7), (0.1, 100), (0.3, 300), (0.0009, 0), (1.0, 1000)] {
            assert_eq!(steps.at_most(target, &sums), cut, "{target}");
        }
    }

    #[test]
    fn a_thinned_curve_keeps_its_ends_and_its_rare_alarms() {
        let non_mated = trials((0..100_000).map(|i| i as f32));
        let sums = Sums::plain(&non_mated);
        let kept = Steps::new(&non_mated, &trials([])).thinned(500, &sums);
        assert!(kept.len() <= 502, "{}", kept.len());
        assert_eq!(kept[..30], (0..30).collect::<Vec<_>>());
        assert_eq!(kept.last(), Some(&100_000));
        assert!(kept.windows(2).skip(30).all(|pair| pair[1] as f64 / (pair[0] as f64) < 1.05));
    }
}
