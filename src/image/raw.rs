//! Camera raw files: the largest complete JPEG in them, which cameras write for their own screens and mostly at full size.
//!
//! DNG, CR2, NEF, NRW, ARW, PEF, ORF and RW2 are directories of TIFF with other numbers, CR3 has the boxes of an ISO file, and RAF its own
//! header. The raw samples are not developed. The orientation of the raw file applies if its JPEG has none.

use super::boxes::{Boxes, Numbers};
use super::ifd::{Directory, Tiff, tag};
use super::jpeg;
use super::{DecodeError, Still};

/// Most embedded pictures that are inspected.
const MOST_PICTURES: usize = 64;
/// Photometric interpretations of raw samples: a colour filter array and linear raw.
const RAW_SAMPLES: [u64; 2] = [32803, 34892];
/// Compressions that only camera makers use: Sony, Epson, Samsung, Nikon, Pentax.
const RAW_COMPRESSIONS: [u64; 5] = [32767, 32769, 32770, 34713, 65535];
/// Compressions of TIFF whose strips are JPEGs.
const JPEG_COMPRESSIONS: [u64; 2] = [6, 7];
const DNG_VERSION: u16 = 50706;
const MAKER_NOTE: u16 = 37500;
/// A whole JPEG as the value of an entry, by Panasonic.
const JPEG_FROM_RAW: u16 = 46;

/// Whether a TIFF is a camera raw file.
pub(super) fn is_raw(bytes: &[u8]) -> bool {
    let Some(tiff) = Tiff::new(bytes) else { return false };
    let has = |directory: &Directory<'_>, tag: u16, of: &[u64]| {
        directory.number(tag).is_some_and(|number| of.contains(&number))
    };
    bytes.get(8..10) == Some(b"CR")
        || tiff.directories().iter().any(|directory| {
            directory.bytes(DNG_VERSION).is_some()
                || has(directory, tag::PHOTOMETRIC, &RAW_SAMPLES)
                || has(directory, tag::COMPRESSION, &RAW_COMPRESSIONS)
        })
}

/// The largest complete JPEG in a camera raw file, with the descriptions of both.
pub(super) fn inspect(bytes: &[u8]) -> Result<jpeg::Outline<'_>, DecodeError> {
    let (mut pictures, mut blocks) = (Vec::new(), Vec::new());
    match bytes {
        [b'F', b'U', b'J', b'I', ..] => pictures.extend(in_raf(bytes)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => in_boxes(bytes, &mut pictures, &mut blocks),
        _ => {
            if let Some(tiff) = Tiff::new(bytes) {
                in_directories(tiff, &mut pictures);
                blocks.push(bytes);
            }
        }
    }
    let mut best: Option<(u64, jpeg::Outline<'_>)> = None;
    for picture in
        pictures.into_iter().filter(|picture| picture.starts_with(&[0xff, 0xd8])).take(MOST_PICTURES)
    {
        let Ok(outline) = jpeg::inspect(picture) else { continue };
        let pixels = outline.pixels_of_header();
        if outline.is_complete() && best.as_ref().is_none_or(|(most, _)| pixels > *most) {
            best = Some((pixels, outline));
        }
    }
    let Some((_, mut outline)) = best else {
        return Err(DecodeError::Unsupported(format!(
            "camera raw files without a complete JPEG in them are not decoded: {}",
            super::format::RAW
        )));
    };
    outline.annotations.exif.extend(blocks);
    Ok(outline)
}

/// The JPEGs that directories describe.
fn in_directories<'a>(tiff: Tiff<'a>, pictures: &mut Vec<&'a [u8]>) {
    let directories = tiff.directories();
    for directory in &directories {
        pictures.extend(in_directory(tiff, directory));
        if let Some(exif) = directory.below(tag::EXIF) {
            pictures.extend(in_maker_note(tiff, &exif));
        }
    }
}

fn in_directory<'a>(tiff: Tiff<'a>, directory: &Directory<'a>) -> Vec<&'a [u8]> {
    let part = |offset: u16, length: u16| {
        let (offset, length) = (directory.numbers(offset), directory.numbers(length));
        let ([offset], [length]) = (&offset[..], &length[..]) else { return None };
        slice(tiff.bytes(), u64::try_from(*offset).ok()?, u64::try_from(*length).ok()?)
    };
    let is_jpeg =
        directory.number(tag::COMPRESSION).is_some_and(|number| JPEG_COMPRESSIONS.contains(&number));
    let strip = if is_jpeg { part(tag::STRIP_OFFSETS, tag::STRIP_LENGTHS) } else { None };
    let pointed = part(tag::JPEG_OFFSET, tag::JPEG_LENGTH);
    pointed.into_iter().chain(strip).chain(directory.bytes(JPEG_FROM_RAW)).collect()
}

