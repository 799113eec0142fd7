//! Scores of strangers in a collection, and the thresholds that follow from them.

use statrs::distribution::{ContinuousCDF, Normal};

use super::graph::Graph;
use super::partition::Partition;

/// Pairs that are drawn to learn the scores of strangers.
const DRAWN: u64 = 400_000;
/// The neighbours that make the neighbourhood of a face, counted from the closest. The closest are left out: some show the same person.
const RANKS: std::ops::Range<usize> = 5..30;

/// The scores of two random faces of a collection: nearly always strangers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangers {
    /// Median of the scores.
    pub centre: f64,
    /// Standard deviation, from the scores below the median: those of mates are above it.
    pub deviation: f64,
    /// Number of faces.
    pub faces: usize,
}

impl Strangers {
    /// Learns from pairs of `vectors`, unit vectors of `dimension` numbers. The pairs depend only on the number of faces. `None` if there are
    /// fewer than two faces.
    pub fn of(vectors: &[f32], dimension: usize) -> Option<Self> {
        let faces = vectors.len().checked_div(dimension)?;
        if faces < 2 {
            return None;
        }
        let all = faces as u64 * (faces as u64 - 1) / 2;
        let row = |face: u64| &vectors[face as usize * dimension..][..dimension];
        let mut scores: Vec<f32> = if all <= DRAWN {
            (0..faces as u64)
                .flat_map(|a| (0..a).map(move |b| (a, b)))
                .map(|(a, b)| dot(row(a), row(b)))
                .collect()
        } else {
            // A low-discrepancy sequence (R2): an even sample without a generator.
            let at = |step: u64, factor: f64| ((step as f64 * factor).fract() * faces as f64) as u64;
            (1..=DRAWN)
                .map(|step| (at(step, 0.754_877_666_246_692_7), at(step, 0.569_840_290_998_053_2)))
                .filter(|(a, b)| a != b)
                .map(|(a, b)| dot(row(a), row(b)))
                .collect()
        };
        scores.sort_unstable_by(f32::total_cmp);
        let quantile = |share: f64| f64::from(scores[((scores.len() - 1) as f64 * share) as usize]);
        // 15.87 % of a normal distribution lie below its centre minus its deviation, 2.275 % below two deviations.
        let (one, two) = (quantile(0.5) - quantile(0.158_655), (quantile(0.5) - quantile(0.022_75)) / 2.0);
        Some(Self { centre: quantile(0.5), deviation: one.max(two).max(1e-6), faces })
    }

    /// The score that, for a face, `expected` strangers of the collection reach: it rises with the number of faces.
    pub fn threshold(&self, expected: f64) -> f64 {
        let share = (expected / self.faces as f64).clamp(1e-300, 0.5);
        let normal = Normal::standard();
        self.centre - self.deviation * normal.inverse_cdf(share)
    }
}

/// How similar the closest strangers of each face are: the mean score of the neighbours with ranks 5 to 30 (from 0) among the clusters
/// other than its own, each with the score of its closest face. A face in a crowd of look-alikes, and a bad photo, have a high one.
#[derive(Debug, Clone)]
pub struct Neighbourhoods {
    means: Vec<f32>,
    centre: f32,
}

impl Neighbourhoods {
    /// Learns from a graph and first clusters. The graph has the neighbours of each face with at least the score `least`, or the `most`
    /// closest of them.
    pub fn of(graph: &Graph, partition: &mut Partition, (least, most): (f32, usize)) -> Self {
        let (mut means, mut seen) = (Vec::with_capacity(graph.faces()), Vec::new());
        for face in 0..graph.faces() as u32 {
            let own = partition.find(face);
            seen.clear();
            let (mut sum, mut counted, mut last) = (0.0, 0, least);
            for &(other, score) in graph.neighbours(face) {
                let other = partition.find(other);
                if other == own || seen.contains(&other) {
                    continue;
                }
                if RANKS.contains(&seen.len()) {
                    sum += score;
                    counted += 1;
                    last = score;
                }
                seen.push(other);
                if seen.len() == RANKS.end {
                    break;
                }
            }
            // A list that is full of mates says nothing of strangers. One that is not full has all that are close enough.
            let is_full = graph.neighbours(face).len() >= most;
            let missing = (RANKS.len() - counted) as f32;
            let mean = match is_full {
                true if counted < RANKS.len() / 4 => f32::NAN,
                true => (sum + missing * last) / RANKS.len() as f32,
                false => (sum + missing * least) / RANKS.len() as f32,
            };
            means.push(mean);
        }
        let known: Vec<f64> =
            means.iter().filter(|mean| !mean.is_nan()).map(|&mean| f64::from(mean)).collect();
        let centre =
            if known.is_empty() { 0.0 } else { known.iter().sum::<f64>() / known.len() as f64 } as f32;
        means.iter_mut().filter(|mean| mean.is_nan()).for_each(|mean| *mean = centre);
        Self { means, centre }
    }

    /// By how much the neighbourhood of a face is closer than that of the average face.
    pub fn excess(&self, face: u32) -> f32 {
        self.means[face as usize] - self.centre
    }
}

/// Dot product in 16 partial sums.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (ones, others) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in ones.zip(others) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}
