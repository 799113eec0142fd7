//! kill -9 in the middle of everything.
//!
//! A child process writes with several threads and says after each write that it was acknowledged. What a thread
//! does next depends only on its rows and a seed, so the parent, which knows both, can work out what must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use gallerist_index::{Durability, Error, Index, Options};

use crate::oracle::{Oracle, Process, READ_ONLY, Random, borrowed, child, copy, scratch, vector};

const DIMENSION: usize = 8;
const SHARDS: usize = 4;
/// Threads that write. A thread's ids and groups are its number modulo this.
const THREADS: u64 = 3;
const DIRECTORY: &str = "GALLERIST_TEST_CRASH";
const SEED: &str = "GALLERIST_TEST_CRASH_SEED";

type Rows = Vec<(u64, u64, Vec<f32>)>;

/// One write.
#[derive(Debug)]
enum Step {
    Insert(Rows, Durability),
    Upsert(Rows, Durability),
    Delete(Vec<u64>),
    DeleteGroup(u64),
    Seal,
    Purge,
}

/// What one thread does, forever.
struct Plan {
    random: Random,
    thread: u64,
    /// The thread's rows, if all of it was done.
    model: Oracle,
}

impl Plan {
    fn new(seed: u64, thread: u64, all: &Oracle) -> Self {
        let mut model = all.clone();
        model.0.retain(|id, _| id % THREADS == thread);
        Self { random: Random(seed ^ thread << 32), thread, model }
    }

    fn own(&mut self, bound: u64) -> u64 {
        self.random.below(bound) * THREADS + self.thread
    }

    fn step(&mut self) -> Step {
        match self.random.below(27) {
            0..11 => {
                let durability = [Durability::Group, Durability::Group, Durability::Each, Durability::Bulk];
                let durability = durability[self.random.below(4) as usize];
                let (rows, groups) = (1 + self.random.below(12), 1 + self.random.below(3));
                let groups: Vec<u64> = (0..groups).map(|_| self.own(40)).collect();
                let ids: BTreeSet<u64> = (0..rows).map(|_| self.own(2000)).collect();
                let fresh = ids.into_iter().filter(|id| !self.model.0.contains_key(id));
                let row =
                    |id| (id, groups[id as usize % groups.len()], vector(DIMENSION, id ^ self.random.0));
                let rows: Rows = fresh.map(row).collect();
                rows.iter().cloned().for_each(|(id, group, vector)| self.model.insert(id, group, vector));
                Step::Insert(rows, durability)
            }
            11..16 => {
                let ids: Vec<u64> = (0..self.random.below(9)).map(|_| self.own(2000)).collect();
                let live: Vec<u64> = self.model.0.keys().copied().collect();
                let chosen = |id: &u64| live.get(*id as usize % (live.len() + 3)).copied().unwrap_or(*id);
                let ids: Vec<u64> = ids.iter().map(chosen).collect();
                ids.iter().for_each(|id| drop(self.model.0.remove(id)));
                Step::Delete(ids)
            }
            16..18 => {
                let group = self.own(40);
                self.model.0.retain(|_, row| row.0 != group);
                Step::DeleteGroup(group)
            }
            18..20 => Step::Seal,
            20..26 => {
                let durability = [Durability::Group, Durability::Each, Durability::Bulk];
                let durability = durability[self.random.below(3) as usize];
                let live: Vec<(u64, u64)> = self.model.0.iter().map(|(id, row)| (*id, row.0)).collect();
                let chosen: BTreeSet<usize> = (0..self.random.below(12))
                    .map(|_| self.random.below(live.len() as u64 + 1) as usize)
                    .collect();
                let (new, group) = (self.own(2000), self.own(40));
                let mut rows: BTreeMap<u64, u64> =
                    chosen.into_iter().filter_map(|at| live.get(at)).copied().collect();
                rows.entry(new).or_insert_with(|| self.model.0.get(&new).map_or(group, |row| row.0));
                let row = |(id, group): (u64, u64)| (id, group, vector(DIMENSION, id ^ self.random.0));
                let rows: Rows = rows.into_iter().map(row).collect();
                rows.iter().cloned().for_each(|(id, group, vector)| self.model.upsert(id, group, vector));
                Step::Upsert(rows, durability)
            }
            _ => Step::Purge,
        }
    }
}

/// Returns the shards whose logs have got the watermark.
fn act(index: &Index, step: &Step, watermark: u64) -> Result<Vec<u16>, Error> {
    let receipt = match step {
        Step::Insert(rows, durability) => index.insert_marked(&borrowed(rows), *durability, watermark)?,
        Step::Upsert(rows, durability) => {
            index.upsert_with(&borrowed(rows), *durability)?;
            return Ok(Vec::new());
        }
        Step::Delete(ids) => index.delete_marked(ids, watermark)?,
        Step::DeleteGroup(group) => index.delete_marked(&index.view().group_ids(*group), watermark)?,
        Step::Seal => return index.seal().map(|()| Vec::new()),
        Step::Purge => return index.purge().map(|_| Vec::new()),
    };
    Ok(receipt.sequences.iter().map(|(shard, _)| *shard).collect())
}

