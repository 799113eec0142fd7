//! A linear classifier: logistic regression with an L2 penalty, fitted by Newton's method (Hastie, Tibshirani and Friedman, The elements
//! of statistical learning, 2009, section 4.4 and equation 4.31).

use nalgebra::{DMatrix, DVector};

/// Values further from the mean than this are taken as this many deviations, so that one extreme measure decides nothing alone.
const FARTHEST: f64 = 4.0;
/// Most steps of Newton's method.
const STEPS: usize = 50;

/// One measured face, for fitting.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The values of the measures, with logarithms taken.
    pub values: Vec<f64>,
    /// Whether it is an attack.
    pub attack: bool,
    /// Its share of the fit; at least 0.
    pub weight: f64,
}

impl Row {
    /// The logarithmic loss of a score, times the weight.
    pub fn loss(&self, score: f64) -> f64 {
        let wrong = if self.attack { -score } else { score };
        self.weight * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p())
    }
}

/// Mean and deviation of each value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Mean.
    pub mean: Vec<f64>,
    /// Deviation; 1 for a value that never varies.
    pub deviation: Vec<f64>,
}

impl Scale {
    /// The scale of rows by their weights.
    pub fn of(rows: &[&Row]) -> Self {
        let n = rows.first().map_or(0, |row| row.values.len());
        let total: f64 = rows.iter().map(|row| row.weight).sum();
        let average =
            |of: &dyn Fn(&Row) -> f64| rows.iter().map(|row| row.weight * of(row)).sum::<f64>() / total;
        let mean: Vec<f64> = (0..n).map(|at| average(&|row| row.values[at])).collect();
        let deviation = |at: usize| {
            let deviation = average(&|row| (row.values[at] - mean[at]).powi(2)).sqrt();
            if deviation > 1e-9 * (1.0 + mean[at].abs()) { deviation } else { 1.0 }
        };
        let deviation = (0..n).map(deviation).collect();
        Self { mean, deviation }
    }

    /// A value in deviations from its mean, -4 to 4.
    pub fn standardised(&self, values: &[f64], at: usize) -> f64 {
        ((values[at] - self.mean[at]) / self.deviation[at]).clamp(-FARTHEST, FARTHEST)
    }
}

/// A linear classifier of standardised values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Linear {
    /// The scale of the values.
    pub scale: Scale,
    /// Weight of each standardised value: positive speaks for an attack.
    pub weights: Vec<f64>,
    /// The constant.
    pub bias: f64,
}

impl Linear {
    /// Fits the weights of some columns of the values; those of the others are 0. `penalty` is the factor of half the squared weights,
    /// relative to a total weight of the rows of 1. None without rows of both classes.
    pub fn fit(rows: &[&Row], scale: &Scale, columns: &[usize], penalty: f64) -> Option<Self> {
        let has = |attack: bool| rows.iter().any(|row| row.attack == attack && row.weight > 0.0);
        if !has(true) || !has(false) {
            return None;
        }
        // The last column is the constant, which has no penalty.
        let inputs = DMatrix::from_fn(rows.len(), columns.len() + 1, |at, column| {
            columns.get(column).map_or(1.0, |&column| scale.standardised(&rows[at].values, column))
        });
        let solution = newton(&inputs, rows, penalty)?;
        let mut weights = vec![0.0; scale.mean.len()];
        columns.iter().zip(solution.iter()).for_each(|(&column, weight)| weights[column] = *weight);
        Some(Self { scale: scale.clone(), weights, bias: solution[columns.len()] })
    }

    /// What each value adds to the score.
    pub fn contributions(&self, values: &[f64]) -> Vec<f64> {
        let contribution = |(at, weight): (usize, &f64)| match *weight {
            0.0 => 0.0,
            weight => weight * self.scale.standardised(values, at),
        };
        self.weights.iter().enumerate().map(contribution).collect()
    }

    /// The score: the logarithm of the odds of an attack.
    pub fn score(&self, values: &[f64]) -> f64 {
        self.bias + self.contributions(values).iter().sum::<f64>()
    }
}

/// The minimum of the penalised loss. None if its equations have no solution.
fn newton(inputs: &DMatrix<f64>, rows: &[&Row], penalty: f64) -> Option<DVector<f64>> {
    let (n, total) = (inputs.ncols(), rows.iter().map(|row| row.weight).sum::<f64>());
    let mut solution = DVector::zeros(n);
    let penalties = DVector::from_fn(n, |at, _| if at + 1 < n { penalty } else { 1e-9 });
    for _ in 0..STEPS {
        let expected = (inputs * &solution).map(probability);
        let residual = DVector::from_fn(rows.len(), |at, _| {
            rows[at].weight / total * (f64::from(u8::from(rows[at].attack)) - expected[at])
        });
        let mut weighted = inputs.clone();
        for (at, mut row) in weighted.row_iter_mut().enumerate() {
            row *= rows[at].weight / total * (expected[at] * (1.0 - expected[at])).max(1e-6);
        }
        let gradient = inputs.tr_mul(&residual) - penalties.component_mul(&solution);
        let hessian = inputs.tr_mul(&weighted) + DMatrix::from_diagonal(&penalties);
        let step = hessian.cholesky()?.solve(&gradient);
        solution += &step;
        if step.amax() < 1e-9 {
            break;
        }
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// The probability of a logarithm of odds.
pub(super) fn probability(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}
