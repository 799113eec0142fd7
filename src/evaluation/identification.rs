//! The numbers of 1:N: FNIR at FPIR, the DET curve, the CMC curve, growth with the gallery.

use super::bootstrap::{Bootstrap, Population, complement, rate};
use super::results::{CmcPoint, FpirBySize, Identification, OperatingPoint, Rate, SizePoint};
use super::tradeoff::{self, ENOUGH, Outcome, Tradeoff, histogram};
use super::trials::{Count, ONE, Sums, Trials, check_scores};
use super::{EvaluationError, NonMatedSearch, Options, Result, Searches, check_targets};

/// Judges the searches of one gallery.
///
/// FPIR(T) is the share of non-mated searches whose best score reaches the threshold T, FNIR(N, R, T) the share
/// of mated searches whose mate does not reach T or has a rank beyond R. The threshold at a FPIR is the lowest
/// one at which the observed FPIR is at most that; below one false alarm it lies just above the best non-mated
/// score. The intervals of FNIR at a FPIR include what is not known about the threshold; those of FPIR are at the
/// threshold given.
///
/// # Errors
/// A class has no searches, a score is not finite, a rank is 0, or a target is no share.
pub fn identification(searches: &Searches, options: &Options) -> Result<Identification> {
    check(searches, options)?;
    let trials = Classes::new(searches, options);
    let plain = Scratch {
        tradeoff: trials.tradeoff.plain(),
        first: Sums::plain(&trials.first),
        ranks: Sums::plain(&trials.ranks),
    };
    let observed = trials.figures(&plain);
    let bootstrap = Bootstrap::new(options);
    let repeated = bootstrap.repeat(&trials.population, |weights, scratch: &mut Scratch| {
        trials.tradeoff.weigh(weights, &mut scratch.tradeoff);
        trials.first.weigh(weights, &mut scratch.first);
        trials.ranks.weigh(weights, &mut scratch.ranks);
        trials.figures(scratch)
    });
    let points = trials.points(&observed, &repeated);
    let outcomes: Vec<&Outcome> = repeated.iter().map(|figures| &figures.outcome).collect();
    let subjects = [trials.population.subjects(0), trials.population.subjects(1)];
    Ok(Identification {
        subjects: searches.subjects,
        templates: searches.templates,
        mated: [searches.mated.len() as u64, subjects[0]],
        non_mated: [searches.non_mated.len() as u64, subjects[1]],
        failed_to_acquire: [
            searches.mated_without_face,
            searches.non_mated.iter().filter(|search| search.best.is_none()).count() as u64,
        ],
        det: trials.tradeoff.curve(&observed.outcome, &outcomes, subjects[0]),
        cmc: trials.cmc(&observed, &repeated),
        growth: growth(&points, searches, bootstrap),
        points,
        histogram: histogram(trials.tradeoff.mated.scores(), trials.tradeoff.non_mated.scores()),
    })
}

fn check(searches: &Searches, options: &Options) -> Result<()> {
    check_targets("FPIR", &options.fpir_targets)?;
    let whole = (searches.subjects, &searches.non_mated);
    match searches {
        Searches { subjects: 0, .. } => return Err(EvaluationError::EmptyGallery),
        Searches { mated, .. } if mated.is_empty() => return Err(EvaluationError::NoMatedSearches),
        Searches { non_mated, .. } if non_mated.is_empty() => {
            return Err(EvaluationError::NoNonMatedSearches);
        }
        _ => {}
    }
    check_scores("mated search", searches.mated.iter().map(|search| search.mate.map(|(score, _)| score)))?;
    let mut ranks = searches.mated.iter().map(|search| search.mate.map(|(_, rank)| rank));
    if let Some(position) = ranks.position(|rank| rank == Some(0)) {
        return Err(EvaluationError::Rank { position });
    }
    check_scores("non-mated search", whole.1.iter().map(|search| search.best))?;
    for (subjects, part) in &searches.parts {
        if part.is_empty() {
            return Err(EvaluationError::EmptyPart { subjects: *subjects });
        }
        check_scores("non-mated search of a part of the gallery", part.iter().map(|search| search.best))?;
    }
    Ok(())
}

