//! The files that a crash leaves, and what was in them.

use std::fs;
use std::path::{Path, PathBuf};

use gallerist_index::{Durability, Error, Index, Options};

use crate::oracle::{Oracle, borrowed, copy, quick_directory, rows};

/// The files of an index whose owner was killed, and what it held after each write.
pub struct Image {
    directory: tempfile::TempDir,
    /// The log files in order, relative to the index.
    logs: Vec<PathBuf>,
    /// The lengths of the log files, and the rows, at the beginning and after each write.
    steps: Vec<(Vec<usize>, Oracle)>,
}

impl Image {
    /// Lets `act` write to a new index, calling back after each write.
    pub fn new(options: Options, act: impl FnOnce(&Index, &mut dyn FnMut())) -> Self {
        let directory = quick_directory();
        let index = Index::create(&directory.path().join("live"), options).unwrap();
        let mut steps = Vec::new();
        let mut record = || {
            let sizes = logs(index.path()).iter().map(|log| log.metadata().unwrap().len() as usize).collect();
            steps.push((sizes, Oracle::of(&index.view())));
        };
        record();
        act(&index, &mut record);
        let crashed = directory.path().join("crashed");
        copy(index.path(), &crashed);
        let logs = logs(&crashed);
        let logs = logs.iter().map(|log| log.strip_prefix(&crashed).unwrap().to_owned()).collect();
        Self { directory, logs, steps }
    }

    /// Of one log.
    pub fn small(durability: Durability) -> Self {
        Self::new(Options::new(3).shards(1).background_compaction(false), |index, record| {
            for step in 0..6 {
                index.insert_with(&borrowed(&rows(3, step * 5..step * 5 + 3, 2)), durability).unwrap();
                record();
                if durability != Durability::Bulk && step % 2 == 1 {
                    index.delete(&[step * 5, step * 5 - 4]).unwrap();
                    record();
                }
            }
        })
    }

    /// Of two logs, with two writes in each: the first is full and cannot be sealed.
    pub fn of_two_logs(durability: Durability) -> Self {
        Self::new(Options::new(3).shards(1).seal_rows(9).background_compaction(false), |index, record| {
            let obstacles = (0..50).map(|number| index.path().join(format!("tmp-seg-{number:010}.seg")));
            let obstacles: Vec<PathBuf> = obstacles.collect();
            obstacles.iter().for_each(|path| fs::create_dir(path).unwrap());
            for step in 0..4 {
                index.insert_with(&borrowed(&rows(3, step * 4..step * 4 + 4, 4)), durability).unwrap();
                if step == 2 {
                    index.seal().unwrap_err(); // the sealer rests from here on
                }
                record();
            }
            obstacles.iter().for_each(|path| fs::remove_dir(path).unwrap());
        })
    }

    pub fn log(&self, number: usize) -> Vec<u8> {
        fs::read(self.directory.path().join("crashed").join(&self.logs[number])).unwrap()
    }

    /// What was held when the logs had at most these lengths.
    pub fn at(&self, lengths: &[usize]) -> &Oracle {
        let reached = |sizes: &[usize]| sizes.iter().zip(lengths).all(|(size, length)| size <= length);
        &self.steps.iter().rev().find(|(sizes, _)| reached(sizes)).unwrap().1
    }

    pub fn last(&self) -> &Oracle {
        &self.steps.last().unwrap().1
    }

    /// Where the writes to a log ended.
    pub fn ends(&self, log: usize) -> Vec<usize> {
        let mut ends: Vec<usize> =
            self.steps.iter().filter_map(|(sizes, _)| sizes.get(log).copied()).collect();
        ends.dedup();
        ends
    }

    /// A copy with other bytes in some logs.
    pub fn with(&self, logs: &[(usize, &[u8])]) -> PathBuf {
        let path = self.directory.path().join("case");
        let _ = fs::remove_dir_all(&path);
        copy(&self.directory.path().join("crashed"), &path);
        for (number, bytes) in logs {
            fs::write(path.join(&self.logs[*number]), bytes).unwrap();
        }
        path
    }

    /// Opening says that a log is damaged, and changes nothing.
    pub fn assert_damaged(&self, path: &Path, log: usize, what: &str) {
        let before: Vec<Vec<u8>> = logs(path).iter().map(|log| fs::read(log).unwrap()).collect();
        let damaged = path.join(&self.logs[log]);
        match Index::open(path) {
            Err(Error::Damaged { path: named, .. }) => assert_eq!(named, damaged, "{what}"),
            Err(error) => panic!("{what}: {error}"),
            Ok(index) => panic!("{what}: opened with {} of {} rows", index.view().len(), self.last().0.len()),
        }
        let after: Vec<Vec<u8>> = logs(path).iter().map(|log| fs::read(log).unwrap()).collect();
        assert!(before == after, "{what}: changed");
        let report = Index::check_at(path).unwrap();
        assert!(report.problems.iter().any(|problem| problem.path == damaged), "{what}: {report:?}");
    }
}

/// The log files of the only shard.
pub fn logs(index: &Path) -> Vec<PathBuf> {
    let folder = index.join("shard-00");
    let mut logs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.sort();
    logs
}
