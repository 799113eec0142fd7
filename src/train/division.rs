//! The division of people into those to train with, to validate with, and to report on.

use super::Samples;
use crate::fit;

/// A part of the people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Three fifths: the network is trained with them.
    Training,
    /// One fifth: decides when the training ends, and which weights are kept.
    Validation,
    /// One fifth that nothing is chosen by.
    Report,
}

/// Positions of the samples of each part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Division {
    /// To train with.
    pub training: Vec<usize>,
    /// To validate with.
    pub validation: Vec<usize>,
    /// To report on.
    pub report: Vec<usize>,
}

impl Division {
    /// Divides the people by a hash of their names, as `model fuse` does. With `families`, people whose names have the same beginning up to
    /// the first `_` are in one part: relatives of people to train with would not be unseen.
    pub fn new(samples: &Samples, families: bool) -> Self {
        let mut division = Self::default();
        let parts: Vec<Part> = samples.names.iter().map(|name| part(name, families)).collect();
        for (at, &person) in samples.people.iter().enumerate() {
            match parts[person as usize] {
                Part::Training => &mut division.training,
                Part::Validation => &mut division.validation,
                Part::Report => &mut division.report,
            }
            .push(at);
        }
        division
    }
}

fn part(name: &str, families: bool) -> Part {
    let group = if families { name.split('_').next().unwrap_or(name) } else { name };
    [Part::Training, Part::Validation, Part::Report][fit::part(group)]
}

#[cfg(test)]
mod tests {
    use super::super::Inputs;
    use super::*;

    #[test]
    fn no_person_and_no_family_is_in_two_parts() {
        let people: Vec<String> = (0..600).map(|at| format!("F{:03}_{}", at / 6, at / 2)).collect();
        let inputs = Inputs::Vectors { dimension: 1, values: vec![0.0; 600] };
        let samples = Samples::new(&people, inputs);
        for families in [false, true] {
            let division = Division::new(&samples, families);
            let group = |at: &usize| {
                let name = &people[*at];
                if families { name.split('_').next().unwrap().to_owned() } else { name.clone() }
            };
            let parts = [&division.training, &division.validation, &division.report];
            let groups = parts.map(|part| part.iter().map(group).collect::<std::collections::HashSet<_>>());
            assert!(groups[0].is_disjoint(&groups[1]) && groups[0].is_disjoint(&groups[2]));
            assert!(groups[1].is_disjoint(&groups[2]));
            assert_eq!(parts.map(Vec::len).iter().sum::<usize>(), 600);
            assert!(division.training.len() > 250 && division.report.len() > 60, "{division:?}");
        }
    }
}
