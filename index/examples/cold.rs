//! What searches read from disk.
//!
//! `cargo run --release -p gallerist-index --example cold -- DIRECTORY PROBES.npy MODE`
//!
//! With files that are not in the system's cache (see `bench/results/cold.txt`), and `exact`, `scan` or the width of a beam. Does a top-10
//! search with the next probe whenever it reads a line, and prints what it took: milliseconds, bytes read, page faults that had to wait
//! for a disk, rows scored.

#![allow(clippy::print_stdout)]

use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use gallerist_index::{Index, Mode};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, probes, mode] = &arguments[..] else { return Err("DIRECTORY PROBES.npy MODE".into()) };
    let mode = match mode.as_str() {
        "exact" => Mode::Exact,
        "scan" => Mode::Scan,
        width => Mode::Graph { width: width.parse()? },
    };
    let probes = fs::read(probes)?;
    let header = 10 + usize::from(u16::from_le_bytes([probes[8], probes[9]]));
    let numbers = probes[header..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let numbers: Vec<f32> = numbers.collect();
    let before = Usage::now()?;
    let index = Index::open(Path::new(directory))?;
    before.say("open", 0)?;
    let view = index.view();
    let lines = std::io::stdin().lock().lines();
    for (line, probe) in lines.zip(numbers.chunks_exact(index.options().dimension).cycle()) {
        line?;
        let before = Usage::now()?;
        let answer = view.query(probe)?.mode(mode).top_k(10)?;
        before.say("search", answer.rescored)?;
    }
    Ok(())
}

struct Usage {
    at: Instant,
    read: u64,
    waits: u64,
}

impl Usage {
    fn now() -> Result<Self, Failure> {
        let (io, stat) = (fs::read_to_string("/proc/self/io")?, fs::read_to_string("/proc/self/stat")?);
        let read = io.lines().find_map(|line| line.strip_prefix("read_bytes: ")).ok_or("no read_bytes")?;
        // The tenth after the name in brackets.
        let after = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(9));
        Ok(Self { at: Instant::now(), read: read.parse()?, waits: after.ok_or("no faults")?.parse()? })
    }

    fn say(&self, what: &str, scored: u64) -> Result<(), Failure> {
        let now = Self::now()?;
        println!(
            "{{\"what\": \"{what}\", \"ms\": {:.2}, \"read_bytes\": {}, \"waits\": {}, \"scored\": {scored}}}",
            (now.at - self.at).as_secs_f64() * 1e3,
            now.read - self.read,
            now.waits - self.waits,
        );
        Ok(())
    }
}
