//! Products of matrices.

use std::rc::Rc;

use super::super::Refusal;
use super::super::constant::Constant;
use super::super::node::Node;
use super::super::value::Value;
use super::Context;
use crate::encoder::graph::Op;

/// `alpha * A * B + beta * C`, with B transposed if so stated. B and C are constants.
pub(super) fn gemm(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (x, weight) = (node.input(0)?, node.constant(1)?);
    if node.int("transA", 0) != 0 || x.shape().len() != 2 {
        return Err(Refusal::new("a transposed or not two-dimensional first factor"));
    }
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let (shape, numbers) = rows(weight, node.int("transB", 0) != 0, alpha)?;
    let outputs = shape[0];
    let bias = node.optional_constant(2)?.map(|bias| spread(bias, outputs, beta)).transpose()?;
    let bias = bias.map(|bias| context.builder.tensor(vec![outputs], Rc::new(bias))).transpose()?;
    let weight = context.builder.tensor(shape, numbers)?;
    context.builder.add("linear", Op::Linear { weight, bias }, &[x])
}

pub(super) fn matmul(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (a, b) = (node.input(0)?, node.input(1)?);
    match b {
        Value::Constant(weight) if weight.shape.len() == 2 => {
            let (shape, numbers) = rows(weight, false, 1.0)?;
            let weight = context.builder.tensor(shape, numbers)?;
            context.builder.add("linear", Op::Linear { weight, bias: None }, &[a])
        }
        _ => context.builder.add("matmul", Op::Matmul, &[a, b]),
    }
}

/// The matrix as outputs x inputs, times `factor`.
fn rows(weight: &Constant, is_outputs_first: bool, factor: f32) -> Result<(Vec<i64>, Rc<Vec<f32>>), Refusal> {
    let wrong = || Refusal::new(format!("its weight has the shape {:?}, expected 2 axes", weight.shape));
    let &[rows, columns] = weight.shape.as_slice() else { return Err(wrong()) };
    let numbers = weight.as_floats().ok_or_else(wrong)?;
    if is_outputs_first {
        let is_same = (factor - 1.0).abs() == 0.0;
        let numbers = if is_same { numbers } else { Rc::new(numbers.iter().map(|x| x * factor).collect()) };
        return Ok((vec![rows as i64, columns as i64], numbers));
    }
    let turned = (0..columns).flat_map(|column| (0..rows).map(move |row| (row, column)));
    let turned = turned.map(|(row, column)| numbers[row * columns + column] * factor).collect();
    Ok((vec![columns as i64, rows as i64], Rc::new(turned)))
}

/// The bias, repeated if it is one number, times `factor`.
fn spread(bias: &Constant, outputs: i64, factor: f32) -> Result<Vec<f32>, Refusal> {
    let wrong = || Refusal::new(format!("its bias has the shape {:?} for {outputs} outputs", bias.shape));
    let numbers = bias.as_floats().ok_or_else(wrong)?;
    let is_last = bias.shape.last().is_none_or(|&last| last == bias.len());
    match numbers.len() {
        count if count as i64 == outputs && is_last => Ok(numbers.iter().map(|x| x * factor).collect()),
        1 => Ok(vec![numbers[0] * factor; usize::try_from(outputs).unwrap_or(0)]),
        _ => Err(wrong()),
    }
}
