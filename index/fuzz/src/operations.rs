//! Any sequence of operations, against a map and a sort.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use gallerist_index::{
    Durability, Erasures, Error, GraphOptions, GraphWhen, Hit, Index, Mode, Options, Row, View, dot,
};

use super::attack::quick_directory;

/// Live rows by id: group and vector.
type Rows = BTreeMap<u64, (u64, Vec<f32>)>;

/// The first bytes shape the index, each further one is an operation or its argument.
pub fn run(input: &[u8]) {
    let mut bytes = Bytes(input);
    let shape = bytes.next();
    let graphs = if shape & 4 == 0 { GraphWhen::Never } else { GraphWhen::Always };
    let options = Options::new(usize::from(shape >> 4) % 8 + 1)
        .shards(u16::from(shape % 4) + 1)
        .seal_rows(usize::from(bytes.next() % 32) + 1)
        .background_compaction(shape & 8 != 0)
        .graph(GraphOptions { when: graphs, degree: 4, build_width: 16 });
    let directory = quick_directory();
    let path = directory.path().join("index");
    let index = Index::create(&path, options).expect("a new index");
    let mut world =
        World { directory: directory.path(), path, index: Some(index), rows: Rows::new(), saved: None };
    for step in 0..60 {
        if bytes.0.is_empty() {
            break;
        }
        world.step(step, &mut bytes);
        compare(&world.index().view(), &world.rows, step);
    }
    world.reopen();
    compare(&world.index().view(), &world.rows, 77);
    world.index.take().map(Index::close).transpose().expect("closing");
    let report = Index::check_at(&world.path).expect("checking");
    assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
}

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    /// 0 at the end.
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

struct World<'a> {
    directory: &'a Path,
    path: PathBuf,
    index: Option<Index>,
    rows: Rows,
    /// A snapshot and what is left of it: what was deleted since does not come back.
    saved: Option<(PathBuf, Rows)>,
}

impl World<'_> {
    fn index(&self) -> &Index {
        self.index.as_ref().expect("open between operations")
    }

    fn step(&mut self, step: u64, bytes: &mut Bytes<'_>) {
        match bytes.next() % 16 {
            0..=5 => self.insert(step, bytes),
            6..=8 => {
                let ids: Vec<u64> = (0..bytes.next() % 8).map(|_| u64::from(bytes.next() % 70)).collect();
                let before = self.rows.len();
                let receipt = self.index().delete(&ids).expect("deleting");
                self.forget(|id, _| ids.contains(&id));
                assert_eq!(receipt.rows, before - self.rows.len());
            }
            9 => {
                let group = u64::from(bytes.next() % 10);
                self.index().delete_group(group).expect("deleting a group");
                self.forget(|_, other| other == group);
            }
            10 => self.index().seal().expect("sealing"),
            11 => drop(self.index().compact().expect("compacting")),
            12 => {
                self.index().purge().expect("purging");
                assert_eq!(self.index().stats().deleted_rows, 0);
            }
            13 => self.reopen(),
            14 => {
                let report = self.index().check().expect("checking");
                assert!(report.is_clean() && report.rows == self.rows.len() as u64, "{report:?}");
            }
            _ => self.save_or_restore(step),
        }
    }

    fn insert(&mut self, step: u64, bytes: &mut Bytes<'_>) {
        let durability = [Durability::Group, Durability::Each, Durability::Interval, Durability::Bulk];
        let shape = bytes.next();
        let durability = durability[usize::from(shape % 4)];
        let dimension = self.index().options().dimension;
        let given: Vec<(u64, u64, Vec<f32>)> = (0..shape / 4 % 16)
            .map(|_| {
                let (id, group) = (u64::from(bytes.next() % 64), u64::from(bytes.next() % 9));
                (id, group, vector(dimension, id * 7 + step % 3))
            })
            .collect();
        let rows: Vec<Row<'_>> =
            given.iter().map(|(id, group, vector)| Row { id: *id, group: *group, vector }).collect();
        let mut ids = HashSet::new();
        let fresh = rows.iter().all(|row| ids.insert(row.id) && !self.rows.contains_key(&row.id));
        match self.index().insert_with(&rows, durability) {
            Ok(receipt) => assert!(fresh && receipt.rows == rows.len()),
            Err(Error::DuplicateId { .. }) => return assert!(!fresh),
            Err(error) => panic!("{error}"),
        }
        self.rows.extend(given.into_iter().map(|(id, group, vector)| (id, (group, vector))));
    }

    fn forget(&mut self, deleted: impl Fn(u64, u64) -> bool) {
        let gone: Vec<(u64, u64)> = self
            .rows
            .iter()
            .map(|(&id, row)| (id, row.0))
            .filter(|&(id, group)| deleted(id, group))
            .collect();
        self.rows.retain(|&id, row| !gone.contains(&(id, row.0)));
        if let Some((_, saved)) = &mut self.saved {
            saved.retain(|&id, row| !gone.contains(&(id, row.0)));
        }
    }

    fn reopen(&mut self) {
        self.index.take().map(Index::close).transpose().expect("closing");
        self.index = Some(Index::open(&self.path).expect("opening"));
    }

    /// Takes a snapshot, or goes on with the one that was taken: without what was deleted since.
    fn save_or_restore(&mut self, step: u64) {
        let Some((snapshot, rows)) = self.saved.take() else {
            let to = self.directory.join(format!("snapshot-{step}"));
            self.index().snapshot(&to).expect("a snapshot");
            self.saved = Some((to, self.rows.clone()));
            return;
        };
        let erasures: Erasures = self.index().erasures().expect("reading erasures");
        self.index.take().map(Index::close).transpose().expect("closing");
        let to = self.directory.join(format!("restored-{step}"));
        Index::restore(&snapshot, &to, Some(&erasures)).expect("restoring");
        self.path = to;
        self.index = Some(Index::open(&self.path).expect("opening what was restored"));
        self.rows = rows;
    }
}

