//! Fitting an ensemble: weights of the members and a projection to fewer components, from templates of labelled photos.
//!
//! The people are divided by a hash of their names: three fifths for the first fits, one fifth to choose between them, and one
//! fifth that no fit sees, for the [`Report`].
//!
//! - The projection is the principal component analysis of the combined vectors, not centred: the directions with the largest second
//!   moment. Each may be divided by a power of the deviation along it (whitening).
//! - Weights and whitening start as 1 and none. Another value is chosen if it accepts more mated pairs at the same FMR, and the gain is
//!   larger than two standard deviations of chance (McNemar's test, 1947). So noise changes nothing.
//! - The final projection is fitted to the people of the first four fifths.

mod pairs;
mod projection;
mod report;
#[cfg(test)]
mod tests;

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::evaluation::EvaluationError;
pub use crate::evaluation::Rate;
pub use pairs::Compared;
use pairs::Pairs;
pub use report::{Line, Measured, Report, measured};

/// Other weights of a member than 1 that are tried.
const WEIGHTS: [f32; 4] = [0.5, 0.7, 1.4, 2.0];
/// Powers of whitening that are tried: 0 is none, 1 makes the deviations of all components equal.
const WHITENINGS: [f32; 3] = [0.25, 0.5, 0.75];
/// Fewest photos for each component of a template.
const PER_COMPONENT: usize = 4;
/// Fewest people with several photos in each of the two smaller parts.
const FEWEST_PEOPLE: usize = 20;

/// The combined outputs of the members for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Name of the person in it.
    pub person: String,
    /// The normalised outputs of the members side by side.
    pub vector: Vec<f32>,
}

/// What is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Number of components of each member.
    pub members: Vec<usize>,
    /// Names of the members, for the report.
    pub names: Vec<String>,
    /// Number of components of the template.
    pub dimension: usize,
}

/// The fitted ensemble.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Weight of each member.
    pub weights: Vec<f32>,
    /// The power of whitening, 0 to 1.
    pub whitening: f32,
    /// The projection row by row: `dimension` rows, and a column for each component of the members.
    pub projection: Vec<f32>,
    /// Photos and people that the projection was fitted to.
    pub fitted_to: [usize; 2],
    /// What it gains on the other people.
    pub report: Report,
}

/// Why nothing was fitted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FitError {
    /// There are too few photos.
    #[error(
        "{photos} photos of {people} people are for the fit, three fifths of the people; a projection to {dimension} components needs at least \
         {needed} photos. More photos are needed, or a lower dimension, at most {}",
        photos / PER_COMPONENT
    )]
    FewPhotos {
        /// Photos to fit to.
        photos: usize,
        /// The people in them.
        people: usize,
        /// Number of components of the template.
        dimension: usize,
        /// Required number of photos.
        needed: usize,
    },
    /// There are too few people with several photos.
    #[error(
        "{got} people with two photos or more are kept aside to {purpose}, expected at least {FEWEST_PEOPLE}; about {} such people are needed in all",
        5 * FEWEST_PEOPLE
    )]
    FewPeople {
        /// What they are kept aside for.
        purpose: &'static str,
        /// Their number.
        got: usize,
    },
    /// The report cannot be made.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    /// It was stopped.
    #[error("stopped")]
    Stopped,
}

/// Fits weights and projection. `step` is called before each fit, and ends the work by returning `false`.
///
/// # Errors
/// There are too few photos or people; [`FitError::Stopped`].
pub fn fit(request: &Request, photos: Vec<Photo>, step: &dyn Fn() -> bool) -> Result<Fitted, FitError> {
    let mut parts = [const { Vec::new() }; 3];
    for photo in photos {
        parts[part(&photo.person)].push(photo);
    }
    let [mut first, choice, held_out] = parts;
    enough(request.dimension, first.iter().map(|photo| photo.person.as_str()))?;
    let to_choose = Pairs::of("choose between fits", &choice)?;
    Pairs::of("report on", &held_out)?;

    let (weights, whitening) = choose(request, &first, (&choice, &to_choose), step)?;
    first.extend(choice);
    let projection = projection::fit(request, &first, &weights, whitening);
    let report = report::measure(request, &held_out, &weights, &projection)?;
    Ok(Fitted { weights, whitening, projection, fitted_to: [first.len(), people(&first)], report })
}

