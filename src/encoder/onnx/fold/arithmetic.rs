//! Arithmetic with constants: floats, whole numbers, and lengths that depend on the batch.

use super::super::Refusal;
use super::super::constant::{Constant, Numbers};
use super::super::node::Node;
use super::Budget;
use super::layout::places;
use crate::encoder::graph::Dim;

pub(super) const KINDS: [&str; 23] = [
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Mod",
    "Min",
    "Max",
    "Equal",
    "Less",
    "Greater",
    "And",
    "Or",
    "Not",
    "Where",
    "Neg",
    "Abs",
    "Sqrt",
    "Exp",
    "Reciprocal",
    "Floor",
    "Ceil",
    "ReduceProd",
];

pub(super) fn fold(node: &Node<'_>, inputs: &[&Constant], budget: &mut Budget) -> Result<Constant, Refusal> {
    let kind = node.kind();
    match (kind, inputs) {
        ("Where", [condition, a, b]) => chosen(condition, a, b, budget),
        ("ReduceProd", [x, ..]) => total(x, node),
        (_, [x]) if !matches!(kind, "Min" | "Max") => unary(kind, x, budget),
        (_, [a, b]) => binary(kind, a, b, budget),
        ("Min" | "Max", [only]) => Ok((*only).clone()),
        _ => Err(Refusal::new(format!("{} inputs", inputs.len()))),
    }
}

fn unary(kind: &str, x: &Constant, budget: &mut Budget) -> Result<Constant, Refusal> {
    budget.take(&x.shape)?;
    let unsupported = || Refusal::new("it is not supported for these numbers");
    match &x.numbers {
        Numbers::Float(numbers) => {
            let function: fn(f32) -> f32 = match kind {
                "Neg" => |x| -x,
                "Abs" => f32::abs,
                "Sqrt" => f32::sqrt,
                "Exp" => f32::exp,
                "Reciprocal" => f32::recip,
                "Floor" => f32::floor,
                "Ceil" => f32::ceil,
                _ => return Err(unsupported()),
            };
            Ok(Constant::floats(x.shape.clone(), numbers.iter().map(|&x| function(x)).collect()))
        }
        Numbers::Whole(numbers) => {
            let function = |dim: &Dim| match kind {
                "Neg" => dim.size.checked_neg().map(|size| Dim { size, ..*dim }),
                "Abs" => dim.size.checked_abs().map(|size| Dim { size, ..*dim }),
                "Not" if !dim.batch => Some(Dim::fixed((dim.size == 0).into())),
                _ => None,
            };
            let numbers = numbers.iter().map(function).collect::<Option<_>>().ok_or_else(unsupported)?;
            Ok(Constant::wholes(x.shape.clone(), numbers))
        }
    }
}

/// The common shape, and for each operand the place of every number.
struct Joined {
    shape: Vec<usize>,
    count: usize,
}

impl Joined {
    fn new(operands: &[&Constant], budget: &mut Budget) -> Result<Self, Refusal> {
        let axes = operands.iter().map(|x| x.shape.len()).max().unwrap_or(0);
        let mut shape = vec![1_usize; axes];
        for x in operands {
            for (side, &of_x) in shape.iter_mut().rev().zip(x.shape.iter().rev()) {
                match (*side, of_x) {
                    (a, b) if a == b || b == 1 => {}
                    (1, b) => *side = b,
                    (a, b) => return Err(Refusal::new(format!("axes of {a} and {b} do not fit together"))),
                }
            }
        }
        let count = budget.take(&shape)?;
        Ok(Self { shape, count })
    }

    /// The place in `x` of every number of the result.
    fn places(&self, x: &Constant) -> Vec<usize> {
        let (mut step, mut strides) = (1, vec![0; self.shape.len()]);
        for (stride, &side) in strides.iter_mut().rev().zip(x.shape.iter().rev()) {
            *stride = if side == 1 { 0 } else { step };
            step *= side;
        }
        places(&self.shape, &strides, self.count).collect()
    }
}

