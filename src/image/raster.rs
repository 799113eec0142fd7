//! PNG and WebP through the `image` crate, and the turning of any raster upright.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, RgbImage};

use super::{DecodeError, Limits, Photo, check_header};

/// Deflate expands a byte to at most 1,032 (RFC 1951: 258 bytes a code of at least two bits).
const DEFLATE_RATIO: u64 = 1_032;

pub(super) fn decode_png(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    // The header chunk is always first: 8 bytes of signature, length, "IHDR", width, height, depth, colour.
    let header = bytes.get(..26).ok_or_else(|| DecodeError::Failed("truncated PNG header".into()))?;
    if &header[12..16] != b"IHDR" {
        return Err(DecodeError::Failed("a PNG must start with its header chunk".into()));
    }
    let side = |at: usize| {
        u64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]))
    };
    let (width, height, depth) = (side(16), side(20), u64::from(header[24]));
    let samples = match header[25] {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    // The expanded picture (a palette gives up to four samples) beside the RGB copy.
    let expanded = if header[25] == 3 { 4 } else { samples + 1 } * depth.div_ceil(8);
    check_header(width, height, expanded + 3, limits)?;
    let raw = (width * samples * depth).div_ceil(8) * height;
    if raw > DEFLATE_RATIO * bytes.len() as u64 {
        return Err(DecodeError::Failed(format!(
            "{} bytes cannot hold the {width} x {height} pixels that the header claims",
            bytes.len()
        )));
    }
    let mut allowed = image::Limits::default();
    allowed.max_alloc = Some(limits.alloc);
    from_decoder(image::codecs::png::PngDecoder::with_limits(Cursor::new(bytes), allowed).map_err(refusal)?)
}

pub(super) fn decode_webp(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    let decoder = image::codecs::webp::WebPDecoder::new(Cursor::new(bytes)).map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    // RGBA, its RGB copy, and the planes that the decoder keeps meanwhile.
    check_header(width.into(), height.into(), 4 + 3 + 4, limits)?;
    from_decoder(decoder)
}

fn from_decoder(mut decoder: impl ImageDecoder) -> Result<Photo, DecodeError> {
    let orientation = decoder.orientation().ok();
    let picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
    upright(picture.width(), picture.height(), over_white(picture), orientation)
}

fn refusal(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(what) => DecodeError::Unsupported(what.to_string()),
        other => DecodeError::Failed(other.to_string()),
    }
}

fn over_white(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_rgb8().into_raw();
    }
    let blend = |pixel: &image::Rgba<u8>| {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        [red, green, blue].map(|value| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8)
    };
    picture.into_rgba8().pixels().flat_map(blend).collect()
}

/// Applies the EXIF orientation.
pub(super) fn upright(
    width: u32,
    height: u32,
    pixels: Vec<u8>,
    orientation: Option<Orientation>,
) -> Result<Photo, DecodeError> {
    let picture = RgbImage::from_raw(width, height, pixels).ok_or_else(|| {
        DecodeError::Failed(format!("the decoder gave fewer than {width} x {height} pixels"))
    })?;
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
    let (width, height) = (picture.width(), picture.height());
    Ok(Photo { width, height, pixels: picture.into_rgb8().into_raw() })
}
