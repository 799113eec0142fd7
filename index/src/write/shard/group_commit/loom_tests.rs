//! The hand-off between those who wait, in every order that its threads can run in: `tools/races loom`.
//!
//! That nobody waits for ever needs no assertion: loom reports a model in which every thread waits.

use std::path::PathBuf;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

use super::*;

/// A disk: what it was given, and what of that is safe.
#[derive(Default)]
struct Disk {
    given: AtomicU64,
    safe: AtomicU64,
    fails: AtomicBool,
}

struct Model {
    progress: Progress,
    disk: Arc<Disk>,
}

impl SyncedLog for Model {
    type Files = Arc<Disk>;

    fn progress(&mut self) -> &mut Progress {
        &mut self.progress
    }

    fn files(&self) -> Arc<Disk> {
        Arc::clone(&self.disk)
    }

    fn sync(disk: Arc<Disk>) -> Result<(), Error> {
        // Only what was there when it began is certainly safe when it ends.
        let given = disk.given.load(Ordering::SeqCst);
        thread::yield_now();
        if disk.fails.load(Ordering::SeqCst) {
            let source = std::io::Error::other("the disk is gone");
            return Err(Error::Io { path: PathBuf::new(), action: "syncing to disk", source });
        }
        disk.safe.fetch_max(given, Ordering::SeqCst);
        Ok(())
    }

    fn synced(&mut self) {
        self.progress.visible = self.progress.durable;
        assert!(self.progress.visible <= self.disk.safe.load(Ordering::SeqCst), "seen before it was safe");
    }
}

fn group() -> (Arc<Disk>, Arc<GroupCommit<Model>>) {
    let disk = Arc::new(Disk::default());
    let model = Model { progress: Progress::new(0, 0), disk: Arc::clone(&disk) };
    (disk, Arc::new(GroupCommit::new(model)))
}

/// What [`Shard::append`](crate::write::shard::Shard::append) does under the lock.
fn append(group: &GroupCommit<Model>) -> Result<u64, Error> {
    let mut log = group.lock();
    log.progress.writable()?;
    log.progress.last += 1;
    log.disk.given.store(log.progress.last, Ordering::SeqCst);
    Ok(log.progress.last)
}

fn write(disk: &Disk, group: &GroupCommit<Model>, own: bool) -> Result<(), Error> {
    let sequence = append(group)?;
    group.commit(sequence, own)?;
    assert!(disk.safe.load(Ordering::SeqCst) >= sequence, "acknowledged before it was safe");
    Ok(())
}

/// Every order with at most so many switches away from a thread that could go on; `None`: every order.
fn explore(preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(model);
}

/// Starts threads that write, the main one among them, and waits for all.
fn writers(owns: &'static [bool], fails: bool, heard: impl Fn(&Disk, &[Result<(), Error>])) {
    let (disk, group) = group();
    disk.fails.store(fails, Ordering::SeqCst);
    let others: Vec<_> = owns[1..]
        .iter()
        .map(|&own| {
            let (disk, group) = (Arc::clone(&disk), Arc::clone(&group));
            thread::spawn(move || write(&disk, &group, own))
        })
        .collect();
    let mut results = vec![write(&disk, &group, owns[0])];
    results.extend(others.into_iter().map(|thread| thread.join().unwrap()));
    heard(&disk, &results);
}

fn all_well(disk: &Disk, results: &[Result<(), Error>]) {
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(disk.safe.load(Ordering::SeqCst), results.len() as u64);
}

#[test]
fn two_who_wait_for_one_sync() {
    explore(None, || writers(&[false, false], false, all_well));
}

#[test]
fn one_of_two_wants_a_sync_of_its_own() {
    explore(None, || writers(&[true, false], false, all_well));
}

#[test]
fn three_who_wait() {
    explore(Some(3), || writers(&[false, false, false], false, all_well));
}

#[test]
fn three_of_whom_two_want_syncs_of_their_own() {
    explore(Some(2), || writers(&[true, false, true], false, all_well));
}

#[test]
fn everybody_hears_of_a_sync_that_failed() {
    let nobody = |_: &Disk, results: &[Result<(), Error>]| assert!(results.iter().all(Result::is_err));
    explore(None, move || writers(&[false, false], true, nobody));
    explore(Some(2), move || writers(&[false, true, false], true, nobody));
}

#[test]
fn nobody_who_came_too_late_is_told_that_all_is_well() {
    // The disk fails at some moment; `write` asserts that what is acknowledged was safe by then.
    explore(Some(3), || {
        let (disk, group) = group();
        let failing = Arc::clone(&disk);
        let breaker = thread::spawn(move || failing.fails.store(true, Ordering::SeqCst));
        let other = {
            let (disk, group) = (Arc::clone(&disk), Arc::clone(&group));
            thread::spawn(move || write(&disk, &group, false))
        };
        let results = [write(&disk, &group, false), other.join().unwrap()];
        breaker.join().unwrap();
        let told = results.iter().filter(|result| result.is_ok()).count() as u64;
        assert!(told <= disk.safe.load(Ordering::SeqCst), "{results:?}");
        // After a failure nobody syncs again, though the disk would.
        if results.iter().any(Result::is_err) {
            disk.fails.store(false, Ordering::SeqCst);
            assert!(write(&disk, &group, true).is_err() && group.sync().is_err());
        }
    });
}

#[test]
fn a_sync_of_all_waits_for_what_came_before() {
    explore(Some(3), || {
        let (disk, group) = group();
        let other = {
            let (disk, group) = (Arc::clone(&disk), Arc::clone(&group));
            thread::spawn(move || write(&disk, &group, false))
        };
        let sequence = append(&group).unwrap();
        group.sync().unwrap();
        assert!(disk.safe.load(Ordering::SeqCst) >= sequence);
        other.join().unwrap().unwrap();
    });
}
