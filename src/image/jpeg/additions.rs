//! What a JPEG file holds beside its picture: the video of a motion photo, the other views of a multi-picture file (CIPA DC-007), and the
//! gain map of an HDR photo.

use memchr::memmem;

use super::super::format::Format;
use super::super::ifd::Tiff;
use super::{Outline, inspect};

/// Largest box that says of which kind a video is, in bytes.
const LARGEST_BRANDS: u32 = 1024;
/// The entry of an index with its pictures, and the bytes of each.
const PICTURES: u16 = 0xb002;
const PICTURE: usize = 16;
/// Kinds of pictures: undefined (as gain maps and the pictures of some programs are), and primary. Those with a 2 in the third byte are
/// views: of a panorama, of a stereo pair, from several angles.
const UNDEFINED: u32 = 0;
const PRIMARY: u32 = 0x03_0000;
const VIEWS: u32 = 2;
/// What describes a gain map of an HDR photo, and how far it is looked for.
const GAIN_MAPS: [&[u8]; 4] = [b"hdrgm:", b"HDRGainMap", b"hdrgainmap", b"urn:iso:std:iso:ts:21496"];
const HEAD: usize = 64 << 10;

/// Whether a video follows a picture: a file of the ISO format that is no picture, at any place. Motion photos of Google and of Samsung have
/// it. What the metadata says is not trusted: programs that remove the video often leave that.
pub(super) fn has_video(behind: &[u8]) -> bool {
    memmem::find_iter(behind, b"ftyp").any(|at| {
        let video = at.checked_sub(4).and_then(|start| behind.get(start..)).unwrap_or_default();
        let size = video.first_chunk().map_or(0, |size| u32::from_be_bytes(*size));
        let is_brand = |brand: &[u8]| brand.iter().all(|byte| (b' '..=b'~').contains(byte));
        size % 4 == 0
            && (16..=LARGEST_BRANDS).contains(&size)
            && video.len() > size as usize
            && is_brand(&video[8..12])
            && Format::of(video).is_none()
    })
}

/// Whether another view follows the picture: one that the index calls so, or another picture of the same size in colours.
pub(super) fn has_view(outline: &Outline<'_>) -> bool {
    is_view(outline, outline.behind) || has_indexed_view(outline).unwrap_or(false)
}

fn has_indexed_view(outline: &Outline<'_>) -> Option<bool> {
    let index = Tiff::new(outline.index?)?;
    let entries = index.first()?.bytes(PICTURES)?.as_chunks::<PICTURE>().0;
    Some(entries.iter().skip(1).any(|entry| {
        let number = |at: usize| index.with(entry).four(at).unwrap_or(0);
        let picture = index.bytes().get(number(8) as usize..).unwrap_or_default();
        let kind = number(0) & 0xff_ffff;
        match kind {
            UNDEFINED | PRIMARY => is_view(outline, picture),
            _ => kind >> 16 == VIEWS && picture.starts_with(&[0xff, 0xd8]),
        }
    }))
}

/// Whether a JPEG is at the beginning of these bytes that has the size of a picture, is in colours, and is no gain map.
fn is_view(outline: &Outline<'_>, bytes: &[u8]) -> bool {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return false;
    }
    let size = |outline: &Outline<'_>| (outline.frame.width, outline.frame.height);
    !names_gain_map(bytes)
        && inspect(bytes).is_ok_and(|view| view.frame.components.len() > 1 && size(&view) == size(outline))
}

/// Whether the beginning of a text or picture names a gain map.
fn names_gain_map(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    GAIN_MAPS.iter().any(|text| memmem::find(head, text).is_some())
}

/// Whether a gain map follows the picture (Ultra HDR and ISO 21496-1, and that of Apple): another picture, which says so or of which the
/// first one says so.
pub(super) fn has_gain_map(outline: &Outline<'_>) -> bool {
    let Some(at) = memmem::find(outline.behind, &[0xff, 0xd8, 0xff]) else { return false };
    names_gain_map(&outline.behind[at..])
        || outline.annotations.xmp.iter().any(|packet| names_gain_map(packet))
}
