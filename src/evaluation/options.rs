//! What to compute, and how well.

use super::error::{EvaluationError, Result};

/// What an evaluation reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// FPIRs that identification is judged at: shares above 0 and up to 1, reported in this order.
    pub fpir_targets: Vec<f64>,
    /// FMRs that verification is judged at, likewise.
    pub fmr_targets: Vec<f64>,
    /// Highest rank of the cumulative match characteristic. It ends earlier where no mate has a higher rank:
    /// from there on it is flat.
    pub ranks: u32,
    /// Seed of the bootstrap: the same input and seed give the same output, whatever the number of threads.
    pub seed: u64,
    /// Repetitions of the bootstrap. 1,000 settle a 95 % interval to about its second digit; 0 leaves the
    /// exact binomial interval everywhere.
    pub repetitions: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fpir_targets: vec![0.1, 0.01, 0.001],
            fmr_targets: vec![1e-2, 1e-3, 1e-4],
            ranks: 50,
            seed: 1,
            repetitions: 1000,
        }
    }
}

/// Refuses what is no rate of false positives to aim at.
pub(super) fn check_targets(name: &'static str, targets: &[f64]) -> Result<()> {
    match targets.iter().find(|target| !(**target > 0.0 && **target <= 1.0)) {
        Some(target) => Err(EvaluationError::Target { name, target: *target }),
        None => Ok(()),
    }
}
