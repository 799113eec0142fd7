//! Opening files that may say anything. Whatever they say, the crate must refuse them with an error or give answers
//! that agree with each other; and what a check calls sound must work in every way.

use std::path::Path;

use gallerist_index::{Durability, Error, Hit, Index, Mode, Row, Stored, View, dot};

use super::directory::{Input, Kind, LOOK_ONLY};

/// An input that is one file of an index.
pub fn file(input: &[u8], kind: Kind) {
    attack(Input::single(input, kind), 1);
}

/// An input that is the tombstones of a sound segment.
pub fn tombstones(input: &[u8]) {
    beside(input, Kind::Tombstones, include_bytes!("../base/segment"));
}

/// An input that is the manifest of files that are sound.
pub fn manifest(input: &[u8]) {
    beside(input, Kind::Manifest, include_bytes!("../base/directory"));
}

fn beside(input: &[u8], kind: Kind, others: &[u8]) {
    let mut whole = Input::single(input, kind);
    whole.pieces.splice(0..0, Input::parse(others).pieces);
    attack(whole, 1);
}

/// An input that is all files of an index.
pub fn all(input: &[u8]) {
    attack(Input::parse(input), 2);
}

/// A directory for one index: in memory where that is possible.
pub fn quick_directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory for the index")
}

fn attack(input: Input, shards: u16) {
    let directory = quick_directory();
    let path = directory.path().join("index");
    let (patched, look_only) = (input.patched(), input.flags & LOOK_ONLY != 0);
    input.files(shards).write(&path);

    let checked = Index::check_at(&path);
    let sound = checked.as_ref().is_ok_and(|report| report.is_clean());
    let Ok(salvage) = Index::salvage(&path) else {
        assert!(!sound, "a sound index can be salvaged");
        assert!(Index::open(&path).is_err(), "what cannot be salvaged cannot be opened");
        return;
    };
    let whole = salvage.problems.is_empty();
    assert!(!sound || whole, "found by a check: {:?}", salvage.problems);
    let rows = ask(&salvage.view, sound);
    drop(salvage);
    let index = match Index::open(&path) {
        Ok(index) => index,
        Err(error) => {
            assert!(!whole || patched, "nothing is wrong, but {error}");
            return;
        }
    };
    if whole {
        assert_eq!(ask(&index.view(), sound), rows, "the salvaged rows are the rows");
    }
    let used = if look_only { Ok(()) } else { change(&index, sound && !patched) };
    assert!(used.is_ok() || !sound || patched, "sound, but {used:?}");
    let left = ask(&index.view(), false);
    let closed = index.close();
    assert!(closed.is_ok() || !sound || patched, "sound, but {closed:?}");
    match Index::open(&path) {
        Ok(index) => assert!(ask(&index.view(), false) == left, "an index comes back as it was closed"),
        Err(error) => assert!(!sound || patched, "sound, but {error}"),
    }
}

/// A readable row, bit by bit, so that it equals itself even where it is no number.
type Bits = (u64, u64, Vec<u32>);

/// What a view says in every way it can be asked. Returns the readable rows in order.
fn ask(view: &View, sound: bool) -> Vec<Bits> {
    let read: Vec<Result<Stored, Error>> = view.rows().collect();
    let readable = read.iter().all(Result::is_ok);
    let mut rows: Vec<Stored> = read.into_iter().flatten().collect();
    rows.sort_by_cached_key(|row| (row.id, row.group, bits(&row.vector)));
    for row in rows.iter().take(50) {
        let found = view.get(row.id);
        let listed = view.group_ids(row.group);
        if sound {
            assert!(found.is_ok_and(|found| found.as_ref() == Some(row)), "{row:?} is not found");
            assert!(listed.contains(&row.id), "{row:?} is not among its group's {listed:?}");
            assert!(view.contains(row.id));
        }
    }
    for probe in probes(view.dimension()) {
        let mut ranked: Vec<Hit> = rows
            .iter()
            .map(|row| Hit { id: row.id, group: row.group, score: dot(&probe, &row.vector) })
            .filter(|hit| !hit.score.is_nan())
            .collect();
        ranked.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then((one.id, one.group).cmp(&(other.id, other.group)))
        });
        exact(view, &probe, &ranked, readable);
        near(view, &probe, &ranked);
    }
    rows.iter().map(|row| (row.id, row.group, bits(&row.vector))).collect()
}

