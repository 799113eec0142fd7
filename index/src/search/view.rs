//! Views: immutable snapshots for readers.

use std::sync::Arc;

use crate::error::Error;
use crate::options::Lengths;
use crate::row::{Stored, normalise, validate};
use crate::storage::part::Part;
use crate::storage::state::{Place, Sealed, State, shard_of};
use crate::storage::wal::frame::Record;

/// An immutable snapshot of an index: everything that was acknowledged when it was taken, and nothing else.
///
/// Taking one is cheap and blocks nobody. A view shows a prefix of each shard's log, never changes, and
/// stays valid after the index is closed. Rows deleted later stay visible in it, and their memory and files
/// stay in use. Take a new view for each question instead of keeping one.
#[derive(Clone)]
pub struct View {
    pub(crate) state: Arc<State>,
    pub(crate) dimension: usize,
    pub(crate) lengths: Lengths,
    /// Whether it shows all that the index holds; `false` for salvaged indexes only.
    pub(crate) whole: bool,
}

/// What could be read of a damaged index.
#[derive(Debug)]
#[non_exhaustive]
pub struct Salvage {
    /// The rows of the sound files. If anything is missing, its answers say `complete: false`.
    pub view: View,
    /// What is damaged; empty if nothing is.
    pub problems: Vec<Error>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("rows", &self.len()).field("whole", &self.whole).finish_non_exhaustive()
    }
}

impl View {
    /// Damage is an error, except in a salvaged view, whose answers say that they are incomplete.
    pub(crate) fn tolerate(&self, damage: Error) -> Result<(), Error> {
        if self.whole { Err(damage) } else { Ok(()) }
    }

    /// A vector as it is searched for; `row` is its place in the batch.
    pub(super) fn probe(&self, row: usize, vector: &[f32]) -> Result<Vec<f32>, Error> {
        match self.lengths {
            Lengths::Unit => validate(row, vector, self.dimension).map(|()| vector.to_vec()),
            Lengths::Any => normalise(row, vector, self.dimension).map(|(unit, _)| unit),
        }
    }

    /// Live rows.
    pub fn len(&self) -> usize {
        self.state.live()
    }

    /// Whether no row is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Components of a vector.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The same view without the rows with these ids. The index does not change.
    #[must_use]
    pub fn without(&self, ids: &[u64]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let shards = self.state.shards.len();
        let mut targets = vec![Vec::new(); shards];
        self.state.find_each(&ids, |at, group| targets[shard_of(group, shards)].push((ids[at], group)));
        let mut state = State::clone(&self.state);
        for (shard, mut targets) in targets.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            targets.sort_unstable();
            state = state.applied(shard, &[Record::Delete(targets)]).0;
        }
        Self { state: Arc::new(state), ..self.clone() }
    }

    /// Whether a row with this id is live.
    pub fn contains(&self, id: u64) -> bool {
        self.state.find(id).is_some()
    }

    /// The group of the live row with this id.
    pub fn group_of(&self, id: u64) -> Option<u64> {
        let (place, row) = self.state.find(id)?;
        place.part().groups.get(row).copied()
    }

    /// The live row with this id; `None` if there is none.
    ///
    /// # Errors
    /// Its segment is damaged there.
    pub fn get(&self, id: u64) -> Result<Option<Stored>, Error> {
        let Some((place, row)) = self.state.find(id) else { return Ok(None) };
        if let Place::Segment(segment) = place {
            segment.verify_whole(row..row + 1)?;
        }
        Ok(stored(place.part(), row))
    }

    /// The ids of the live rows of a group, ascending.
    pub fn group_ids(&self, group: u64) -> Vec<u64> {
        self.state.group_ids(group)
    }

    /// The id and the group of every live row, in no particular order. No vector is read.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.state.parts().flat_map(|(part, sealed)| {
            let rows = part.ids.iter().copied().zip(part.groups.iter().copied()).enumerate();
            rows.filter(move |(row, _)| !sealed.is_some_and(|sealed| sealed.is_dead(*row)))
                .map(|(_, entry)| entry)
        })
    }

    /// Every live row, one at a time, in no particular order; an error in the place of a damaged one, and
    /// then the next row.
    pub fn rows(&self) -> impl Iterator<Item = Result<Stored, Error>> + '_ {
        let sealed = self.state.segments.iter().flat_map(sealed_rows);
        let buffered = self.state.chunks().flat_map(|chunk| {
            let part = chunk.part();
            (0..part.len()).filter_map(move |row| stored(part, row)).map(Ok)
        });
        sealed.chain(buffered)
    }
}

/// Rows that are read at once where all are wanted.
const READ_AHEAD: usize = 1024;

fn sealed_rows(sealed: &Sealed) -> impl Iterator<Item = Result<Stored, Error>> + '_ {
    let part = sealed.segment.part();
    let read_ahead = move |&row: &usize| {
        if row.is_multiple_of(READ_AHEAD) {
            sealed.segment.read_ahead(row..(row + READ_AHEAD).min(part.len()));
        }
    };
    (0..part.len()).inspect(read_ahead).filter(|&row| !sealed.is_dead(row)).filter_map(
        move |row| match sealed.segment.verify_whole(row..row + 1) {
            Ok(()) => stored(part, row).map(Ok),
            Err(error) => Some(Err(error)),
        },
    )
}

fn stored(part: Part<'_>, row: usize) -> Option<Stored> {
    Some(Stored {
        id: *part.ids.get(row)?,
        group: *part.groups.get(row)?,
        vector: part.vector(row)?.to_vec(),
        length: part.length(row),
    })
}
