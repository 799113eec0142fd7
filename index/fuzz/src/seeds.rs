//! What fuzzing begins with: the files of small sound indexes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gallerist_index::{GraphOptions, GraphWhen, Index, Options, Row};

use super::attack::quick_directory;
use super::directory::{Input, Kind};
use super::format::get;

/// Flags: checksums mended; everything mended; everything, and seals build graphs.
const CHECKSUMS: u8 = 1;
const PLACES: u8 = 5;
const GRAPHS: u8 = 0x25;

/// Writes seeds into `corpus`, and the files that some targets put beside an input into `base`.
pub fn write(corpus: &Path, base: &Path) -> std::io::Result<()> {
    let put = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(name), bytes)
    };
    let with = |flags: u8, bytes: &[u8]| [&[flags], bytes].concat();

    for (name, dimension, rows) in [("two", 2, 3), ("three", 3, 30), ("eight", 8, 12)] {
        let pieces = index(dimension, rows, 1, GraphWhen::Never);
        put("segment", name, &with(CHECKSUMS, &of(&pieces, Kind::Segment)))?;
        put("log", name, &with(PLACES, &of(&pieces, Kind::Log(0))))?;
        put("erasures", name, &with(CHECKSUMS, &of(&pieces, Kind::Erasures)))?;
        let graph = index(dimension, rows, 1, GraphWhen::Always);
        put("graph", name, &with(CHECKSUMS, &of(&graph, Kind::Segment)))?;
        let two = Input { flags: GRAPHS, pieces: index(dimension, rows, 2, GraphWhen::Always) };
        put("directory", name, &two.encode())?;
    }

    let pieces = index(3, 30, 1, GraphWhen::Never);
    let log = of(&pieces, Kind::Log(0));
    let mut continues = log.clone();
    continues[64 + 5] = 1; // the first two frames are one transaction
    put("log", "continues", &with(CHECKSUMS, &continues))?;
    put("log", "torn", &with(PLACES | 0x40, &log[..log.len() - 20]))?;
    put("log", "raw", &with(0, &log))?;

    let fitting = Input { flags: PLACES, pieces }.files(1);
    fs::create_dir_all(base)?;
    fs::write(base.join("directory"), fitting.encode(PLACES))?;
    put("manifest", "fitting", &with(CHECKSUMS, fitting.get("MANIFEST").unwrap_or_default()))?;
    put("manifest", "raw", &with(0, fitting.get("MANIFEST").unwrap_or_default()))?;

    let pieces = Input::parse(&fitting.encode(PLACES)).pieces;
    let segment = vec![(Kind::Segment, of(&pieces, Kind::Segment))];
    fs::write(base.join("segment"), Input { flags: PLACES, pieces: segment }.encode())?;
    for (_, tombstones) in pieces.iter().filter(|piece| piece.0 == Kind::Tombstones) {
        put("tombstones", "fitting", &with(CHECKSUMS, tombstones))?;
        put("tombstones", "placed", &with(PLACES, tombstones))?;
    }

    for stray in 0..10 {
        let mut pieces = index(2, 3, 2, GraphWhen::Never);
        pieces.push((Kind::Stray, vec![stray; 5]));
        put("directory", &format!("stray-{stray}"), &Input { flags: PLACES, pieces }.encode())?;
    }
    let mut pieces = index(2, 3, 2, GraphWhen::Never);
    pieces.push((Kind::Patch, [&[0, 0][..], &2u64.to_le_bytes()].concat()));
    put("directory", "patch", &Input { flags: PLACES, pieces }.encode())?;

    for seed in 0..12u64 {
        let mixed = |at: u64| (at + 1 + seed * 1000).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[7];
        put("operations", &seed.to_string(), &(0..200).map(mixed).collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// The first file of a kind, as it is when it is the only one.
fn of(pieces: &[(Kind, Vec<u8>)], kind: Kind) -> Vec<u8> {
    let first = pieces.iter().find(|piece| piece.0 == kind).cloned().into_iter().collect();
    let alone = Input { flags: PLACES, pieces: first }.files(1).encode(PLACES);
    Input::parse(&alone).pieces.swap_remove(0).1
}

/// The files of an index after inserts, deletions and seals, as pieces of an input.
fn index(dimension: usize, rows: u64, shards: u16, when: GraphWhen) -> Vec<(Kind, Vec<u8>)> {
    let directory = quick_directory();
    let path = directory.path().join("index");
    let graph = GraphOptions { when, degree: 4, build_width: 16 };
    let options =
        Options::new(dimension).shards(shards).background_compaction(false).seal_rows(1000).graph(graph);
    let index = Index::create(&path, options).expect("a new index");
    let insert = |ids: std::ops::Range<u64>| {
        let vectors: Vec<Vec<f32>> = ids.clone().map(|id| vector(dimension, id)).collect();
        let rows: Vec<Row<'_>> =
            ids.zip(&vectors).map(|(id, vector)| Row { id, group: id % 5, vector }).collect();
        index.insert(&rows).expect("inserting");
    };
    insert(0..rows);
    index.seal().expect("sealing");
    index.delete(&[0, 2]).expect("deleting");
    index.seal().expect("sealing");
    insert(rows..rows + 3);
    index.delete(&[1, rows]).expect("deleting");
    insert(rows + 3..rows + 4);
    index.close().expect("closing");
    pieces(&path)
}

fn vector(dimension: usize, id: u64) -> Vec<f32> {
    let mut vector: Vec<f32> =
        (0..dimension as u64).map(|at| ((id % 11 * 7 + at * 3) % 13) as f32 - 6.0).collect();
    vector[0] += 0.5;
    let norm = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|number| *number /= norm);
    vector
}

/// Files in the order of their numbers, tombstones behind their segments.
fn pieces(index: &Path) -> Vec<(Kind, Vec<u8>)> {
    let mut found: BTreeMap<(u64, u64), (Kind, Vec<u8>)> = BTreeMap::new();
    let folders = [index.to_owned(), index.join("shard-00"), index.join("shard-01")];
    for (at, entry) in folders.iter().enumerate().flat_map(|(at, folder)| {
        fs::read_dir(folder).into_iter().flatten().flatten().map(move |entry| (at, entry))
    }) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        let number = get(&bytes, 32, 8);
        let (kind, place) = match name.split_once('-').map(|name| name.0) {
            Some("seg") => (Kind::Segment, (number, 0)),
            Some("tomb") => (Kind::Tombstones, (get(&bytes, 64, 8), 1)),
            Some("erased") => (Kind::Erasures, (number, 0)),
            Some("wal") => (Kind::Log(at as u16 - 1), (number, 0)),
            _ => continue,
        };
        found.insert(place, (kind, bytes));
    }
    found.into_values().collect()
}
