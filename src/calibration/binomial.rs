//! Intervals for a rate of which a count was seen.

use statrs::distribution::{Beta, ContinuousCDF};

/// What lies outside of an interval, on both sides together.
pub const OUTSIDE: f64 = 0.05;

/// The 95 % interval of Clopper and Pearson (1934) for the rate behind `count` of `trials`, which need not be whole numbers: searches that
/// count as fewer than they are ([`super::Calibration::design`]) give parts.
pub fn interval(count: f64, trials: f64) -> [f64; 2] {
    [
        beta(count, trials - count + 1.0, OUTSIDE / 2.0).unwrap_or(0.0),
        beta(count + 1.0, trials - count, 1.0 - OUTSIDE / 2.0).unwrap_or(1.0),
    ]
}

/// The 95 % interval for the share above the `rank`-th highest of `trials` values: that share is distributed as Beta(rank, trials -
/// rank + 1) whatever the values' distribution is (David and Nagaraja, Order Statistics, 2.1). Narrower than [`interval`], which holds
/// for a threshold that was not chosen by the values.
pub fn order_interval(rank: f64, trials: f64) -> [f64; 2] {
    let quantile = |share| beta(rank, trials - rank + 1.0, share);
    [quantile(OUTSIDE / 2.0).unwrap_or(0.0), quantile(1.0 - OUTSIDE / 2.0).unwrap_or(1.0)]
}

fn beta(a: f64, b: f64, share: f64) -> Option<f64> {
    (a > 0.0 && b > 0.0).then(|| Beta::new(a, b).ok().map(|beta| beta.inverse_cdf(share))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: [f64; 2], expected: [f64; 2]) {
        let near = got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-5);
        assert!(near, "{got:?}, expected {expected:?}");
    }

    #[test]
    fn known_intervals() {
        close(interval(0.0, 10.0), [0.0, 0.308_497]); // 1 - 0.025^(1/10)
        close(interval(10.0, 10.0), [0.691_503, 1.0]);
        close(interval(5.0, 10.0), [0.187_086, 0.812_914]);
        close(interval(3.0, 1000.0), [0.000_619_10, 0.008_742_3]);
    }

    #[test]
    fn what_was_never_tried_can_be_anything() {
        assert_eq!(interval(0.0, 0.0), [0.0, 1.0]);
        assert_eq!(order_interval(0.0, 10.0), [0.0, 1.0]);
    }

    #[test]
    fn a_chosen_threshold_has_a_narrower_interval() {
        let (given, chosen) = (interval(10.0, 1000.0), order_interval(10.0, 1000.0));
        close(chosen, [0.004_805_5, 0.017_015_8]);
        assert!(given[0] <= chosen[0] && chosen[1] < given[1]);
    }
}
