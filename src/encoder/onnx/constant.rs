//! Tensors that are known at import: weights, and the numbers of shape arithmetic.

use std::rc::Rc;

use half::{bf16, f16};

use super::Refusal;
use super::file::quantised;
use super::proto::{TensorProto, data_type};
use crate::encoder::graph::Dim;

/// A tensor with known numbers, the last axis fastest.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// Numbers of all float types become 32-bit floats. Whole numbers and truth values may be lengths of axes, and depend on the batch.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Float(Rc<Vec<f32>>),
    Whole(Rc<Vec<Dim>>),
}

impl Constant {
    pub fn floats(shape: Vec<usize>, numbers: Vec<f32>) -> Self {
        Self { shape, numbers: Numbers::Float(Rc::new(numbers)) }
    }

    pub fn wholes(shape: Vec<usize>, numbers: Vec<Dim>) -> Self {
        Self { shape, numbers: Numbers::Whole(Rc::new(numbers)) }
    }

    /// Number of numbers.
    pub fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Float(numbers) => numbers.len(),
            Numbers::Whole(numbers) => numbers.len(),
        }
    }

    /// As floats. None if a number depends on the batch.
    pub fn as_floats(&self) -> Option<Rc<Vec<f32>>> {
        match &self.numbers {
            Numbers::Float(numbers) => Some(numbers.clone()),
            Numbers::Whole(numbers) => {
                let float = |dim: &Dim| (!dim.batch).then_some(dim.size as f32);
                numbers.iter().map(float).collect::<Option<_>>().map(Rc::new)
            }
        }
    }

    /// As whole numbers that do not depend on the batch.
    pub fn as_integers(&self) -> Option<Vec<i64>> {
        match &self.numbers {
            Numbers::Float(_) => None,
            Numbers::Whole(numbers) => numbers.iter().map(|dim| (!dim.batch).then_some(dim.size)).collect(),
        }
    }

    /// The shape as the axes of a value.
    pub fn dims(&self) -> Vec<Dim> {
        self.shape.iter().map(|&side| Dim::fixed(side as i64)).collect()
    }
}

/// Most axes, and the largest product of their lengths; lengths of 0 count as 1 there, so that no product overflows.
const MOST_AXES: usize = 64;
const LARGEST: usize = 1 << 40;

/// The number of numbers of a shape. None if it is too large.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    let size = shape.iter().try_fold(1_usize, |product, side| {
        product.checked_mul((*side).max(1)).filter(|product| *product <= LARGEST)
    })?;
    (shape.len() <= MOST_AXES).then_some(if shape.contains(&0) { 0 } else { size })
}

/// Decodes a tensor of the file.
///
/// # Errors
/// The data are outside of the file, of an unsupported type, or not as many as the shape says.
pub(super) fn decode(tensor: &TensorProto) -> Result<Constant, Refusal> {
    let wrong = |reason: String| Refusal::new(format!("tensor {:?}: {reason}", tensor.name));
    if tensor.data_location != 0 || !tensor.external_data.is_empty() {
        return Err(wrong(
            "its data are in another file, which is not read; write the model as one file, with torch.onnx.export(..., \
             external_data=False) or onnx.save(onnx.load(\"m.onnx\"), \"one.onnx\")"
                .into(),
        ));
    }
    let shape = tensor.dims.iter().map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<_>>>();
    let shape = shape.filter(|shape| count(shape).is_some());
    let shape = shape.ok_or_else(|| wrong(format!("its shape is {:?}", tensor.dims)))?;
    let raw = &tensor.raw_data;
    let short = |bits: &i32| *bits as u16;
    let floats = match tensor.data_type {
        data_type::FLOAT if raw.is_empty() => Some(tensor.float_data.clone()),
        data_type::FLOAT => numbers(raw, f32::from_le_bytes),
        data_type::DOUBLE if raw.is_empty() => Some(tensor.double_data.iter().map(|&x| x as f32).collect()),
        data_type::DOUBLE => numbers(raw, |bytes| f64::from_le_bytes(bytes) as f32),
        data_type::FLOAT16 if raw.is_empty() => {
            Some(tensor.int32_data.iter().map(|bits| f16::from_bits(short(bits)).to_f32()).collect())
        }
        data_type::FLOAT16 => numbers(raw, |bytes| f16::from_le_bytes(bytes).to_f32()),
        data_type::BFLOAT16 if raw.is_empty() => {
            Some(tensor.int32_data.iter().map(|bits| bf16::from_bits(short(bits)).to_f32()).collect())
        }
        data_type::BFLOAT16 => numbers(raw, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        _ => None,
    };
    let whole = |number: i64| Dim::fixed(number);
    let wholes = match tensor.data_type {
        data_type::INT64 if raw.is_empty() => Some(tensor.int64_data.iter().map(|&n| whole(n)).collect()),
        data_type::INT64 => numbers(raw, |bytes| whole(i64::from_le_bytes(bytes))),
        data_type::INT32 | data_type::BOOL if raw.is_empty() => {
            Some(tensor.int32_data.iter().map(|&n| whole(n.into())).collect())
        }
        data_type::INT32 => numbers(raw, |bytes| whole(i32::from_le_bytes(bytes).into())),
        data_type::BOOL => numbers(raw, |[byte]| whole(byte.into())),
        _ => None,
    };
    let constant = match (floats, wholes) {
        (Some(floats), _) => Constant::floats(shape, floats),
        (_, Some(wholes)) => Constant::wholes(shape, wholes),
        _ => {
            let name = data_type::name(tensor.data_type);
            if data_type::is_quantised(tensor.data_type) {
                return Err(quantised(&format!("tensor {:?} of {name}", tensor.name)));
            }
            return Err(wrong(format!("its {} bytes of {name} cannot be read", raw.len())));
        }
    };
    let count = count(&constant.shape);
    if Some(constant.len()) != count {
        return Err(wrong(format!(
            "{} numbers, its shape {:?} needs {}",
            constant.len(),
            tensor.dims,
            count.unwrap_or(0)
        )));
    }
    Ok(constant)
}

/// Little-endian numbers of `N` bytes. None if the bytes are not a whole number of them.
fn numbers<const N: usize, T>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|&bytes| number(bytes)).collect())
}
