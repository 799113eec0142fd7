//! False positives against misses, for identification and verification: the curve, the equal error rate, the threshold with the fewest
//! errors, and histograms of the scores.

use super::bootstrap::interval;
use super::results::{DetPoint, Histogram};
use super::trials::{Count, Steps, Sums, Trials};

/// Most points of a curve.
const CURVE: usize = 500;

/// Fewer false positives than this say little about a rate: with ten, a 95 % interval reaches from about
/// half of it to about twice.
pub(super) const ENOUGH: u64 = 10;

/// Mated trials against non-mated ones, with the thresholds they are judged at.
pub(super) struct Tradeoff {
    /// Trials of different people.
    pub non_mated: Trials,
    /// Trials of one person.
    pub mated: Trials,
    /// Where thresholds may lie.
    pub steps: Steps,
    /// For each cut, how many mated trials it accepts.
    pub hits: Vec<usize>,
    /// Rates of false positives aimed at.
    pub targets: Vec<f64>,
    /// The cut of each target in the sample itself.
    pub cuts: Vec<usize>,
    /// The cuts drawn as a curve, and their rates of false positives.
    curve: Vec<(usize, f64)>,
}

/// What a sample, or a repetition of it, has of everything that is reported.
pub(super) struct Outcome {
    /// False positives at the thresholds that the sample itself gives for the targets.
    pub false_positives: Vec<Count>,
    /// Misses at the targets, each with the threshold that this repetition gives.
    pub misses: Vec<Count>,
    /// Misses along the curve, likewise.
    pub curve: Vec<Count>,
}

/// Room for the sums of one repetition.
#[derive(Default)]
pub(super) struct Scratch {
    /// Of non-mated trials.
    pub non_mated: Sums,
    /// Of mated trials.
    pub mated: Sums,
}

impl Tradeoff {
    /// Compares both classes. Neither is empty.
    pub fn new(non_mated: Trials, mated: Trials, targets: &[f64]) -> Self {
        let steps = Steps::new(&non_mated, &mated);
        let sums = Sums::plain(&non_mated);
        let curve = steps.thinned(CURVE, &sums);
        Self {
            hits: steps.hits(&mated),
            cuts: targets.iter().map(|target| steps.at_most(*target, &sums)).collect(),
            curve: curve.into_iter().map(|cut| (cut, steps.false_positives(cut, &sums).share())).collect(),
            targets: targets.to_vec(),
            steps,
            non_mated,
            mated,
        }
    }

    /// The sums of the sample itself, where every trial weighs one.
    pub fn plain(&self) -> Scratch {
        Scratch { non_mated: Sums::plain(&self.non_mated), mated: Sums::plain(&self.mated) }
    }

    /// The sums of a repetition.
    pub fn weigh(&self, weights: &[u32], scratch: &mut Scratch) {
        self.non_mated.weigh(weights, &mut scratch.non_mated);
        self.mated.weigh(weights, &mut scratch.mated);
    }

    /// What is reported, of these sums.
    pub fn outcome(&self, sums: &Scratch) -> Outcome {
        let misses = |rate: f64| sums.mated.rest(self.hits[self.steps.at_most(rate, &sums.non_mated)]);
        Outcome {
            false_positives: self
                .cuts
                .iter()
                .map(|cut| self.steps.false_positives(*cut, &sums.non_mated))
                .collect(),
            misses: self.targets.iter().map(|rate| misses(*rate)).collect(),
            curve: self.curve.iter().map(|(_, rate)| misses(*rate)).collect(),
        }
    }

    /// The curve with its intervals. `units`: see [`interval`].
    pub fn curve(&self, observed: &Outcome, repeated: &[&Outcome], units: u64) -> Vec<DetPoint> {
        let points = self.curve.iter().zip(&observed.curve).enumerate();
        points
            .map(|(i, ((cut, false_positive), misses))| {
                let value = misses.share();
                DetPoint {
                    threshold: self.steps.threshold(*cut),
                    false_positive: *false_positive,
                    false_negative: value,
                    interval: interval(value, units, repeated.iter().map(|other| other.curve[i].share())),
                }
            })
            .collect()
    }
}

