//! Convolutions, pools and the repetition of rows and columns.

use super::super::Refusal;
use super::super::constant::Numbers;
use super::super::node::Node;
use super::super::value::Value;
use super::Context;
use crate::encoder::graph::Op;

/// Rows, columns of the picture.
fn sides(x: &Value) -> Result<[i64; 2], Refusal> {
    match x.shape().as_slice() {
        [_, _, h, w] if !h.batch && !w.batch => Ok([h.size, w.size]),
        other => Err(Refusal::new(format!("its input has {} axes, expected N, C, H, W", other.len()))),
    }
}

/// Padding at top, left, bottom, right: stated, or computed so that the result has the size of the input divided by the stride.
fn pads(
    node: &Node<'_>,
    x: &Value,
    kernel: [i64; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
) -> Result<[i64; 4], Refusal> {
    let auto = node.text("auto_pad", "NOTSET");
    let is_upper = match auto.as_str() {
        "NOTSET" | "" => {
            return match node.ints("pads") {
                None | Some([]) => Ok([0; 4]),
                Some(&[top, left, bottom, right]) => Ok([top, left, bottom, right]),
                Some(other) => Err(Refusal::new(format!("pads is {other:?}, expected 4 numbers"))),
            };
        }
        "VALID" => return Ok([0; 4]),
        "SAME_UPPER" => true,
        "SAME_LOWER" => false,
        other => return Err(Refusal::new(format!("auto_pad is {other:?}"))),
    };
    let sides = sides(x)?;
    let is_sane = |value: i64| (1..=1 << 20).contains(&value);
    if ![kernel, stride, dilation].into_iter().flatten().all(is_sane) {
        return Err(Refusal::new(format!("kernel {kernel:?}, stride {stride:?}, dilation {dilation:?}")));
    }
    let mut pads = [0; 4];
    for axis in [0, 1] {
        let windows = (sides[axis] + stride[axis] - 1) / stride[axis];
        let reach = dilation[axis] * (kernel[axis] - 1) + 1;
        let total = ((windows - 1) * stride[axis] + reach - sides[axis]).max(0);
        let (less, more) = (total / 2, total - total / 2);
        (pads[axis], pads[axis + 2]) = if is_upper { (less, more) } else { (more, less) };
    }
    Ok(pads)
}

pub(super) fn conv(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let (x, weight) = (node.input(0)?, node.constant(1)?);
    let &[outputs, _, rows, columns] = weight.shape.as_slice() else {
        let axes = weight.shape.len();
        return Err(Refusal::new(format!("its weight has {axes} axes, expected 4 (two-dimensional)")));
    };
    let kernel = [rows as i64, columns as i64];
    if node.ints("kernel_shape").is_some_and(|stated| stated != kernel) {
        return Err(Refusal::new(format!("kernel_shape does not agree with its weight {kernel:?}")));
    }
    if outputs == 0 || kernel.contains(&0) {
        return Err(Refusal::new(format!("its weight has the shape {:?}", weight.shape)));
    }
    let (stride, dilation) = (node.pair("strides", 1)?, node.pair("dilations", 1)?);
    let pad = pads(node, x, kernel, stride, dilation)?;
    let bias = node.optional_constant(2)?.map(|bias| context.builder.weight(bias)).transpose()?;
    let weight = context.builder.weight(weight)?;
    let groups = node.int("group", 1);
    context.builder.add("conv", Op::Conv { weight, bias, stride, pad, groups, dilation }, &[x])
}

pub(super) fn pool(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let is_max = node.kind() == "MaxPool";
    let x = node.input(0)?;
    if node.ints("kernel_shape").is_none() {
        return Err(Refusal::new("it has no kernel_shape"));
    }
    let (kernel, stride) = (node.pair("kernel_shape", 1)?, node.pair("strides", 1)?);
    if node.pair("dilations", 1)? != [1, 1] || node.int("storage_order", 0) != 0 {
        return Err(Refusal::new("dilation and storage order of a pool are not supported"));
    }
    if node.proto.output.get(1).is_some_and(|name| !name.is_empty()) {
        return Err(Refusal::new("the indices of a pool are not supported"));
    }
    let pad = pads(node, x, kernel, stride, [1, 1])?;
    let ceil = node.int("ceil_mode", 0) != 0;
    let count_pad = node.int("count_include_pad", 0) != 0;
    let op = |pad: [i64; 4]| match is_max {
        true => Op::MaxPool { kernel, stride, pad, ceil },
        false => Op::AvgPool { kernel, stride, pad, ceil, count_pad },
    };
    let [top, left, bottom, right] = pad;
    let is_small = |pad: i64, kernel: i64| (0..=kernel / 2).contains(&pad);
    if (top, left) == (bottom, right) && is_small(top, kernel[0]) && is_small(left, kernel[1]) {
        return context.builder.add("pool", op(pad), &[x]);
    }
    if !is_max && !count_pad {
        return Err(Refusal::new(format!("a mean without its uneven padding {pad:?}")));
    }
    let value = if is_max { f64::from(f32::MIN) } else { 0.0 };
    let pads = vec![[0, 0], [0, 0], [top, bottom], [left, right]];
    let padded = context.builder.add("pad", Op::Pad { pads, value }, &[x])?;
    context.builder.add("pool", op([0; 4]), &[&padded])
}

/// Nearest neighbours by whole factors.
pub(super) fn upsample(node: &Node<'_>, context: &mut Context<'_>) -> Result<Value, Refusal> {
    let x = node.input(0)?;
    let [h, w] = sides(x)?;
    let mode = node.text("mode", "nearest");
    if mode != "nearest" {
        return Err(Refusal::new(format!("mode {mode:?}, expected \"nearest\"")));
    }
    let at = if node.kind() == "Upsample" || node.opset < 11 { 1 } else { 2 };
    let wrong =
        |what: String| Refusal::new(format!("{what}, expected whole factors for rows and columns only"));
    let scales = node.optional_constant(at)?.filter(|scales| scales.len() > 0);
    let factors: Vec<f32> = match (node.floats("scales"), scales, node.optional_constant(3)?) {
        (Some(scales), ..) => scales.to_vec(),
        (_, Some(scales), _) => scales.as_floats().ok_or_else(|| wrong("unknown factors".into()))?.to_vec(),
        (.., Some(sizes)) => match &sizes.numbers {
            Numbers::Whole(sizes) if sizes.len() == 4 => {
                vec![1.0, 1.0, sizes[2].size as f32 / h as f32, sizes[3].size as f32 / w as f32]
            }
            _ => return Err(wrong("unknown sizes".into())),
        },
        _ => return Err(wrong("no factors".into())),
    };
    let whole = |factor: f32| {
        let is_whole = (1.0..=1024.0).contains(&factor) && factor.fract() == 0.0;
        is_whole.then_some(factor as i64)
    };
    let &[1.0, 1.0, rows, columns] = factors.as_slice() else {
        return Err(wrong(format!("factors {factors:?}")));
    };
    let (Some(rows), Some(columns)) = (whole(rows), whole(columns)) else {
        return Err(wrong(format!("factors {factors:?}")));
    };
    if at == 2 {
        require_repetition(node, [(h, rows), (w, columns)])?;
    }
    context.builder.add("upsample", Op::Upsample { scale: [rows, columns] }, &[x])
}

/// Requires that every place of the result takes its number from the place that covers it. Some ways to compute coordinates and to
/// round them take other neighbours for some factors.
fn require_repetition(node: &Node<'_>, sides: [(i64, i64); 2]) -> Result<(), Refusal> {
    let mode = node.text("coordinate_transformation_mode", "half_pixel");
    let rounding = node.text("nearest_mode", "round_prefer_floor");
    for (side, factor) in sides {
        let count = side.saturating_mul(factor);
        if factor == 1 || count > 1 << 20 {
            continue; // a copy, or refused for its size
        }
        let place = |at: i64| {
            let (at, factor) = (at as f64, factor as f64);
            match mode.as_str() {
                "asymmetric" => Some(at / factor),
                "half_pixel" | "half_pixel_symmetric" | "pytorch_half_pixel" => {
                    Some((at + 0.5) / factor - 0.5)
                }
                "align_corners" => Some(at * (side - 1) as f64 / (count - 1) as f64),
                _ => None,
            }
        };
        let rounded = |place: f64| match rounding.as_str() {
            "floor" => Some(place.floor()),
            "ceil" => Some(place.ceil()),
            "round_prefer_floor" => Some((place - 0.5).ceil()),
            "round_prefer_ceil" => Some((place + 0.5).floor()),
            _ => None,
        };
        let source = |at: i64| place(at).and_then(rounded).map(|place| (place as i64).clamp(0, side - 1));
        if !(0..count).all(|at| source(at) == Some(at / factor)) {
            return Err(Refusal::new(format!(
                "coordinates {mode:?} with {rounding:?} do not repeat each number {factor} times"
            )));
        }
    }
    Ok(())
}
