//! The check of a network before it runs: every shape, the memory of its activations and the number of its products.

use std::collections::HashMap;

use super::op::Op;
use super::shape::{Dim, Shape, TensorShapes, product, told};
use super::{Description, INPUT};

/// Most numbers in the values that exist at one time, per crop: 256 MiB of 32-bit floats.
pub const LARGEST_ACTIVATIONS: i64 = 64 << 20;
/// Most multiplications per crop. IResNet-100 needs 1.2e10.
pub const MOST_PRODUCTS: i64 = 1_000_000_000_000;
/// Most operations of a network.
const MOST_OPERATIONS: usize = 100_000;

/// What a network needs and makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The shapes of the outputs.
    pub outputs: Vec<Shape>,
    /// Numbers in the values that exist at one time, per crop.
    pub activations: i64,
    /// Multiplications per crop, roughly.
    pub products: i64,
}

impl Plan {
    /// Requires one output: a vector of `dimension` numbers for each crop.
    ///
    /// # Errors
    /// One line with the outputs.
    pub fn require_vector(&self, dimension: usize) -> Result<(), String> {
        let is_vector =
            |shape: &Shape| product(shape).and_then(|size| usize::try_from(size).ok()) == Some(dimension);
        if self.outputs.len() == 1 && self.outputs.iter().all(is_vector) {
            return Ok(());
        }
        let outputs: Vec<String> = self.outputs.iter().map(|shape| told(shape)).collect();
        Err(format!("its outputs are {}, expected one vector of {dimension} numbers", outputs.join(", ")))
    }
}

struct Value {
    shape: Shape,
    /// The last operation that reads it.
    last_use: usize,
}

/// Follows the shapes through the network, for crops of `channels` x `side` x `side`.
///
/// # Errors
/// One line that names the operation: its inputs do not fit, or the network needs more memory or time than permitted.
pub fn check(
    network: &Description,
    tensors: &TensorShapes<'_>,
    [channels, side]: [i64; 2],
) -> Result<Plan, String> {
    let crops = vec![Dim::batch(1), Dim::fixed(channels), Dim::fixed(side), Dim::fixed(side)];
    let plan = followed(network, tensors, crops)?;
    for (name, shape) in network.outputs.iter().zip(&plan.outputs) {
        if shape.first() != Some(&Dim::batch(1)) {
            let shape = told(shape);
            return Err(format!(
                "output {name:?} has the shape {shape}, which does not begin with one row per crop"
            ));
        }
    }
    Ok(plan)
}

/// Follows the shapes through a network that runs on one picture at a time, of `channels` x `rows` x `columns`.
///
/// # Errors
/// As [`check`].
pub fn check_single(
    network: &Description,
    tensors: &TensorShapes<'_>,
    [channels, rows, columns]: [i64; 3],
) -> Result<Plan, String> {
    followed(network, tensors, [1, channels, rows, columns].map(Dim::fixed).to_vec())
}

fn followed(network: &Description, tensors: &TensorShapes<'_>, entry: Shape) -> Result<Plan, String> {
    if network.ops.len() > MOST_OPERATIONS {
        return Err(format!("{} operations, expected at most {MOST_OPERATIONS}", network.ops.len()));
    }
    let mut last_use: HashMap<&str, usize> = HashMap::new();
    for (at, step) in network.ops.iter().enumerate() {
        last_use.extend(step.inputs.iter().map(|name| (name.as_str(), at)));
    }
    last_use.extend(network.outputs.iter().map(|name| (name.as_str(), usize::MAX)));
    let last = |name: &str, made: usize| last_use.get(name).copied().unwrap_or(made);

    let mut live = product(&entry).ok_or("the input is too large")?;
    let mut values = HashMap::from([(INPUT, Value { shape: entry, last_use: last(INPUT, 0) })]);
    let (mut activations, mut products) = (live, 0_i64);
    for (at, step) in network.ops.iter().enumerate() {
        let wrong = |reason: String| format!("operation {at} ({:?}): {reason}", step.out);
        let inputs = step.inputs.iter().map(|name| {
            let value = values.get(name.as_str()).map(|value| value.shape.as_slice());
            value.ok_or_else(|| wrong(format!("no operation before it makes {name:?}")))
        });
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let shape = step.op.shape(&inputs, tensors).map_err(&wrong)?;
        let size = product(&shape).ok_or_else(|| wrong("its result is too large".into()))?;
        products = products.saturating_add(work(&step.op, &inputs, size, tensors));
        live = live.saturating_add(size);
        activations = activations.max(live);
        if activations > LARGEST_ACTIVATIONS || products > MOST_PRODUCTS {
            return Err(wrong(format!(
                "the network needs more than {LARGEST_ACTIVATIONS} numbers at a time, or {MOST_PRODUCTS} products, \
                 for one crop"
            )));
        }
        if values.insert(&step.out, Value { shape, last_use: last(&step.out, at) }).is_some() {
            return Err(wrong("an earlier value has the same name".into()));
        }
        for name in step.inputs.iter().chain([&step.out]) {
            if let Some(value) = values.get_mut(name.as_str()).filter(|value| value.last_use == at) {
                live -= product(&value.shape).unwrap_or(0);
                value.last_use = usize::MAX; // released once, also if it is read twice
            }
        }
    }
    let output = |name: &String| match values.get(name.as_str()) {
        Some(value) => Ok(value.shape.clone()),
        None => Err(format!("no operation makes the output {name:?}")),
    };
    let outputs = network.outputs.iter().map(output).collect::<Result<_, _>>()?;
    Ok(Plan { outputs, activations, products })
}

/// Multiplications, or comparisons of a pooling, for a result of `size` numbers.
fn work(op: &Op, inputs: &[&[Dim]], size: i64, tensors: &TensorShapes<'_>) -> i64 {
    let each = match op {
        Op::Conv { weight, .. } | Op::Linear { weight, .. } => {
            let weight = tensors(weight).unwrap_or_default();
            weight.iter().skip(1).fold(1, |product: i64, side| product.saturating_mul(*side))
        }
        Op::Matmul => inputs[0].last().map_or(1, |dim| dim.size),
        Op::MaxPool { kernel, .. } | Op::AvgPool { kernel, .. } => kernel[0].saturating_mul(kernel[1]),
        Op::Reduce { .. } | Op::GlobalAvgPool => return product(inputs[0]).unwrap_or(i64::MAX),
        _ => 1,
    };
    size.saturating_mul(each)
}
