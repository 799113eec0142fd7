//! The only place that maps files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A sealed file, mapped for reading.
pub(crate) struct Map(memmap2::Mmap);

impl Map {
    /// Maps a whole file, which must be sealed: a file that a manifest names or will name, written and synced.
    pub(crate) fn sealed(file: &File) -> io::Result<Self> {
        // SAFETY: sealed files are never written, truncated or renamed over by this crate, only unlinked, which
        // leaves a mapping intact; the index's lock keeps other owners out. Another program that truncates
        // the file under us would end the process with SIGBUS; the documentation says so.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
