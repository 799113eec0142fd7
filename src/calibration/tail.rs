//! The upper tail of the best scores of non-mated searches, above what was seen often enough to be counted.
//!
//! Peaks over threshold (Pickands 1975; Coles, An Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4): beyond a
//! high score `u`, the excesses of any usual distribution come close to a generalised Pareto distribution,
//! `P(M > u + y) = p_u (1 + xi y / sigma)^(-1/xi)`. Intervals are by profile likelihood (Coles 2.6.6, 4.3.3).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::univariate::{lowest, root};

/// The share of the searches whose best scores make the tail, if that gives [`FEWEST`].
pub const SHARE: f64 = 0.1;
/// A tail is made of so many scores at least, and these are at most a quarter of all.
pub const FEWEST: usize = 50;
/// And of so many at most: the higher it begins, the closer it is to its limit.
pub const MOST: usize = 500;
/// Shapes that are looked at. Scores are bounded, and the estimate is regular above -0.5 (Smith 1985).
const SHAPES: [f64; 2] = [-0.5, 0.5];
/// A shape above this means that the scores are not those of strangers alone.
pub const HEAVIEST: f64 = 0.1;
/// Half the 95 % and the 90 % quantile of chi-squared with one degree of freedom: how much log-likelihood an interval gives up.
const GIVEN_UP: f64 = 1.920_729;
const GIVEN_UP_ONE_SIDED: f64 = 1.352_772;
/// Samples drawn from the fitted tail to see how well such samples are fitted.
const DRAWN: usize = 199;
/// Below this share of samples that are fitted as badly, the fit is refused.
const BAD: f64 = 0.01;

/// A tail that was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tail {
    /// The score `u` above which it holds.
    pub above: f64,
    /// Excesses that it was fitted to.
    pub excesses: usize,
    /// Share of the searches above `u`.
    pub share: f64,
    /// `xi`: negative where scores have an upper end.
    pub shape: f64,
    /// `sigma`, a difference of cosines.
    pub scale: f64,
    /// Anderson and Darling's statistic of the excesses, and the share of samples from the fitted tail with a greater one
    /// (parametric bootstrap).
    pub fit: [f64; 2],
    /// Whether the shape is above 0.1 beyond doubt (95 %, one-sided): unlabelled mates among the probes, most likely.
    pub heavy: bool,
}

/// Excesses over a score, and how many searches they come from.
struct Sample {
    excesses: Vec<f64>,
    trials: f64,
    /// Searches that count as one.
    design: f64,
    highest: f64,
}

impl Tail {
    /// Fits a tail to `maxima`, the best scores of non-mated searches, in descending order; `None` if they are too few.
    pub fn fit(maxima: &[f32], design: f64) -> Option<Self> {
        let (sample, above) = Sample::of(maxima, design)?;
        let (shape, scale) = sample.best();
        let distance = anderson_darling(&sample.excesses, shape, scale);
        let heavy = shape > HEAVIEST
            && (sample.loss_at_shape(HEAVIEST) - sample.loss(shape, scale)) / design > GIVEN_UP_ONE_SIDED;
        Some(Self {
            above,
            excesses: sample.excesses.len(),
            share: sample.excesses.len() as f64 / maxima.len() as f64,
            shape,
            scale,
            fit: [distance, share_of_worse(distance, shape, scale, sample.excesses.len())],
            heavy,
        })
    }

    /// Whether the tail may be used.
    pub fn is_good(&self) -> bool {
        !self.heavy && self.fit[1] >= BAD
    }

    /// Share of searches whose best score is `score` or more; at most [`Self::share`].
    pub fn beyond(&self, score: f64) -> f64 {
        let excess = (score - self.above).max(0.0);
        self.share * survival(excess, self.shape, self.scale)
    }

    /// The score that this share of the searches, at most [`Self::share`], reaches.
    pub fn score(&self, share: f64) -> f64 {
        let ratio = (share / self.share).min(1.0);
        let excess = if self.shape.abs() < 1e-9 {
            -self.scale * ratio.ln()
        } else {
            self.scale / self.shape * (ratio.powf(-self.shape) - 1.0)
        };
        self.above + excess
    }

