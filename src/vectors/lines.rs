//! Lines of a text file, of limited length, with their numbers.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::input::open_regular;
use crate::gallery::GalleryError;

pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    longest: usize,
    number: u64,
}

impl Lines {
    /// Opens a regular file whose lines have at most `longest` bytes.
    pub fn open(path: &Path, longest: usize) -> Result<Self, GalleryError> {
        let reader = BufReader::with_capacity(1 << 18, open_regular(path)?);
        Ok(Self { path: path.to_owned(), reader, longest, number: 0 })
    }

    /// The next line without its line ending, and its number from 1. A byte-order mark at the beginning is skipped.
    ///
    /// # Errors
    /// A read error; the line is too long or not UTF-8.
    pub fn next(&mut self) -> Result<Option<(u64, String)>, GalleryError> {
        let io = |source| GalleryError::Io { path: self.path.clone(), doing: "reading its lines", source };
        let mut bytes = Vec::new();
        let limit = self.longest as u64 + 2;
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(io)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if self.number == 1 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
            return Err(self.bad("the file is UTF-16; save it as UTF-8"));
        }
        let ended = bytes.pop_if(|byte| *byte == b'\n').is_some();
        if ended {
            bytes.pop_if(|byte| *byte == b'\r');
        }
        if bytes.len() > self.longest {
            return Err(self.bad(&format!("it is longer than {} bytes", self.longest)));
        }
        let line = String::from_utf8(bytes).map_err(|_| self.bad("it is not UTF-8 text"))?;
        let marked = if self.number == 1 { line.strip_prefix('\u{feff}').map(str::to_owned) } else { None };
        Ok(Some((self.number, marked.unwrap_or(line))))
    }

    /// An error in the last line that was read.
    pub fn bad(&self, what: &str) -> GalleryError {
        GalleryError::BadSource { path: self.path.clone(), what: format!("line {}: {what}", self.number) }
    }
}
