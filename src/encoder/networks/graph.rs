//! The executor of networks as data ([`gallerist::encoder::graph`]). It runs all built-in and imported networks.

mod file;
mod kernels;
mod op;

use std::collections::HashMap;
use std::sync::Arc;

use gallerist::encoder::graph::{Description, INPUT, Op};
use tch::{Device, Kind, TchError, Tensor};

use super::pool::Handle;
pub(super) use file::parse;

/// A network that is ready to run: operations with their tensors; values have numbers.
pub(super) struct Network {
    steps: Vec<Node>,
    outputs: Vec<usize>,
    values: usize,
    device: Device,
    /// The same network for the CPU, if it consists of operations that are faster without libtorch.
    kernels: Option<Arc<gallerist_kernels::Network>>,
}

/// Computes an [`Op::Affine`] in another way; see [`Network::run_with`].
pub(super) type Normalise<'a> = dyn Fn(&str, &Tensor, [&Tensor; 2]) -> Option<Result<Tensor, TchError>> + 'a;

/// How operations are computed in another way than that of an encoder.
#[derive(Clone, Copy)]
pub(super) struct Otherwise<'a> {
    /// May compute an [`Op::Affine`], given the name of its weight, its input, its weight and its bias.
    pub normalise: &'a Normalise<'a>,
    /// The factors of convolutions and linear layers are rounded to this kind.
    pub factors: Option<Kind>,
}

impl Otherwise<'_> {
    const NO: Self = Self { normalise: &|_, _, _| None, factors: None };
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
        let placed = |tensor: &Tensor| arranged(tensor, device)?.f_to_device(device);
        let tensor = |name: &String| -> Result<Tensor, String> {
            let found = tensors.get(name).ok_or_else(|| unknown(name))?;
            placed(found).map_err(|error| error.to_string())
        };
        let mut network = Self::assembled(description, &tensor, device)?;
        let kernels = (device == Device::Cpu).then(|| kernels::network(description, tensors)).flatten();
        network.kernels = kernels.map(Arc::new);
        Ok(network)
    }

    /// As [`Self::new`], with a gradient for every tensor. Returns these too.
    pub fn trainable(
        description: &Description,
        tensors: &HashMap<String, Tensor>,
        device: Device,
    ) -> Result<(Self, Vec<(String, Tensor)>), String> {
        let leaf = |tensor: &Tensor| {
            arranged(tensor, device)?.f_to_device(device)?.f_detach()?.f_set_requires_grad(true)
        };
        let mut leaves = HashMap::new();
        for name in description.ops.iter().flat_map(|step| step.op.tensors()).flatten() {
            let found = tensors.get(name).ok_or_else(|| unknown(name))?;
            leaves.insert(name.clone(), leaf(found).map_err(|error| error.to_string())?);
        }
        let shared = |name: &String| leaves.get(name).map(Tensor::shallow_clone).ok_or_else(|| unknown(name));
        let network = Self::assembled(description, &shared, device)?;
        let mut leaves: Vec<(String, Tensor)> = leaves.into_iter().collect();
        leaves.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok((network, leaves))
    }

    fn assembled(
        description: &Description,
        tensor: &dyn Fn(&String) -> Result<Tensor, String>,
        device: Device,
    ) -> Result<Self, String> {
        let mut numbers = HashMap::from([(INPUT, 0)]);
        let mut steps = Vec::new();
        for (at, step) in description.ops.iter().enumerate() {
            if step.op.arity().map_or(step.inputs.is_empty(), |arity| step.inputs.len() != arity) {
                return Err(format!("operation {at} has {} inputs", step.inputs.len()));
            }
            let inputs = step.inputs.iter().map(|name| number(&numbers, name)).collect::<Result<_, _>>()?;
            let [weight, bias] = step.op.tensors();
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
        Ok(Self { steps, outputs, values: numbers.len(), device, kernels: None })
    }

    /// Runs the network on `input` (N, C, H, W). Returns its outputs in the order of the description.
    pub fn run(&self, input: Tensor) -> Result<Vec<Tensor>, TchError> {
        // The kernels refuse shapes that they are not made for, such as sums of unequal shapes. libtorch then runs the network.
        match self.kernels.as_ref().map(|kernels| kernels::run(kernels, &input)) {
            Some(Ok(outputs)) => Ok(outputs),
            _ => self.steps(&input, None, Otherwise::NO),
        }
    }

    /// Runs the network on a picture that consists of several. `outside` (1, 1, H, W) says which values before the first pooling do
    /// not belong to one of them; the pooling ignores these.
    pub fn run_within(&self, input: &Tensor, outside: &Tensor) -> Result<Vec<Tensor>, TchError> {
        self.steps(input, Some(outside), Otherwise::NO)
    }

    /// Runs the network without kernels, and some operations otherwise.
    pub fn run_with(&self, input: &Tensor, otherwise: Otherwise<'_>) -> Result<Vec<Tensor>, TchError> {
        self.steps(input, None, otherwise)
    }

    fn steps(
        &self,
        input: &Tensor,
        mut outside: Option<&Tensor>,
        otherwise: Otherwise<'_>,
    ) -> Result<Vec<Tensor>, TchError> {
        let mut values: Vec<Option<Tensor>> = (0..self.values).map(|_| None).collect();
        let crops = input.size().first().copied().unwrap_or(0);
        values[0] = Some(arranged(input, self.device)?);
        for step in &self.steps {
            if let (Op::MaxPool { .. }, Some(outside), &[from]) = (&step.op, outside, &step.inputs[..]) {
                let masked = values[from].as_ref().ok_or_else(missing)?;
                values[from] = Some(masked.f_masked_fill(outside, f64::NEG_INFINITY)?);
            }
            if matches!(step.op, Op::MaxPool { .. }) {
                outside = None;
            }
            let result = match step.otherwise(&values, otherwise) {
                Some(result) => result?,
                None => step.apply(&values, crops)?,
            };
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
    /// The result if it is computed otherwise.
    fn otherwise(
        &self,
        values: &[Option<Tensor>],
        Otherwise { normalise, factors }: Otherwise<'_>,
    ) -> Option<Result<Tensor, TchError>> {
        let input = self.inputs.first().and_then(|&at| values[at].as_ref());
        match (&self.op, factors) {
            (Op::Affine { weight: name, .. }, _) => {
                normalise(name, input?, [self.weight.as_ref()?, self.bias.as_ref()?])
            }
            (Op::Conv { .. } | Op::Linear { .. }, Some(kind)) => Some(self.rounded(input?, kind)),
            _ => None,
        }
    }

    /// The result in single precision of an operation whose input and tensors are rounded to `kind`.
    fn rounded(&self, input: &Tensor, kind: Kind) -> Result<Tensor, TchError> {
        let round = |tensor: &Tensor| tensor.f_to_kind(kind);
        let node = Self {
            op: self.op.clone(),
            weight: self.weight.as_ref().map(round).transpose()?,
            bias: self.bias.as_ref().map(round).transpose()?,
            inputs: vec![0],
            out: 0,
            last_use: Vec::new(),
        };
        node.apply(&[Some(round(input)?)], 0)?.f_to_kind(Kind::Float)
    }
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

fn unknown(name: &str) -> String {
    format!("the graph names a tensor {name:?} that does not exist")
}

fn missing() -> TchError {
    TchError::Shape("the operations of the graph do not fit together".into())
}
