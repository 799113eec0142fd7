//! The operations.

use serde::{Deserialize, Serialize};

/// Kinds of operations. `weight` and `bias` name tensors of the file. `stride`, `kernel` and `dilation` are rows, columns. `pad` is the number of
/// values added at top, left, bottom, right. Axes count from 0, the crops included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of the field
pub enum Op {
    /// A tensor of the file. It has no inputs.
    Constant {
        weight: String,
    },
    /// Two-dimensional convolution with zeros as padding. The weight is outputs x inputs / groups x rows x columns.
    Conv {
        weight: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<String>,
        stride: [i64; 2],
        pad: [i64; 4],
        groups: i64,
        #[serde(default = "ones", skip_serializing_if = "are_ones")]
        dilation: [i64; 2],
    },
    /// Along the last axis. The weight is outputs x inputs.
    Linear {
        weight: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<String>,
    },
    /// `x * weight + bias` per channel (axis 1).
    Affine {
        weight: String,
        bias: String,
    },
    /// Over the last axes, as many as the weight has.
    LayerNorm {
        weight: String,
        bias: String,
        epsilon: f64,
    },
    /// One slope per channel (axis 1), or one for all.
    Prelu {
        weight: String,
    },
    Relu,
    Sigmoid,
    Tanh,
    Erf,
    Exp,
    Log,
    Sqrt,
    Neg,
    Abs,
    Reciprocal,
    Softplus,
    HardSwish,
    Silu,
    LeakyRelu {
        slope: f64,
    },
    Elu {
        alpha: f64,
    },
    /// `max(0, min(1, alpha * x + beta))`
    HardSigmoid {
        alpha: f64,
        beta: f64,
    },
    /// An absent bound does not bound.
    Clip {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
    },
    /// With the error function, or with its approximation by tanh.
    Gelu {
        tanh: bool,
    },
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Minimum,
    Maximum,
    /// The product of matrices over the last two axes.
    Matmul,
    MaxPool {
        kernel: [i64; 2],
        stride: [i64; 2],
        pad: [i64; 4],
        ceil: bool,
    },
    /// Padding is not counted, unless `count_pad`.
    AvgPool {
        kernel: [i64; 2],
        stride: [i64; 2],
        pad: [i64; 4],
        ceil: bool,
        #[serde(default, skip_serializing_if = "is_false")]
        count_pad: bool,
    },
    GlobalAvgPool,
    /// Over these axes, which remain with length 1 if `keep`.
    Reduce {
        how: Reduction,
        axes: Vec<usize>,
        keep: bool,
    },
    Softmax {
        axis: i64,
    },
    /// In the order of the axes, the last one fastest. One entry is -1: the axis of the crops, or in a constant the rest.
    Reshape {
        shape: Vec<i64>,
    },
    Transpose {
        order: Vec<usize>,
    },
    Concat {
        axis: usize,
    },
    /// Every `step`-th from `start` up to but without `end`.
    Slice {
        axis: usize,
        start: i64,
        end: i64,
        step: i64,
    },
    /// The slices with these numbers, in this order.
    Gather {
        axis: usize,
        indices: Vec<i64>,
    },
    /// `pads` is the number of values before and after, per axis.
    Pad {
        pads: Vec<[i64; 2]>,
        value: f64,
    },
    /// Repeats axes of length 1. One entry is -1: one per crop.
    Expand {
        shape: Vec<i64>,
    },
    /// Repeats rows and columns.
    Upsample {
        scale: [i64; 2],
    },
    /// Appends zeros to the first input, in channels, rows and columns, until it is as large as the second.
    ZeroPadTo,
    /// To shape N, F. `order` names the axes from the slowest to the fastest.
    Flatten {
        order: String,
    },
}

/// How [`Op::Reduce`] combines numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names are those of the field
pub enum Reduction {
    Mean,
    Sum,
    Max,
    Min,
    /// The square root of the sum of squares.
    L2,
}

fn ones() -> [i64; 2] {
    [1, 1]
}

fn are_ones(dilation: &[i64; 2]) -> bool {
    *dilation == ones()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Op {
    /// The tensors of the file that it uses: weight and bias.
    pub fn tensors(&self) -> [Option<&String>; 2] {
        match self {
            Self::Conv { weight, bias, .. } | Self::Linear { weight, bias } => [Some(weight), bias.as_ref()],
            Self::Affine { weight, bias } | Self::LayerNorm { weight, bias, .. } => {
                [Some(weight), Some(bias)]
            }
            Self::Prelu { weight } | Self::Constant { weight } => [Some(weight), None],
            _ => [None, None],
        }
    }

    /// The number of its inputs. None: any number from 1.
    pub fn arity(&self) -> Option<usize> {
        match self {
            Self::Constant { .. } => Some(0),
            Self::Concat { .. } => None,
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Pow
            | Self::Minimum
            | Self::Maximum
            | Self::Matmul
            | Self::ZeroPadTo => Some(2),
            _ => Some(1),
        }
    }
}
