//! The files of networks.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{Description, FORMATS};

/// The numbers of a tensor, the last axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The numbers.
    pub values: Vec<f32>,
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Values>;

/// Networks by name. The only network of a file has the name "".
pub type Descriptions = HashMap<String, Description>;

/// The networks in a file, and all of its tensors.
///
/// # Errors
/// One line that says what is wrong with the file.
pub fn parse(bytes: &[u8]) -> Result<(Descriptions, Tensors), String> {
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
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        tensors.insert(name.clone(), values(&name, &view)?);
    }
    Ok((networks, tensors))
}

/// The numbers of a tensor of a file.
///
/// # Errors
/// It does not contain 32-bit floating-point numbers.
pub fn values(name: &str, view: &TensorView<'_>) -> Result<Values, String> {
    if view.dtype() != Dtype::F32 {
        return Err(format!("tensor {name:?} is {:?}, expected F32", view.dtype()));
    }
    let numbers = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    Ok(Values { shape: view.shape().to_vec(), values: numbers.collect() })
}

/// The bytes of a file with one network.
///
/// # Errors
/// A tensor does not have as many numbers as its shape says.
pub fn to_bytes(network: &Description, tensors: &Tensors) -> Result<Vec<u8>, String> {
    let graph = serde_json::to_string(network).map_err(|error| error.to_string())?;
    let format = FORMATS[FORMATS.len() - 1].to_owned();
    let metadata = HashMap::from([("format".to_owned(), format), ("graph".to_owned(), graph)]);
    serialized(tensors.iter(), metadata)
}

/// The bytes of a safetensors file.
pub(crate) fn serialized<'a>(
    tensors: impl Iterator<Item = (impl AsRef<str>, &'a Values)>,
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, String> {
    let bytes = |values: &Values| values.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let data: Vec<(String, &[usize], Vec<u8>)> = tensors
        .map(|(name, values)| (name.as_ref().to_owned(), values.shape.as_slice(), bytes(values)))
        .collect();
    let mut views = Vec::with_capacity(data.len());
    for (name, shape, bytes) in &data {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes);
        views.push((name.as_str(), view.map_err(|error| format!("tensor {name:?}: {error}"))?));
    }
    safetensors::serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::{Op, Step};
    use super::*;

    #[test]
    fn a_network_is_read_as_it_was_written() {
        let step = Step {
            op: Op::Linear { weight: "w".into(), bias: None },
            inputs: vec!["input".into()],
            out: "out".into(),
        };
        let network = Description { outputs: vec!["out".into()], ops: vec![step] };
        let tensors =
            Tensors::from([("w".into(), Values { shape: vec![1, 2], values: vec![0.5, f32::MIN_POSITIVE] })]);
        let bytes = to_bytes(&network, &tensors).unwrap();
        let (networks, read) = parse(&bytes).unwrap();
        assert_eq!((&networks[""], read), (&network, tensors));
        assert!(parse(&bytes[..bytes.len() - 1]).unwrap_err().contains("safetensors"));
        let wrong = Tensors::from([("w".into(), Values { shape: vec![3], values: vec![0.5] })]);
        assert!(to_bytes(&network, &wrong).unwrap_err().contains("\"w\""));
    }
}
