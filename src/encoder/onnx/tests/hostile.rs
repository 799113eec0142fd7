//! Damaged, hostile and unsupported files, each with the reason of its refusal.

use prost::Message;
use prost::bytes::Bytes;

use super::super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, data_type,
};
use super::super::{convert, structure::LARGEST_STRUCTURE};
use super::fixture;

/// The refusal of a fixture after a change.
fn changed(change: impl FnOnce(&mut ModelProto)) -> String {
    let mut model = ModelProto::decode(fixture("mobilefacenet.onnx").as_slice()).unwrap();
    change(&mut model);
    refusal(model.encode_to_vec())
}

/// The refusal of a fixture after a change of its graph.
fn graph(change: impl FnOnce(&mut GraphProto)) -> String {
    changed(|model| change(model.graph.as_mut().unwrap()))
}

fn refusal(bytes: Vec<u8>) -> String {
    convert(bytes, None).map(|converted| converted.plan).expect_err("it was converted").to_string()
}

/// The first node of a kind.
fn node<'a>(graph: &'a mut GraphProto, kind: &str) -> &'a mut NodeProto {
    graph.node.iter_mut().find(|node| node.op_type == kind).unwrap()
}

/// The weight of the first convolution.
fn weight(graph: &mut GraphProto) -> &mut TensorProto {
    let name = node(graph, "Conv").input[1].clone();
    graph.initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
}

fn attribute<'a>(node: &'a mut NodeProto, name: &str) -> &'a mut AttributeProto {
    node.attribute.iter_mut().find(|attribute| attribute.name == name).unwrap()
}

fn dims(graph: &mut GraphProto) -> &mut Vec<DimensionProto> {
    let tensor = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
    &mut tensor.shape.as_mut().unwrap().dim
}

/// Puts a node between the last node and the output.
fn last(graph: &mut GraphProto, kind: &str, attributes: Vec<AttributeProto>, more: &[&str]) {
    let output = graph.output[0].name.clone();
    let maker = graph.node.iter_mut().find(|node| node.output.contains(&output)).unwrap();
    maker.output = vec!["before".into()];
    let input = [&["before"], more].concat().iter().map(|name| (*name).to_owned()).collect();
    let (op_type, attribute) = (kind.to_owned(), attributes);
    graph.node.push(NodeProto { input, output: vec![output], op_type, attribute, ..NodeProto::default() });
}

fn ints(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: data_type::INT64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, ..AttributeProto::default() }
}

#[track_caller]
pub(super) fn told(refusal: &str, parts: &[&str]) {
    for part in parts {
        assert!(refusal.contains(part), "{part:?} is not in: {refusal}");
    }
    assert!(refusal.len() < 1000 && !refusal.contains('\n'), "{refusal}");
}

#[test]
fn damaged_files() {
    told(&refusal(Vec::new()), &["empty"]);
    told(&refusal(b"model {\n  graph {}\n}\n".to_vec()), &["not an ONNX file", "text"]);
    let whole = fixture("mobilefacenet.onnx");
    told(&refusal(whole[..whole.len() / 2].to_vec()), &["truncated", "beyond the end at byte"]);
    told(&refusal(vec![0x3c, 0x01]), &["wire type"]);
    told(&refusal(vec![0xff; 40]), &["not an ONNX file", "byte 0"]);
    told(&refusal(vec![0x08, 0x07]), &["operator set"]);
    // Field 7, the graph, as a number.
    told(&refusal(vec![0x38, 0x01]), &["not an ONNX file"]);
    told(&changed(|model| model.graph = None), &["contains no graph"]);
    // A message in a message, 10,000 deep.
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        let mut outer = vec![0x3a];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = outer;
    }
    assert!(refusal(nested).contains("not an ONNX file"));
}

