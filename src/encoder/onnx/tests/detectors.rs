//! SCRFD detectors: their conversion, and the refusal of files that are none, or that are hostile.

use prost::Message;
use prost::bytes::Bytes;

use super::super::detector::{convert, require_none};
use super::super::proto::{GraphProto, ModelProto, NodeProto, TensorProto, data_type};
use super::super::{self as onnx, pack};
use super::fixture;

const FILES: [&str; 2] = ["detectors/resnet.onnx", "detectors/mobile-batched.onnx"];

fn model(name: &str) -> ModelProto {
    ModelProto::decode(fixture(name).as_slice()).unwrap()
}

/// The refusal of a fixture after a change of its graph.
fn refused(change: impl FnOnce(&mut GraphProto)) -> String {
    let mut model = model(FILES[0]);
    change(model.graph.as_mut().unwrap());
    convert(model.encode_to_vec()).map(|converted| converted.plan).unwrap_err().to_string()
}

#[track_caller]
fn told(refusal: &str, parts: &[&str]) {
    for part in parts {
        assert!(refusal.contains(part), "{part:?} is not in: {refusal}");
    }
    assert!(refusal.len() < 1000 && !refusal.contains('\n'), "{refusal}");
}

fn node<'a>(graph: &'a mut GraphProto, kind: &str) -> &'a mut NodeProto {
    graph.node.iter_mut().find(|node| node.op_type == kind).unwrap()
}

fn side(graph: &mut GraphProto, axis: usize, value: i64) {
    let tensor = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
    let dim = &mut tensor.shape.as_mut().unwrap().dim[axis];
    (dim.dim_value, dim.dim_param) = (value, String::new());
}

#[test]
fn fixtures_are_converted_to_the_same_bytes_each_time() {
    for name in FILES {
        let converted = convert(fixture(name)).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!((converted.height, converted.width, converted.anchors), (640, 640, 2), "{name}");
        let sizes: Vec<i64> =
            converted.plan.outputs.iter().map(|shape| shape.iter().map(|dim| dim.size).product()).collect();
        let rows = [12800, 3200, 800];
        assert_eq!(
            sizes,
            [1, 4, 10].iter().flat_map(|n| rows.map(|rows| n * rows)).collect::<Vec<_>>(),
            "{name}"
        );
        assert_eq!(converted.bytes, convert(fixture(name)).unwrap().bytes, "{name}");
        assert!((1 << 20..32 << 20).contains(&converted.plan.activations), "{:?}", converted.plan);
    }
}

#[test]
fn outputs_are_told_apart_by_their_shapes() {
    let expected = convert(fixture(FILES[0])).unwrap();
    let mut changed = model(FILES[0]);
    let graph = changed.graph.as_mut().unwrap();
    graph.output.reverse();
    for (at, output) in graph.output.iter_mut().enumerate() {
        let (own, name) = (output.name.clone(), format!("{}", 448 + at));
        for names in graph.node.iter_mut().flat_map(|node| node.output.iter_mut().chain(&mut node.input)) {
            if *names == own {
                names.clone_from(&name);
            }
        }
        output.name = name;
    }
    let converted = convert(changed.encode_to_vec()).unwrap();
    let sizes = |converted: &onnx::detector::Converted| converted.plan.outputs.clone();
    assert_eq!(sizes(&converted), sizes(&expected));
}

#[test]
fn other_sizes_of_the_picture() {
    let mut changed = model(FILES[0]);
    let graph = changed.graph.as_mut().unwrap();
    side(graph, 2, 480);
    side(graph, 3, 320);
    let converted = convert(changed.encode_to_vec()).unwrap();
    assert_eq!((converted.height, converted.width), (480, 320));
    for (value, part) in
        [(500, "multiples of 32"), (64, "128 to 1280"), (1 << 40, "128 to 1280"), (-5, "sides")]
    {
        told(&refused(|graph| side(graph, 3, value)), &["input \"input.1\"", part]);
    }
    told(&refused(|graph| side(graph, 1, 1)), &["expected a picture [1, 3, rows, columns]"]);
    told(&refused(|graph| side(graph, 0, 8)), &["one picture at a time"]);
}

#[test]
fn files_that_are_no_such_detector() {
    told(&refused(|graph| graph.output.truncate(6)), &["6 outputs", "without landmarks", "kps"]);
    told(&refused(|graph| graph.output.truncate(2)), &["2 outputs", "9 outputs"]);
    told(&refused(|graph| graph.output.clear()), &["no output"]);
    let more = |graph: &mut GraphProto| {
        let more = graph.output[..6].to_vec();
        graph.output.extend(more);
    };
    told(&refused(more), &["15 outputs", "five strides"]);
    let encoder = convert(fixture("mobilefacenet.onnx")).unwrap_err().to_string();
    told(&encoder, &["one output", "encoder", "without --detector"]);
    let twice = |graph: &mut GraphProto| graph.output[0] = graph.output[1].clone();
    told(&refused(twice), &["no output has 1 numbers for each of 2 anchors of stride 8"]);
    let inner = |graph: &mut GraphProto| graph.output[0].name = node(graph, "Conv").output[0].clone();
    told(&refused(inner), &["its shape is [1, 4, 320, 320]", "no SCRFD"]);
    // Without the sigmoid, a score would be any number.
    told(&refused(|graph| node(graph, "Sigmoid").op_type = "Relu".into()), &["not the result of a sigmoid"]);
    // Another detector head: as many rows as for another stride.
    let rows = |graph: &mut GraphProto| {
        node(graph, "Conv").attribute.iter_mut().find(|a| a.name == "strides").unwrap().ints = vec![1, 1]
    };
    told(&refused(rows), &["rows, expected"]);
}

