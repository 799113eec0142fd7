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
            if one.interval[side] == 0.0 || next.interval[side] == 0.0 {
                return 0.0; // the tail may end before
            }
            let far = |point: &Point| (point.interval[side] / point.share).ln();
            (share.ln() + far(&one) + part * (far(&next) - far(&one))).exp()
        };
        [end(0), end(1).min(1.0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(share: f64, low: f64, high: f64) -> Point {
        Point { share, interval: [low, high] }
    }

    #[test]
    fn between_points_ends_are_as_far_as_between_those_of_the_points() {
        let curve = Curve(vec![point(0.1, 0.05, 0.2), point(0.001, 0.0001, 0.008)]);
        let close = |share: f64, expected: [f64; 2]| {
            let got = curve.interval(share);
            let near = got.iter().zip(expected).all(|(got, expected)| (got / expected - 1.0).abs() < 1e-9);
            assert!(near, "{share}: {got:?}, expected {expected:?}");
        };
        close(0.1, [0.05, 0.2]);
        close(0.001, [0.0001, 0.008]);
        // Half way in the logarithm: a factor of the root of 2 times 10 down, of 2 times 8 up.
        close(0.01, [0.01 / f64::sqrt(20.0), 0.01 * f64::sqrt(16.0)]);
        // Beyond the last as far as there, before the first as there.
        close(0.0001, [0.00001, 0.0008]);
        close(0.5, [0.05, 0.2]);
        let ending = Curve(vec![point(0.1, 0.05, 0.2), point(0.001, 0.0, 0.008)]);
        assert_eq!(ending.interval(0.01)[0], 0.0);
    }

    #[test]
    fn it_agrees_with_the_tail_between_its_points() {
        let maxima: Vec<f32> =
            (0..1000).map(|rank| (0.4 - 0.05 * ((f64::from(rank) + 0.5) / 1000.0).ln()) as f32).collect();
        let tail = Tail::fit(&maxima, 1.0).unwrap();
        let curve = Curve::of(&tail, &maxima, 1.0, 1e-4);
        for share in [0.07, 0.013, 0.0017, 0.00023] {
            let [got, exact] = [curve.interval(share), tail.interval(tail.score(share), &maxima, 1.0)];
            for (got, exact) in got.into_iter().zip(exact) {
                assert!((got / exact).ln().abs() < 0.15, "{share}: {got}, exact {exact}");
            }
        }
    }

    #[test]
    fn without_a_tail_nothing_is_known() {
        assert_eq!(Curve::default().interval(0.01), [0.0, 1.0]);
    }
}