/// The first principal components of vectors, not centred, row by row: the projection that a fit starts from.
pub fn principal_components(photos: &[Photo], dimension: usize) -> Vec<f32> {
    let components = photos.first().map_or(0, |photo| photo.vector.len());
    let request = Request { members: vec![components], names: Vec::new(), dimension };
    projection::fit(&request, photos, &[1.0], 0.0)
}

/// Number of fits that [`fit`] tries.
pub fn tried(request: &Request) -> u64 {
    let of_weights = if request.members.len() > 1 { WEIGHTS.len() * request.members.len() } else { 0 };
    (1 + of_weights + WHITENINGS.len()) as u64
}

/// The part that a person belongs to: 0 to fit, 1 to choose, 2 to report on.
pub(crate) fn part(person: &str) -> usize {
    [0, 0, 0, 1, 2][(xxh3_64(person.as_bytes()) % 5) as usize]
}

/// Requires enough photos to fit a projection to this many components. `people` are the people of the photos, one for each photo. Photos
/// without a face count too if this is asked before any is decoded.
///
/// # Errors
/// [`FitError::FewPhotos`].
pub fn enough<'a>(dimension: usize, people: impl Iterator<Item = &'a str>) -> Result<(), FitError> {
    let of_fit: Vec<&str> = people.filter(|person| part(person) == 0).collect();
    let (photos, needed) = (of_fit.len(), PER_COMPONENT * dimension);
    if photos >= needed {
        return Ok(());
    }
    let people = of_fit.iter().collect::<std::collections::HashSet<_>>().len();
    Err(FitError::FewPhotos { photos, people, dimension, needed })
}

fn people(photos: &[Photo]) -> usize {
    photos.iter().map(|photo| photo.person.as_str()).collect::<std::collections::HashSet<_>>().len()
}

/// The weights and the whitening that accept most mated pairs of the people kept aside for the choice.
fn choose(
    request: &Request,
    first: &[Photo],
    (choice, pairs): (&[Photo], &Pairs),
    step: &dyn Fn() -> bool,
) -> Result<(Vec<f32>, f32), FitError> {
    let accepted = |weights: &[f32], whitening: f32| {
        if !step() {
            return Err(FitError::Stopped);
        }
        let projection = projection::fit(request, first, weights, whitening);
        Ok(pairs.accepted(&projected(request, choice, weights, &projection)))
    };
    let (mut weights, mut whitening) = (vec![1.0; request.members.len()], 0.0);
    let mut best = accepted(&weights, whitening)?;
    let others = if weights.len() > 1 { WEIGHTS.as_slice() } else { &[] };
    for member in 0..weights.len() {
        for &weight in others {
            let mut tried = weights.clone();
            tried[member] = weight;
            let found = accepted(&tried, whitening)?;
            if is_better(&found, &best) {
                (weights, best) = (tried, found);
            }
        }
    }
    for tried in WHITENINGS {
        let found = accepted(&weights, tried)?;
        if is_better(&found, &best) {
            (whitening, best) = (tried, found);
        }
    }
    Ok((weights, whitening))
}

/// Whether `found` accepts more pairs than `best`, by more than chance.
fn is_better(found: &[bool], best: &[bool]) -> bool {
    let count =
        |gain: bool| found.iter().zip(best).filter(|(f, b)| **f == gain && **b != gain).count() as f64;
    let (gained, lost) = (count(true), count(false));
    gained - lost > 2.0 * (gained + lost).sqrt()
}

/// The templates of photos: weighed, projected and normalised.
fn projected(request: &Request, photos: &[Photo], weights: &[f32], projection: &[f32]) -> Vec<Vec<f32>> {
    use rayon::prelude::*;
    let components: usize = request.members.iter().sum();
    let template = |photo: &Photo| {
        let weighed = weighed(request, &photo.vector, weights);
        normalised(projection.chunks(components.max(1)).map(|row| dot(row, &weighed)).collect())
    };
    photos.par_iter().map(template).collect()
}

/// The vector with the part of each member times its weight.
fn weighed(request: &Request, vector: &[f32], weights: &[f32]) -> Vec<f32> {
    let factors =
        request.members.iter().zip(weights).flat_map(|(&count, &weight)| std::iter::repeat_n(weight, count));
    vector.iter().zip(factors).map(|(value, factor)| value * factor).collect()
}

fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|value| *value /= norm.max(f32::MIN_POSITIVE));
    vector
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Eight sums at a time, which the compiler computes in one register.
    let (a, rest_a) = a.as_chunks::<8>();
    let (b, rest_b) = b.as_chunks::<8>();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum::<f32>()
}