/// The equal error rate: where the line through the operating points (FMR, FNMR), in order of their thresholds,
/// meets the diagonal FMR = FNMR. Between two operating points that only one class parts this is where the two
/// step functions cross; where equal scores of both classes part them, it is interpolated linearly (ISO/IEC
/// 19795-1 plots such lines as the DET curve). If so many pairs have no score that FNMR is above FMR at every
/// threshold, the mean of both at the lowest. Neither class weighs nothing.
pub(super) fn equal_error(tradeoff: &Tradeoff, corners: &Corners, sums: &Scratch) -> f64 {
    let at = |corner: usize| {
        let (accepted, hits) = corners.at(tradeoff, corner);
        (sums.non_mated.first(accepted).share(), sums.mated.rest(hits).share())
    };
    let (mut low, mut high) = (0, corners.len() - 1);
    let (fmr, fnmr) = at(high);
    if fnmr > fmr {
        return (fmr + fnmr) / 2.0;
    }
    // FNMR - FMR falls from corner to corner: it is above 0 at `low`, the first, and not at `high`.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let (fmr, fnmr) = at(middle);
        if fnmr > fmr { low = middle } else { high = middle }
    }
    let ((fmr, fnmr), (next_fmr, next_fnmr)) = (at(low), at(high));
    if fmr == next_fmr {
        return fmr;
    }
    if fnmr == next_fnmr {
        return fnmr;
    }
    let (gap, next_gap) = (fnmr - fmr, next_fnmr - next_fmr);
    fmr + (next_fmr - fmr) * gap / (gap - next_gap)
}

/// The corners of the line: before the first pair is accepted, then for every cut its lowest threshold, and the
/// next non-mated score.
pub(super) struct Corners {
    /// For each cut but the last, how many mated pairs reach its next non-mated score.
    through: Vec<usize>,
}

impl Corners {
    /// The corners of these pairs.
    pub fn new(tradeoff: &Tradeoff) -> Self {
        let next = |cut| tradeoff.steps.next_score(cut);
        let through = (0..tradeoff.steps.cuts()).filter_map(next);
        Self { through: through.map(|score| tradeoff.mated.reaching(score)).collect() }
    }

    fn len(&self) -> usize {
        2 + 2 * self.through.len()
    }

    /// How many non-mated and mated pairs are accepted at a corner.
    fn at(&self, tradeoff: &Tradeoff, corner: usize) -> (usize, usize) {
        let accepted = |cut| tradeoff.steps.accepted(cut);
        match corner.checked_sub(1) {
            None => (0, 0),
            Some(i) if i % 2 == 0 => (accepted(i / 2), tradeoff.hits[i / 2]),
            Some(i) => (accepted(i / 2 + 1), self.through[i / 2]),
        }
    }
}

/// The threshold at which FMR and FNMR differ least, the highest of several: just above the highest score that
/// it refuses, or what accepts every score.
pub(super) fn nearest_threshold(tradeoff: &Tradeoff) -> f32 {
    let Tradeoff { non_mated, mated, steps, .. } = tradeoff;
    let share = |count: usize, of: &Trials| count as f64 / of.len() as f64;
    let gap = |threshold: f32| {
        let fnmr = 1.0 - share(mated.reaching(threshold), mated);
        (fnmr - share(non_mated.reaching(threshold), non_mated)).abs()
    };
    let scores = non_mated.scores().iter().chain(mated.scores());
    let mut best = steps.threshold(steps.cuts() - 1);
    let mut least = gap(best);
    for threshold in scores.map(|score| score.next_up()) {
        let gap = gap(threshold);
        if gap < least || gap == least && threshold > best {
            (least, best) = (gap, threshold);
        }
    }
    best
}

