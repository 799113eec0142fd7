//! Networks as data. The metadata of a safetensors file contains the list of operations that makes a network of its tensors.
//! One small executor runs all of these networks.
//!
//! `__metadata__` contains `format = "gallerist-graph-1"` and `graph`, a JSON text with one network, or several by name. A
//! network is `{"outputs": [value, ...], "ops": [{"op": kind, "in": [value, ...], "out": value, ...}, ...]}`.
//! Values have names, and the first value is `input`. [`Op`] lists the kinds and their attributes. Activations are
//! N, C, H, W; [`arranged`] determines their order in memory.

mod kernels;

use std::collections::HashMap;
use std::sync::Arc;

use safetensors::SafeTensors;
use serde::Deserialize;
use tch::{Device, TchError, Tensor};

use super::pool::Handle;

/// A network as described in the file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Description {
    outputs: Vec<String>,
    ops: Vec<Step>,
}

#[derive(Debug, Clone, Deserialize)]
struct Step {
    #[serde(flatten)]
    op: Op,
    #[serde(rename = "in")]
    inputs: Vec<String>,
    out: String,
}

/// Kinds of operations. `stride` and `kernel` are rows, columns. `pad` is the number of zeros at top, left, bottom, right.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Conv {
        weight: String,
        bias: Option<String>,
        stride: [i64; 2],
        pad: [i64; 4],
        groups: i64,
    },
    Linear {
        weight: String,
        bias: Option<String>,
    },
    Prelu {
        weight: String,
    },
    Relu,
    Add,
    MaxPool {
        kernel: [i64; 2],
        stride: [i64; 2],
        pad: [i64; 4],
        ceil: bool,
    },
    AvgPool {
        kernel: [i64; 2],
        stride: [i64; 2],
        pad: [i64; 4],
        ceil: bool,
    },
    GlobalAvgPool,
    /// Appends zeros to the first input, in channels, rows and columns, until it is as large as the second.
    ZeroPadTo,
    /// To shape N, F. `order` names the axes from the slowest to the fastest.
    Flatten {
        order: String,
    },
    Softmax {
        axis: i64,
    },
}

/// A network that is ready to run: operations with their tensors; values have numbers.
pub(super) struct Network {
    steps: Vec<Node>,
    outputs: Vec<usize>,
    values: usize,
    device: Device,
    /// The same network for the CPU, if it consists of operations that are faster without libtorch.
    kernels: Option<Arc<gallerist_kernels::Network>>,
}

struct Node {
    op: Op,
    weight: Option<Tensor>,
    bias: Option<Tensor>,
    inputs: Vec<usize>,
    out: usize,
    /// Values that no later step uses.
    last_use: Vec<usize>,
}

impl Network {
    /// Combines a description with its tensors, moved to `device`.
    ///
    /// # Errors
    /// One line that names the problem: an unknown tensor or value, or the message of libtorch.
    pub fn new(
        description: &Description,
        tensors: &HashMap<String, Tensor>,
        device: Device,
    ) -> Result<Self, String> {
        let tensor = |name: &String| -> Result<Tensor, String> {
            let found = tensors
                .get(name)
                .ok_or_else(|| format!("the graph names a tensor {name:?} that does not exist"))?;
            arranged(found, device)
                .and_then(|tensor| tensor.f_to_device(device))
                .map_err(|error| error.to_string())
        };
        let mut numbers = HashMap::from([("input", 0)]);
        let mut steps = Vec::new();
        for (at, step) in description.ops.iter().enumerate() {
            let wanted = if matches!(step.op, Op::Add | Op::ZeroPadTo) { 2 } else { 1 };
            if step.inputs.len() != wanted {
                return Err(format!("operation {at} has {} inputs, expected {wanted}", step.inputs.len()));
            }
            let inputs = step.inputs.iter().map(|name| number(&numbers, name)).collect::<Result<_, _>>()?;
            let (weight, bias) = match &step.op {
                Op::Conv { weight, bias, .. } | Op::Linear { weight, bias } => (Some(weight), bias.as_ref()),
                Op::Prelu { weight } => (Some(weight), None),
                _ => (None, None),
            };
            let (weight, bias) = (weight.map(tensor).transpose()?, bias.map(tensor).transpose()?);
            let out = numbers.len();
            if numbers.insert(&step.out, out).is_some() {
                return Err(format!("operation {at} outputs {:?} a second time", step.out));
            }
            steps.push(Node { op: step.op.clone(), weight, bias, inputs, out, last_use: Vec::new() });
        }
        let outputs: Vec<usize> =
            description.outputs.iter().map(|name| number(&numbers, name)).collect::<Result<_, _>>()?;
        let mut seen: Vec<usize> = outputs.clone();
        for step in steps.iter_mut().rev() {
            step.last_use = step.inputs.iter().copied().filter(|input| !seen.contains(input)).collect();
            step.last_use.dedup();
            seen.extend(&step.inputs);
        }
        let kernels = (device == Device::Cpu).then(|| kernels::network(description, tensors)).flatten();
        Ok(Self { steps, outputs, values: numbers.len(), device, kernels: kernels.map(Arc::new) })
    }

