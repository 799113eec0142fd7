//! The measure that decides when a training ends: the true accept rate at a false match rate.

use rayon::prelude::*;

/// Most samples of one person that are compared, so that one person does not decide.
const MOST_OF_A_PERSON: usize = 10;
/// Most samples that are compared with each other, because the work grows with the square.
const MOST: usize = 4000;

/// Samples that are compared with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Their positions.
    pub positions: Vec<usize>,
    /// Their people.
    pub people: Vec<u32>,
}

impl Compared {
    /// At most ten samples of each person, at most 4,000 in all, in the order of the samples.
    pub fn new(people: &[u32]) -> Self {
        let mut counts = std::collections::HashMap::new();
        let mut compared = Self { positions: Vec::new(), people: Vec::new() };
        for (at, &person) in people.iter().enumerate() {
            let count = counts.entry(person).or_insert(0);
            *count += 1;
            if *count <= MOST_OF_A_PERSON && compared.positions.len() < MOST {
                compared.positions.push(at);
                compared.people.push(person);
            }
        }
        compared
    }

    /// Number of pairs of samples of one person, and of two.
    pub fn pairs(&self) -> [u64; 2] {
        let mut counts = std::collections::HashMap::new();
        for person in &self.people {
            *counts.entry(person).or_insert(0_u64) += 1;
        }
        let all = self.people.len() as u64;
        let mated: u64 = counts.values().map(|count| count * (count - 1) / 2).sum();
        [mated, all * all.saturating_sub(1) / 2 - mated]
    }
}

/// The share of mated pairs above the threshold that `fmr` of the non-mated pairs reach, or one of them if that is less. `embeddings` has a
/// normalised row of `dimension` components for each of the compared samples. 0 if there are no pairs of both kinds.
pub fn tar_at_fmr(compared: &Compared, embeddings: &[f32], dimension: usize, fmr: f64) -> f64 {
    let rows: Vec<&[f32]> = embeddings.chunks_exact(dimension.max(1)).collect();
    let scores = |at: usize| {
        let (mut mated, mut non_mated) = (Vec::new(), Vec::new());
        for before in 0..at {
            let score: f32 = rows[at].iter().zip(rows[before]).map(|(a, b)| a * b).sum();
            let is_mated = compared.people[at] == compared.people[before];
            if is_mated { &mut mated } else { &mut non_mated }.push(score);
        }
        (mated, non_mated)
    };
    let count = compared.people.len().min(rows.len());
    let found: Vec<(Vec<f32>, Vec<f32>)> = (0..count).into_par_iter().map(scores).collect();
    let mated: Vec<f32> = found.iter().flat_map(|(mated, _)| mated).copied().collect();
    let mut non_mated: Vec<f32> = found.iter().flat_map(|(_, non_mated)| non_mated).copied().collect();
    if mated.is_empty() || non_mated.is_empty() {
        return 0.0;
    }
    let reached = ((non_mated.len() as f64 * fmr) as usize).clamp(1, non_mated.len()) - 1;
    let threshold = *non_mated.select_nth_unstable_by(reached, |a, b| b.total_cmp(a)).1;
    mated.iter().filter(|&&score| score > threshold).count() as f64 / mated.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_a_count() {
        // Angles on a circle: two samples of each of three people.
        let angles: [f32; 6] = [0.0, 0.1, 1.0, 1.5, 1.2, 1.3];
        let people = [0, 0, 1, 1, 2, 2];
        let embeddings: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let compared = Compared::new(&people);
        assert_eq!(compared.pairs(), [3, 12]);
        // Differences of strangers, ascending: 0.2 0.2 0.3 0.3 0.9 1.0 ...; of mates: 0.1 0.1 0.5.
        assert_eq!(tar_at_fmr(&compared, &embeddings, 2, 1e-3), 2.0 / 3.0);
        assert_eq!(tar_at_fmr(&compared, &embeddings, 2, 5.0 / 12.0), 1.0);
        assert_eq!(tar_at_fmr(&Compared::new(&[0, 0]), &embeddings[..4], 2, 1e-3), 0.0);
    }

    #[test]
    fn ten_samples_of_a_person_are_compared() {
        let compared = Compared::new(&[5; 30]);
        assert_eq!((compared.positions.len(), compared.pairs()), (10, [45, 0]));
    }
}
