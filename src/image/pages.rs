//! Whether a file shows more than the picture that is decoded: animations, TIFF of several pages, camera raw files.

use super::format::Format;
use super::ifd::{Tiff, tag};
use super::raw;

/// Bit of the flags of a WebP for an animation.
const ANIMATION: u8 = 2;
/// Kind of a TIFF directory: a smaller copy of another one.
const NEW_SUBFILE_TYPE: u16 = 254;
const REDUCED: u64 = 1;

/// Whether a GIF, PNG, WebP, HEIF, AVIF or TIFF has a second picture. Previews of photos and the pictures in camera raw files, JPEG (MPO,
/// motion photos; see [`Picture::holds_more`](super::Picture::holds_more)) and JPEG XL do not count.
pub fn has_more_pictures(bytes: &[u8]) -> bool {
    match Format::of(bytes) {
        Some(Format::Gif) => pictures_of_gif(bytes) > 1,
        Some(Format::Png) => frames_of_png(bytes).is_some_and(|frames| frames > 1),
        Some(Format::WebP) => {
            bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & ANIMATION != 0)
        }
        Some(Format::Heif | Format::Avif) => {
            matches!(bytes.get(8..12), Some(b"msf1" | b"hevc" | b"hevx" | b"avis"))
        }
        Some(Format::Tiff) => !raw::is_raw(bytes) && has_pages(bytes),
        _ => false,
    }
}

/// Whether a file is a camera raw file, of which only an embedded JPEG is decoded.
pub fn is_camera_raw(bytes: &[u8]) -> bool {
    match Format::of(bytes) {
        Some(Format::Tiff) => raw::is_raw(bytes),
        Some(Format::Raw) => true,
        _ => false,
    }
}

/// Pictures of a GIF, at most 2 (GIF89a, sections 17 to 27).
fn pictures_of_gif(bytes: &[u8]) -> usize {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + bytes.get(10).map_or(0, |flags| table(*flags));
    let mut pictures = 0;
    while pictures < 2 {
        at += match bytes.get(at) {
            Some(0x21) => 2,
            Some(0x2c) => {
                pictures += 1;
                11 + bytes.get(at + 9).map_or(0, |flags| table(*flags))
            }
            _ => break,
        };
        // Blocks of data until an empty one.
        while let Some(length) = bytes.get(at) {
            at += 1 + usize::from(*length);
            if *length == 0 {
                break;
            }
        }
    }
    pictures
}

/// Frames of an animated PNG, from the chunk before its data.
fn frames_of_png(bytes: &[u8]) -> Option<u32> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        match after.get(..4)? {
            b"acTL" => return Some(u32::from_be_bytes(*after.get(4..)?.first_chunk()?)),
            b"IDAT" => return None,
            _ => rest = after.get(length.checked_add(8)?..)?,
        }
    }
}

fn has_pages(bytes: &[u8]) -> bool {
    let first = Tiff::new(bytes).and_then(|tiff| tiff.first());
    let next = first.and_then(|first| first.following());
    next.is_some_and(|page| {
        page.number(tag::STRIP_OFFSETS).or(page.number(tag::TILE_OFFSETS)).is_some()
            && page.number(NEW_SUBFILE_TYPE).is_none_or(|kind| kind & REDUCED == 0)
    })
}
