//! Joins: all pairs of rows of a snapshot whose score reaches a threshold.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

use super::local::Products;

/// Two rows whose score reaches the threshold of a join.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The ids of their templates, the lower one first.
    pub ids: [u64; 2],
    /// Their subjects, or their own keys, in the order of the ids.
    pub subjects: [u64; 2],
    /// The dot product of the stored vectors, in f32.
    pub score: f32,
}

/// The pairs that a join looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PairSubjects {
    /// All pairs.
    #[default]
    Any,
    /// Pairs of rows of two subjects.
    Different,
    /// Pairs of rows of one subject.
    Same,
}

/// A join of a snapshot with itself.
pub struct Join<'a> {
    /// The lowest score of a pair, -1 to 1.
    pub min_score: f32,
    /// The pairs to look for.
    pub subjects: PairSubjects,
    /// Ends the join when it becomes true.
    pub stop: &'a AtomicBool,
    /// Called with the number of compared pairs and the number of all pairs, by one thread at a time.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Computes products instead of the processor. A store may join without it.
    pub device: JoinDevice<'a>,
}

/// What computes the products of a join, if that is not the processor.
pub type JoinDevice<'a> = Option<&'a mut (dyn Products + 'static)>;

/// Receives pairs, some thousand at a time, from one thread after the other. `Break` ends the join.
pub type PairSink<'a> = &'a mut (dyn FnMut(&[Pair]) -> ControlFlow<()> + Send);
