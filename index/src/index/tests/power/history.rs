//! What was written to each shard, in the order of its log, and when it was promised to stay.
//!
//! Moments are positions in a trace: how many changes the file system had seen.

use std::collections::BTreeMap;

use crate::View;
use crate::storage::state::shard_of;

/// Rows by id: group and vector.
pub(super) type Rows = BTreeMap<u64, (u64, Vec<f32>)>;

/// A moment that does not come.
pub(super) const NEVER: usize = usize::MAX;

/// A change of a shard that stands or falls as a whole.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// Orders the shard's units: that of its last frame, or of a later one of the same call.
    pub(super) sequence: u64,
    /// Nothing of it can be on disk before.
    pub(super) began: usize,
    /// When the call returned.
    pub(super) returned: usize,
    /// From when on it must survive everything.
    pub(super) durable: usize,
    pub(super) change: Change,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Insert(Rows),
    Delete(Vec<u64>),
}

impl Change {
    fn apply(&self, rows: &mut Rows) {
        match self {
            Self::Insert(inserted) => rows.extend(inserted.iter().map(|(&id, row)| (id, row.clone()))),
            Self::Delete(ids) => ids.iter().for_each(|id| drop(rows.remove(id))),
        }
    }
}

/// What became of an index.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) shards: Vec<Vec<Unit>>,
    /// From when on there must be an index.
    pub(super) exists: usize,
    /// When which call was made.
    pub(super) calls: Vec<(usize, &'static str)>,
}

impl History {
    pub(super) fn new(shards: u16, exists: usize) -> Self {
        Self { shards: vec![Vec::new(); usize::from(shards)], exists, calls: Vec::new() }
    }

    /// Takes in a unit of a shard; calls may return in another order than that of the log.
    pub(super) fn add(&mut self, shard: u16, unit: Unit) {
        let units = &mut self.shards[usize::from(shard)];
        let place = units.partition_point(|other| other.sequence <= unit.sequence);
        units.insert(place, unit);
    }

    /// Everything that returned before a call began is durable now that the call has returned.
    pub(super) fn mark_durable(&mut self, began: usize, now: usize) {
        for unit in self.shards.iter_mut().flatten().filter(|unit| unit.returned <= began) {
            unit.durable = unit.durable.min(now);
        }
    }

    /// How many units of a shard must be there after a cut.
    fn least(units: &[Unit], cut: usize) -> usize {
        units.iter().rposition(|unit| unit.durable <= cut).map_or(0, |last| last + 1)
    }

    /// Holds a view of what a power cut left against the promises: each shard is a prefix of its history,
    /// with everything in it that was acknowledged as durable. Returns the lengths of the prefixes, of the
    /// longest where several hold the same rows.
    pub(super) fn judge(&self, cut: usize, view: &View) -> Result<Vec<usize>, String> {
        let mut found = vec![Rows::new(); self.shards.len()];
        for row in view.rows() {
            let row = row.map_err(|error| format!("a row cannot be read: {error}"))?;
            let shard = &mut found[shard_of(row.group, self.shards.len())];
            if shard.insert(row.id, (row.group, row.vector)).is_some() {
                return Err(format!("id {} is live twice", row.id));
            }
        }
        let judged = self.shards.iter().zip(found).enumerate();
        judged
            .map(|(shard, (units, found))| {
                judge(units, cut, &found).map_err(|error| format!("shard {shard}: {error}"))
            })
            .collect()
    }

    /// The history of an index that was opened after a cut, at a moment of a new trace, and showed these
    /// prefixes.
    pub(super) fn reopened(&self, cut: usize, prefixes: &[usize], opened: usize) -> Self {
        let shards = self.shards.iter().zip(prefixes).map(|(units, &prefix)| {
            let least = Self::least(units, cut);
            let kept = units[..prefix].iter().enumerate().map(|(place, unit)| Unit {
                sequence: 0,
                began: 0,
                returned: 0,
                durable: if place < least { 0 } else { opened },
                ..unit.clone()
            });
            kept.collect()
        });
        Self { shards: shards.collect(), exists: 0, calls: Vec::new() }
    }
}

fn judge(units: &[Unit], cut: usize, found: &Rows) -> Result<usize, String> {
    let least = History::least(units, cut);
    let most = units.iter().position(|unit| unit.began > cut).unwrap_or(units.len());
    let (mut rows, mut longest) = (Rows::new(), None);
    for (place, unit) in units[..most].iter().enumerate() {
        if place >= least && rows == *found {
            longest = Some(place);
        }
        unit.change.apply(&mut rows);
    }
    if rows == *found {
        longest = Some(most);
    }
    if let Some(longest) = longest {
        return Ok(longest);
    }
    let ids: Vec<_> = found.keys().collect();
    let mut rows = Rows::new();
    units[..least].iter().for_each(|unit| unit.change.apply(&mut rows));
    let missing: Vec<_> =
        rows.iter().filter(|(id, row)| found.get(id) != Some(row)).map(|(id, _)| id).collect();
    Err(format!(
        "no prefix of {least} to {most} units holds the rows {ids:?}; after {least} it lacks {missing:?}"
    ))
}
