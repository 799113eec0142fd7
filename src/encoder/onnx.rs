//! The conversion of ONNX files to the executor's graph.
//!
//! The stages: the file is read with limits (`structure`, `proto`); nodes with known inputs are computed (`fold`); the others become
//! operations of the executor (`operators`); the result is checked like any graph that is run ([`graph::check`]).
//!
//! A file runs no code and names no other file that is read. Its memory is bounded: the file itself (at most [`LARGEST_FILE`]), its
//! weights as 32-bit floats once more, constants that are computed from them (at most four times the weights and 4 million numbers),
//! and 600 MiB for the structure.
//!
//! Encoders are described here, detectors in [`detector`].
//!
//! Crops are independent: the axis that counts them is followed through the graph, also if the file fixes the batch size, and a graph that
//! would mix crops is refused. So a file with a fixed batch runs with any.

mod builder;
mod constant;
pub mod detector;
mod file;
mod fold;
mod node;
mod operators;
mod output;
pub mod pack;
mod proto;
mod structure;
mod value;

use std::collections::{BTreeMap, HashMap};

use prost::Message;
use prost::bytes::Bytes;
use thiserror::Error;

use super::graph::{self, FORMATS, Plan};
use builder::{Builder, Tensor};
use fold::Budget;
use node::{Node, described};
use operators::Context;
use proto::{GraphProto, ModelProto};
use value::Value;

/// Largest ONNX file, in bytes. Protocol buffers are not larger.
pub const LARGEST_FILE: u64 = 2 << 30;

/// Why an ONNX file is not converted: one line that names the node, the tensor or the byte.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A converted network.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The content of a safetensors file with the executor's graph.
    pub bytes: Vec<u8>,
    /// Pixels per side of the input.
    pub side: u32,
    /// Length of the output for one crop.
    pub dimension: usize,
    /// What the network needs.
    pub plan: Plan,
    /// Number of operations.
    pub operations: usize,
    /// Number of weights.
    pub weights: usize,
    /// The program that wrote the ONNX file, as it says.
    pub producer: String,
    /// The version of the standard operators.
    pub opset: i64,
    /// What the user should know about the conversion.
    pub notes: Vec<String>,
}

/// Sides that are tried to tell which one a network needs, the most usual first.
const USUAL_SIDES: [u32; 4] = [112, 160, 128, 224];

/// Converts the encoder in an ONNX file: a network from one picture of three channels to one vector. `side` is for files that leave the
/// size of the picture open.
///
/// # Errors
/// The file is damaged, not ONNX, or not self-contained; it is not an encoder; an operator is not supported; it needs too much memory or time.
pub fn convert(bytes: impl Into<Bytes>, side: Option<u32>) -> Result<Converted, Refusal> {
    let model = read(bytes.into())?;
    let opset = file::opset(&model)?;
    let graph = graph_of(&model)?;
    detector::require_none(graph)?;
    let names = output::names(graph)?;
    let entry = file::entry(graph, side)?;
    let (is_open, given) = (entry.is_open, entry.side);
    let refusal = match encoder(&model, graph, opset, entry, &names) {
        Ok(converted) => return Ok(converted),
        Err(refusal) => refusal,
    };
    // With a size that the file leaves open, the network may only fit another one.
    let fits = |side: &&u32| {
        let entry = file::entry(graph, Some(**side));
        entry.is_ok_and(|entry| encoder(&model, graph, opset, entry, &names).is_ok())
    };
    match USUAL_SIDES.iter().filter(|side| is_open && **side != given).find(fits) {
        Some(side) => Err(Refusal::new(format!(
            "the network needs another size of the input: {side} x {side} pixels instead of {given} x {given} ({refusal})"
        ))),
        None => Err(refusal),
    }
}

/// Converts a graph with one or two outputs.
fn encoder(
    model: &ModelProto,
    graph: &GraphProto,
    opset: i64,
    entry: file::Entry<'_>,
    names: &[&str],
) -> Result<Converted, Refusal> {
    let run = |outputs: &[&str], builder: &mut Builder| {
        let picture = Builder::entry(3, i64::from(entry.side));
        let picture = match entry.is_channels_last {
            true => {
                let op = graph::Op::Transpose { order: vec![0, 2, 3, 1] };
                builder.add("transpose", op, &[&picture])?
            }
            false => picture,
        };
        let values = HashMap::from([(entry.name, picture)]);
        follow(graph, values, outputs, builder, opset, entry.batch)
    };
    let (mut taken, mut notes) = (names[0], Vec::new());
    if let [one, other] = graph.output.as_slice() {
        let stated = [one, other].map(|output| output::stated(output, entry.batch));
        let shapes = match stated {
            [Some(one), Some(other)] => [one, other],
            _ => {
                let results = run(names, &mut Builder::new())
                    .map_err(|refusal| Refusal::new(format!("{} ({refusal})", output::several(names))))?;
                [results[0].shape(), results[1].shape()]
            }
        };
        let vector = output::vector(&shapes).ok_or_else(|| output::several(names))?;
        taken = names[vector];
        notes.push(format!(
            "the file has two outputs: {taken:?} is used; {:?}, one number for each face, is not",
            names[1 - vector]
        ));
    }
    let mut builder = Builder::new();
    let results = run(&[taken], &mut builder)?;
    let (description, tensors) = builder.finish(&results)?;
    let shapes = |name: &str| tensors.get(name).map(|tensor| tensor.shape.clone());
    let plan = graph::check(&description, &shapes, [3, i64::from(entry.side)]).map_err(Refusal::new)?;
    let dimension = output::dimension(&plan.outputs[0])?;
    let operations = description.ops.len();
    let weights = tensors.values().map(|tensor| tensor.numbers.len()).sum();
    let text = serde_json::to_string(&description).map_err(|error| Refusal::new(error.to_string()))?;
    let bytes = safetensors(&text, &tensors);
    let producer = producer(model);
    Ok(Converted { bytes, side: entry.side, dimension, plan, operations, weights, producer, opset, notes })
}