/// A unit vector that depends on nothing but its arguments; few of them, so that scores are often equal.
fn vector(dimension: usize, seed: u64) -> Vec<f32> {
    let mut vector = vec![0.0; dimension];
    let (one, other) = (seed as usize % dimension, seed as usize / 3 % dimension);
    vector[one] = 0.6;
    vector[other] = if one == other { -1.0 } else { -0.8 };
    vector
}

/// Compares everything that a view says.
fn compare(view: &View, rows: &Rows, salt: u64) {
    assert_eq!(view.len(), rows.len());
    for (&id, (group, vector)) in rows {
        let row = view.get(id).expect("readable").expect("live");
        assert!(row.group == *group && row.vector == *vector && view.group_ids(*group).contains(&id));
    }
    let probe = vector(view.dimension(), salt);
    let hit = |(&id, (group, stored)): (&u64, &(u64, Vec<f32>))| Hit {
        id,
        group: *group,
        score: dot(&probe, stored),
    };
    let mut ranked: Vec<Hit> = rows.iter().map(hit).collect();
    ranked.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
    let mut seen = HashSet::new();
    let groups: Vec<Hit> = ranked.iter().filter(|hit| seen.insert(hit.group)).copied().collect();
    let query = || view.query(&probe).expect("a valid probe");
    for k in [0, 1, 3, ranked.len() + 1] {
        let answer = query().top_k(k).expect("searching");
        assert!(answer.complete && answer.hits == ranked[..k.min(ranked.len())]);
        let answer = query().top_groups(k).expect("searching");
        assert!(answer.complete && answer.hits == groups[..k.min(groups.len())]);
        let answer = query().mode(Mode::Graph { width: 1000 }).top_k(k).expect("walking");
        let mut seen = HashSet::new();
        assert!(
            answer.hits.len() <= k
                && answer.hits.iter().all(|hit| ranked.contains(hit) && seen.insert(hit.id))
        );
    }
    let range = query().range(0.5).expect("searching");
    assert_eq!(range.hits, ranked.into_iter().filter(|hit| hit.score >= 0.5).collect::<Vec<_>>());
}
