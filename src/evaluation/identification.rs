//! The numbers of 1:N: FNIR at FPIR, the DET curve, the CMC curve, growth with the gallery.

use super::bootstrap::{Bootstrap, Population};
use super::error::{EvaluationError, Result};
use super::growth;
use super::histogram::histogram;
use super::interval::{complement, rate};
use super::options::{Options, check_targets};
use super::report::{CmcPoint, Identification, OperatingPoint};
use super::tradeoff::{self, ENOUGH, Outcome, Tradeoff};
use super::trials::{Count, ONE, Sums, Trials, check_scores};
use super::{NonMatedSearch, Searches};

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
        growth: growth::growth(&points, searches, bootstrap),
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
