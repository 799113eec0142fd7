//! Complete search by codes against complete search by vectors, over an index of .npy rows.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- scan DIRECTORY GALLERY.npy PROBES.npy [K] [BATCH]
//! ```
//!
//! Prints one JSON line for the index, then one for each mode and number of threads: queries a second, the median and 99th percentile of
//! a query in milliseconds, rows whose score was computed, and the share of hits that exact search finds too. Then the same for
//! batches. The index is made in DIRECTORY, if there is none, and stays there.

use std::path::Path;
use std::time::Instant;

use crate::{Way, recall, search};
use anyhow::{Context, Result};
use gallerist::vectors::VectorFile;
use gallerist_index::{Answer, Certificate, Durability, Hit, Index, Options, Row, View};
use serde_json::json;

const WAYS: [&str; 5] = ["exact", "scan", "scan:1e-3", "scan:1e-2", "auto"];

/// Runs it with what follows its name on the command line.
///
/// # Errors
/// A file is missing or not what it should be, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY GALLERY.npy PROBES.npy");
    let number = |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (k, batch) = (number(3, 10)?, number(4, 16)?);
    let mut probes = VectorFile::open(path(2)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;
    let probes: Vec<&[f32]> = probes.iter().map(|probe| probe.as_slice()).collect();
    let directory = path(0)?;
    let index = if directory.exists() { Index::open(directory)? } else { build(directory, path(1)?)? };
    let view = index.view();
    println!(
        "{}",
        json!({ "rows": view.len(), "segments": index.stats().segments, "bytes": index.stats().bytes })
    );

    let mut expected: Option<Vec<Vec<Hit>>> = None;
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        for name in WAYS {
            let way = Way::parse(name)?;
            let first = pool.install(|| ask(&view, probes[0], way, k))?; // verifies what is touched
            if way.miss.is_some() && first.certificate == Certificate::Exact {
                continue; // as without it
            }
            let mut times = Vec::with_capacity(probes.len());
            let mut answers = Vec::with_capacity(probes.len());
            for probe in &probes {
                let started = Instant::now();
                answers.push(pool.install(|| ask(&view, probe, way, k))?);
                times.push(started.elapsed().as_secs_f64() * 1e3);
            }
            let seconds = times.iter().sum::<f64>() / 1e3;
            times.sort_by(f64::total_cmp);
            let expected = expected.get_or_insert_with(|| answers.iter().map(|a| a.hits.clone()).collect());
            let rescored: u64 = answers.iter().map(|answer| answer.rescored).sum();
            println!(
                "{}",
                json!({
                    "way": name, "threads": threads, "queries_per_second": probes.len() as f64 / seconds,
                    "median_ms": times[times.len() / 2], "p99_ms": times[times.len() * 99 / 100],
                    "rescored": rescored / probes.len() as u64, "recall": recall(expected.iter().zip(&answers).map(|(one, other)| (&one[..], &other.hits[..]))),
                    "certificate": format!("{:?}", answers[0].certificate),
                })
            );
        }
        for name in &WAYS[..3] {
            let way = Way::parse(name)?;
            let started = Instant::now();
            for probes in probes.chunks(batch) {
                pool.install(|| search!(view.batch(probes)?, way).top_k(k))?;
            }
            let each = started.elapsed().as_secs_f64() * 1e3 / probes.len() as f64;
            println!("{}", json!({ "way": name, "threads": threads, "batch": batch, "ms_each": each }));
        }
    }
    Ok(())
}

fn build(directory: &Path, gallery: &Path) -> Result<Index> {
    let mut gallery = VectorFile::open(gallery)?;
    let index = Index::create(directory, Options::new(gallery.dimension))?;
    let started = Instant::now();
    for first in (0..gallery.rows).step_by(8192) {
        let templates = gallery.templates(first, 8192)?;
        let rows: Vec<Row<'_>> = (first..)
            .zip(&templates)
            .map(|(id, template)| Row { id, group: id, vector: template.as_slice() })
            .collect();
        index.insert_with(&rows, Durability::Bulk)?;
    }
    index.seal()?;
    let sealed = started.elapsed().as_secs_f64();
    index.compact()?;
    println!("{}", json!({ "sealed_seconds": sealed, "compacted_seconds": started.elapsed().as_secs_f64() }));
    Ok(index)
}

fn ask(view: &View, probe: &[f32], way: Way, k: usize) -> Result<Answer, gallerist_index::Error> {
    search!(view.query(probe)?, way).top_k(k)
}
