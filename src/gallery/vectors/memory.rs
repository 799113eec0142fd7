//! A store in memory, for tests. Every search scores every row.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use super::error::Result;
use super::{
    Access, Answer, CheckReport, Compaction, GraphWhen, Hit, Identity, Join, Lookups, Mode, Pair, PairSink,
    PairSubjects, Proof, PurgeReceipt, Query, Receipt, Row, Rows, Selection, Snapshot, Statistics, Stored,
    VectorError, VectorErrorKind, VectorStore, View,
};
use crate::template::product::dot;

/// The data that stays after a store was dropped, like files.
#[derive(Clone)]
pub(in crate::gallery) struct Memory(Arc<Mutex<State>>);

struct State {
    identity: Identity,
    rows: Vec<Stored>,
    watermark: u64,
    deleted: u64,
}

impl Memory {
    pub fn new(dimension: usize, label: &str) -> Self {
        let identity = Identity { id: [7; 16], dimension, label: label.into(), graph: GraphWhen::Never };
        Self(Arc::new(Mutex::new(State { identity, rows: Vec::new(), watermark: 0, deleted: 0 })))
    }

    pub fn open(&self, access: Access) -> MemoryStore {
        MemoryStore { memory: self.clone(), access }
    }
}

/// A store with one shard and one writer at a time.
pub(in crate::gallery) struct MemoryStore {
    memory: Memory,
    access: Access,
}

fn refused(kind: VectorErrorKind, row: usize) -> VectorError {
    VectorError::new(kind, format!("row {row}: {kind:?}"))
}

fn expect_valid(row: usize, vector: &[f32], dimension: usize) -> Result<()> {
    if vector.len() != dimension {
        return Err(refused(VectorErrorKind::WrongDimension, row));
    }
    let length = dot(vector, vector).sqrt();
    if (length - 1.0).abs() < 1e-3 { Ok(()) } else { Err(refused(VectorErrorKind::InvalidVector, row)) }
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.memory.0.lock().unwrap()
    }

    fn state_to_write(&self) -> Result<MutexGuard<'_, State>> {
        match self.access {
            Access::ReadWrite => Ok(self.state()),
            Access::ReadOnly => Err(VectorError::new(VectorErrorKind::ReadOnly, "open for reading only")),
        }
    }
}

impl VectorStore for MemoryStore {
    fn identity(&self) -> Identity {
        self.state().identity.clone()
    }

    fn insert(&self, rows: &[Row<'_>], watermark: u64) -> Result<Receipt> {
        let mut state = self.state_to_write()?;
        let mut taken: HashSet<u64> = state.rows.iter().map(|row| row.id).collect();
        for (at, row) in rows.iter().enumerate() {
            expect_valid(at, row.vector, state.identity.dimension)?;
            if !taken.insert(row.id) {
                return Err(refused(VectorErrorKind::DuplicateId, at));
            }
        }
        let stored = |row: &Row<'_>| Stored { id: row.id, subject: row.subject, vector: row.vector.to_vec() };
        state.rows.extend(rows.iter().map(stored));
        state.watermark = state.watermark.max(watermark);
        Ok(Receipt { shards: vec![0] })
    }

    fn delete(&self, ids: &[u64], watermark: u64) -> Result<Receipt> {
        let mut state = self.state_to_write()?;
        let before = state.rows.len();
        state.rows.retain(|row| !ids.contains(&row.id));
        state.deleted += (before - state.rows.len()) as u64;
        state.watermark = state.watermark.max(watermark);
        Ok(Receipt { shards: vec![0] })
    }

    fn set_watermark(&self, watermark: u64) -> Result<()> {
        let mut state = self.state_to_write()?;
        state.watermark = state.watermark.max(watermark);
        Ok(())
    }

    fn watermarks(&self) -> Result<Vec<u64>> {
        Ok(vec![self.state().watermark])
    }

    fn snapshot(&self) -> Result<View> {
        let state = self.state();
        Ok(View::new(MemorySnapshot::of(state.identity.dimension, state.rows.clone())))
    }

    fn statistics(&self) -> Result<Statistics> {
        let state = self.state();
        let bytes = (state.rows.len() * state.identity.dimension * size_of::<f32>()) as u64;
        Ok(Statistics { deleted: state.deleted, segments: 0, buffered: state.rows.len() as u64, bytes })
    }

    fn check(&self, _deep: bool) -> Result<CheckReport> {
        Ok(CheckReport { files: 0, problems: Vec::new() })
    }

    fn compact(&self) -> Result<Compaction> {
        Ok(Compaction { rewritten: 0, segments: 0, erased: 0 })
    }

    fn purge_room(&self) -> Result<u64> {
        Ok(0)
    }

    fn purge(&self) -> Result<PurgeReceipt> {
        self.state_to_write()?.deleted = 0;
        Ok(PurgeReceipt { rewritten: 0, held_by_views: 0 })
    }
}

struct MemorySnapshot {
    dimension: usize,
    rows: Arc<Vec<Stored>>,
    by_id: HashMap<u64, usize>,
}

/// The positions of the selected rows, and all rows.
struct Places(BTreeSet<usize>, Arc<Vec<Stored>>);

impl MemorySnapshot {
    fn of(dimension: usize, rows: Vec<Stored>) -> Self {
        let by_id = rows.iter().enumerate().map(|(place, row)| (row.id, place)).collect();
        Self { dimension, rows: Arc::new(rows), by_id }
    }

