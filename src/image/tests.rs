use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use proptest::prelude::*;

use super::*;

mod decoders;
mod exif;
mod heif;
mod jpeg;
mod jxl;
mod metadata;
mod pages;
mod png;
mod profile;
mod raw;
mod tiff_variants;
mod webp;

const CMYK: &[u8] = include_bytes!("fixtures/cmyk.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("fixtures/progressive.jpg");
const ANIMATED: &[u8] = include_bytes!("fixtures/animated.png");
const PALETTE: &[u8] = include_bytes!("fixtures/palette.png");

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, (x + y) as u8]))
}

fn decoded(bytes: &[u8]) -> Photo {
    decode(bytes, &Limits::default()).unwrap()
}

#[track_caller]
fn code(bytes: &[u8]) -> &'static str {
    match decode(bytes, &Limits::default()) {
        Ok(photo) => panic!("{} x {} pixels were decoded", photo.width, photo.height),
        Err(error) => error.reason().code(),
    }
}

fn pixel(photo: &Photo, x: u32, y: u32) -> [u8; 3] {
    photo.pixels[3 * (y * photo.width + x) as usize..][..3].try_into().unwrap()
}

fn near(got: [u8; 3], expected: [u8; 3], by: u8) -> bool {
    got.iter().zip(expected).all(|(&a, b)| a.abs_diff(b) <= by)
}

/// EXIF with one entry, the orientation.
fn tiff(orientation: u8) -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4]].concat()
}

/// A JPEG with an EXIF segment after its first marker.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let exif = jpeg::segment(0xe1, &[b"Exif\0\0".as_slice(), &tiff(orientation)].concat());
    [&jpeg[..2], &exif, &jpeg[2..]].concat()
}

/// A PNG with only a header, with a correct checksum.
fn png_header(width: u32, height: u32, depth: u8, colour: u8) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    chunk.extend([depth, colour, 0, 0, 0]);
    let crc = !chunk.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xedb8_8320 } else { c >> 1 })
    });
    [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), &chunk, &crc.to_be_bytes()].concat()
}

#[test]
fn empty_and_unknown_bytes_have_their_reason_codes() {
    assert_eq!(code(b""), "empty");
    assert_eq!(code(b"this is text, whatever its name says"), "unsupported");
    assert_eq!(code(&[0xff, 0xd8, 0xff]), "decode_failed");
    for (magic, name) in [
        (&b"\0\0\0\x0cjP  \r\n\x87\n"[..], "JPEG 2000"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"II\xbc\x01....", "JPEG XR"),
    ] {
        let error = decode(magic, &Limits::default()).unwrap_err();
        let told = error.to_string();
        assert!(
            error.reason().code() == "unsupported" && told.contains(name) && told.contains("convert"),
            "{told}"
        );
    }
}

#[test]
fn png_is_decoded_exactly() {
    let picture = gradient(13, 7);
    let photo = decoded(&encoded(picture.clone(), ImageFormat::Png));
    assert_eq!((photo.width, photo.height, photo.pixels), (13, 7, picture.into_raw()));
}

#[test]
fn jpeg_is_decoded_with_small_errors() {
    let picture = gradient(40, 24);
    for bytes in
        [encoded(picture.clone(), ImageFormat::Jpeg), turned(&encoded(picture, ImageFormat::Jpeg), 1)]
    {
        let photo = decoded(&bytes);
        assert_eq!((photo.width, photo.height), (40, 24));
        assert!(near(pixel(&photo, 20, 12), [100, 84, 32], 12), "{:?}", pixel(&photo, 20, 12));
    }
    let photo = decoded(PROGRESSIVE);
    assert!(near(pixel(&photo, 30, 20), [180, 200, 88], 25), "{:?}", pixel(&photo, 30, 20));
}

