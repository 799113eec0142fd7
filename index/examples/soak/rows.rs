//! Rows that depend on nothing but their id, so that whoever sees one knows what it must be.

pub use crate::random::Random;

pub const DIMENSION: usize = 192;
/// Rows that are inserted and deleted together, in ids that follow each other.
pub const BATCH: u64 = 64;
/// Rows of a group.
pub const GROUP: u64 = 8;

impl Random {
    fn direction(&mut self) -> [f32; DIMENSION] {
        [0; DIMENSION].map(|_| self.below(1 << 20) as f32 / (1 << 19) as f32 - 1.0)
    }
}

/// The vector of a row: near those of its group, as the photos of a person are.
pub fn vector(id: u64) -> Vec<f32> {
    let middle = Random(!(id / GROUP)).direction();
    let own = Random(id).direction();
    let sum: Vec<f32> = middle.iter().zip(&own).map(|(middle, own)| middle + 0.6 * own).collect();
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    sum.into_iter().map(|x| x / length).collect()
}

/// Ids of a batch.
pub fn ids(batch: u64) -> std::ops::Range<u64> {
    batch * BATCH..(batch + 1) * BATCH
}
