//! The learning rate of a step.

use super::{Options, Schedule};

/// The share of the steps in which the rate rises.
const WARM_UP: f64 = 0.05;

/// The learning rate of step `step` of `steps`, counted from 0.
pub fn rate(options: &Options, step: u64, steps: u64) -> f64 {
    let part = (step as f64 + 1.0) / steps.max(1) as f64;
    if part < WARM_UP {
        return options.rate * part / WARM_UP;
    }
    let after = ((part - WARM_UP) / (1.0 - WARM_UP)).min(1.0);
    options.rate
        * match options.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * after).cos()),
            Schedule::Steps if part > 0.75 => 0.01,
            Schedule::Steps if part > 0.5 => 0.1,
            Schedule::Steps => 1.0,
        }
}

#[cfg(test)]
mod tests {
    use super::super::{Backbone, Loss};
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        for schedule in [Schedule::Constant, Schedule::Cosine, Schedule::Steps] {
            let options = Options { schedule, rate: 1.0, ..Options::usual(Loss::Triplet, Backbone::Head) };
            let rates: Vec<f64> = (0..1000).map(|step| rate(&options, step, 1000)).collect();
            assert!(rates[0] < 0.03 && rates[..49].is_sorted() && (rates[50] - 1.0).abs() < 0.01);
            let last = if schedule == Schedule::Constant { 1.0 } else { 0.01 };
            assert!((rates[999] - last).abs() < 1e-9, "{schedule:?} {}", rates[999]);
        }
    }
}
