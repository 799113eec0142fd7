//! ONNX operators as operations of the executor.

mod activation;
mod convolution;
mod layout;
mod norm;
mod product;

use super::Refusal;
use super::builder::Builder;
use super::fold;
use super::node::Node;
use super::value::Value;
use crate::encoder::graph::Op;

/// What the conversion of a node needs to know of the graph.
pub(super) struct Context<'a> {
    pub builder: &'a mut Builder,
    /// The batch size that is fixed in the file, in which constant shapes are written; 1 if it is open.
    pub batch: i64,
    /// Whether the first input of the node has no other use.
    pub is_only_use: bool,
}

/// Converts a node. Returns its outputs; further ones are absent.
///
/// # Errors
/// The operator is not known, or not with these attributes and inputs.
pub(super) fn convert(node: &Node<'_>, context: &mut Context<'_>) -> Result<Vec<Value>, Refusal> {
    let one = |value: Value| Ok(vec![value]);
    match node.kind() {
        "Split" => layout::split(node, context),
        "Shape" => one(Value::Constant(fold::shape(node.input(0)?, node)?)),
        "Identity" | "Cast" | "CastLike" => one(same(node)?),
        "Dropout" => {
            let training = node.optional_constant(2)?.and_then(|constant| constant.as_integers());
            if training.is_some_and(|flag| flag.iter().any(|&flag| flag != 0)) {
                return Err(Refusal::new("it is in training mode; export the model in evaluation mode"));
            }
            one(node.input(0)?.clone())
        }
        "Conv" => one(convolution::conv(node, context)?),
        "MaxPool" | "AveragePool" => one(convolution::pool(node, context)?),
        "GlobalAveragePool" => one(context.builder.add("pool", Op::GlobalAvgPool, &[node.input(0)?])?),
        "Resize" | "Upsample" => one(convolution::upsample(node, context)?),
        "BatchNormalization" => one(norm::batch(node, context)?),
        "LayerNormalization" => one(norm::layer(node, context)?),
        "InstanceNormalization" => one(norm::instance(node, context)?),
        "LpNormalization" => one(norm::lp(node, context)?),
        "Gemm" => one(product::gemm(node, context)?),
        "MatMul" => one(product::matmul(node, context)?),
        "Pad" => one(layout::pad(node, context)?),
        "Reshape" => one(layout::reshape(node, context)?),
        "Flatten" | "Squeeze" | "Unsqueeze" => one(layout::axes(node, context)?),
        "Transpose" => one(layout::transpose(node, context)?),
        "Concat" => one(layout::concat(node, context)?),
        "Slice" => one(layout::slice(node, context)?),
        "Gather" => one(layout::gather(node, context)?),
        "Expand" => one(layout::expand(node, context)?),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceL2" => {
            one(norm::reduce(node, context)?)
        }
        _ => one(activation::convert(node, context)?),
    }
}

/// A value that does not change. Floats of all types are computed as 32-bit floats.
fn same(node: &Node<'_>) -> Result<Value, Refusal> {
    use super::proto::data_type::{BFLOAT16, DOUBLE, FLOAT, FLOAT16, name};
    let to = i32::try_from(node.int("to", FLOAT.into())).unwrap_or(0);
    if ![FLOAT, FLOAT16, DOUBLE, BFLOAT16].contains(&to) {
        return Err(Refusal::new(format!("activations become {}, expected a float type", name(to))));
    }
    Ok(node.input(0)?.clone())
}
