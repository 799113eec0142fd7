//! The values of a graph during the conversion.

use super::constant::Constant;
use crate::encoder::graph::{Dim, Shape};

/// What a name of the ONNX graph stands for.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// Known at import.
    Constant(Constant),
    /// Computed from the picture, or of a length that depends on the batch.
    Run {
        /// Its name in the executor's graph.
        name: String,
        shape: Shape,
    },
}

impl Value {
    pub fn shape(&self) -> Vec<Dim> {
        match self {
            Self::Constant(constant) => constant.dims(),
            Self::Run { shape, .. } => shape.clone(),
        }
    }
}
