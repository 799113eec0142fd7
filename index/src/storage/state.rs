//! The state of an index at one moment. A state never changes: every write makes a new one that shares what
//! it did not touch, and readers keep theirs as long as they like.

use std::sync::Arc;

use crate::storage::buffer::{self, Chunk};
use crate::storage::part::Part;
use crate::storage::segment::Segment;
use crate::storage::segment::l0::Learned;
use crate::storage::tombstone::Tombstones;
use crate::storage::wal::frame::Record;

/// Everything that is visible.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) segments: Arc<Vec<Sealed>>,
    pub(crate) shards: Vec<Arc<Buffers>>,
}

/// A segment and which of its rows are dead.
#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) segment: Arc<Segment>,
    pub(crate) dead: Option<Arc<Tombstones>>,
}

/// The rows of a shard that are in no segment.
#[derive(Clone, Default)]
pub(crate) struct Buffers {
    /// Takes new rows.
    pub(crate) active: Vec<Arc<Chunk>>,
    /// Rows deleted from `active`, whose bytes are still in its log.
    pub(crate) dropped: usize,
    /// Frozen buffers, the oldest first: it is being written to a segment, or will be next.
    pub(crate) frozen: Vec<Arc<FrozenBuffer>>,
}

/// A full buffer, on its way into a segment.
#[derive(Clone, Default)]
pub(crate) struct FrozenBuffer {
    pub(crate) chunks: Vec<Arc<Chunk>>,
    /// Ids deleted since it was frozen: their rows may be in the segment being written.
    removed: Vec<u64>,
    /// Rows deleted before and since it was frozen.
    dropped: usize,
}

impl Sealed {
    pub(crate) fn is_dead(&self, row: usize) -> bool {
        self.dead.as_ref().is_some_and(|dead| dead.contains(row))
    }

    pub(crate) fn dead(&self) -> usize {
        self.dead.as_ref().map_or(0, |dead| dead.len())
    }

    pub(crate) fn live(&self) -> usize {
        self.segment.rows() - self.dead()
    }
}

impl Buffers {
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.frozen.iter().flat_map(|full| &full.chunks).chain(&self.active)
    }
}

impl FrozenBuffer {
    /// Removes rows as [`buffer::remove`] does. Returns how many.
    fn remove(full: &mut Arc<Self>, ids: &[u64], targets: &[(u64, u64)]) -> usize {
        let mut chunks = full.chunks.clone();
        let removed = buffer::remove(&mut chunks, ids, targets);
        let count = removed.len();
        if count > 0 {
            let changed = Arc::make_mut(full);
            changed.chunks = chunks;
            changed.dropped += count;
            changed.removed.extend(removed);
        }
        count
    }
}

/// The shard that a group's rows live in: the high half of `mix(group) * shards`, where `mix` is the
/// finaliser of SplitMix64 (Steele, Lea, Flood 2014). Part of the format: it never changes.
pub(crate) fn shard_of(group: u64, shards: usize) -> usize {
    let mut mixed = group.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    ((u128::from(mixed) * shards as u128) >> 64) as usize
}

impl State {
    /// No row at all.
    pub(crate) fn empty(shards: u16) -> Self {
        Self { segments: Arc::default(), shards: vec![Arc::default(); usize::from(shards)] }
    }

