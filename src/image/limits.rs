//! How much one photo may cost.

use std::fmt;

use super::DecodeError;

/// How much one photo may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Most pixels a header may claim.
    pub pixels: u64,
    /// Most memory that a photo may take, in bytes: its file and everything that decoding it holds, as estimated from its
    /// header.
    pub memory: u64,
}

impl Default for Limits {
    /// 256 MiB of file, 256 megapixels, 4 GiB of memory: photos of telephones, up to 200 megapixels.
    fn default() -> Self {
        Self { file_bytes: 256 << 20, pixels: 256_000_000, memory: 4 << 30 }
    }
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of the file.
    File,
    /// Pixels of the picture.
    Pixels,
    /// Bytes of memory to decode it.
    Memory,
}

/// A limit that a photo exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excess {
    /// What is limited.
    pub bound: Bound,
    /// How much it is here.
    pub got: u64,
    /// The most that is accepted.
    pub limit: u64,
}

impl fmt::Display for Excess {
    /// Names the option of the program, and a value of it that would do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, got, limit } = self;
        let (what, unit, option, suffix) = match bound {
            Bound::File => ("the file is", "bytes", "--max-file", 1 << 20),
            Bound::Pixels => ("the picture is", "pixels", "--max-pixels", 1_000_000),
            Bound::Memory => ("to decode it takes", "bytes of memory", "--max-memory", 1 << 20),
        };
        let enough = got.div_ceil(suffix);
        write!(f, "{what} {got} {unit}, the limit is {limit}; {option} {enough}M admits it")
    }
}

impl Limits {
    /// Refuses what exceeds a limit, naming all that do.
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
