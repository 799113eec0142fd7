//! The buffer of a shard: a list of immutable chunks of rows.
//!
//! Views share chunks without copies and without locks. Small neighbours are merged as they come, so that
//! each row is copied at most a dozen times.

use std::sync::Arc;

use crate::storage::part::Part;

/// Rows of one chunk, at most; fewer where a chunk would exceed [`CHUNK_BYTES`].
const CHUNK_ROWS: usize = 4096;
/// Bytes of the rows of one chunk, at most (a single row may exceed it). One chunk makes one frame of the log.
pub(crate) const CHUNK_BYTES: usize = (1 << 20) - 64;

/// Bytes that a row takes in a buffer or a log.
pub(crate) fn row_bytes(dimension: usize) -> usize {
    2 * size_of::<u64>() + dimension * size_of::<f32>()
}

/// Rows that a chunk holds at most.
pub(crate) fn chunk_rows(dimension: usize) -> usize {
    // A row may come with its length.
    (CHUNK_BYTES / (row_bytes(dimension) + size_of::<f32>())).clamp(1, CHUNK_ROWS)
}

/// A few rows that never change.
#[derive(Debug, PartialEq)]
pub(crate) struct Chunk {
    dimension: usize,
    ids: Vec<u64>,
    groups: Vec<u64>,
    order: Vec<u32>,
    vectors: Vec<f32>,
    /// Empty where all are 1.
    lengths: Vec<f32>,
}

impl Chunk {
    /// Takes columns of equal length: `vectors` holds `ids.len() * dimension` numbers.
    pub(crate) fn new(dimension: usize, ids: Vec<u64>, groups: Vec<u64>, vectors: Vec<f32>) -> Self {
        debug_assert!(ids.len() == groups.len() && vectors.len() == ids.len() * dimension);
        let mut order: Vec<u32> = (0..ids.len() as u32).collect();
        order.sort_unstable_by_key(|&row| ids[row as usize]);
        Self { dimension, ids, groups, order, vectors, lengths: Vec::new() }
    }

    /// With the lengths that the vectors had before they were normalised.
    pub(crate) fn with_lengths(self, lengths: Vec<f32>) -> Self {
        debug_assert!(lengths.is_empty() || lengths.len() == self.ids.len());
        Self { lengths, ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn part(&self) -> Part<'_> {
        Part {
            dimension: self.dimension,
            ids: &self.ids,
            groups: &self.groups,
            order: &self.order,
            vectors: &self.vectors,
            lengths: &self.lengths,
        }
    }

    /// The rows whose `keep` is true.
    fn select(&self, keep: &[bool]) -> Self {
        let left = keep.iter().filter(|&&keep| keep).count();
        let mut vectors = Vec::with_capacity(left * self.dimension);
        for (vector, keep) in self.vectors.chunks_exact(self.dimension).zip(keep) {
            if *keep {
                vectors.extend_from_slice(vector);
            }
        }
        let column = |values: &[u64]| -> Vec<u64> {
            values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| *value).collect()
        };
        let lengths = self.lengths.iter().zip(keep).filter(|(_, keep)| **keep).map(|(length, _)| *length);
        Self::new(self.dimension, column(&self.ids), column(&self.groups), vectors)
            .with_lengths(lengths.collect())
    }

    fn merge(first: &Self, second: &Self) -> Self {
        Self::new(
            first.dimension,
            [&first.ids[..], &second.ids].concat(),
            [&first.groups[..], &second.groups].concat(),
            [&first.vectors[..], &second.vectors].concat(),
        )
        .with_lengths(match first.lengths.is_empty() && second.lengths.is_empty() {
            true => Vec::new(),
            false => {
                let lengths =
                    |chunk: &Self| (0..chunk.len()).map(|row| chunk.part().length(row)).collect::<Vec<_>>();
                [lengths(first), lengths(second)].concat()
            }
        })
    }
}

/// Adds a chunk to a buffer, merging it with smaller or equal neighbours while the result stays a chunk.
pub(crate) fn push(buffer: &mut Vec<Arc<Chunk>>, mut chunk: Arc<Chunk>) {
    while let Some(last) = buffer.last() {
        if last.len() > chunk.len() || last.len() + chunk.len() > chunk_rows(chunk.dimension) {
            break;
        }
        chunk = Arc::new(Chunk::merge(last, &chunk));
        buffer.pop();
    }
    buffer.push(chunk);
}

