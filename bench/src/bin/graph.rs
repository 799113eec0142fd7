//! What the graph of one segment finds, and at what cost.
//!
//! ```text
//! cargo run --release -p gallerist-bench --bin graph -- DIRECTORY GALLERY.npy PROBES.npy [MATED] [DEGREE] [BUILD_WIDTH]
//! ```
//!
//! The first MATED probes (default: none) are further images of the people in the first rows of the gallery, in order; the
//! others are strangers. Prints one JSON line for the build, then one for each width of the beam: recall@10 against
//! exact search, the share of mates found that exact search finds first, nodes compared, and queries a second
//! on one thread. The index is made in DIRECTORY, if there is none, and stays there. It has one segment: all rows are in one group,
//! as rows of a group stay together whatever their number.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use gallerist::vectors::VectorFile;
use gallerist_index::{GraphOptions, GraphWhen, Hit, Index, Mode, Options, Row, View};
use serde_json::json;

const K: usize = 10;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY GALLERY.npy PROBES.npy");
    let number = |at: usize, default: u16| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let mated = usize::from(number(3, 0)?);
    let graph =
        GraphOptions { when: GraphWhen::Always, degree: number(4, 16)?, build_width: number(5, 200)? };
    let mut gallery = VectorFile::open(path(1)?)?;
    let mut probes = VectorFile::open(path(2)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;

    let path = path(0)?;
    let index = if path.exists() { Index::open(path)? } else { build(path, &mut gallery, graph)? };
    let view = index.view();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let answers = |mode: Mode| -> Result<(Vec<Vec<Hit>>, u64, f64)> {
        pool.install(|| {
            let started = Instant::now();
            let (mut hits, mut evaluations) = (Vec::with_capacity(probes.len()), 0);
            for probe in &probes {
                let answer = ask(&view, probe.as_slice(), mode)?;
                evaluations += answer.scanned;
                hits.push(answer.hits);
            }
            Ok((
                hits,
                evaluations / probes.len() as u64,
                probes.len() as f64 / started.elapsed().as_secs_f64(),
            ))
        })
    };
    ask(&view, probes[0].as_slice(), Mode::Exact)?; // verifies every block
    ask(&view, probes[0].as_slice(), Mode::Graph { width: 16 })?;
    let (exact, _, exact_rate) = answers(Mode::Exact)?;
    println!("{}", json!({ "mode": "exact", "queries_per_second": exact_rate }));
    for width in [16, 32, 64, 128, 256, 512, 1024] {
        let (found, evaluations, rate) = answers(Mode::Graph { width })?;
        let right = |range: std::ops::Range<usize>| {
            let common = |at: usize| exact[at].iter().filter(|hit| found[at].contains(hit)).count();
            let of: usize = range.clone().map(|at| exact[at].len()).sum();
            (of > 0).then(|| range.map(common).sum::<usize>() as f64 / of as f64)
        };
        let first = |hits: &[Hit], at: usize| hits.first().is_some_and(|hit| hit.id == at as u64);
        let mates = (0..mated).filter(|&at| first(&exact[at], at)).count();
        let kept = (0..mated).filter(|&at| first(&exact[at], at) && first(&found[at], at)).count();
        println!(
            "{}",
            json!({
                "width": width, "recall_mated": right(0..mated), "recall_non_mated": right(mated..probes.len()),
                "mates_kept": (mates > 0).then(|| kept as f64 / mates as f64), "evaluations": evaluations,
                "queries_per_second": rate,
            })
        );
    }
    Ok(())
}

fn build(path: &Path, gallery: &mut VectorFile, graph: GraphOptions) -> Result<Index> {
    let rows = usize::try_from(gallery.rows)?;
    let options = Options {
        shards: 1,
        seal_rows: rows,
        background_compaction: false,
        graph,
        ..Options::new(gallery.dimension)
    };
    let index = Index::create(path, options)?;
    let templates = gallery.templates(0, rows)?;
    let given: Vec<Row<'_>> = (0..)
        .zip(&templates)
        .map(|(id, template)| Row { id, group: 0, vector: template.as_slice() })
        .collect();
    index.insert_with(&given, gallerist_index::Durability::Bulk)?;
    let started = Instant::now();
    index.seal()?;
    let seconds = started.elapsed().as_secs_f64();
    let GraphOptions { degree, build_width, .. } = graph;
    let segments = index.stats().segments;
    println!(
        "{}",
        json!({ "rows": rows, "segments": segments, "degree": degree, "build_width": build_width, "build_seconds": seconds })
    );
    Ok(index)
}

fn ask(view: &View, probe: &[f32], mode: Mode) -> Result<gallerist_index::Answer> {
    Ok(view.query(probe)?.mode(mode).top_k(K)?)
}
