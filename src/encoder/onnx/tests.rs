//! The conversion of fixtures, and the refusal of damaged, hostile and unsupported files.

mod detectors;
mod hostile;
mod packs;

use super::*;
use crate::encoder::graph::Op;

/// A fixture of `tests/onnx`.
fn fixture(name: &str) -> Vec<u8> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name);
    std::fs::read(file).unwrap()
}

const FIXTURES: [&str; 9] = [
    "ghostnet.onnx",
    "inception-resnet-v1.onnx",
    "iresnet18.onnx",
    "mobilefacenet.onnx",
    "mobilenetv2.onnx",
    "mobilenetv3.onnx",
    "vit-export.onnx",
    "vit-fused.onnx",
    "vit.onnx",
];

/// The description in a converted file.
fn description(converted: &Converted) -> graph::Description {
    let length = u64::from_le_bytes(converted.bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&converted.bytes[8..][..length]).unwrap();
    assert_eq!(header["__metadata__"]["format"], FORMATS[1]);
    serde_json::from_str(header["__metadata__"]["graph"].as_str().unwrap()).unwrap()
}

#[test]
fn fixtures_are_converted_to_the_same_bytes_each_time() {
    for name in FIXTURES {
        let converted = convert(fixture(name), None).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let side = if name.starts_with("inception") { 160 } else { 112 };
        assert_eq!((converted.side, converted.dimension), (side, 32), "{name}");
        assert_eq!(converted.plan.outputs[0][0], graph::Dim::batch(1), "{name}");
        assert_eq!(converted.bytes, convert(fixture(name), None).unwrap().bytes, "{name}");
    }
}

#[test]
fn batch_normalisations_become_part_of_convolutions() {
    // Exported without folding: the graph has 13 batch normalisations, of which 4 follow an addition or the first layer of a block.
    let ops = description(&convert(fixture("iresnet18.onnx"), None).unwrap()).ops;
    let affine = ops.iter().filter(|step| matches!(step.op, Op::Affine { .. })).count();
    assert_eq!(affine, 5, "{ops:?}");
}

#[test]
fn the_memory_and_work_of_a_network_are_known() {
    let plan = convert(fixture("mobilefacenet.onnx"), None).unwrap().plan;
    assert!((10_000..1_000_000).contains(&plan.activations), "{plan:?}");
    assert!((100_000..100_000_000).contains(&plan.products), "{plan:?}");
}
