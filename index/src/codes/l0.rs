//! The L0 code: at most 64 bytes a row that bound its score from above and below.
//!
//! A rotation learned from the rows themselves ([`train`]) puts most of a vector's length into its first
//! components. Those are quantised ([`encode`]), so many of them in 8 bits, 4 or one as make searches of a
//! sample quickest. With each row go the length of what quantisation took from the head and the length of the
//! tail that the code leaves out, so that a query ([`query`]) knows, by the inequality of Cauchy and Schwarz,
//! how far the score can be from what the code says.
//!
//! ```text
//! block of 32 rows, c components in b bits: 4 c b + 192 bytes
//!         0  codes     see `Bits`   4 c b
//!     4 c b  steps     bf16[32]   what a code is multiplied with
//! + 64       errors    bf16[32]   length of head minus its code, rounded up
//! + 128      tails     bf16[32]   length of the tail, rounded up
//! ```
//! Rows beyond the last have zeros. Components of one bit have a [`second`] one, which is kept apart.

pub(crate) mod encode;
pub(crate) mod query;
pub(crate) mod rotation;
pub(crate) mod second;
pub(crate) mod train;

#[cfg(test)]
mod tests;

pub(crate) use query::L0Query;
pub(crate) use rotation::Rotation;

/// Rows in a block.
pub(crate) const ROWS: usize = 32;
/// Bytes behind the codes of a block.
pub(crate) const FACTORS: usize = 3 * ROWS * 2;
/// Bytes of a row's code, at most.
pub(crate) const CODE: usize = 64;

/// Bits of a component, and where they lie in a block.
///
/// Components come in groups. The four bytes `128 * group + 4 * row` and on hold a row's components of a
/// group: four of 8 bits, or eight of 4 bits with the first four in the lower halves; so 16 rows fill a
/// register of 64 bytes, each in a lane of its own. Of one bit, byte `32 * group + row` holds eight, the
/// first four in the lower half and the lowest first, to be looked up four at a time (André, Kermarrec, Le
/// Scouarnec 2015).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bits {
    Eight,
    Four,
    One,
}

impl Bits {
    /// Each in the place of its discriminant, for what is kept for each of them.
    pub(crate) const ALL: [Self; 3] = [Self::Eight, Self::Four, Self::One];

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|bits| bits.number() == number)
    }

    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Four => 4,
            Self::One => 1,
        }
    }

    /// Components that a code may have: a multiple of [`together`](Self::together).
    pub(crate) fn most(self) -> usize {
        CODE * 8 / self.number() as usize
    }

    /// Components that kernels take together.
    pub(crate) fn together(self) -> usize {
        match self {
            Self::Eight => 4,
            Self::Four => 8,
            Self::One => 16,
        }
    }

    /// Twice the value that stands for 0: levels are the odd multiples of half a step.
    pub(crate) fn centre(self) -> i32 {
        (1 << self.number()) - 1
    }

    /// Where a row's component lies in a block: a byte, and how far its bits are shifted up in it.
    pub(crate) fn place(self, row: usize, component: usize) -> (usize, u32) {
        match self {
            Self::Eight => (128 * (component / 4) + 4 * row + component % 4, 0),
            Self::Four => (128 * (component / 8) + 4 * row + component % 4, 4 * (component as u32 / 4 % 2)),
            Self::One => (32 * (component / 8) + row, component as u32 % 8),
        }
    }
}

const _: () = {
    let [first, second, third] = Bits::ALL;
    assert!(first as usize == 0 && second as usize == 1 && third as usize == 2);
};

/// The `bf16` (upper half of an `f32`) that is nearest.
pub(crate) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// The least `bf16` that is not less than a value, which is not negative.
pub(crate) fn bf16_up(value: f32) -> u16 {
    ((value.to_bits() + 0xffff) >> 16) as u16
}

pub(crate) fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}