/// One component, and all of them.
fn probes(dimension: usize) -> [Vec<f32>; 2] {
    let mut one = vec![0.0; dimension];
    one[dimension / 2] = 1.0;
    [one, vec![1.0 / (dimension as f32).sqrt(); dimension]]
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|number| number.to_bits()).collect()
}

/// Hits by their bits. Forged files may hold a row twice, but the same row.
fn scores(hits: &[Hit]) -> Vec<(u32, u64, u64)> {
    hits.iter().map(|hit| (hit.score.to_bits(), hit.id, hit.group)).collect()
}

fn exact(view: &View, probe: &[f32], ranked: &[Hit], readable: bool) {
    let mut seen = std::collections::HashSet::new();
    let groups: Vec<Hit> = ranked.iter().filter(|hit| seen.insert(hit.group)).copied().collect();
    let query = || view.query(probe).expect("a valid probe");
    for k in [0, 1, 3, ranked.len() + 1] {
        if let Ok(answer) = query().top_k(k)
            && readable
        {
            assert_eq!(scores(&answer.hits), scores(&ranked[..k.min(ranked.len())]));
        }
        if let Ok(answer) = query().top_groups(k)
            && readable
        {
            assert_eq!(scores(&answer.hits), scores(&groups[..k.min(groups.len())]));
        }
    }
    let odd = |id: u64, _group: u64| id % 2 == 1;
    if let Ok(answer) = query().filter(&odd).range(0.25)
        && readable
    {
        let expected: Vec<Hit> =
            ranked.iter().filter(|hit| hit.score >= 0.25 && hit.id % 2 == 1).copied().collect();
        assert_eq!(scores(&answer.hits), scores(&expected));
    }
}

/// A walk of graphs may miss rows; it must not invent any, nor give one twice.
fn near(view: &View, probe: &[f32], ranked: &[Hit]) {
    let known = scores(ranked);
    for (k, width) in [(1, 1), (3, 4), (ranked.len() + 1, usize::MAX)] {
        let mode = Mode::Graph { width };
        let Ok(answer) = view.query(probe).expect("a valid probe").mode(mode).top_k(k) else { continue };
        let mut left = known.clone();
        for hit in scores(&answer.hits) {
            let at = left.iter().position(|&row| row == hit);
            assert!(at.is_some(), "{hit:?} is not among {left:?}");
            at.map(|at| left.swap_remove(at));
        }
        let odd = |id: u64, _group: u64| id % 2 == 1;
        let filtered = view.query(probe).expect("a valid probe").mode(mode).filter(&odd).top_groups(k);
        assert!(
            filtered.is_err() || filtered.is_ok_and(|answer| answer.hits.iter().all(|hit| hit.id % 2 == 1))
        );
    }
}

/// Writes to an index in every way.
fn change(index: &Index, sound: bool) -> Result<(), Error> {
    let mut ids: Vec<u64> = index.view().rows().flatten().map(|row| row.id).collect();
    ids.sort_unstable();
    let fresh = (1..).find(|id| ids.binary_search(id).is_err()).unwrap_or(1);
    let vector = &probes(index.options().dimension)[0];
    index.insert_with(&[Row { id: fresh, group: 5, vector }], Durability::Interval)?;
    index.delete(&ids[..ids.len().min(2)])?;
    let expect = |step: &str| -> Result<(), Error> {
        let report = index.check()?;
        let expected = (ids.len() - ids.len().min(2) + 1) as u64;
        assert!(!sound || (report.is_clean() && report.rows == expected), "after {step}: {report:?}");
        Ok(())
    };
    expect("writing")?;
    index.seal()?;
    expect("sealing")?;
    index.compact()?;
    expect("compacting")?;
    index.purge()?;
    expect("purging")?;
    index.erasures()?;
    Ok(())
}
