//! The numbers of 1:1: FNMR at FMR, the DET curve, the equal error rate, accuracy.

use std::collections::HashSet;

use super::bootstrap::{Bootstrap, Population, complement, interval, rate};
use super::results::{Rate, Verification, VerificationPoint};
use super::tradeoff::{
    Corners, ENOUGH, Outcome, Scratch, Tradeoff, equal_error, fewest_errors, histogram, middle,
    nearest_threshold,
};
use super::trials::{Count, ONE, Trials, check_scores};
use super::{Comparison, EvaluationError, Options, Result, check_targets};

/// Judges pairs.
///
/// FMR(T) is the share of non-mated pairs whose score reaches the threshold T, FNMR(T) the share of mated pairs
/// whose score does not. A pair without a score is no match. Thresholds are chosen as in
/// [`identification`](super::identification).
///
/// # Errors
/// A class has no pairs, a score is not finite, or a target is no share.
pub fn verification(pairs: &[Comparison], options: &Options) -> Result<Verification> {
    check_targets("FMR", &options.fmr_targets)?;
    check_scores("pair", pairs.iter().map(|pair| pair.score))?;
    let classes = Classes::new(pairs, options)?;
    let observed = classes.figures(&classes.tradeoff.plain());
    let bootstrap = Bootstrap::new(options);
    let repeated = bootstrap.repeat(&classes.population, |weights, scratch: &mut Scratch| {
        classes.tradeoff.weigh(weights, scratch);
        // Of few people a repetition can draw no pair of a class, and then has none of the rates.
        (scratch.mated.total() > 0 && scratch.non_mated.total() > 0).then(|| classes.figures(scratch))
    });
    let repeated: Vec<Figures> = repeated.into_iter().flatten().collect();
    let outcomes: Vec<&Outcome> = repeated.iter().map(|figures| &figures.outcome).collect();
    let Tradeoff { mated, non_mated, .. } = &classes.tradeoff;
    let without_score = |trials: &Trials| (trials.len() - trials.scores().len()) as u64;
    let accuracy = rate(observed.wrong, classes.least(), repeated.iter().map(|figures| figures.wrong));
    let eer_threshold = nearest_threshold(&classes.tradeoff);
    Ok(Verification {
        pairs: [mated.len() as u64, non_mated.len() as u64],
        subjects: classes.population.subjects(0),
        failed_to_acquire: [without_score(mated), without_score(non_mated)],
        accuracy: complement(accuracy),
        accuracy_threshold: middle(&classes.tradeoff, observed.best_cut),
        eer: classes.eer(observed.eer, eer_threshold, repeated.iter().map(|figures| figures.eer)),
        eer_threshold,
        points: classes.points(&observed.outcome, &outcomes),
        det: classes.tradeoff.curve(&observed.outcome, &outcomes, classes.mated_subjects),
        histogram: histogram(mated.scores(), non_mated.scores()),
    })
}

/// The pairs of both classes. One drawing of subjects serves both, as people appear in both.
struct Classes {
    population: Population,
    tradeoff: Tradeoff,
    corners: Corners,
    /// Subjects that appear in mated pairs.
    mated_subjects: u64,
}

/// What the sample or a repetition shows.
struct Figures {
    outcome: Outcome,
    eer: f64,
    /// Pairs judged wrongly at the threshold that is best here.
    wrong: Count,
    best_cut: usize,
}

impl Classes {
    fn new(pairs: &[Comparison], options: &Options) -> Result<Self> {
        let mut population = Population::new();
        let units = population.add(pairs.iter().flat_map(|pair| [pair.a, pair.b]));
        let owned = || pairs.iter().zip(units.chunks_exact(2));
        let mated = Trials::new(
            owned().filter(|(pair, _)| pair.is_mated()).map(|(pair, units)| (pair.score, [units[0], ONE])),
        );
        let non_mated = Trials::new(
            owned()
                .filter(|(pair, _)| !pair.is_mated())
                .map(|(pair, units)| (pair.score, [units[0], units[1]])),
        );
        if mated.len() == 0 {
            return Err(EvaluationError::NoMatedPairs);
        }
        if non_mated.len() == 0 {
            return Err(EvaluationError::NoNonMatedPairs);
        }
        let subjects: HashSet<u64> = pairs.iter().filter(|pair| pair.is_mated()).map(|pair| pair.a).collect();
        let tradeoff = Tradeoff::new(non_mated, mated, &options.fmr_targets);
        Ok(Self {
            corners: Corners::new(&tradeoff),
            mated_subjects: subjects.len() as u64,
            population,
            tradeoff,
        })
    }

    fn figures(&self, sums: &Scratch) -> Figures {
        let (best_cut, errors) = fewest_errors(&self.tradeoff, sums);
        Figures {
            outcome: self.tradeoff.outcome(sums),
            eer: equal_error(&self.tradeoff, &self.corners, sums),
            wrong: Count { errors, trials: sums.mated.total() + sums.non_mated.total() },
            best_cut,
        }
    }

    fn points(&self, observed: &Outcome, repeated: &[&Outcome]) -> Vec<VerificationPoint> {
        let rate = |units: u64, i: usize, of: fn(&Outcome) -> &[Count]| {
            rate(of(observed)[i], units, repeated.iter().map(|outcome| of(outcome)[i]))
        };
        let cuts = self.tradeoff.targets.iter().zip(&self.tradeoff.cuts).enumerate();
        cuts.map(|(i, (target, cut))| {
            let fmr = rate(self.tradeoff.non_mated.len() as u64, i, |outcome| &outcome.false_positives);
            VerificationPoint {
                target_fmr: *target,
                threshold: self.tradeoff.steps.threshold(*cut),
                fmr,
                fnmr: rate(self.mated_subjects, i, |outcome| &outcome.misses),
                few: fmr.errors < ENOUGH,
            }
        })
        .collect()
    }

    /// The equal error rate, with the errors of both kinds at the threshold nearest to it.
    fn eer(&self, value: f64, threshold: f32, repeated: impl Iterator<Item = f64>) -> Rate {
        let Tradeoff { mated, non_mated, .. } = &self.tradeoff;
        let misses = mated.len() - mated.reaching(threshold);
        Rate {
            value,
            interval: interval(value, self.least(), repeated),
            errors: (misses + non_mated.reaching(threshold)) as u64,
            trials: (mated.len() + non_mated.len()) as u64,
        }
    }

    /// Units of the smaller class, which bounds what both together can prove.
    fn least(&self) -> u64 {
        self.mated_subjects.min(self.tradeoff.non_mated.len() as u64)
    }
}
