//! What opening an index takes: time, and memory before and after the first search.
//!
//! `cargo run --release -p gallerist-index --example opening -- DIRECTORY`
//!
//! In a process of its own, with files that were read before still in the system's cache.

#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use gallerist_index::Index;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let directory = std::env::args().nth(1).ok_or("which directory?")?;
    let before = memory()?;
    let started = Instant::now();
    let index = Index::open(Path::new(&directory))?;
    let seconds = started.elapsed().as_secs_f64();
    let stats = index.stats();
    let dimension = index.options().dimension;
    println!(
        "{{\"rows\": {}, \"dimension\": {dimension}, \"segments\": {}, \"buffered\": {}, \"bytes\": {}, \"open_ms\": {:.1}}}",
        stats.live_rows,
        stats.segments,
        stats.buffered_rows,
        stats.bytes,
        seconds * 1e3
    );
    say("before opening", before);
    say("after opening", memory()?);
    let probe = vec![1.0 / (dimension as f32).sqrt(); dimension];
    for search in ["first search", "second search"] {
        let started = Instant::now();
        let answer = index.view().query(&probe)?.top_k(10)?;
        let ms = started.elapsed().as_secs_f64() * 1e3;
        println!(
            "{{\"when\": \"{search}\", \"ms\": {ms:.2}, \"certificate\": \"{:?}\"}}",
            answer.certificate
        );
        say(&format!("after the {search}"), memory()?);
    }
    Ok(())
}

/// Resident memory in kilobytes: of the process alone, and mapped from files.
fn memory() -> Result<[u64; 2], Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kilobytes = |name: &str| -> Result<u64, Failure> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok([kilobytes("RssAnon:")?, kilobytes("RssFile:")?])
}

fn say(when: &str, [own, mapped]: [u64; 2]) {
    println!("{{\"when\": \"{when}\", \"own_kb\": {own}, \"mapped_kb\": {mapped}}}");
}
