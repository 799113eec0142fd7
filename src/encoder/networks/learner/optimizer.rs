//! Optimizers whose state can be stored, so that a training continues to the same weights.

use std::collections::BTreeMap;

use gallerist::train::{self, Options, Tensors, Values};
use tch::{TchError, Tensor};

use super::{missing, tensor, values};

const MOMENTUM: f64 = 0.9;
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;
/// Tensors of one axis, such as biases and slopes, are not decayed.
const FEWEST_AXES: usize = 2;

/// Follows gradients.
pub(super) struct Optimizer {
    kind: train::Optimizer,
    decay: f64,
    steps: f64,
    /// Moments of each parameter: one for SGD, two for AdamW.
    moments: BTreeMap<String, Vec<Tensor>>,
}

impl Optimizer {
    pub fn new(options: &Options) -> Self {
        Self { kind: options.optimizer, decay: options.decay, steps: 0.0, moments: BTreeMap::new() }
    }

    /// Knows the parameters by name, so that the state before the first step is complete.
    pub fn prepare(&mut self, names: &[String]) {
        self.moments = names.iter().map(|name| (name.clone(), Vec::new())).collect();
    }

    /// Changes every parameter that has a gradient, and clears the gradients. The rate of those with one of these names is multiplied.
    pub fn step(
        &mut self,
        parameters: &[(String, Tensor)],
        rate: f64,
        (named, factor): (&[&str], f64),
    ) -> Result<(), TchError> {
        self.steps += 1.0;
        for (name, parameter) in parameters {
            let mut parameter = parameter.shallow_clone();
            let gradient = parameter.f_grad()?;
            if !gradient.defined() {
                continue;
            }
            let rate = if named.contains(&name.as_str()) { rate * factor } else { rate };
            let decay = if parameter.dim() < FEWEST_AXES { 0.0 } else { self.decay };
            let moments = self.moments.entry(name.clone()).or_default();
            match self.kind {
                train::Optimizer::Sgd => sgd(&mut parameter, &gradient, moments, (rate, decay))?,
                train::Optimizer::Adamw => {
                    adamw(&mut parameter, &gradient, moments, (rate, decay, self.steps))?;
                }
            }
            let _ = parameter.f_grad()?.f_zero_()?;
        }
        Ok(())
    }

    pub fn state(&self) -> Result<Tensors, TchError> {
        let mut state = Tensors::new();
        for (name, moments) in &self.moments {
            for (at, moment) in moments.iter().enumerate() {
                state.insert(format!("moment{at}/{name}"), values(moment)?);
            }
        }
        state.insert("steps".into(), Values { shape: vec![1], values: vec![self.steps as f32] });
        Ok(state)
    }

    pub fn restore(&mut self, state: &Tensors, device: tch::Device) -> Result<(), TchError> {
        let steps = state.get("steps").and_then(|steps| steps.values.first());
        self.steps = f64::from(*steps.ok_or_else(|| missing("steps"))?);
        for (name, moments) in &mut self.moments {
            moments.clear();
            while let Some(stored) = state.get(&format!("moment{}/{name}", moments.len())) {
                moments.push(tensor(stored, device)?);
            }
        }
        Ok(())
    }
}

/// Fills up moments with zeros.
fn at_least(moments: &mut Vec<Tensor>, count: usize, like: &Tensor) -> Result<(), TchError> {
    while moments.len() < count {
        moments.push(like.f_zeros_like()?);
    }
    Ok(())
}

fn sgd(
    parameter: &mut Tensor,
    gradient: &Tensor,
    moments: &mut Vec<Tensor>,
    (rate, decay): (f64, f64),
) -> Result<(), TchError> {
    at_least(moments, 1, parameter)?;
    let decayed = gradient.f_add(&parameter.f_mul_scalar(decay)?)?;
    let _ = moments[0].f_mul_scalar_(MOMENTUM)?.f_add_(&decayed)?;
    let _ = parameter.f_sub_(&moments[0].f_mul_scalar(rate)?)?;
    Ok(())
}

/// Algorithm 2 of arXiv 1711.05101.
fn adamw(
    parameter: &mut Tensor,
    gradient: &Tensor,
    moments: &mut Vec<Tensor>,
    (rate, decay, step): (f64, f64, f64),
) -> Result<(), TchError> {
    at_least(moments, 2, parameter)?;
    let [first, second] = BETAS;
    let _ = moments[0].f_mul_scalar_(first)?.f_add_(&gradient.f_mul_scalar(1.0 - first)?)?;
    let _ = moments[1].f_mul_scalar_(second)?.f_add_(&gradient.f_square()?.f_mul_scalar(1.0 - second)?)?;
    let [m, v] = [(0, first), (1, second)].map(|(at, beta)| moments[at].f_div_scalar(1.0 - beta.powf(step)));
    let change = m?.f_div(&v?.f_sqrt()?.f_add_scalar(EPSILON)?)?;
    let _ = parameter.f_mul_scalar_(1.0 - rate * decay)?.f_sub_(&change.f_mul_scalar(rate)?)?;
    Ok(())
}
