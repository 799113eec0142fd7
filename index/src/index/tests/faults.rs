//! Every operation fails, once or from then on, while the index is used and while it is opened again; and
//! then the power goes as well.
//!
//! Set GALLERIST_FAULTS for more cases.

use std::collections::BTreeMap;
use std::path::Path;

use super::power::{scratch as directory, seed, setting};
use super::{EIO, ENOSPC, Known, insert, live, work};
use crate::storage::file::Operation;
use crate::storage::file::fault::{Fault, SHORT};
use crate::storage::file::power::{Image, KINDS, Kind};
use crate::storage::file::trace::Recorder;
use crate::{Error, Index, Options};

const FOREVER: usize = usize::MAX;

#[derive(Debug, Clone, Copy)]
struct Case {
    operation: Operation,
    error: i32,
    skip: usize,
    times: usize,
}

impl Case {
    /// Whether nobody may notice: a signal or a short count is no failure.
    fn is_harmless(self) -> bool {
        self.error == SHORT || self.error == libc::EINTR
    }
}

fn errors(operation: Operation) -> &'static [(i32, usize)] {
    const EINTR: i32 = libc::EINTR;
    match operation {
        Operation::Write => &[
            (EIO, 1),
            (EIO, FOREVER),
            (ENOSPC, 1),
            (ENOSPC, FOREVER),
            (EINTR, 3),
            (SHORT, 1),
            (SHORT, FOREVER),
        ],
        Operation::Sync | Operation::Truncate | Operation::Create => {
            &[(EIO, 1), (EIO, FOREVER), (ENOSPC, 1), (ENOSPC, FOREVER), (EINTR, 3)]
        }
        Operation::Read => &[(EIO, 1), (EIO, FOREVER), (EINTR, 3), (SHORT, 1), (SHORT, FOREVER)],
        Operation::Open => &[(libc::EMFILE, 1), (libc::EMFILE, FOREVER), (EINTR, 3)],
        Operation::Rename => &[(EIO, 1), (EIO, FOREVER), (ENOSPC, 1), (ENOSPC, FOREVER)],
        Operation::Remove => &[(EIO, 1), (EIO, FOREVER)],
    }
}

const OPERATIONS: [Operation; 8] = [
    Operation::Create,
    Operation::Write,
    Operation::Sync,
    Operation::Truncate,
    Operation::Rename,
    Operation::Remove,
    Operation::Open,
    Operation::Read,
];

fn options() -> Options {
    Options::new(2).shards(2).seal_rows(8)
}

/// Holds an index against what is known.
fn assert_holds(index: &Index, known: &BTreeMap<u64, Known>) {
    let view = index.view();
    for (&id, &known) in known {
        match known {
            Known::Live => assert!(view.contains(id), "lost {id}"),
            Known::Gone => assert!(!view.contains(id), "{id} came back"),
            Known::Doubtful => {}
        }
    }
    for first in known.keys().copied().filter(|id| id % 5 == 0) {
        let doubtful = |id: &u64| known[id] == Known::Doubtful;
        // Not where some of the rows may have been deleted.
        let present = (first..first + 5).filter(|&id| view.contains(id)).count();
        let whole = (first / 5) % 3 == 1 || present == 0 || present >= 3;
        assert!(!(first..first + 5).all(|id| doubtful(&id)) || whole, "half a group at {first}");
    }
}

