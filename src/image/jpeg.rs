//! JPEG: a walk over the file's segments that settles what can be settled for free, then zune-jpeg in its
//! strict mode.
//!
//! A JPEG counts as truncated when the walk does not reach an end-of-image marker, or when the decoder runs
//! out of bits. The lenient mode of most decoders paints the missing part grey and says nothing; a face
//! would be enrolled from half a photo.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::raster::upright;
use super::{DecodeError, Limits, Photo, check_header};

/// Every 8x8 block of the full-size component takes at least one bit in the first scan that codes it (any
/// Huffman code is at least one bit long), so a byte can stand for at most 512 pixels.
const PIXELS_PER_BYTE: u64 = 512;
/// Scans of a progressive file. Encoders write about ten; each costs a pass over the whole picture.
const MOST_SCANS: usize = 100;

/// What the walk over the segments found.
struct Outline {
    width: u64,
    height: u64,
    components: u8,
    progressive: bool,
    adobe: bool,
    scans: usize,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    let outline = walk(bytes)?;
    // The RGB picture and its turned copy; a progressive file also keeps 16-bit coefficients.
    let coefficients = if outline.progressive { 2 * u64::from(outline.components) } else { 0 };
    let (width, height) = check_header(outline.width, outline.height, 6 + coefficients, limits)?;
    if outline.width * outline.height > PIXELS_PER_BYTE * bytes.len() as u64 {
        return Err(DecodeError::Failed(format!(
            "{} bytes cannot hold the {width} x {height} pixels that the header claims",
            bytes.len()
        )));
    }
    if outline.components == 4 && !outline.adobe {
        return Err(DecodeError::Unsupported(
            "CMYK JPEG files without Adobe's marker are not decoded".into(),
        ));
    }
    if outline.scans > MOST_SCANS {
        return Err(DecodeError::Failed(format!("{} scans, more than {MOST_SCANS}", outline.scans)));
    }
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(refusal)?;
    if decoder.dimensions() != Some((width as usize, height as usize)) {
        return Err(DecodeError::Failed("the file holds frames of different sizes".into()));
    }
    let orientation = decoder.exif().and_then(|exif| image::metadata::Orientation::from_exif_chunk(exif));
    upright(width, height, pixels, orientation)
}

fn refusal(error: DecodeErrors) -> DecodeError {
    match error {
        DecodeErrors::Unsupported(scheme) => {
            DecodeError::Unsupported(format!("this kind of JPEG is not decoded ({scheme:?})"))
        }
        other => DecodeError::Failed(format!("damaged or truncated JPEG: {other:?}")),
    }
}

/// Walks from marker to marker until the end of the image (ITU-T T.81, annex B).
fn walk(bytes: &[u8]) -> Result<Outline, DecodeError> {
    let truncated = || DecodeError::Failed("truncated JPEG: it ends before its end-of-image marker".into());
    let mut outline =
        Outline { width: 0, height: 0, components: 0, progressive: false, adobe: false, scans: 0 };
    let mut at = 2;
    loop {
        at += bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff)).ok_or_else(truncated)?;
        at += 1;
        let marker = *bytes.get(at).ok_or_else(truncated)?;
        match marker {
            0xff => continue, // fill byte: the next one decides
            0x00 | 0x01 | 0xd0..=0xd8 => {
                at += 1; // stuffed byte, restart or another marker without a body
                continue;
            }
            0xd9 if outline.scans > 0 => return Ok(outline),
            0xd9 => return Err(DecodeError::Failed("a JPEG without a picture".into())),
            _ => {}
        }
        let length = match bytes.get(at + 1..at + 3) {
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(truncated()),
        };
        let body = bytes.get(at + 3..at + 1 + length.max(2)).ok_or_else(truncated)?;
        match (marker, body) {
            // Start of frame; C4, C8 and CC are tables and an extension.
            (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf, &[_, a, b, c, d, components, ..]) => {
                let height = u64::from(u16::from_be_bytes([a, b]));
                let width = u64::from(u16::from_be_bytes([c, d]));
                if outline.components != 0 && (outline.width, outline.height) != (width, height) {
                    return Err(DecodeError::Failed("the file holds frames of different sizes".into()));
                }
                outline = Outline {
                    width,
                    height,
                    components,
                    progressive: outline.progressive || matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce),
                    ..outline
                };
            }
            (0xda, _) => outline.scans += 1,
            (0xee, _) => outline.adobe |= body.starts_with(b"Adobe"),
            _ => {}
        }
        at += 1 + length.max(2);
    }
}
