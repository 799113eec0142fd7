//! Weights files: regular files of limited size. A file is read once, and exactly the verified bytes are parsed.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::EncoderError;
use super::model::{Origin, hexadecimal};

/// Largest weights file that is read into memory, in bytes. Far larger than any face encoder.
const LARGEST: u64 = 4 << 30;

/// Opens a file and returns its length. It must be a regular file of at most `largest` bytes. A pipe or a device does not block and is
/// not read.
///
/// # Errors
/// The error of the system, or `InvalidInput` with the expected kind of file.
pub(super) fn open_regular(file: &Path, largest: u64) -> io::Result<(File, u64)> {
    let judge = |metadata: std::fs::Metadata| match metadata.is_file() && metadata.len() <= largest {
        true => Ok(metadata.len()),
        false => {
            let expected = format!("expected a regular file of at most {largest} bytes");
            Err(io::Error::new(io::ErrorKind::InvalidInput, expected))
        }
    };
    judge(std::fs::metadata(file)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let opened = options.open(file)?;
    let length = judge(opened.metadata()?)?;
    Ok((opened, length))
}

/// Verifies that `file` exists and has the SHA-256 `expected`.
///
/// # Errors
/// `MissingWeights`, `Weights`, `WeightsChanged`.
pub(super) fn check(model: &str, file: &Path, expected: &str, origin: Origin) -> Result<(), EncoderError> {
    let (opened, length) = open(model, file)?;
    let mut hash = Sha256::new();
    io::copy(&mut opened.take(length), &mut hash).map_err(|error| unusable(file, &error))?;
    compare(file, expected, hash, origin)
}

/// The bytes of `file`, after their SHA-256 was compared with `expected`. `origin` is for the advice in the error.
///
/// # Errors
/// `MissingWeights`, `Weights`, `WeightsChanged`.
pub fn read(model: &str, file: &Path, expected: &str, origin: Origin) -> Result<Vec<u8>, EncoderError> {
    let (opened, length) = open(model, file)?;
    let mut bytes = Vec::new();
    let reserved = usize::try_from(length).is_ok_and(|length| bytes.try_reserve_exact(length).is_ok());
    if !reserved {
        return Err(unusable(file, &io::ErrorKind::OutOfMemory.into()));
    }
    opened.take(length).read_to_end(&mut bytes).map_err(|error| unusable(file, &error))?;
    compare(file, expected, Sha256::new_with_prefix(&bytes), origin)?;
    Ok(bytes)
}

fn open(model: &str, file: &Path) -> Result<(File, u64), EncoderError> {
    open_regular(file, LARGEST).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => EncoderError::MissingWeights { model: model.into(), file: file.into() },
        _ => unusable(file, &error),
    })
}

fn unusable(file: &Path, error: &io::Error) -> EncoderError {
    EncoderError::Weights { file: file.into(), reason: error.to_string() }
}

fn compare(file: &Path, expected: &str, hash: Sha256, origin: Origin) -> Result<(), EncoderError> {
    let got = hexadecimal(&hash.finalize());
    if got == expected {
        return Ok(());
    }
    Err(EncoderError::WeightsChanged { file: file.into(), expected: expected.into(), got, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_with_the_expected_hash_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weights");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let check = |file: &Path| check("m", file, abc, Origin::Import);
        assert!(matches!(check(&file), Err(EncoderError::MissingWeights { .. })));
        assert!(matches!(check(folder.path()), Err(EncoderError::Weights { .. })));
        assert!(matches!(check(Path::new("/dev/zero")), Err(EncoderError::Weights { .. })));
        std::fs::write(&file, "abc").unwrap();
        check(&file).unwrap();
        assert_eq!(read("m", &file, abc, Origin::Import).unwrap(), b"abc");
        std::fs::write(&file, "abd").unwrap();
        let error = check(&file).unwrap_err().to_string();
        assert!(error.contains(abc) && error.contains("expected") && error.contains("weights"), "{error}");
    }

    #[test]
    fn a_changed_file_is_made_again_by_what_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weights");
        std::fs::write(&file, "cut").unwrap();
        let told = |origin| read("m", &file, "00", origin).unwrap_err().to_string();
        for (origin, remedy) in [
            (Origin::Setup, "run tools/setup"),
            (Origin::Import, "`gallerist model import`"),
            (Origin::Fusion, "`gallerist model fuse`"),
            (Origin::Detector, "--detector"),
            (Origin::User, "correct the manifest"),
        ] {
            assert!(told(origin).contains(remedy), "{}", told(origin));
            assert_eq!(told(origin).contains("tools/setup"), origin == Origin::Setup);
        }
    }
}
