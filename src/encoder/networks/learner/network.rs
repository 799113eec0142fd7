//! A network with gradients.

use std::collections::BTreeMap;

use gallerist::encoder::graph::Op;
use gallerist::encoder::{ChannelOrder, Input};
use gallerist::train::architecture::Network;
use gallerist::train::{Inputs, Precision, Tensors, Values};
use tch::{Device, Kind, TchError, Tensor};

use super::super::graph::{self, Otherwise};
use super::{missing, set, tensor, values};

/// How far running statistics follow those of a batch.
const MOMENTUM: f64 = 0.1;
/// Added to variances.
const EPSILON: f64 = 1e-5;

/// The executor's network, whose tensors have gradients.
pub(super) struct Trainable {
    network: graph::Network,
    parameters: Vec<(String, Tensor)>,
    source: Network,
    /// Mean and variance of each normalised value, by the weight of its [`Op::Affine`].
    statistics: BTreeMap<String, [Tensor; 2]>,
    /// What the factors of convolutions and linear layers are rounded to in a step. Without this the network is that of the encoder.
    factors: Option<Kind>,
}

impl Trainable {
    pub fn new(source: &Network, precision: Precision, device: Device) -> Result<Self, TchError> {
        let tensors = source.tensors.iter();
        let tensors = tensors.map(|(name, values)| Ok((name.clone(), tensor(values, Device::Cpu)?)));
        let tensors = tensors.collect::<Result<_, TchError>>()?;
        let made = graph::Network::trainable(&source.description, &tensors, device);
        let (network, parameters) = made.map_err(TchError::Shape)?;
        let statistics = source.normalised.iter().map(|name| {
            let length = source.tensors.get(name).map_or(0, |values| values.values.len());
            let filled = |value| tensor(&Values { shape: vec![length], values: vec![value; length] }, device);
            Ok::<_, TchError>((name.clone(), [filled(0.0)?, filled(1.0)?]))
        });
        let statistics = statistics.collect::<Result<_, _>>()?;
        let factors = (precision == Precision::Bf16).then_some(Kind::BFloat16);
        Ok(Self { network, parameters, source: source.clone(), statistics, factors })
    }

    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let share = |(name, tensor): &(String, Tensor)| (name.clone(), tensor.shallow_clone());
        self.parameters.iter().map(share).collect()
    }

    /// The input for samples: vectors as they are, faces as the network expects them.
    pub fn input(&self, inputs: &Inputs, device: Device) -> Result<Tensor, TchError> {
        let count = inputs.len() as i64;
        match inputs {
            Inputs::Vectors { dimension, values } => {
                Tensor::f_from_slice(values)?.f_view([count, *dimension as i64])?.f_to_device(device)
            }
            Inputs::Faces { side, pixels } => {
                let side = *side as i64;
                let bytes =
                    Tensor::f_from_slice(pixels)?.f_view([count, side, side, 3])?.f_to_device(device)?;
                let vector = |values: [f32; 3]| Tensor::f_from_slice(&values)?.f_to_device(device);
                let Some(Input { channels, mean, scale, .. }) = &self.source.input else {
                    return Err(TchError::Shape("the network sees vectors, not faces".into()));
                };
                let ordered = match channels {
                    ChannelOrder::Rgb => bytes,
                    ChannelOrder::Bgr => bytes.f_flip([3])?,
                };
                let values = ordered.f_to_kind(Kind::Float)?.f_sub(&vector(*mean)?)?;
                values.f_mul(&vector(scale.factors())?)?.f_permute([0, 3, 1, 2])?.f_contiguous()
            }
        }
    }

    /// The outputs, with the statistics of the batch, which the running ones follow.
    pub fn train(&mut self, input: &Tensor) -> Result<Tensor, TchError> {
        self.forward(input, true)
    }

    /// The outputs, with the running statistics.
    pub fn run(&self, input: &Tensor) -> Result<Tensor, TchError> {
        self.forward(input, false)
    }

    fn forward(&self, input: &Tensor, trains: bool) -> Result<Tensor, TchError> {
        let normalise = |weight: &str, x: &Tensor, [factor, summand]: [&Tensor; 2]| {
            let [mean, variance] = self.statistics.get(weight)?;
            let (factor, summand) = (Some(factor), Some(summand));
            Some(x.f_batch_norm(
                factor,
                summand,
                Some(mean),
                Some(variance),
                trains,
                MOMENTUM,
                EPSILON,
                false,
            ))
        };
        let factors = self.factors.filter(|_| trains);
        let mut outputs = self.network.run_with(input, Otherwise { normalise: &normalise, factors })?;
        outputs.pop().ok_or_else(|| TchError::Shape("the network has no output".into()))
    }

    pub fn state(&self) -> Result<Tensors, TchError> {
        let mut state = Tensors::new();
        for (name, parameter) in self.parameters() {
            state.insert(format!("network/{name}"), values(&parameter)?);
        }
        for (name, statistics) in &self.statistics {
            for (kind, tensor) in ["mean", "variance"].iter().zip(statistics) {
                state.insert(format!("{kind}/{name}"), values(tensor)?);
            }
        }
        Ok(state)
    }

    pub fn restore(&mut self, state: &Tensors) -> Result<(), TchError> {
        let stored = |name: String| state.get(&name).ok_or_else(|| missing(&name));
        for (name, mut parameter) in self.parameters() {
            set(&mut parameter, stored(format!("network/{name}"))?)?;
        }
        for (name, statistics) in &mut self.statistics {
            for (kind, tensor) in ["mean", "variance"].iter().zip(statistics) {
                set(tensor, stored(format!("{kind}/{name}"))?)?;
            }
        }
        Ok(())
    }

    /// The network for an encoder: the running statistics become part of factors and summands.
    pub fn exported(&self) -> Result<Network, TchError> {
        let mut tensors = Tensors::new();
        for (name, parameter) in self.parameters() {
            tensors.insert(name, values(&parameter)?);
        }
        for step in &self.source.description.ops {
            let Op::Affine { weight, bias } = &step.op else { continue };
            let Some(statistics) = self.statistics.get(weight) else { continue };
            let [mean, variance] = [values(&statistics[0])?, values(&statistics[1])?];
            for (at, (mean, variance)) in mean.values.iter().zip(&variance.values).enumerate() {
                let number = |tensors: &Tensors, name: &str| tensors[name].values[at];
                let factor = number(&tensors, weight) / (variance + EPSILON as f32).sqrt();
                let summand = number(&tensors, bias) - mean * factor;
                for (name, value) in [(weight, factor), (bias, summand)] {
                    if let Some(tensor) = tensors.get_mut(name) {
                        tensor.values[at] = value;
                    }
                }
            }
        }
        Ok(Network { tensors, normalised: Vec::new(), ..self.source.clone() })
    }
}
