//! Joins against scoring every pair.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gallerist_index::{Control, Error, Index, Options, Pair, PairGroups, Products, Side, Tile, View, dot};
use proptest::prelude::*;

use crate::oracle::{Oracle, Random, borrowed, quick_directory, rows, vector};

fn sorted(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_by_key(|pair| pair.ids);
    pairs
}

/// Every pair that a join gives.
fn joined(view: &View, least: f32, groups: PairGroups) -> Vec<Pair> {
    let mut all = Vec::new();
    let report = view
        .join(least)
        .groups(groups)
        .run(|pairs| {
            all.extend_from_slice(pairs);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(report.complete && report.pairs == all.len() as u64);
    sorted(all)
}

/// Products computed by the processor, of components that are cut to the precision of a device.
#[derive(Default)]
struct Host {
    /// Bits of a component that are dropped: 13 leave as many as TF32 has.
    dropped: u32,
    dimension: usize,
    sides: [Vec<f32>; 2],
    /// Tiles until it fails.
    fails_after: Option<usize>,
    tiles: usize,
}

impl Host {
    fn row(&self, side: usize, at: usize) -> &[f32] {
        &self.sides[side][at * self.dimension..(at + 1) * self.dimension]
    }
}

impl Products for Host {
    fn error(&self, dimension: usize) -> f32 {
        2.0f32.powi(self.dropped as i32 - 22) + dimension as f32 * 2.0f32.powi(-24)
    }

    fn load(&mut self, side: Side, rows: &[f32], dimension: usize) -> Result<(), String> {
        self.dimension = dimension;
        let cut = |x: &f32| f32::from_bits(x.to_bits() >> self.dropped << self.dropped);
        self.sides[side as usize] = rows.iter().map(cut).collect();
        Ok(())
    }

    fn reached(
        &mut self,
        tile: &Tile,
        cut: f32,
        most: usize,
        found: &mut Vec<[u32; 2]>,
    ) -> Result<bool, String> {
        if self.fails_after == Some(self.tiles) {
            return Err("out of memory".into());
        }
        self.tiles += 1;
        let before = found.len();
        for probe in tile.probes.clone() {
            for row in tile.rows.clone() {
                if dot(self.row(0, probe), self.row(1, row)) >= cut {
                    if found.len() - before == most {
                        found.truncate(before);
                        return Ok(false);
                    }
                    found.push([probe as u32, row as u32]);
                }
            }
        }
        Ok(true)
    }
}

/// Every pair that a join with a device gives.
fn joined_on(host: &mut Host, view: &View, least: f32, groups: PairGroups) -> Vec<Pair> {
    let mut all = Vec::new();
    let join = view.join(least).groups(groups);
    let report = join.run_on(host, |pairs| {
        all.extend_from_slice(pairs);
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    let rows = view.len() as u64;
    assert!(report.complete && report.pairs == all.len() as u64, "{report:?}");
    assert!(report.compared >= rows * rows.saturating_sub(1) / 2, "{report:?}");
    sorted(all)
}

/// The same by brute force.
fn expected(oracle: &Oracle, least: f32, groups: PairGroups) -> Vec<Pair> {
    let rows: Vec<(u64, u64, &[f32])> =
        oracle.0.iter().map(|(&id, (group, vector))| (id, *group, &vector[..])).collect();
    let mut pairs = Vec::new();
    for (at, one) in rows.iter().enumerate() {
        for other in &rows[at + 1..] {
            let wanted = match groups {
                PairGroups::Any => true,
                PairGroups::Different => one.1 != other.1,
                PairGroups::Same => one.1 == other.1,
            };
            let score = dot(one.2, other.2);
            if wanted && score >= least {
                pairs.push(Pair { ids: [one.0, other.0], groups: [one.1, other.1], score });
            }
        }
    }
    pairs
}

const ALL: [PairGroups; 3] = [PairGroups::Any, PairGroups::Different, PairGroups::Same];

/// Vectors near `centres` directions within a few dimensions, so that segments learn codes; every 50th is a copy of another.
fn structured(dimension: usize, count: u64, centres: u64, seed: u64) -> Vec<(u64, u64, Vec<f32>)> {
    let mut random = Random(seed);
    let mut rows: Vec<(u64, u64, Vec<f32>)> = Vec::new();
    for id in 0..count {
        let centre = random.below(centres);
        let (near, noise) = (vector(dimension, centre), vector(dimension, 1_000_000 + id));
        let mixed: Vec<f64> = near
            .iter()
            .zip(&noise)
            .enumerate()
            .map(|(at, (a, b))| (f64::from(*a) + 0.8 * f64::from(*b)) / (1 + at) as f64)
            .collect();
        let length = mixed.iter().map(|x| x * x).sum::<f64>().sqrt();
        let unit = mixed.iter().map(|x| (x / length) as f32).collect();
        let copied = if id % 50 == 49 { rows[random.below(id) as usize].2.clone() } else { unit };
        rows.push((id, centre * 3 + random.below(3), copied));
    }
    rows
}

/// An index with sealed rows, some of them coded, rows in buffers, and deleted rows in both.
fn mixed(
    given: &[(u64, u64, Vec<f32>)],
    (shards, seals): (u16, usize),
) -> (tempfile::TempDir, Index, Oracle) {
    let directory = quick_directory();
    let dimension = given[0].2.len();
    let options = Options::new(dimension).shards(shards).background_compaction(false);
    let index = Index::create(&directory.path().join("index"), options).unwrap();
    let mut oracle = Oracle::default();
    for (at, rows) in given.chunks(given.len().div_ceil(seals + 1)).enumerate() {
        index.insert(&borrowed(rows)).unwrap();
        if at < seals {
            index.seal().unwrap();
        }
    }
    given.iter().for_each(|(id, group, vector)| oracle.insert(*id, *group, vector.clone()));
    let deleted: Vec<u64> = (0..given.len() as u64).filter(|id| id % 7 == 3).collect();
    index.delete(&deleted).unwrap();
    deleted.iter().for_each(|id| drop(oracle.0.remove(id)));
    (directory, index, oracle)
}

#[test]
fn segments_with_codes_and_buffers_are_joined_as_brute_force_does() {
    let given = structured(24, 12_500, 300, 1);
    // Codes are learned from 4,096 rows or more.
    let (_directory, index, oracle) = mixed(&given, (1, 2));
    index.insert(&borrowed(&structured(24, 13_500, 300, 1)[12_500..])).unwrap();
    let mut oracle = oracle;
    structured(24, 13_500, 300, 1)[12_500..]
        .iter()
        .for_each(|(id, group, vector)| oracle.insert(*id, *group, vector.clone()));
    index.delete(&[12_600, 5, 6]).unwrap();
    [12_600, 5, 6].iter().for_each(|id| drop(oracle.0.remove(id)));
    let view = index.view();
    for least in [0.97, 0.9999, 1.0] {
        for groups in ALL {
            let expected = expected(&oracle, least, groups);
            assert_eq!(joined(&view, least, groups), expected, "{least} {groups:?}");
            for dropped in [0, 13] {
                let mut host = Host { dropped, ..Host::default() };
                assert_eq!(
                    joined_on(&mut host, &view, least, groups),
                    expected,
                    "{least} {groups:?} {dropped}"
                );
            }
        }
    }
    // Bounds rule most pairs out, so segments had codes.
    let report = view.join(0.97).run(|_| ControlFlow::Continue(())).unwrap();
    assert!(report.rescored * 10 < report.compared, "{report:?}");
    let rows = view.len() as u64;
    assert!(report.compared >= rows * (rows - 1) / 2, "{report:?}");
}

#[test]
fn buffers_alone_get_codes_where_there_are_many_rows() {
    let given = structured(16, 5_000, 100, 2);
    let (_directory, index, oracle) = mixed(&given, (2, 0));
    let view = index.view();
    assert_eq!(index.stats().segments, 0);
    assert_eq!(joined(&view, 0.98, PairGroups::Any), expected(&oracle, 0.98, PairGroups::Any));
    let report = view.join(0.98).run(|_| ControlFlow::Continue(())).unwrap();
    assert!(report.rescored * 4 < report.compared, "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn small_joins_equal_brute_force(
        count in 1u64..200, dimension in 1usize..40, seals in 0usize..4, centres in 1u64..20, seed in any::<u64>(),
        least in prop_oneof![Just(-1.0f32), Just(0.0), Just(1.0), -1.0f32..1.0],
    ) {
        let given = structured(dimension, count, centres, seed);
        let (_directory, index, oracle) = mixed(&given, (2, seals));
        let view = index.view();
        for groups in ALL {
            let expected = expected(&oracle, least, groups);
            prop_assert_eq!(joined(&view, least, groups), &expected[..]);
            for dropped in [0, 13] {
                let mut host = Host { dropped, ..Host::default() };
                prop_assert_eq!(joined_on(&mut host, &view, least, groups), &expected[..]);
            }
        }
    }
}

#[test]
fn an_empty_view_and_one_row_have_no_pairs() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(4)).unwrap();
    assert_eq!(joined(&index.view(), -1.0, PairGroups::Any), []);
    index.insert(&borrowed(&rows(4, 0..1, 1))).unwrap();
    assert_eq!(joined(&index.view(), -1.0, PairGroups::Any), []);
}

#[test]
fn a_join_is_stopped_by_its_flag_by_its_sink_and_by_what_is_no_number() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(8)).unwrap();
    index.insert(&borrowed(&rows(8, 0..3_000, 1))).unwrap();
    let view = index.view();
    let stopped = |result| matches!(result, Err(Error::Stopped { action: "join" }));
    let stop = AtomicBool::new(true);
    assert!(stopped(view.join(0.5).control(Control::new().stop(&stop)).run(|_| ControlFlow::Continue(()))));
    let stop = AtomicBool::new(false);
    let mut given = 0;
    let result = view.join(-1.0).control(Control::new().stop(&stop)).run(|pairs| {
        given += pairs.len();
        stop.store(true, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    assert!(stopped(result) && given < 100_000, "{given}");
    let mut given = 0;
    let result = view.join(-1.0).run(|pairs| {
        given += pairs.len();
        ControlFlow::Break(())
    });
    assert!(stopped(result) && given < 10_000, "{given}");
    let result = view.join(f32::NAN).run(|_| ControlFlow::Continue(()));
    assert!(matches!(result, Err(Error::InvalidOption { field: "min_score", .. })));
}

#[test]
fn progress_rises_to_the_number_of_pairs() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(8)).unwrap();
    index.insert(&borrowed(&rows(8, 0..2_000, 1))).unwrap();
    let seen = Mutex::new(Vec::new());
    let note = |progress: gallerist_index::Progress| {
        assert_eq!(progress.total, Some(2_000 * 1_999 / 2));
        seen.lock().unwrap().push(progress.done);
    };
    for threads in [1, 2, 5] {
        let join = index.view();
        join.join(0.9)
            .threads(threads)
            .control(Control::new().progress(&note))
            .run(|_| ControlFlow::Continue(()))
            .unwrap();
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert!(seen.is_sorted() && seen.last() == Some(&(2_000 * 1_999 / 2)), "{seen:?}");
    }
}

#[test]
fn scores_next_to_the_threshold_are_found_with_rounded_products() {
    // Cut components make every product smaller. Each pair scores exactly the threshold.
    let (directory, mut host) = (quick_directory(), Host { dropped: 13, ..Host::default() });
    let index = Index::create(&directory.path().join("index"), Options::new(3)).unwrap();
    let row: Vec<f32> = vec![0.577_350_3; 3];
    let rows: Vec<(u64, u64, Vec<f32>)> = (0..40).map(|id| (id, id, row.clone())).collect();
    index.insert(&borrowed(&rows)).unwrap();
    let least = dot(&row, &row);
    assert_eq!(joined_on(&mut host, &index.view(), least, PairGroups::Any).len(), 40 * 39 / 2);
    assert_eq!(joined_on(&mut host, &index.view(), least.next_up(), PairGroups::Any), []);
}

#[test]
fn a_tile_with_too_many_pairs_is_halved() {
    let (directory, mut host) = (quick_directory(), Host::default());
    let index = Index::create(&directory.path().join("index"), Options::new(4)).unwrap();
    index.insert(&borrowed(&rows(4, 0..2_200, 1))).unwrap();
    let mut pairs = 0;
    let count = |some: &[Pair]| {
        pairs += some.len();
        ControlFlow::Continue(())
    };
    let report = index.view().join(-1.0).run_on(&mut host, count).unwrap();
    assert_eq!((pairs, report.compared), (2_200 * 2_199 / 2, 2_200 * 2_199 / 2));
    assert!(host.tiles > 4, "{}", host.tiles); // of four million products at most one million are taken at a time
}

#[test]
fn a_join_on_a_device_ends_when_it_fails_or_is_stopped() {
    let directory = quick_directory();
    let index = Index::create(&directory.path().join("index"), Options::new(8)).unwrap();
    index.insert(&borrowed(&rows(8, 0..3_000, 1))).unwrap();
    let view = index.view();
    let mut host = Host { fails_after: Some(1), ..Host::default() };
    let result = view.join(-1.0).run_on(&mut host, |_| ControlFlow::Continue(()));
    assert!(matches!(&result, Err(Error::Device { reason }) if reason == "out of memory"), "{result:?}");
    let stopped = |result| matches!(result, Err(Error::Stopped { action: "join" }));
    assert!(stopped(view.join(-1.0).run_on(&mut Host::default(), |_| ControlFlow::Break(()))));
    let stop = AtomicBool::new(false);
    let (mut host, mut given) = (Host::default(), 0);
    let result = view.join(0.5).control(Control::new().stop(&stop)).run_on(&mut host, |pairs| {
        given += pairs.len();
        stop.store(true, Ordering::Relaxed);
        ControlFlow::Continue(())
    });
    assert!(stopped(result) && given <= 16_384, "{given}");
    let result = view.join(f32::NAN).run_on(&mut Host::default(), |_| ControlFlow::Continue(()));
    assert!(matches!(result, Err(Error::InvalidOption { field: "min_score", .. })));
}

#[test]
fn damaged_rows_end_a_join_and_are_left_out_of_a_salvaged_one() {
    let directory = quick_directory();
    let place = directory.path().join("index");
    let index = Index::create(&place, Options::new(16).shards(1).background_compaction(false)).unwrap();
    let given = rows(16, 0..12_000, 1);
    for part in given.chunks(6_000) {
        index.insert(&borrowed(part)).unwrap();
        index.seal().unwrap();
    }
    drop(index);
    // A component of a vector changes in the file.
    let (_, _, vector) = &given[3_000];
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let files = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
    let found = |file: std::path::PathBuf| {
        let content = std::fs::read(&file).unwrap();
        let at = content.windows(bytes.len()).position(|window| window == bytes)?;
        Some((file, content, at))
    };
    let (file, mut content, at) = files.filter(|file| file.is_file()).find_map(found).unwrap();
    content[at + 2] ^= 1;
    std::fs::write(file, content).unwrap();

    let index = Index::open(&place).unwrap();
    let (all, damaged) =
        (|_: &[Pair]| ControlFlow::Continue(()), |result| matches!(result, Err(Error::Damaged { .. })));
    assert!(damaged(index.view().join(0.8).run(all)));
    assert!(damaged(index.view().join(0.8).run_on(&mut Host::default(), all)));
    drop(index);

    let salvage = Index::salvage(&place).unwrap();
    let (mut found, mut on_device) = (Vec::new(), Vec::new());
    let gather = |to: &mut Vec<Pair>, pairs: &[Pair]| {
        to.extend_from_slice(pairs);
        ControlFlow::Continue(())
    };
    let report = salvage.view.join(0.8).run(|pairs| gather(&mut found, pairs)).unwrap();
    assert!(!report.complete && !found.is_empty());
    let join = salvage.view.join(0.8);
    let report = join.run_on(&mut Host::default(), |pairs| gather(&mut on_device, pairs)).unwrap();
    assert!(!report.complete);
    // A device leaves out the damaged rows only, the processor also the probes beside them.
    let on_device: std::collections::HashSet<[u64; 2]> = on_device.iter().map(|pair| pair.ids).collect();
    assert!(found.iter().all(|pair| on_device.contains(&pair.ids)));
    assert!(on_device.iter().all(|ids| !ids.contains(&3_000)));
}