    /// The 95 % profile-likelihood interval for the share of searches whose best score reaches `score`, which must lie above
    /// [`Self::above`]. `maxima` and `design` are those of the fit.
    pub fn interval(&self, score: f64, maxima: &[f32], design: f64) -> [f64; 2] {
        let Some((sample, _)) = Sample::of(maxima, design) else { return [0.0, 1.0] };
        let excess = score - self.above;
        if excess <= 0.0 {
            return super::binomial::interval(self.share * sample.trials / design, sample.trials / design);
        }
        let best = self.beyond(score).max(1e-300);
        let lowest_loss = sample.profile(best, excess);
        let beyond = |log: f64| sample.profile(log.exp(), excess) - lowest_loss - GIVEN_UP;
        let middle = best.ln();
        let low = root(&beyond, middle, |step| middle - step, 60.0);
        let high = root(&beyond, middle, |step| (middle + step).min(self.share.ln() + 0.7), 60.0);
        [low.map_or(0.0, f64::exp), high.map_or(1.0, f64::exp).min(1.0)]
    }
}

impl Sample {
    fn of(maxima: &[f32], design: f64) -> Option<(Self, f64)> {
        let count = ((maxima.len() as f64 * SHARE).ceil() as usize).clamp(FEWEST, MOST);
        if count * 4 > maxima.len() {
            return None;
        }
        let above = f64::from(*maxima.get(count)?);
        let excesses =
            maxima.iter().map(|&score| f64::from(score) - above).take_while(|&excess| excess > 0.0);
        let excesses: Vec<f64> = excesses.collect();
        let highest = excesses.first().copied()?;
        (excesses.len() * 2 >= count).then_some(())?;
        Some((Self { excesses, trials: maxima.len() as f64, design, highest }, above))
    }

    /// Negative log-likelihood of the excesses, and infinite where one of them lies beyond the upper end.
    fn loss(&self, shape: f64, scale: f64) -> f64 {
        let count = self.excesses.len() as f64;
        if scale <= 0.0 || 1.0 + shape * self.highest / scale <= 0.0 {
            return f64::INFINITY;
        }
        if shape.abs() < 1e-9 {
            return count * scale.ln() + self.excesses.iter().sum::<f64>() / scale;
        }
        let logs: f64 = self.excesses.iter().map(|excess| (shape * excess / scale).ln_1p()).sum();
        count * scale.ln() + (1.0 + 1.0 / shape) * logs
    }

    /// The scale that fits best with this shape.
    fn scale_at(&self, shape: f64) -> f64 {
        let mean = self.excesses.iter().sum::<f64>() / self.excesses.len() as f64;
        let least = if shape < 0.0 { -shape * self.highest * (1.0 + 1e-9) } else { 0.0 };
        let [from, to] = [least.max(mean * 0.02), (mean * 10.0).max(least * 4.0)];
        lowest(|log| self.loss(shape, log.exp()), from.ln(), to.ln(), 40).exp()
    }

    fn loss_at_shape(&self, shape: f64) -> f64 {
        self.loss(shape, self.scale_at(shape))
    }

    fn best(&self) -> (f64, f64) {
        let shape = lowest(|shape| self.loss_at_shape(shape), SHAPES[0], SHAPES[1], 40);
        (shape, self.scale_at(shape))
    }

    /// The lowest loss of the whole, count of excesses included, for which the share `beyond` reaches `excess`; in units of independent
    /// searches.
    fn profile(&self, beyond: f64, excess: f64) -> f64 {
        let count = self.excesses.len() as f64;
        let share = count / self.trials;
        let with_share = |log_share: f64| {
            let share: f64 = log_share.exp();
            if share <= beyond || share >= 1.0 {
                return f64::INFINITY;
            }
            let at_shape = |shape: f64| {
                let ratio = beyond / share;
                let scale = if shape.abs() < 1e-9 {
                    -excess / ratio.ln()
                } else {
                    shape * excess / (ratio.powf(-shape) - 1.0)
                };
                self.loss(shape, scale)
            };
            let shape = lowest(at_shape, SHAPES[0], SHAPES[1], 24);
            at_shape(shape) - count * log_share - (self.trials - count) * (1.0 - share).ln()
        };
        let middle = share.ln();
        let width = 4.0 * (self.design / count).sqrt();
        with_share(lowest(with_share, (middle - width).max(beyond.ln() + 1e-9), middle + width, 14))
            / self.design
    }
}

fn survival(excess: f64, shape: f64, scale: f64) -> f64 {
    if shape.abs() < 1e-9 {
        return (-excess / scale).exp();
    }
    (1.0 + shape * excess / scale).max(0.0).powf(-1.0 / shape)
}

/// Anderson and Darling (1954): how far `excesses`, descending, lie from the distribution, with weight on its ends.
fn anderson_darling(excesses: &[f64], shape: f64, scale: f64) -> f64 {
    let count = excesses.len() as f64;
    let clamp = |share: f64| share.clamp(1e-12, 1.0 - 1e-12);
    // Ascending distribution values are 1 - survival of the descending excesses read from behind.
    let survivals: Vec<f64> = excesses.iter().map(|&excess| clamp(survival(excess, shape, scale))).collect();
    let sum: f64 = survivals
        .iter()
        .zip(survivals.iter().rev())
        .enumerate()
        .map(|(from_top, (high, low))| {
            let weight = 2.0 * (count - from_top as f64) - 1.0;
            // `high`: the (count - from_top)-th smallest; `low`: its partner from the other end.
            weight * ((1.0 - high).ln() + low.ln())
        })
        .sum();
    -count - sum / count
}