/// The JPEG in the notes of Olympus and of older Nikon cameras.
fn in_maker_note<'a>(tiff: Tiff<'a>, exif: &Directory<'a>) -> Option<&'a [u8]> {
    const OLYMPUS_SETTINGS: u16 = 0x2020;
    const OLYMPUS_PREVIEW: (u16, u16) = (0x0101, 0x0102);
    const NIKON_PREVIEW: u16 = 0x0011;
    let note = exif.bytes(MAKER_NOTE)?;
    let at = exif.place(MAKER_NOTE)?;
    if note.starts_with(b"Nikon\0") {
        let inner = Tiff::new(tiff.bytes().get(at + 10..)?)?;
        return in_directory(inner, &inner.first()?.below(NIKON_PREVIEW)?).first().copied();
    }
    // The offsets count from the beginning of the note.
    let directory = match note {
        [b'O', b'L', b'Y', b'M', b'P', b'U', b'S', 0, ..] => 12,
        [b'O', b'M', b' ', b'S', b'Y', b'S', b'T', b'E', b'M', ..] => 16,
        _ => return None,
    };
    let settings = tiff.from(at)?.directory(directory)?.below(OLYMPUS_SETTINGS)?;
    let (offset, length) = (settings.number(OLYMPUS_PREVIEW.0)?, settings.number(OLYMPUS_PREVIEW.1)?);
    slice(tiff.bytes().get(at..)?, offset, length)
}

/// The JPEG that the header of a RAF points to.
fn in_raf(bytes: &[u8]) -> Option<&[u8]> {
    let mut numbers = Numbers(bytes.get(84..92)?);
    slice(bytes, numbers.next(4)?, numbers.next(4)?)
}

/// The JPEGs and the blocks of EXIF in a CR3.
fn in_boxes<'a>(bytes: &'a [u8], pictures: &mut Vec<&'a [u8]>, blocks: &mut Vec<&'a [u8]>) {
    const ID: usize = 16; // of a box of the kind `uuid`
    for outer in Boxes(bytes) {
        match (&outer.kind, outer.body) {
            (b"moov", movie) => {
                for inner in Boxes(movie) {
                    match &inner.kind {
                        b"trak" => pictures.extend(in_track(bytes, inner.body)),
                        b"uuid" => {
                            for one in Boxes(inner.body.get(ID..).unwrap_or_default()) {
                                match &one.kind {
                                    b"CMT1" | b"CMT2" => blocks.push(one.body),
                                    b"THMB" => pictures.extend(after_header(one.body)),
                                    _ => {}
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            (b"uuid", body) => {
                let preview = Boxes(body.get(ID + 8..).unwrap_or_default()).body(b"PRVW");
                pictures.extend(preview.and_then(after_header));
            }
            _ => {}
        }
    }
}

/// The JPEG behind the short header of a preview.
fn after_header(body: &[u8]) -> Option<&[u8]> {
    let start = body.get(..body.len().min(32))?.windows(3).position(|part| part == [0xff, 0xd8, 0xff])?;
    body.get(start..)
}

/// The only sample of a track.
fn in_track<'a>(file: &'a [u8], track: &'a [u8]) -> Option<&'a [u8]> {
    let table = Boxes(Boxes(Boxes(Boxes(track).body(b"mdia")?).body(b"minf")?).body(b"stbl")?);
    let (_, _, mut sizes) = Numbers::full(table.clone().body(b"stsz")?)?;
    let length = match (sizes.next(4)?, sizes.next(4)?) {
        (0, 1) => sizes.next(4)?,
        (length, 1) => length,
        _ => return None,
    };
    let (offsets, wide) = match table.clone().body(b"co64") {
        Some(offsets) => (offsets, 8),
        None => (table.body(b"stco")?, 4),
    };
    let (_, _, mut offsets) = Numbers::full(offsets)?;
    if offsets.next(4)? != 1 {
        return None;
    }
    slice(file, offsets.next(wide)?, length)
}

fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    let offset = usize::try_from(offset).ok()?;
    bytes.get(offset..offset.checked_add(usize::try_from(length).ok()?)?)
}
