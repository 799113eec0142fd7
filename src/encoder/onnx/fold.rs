//! Folding: nodes whose inputs are all known are computed at import. This is how exports compute shapes, and how weights are transposed.

mod arithmetic;
pub(super) mod layout;

use super::Refusal;
use super::constant::{Constant, Numbers, count};
use super::node::Node;
use super::proto::data_type;
use super::value::Value;
use crate::encoder::graph::Dim;

/// How many numbers folding may make.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// Four times the numbers of the file, and 4 million: position codes and masks are made from small numbers.
    pub fn for_file(numbers: usize) -> Self {
        Self { left: numbers.saturating_mul(4).saturating_add(4 << 20) }
    }

    /// Reserves `shape`, and returns its number of numbers.
    fn take(&mut self, shape: &[usize]) -> Result<usize, Refusal> {
        let count = count(shape);
        let left = count.and_then(|count| self.left.checked_sub(count));
        self.left = left.ok_or_else(|| {
            Refusal::new(format!("its constant result {shape:?} exceeds the memory for constants"))
        })?;
        Ok(count.unwrap_or(0))
    }
}

/// The results of a node with constant inputs. None if this operator is not folded.
pub(super) fn fold(node: &Node<'_>, budget: &mut Budget) -> Result<Option<Vec<Value>>, Refusal> {
    let inputs = node.inputs.iter().flatten();
    let constants: Option<Vec<&Constant>> = inputs
        .map(|value| match value {
            Value::Constant(constant) => Some(constant),
            Value::Run { .. } => None,
        })
        .collect();
    let Some(constants) = constants else { return Ok(None) };
    let one = |constant: Constant| Ok(Some(vec![Value::Constant(constant)]));
    match node.kind() {
        "Constant" => one(literal(node)?),
        "Identity" | "Dropout" => one(node.constant(0)?.clone()),
        "Cast" => one(cast(node.constant(0)?, node.int("to", 0), budget)?),
        "CastLike" => one(node.constant(0)?.clone()),
        "Shape" => one(shape(node.input(0)?, node)?),
        "ConstantOfShape" => constant_of_shape(node, budget).map(|made| made.map(|made| vec![made])),
        "Range" => one(range(node, budget)?),
        "Split" => layout::split(node, budget).map(Some),
        kind if layout::KINDS.contains(&kind) => match layout::fold(node, &constants, budget)? {
            Some(constant) => one(constant),
            None => Ok(None),
        },
        kind if arithmetic::KINDS.contains(&kind) => one(arithmetic::fold(node, &constants, budget)?),
        _ => Ok(None),
    }
}

/// The tensor in the attributes of a node of the kind Constant.
fn literal(node: &Node<'_>) -> Result<Constant, Refusal> {
    if let Some(tensor) = node.tensor("value")? {
        return Ok(tensor);
    }
    if node.has("value_float") {
        return Ok(Constant::floats(Vec::new(), vec![node.float("value_float", 0.0)]));
    }
    if let Some(floats) = node.floats("value_floats") {
        return Ok(Constant::floats(vec![floats.len()], floats.to_vec()));
    }
    if node.has("value_int") {
        return Ok(Constant::wholes(Vec::new(), vec![Dim::fixed(node.int("value_int", 0))]));
    }
    if let Some(ints) = node.ints("value_ints") {
        return Ok(Constant::wholes(vec![ints.len()], ints.iter().copied().map(Dim::fixed).collect()));
    }
    Err(Refusal::new("it has no dense tensor, number or list of numbers"))
}

