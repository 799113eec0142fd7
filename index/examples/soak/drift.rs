//! What is measured after each interval, and whether it grows.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::Failure;
use crate::work::Counts;

/// One interval.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub seconds: u64,
    pub rows: u64,
    pub counts: Counts,
    pub recall: f64,
    pub found_itself: f64,
    /// Rows of the snapshot before that are still live.
    pub snapshot: u64,
    /// Kilobytes of memory: all, not mapped from files, and mapped.
    pub resident: [u64; 3],
    pub descriptors: u64,
    pub files: u64,
    pub bytes: u64,
}

impl Sample {
    pub fn measure_memory(&mut self) -> Result<(), Failure> {
        let status = fs::read_to_string("/proc/self/status")?;
        let kilobytes = |name: &str| -> Result<u64, Failure> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse()?)
        };
        self.resident = [kilobytes("VmRSS:")?, kilobytes("RssAnon:")?, kilobytes("RssFile:")?];
        Ok(())
    }

    pub fn measure_disk(&mut self, index: &Path) -> Result<(), Failure> {
        self.descriptors = fs::read_dir("/proc/self/fd")?.count() as u64;
        let mut directories = vec![index.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    directories.push(entry.path());
                } else {
                    self.files += 1;
                    self.bytes += entry.metadata()?.len();
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, rows, counts, recall, found_itself, snapshot, .. } = self;
        let Counts { inserted, deleted, searches } = counts;
        let [resident, anonymous, mapped] = self.resident;
        write!(
            f,
            "{{\"seconds\": {seconds}, \"rows\": {rows}, \"inserted\": {inserted}, \"deleted\": {deleted}, \
             \"searches\": {searches}, \"recall\": {recall:.4}, \"found_itself\": {found_itself:.4}, \
             \"restored_rows\": {snapshot}, \"rss_kb\": {resident}, \"rss_anon_kb\": {anonymous}, \
             \"rss_file_kb\": {mapped}, \"descriptors\": {}, \"files\": {}, \"bytes\": {}}}",
            self.descriptors, self.files, self.bytes
        )
    }
}

type Measure = fn(&Sample) -> u64;

/// By how much the median of the last quarter may exceed that of the second: a part of it, and a number besides.
const TOLERATED: [(&str, Measure, f64, u64); 4] = [
    ("rss_anon_kb", |sample| sample.resident[1], 0.10, 8192),
    ("descriptors", |sample| sample.descriptors, 0.0, 1),
    ("files", |sample| sample.files, 0.10, 8),
    ("bytes", |sample| sample.bytes, 0.10, 1 << 20),
];
/// How far recall may fall, from quarter to quarter and at all.
const RECALL: (f64, f64) = (0.01, 0.95);

/// What went up that should stay, and recall if it went down. With few samples only what is wrong in any of them.
pub fn drifts(samples: &[Sample]) -> Vec<String> {
    let mut drifts = Vec::new();
    for sample in samples.iter().filter(|sample| sample.recall < RECALL.1 || sample.found_itself < 0.9) {
        drifts.push(format!("recall {}, {} at {} s", sample.recall, sample.found_itself, sample.seconds));
    }
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return drifts;
    }
    let (second, last) = (&samples[quarter..2 * quarter], &samples[samples.len() - quarter..]);
    for (name, measure, part, more) in TOLERATED {
        let [before, after] = [second, last].map(|samples| median(samples, measure));
        if after > before + (before as f64 * part) as u64 + more {
            drifts.push(format!("{name} went from {before} to {after}"));
        }
    }
    let [before, after] =
        [second, last].map(|samples| median(samples, |sample| (sample.recall * 1e6) as u64) as f64 / 1e6);
    if after < before - RECALL.0 {
        drifts.push(format!("recall went from {before} to {after}"));
    }
    drifts
}

fn median(samples: &[Sample], measure: impl Fn(&Sample) -> u64) -> u64 {
    let mut measured: Vec<u64> = samples.iter().map(measure).collect();
    measured.sort_unstable();
    measured[measured.len() / 2]
}
