//! The parts of an ONNX file outside of its nodes: its kind, its operator set and its input.

use std::collections::HashMap;

use super::Refusal;
use super::node::described;
use super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, data_type};

/// The operator sets whose operators are known.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=23;
/// Sides of an input picture.
const SIDES: std::ops::RangeInclusive<i64> = 32..=512;
/// Most nodes of a graph.
const MOST_NODES: usize = 100_000;

/// The picture that a network expects.
pub(super) struct Entry<'a> {
    pub name: &'a str,
    pub side: u32,
    /// Whether the file leaves the side open.
    pub is_open: bool,
    /// N, H, W, C instead of N, C, H, W.
    pub is_channels_last: bool,
    /// The batch size that the file fixes; 1 if it is open.
    pub batch: i64,
}

/// Names the kind of a file that is not ONNX, if its first bytes tell.
pub(super) fn recognise(bytes: &[u8]) -> Result<(), Refusal> {
    let is_text = |bytes: &[u8]| {
        let start = &bytes[..bytes.len().min(512)];
        !start.is_empty() && start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
    };
    let kind = match bytes {
        [b'P', b'K', 3, 4, ..] => {
            "a zip file, perhaps of PyTorch (.pt, .pth); export the model to ONNX first"
        }
        [0x80, 2..=5, ..] => "a pickle of PyTorch; export the model to ONNX first",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "a TensorFlow Lite model; convert it to ONNX first",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file (Keras); export the model to ONNX first",
        [_, _, _, _, b'O', b'R', b'T', b'M', ..] => "an ORT file; give the ONNX file it was made from",
        _ if is_text(bytes) => "text",
        _ => return Ok(()),
    };
    Err(Refusal::new(format!("not an ONNX file: it is {kind}")))
}

/// The version of the standard operators.
pub(super) fn opset(model: &ModelProto) -> Result<i64, Refusal> {
    let is_standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    let set = model.opset_import.iter().find(|set| is_standard(&set.domain));
    let version = set.ok_or_else(|| Refusal::new("not an ONNX file: it states no operator set"))?.version;
    if OPSETS.contains(&version) {
        return Ok(version);
    }
    let (first, last) = (OPSETS.start(), OPSETS.end());
    let reason = format!("operator set {version}, expected {first} to {last}; export the model again");
    Err(Refusal::new(reason))
}

/// The only input that is not a weight and that a node reads: its name, the lengths of its axes, 0 where they are open, and its shape
/// for messages.
pub(super) fn picture(graph: &GraphProto) -> Result<(&str, Vec<i64>, String), Refusal> {
    if !graph.sparse_initializer.is_empty() {
        return Err(Refusal::new("it contains sparse tensors, which are not supported"));
    }
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let is_read = |name: &str| graph.node.iter().any(|node| node.input.iter().any(|input| input == name));
    let mut entries: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !is_weight(&input.name)).take(9).collect();
    if entries.len() > 1 {
        entries.retain(|input| is_read(&input.name));
    }
    let &[input] = entries.as_slice() else {
        let names: Vec<&str> = entries.iter().map(|input| input.name.as_str()).collect();
        return Err(Refusal::new(format!("{} inputs {names:?}, expected one picture", names.len())));
    };
    let wrong = |reason: String| Refusal::new(format!("input {:?}: {reason}", input.name));
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| wrong("it is not a tensor".into()))?;
    if ![data_type::FLOAT, data_type::FLOAT16].contains(&tensor.elem_type) {
        let got = data_type::name(tensor.elem_type);
        return Err(wrong(format!("its numbers are {got}, expected FLOAT or FLOAT16")));
    }
    let Some(shape) = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()) else {
        return Ok((&input.name, vec![0; 4], "?, ?, ?, ?".into()));
    };
    let sides: Vec<i64> = shape.iter().map(|dim| dim.dim_value).collect();
    let told = shape.iter().map(|dim| match dim.dim_param.as_str() {
        "" if dim.dim_value == 0 => "?".to_owned(),
        "" => dim.dim_value.to_string(),
        name => name.to_owned(),
    });
    let told = told.collect::<Vec<_>>().join(", ");
    Ok((&input.name, sides, told))
}

