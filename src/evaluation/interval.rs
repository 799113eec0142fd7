//! 95 % intervals.

use statrs::distribution::{Beta, ContinuousCDF};

use super::report::Rate;
use super::trials::Count;

/// What an interval leaves out on each side: half of 5 %.
const TAIL: f64 = 0.025;

/// A rate of errors with its interval. `units`: see [`interval`].
pub(super) fn rate(observed: Count, units: u64, repeated: impl IntoIterator<Item = Count>) -> Rate {
    let value = observed.share();
    Rate {
        value,
        interval: interval(value, units, repeated.into_iter().map(Count::share)),
        errors: observed.errors,
        trials: observed.trials,
    }
}

/// The share that went right, instead of that which went wrong. Errors stay errors.
pub(super) fn complement(rate: Rate) -> Rate {
    let [low, high] = rate.interval;
    let value = (rate.trials - rate.errors) as f64 / rate.trials as f64;
    Rate { value, interval: [(1.0 - high).min(value), (1.0 - low).max(value)], ..rate }
}

/// The percentile interval of repetitions, which always holds the value itself.
///
/// Where nothing or everything failed, drawing the same trials again shows no failure or success either,
/// however few they are. There the exact binomial interval joins in, over `units`: subjects rather than trials,
/// as many photos of few people prove little about others.
pub(super) fn interval(value: f64, units: u64, repeated: impl IntoIterator<Item = f64>) -> [f64; 2] {
    let varied = percentiles(repeated);
    let [low, high] = match varied {
        Some(varied) if 0.0 < value && value < 1.0 => varied,
        _ => {
            let exact = exact(value, units);
            varied.map_or(exact, |varied| [varied[0].min(exact[0]), varied[1].max(exact[1])])
        }
    };
    [low.min(value), high.max(value)]
}

/// The middle 95 % of what repetitions gave; `None` without any.
fn percentiles(repeated: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let mut sorted: Vec<f64> = repeated.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let outside = (TAIL * sorted.len() as f64) as usize;
    let low = sorted.get(outside)?;
    let high = sorted.get(sorted.len() - 1 - outside)?;
    Some([*low, *high])
}

/// The interval of Clopper and Pearson (The use of confidence or fiducial limits illustrated in the case of
/// the binomial, Biometrika 26, 1934) for a share of `units`, which need not be a whole number of them.
fn exact(share: f64, units: u64) -> [f64; 2] {
    let trials = units as f64;
    let errors = share * trials;
    if units == 0 || share.is_nan() {
        return [0.0, 1.0];
    }
    // At the ends the beta distribution's quantiles have a closed form.
    let end = 1.0 - TAIL.powf(trials.recip());
    match (errors <= 0.0, errors >= trials) {
        (true, _) => [0.0, end],
        (_, true) => [1.0 - end, 1.0],
        _ => [
            quantile(errors, trials - errors + 1.0, TAIL).unwrap_or(0.0),
            quantile(errors + 1.0, trials - errors, 1.0 - TAIL).unwrap_or(1.0),
        ],
    }
}

fn quantile(a: f64, b: f64, at: f64) -> Option<f64> {
    Some(Beta::new(a, b).ok()?.inverse_cdf(at)).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_interval_is_that_of_the_tables() {
        // 0 of 10 and 3 of 10, as binom.test of R gives them.
        let close = |[a, b]: [f64; 2], [c, d]: [f64; 2]| (a - c).abs() < 1e-6 && (b - d).abs() < 1e-6;
        assert!(close(exact(0.0, 10), [0.0, 0.308_497_1]), "{:?}", exact(0.0, 10));
        assert!(close(exact(1.0, 10), [0.691_502_9, 1.0]), "{:?}", exact(1.0, 10));
        assert!(close(exact(0.3, 10), [0.066_739_51, 0.652_452_85]), "{:?}", exact(0.3, 10));
        assert_eq!(exact(f64::NAN, 10), [0.0, 1.0]);
        assert_eq!(exact(0.5, 0), [0.0, 1.0]);
    }

    #[test]
    fn an_interval_leaves_out_a_fortieth_on_each_side_and_holds_its_value() {
        let repeated = || (0..1000).map(|i| f64::from(i) / 1000.0);
        assert_eq!(interval(0.5, 1, repeated()), [0.025, 0.974]);
        assert_eq!(interval(0.99, 1, repeated()), [0.025, 0.99]);
    }

    #[test]
    fn nothing_failed_does_not_mean_that_nothing_can() {
        let [low, high] = interval(0.0, 10, [0.0; 100]);
        assert_eq!(low, 0.0);
        assert!((high - 0.308_497_1).abs() < 1e-6);
        assert_eq!(interval(0.0, 10, [0.5; 100]), [0.0, 0.5], "thresholds that vary count too");
    }
}