fn cast(x: &Constant, to: i64, budget: &mut Budget) -> Result<Constant, Refusal> {
    const FLOATS: [i32; 4] = [data_type::FLOAT, data_type::FLOAT16, data_type::DOUBLE, data_type::BFLOAT16];
    const WHOLES: [i32; 2] = [data_type::INT64, data_type::INT32];
    let to = i32::try_from(to).unwrap_or(0);
    budget.take(&x.shape)?;
    let shape = x.shape.clone();
    match &x.numbers {
        Numbers::Float(_) if FLOATS.contains(&to) => Ok(x.clone()),
        Numbers::Whole(_) if WHOLES.contains(&to) => Ok(x.clone()),
        Numbers::Float(numbers) if WHOLES.contains(&to) => {
            Ok(Constant::wholes(shape, numbers.iter().map(|&x| Dim::fixed(x as i64)).collect()))
        }
        Numbers::Float(numbers) if to == data_type::BOOL => {
            Ok(Constant::wholes(shape, numbers.iter().map(|&x| Dim::fixed((x != 0.0).into())).collect()))
        }
        Numbers::Whole(numbers) if to == data_type::BOOL => {
            let flag = |dim: &Dim| Dim::fixed((dim.size != 0).into());
            Ok(Constant::wholes(shape, numbers.iter().map(flag).collect()))
        }
        Numbers::Whole(_) if FLOATS.contains(&to) => {
            let floats = x.as_floats().ok_or_else(|| {
                Refusal::new("the number of crops becomes a float, so the result would depend on the batch")
            })?;
            Ok(Constant { shape, numbers: Numbers::Float(floats) })
        }
        _ => Err(Refusal::new(format!("to {} is not supported", data_type::name(to)))),
    }
}

/// The shape of any value, as numbers.
pub(super) fn shape(x: &Value, node: &Node<'_>) -> Result<Constant, Refusal> {
    let shape = x.shape();
    let bound = |at: i64| {
        let count = shape.len() as i64;
        (if at < 0 { at.saturating_add(count) } else { at }).clamp(0, count) as usize
    };
    let (start, end) = (bound(node.int("start", 0)), bound(node.int("end", i64::MAX)));
    let part = shape.get(start..end).unwrap_or_default();
    Ok(Constant::wholes(vec![part.len()], part.to_vec()))
}

/// One number, as often as a shape says. One that depends on the batch is repeated by the executor.
fn constant_of_shape(node: &Node<'_>, budget: &mut Budget) -> Result<Option<Value>, Refusal> {
    let number = node.tensor("value")?.unwrap_or_else(|| Constant::floats(vec![1], vec![0.0]));
    let sides = node.constant(0)?;
    let Some(sides) = sides.as_integers() else {
        return Err(Refusal::new("its shape depends on the batch"));
    };
    let shape: Option<Vec<usize>> = sides.iter().map(|&side| usize::try_from(side).ok()).collect();
    let shape = shape.ok_or_else(|| Refusal::new(format!("its shape is {sides:?}")))?;
    let count = budget.take(&shape)?;
    let made = match &number.numbers {
        Numbers::Float(numbers) => {
            Constant::floats(shape, vec![numbers.first().copied().unwrap_or(0.0); count])
        }
        Numbers::Whole(numbers) => {
            Constant::wholes(shape, vec![numbers.first().copied().unwrap_or(Dim::fixed(0)); count])
        }
    };
    Ok(Some(Value::Constant(made)))
}

fn range(node: &Node<'_>, budget: &mut Budget) -> Result<Constant, Refusal> {
    let number = |at: usize| -> Result<i64, Refusal> {
        let integers = node.constant(at)?.as_integers();
        let first = integers.as_deref().and_then(<[i64]>::first).copied();
        first.ok_or_else(|| Refusal::new("a range that is not of known whole numbers"))
    };
    let (start, limit, delta) = (number(0)?, number(1)?, number(2)?);
    let (start, limit, delta) = (i128::from(start), i128::from(limit), i128::from(delta));
    if delta == 0 {
        return Err(Refusal::new("a range with the step 0"));
    }
    let steps = (limit - start) / delta + i128::from((limit - start) % delta != 0);
    let count = usize::try_from(steps.max(0)).unwrap_or(usize::MAX);
    budget.take(&[count])?;
    let numbers = (0..count).map(|at| Dim::fixed((start + delta * at as i128) as i64)).collect();
    Ok(Constant::wholes(vec![count], numbers))
}
