//! Where both errors are equal, and where fewest are made.

use super::tradeoff::{Scratch, Tradeoff};
use super::trials::Trials;

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