#[test]
fn every_orientation_is_rotated_upright() {
    let photo_of = |orientation| decoded(&turned(&encoded(gradient(48, 24), ImageFormat::Jpeg), orientation));
    let plain = photo_of(1);
    // The displayed place of the stored pixel (x, y) of a w x h picture (TIFF 6.0, tag 274).
    let (w, h) = (47, 23);
    type Seen = fn(u32, u32, u32, u32) -> (u32, u32);
    let seen: [Seen; 8] = [
        |x, y, _, _| (x, y),
        |x, y, w, _| (w - x, y),
        |x, y, w, h| (w - x, h - y),
        |x, y, _, h| (x, h - y),
        |x, y, _, _| (y, x),
        |x, y, _, h| (h - y, x),
        |x, y, w, h| (h - y, w - x),
        |x, y, w, _| (y, w - x),
    ];
    for (orientation, seen) in (1..).zip(seen) {
        let photo = photo_of(orientation);
        assert_eq!((photo.width, photo.height), if orientation < 5 { (48, 24) } else { (24, 48) });
        for (x, y) in [(0, 0), (5, 3), (47, 0), (0, 23), (40, 20)] {
            let (u, v) = seen(x, y, w, h);
            assert_eq!(pixel(&photo, u, v), pixel(&plain, x, y), "orientation {orientation} at {x}, {y}");
        }
    }
}

#[test]
fn grey_sixteen_bits_and_palettes_become_rgb() {
    let grey = GrayImage::from_fn(9, 9, |x, y| Luma([(x * 20 + y) as u8]));
    assert_eq!(pixel(&decoded(&encoded(grey.clone(), ImageFormat::Png)), 5, 3), [103; 3]);
    assert!(near(pixel(&decoded(&encoded(grey, ImageFormat::Jpeg)), 5, 3), [103; 3], 12));
    let deep: ImageBuffer<Rgb<u16>, Vec<u16>> =
        ImageBuffer::from_fn(3, 3, |x, _| Rgb([x as u16 * 25_700, 65_535, 0]));
    assert_eq!(pixel(&decoded(&encoded(deep, ImageFormat::Png)), 2, 0), [200, 255, 0]);
    let palette = decoded(PALETTE);
    assert_eq!([0, 1, 2].map(|x| pixel(&palette, x, 0)), [[1, 2, 3], [40, 50, 60], [70, 80, 90]]);
    assert_eq!(pixel(&palette, 3, 0), [255; 3], "a transparent palette entry is white paper");
}

#[test]
fn alpha_is_composited_over_white() {
    let colours = [Rgba([200, 0, 50, 255]), Rgba([200, 0, 50, 0]), Rgba([200, 0, 50, 102])];
    let picture = ImageBuffer::from_fn(3, 1, |x, _| colours[x as usize]);
    let photo = decoded(&encoded(DynamicImage::ImageRgba8(picture), ImageFormat::Png));
    assert_eq!([0, 1, 2].map(|x| pixel(&photo, x, 0)), [[200, 0, 50], [255; 3], [233, 153, 173]]);
}

#[test]
fn cmyk_is_converted_with_adobes_marker_and_without() {
    let at = CMYK.windows(5).position(|window| window == b"Adobe").unwrap();
    let mut unmarked = CMYK.to_vec();
    unmarked[at..at + 5].copy_from_slice(b"Nemo!");
    for bytes in [CMYK, &unmarked] {
        let photo = decoded(bytes);
        assert!(near(pixel(&photo, 2, 2), [0, 255, 255], 3), "{:?}", pixel(&photo, 2, 2));
        assert!(near(pixel(&photo, 12, 12), [127; 3], 3), "{:?}", pixel(&photo, 12, 12));
    }
}

#[test]
fn an_animation_gives_its_first_picture() {
    assert_eq!(pixel(&decoded(ANIMATED), 3, 2), [200, 10, 20]);
}

