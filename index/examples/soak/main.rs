//! Hours of mixed work on an index whose size stays the same: nothing may grow, and no answer may be wrong.
//!
//! `cargo run --release -p gallerist-index --example soak -- DIRECTORY SECONDS [SEED] [ROWS] [WRITERS] [READERS] [INTERVAL]`
//!
//! Prints a line of JSON for each interval (60 seconds), and ends with 1 if an answer was wrong, a row missing, or if
//! memory, descriptors, files or bytes went up from the second quarter to the last.

#![allow(clippy::print_stdout)]

mod drift;
#[path = "../../src/random.rs"]
mod random;
mod rows;
mod verify;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gallerist_index::{GraphOptions, GraphWhen, Index, Options};

use drift::Sample;
use rows::{BATCH, DIMENSION};
use work::{Counts, Writer};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Soak {
    path: PathBuf,
    snapshot: PathBuf,
    restored: PathBuf,
    rows: u64,
    readers: u64,
    interval: Duration,
    seed: u64,
    writers: Vec<Writer>,
    samples: Vec<Sample>,
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let directory = Path::new(arguments.first().ok_or("which directory?")?);
    let number = |at: usize, default: u64| -> Result<u64, Failure> {
        Ok(arguments.get(at).map(|text| text.parse()).transpose()?.unwrap_or(default))
    };
    let (seconds, seed, rows) = (number(1, 3600)?, number(2, 1)?, number(3, 50_000)?);
    let (writers, readers, interval) = (number(4, 1)?, number(5, 1)?, number(6, 60)?);
    fs::create_dir_all(directory)?;
    let [path, snapshot, restored] = ["index", "snapshot", "restored"].map(|name| directory.join(name));
    // A narrow beam, so that the machine has time for more than building graphs.
    let graph = GraphOptions { when: GraphWhen::Always, build_width: 100, ..GraphOptions::NEVER };
    let options = Options::new(DIMENSION).seal_rows((rows / 40).max(BATCH) as usize).graph(graph);
    let index = Index::create(&path, options)?;
    let mut soak = Soak {
        path,
        snapshot,
        restored,
        rows,
        readers,
        interval: Duration::from_secs(interval),
        seed,
        writers: (0..writers).map(|number| Writer::new(seed, number, writers, rows)).collect(),
        samples: Vec::new(),
    };
    soak.writers.iter_mut().try_for_each(|writer| writer.fill(&index))?;
    soak.run(index, Duration::from_secs(seconds))?;
    let drifts = drift::drifts(&soak.samples);
    drifts.iter().for_each(|drift| println!("{{\"drift\": \"{drift}\"}}"));
    Ok(if drifts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Soak {
    fn run(&mut self, mut index: Index, time: Duration) -> Result<(), Failure> {
        let started = Instant::now();
        for round in 0.. {
            let mut sample = self.work(&index, round)?;
            // While the index is open and warm.
            sample.measure_memory()?;
            verify::view(&index.view(), &self.writers)?;
            sample.snapshot = self.copies(&index, round)?;
            match round % 4 {
                1 => drop(index.compact()?),
                3 => drop(index.purge()?),
                _ => {}
            }
            index.close()?;
            let report = Index::check_at(&self.path)?;
            if !report.is_clean() || !report.unknown.is_empty() {
                return Err(format!("round {round}: {report:?}").into());
            }
            index = Index::open(&self.path)?;
            let view = index.view();
            verify::view(&view, &self.writers)?;
            let mut random = rows::Random(self.seed ^ round << 20);
            (sample.recall, sample.found_itself) = verify::searches(&view, &mut random, 60)?;
            sample.measure_disk(&self.path)?;
            sample.seconds = started.elapsed().as_secs();
            println!("{sample}");
            self.samples.push(sample);
            if started.elapsed() >= time {
                break;
            }
        }
        Ok(index.close()?)
    }

    /// One interval of writing and reading.
    fn work(&mut self, index: &Index, round: u64) -> Result<Sample, Failure> {
        let done = AtomicBool::new(false);
        let (interval, seed, rows) = (self.interval, self.seed, self.rows);
        // All rows are replaced in five minutes.
        let pause =
            Duration::from_secs_f64(300.0 * self.writers.len() as f64 * BATCH as f64 / (2 * rows) as f64);
        let counts = thread::scope(|scope| -> Result<Counts, Failure> {
            let done = &done;
            let writers: Vec<_> = self
                .writers
                .iter_mut()
                .map(|writer| scope.spawn(move || writer.run(index, pause, done)))
                .collect();
            let readers: Vec<_> = (0..self.readers)
                .map(|reader| scope.spawn(move || work::read(index, seed ^ round << 16 ^ reader, done)))
                .collect();
            let ends = Instant::now() + interval;
            while Instant::now() < ends && !done.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(100));
            }
            done.store(true, Ordering::Relaxed);
            let mut total = Counts::default();
            for thread in writers.into_iter().chain(readers) {
                total += thread.join().map_err(|_| "a thread panicked")??;
            }
            Ok(total)
        })?;
        let live = self.writers.iter().map(|writer| writer.live_rows()).sum();
        Ok(Sample { rows: live, counts, ..Sample::default() })
    }

    /// Takes a snapshot, puts the one of the round before back without what was deleted since, and verifies both.
    fn copies(&self, index: &Index, round: u64) -> Result<u64, Failure> {
        let mut rows = 0;
        if round > 0 {
            rows = Index::restore(&self.snapshot, &self.restored, Some(&index.erasures()?))?.rows;
            let restored = Index::open(&self.restored)?;
            verify::no_more_than(&restored.view(), &self.writers)?;
            restored.close()?;
            fs::remove_dir_all(&self.restored)?;
            fs::remove_dir_all(&self.snapshot)?;
        }
        index.snapshot(&self.snapshot)?;
        let report = Index::check_at(&self.snapshot)?;
        match report.is_clean() {
            true => Ok(rows),
            false => Err(format!("round {round}: the snapshot: {report:?}").into()),
        }
    }
}
