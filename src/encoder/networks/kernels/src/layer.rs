//! The layers of a network.

use super::KernelError;
use super::vector::{BLOCK, blocks};

/// The size of one picture: rows, columns and channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels, the innermost axis in memory.
    pub channels: usize,
}

impl Shape {
    /// Number of values.
    pub fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether it has no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether it is a single row of channels.
    pub(crate) fn is_vector(self) -> bool {
        (self.height, self.width) == (1, 1)
    }
}

/// One operation.
#[derive(Debug, Clone)]
pub enum Layer {
    /// A convolution over all channels. One of 1x1 on a picture of one pixel is a fully connected layer.
    Convolution(Convolution),
    /// A convolution of each channel with itself.
    Depthwise(Convolution),
    /// The largest value of each window.
    MaxPool(MaxPool),
    /// The sum of two inputs of one shape.
    Add,
    /// A picture as one row of channels, in the order of these axes from the slowest to the fastest: 0 rows, 1 columns, 2 channels.
    Flatten([usize; 3]),
    /// Softmax over the channels of each pixel.
    Softmax,
}

/// The parameters of a convolution, and of the activation after it.
#[derive(Debug, Clone)]
pub struct Convolution {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) pad: [usize; 4],
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Blocks of outputs, then taps row by row, then inputs, then the outputs of the block. Depthwise: taps, then channels.
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) slope: Vec<f32>,
}

impl Convolution {
    /// A convolution over all channels. `weights` are `[outputs, inputs, rows, columns]` of `size`, in that order in memory. `stride` is
    /// rows, columns; `pad` is the number of zeros at top, left, bottom and right. Without a bias it is zero.
    ///
    /// # Errors
    /// The weights or the bias do not fit to `size`, or the stride is zero.
    pub fn new(
        weights: &[f32],
        size: [usize; 4],
        bias: Option<&[f32]>,
        stride: [usize; 2],
        pad: [usize; 4],
    ) -> Result<Self, KernelError> {
        let [outputs, inputs, rows, columns] = size;
        let mut made = Self::unfilled(weights, size, bias, stride, pad)?;
        let taps = rows * columns;
        for first in (0..outputs).step_by(BLOCK) {
            for (tap, input) in (0..taps).flat_map(|tap| (0..inputs).map(move |input| (tap, input))) {
                let of = |output: usize| {
                    if output < outputs { weights[(output * inputs + input) * taps + tap] } else { 0.0 }
                };
                made.weights.extend((first..first + BLOCK).map(of));
            }
        }
        Ok(made)
    }