/// Whatever fails, an error says so; what is not damaged is not called damaged.
fn opened(path: &Path) -> Option<Index> {
    match Index::open(path) {
        Ok(index) => Some(index),
        Err(Error::Io { .. } | Error::Full { .. } | Error::TooManyFiles { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

fn run(case: Case, seed: u64) {
    let Case { operation, error, skip, times } = case;
    let directory = directory();
    let path = directory.path().join("index");
    let index = Index::create(&path, options()).unwrap();
    let recorder = Recorder::new(directory.path());
    let mut known = BTreeMap::new();
    let fault = Fault::times(operation, &path, "", skip, error, times);
    work(&index, &mut known);
    let checked = index.check();
    let closed = index.close();
    let used = recorder.position();
    if let Some(index) = opened(&path) {
        assert_holds(&index, &known);
    }
    if case.is_harmless() {
        checked.unwrap();
        closed.unwrap();
        assert!(known.values().all(|known| *known != Known::Doubtful));
    }
    drop(fault);
    let index = Index::open(&path).unwrap();
    assert_holds(&index, &known);
    let report = index.check().unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    insert(&index, 1, 1000..1005).unwrap();
    known.extend((1000..1005).map(|id| (id, Known::Live)));
    let returned = recorder.position();
    index.close().unwrap();
    assert_eq!(Index::check_at(&path).unwrap().unknown, [] as [&Path; 0]);
    let (mut disk, events) = recorder.finish();
    // What was acknowledged is on disk whatever has failed since, and whenever the power goes.
    let middle = used + seed as usize % (events.len() - used);
    for (at, event) in events.iter().enumerate() {
        disk.apply(event);
        let at = at + 1;
        if at != used && at != middle && at != returned {
            continue;
        }
        let mut promised = known.clone();
        promised.retain(|&id, _| id < 1000 || at >= returned);
        let kind = if at == used { Kind::Synced } else { KINDS[(seed as usize + at) % KINDS.len()] };
        let cut = self::directory();
        Image::new(kind, seed ^ at as u64).write(&disk, cut.path());
        let index = Index::open(&cut.path().join("index"));
        let index = index.unwrap_or_else(|error| panic!("{kind:?} at {at}: {error}"));
        assert_holds(&index, &promised);
        assert!(index.check().unwrap().is_clean());
    }
}

#[test]
fn whatever_fails_and_however_often_an_error_says_so_and_nothing_is_lost() {
    let seed = seed();
    let mut cases = Vec::new();
    for operation in OPERATIONS {
        let directory = directory();
        let path = directory.path().join("index");
        let index = Index::create(&path, options()).unwrap();
        // A rule that never applies counts.
        let count = Fault::new(operation, &path, "", usize::MAX, EIO);
        work(&index, &mut BTreeMap::new());
        index.check().unwrap();
        index.close().unwrap();
        drop(Index::open(&path).unwrap());
        let count = count.passed().max(1);
        let errors = errors(operation).iter();
        cases.extend(
            errors.flat_map(|&(error, times)| {
                (0..count).map(move |skip| Case { operation, error, skip, times })
            }),
        );
    }
    // More than there are cases: each several times, with other power cuts after it.
    let wanted = setting("GALLERIST_FAULTS", 1000);
    let all = cases.len();
    for place in 0..wanted {
        let case = cases[(place * all / wanted + seed as usize % all) % all];
        eprintln!("{case:?}"); // shown if it fails
        run(case, seed.wrapping_add(place as u64));
    }
    eprintln!("{wanted} faults, {all} different ones");
}

/// An index that a killed process left with much to do.
fn unclean(path: &Path) -> Vec<u64> {
    let index = Index::create(path, options()).unwrap();
    work(&index, &mut BTreeMap::new());
    index.seal().unwrap();
    index.close().unwrap();
    // Nothing is sealed from here on, so that nothing changes while it is copied.
    let index = Index::open(path).unwrap();
    insert(&index, 1, 500..503).unwrap();
    insert(&index, 2, 503..506).unwrap();
    index.delete(&[501, 1]).unwrap();
    let ids = live(&index);
    let copied = path.with_extension("copy");
    super::copy(path, &copied);
    drop(index);
    std::fs::remove_dir_all(path).unwrap();
    std::fs::rename(copied, path).unwrap();
    // Names of files that were on their way.
    std::fs::write(path.join("tmp-MANIFEST"), "half").unwrap();
    ids
}

#[test]
fn an_opening_that_fails_anywhere_changes_nothing_that_counts() {
    let mut cases = 0;
    for operation in OPERATIONS {
        for &(error, times) in errors(operation) {
            for skip in 0.. {
                let directory = directory();
                let path = directory.path().join("index");
                let ids = unclean(&path);
                let fault = Fault::times(operation, &path, "", skip, error, times);
                let opened = opened(&path);
                assert!(opened.is_some() || !Case { operation, error, skip, times }.is_harmless());
                if let Some(index) = opened {
                    assert_eq!(live(&index), ids, "{operation:?} {error} {skip}");
                }
                let failed = fault.failures() > 0;
                drop(fault);
                let index = Index::open(&path).unwrap();
                assert_eq!(live(&index), ids, "{operation:?} {error} {skip} {times}");
                assert!(index.check().unwrap().is_clean());
                index.close().unwrap();
                assert_eq!(Index::check_at(&path).unwrap().unknown, [] as [&Path; 0]);
                cases += 1;
                if !failed {
                    break;
                }
            }
        }
    }
    eprintln!("{cases} cases");
    assert!(cases > 200, "only {cases} cases");
}

/// The logs are settled where they are, after a sync that failed: asking again would not write what it lost.
#[test]
fn after_a_failed_sync_a_full_disk_does_not_vouch_for_what_was_lost() {
    for seed in 0..20 {
        let directory = directory();
        let path = directory.path().join("index");
        let index = Index::create(&path, Options::new(2)).unwrap();
        let recorder = Recorder::new(directory.path());
        insert(&index, 1, 0..3).unwrap();
        let fault = Fault::new(Operation::Sync, &path, "wal-", 0, EIO);
        insert(&index, 1, 3..100).unwrap_err();
        drop((fault, index.close()));
        let fault = Fault::new(Operation::Create, &path, "", 0, ENOSPC);
        let index = Index::open(&path).unwrap();
        let shown = live(&index);
        insert(&index, 1, 200..203).unwrap();
        let expected: Vec<u64> = shown.into_iter().chain(200..203).collect();
        drop(fault);
        let (mut disk, events) = recorder.finish();
        events.iter().for_each(|event| disk.apply(event));
        drop(index);
        for kind in KINDS {
            let cut = self::directory();
            Image::new(kind, seed).write(&disk, cut.path());
            let index =
                Index::open(&cut.path().join("index")).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
            assert_eq!(live(&index), expected, "{kind:?}");
        }
    }
}