fn binary(kind: &str, a: &Constant, b: &Constant, budget: &mut Budget) -> Result<Constant, Refusal> {
    let joined = Joined::new(&[a, b], budget)?;
    let pairs = joined.places(a).into_iter().zip(joined.places(b));
    match (&a.numbers, &b.numbers) {
        (Numbers::Whole(a), Numbers::Whole(b)) => {
            let result = pairs.map(|(at_a, at_b)| whole(kind, a[at_a], b[at_b])).collect::<Option<_>>();
            let result = result.ok_or_else(|| {
                Refusal::new("it is not defined for these whole numbers, or its result depends on the batch")
            })?;
            Ok(Constant::wholes(joined.shape, result))
        }
        (Numbers::Float(a), Numbers::Float(b)) => {
            let pairs = pairs.map(|(at_a, at_b)| (a[at_a], b[at_b]));
            let compared = |holds: fn(f32, f32) -> bool, pairs: &mut dyn Iterator<Item = (f32, f32)>| {
                let flags = pairs.map(|(a, b)| Dim::fixed(holds(a, b).into())).collect();
                Ok(Constant::wholes(joined.shape.clone(), flags))
            };
            let function: fn(f32, f32) -> f32 = match kind {
                "Add" => |a, b| a + b,
                "Sub" => |a, b| a - b,
                "Mul" => |a, b| a * b,
                "Div" => |a, b| a / b,
                "Pow" => f32::powf,
                "Min" => f32::min,
                "Max" => f32::max,
                "Equal" => return compared(|a, b| a == b, &mut { pairs }),
                "Less" => return compared(|a, b| a < b, &mut { pairs }),
                "Greater" => return compared(|a, b| a > b, &mut { pairs }),
                _ => return Err(Refusal::new("it is not supported for constant floats")),
            };
            Ok(Constant::floats(joined.shape, pairs.map(|(a, b)| function(a, b)).collect()))
        }
        _ => Err(Refusal::new("floats and whole numbers together")),
    }
}

/// None if the result is not defined, overflows, or is not known because it depends on the batch.
fn whole(kind: &str, a: Dim, b: Dim) -> Option<Dim> {
    let (x, y) = (a.size, b.size);
    let both = |size: Option<i64>| size.map(|size| Dim { size, batch: a.batch });
    match (kind, a.batch, b.batch) {
        ("Mul", true, true) => None,
        ("Mul", ..) => Some(Dim { size: x.checked_mul(y)?, batch: a.batch || b.batch }),
        ("Add", ..) if a.batch == b.batch => both(x.checked_add(y)),
        ("Sub", true, true) if x == y => Some(Dim::fixed(0)),
        ("Sub", ..) if a.batch == b.batch => both(x.checked_sub(y)),
        ("Add" | "Sub", true, false) if y == 0 => Some(a),
        ("Div", true, true) if x.checked_rem(y)? == 0 => Some(Dim::fixed(x.checked_div(y)?)),
        ("Div", true, false) if x.checked_rem(y)? == 0 => both(x.checked_div(y)),
        ("Equal", ..) if a.batch == b.batch => Some(Dim::fixed((x == y).into())),
        // The number of crops is positive.
        ("Equal", true, false) if y <= 0 => Some(Dim::fixed(0)),
        ("Equal", false, true) if x <= 0 => Some(Dim::fixed(0)),
        (_, false, false) => {
            let size = match kind {
                "Div" => x.checked_div(y)?,
                "Mod" => x.checked_rem_euclid(y)?,
                "Pow" => x.checked_pow(u32::try_from(y).ok()?)?,
                "Min" => x.min(y),
                "Max" => x.max(y),
                "Less" => (x < y).into(),
                "Greater" => (x > y).into(),
                "And" => (x != 0 && y != 0).into(),
                "Or" => (x != 0 || y != 0).into(),
                _ => return None,
            };
            Some(Dim::fixed(size))
        }
        _ => None,
    }
}

/// `a` where the condition holds, otherwise `b`.
fn chosen(
    condition: &Constant,
    a: &Constant,
    b: &Constant,
    budget: &mut Budget,
) -> Result<Constant, Refusal> {
    let joined = Joined::new(&[condition, a, b], budget)?;
    let unknown = || Refusal::new("its condition depends on the batch");
    let flags = condition.as_integers().ok_or_else(unknown)?;
    let flags = joined.places(condition).into_iter().map(|at| flags[at] != 0);
    let places = flags.zip(joined.places(a).into_iter().zip(joined.places(b)));
    match (&a.numbers, &b.numbers) {
        (Numbers::Whole(a), Numbers::Whole(b)) => {
            let number = |(flag, (at_a, at_b)): (bool, (usize, usize))| if flag { a[at_a] } else { b[at_b] };
            Ok(Constant::wholes(joined.shape, places.map(number).collect()))
        }
        (Numbers::Float(a), Numbers::Float(b)) => {
            let number = |(flag, (at_a, at_b)): (bool, (usize, usize))| if flag { a[at_a] } else { b[at_b] };
            Ok(Constant::floats(joined.shape, places.map(number).collect()))
        }
        _ => Err(Refusal::new("floats and whole numbers together")),
    }
}

/// The product of all numbers of a list.
fn total(x: &Constant, node: &Node<'_>) -> Result<Constant, Refusal> {
    let (Numbers::Whole(numbers), true) = (&x.numbers, x.shape.len() <= 1) else {
        return Err(Refusal::new("it is supported for lists of whole numbers only"));
    };
    let product = numbers.iter().try_fold(Dim::fixed(1), |product, number| whole("Mul", product, *number));
    let product = product.ok_or_else(|| Refusal::new("its result overflows or depends on the batch"))?;
    let shape = if node.int("keepdims", 1) == 1 { vec![1; x.shape.len()] } else { Vec::new() };
    Ok(Constant::wholes(shape, vec![product]))
}
