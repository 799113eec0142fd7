//! Clusters of faces: which faces show one person.
//!
//! The input is a sparse graph of similar faces, their vectors, and what the user knows about them ([`Constraints`]). Photos, galleries
//! and names are unknown here. The result does not depend on the order of the faces: they are sorted by a key of their content first.

mod average;
mod collection;
mod components;
mod constraints;
mod density;
mod graph;
mod hdbscan;
mod linkage;
mod nearest;
mod partition;
mod reference;
#[cfg(test)]
mod tests;
mod two_stage;
mod whispers;

use thiserror::Error;

pub use average::average;
pub use collection::{Collection, Method};
pub use components::components;
pub use constraints::Constraints;
pub use density::density;
pub use graph::Graph;
pub use hdbscan::hdbscan;
pub use linkage::{Closeness, Summary, link};
pub use nearest::Nearest;
pub use partition::Partition;
pub use reference::{Neighbourhoods, Strangers};
pub use two_stage::{TwoStage, USUAL};
pub use whispers::whispers;

/// Two similar faces, given by their positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// A face.
    pub a: u32,
    /// Another face.
    pub b: u32,
    /// Cosine, -1 to 1.
    pub score: f32,
}

/// What is wrong with the input of a clustering.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// An edge or a constraint names a face that does not exist.
    #[error("face {face} does not exist: there are {faces} faces, counted from 0")]
    Face {
        /// The position.
        face: u32,
        /// Number of faces.
        faces: usize,
    },
    /// Vectors that do not belong to the faces.
    #[error(
        "{numbers} numbers are given for {faces} vectors of dimension {dimension}; expected their product"
    )]
    Vectors {
        /// Numbers given.
        numbers: usize,
        /// Faces given.
        faces: usize,
        /// Numbers of a vector.
        dimension: usize,
    },
    /// A score that is not a number.
    #[error("the faces {a} and {b} have the score {score}; expected a finite number")]
    Score {
        /// A face.
        a: u32,
        /// The other.
        b: u32,
        /// Their score.
        score: f32,
    },
}

/// What the functions of this module return.
pub type Result<T, E = PeopleError> = std::result::Result<T, E>;
