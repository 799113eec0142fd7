//! Measures how long single-row inserts take while buffers are sealed.
//!
//! `cargo run --release -p gallerist-index --example stalls -- DIRECTORY [ROWS] [WRITERS] [DIMENSION] [SEAL_ROWS] [group|interval]`
//!
//! DIRECTORY must not exist; it holds the index afterwards. Prints the median, the 99th and 99.9th percentile and the largest
//! latency of an insert of one row, in milliseconds: of all inserts, and of those during which or before which a buffer was
//! full and had no segment yet.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gallerist_index::{Durability, Index, Options, Row};

type Failure = Box<dyn std::error::Error>;

/// Seconds that an insert took, and whether a full buffer waited for its segment when it began or ended.
type Sample = (f64, bool);

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = arguments.first().ok_or("which directory?")?;
    let number = |at: usize, default: usize| -> Result<usize, Failure> {
        Ok(arguments.get(at).map(|text| text.parse()).transpose()?.unwrap_or(default))
    };
    let (rows, writers) = (number(1, 400_000)? as u64, number(2, 4)?);
    let (dimension, seal_rows) = (number(3, 192)?, number(4, 32_768)?);
    let durability = match arguments.get(5).map(String::as_str) {
        None | Some("group") => Durability::Group,
        Some("interval") => Durability::Interval,
        Some(other) => return Err(format!("{other}: group or interval?").into()),
    };
    let pool: Vec<Vec<f32>> = (0..4096).map(|seed| vector(dimension, seed)).collect();
    let index = Index::create(Path::new(directory), Options::new(dimension).seal_rows(seal_rows))?;
    let next = AtomicU64::new(0);
    let started = Instant::now();
    let samples: Vec<Vec<Sample>> = std::thread::scope(|scope| {
        let write = || -> Result<Vec<Sample>, gallerist_index::Error> {
            let mut samples = Vec::new();
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id >= rows {
                    return Ok(samples);
                }
                let row = Row { id, group: id, vector: &pool[id as usize % pool.len()] };
                let (before, began) = (index.waiting_buffers(), Instant::now());
                index.insert_with(&[row], durability)?;
                let took = began.elapsed().as_secs_f64();
                samples.push((took, before + index.waiting_buffers() > 0));
            }
        };
        let threads: Vec<_> = (0..writers).map(|_| scope.spawn(write)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a writer panicked")?.map_err(Failure::from))
            .collect::<Result<_, Failure>>()
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    let stats = index.stats();
    println!(
        "{rows} rows of {dimension} numbers, {writers} writers, {durability:?}, buffers of {seal_rows} rows"
    );
    println!(
        "{:.0} rows a second; {} segments, {} rows in buffers; {} MiB of memory at most",
        rows as f64 / elapsed,
        stats.segments,
        stats.buffered_rows,
        peak()
    );
    let all: Vec<Sample> = samples.concat();
    report("all inserts", all.iter().map(|sample| sample.0));
    report("while sealing", all.iter().filter(|sample| sample.1).map(|sample| sample.0));
    index.close()?;
    Ok(())
}

fn report(what: &str, seconds: impl Iterator<Item = f64>) {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (seconds.len() as f64 * share) as usize;
        seconds.get(place.min(seconds.len().saturating_sub(1))).map_or(0.0, |seconds| seconds * 1e3)
    };
    println!(
        "{what:14} {:8} inserts  p50 {:7.2}  p99 {:7.2}  p99.9 {:7.2}  max {:7.2} ms",
        seconds.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

/// A unit vector that depends on nothing but its arguments.
fn vector(dimension: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let numbers: Vec<f32> = (0..dimension)
        .map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    let norm = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / norm).collect()
}

/// The largest resident memory of this process, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
