//! A batch of rows: validation, transactions, and the write to the shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Error;
use crate::options::{Lengths, Options};
use crate::row::{Durability, Row, normalise, validate};
use crate::storage::buffer::{Chunk, chunk_rows, row_bytes};
use crate::storage::state::{State, shard_of};
use crate::storage::wal::frame::{MAX_DELETIONS, Record};
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
    /// In an index of any length: the vectors divided by their lengths, one after the other, and the lengths.
    normalised: Option<(Vec<f32>, Vec<f32>)>,
}

impl<'a> Insertion<'a> {
    /// Refuses invalid vectors and an id given twice.
    pub(crate) fn new(rows: &'a [Row<'a>], options: &'a Options) -> Result<Self, Error> {
        let normalised = match options.lengths {
            Lengths::Unit => {
                for (row, given) in rows.iter().enumerate() {
                    validate(row, given.vector, options.dimension)?;
                }
                None
            }
            Lengths::Any => {
                let (mut units, mut lengths) = (Vec::new(), Vec::new());
                for (row, given) in rows.iter().enumerate() {
                    let (unit, length) = normalise(row, given.vector, options.dimension)?;
                    units.extend(unit);
                    lengths.push(length);
                }
                Some((units, lengths))
            }
        };
        let mut keyed: Vec<(u64, usize)> =
            rows.iter().enumerate().map(|(row, given)| (given.id, row)).collect();
        keyed.sort_unstable();
        if let Some(twice) = keyed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::DuplicateId { row: twice[1].1, id: twice[1].0 });
        }
        let (ids, positions) = keyed.into_iter().unzip();
        Ok(Self { rows, options, ids, positions, normalised })
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

    /// Which rows replace a live one. Refuses those whose ids are live in other groups.
    pub(crate) fn live(&self, state: &State) -> Result<Vec<bool>, Error> {
        let mut live = vec![false; self.rows.len()];
        let mut elsewhere: Option<(usize, u64)> = None;
        state.find_each(&self.ids, |position, group| {
            let row = self.positions[position];
            live[row] = true;
            if self.rows[row].group != group {
                elsewhere = Some(elsewhere.map_or((row, group), |other| other.min((row, group))));
            }
        });
        match elsewhere {
            Some((row, group)) => Err(Error::OtherGroup { row, id: self.rows[row].id, group }),
            None => Ok(live),
        }
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
                let mut own_lengths = Vec::new();
                match &self.normalised {
                    None => rows().for_each(|row| vectors.extend_from_slice(row.vector)),
                    Some((units, lengths)) => {
                        for &position in positions {
                            vectors
                                .extend_from_slice(&units[position * dimension..(position + 1) * dimension]);
                            own_lengths.push(lengths[position]);
                        }
                    }
                }
                let (ids, groups) = rows().map(|row| (row.id, row.group)).unzip();
                let chunk = Chunk::new(dimension, ids, groups, vectors).with_lengths(own_lengths);
                Record::Insert(Arc::new(chunk))
            })
            .collect()
    }
}

/// Rows to write, and how.
#[derive(Clone, Copy)]
pub(crate) struct WriteBatch<'a> {
    pub(crate) insertion: &'a Insertion<'a>,
    /// For each row, whether it replaces the live row with its id; empty: none does.
    pub(crate) replaced: &'a [bool],
    pub(crate) durability: Durability,
    /// Written to each shard, behind its last row.
    pub(crate) watermark: Option<u64>,
}

/// What was appended to the log of one shard.
pub(crate) struct Appended {
    pub(crate) shard: u16,
    /// Sequence of the last frame.
    pub(crate) last: u64,
    deleted: Vec<Arc<AtomicUsize>>,
}

impl Appended {
    /// Live rows that it deleted; final once committed.
    pub(crate) fn deleted(&self) -> usize {
        self.deleted.iter().map(|deleted| deleted.load(Ordering::Relaxed)).sum()
    }
}

impl WriteBatch<'_> {
    /// Writes the rows into the shards and waits until they are visible, and durable as asked for. Returns
    /// what was appended to each shard. On an error, what did get into a log is committed all the same.
    pub(crate) fn write(&self, shards: &[Shard]) -> Result<Vec<Appended>, WriteError> {
        let work: Vec<(u16, Vec<Vec<usize>>)> = (0..)
            .zip(self.insertion.transactions(shards.len()))
            .filter(|(_, transactions)| !transactions.is_empty())
            .collect();
        let bytes = self.insertion.rows.len() * row_bytes(self.insertion.options.dimension);
        let shard = |number: u16| &shards[usize::from(number)];
        let append = |(number, transactions): &(u16, Vec<Vec<usize>>)| {
            self.append(shard(*number), *number, transactions)
        };
        let commit = |appended: Result<Appended, WriteError>| {
            let appended = appended?;
            shard(appended.shard).commit(appended.last, self.durability).map(|()| appended)
        };
        let results: Vec<Result<Appended, WriteError>> = if work.len() > 1 && bytes >= PARALLEL_BYTES {
            thread::scope(|scope| {
                let threads: Vec<_> =
                    work.iter().map(|work| scope.spawn(move || commit(append(work)))).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                    .collect()
            })
        } else {
            // All are appended before the first is waited for.
            let appended: Vec<_> = work.iter().map(append).collect();
            appended.into_iter().map(commit).collect()
        };
        let in_doubt = results.iter().any(|result| result.as_ref().is_err_and(|error| error.in_doubt));
        let written: Result<Vec<_>, WriteError> = results.into_iter().collect();
        written.map_err(|error| WriteError { in_doubt, ..error })
    }

    /// Appends a shard's transactions, the last with the watermark. If one fails, those before it are
    /// committed.
    fn append(
        &self,
        shard: &Shard,
        number: u16,
        transactions: &[Vec<usize>],
    ) -> Result<Appended, WriteError> {
        let mut appended = Appended { shard: number, last: 0, deleted: Vec::new() };
        for (place, positions) in transactions.iter().enumerate() {
            let mut records = self.deletions(positions);
            records.extend(self.insertion.records(positions));
            if place + 1 == transactions.len() {
                records.extend(self.watermark.map(Record::Mark));
            }
            match shard.append(records, self.durability) {
                Ok(written) => {
                    appended.last = written.sequence;
                    appended.deleted.push(written.deleted);
                }
                Err(error) => {
                    let last = appended.last;
                    let committed = if last > 0 { shard.commit(last, self.durability) } else { Ok(()) };
                    return Err(committed.err().unwrap_or(error));
                }
            }
        }
        Ok(appended)
    }

    /// What has to be deleted before some rows are inserted in the same transaction.
    fn deletions(&self, positions: &[usize]) -> Vec<Record> {
        let replaces = |position: &&usize| self.replaced.get(**position).is_some_and(|replaces| *replaces);
        let rows = positions.iter().filter(replaces).map(|&position| &self.insertion.rows[position]);
        let mut targets: Vec<(u64, u64)> = rows.map(|row| (row.id, row.group)).collect();
        targets.sort_unstable();
        targets.chunks(MAX_DELETIONS).map(|targets| Record::Delete(targets.to_vec())).collect()
    }
}
