//! The networks that are trained, as lists of operations ([`crate::encoder::graph`]).

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::batch::generator;
use super::{Tensors, Values};
use crate::encoder::graph::{Description, INPUT, Op, Step};
use crate::encoder::{ChannelOrder, Input};
use crate::face::Chip;

/// A network with its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Its operations.
    pub description: Description,
    /// Its tensors.
    pub tensors: Tensors,
    /// The weights of those [`Op::Affine`] that normalise with the statistics of the batch while the network is trained (batch
    /// normalisation, arXiv 1502.03167). In an encoder they are a factor and a summand.
    pub normalised: Vec<String>,
    /// How it sees faces; `None` if it sees vectors.
    pub input: Option<Input>,
}

impl Network {
    /// Number of trained weights.
    pub fn parameters(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.values.len()).sum()
    }
}

/// The name of the tensor of a head.
pub const PROJECTION: &str = "projection";

/// A projection of vectors: `rows` components from `columns`. `matrix` is given row by row.
pub fn head(matrix: Vec<f32>, [rows, columns]: [usize; 2]) -> Network {
    let linear = Op::Linear { weight: PROJECTION.into(), bias: None };
    let step = Step { op: linear, inputs: vec![INPUT.into()], out: "embedding".into() };
    Network {
        description: Description { outputs: vec!["embedding".into()], ops: vec![step] },
        tensors: Tensors::from([(PROJECTION.into(), Values { shape: vec![rows, columns], values: matrix })]),
        normalised: Vec::new(),
        input: None,
    }
}

/// A small network for faces of 112 x 112 pixels, which it reduces to 56 x 56: depthwise separable convolutions (arXiv 1704.04861) with
/// residuals, a global depthwise convolution (arXiv 1804.07573), about 240,000 weights.
pub fn small(dimension: usize, seed: u64) -> Network {
    let mut builder = Builder {
        ops: Vec::new(),
        tensors: Tensors::new(),
        normalised: Vec::new(),
        random: generator(seed, 0, 9),
        value: INPUT.into(),
    };
    builder.op(Op::AvgPool { kernel: [2, 2], stride: [2, 2], pad: [0; 4], ceil: false, count_pad: false });
    builder.convolution([32, 3, 3, 3], 2, 1, true);
    builder.separable(32, 64, 1);
    builder.separable(64, 128, 2);
    for _ in 0..3 {
        let before = builder.value.clone();
        builder.separable(128, 128, 1);
        builder.add(before);
    }
    builder.separable(128, 256, 2);
    let before = builder.value.clone();
    builder.separable(256, 256, 1);
    builder.add(before);
    // 56 -> 28 -> 14 -> 7
    builder.global(256, 7);
    builder.op(Op::Flatten { order: "CHW".into() });
    let weight = builder.tensor("linear", vec![dimension, 256], (1.0 / 256.0_f32).sqrt());
    builder.op(Op::Linear { weight, bias: None });
    Network {
        description: Description { outputs: vec![builder.value], ops: builder.ops },
        tensors: builder.tensors,
        normalised: builder.normalised,
        input: Some(Input {
            chip: Chip::ARCFACE_112,
            channels: ChannelOrder::Rgb,
            mean: [127.5; 3],
            scale: (1.0 / 128.0).into(),
        }),
    }
}

struct Builder {
    ops: Vec<Step>,
    tensors: Tensors,
    normalised: Vec<String>,
    random: ChaCha8Rng,
    /// The value that the next operation reads.
    value: String,
}

impl Builder {
    fn op(&mut self, op: Op) {
        self.of(op, vec![self.value.clone()]);
    }

    fn of(&mut self, op: Op, inputs: Vec<String>) {
        let out = format!("v{}", self.ops.len());
        self.ops.push(Step { op, inputs, out: out.clone() });
        self.value = out;
    }

    fn add(&mut self, other: String) {
        self.of(Op::Add, vec![self.value.clone(), other]);
    }

    /// A tensor of normally distributed numbers.
    fn tensor(&mut self, kind: &str, shape: Vec<usize>, deviation: f32) -> String {
        let count: usize = shape.iter().product();
        let random = &mut self.random;
        let values = (0..count).map(|_| deviation * normal(random)).collect();
        self.named(kind, Values { shape, values })
    }

    fn constant(&mut self, kind: &str, length: usize, value: f32) -> String {
        self.named(kind, Values { shape: vec![length], values: vec![value; length] })
    }

    fn named(&mut self, kind: &str, values: Values) -> String {
        let name = format!("{kind}{:02}", self.tensors.len());
        self.tensors.insert(name.clone(), values);
        name
    }

    /// A convolution of square kernels that keeps the size up to the stride, and its normalisation.
    fn convolution(&mut self, shape: [usize; 4], stride: i64, groups: i64, activates: bool) {
        let [outputs, inputs, side, _] = shape;
        let fan_in = (inputs * side * side) as f32;
        let weight = self.tensor("conv", shape.to_vec(), (2.0 / fan_in).sqrt());
        let border = (side / 2) as i64;
        self.op(Op::Conv {
            weight,
            bias: None,
            stride: [stride; 2],
            pad: [border; 4],
            groups,
            dilation: [1, 1],
        });
        self.normalise(outputs);
        if activates {
            let weight = self.constant("slope", outputs, 0.25);
            self.op(Op::Prelu { weight });
        }
    }

    fn normalise(&mut self, channels: usize) {
        let weight = self.constant("factor", channels, 1.0);
        let bias = self.constant("summand", channels, 0.0);
        self.normalised.push(weight.clone());
        self.op(Op::Affine { weight, bias });
    }

    fn separable(&mut self, inputs: usize, outputs: usize, stride: i64) {
        self.convolution([inputs, 1, 3, 3], stride, inputs as i64, true);
        self.convolution([outputs, inputs, 1, 1], 1, 1, true);
    }

    /// A depthwise convolution over the whole picture.
    fn global(&mut self, channels: usize, side: usize) {
        let deviation = (1.0 / (side * side) as f32).sqrt();
        let weight = self.tensor("conv", vec![channels, 1, side, side], deviation);
        let groups = channels as i64;
        self.op(Op::Conv { weight, bias: None, stride: [1, 1], pad: [0; 4], groups, dilation: [1, 1] });
        self.normalise(channels);
    }
}

/// A normally distributed number (Box and Muller, 1958).
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let (u, v): (f32, f32) = (1.0 - random.random::<f32>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::graph;

    #[test]
    fn the_small_network_is_a_valid_encoder() {
        let network = small(128, 1);
        assert_eq!(network, small(128, 1));
        assert_ne!(network, small(128, 2));
        let parameters = network.parameters();
        assert!((200_000..300_000).contains(&parameters), "{parameters}");
        let shape = |name: &str| {
            network.tensors.get(name).map(|tensor| tensor.shape.iter().map(|&side| side as i64).collect())
        };
        let plan = graph::check(&network.description, &shape, [3, 112]).unwrap();
        plan.require_vector(128).unwrap();
    }

    #[test]
    fn random_numbers_are_normal() {
        let mut random = generator(1, 0, 9);
        let numbers: Vec<f32> = (0..100_000).map(|_| normal(&mut random)).collect();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f32>() / 1e5;
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.02 && (moment(4) - 3.0).abs() < 0.1);
    }
}
