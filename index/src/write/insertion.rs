//! A batch of rows on its way into the shards.

use std::sync::Arc;
use std::thread;

use crate::error::Error;
use crate::options::Options;
use crate::row::{Durability, Row, validate};
use crate::storage::buffer::{Chunk, chunk_rows, row_bytes};
use crate::storage::state::{State, shard_of};
use crate::storage::wal::frame::Record;
use crate::write::shard::{Shard, WriteError};

/// Bytes of rows that one transaction takes, unless a single group has more.
const TRANSACTION_BYTES: usize = 8 << 20;
/// From this many bytes on, shards are written by a thread each.
const PARALLEL_BYTES: usize = 1 << 20;

/// Valid rows.
pub(crate) struct Insertion<'a> {
    rows: &'a [Row<'a>],
    options: &'a Options,
    /// Ascending.
    ids: Vec<u64>,
    /// The position in `rows` of each of `ids`.
    positions: Vec<usize>,
}

impl<'a> Insertion<'a> {
    /// Refuses invalid vectors and an id given twice.
    pub(crate) fn new(rows: &'a [Row<'a>], options: &'a Options) -> Result<Self, Error> {
        for (row, given) in rows.iter().enumerate() {
            validate(row, given.vector, options.dimension)?;
        }
        let mut keyed: Vec<(u64, usize)> =
            rows.iter().enumerate().map(|(row, given)| (given.id, row)).collect();
        keyed.sort_unstable();
        if let Some(twice) = keyed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::DuplicateId { row: twice[1].1, id: twice[1].0 });
        }
        let (ids, positions) = keyed.into_iter().unzip();
        Ok(Self { rows, options, ids, positions })
    }

    /// The ids, ascending.
    pub(crate) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The error for a place in [`ids`](Self::ids) that is taken.
    pub(crate) fn duplicate(&self, position: usize) -> Error {
        Error::DuplicateId { row: self.positions[position], id: self.ids[position] }
    }

    /// Refuses ids that are live.
    pub(crate) fn refuse_live(&self, state: &State) -> Result<(), Error> {
        let mut taken: Option<usize> = None;
        state.find_each(&self.ids, |position, _| {
            taken = Some(taken.map_or(position, |other| other.min(position)));
        });
        taken.map_or(Ok(()), |position| Err(self.duplicate(position)))
    }

    /// The rows of each shard, as positions, cut into transactions that hold whole groups.
    fn transactions(&self, shards: usize) -> Vec<Vec<Vec<usize>>> {
        let mut of_shard: Vec<Vec<usize>> = vec![Vec::new(); shards];
        for (position, row) in self.rows.iter().enumerate() {
            of_shard[shard_of(row.group, shards)].push(position);
        }
        let limit = (TRANSACTION_BYTES / row_bytes(self.options.dimension)).clamp(1, self.options.seal_rows);
        of_shard.into_iter().map(|positions| self.cut(positions, limit)).collect()
    }

    fn cut(&self, mut positions: Vec<usize>, limit: usize) -> Vec<Vec<usize>> {
        if positions.len() <= limit {
            return if positions.is_empty() { Vec::new() } else { vec![positions] };
        }
        positions.sort_by_key(|&position| self.rows[position].group);
        let mut transactions: Vec<Vec<usize>> = Vec::new();
        for group in positions.chunk_by(|&one, &other| self.rows[one].group == self.rows[other].group) {
            match transactions.last_mut() {
                Some(last) if last.len() + group.len() <= limit => last.extend_from_slice(group),
                _ => transactions.push(group.to_vec()),
            }
        }
        transactions
    }

    fn records(&self, positions: &[usize]) -> Vec<Record> {
        let dimension = self.options.dimension;
        positions
            .chunks(chunk_rows(dimension))
            .map(|positions| {
                let rows = || positions.iter().map(|&position| &self.rows[position]);
                let mut vectors = Vec::with_capacity(positions.len() * dimension);
                rows().for_each(|row| vectors.extend_from_slice(row.vector));
                let (ids, groups) = rows().map(|row| (row.id, row.group)).unzip();
                Record::Insert(Arc::new(Chunk::new(dimension, ids, groups, vectors)))
            })
            .collect()
    }
}

/// Writes a batch into the shards and waits until it is visible, and durable as asked for. Returns the last
/// sequence of each shard that was written. On an error, what did get into a log is committed all the same.
pub(crate) fn write(
    insertion: &Insertion<'_>,
    shards: &[Shard],
    durability: Durability,
    watermark: Option<u64>,
) -> Result<Vec<(u16, u64)>, WriteError> {
    let work: Vec<(u16, Vec<Vec<usize>>)> = (0..)
        .zip(insertion.transactions(shards.len()))
        .filter(|(_, transactions)| !transactions.is_empty())
        .collect();
    let bytes = insertion.rows.len() * row_bytes(insertion.options.dimension);
    let results: Vec<Result<(u16, u64), WriteError>> = if work.len() > 1 && bytes >= PARALLEL_BYTES {
        thread::scope(|scope| {
            let threads: Vec<_> = work
                .iter()
                .map(|(number, transactions)| {
                    scope.spawn(move || {
                        let shard = &shards[usize::from(*number)];
                        append(insertion, shard, *number, transactions, durability, watermark)
                            .and_then(|written| commit(shard, written, durability))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        })
    } else {
        let appended: Vec<_> = work
            .iter()
            .map(|(number, transactions)| {
                append(insertion, &shards[usize::from(*number)], *number, transactions, durability, watermark)
            })
            .collect();
        appended
            .into_iter()
            .map(|written| {
                written.and_then(|written| commit(&shards[usize::from(written.0)], written, durability))
            })
            .collect()
    };
    let in_doubt = results.iter().any(|result| result.as_ref().is_err_and(|error| error.in_doubt));
    let sequences: Result<Vec<_>, WriteError> = results.into_iter().collect();
    sequences.map_err(|error| WriteError { in_doubt, ..error })
}

/// Appends a shard's transactions, the last with the watermark. If one fails, those before it are committed.
fn append(
    insertion: &Insertion<'_>,
    shard: &Shard,
    number: u16,
    transactions: &[Vec<usize>],
    durability: Durability,
    watermark: Option<u64>,
) -> Result<(u16, u64), WriteError> {
    let mut last = 0;
    for (place, positions) in transactions.iter().enumerate() {
        let mut records = insertion.records(positions);
        if place + 1 == transactions.len() {
            records.extend(watermark.map(Record::Mark));
        }
        match shard.append(records, durability) {
            Ok(written) => last = written.sequence,
            Err(error) => {
                let committed = if last > 0 { shard.commit(last, durability) } else { Ok(()) };
                return Err(committed.err().unwrap_or(error));
            }
        }
    }
    Ok((number, last))
}

fn commit(shard: &Shard, written: (u16, u64), durability: Durability) -> Result<(u16, u64), WriteError> {
    shard.commit(written.1, durability).map(|()| written)
}