/// The best scores of non-mated searches, each with its unit of the population.
pub(super) fn best_scores(searches: &[NonMatedSearch], population: &mut Population) -> Trials {
    let units = population.add(searches.iter().map(|search| search.subject));
    Trials::new(searches.iter().zip(units).map(|(search, unit)| (search.best, [unit, ONE])))
}

/// The searches, sorted in every way that is needed.
struct Classes {
    population: Population,
    tradeoff: Tradeoff,
    /// The mated searches again: those whose mate is not the first have no score.
    first: Trials,
    /// For each cut, how many of `first` it accepts.
    first_hits: Vec<usize>,
    /// The mated searches once more, scored by rank: the negative rank.
    ranks: Trials,
    /// For the ranks 1, 2, ..., how many mates have at most that rank.
    found: Vec<usize>,
}

/// What the sample or a repetition shows.
struct Figures {
    outcome: Outcome,
    first: Vec<Count>,
    /// Mates not found, by rank.
    cmc: Vec<Count>,
}

/// Room for the sums of one repetition.
#[derive(Default)]
struct Scratch {
    tradeoff: tradeoff::Scratch,
    first: Sums,
    ranks: Sums,
}

impl Classes {
    fn new(searches: &Searches, options: &Options) -> Self {
        let mut population = Population::new();
        let units = population.add(searches.mated.iter().map(|search| search.subject));
        let mates = || searches.mated.iter().map(|search| search.mate).zip(&units);
        let mated = Trials::new(mates().map(|(mate, unit)| (mate.map(|(score, _)| score), [*unit, ONE])));
        let first = Trials::new(
            mates().map(|(mate, unit)| (mate.filter(|(_, rank)| *rank == 1).map(|(s, _)| s), [*unit, ONE])),
        );
        // Beyond 16 million an f32 takes neighbouring ranks for one, which no curve shows.
        let ranks =
            Trials::new(mates().map(|(mate, unit)| (mate.map(|(_, rank)| -(rank as f32)), [*unit, ONE])));
        let known = searches.mated.iter().filter_map(|search| search.mate.map(|(_, rank)| rank)).max();
        let last =
            known.unwrap_or(1).min(options.ranks).min(u32::try_from(searches.subjects).unwrap_or(u32::MAX));
        let non_mated = best_scores(&searches.non_mated, &mut population);
        let tradeoff = Tradeoff::new(non_mated, mated, &options.fpir_targets);
        Self {
            first_hits: tradeoff.steps.hits(&first),
            found: (1..=last).map(|rank| ranks.reaching(-(rank as f32))).collect(),
            population,
            tradeoff,
            first,
            ranks,
        }
    }

    fn figures(&self, sums: &Scratch) -> Figures {
        let Tradeoff { steps, targets, .. } = &self.tradeoff;
        let first = |rate: &f64| {
            let cut = steps.at_most(*rate, &sums.tradeoff.non_mated);
            sums.first.rest(self.first_hits[cut])
        };
        Figures {
            outcome: self.tradeoff.outcome(&sums.tradeoff),
            first: targets.iter().map(first).collect(),
            cmc: self.found.iter().map(|found| sums.ranks.rest(*found)).collect(),
        }
    }

    fn points(&self, observed: &Figures, repeated: &[Figures]) -> Vec<OperatingPoint> {
        let [mated, non_mated] = [0, 1].map(|block| self.population.subjects(block));
        let rate = |units: u64, i: usize, of: fn(&Figures) -> &[Count]| {
            rate(of(observed)[i], units, repeated.iter().map(|figures| of(figures)[i]))
        };
        let cuts = self.tradeoff.targets.iter().zip(&self.tradeoff.cuts).enumerate();
        cuts.map(|(i, (target, cut))| {
            let fpir = rate(non_mated, i, |figures| &figures.outcome.false_positives);
            OperatingPoint {
                target_fpir: *target,
                threshold: self.tradeoff.steps.threshold(*cut),
                fpir,
                fnir: rate(mated, i, |figures| &figures.outcome.misses),
                fnir_rank_1: rate(mated, i, |figures| &figures.first),
                few: fpir.errors < ENOUGH,
            }
        })
        .collect()
    }

