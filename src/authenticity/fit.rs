//! Fitting a gate, and measuring it on people that it was not fitted to.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use thiserror::Error;

use super::classifier::{Linear, Row, Scale};
use super::error_rates::{ErrorRates, Trial, equal_error};
use super::gate::{Class, Document, FittedTo, Gate};
use super::measures::{MEASURES, Measures};

/// Factor of half the squared weights of the classifier.
const PENALTY: f64 = 0.01;
/// A measure is added to the classifier only if the loss on people that the fit did not see falls below this share. Few measures with a
/// clear effect hold in other light better than many with small effects.
const LESS: f64 = 0.9;
/// Most measures of a gate.
const MOST_MEASURES: usize = 8;
/// Most parts of a cross-validation.
const MOST_FOLDS: usize = 10;
/// Parts of the cross-validation that chooses the measures.
const INNER_FOLDS: usize = 5;
/// Fewest people of each class.
pub const FEWEST_PEOPLE: usize = 4;
/// Fewest faces of each class.
pub const FEWEST_FACES: usize = 20;
/// Seed of the bootstrap.
const SEED: u64 = 30_107;

/// A face whose class is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The person in it. A person may have genuine faces and attacks; they are never on both sides of a division.
    pub person: String,
    /// Whether it is an attack.
    pub attack: bool,
    /// Its measures.
    pub measures: Measures,
}

/// Why no gate was fitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FitError {
    /// One class has too few people or faces.
    #[error(
        "{faces} {class} faces of {people} people are usable: expected at least {FEWEST_FACES} of at least {FEWEST_PEOPLE}, \
         so that the gate can be tried on other people than it was fitted to"
    )]
    TooFew {
        /// `genuine` or `attack`.
        class: &'static str,
        /// Usable faces.
        faces: usize,
        /// Their people.
        people: usize,
    },
    /// The equations have no solution.
    #[error("the fit of the classifier did not converge")]
    Diverged,
}

/// Fits a gate. `description` says in words what the examples are.
///
/// The measures of the classifier are chosen one after the other, each as the one with the least loss on people that the fit did not see (forward
/// selection; Hastie et al. 2009, section 3.3.2), as long as the loss falls by a tenth, at most eight. The threshold is that of the equal error rate on these people.
///
/// The error rates are measured around all of this: the people are divided into at most ten parts, and the faces of each part are scored by a gate
/// whose measures, weights and threshold are from the other parts alone. So no person takes part in anything that decides about it.
///
/// # Errors
/// A class has fewer than 20 faces or 4 people; the fit did not converge.
pub fn fit(examples: &[Example], description: &str) -> Result<Gate, FitError> {
    for (attack, class) in [(false, "genuine"), (true, "attack")] {
        let Class { photos, people } = count(examples, attack);
        let (faces, people) = (photos as usize, people as usize);
        if faces < FEWEST_FACES || people < FEWEST_PEOPLE {
            return Err(FitError::TooFew { class, faces, people });
        }
    }
    let rows = rows(examples);
    let all: Vec<usize> = (0..rows.len()).collect();
    let fold = folds(examples, MOST_FOLDS);
    let mut trials: Vec<Option<Trial>> = vec![None; rows.len()];
    let mut outside: Vec<usize> = Vec::new();
    for part in 0..parts_of(&fold) {
        let is_in = |at: &usize| fold.get(examples[*at].person.as_str()) == Some(&part);
        let (tested, fitted): (Vec<usize>, Vec<usize>) = all.iter().partition(|at| is_in(at));
        let chosen = choose(examples, &rows, &fitted)?;
        let linear = fit_to(&rows, &fitted, &chosen.columns)?;
        let ranges = ranges(&rows, &fitted);
        for at in tested {
            let score = chosen.calibrated(linear.score(&rows[at].values));
            let Example { person, attack, .. } = &examples[at];
            trials[at] =
                Some(Trial { person: person.clone(), attack: *attack, score, threshold: chosen.threshold });
            outside.push(beyond(&rows[at].values, &ranges));
        }
    }
    let trials: Vec<Trial> = trials.into_iter().flatten().collect();
    let chosen = choose(examples, &rows, &all)?;
    let mut linear = fit_to(&rows, &all, &chosen.columns)?;
    linear.weights.iter_mut().for_each(|weight| *weight *= chosen.slope);
    linear.bias = chosen.calibrated(linear.bias);
    outside.sort_unstable();
    let (lowest, highest) = ranges(&rows, &all).into_iter().unzip();
    let document = Document {
        measures: MEASURES.iter().map(|measure| measure.name.to_owned()).collect(),
        mean: linear.scale.mean,
        deviation: linear.scale.deviation,
        lowest,
        highest,
        weights: linear.weights,
        bias: linear.bias,
        threshold: chosen.threshold,
        most_outside: outside.get(outside.len() * 99 / 100).copied().unwrap_or(0) as u32,
        fitted_to: FittedTo {
            description: description.to_owned(),
            genuine: count(examples, false),
            attack: count(examples, true),
        },
        unseen_people: ErrorRates::of(&trials, SEED),
    };
    Gate::of(document).map_err(|_| FitError::Diverged)
}

