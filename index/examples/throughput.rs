//! Measures inserting, sealing, opening and searching on this machine.
//!
//! `cargo run --release -p gallerist-index --example throughput -- DIRECTORY [ROWS] [DIMENSION] [BATCH] [SHARDS] [group|each|bulk] [WRITERS]`

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gallerist_index::{Durability, Index, Options, Row};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = arguments.first().ok_or("which directory?")?;
    let number = |at: usize, default: usize| -> Result<usize, Failure> {
        Ok(arguments.get(at).map(|text| text.parse()).transpose()?.unwrap_or(default))
    };
    let (rows, dimension) = (number(1, 1_000_000)?, number(2, 192)?);
    let (batch, shards, writers) = (number(3, 8192)?, number(4, 4)?, number(6, 1)?);
    let durability = match arguments.get(5).map(String::as_str) {
        None | Some("group") => Durability::Group,
        Some("each") => Durability::Each,
        Some("bulk") => Durability::Bulk,
        Some(other) => return Err(format!("{other}: group, each or bulk?").into()),
    };

    let path = Path::new(directory);
    let pool = pool(dimension);
    let index = Index::create(path, Options::new(dimension).shards(shards.try_into()?))?;
    let started = Instant::now();
    insert(&index, &pool, rows, batch, durability, writers)?;
    report("insert", rows, started);
    println!("memory after insert: {} MiB", resident());
    let started = Instant::now();
    index.sync()?;
    println!("sync: {:.3} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    drop(index);
    println!("close: {:.3} s", started.elapsed().as_secs_f64());
    let started = Instant::now();
    let index = Index::open(path)?;
    println!(
        "open, {} rows in buffers: {:.3} s",
        index.stats().buffered_rows,
        started.elapsed().as_secs_f64()
    );
    let started = Instant::now();
    index.seal()?;
    println!("seal: {:.3} s", started.elapsed().as_secs_f64());
    drop(index);

    let before = resident();
    let started = Instant::now();
    let index = Index::open(path)?;
    let elapsed = started.elapsed().as_secs_f64();
    let stats = index.stats();
    println!("open, sealed, {} segments, {} MB: {elapsed:.3} s", stats.segments, stats.bytes / 1_000_000);
    println!("memory by opening: {} MiB", resident().saturating_sub(before));
    search(&index, &pool, dimension)?;
    let started = Instant::now();
    let report = index.check()?;
    println!(
        "check: {:.3} s, {} files, {} problems",
        started.elapsed().as_secs_f64(),
        report.files,
        report.problems.len()
    );
    Ok(())
}

fn insert(
    index: &Index,
    pool: &[Vec<f32>],
    rows: usize,
    batch: usize,
    durability: Durability,
    writers: usize,
) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|_| {
                scope.spawn(|| -> Result<(), gallerist_index::Error> {
                    loop {
                        let start = next.fetch_add(batch, Ordering::Relaxed);
                        if start >= rows {
                            return Ok(());
                        }
                        let given: Vec<Row<'_>> = (start..rows.min(start + batch))
                            .map(|id| Row {
                                id: id as u64,
                                group: id as u64 / 3,
                                vector: &pool[id % pool.len()],
                            })
                            .collect();
                        index.insert_with(&given, durability)?;
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a writer panicked")?.map_err(Failure::from))
    })
}

fn search(index: &Index, pool: &[Vec<f32>], dimension: usize) -> Result<(), Failure> {
    let view = index.view();
    for round in ["first", "second"] {
        let started = Instant::now();
        let answer = view.query(&pool[7])?.top_k(10)?;
        println!(
            "{round} search: {:.1} ms, best {:?}",
            started.elapsed().as_secs_f64() * 1e3,
            answer.max_score
        );
    }
    let rounds = 20;
    let started = Instant::now();
    for probe in &pool[..rounds] {
        view.query(probe)?.top_k(10)?;
    }
    let each = started.elapsed().as_secs_f64() / rounds as f64;
    let bytes = (view.len() * dimension * 4) as f64;
    println!("top_k(10): {:.1} ms, {:.1} GB/s", each * 1e3, bytes / each / 1e9);
    let started = Instant::now();
    for probe in &pool[..rounds] {
        view.query(probe)?.top_groups(10)?;
    }
    println!("top_groups(10): {:.1} ms", started.elapsed().as_secs_f64() / rounds as f64 * 1e3);
    let probes: Vec<&[f32]> = pool[..rounds].iter().map(Vec::as_slice).collect();
    let started = Instant::now();
    view.batch(&probes)?.top_k(10)?;
    println!(
        "top_k(10) in a batch of {rounds}: {:.1} ms each",
        started.elapsed().as_secs_f64() / rounds as f64 * 1e3
    );
    let started = Instant::now();
    for id in 0..100_000u64 {
        let _ = std::hint::black_box(view.get(id * 7919 % view.len() as u64));
    }
    println!("get: {:.2} us", started.elapsed().as_secs_f64() * 10.0);
    Ok(())
}

/// Some unit vectors, made without a random generator.
fn pool(dimension: usize) -> Vec<Vec<f32>> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut vector = || {
        let mut vector: Vec<f32> = (0..dimension).map(|_| next()).collect();
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vector
    };
    (0..16_384).map(|_| vector()).collect()
}

fn report(what: &str, rows: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {seconds:.2} s, {:.0} rows/s", rows as f64 / seconds);
}

/// Memory of this process in MiB that is not mapped from files; 0 where that cannot be told.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
