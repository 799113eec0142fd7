//! Complete search with codes compared with complete search with vectors, in an index of .npy rows.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- scan DIRECTORY GALLERY.npy PROBES.npy [K] [BATCH]
//! ```
//!
//! Prints one JSON line for the index, then one for each method and number of threads: queries per second, the median and 99th
//! percentile of a query in milliseconds, rows whose score was computed, and the share of hits that exact search finds too. Then the
//! same for batches. Then the same for all rows that score at least as high as 1 % of the best hits of non-mated probes, for non-mated
//! probes: with the best score of all rows, even if it is lower ("range"), and without it ("hits"). The second half of the probes are
//! non-mated. The index is made in DIRECTORY if there is none, and is kept.

use std::path::Path;
use std::time::Instant;

use crate::{Method, recall, search};
use anyhow::{Context, Result};
use gallerist::vectors::VectorFile;
use gallerist_index::{Answer, Durability, Hit, Index, Options, Row, View};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::{Value, json};

const WAYS: [&str; 5] = ["exact", "scan", "scan:1e-3", "scan:1e-2", "auto"];
/// The methods for range searches and batches.
const FEW: [&str; 3] = ["exact", "scan", "scan:1e-3"];

/// The kind of search.
#[derive(Clone, Copy)]
enum Wanted {
    Best(usize),
    /// All rows with at least this score, and the best score of all rows.
    Range(f32),
    /// All rows with at least this score.
    Hits(f32),
}

struct Bench<'a> {
    view: &'a View,
    probes: &'a [&'a [f32]],
    threads: usize,
    pool: ThreadPool,
}

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY GALLERY.npy PROBES.npy");
    let number = |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (k, batch) = (number(3, 10)?, number(4, 16)?);
    let probes = VectorFile::open(path(2)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;
    let probes: Vec<&[f32]> = probes.iter().map(|probe| probe.as_slice()).collect();
    let strangers = &probes[probes.len() / 2..];
    let directory = path(0)?;
    let index = if directory.exists() { Index::open(directory)? } else { build(directory, path(1)?)? };
    let view = index.view();
    println!(
        "{}",
        json!({ "rows": view.len(), "segments": index.stats().segments, "bytes": index.stats().bytes })
    );
    let expected = Bench::new(&view, &probes, 2)?.ask("exact", Wanted::Best(k))?.1;
    let bests = expected[probes.len() / 2..].iter().filter_map(|hits| hits.first().map(|hit| hit.score));
    let mut bests: Vec<f32> = bests.collect();
    bests.sort_by(f32::total_cmp);
    let threshold = bests.get(bests.len() * 99 / 100).copied().context("no non-mated probe has a hit")?;
    println!("{}", json!({ "threshold": threshold }));
    for threads in [1, 2] {
        let bench = Bench::new(&view, &probes, threads)?;
        WAYS.iter().try_for_each(|way| bench.report(way, Wanted::Best(k), Some(&expected)))?;
        FEW.iter().try_for_each(|way| bench.batches(way, Wanted::Best(k), batch))?;
        let bench = Bench::new(&view, strangers, threads)?;
        for wanted in [Wanted::Range(threshold), Wanted::Hits(threshold)] {
            FEW.iter().try_for_each(|way| bench.report(way, wanted, None))?;
            FEW.iter().try_for_each(|way| bench.batches(way, wanted, 2 * batch))?;
        }
    }
    Ok(())
}

impl<'a> Bench<'a> {
    fn new(view: &'a View, probes: &'a [&'a [f32]], threads: usize) -> Result<Self> {
        Ok(Self { view, probes, threads, pool: ThreadPoolBuilder::new().num_threads(threads).build()? })
    }

    /// Queries every probe once. Returns the milliseconds of each, the hits, and a JSON object with other results.
    fn ask(&self, name: &str, wanted: Wanted) -> Result<(Vec<f64>, Vec<Vec<Hit>>, Value)> {
        let way = Method::parse(name)?;
        let answer = |probe: &[f32]| -> Result<Answer> {
            let query = search!(self.view.query(probe)?, way);
            Ok(self.pool.install(|| match wanted {
                Wanted::Best(k) => query.top_k(k),
                Wanted::Range(least) => query.range(least),
                Wanted::Hits(least) => query.hits_only().range(least),
            })?)
        };
        let certificate = answer(self.probes[0])?.certificate; // the first query verifies what it reads
        let (mut times, mut hits, mut rescored) = (Vec::new(), Vec::new(), 0);
        for probe in self.probes {
            let started = Instant::now();
            let answer = answer(probe)?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            rescored += answer.rescored;
            hits.push(answer.hits);
        }
        let rescored = rescored / self.probes.len() as u64;
        Ok((times, hits, json!({ "certificate": format!("{certificate:?}"), "rescored": rescored })))
    }

    fn report(&self, name: &str, wanted: Wanted, expected: Option<&Vec<Vec<Hit>>>) -> Result<()> {
        let (mut times, hits, mut line) = self.ask(name, wanted)?;
        let seconds = times.iter().sum::<f64>() / 1e3;
        times.sort_by(f64::total_cmp);
        line["way"] = json!(name);
        line["wanted"] = wanted.name();
        line["threads"] = json!(self.threads);
        line["queries_per_second"] = json!(times.len() as f64 / seconds);
        line["median_ms"] = json!(times[times.len() / 2]);
        line["p99_ms"] = json!(times[times.len() * 99 / 100]);
        if let Some(expected) = expected {
            line["recall"] =
                json!(recall(expected.iter().zip(&hits).map(|(one, other)| (&one[..], &other[..]))));
        }
        println!("{line}");
        Ok(())
    }

    fn batches(&self, name: &str, wanted: Wanted, batch: usize) -> Result<()> {
        let way = Method::parse(name)?;
        let started = Instant::now();
        for probes in self.probes.chunks(batch) {
            let search = search!(self.view.batch(probes)?, way);
            self.pool.install(|| match wanted {
                Wanted::Best(k) => search.top_k(k),
                Wanted::Range(least) => search.range(least),
                Wanted::Hits(least) => search.hits_only().range(least),
            })?;
        }
        let each = started.elapsed().as_secs_f64() * 1e3 / self.probes.len() as f64;
        let (wanted, threads) = (wanted.name(), self.threads);
        println!(
            "{}",
            json!({ "way": name, "wanted": wanted, "threads": threads, "batch": batch, "ms_each": each })
        );
        Ok(())
    }
}

impl Wanted {
    fn name(self) -> Value {
        match self {
            Self::Best(k) => json!({ "best": k }),
            Self::Range(least) => json!({ "range": least }),
            Self::Hits(least) => json!({ "hits": least }),
        }
    }
}

fn build(directory: &Path, gallery: &Path) -> Result<Index> {
    let gallery = VectorFile::open(gallery)?;
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
