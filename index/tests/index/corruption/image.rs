//! The files of a small index, kept in memory, and what each of its writes put where.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gallerist_index::{Index, Options};

use crate::oracle::{Oracle, borrowed, copy, quick_directory, vector};

pub const DIMENSION: usize = 3;
const SHARDS: u16 = 2;

/// Contents by path inside the index. LOCK is not among them.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// One write: one frame in the log of one shard.
#[derive(Clone)]
struct Operation {
    shard: u16,
    sequence: u64,
    inserted: Vec<(u64, u64, Vec<f32>)>,
    deleted: Vec<u64>,
}

/// A record in a log file.
pub struct Frame {
    pub sequence: u64,
    /// Highest sequence that was known to be on disk when it was written.
    pub durable: u64,
    pub bytes: Range<usize>,
}

pub struct Image {
    pub files: Files,
    operations: Vec<Operation>,
    /// The last record of each shard when the index was closed: the manifest vouches for everything up to it.
    closed: [u64; 2],
}

impl Image {
    /// Four segments, two of them with tombstones; rows and deletions in the logs, which were closed.
    pub fn closed() -> Self {
        let directory = quick_directory();
        let path = directory.path().join("index");
        let Work { index, operations } = Work::begun(&path);
        index.close().unwrap();
        Self { files: read(&path), operations, closed: [0; 2] }.with_end()
    }

    fn with_end(mut self) -> Self {
        let logs: Vec<PathBuf> = self.files.keys().filter(|path| is_log(path)).cloned().collect();
        for log in logs {
            let last = self.frames(&log).last().map_or(0, |frame| frame.sequence);
            let shard = usize::from(shard_of(&log));
            self.closed[shard] = self.closed[shard].max(last);
        }
        self
    }

    /// Up to which record the manifest vouches for a shard's log.
    pub fn vouched_by_manifest(&self, log: &Path) -> u64 {
        self.closed[usize::from(shard_of(log))]
    }

    /// The same after more writes and a crash. The logs were being sealed, so they go on in second files.
    pub fn crashed() -> Self {
        let directory = quick_directory();
        let path = directory.path().join("index");
        let Work { index, operations } = Work::begun(&path);
        index.close().unwrap();
        let Self { closed, operations, .. } =
            Self { files: read(&path), operations, closed: [0; 2] }.with_end();
        let mut work = Work { index: Index::open(&path).unwrap(), operations };
        (22..28).for_each(|group| work.insert(group, 2));
        // No segment can be written under these names: what is set aside stays in the logs.
        for number in 1..99 {
            fs::write(path.join(format!("tmp-seg-{number:010}.seg")), "").unwrap();
        }
        work.index.seal().unwrap_err();
        (28..40).for_each(|group| work.insert(group, 1));
        [30, 31, 32, 33].iter().for_each(|group| work.delete(&[group * 100]));
        let copied = directory.path().join("crashed");
        copy(&path, &copied);
        for unknown in Index::check_at(&copied).unwrap().unknown {
            fs::remove_file(unknown).unwrap();
        }
        Self { files: read(&copied), operations: work.operations, closed }
    }

    /// What the index holds if a shard's log ended before a sequence.
    pub fn without(&self, shard: u16, from: u64) -> Oracle {
        let mut oracle = Oracle::default();
        for operation in &self.operations {
            if operation.shard == shard && operation.sequence >= from {
                continue;
            }
            for (id, group, vector) in &operation.inserted {
                oracle.insert(*id, *group, vector.clone());
            }
            operation.deleted.iter().for_each(|id| drop(oracle.0.remove(id)));
        }
        oracle
    }

    /// What the index holds.
    pub fn whole(&self) -> Oracle {
        self.without(SHARDS, 0)
    }

    /// The log files of the shard that a log file belongs to, in order.
    pub fn logs(&self, of: &Path) -> Vec<&Path> {
        let folder = of.parent().unwrap();
        self.files.keys().map(PathBuf::as_path).filter(|path| path.parent() == Some(folder)).collect()
    }

    pub fn frames(&self, log: &Path) -> Vec<Frame> {
        let bytes = &self.files[log];
        let (mut frames, mut start) = (Vec::new(), 64);
        while start < bytes.len() {
            let payload = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
            let end = start + (28 + payload + 4).next_multiple_of(8);
            let number =
                |at: usize| u64::from_le_bytes(bytes[start + at..start + at + 8].try_into().unwrap());
            frames.push(Frame { sequence: number(8), durable: number(16), bytes: start..end });
            start = end;
        }
        assert_eq!(start, bytes.len());
        frames
    }

    /// Writes the files somewhere.
    pub fn write(files: &Files, to: &Path) {
        for (path, content) in files {
            let path = to.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

pub fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

/// Deletions that left the logs.
pub fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "list")
}

pub fn shard_of(log: &Path) -> u16 {
    u16::from(log.starts_with("shard-01"))
}

struct Work {
    index: Index,
    operations: Vec<Operation>,
}

impl Work {
    fn begun(path: &Path) -> Self {
        let options = Options::new(DIMENSION).shards(SHARDS).background_compaction(false);
        let options = options.label("encoder 3f2a");
        let mut work = Self { index: Index::create(path, options).unwrap(), operations: Vec::new() };
        (0..8).for_each(|group| work.insert(group, 3));
        work.index.seal().unwrap();
        (0..8).for_each(|group| work.delete(&[group * 100 + 1]));
        (8..14).for_each(|group| work.insert(group, 2));
        work.index.seal().unwrap();
        (14..22).for_each(|group| work.insert(group, 1 + group % 2));
        [200, 300, 802, 1001, 1400].iter().for_each(|id| work.delete(&[*id]));
        work
    }

    /// The rows of a group: ids `group * 100` and so on.
    fn insert(&mut self, group: u64, rows: u64) {
        let inserted: Vec<_> =
            (group * 100..group * 100 + rows).map(|id| (id, group, vector(DIMENSION, id))).collect();
        let receipt = self.index.insert(&borrowed(&inserted)).unwrap();
        let [(shard, sequence)] = receipt.sequences[..] else { panic!("one group, one shard") };
        self.operations.push(Operation { shard, sequence, inserted, deleted: Vec::new() });
    }

    fn delete(&mut self, ids: &[u64]) {
        let receipt = self.index.delete(ids).unwrap();
        let [(shard, sequence)] = receipt.sequences[..] else { return };
        self.operations.push(Operation { shard, sequence, inserted: Vec::new(), deleted: ids.to_vec() });
    }
}

fn read(index: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![index.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("LOCK") => {}
                false => {
                    drop(files.insert(path.strip_prefix(index).unwrap().to_owned(), fs::read(path).unwrap()))
                }
            }
        }
    }
    files
}
