//! The pairs of samples that fits and trainings are compared by.

use std::collections::HashMap;
use std::hash::Hash;

use rayon::prelude::*;

use super::{FEWEST_PEOPLE, FitError, Photo, dot};

/// The FMR at which fits are compared.
const FMR: f64 = 1e-4;
/// Fewest non-mated pairs above the threshold: below, the FMR is higher.
const FEWEST_ALARMS: usize = 20;
/// Most samples of one person that are compared, so that one person does not decide.
const MOST_OF_A_PERSON: usize = 10;
/// Most samples that are compared with each other, because the work grows with the square.
const MOST: usize = 4000;

/// Samples that are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Their positions.
    pub positions: Vec<usize>,
    /// The person of each, counted from 0 in the order of their first samples.
    pub people: Vec<u32>,
}

impl Compared {
    /// At most ten samples of each person, at most 4,000 in all, in the order of the samples. `people` has the person of each sample.
    pub fn new<P: Eq + Hash>(people: impl IntoIterator<Item = P>) -> Self {
        let mut seen: HashMap<P, (u32, usize)> = HashMap::new();
        let mut compared = Self { positions: Vec::new(), people: Vec::new() };
        for (at, person) in people.into_iter().enumerate() {
            let next = seen.len() as u32;
            let (number, count) = seen.entry(person).or_insert((next, 0));
            *count += 1;
            if *count <= MOST_OF_A_PERSON && compared.positions.len() < MOST {
                compared.positions.push(at);
                compared.people.push(*number);
            }
        }
        compared
    }

    /// Number of the compared samples of each person.
    fn counts(&self) -> HashMap<u32, u64> {
        self.people.iter().fold(HashMap::new(), |mut counts, &person| {
            *counts.entry(person).or_default() += 1;
            counts
        })
    }

    /// Number of pairs of samples of one person, and of two.
    pub fn pairs(&self) -> [u64; 2] {
        let all = self.people.len() as u64;
        let mated: u64 = self.counts().values().map(|count| count * (count - 1) / 2).sum();
        [mated, all * all.saturating_sub(1) / 2 - mated]
    }

    /// The scores of the pairs of one person, and of those of two, in a fixed order. `rows` has a normalised vector for each compared sample.
    pub fn scores(&self, rows: &[&[f32]]) -> [Vec<f32>; 2] {
        let of = |at: usize| {
            let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
            for before in 0..at {
                let score = dot(rows[at], rows[before]);
                let is_mated = self.people[at] == self.people[before];
                if is_mated { &mut mated } else { &mut non_mated }.push(score);
            }
            (mated, non_mated)
        };
        let count = self.people.len().min(rows.len());
        let (mated, non_mated): (Vec<_>, Vec<_>) = (0..count).into_par_iter().map(of).unzip();
        [mated.concat(), non_mated.concat()]
    }
}

/// The pairs of photos that fits are compared by.
pub(super) struct Pairs(Compared);

impl Pairs {
    /// The pairs of some photos.
    pub fn of(purpose: &'static str, photos: &[Photo]) -> Result<Self, FitError> {
        let compared = Compared::new(photos.iter().map(|photo| photo.person.as_str()));
        let several = compared.counts().values().filter(|&&count| count > 1).count();
        if several < FEWEST_PEOPLE {
            return Err(FitError::FewPeople { purpose, got: several });
        }
        Ok(Self(compared))
    }

    /// Positions of the compared photos, and their people as numbers.
    pub fn compared(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.positions.iter().copied().zip(self.0.people.iter().map(|&person| person as usize))
    }

    /// Whether each mated pair, in a fixed order, scores above the threshold of the FMR.
    pub fn accepted(&self, templates: &[Vec<f32>]) -> Vec<bool> {
        let rows: Vec<&[f32]> = self.0.positions.iter().map(|&at| templates[at].as_slice()).collect();
        let [mated, mut non_mated] = self.0.scores(&rows);
        let alarms =
            ((non_mated.len() as f64 * FMR) as usize).max(FEWEST_ALARMS).min(non_mated.len().max(1) - 1);
        let threshold = match non_mated.is_empty() {
            true => f32::NEG_INFINITY,
            false => *non_mated.select_nth_unstable_by(alarms, |a, b| b.total_cmp(a)).1,
        };
        mated.iter().map(|score| *score > threshold).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_samples_of_a_person_are_compared() {
        let compared = Compared::new([5; 30]);
        assert_eq!((compared.positions.len(), compared.pairs()), (10, [45, 0]));
        let compared = Compared::new(["b", "a", "b"]);
        assert_eq!((compared.positions, compared.people), (vec![0, 1, 2], vec![0, 1, 0]));
    }
}
