//! Somebody who uses an index and remembers what was promised.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::history::{Change, History, NEVER, Rows, Unit};
use crate::random::Random;
use crate::storage::file::power::Disk;
use crate::storage::file::trace::{Event, Recorder};
use crate::storage::state::shard_of;
use crate::{Durability, Error, Index, Options, Receipt, Row};

impl Random {
    /// A vector of length 1.
    fn unit_vector(&mut self, dimension: usize) -> Vec<f32> {
        let numbers: Vec<f32> = (0..dimension).map(|_| self.place(2001) as f32 - 1000.5).collect();
        let norm = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        numbers.iter().map(|number| number / norm).collect()
    }
}

/// What happened to a disk, and what was promised meanwhile.
pub(super) struct Recorded {
    pub(super) start: Disk,
    pub(super) events: Vec<Event>,
    pub(super) history: History,
}

impl Recorded {
    pub(super) fn new(recorder: Recorder, history: Mutex<History>) -> Self {
        let (start, events) = recorder.finish();
        Self { start, events, history: history.into_inner().unwrap() }
    }
}

/// A user, one of several at the same time, with ids and groups of their own.
pub(super) struct User<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) history: &'a Mutex<History>,
    pub(super) random: Random,
    /// Live rows: id and group.
    live: BTreeMap<u64, u64>,
    number: u64,
    users: u64,
}

impl<'a> User<'a> {
    pub(super) fn new(recorder: &'a Recorder, history: &'a Mutex<History>, seed: u64) -> Self {
        Self::one_of(recorder, history, seed, 0, 1)
    }

    fn one_of(
        recorder: &'a Recorder,
        history: &'a Mutex<History>,
        seed: u64,
        number: u64,
        users: u64,
    ) -> Self {
        Self { recorder, history, random: Random(seed ^ number << 32), live: BTreeMap::new(), number, users }
    }

    /// Knows what is in an index.
    pub(super) fn knowing(mut self, index: &Index) -> Self {
        self.live = index.view().entries().collect();
        self
    }

    fn own(&mut self, bound: usize) -> u64 {
        self.random.place(bound) as u64 * self.users + self.number
    }

    /// Does something. An index on a disk that works refuses nothing of it.
    pub(super) fn step(&mut self, index: &Index) -> Result<(), Error> {
        match self.random.place(if index.options().background_compaction { 22 } else { 20 }) {
            0..13 => {
                let durability = [
                    Durability::Group,
                    Durability::Group,
                    Durability::Each,
                    Durability::Bulk,
                    Durability::Bulk,
                ];
                let durability = durability[self.random.place(5)];
                let most = [2, 6, 12][self.random.place(3)];
                // With three replaced rows no more than a buffer takes: of a call that is divided only the last place in the log is known, and
                // other users write between its parts.
                let rows = 1 + self.random.place(if self.users == 1 { most } else { most.min(5) });
                let groups = 1 + self.random.place(3);
                let replaced = self.replaced(index);
                self.write(index, rows, groups, durability, replaced)
            }
            13..16 => {
                let count = 1 + self.random.place(5);
                let live: Vec<u64> = self.live.keys().copied().collect();
                let ids: Vec<u64> =
                    (0..count).filter_map(|_| live.get(self.random.place(live.len() + 1))).copied().collect();
                self.delete(&ids, || index.delete(&ids))
            }
            16 => {
                let group = self.own(9);
                let ids: Vec<u64> =
                    self.live.iter().filter(|(_, of)| **of == group).map(|(&id, _)| id).collect();
                self.delete(&ids, || index.delete_group(group))
            }
            17 => self.flush("sync", || index.sync()),
            18..20 => self.flush("seal", || index.seal()),
            20 => {
                // It makes nothing durable that was not.
                self.begin("compact");
                index.compact().map(drop)
            }
            _ => self.flush("purge", || index.purge().map(drop)),
        }
    }

    /// Inserts fresh rows.
    pub(super) fn insert(
        &mut self,
        index: &Index,
        rows: usize,
        groups: usize,
        durability: Durability,
    ) -> Result<(), Error> {
        self.write(index, rows, groups, durability, Rows::new())
    }

    /// Live rows with new vectors, for every third write.
    fn replaced(&self, index: &Index) -> Rows {
        let mut random = Random(self.random.0 ^ 0x5eed);
        if random.place(3) > 0 || self.live.is_empty() {
            return Rows::new();
        }
        let live: Vec<(u64, u64)> = self.live.iter().map(|(&id, &group)| (id, group)).collect();
        let mut chosen = || (live[random.place(live.len())], random.unit_vector(index.options().dimension));
        (0..3).map(|_| chosen()).map(|((id, group), vector)| (id, (group, vector))).collect()
    }

