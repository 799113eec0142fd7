//! Appending to the last file of a log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame;
use crate::error::Error;
use crate::storage::file::header::{self, Header, Kind};
use crate::storage::file::{self, name};

/// The file of a log that is written to.
pub(crate) struct LogWriter {
    /// Shared with the thread that syncs it.
    pub(crate) file: Arc<File>,
    pub(crate) path: Arc<Path>,
    /// Its number.
    pub(crate) number: u64,
    /// Bytes written, the header included.
    pub(crate) length: u64,
    /// What the checksums of the file begin with.
    pub(crate) seed: u32,
    /// Checksum of the last frame.
    pub(crate) chain: u32,
}

/// How an append failed.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// The file is as it was before.
    Clean(Error),
    /// What the file holds is not known.
    InDoubt(Error),
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Clean(error) | AppendError::InDoubt(error) => error,
        }
    }
}

impl LogWriter {
    /// Makes a new, durable, empty log file: its content and its name are on disk when this returns.
    pub(crate) fn create(folder: &Path, index: [u8; 16], number: u64, epoch: u64) -> Result<Self, Error> {
        let path: PathBuf = folder.join(name::log(number));
        let salt = random()?;
        let header = Header { kind: Kind::Log, index, file: number, sequence: epoch, salt };
        let file = file::create(&path)?;
        let written = file::write_at(&file, &path, &header.encode(), 0)
            .and_then(|()| file::sync(&file, &path))
            .and_then(|()| file::sync_directory(folder));
        if let Err(error) = written {
            file::discard(&path);
            return Err(error);
        }
        let seed = frame::seed(index, number, salt);
        Ok(Self {
            file: Arc::new(file),
            path: path.into(),
            number,
            length: header::LENGTH as u64,
            seed,
            chain: seed,
        })
    }

    /// Appends whole frames whose last has the checksum `chain`. On a full disk the part that was written is
    /// cut off again.
    pub(crate) fn append(&mut self, frames: &[u8], chain: u32) -> Result<(), AppendError> {
        match file::write_at(&self.file, &self.path, frames, self.length) {
            Ok(()) => {
                self.length += frames.len() as u64;
                self.chain = chain;
                Ok(())
            }
            Err(error @ Error::Full { .. }) => match file::truncate(&self.file, &self.path, self.length) {
                Ok(()) => Err(AppendError::Clean(error)),
                Err(_) => Err(AppendError::InDoubt(error)),
            },
            Err(error) => Err(AppendError::InDoubt(error)),
        }
    }
}

/// A number from the system's random source.
pub(crate) fn random() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io {
        path: PathBuf::from("/dev/urandom"),
        action: "drawing a random number",
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(u64::from_le_bytes(bytes))
}
