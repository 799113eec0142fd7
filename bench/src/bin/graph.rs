//! What the graph of one segment finds, and at what cost.
//!
//! ```text
//! cargo run --release -p gallerist-bench --bin graph -- DIRECTORY GALLERY.npy PROBES.npy [MATED] [DEGREE] [BUILD_WIDTH] [WIDTHS]
//! ```
//!
//! The first MATED probes (default: none) are further images of the people in the first rows of the gallery, in order; the
//! others are strangers. Prints one JSON line for the index, one for exact search, then one for each width of the
//! beam (`WIDTHS`, as in `64,256`; `-`: each line that comes in): recall@10 against exact search, the share of mates
//! found that exact search finds first, nodes compared, and queries a second of one thread's processor time.
//!
//! The index is made in DIRECTORY, if there is none, and stays there. It has one segment: all rows are in one group,
//! as rows of a group stay together whatever their number.

#![allow(clippy::print_stdout)]

use std::fs;
use std::io::{self, BufRead};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use gallerist::template::Template;
use gallerist::vectors::VectorFile;
use gallerist_index::{Durability, GraphOptions, GraphWhen, Hit, Index, Mode, Options, Row, View};
use serde_json::json;

const K: usize = 10;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY GALLERY.npy PROBES.npy");
    let number = |at: usize, default: u16| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let mated = usize::from(number(3, 0)?);
    let graph =
        GraphOptions { when: GraphWhen::Always, degree: number(4, 16)?, build_width: number(5, 200)? };
    let widths = arguments.get(6).map_or("16,32,64,128,256,512,1024", String::as_str);
    let mut probes = VectorFile::open(path(2)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;

    let directory = path(0)?;
    if !directory.exists() {
        build(directory, &mut VectorFile::open(path(1)?)?, graph)?;
    }
    let index = Index::open(directory)?;
    let segments = index.segments();
    println!("{}", json!({ "rows": index.stats().live_rows, "segments": segments.len() }));
    segments.iter().for_each(|segment| println!("{}", json!({ "statistics": format!("{segment:?}") })));

    let view = index.view();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    // The first of each kind verifies what it reads.
    ask(&view, &probes[0], Mode::Exact)?;
    ask(&view, &probes[0], Mode::Graph { width: 16 })?;
    let exact = alone.install(|| Round::run(&view, &probes, Mode::Exact))?;
    println!("{}", json!({ "mode": "exact", "queries_per_second": exact.rate }));
    let report = |width: usize| -> Result<()> {
        let found = alone.install(|| Round::run(&view, &probes, Mode::Graph { width }))?;
        let first = |round: &Round, at: usize| round.hits[at].first().is_some_and(|hit| hit.id == at as u64);
        let mates: Vec<usize> = (0..mated).filter(|&at| first(&exact, at)).collect();
        let kept = mates.iter().filter(|&&at| first(&found, at)).count();
        println!(
            "{}",
            json!({
                "width": width,
                "recall_mated": found.recall(&exact, 0..mated),
                "recall_non_mated": found.recall(&exact, mated..probes.len()),
                "recall": found.recall(&exact, 0..probes.len()),
                "mates_kept": (!mates.is_empty()).then(|| kept as f64 / mates.len() as f64),
                "evaluations": found.evaluations,
                "queries_per_second": found.rate,
            })
        );
        Ok(())
    };
    match widths {
        "-" => io::stdin().lock().lines().try_for_each(|line| report(line?.trim().parse()?)),
        list => list.split(',').try_for_each(|width| report(width.parse()?)),
    }
}

fn build(directory: &Path, gallery: &mut VectorFile, graph: GraphOptions) -> Result<()> {
    let rows = usize::try_from(gallery.rows)?;
    let background_compaction = false;
    let options = Options {
        shards: 1,
        seal_rows: rows,
        background_compaction,
        graph,
        ..Options::new(gallery.dimension)
    };
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

/// Every probe asked once.
struct Round {
    hits: Vec<Vec<Hit>>,
    /// On the average.
    evaluations: u64,
    /// Queries a second.
    rate: f64,
}

impl Round {
    fn run(view: &View, probes: &[Template], mode: Mode) -> Result<Self> {
        let started = processor_seconds()?;
        let answers = probes.iter().map(|probe| ask(view, probe, mode)).collect::<Result<Vec<_>>>()?;
        let rate = probes.len() as f64 / (processor_seconds()? - started);
        let evaluations = answers.iter().map(|answer| answer.scanned).sum::<u64>() / probes.len() as u64;
        Ok(Self { hits: answers.into_iter().map(|answer| answer.hits).collect(), evaluations, rate })
    }

    fn recall(&self, exact: &Self, probes: std::ops::Range<usize>) -> Option<f64> {
        let common = |at: usize| exact.hits[at].iter().filter(|hit| self.hits[at].contains(hit)).count();
        let of: usize = probes.clone().map(|at| exact.hits[at].len()).sum();
        (of > 0).then(|| probes.map(common).sum::<usize>() as f64 / of as f64)
    }
}

fn ask(view: &View, probe: &Template, mode: Mode) -> Result<gallerist_index::Answer> {
    Ok(view.query(probe.as_slice())?.mode(mode).top_k(K)?)
}

/// What this thread has used, so that other work on the machine counts as little as possible.
fn processor_seconds() -> Result<f64> {
    let said =
        fs::read_to_string("/proc/thread-self/schedstat").context("processor time, as Linux counts it")?;
    let nanoseconds: f64 = said.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
