//! Benchmarks of Gallerist. The results are committed under `bench/results/`.

#![allow(clippy::print_stdout)]

pub mod accuracy;
pub mod choices;
pub mod crops;
pub mod detectors;
pub mod graph;
pub mod growth;
pub mod load;
pub mod onnx;
pub mod peers;
pub mod planner;
pub mod scan;

use anyhow::{Context, Result};
use gallerist_index::{Hit, Mode};

/// A search method.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// The mode.
    pub mode: Mode,
    /// The miss probability. `None`: the default of the mode.
    pub miss: Option<f64>,
}

impl Method {
    /// Parses a method: `exact`, `auto`, `scan`, `scan:1e-3` with a miss probability, or the beam width of a graph search.
    ///
    /// # Errors
    /// The text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let way = |mode| Self { mode, miss: None };
        Ok(match text.split_once(':') {
            Some(("scan", miss)) => Self { miss: Some(miss.parse()?), ..way(Mode::Scan) },
            _ if text == "exact" => way(Mode::Exact),
            _ if text == "auto" => way(Mode::Auto),
            _ if text == "scan" => way(Mode::Scan),
            _ => way(Mode::Graph { width: text.parse().context("exact, auto, scan, scan:MISS or a width")? }),
        })
    }
}

/// Runs a [`Query`](gallerist_index::Query) or a [`Batch`](gallerist_index::Batch) with a method.
#[macro_export]
macro_rules! search {
    ($search:expr, $way:expr) => {{
        let search = $search.mode($way.mode);
        match $way.miss {
            Some(miss) => search.miss(miss),
            None => search,
        }
    }};
}

/// The share of the expected hits, of one or more searches, that were found. `None` if none are expected.
pub fn recall<'a>(searches: impl IntoIterator<Item = (&'a [Hit], &'a [Hit])>) -> Option<f64> {
    let (mut found, mut all) = (0, 0);
    for (expected, hits) in searches {
        found += expected.iter().filter(|hit| hits.contains(hit)).count();
        all += expected.len();
    }
    (all > 0).then(|| found as f64 / all as f64)
}
