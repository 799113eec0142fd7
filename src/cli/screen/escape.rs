//! Escapes all text for a terminal.

use std::io;

pub use crate::report::escape::escaped;

/// The writer of the log: escapes its lines and writes them to the standard error.
pub struct SafeLog;

impl io::Write for SafeLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        super::print_error(text.strip_suffix('\n').unwrap_or(&text));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
