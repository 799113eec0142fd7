//! Networks as data. The metadata of a safetensors file contains the list of operations that makes a network of its tensors.
//!
//! `__metadata__` contains `format` and `graph`, a JSON text with one network, or several by name. A network is
//! `{"outputs": [value, ...], "ops": [{"op": kind, "in": [value, ...], "out": value, ...}, ...]}`. Values have names, and
//! the first value is `input`, N x C x H x W. [`Op`] lists the kinds and their attributes.
//!
//! The format `gallerist-graph-1` has the operations of the built-in models. `gallerist-graph-2` has all of them, and belongs to imported
//! models; [`check`] verifies these before they run.

mod check;
mod file;
mod op;
mod shape;

use serde::{Deserialize, Serialize};

pub use check::{LARGEST_ACTIVATIONS, MOST_PRODUCTS, Plan, check, check_single};
pub use file::{Descriptions, Tensors, Values, parse, to_bytes};
pub(crate) use file::{serialized, values};
pub use op::{Op, Reduction};
pub(crate) use shape::broadcast;
pub use shape::{Dim, Shape, TensorShapes};

/// The formats that the executor reads, the earliest first. A converter writes the last one.
pub const FORMATS: [&str; 2] = ["gallerist-graph-1", "gallerist-graph-2"];

/// The name of the first value.
pub const INPUT: &str = "input";

/// A network as described in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The values that the network returns.
    pub outputs: Vec<String>,
    /// The operations, in the order in which they run.
    pub ops: Vec<Step>,
}

/// One operation with its inputs and its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is computed.
    #[serde(flatten)]
    pub op: Op,
    /// Names of the values that it reads.
    #[serde(rename = "in")]
    pub inputs: Vec<String>,
    /// Name of the value that it makes.
    pub out: String,
}
