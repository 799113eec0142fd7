//! Networks of the operations that `gallerist_kernels` has: the detector's and MobileFaceNet. On a CPU it is about twice as fast as
//! libtorch for them.

use std::collections::HashMap;

use gallerist::encoder::graph::{Description, INPUT, Op};
use gallerist_kernels::{Convolution, KernelError, Layer, MaxPool, Network, Shape, Step, is_supported};
use tch::{Kind, TchError, Tensor};

/// The network of a description. None if this CPU lacks the vectors or the network has another operation; libtorch then runs it.
pub(super) fn network(description: &Description, tensors: &HashMap<String, Tensor>) -> Option<Network> {
    if !is_supported() {
        return None;
    }
    let mut numbers = HashMap::from([(INPUT, 0)]);
    let mut steps: Vec<Step> = Vec::new();
    let mut flat = vec![false];
    for (at, step) in description.ops.iter().enumerate() {
        let inputs: Vec<usize> =
            step.inputs.iter().map(|name| numbers.get(name.as_str()).copied()).collect::<Option<_>>()?;
        let made = match &step.op {
            Op::Prelu { weight } => {
                // It becomes part of the convolution before it, if nothing else uses that one.
                let source = description.ops.get(at.checked_sub(1)?)?;
                let uses = |name: &String| *name == source.out;
                let users = description.ops.iter().flat_map(|step| &step.inputs).filter(|&name| uses(name));
                let follows = matches!(source.op, Op::Conv { .. } | Op::Linear { .. })
                    && step.inputs == [source.out.clone()];
                if !follows || users.count() > 1 || description.outputs.iter().any(uses) {
                    return None;
                }
                let convolution = steps.last_mut()?;
                convolution.layer = activated(&convolution.layer, &values(tensors.get(weight)?)?)?;
                steps.len()
            }
            op => {
                let is_flat = inputs.iter().any(|&input| flat[input]);
                if matches!(op, Op::Linear { .. }) && !is_flat {
                    return None; // it would run along the columns
                }
                flat.push(is_flat || matches!(op, Op::Flatten { .. }));
                steps.push(Step { layer: layer(op, tensors)?, inputs });
                steps.len()
            }
        };
        numbers.insert(&step.out, made);
    }
    let outputs = description.outputs.iter().map(|name| numbers.get(name.as_str()).copied());
    Network::new(steps, outputs.collect::<Option<_>>()?).ok()
}

fn activated(layer: &Layer, slope: &[f32]) -> Option<Layer> {
    Some(match layer {
        Layer::Convolution(one) => Layer::Convolution(one.clone().activated(slope).ok()?),
        Layer::Depthwise(one) => Layer::Depthwise(one.clone().activated(slope).ok()?),
        _ => return None,
    })
}

fn layer(op: &Op, tensors: &HashMap<String, Tensor>) -> Option<Layer> {
    let pair = |sides: [i64; 2]| Some([usize::try_from(sides[0]).ok()?, usize::try_from(sides[1]).ok()?]);
    Some(match op {
        Op::Conv { weight, bias, stride, pad, groups, dilation: [1, 1] } => {
            let weight = tensors.get(weight)?;
            let size = <[i64; 4]>::try_from(weight.size()).ok()?;
            let [outputs, inputs, rows, columns] = size.map(|side| side as usize);
            if inputs != 3 && !inputs.is_multiple_of(2) && *groups == 1 {
                return None; // the kernels read one input at a time then, which is slow
            }
            let size = [outputs, inputs, rows, columns];
            let bias =
                bias.as_ref().map(|bias| values(tensors.get(bias)?)).map_or(Some(None), |it| it.map(Some))?;
            let ([top, left], [bottom, right]) = (pair([pad[0], pad[1]])?, pair([pad[2], pad[3]])?);
            let pad = [top, left, bottom, right];
            let (weights, stride) = (values(weight)?, pair(*stride)?);
            match usize::try_from(*groups).ok()? {
                1 => Layer::Convolution(Convolution::new(&weights, size, bias.as_deref(), stride, pad).ok()?),
                groups if groups == outputs => Layer::Depthwise(
                    Convolution::depthwise(&weights, size, bias.as_deref(), stride, pad).ok()?,
                ),
                _ => return None,
            }
        }
        Op::Linear { weight, bias } => {
            let weight = tensors.get(weight)?;
            let [outputs, inputs] = <[i64; 2]>::try_from(weight.size()).ok()?.map(|side| side as usize);
            let bias =
                bias.as_ref().map(|bias| values(tensors.get(bias)?)).map_or(Some(None), |it| it.map(Some))?;
            let size = [outputs, inputs, 1, 1];
            Layer::Convolution(
                Convolution::new(&values(weight)?, size, bias.as_deref(), [1, 1], [0; 4]).ok()?,
            )
        }
        Op::Add => Layer::Add,
        Op::MaxPool { kernel, stride, pad: [0, 0, 0, 0], ceil } => {
            Layer::MaxPool(MaxPool { kernel: pair(*kernel)?, stride: pair(*stride)?, ceil: *ceil })
        }
        Op::Flatten { order } => {
            let axes: Option<Vec<usize>> = order.chars().map(|axis| "HWC".find(axis)).collect();
            Layer::Flatten(axes?.try_into().ok()?)
        }
        Op::Softmax { axis: 1 } => Layer::Softmax,
        _ => return None,
    })
}

fn values(tensor: &Tensor) -> Option<Vec<f32>> {
    Vec::try_from(&tensor.f_to_kind(Kind::Float).ok()?.f_contiguous().ok()?.f_view([-1]).ok()?).ok()
}

/// Runs a network on a tensor N, C, H, W. The outputs have this order too, with one row and column after a flattening.
pub(super) fn run(network: &Network, input: &Tensor) -> Result<Vec<Tensor>, TchError> {
    let (count, channels, height, width) = input.size4()?;
    let [count, channels, height, width] = [count, channels, height, width].map(|side| side as usize);
    let pixels = Vec::<f32>::try_from(&input.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_view([-1])?)?;
    let outputs = network.run(&pixels, count, Shape { height, width, channels }).map_err(wrong)?;
    let tensors = outputs.iter().map(|output| {
        let tensor = Tensor::f_from_slice(&output.values)?;
        let Shape { height, width, channels } = output.shape;
        let shape = [count as i64, height as i64, width as i64, channels as i64];
        tensor.f_view(shape)?.f_permute([0, 3, 1, 2])
    });
    tensors.collect()
}

fn wrong(error: KernelError) -> TchError {
    TchError::Shape(error.to_string())
}
