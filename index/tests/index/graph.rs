//! Approximate search: what it finds is scored exactly, nearly nothing is missed, and nothing hidden is shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gallerist_index::{Durability, Error, GraphOptions, GraphWhen, Hit, Index, Mode, Options, Row};

use crate::fuzz::directory::{Input, Kind};
use crate::fuzz::format::get;
use crate::oracle::{Oracle, borrowed, quick_directory, rows, scratch, vector};

const DIMENSION: usize = 12;
const WIDE: Mode = Mode::Graph { width: 100 };

fn options(when: GraphWhen) -> Options {
    let graph = GraphOptions { when, degree: 8, build_width: 80 };
    Options::new(DIMENSION).shards(2).graph(graph).background_compaction(false)
}

/// Rows in two segments and in a buffer, some of them dead.
fn filled(when: GraphWhen) -> (tempfile::TempDir, Index, Oracle) {
    let (directory, index) = scratch(options(when));
    let mut oracle = Oracle::default();
    let mut insert = |ids: std::ops::Range<u64>| {
        let given = rows(DIMENSION, ids, 4);
        index.insert(&borrowed(&given)).unwrap();
        given.into_iter().for_each(|(id, group, vector)| oracle.insert(id, group, vector));
    };
    insert(0..900);
    index.seal().unwrap();
    insert(900..1000);
    let dead: Vec<u64> = (0..1000).step_by(7).collect();
    index.delete(&dead).unwrap();
    dead.iter().for_each(|id| drop(oracle.0.remove(id)));
    (directory, index, oracle)
}

/// Share of the best ten that the graph finds; checks that whatever it finds is right.
fn recall(index: &Index, oracle: &Oracle) -> f64 {
    let view = index.view();
    let mut found = 0;
    for seed in 0..40 {
        let probe = vector(DIMENSION, 50_000 + seed);
        let ranked = oracle.ranked(&probe);
        let answer = view.query(&probe).unwrap().mode(WIDE).top_k(10).unwrap();
        assert!(!answer.complete && answer.mode == WIDE && answer.hits.len() == 10);
        assert!(answer.hits.iter().all(|hit| ranked.contains(hit)), "live, with the score of every path");
        found += ranked[..10].iter().filter(|hit| answer.hits.contains(hit)).count();

        let groups = view.query(&probe).unwrap().mode(WIDE).top_groups(9).unwrap();
        let distinct: BTreeSet<u64> = groups.hits.iter().map(|hit| hit.group).collect();
        assert_eq!((groups.hits.len(), distinct.len()), (9, 9));
        let even = |id: u64, _: u64| id.is_multiple_of(2);
        let filtered = view.query(&probe).unwrap().mode(WIDE).filter(&even).top_k(10).unwrap();
        assert!(filtered.hits.len() == 10 && filtered.hits.iter().all(|hit| hit.id.is_multiple_of(2)));
        let range = view.query(&probe).unwrap().mode(WIDE).range(0.3).unwrap();
        assert!(range.complete && range.mode == Mode::Exact);
    }
    found as f64 / 400.0
}

#[test]
fn a_graph_finds_nearly_all_of_the_best() {
    let (directory, index, oracle) = filled(GraphWhen::Always);
    assert!(recall(&index, &oracle) > 0.95);
    index.compact().unwrap();
    index.purge().unwrap();
    assert!(recall(&index, &oracle) > 0.95);
    assert!(index.check().unwrap().is_clean() && index.check_deep().unwrap().is_clean());
    index.close().unwrap();
    let index = Index::open(&directory.path().join("index")).unwrap();
    assert!(recall(&index, &oracle) > 0.95);
    for (id, (_, stored)) in &oracle.0 {
        let answer = index.view().query(stored).unwrap().mode(Mode::Graph { width: 64 }).top_k(1).unwrap();
        assert_eq!(answer.hits[0].id, *id, "every row finds itself");
    }
    let probe = vector(DIMENSION, 3);
    let answer = index.view().query(&probe).unwrap().mode(WIDE).top_k(5000).unwrap();
    assert!(
        answer.hits == oracle.ranked(&probe) && answer.complete,
        "all there are, if so many are asked for"
    );
}

#[test]
fn an_answer_is_complete_when_the_walk_has_seen_all_that_pass() {
    let (_directory, index, oracle) = filled(GraphWhen::Always);
    for seed in 0..20 {
        let probe = vector(DIMENSION, 60_000 + seed);
        let few = |id: u64, _: u64| id.is_multiple_of(50);
        let answer = index.view().query(&probe).unwrap().mode(WIDE).filter(&few).top_k(3).unwrap();
        let passing: Vec<Hit> = oracle.ranked(&probe).into_iter().filter(|hit| few(hit.id, 0)).collect();
        assert!(answer.hits == passing[..3] && answer.complete && answer.mode == WIDE);
    }
}

