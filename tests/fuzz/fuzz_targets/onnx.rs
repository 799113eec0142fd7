//! ONNX files of encoders and detectors. A refusal is right, and so is a network whose file has the tensors that its operations name.
#![no_main]

use gallerist::encoder::onnx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(converted) = onnx::convert(input.to_vec(), None) {
        assert!(converted.bytes.len() > 8 && (2..=4096).contains(&converted.dimension));
        assert!(converted.plan.activations > 0 && converted.plan.outputs.len() == 1);
        let again = onnx::convert(input.to_vec(), None).expect("the same file is converted again");
        assert_eq!(again.bytes, converted.bytes);
    }
    if let Ok(converted) = onnx::detector::convert(input.to_vec()) {
        assert!(converted.plan.outputs.len() == 9 && (1..=2).contains(&converted.anchors));
        assert!(converted.height % 32 == 0 && converted.width % 32 == 0);
        let again = onnx::detector::convert(input.to_vec()).expect("the same file is converted again");
        assert_eq!(again.bytes, converted.bytes);
    }
});