/// Reads a file, with limits.
fn read(bytes: Bytes) -> Result<ModelProto, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new("the file is empty"));
    }
    file::recognise(&bytes)?;
    structure::check(&bytes)?;
    let damaged = |error: prost::DecodeError| Refusal::new(format!("not an ONNX file, or damaged: {error}"));
    ModelProto::decode(bytes).map_err(damaged)
}

fn graph_of(model: &ModelProto) -> Result<&GraphProto, Refusal> {
    let graph = model.graph.as_ref().ok_or_else(|| Refusal::new("not an ONNX file: it contains no graph"))?;
    file::require_floats(graph)?;
    Ok(graph)
}

/// The program that wrote a file, as it says.
fn producer(model: &ModelProto) -> String {
    format!("{} {}", model.producer_name, model.producer_version).trim().to_owned()
}

/// Folds or converts every node that the outputs need, in their order, and returns the values of the outputs.
fn follow<'a>(
    graph: &'a GraphProto,
    mut values: HashMap<&'a str, Value>,
    outputs: &[&'a str],
    builder: &mut Builder,
    opset: i64,
    batch: i64,
) -> Result<Vec<Value>, Refusal> {
    let needed = file::needed(graph, outputs)?;
    let uses = file::uses(graph, &needed, outputs);
    let initializers: HashMap<&str, &proto::TensorProto> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let numbers = graph.initializer.iter().map(file::stored).sum();
    let mut budget = Budget::for_file(numbers);
    // How often the nodes read each value of the executor: several names may stand for one.
    let mut readers: HashMap<String, usize> = HashMap::new();
    for (at, proto) in graph.node.iter().enumerate().filter(|(at, _)| needed[*at]) {
        let at_node = |refusal: Refusal| Refusal::new(format!("{}: {refusal}", described(at, proto)));
        let mut inputs = Vec::with_capacity(proto.input.len());
        for name in &proto.input {
            let known = values.get(name.as_str()).cloned();
            let input = match (name.as_str(), known, initializers.get(name.as_str())) {
                ("", ..) => None,
                (_, Some(value), _) => Some(value),
                (_, None, Some(tensor)) => {
                    let value = Value::Constant(constant::decode(tensor).map_err(at_node)?);
                    values.insert(&tensor.name, value.clone());
                    Some(value)
                }
                (name, None, None) => {
                    let reason = format!("its input {name:?} is made by no earlier node and is no weight");
                    return Err(at_node(Refusal::new(reason)));
                }
            };
            inputs.push(input);
        }
        let node = Node { proto, inputs, opset };
        file::supported(proto).map_err(at_node)?;
        let made = match fold::fold(&node, &mut budget).map_err(at_node)? {
            Some(made) => made,
            None => {
                let is_only_use = match node.optional(0) {
                    Some(Value::Run { name, .. }) => readers.get(name) == Some(&1),
                    _ => false,
                };
                let mut context = Context { builder, batch, is_only_use };
                operators::convert(&node, &mut context).map_err(at_node)?
            }
        };
        for (output, value) in proto.output.iter().map(String::as_str).zip(made) {
            if let Value::Run { name, .. } = &value {
                *readers.entry(name.clone()).or_default() += uses.get(output).copied().unwrap_or(0);
            }
            values.insert(output, value);
        }
    }
    let result = |output: &&str| {
        let value = values.get(output).cloned();
        value.ok_or_else(|| Refusal::new(format!("no node makes the output {output:?}")))
    };
    outputs.iter().map(result).collect()
}

/// A safetensors file with the graph and its tensors. The same network always gives the same bytes, because their hash identifies it.
fn safetensors(graph: &str, tensors: &BTreeMap<String, Tensor>) -> Vec<u8> {
    let metadata = BTreeMap::from([("format", FORMATS[1]), ("graph", graph)]);
    let mut header = BTreeMap::from([("__metadata__".to_owned(), serde_json::json!(metadata))]);
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += size_of::<f32>() * tensor.numbers.len();
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": tensor.shape, "data_offsets": [start, end] });
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::json!(header).to_string();
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    for tensor in tensors.values() {
        bytes.extend(tensor.numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes
}

#[cfg(test)]
mod tests;