/// The bytes of a section of a segment file.
fn section(file: &[u8], kind: u32) -> std::ops::Range<usize> {
    let number = |at: usize, width: usize| get(file, at, width) as usize;
    let (table, entries) = (number(file.len() - 64, 8), number(file.len() - 56, 4));
    let entry = (0..entries).map(|at| table + 32 * at).find(|&at| number(at, 4) == kind as usize).unwrap();
    number(entry + 8, 8)..number(entry + 8, 8) + number(entry + 16, 8)
}

#[test]
fn codes_and_statistics_that_are_not_what_the_rows_give_are_damage() {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/graph/three");
    let sound = fs::read(seed).unwrap(); // after a byte that says that all checksums are mended
    let problems = |input: &[u8]| {
        let directory = quick_directory();
        Input::single(input, Kind::Segment).files(1).write(directory.path());
        Index::check_at(directory.path()).unwrap().problems
    };
    assert!(problems(&sound).is_empty());
    let (codes, scales) = (section(&sound[1..], 5), section(&sound[1..], 6));
    let statistics = section(&sound[1..], 9);
    // Not what was repaired (8 and 9) and what searches said (from 14 on).
    let measured = (0..14).filter(|at| ![8, 9].contains(at)).map(|at| statistics.start + 8 * at);
    for at in codes.clone().chain(scales.clone()).chain(measured) {
        let mut input = sound.clone();
        input[1 + at] ^= 1;
        let problems = problems(&input);
        let expected = match at {
            at if at < scales.end => "the code of the vector",
            at if at == statistics.start + 80 => "a graph with every node in reach",
            _ => "SegmentStats",
        };
        assert!(problems.iter().any(|problem| problem.expected.starts_with(expected)), "{at} {problems:?}");
    }
}

#[test]
fn a_beam_of_any_width_and_any_number_of_hits_may_be_asked_for() {
    let (_directory, index, oracle) = filled(GraphWhen::Always);
    let probe = vector(DIMENSION, 50_000);
    for wide in [1 << 40, usize::MAX / 4, usize::MAX] {
        let view = index.view();
        let answer = view.query(&probe).unwrap().mode(Mode::Graph { width: wide }).top_k(5).unwrap();
        assert_eq!(answer.hits, oracle.ranked(&probe)[..5]);
        let answer = view.query(&probe).unwrap().mode(WIDE).top_k(wide).unwrap();
        assert_eq!(answer.hits.len(), oracle.0.len());
        assert!(!view.query(&probe).unwrap().mode(WIDE).top_groups(wide).unwrap().hits.is_empty());
    }
}

#[test]
fn without_graphs_the_answer_is_exact_and_says_so() {
    for when in [GraphWhen::Never, GraphWhen::Auto] {
        let (_directory, index, oracle) = filled(when);
        let probe = vector(DIMENSION, 70_000);
        let answer = index.view().query(&probe).unwrap().mode(WIDE).top_k(10).unwrap();
        assert_eq!(answer.hits, oracle.ranked(&probe)[..10]);
        assert!(answer.complete && answer.mode == Mode::Exact);
    }
}

#[test]
fn a_damaged_graph_is_named_and_exact_search_goes_on() {
    let (directory, index, oracle) = filled(GraphWhen::Always);
    index.close().unwrap();
    let path = directory.path().join("index");
    let segment = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let segment =
        segment.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "seg")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // Behind ids, groups, order and vectors of some 450 rows.
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert!(
        Index::check_at(&path)
            .unwrap()
            .problems
            .iter()
            .all(|problem| problem.path.ends_with(segment.file_name().unwrap()))
    );
    assert!(!Index::check_at(&path).unwrap().is_clean());
    let Ok(index) = Index::open(&path) else { return };
    let probe = vector(DIMENSION, 1);
    let walk = index.view().query(&probe).unwrap().mode(WIDE).top_k(5);
    assert!(matches!(walk, Err(Error::Damaged { path, .. }) if path.ends_with(segment.file_name().unwrap())));
    if let Ok(answer) = index.view().query(&probe).unwrap().top_k(5) {
        assert_eq!(answer.hits, oracle.ranked(&probe)[..5]);
    }
}

#[test]
fn shapes_that_make_no_graph_are_refused() {
    for (degree, build_width) in [(3, 100), (65, 200), (16, 31), (16, 2001)] {
        let graph = GraphOptions { when: GraphWhen::Always, degree, build_width };
        let directory = tempfile::tempdir().unwrap();
        let refused = Index::create(&directory.path().join("index"), Options::new(4).graph(graph));
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{degree} {build_width}");
    }
}

/// How many rows the next two tests take: `GALLERIST_ROWS`, or few.
fn wanted_rows() -> u64 {
    std::env::var("GALLERIST_ROWS").map_or(2000, |rows| rows.parse().unwrap())
}

