//! The error rates of the members and of the ensemble on people that were not used for the fit.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::pairs::Pairs;
use super::{FitError, Photo, Request, dot, normalised, projected};
use crate::evaluation::{
    Comparison, DetPoint, Identification, MatedSearch, NonMatedSearch, Options, Rate, Searches, Verification,
    identification, verification,
};

/// Repetitions of the bootstrap for the intervals.
const REPETITIONS: u32 = 200;
/// FPIRs and FMRs of the report.
const FPIRS: [f64; 2] = [0.1, 0.01];
const FMRS: [f64; 2] = [1e-3, 1e-4];

/// Error rates on people that were not used for the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Photos and people.
    pub photos: usize,
    /// People in them.
    pub people: usize,
    /// Non-mated pairs.
    pub non_mated_pairs: u64,
    /// Mated and non-mated searches: people with several photos are enrolled by the first one and searched for by the second one, people
    /// with one photo are non-mated probes.
    pub searches: [usize; 2],
    /// Each member, the members side by side, and the ensemble.
    pub lines: Vec<Line>,
    /// The threshold of the ensemble at FMR 1e-4, a cosine.
    pub threshold: f32,
}

/// The error rates of one kind of template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Number of its components.
    pub dimension: usize,
    /// Share of mated searches with the mate first; `None` if there are no non-mated searches.
    pub rank_1: Option<Rate>,
    /// FNIR at FPIR 10 and 1 %, with the mate first; empty if there are no non-mated searches.
    pub fnir: Vec<Rate>,
    /// FNMR at FMR 1e-3 and 1e-4.
    pub fnmr: Vec<Rate>,
}

/// Measures the members, their combination and the ensemble.
pub(super) fn measure(
    request: &Request,
    photos: &[Photo],
    weights: &[f32],
    projection: &[f32],
) -> Result<Report, FitError> {
    let pairs = Pairs::of("report on", photos)?;
    let people = numbers(photos);
    let measured = |name: &str, templates: &[Vec<f32>]| line(name, (&pairs, &people), templates);
    let mut lines = Vec::new();
    let mut start = 0;
    for (name, &count) in request.names.iter().zip(&request.members) {
        let part = |photo: &Photo| normalised(photo.vector[start..start + count].to_vec());
        lines.push(measured(name, &photos.iter().map(part).collect::<Vec<_>>())?.0);
        start += count;
    }
    if lines.len() > 1 {
        let combined: Vec<Vec<f32>> = photos.iter().map(|photo| photo.vector.clone()).collect();
        lines.push(measured("side by side", &combined)?.0);
    }
    let (line, verified, searches) = measured("fused", &projected(request, photos, weights, projection))?;
    lines.push(line);
    Ok(Report {
        photos: photos.len(),
        people: people.iter().max().map_or(0, |last| last + 1),
        non_mated_pairs: verified.pairs[1],
        searches,
        lines,
        threshold: verified.points.last().map_or(1.0, |point| point.threshold),
    })
}

/// The error rates of templates on their people.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Identification and verification.
    pub line: Line,
    /// The threshold at FMR 1e-4, a cosine.
    pub threshold: Option<f32>,
    /// FNMR over FMR.
    pub det: Vec<DetPoint>,
}

/// Measures the error rates of templates on their people.
///
/// # Errors
/// There are too few people with several photos.
pub fn measured(name: &str, templates: &[Photo]) -> Result<Measured, FitError> {
    let pairs = Pairs::of("report on", templates)?;
    let vectors: Vec<Vec<f32>> = templates.iter().map(|photo| photo.vector.clone()).collect();
    let (line, verified, _) = line(name, (&pairs, &numbers(templates)), &vectors)?;
    let threshold = verified.points.last().map(|point| point.threshold);
    Ok(Measured { line, threshold, det: verified.det })
}