#[test]
fn files_of_other_formats() {
    for (start, kind) in [
        (&b"PK\x03\x04\x00\x00\x08\x08 archive/data.pkl"[..], "PyTorch"),
        (&b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."[..], "pickle"),
        (&b"\x1c\x00\x00\x00TFL3\x14\x00\x20\x00"[..], "TensorFlow Lite"),
        (&b"\x89HDF\r\n\x1a\n\x00"[..], "HDF5"),
        (&b"\x18\x00\x00\x00ORTM\x00\x00"[..], "ORT"),
    ] {
        told(&refusal(start.to_vec()), &["not an ONNX file", kind]);
    }
}

#[test]
fn data_outside_of_the_file() {
    // The entry `location: /etc/passwd` of external data.
    let entry = b"\x0a\x08location\x12\x0b/etc/passwd";
    let external = |graph: &mut GraphProto| {
        let tensor = weight(graph);
        (tensor.raw_data, tensor.data_location) = (Bytes::new(), 1);
        tensor.external_data = vec![Bytes::from_static(entry)];
    };
    told(
        &graph(external),
        &["another file", "not read", "Conv", "external_data=False", "onnx.save(onnx.load("],
    );
}

#[test]
fn tensors_that_do_not_fit_their_data() {
    let shape = |dims: Vec<i64>| graph(move |graph| weight(graph).dims = dims);
    told(&shape(vec![1 << 40, 1 << 40, 3, 3]), &["its shape is"]);
    told(&shape(vec![-8, 3, 3, 3]), &["its shape is"]);
    told(&shape(vec![1 << 30, 3, 3, 3]), &["numbers, its shape"]);
    told(&shape(vec![0, 3, 3, 3]), &["numbers, its shape"]);
    told(&shape(vec![1; 100]), &["its shape is"]);
    told(&graph(|graph| weight(graph).raw_data = Bytes::from_static(b"abc")), &["FLOAT", "cannot be read"]);
    told(&graph(|graph| weight(graph).data_type = data_type::INT64), &["numbers, its shape"]);
    told(&graph(|graph| weight(graph).data_type = 3), &["INT8", "a quantised file", "float weights"]);
    told(&graph(|graph| weight(graph).data_type = 8), &["STRING", "cannot be read"]);
    for number in [f32::NAN, f32::INFINITY] {
        let spoil = |graph: &mut GraphProto| {
            let tensor = weight(graph);
            let mut bytes = tensor.raw_data.to_vec();
            bytes[8..12].copy_from_slice(&number.to_le_bytes());
            tensor.raw_data = bytes.into();
        };
        told(&graph(spoil), &["number 2 of a weight is"]);
    }
}

#[test]
fn nodes_that_do_not_fit_together() {
    let missing = |graph: &mut GraphProto| {
        let name = weight(graph).name.clone();
        graph.initializer.retain(|tensor| tensor.name != name);
    };
    told(&graph(missing), &["node", "Conv", "is made by no earlier node and is no weight"]);
    told(&graph(|graph| graph.node.reverse()), &["is made by no earlier node"]);
    let circle = |graph: &mut GraphProto| {
        let output = graph.node[5].output[0].clone();
        graph.node[2].input[0] = output;
    };
    told(&graph(circle), &["is made by no earlier node"]);
    let twice = |graph: &mut GraphProto| {
        let node = graph.node[3].clone();
        graph.node.push(node);
    };
    told(&graph(twice), &["is made a second time"]);
    told(&graph(|graph| graph.output[0].name = "nothing".into()), &["no node makes the output"]);
    told(&graph(|graph| graph.output[0].name = "".into()), &["no node makes the output"]);
}

#[test]
fn convolutions_that_are_not_possible() {
    told(&graph(|graph| attribute(node(graph, "Conv"), "group").i = 2), &["Conv", "3 channels in 2 groups"]);
    told(&graph(|graph| attribute(node(graph, "Conv"), "group").i = 0), &["in 0 groups"]);
    told(&graph(|graph| attribute(node(graph, "Conv"), "strides").ints = vec![0, 1]), &["stride [0, 1]"]);
    told(
        &graph(|graph| attribute(node(graph, "Conv"), "strides").ints = vec![1; 3]),
        &["expected 2 numbers"],
    );
    told(&graph(|graph| attribute(node(graph, "Conv"), "pads").ints = vec![-9; 4]), &["padding [-9"]);
    told(&graph(|graph| attribute(node(graph, "Conv"), "pads").ints = vec![i64::MAX; 4]), &["padding"]);
    let large = |graph: &mut GraphProto| attribute(node(graph, "Conv"), "pads").ints = vec![1 << 19; 4];
    told(&graph(large), &["its result would have the shape [N, 2748"]);
    let kernel =
        |graph: &mut GraphProto| attribute(node(graph, "Conv"), "kernel_shape").ints = vec![200, 200];
    told(&graph(kernel), &["kernel_shape does not agree"]);
    let channels = |graph: &mut GraphProto| {
        let tensor = weight(graph);
        tensor.dims.swap(0, 1);
    };
    told(&graph(channels), &["Conv", "its weight has the shape [3, 8, 3, 3]"]);
    let empty = |graph: &mut GraphProto| {
        let tensor = weight(graph);
        (tensor.dims[0], tensor.raw_data) = (0, Bytes::new());
    };
    told(&graph(empty), &["Conv", "its weight has the shape [0, 3, 3, 3]"]);
}

#[test]
fn operators_that_are_not_supported() {
    for kind in ["LSTM", "NonMaxSuppression", "Einsum", "StringNormalizer"] {
        told(&graph(|graph| last(graph, kind, Vec::new(), &[])), &["node", kind, "not supported"]);
    }
    let custom = |graph: &mut GraphProto| {
        last(graph, "Relu", Vec::new(), &[]);
        graph.node.last_mut().unwrap().domain = "com.example".into();
    };
    told(&graph(custom), &["domain \"com.example\""]);
    for kind in ["If", "Loop", "Scan"] {
        let body = AttributeProto {
            name: "body".into(),
            g: Some(Bytes::from_static(&[0x0a, 0])),
            ..AttributeProto::default()
        };
        told(&graph(|graph| last(graph, kind, vec![body], &[])), &[kind, "control flow"]);
    }
    told(
        &graph(|graph| last(graph, "BatchNormalization", vec![int("training_mode", 1)], &[])),
        &["training mode"],
    );
    told(&graph(|graph| last(graph, "Cast", vec![int("to", 7)], &[])), &["activations become INT64"]);
    told(&graph(|graph| graph.sparse_initializer = vec![Bytes::from_static(&[1])]), &["sparse"]);
    for version in [1, 6, 99, -1] {
        told(&changed(|model| model.opset_import[0].version = version), &["operator set", "7 to 23"]);
    }
    told(&changed(|model| model.opset_import[0].domain = "ai.onnx.ml".into()), &["states no operator set"]);
}

#[test]
fn inputs_and_outputs_that_are_not_those_of_an_encoder() {
    told(&graph(|graph| graph.input.clear()), &["0 inputs"]);
    let second = |graph: &mut GraphProto| {
        graph.input.push(ValueInfoProto { name: "mask".into(), r#type: None });
        last(graph, "Mul", Vec::new(), &["mask"]);
    };
    told(&graph(second), &["2 inputs", "mask"]);
    told(&graph(|graph| graph.input[0].r#type = None), &["not a tensor"]);
    told(&graph(|graph| dims(graph)[1].dim_value = 1), &["[batch, 1, 112, 112]", "expected a picture"]);
    told(&graph(|graph| dims(graph).truncate(2)), &["expected a picture"]);
    told(&graph(|graph| dims(graph)[2].dim_value = 96), &["expected a square"]);
    told(&graph(|graph| dims(graph)[2].dim_value = -112), &["expected a square"]);
    let large = |graph: &mut GraphProto| dims(graph)[2..].iter_mut().for_each(|dim| dim.dim_value = 1 << 40);
    told(&graph(large), &["expected a square of 32 to 512"]);
    let open = |graph: &mut GraphProto| {
        dims(graph)[2..].iter_mut().for_each(|dim| (dim.dim_value, dim.dim_param) = (0, "side".into()));
    };
    told(&graph(open), &["leaves the length of axis 2 (rows) and 3 (columns) open", "--chip"]);
    let rows = |graph: &mut GraphProto| dims(graph)[2].dim_value = 0;
    told(&graph(rows), &["leaves the length of axis 2 (rows) open"]);
    let numbers = |graph: &mut GraphProto| {
        graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 2;
    };
    told(&graph(numbers), &["UINT8, expected FLOAT"]);
    told(&graph(|graph| graph.output.clear()), &["0 outputs"]);
    let two =
        |graph: &mut GraphProto| graph.output.push(ValueInfoProto { name: "pose".into(), r#type: None });
    told(&graph(two), &["2 outputs", "pose"]);
    let picture = |graph: &mut GraphProto| {
        let inner = graph.node.iter().find(|node| node.op_type == "Conv").unwrap().output[0].clone();
        graph.output[0].name = inner;
    };
    told(&graph(picture), &["its output has the shape [N, 8, 56, 56]", "expected one vector"]);
}

#[test]
fn quantised_files() {
    let kinds = ["QLinearConv", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger"];
    for kind in kinds.into_iter().chain(["MatMulInteger"]) {
        let told_of = graph(|graph| last(graph, kind, Vec::new(), &[]));
        told(&told_of, &["a quantised file (node", kind, "import the file with float weights"]);
    }
}

/// The network has an output besides its vector, made by one more node.
fn with_second_output(kind: &str, attributes: Vec<AttributeProto>, is_first: bool) -> ModelProto {
    let mut model = ModelProto::decode(fixture("mobilefacenet.onnx").as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let second = ValueInfoProto { name: "second".into(), r#type: None };
    let (input, output) = (vec![graph.output[0].name.clone()], vec!["second".into()]);
    let (op_type, attribute) = (kind.into(), attributes);
    graph.node.push(NodeProto { input, output, op_type, attribute, ..NodeProto::default() });
    graph.output.insert(usize::from(!is_first), second);
    model
}

#[test]
fn of_two_outputs_the_vector_is_taken_if_the_other_is_a_number() {
    let plain = convert(fixture("mobilefacenet.onnx"), None).unwrap();
    assert!(plain.notes.is_empty());
    for is_first in [false, true] {
        for keepdims in [0, 1] {
            let axes = AttributeProto { name: "axes".into(), ints: vec![1], ..AttributeProto::default() };
            let model = with_second_output("ReduceL2", vec![axes, int("keepdims", keepdims)], is_first);
            let converted = convert(model.encode_to_vec(), None).unwrap();
            assert_eq!(converted.bytes, plain.bytes);
            told(&converted.notes[0], &["two outputs", "\"second\", one number for each face, is not"]);
        }
    }
    // Two vectors, and one that cannot be converted.
    for (kind, reason) in [("Relu", "2 outputs"), ("LSTM", "not supported")] {
        let two = with_second_output(kind, Vec::new(), false);
        told(&refusal(two.encode_to_vec()), &["2 outputs", "second", "expected one vector", reason]);
    }
}

#[test]
fn an_input_that_no_node_reads_is_ignored() {
    let mut model = ModelProto::decode(fixture("mobilefacenet.onnx").as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    graph.input.insert(0, ValueInfoProto { name: "unused".into(), r#type: None });
    let bytes = convert(model.encode_to_vec(), None).unwrap().bytes;
    assert_eq!(bytes, convert(fixture("mobilefacenet.onnx"), None).unwrap().bytes);
}

#[test]
fn a_shape_that_is_open_is_taken_from_the_chip() {
    let mut model = ModelProto::decode(fixture("mobilefacenet.onnx").as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    dims(graph).iter_mut().for_each(|dim| (dim.dim_value, dim.dim_param) = (0, String::new()));
    let open = model.encode_to_vec();
    let tensor = model.graph.as_mut().unwrap().input[0].r#type.as_mut().unwrap().tensor_type.as_mut();
    tensor.unwrap().shape = None;
    let plain = convert(fixture("mobilefacenet.onnx"), None).unwrap();
    for open in [open, model.encode_to_vec()] {
        assert_eq!(convert(open.clone(), Some(112)).unwrap().bytes, plain.bytes);
        told(&refusal(open.clone()), &["[?, ?, ?, ?]", "axis 2 (rows) and 3 (columns)", "--chip"]);
        let other = convert(open, Some(224)).map(|converted| converted.plan).unwrap_err().to_string();
        told(&other, &["needs another size of the input: 112 x 112 pixels instead of 224 x 224"]);
    }
}

#[test]
fn detectors_are_told_before_the_size_of_the_picture() {
    let three = |graph: &mut GraphProto| {
        dims(graph)[2..].iter_mut().for_each(|dim| (dim.dim_value, dim.dim_param) = (0, "side".into()));
        let more = ["boxes", "points"].map(|name| ValueInfoProto { name: name.into(), r#type: None });
        graph.output.extend(more);
    };
    told(&graph(three), &["3 outputs", "face detector", "--detector"]);
}

#[test]
fn graphs_that_mix_crops_or_need_too_much_memory() {
    told(&graph(|graph| last(graph, "Softmax", vec![int("axis", 0)], &[])), &["Softmax", "counts the crops"]);
    told(&graph(|graph| last(graph, "ReduceMean", Vec::new(), &[])), &["counts the crops"]);
    let joined = |graph: &mut GraphProto| {
        graph.initializer.push(ints("shape", &[1, -1, 4]));
        last(graph, "Reshape", Vec::new(), &["shape"]);
    };
    told(&graph(joined), &["its output has the shape [N, 8, 4]"]);
    for shape in [[1 << 40, 32], [-1, 0], [i64::MIN, i64::MIN], [0, 0]] {
        let huge = |graph: &mut GraphProto| {
            graph.initializer.push(ints("shape", &shape));
            last(graph, "Expand", Vec::new(), &["shape"]);
        };
        told(&graph(huge), &["Expand"]);
    }
    let bomb = |graph: &mut GraphProto| {
        graph.initializer.push(ints("shape", &[1 << 20, 1 << 19]));
        let (input, output) = (vec!["shape".into()], vec!["ones".into()]);
        graph.node.insert(
            0,
            NodeProto { input, output, op_type: "ConstantOfShape".into(), ..NodeProto::default() },
        );
        last(graph, "Add", Vec::new(), &["ones"]);
    };
    told(&graph(bomb), &["ConstantOfShape", "memory for constants"]);
    let wide = |graph: &mut GraphProto| {
        graph.initializer.push(ints("pads", &[0, 0, 0, 1 << 30]));
        last(graph, "Pad", Vec::new(), &["pads"]);
    };
    told(&graph(wide), &["the network needs more than"]);
    let names = |graph: &mut GraphProto| {
        graph.node.push(NodeProto { name: "x".repeat(LARGEST_STRUCTURE), ..NodeProto::default() });
    };
    told(&graph(names), &["bytes without the weights"]);
    let many = |graph: &mut GraphProto| graph.node.extend(vec![NodeProto::default(); 100_001]);
    told(&graph(many), &["nodes, expected at most 100000"]);
}

/// Every byte of a small file changed, and every length of it: an answer, never a panic.
#[test]
fn small_changes_do_not_panic() {
    let whole = fixture("mobilenetv2.onnx");
    let places = (0..whole.len()).filter(|at| at % 1999 == 0);
    for at in places {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = convert(bytes, None);
        }
        let _ = convert(whole[..at].to_vec(), None);
    }
}
