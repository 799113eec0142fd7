//! Operators on single numbers and on pairs of them.

use super::super::Refusal;
use super::super::constant::Constant;
use super::super::node::{Node, axis};
use super::super::value::Value;
use super::Context;
use crate::encoder::graph::Op;

/// Converts an operator of this file; others are unknown.
pub(super) fn convert(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let float = |name: &str, default: f32| f64::from(node.float(name, default));
    let (op, arity) = match node.kind() {
        "PRelu" => return prelu(node, context),
        "Clip" => return clip(node, context),
        "Softmax" => return softmax(node, context),
        "Add" => (Op::Add, 2),
        "Sub" => (Op::Sub, 2),
        "Mul" => (Op::Mul, 2),
        "Div" => (Op::Div, 2),
        "Pow" => (Op::Pow, 2),
        "Min" => (Op::Minimum, 2),
        "Max" => (Op::Maximum, 2),
        "Relu" => (Op::Relu, 1),
        "Sigmoid" => (Op::Sigmoid, 1),
        "Tanh" => (Op::Tanh, 1),
        "Erf" => (Op::Erf, 1),
        "Exp" => (Op::Exp, 1),
        "Log" => (Op::Log, 1),
        "Sqrt" => (Op::Sqrt, 1),
        "Neg" => (Op::Neg, 1),
        "Abs" => (Op::Abs, 1),
        "Reciprocal" => (Op::Reciprocal, 1),
        "Softplus" => (Op::Softplus, 1),
        "HardSwish" => (Op::HardSwish, 1),
        "LeakyRelu" => (Op::LeakyRelu { slope: float("alpha", 0.01) }, 1),
        "Elu" => (Op::Elu { alpha: float("alpha", 1.0) }, 1),
        "HardSigmoid" => (Op::HardSigmoid { alpha: float("alpha", 0.2), beta: float("beta", 0.5) }, 1),
        "Gelu" => (Op::Gelu { tanh: node.text("approximate", "none") == "tanh" }, 1),
        "Swish" if float("alpha", 1.0) == 1.0 => (Op::Silu, 1),
        _ => return Err(Refusal::new("this operator is not supported")),
    };
    let inputs: Vec<&Value> = node.inputs.iter().flatten().collect();
    if inputs.len() != arity {
        return Err(Refusal::new(format!("{} inputs, expected {arity}", inputs.len())));
    }
    context.builder.add("value", op, &inputs)
}

/// The slopes are one number, or one per channel. ONNX aligns them at the last axis; exports of MXNet leave out the axes of the picture.
fn prelu(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (x, slopes) = (node.input(0)?, node.constant(1)?);
    let shape = x.shape();
    let channels = shape.get(1).map_or(0, |dim| dim.size);
    let count = slopes.len() as i64;
    let sides: Vec<i64> = slopes.shape.iter().map(|&side| side as i64).collect();
    let after = shape.len().saturating_sub(2);
    let is_per_channel = match sides.iter().position(|&side| side != 1) {
        None => true,
        Some(at) if sides.len() - at == after + 1 => sides[at..] == [vec![channels], vec![1; after]].concat(),
        Some(_) => sides == [channels] && shape.last().is_none_or(|last| last.size != channels),
    };
    if !is_per_channel || (count != 1 && count != channels) {
        return Err(Refusal::new(format!(
            "its slopes have the shape {sides:?}, expected one number, or one for each of the {channels} channels"
        )));
    }
    let numbers = slopes.as_floats().ok_or_else(|| Refusal::new("its slopes depend on the batch"))?;
    let weight = context.builder.tensor(vec![count], numbers)?;
    context.builder.add("prelu", Op::Prelu { weight }, &[x])
}

/// The bounds are attributes before operator set 11, and inputs since.
fn clip(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let bound = |name: &str, at: usize| -> Result<Option<f64>, Refusal> {
        if node.has(name) {
            return Ok(Some(f64::from(node.float(name, 0.0))));
        }
        let number = |constant: &Constant| -> Result<f64, Refusal> {
            let numbers = constant.as_floats().filter(|numbers| numbers.len() == 1);
            let number = numbers.ok_or_else(|| Refusal::new(format!("{name} is not one number")))?[0];
            Ok(f64::from(number))
        };
        node.optional_constant(at)?.map(number).transpose()
    };
    let (min, max) = (bound("min", 1)?, bound("max", 2)?);
    if [min, max].iter().flatten().any(|bound| bound.is_nan()) {
        return Err(Refusal::new("a bound is NaN"));
    }
    let finite = |bound: Option<f64>| bound.filter(|bound| bound.is_finite());
    let (min, max) = (finite(min), finite(max));
    match (min, max) {
        (None, None) => Ok(node.input(0)?.clone()),
        _ => context.builder.add("clip", Op::Clip { min, max }, &[node.input(0)?]),
    }
}

/// Before operator set 13 it acts on all axes from `axis` on together.
fn softmax(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let shape = x.shape();
    let is_flat = node.opset < 13;
    let at = axis(node.int("axis", if is_flat { 1 } else { -1 }), shape.len())?;
    if is_flat && shape[at + 1..].iter().any(|dim| dim.size != 1) {
        return Err(Refusal::new(format!("over axis {at} and later ones together")));
    }
    context.builder.add("softmax", Op::Softmax { axis: at as i64 }, &[x])
}
