//! SCRFD face detectors (Guo et al., ICLR 2022) in ONNX files, such as `det_10g.onnx` and `det_500m.onnx` of InsightFace.
//!
//! Such a file has nine outputs: for each of the strides 8, 16 and 32 a score, four distances to the sides of a box, and five landmarks,
//! for one or two anchors at each place. The names of the outputs differ between exports, so they are told apart by their shapes: the last
//! axis is 1, 4 or 10, and the number of rows gives the stride. They may have an axis of one picture in front.
//!
//! The network runs on one picture at a time. Many exports join the axis of the pictures with others, so it is fixed at 1, and so is the
//! size of the picture: as the file states it, otherwise 640 x 640, the size for which the published files were trained.

use std::collections::HashMap;

use prost::bytes::Bytes;

use super::builder::Builder;
use super::proto::GraphProto;
use super::{Refusal, file, follow, graph_of, producer, read, safetensors};
use crate::encoder::graph::{self, Description, Dim, Op, Plan};

/// Largest file, in bytes. The largest published detector has 40 MB.
pub const LARGEST_FILE: u64 = 512 << 20;
/// Side of the picture if the file leaves it open.
const SIDE: i64 = 640;
/// Sides of the picture, multiples of the largest stride.
const SIDES: std::ops::RangeInclusive<i64> = 128..=1280;
/// Pixels between neighbouring places of the three levels.
pub const STRIDES: [usize; 3] = [8, 16, 32];
/// Numbers for each anchor: score, distances to the sides of the box, landmarks.
pub const KINDS: [i64; 3] = [1, 4, 10];
/// Numbers of outputs of the published detectors: with three or five strides, without and with landmarks.
const OUTPUTS: [usize; 4] = [6, 9, 10, 15];

/// A converted detector.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The content of a safetensors file with the executor's graph. Its outputs are the scores of the [`STRIDES`], then the distances, then
    /// the landmarks.
    pub bytes: Vec<u8>,
    /// Rows of the picture.
    pub height: usize,
    /// Columns of the picture.
    pub width: usize,
    /// Anchors at each place: 1 or 2.
    pub anchors: usize,
    /// What the network needs.
    pub plan: Plan,
    /// Number of operations.
    pub operations: usize,
    /// Number of weights.
    pub weights: usize,
    /// The program that wrote the ONNX file, as it says.
    pub producer: String,
    /// The version of the standard operators.
    pub opset: i64,
}

/// Converts the detector in an ONNX file.
///
/// # Errors
/// The file is damaged, not ONNX, or not self-contained; it is not a detector with five landmarks; an operator is not supported; it needs
/// too much memory or time.
pub fn convert(bytes: impl Into<Bytes>) -> Result<Converted, Refusal> {
    let model = read(bytes.into())?;
    let opset = file::opset(&model)?;
    let graph = graph_of(&model)?;
    let names = outputs(graph)?;
    let (input, [height, width]) = entry(graph)?;

    let mut builder = Builder::new();
    let picture = Builder::entry_of([1, 3, height, width].map(Dim::fixed).to_vec());
    let values = HashMap::from([(input, picture)]);
    let results = follow(graph, values, &names, &mut builder, opset, 1)?;
    let mut levels = Vec::with_capacity(results.len());
    for (name, result) in names.iter().zip(&results) {
        levels.push(level(&result.shape(), [height, width]).map_err(|reason| {
            Refusal::new(format!("output {name:?}: {reason}, so this is no SCRFD face detector"))
        })?);
    }
    let (order, anchors) = order(&levels)?;
    let results: Vec<_> = order.iter().map(|&at| results[at].clone()).collect();
    let (description, tensors) = builder.finish(&results)?;
    require_probabilities(&description)?;
    let shapes = |name: &str| tensors.get(name).map(|tensor| tensor.shape.clone());
    let plan = graph::check_single(&description, &shapes, [3, height, width]).map_err(Refusal::new)?;
    let text = serde_json::to_string(&description).map_err(|error| Refusal::new(error.to_string()))?;
    Ok(Converted {
        bytes: safetensors(&text, &tensors),
        height: height as usize,
        width: width as usize,
        anchors,
        plan,
        operations: description.ops.len(),
        weights: tensors.values().map(|tensor| tensor.numbers.len()).sum(),
        producer: producer(&model),
        opset,
    })
}

/// Refuses a detector where an encoder is expected.
pub(super) fn require_none(graph: &GraphProto) -> Result<(), Refusal> {
    match graph.output.len() {
        count if OUTPUTS.contains(&count) => Err(Refusal::new(format!(
            "{count} outputs, expected one vector: this looks like a face detector; give the file of an encoder, and this one \
             with --detector"
        ))),
        _ => Ok(()),
    }
}

