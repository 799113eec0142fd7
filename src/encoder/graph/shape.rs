//! The shapes of values: what an operation makes of its inputs, and which inputs it permits.
//!
//! One axis of a value may count the crops of a batch. No operation computes along this axis or mixes its entries, so the result for a
//! crop does not depend on the other crops.

use super::op::{Op, Reduction};

/// The length of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dim {
    /// The length, or the length per crop.
    pub size: i64,
    /// Whether the axis is that much longer for every crop of a batch.
    pub batch: bool,
}

/// The lengths of the axes of a value.
pub type Shape = Vec<Dim>;

/// The shape of a tensor of the file, by name.
pub type TensorShapes<'a> = dyn Fn(&str) -> Option<Vec<i64>> + 'a;

/// Most axes of a value.
const MOST_AXES: usize = 8;
/// Longest axis. Products of the shapes below are checked for overflow.
const LONGEST: i64 = 1 << 31;

impl Dim {
    /// A length that does not depend on the batch.
    pub fn fixed(size: i64) -> Self {
        Self { size, batch: false }
    }

    /// `size` per crop.
    pub fn batch(size: i64) -> Self {
        Self { size, batch: true }
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.batch, self.size) {
            (false, size) => write!(f, "{size}"),
            (true, 1) => write!(f, "N"),
            (true, size) => write!(f, "{size} N"),
        }
    }
}