    /// The rotation of L0 codes of the largest segment that has one.
    pub(crate) fn rotation(&self) -> Option<&Learned> {
        let mut segments: Vec<&Segment> = self.segments.iter().map(|sealed| &*sealed.segment).collect();
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.rows()));
        segments.into_iter().find_map(|segment| segment.coded().ok().flatten()).map(|coded| coded.learned)
    }

    /// Live rows.
    pub(crate) fn live(&self) -> usize {
        self.segments.iter().map(Sealed::live).sum::<usize>() + self.buffered()
    }

    /// Live rows in buffers.
    pub(crate) fn buffered(&self) -> usize {
        self.chunks().map(|chunk| chunk.len()).sum()
    }

    /// Deleted rows whose bytes are still in a segment or a log.
    pub(crate) fn dead(&self) -> usize {
        let in_logs = self
            .shards
            .iter()
            .map(|buffers| buffers.dropped + buffers.frozen.iter().map(|full| full.dropped).sum::<usize>());
        self.segments.iter().map(Sealed::dead).sum::<usize>() + in_logs.sum::<usize>()
    }

    /// The chunks of all buffers.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Arc<Chunk>> {
        self.shards.iter().flat_map(|buffers| buffers.chunks())
    }

    /// Every place where rows lie, always in the same order: segments first.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (Part<'_>, Option<&Sealed>)> {
        let sealed = self.segments.iter().map(|sealed| (sealed.segment.part(), Some(sealed)));
        sealed.chain(self.chunks().map(|chunk| (chunk.part(), None)))
    }

    /// The live row with this id and where it lies.
    pub(crate) fn find(&self, id: u64) -> Option<(Place<'_>, usize)> {
        for sealed in self.segments.iter() {
            if let Some(row) = sealed.segment.part().find(id).filter(|&row| !sealed.is_dead(row)) {
                return Some((Place::Segment(&sealed.segment), row));
            }
        }
        self.chunks().find_map(|chunk| Some((Place::Buffer(chunk), chunk.part().find(id)?)))
    }

    /// Calls `found(position in ids, group)` for each live one of the ascending `ids`, in no particular order.
    pub(crate) fn find_each(&self, ids: &[u64], mut found: impl FnMut(usize, u64)) {
        for (part, sealed) in self.parts() {
            part.find_each(ids, |position, row| {
                if !sealed.is_some_and(|sealed| sealed.is_dead(row))
                    && let Some(&group) = part.groups.get(row)
                {
                    found(position, group);
                }
            });
        }
    }

    /// Calls `act(id, group)` for each live row.
    pub(crate) fn each_live(&self, mut act: impl FnMut(u64, u64)) {
        for (part, sealed) in self.parts() {
            let rows = part.ids.iter().zip(part.groups).enumerate();
            let live = rows.filter(|(row, _)| !sealed.is_some_and(|sealed| sealed.is_dead(*row)));
            live.for_each(|(_, (&id, &group))| act(id, group));
        }
    }

    /// The ids of the live rows of a group, ascending.
    pub(crate) fn group_ids(&self, group: u64) -> Vec<u64> {
        let mut ids = Vec::new();
        for sealed in self.segments.iter() {
            let part = sealed.segment.part();
            let first = part.groups.partition_point(|&other| other < group);
            let rows = part.groups[first..].iter().take_while(|&&other| other == group).count();
            let live = (first..first + rows).filter(|&row| !sealed.is_dead(row));
            ids.extend(live.filter_map(|row| part.ids.get(row)));
        }
        for chunk in self.shards[shard_of(group, self.shards.len())].chunks() {
            let part = chunk.part();
            ids.extend(
                part.ids.iter().zip(part.groups).filter(|(_, other)| **other == group).map(|(id, _)| id),
            );
        }
        ids.sort_unstable();
        ids
    }

    /// With a transaction of a shard's log applied. Also says how many live rows it deleted.
    pub(crate) fn applied(&self, shard: usize, records: &[Record]) -> (Self, usize) {
        let mut next = self.clone();
        let mut deleted = 0;
        for record in records {
            match record {
                Record::Insert(chunk) => next = next.inserted(shard, chunk),
                Record::Delete(targets) => {
                    let (after, count) = next.deleted(shard, targets);
                    (next, deleted) = (after, deleted + count);
                }
                Record::Close | Record::Mark(_) => {}
            }
        }
        (next, deleted)
    }

    fn inserted(&self, shard: usize, chunk: &Arc<Chunk>) -> Self {
        self.with_buffers(shard, |buffers| buffer::push(&mut buffers.active, Arc::clone(chunk)))
    }

    /// Without the rows that match `(id, group)` targets, whose ids ascend and whose groups all belong to the
    /// shard. The group is matched too: it tells a row from a later one with the same id in another shard,
    /// which this shard's log knows nothing about.
    fn deleted(&self, shard: usize, targets: &[(u64, u64)]) -> (Self, usize) {
        let ids: Vec<u64> = targets.iter().map(|target| target.0).collect();
        let mut count = 0;
        let mut next = self.with_buffers(shard, |buffers| {
            let dropped = buffer::remove(&mut buffers.active, &ids, targets).len();
            count += dropped;
            buffers.dropped += dropped;
            for full in &mut buffers.frozen {
                count += FrozenBuffer::remove(full, &ids, targets);
            }
        });
        for at in 0..self.segments.len() {
            let sealed = &self.segments[at];
            let part = sealed.segment.part();
            let mut rows = Vec::new();
            part.find_each(&ids, |position, row| {
                if part.groups.get(row) == Some(&targets[position].1) && !sealed.is_dead(row) {
                    rows.push(row);
                }
            });
            if !rows.is_empty() {
                count += rows.len();
                Arc::make_mut(&mut next.segments)[at] = sealed.with_dead(rows);
            }
        }
        (next, count)
    }

    /// With a shard's active buffer frozen, behind those that already are.
    pub(crate) fn freeze(&self, shard: usize) -> Self {
        self.with_buffers(shard, |buffers| {
            let (chunks, dropped) =
                (std::mem::take(&mut buffers.active), std::mem::take(&mut buffers.dropped));
            buffers.frozen.push(Arc::new(FrozenBuffer { chunks, removed: Vec::new(), dropped }));
        })
    }

    /// With the oldest frozen buffer replaced by its segment (none if no row was left in it).
    pub(crate) fn sealed(&self, shard: usize, segment: Option<Arc<Segment>>) -> Self {
        let mut removed = Vec::new();
        let mut next = self.with_buffers(shard, |buffers| {
            if !buffers.frozen.is_empty() {
                removed.clone_from(&buffers.frozen.remove(0).removed);
            }
        });
        if let Some(segment) = segment {
            let rows: Vec<usize> = removed.iter().filter_map(|&id| segment.part().find(id)).collect();
            let sealed = Sealed { segment, dead: None };
            let sealed = if rows.is_empty() { sealed } else { sealed.with_dead(rows) };
            Arc::make_mut(&mut next.segments).push(sealed);
        }
        next
    }

    /// With some segments replaced by one that holds the rows of theirs that were live in `sources` (none if
    /// there were none). Rows that were deleted since are deleted in it.
    pub(crate) fn compacted(&self, sources: &[Sealed], segment: Option<&Arc<Segment>>) -> Self {
        let mut next = self.clone();
        let segments = Arc::make_mut(&mut next.segments);
        let mut died = Vec::new();
        for source in sources {
            let number = source.segment.number();
            let Some(at) = segments.iter().position(|sealed| sealed.segment.number() == number) else {
                continue;
            };
            let now = segments.remove(at);
            let part = now.segment.part();
            let late = (0..part.len()).filter(|&row| now.is_dead(row) && !source.is_dead(row));
            died.extend(late.filter_map(|row| Some((*part.ids.get(row)?, *part.groups.get(row)?))));
        }
        if let Some(segment) = segment {
            let part = segment.part();
            let of_group =
                |&(id, group): &(u64, u64)| part.find(id).filter(|&row| part.groups.get(row) == Some(&group));
            let rows: Vec<usize> = died.iter().filter_map(of_group).collect();
            let sealed = Sealed { segment: Arc::clone(segment), dead: None };
            segments.push(if rows.is_empty() { sealed } else { sealed.with_dead(rows) });
        }
        next
    }

    fn with_buffers(&self, shard: usize, change: impl FnOnce(&mut Buffers)) -> Self {
        let mut next = self.clone();
        change(Arc::make_mut(&mut next.shards[shard]));
        next
    }
}

impl Sealed {
    fn with_dead(&self, rows: Vec<usize>) -> Self {
        let mut dead = match &self.dead {
            Some(dead) => Tombstones::clone(dead),
            None => Tombstones::none(self.segment.rows()),
        };
        for row in rows {
            dead.insert(row);
        }
        Self { segment: Arc::clone(&self.segment), dead: Some(Arc::new(dead)) }
    }
}

/// Where a row lies.
pub(crate) enum Place<'a> {
    Segment(&'a Segment),
    Buffer(&'a Chunk),
}

impl<'a> Place<'a> {
    pub(crate) fn part(&self) -> Part<'a> {
        match self {
            Self::Segment(segment) => segment.part(),
            Self::Buffer(chunk) => chunk.part(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_spread_evenly_and_never_move() {
        let mut counts = [0; 7];
        (0..70_000).for_each(|group| counts[shard_of(group, 7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        let known: Vec<usize> = [0, 1, 2, 3, u64::MAX].map(|group| shard_of(group, 256)).to_vec();
        assert_eq!(known, [226, 145, 151, 29, 228]);
    }
}

#[cfg(all(loom, test))]
mod loom_tests;