/// The picture that an encoder expects. An open axis of the channels is taken as three.
pub(super) fn entry(graph: &GraphProto, side: Option<u32>) -> Result<Entry<'_>, Refusal> {
    let (name, sides, told) = picture(graph)?;
    let wrong = |reason: String| Refusal::new(format!("input {name:?}: {reason}"));
    let (is_channels_last, height, width) = match sides.as_slice() {
        [_, 3, height, width] => (false, *height, *width),
        [_, height, width, 3] => (true, *height, *width),
        [_, 0, height, width] => (false, *height, *width),
        _ => return Err(wrong(format!("its shape is [{told}], expected a picture [N, 3, side, side]"))),
    };
    let is_open = height == 0 || width == 0;
    let Some(open) = (if is_open { side } else { Some(0) }) else {
        let first = if is_channels_last { 1 } else { 2 };
        let open = [(first, "rows", height), (first + 1, "columns", width)];
        let open =
            open.iter().filter(|(.., side)| *side == 0).map(|(axis, what, _)| format!("{axis} ({what})"));
        let open = open.collect::<Vec<_>>().join(" and ");
        return Err(wrong(format!(
            "its shape [{told}] leaves the length of axis {open} open; state the size with --chip arcface-112"
        )));
    };
    let stated = |found: i64| if found == 0 { i64::from(open) } else { found };
    let (height, width) = (stated(height), stated(width));
    if height != width || !SIDES.contains(&height) || sides[0] < 0 {
        let (least, most) = (SIDES.start(), SIDES.end());
        return Err(wrong(format!("its shape is [{told}], expected a square of {least} to {most} pixels")));
    }
    if side.is_some_and(|side| i64::from(side) != height) {
        return Err(wrong(format!("its shape is [{told}], which is not the size of the chip")));
    }
    let batch = sides[0].max(1);
    Ok(Entry { name, side: height as u32, is_open, is_channels_last, batch })
}

/// Refuses a graph with operators on whole numbers of few bits.
pub(super) fn require_floats(graph: &GraphProto) -> Result<(), Refusal> {
    let is_quantised = |node: &&NodeProto| {
        let kind = node.op_type.as_str();
        let starts = ["QLinear", "QuantizeLinear", "DequantizeLinear", "DynamicQuantize"];
        starts.iter().any(|start| kind.starts_with(start)) || ["ConvInteger", "MatMulInteger"].contains(&kind)
    };
    match graph.node.iter().enumerate().find(|(_, node)| is_quantised(node)) {
        Some((at, node)) => Err(quantised(&described(at, node))),
        None => Ok(()),
    }
}

/// The refusal of a quantised file. `place` is what shows it.
pub(super) fn quantised(place: &str) -> Refusal {
    Refusal::new(format!("a quantised file ({place}); import the file with float weights"))
}

/// Which nodes the outputs depend on. Names are checked here: each is made once.
pub(super) fn needed(graph: &GraphProto, outputs: &[&str]) -> Result<Vec<bool>, Refusal> {
    if graph.node.len() > MOST_NODES {
        return Err(Refusal::new(format!("{} nodes, expected at most {MOST_NODES}", graph.node.len())));
    }
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (at, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if makers.insert(name, at).is_some() {
                let node = described(at, node);
                return Err(Refusal::new(format!("{node}: its output {name:?} is made a second time")));
            }
        }
    }
    let mut needed = vec![false; graph.node.len()];
    let mut open = outputs.to_vec();
    while let Some(name) = open.pop() {
        if let Some(&at) = makers.get(name).filter(|at| !needed[**at]) {
            needed[at] = true;
            open.extend(graph.node[at].input.iter().map(String::as_str));
        }
    }
    Ok(needed)
}

/// How often needed nodes, and the outputs, read each value.
pub(super) fn uses<'a>(
    graph: &'a GraphProto,
    needed: &[bool],
    outputs: &[&'a str],
) -> HashMap<&'a str, usize> {
    let mut uses = HashMap::new();
    outputs.iter().for_each(|output| *uses.entry(*output).or_default() += 1);
    for (node, _) in graph.node.iter().zip(needed).filter(|(_, needed)| **needed) {
        node.input.iter().for_each(|name| *uses.entry(name.as_str()).or_default() += 1);
    }
    uses
}

/// Refuses nodes that are not plain operators of ONNX.
pub(super) fn supported(node: &NodeProto) -> Result<(), Refusal> {
    if !node.domain.is_empty() && node.domain != "ai.onnx" {
        return Err(Refusal::new(format!("operators of the domain {:?} are not supported", node.domain)));
    }
    for attribute in &node.attribute {
        let name = &attribute.name;
        if attribute.g.is_some() || !attribute.graphs.is_empty() {
            return Err(Refusal::new(format!(
                "the attribute {name:?} is a graph; control flow is not supported"
            )));
        }
        if attribute.sparse_tensor.is_some() || !attribute.ref_attr_name.is_empty() {
            return Err(Refusal::new(format!("the attribute {name:?} is a sparse tensor or a reference")));
        }
    }
    Ok(())
}

/// About how many numbers a tensor of the file has, from its bytes.
pub(super) fn stored(tensor: &TensorProto) -> usize {
    let listed = tensor.float_data.len() + tensor.int32_data.len() + tensor.int64_data.len();
    tensor.raw_data.len() / 2 + listed + tensor.double_data.len()
}