/// A shape for messages: `[N, 3, 112, 112]`.
pub(super) fn told(shape: &[Dim]) -> String {
    format!("[{}]", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// The product of the lengths. None if it overflows.
pub(super) fn product(shape: &[Dim]) -> Option<i64> {
    shape.iter().try_fold(1_i64, |product, dim| product.checked_mul(dim.size))
}

/// The common shape of two operands, aligned at their last axes. Axes of length 1 are repeated.
pub(crate) fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Shape, String> {
    let count = a.len().max(b.len());
    let at = |shape: &[Dim], axis: usize| {
        (axis + shape.len()).checked_sub(count).map_or(Dim::fixed(1), |axis| shape[axis])
    };
    let joined = (0..count).map(|axis| match (at(a, axis), at(b, axis)) {
        (a, b) if a == b => Some(a),
        (Dim { size: 1, batch: false }, other) | (other, Dim { size: 1, batch: false }) => Some(other),
        _ => None,
    });
    joined
        .collect::<Option<Shape>>()
        .ok_or_else(|| format!("shapes {} and {} do not fit together", told(a), told(b)))
}

impl Op {
    /// The shape of the result for inputs of these shapes.
    ///
    /// # Errors
    /// One line: the inputs, a tensor or an attribute do not fit the operation, or it would mix crops.
    pub fn shape(&self, inputs: &[&[Dim]], tensors: &TensorShapes<'_>) -> Result<Shape, String> {
        let fits = match self.arity() {
            Some(arity) => inputs.len() == arity,
            None => !inputs.is_empty(),
        };
        if !fits {
            return Err(format!("{} inputs", inputs.len()));
        }
        let shape = self.unchecked_shape(inputs, tensors)?;
        let is_sound = shape.len() <= MOST_AXES
            && shape.iter().all(|dim| (1..=LONGEST).contains(&dim.size))
            && shape.iter().filter(|dim| dim.batch).count() <= 1
            && product(&shape).is_some();
        if is_sound { Ok(shape) } else { Err(format!("its result would have the shape {}", told(&shape))) }
    }

    fn unchecked_shape(&self, inputs: &[&[Dim]], tensors: &TensorShapes<'_>) -> Result<Shape, String> {
        let tensor = |name: &str| tensors(name).ok_or_else(|| format!("there is no tensor {name:?}"));
        if let Self::Constant { weight } = self {
            return Ok(tensor(weight)?.into_iter().map(Dim::fixed).collect());
        }
        let x = inputs[0];
        match self {
            Self::Conv { weight, bias, stride, pad, groups, dilation } => {
                let weight = tensor(weight)?;
                let bias = bias.as_deref().map(tensor).transpose()?;
                let &[outputs, of_group, rows, columns] = weight.as_slice() else {
                    return Err(format!("its weight has the shape {weight:?}, expected 4 axes"));
                };
                let [n, channels, ..] = *image(x)?;
                let divides = *groups > 0 && channels.size % groups == 0 && outputs % groups == 0;
                if !divides || of_group != channels.size / groups {
                    let groups = format!("{channels} channels in {groups} groups");
                    return Err(format!("its weight has the shape {weight:?}, which does not fit {groups}"));
                }
                if bias.is_some_and(|bias| bias != [outputs]) {
                    return Err("its bias does not have one number per output".into());
                }
                let [h, w] = windows(x, [rows, columns], *stride, *pad, *dilation, false)?;
                Ok(vec![n, Dim::fixed(outputs), h, w])
            }
            Self::Linear { weight, bias } => {
                let weight = tensor(weight)?;
                let bias = bias.as_deref().map(tensor).transpose()?;
                let (&[outputs, inputs], Some((last, rest))) = (weight.as_slice(), x.split_last()) else {
                    return Err(format!("its weight has the shape {weight:?}, expected 2 axes"));
                };
                if *last != Dim::fixed(inputs) || bias.is_some_and(|bias| bias != [outputs]) {
                    return Err(format!("its weight {weight:?} or bias does not fit its input {}", told(x)));
                }
                Ok([rest, &[Dim::fixed(outputs)]].concat())
            }
            Self::Affine { weight, bias } => {
                let channels = x.get(1).filter(|dim| !dim.batch).map_or(0, |dim| dim.size);
                if tensor(weight)? != [channels] || tensor(bias)? != [channels] {
                    return Err(format!("its tensors do not have one number per channel of {}", told(x)));
                }
                Ok(x.to_vec())
            }
            Self::Prelu { weight } => {
                let weight = tensor(weight)?;
                let channels = x.get(1).filter(|dim| !dim.batch).map_or(0, |dim| dim.size);
                if weight == [1] || weight == [channels] {
                    return Ok(x.to_vec());
                }
                Err(format!("its slopes have the shape {weight:?}, expected [1] or [{channels}]"))
            }
            Self::LayerNorm { weight, bias, .. } => {
                let (weight, bias) = (tensor(weight)?, tensor(bias)?);
                let axes: Shape = weight.iter().copied().map(Dim::fixed).collect();
                if axes.is_empty() || !x.ends_with(&axes) || weight != bias {
                    return Err(format!("its weight {weight:?} does not fit its input {}", told(x)));
                }
                Ok(x.to_vec())
            }
            Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Pow | Self::Minimum | Self::Maximum => {
                broadcast(x, inputs[1])
            }
            Self::Matmul => matmul(x, inputs[1]),
            Self::MaxPool { kernel, stride, pad, ceil } | Self::AvgPool { kernel, stride, pad, ceil, .. } => {
                let [n, channels, ..] = *image(x)?;
                let [top, left, bottom, right] = *pad;
                let is_even = (top, left) == (bottom, right);
                if !is_even || kernel.iter().zip([top, left]).any(|(kernel, pad)| pad > kernel / 2) {
                    return Err(format!("its padding is {pad:?} for the kernel {kernel:?}"));
                }
                let [h, w] = windows(x, *kernel, *stride, *pad, [1, 1], *ceil)?;
                Ok(vec![n, channels, h, w])
            }
            Self::GlobalAvgPool => {
                let [n, channels, ..] = *image(x)?;
                Ok(vec![n, channels, Dim::fixed(1), Dim::fixed(1)])
            }
            Self::Reduce { axes, keep, how } => reduced(x, axes, *keep, *how),
            Self::Softmax { axis } => {
                let axis = usize::try_from(*axis).map_err(|_| "its axis is negative".to_owned())?;
                within_crop(x, axis)?;
                Ok(x.to_vec())
            }
            Self::Reshape { shape } => reshaped(x, shape),
            Self::Transpose { order } => {
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if !sorted.iter().copied().eq(0..x.len()) {
                    return Err(format!("the order {order:?} does not fit {}", told(x)));
                }
                Ok(order.iter().map(|&axis| x[axis]).collect())
            }
            Self::Concat { axis } => concatenated(inputs, *axis),
            Self::Slice { axis, start, end, step } => {
                let length = within_crop(x, *axis)?;
                if !(0 <= *start && start < end && *end <= length && *step > 0) {
                    return Err(format!("a slice from {start} to {end} by {step} of {length}"));
                }
                Ok(with(x, *axis, (end - start - 1) / step + 1))
            }
            Self::Gather { axis, indices } => {
                let length = within_crop(x, *axis)?;
                if !indices.iter().all(|index| (0..length).contains(index)) {
                    return Err(format!("an index is outside of 0 to {}", length - 1));
                }
                Ok(with(x, *axis, indices.len() as i64))
            }
            Self::Pad { pads, .. } => {
                if pads.len() != x.len() {
                    return Err(format!("pads for {} axes of {}", pads.len(), told(x)));
                }
                let padded = x.iter().zip(pads).map(|(dim, [before, after])| match dim.batch {
                    true => (*before == 0 && *after == 0).then_some(*dim),
                    false => {
                        let size = dim.size.checked_add(*before)?.checked_add(*after)?;
                        (*before >= 0 && *after >= 0).then_some(Dim::fixed(size))
                    }
                });
                padded.collect::<Option<Shape>>().ok_or_else(|| format!("its pads are {pads:?}"))
            }
            Self::Expand { shape } => {
                let target: Shape = shape
                    .iter()
                    .map(|&size| if size == -1 { Dim::batch(1) } else { Dim::fixed(size) })
                    .collect();
                let joined = broadcast(x, &target)?;
                if joined == target { Ok(joined) } else { Err(format!("{} to {}", told(x), told(&target))) }
            }
            Self::Upsample { scale } => {
                let [n, channels, h, w] = *image(x)?;
                let times = |dim: Dim, scale: i64| dim.size.checked_mul(scale).map(Dim::fixed);
                let (Some(h), Some(w)) = (times(h, scale[0]), times(w, scale[1])) else {
                    return Err(format!("its scale is {scale:?}"));
                };
                Ok(vec![n, channels, h, w])
            }
            Self::ZeroPadTo => {
                let (&[n, .., _, _], &[_, c, h, w]) = (image(x)?, image(inputs[1])?);
                let more = |from: Dim, to: Dim| Dim::fixed(from.size.max(to.size));
                Ok(vec![n, more(x[1], c), more(x[2], h), more(x[3], w)])
            }
            Self::Flatten { .. } => {
                let [n, rest @ ..] = image(x)?;
                Ok(vec![*n, Dim::fixed(product(rest).ok_or("its shape overflows")?)])
            }
            _ => Ok(x.to_vec()),
        }
    }
}

/// The four axes of pictures: crops, channels, rows, columns.
fn image(x: &[Dim]) -> Result<&[Dim; 4], String> {
    let is_image = |x: &&[Dim; 4]| !x[1..].iter().any(|dim| dim.batch);
    let image = <&[Dim; 4]>::try_from(x).ok().filter(is_image);
    image.ok_or_else(|| format!("its input has the shape {}, expected N, C, H, W", told(x)))
}

/// Rows and columns of the result of a convolution or a pooling.
fn windows(
    x: &[Dim],
    kernel: [i64; 2],
    stride: [i64; 2],
    pad: [i64; 4],
    dilation: [i64; 2],
    ceil: bool,
) -> Result<[Dim; 2], String> {
    let wrong = || format!("kernel {kernel:?}, stride {stride:?} and padding {pad:?} do not fit {}", told(x));
    let one = |axis: usize| -> Option<Dim> {
        let is_sane = |value: i64| (1..=1 << 20).contains(&value);
        let (before, after) = (pad[axis], pad[axis + 2]);
        let pads_are_sane = [before, after].iter().all(|pad| (0..=1 << 20).contains(pad));
        if ![kernel[axis], stride[axis], dilation[axis]].into_iter().all(is_sane) || !pads_are_sane {
            return None;
        }
        let room = x[axis + 2].size + before + after - (dilation[axis] * (kernel[axis] - 1) + 1);
        let mut count = room / stride[axis] + 1;
        if ceil && room % stride[axis] != 0 && count * stride[axis] < x[axis + 2].size + before {
            count += 1; // only windows that begin within the picture or its leading padding
        }
        (room >= 0).then_some(Dim::fixed(count))
    };
    Ok([one(0).ok_or_else(wrong)?, one(1).ok_or_else(wrong)?])
}

fn matmul(a: &[Dim], b: &[Dim]) -> Result<Shape, String> {
    let wrong = || format!("matrices of the shapes {} and {} have no product", told(a), told(b));
    let ([outer_a @ .., rows, inner_a], [outer_b @ .., inner_b, columns]) = (a, b) else {
        return Err(wrong());
    };
    if inner_a != inner_b || inner_a.batch {
        return Err(wrong());
    }
    Ok([broadcast(outer_a, outer_b)?, vec![*rows, *columns]].concat())
}

/// The length of an axis that does not count the crops.
fn within_crop(x: &[Dim], axis: usize) -> Result<i64, String> {
    match x.get(axis) {
        Some(dim) if !dim.batch => Ok(dim.size),
        Some(_) => Err(format!("axis {axis} of {} counts the crops", told(x))),
        None => Err(format!("{} has no axis {axis}", told(x))),
    }
}

fn with(x: &[Dim], axis: usize, size: i64) -> Shape {
    let mut shape = x.to_vec();
    shape[axis] = Dim::fixed(size);
    shape
}

fn reduced(x: &[Dim], axes: &[usize], keep: bool, how: Reduction) -> Result<Shape, String> {
    for (at, &axis) in axes.iter().enumerate() {
        within_crop(x, axis)?;
        if axes[..at].contains(&axis) {
            return Err(format!("axis {axis} twice"));
        }
    }
    if axes.is_empty() {
        return Err(format!("{how:?} over no axis"));
    }
    let kept = x.iter().enumerate().filter_map(|(axis, &dim)| match axes.contains(&axis) {
        true => keep.then_some(Dim::fixed(1)),
        false => Some(dim),
    });
    Ok(kept.collect())
}

fn concatenated(inputs: &[&[Dim]], axis: usize) -> Result<Shape, String> {
    let mut sum = 0_i64;
    for x in inputs {
        sum = sum.checked_add(within_crop(x, axis)?).ok_or("its shape overflows")?;
        if with(x, axis, 1) != with(inputs[0], axis, 1) {
            return Err(format!("{} and {} do not fit together", told(inputs[0]), told(x)));
        }
    }
    Ok(with(inputs[0], axis, sum))
}

/// The order of the numbers stays. With crops, the numbers of one crop stay together: the same number of entries is before the axis of the
/// crops as was.
fn reshaped(x: &[Dim], shape: &[i64]) -> Result<Shape, String> {
    let wrong = || format!("{} cannot become {shape:?}", told(x));
    let batch = x.iter().position(|dim| dim.batch);
    let all = product(x).ok_or_else(wrong)?;
    let known = shape.iter().filter(|&&size| size != -1);
    let known = known.copied().try_fold(1_i64, |product, size| product.checked_mul(size).filter(|p| *p > 0));
    let known = known.ok_or_else(wrong)?;
    let free = shape.iter().position(|&size| size == -1);
    let is_one = shape.iter().filter(|&&size| size == -1).count() <= 1;
    let rest = all / known;
    if !is_one || rest * known != all || (free.is_none() && (rest != 1 || batch.is_some())) {
        return Err(wrong());
    }
    if let (Some(from), Some(to)) = (batch, free) {
        let before: Shape = shape[..to].iter().copied().map(Dim::fixed).collect();
        if product(&x[..from]) != product(&before) {
            return Err(format!("{}, because that would mix crops", wrong()));
        }
    }
    let dim = |&size: &i64| match (size, batch) {
        (-1, Some(_)) => Dim::batch(rest),
        (-1, None) => Dim::fixed(rest),
        _ => Dim::fixed(size),
    };
    Ok(shape.iter().map(dim).collect())
}
