//! Complete searches of several indexes in turn, so that other work on the machine slows all of them alike.
//!
//! `cargo run --release -p gallerist-index --example turns -- ROUNDS DIRECTORY PROBES.npy [DIRECTORY PROBES.npy ...]`
//!
//! In each round 32 probes from all over the file ask for the top 10 of each index, one by one and in batches of 16. Prints a JSON line for
//! each index and number of threads: milliseconds of a query, and those that processors worked on it, on average over a round. Linux counts
//! the latter in `/proc`.

#![allow(clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::time::Instant;

use gallerist_index::{Index, Mode};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PROBES: usize = 32;
const BATCH: usize = 16;
const K: usize = 10;

/// An index, with the milliseconds that its queries took.
struct Subject {
    name: String,
    index: Index,
    probes: Vec<f32>,
    single: Times,
    batched: Times,
}

#[derive(Default)]
struct Times {
    /// Of each call, for one of its queries.
    passed: Vec<f64>,
    /// Of processors, the mean of a round.
    worked: Vec<f64>,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, named) = arguments.split_first().ok_or("ROUNDS DIRECTORY PROBES.npy")?;
    let rounds: usize = rounds.parse()?;
    let mut subjects: Vec<Subject> =
        named.as_chunks::<2>().0.iter().map(Subject::open).collect::<Result<_, _>>()?;
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        // The first round verifies what it reads.
        for round in 0..=rounds {
            for subject in &mut subjects {
                if round == 1 {
                    (subject.single, subject.batched) = Default::default();
                }
                pool.install(|| subject.ask(round))?;
            }
        }
        subjects.iter().for_each(|subject| subject.say(threads));
    }
    Ok(())
}

impl Subject {
    fn open([directory, probes]: &[String; 2]) -> Result<Self, Failure> {
        let probes = fs::read(probes)?;
        let header = 10 + usize::from(u16::from_le_bytes([probes[8], probes[9]]));
        let numbers = probes[header..].as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let (index, probes) = (Index::open(Path::new(directory))?, numbers.collect());
        let (single, batched) = Default::default();
        Ok(Self { name: directory.clone(), index, probes, single, batched })
    }

    fn ask(&mut self, round: usize) -> Result<(), Failure> {
        let view = self.index.view();
        let all: Vec<&[f32]> = self.probes.chunks_exact(self.index.options().dimension).collect();
        // A step that shares no factor with round numbers of probes.
        let probes: Vec<&[f32]> = (0..PROBES).map(|at| all[(round * PROBES + at) * 97 % all.len()]).collect();
        self.single.add(&probes, 1, |probe| {
            view.query(probe[0])?.mode(Mode::Scan).top_k(K)?;
            Ok(())
        })?;
        self.batched.add(&probes, BATCH, |probes| {
            view.batch(probes)?.mode(Mode::Scan).top_k(K)?;
            Ok(())
        })
    }

    fn say(&self, threads: usize) {
        let (name, rows, bytes) = (&self.name, self.index.view().len(), self.index.stats().bytes);
        let (one, each) = (self.single.summary(), self.batched.summary());
        println!(
            "{{\"index\": \"{name}\", \"rows\": {rows}, \"bytes\": {bytes}, \"threads\": {threads}, \"one\": {one}, \
             \"batch_{BATCH}_each\": {each}}}"
        );
    }
}

impl Times {
    fn add(
        &mut self,
        probes: &[&[f32]],
        together: usize,
        ask: impl Fn(&[&[f32]]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = worked()?;
        for some in probes.chunks(together) {
            let started = Instant::now();
            ask(some)?;
            self.passed.push(started.elapsed().as_secs_f64() * 1e3 / some.len() as f64);
        }
        self.worked.push((worked()? - before) as f64 / 1e6 / probes.len() as f64);
        Ok(())
    }

    fn summary(&self) -> String {
        let part = |times: &[f64], part: f64| {
            let mut times = times.to_vec();
            times.sort_by(f64::total_cmp);
            times.get((times.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN)
        };
        format!(
            "{{\"median_ms\": {:.3}, \"p99_ms\": {:.3}, \"processor_ms\": {:.3}, \"processor_quickest_ms\": {:.3}}}",
            part(&self.passed, 0.5),
            part(&self.passed, 0.99),
            part(&self.worked, 0.5),
            part(&self.worked, 0.0),
        )
    }
}

/// Nanoseconds that processors worked for this process.
fn worked() -> Result<u64, Failure> {
    let mut worked = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let stat = fs::read_to_string(task?.path().join("schedstat"))?;
        worked += stat.split_whitespace().next().ok_or("no schedstat")?.parse::<u64>()?;
    }
    Ok(worked)
}