    /// Runs the network on `input` (N, C, H, W). Returns its outputs in the order of the description.
    pub fn run(&self, input: Tensor) -> Result<Vec<Tensor>, TchError> {
        if let Some(kernels) = &self.kernels {
            return kernels::run(kernels, &input);
        }
        self.steps(&input, None)
    }

    /// Runs the network on a picture that consists of several. `outside` (1, 1, H, W) says which values before the first pooling do
    /// not belong to one of them; the pooling ignores these.
    pub fn run_within(&self, input: &Tensor, outside: &Tensor) -> Result<Vec<Tensor>, TchError> {
        self.steps(input, Some(outside))
    }

    fn steps(&self, input: &Tensor, mut outside: Option<&Tensor>) -> Result<Vec<Tensor>, TchError> {
        let mut values: Vec<Option<Tensor>> = (0..self.values).map(|_| None).collect();
        values[0] = Some(arranged(input, self.device)?);
        for step in &self.steps {
            if let (Op::MaxPool { .. }, Some(outside), &[from]) = (&step.op, outside, &step.inputs[..]) {
                let masked = values[from].as_ref().ok_or_else(missing)?;
                values[from] = Some(masked.f_masked_fill(outside, f64::NEG_INFINITY)?);
            }
            if matches!(step.op, Op::MaxPool { .. }) {
                outside = None;
            }
            let result = step.apply(&values)?;
            values[step.out] = Some(result);
            for &done in &step.last_use {
                values[done] = None;
            }
        }
        self.outputs
            .iter()
            .map(|&at| values[at].as_ref().map(Tensor::shallow_clone).ok_or_else(missing))
            .collect()
    }
}

impl Node {
    fn apply(&self, values: &[Option<Tensor>]) -> Result<Tensor, TchError> {
        let input = |at: usize| self.inputs.get(at).and_then(|&i| values[i].as_ref()).ok_or_else(missing);
        let weight = || self.weight.as_ref().ok_or_else(missing);
        let x = input(0)?;
        match &self.op {
            Op::Conv { stride, pad, groups, .. } => {
                let [top, left, bottom, right] = *pad;
                if (top, left) == (bottom, right) {
                    return convolve(x, weight()?, self.bias.as_ref(), *stride, [top, left], *groups);
                }
                let padded = x.f_constant_pad_nd([left, right, top, bottom])?;
                convolve(&padded, weight()?, self.bias.as_ref(), *stride, [0, 0], *groups)
            }
            Op::Linear { .. } => x.f_linear(weight()?, self.bias.as_ref()),
            Op::Prelu { .. } => x.f_prelu(weight()?),
            Op::Relu => x.f_relu(),
            Op::Add => x.f_add(input(1)?),
            Op::MaxPool { kernel, stride, pad, ceil } => {
                let [top, left, ..] = *pad;
                x.f_max_pool2d(kernel, stride, [top, left], [1, 1], *ceil)
            }
            Op::AvgPool { kernel, stride, pad, ceil } => {
                let [top, left, ..] = *pad;
                x.f_avg_pool2d(kernel, stride, [top, left], *ceil, false, None)
            }
            Op::GlobalAvgPool => x.f_adaptive_avg_pool2d([1, 1]),
            Op::ZeroPadTo => {
                let (from, to) = (x.size(), input(1)?.size());
                let more = |axis: usize| Some((to.get(axis)? - from.get(axis)?).max(0));
                let more = (more(1), more(2), more(3));
                let (Some(channels), Some(rows), Some(columns)) = more else { return Err(missing()) };
                x.f_constant_pad_nd([0, columns, 0, rows, 0, channels])
            }
            Op::Flatten { order } => {
                let axis = |name: char| "NCHW".find(name).map(|at| at as i64);
                let axes: Option<Vec<i64>> = ['N'].into_iter().chain(order.chars()).map(axis).collect();
                let axes = axes.filter(|axes| axes.len() == 4).ok_or_else(missing)?;
                x.f_permute(axes)?.f_flatten(1, 3)
            }
            Op::Softmax { axis } => x.f_softmax(*axis, tch::Kind::Float),
        }
    }
}

