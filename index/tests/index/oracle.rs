//! What an index should hold and answer: a map and a sort.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub use crate::random::Random;
use gallerist_index::{Access, Hit, Index, OpenOptions, Options, Row, View, dot};

/// Opens for reading, without waiting.
pub const READ_ONLY: OpenOptions = OpenOptions { access: Access::ReadOnly, wait: Duration::ZERO };

/// Live rows by id: group and vector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Oracle(pub BTreeMap<u64, (u64, Vec<f32>)>);

impl Oracle {
    pub fn insert(&mut self, id: u64, group: u64, vector: Vec<f32>) {
        assert!(self.0.insert(id, (group, vector)).is_none());
    }

    pub fn upsert(&mut self, id: u64, group: u64, vector: Vec<f32>) {
        let old = self.0.insert(id, (group, vector));
        assert!(old.is_none_or(|(old, _)| old == group), "an upsert keeps a row in its group");
    }

    /// Every live row, best first.
    pub fn ranked(&self, probe: &[f32]) -> Vec<Hit> {
        let mut hits: Vec<Hit> = self
            .0
            .iter()
            .map(|(&id, (group, vector))| Hit { id, group: *group, score: dot(probe, vector) })
            .collect();
        hits.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.id.cmp(&other.id)));
        hits
    }

    pub fn ranked_groups(&self, probe: &[f32]) -> Vec<Hit> {
        let mut seen = HashSet::new();
        self.ranked(probe).into_iter().filter(|hit| seen.insert(hit.group)).collect()
    }

    /// The same of a view, read row by row.
    pub fn of(view: &View) -> Self {
        let mut oracle = Self::default();
        view.rows().map(Result::unwrap).for_each(|row| oracle.insert(row.id, row.group, row.vector));
        oracle
    }

    /// Compares everything that a view says.
    pub fn assert_equals(&self, view: &View, probes: &[Vec<f32>]) {
        assert_eq!(&Self::of(view), self);
        let entries: BTreeMap<u64, u64> = view.entries().collect();
        assert_eq!(entries, self.0.iter().map(|(id, (group, _))| (*id, *group)).collect());
        assert_eq!(view.len(), self.0.len());
        assert_eq!(view.is_empty(), self.0.is_empty());
        for (&id, (group, vector)) in &self.0 {
            let row = view.get(id).unwrap().unwrap();
            assert_eq!(view.group_of(id), Some(*group));
            assert!(view.contains(id) && row.id == id && row.group == *group && &row.vector == vector);
            assert!(view.group_ids(*group).contains(&id));
        }
        for probe in probes {
            let (ranked, groups) = (self.ranked(probe), self.ranked_groups(probe));
            let best = ranked.first().map(|hit| hit.score);
            for k in [0, 1, 3, ranked.len() + 1] {
                let answer = view.query(probe).unwrap().top_k(k).unwrap();
                assert_eq!(answer.hits, ranked[..k.min(ranked.len())]);
                assert!(answer.complete && answer.scanned == ranked.len() as u64 && answer.max_score == best);
                let answer = view.query(probe).unwrap().top_groups(k).unwrap();
                assert_eq!(answer.hits, groups[..k.min(groups.len())]);
            }
            for least in [-1.0, 0.0, 0.5, 2.0] {
                let answer = view.query(probe).unwrap().range(least).unwrap();
                let expected: Vec<Hit> = ranked.iter().filter(|hit| hit.score >= least).copied().collect();
                assert_eq!(answer.hits, expected);
                assert_eq!(answer.max_score, best);
            }
        }
    }
}

/// A unit vector that depends on nothing but its arguments.
pub fn vector(dimension: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    let numbers: Vec<f64> = (0..dimension).map(|_| next()).collect();
    let norm = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    numbers.iter().map(|number| (number / norm) as f32).collect()
}

/// Rows with ids from a range, `per_group` to a group.
pub fn rows(dimension: usize, ids: std::ops::Range<u64>, per_group: u64) -> Vec<(u64, u64, Vec<f32>)> {
    ids.map(|id| (id, id / per_group, vector(dimension, id))).collect()
}

pub fn borrowed(rows: &[(u64, u64, Vec<f32>)]) -> Vec<Row<'_>> {
    rows.iter().map(|(id, group, vector)| Row { id: *id, group: *group, vector }).collect()
}

/// A new index in a directory of its own.
pub fn scratch(options: Options) -> (tempfile::TempDir, Index) {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    (directory, index)
}

/// A directory to make thousands of indexes in: in memory where that is possible.
pub fn quick_directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// Every path below a directory with its content.
pub fn contents(directory: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.clone(), fs::read(&path).ok()));
        if path.is_dir() {
            found.extend(contents(&path));
        }
    }
    found.sort();
    found
}

/// Copies the files of an index that nobody writes to, as a crash would leave them. What a seal has replaced may go
/// meanwhile; if anything else did, opening the copy says so.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if let Err(error) = fs::copy(&path, target) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}: {error}", path.display());
        }
    }
}

/// Runs one ignored test of this binary in a process of its own.
pub fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// A running child, killed when dropped.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).spawn().unwrap())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The whole lines that it writes, until it ends.
    pub fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let mut reader = BufReader::new(self.0.stdout.take().unwrap());
        std::iter::from_fn(move || {
            let mut line = String::new();
            let read = reader.read_line(&mut line);
            if read.is_ok() && line.pop() == Some('\n') { Some(line) } else { None }
        })
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for its end and tells whether it went well.
    pub fn ends_well(&mut self) -> bool {
        self.0.wait().unwrap().success()
    }

    /// With SIGKILL.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}