/// What was chosen by a cross-validation.
struct Chosen {
    /// The measures of the classifier, by their places.
    columns: Vec<usize>,
    /// The score times `slope` plus `offset` is the logarithm of the odds of an attack (Platt 1999).
    slope: f64,
    offset: f64,
    /// The threshold of the calibrated scores at the equal error rate.
    threshold: f64,
}

impl Chosen {
    fn calibrated(&self, score: f64) -> f64 {
        self.slope * score + self.offset
    }
}

/// A division of the rows: those for the fit with their scale, and those that the fit does not see.
struct Division<'a> {
    fitted: Vec<&'a Row>,
    scale: Scale,
    tested: Vec<&'a Row>,
}

impl Division<'_> {
    /// The rows that the fit did not see, with their scores.
    fn scored(&self, columns: &[usize]) -> Option<Vec<(&Row, f64)>> {
        let linear = Linear::fit(&self.fitted, &self.scale, columns, PENALTY)?;
        Some(self.tested.iter().map(|row| (*row, linear.score(&row.values))).collect())
    }
}

/// Chooses measures, the calibration, and the threshold.
fn choose(examples: &[Example], rows: &[Row], among: &[usize]) -> Result<Chosen, FitError> {
    let fold = folds(among.iter().map(|&at| &examples[at]), INNER_FOLDS);
    let fold = &fold;
    let division = |part: usize| {
        let of = |is_tested: bool| {
            let is_in =
                move |at: &&usize| (fold.get(examples[**at].person.as_str()) == Some(&part)) == is_tested;
            among.iter().filter(is_in).map(|&at| &rows[at]).collect::<Vec<_>>()
        };
        let fitted = of(false);
        Division { scale: Scale::of(&fitted), fitted, tested: of(true) }
    };
    let divisions: Vec<Division<'_>> = (0..parts_of(fold)).map(division).collect();
    let columns = select(&divisions)?;
    let scored = scored(&divisions, &columns).ok_or(FitError::Diverged)?;
    let pooled: Vec<Row> = scored.iter().map(|(row, score)| Row { values: vec![*score], ..**row }).collect();
    let pooled: Vec<&Row> = pooled.iter().collect();
    let scale = Scale::of(&pooled);
    let platt = Linear::fit(&pooled, &scale, &[0], 1e-4).ok_or(FitError::Diverged)?;
    let slope = platt.weights[0] / scale.deviation[0];
    let offset = platt.bias - slope * scale.mean[0];
    let trial = |(row, score): &(&Row, f64)| Trial {
        person: String::new(),
        attack: row.attack,
        score: slope * score + offset,
        threshold: 0.0,
    };
    let trials: Vec<Trial> = scored.iter().map(trial).collect();
    let (_, threshold) = equal_error(&trials.iter().collect::<Vec<_>>()).ok_or(FitError::Diverged)?;
    Ok(Chosen { columns, slope, offset, threshold })
}

/// The rows of all divisions that their fits did not see, with their scores.
fn scored<'a>(divisions: &'a [Division<'_>], columns: &[usize]) -> Option<Vec<(&'a Row, f64)>> {
    let parts: Option<Vec<_>> = divisions.iter().map(|division| division.scored(columns)).collect();
    Some(parts?.into_iter().flatten().collect())
}