/// A convolution in single precision. By default libtorch rounds the factors to TF32 on CUDA devices. With that rounding the templates of a
/// photo on CUDA and on the CPU had cosines down to 0.984.
fn convolve(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: [i64; 2],
    padding: [i64; 2],
    groups: i64,
) -> Result<Tensor, TchError> {
    let (dilation, transposed, more) = ([1, 1], false, [0, 0]);
    let (benchmark, deterministic, cudnn, tf32) = (false, true, true, false);
    input.f_internal_convolution(
        weight,
        bias,
        stride,
        padding,
        dilation,
        transposed,
        more,
        groups,
        benchmark,
        deterministic,
        cudnn,
        tf32,
    )
}

impl Handle for Network {
    fn another(&self) -> Self {
        let share = |tensor: &Option<Tensor>| tensor.as_ref().map(Tensor::shallow_clone);
        let steps = self.steps.iter().map(|node| Node {
            op: node.op.clone(),
            weight: share(&node.weight),
            bias: share(&node.bias),
            inputs: node.inputs.clone(),
            out: node.out,
            last_use: node.last_use.clone(),
        });
        Self {
            steps: steps.collect(),
            outputs: self.outputs.clone(),
            values: self.values,
            device: self.device,
            kernels: self.kernels.clone(),
        }
    }
}

/// Networks by name. The only network of a file has the name "".
type Descriptions = HashMap<String, Description>;

/// The networks in a file, and all of its tensors.
pub(super) fn parse(bytes: &[u8]) -> Result<(Descriptions, HashMap<String, Tensor>), String> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    let entry = |key: &str| metadata.metadata().as_ref().and_then(|entries| entries.get(key));
    match entry("format").map(String::as_str) {
        Some("gallerist-graph-1") => {}
        other => return Err(format!("its format is {other:?}, expected \"gallerist-graph-1\"")),
    }
    let text = entry("graph").ok_or("its metadata contains no graph")?;
    let wrong = |error: serde_json::Error| format!("its graph cannot be read: {error}");
    let value: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
    let networks = if value.get("ops").is_some() {
        HashMap::from([(String::new(), serde_json::from_value(value).map_err(wrong)?)])
    } else {
        serde_json::from_value(value).map_err(wrong)?
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    let mut tensors = HashMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != safetensors::Dtype::F32 {
            return Err(format!("tensor {name:?} is {:?}, expected F32", view.dtype()));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, tch::Kind::Float);
        tensors.insert(name.clone(), tensor.map_err(|error| format!("tensor {name:?}: {error}"))?);
    }
    Ok((networks, tensors))
}

/// The same values in the memory order that is fastest for small convolutions: on a CPU with the channels innermost. On CUDA devices
/// that order made libtorch run depthwise convolutions with cuDNN, which prepares them again in every thread: with 16 threads, 1,000
/// photos took 59 s, and 4 s in the usual order.
fn arranged(tensor: &Tensor, device: Device) -> Result<Tensor, TchError> {
    match (tensor.dim(), device) {
        (4, Device::Cpu) => tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2]),
        _ => tensor.f_contiguous(),
    }
}

fn number(numbers: &HashMap<&str, usize>, name: &str) -> Result<usize, String> {
    numbers
        .get(name)
        .copied()
        .ok_or_else(|| format!("the graph names a value {name:?} that no operation outputs"))
}

fn missing() -> TchError {
    TchError::Shape("the operations of the graph do not fit together".into())
}