/// Share of samples from the distribution that lie farther from their own fit.
fn share_of_worse(distance: f64, shape: f64, scale: f64, count: usize) -> f64 {
    let worse = (0..DRAWN as u64).filter(|&number| {
        let mut random = ChaCha8Rng::seed_from_u64(number);
        let mut excesses: Vec<f64> = (0..count)
            .map(|_| {
                let survivor: f64 = 1.0 - random.random::<f64>();
                let excess =
                    if shape.abs() < 1e-9 { -survivor.ln() } else { (survivor.powf(-shape) - 1.0) / shape };
                scale * excess
            })
            .collect();
        excesses.sort_by(|one, other| other.total_cmp(one));
        let highest = excesses[0];
        let sample = Sample { excesses, trials: 1.0, design: 1.0, highest };
        let (shape, scale) = sample.best();
        anderson_darling(&sample.excesses, shape, scale) >= distance
    });
    (worse.count() + 1) as f64 / (DRAWN + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of scores whose tail has this shape and scale above 0.5, a tenth of them there.
    fn maxima(count: usize, shape: f64, scale: f64) -> Vec<f32> {
        let excess = |survivor: f64| {
            if shape == 0.0 { -scale * survivor.ln() } else { scale / shape * (survivor.powf(-shape) - 1.0) }
        };
        (0..count).map(|rank| (0.5 + excess((rank as f64 + 0.5) * 10.0 / count as f64)) as f32).collect()
    }

    #[test]
    fn known_tails_are_fitted() {
        for shape in [-0.2, 0.0, 0.08] {
            let tail = Tail::fit(&maxima(5000, shape, 0.04), 1.0).unwrap();
            assert_eq!(tail.excesses, 500);
            assert!((tail.share - 0.1).abs() < 1e-9 && (tail.above - 0.5).abs() < 1e-3, "{tail:?}");
            assert!((tail.shape - shape).abs() < 0.03 && (tail.scale / 0.04 - 1.0).abs() < 0.03, "{tail:?}");
            assert!(tail.is_good() && tail.fit[1] > 0.5, "quantiles lie closer than samples: {tail:?}");
        }
        assert_eq!(Tail::fit(&maxima(199, 0.0, 0.04), 1.0), None, "too few");
        assert_eq!(Tail::fit(&[0.5; 1000], 1.0), None, "all one");
    }

    #[test]
    fn shares_and_scores_are_each_others_inverse() {
        for shape in [-0.2, 0.0, 0.1] {
            let tail = Tail { shape, ..Tail::fit(&maxima(1000, 0.0, 0.04), 1.0).unwrap() };
            for share in [0.1, 0.01, 1e-4] {
                assert!((tail.beyond(tail.score(share)) / share - 1.0).abs() < 1e-9, "{shape}, {share}");
            }
            assert_eq!(tail.beyond(0.1), tail.share, "below it nothing is told");
        }
        let ending = Tail { shape: -0.2, ..Tail::fit(&maxima(1000, 0.0, 0.04), 1.0).unwrap() };
        assert_eq!(ending.beyond(ending.above + ending.scale / 0.2), 0.0, "scores have an end");
    }

    #[test]
    fn no_shape_is_as_good_as_nearly_none() {
        let (sample, _) = Sample::of(&maxima(1000, 0.0, 0.04), 1.0).unwrap();
        for scale in [0.02, 0.04, 0.1] {
            let [none, little] = [0.0, 1e-7].map(|shape| sample.loss(shape, scale));
            assert!((none - little).abs() < 1e-3 * none.abs(), "{scale}: {none}, {little}");
        }
        assert_eq!(sample.loss(-0.4, 0.01), f64::INFINITY, "an excess lies beyond the end");
        assert_eq!(sample.loss(0.1, 0.0), f64::INFINITY);
    }

    #[test]
    fn what_is_no_tail_is_refused() {
        // Two heaps: most excesses are near 0, a tenth lies far above.
        let heaps =
            (0..1000).map(|rank| if rank < 10 { 0.95 } else { 0.6 - rank as f32 * 1e-4 }).collect::<Vec<_>>();
        let tail = Tail::fit(&heaps, 1.0).unwrap();
        assert!(!tail.is_good(), "{tail:?}");
    }
}
