//! Pictures to keep: a smaller copy of a photo as JPEG, upright and without metadata, and the faces in it.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageBuffer, ImageEncoder, Rgb, imageops};

use super::{Limits, Photo, Source, decode};

/// Longest side of a kept picture, in pixels.
const LONGEST: u32 = 1024;
/// Side of the picture of a face, in pixels.
const FACE: u32 = 192;
/// Quality of the JPEG.
const QUALITY: u8 = 85;
/// Share of a face's size that is shown around it on each side.
const MARGIN: f32 = 0.35;
/// Begins the comment that contains the size of the photo.
const COMMENT: &str = "size of the photo: ";

type Raster = ImageBuffer<Rgb<u8>, Vec<u8>>;

/// A small copy of a photo as JPEG, at most `longest` pixels on its longer side. `None` if it cannot be encoded.
pub fn preview(photo: &Photo, longest: u32) -> Option<Vec<u8>> {
    encoded(&scaled(photo, longest)?)
}

/// [`preview`] of a file. `None` if it cannot be read or decoded.
pub fn preview_of(path: &Path, longest: u32, limits: &Limits) -> Option<Vec<u8>> {
    let bytes = Source::open(path, false, limits).and_then(Source::read).ok()?;
    preview(&decode(&bytes, limits).ok()?, longest)
}

/// A smaller copy of a photo as JPEG, at most 1,024 pixels on its longer side. `None` if it cannot be encoded.
pub fn picture(photo: &Photo) -> Option<Vec<u8>> {
    let raster = scaled(photo, LONGEST)?;
    let jpeg = encoded(&raster)?;
    // The comment is the first segment, after the two bytes that begin a JPEG.
    let comment = format!("{COMMENT}{} {}", photo.width, photo.height);
    let length = u16::try_from(comment.len() + 2).ok()?.to_be_bytes();
    let (start, rest) = jpeg.split_at_checked(2)?;
    Some([start, &[0xff, 0xfe], &length, comment.as_bytes(), rest].concat())
}

/// A face in a picture that [`picture`] made, with a margin, as a square JPEG. `bounds` are left, top, right, bottom in pixels of the photo.
/// `None` if the picture is damaged.
pub fn face(picture: &[u8], bounds: [f32; 4]) -> Option<Vec<u8>> {
    let (width, _) = size_of_photo(picture)?;
    let photo = decode(picture, &Limits::default()).ok()?;
    let scale = photo.width as f32 / width as f32;
    let [left, top, right, bottom] = bounds.map(|bound| bound * scale);
    let side = (right - left).max(bottom - top) * (1.0 + 2.0 * MARGIN);
    let (x, y) = ((left + right - side) / 2.0, (top + bottom - side) / 2.0);
    let within = |from: f32, all: u32| {
        let from = from.max(0.0).min(all.saturating_sub(1) as f32);
        (from as u32, (side as u32).clamp(1, all - from as u32))
    };
    let ((x, width), (y, height)) = (within(x, photo.width), within(y, photo.height));
    let raster = Raster::from_raw(photo.width, photo.height, photo.pixels)?;
    let side = width.min(height);
    let face = imageops::crop_imm(&raster, x, y, side, side).to_image();
    encoded(&imageops::resize(&face, FACE, FACE, imageops::FilterType::Triangle))
}

/// The size of the photo of a picture that [`picture`] made: width and height in pixels. `None` if the picture is damaged.
pub fn size_of_photo(picture: &[u8]) -> Option<(u32, u32)> {
    let length = usize::from(u16::from_be_bytes([*picture.get(4)?, *picture.get(5)?]));
    let comment = std::str::from_utf8(picture.get(6..4 + length)?).ok()?;
    let (width, height) = comment.strip_prefix(COMMENT)?.split_once(' ')?;
    Some((width.parse().ok().filter(|width| *width > 0)?, height.parse().ok()?))
}

fn scaled(photo: &Photo, most: u32) -> Option<Raster> {
    let raster = Raster::from_raw(photo.width, photo.height, photo.pixels.clone())?;
    let longest = photo.width.max(photo.height);
    if longest <= most {
        return Some(raster);
    }
    let side = |side: u32| (u64::from(side) * u64::from(most) / u64::from(longest)).max(1) as u32;
    Some(imageops::thumbnail(&raster, side(photo.width), side(photo.height)))
}

fn encoded(raster: &Raster) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    let kind = image::ExtendedColorType::Rgb8;
    encoder.write_image(raster.as_raw(), raster.width(), raster.height(), kind).ok()?;
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_small_and_knows_the_size_of_the_photo() {
        let (width, height) = (3000, 1500);
        // A bright face on a dark photo.
        let is_face = |x: u32, y: u32| (2000..2400).contains(&x) && (600..1000).contains(&y);
        let pixels =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| [if is_face(x, y) { 250 } else { 5 }; 3]));
        let photo = Photo { width, height, pixels: pixels.collect() };
        let made = picture(&photo).unwrap();
        assert_eq!(size_of_photo(&made), Some((width, height)));
        let small = decode(&made, &Limits::default()).unwrap();
        assert_eq!((small.width, small.height), (1024, 512));
        let face =
            decode(&face(&made, [2000.0, 600.0, 2400.0, 1000.0]).unwrap(), &Limits::default()).unwrap();
        assert_eq!((face.width, face.height), (FACE, FACE));
        let at = |x: u32, y: u32| face.pixels[((y * FACE + x) * 3) as usize];
        assert!(at(FACE / 2, FACE / 2) > 200 && at(4, 4) < 60, "{} {}", at(FACE / 2, FACE / 2), at(4, 4));
    }

    #[test]
    fn odd_bounds_and_damage_are_no_panic() {
        let photo = Photo { width: 3, height: 2, pixels: vec![9; 18] };
        let made = picture(&photo).unwrap();
        for bounds in [[0.0; 4], [-50.0, -50.0, 900.0, 900.0], [5.0, 5.0, 1.0, 1.0], [f32::NAN; 4]] {
            face(&made, bounds);
        }
        for end in 0..made.len().min(64) {
            face(&made[..end], [0.0, 0.0, 1.0, 1.0]);
        }
        assert_eq!(face(b"", [0.0; 4]), None);
    }
}