    /// A convolution of each channel with itself: `weights` are `[channels, 1, rows, columns]` of `size`.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn depthwise(
        weights: &[f32],
        size: [usize; 4],
        bias: Option<&[f32]>,
        stride: [usize; 2],
        pad: [usize; 4],
    ) -> Result<Self, KernelError> {
        let [channels, one, rows, columns] = size;
        if one != 1 {
            return Err(KernelError::new(format!(
                "a depthwise convolution has {one} inputs each, expected 1"
            )));
        }
        if !channels.is_multiple_of(BLOCK) {
            return Err(KernelError::new(format!(
                "a depthwise convolution of {channels} channels, expected a multiple of {BLOCK}"
            )));
        }
        let mut made = Self::unfilled(weights, size, bias, stride, pad)?;
        made.inputs = channels;
        let taps = rows * columns;
        for tap in 0..taps {
            made.weights.extend((0..channels).map(|channel| weights[channel * taps + tap]));
        }
        Ok(made)
    }

    fn unfilled(
        weights: &[f32],
        size: [usize; 4],
        bias: Option<&[f32]>,
        stride: [usize; 2],
        pad: [usize; 4],
    ) -> Result<Self, KernelError> {
        let [outputs, inputs, rows, columns] = size;
        let wrong = |what: String| Err(KernelError::new(format!("a convolution of {size:?}: {what}")));
        if size.contains(&0) || weights.len() != size.iter().product() {
            return wrong(format!("{} weights", weights.len()));
        }
        let bias = bias.map_or_else(|| vec![0.0; outputs], <[f32]>::to_vec);
        if bias.len() != outputs || stride.contains(&0) {
            return wrong(format!("{} values of its bias, stride {stride:?}", bias.len()));
        }
        let (bias, slope) = (blocks(&bias), blocks(&vec![1.0; outputs]));
        let kernel = [rows, columns];
        Ok(Self { kernel, stride, pad, inputs, outputs, weights: Vec::new(), bias, slope })
    }

    /// The same convolution followed by PReLU: negative values are multiplied by the slope of their channel, or by the only one.
    ///
    /// # Errors
    /// There are neither one nor as many slopes as outputs.
    pub fn activated(self, slope: &[f32]) -> Result<Self, KernelError> {
        let slope = match slope {
            [all] => vec![*all; self.outputs],
            each if each.len() == self.outputs => each.to_vec(),
            _ => {
                let (got, expected) = (slope.len(), self.outputs);
                return Err(KernelError::new(format!("{got} slopes, expected one or {expected}")));
            }
        };
        Ok(Self { slope: blocks(&slope), ..self })
    }

    /// The shape of its output, if `from` has the right number of channels and is large enough.
    pub(crate) fn shape(&self, from: Shape) -> Option<Shape> {
        let [top, left, bottom, right] = self.pad;
        let side = |side: usize, kernel: usize, stride: usize| Some(side.checked_sub(kernel)? / stride + 1);
        let height = side(from.height + top + bottom, self.kernel[0], self.stride[0])?;
        let width = side(from.width + left + right, self.kernel[1], self.stride[1])?;
        (from.channels == self.inputs).then_some(Shape { height, width, channels: self.outputs })
    }
}

/// The largest value of each window, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Whether a last window that is partly outside counts.
    pub ceil: bool,
}

impl MaxPool {
    /// The shape of its output, if `from` has a window. As in PyTorch, a window that starts outside does not count.
    pub(crate) fn shape(&self, from: Shape) -> Option<Shape> {
        let side = |side: usize, kernel: usize, stride: usize| {
            let free = side.checked_sub(kernel)?;
            if !self.ceil {
                return Some(free.checked_div(stride)? + 1);
            }
            let count = (free + stride.checked_sub(1)?) / stride + 1;
            Some(if (count - 1) * stride >= side { count - 1 } else { count })
        };
        let height = side(from.height, self.kernel[0], self.stride[0])?;
        let width = side(from.width, self.kernel[1], self.stride[1])?;
        Some(Shape { height, width, ..from })
    }
}

impl Layer {
    /// Whether it computes each pixel from the same pixel of its inputs. Such a layer may run once for the pixels of many pictures. A
    /// flattening is one for pictures of one pixel, which it does not change.
    pub(crate) fn is_pointwise(&self) -> bool {
        match self {
            Self::Convolution(layer) | Self::Depthwise(layer) => {
                layer.kernel == [1, 1] && layer.stride == [1, 1] && layer.pad == [0; 4]
            }
            Self::MaxPool(_) => false,
            Self::Add | Self::Flatten(_) | Self::Softmax => true,
        }
    }

    /// The shape of its output for inputs of these shapes.
    pub(crate) fn shape(&self, from: &[Shape]) -> Option<Shape> {
        match (self, from) {
            (Self::Convolution(layer) | Self::Depthwise(layer), [one]) => layer.shape(*one),
            (Self::MaxPool(pool), [one]) => pool.shape(*one),
            (Self::Add, [one, other]) => (one == other).then_some(*one),
            (Self::Flatten(_), [one]) => Some(Shape { height: 1, width: 1, channels: one.len() }),
            (Self::Softmax, [one]) => Some(*one),
            _ => None,
        }
    }
}
