//! Operators that order, select and join numbers. They keep the crops of a batch apart, also in graphs that were written for a fixed batch.

use super::super::Refusal;
use super::super::constant::{Constant, Numbers};
use super::super::fold::layout as folding;
use super::super::node::{Node, axis};
use super::super::value::Value;
use super::Context;
use crate::encoder::graph::{Dim, Op, broadcast};

fn batch_axis(shape: &[Dim]) -> Option<usize> {
    shape.iter().position(|dim| dim.batch)
}

fn product(shape: &[Dim]) -> i64 {
    shape.iter().fold(1, |product: i64, dim| product.saturating_mul(dim.size))
}

/// The entries of a shape: -1 where crops are counted.
fn entries(shape: &[Dim]) -> Vec<i64> {
    shape.iter().map(|dim| if dim.batch { -1 } else { dim.size }).collect()
}

fn lengths(constant: &Constant) -> Result<Vec<Dim>, Refusal> {
    match &constant.numbers {
        Numbers::Whole(lengths) => Ok(lengths.to_vec()),
        Numbers::Float(_) => Err(Refusal::new("its shape consists of floats")),
    }
}

pub(super) fn reshape(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let shape = x.shape();
    let target = match node.ints("shape") {
        Some(ints) => ints.iter().copied().map(Dim::fixed).collect(),
        None => lengths(node.constant(1)?)?,
    };
    let copied = target.iter().enumerate().map(|(at, dim)| match dim.size {
        0 if node.int("allowzero", 0) == 0 => shape.get(at).copied(),
        _ => Some(*dim),
    });
    let absent = || Refusal::new("it copies an axis that its input does not have");
    let target = copied.collect::<Option<Vec<Dim>>>().ok_or_else(absent)?;
    let target = completed(&shape, &target, context.batch)?;
    context.builder.reshape(x, &target)
}

/// The target with its open length, and with the axis that counts the crops. `batch` is the batch size in which the target was written.
fn completed(shape: &[Dim], target: &[Dim], batch: i64) -> Result<Vec<Dim>, Refusal> {
    let told = |dims: &[Dim]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let wrong = || Refusal::new(format!("[{}] cannot become [{}]", told(shape), told(target)));
    let open = target.iter().position(|dim| *dim == Dim::fixed(-1));
    let is_stated = target.iter().any(|dim| dim.batch);
    let mut others = target.iter().enumerate().filter(|(at, _)| Some(*at) != open).map(|(_, dim)| dim.size);
    let known = others.try_fold(1_i64, i64::checked_mul).filter(|known| *known > 0).ok_or_else(wrong)?;
    // If the target states the crops, lengths per crop are compared, otherwise lengths for the batch of the file.
    let crops = batch_axis(shape).filter(|_| !is_stated);
    let all = product(shape).checked_mul(if crops.is_some() { batch } else { 1 }).ok_or_else(wrong)?;
    if all % known != 0 || (open.is_none() && all != known) {
        return Err(wrong());
    }
    let mut result = target.to_vec();
    if let Some(open) = open {
        result[open] = Dim::fixed(all / known);
    }
    if let Some(from) = crops {
        let before = product(&shape[..from]);
        let fits = |at: &usize| product(&result[..*at]) == before && result[*at].size % batch == 0;
        let at = [from].into_iter().filter(|at| *at < result.len()).chain(0..result.len()).find(fits);
        let at = at.ok_or_else(wrong)?;
        result[at] = Dim::batch(result[at].size / batch);
    }
    Ok(result)
}

/// Flatten, Squeeze and Unsqueeze.
pub(super) fn axes(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let shape = x.shape();
    let target = match node.kind() {
        "Flatten" => {
            let at = node.int("axis", 1);
            let at = if at == shape.len() as i64 { shape.len() } else { axis(at, shape.len())? };
            let joined = |dims: &[Dim]| Dim { size: product(dims), batch: batch_axis(dims).is_some() };
            vec![joined(&shape[..at]), joined(&shape[at..])]
        }
        "Unsqueeze" => {
            let axes = node.ints_or_input("axes", 1)?.ok_or_else(|| Refusal::new("it has no axes"))?;
            folding::unsqueezed(shape, &axes, Dim::fixed(1))?
        }
        _ => {
            let is_one = |at: &usize| shape[*at] == Dim::fixed(1);
            let removed: Vec<usize> = match node.ints_or_input("axes", 1)? {
                Some(axes) => axes.iter().map(|&at| axis(at, shape.len())).collect::<Result<_, _>>()?,
                None => (0..shape.len()).filter(is_one).collect(),
            };
            if !removed.iter().all(is_one) {
                return Err(Refusal::new("it removes an axis that is not 1, or that counts the crops"));
            }
            (0..shape.len()).filter(|at| !removed.contains(at)).map(|at| shape[at]).collect()
        }
    };
    context.builder.reshape(x, &target)
}

pub(super) fn transpose(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let order = folding::order(node, x.shape().len())?;
    context.builder.add("transpose", Op::Transpose { order }, &[x])
}

