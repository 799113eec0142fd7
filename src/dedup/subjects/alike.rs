//! Pairs of subjects from pairs of their templates.

use std::collections::HashMap;

/// The pairs of subjects that have templates that are alike. Memory grows with the pairs of subjects, not with those of templates.
#[derive(Debug)]
pub struct Alike {
    most: usize,
    pairs: HashMap<[u64; 2], Best>,
}

/// More pairs of subjects than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The best pair of templates of two subjects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// The subjects, the lower id first.
    pub subjects: [u64; 2],
    /// Their templates, in the order of the subjects.
    pub templates: [u64; 2],
    /// The score of these.
    pub score: f32,
    /// Pairs of their templates that were added.
    pub pairs: u64,
}

impl Alike {
    /// None yet; at most `most` pairs of subjects are kept.
    pub fn new(most: usize) -> Self {
        Self { most, pairs: HashMap::new() }
    }

    /// Adds a pair of templates of two subjects.
    ///
    /// # Errors
    /// [`TooMany`]: it is not added.
    pub fn add(&mut self, subjects: [u64; 2], templates: [u64; 2], score: f32) -> Result<(), TooMany> {
        let (mut subjects, mut templates) = (subjects, templates);
        if subjects[0] > subjects[1] {
            subjects.reverse();
            templates.reverse();
        }
        if self.pairs.len() >= self.most && !self.pairs.contains_key(&subjects) {
            return Err(TooMany);
        }
        let best = self.pairs.entry(subjects).or_insert(Best { subjects, templates, score, pairs: 0 });
        best.pairs += 1;
        // Pairs come in any order: of equal scores, the lowest ids are kept.
        if score > best.score || score == best.score && templates < best.templates {
            (best.templates, best.score) = (templates, score);
        }
        Ok(())
    }

    /// All pairs, best first, equal scores in the order of subjects.
    pub fn ranked(self) -> Vec<Best> {
        let mut ranked: Vec<Best> = self.pairs.into_values().collect();
        ranked.sort_unstable_by(|one, other| {
            other.score.total_cmp(&one.score).then(one.subjects.cmp(&other.subjects))
        });
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_templates_stand_for_two_subjects_in_every_order() {
        let added = [
            ([2, 1], [20, 10], 0.5),
            ([1, 2], [11, 21], 0.75),
            ([1, 2], [10, 21], 0.75),
            ([1, 3], [10, 30], 0.9),
        ];
        for turn in 0..added.len() {
            let mut alike = Alike::new(2);
            for at in 0..added.len() {
                let (subjects, templates, score) = added[(at + turn) % added.len()];
                alike.add(subjects, templates, score).unwrap();
            }
            assert_eq!(alike.add([4, 5], [40, 50], 1.0), Err(TooMany));
            let expected = [
                Best { subjects: [1, 3], templates: [10, 30], score: 0.9, pairs: 1 },
                Best { subjects: [1, 2], templates: [10, 21], score: 0.75, pairs: 3 },
            ];
            assert_eq!(alike.ranked(), expected);
        }
    }
}
