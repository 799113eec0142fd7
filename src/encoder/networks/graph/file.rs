//! The files of networks, with tensors of libtorch.

use std::collections::HashMap;

use gallerist::encoder::graph::{Descriptions, parse as parse_file};
use tch::Tensor;

/// The networks in a file, and all of its tensors.
pub(in super::super) fn parse(bytes: &[u8]) -> Result<(Descriptions, HashMap<String, Tensor>), String> {
    let (networks, values) = parse_file(bytes)?;
    let mut tensors = HashMap::new();
    for (name, values) in values {
        let shape: Vec<i64> = values.shape.iter().map(|&side| side as i64).collect();
        let tensor = Tensor::f_from_slice(&values.values).and_then(|tensor| tensor.f_reshape(shape));
        let tensor = tensor.map_err(|error| format!("tensor {name:?}: {error}"))?;
        tensors.insert(name, tensor);
    }
    Ok((networks, tensors))
}