/// The error rates of one kind of template, with what they follow from.
fn line(
    name: &str,
    (pairs, people): (&Pairs, &[usize]),
    templates: &[Vec<f32>],
) -> Result<(Line, Verification, [usize; 2]), FitError> {
    let verified = verified(pairs, templates)?;
    let (searches, identified) = identified(people, templates)?;
    let line = Line {
        name: name.into(),
        dimension: templates.first().map_or(0, Vec::len),
        rank_1: identified.as_ref().and_then(|measured| measured.cmc.first()).map(|first| first.identified),
        fnir: identified
            .iter()
            .flat_map(|measured| &measured.points)
            .map(|point| point.fnir_rank_1)
            .collect(),
        fnmr: verified.points.iter().map(|point| point.fnmr).collect(),
    };
    Ok((line, verified, searches))
}

/// The people of the photos as numbers, in the order of their first photos.
fn numbers(photos: &[Photo]) -> Vec<usize> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let number = |photo| {
        let next = seen.len();
        *seen.entry(photo).or_insert(next)
    };
    photos.iter().map(|photo| photo.person.as_str()).map(number).collect()
}

fn options() -> Options {
    Options {
        fpir_targets: FPIRS.to_vec(),
        fmr_targets: FMRS.to_vec(),
        repetitions: REPETITIONS,
        ..Options::default()
    }
}

fn verified(pairs: &Pairs, templates: &[Vec<f32>]) -> Result<Verification, FitError> {
    let compared: Vec<(usize, usize)> = pairs.compared().collect();
    let comparison = |&(at, a): &(usize, usize), &(before, b): &(usize, usize)| Comparison {
        a: a as u64,
        b: b as u64,
        score: Some(dot(&templates[at], &templates[before])),
    };
    let all = compared.iter().enumerate();
    let all = all.flat_map(|(at, one)| compared[..at].iter().map(move |other| comparison(one, other)));
    Ok(verification(&all.collect::<Vec<_>>(), &options())?)
}

/// The searches with one enrolled photo a person, and what they show; `None` without people of one photo.
fn identified(
    people: &[usize],
    templates: &[Vec<f32>],
) -> Result<([usize; 2], Option<Identification>), FitError> {
    let mut of_people: Vec<Vec<&Vec<f32>>> = vec![Vec::new(); people.iter().max().map_or(0, |last| last + 1)];
    for (&person, template) in people.iter().zip(templates) {
        of_people[person].push(template);
    }
    // Without a stranger nothing is reported, and the searches grow with the square of the people.
    if of_people.iter().all(|photos| photos.len() != 1) {
        let several = of_people.iter().filter(|photos| photos.len() > 1).count();
        return Ok(([several, 0], None));
    }
    let enrolled = |probe: &[f32]| -> Vec<(u64, f32)> {
        let first = (0..).zip(&of_people).filter(|(_, photos)| photos.len() > 1);
        first.map(|(person, photos)| (person, dot(probe, photos[0]))).collect()
    };
    let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
    for (subject, photos) in (0..).zip(&of_people) {
        match photos.as_slice() {
            [alone] => {
                let best = enrolled(alone).into_iter().map(|(_, score)| score).max_by(f32::total_cmp);
                non_mated.push(NonMatedSearch { subject, best });
            }
            [_, probe, ..] => {
                let scores = enrolled(probe);
                let own = scores.iter().find(|(person, _)| *person == subject).map(|(_, score)| *score);
                let rank = |own: f32| {
                    1 + scores.iter().filter(|(person, score)| *person != subject && *score >= own).count()
                        as u32
                };
                let mate = own.map(|own| (own, rank(own)));
                mated.push(MatedSearch { subject, mate });
            }
            [] => {}
        }
    }
    let counts = [mated.len(), non_mated.len()];
    let enrolled = mated.len() as u64;
    let searches =
        Searches { subjects: enrolled, templates: enrolled, mated, non_mated, ..Searches::default() };
    Ok((counts, Some(identification(&searches, &options())?)))
}

#[cfg(test)]
mod tests {
    use super::identified;

    #[test]
    fn identification_needs_people_with_one_photo() {
        let templates = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]].map(Vec::from);
        let (searches, measured) = identified(&[0, 0, 1, 1], &templates[..4]).unwrap();
        assert_eq!((searches, measured.is_none()), ([2, 0], true));
        let (searches, measured) = identified(&[0, 0, 1, 1, 2], &templates).unwrap();
        assert_eq!(searches, [2, 1]);
        assert_eq!(measured.unwrap().cmc[0].identified.value, 1.0);
    }
}