#[test]
fn a_png_cut_before_its_last_chunk_is_refused() {
    let whole = encoded(gradient(40, 24), ImageFormat::Png);
    for length in 8..whole.len() - 12 {
        assert_eq!(code(&whole[..length]), "decode_failed", "cut to {length} of {}", whole.len());
    }
}

#[test]
fn bytes_after_the_picture_are_ignored() {
    let photos = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]
        .map(|format| encoded(gradient(16, 16), format));
    for photo in &photos {
        for trailer in [b"a maker's trailer".as_slice(), &[0xff; 40], &photos[0], &photos[1]] {
            assert_eq!(decoded(&[photo, trailer].concat()).pixels, decoded(photo).pixels);
        }
    }
}

#[test]
fn limits_are_checked_with_the_header() {
    let bytes = encoded(gradient(20, 10), ImageFormat::Png);
    let refused = |limits: Limits| decode(&bytes, &limits).unwrap_err().reason().code();
    assert_eq!(refused(Limits { pixels: 199, ..Limits::default() }), "too_large");
    assert_eq!(refused(Limits { file_bytes: 20, ..Limits::default() }), "too_large");
    assert_eq!(refused(Limits { memory: 1_000, ..Limits::default() }), "too_large");
    assert!(decode(&bytes, &Limits { pixels: 200, ..Limits::default() }).is_ok());
}

#[test]
fn a_refusal_names_the_options_and_sufficient_values() {
    let bytes = png_header(20_000, 15_000, 8, 2);
    let limits = Limits { pixels: 100_000_000, memory: 1 << 30, ..Limits::default() };
    let told = decode(&bytes, &limits).unwrap_err().to_string();
    assert!(told.contains("300000000 pixels") && told.contains("max_pixels 300M"), "{told}");
    assert!(told.contains("max_memory 3148M"), "{told}"); // 11 bytes per pixel
    let told = limits.check([(Bound::File, (300 << 20) + 1)]).unwrap_err().to_string();
    assert!(told.contains("max_file 301M"), "{told}");
}

#[test]
fn photos_of_108_and_200_megapixels_fit_the_defaults() {
    for (width, height) in [(12_000, 9_000), (16_384, 12_288)] {
        for jpeg in [encoded(gradient(16, 16), ImageFormat::Jpeg), PROGRESSIVE.to_vec()] {
            let told = decode(&jpeg::claiming(&jpeg, width, height), &Limits::default()).unwrap_err();
            assert!(told.to_string().contains("cannot hold"), "only its bytes are too few: {told}");
        }
    }
}

#[test]
fn decompression_bombs_are_refused_by_the_header() {
    assert_eq!(code(&png_header(60_000, 60_000, 8, 2)), "too_large");
    assert_eq!(code(&png_header(u32::MAX, u32::MAX, 16, 6)), "too_large");
    assert_eq!(code(&png_header(9_000, 9_000, 16, 6)), "decode_failed", "its bytes cannot hold that much");
    assert_eq!(code(&png_header(0, 9, 8, 2)), "decode_failed");
    let jpeg = encoded(gradient(16, 16), ImageFormat::Jpeg);
    assert_eq!(code(&jpeg::claiming(&jpeg, 65_000, 65_000)), "too_large");
    assert_eq!(code(&jpeg::claiming(&jpeg, 9_000, 9_000)), "decode_failed");
}

#[test]
fn only_regular_files_within_the_limit_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    let read = |path: &std::path::Path, limits: &Limits| Source::open(path, false, limits)?.read();
    let read_code = |limits: &Limits| read(&path, limits).unwrap_err().reason().code();
    assert_eq!(read_code(&Limits::default()), "unreadable");
    std::fs::write(&path, b"").unwrap();
    assert_eq!(read_code(&Limits::default()), "empty");
    std::fs::write(&path, b"0123456789").unwrap();
    assert_eq!(read_code(&Limits { file_bytes: 9, ..Limits::default() }), "too_large");
    assert_eq!(read(&path, &Limits { file_bytes: 10, ..Limits::default() }).unwrap(), b"0123456789");
    assert_eq!(read(folder.path(), &Limits::default()).unwrap_err().reason().code(), "unreadable");
    let zeros = std::path::Path::new("/dev/zero");
    assert_eq!(read(zeros, &Limits::default()).unwrap_err().reason().code(), "unreadable");
}

