//! Memory-mapped files. No other module maps files.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};

/// A sealed file, mapped for reading.
pub(crate) struct Map(memmap2::Mmap);

/// How some bytes will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadPattern {
    /// One after the other: the system reads ahead of what is read.
    Sequential,
    /// Here and there: the system reads the pages that are touched and no others.
    Random,
}

impl Map {
    /// Maps a whole file, which must be sealed: a file that a manifest names or will name, written and synced.
    pub(crate) fn sealed(file: &File) -> io::Result<Self> {
        // SAFETY: sealed files are never written, truncated or renamed over by this crate, only unlinked, which
        // leaves a mapping intact; the index's lock keeps other owners out. Another program that truncates
        // the file under us would end the process with SIGBUS; the documentation says so.
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self(map))
    }

    /// Tells the system how some bytes will be read, from now on. Pages that lie partly in another range go
    /// with the last one said.
    pub(crate) fn expect(&self, access: ReadPattern, bytes: &Range<usize>) {
        #[cfg(unix)]
        {
            let advice = match access {
                ReadPattern::Sequential => memmap2::Advice::Normal,
                ReadPattern::Random => memmap2::Advice::Random,
            };
            // Advice: without it the same bytes are read.
            let _ = self.0.advise_range(advice, bytes.start, bytes.len());
        }
        #[cfg(not(unix))]
        let _ = (access, bytes);
    }

    /// Asks the system to read some bytes, all at once and without waiting for them, unless they are in
    /// memory. Where they are expected to be read [`Random`](ReadPattern::Random), each page would be waited
    /// for alone: 260 MB took 3.8 s in that way and 0.3 in this.
    pub(crate) fn read_ahead(&self, bytes: Range<usize>) {
        #[cfg(unix)]
        if !self.is_in_memory(&bytes) {
            let _ = self.0.advise_range(memmap2::Advice::WillNeed, bytes.start, bytes.len());
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }

    /// Whether all pages of some bytes are. To ask takes a microsecond for a megabyte; to ask for what is
    /// there to be read, fifteen.
    #[cfg(target_os = "linux")]
    fn is_in_memory(&self, bytes: &Range<usize>) -> bool {
        let Some(bytes) = self.0.get(bytes.clone()) else { return true };
        // SAFETY: it only returns a number.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
        let before = bytes.as_ptr().addr() % page;
        let length = before + bytes.len();
        let mut pages = vec![0u8; length.div_ceil(page)];
        // SAFETY: nothing is read or written through the first pointer, and an address that is not mapped is
        // an error; these pages are, as a mapping begins with a page and lives as long as `self`. `pages` has
        // a byte for each of them.
        let failed = unsafe {
            let start = bytes.as_ptr().wrapping_sub(before).cast_mut();
            libc::mincore(start.cast(), length, pages.as_mut_ptr())
        } != 0;
        failed || pages.iter().all(|page| page & 1 == 1)
    }

    #[cfg(all(unix, not(target_os = "linux")))]
    fn is_in_memory(&self, _: &Range<usize>) -> bool {
        false
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_changes_nothing_that_is_read() {
        let bytes: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let map = Map::sealed(file.as_file()).unwrap();
        for range in [0..0, 0..bytes.len(), 5..6, 70_000..200_001, bytes.len()..bytes.len(), 0..usize::MAX] {
            map.expect(ReadPattern::Random, &range);
            map.read_ahead(range.clone());
            map.expect(ReadPattern::Sequential, &range);
        }
        assert_eq!(*map, bytes[..]);
        #[cfg(target_os = "linux")]
        assert!(map.is_in_memory(&(0..bytes.len())), "it was read");
    }
}