    fn cmc(&self, observed: &Figures, repeated: &[Figures]) -> Vec<CmcPoint> {
        let units = self.population.subjects(0);
        let missed = |i: usize| repeated.iter().map(move |figures| figures.cmc[i]);
        let ranks = (1..).zip(observed.cmc.iter().enumerate());
        ranks
            .map(|(rank, (i, count))| CmcPoint {
                rank,
                identified: complement(rate(*count, units, missed(i))),
            })
            .collect()
    }
}

/// FPIR in every part of the gallery at the threshold of each operating point that rests on enough. Nothing if
/// the gallery was not searched in parts.
pub(super) fn growth(
    points: &[OperatingPoint],
    searches: &Searches,
    bootstrap: Bootstrap,
) -> Vec<FpirBySize> {
    let solid: Vec<&OperatingPoint> = points.iter().filter(|point| !point.few).collect();
    if searches.parts.is_empty() || solid.is_empty() {
        return Vec::new();
    }
    let thresholds: Vec<f32> = solid.iter().map(|point| point.threshold).collect();
    let parts: Vec<(u64, Vec<Rate>)> = (1..)
        .zip(&searches.parts)
        .map(|(sample, (subjects, part))| (*subjects, rates(part, &thresholds, bootstrap.of_sample(sample))))
        .collect();
    let whole = searches.subjects;
    solid
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let part = parts.iter().map(|(subjects, rates)| (*subjects, rates[i]));
            let points = part.chain([(whole, point.fpir)]).map(|(subjects, fpir)| SizePoint {
                subjects,
                fpir,
                predicted: predicted(point.fpir.value, subjects, whole),
            });
            FpirBySize {
                threshold: point.threshold,
                target_fpir: point.target_fpir,
                points: points.collect(),
            }
        })
        .collect()
}

/// FPIR of one part at each threshold.
fn rates(part: &[super::NonMatedSearch], thresholds: &[f32], bootstrap: Bootstrap) -> Vec<Rate> {
    let mut population = Population::new();
    let trials = best_scores(part, &mut population);
    let alarms: Vec<usize> = thresholds.iter().map(|threshold| trials.reaching(*threshold)).collect();
    let counts = |sums: &Sums| -> Vec<Count> { alarms.iter().map(|alarms| sums.first(*alarms)).collect() };
    let repeated = bootstrap.repeat(&population, |weights, sums: &mut Sums| {
        trials.weigh(weights, sums);
        counts(sums)
    });
    let observed = counts(&Sums::plain(&trials));
    let units = population.subjects(0);
    (observed.iter().enumerate())
        .map(|(i, count)| rate(*count, units, repeated.iter().map(|counts| counts[i])))
        .collect()
}

/// 1 - (1 - rate)^(subjects / whole), without the cancellation of small rates: a search of `n` subjects raises
/// no alarm if none of them does, and all are taken to do so alike and independently.
fn predicted(rate: f64, subjects: u64, whole: u64) -> f64 {
    match subjects {
        0 => 0.0,
        // Nothing is predicted here, and logarithms would blur the last digit.
        _ if subjects == whole => rate,
        _ => -(subjects as f64 / whole as f64 * (-rate).ln_1p()).exp_m1(),
    }
}

#[cfg(test)]
mod tests {
    use super::predicted;

    #[test]
    fn half_a_gallery_is_predicted_to_raise_a_little_more_than_half_the_alarms() {
        assert!((predicted(0.75, 50, 100) - 0.5).abs() < 1e-15);
        assert!((predicted(1e-12, 50, 100) - 0.5e-12).abs() < 1e-24);
        assert_eq!(predicted(0.3, 100, 100), 0.3);
        assert_eq!(predicted(1.0, 50, 100), 1.0);
        assert_eq!(predicted(1.0, 0, 100), 0.0);
    }
}
