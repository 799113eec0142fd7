//! Why a file or face was left out, and whether the reason is a property of the photo.

use std::fmt;
use std::io;

use crate::face::NetworkError;
use crate::image::DecodeError;
use crate::reason::Reason;

/// Why a file or face was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The reason.
    pub reason: Reason,
    /// An explanation for people, or empty.
    pub detail: String,
}

impl Skip {
    /// A skip with a reason and an explanation.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// A failure of the machine while it processed the photo: no memory, no file descriptors or a failing disk. It is independent of
    /// the photo. It is never stored, and the next run processes the photo again.
    pub fn temporary(detail: impl Into<String>) -> Self {
        Self::new(Reason::TemporaryFailure, detail)
    }

    /// Whether the machine failed.
    pub fn is_temporary(&self) -> bool {
        self.reason == Reason::TemporaryFailure
    }

    /// A file or folder that could not be read.
    pub fn unreadable(error: &io::Error) -> Self {
        DecodeError::unreadable(error).into()
    }

    /// A network failed on a photo. `reason` applies if it is a property of the photo.
    pub fn network(reason: Reason, error: &NetworkError) -> Self {
        if error.is_temporary() {
            Self::temporary(error.to_string())
        } else {
            Self::new(reason, error.to_string())
        }
    }
}

impl From<DecodeError> for Skip {
    fn from(error: DecodeError) -> Self {
        Self { reason: error.reason(), detail: error.to_string() }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            self.reason.fmt(f)
        } else {
            write!(f, "{}: {}", self.reason, self.detail)
        }
    }
}