/// An index with these rows in one segment with a graph: ids from 0, all in one group, so that the rows lie as given.
fn sealed(vectors: &[Vec<f32>], graph: GraphOptions) -> (tempfile::TempDir, Index) {
    let options = Options::new(vectors[0].len()).shards(1).graph(graph).background_compaction(false);
    let (directory, index) = scratch(options);
    let given: Vec<Row<'_>> = (0..).zip(vectors).map(|(id, vector)| Row { id, group: 0, vector }).collect();
    index.insert_with(&given, Durability::Bulk).unwrap();
    index.seal().unwrap();
    let segments = index.segments();
    let [segment] = &segments[..] else { panic!("{} segments", segments.len()) };
    let graph = segment.graph.unwrap();
    assert_eq!((segment.rows, graph.orphans, graph.unfound), (vectors.len() as u64, 0, 0), "{segment:?}");
    eprintln!("{segment:?}");
    (directory, index)
}

/// Every live row must be found by its own vector, among as many hits as there are copies of it.
fn assert_every_row_finds_itself(
    index: &Index,
    vectors: &[Vec<f32>],
    copies: usize,
    alive: impl Fn(u64) -> bool,
) {
    let view = index.view();
    let mut missed = 0;
    for (id, vector) in (0..).zip(vectors).filter(|(id, _)| alive(*id)).step_by(copies) {
        let answer = view.query(vector).unwrap().mode(Mode::Graph { width: 64 }).top_k(copies).unwrap();
        assert!(answer.hits.iter().all(|hit| alive(hit.id)));
        missed += usize::from(answer.hits.iter().all(|hit| hit.id != id));
        let same = answer.hits.iter().filter(|hit| vectors[hit.id as usize] == *vector).count();
        missed += usize::from(copies > 1 && same != copies);
    }
    assert_eq!(missed, 0);
}

fn unit(numbers: impl Iterator<Item = f32>) -> Vec<f32> {
    let numbers: Vec<f32> = numbers.collect();
    let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
    numbers.into_iter().map(|x| x / length).collect()
}

/// As `tools/test` runs it, with few rows. With many:
/// `GALLERIST_ROWS=100000 cargo test --release -p gallerist-index --test index every_row -- --nocapture`
#[test]
fn every_row_is_reached_and_finds_itself() {
    const DIMENSION: usize = 32;
    let rows = wanted_rows();
    let graph = GraphOptions { when: GraphWhen::Always, degree: 16, build_width: 200 };
    let uniform: Vec<Vec<f32>> = (0..rows).map(|id| vector(DIMENSION, id)).collect();
    let near = |of: &[f32], id: u64| {
        unit(of.iter().zip(vector(DIMENSION, id + rows)).map(|(x, noise)| x + 0.3 * noise))
    };
    let clustered: Vec<Vec<f32>> = (0..rows).map(|id| near(&uniform[id as usize / 100], id)).collect();
    let mut sorted = uniform.clone();
    sorted.sort_by(|one, other| one[0].total_cmp(&other[0]));
    for vectors in [&uniform, &clustered, &sorted] {
        let (_directory, index) = sealed(vectors, graph);
        assert_every_row_finds_itself(&index, vectors, 1, |_| true);
        let dead: Vec<u64> = (0..rows).filter(|id| !id.is_multiple_of(10)).collect();
        index.delete(&dead).unwrap();
        assert_every_row_finds_itself(&index, vectors, 1, |id| id.is_multiple_of(10));
    }
    let copies = if rows < 100_000 { rows.isqrt() } else { 1000 };
    let identical: Vec<Vec<f32>> = (0..copies * copies).map(|id| vector(DIMENSION, id / copies)).collect();
    let (_directory, index) = sealed(&identical, graph);
    assert_eq!(index.segments()[0].graph.unwrap().nodes, copies);
    assert_every_row_finds_itself(&index, &identical, copies as usize, |_| true);
}

/// The same for vectors like those of faces: the first `GALLERIST_ROWS` rows of a NumPy file of f32.
#[test]
#[ignore = "needs GALLERIST_VECTORS=FILE.npy"]
fn every_face_is_reached_and_finds_itself() {
    let bytes = fs::read(std::env::var("GALLERIST_VECTORS").unwrap()).unwrap();
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..start]).unwrap();
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    let (_, shape) = header.split_once("'shape': (").unwrap();
    let dimension: usize = shape.split(&[',', ')']).nth(1).unwrap().trim().parse().unwrap();
    let vectors: Vec<Vec<f32>> = bytes[start..]
        .chunks_exact(4 * dimension)
        .take(wanted_rows() as usize)
        .map(|row| row.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect())
        .collect();
    let graph = GraphOptions { when: GraphWhen::Always, degree: 16, build_width: 200 };
    let (_directory, index) = sealed(&vectors, graph);
    assert_every_row_finds_itself(&index, &vectors, 1, |_| true);
    let dead: Vec<u64> = (0..vectors.len() as u64).filter(|id| !id.is_multiple_of(10)).collect();
    index.delete(&dead).unwrap();
    assert_every_row_finds_itself(&index, &vectors, 1, |id| id.is_multiple_of(10));
}
