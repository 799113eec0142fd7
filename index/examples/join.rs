//! All pairs of rows that score at least a threshold.
//!
//! `cargo run --release -p gallerist-index --example join -- DIRECTORY ROWS.npy ROWS THRESHOLD [THREADS [PAIRS]]`
//!
//! Makes an index of the first rows of the file in DIRECTORY if there is none; row numbers are ids. Joins it, and prints a JSON line with
//! the seconds, pairs and counters, and the largest resident memory of the process in KiB (Linux). Writes the pairs to PAIRS, if that is
//! given: for each two numbers of 32 bits and an f32, little-endian, in no particular order.

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use gallerist_index::{Durability, GraphOptions, Index, Options, Row};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, rows, count, threshold, more @ ..] = &arguments[..] else {
        return Err("DIRECTORY ROWS.npy ROWS THRESHOLD [THREADS [PAIRS]]".into());
    };
    let directory = Path::new(directory);
    let index =
        if directory.exists() { Index::open(directory)? } else { build(directory, rows, count.parse()?)? };
    let threads = more.first().map_or(Ok(2), |text| text.parse())?;
    let mut out = more.get(1).map(File::create).transpose()?.map(BufWriter::new);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let view = index.view();
    let (threshold, mut failed) = (threshold.parse()?, None);
    let (start, before) = (Instant::now(), worked()?);
    let report = pool.install(|| {
        view.join(threshold).run(|pairs| {
            let written = out.as_mut().map_or(Ok(()), |out| {
                pairs.iter().try_for_each(|pair| {
                    let [one, other] = pair.ids.map(|id| (id as u32).to_le_bytes());
                    out.write_all(&one)?;
                    out.write_all(&other)?;
                    out.write_all(&pair.score.to_le_bytes())
                })
            });
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })
    });
    let (seconds, worked) = (start.elapsed().as_secs_f64(), worked()? - before);
    failed.map_or(Ok(()), Err)?;
    out.map_or(Ok(()), |mut out| out.flush())?;
    let report = report?;
    println!(
        "{{\"system\": \"gallerist\", \"rows\": {}, \"threshold\": {threshold}, \"threads\": {threads}, \"seconds\": {seconds:.2}, \"cpu_seconds\": {worked:.2}, \
         \"pairs\": {}, \"compared\": {}, \"rescored\": {}, \"peak_kib\": {}}}",
        view.len(),
        report.pairs,
        report.compared,
        report.rescored,
        peak()?
    );
    Ok(())
}

/// Makes an index of the first rows of a `.npy` file of f32.
fn build(directory: &Path, file: &str, count: usize) -> Result<Index, Failure> {
    let bytes = fs::read(file)?;
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..header]);
    let shape = text.split_once("'shape': (").and_then(|(_, rest)| rest.split_once(')')).ok_or("no shape")?.0;
    let dimension: usize = shape.split(',').nth(1).ok_or("one dimension")?.trim().parse()?;
    let index = Index::create(directory, Options::new(dimension).graph(GraphOptions::NEVER))?;
    let numbers: Vec<f32> = bytes[header..]
        .as_chunks::<4>()
        .0
        .iter()
        .take(count * dimension)
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    for (block, vectors) in numbers.chunks(8192 * dimension).enumerate() {
        let rows: Vec<Row<'_>> = (8192 * block as u64..)
            .zip(vectors.chunks_exact(dimension))
            .map(|(id, vector)| Row { id, group: id, vector })
            .collect();
        index.insert_with(&rows, Durability::Bulk)?;
    }
    index.seal()?;
    index.compact()?;
    Ok(index)
}

/// Seconds that processors have worked for this process.
fn worked() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit(')').next().ok_or("no fields")?.split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// Largest resident memory so far, in KiB.
fn peak() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
