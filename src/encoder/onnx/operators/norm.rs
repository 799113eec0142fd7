//! Normalisations and reductions.

use std::rc::Rc;

use super::super::Refusal;
use super::super::constant::Constant;
use super::super::node::{Node, axis};
use super::super::value::Value;
use super::Context;
use crate::encoder::graph::{Op, Reduction};

/// Becomes part of the layer before it if that has no other use, otherwise a factor and an offset per channel.
pub(super) fn batch(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    if node.int("training_mode", 0) != 0 {
        return Err(Refusal::new("it is in training mode; export the model in evaluation mode"));
    }
    let channels = x.shape().get(1).map_or(0, |dim| dim.size) as usize;
    let per_channel = |at: usize| -> Result<Rc<Vec<f32>>, Refusal> {
        let numbers = node.constant(at)?.as_floats().filter(|numbers| numbers.len() == channels);
        numbers.ok_or_else(|| {
            Refusal::new(format!("input {at} is not one number for each of {channels} channels"))
        })
    };
    let (scale, offset, mean, variance) =
        (per_channel(1)?, per_channel(2)?, per_channel(3)?, per_channel(4)?);
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    let spread = variance.iter().map(|&variance| (f64::from(variance) + epsilon).sqrt());
    let factors: Vec<f64> =
        scale.iter().zip(spread).map(|(&scale, spread)| f64::from(scale) / spread).collect();
    let offsets = offset.iter().zip(mean.iter()).zip(&factors);
    let offsets =
        offsets.map(|((&offset, &mean), factor)| (f64::from(offset) - f64::from(mean) * factor) as f32);
    let offsets: Vec<f32> = offsets.collect();
    let factors: Vec<f32> = factors.iter().map(|&factor| factor as f32).collect();
    if context.is_only_use && context.builder.fold_into(x, &factors, &offsets)? {
        return Ok(x.clone());
    }
    let shape = vec![channels as i64];
    let weight = context.builder.tensor(shape.clone(), Rc::new(factors))?;
    let bias = context.builder.tensor(shape, Rc::new(offsets))?;
    context.builder.add("affine", Op::Affine { weight, bias }, &[x])
}

pub(super) fn layer(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (x, weight) = (node.input(0)?, node.constant(1)?);
    let at = axis(node.int("axis", -1), x.shape().len())?;
    if weight.shape.len() != x.shape().len() - at {
        return Err(Refusal::new(format!("its weight has the shape {:?} for axis {at}", weight.shape)));
    }
    let bias = match node.optional_constant(2)? {
        Some(bias) => context.builder.weight(bias)?,
        None => {
            let shape = weight.shape.iter().map(|&side| side as i64).collect();
            context.builder.tensor(shape, Rc::new(vec![0.0; weight.len()]))?
        }
    };
    let weight = context.builder.weight(weight)?;
    let epsilon = f64::from(node.float("epsilon", 1e-5));
    context.builder.add("layer_norm", Op::LayerNorm { weight, bias, epsilon }, &[x])
}

/// Each channel of each crop minus its mean, divided by its deviation. Exports of group normalisations contain it.
pub(super) fn instance(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let axes: Vec<usize> = (2..x.shape().len()).collect();
    let mean = |context: &mut Context<'_>, x: &Value| {
        let op = Op::Reduce { how: Reduction::Mean, axes: axes.clone(), keep: true };
        context.builder.add("reduce", op, &[x])
    };
    let middle = mean(context, x)?;
    let x = context.builder.add("value", Op::Sub, &[x, &middle])?;
    let square = context.builder.add("value", Op::Mul, &[&x, &x])?;
    let variance = mean(context, &square)?;
    let epsilon = Value::Constant(Constant::floats(vec![1], vec![node.float("epsilon", 1e-5)]));
    let variance = context.builder.add("value", Op::Add, &[&variance, &epsilon])?;
    let deviation = context.builder.add("value", Op::Sqrt, &[&variance])?;
    let x = context.builder.add("value", Op::Div, &[&x, &deviation])?;
    let (weight, bias) = (node.constant(1)?, node.constant(2)?);
    let (weight, bias) = (context.builder.weight(weight)?, context.builder.weight(bias)?);
    context.builder.add("affine", Op::Affine { weight, bias }, &[&x])
}

/// Divides by the Euclidean norm along an axis.
pub(super) fn lp(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    if node.int("p", 2) != 2 {
        return Err(Refusal::new(format!("p is {}, expected 2", node.int("p", 2))));
    }
    let axes = vec![axis(node.int("axis", -1), x.shape().len())?];
    let norm = context.builder.add("norm", Op::Reduce { how: Reduction::L2, axes, keep: true }, &[x])?;
    let positive = Op::Clip { min: Some(f64::from(f32::MIN_POSITIVE)), max: None };
    let norm = context.builder.add("clip", positive, &[&norm])?;
    context.builder.add("value", Op::Div, &[x, &norm])
}

pub(super) fn reduce(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let count = x.shape().len();
    let how = match node.kind() {
        "ReduceMean" => Reduction::Mean,
        "ReduceSum" => Reduction::Sum,
        "ReduceMax" => Reduction::Max,
        "ReduceMin" => Reduction::Min,
        _ => Reduction::L2,
    };
    let axes = match node.ints_or_input("axes", 1)? {
        Some(axes) if !axes.is_empty() => axes,
        _ if node.int("noop_with_empty_axes", 0) != 0 => return Ok(x.clone()),
        _ => (0..count as i64).collect(),
    };
    let axes = axes.into_iter().map(|at| axis(at, count)).collect::<Result<Vec<_>, _>>()?;
    let keep = node.int("keepdims", 1) != 0;
    context.builder.add("reduce", Op::Reduce { how, axes, keep }, &[x])
}
