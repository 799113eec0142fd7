//! Writers and readers.

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gallerist_index::{Durability, Index, Mode, Row};

use crate::Failure;
use crate::rows::{BATCH, GROUP, Random, ids, vector};
use crate::verify;

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub inserted: u64,
    pub deleted: u64,
    pub searches: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.deleted += other.deleted;
        self.searches += other.searches;
    }
}

/// Inserts and deletes batches of its own; half of them are live at a time.
pub struct Writer {
    random: Random,
    pub live: BTreeSet<u64>,
    /// Batches that are its own: `number`, `number + step`, and so on, so many.
    number: u64,
    step: u64,
    batches: u64,
}

impl Writer {
    pub fn new(seed: u64, number: u64, writers: u64, rows: u64) -> Self {
        let batches = 2 * (rows / BATCH / writers).max(1);
        Self { random: Random(seed << 8 ^ number), live: BTreeSet::new(), number, step: writers, batches }
    }

    pub fn live_rows(&self) -> u64 {
        self.live.len() as u64 * BATCH
    }

    /// Inserts until half of the batches are live.
    pub fn fill(&mut self, index: &Index) -> Result<(), Failure> {
        while (self.live.len() as u64) < self.batches / 2 {
            self.insert(index)?;
        }
        Ok(())
    }

    /// Deletes a batch and inserts another, again and again.
    pub fn run(&mut self, index: &Index, pause: Duration, done: &AtomicBool) -> Result<Counts, Failure> {
        let mut counts = Counts::default();
        let mut due = Instant::now();
        while !done.load(Ordering::Relaxed) {
            let acted = self.delete(index).and_then(|()| self.insert(index));
            acted.inspect_err(|_| done.store(true, Ordering::Relaxed))?;
            counts.deleted += BATCH;
            counts.inserted += BATCH;
            due += pause;
            thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_secs(1)));
        }
        Ok(counts)
    }

    fn insert(&mut self, index: &Index) -> Result<(), Failure> {
        let batch = loop {
            let batch = self.number + self.step * self.random.below(self.batches);
            if !self.live.contains(&batch) {
                break batch;
            }
        };
        let vectors: Vec<(u64, Vec<f32>)> = ids(batch).map(|id| (id, vector(id))).collect();
        let rows: Vec<Row<'_>> =
            vectors.iter().map(|(id, vector)| Row { id: *id, group: id / GROUP, vector }).collect();
        let durability = [Durability::Group, Durability::Interval, Durability::Bulk];
        let durability = durability[self.random.below(3) as usize];
        index.insert_with(&rows, durability)?;
        self.live.insert(batch);
        Ok(())
    }

    fn delete(&mut self, index: &Index) -> Result<(), Failure> {
        let from = self.number + self.step * self.random.below(self.batches);
        let batch = self.live.range(from..).next().or(self.live.first()).copied().ok_or("nothing is live")?;
        let deleted = if self.random.below(2) == 0 {
            index.delete(&ids(batch).collect::<Vec<_>>())?.rows
        } else {
            let groups = ids(batch).step_by(GROUP as usize).map(|id| index.delete_group(id / GROUP));
            groups.map(|receipt| receipt.map(|receipt| receipt.rows)).sum::<Result<usize, _>>()?
        };
        self.live.remove(&batch);
        match deleted as u64 {
            BATCH => Ok(()),
            other => Err(format!("{other} rows of batch {batch} were there to be deleted").into()),
        }
    }
}

/// Searches in every way, and rests as long as it worked.
pub fn read(index: &Index, seed: u64, done: &AtomicBool) -> Result<Counts, Failure> {
    let mut random = Random(seed);
    let mut counts = Counts::default();
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        let searched = search(index, &mut random);
        searched.inspect_err(|_| done.store(true, Ordering::Relaxed))?;
        counts.searches += 4;
        thread::sleep(began.elapsed());
    }
    Ok(counts)
}

fn search(index: &Index, random: &mut Random) -> Result<(), Failure> {
    let view = index.view();
    let probe = vector(random.below(1 << 20));
    verify::hits(&view, &probe, &view.query(&probe)?.top_k(10)?)?;
    verify::hits(&view, &probe, &view.query(&probe)?.mode(Mode::Graph { width: 100 }).top_k(10)?)?;
    verify::hits(&view, &probe, &view.query(&probe)?.top_groups(10)?)?;
    verify::hits(&view, &probe, &view.query(&probe)?.range(0.4)?)
}
