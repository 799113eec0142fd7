//! The orientation in an EXIF block.

use exif::{In, Reader, Tag, Value};
use image::metadata::Orientation;

/// Larger blocks are not read. JPEG allows 64 KiB, and the orientation is at the beginning.
const LARGEST: usize = 1 << 20;

/// The orientation in an EXIF block, if there is one. The block begins with its TIFF header, or with the `Exif\0\0` of JPEG, which
/// some programs keep in other formats. Damage in other parts of the block has no effect.
pub(super) fn orientation(block: &[u8]) -> Option<Orientation> {
    let block = &block[..block.len().min(LARGEST)];
    let tiff = match block.strip_prefix(b"Exif\0") {
        Some(rest) => rest.get(1..)?, // usually another zero
        None => block,
    };
    let read = Reader::new().continue_on_error(true).read_raw(tiff.to_vec());
    let read = read.or_else(|error| error.distill_partial_result(|_| {})).ok()?;
    let field = read.get_field(Tag::Orientation, In::PRIMARY)?;
    let signed = |number: Option<i64>| number.and_then(|number| u8::try_from(number).ok());
    let number = match &field.value {
        Value::SByte(numbers) => signed(numbers.first().map(|&n| n.into())),
        Value::SShort(numbers) => signed(numbers.first().map(|&n| n.into())),
        Value::SLong(numbers) => signed(numbers.first().map(|&n| n.into())),
        other => other.get_uint(0).and_then(|number| u8::try_from(number).ok()),
    };
    Orientation::from_exif(number?)
}

/// Whether this orientation is a quarter turn, which needs a copy of the picture.
pub(super) fn is_quarter_turn(orientation: Option<Orientation>) -> bool {
    use Orientation as O;
    matches!(orientation, Some(O::Rotate90 | O::Rotate270 | O::Rotate90FlipH | O::Rotate270FlipH))
}
