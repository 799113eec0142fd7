//! `cargo run --release -p gallerist-bench -- NAME ARGUMENTS` runs one of the benchmarks. Each is described in the file with its name.

#[path = "../../src/encoder/networks/load.rs"]
mod networks;

use anyhow::{Result, bail};
use gallerist::encoder::Engine;
use gallerist_bench::{accuracy, choices, crops, detectors, graph, growth, load, onnx, peers, planner, scan};

fn main() -> Result<()> {
    Engine::provide(networks::load);
    gallerist::train::provide(networks::learner::new);
    gallerist::session::provide_products(networks::products::new);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, arguments) =
        arguments.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    match name {
        "accuracy" => accuracy::run(arguments),
        "choices" => choices::run(arguments),
        "crops" => crops::run(arguments),
        "detectors" => detectors::run(arguments),
        "graph" => graph::run(arguments),
        "growth" => growth::run(arguments),
        "load" => load::run(arguments),
        "onnx" => onnx::run(arguments),
        "peers" => peers::run(arguments),
        "planner" => planner::run(arguments),
        "scan" => scan::run(arguments),
        _ => bail!(
            "gallerist-bench accuracy|choices|crops|detectors|graph|growth|load|onnx|peers|planner|scan ARGUMENTS"
        ),
    }
}
