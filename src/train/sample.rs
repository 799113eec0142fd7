//! Labelled samples.

use std::collections::HashMap;

/// The inputs of a network, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Vectors of this many components, such as the templates of several models side by side.
    Vectors {
        /// Components of a vector.
        dimension: usize,
        /// All vectors.
        values: Vec<f32>,
    },
    /// Aligned faces: squares of `side` pixels, three bytes (red, green, blue) a pixel, row by row.
    Faces {
        /// Pixels of a side.
        side: usize,
        /// All faces.
        pixels: Vec<u8>,
    },
}

impl Inputs {
    /// Their number.
    pub fn len(&self) -> usize {
        match self {
            Self::Vectors { dimension, values } => values.len() / (*dimension).max(1),
            Self::Faces { side, pixels } => pixels.len() / (3 * side * side).max(1),
        }
    }

    /// Whether each equals the others.
    pub fn are_equal(&self) -> bool {
        fn are_equal<T: PartialEq>(all: &[T], width: usize) -> bool {
            all.iter().zip(all.iter().skip(width)).all(|(one, next)| one == next)
        }
        match self {
            Self::Vectors { dimension, values } => are_equal(values, *dimension),
            Self::Faces { side, pixels } => are_equal(pixels, 3 * side * side),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those at these positions, in this order. A position beyond the end is left out.
    #[must_use]
    pub fn at(&self, positions: &[usize]) -> Self {
        fn gathered<T: Copy>(all: &[T], width: usize, positions: &[usize]) -> Vec<T> {
            let part = |&at: &usize| all.get(at * width..(at + 1) * width).unwrap_or_default();
            positions.iter().flat_map(part).copied().collect()
        }
        match self {
            Self::Vectors { dimension, values } => {
                Self::Vectors { dimension: *dimension, values: gathered(values, *dimension, positions) }
            }
            Self::Faces { side, pixels } => {
                Self::Faces { side: *side, pixels: gathered(pixels, 3 * side * side, positions) }
            }
        }
    }
}

/// Samples with their people.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Names of the people.
    pub names: Vec<String>,
    /// The person of each sample: a position in `names`.
    pub people: Vec<u32>,
    /// The inputs, one for each sample.
    pub inputs: Inputs,
}

impl Samples {
    /// Samples with the person of each by name. People are numbered in the order of their names, so the order of the samples of different
    /// people does not matter.
    pub fn new(people: &[String], inputs: Inputs) -> Self {
        let mut names: Vec<String> = people.to_vec();
        names.sort();
        names.dedup();
        let numbers: HashMap<&str, u32> =
            names.iter().enumerate().map(|(at, name)| (name.as_str(), at as u32)).collect();
        let people = people.iter().map(|name| numbers[name.as_str()]).collect();
        Self { names, people, inputs }
    }

    /// Positions of the samples of each person.
    pub fn by_person(&self) -> Vec<Vec<usize>> {
        let mut found = vec![Vec::new(); self.names.len()];
        for (at, &person) in self.people.iter().enumerate() {
            found[person as usize].push(at);
        }
        found
    }

    /// Those of these samples, with their people numbered anew.
    #[must_use]
    pub fn at(&self, positions: &[usize]) -> Self {
        let people: Vec<String> =
            positions.iter().map(|&at| self.names[self.people[at] as usize].clone()).collect();
        Self::new(&people, self.inputs.at(positions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_numbers_in_the_order_of_their_names() {
        let people = ["b", "a", "b"].map(str::to_owned);
        let inputs = Inputs::Vectors { dimension: 2, values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let samples = Samples::new(&people, inputs);
        assert_eq!(
            (samples.people.as_slice(), samples.by_person()),
            (&[1, 0, 1][..], vec![vec![1], vec![0, 2]])
        );
        let part = samples.at(&[2, 0]);
        assert_eq!((part.names, part.people), (vec!["b".to_owned()], vec![0, 0]));
        assert_eq!(part.inputs, Inputs::Vectors { dimension: 2, values: vec![5.0, 6.0, 1.0, 2.0] });
    }

    #[test]
    fn faces_are_gathered_whole() {
        let faces = Inputs::Faces { side: 2, pixels: (0..36).collect() };
        assert_eq!(faces.len(), 3);
        assert_eq!(faces.at(&[1]), Inputs::Faces { side: 2, pixels: (12..24).collect() });
    }
}