#[test]
fn hostile_files() {
    told(&convert(Vec::new()).unwrap_err().to_string(), &["empty"]);
    told(&convert(b"PK\x03\x04".to_vec()).unwrap_err().to_string(), &["zip"]);
    let whole = fixture(FILES[0]);
    told(&convert(whole[..whole.len() / 2].to_vec()).unwrap_err().to_string(), &["truncated"]);
    let external = |graph: &mut GraphProto| {
        let name = node(graph, "Conv").input[1].clone();
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == name).unwrap();
        (tensor.raw_data, tensor.data_location) = (Bytes::new(), 1);
        tensor.external_data = vec![Bytes::from_static(b"\x0a\x08location\x12\x0b/etc/passwd")];
    };
    told(&refused(external), &["another file", "not read"]);
    let nan = |graph: &mut GraphProto| {
        let name = node(graph, "Conv").input[1].clone();
        let tensor = graph.initializer.iter_mut().find(|tensor| tensor.name == name).unwrap();
        let mut bytes = tensor.raw_data.to_vec();
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        tensor.raw_data = bytes.into();
    };
    told(&refused(nan), &["number 0 of a weight is NaN"]);
    told(&refused(|graph| node(graph, "Resize").op_type = "NonMaxSuppression".into()), &["not supported"]);
    told(&refused(|graph| node(graph, "Resize").domain = "com.example".into()), &["domain \"com.example\""]);
    // A picture of 2^30 rows by padding.
    let wide = |graph: &mut GraphProto| {
        graph.initializer.push(TensorProto {
            name: "pads".into(),
            dims: vec![8],
            data_type: data_type::INT64,
            int64_data: vec![0, 0, 0, 0, 0, 0, 1 << 30, 0],
            ..TensorProto::default()
        });
        let first = node(graph, "Conv");
        let own = std::mem::replace(&mut first.input[0], "padded".into());
        let (input, output) = (vec![own, "pads".into()], vec!["padded".into()]);
        graph.node.insert(0, NodeProto { input, output, op_type: "Pad".into(), ..NodeProto::default() });
    };
    told(&refused(wide), &["its result would have the shape"]);
    let many = |graph: &mut GraphProto| graph.node.extend(vec![NodeProto::default(); 100_001]);
    told(&refused(many), &["nodes, expected at most 100000"]);
}

#[test]
fn enlargements_that_do_not_repeat_numbers() {
    let set = |name: &'static str, value: &'static str| {
        move |graph: &mut GraphProto| {
            let attributes = &mut node(graph, "Resize").attribute;
            attributes.iter_mut().find(|attribute| attribute.name == name).unwrap().s =
                value.as_bytes().to_vec().into();
        }
    };
    told(&refused(set("mode", "linear")), &["Resize", "mode \"linear\""]);
    told(&refused(set("nearest_mode", "ceil")), &["Resize", "do not repeat each number 2 times"]);
    let aligned = set("coordinate_transformation_mode", "align_corners");
    told(&refused(aligned), &["\"align_corners\"", "do not repeat"]);
    // These two are what PyTorch and TensorFlow write.
    for (transformation, rounding) in [("asymmetric", "floor"), ("half_pixel", "round_prefer_floor")] {
        let mut model = model(FILES[0]);
        let graph = model.graph.as_mut().unwrap();
        set("coordinate_transformation_mode", transformation)(graph);
        set("nearest_mode", rounding)(graph);
        convert(model.encode_to_vec()).unwrap();
    }
}

#[test]
fn a_detector_as_an_encoder_is_refused_with_the_option() {
    for name in FILES {
        told(&onnx::convert(fixture(name), None).unwrap_err().to_string(), &["9 outputs", "--detector"]);
        assert!(require_none(model(name).graph.as_ref().unwrap()).is_err());
    }
}

#[test]
fn packs_give_their_encoder_and_their_detector() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("w600k_r50.onnx", &fixture("mobilefacenet.onnx"));
    told(&pack::open_detector(folder.path()).unwrap_err().to_string(), &["no detector", "one output"]);
    write("mine.onnx", &fixture(FILES[1]));
    let found = pack::open_detector(folder.path()).unwrap();
    assert_eq!((found.file.as_str(), found.licence), ("mine.onnx", None));
    write("det_10g.onnx", &fixture(FILES[0]));
    let found = pack::open_detector(folder.path()).unwrap();
    assert_eq!(found.file, "det_10g.onnx");
    assert!(found.licence.unwrap().refusal("det_10g.onnx").contains("--accept-licence"));
    let encoder = pack::open(folder.path(), None).unwrap();
    assert_eq!(
        (encoder.file.as_str(), encoder.detector.as_deref()),
        ("w600k_r50.onnx", Some("det_10g.onnx"))
    );
    write("det_10g.onnx", b"broken");
    told(&pack::open_detector(folder.path()).unwrap_err().to_string(), &["text"]);
}

/// Every byte of a small file changed, and every length of it: an answer, never a panic.
#[test]
fn small_changes_do_not_panic() {
    let whole = fixture(FILES[1]);
    for at in (0..whole.len()).filter(|at| at % 2999 == 0) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        let _ = convert(bytes);
        let _ = convert(whole[..at].to_vec());
    }
}
