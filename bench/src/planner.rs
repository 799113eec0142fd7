//! Whether `Mode::Auto` takes the quickest way: every way that it compares, timed, for selections and recalls of all kinds.
//!
//! ```text
//! cargo run --release -p gallerist-bench -- planner DIRECTORY PROBES.npy
//! ```
//!
//! Prints one JSON line for each case: for each way what was expected and what a query took (the median, in milliseconds), what auto
//! took, and how many times that is of the quickest. The last line says the worst of these. One thread.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use gallerist::vectors::VectorFile;
use gallerist_index::{Index, Mode, Query, Selection, View};
use serde_json::json;

const K: usize = 10;
/// One in so many rows is selected; 0: no selection.
const SELECTED: [u64; 7] = [0, 2, 10, 100, 1000, 10_000, 100_000];
const RECALLS: [Option<f64>; 5] = [None, Some(0.5), Some(0.8), Some(0.9), Some(0.99)];

/// Runs it with what follows its name on the command line.
///
/// # Errors
/// A file is missing or not what it should be, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let path = |at: usize| arguments.get(at).map(Path::new).context("DIRECTORY PROBES.npy");
    let index = Index::open(path(0)?)?;
    let mut probes = VectorFile::open(path(1)?)?;
    let probes = probes.templates(0, 60.min(usize::try_from(probes.rows)?))?;
    let probes: Vec<&[f32]> = probes.iter().map(|probe| probe.as_slice()).collect();
    let view = index.view();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut worst = 0.0f64;
    for every in SELECTED {
        let selection = (every > 0).then(|| view.select(|id, _| id % every == 0));
        for recall in RECALLS {
            let case = Case { view: &view, selection: selection.as_ref(), recall };
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
}

impl Case<'_> {
    /// By how many times auto is slower than the quickest way.
    fn run(&self, probes: &[&[f32]], every: u64) -> Result<f64> {
        let costs = self.query(probes[0])?.explain();
        let modes: Vec<Mode> = costs.iter().map(|cost| cost.mode).chain([Mode::Auto]).collect();
        let mut times = vec![Vec::new(); modes.len()];
        for (at, probe) in probes.iter().enumerate() {
            // In turn, so that whatever else the machine does hits all of them, and another one first each time, as what one has read
            // another finds in caches; the first ones verify what is read.
            for way in (0..modes.len()).map(|way| (way + at) % modes.len()) {
                let (mode, times) = (modes[way], &mut times[way]);
                let query = self.query(probe)?.mode(mode);
                let started = Instant::now();
                query.top_k(K)?;
                if at >= 10 {
                    times.push(started.elapsed().as_secs_f64() * 1e3);
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
            json!({ "one_in": every, "recall": self.recall, "auto_ms": auto, "over_best": auto / best, "ways": ways })
        );
        Ok(auto / best)
    }

    fn query<'q>(&'q self, probe: &[f32]) -> Result<Query<'q>> {
        let mut query = self.view.query(probe)?;
        if let Some(selection) = self.selection {
            query = query.among(selection)?;
        }
        Ok(match self.recall {
            Some(recall) => query.recall(recall),
            None => query,
        })
    }
}
