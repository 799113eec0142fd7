//! Errors of stores of vectors.

use std::error::Error;
use std::fmt;

/// Result with [`VectorError`].
pub(in crate::gallery) type Result<T, E = VectorError> = std::result::Result<T, E>;

/// An error of a store: a kind for the program, and the store's own error with its text and causes.
#[derive(Debug)]
pub struct VectorError {
    kind: VectorErrorKind,
    error: Box<dyn Error + Send + Sync>,
}

/// The kind of a [`VectorError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VectorErrorKind {
    /// A vector has another dimension than the store. Nothing was written.
    WrongDimension,
    /// A vector has a component that is not finite, or is not of length 1. Nothing was written.
    InvalidVector,
    /// An id is already in the store, or occurs twice among the rows. Nothing was written.
    DuplicateId,
    /// An argument of a search is outside its range.
    InvalidArgument,
    /// The selection is of another snapshot.
    OtherSnapshot,
    /// Another owner has the store open.
    Locked,
    /// The store is open for reading only. Nothing was written.
    ReadOnly,
    /// The disk is full. Acknowledged writes are not lost.
    Full,
    /// The store is damaged.
    Damaged,
    /// The device that computes products failed.
    Device,
    /// The store does not support the operation.
    Unsupported,
    /// Any other error.
    Failed,
}

impl VectorError {
    /// An error of this kind, with the text and causes of `error`.
    pub fn new(kind: VectorErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, error: error.into() }
    }

    /// The kind of the error.
    pub fn kind(&self) -> VectorErrorKind {
        self.kind
    }
}

impl fmt::Display for VectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for VectorError {
    /// The cause of the store's error. The store's error itself has the same text as this one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
