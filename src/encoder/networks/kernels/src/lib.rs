//! Small convolutional networks on the cores of a CPU: the operations of face detectors and face encoders, in single precision.
//!
//! A [`Network`] runs on one thread without a start-up cost per operation, and joins each convolution with the activation after it. For
//! networks with few channels and small pictures that is twice as fast as a general library. Activations lie in memory as
//! picture, row, column, channel.
//!
//! Vectors are those of AVX-512 or AVX2 with FMA, chosen when the program runs ([`is_supported`]). Sums are taken in another order than by
//! other libraries, so results agree with theirs to about 1e-5 of their size.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod convolution;
mod depthwise;
mod layer;
mod network;
mod pool;
mod sum;
mod vector;

pub use layer::{Convolution, Layer, MaxPool, Shape};
pub use network::{Network, Output, Step};
pub use vector::is_supported;

use thiserror::Error;

/// Why a network cannot be made or run. The text names the layer, what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct KernelError(String);

impl KernelError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
