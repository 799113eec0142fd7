//! The pairs of photos that fits are compared by.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{FEWEST_PEOPLE, FitError, MOST_COMPARED, MOST_OF_A_PERSON, Photo, dot};

/// The FMR at which fits are compared.
const FMR: f64 = 1e-4;
/// Fewest non-mated pairs above the threshold: below, the FMR is higher.
const FEWEST_ALARMS: usize = 20;

/// Which photos are compared with each other.
pub(super) struct Pairs {
    /// Positions of the compared photos.
    compared: Vec<usize>,
    /// The person of each, as a number.
    people: Vec<usize>,
}

impl Pairs {
    /// The pairs of some photos.
    pub fn of(purpose: &'static str, photos: &[Photo]) -> Result<Self, FitError> {
        let mut seen: HashMap<&str, (usize, usize)> = HashMap::new();
        let (mut compared, mut people) = (Vec::new(), Vec::new());
        for (at, photo) in photos.iter().enumerate() {
            let next = seen.len();
            let (person, count) = seen.entry(&photo.person).or_insert((next, 0));
            *count += 1;
            if *count <= MOST_OF_A_PERSON && compared.len() < MOST_COMPARED {
                compared.push(at);
                people.push(*person);
            }
        }
        let several = seen.values().filter(|(_, count)| *count > 1).count();
        if several < FEWEST_PEOPLE {
            return Err(FitError::FewPeople { purpose, got: several });
        }
        Ok(Self { compared, people })
    }

    /// Positions of the compared photos, and their people as numbers.
    pub fn compared(&self) -> impl Iterator<Item = (usize, usize)> {
        self.compared.iter().copied().zip(self.people.iter().copied())
    }

    /// Whether each mated pair, in a fixed order, scores above the threshold of the FMR.
    pub fn accepted(&self, templates: &[Vec<f32>]) -> Vec<bool> {
        let rows: Vec<(Vec<f32>, Vec<f32>)> =
            (0..self.compared.len()).into_par_iter().map(|at| self.scores(templates, at)).collect();
        let mut non_mated: Vec<f32> = rows.iter().flat_map(|(_, non_mated)| non_mated).copied().collect();
        let alarms =
            ((non_mated.len() as f64 * FMR) as usize).max(FEWEST_ALARMS).min(non_mated.len().max(1) - 1);
        let threshold = match non_mated.is_empty() {
            true => f32::NEG_INFINITY,
            false => *non_mated.select_nth_unstable_by(alarms, |a, b| b.total_cmp(a)).1,
        };
        rows.iter().flat_map(|(mated, _)| mated).map(|score| *score > threshold).collect()
    }

    /// The mated and the non-mated scores of one photo with the photos before it.
    fn scores(&self, templates: &[Vec<f32>], at: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
        for before in 0..at {
            let score = dot(&templates[self.compared[at]], &templates[self.compared[before]]);
            let is_mated = self.people[at] == self.people[before];
            if is_mated { &mut mated } else { &mut non_mated }.push(score);
        }
        (mated, non_mated)
    }
}
