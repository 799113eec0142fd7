//! Scores of strangers in a collection, and the thresholds that follow from them.

use statrs::distribution::{Beta, ContinuousCDF};

use super::graph::Graph;
use super::partition::Partition;

/// Pairs that are drawn to learn the scores of strangers.
const DRAWN: u64 = 400_000;
/// The lowest share of strangers whose score is computed.
const LEAST_SHARE: f64 = 1e-30;
/// The most dimensions that vectors are taken to fill: beyond it a beta distribution is a normal one.
const MOST_DIMENSIONS: f64 = 1e5;
/// The highest threshold: rounding makes the score of equal vectors less than 1.
const HIGHEST: f64 = 0.9999;
/// The most by which the deviation above the centre is taken to exceed that below it. Without mates it is 0.87 to 1.09 times as large,
/// for four models and the faces of LFW; with mates it has no limit.
const MOST_SKEW: f64 = 1.1;
/// Bins of the histogram in which the scores of mates are told from those of strangers, and the bins to each side that smooth one.
const BINS: (usize, usize) = (64, 2);
/// The least height of a mode, as a share of that of the highest one. Fewer mates than that change the threshold little.
const LEAST_MODE: f64 = 0.1;
/// The greatest height between two modes, as a share of that of the lower one.
const VALLEY: f64 = 0.5;
/// The neighbours that make the neighbourhood of a face, counted from the closest. The closest are left out: some show the same person.
const RANKS: std::ops::Range<usize> = 5..30;

/// The scores of two random faces of a collection who are strangers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangers {
    /// Median of the scores.
    pub centre: f64,
    /// Standard deviation above the median, from the scores that two deviations exceed. It is limited by that below the median, because
    /// the scores of mates are above it.
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
        Some(Self::of_scores(&scores, faces))
    }

    /// Learns from ascending scores of pairs. Where a few people have most of the faces, mates are a second mode.
    fn of_scores(scores: &[f32], faces: usize) -> Self {
        let strangers = share_of_strangers(scores);
        let quantile =
            |share: f64| f64::from(scores[((scores.len() - 1) as f64 * strangers * share).round() as usize]);
        let centre = quantile(0.5);
        // Of a normal distribution, 15.87 % lie below its centre minus its deviation, and 2.275 % above two deviations.
        let (below, above) = (centre - quantile(0.158_655), (quantile(0.977_25) - centre) / 2.0);
        Self { centre, deviation: above.min(below * MOST_SKEW).max(1e-6), faces }
    }

    /// The score that, for a face, `expected` strangers of the collection reach: it rises with the number of faces, and stays below 1.
    ///
    /// Vectors have a common part, whose share of their length is the centre, and directions around it. The cosine of two random
    /// directions in `d` dimensions has the deviation `1 / sqrt(d)`, and its half plus a half has a beta distribution. The upper tail of it
    /// is shorter than that of a normal distribution, the more so the fewer dimensions the vectors fill.
    pub fn threshold(&self, expected: f64) -> f64 {
        let share = (expected / self.faces as f64).clamp(LEAST_SHARE, 0.5);
        let rest = (1.0 - self.centre).max(1e-6);
        let dimensions = (rest / self.deviation).powi(2).clamp(2.0, MOST_DIMENSIONS);
        let shape = (dimensions - 1.0) / 2.0;
        // The distribution is symmetric; the lower tail has more digits.
        let below = Beta::new(shape, shape).map_or(0.5, |beta| beta.inverse_cdf(share));
        (self.centre + rest * (1.0 - 2.0 * below)).min(HIGHEST)
    }
}

/// The share of strangers among ascending scores: those below the lowest valley between two modes, or all if there is none.
fn share_of_strangers(scores: &[f32]) -> f64 {
    let (bins, around) = BINS;
    let (Some(&low), Some(&high)) = (scores.first(), scores.last()) else { return 1.0 };
    let width = f64::from(high - low) / bins as f64;
    // With fewer scores in a bin, valleys are chance.
    if scores.len() < bins * bins || width <= 0.0 {
        return 1.0;
    }
    let mut counts = vec![0_usize; bins];
    for score in scores {
        counts[((f64::from(score - low) / width) as usize).min(bins - 1)] += 1;
    }
    let heights: Vec<f64> = (0..bins)
        .map(|at| &counts[at.saturating_sub(around)..(at + around + 1).min(bins)])
        .map(|near| near.iter().sum::<usize>() as f64 / near.len() as f64)
        .collect();
    let highest = |of: &[f64]| of.iter().copied().fold(0.0, f64::max);
    let least = LEAST_MODE * highest(&heights);
    let is_between = |&at: &usize| {
        let lower = highest(&heights[..at]).min(highest(&heights[at..]));
        lower >= least && heights[at] <= VALLEY * lower
    };
    let Some(mut valley) = (0..bins).find(is_between) else { return 1.0 };
    while heights.get(valley + 1).is_some_and(|next| *next <= heights[valley]) {
        valley += 1;
    }
    let end = (valley as f64 + 0.5) * width;
    scores.partition_point(|score| f64::from(score - low) < end) as f64 / scores.len() as f64
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