    /// The scores of all rows of a query, for each probe: best first, equal scores by id.
    fn scored(&self, query: &Query<'_>) -> Result<Vec<Vec<Hit>>> {
        if query.miss.is_some_and(|miss| !(1e-15..=0.1).contains(&miss)) {
            return Err(VectorError::new(VectorErrorKind::InvalidArgument, "option miss: out of its range"));
        }
        let places: Option<&Places> = query.among.map(Selection::downcast).transpose()?;
        if places.is_some_and(|Places(_, rows)| !Arc::ptr_eq(rows, &self.rows)) {
            return Err(VectorError::new(VectorErrorKind::OtherSnapshot, "selected in another snapshot"));
        }
        let is_meant = |(place, row): &(usize, &Stored)| {
            places.is_none_or(|Places(selected, _)| selected.contains(place)) && query.except != Some(row.id)
        };
        let mut scored = Vec::new();
        for (at, probe) in query.probes.iter().enumerate() {
            expect_valid(at, probe, self.dimension)?;
            let rows = self.rows.iter().enumerate().filter(is_meant).map(|(_, row)| row);
            let hit = |row: &Stored| Hit { id: row.id, subject: row.subject, score: dot(probe, &row.vector) };
            let mut hits: Vec<Hit> = rows.map(hit).collect();
            hits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
            scored.push(hits);
        }
        Ok(scored)
    }

    fn answers(&self, query: &Query<'_>, keep: impl Fn(Vec<Hit>) -> Vec<Hit>) -> Result<Vec<Answer>> {
        let answer = |scored: Vec<Hit>| {
            let (scanned, max_score) = (scored.len() as u64, scored.first().map(|hit| hit.score));
            let (hits, mode) = (keep(scored), Mode::Exact);
            let max_score = if query.hits_only { hits.first().map(|hit| hit.score) } else { max_score };
            Answer { hits, complete: true, certificate: Proof::Exact, mode, scanned, max_score }
        };
        Ok(self.scored(query)?.into_iter().map(answer).collect())
    }
}

impl Snapshot for MemorySnapshot {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn absent(&self, ids: &[u64]) -> Result<Vec<u64>> {
        Ok(ids.iter().copied().filter(|id| !self.by_id.contains_key(id)).collect())
    }

    fn vectors<'a>(&'a self, ids: &'a [u64]) -> Lookups<'a> {
        Box::new(ids.iter().map(|id| Ok(self.by_id.get(id).map(|&place| self.rows[place].clone()))))
    }

    fn ids_of(&self, subject: u64) -> Result<Vec<u64>> {
        let rows = self.rows.iter().filter(|row| row.subject == subject);
        Ok(rows.map(|row| row.id).collect::<BTreeSet<u64>>().into_iter().collect())
    }

    fn rows(&self) -> Rows<'_> {
        Box::new(self.rows.iter().cloned().map(Ok))
    }

    fn without(&self, ids: &[u64]) -> Result<View> {
        let rows = self.rows.iter().filter(|row| !ids.contains(&row.id)).cloned().collect();
        Ok(View::new(Self::of(self.dimension, rows)))
    }

    fn select(&self, passes: &dyn Fn(u64) -> bool) -> Result<Selection> {
        let selected = self.rows.iter().enumerate().filter(|(_, row)| passes(row.subject));
        Ok(Selection::new(Places(selected.map(|(place, _)| place).collect(), Arc::clone(&self.rows))))
    }

    fn top(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>> {
        self.answers(query, |mut hits| {
            hits.truncate(k);
            hits
        })
    }

    fn top_subjects(&self, query: &Query<'_>, k: usize) -> Result<Vec<Answer>> {
        self.answers(query, |mut hits| {
            let mut seen = HashSet::new();
            hits.retain(|hit| seen.insert(hit.subject));
            hits.truncate(k);
            hits
        })
    }

    fn range(&self, query: &Query<'_>, min_score: f32) -> Result<Vec<Answer>> {
        if min_score.is_nan() {
            return Err(VectorError::new(VectorErrorKind::InvalidArgument, "option min_score: not a number"));
        }
        self.answers(query, |mut hits| {
            hits.retain(|hit| hit.score >= min_score);
            hits
        })
    }

    fn join(&self, join: Join<'_>, sink: PairSink<'_>) -> Result<bool> {
        if join.min_score.is_nan() {
            return Err(VectorError::new(VectorErrorKind::InvalidArgument, "option min_score: not a number"));
        }
        for (at, one) in self.rows.iter().enumerate() {
            for other in &self.rows[at + 1..] {
                let wanted = match join.subjects {
                    PairSubjects::Any => true,
                    PairSubjects::Different => one.subject != other.subject,
                    PairSubjects::Same => one.subject == other.subject,
                };
                let score = dot(&one.vector, &other.vector);
                let (low, high) = if one.id < other.id { (one, other) } else { (other, one) };
                let pair = Pair { ids: [low.id, high.id], subjects: [low.subject, high.subject], score };
                let is_found = wanted && score >= join.min_score;
                if join.stop.load(Ordering::Relaxed) || is_found && sink(&[pair]).is_break() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

mod tests {
    use super::super::conformance::{Place, conforms};
    use super::*;

    struct InMemory(Memory);

    impl Place for InMemory {
        fn create(dimension: usize) -> (Self, Box<dyn VectorStore>) {
            let memory = Memory::new(dimension, "model");
            let store = memory.open(Access::ReadWrite);
            (Self(memory), Box::new(store))
        }

        fn reopen(&self, access: Access) -> Option<Box<dyn VectorStore>> {
            Some(Box::new(self.0.open(access)))
        }
    }

    conforms!(InMemory);
}
