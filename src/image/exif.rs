//! The orientation in EXIF blocks.

use image::metadata::Orientation;

use super::ifd::{Tiff, tag};

/// The TIFF block of an EXIF block. It begins with its TIFF header, or with the `Exif\0\0` of JPEG, which some programs
/// keep in other formats.
pub(super) fn block(bytes: &[u8]) -> Option<Tiff<'_>> {
    Tiff::new(match bytes.strip_prefix(b"Exif\0") {
        Some(rest) => rest.get(1..)?, // usually another zero
        None => bytes,
    })
}

/// The orientation in an EXIF block, if there is one. Damage in other parts of the block has no effect.
pub(super) fn orientation(bytes: &[u8]) -> Option<Orientation> {
    of_number(block(bytes)?.first()?.number(tag::ORIENTATION)?)
}

/// The orientation with this number of EXIF.
pub(super) fn of_number(number: u64) -> Option<Orientation> {
    Orientation::from_exif(u8::try_from(number).ok()?)
}

/// Whether this orientation is a quarter turn, which needs a copy of the picture.
pub(super) fn is_quarter_turn(orientation: Option<Orientation>) -> bool {
    use Orientation as O;
    matches!(orientation, Some(O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH))
}
