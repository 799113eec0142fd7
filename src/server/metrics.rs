//! Counters and histograms of a server, as text in Prometheus's format.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Buckets for each doubling of a duration. A quantile is exact within 9 %.
const PER_DOUBLING: u32 = 8;
/// Shortest distinguished duration, in microseconds.
const SHORTEST: f64 = 10.0;
/// Buckets up to `10 us * 2^(BUCKETS / 8)`, which is 43 seconds.
const BUCKETS: usize = 176;

/// The steps of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting.
    Queue,
    /// Decoding of a photo.
    Decode,
    /// Detection, alignment and quality.
    Detect,
    /// Encoding.
    Encode,
    /// Searching.
    Search,
    /// Writing.
    Write,
    /// The whole request, from its head to its reply.
    Total,
}

impl Stage {
    /// All steps.
    pub const ALL: [Self; 7] =
        [Self::Queue, Self::Decode, Self::Detect, Self::Encode, Self::Search, Self::Write, Self::Total];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Decode => "decode",
            Self::Detect => "detect",
            Self::Encode => "encode",
            Self::Search => "search",
            Self::Write => "write",
            Self::Total => "total",
        }
    }
}

/// A histogram of durations, in buckets of equal ratio.
pub struct Histogram {
    buckets: Vec<AtomicU64>,
    microseconds: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..=BUCKETS).map(|_| AtomicU64::new(0)).collect(), microseconds: AtomicU64::new(0) }
    }
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&self, duration: Duration) {
        let microseconds = duration.as_secs_f64() * 1e6;
        let doublings = (microseconds / SHORTEST).max(1.0).log2();
        let bucket = ((doublings * f64::from(PER_DOUBLING)) as usize).min(BUCKETS);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds as u64, Ordering::Relaxed);
    }

    /// Number of counted durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The duration that a share `quantile` of all durations does not exceed, in seconds; 0 if there is none.
    pub fn quantile(&self, quantile: f64) -> f64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let wanted = (counts.iter().sum::<u64>() as f64 * quantile).ceil().max(1.0);
        let mut below = 0;
        for (bucket, count) in counts.into_iter().enumerate() {
            below += count;
            if below as f64 >= wanted {
                return upper(bucket);
            }
        }
        0.0
    }

    /// Appends the histogram in Prometheus's format, with a bucket per doubling.
    fn write(&self, text: &mut String, name: &str, label: &str) {
        let mut below = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            below += count.load(Ordering::Relaxed);
            if (bucket + 1) % PER_DOUBLING as usize == 0 {
                let bound = upper(bucket);
                let _ = writeln!(text, "{name}_bucket{{{label},le=\"{bound:.6}\"}} {below}");
            }
        }
        let seconds = self.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(text, "{name}_bucket{{{label},le=\"+Inf\"}} {below}");
        let _ = writeln!(text, "{name}_sum{{{label}}} {seconds}\n{name}_count{{{label}}} {below}");
    }
}

/// The upper bound of a bucket, in seconds.
fn upper(bucket: usize) -> f64 {
    SHORTEST * ((bucket + 1) as f64 / f64::from(PER_DOUBLING)).exp2() / 1e6
}

/// The results of requests by status.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counters and histograms of a server.
pub struct Metrics {
    started: Instant,
    stages: [Histogram; Stage::ALL.len()],
    replies: [AtomicU64; CLASSES.len()],
    /// Requests that were refused because too many were waiting.
    pub overloaded: AtomicU64,
    /// Open connections.
    pub connections: AtomicU64,
    /// Requests in progress.
    pub in_flight: AtomicU64,
    /// Probes that were searched for.
    pub probes: AtomicU64,
    /// Passes over a gallery. `probes / passes` is the mean size of a batch.
    pub passes: AtomicU64,
    /// Templates that were added.
    pub enrolled: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            stages: std::array::from_fn(|_| Histogram::default()),
            replies: std::array::from_fn(|_| AtomicU64::new(0)),
            overloaded: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            passes: AtomicU64::new(0),
            enrolled: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// The histogram of a step.
    pub fn stage(&self, stage: Stage) -> &Histogram {
        &self.stages[stage as usize]
    }

    /// Counts a reply with this status.
    pub fn count_reply(&self, status: u16) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.replies[class].fetch_add(1, Ordering::Relaxed);
    }

    /// Number of replies by the first digit of their status: 2, 3, 4, 5.
    pub fn replies(&self) -> [u64; 4] {
        self.replies.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// The metrics as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let seconds = self.uptime().as_secs_f64();
        let _ =
            writeln!(text, "# TYPE gallerist_uptime_seconds gauge\ngallerist_uptime_seconds {seconds:.1}");
        text += "# TYPE gallerist_replies_total counter\n";
        for (class, count) in CLASSES.iter().zip(self.replies()) {
            let _ = writeln!(text, "gallerist_replies_total{{status=\"{class}\"}} {count}");
        }
        let counters = [
            ("overloaded_total", "counter", &self.overloaded),
            ("probes_total", "counter", &self.probes),
            ("passes_total", "counter", &self.passes),
            ("enrolled_total", "counter", &self.enrolled),
            ("connections", "gauge", &self.connections),
            ("requests_in_flight", "gauge", &self.in_flight),
        ];
        for (name, kind, value) in counters {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(text, "# TYPE gallerist_{name} {kind}\ngallerist_{name} {value}");
        }
        text += "# TYPE gallerist_stage_seconds histogram\n";
        for stage in Stage::ALL {
            let label = format!("stage=\"{}\"", stage.name());
            self.stage(stage).write(&mut text, "gallerist_stage_seconds", &label);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|n| histogram.record(Duration::from_micros(n * 100)));
        for (quantile, exact) in [(0.5, 0.05), (0.99, 0.099), (1.0, 0.1)] {
            let ratio = histogram.quantile(quantile) / exact;
            assert!((1.0..1.1).contains(&ratio), "{quantile}: {ratio}");
        }
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
    }

    #[test]
    fn extreme_durations_are_counted() {
        let histogram = Histogram::default();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::from_secs(1_000_000));
        assert_eq!(histogram.count(), 2);
    }

    #[test]
    fn the_text_has_every_stage() {
        let metrics = Metrics::default();
        metrics.stage(Stage::Search).record(Duration::from_millis(1));
        let text = metrics.text();
        assert!(text.contains("gallerist_stage_seconds_count{stage=\"search\"} 1"), "{text}");
        assert!(Stage::ALL.iter().all(|stage| text.contains(&format!("stage=\"{}\"", stage.name()))));
    }
}
