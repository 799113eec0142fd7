//! False positives against misses: what identification and verification have in common.

use super::interval::interval;
use super::report::DetPoint;
use super::steps::Steps;
use super::trials::{Count, Sums, Trials};

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
    /// Lays both classes against each other. Neither is empty.
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