/// The measures of the classifier, at least one.
fn select(divisions: &[Division<'_>]) -> Result<Vec<usize>, FitError> {
    let (mut columns, mut least) = (Vec::new(), f64::INFINITY);
    while columns.len() < MOST_MEASURES {
        let candidates: Vec<usize> = (0..MEASURES.len()).filter(|at| !columns.contains(at)).collect();
        let best = candidates.into_par_iter().filter_map(|at| {
            let more: Vec<usize> = columns.iter().copied().chain([at]).collect();
            let loss: f64 = scored(divisions, &more)?.into_iter().map(|(row, score)| row.loss(score)).sum();
            Some((loss, more))
        });
        let best = best.min_by(|(one, first), (other, second)| one.total_cmp(other).then(first.cmp(second)));
        let (loss, more) = best.ok_or(FitError::Diverged)?;
        if loss > LESS * least {
            break;
        }
        (columns, least) = (more, loss);
    }
    Ok(columns)
}

fn fit_to(rows: &[Row], among: &[usize], columns: &[usize]) -> Result<Linear, FitError> {
    let rows: Vec<&Row> = among.iter().map(|&at| &rows[at]).collect();
    Linear::fit(&rows, &Scale::of(&rows), columns, PENALTY).ok_or(FitError::Diverged)
}

/// Number of parts of a division.
fn parts_of(fold: &BTreeMap<&str, usize>) -> usize {
    fold.values().max().map_or(0, |last| last + 1)
}

/// The examples as rows. Both classes have the same weight, and so have all people of a class.
fn rows(examples: &[Example]) -> Vec<Row> {
    let mut of_person: BTreeMap<(bool, &str), f64> = BTreeMap::new();
    for Example { person, attack, .. } in examples {
        *of_person.entry((*attack, person)).or_default() += 1.0;
    }
    let people = |attack: bool| of_person.keys().filter(|(class, _)| *class == attack).count() as f64;
    let row = |Example { person, attack, measures }: &Example| Row {
        values: measures.transformed().to_vec(),
        attack: *attack,
        weight: 0.5 / people(*attack) / of_person.get(&(*attack, person.as_str())).copied().unwrap_or(1.0),
    };
    examples.iter().map(row).collect()
}

/// The part of each person: people with attacks and people without are dealt out in turn, so that every part has both classes if possible.
fn folds<'a>(examples: impl IntoIterator<Item = &'a Example>, most: usize) -> BTreeMap<&'a str, usize> {
    let mut classes: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for Example { person, attack, .. } in examples {
        classes.entry(person).or_default().insert(*attack);
    }
    let people_with = |attack: bool| classes.values().filter(|of| of.contains(&attack)).count();
    let parts = most.min(people_with(true)).min(people_with(false)).max(2);
    let mut sorted: Vec<(&BTreeSet<bool>, &str)> = classes.iter().map(|(person, of)| (of, *person)).collect();
    sorted.sort();
    sorted.into_iter().enumerate().map(|(at, (_, person))| (person, at % parts)).collect()
}

/// The smallest and the largest value of each measure.
fn ranges(rows: &[Row], among: &[usize]) -> Vec<(f64, f64)> {
    let value = |at: usize| among.iter().map(move |&row| rows[row].values[at]);
    let range =
        |at: usize| (value(at).fold(f64::INFINITY, f64::min), value(at).fold(f64::NEG_INFINITY, f64::max));
    (0..MEASURES.len()).map(range).collect()
}

/// Number of values beyond their range.
fn beyond(values: &[f64], ranges: &[(f64, f64)]) -> usize {
    values.iter().zip(ranges).filter(|(value, (low, high))| !(*low..=*high).contains(value)).count()
}

fn count(examples: &[Example], attack: bool) -> Class {
    let of_class = || examples.iter().filter(|example| example.attack == attack);
    let people: BTreeSet<&str> = of_class().map(|example| example.person.as_str()).collect();
    Class { photos: of_class().count() as u64, people: people.len() as u64 }
}
