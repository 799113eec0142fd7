//! Limits on the cost of one photo.

use std::fmt;

use super::DecodeError;

/// Limits on the cost of one photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Most pixels in a header.
    pub pixels: u64,
    /// Most memory for a photo, in bytes: its file and everything that decoding allocates, estimated from its
    /// header.
    pub memory: u64,
}

impl Default for Limits {
    /// 256 MiB per file, 256 megapixels, 4 GiB of memory. Mobile phones take photos of up to 200 megapixels.
    fn default() -> Self {
        Self { file_bytes: 256 << 20, pixels: 256_000_000, memory: 4 << 30 }
    }
}

/// The limited quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of the file.
    File,
    /// Pixels of the picture.
    Pixels,
    /// Bytes of memory for decoding.
    Memory,
}

/// An exceeded limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// The limited quantity.
    pub bound: Bound,
    /// Its value for this photo.
    pub got: u64,
    /// The largest accepted value.
    pub limit: u64,
}

impl fmt::Display for Excess {
    /// Names the option of the program, and a sufficient value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, got, limit } = self;
        let (what, unit, option, suffix) = match bound {
            Bound::File => ("the file is", "bytes", "max_file", 1 << 20),
            Bound::Pixels => ("the picture is", "pixels", "max_pixels", 1_000_000),
            Bound::Memory => ("decoding needs", "bytes of memory", "max_memory", 1 << 20),
        };
        let enough = got.div_ceil(suffix);
        write!(f, "{what} {got} {unit}, the limit is {limit}; {option} {enough}M permits it")
    }
}

impl Limits {
    /// Refuses a photo that exceeds limits. The error lists all of them.
    pub(super) fn check<const N: usize>(&self, measured: [(Bound, u64); N]) -> Result<(), DecodeError> {
        let excess = measured.into_iter().filter_map(|(bound, got)| {
            let limit = match bound {
                Bound::File => self.file_bytes,
                Bound::Pixels => self.pixels,
                Bound::Memory => self.memory,
            };
            (got > limit).then_some(Excess { bound, got, limit })
        });
        let excess: Vec<Excess> = excess.collect();
        if excess.is_empty() { Ok(()) } else { Err(DecodeError::TooLarge(excess)) }
    }
}