/// The names of the nine outputs.
fn outputs(graph: &GraphProto) -> Result<Vec<&str>, Refusal> {
    let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let count = names.len();
    let reason = match count {
        9 => return Ok(names),
        0 => "no output".to_owned(),
        1 => "one output: this looks like an encoder, which is given without --detector".to_owned(),
        6 => "6 outputs: a detector without landmarks, by which faces are aligned; take the one with landmarks (\"kps\")".into(),
        10 | 15 => format!("{count} outputs: a detector with five strides, expected the strides 8, 16 and 32"),
        _ => format!("{count} outputs"),
    };
    Err(Refusal::new(format!(
        "{reason}; an SCRFD face detector has 9 outputs: scores, boxes and landmarks for three strides"
    )))
}

/// The name of the input, and rows and columns of the picture.
fn entry(graph: &GraphProto) -> Result<(&str, [i64; 2]), Refusal> {
    let (name, sides, told) = file::picture(graph)?;
    let wrong = |reason: String| Refusal::new(format!("input {name:?}: its shape is [{told}], {reason}"));
    let &[batch, 3, height, width] = sides.as_slice() else {
        return Err(wrong("expected a picture [1, 3, rows, columns]".into()));
    };
    // Exports write an open length as 0, or as -1.
    let stated = |side: i64| if side == 0 || side == -1 { SIDE } else { side };
    let sides = [height, width].map(stated);
    let largest = STRIDES[2] as i64;
    if !sides.iter().all(|side| SIDES.contains(side) && side % largest == 0) {
        let (least, most) = (SIDES.start(), SIDES.end());
        return Err(wrong(format!("expected sides of {least} to {most} pixels, multiples of {largest}")));
    }
    if !(-1..=1).contains(&batch) {
        return Err(wrong("expected one picture at a time".into()));
    }
    Ok((name, sides))
}

/// What an output is: its place among [`KINDS`], its place among [`STRIDES`], and the number of anchors.
fn level(shape: &[Dim], sides: [i64; 2]) -> Result<(usize, usize, usize), String> {
    let told = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let wrong = || format!("its shape is [{told}], expected [rows, 1], [rows, 4] or [rows, 10]");
    let [ones @ .., rows, numbers] = shape else { return Err(wrong()) };
    let kind = KINDS.iter().position(|kind| *kind == numbers.size).ok_or_else(wrong)?;
    if ones.iter().any(|one| one.size != 1) {
        return Err(wrong());
    }
    let places = |stride: usize| sides.iter().map(|side| side / stride as i64).product::<i64>();
    let anchors = |stride: usize| [1, 2].into_iter().find(|anchors| anchors * places(stride) == rows.size);
    let found =
        STRIDES.iter().enumerate().find_map(|(at, &stride)| Some((kind, at, anchors(stride)? as usize)));
    found.ok_or_else(|| {
        let expected = STRIDES.map(places).map(|places| format!("{places} or {}", 2 * places));
        format!("{} rows, expected {} for strides {STRIDES:?}", rows.size, expected.join(", "))
    })
}

/// The places of the outputs by kind and stride, and the number of anchors, which is the same everywhere.
fn order(levels: &[(usize, usize, usize)]) -> Result<(Vec<usize>, usize), Refusal> {
    let anchors = levels.first().map_or(1, |(.., anchors)| *anchors);
    let wanted = (0..KINDS.len()).flat_map(|kind| (0..STRIDES.len()).map(move |stride| (kind, stride)));
    let found = wanted.map(|(kind, stride)| {
        let found = levels.iter().position(|level| *level == (kind, stride, anchors));
        found.ok_or_else(|| {
            let (numbers, stride) = (KINDS[kind], STRIDES[stride]);
            Refusal::new(format!(
                "no output has {numbers} numbers for each of {anchors} anchors of stride {stride}, so this is no SCRFD face \
                 detector"
            ))
        })
    });
    Ok((found.collect::<Result<_, _>>()?, anchors))
}

/// Requires that the scores come from a sigmoid, after which numbers are only ordered.
fn require_probabilities(network: &Description) -> Result<(), Refusal> {
    let makers: HashMap<&str, usize> =
        network.ops.iter().enumerate().map(|(at, step)| (step.out.as_str(), at)).collect();
    for output in &network.outputs[..STRIDES.len()] {
        let mut name = output.as_str();
        loop {
            let step = makers.get(name).map(|&at| &network.ops[at]);
            match step.map(|step| (&step.op, step.inputs.as_slice())) {
                Some((Op::Sigmoid, _)) => break,
                Some((Op::Reshape { .. } | Op::Transpose { .. }, [input])) => name = input,
                _ => {
                    return Err(Refusal::new(
                        "its scores are not the result of a sigmoid, so this is no SCRFD face detector",
                    ));
                }
            }
        }
    }
    Ok(())
}
