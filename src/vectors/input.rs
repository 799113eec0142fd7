//! Opening of the files that a user names. Only regular files are opened. The standard input is copied to a temporary file.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Mutex;

use crate::gallery::GalleryError;

use super::format::Layout;

/// The name of the standard input in place of a file of vectors.
pub const STANDARD_INPUT: &str = "-";
/// Most bytes that are read from the standard input.
const SPOOLED: u64 = 64 << 30;

/// Opens a regular file. A pipe or a device is refused, because it may never end.
///
/// # Errors
/// The file is missing, unreadable or not a regular file.
pub fn open_regular(path: &Path) -> Result<File, GalleryError> {
    let io = |source| GalleryError::Io { path: path.to_owned(), doing: "opening it", source };
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if kind.is_file() {
        return File::open(path).map_err(io);
    }
    let is = if kind.is_dir() { "a folder" } else { "a pipe or device" };
    let what = format!("expected a regular file, it is {is}");
    Err(GalleryError::BadSource { path: path.to_owned(), what })
}

/// The standard input as a complete file. It is read once, and every further call returns the same bytes.
///
/// # Errors
/// It is a terminal; it contains no vectors; it is shorter or longer than its header states; there is no space for the copy.
pub(super) fn standard_input() -> Result<File, GalleryError> {
    static SPOOL: Mutex<Option<File>> = Mutex::new(None);
    let mut spool = SPOOL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let file = match spool.take() {
        Some(file) => file,
        None => copy(io::stdin().lock(), io::stdin().is_terminal())?,
    };
    let clone = file.try_clone().map_err(failed("opening its copy again"))?;
    *spool = Some(file);
    Ok(clone)
}

fn copy(mut input: impl Read, is_terminal: bool) -> Result<File, GalleryError> {
    let bad = |what: String| GalleryError::BadSource { path: STANDARD_INPUT.into(), what };
    if is_terminal {
        return Err(bad("the standard input is a terminal; redirect a .npy file to it".into()));
    }
    let mut start = Vec::new();
    let mut seen = Tee { input: &mut input, seen: &mut start };
    let layout = Layout::read(&mut seen, "file").map_err(bad)?;
    let expected = layout.file_bytes().filter(|&bytes| bytes <= SPOOLED).ok_or_else(|| {
        bad(format!(
            "its header claims {} rows of {}; at most {} GiB are taken from the standard input, give a file",
            layout.rows,
            layout.dimension,
            SPOOLED >> 30
        ))
    })?;
    let left = expected - start.len() as u64;
    let mut file = tempfile::tempfile().map_err(failed("making a temporary copy"))?;
    file.write_all(&start).map_err(failed("copying it"))?;
    let got = io::copy(&mut input.by_ref().take(left), &mut file).map_err(failed("copying it"))?;
    let more = input.read(&mut [0]).map_err(failed("reading it"))?;
    if got < left || more > 0 {
        let got = if more > 0 { "more".into() } else { (start.len() as u64 + got).to_string() };
        let (rows, dimension) = (layout.rows, layout.dimension);
        return Err(bad(format!(
            "{rows} rows of {dimension} need {expected} bytes, the standard input has {got}"
        )));
    }
    Ok(file)
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> GalleryError {
    move |source| GalleryError::Io { path: STANDARD_INPUT.into(), doing, source }
}

/// Keeps what was read.
struct Tee<'a, R> {
    input: R,
    seen: &'a mut Vec<u8>,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        self.seen.extend(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
    }

    #[test]
    fn the_standard_input_is_read_completely_or_refused() {
        let whole = npy("(2, 1)", &[0; 8]);
        assert_eq!(copy(&whole[..], false).unwrap().metadata().unwrap().len(), whole.len() as u64);
        let says = |input: &[u8]| copy(input, false).unwrap_err().to_string();
        assert!(says(&whole[..whole.len() - 1]).contains("need"), "{}", says(&whole[..whole.len() - 1]));
        assert!(says(&npy("(2, 1)", &[0; 9])).contains("has more"));
        assert!(says(b"").contains("it is empty"));
        assert!(says(&npy("(90000000000, 4096)", &[])).contains("at most 64 GiB"));
        assert!(copy(&whole[..], true).unwrap_err().to_string().contains("is a terminal"));
    }
}
