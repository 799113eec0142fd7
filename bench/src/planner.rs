//! Whether `Mode::Auto` takes the fastest method: times of every method that it compares, for many selections and recall targets.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- planner DIRECTORY PROBES.npy
//! ```
//!
//! Prints one JSON line for each case: for each method the predicted and the measured time of a query (the median, in milliseconds), the
//! time of auto, and its ratio to the fastest. The last line has the largest ratio. One thread. Batches have 16 queries; their times are
//! per query.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use gallerist::vectors::VectorFile;
use gallerist_index::{Cost, Index, Mode, Selection, View};
use serde_json::json;

const K: usize = 10;
/// Searches per case. The first ones verify what is read. After the minimum number, more are run while there is time.
const FIRST: usize = 2;
const LEAST: usize = 10;
const MOST: usize = 80;
const TIME: Duration = Duration::from_millis(280);
/// A slower method, in milliseconds, is not run again after the minimum number of searches.
const TOO_LONG: f64 = 50.0;
const FEW: usize = 3;
/// One in this number of rows is selected; 0: no selection.
const SELECTED: [u64; 8] = [0, 2, 4, 10, 30, 100, 1000, 100_000];
/// Probes per search call.
const TOGETHER: [usize; 2] = [1, 16];
const RECALLS: [Option<f64>; 5] = [None, Some(0.5), Some(0.8), Some(0.9), Some(0.99)];

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY PROBES.npy");
    let index = Index::open(path(0)?)?;
    let probes = VectorFile::open(path(1)?)?;
    let probes = probes.templates(0, usize::try_from(probes.rows)?)?;
    let probes: Vec<&[f32]> = probes.iter().map(|probe| probe.as_slice()).collect();
    let view = index.view();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut worst = 0.0f64;
    for every in SELECTED {
        let selection = (every > 0).then(|| view.select(|id, _| id % every == 0));
        for (together, recall) in TOGETHER.into_iter().flat_map(|n| RECALLS.map(|recall| (n, recall))) {
            let case = Case { view: &view, selection: selection.as_ref(), recall, together };
            let ratio = alone.install(|| case.run(&probes, every))?;
            worst = worst.max(ratio);
        }
    }
    println!("{}", json!({ "rows": view.len(), "worst": worst }));
    Ok(())
}

struct Case<'a> {
    view: &'a View,
    selection: Option<&'a Selection>,
    recall: Option<f64>,
    together: usize,
}

impl Case<'_> {
    /// The ratio of the time of auto to that of the fastest method.
    fn run(&self, probes: &[&[f32]], every: u64) -> Result<f64> {
        let costs = self.search(probes, None)?;
        let modes: Vec<Mode> = costs.iter().map(|cost| cost.mode).chain([Mode::Auto]).collect();
        let mut times = vec![Vec::new(); modes.len()];
        let begun = Instant::now();
        for turn in 0..MOST {
            if turn >= LEAST && begun.elapsed() > TIME {
                break;
            }
            // In turn, so that other work on the machine affects all methods, and each method after itself with other probes, so that it
            // finds its own data in the caches.
            for ((way, mode), times) in modes.iter().enumerate().zip(&mut times) {
                if times.len() >= FEW && times.iter().sum::<f64>() * self.together as f64 > TOO_LONG {
                    continue;
                }
                let some = |at: usize| {
                    let first = (at * self.together) % (probes.len() - self.together);
                    &probes[first..first + self.together]
                };
                let at = turn * modes.len() + way;
                for before in 1..=2 {
                    self.search(some(at + before * MOST), Some(*mode))?;
                }
                let started = Instant::now();
                self.search(some(at), Some(*mode))?;
                if turn >= FIRST {
                    times.push(started.elapsed().as_secs_f64() * 1e3 / self.together as f64);
                }
            }
        }
        let median = |times: &mut Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        let mut medians: Vec<f64> = times.iter_mut().map(median).collect();
        let auto = medians.pop().context("auto is the last")?;
        let best = medians.iter().copied().fold(f64::INFINITY, f64::min);
        let ways: Vec<_> = costs
            .iter()
            .zip(&medians)
            .map(|(cost, took)| {
                json!({ "mode": format!("{:?}", cost.mode), "expected_ms": cost.milliseconds, "ms": took, "chosen": cost.chosen })
            })
            .collect();
        println!(
            "{}",
            json!({ "one_in": every, "together": self.together, "recall": self.recall, "auto_ms": auto, "over_best": auto / best, "ways": ways })
        );
        Ok(auto / best)
    }

    /// Searches with a mode, or returns the predicted costs of the methods.
    fn search(&self, probes: &[&[f32]], mode: Option<Mode>) -> Result<Vec<Cost>> {
        macro_rules! search {
            ($query:expr) => {{
                let mut query = $query;
                if let Some(selection) = self.selection {
                    query = query.among(selection)?;
                }
                if let Some(recall) = self.recall {
                    query = query.recall(recall);
                }
                let Some(mode) = mode else { return Ok(query.explain()) };
                query.mode(mode).top_k(K)?;
            }};
        }
        match self.together {
            1 => search!(self.view.query(probes[0])?),
            together => search!(self.view.batch(&probes[..together])?),
        }
        Ok(Vec::new())
    }
}
