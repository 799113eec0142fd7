//! The attributes and inputs of one node, by the names of ONNX.

use super::Refusal;
use super::constant::{Constant, decode};
use super::proto::{AttributeProto, NodeProto};
use super::value::Value;

/// A node with the values of its inputs.
pub(super) struct Node<'a> {
    pub proto: &'a NodeProto,
    /// None for an optional input that is absent.
    pub inputs: Vec<Option<Value>>,
    pub opset: i64,
}

/// Place and name of a node, for messages.
pub(super) fn described(at: usize, node: &NodeProto) -> String {
    match node.name.as_str() {
        "" => format!("node {at} ({})", node.op_type),
        name => format!("node {at} {name:?} ({})", node.op_type),
    }
}

impl Node<'_> {
    /// The operator.
    pub fn kind(&self) -> &str {
        &self.proto.op_type
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.proto.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute(name).map_or(default, |attribute| attribute.f)
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice())
    }

    pub fn text(&self, name: &str, default: &str) -> String {
        let text = self.attribute(name).map(|attribute| String::from_utf8_lossy(&attribute.s).into_owned());
        text.unwrap_or_else(|| default.to_owned())
    }

    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute(name).map(|attribute| attribute.floats.as_slice())
    }

    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub fn tensor(&self, name: &str) -> Result<Option<Constant>, Refusal> {
        self.attribute(name).and_then(|attribute| attribute.t.as_ref()).map(decode).transpose()
    }

    /// Two numbers for rows and columns, such as strides.
    pub fn pair(&self, name: &str, default: i64) -> Result<[i64; 2], Refusal> {
        match self.ints(name) {
            None | Some([]) => Ok([default; 2]),
            Some(&[rows, columns]) => Ok([rows, columns]),
            Some(other) => Err(Refusal::new(format!("{name} is {other:?}, expected 2 numbers"))),
        }
    }

    /// Input `at`, if it is there.
    pub fn optional(&self, at: usize) -> Option<&Value> {
        self.inputs.get(at).and_then(Option::as_ref)
    }

    pub fn input(&self, at: usize) -> Result<&Value, Refusal> {
        self.optional(at).ok_or_else(|| Refusal::new(format!("input {at} is absent")))
    }

    /// Input `at`, which must be known at import.
    pub fn constant(&self, at: usize) -> Result<&Constant, Refusal> {
        self.optional_constant(at)?.ok_or_else(|| Refusal::new(format!("input {at} is absent")))
    }

    pub fn optional_constant(&self, at: usize) -> Result<Option<&Constant>, Refusal> {
        match self.optional(at) {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(Value::Run { .. }) => {
                Err(Refusal::new(format!("input {at} depends on the picture, expected a constant")))
            }
        }
    }

    /// Numbers that are an attribute in earlier operator sets and an input in later ones.
    pub fn ints_or_input(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, Refusal> {
        if let Some(ints) = self.ints(name) {
            return Ok(Some(ints.to_vec()));
        }
        let constant = self.optional_constant(at)?;
        let integers = |constant: &Constant| {
            let integers = constant.as_integers();
            integers.ok_or_else(|| Refusal::new(format!("{name} does not consist of known whole numbers")))
        };
        constant.map(integers).transpose()
    }
}

/// An axis counted from the end if negative.
pub(super) fn axis(axis: i64, axes: usize) -> Result<usize, Refusal> {
    let from_start = if axis < 0 { axis.saturating_add(axes as i64) } else { axis };
    let found = usize::try_from(from_start).ok().filter(|found| *found < axes);
    found.ok_or_else(|| Refusal::new(format!("there is no axis {axis} among {axes}")))
}