/// The cut at which most pairs are judged rightly, the first of several, and how many are not. Among thresholds
/// with the same false matches the lowest misses least, so the best is always one of a cut.
pub(super) fn fewest_errors(tradeoff: &Tradeoff, sums: &Scratch) -> (usize, u64) {
    let errors = |cut: usize| {
        let wrong = tradeoff.steps.false_positives(cut, &sums.non_mated);
        wrong.errors + sums.mated.rest(tradeoff.hits[cut]).errors
    };
    let cuts = (0..tradeoff.steps.cuts()).map(|cut| (cut, errors(cut)));
    cuts.min_by_key(|(_, errors)| *errors).unwrap_or((0, 0))
}

/// The middle of the gap between the scores that a cut accepts and those that it refuses. Beyond the highest
/// score the gap ends at 1, beyond the lowest at -1.
pub(super) fn middle(tradeoff: &Tradeoff, cut: usize) -> f32 {
    let Tradeoff { non_mated, mated, steps, hits, .. } = tradeoff;
    let last =
        |trials: &Trials, count: usize| count.checked_sub(1).and_then(|i| trials.scores().get(i).copied());
    let refused = steps.next_score(cut).unwrap_or(steps.threshold(cut));
    let accepted = [last(non_mated, steps.accepted(cut)), last(mated, hits[cut])];
    let lowest = accepted.into_iter().flatten().reduce(f32::min).unwrap_or(refused.next_up().max(1.0));
    let middle = refused + (lowest - refused) / 2.0;
    // Neighbouring numbers have no middle.
    if middle > refused { middle } else { lowest }
}

/// Bins from 0 to 1.
const BINS: i32 = 50;

/// The shares of both classes in bins of 0.02 from -1 to 1, from the first to the last that is not empty. What
/// rounding put beyond -1 or 1 is in the bin next to it. Shares are of the trials that have a score.
pub(super) fn histogram(mated: &[f32], non_mated: &[f32]) -> Histogram {
    let occupied = mated.iter().chain(non_mated).map(|score| bin(*score));
    let (first, last) = occupied.fold((BINS, -BINS - 1), |(a, b), bin| (a.min(bin), b.max(bin)));
    let shares = |scores: &[f32]| {
        let mut counts = vec![0_u64; usize::try_from(last + 1 - first).unwrap_or(0)];
        for score in scores {
            let slot = usize::try_from(bin(*score) - first).ok().and_then(|slot| counts.get_mut(slot));
            slot.into_iter().for_each(|count| *count += 1);
        }
        counts.into_iter().map(|count| count as f64 / scores.len().max(1) as f64).collect()
    };
    Histogram {
        // Divided rather than multiplied by the width: the nearest number to 0.3 is wanted, not 0.30000000000000004.
        start: if first <= last { f64::from(first) / f64::from(BINS) } else { -1.0 },
        width: f64::from(BINS).recip(),
        mated: shares(mated),
        non_mated: shares(non_mated),
    }
}

fn bin(score: f32) -> i32 {
    // Scores with few decimals belong to the bin that starts with them, though the nearest f32 may be below.
    const ROUNDING: f64 = 3e-6;
    ((f64::from(score) * f64::from(BINS) + ROUNDING).floor() as i32).clamp(-BINS, BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_the_scores_they_start_with_and_only_the_occupied_range_is_kept() {
        let histogram = histogram(&[0.3, 0.31, 0.34, 0.7], &[0.3, 0.28]);
        assert_eq!((histogram.start, histogram.width), (0.28, 0.02));
        assert_eq!(histogram.mated.len(), 22);
        assert_eq!(histogram.mated[..4], [0.0, 0.5, 0.0, 0.25]);
        assert_eq!(histogram.mated.last(), Some(&0.25), "0.7 as f32 is below 0.7");
        assert_eq!(histogram.non_mated[..3], [0.5, 0.5, 0.0]);
    }

    #[test]
    fn scores_at_and_beyond_the_ends_and_no_scores_at_all() {
        let ends = histogram(&[1.0, 1.000_000_1], &[-1.0, -1.000_000_1]);
        assert_eq!((ends.start, ends.mated.len()), (-1.0, 100));
        assert_eq!((ends.mated[99], ends.non_mated[0]), (1.0, 1.0));
        assert!(histogram(&[], &[]).mated.is_empty());
        assert_eq!(histogram(&[0.5], &[]).non_mated, [0.0]);
    }
}