    /// Inserts fresh rows, and replaces some live ones in the same call.
    fn write(
        &mut self,
        index: &Index,
        rows: usize,
        groups: usize,
        durability: Durability,
        replaced: Rows,
    ) -> Result<(), Error> {
        let groups: Vec<u64> = (0..groups).map(|_| self.own(9)).collect();
        let mut fresh = Rows::new();
        while fresh.len() < rows {
            let id = self.own(400);
            if !self.live.contains_key(&id) {
                let group = groups[self.random.place(groups.len())];
                fresh.insert(id, (group, self.random.unit_vector(index.options().dimension)));
            }
        }
        let upserts = !replaced.is_empty();
        fresh.extend(replaced);
        let given: Vec<Row<'_>> =
            fresh.iter().map(|(&id, (group, vector))| Row { id, group: *group, vector }).collect();
        let began = self.begin("insert");
        let receipt = match upserts {
            true => index.upsert_with(&given, durability)?,
            false => index.insert_with(&given, durability)?,
        };
        let returned = self.recorder.position();
        self.live.extend(fresh.iter().map(|(&id, row)| (id, row.0)));
        let durable = if receipt.durable { returned } else { NEVER };
        let shards = index.options().shards;
        for &(shard, sequence) in &receipt.sequences {
            let own = |row: &u64| shard_of(*row, usize::from(shards)) == usize::from(shard);
            let rows: Rows = fresh.clone().into_iter().filter(|(_, (group, _))| own(group)).collect();
            for rows in atoms(rows, index.options().seal_rows) {
                let unit =
                    Unit { sequence, began: began + 1, returned, durable, change: Change::Insert(rows) };
                self.history().add(shard, unit);
            }
        }
        Ok(())
    }

    fn delete(&mut self, ids: &[u64], act: impl FnOnce() -> Result<Receipt, Error>) -> Result<(), Error> {
        let began = self.begin("delete");
        let receipt = act()?;
        let returned = self.recorder.position();
        let shards = self.history().shards.len();
        for (shard, sequence) in receipt.sequences {
            let own = |id: &&u64| {
                self.live.get(id).is_some_and(|&group| shard_of(group, shards) == usize::from(shard))
            };
            let change = Change::Delete(ids.iter().filter(own).copied().collect());
            let unit = Unit { sequence, began: began + 1, returned, durable: returned, change };
            self.history().add(shard, unit);
        }
        self.live.retain(|id, _| !ids.contains(id));
        Ok(())
    }

    /// Does what makes everything durable.
    pub(super) fn flush(
        &mut self,
        name: &'static str,
        act: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let began = self.begin(name);
        act()?;
        self.history().mark_durable(began, self.recorder.position());
        Ok(())
    }

    fn begin(&self, name: &'static str) -> usize {
        let began = self.recorder.position();
        self.history().calls.push((began, name));
        began
    }

    fn history(&self) -> std::sync::MutexGuard<'a, History> {
        self.history.lock().unwrap()
    }
}

/// The parts of a call's rows in one shard that stand or fall as a whole: all of them, unless they are more
/// than a buffer takes; then each group, in order.
fn atoms(rows: Rows, limit: usize) -> Vec<Rows> {
    if rows.len() <= limit {
        return vec![rows];
    }
    let mut groups: BTreeMap<u64, Rows> = BTreeMap::new();
    rows.into_iter().for_each(|(id, row)| drop(groups.entry(row.0).or_default().insert(id, row)));
    groups.into_values().collect()
}

/// Makes an index in an empty directory and lets some users use it, closing and opening it now and then.
/// `merging`: segments are merged and purged too.
pub(super) fn record(directory: &Path, seed: u64, steps: usize, users: u64, merging: bool) -> Recorded {
    let mut random = Random(seed);
    let recorder = Recorder::new(directory);
    let path = directory.join("index");
    let options = Options::new([2, 24, 40][random.place(3)])
        .shards(1 + random.place(3) as u16)
        .seal_rows([8, 14, 30][random.place(3)])
        .background_compaction(merging);
    let shards = options.shards;
    let mut index = Index::create(&path, options).unwrap();
    let history = Mutex::new(History::new(shards, recorder.position()));
    let mut users: Vec<User<'_>> =
        (0..users).map(|number| User::one_of(&recorder, &history, random.word(), number, users)).collect();
    let sessions = 1 + random.place(3);
    for _ in 0..sessions {
        let steps = steps / sessions / users.len() + 1;
        if let [user] = &mut users[..] {
            (0..steps).for_each(|_| user.step(&index).unwrap());
        } else {
            std::thread::scope(|scope| {
                for user in &mut users {
                    scope.spawn(|| (0..steps).for_each(|_| user.step(&index).unwrap()));
                }
            });
        }
        users[0].flush("close", || index.close()).unwrap();
        users[0].begin("open");
        index = Index::open(&path).unwrap();
    }
    users[0].insert(&index, 5, 2, Durability::Bulk).unwrap();
    users[0].flush("close", || index.close()).unwrap();
    drop(users);
    Recorded::new(recorder, history)
}