/// Removes the rows that match `(id, group)` targets, whose ids ascend in `ids`. Returns the removed ids.
pub(crate) fn remove(buffer: &mut Vec<Arc<Chunk>>, ids: &[u64], targets: &[(u64, u64)]) -> Vec<u64> {
    let mut removed = Vec::new();
    for chunk in buffer.iter_mut() {
        let mut keep = vec![true; chunk.len()];
        let before = removed.len();
        chunk.part().find_each(ids, |position, row| {
            if chunk.groups[row] == targets[position].1 {
                keep[row] = false;
                removed.push(ids[position]);
            }
        });
        if removed.len() > before {
            *chunk = Arc::new(chunk.select(&keep));
        }
    }
    buffer.retain(|chunk| chunk.len() > 0);
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: u64) -> Arc<Chunk> {
        Arc::new(Chunk::new(2, vec![id], vec![id % 3], vec![id as f32, -(id as f32)]))
    }

    fn rows(buffer: &[Arc<Chunk>]) -> Vec<(u64, u64, Vec<f32>)> {
        let mut rows = Vec::new();
        for part in buffer.iter().map(|chunk| chunk.part()) {
            for row in 0..part.len() {
                rows.push((part.ids[row], part.groups[row], part.vector(row).unwrap().to_vec()));
            }
        }
        rows
    }

    #[test]
    fn single_rows_merge_into_few_chunks_and_keep_their_order() {
        let mut buffer = Vec::new();
        for id in 0..10_000 {
            push(&mut buffer, one(id));
        }
        assert!(buffer.len() < 20, "{} chunks", buffer.len());
        assert!(buffer.iter().all(|chunk| chunk.len() <= CHUNK_ROWS));
        let expected: Vec<_> = (0..10_000).map(|id| (id, id % 3, vec![id as f32, -(id as f32)])).collect();
        assert_eq!(rows(&buffer), expected);
    }

    #[test]
    fn removing_matches_id_and_group() {
        let mut buffer = Vec::new();
        (0..100).for_each(|id| push(&mut buffer, one(id)));
        let targets = [(5, 2), (6, 1), (7, 1), (200, 2)];
        let ids: Vec<u64> = targets.iter().map(|target| target.0).collect();
        let mut removed = remove(&mut buffer, &ids, &targets);
        removed.sort_unstable();
        assert_eq!(removed, [5, 7]);
        let left: Vec<u64> = rows(&buffer).iter().map(|row| row.0).collect();
        assert_eq!(left, (0..100).filter(|id| ![5, 7].contains(id)).collect::<Vec<_>>());
        let find = |id| buffer.iter().find_map(|chunk| chunk.part().find(id));
        assert!(find(5).is_none() && find(6).is_some());
    }

    #[test]
    fn lengths_stay_with_their_rows() {
        let with =
            |id: u64| Arc::new(Chunk::new(1, vec![id], vec![0], vec![1.0]).with_lengths(vec![id as f32]));
        let mut buffer = Vec::new();
        (1..40).for_each(|id| push(&mut buffer, with(id)));
        remove(&mut buffer, &[3, 20], &[(3, 0), (20, 0)]);
        let parts = buffer.iter().map(|chunk| chunk.part());
        for part in parts {
            (0..part.len()).for_each(|row| assert_eq!(part.length(row), part.ids[row] as f32));
        }
        let mixed = Chunk::merge(&with(7), &Chunk::new(1, vec![8], vec![0], vec![1.0]));
        assert_eq!(mixed.part().lengths, [7.0, 1.0]);
    }

    #[test]
    fn emptied_chunks_leave() {
        let mut buffer = vec![one(1)];
        assert_eq!(remove(&mut buffer, &[1], &[(1, 1)]), [1]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn chunks_are_bounded_in_bytes() {
        assert_eq!(chunk_rows(1), CHUNK_ROWS);
        assert!(chunk_rows(4096) * row_bytes(4096) <= CHUNK_BYTES);
        assert_eq!(chunk_rows(1 << 30), 1);
    }
}
