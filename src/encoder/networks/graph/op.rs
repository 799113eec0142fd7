//! What each operation computes.

use gallerist::encoder::graph::{Op, Reduction};
use tch::{Kind, TchError, Tensor};

use super::{Node, missing};

impl Node {
    /// The result for `values`, which are known by their numbers. `crops` is the size of the batch.
    pub(super) fn apply(&self, values: &[Option<Tensor>], crops: i64) -> Result<Tensor, TchError> {
        let input = |at: usize| self.inputs.get(at).and_then(|&i| values[i].as_ref()).ok_or_else(missing);
        let weight = || self.weight.as_ref().ok_or_else(missing);
        let bias = self.bias.as_ref();
        match &self.op {
            Op::Constant { .. } => return weight().map(Tensor::shallow_clone),
            Op::Concat { axis } => {
                let inputs = (0..self.inputs.len()).map(input).collect::<Result<Vec<_>, _>>()?;
                return Tensor::f_cat(&inputs, *axis as i64);
            }
            _ => {}
        }
        let x = input(0)?;
        match &self.op {
            Op::Conv { stride, pad, groups, dilation, .. } => {
                let [top, left, bottom, right] = *pad;
                if (top, left) == (bottom, right) {
                    return convolve(x, weight()?, bias, *stride, [top, left], *groups, *dilation);
                }
                let padded = x.f_constant_pad_nd([left, right, top, bottom])?;
                convolve(&padded, weight()?, bias, *stride, [0, 0], *groups, *dilation)
            }
            Op::Linear { .. } => x.f_linear(weight()?, bias),
            Op::Affine { .. } => {
                let mut shape = vec![1; x.dim()];
                *shape.get_mut(1).ok_or_else(missing)? = -1;
                let bias = bias.ok_or_else(missing)?.f_view(shape.as_slice())?;
                bias.f_addcmul(x, &weight()?.f_view(shape.as_slice())?)
            }
            Op::LayerNorm { epsilon, .. } => {
                let weight = weight()?;
                x.f_layer_norm(weight.size(), Some(weight), bias, *epsilon, true)
            }
            Op::Prelu { .. } => x.f_prelu(weight()?),
            Op::LeakyRelu { slope } => {
                x.f_prelu(&Tensor::f_from_slice(&[*slope as f32])?.f_to_device(x.device())?)
            }
            Op::Elu { alpha } => {
                let negative = x.f_clamp_max(0.0)?.f_expm1()?.f_mul_scalar(*alpha)?;
                x.f_relu()?.f_add(&negative)
            }
            Op::Relu => x.f_relu(),
            Op::Sigmoid => x.f_sigmoid(),
            Op::Tanh => x.f_tanh(),
            Op::Erf => x.f_erf(),
            Op::Exp => x.f_exp(),
            Op::Log => x.f_log(),
            Op::Sqrt => x.f_sqrt(),
            Op::Neg => x.f_neg(),
            Op::Abs => x.f_abs(),
            Op::Reciprocal => x.f_reciprocal(),
            Op::Softplus => x.f_softplus(),
            Op::HardSwish => x.f_hardswish(),
            Op::Silu => x.f_silu(),
            Op::Gelu { tanh } => x.f_gelu(if *tanh { "tanh" } else { "none" }),
            Op::HardSigmoid { alpha, beta } => x.f_mul_scalar(*alpha)?.f_add_scalar(*beta)?.f_clamp(0.0, 1.0),
            Op::Clip { min, max } => {
                let bounded = min.map_or_else(|| Ok(x.shallow_clone()), |min| x.f_clamp_min(min))?;
                max.map_or_else(|| Ok(bounded.shallow_clone()), |max| bounded.f_clamp_max(max))
            }
            Op::Add => x.f_add(input(1)?),
            Op::Sub => x.f_sub(input(1)?),
            Op::Mul => x.f_mul(input(1)?),
            Op::Div => x.f_div(input(1)?),
            Op::Pow => x.f_pow(input(1)?),
            Op::Minimum => x.f_minimum(input(1)?),
            Op::Maximum => x.f_maximum(input(1)?),
            Op::Matmul => x.f_matmul(input(1)?),
            Op::MaxPool { kernel, stride, pad, ceil } => {
                let [top, left, ..] = *pad;
                x.f_max_pool2d(kernel, stride, [top, left], [1, 1], *ceil)
            }
            Op::AvgPool { kernel, stride, pad, ceil, count_pad } => {
                let [top, left, ..] = *pad;
                x.f_avg_pool2d(kernel, stride, [top, left], *ceil, *count_pad, None)
            }
            Op::GlobalAvgPool => x.f_adaptive_avg_pool2d([1, 1]),
            Op::Reduce { how, axes, keep } => reduce(x, *how, axes, *keep),
            Op::Softmax { axis } => x.f_softmax(*axis, Kind::Float),
            _ => self.lay_out(x, input(1).ok(), crops),
        }
    }

    /// Operations that compute nothing.
    fn lay_out(&self, x: &Tensor, other: Option<&Tensor>, crops: i64) -> Result<Tensor, TchError> {
        match &self.op {
            Op::Reshape { shape } => x.f_reshape(shape),
            Op::Transpose { order } => x.f_permute(order.iter().map(|&axis| axis as i64).collect::<Vec<_>>()),
            Op::Slice { axis, start, end, step } => x.f_slice(*axis as i64, *start, *end, *step),
            Op::Gather { axis, indices } => {
                let indices = Tensor::f_from_slice(indices)?.f_to_device(x.device())?;
                x.f_index_select(*axis as i64, &indices)
            }
            Op::Pad { pads, value } => {
                let last_axis_first: Vec<i64> = pads.iter().rev().flatten().copied().collect();
                x.f_pad(last_axis_first, "constant", *value)
            }
            Op::Expand { shape } => {
                let sizes: Vec<i64> =
                    shape.iter().map(|&size| if size == -1 { crops } else { size }).collect();
                x.f_expand(sizes, false)
            }
            Op::Upsample { scale: [rows, columns] } => {
                let size = x.size();
                let [.., height, width] = size.as_slice() else { return Err(missing()) };
                x.f_upsample_nearest2d([height * rows, width * columns], None, None)
            }
            Op::ZeroPadTo => {
                let (from, to) = (x.size(), other.ok_or_else(missing)?.size());
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
            _ => Err(missing()),
        }
    }
}

fn reduce(x: &Tensor, how: Reduction, axes: &[usize], keep: bool) -> Result<Tensor, TchError> {
    let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
    match how {
        Reduction::Mean => x.f_mean_dim(axes, keep, Kind::Float),
        Reduction::Sum => x.f_sum_dim_intlist(axes, keep, Kind::Float),
        Reduction::Max => x.f_amax(axes, keep),
        Reduction::Min => x.f_amin(axes, keep),
        Reduction::L2 => x.f_square()?.f_sum_dim_intlist(axes, keep, Kind::Float)?.f_sqrt(),
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
    dilation: [i64; 2],
) -> Result<Tensor, TchError> {
    let (transposed, more) = (false, [0, 0]);
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