#[test]
fn files_that_are_not_photos_are_detected_only_in_folders() {
    let folder = tempfile::tempdir().unwrap();
    let png = encoded(gradient(4, 4), ImageFormat::Png);
    let video = b"\0\0\0\x18ftypmp42....";
    for (name, bytes, expected) in [
        ("1.xmp", &b"<x:xmpmeta"[..], Some("not_a_photo")),
        ("1.MOV", video, Some("not_a_photo")),
        ("notes", b"", Some("not_a_photo")),
        ("page.jpg", b"<html>", None),
        ("photo.txt", &png, None),
        ("empty.JPG", b"", None),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let found = Source::open(&path, true, &Limits::default());
        assert_eq!(found.err().map(|error| error.reason().code()), expected, "{name}");
        assert!(Source::open(&path, false, &Limits::default()).is_ok(), "{name}: the user names it");
    }
}

#[test]
fn temporary_errors_are_separated_from_errors_of_the_file() {
    let error = |number| DecodeError::unreadable(&io::Error::from_raw_os_error(number)).reason().code();
    for number in [libc::ENOMEM, libc::EMFILE, libc::ENFILE, libc::EIO, libc::ESTALE, libc::ETIMEDOUT] {
        assert_eq!(error(number), "temporary_failure", "{number}");
    }
    for number in [libc::ENOENT, libc::EACCES, libc::ELOOP, libc::ENOTDIR, libc::ENAMETOOLONG] {
        assert_eq!(error(number), "unreadable", "{number}");
    }
    assert_eq!(room_for(u64::MAX).unwrap_err().reason().code(), "temporary_failure");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Damaged bytes give a complete picture or an error.
    #[test]
    fn damaged_bytes_never_panic(
        which in 0_usize..10,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = match which {
            0 => CMYK.to_vec(),
            1 => PROGRESSIVE.to_vec(),
            2 => ANIMATED.to_vec(),
            3 => turned(&encoded(gradient(33, 17), ImageFormat::Jpeg), 6),
            4 => encoded(gradient(33, 17), ImageFormat::WebP),
            5 => encoded(gradient(33, 17), ImageFormat::Gif),
            6 => encoded(gradient(33, 17), ImageFormat::Bmp),
            7 => encoded(gradient(33, 17), ImageFormat::Tiff),
            8 => include_bytes!("fixtures/lossy.jxl").to_vec(),
            _ => encoded(gradient(33, 17), ImageFormat::Png),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let limits = Limits { pixels: 1 << 20, ..Limits::default() };
        if let Ok(photo) = decode(&bytes, &limits) {
            prop_assert!(photo.width > 0 && photo.height > 0);
            prop_assert_eq!(photo.pixels.len(), 3 * (photo.width * photo.height) as usize);
        }
    }

    #[test]
    fn random_bytes_after_a_signature_never_panic(which in 0_usize..10, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let magic: &[u8] = [
            &b"\xff\xd8\xff"[..],
            b"\x89PNG\r\n\x1a\n",
            b"RIFF\x40\0\0\0WEBPVP8 ",
            b"GIF89a",
            b"BM\0\0\0\0\0\0\0\0",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
            b"\xff\x0a",
            b"FUJIFILMCCD-RAW ",
            b"\0\0\0\x10ftypcrx \0\0\0\0",
        ][which];
        let limits = Limits { pixels: 1 << 20, ..Limits::default() };
        let _ = decode(&[magic, &noise].concat(), &limits);
    }
}