/// A constant among the operands, such as the class token of a transformer, is repeated for every crop.
pub(super) fn concat(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let mut inputs: Vec<Value> = node.inputs.iter().flatten().cloned().collect();
    let shapes: Vec<Vec<Dim>> = inputs.iter().map(Value::shape).collect();
    let at = axis(node.int("axis", 0), shapes.first().map_or(0, Vec::len))?;
    if let Some(crops) = shapes.iter().find_map(|shape| batch_axis(shape)) {
        for (input, mut shape) in inputs.iter_mut().zip(shapes) {
            if batch_axis(&shape).is_none() && shape.get(crops) == Some(&Dim::fixed(1)) {
                shape[crops] = Dim::batch(1);
                let op = Op::Expand { shape: entries(&shape) };
                *input = context.builder.add("expand", op, &[&*input])?;
            }
        }
    }
    let inputs: Vec<&Value> = inputs.iter().collect();
    context.builder.add("concat", Op::Concat { axis: at }, &inputs)
}

pub(super) fn slice(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let mut x = node.input(0)?.clone();
    let known: Vec<Option<i64>> = x.shape().iter().map(|dim| (!dim.batch).then_some(dim.size)).collect();
    for (axis, start, count, step) in folding::cuts(node, &known)? {
        if step < 0 {
            let indices = (0..count).map(|at| start + at * step).collect();
            x = context.builder.add("gather", Op::Gather { axis, indices }, &[&x])?;
        } else if Some(count) != known[axis] {
            let end = start + (count - 1).saturating_mul(step) + 1;
            x = context.builder.add("slice", Op::Slice { axis, start, end, step }, &[&x])?;
        }
    }
    Ok(x)
}

/// With constant indices. A single index without axes removes the axis.
pub(super) fn gather(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (x, constant) = (node.input(0)?, node.constant(1)?);
    let mut shape = x.shape();
    let at = axis(node.int("axis", 0), shape.len())?;
    if shape[at].batch {
        return Err(Refusal::new("it would select crops of the batch"));
    }
    let indices = folding::indices(constant, shape[at].size)?;
    let (kind, op) = match indices.as_slice() {
        &[start] => ("slice", Op::Slice { axis: at, start, end: start + 1, step: 1 }),
        _ => ("gather", Op::Gather { axis: at, indices }),
    };
    let made = context.builder.add(kind, op, &[x])?;
    shape.splice(at..=at, constant.dims());
    context.builder.reshape(&made, &shape)
}

pub(super) fn split(node: &Node<'_>, context: &mut Context<'_>) -> Result<Vec<Value>, Refusal> {
    let x = node.input(0)?;
    let shape = x.shape();
    let at = axis(node.int("axis", 0), shape.len())?;
    if shape[at].batch {
        return Err(Refusal::new("it would select crops of the batch"));
    }
    let mut start = 0;
    let mut made = Vec::new();
    for part in folding::parts(node, shape[at].size)? {
        let op = Op::Slice { axis: at, start, end: start + part, step: 1 };
        made.push(context.builder.add("slice", op, &[x])?);
        start += part;
    }
    Ok(made)
}

/// Before operator set 11 the pads are an attribute, and since then an input. Only constant values are added.
pub(super) fn pad(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let count = x.shape().len();
    let mode = node.text("mode", "constant");
    let pads = node.ints_or_input("pads", 1)?.ok_or_else(|| Refusal::new("it has no pads"))?;
    let axes = node.optional_constant(3)?.map(|axes| axes.as_integers().unwrap_or_default());
    let axes = axes.unwrap_or_else(|| (0..count as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(Refusal::new(format!("{} pads for {} axes", pads.len(), axes.len())));
    }
    let mut pairs = vec![[0, 0]; count];
    for (number, &at) in axes.iter().enumerate() {
        pairs[axis(at, count)?] = [pads[number], pads[number + axes.len()]];
    }
    if pairs.iter().all(|pair| *pair == [0, 0]) {
        return Ok(x.clone());
    }
    if mode != "constant" {
        return Err(Refusal::new(format!("mode {mode:?}, expected \"constant\"")));
    }
    let value = match node.optional_constant(2)?.map(Constant::as_floats) {
        Some(numbers) => numbers.and_then(|numbers| numbers.first().copied()).unwrap_or(0.0),
        None => node.float("value", 0.0),
    };
    if value.is_nan() {
        return Err(Refusal::new("its value is NaN"));
    }
    let value = f64::from(value.clamp(f32::MIN, f32::MAX));
    context.builder.add("pad", Op::Pad { pads: pairs, value }, &[x])
}

/// Repeats axes of length 1, also for every crop. In a file with a fixed batch of 1 the target says 1 where there are crops.
pub(super) fn expand(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let joined = broadcast(&x.shape(), &lengths(node.constant(1)?)?).map_err(Refusal::new)?;
    if joined == x.shape() {
        return Ok(x.clone());
    }
    context.builder.add("expand", Op::Expand { shape: entries(&joined) }, &[x])
}
