//! Why a face cannot be measured.

use thiserror::Error;

/// Shortest side of the box of a face that is measured, in pixels.
pub(super) const SMALLEST_FACE: f32 = 48.0;
/// Shortest side of the region around a face that is in the photo, in pixels.
pub(super) const SHORTEST: usize = 16;

/// Why a face cannot be measured. The text says what was found and what is necessary.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum Unmeasured {
    /// The box of the face is too small.
    #[error(
        "the face is {width:.0} x {height:.0} pixels: at least {SMALLEST_FACE} x {SMALLEST_FACE} are needed to judge it"
    )]
    TooSmall {
        /// Width of the box in pixels.
        width: f32,
        /// Height of the box in pixels.
        height: f32,
    },
    /// Too little of the face is in the photo.
    #[error(
        "{width} x {height} pixels of the face are in the photo: at least {SHORTEST} x {SHORTEST} are needed to judge it"
    )]
    BeyondPhoto {
        /// Width of the part of the region that is in the photo, in pixels.
        width: usize,
        /// Height of the part of the region that is in the photo, in pixels.
        height: usize,
    },
}
