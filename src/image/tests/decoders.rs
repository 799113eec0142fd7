//! GIF, BMP and TIFF.

use image::Frame;
use image::codecs::gif::GifEncoder;

use super::*;

/// A GIF of two pictures, the first one cut into the canvas by an encoder.
fn animation() -> Vec<u8> {
    let mut bytes = Vec::new();
    let picture = |value: [u8; 4]| Frame::new(image::RgbaImage::from_pixel(12, 10, Rgba(value)));
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.encode_frames([picture([200, 10, 20, 255]), picture([0, 0, 255, 255])]).unwrap();
    drop(encoder);
    bytes
}

/// A TIFF with more entries in its first directory than the encoder writes.
fn tiff_with(picture: RgbImage, entries: &[(u16, u16, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = encoded(picture, ImageFormat::Tiff);
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let mut all: Vec<[u8; 12]> = bytes[at + 2..at + 2 + 12 * count].as_chunks::<12>().0.to_vec();
    for (tag, kind, value) in entries {
        let size = if *kind == 3 { 2 } else { 1 };
        let mut entry = [0; 12];
        entry[..2].copy_from_slice(&tag.to_le_bytes());
        entry[2..4].copy_from_slice(&kind.to_le_bytes());
        entry[4..8].copy_from_slice(&((value.len() / size) as u32).to_le_bytes());
        match value.len() {
            0..=4 => entry[8..8 + value.len()].copy_from_slice(value),
            _ => {
                entry[8..].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
                bytes.extend(value);
            }
        }
        all.push(entry);
    }
    all.sort_by_key(|entry| u16::from_le_bytes([entry[0], entry[1]]));
    let place = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&place.to_le_bytes());
    bytes.extend((all.len() as u16).to_le_bytes());
    bytes.extend(all.concat());
    bytes.extend([0; 4]);
    bytes
}

fn whole_files() -> [Vec<u8>; 4] {
    let picture = gradient(24, 18);
    let deep: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_fn(24, 18, |x, y| Rgb([x as u16 * 2_570, y as u16 * 2_570, 65_535]));
    [
        encoded(picture.clone(), ImageFormat::Gif),
        encoded(picture.clone(), ImageFormat::Bmp),
        encoded(picture, ImageFormat::Tiff),
        encoded(deep, ImageFormat::Tiff),
    ]
}

#[test]
fn bmp_and_tiff_are_decoded_exactly_and_sixteen_bits_are_rounded() {
    let [gif, bmp, tiff, deep] = whole_files();
    let expected = gradient(24, 18);
    for bytes in [bmp, tiff] {
        assert_eq!(decoded(&bytes).pixels, expected.as_raw()[..]);
    }
    let photo = decoded(&gif);
    assert_eq!((photo.width, photo.height), (24, 18));
    assert!(near(pixel(&photo, 5, 5), expected.get_pixel(5, 5).0, 20), "{:?}", pixel(&photo, 5, 5));
    assert_eq!(pixel(&decoded(&deep), 20, 10), [200, 100, 255]);
}

#[test]
fn a_gif_gives_its_first_picture_with_white_behind_it() {
    assert_eq!(pixel(&decoded(&animation()), 3, 2), [200, 10, 20]);
    let mut bytes = Vec::new();
    let clear = image::RgbaImage::from_pixel(4, 4, Rgba([9, 9, 9, 0]));
    GifEncoder::new(&mut bytes).encode_frames([Frame::new(clear)]).unwrap();
    assert_eq!(pixel(&decoded(&bytes), 1, 1), [255; 3]);
}

#[test]
fn a_tiff_is_turned_and_its_alpha_is_composited_over_white() {
    let turned = tiff_with(gradient(24, 18), &[(274, 3, vec![6, 0])]);
    let photo = decoded(&turned);
    assert_eq!((photo.width, photo.height), (18, 24));
    assert_eq!(pixel(&photo, 17, 0), gradient(24, 18).get_pixel(0, 0).0);
    let xmp = b"<rdf:Description tiff:Orientation=\"6\"/>".to_vec();
    assert_eq!(decoded(&tiff_with(gradient(24, 18), &[(700, 1, xmp)])).width, 18);
    let clear = image::RgbaImage::from_pixel(4, 4, Rgba([100, 100, 100, 102]));
    assert_eq!(pixel(&decoded(&encoded(clear, ImageFormat::Tiff)), 1, 1), [193; 3]);
}

#[test]
fn files_cut_before_the_end_of_their_picture_are_refused() {
    let [gif, bmp, tiff, deep] = whole_files();
    // The TIFF encoder writes the directory last, so every cut damages it. A GIF ends with codes for the end.
    for (whole, end) in [(gif, 4), (bmp, 0), (tiff, 0), (deep, 0)] {
        decoded(&whole);
        for length in 8..whole.len() - end - 1 {
            let reason = decode(&whole[..length], &Limits::default()).map(drop).unwrap_err().reason();
            assert!(matches!(reason.code(), "decode_failed" | "unsupported"), "{length}: {reason}");
        }
    }
    // The directory is first and the strip is cut.
    let mut first = tiff_with(gradient(24, 18), &[]);
    let strip = first.split_off(8);
    let moved = 4096;
    let mut bytes = first;
    bytes.extend(strip);
    bytes.resize(moved, 0);
    assert_eq!(decoded(&bytes).width, 24);
}

#[test]
fn limits_apply_to_the_headers() {
    let limits = Limits { pixels: 400, ..Limits::default() };
    for bytes in whole_files() {
        assert_eq!(decode(&bytes, &limits).unwrap_err().reason().code(), "too_large");
    }
    let [mut gif, mut bmp, ..] = whole_files();
    gif[6..10].copy_from_slice(&[0xff; 4]);
    bmp[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    for bytes in [gif, bmp] {
        assert_eq!(code(&bytes), "too_large", "65,535 x 65,535 pixels");
    }
}

#[test]
fn variants_that_are_not_decoded_are_refused_with_advice() {
    let palette = tiff_with(gradient(8, 8), &[]);
    let mut bytes = palette.clone();
    let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let entries = bytes[at + 2..].chunks_exact_mut(12);
    for entry in entries.filter(|entry| entry[..2] == 262_u16.to_le_bytes()) {
        entry[8] = 8; // CIELab
    }
    let error = decode(&bytes, &Limits::default()).unwrap_err();
    let told = error.to_string();
    assert!(
        error.reason().code() == "unsupported" && told.contains("CIELab") && told.contains("magick"),
        "{told}"
    );
}
