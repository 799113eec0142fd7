//! The files of networks.

use std::collections::HashMap;

use gallerist::encoder::graph::{Description, FORMATS};
use safetensors::SafeTensors;
use tch::Tensor;

/// Networks by name. The only network of a file has the name "".
type Descriptions = HashMap<String, Description>;

/// The networks in a file, and all of its tensors.
pub(in super::super) fn parse(bytes: &[u8]) -> Result<(Descriptions, HashMap<String, Tensor>), String> {
    let (_, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    let entry = |key: &str| metadata.metadata().as_ref().and_then(|entries| entries.get(key));
    match entry("format").map(String::as_str) {
        Some(format) if FORMATS.contains(&format) => {}
        other => return Err(format!("its format is {other:?}, expected one of {FORMATS:?}")),
    }
    let text = entry("graph").ok_or("its metadata contains no graph")?;
    let wrong = |error: serde_json::Error| format!("its graph cannot be read: {error}");
    let value: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
    let networks = if value.get("ops").is_some() {
        HashMap::from([(String::new(), serde_json::from_value(value).map_err(wrong)?)])
    } else {
        serde_json::from_value(value).map_err(wrong)?
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    let mut tensors = HashMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != safetensors::Dtype::F32 {
            return Err(format!("tensor {name:?} is {:?}, expected F32", view.dtype()));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, tch::Kind::Float);
        tensors.insert(name.clone(), tensor.map_err(|error| format!("tensor {name:?}: {error}"))?);
    }
    Ok((networks, tensors))
}
