//! Conversion of decoder output to upright RGB.

use image::metadata::Orientation;
use image::{DynamicImage, ImageError, RgbImage};

use super::annotations::Annotations;
use super::{DecodeError, Photo, room_for};

/// An error of the `image` crate as a [`DecodeError`].
pub(super) fn refusal(error: ImageError) -> DecodeError {
    match error {
        ImageError::Unsupported(what) => DecodeError::Unsupported(what.to_string()),
        other => DecodeError::Failed(other.to_string()),
    }
}

/// Bits of a channel that hold information: 16 if there are more values than 8 bits have, so that a picture of 8 bits that was only
/// stored with 16 counts with 8.
pub(super) fn bits(picture: &DynamicImage) -> u8 {
    let mut seen = vec![false; 1 << 16];
    let mut count = |samples: &[u16]| {
        samples.iter().for_each(|sample| seen[usize::from(*sample)] = true);
        if seen.iter().filter(|seen| **seen).count() > 256 { 16 } else { 8 }
    };
    match picture {
        DynamicImage::ImageLuma16(picture) => count(picture),
        DynamicImage::ImageLumaA16(picture) => count(picture),
        DynamicImage::ImageRgb16(picture) => count(picture),
        DynamicImage::ImageRgba16(picture) => count(picture),
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => 16,
        _ => 8,
    }
}

/// RGB of any picture, with transparency composited over white.
pub(super) fn over_white(picture: DynamicImage) -> Result<Vec<u8>, DecodeError> {
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8().into_raw());
    }
    let picture = picture.into_rgba8();
    let mut pixels = room_for(3 * u64::from(picture.width()) * u64::from(picture.height()))?;
    for pixel in picture.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        let blend = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        pixels.extend([blend(red), blend(green), blend(blue)]);
    }
    Ok(pixels)
}

/// Applies the colour profile and the orientation.
pub(super) fn upright(
    width: u32,
    height: u32,
    mut pixels: Vec<u8>,
    annotations: &Annotations<'_>,
) -> Result<Photo, DecodeError> {
    annotations.profile.to_srgb(&mut pixels);
    let picture = RgbImage::from_raw(width, height, pixels).ok_or_else(|| {
        DecodeError::Failed(format!("the decoder returned fewer than {width} x {height} pixels"))
    })?;
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(annotations.orientation().unwrap_or(Orientation::NoTransforms));
    let (width, height) = (picture.width(), picture.height());
    Ok(Photo { width, height, pixels: picture.into_rgb8().into_raw() })
}
