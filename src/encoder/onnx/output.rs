//! The output of an encoder: one vector for each crop.

use super::Refusal;
use super::proto::{GraphProto, ValueInfoProto};
use crate::encoder::graph::{Dim, Shape};

/// Lengths of a template.
const DIMENSIONS: std::ops::RangeInclusive<i64> = 2..=4096;
/// Least length of a vector that is taken although the file has another output. Short ones may be ages or probabilities.
const LEAST_CHOSEN: i64 = 32;

/// The names of the one or two outputs.
///
/// # Errors
/// There are others.
pub(super) fn names(graph: &GraphProto) -> Result<Vec<&str>, Refusal> {
    let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    match names.len() {
        1 | 2 => Ok(names),
        0 => Err(several(&names)),
        _ => {
            let refusal = several(&names);
            Err(Refusal::new(format!("{refusal}; if it is a face detector, it goes with --detector")))
        }
    }
}

/// The refusal of outputs of which none is known to be the vector.
pub(super) fn several(names: &[&str]) -> Refusal {
    let (count, first) = (names.len(), &names[..names.len().min(9)]);
    Refusal::new(format!("{count} outputs {first:?}, expected one vector"))
}

/// The shape that the file states for an output of crops in batches of `batch`, if it states all axes but the first.
pub(super) fn stated(output: &ValueInfoProto, batch: i64) -> Option<Shape> {
    let tensor = output.r#type.as_ref()?.tensor_type.as_ref()?;
    let sides: Vec<i64> = tensor.shape.as_ref()?.dim.iter().map(|dim| dim.dim_value).collect();
    let (&first, others) = sides.split_first()?;
    let is_known = (first == 0 || first == batch) && others.iter().all(|side| *side > 0);
    is_known.then(|| [Dim::batch(1)].into_iter().chain(others.iter().copied().map(Dim::fixed)).collect())
}

/// Which of two outputs is a vector, if the other one is a single number for each crop, such as a quality or the norm.
pub(super) fn vector(shapes: &[Shape; 2]) -> Option<usize> {
    let is_number =
        |shape: &Shape| shape.first() == Some(&Dim::batch(1)) && shape[1..].iter().all(|side| side.size == 1);
    let is_vector = |shape: &Shape| dimension(shape).is_ok_and(|length| length as i64 >= LEAST_CHOSEN);
    (0..2).find(|&at| is_vector(&shapes[at]) && is_number(&shapes[1 - at]))
}

/// The length of a vector per crop.
pub(super) fn dimension(shape: &[Dim]) -> Result<usize, Refusal> {
    let told = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match shape {
        [_, length, ones @ ..]
            if DIMENSIONS.contains(&length.size) && ones.iter().all(|one| one.size == 1) =>
        {
            Ok(length.size as usize)
        }
        _ => Err(Refusal::new(format!(
            "its output has the shape [{told}], expected one vector [N, dimension] of {} to {} numbers",
            DIMENSIONS.start(),
            DIMENSIONS.end()
        ))),
    }
}
