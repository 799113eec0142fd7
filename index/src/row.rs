//! Rows, receipts, and the validation of vectors.

use std::time::Duration;

use crate::codes::kernels::dot;
use crate::error::Error;

/// One row to insert.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The id, unique among the live rows of the whole index. It may be used again once deleted.
    pub id: u64,
    /// The group that the row belongs to: a document, a person, a product. The rows of a group lie in one
    /// shard. [`View::group_ids`](crate::View::group_ids) lists them, and
    /// [`Query::top_groups`](crate::Query::top_groups) returns the best of them.
    pub group: u64,
    /// `dimension` finite components. Of length 1 (within 0.001) and stored bit by bit as given, unless the
    /// index takes [any length](crate::Lengths::Any).
    pub vector: &'a [f32],
}

/// A stored row, copied out.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// The caller's id.
    pub id: u64,
    /// What the row belongs to.
    pub group: u64,
    /// The vector, bit by bit as inserted; divided by its length in an index of [any
    /// length](crate::Lengths::Any).
    pub vector: Vec<f32>,
    /// What the vector's length was in an index of [any length](crate::Lengths::Any); 1 in others.
    pub length: f32,
}

/// When a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// After a sync to disk that all waiting writers share (group commit). A writer waits for two syncs at
    /// most. A power cut loses nothing acknowledged.
    #[default]
    Group,
    /// After a sync of its own.
    Each,
    /// Without waiting for a sync. One follows in the background within [`SYNC_INTERVAL`]. The write
    /// survives the end of the process. A power cut can lose the writes of that interval: from the end of
    /// each shard, never with gaps.
    Interval,
    /// Without a sync. The write survives the end of the process. A power cut can lose the writes since the
    /// last [`Index::sync`](crate::Index::sync), [`Index::wait_durable`](crate::Index::wait_durable) or
    /// seal: from the end of each shard, never with gaps.
    Bulk,
}

impl Durability {
    /// Whether a write is acknowledged only when it is on disk.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Group | Self::Each)
    }
}

/// The longest time for which a write with [`Durability::Interval`] is not on disk.
pub const SYNC_INTERVAL: Duration = Duration::from_millis(200);

/// The acknowledgement of a write. The write is visible to every later view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Rows inserted, or live rows deleted.
    pub rows: usize,
    /// Live rows that an upsert replaced; they are counted in `rows` too.
    pub replaced: usize,
    /// Whether the write survives a power cut.
    pub durable: bool,
    /// For each shard that was written: its number, and the sequence of the write's last frame in its log.
    pub sequences: Vec<(u16, u64)>,
}

/// How far the length of a vector may be from 1.
pub(crate) const UNIT_TOLERANCE: f32 = 1e-3;

/// Whether a vector may be stored or searched for; `row` is its place in the batch.
pub(crate) fn validate(row: usize, vector: &[f32], dimension: usize) -> Result<(), Error> {
    if vector.len() != dimension {
        return Err(Error::WrongDimension { row, expected: dimension, got: vector.len() });
    }
    let norm = dot(vector, vector).sqrt();
    if (norm - 1.0).abs() < UNIT_TOLERANCE {
        return Ok(()); // also finite: a NaN or an infinity would have made the norm one
    }
    match vector.iter().position(|component| !component.is_finite()) {
        Some(position) => Err(Error::NotFinite { row, position }),
        None => Err(Error::NotUnit { row, norm }),
    }
}

/// A vector divided by its length, and the length; `row` is its place in the batch.
pub(crate) fn normalise(row: usize, vector: &[f32], dimension: usize) -> Result<(Vec<f32>, f32), Error> {
    if vector.len() != dimension {
        return Err(Error::WrongDimension { row, expected: dimension, got: vector.len() });
    }
    if let Some(position) = vector.iter().position(|component| !component.is_finite()) {
        return Err(Error::NotFinite { row, position });
    }
    let norm = vector.iter().map(|&component| f64::from(component).powi(2)).sum::<f64>().sqrt();
    let length = norm as f32;
    if length == 0.0 || !length.is_finite() {
        return Err(Error::NoDirection { row, norm: length });
    }
    Ok((vector.iter().map(|&component| (f64::from(component) / norm) as f32).collect(), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_vectors_are_told_apart() {
        let check = |vector: &[f32]| validate(3, vector, 2).map_err(|error| error.to_string());
        assert_eq!(check(&[0.6, 0.8]), Ok(()));
        assert_eq!(check(&[0.6, 0.8004]), Ok(()));
        for (vector, expected) in [
            (&[1.0f32][..], "row 3: expected a vector of dimension 2, got 1"),
            (&[f32::NAN, 1.0], "row 3: component 0 is not a finite number"),
            (&[1.0, f32::INFINITY], "row 3: component 1 is not a finite number"),
            (&[0.0, 0.0], "got length 0;"),
            (&[1e-40, 0.0], "got length 0;"),
            (&[1e38, 1e38], "got length inf;"),
            (&[0.6, 0.81], "got length 1.00"),
        ] {
            let error = check(vector).unwrap_err();
            assert!(error.contains(expected), "{vector:?}: {error}");
        }
    }

    #[test]
    fn vectors_of_any_length_but_none_are_normalised() {
        for vector in [[3.0, 4.0], [3e-20, 4e-20], [3e37, -4e37], [1e-44, 0.0], [0.0, -f32::MAX]] {
            let (unit, length) = normalise(0, &vector, 2).unwrap();
            validate(0, &unit, 2).unwrap();
            for (part, whole) in unit.iter().zip(vector) {
                assert!(
                    (f64::from(*part) * f64::from(length) - f64::from(whole)).abs()
                        <= f64::from(whole.abs()) * 0.2
                );
            }
        }
        assert_eq!(normalise(0, &[3.0, 4.0], 2).unwrap(), (vec![0.6, 0.8], 5.0));
        assert!(matches!(normalise(4, &[0.0, -0.0], 2), Err(Error::NoDirection { row: 4, norm: 0.0 })));
        assert!(matches!(normalise(4, &[f32::MAX; 2], 2), Err(Error::NoDirection { .. })));
        assert!(matches!(normalise(4, &[f32::NAN, 1.0], 2), Err(Error::NotFinite { row: 4, position: 0 })));
        assert!(matches!(normalise(4, &[1.0], 2), Err(Error::WrongDimension { .. })));
    }
}
