//! What can go wrong in a store of vectors.

use std::error::Error;
use std::fmt;

/// Result with [`VectorError`].
pub(in crate::gallery) type Result<T, E = VectorError> = std::result::Result<T, E>;

/// Why a store refused or failed: a kind for the program, and the store's own error for people, whose text and causes it has.
#[derive(Debug)]
pub struct VectorError {
    kind: VectorErrorKind,
    error: Box<dyn Error + Send + Sync>,
}

/// The kind of a [`VectorError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum VectorErrorKind {
    /// A vector has another number of components than those of the store. Nothing was written.
    WrongDimension,
    /// A vector has a component that is not finite, or is not of length 1. Nothing was written.
    InvalidVector,
    /// An id is taken, or twice among the rows. Nothing was written.
    DuplicateId,
    /// An argument of a search is out of its range.
    InvalidArgument,
    /// Rows were selected in another snapshot than the one that is searched.
    OtherSnapshot,
    /// Somebody else has the store open.
    Locked,
    /// The store is open for reading only. Nothing was written.
    ReadOnly,
    /// There is no room. Nothing acknowledged is lost.
    Full,
    /// The store does not hold what was written to it.
    Damaged,
    /// The store cannot do this at all.
    Unsupported,
    /// Anything else.
    Failed,
}

impl VectorError {
    /// An error of this kind, with the text and causes of `error`.
    pub fn new(kind: VectorErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, error: error.into() }
    }

    /// Its kind.
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
    /// The cause of the store's error, whose own text is that of this one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
