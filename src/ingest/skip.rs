//! Why a file or face was left out, and whether the reason is a property of the photo.

use std::fmt;
use std::io;

use crate::face::NetworkError;
use crate::image::DecodeError;

/// Why a file or face was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Stable reason code, such as `no_face`.
    pub code: &'static str,
    /// An explanation for people, or empty.
    pub detail: String,
    /// Whether the machine failed: no memory, no file descriptors or a failing disk. Such a skip is independent of
    /// the photo. It is never stored, and the next run processes the photo again.
    pub temporary: bool,
}

impl Skip {
    /// A skip with a reason code and an explanation. The reason is a property of the photo.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), temporary: false }
    }

    /// A failure of the machine while it processed the photo.
    pub fn temporary(detail: impl Into<String>) -> Self {
        Self { code: "temporary_failure", detail: detail.into(), temporary: true }
    }

    /// A file or folder that could not be read.
    pub fn unreadable(error: &io::Error) -> Self {
        DecodeError::unreadable(error).into()
    }

    /// A network failed on a photo. `code` applies if the reason is a property of the photo.
    pub fn network(code: &'static str, error: &NetworkError) -> Self {
        if error.is_temporary() {
            Self::temporary(error.to_string())
        } else {
            Self::new(code, error.to_string())
        }
    }
}

impl From<DecodeError> for Skip {
    fn from(error: DecodeError) -> Self {
        let temporary = matches!(error, DecodeError::Temporary(_));
        Self { code: error.code(), detail: error.to_string(), temporary }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            f.write_str(self.code)
        } else {
            write!(f, "{}: {}", self.code, self.detail)
        }
    }
}
