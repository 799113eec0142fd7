//! A disk that is really full: a small one in memory, seen by a child process only.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use gallerist_index::{Error, Index, Options};

use crate::oracle::{Oracle, borrowed, child, copy, vector};

/// Names the directory that the small disk is mounted on.
const DISK: &str = "GALLERIST_TEST_FULL_DISK";
const DIMENSION: usize = 512;
const CYCLES: u64 = 3;

/// What makes `unshare` a place where a disk may be mounted. The build script tries it.
const UNSHARE_FLAGS: &str = match option_env!("UNSHARE_FLAGS") {
    Some(flags) => flags,
    None => "-m",
};

#[test]
#[cfg_attr(not(small_disks), ignore = "this user may not mount a small disk")]
fn a_full_disk_costs_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let inside = child("full_disk::inside");
    let mut command = unshare(directory.path());
    command.arg(inside.get_program()).args(inside.get_args());
    let output = command.env(DISK, directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

/// Runs what is appended to it where a disk of a few MiB is mounted on `directory`.
fn unshare(directory: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=8m,mode=700 small-disk \"$0\" && exec \"$@\"";
    command.args([UNSHARE_FLAGS, "sh", "-c", script]).arg(directory);
    command
}

/// The small disk: an index, what it should hold, and a file that takes the rest of the room.
struct Disk {
    index: Index,
    oracle: Oracle,
    ballast: PathBuf,
    /// The next group to insert, of ten rows.
    next: u64,
}

impl Disk {
    fn insert(&mut self) -> Result<(), Error> {
        let (group, ids) = (self.next, self.next * 10..self.next * 10 + 10);
        self.next += 1;
        let rows: Vec<_> = ids.clone().map(|id| (id, group, vector(DIMENSION, id))).collect();
        self.index.insert(&borrowed(&rows)).inspect_err(|_| {
            assert!(!ids.clone().any(|id| self.index.view().contains(id)), "nothing is half inserted");
        })?;
        rows.into_iter().for_each(|(id, group, vector)| self.oracle.insert(id, group, vector));
        Ok(())
    }

    /// Takes all room, to the last byte, until nothing can be inserted any more and no seal is under way that could yet
    /// give back what its log took.
    fn fill(&mut self) {
        let mut refused = 0;
        while refused < 20 {
            assert!(self.next < 10_000, "the disk never fills");
            match self.insert() {
                Ok(()) => refused = 0,
                // It waits for what other threads are sealing, which may end well.
                Err(Error::Full { .. }) if self.index.seal().is_ok() => refused = 0,
                Err(error @ Error::Full { .. }) => {
                    assert!(error.to_string().contains("no space left"), "{error}");
                    refused += 1;
                    let mut ballast = File::options().create(true).append(true).open(&self.ballast).unwrap();
                    for size in [1 << 16, 1 << 12, 1] {
                        while ballast.write_all(&vec![7; size]).is_ok() {}
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Deletes single rows until that fails for want of room as well.
    fn delete(&mut self) {
        for id in self.oracle.0.keys().copied().collect::<Vec<_>>().into_iter().step_by(3) {
            match self.index.delete(&[id]) {
                Ok(receipt) => {
                    assert_eq!((receipt.rows, receipt.durable), (1, true));
                    assert!(!self.index.view().contains(id));
                    self.oracle.0.remove(&id);
                }
                Err(Error::Full { .. }) => {
                    assert!(self.index.view().contains(id), "not deleted, so still there");
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the disk was not full");
    }

    fn holds(&self) {
        let (view, probe) = (self.index.view(), vector(DIMENSION, 7));
        assert_eq!(Oracle::of(&view), self.oracle);
        assert_eq!(view.query(&probe).unwrap().top_k(5).unwrap().hits, self.oracle.ranked(&probe)[..5]);
        let report = self.index.check().unwrap();
        assert!(report.is_clean(), "{:?}", report.problems);
    }
}

fn logs(index: &Path) -> Vec<PathBuf> {
    let shards = ["shard-00", "shard-01"].map(|shard| index.join(shard));
    shards.iter().flat_map(|shard| fs::read_dir(shard).unwrap()).map(|log| log.unwrap().path()).collect()
}

/// Appends bytes that are no frame. Returns the length before.
fn tear(log: PathBuf, bytes: usize) -> (PathBuf, u64) {
    let length = log.metadata().unwrap().len();
    File::options().append(true).open(&log).unwrap().write_all(&vec![0xaa; bytes]).unwrap();
    (log, length)
}

#[test]
#[ignore = "run by its parent, on a disk of its own"]
fn inside() {
    let Some(root) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let path = root.join("index");
    let reserve = |cycle| root.join(format!("reserve-{cycle}"));
    (0..CYCLES).for_each(|cycle| fs::write(reserve(cycle), vec![7; 1 << 20]).unwrap());
    let options = Options::new(DIMENSION).shards(2).seal_rows(100).background_compaction(false);
    let index = Index::create(&path, options).unwrap();
    let mut disk = Disk { index, oracle: Oracle::default(), ballast: root.join("ballast"), next: 0 };
    (0..16).for_each(|_| disk.insert().unwrap());
    disk.index.delete(&[5, 15, 25]).unwrap();
    [5, 15, 25].iter().for_each(|id| drop(disk.oracle.0.remove(id)));
    let (crashed, then) = (root.join("crashed"), disk.oracle.clone());
    copy(&path, &crashed);
    // A write that was torn, in every log.
    let torn: Vec<(PathBuf, u64)> = logs(&crashed).into_iter().map(|log| tear(log, 400)).collect();

    for cycle in 0..CYCLES {
        disk.fill();
        disk.holds();
        disk.delete();
        disk.holds();
        assert!(matches!(disk.index.seal(), Err(Error::Full { .. })), "cycle {cycle}");
        disk.holds();

        if cycle == 1 {
            // After the end of a process.
            let index = Index::open(&crashed).unwrap();
            then.assert_equals(&index.view(), &[]);
            assert!(index.check().unwrap().is_clean());
            drop(index);
            for (log, length) in &torn {
                let left = log.metadata().unwrap().len();
                assert!(left < length + 400, "{}: what was torn is cut off, {left} bytes", log.display());
            }
            then.assert_equals(&Index::open(&crashed).unwrap().view(), &[]);
        }
        if cycle == 2 {
            // After an end in order, as far as there is room for one.
            drop(disk.index);
            disk.index = Index::open(&path).unwrap();
            disk.holds();
            disk.fill();
            disk.holds();
        }

        fs::remove_file(&disk.ballast).unwrap();
        fs::remove_file(reserve(cycle)).unwrap();
        disk.insert().expect("there is room again");
        let gone: Vec<u64> = disk.oracle.0.keys().copied().step_by(5).collect();
        assert_eq!(disk.index.delete(&gone).unwrap().rows, gone.len());
        gone.iter().for_each(|id| drop(disk.oracle.0.remove(id)));
        disk.index.seal().unwrap();
        disk.holds();
    }
    disk.index.close().unwrap();
    for (path, oracle) in [(path, disk.oracle), (crashed, then)] {
        let report = Index::check_at(&path).unwrap();
        assert!(report.is_clean() && report.unknown.is_empty(), "{report:?}");
        oracle.assert_equals(&Index::open(&path).unwrap().view(), &[]);
    }
}
