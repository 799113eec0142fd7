//! Weights files: read once, verified, then parsed from the very bytes that were verified.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::encoder::EncoderError;
use crate::encoder::model::hexadecimal;

/// Largest weights file that is read into memory: far above any face encoder.
const LARGEST: u64 = 4 << 30;

/// The bytes of `file`, if their SHA-256 is `expected`.
pub(super) fn read(model: &str, file: &Path, expected: &str) -> Result<Vec<u8>, EncoderError> {
    let unusable = |reason: String| EncoderError::Weights { file: file.into(), reason };
    let metadata = match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(EncoderError::MissingWeights { model: model.into(), file: file.into() });
        }
        other => other.map_err(|error| unusable(error.to_string()))?,
    };
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(unusable(format!("expected a regular file of at most {LARGEST} bytes")));
    }
    let bytes = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let got = hexadecimal(&Sha256::digest(&bytes));
    if got != expected {
        return Err(EncoderError::WeightsChanged { file: file.into(), expected: expected.into(), got });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_that_were_promised_are_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weights");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(matches!(read("m", &file, abc), Err(EncoderError::MissingWeights { .. })));
        assert!(matches!(read("m", folder.path(), abc), Err(EncoderError::Weights { .. })));
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(read("m", &file, abc).unwrap(), b"abc");
        std::fs::write(&file, "abd").unwrap();
        let error = read("m", &file, abc).unwrap_err().to_string();
        assert!(error.contains(abc) && error.contains("expected") && error.contains("weights"), "{error}");
    }
}