#[test]
#[ignore = "run by its parent, in a process of its own, to be killed"]
fn writer() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let index = Index::open(Path::new(&directory)).unwrap();
    let all = Oracle::of(&index.view());
    let watermark = AtomicU64::new(index.watermarks().into_iter().max().unwrap());
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (index, watermark, mut plan) = (&index, &watermark, Plan::new(seed, number, &all));
            scope.spawn(move || {
                loop {
                    let watermark = watermark.fetch_add(1, Ordering::Relaxed) + 1;
                    let shards = act(index, &plan.step(), watermark).unwrap();
                    let marks = shards.iter().map(|shard| format!("{shard} {watermark}\n"));
                    let said = format!("\nacknowledged {number}\n{}", marks.collect::<String>());
                    // One write to the pipe, whole or absent.
                    io::stdout().write_all(said.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Rows by group.
fn grouped(oracle: &Oracle) -> BTreeMap<u64, BTreeMap<u64, &Vec<f32>>> {
    let mut groups: BTreeMap<u64, BTreeMap<u64, &Vec<f32>>> = BTreeMap::new();
    for (&id, (group, vector)) in &oracle.0 {
        groups.entry(*group).or_default().insert(id, vector);
    }
    groups
}

/// What was acknowledged is there; of what was under way, each group was written whole or not at all.
fn assert_survived(found: &Oracle, start: &Oracle, acknowledged: &[u64], seed: u64) {
    for thread in 0..THREADS {
        let mut plan = Plan::new(seed, thread, start);
        (0..acknowledged[thread as usize]).for_each(|_| drop(plan.step()));
        let before = plan.model.clone();
        let under_way = plan.step();
        let mut own = found.clone();
        own.0.retain(|id, _| id % THREADS == thread);
        let [before, after, found] = [&before, &plan.model, &own].map(grouped);
        for group in before.keys().chain(after.keys()).chain(found.keys()) {
            let [before, after, found] = [&before, &after, &found].map(|groups| groups.get(group));
            let place = format!("seed {seed}, thread {thread}, write {}", acknowledged[thread as usize] + 1);
            let either = format!("neither {before:?}\nnor {after:?}\nduring {under_way:?}");
            assert!(found == before || found == after, "{place}: group {group}: {found:?}\n{either}");
        }
    }
}

fn new_index() -> tempfile::TempDir {
    let options = Options::new(DIMENSION).shards(SHARDS as u16).seal_rows(50);
    scratch(options).0 // closed by being dropped
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let kills = std::env::var("GALLERIST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut random = Random(now.as_nanos() as u64);
    let (directory, mut start) = (new_index(), Oracle::default());
    let mut total = 0;
    for _ in 0..kills {
        let path = directory.path().join("index");
        let seed = random.below(u64::MAX);
        let mut command = child("crash::writer");
        let mut child = Process::start(command.env(DIRECTORY, &path).env(SEED, seed.to_string()));
        let lines = child.lines();
        // While it writes, so that the pipe never fills.
        let reader = thread::spawn(move || {
            let mut acknowledged = [0; THREADS as usize];
            let mut marks = [0; SHARDS];
            for line in lines {
                if let Some(thread) = line.strip_prefix("acknowledged ") {
                    acknowledged[thread.parse::<usize>().unwrap()] += 1;
                } else if let Some((Ok(shard), Ok(mark))) =
                    line.split_once(' ').map(|(shard, mark)| (shard.parse::<usize>(), mark.parse::<u64>()))
                {
                    marks[shard] = mark.max(marks[shard]);
                }
            }
            (acknowledged, marks)
        });
        thread::sleep(Duration::from_micros(random.below(200_000)));
        assert!(child.is_running(), "seed {seed}: the child ended by itself");
        child.kill();
        let (acknowledged, marks) = reader.join().unwrap();
        total += acknowledged.iter().sum::<u64>();

        // A copy is recovered and closed; the next child recovers what it was copied from.
        let copied = directory.path().join("copy");
        copy(&path, &copied);
        let reader = Index::open_with(&copied, &READ_ONLY).unwrap();
        let (read, read_marks) = (Oracle::of(&reader.view()), reader.watermarks());
        drop(reader);
        let index = Index::open(&copied).unwrap();
        let found = Oracle::of(&index.view());
        assert_eq!(
            (read, read_marks),
            (found.clone(), index.watermarks()),
            "seed {seed}: as a reader saw it"
        );
        for (found, acknowledged) in index.watermarks().into_iter().zip(marks) {
            assert!(found >= acknowledged, "seed {seed}: watermark {found}, acknowledged {acknowledged}");
        }
        assert_survived(&found, &start, &acknowledged, seed);
        let report = index.check().unwrap();
        assert!(report.is_clean(), "seed {seed}: {:?}", report.problems);
        index.close().unwrap();
        let report = Index::check_at(&copied).unwrap();
        assert!(report.is_clean(), "seed {seed}: {:?}", report.problems);
        assert_eq!((report.rows, &report.unknown[..]), (found.0.len() as u64, &[][..]), "seed {seed}");
        found.assert_equals(&Index::open(&copied).unwrap().view(), &[vector(DIMENSION, seed)]);
        std::fs::remove_dir_all(copied).unwrap();
        start = found;
    }
    assert!(kills < 5 || total > 0, "every child was killed before it wrote anything");
    start.assert_equals(&Index::open(&directory.path().join("index")).unwrap().view(), &[]);
    eprintln!("{kills} kills, {total} acknowledged writes");
}
