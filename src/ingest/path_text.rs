//! Paths in JSON, which has no bytes.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A path in JSON: a string, or the bytes of one that is not Unicode as `{"hex": ...}`. So no two paths are equal in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PathText {
    /// A path in Unicode.
    Text(String),
    /// Any other.
    Bytes {
        /// Its bytes in hexadecimal digits.
        hex: String,
    },
}

impl From<&Path> for PathText {
    fn from(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.into()),
            None => Self::Bytes { hex: hex(path.as_os_str().as_bytes()) },
        }
    }
}

impl PathText {
    /// The path. `None` if the digits are not hexadecimal.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Bytes { hex } => {
                let digits = hex.as_bytes().as_chunks::<2>();
                let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
                let bytes: Option<Vec<u8>> = digits.0.iter().map(byte).collect();
                bytes.filter(|_| digits.1.is_empty()).map(|bytes| OsString::from_vec(bytes).into())
            }
        }
    }
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_are_not_unicode_differ_in_json() {
        let json = |bytes: &[u8]| {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            let text = serde_json::to_string(&PathText::from(path.as_path())).unwrap();
            assert_eq!(serde_json::from_str::<PathText>(&text).unwrap().path(), Some(path));
            text
        };
        assert_eq!(json("é.jpg".as_bytes()), "\"é.jpg\"");
        assert_eq!(json(b"bad\xff"), r#"{"hex":"626164ff"}"#);
        assert_eq!(json(b"bad\xfe"), r#"{"hex":"626164fe"}"#);
    }
}
