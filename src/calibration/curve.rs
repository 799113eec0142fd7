//! What a fitted tail says about rare false alarms, computed once: an interval takes a tenth of a second.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Tail;

/// Points of the curve, evenly in the logarithm of the share.
const POINTS: usize = 16;

/// Rates of false alarms with their intervals, from the most frequent to the rarest; empty without a tail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Curve(Vec<Point>);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    share: f64,
    interval: [f64; 2],
}

impl Curve {
    /// From where the tail begins to the share `rarest`.
    pub fn of(tail: &Tail, maxima: &[f32], design: f64, rarest: f64) -> Self {
        let (first, last) = (tail.share.ln(), rarest.min(tail.share / 2.0).ln());
        let points = (0..POINTS).into_par_iter().map(|at| {
            let share = (first + (last - first) * at as f64 / (POINTS - 1) as f64).exp();
            let interval = tail.interval(tail.score(share), maxima, design);
            Point { share, interval: [interval[0].min(share), interval[1].max(share)] }
        });
        Self(points.collect())
    }

    /// The interval of a rate that is estimated as `share`: between points by the logarithms of how far their ends are; beyond the last
    /// as far as there.
    pub fn interval(&self, share: f64) -> [f64; 2] {
        let after = self.0.partition_point(|point| point.share > share);
        let (Some(last), Some(from)) = (self.0.len().checked_sub(1), after.checked_sub(1)) else {
            return self.0.first().map_or([0.0, 1.0], |first| first.interval);
        };
        let [one, next] = [self.0[from], self.0[after.min(last)]];
        let part = if one.share == next.share {
            0.0
        } else {
            (share / one.share).ln() / (next.share / one.share).ln()
        };
        let end = |side: usize| {
            let far = |point: &Point| (point.interval[side].max(1e-300) / point.share).ln();
            (share.ln() + far(&one) + part * (far(&next) - far(&one))).exp()
        };
        [end(0), end(1).min(1.0)]
    }
}
