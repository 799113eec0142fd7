//! Recall and cost of searches in one segment.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- graph DIRECTORY GALLERY.npy PROBES.npy [MATED] [DEGREE] [BUILD_WIDTH] [WAYS]
//! ```
//!
//! The first MATED probes (default: none) are further images of the people in the first rows of the gallery, in order. The others are
//! non-mated. Prints one JSON line for the index, one for exact search, then one for each method: recall@10 against exact search, the
//! share of mates found among those that exact search finds first, the share of answers with a proof of completeness, rows or nodes
//! compared, queries per second of one thread's processor time and of two threads by the clock, and the median and 99th percentile of a
//! query in milliseconds.
//!
//! WAYS are methods separated by commas, or `-` to read them from the standard input, one per line. A number is the beam width in the
//! graph; `scan` uses codes, `scan:1e-3` codes with that miss probability; `exact` uses vectors. A DEGREE of 0 builds no graph.
//!
//! The index is made in DIRECTORY if there is none, and is kept. It has one segment: all rows are in one group,
//! and the rows of a group stay together, for any number of rows.

use std::fs;
use std::io::{self, BufRead};
use std::path::Path;
use std::time::Instant;

use crate::{Method, recall, search};
use anyhow::{Context, Result};
use gallerist::template::Template;
use gallerist::vectors::VectorFile;
use gallerist_index::{Durability, GraphOptions, GraphWhen, Hit, Index, Options, Row, View};
use rayon::prelude::*;
use serde_json::json;

const K: usize = 10;

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY GALLERY.npy PROBES.npy");
    let number = |at: usize, default: u16| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let mated = usize::from(number(3, 0)?);
    let graph = match number(4, 16)? {
        0 => GraphOptions::NEVER,
        degree => GraphOptions { when: GraphWhen::Always, degree, build_width: number(5, 200)? },
    };
    let ways = arguments.get(6).map_or("16,32,64,128,256,512,1024", String::as_str);
    let probes = VectorFile::open(path(2)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;

    let directory = path(0)?;
    if !directory.exists() {
        build(directory, &VectorFile::open(path(1)?)?, graph)?;
    }
    let index = Index::open(directory)?;
    let segments = index.segments();
    println!("{}", json!({ "rows": index.stats().live_rows, "segments": segments.len() }));
    segments.iter().for_each(|segment| println!("{}", json!({ "statistics": format!("{segment:?}") })));

    let view = index.view();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    // The first query of each kind verifies what it reads.
    for way in ["exact", "scan", "16"] {
        ask(&view, &probes[0], Method::parse(way)?)?;
    }
    let both = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    let exact = Method::parse("exact")?;
    let exact = alone.install(|| Round::run(&view, &probes, exact))?;
    println!("{}", json!({ "mode": "exact", "queries_per_second": exact.rate }));
    let report = |name: &str| -> Result<()> {
        let way = Method::parse(name)?;
        let found = alone.install(|| Round::run(&view, &probes, way))?;
        let started = Instant::now();
        both.install(|| probes.par_iter().try_for_each(|probe| ask(&view, probe, way).map(drop)))?;
        let rate_of_two = probes.len() as f64 / started.elapsed().as_secs_f64();
        let first = |round: &Round, at: usize| round.hits[at].first().is_some_and(|hit| hit.id == at as u64);
        let mates: Vec<usize> = (0..mated).filter(|&at| first(&exact, at)).collect();
        let kept = mates.iter().filter(|&&at| first(&found, at)).count();
        println!(
            "{}",
            json!({
                "way": name,
                "recall_mated": found.recall(&exact, 0..mated),
                "recall_non_mated": found.recall(&exact, mated..probes.len()),
                "recall": found.recall(&exact, 0..probes.len()),
                "mates_kept": (!mates.is_empty()).then(|| kept as f64 / mates.len() as f64),
                "complete": found.complete,
                "evaluations": found.evaluations,
                "queries_per_second": found.rate,
                "queries_per_second_of_two_threads": rate_of_two,
                "median_ms": found.milliseconds[probes.len() / 2],
                "p99_ms": found.milliseconds[probes.len() * 99 / 100],
            })
        );
        Ok(())
    };
    match ways {
        "-" => io::stdin().lock().lines().try_for_each(|line| report(line?.trim())),
        list => list.split(',').try_for_each(report),
    }
}

fn build(directory: &Path, gallery: &VectorFile, graph: GraphOptions) -> Result<()> {
    let rows = usize::try_from(gallery.rows)?;
    let background_compaction = false;
    let options = Options::new(gallery.dimension)
        .shards(1)
        .seal_rows(rows)
        .background_compaction(background_compaction)
        .graph(graph);
    let index = Index::create(directory, options)?;
    let templates = gallery.templates(0, rows)?;
    let given: Vec<Row<'_>> = (0..)
        .zip(&templates)
        .map(|(id, template)| Row { id, group: 0, vector: template.as_slice() })
        .collect();
    let started = Instant::now();
    index.insert_with(&given, Durability::Bulk)?;
    index.seal()?;
    let GraphOptions { degree, build_width, .. } = graph;
    let seconds = started.elapsed().as_secs_f64();
    println!("{}", json!({ "degree": degree, "build_width": build_width, "build_seconds": seconds }));
    index.close()?;
    Ok(())
}

/// The results of one query per probe.
struct Round {
    hits: Vec<Vec<Hit>>,
    /// The mean per query.
    evaluations: u64,
    /// Share of answers with a proof of completeness.
    complete: f64,
    /// Queries per second.
    rate: f64,
    /// The time of each query, ascending.
    milliseconds: Vec<f64>,
}

impl Round {
    fn run(view: &View, probes: &[Template], way: Method) -> Result<Self> {
        let (mut answers, mut milliseconds) = (Vec::new(), Vec::new());
        let started = processor_seconds()?;
        for probe in probes {
            let started = Instant::now();
            answers.push(ask(view, probe, way)?);
            milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let rate = probes.len() as f64 / (processor_seconds()? - started);
        milliseconds.sort_by(f64::total_cmp);
        let evaluations = answers.iter().map(|answer| answer.scanned).sum::<u64>() / probes.len() as u64;
        let complete = answers.iter().filter(|answer| answer.complete).count() as f64 / probes.len() as f64;
        let hits = answers.into_iter().map(|answer| answer.hits).collect();
        Ok(Self { hits, evaluations, complete, rate, milliseconds })
    }

    fn recall(&self, exact: &Self, probes: std::ops::Range<usize>) -> Option<f64> {
        recall(probes.map(|at| (&exact.hits[at][..], &self.hits[at][..])))
    }
}

fn ask(view: &View, probe: &Template, way: Method) -> Result<gallerist_index::Answer> {
    Ok(search!(view.query(probe.as_slice())?, way).top_k(K)?)
}

/// The processor time of this thread, so that other work on the machine has little effect.
fn processor_seconds() -> Result<f64> {
    let said = fs::read_to_string("/proc/thread-self/schedstat")
        .context("cannot read the processor time of Linux")?;
    let nanoseconds: f64 = said.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
