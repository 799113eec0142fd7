//! Colour profiles in the formats that carry them.

use std::io::Write;

use moxcms::ColorProfile;

use super::*;

const COLOUR: [u8; 3] = [200, 60, 30];
/// The colour as Display P3, in sRGB: computed with the matrices of the standards.
const OF_P3: [u8; 3] = [217, 42, 0];

fn p3() -> Vec<u8> {
    ColorProfile::new_display_p3().encode().unwrap()
}

fn plain() -> RgbImage {
    RgbImage::from_pixel(16, 16, Rgb(COLOUR))
}

fn png_with(chunk: Vec<u8>) -> Vec<u8> {
    let png = encoded(plain(), ImageFormat::Png);
    let header = 8 + 25;
    [&png[..header], &chunk, &png[header..]].concat()
}

fn iccp(profile: &[u8]) -> Vec<u8> {
    let mut compressed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    compressed.write_all(profile).unwrap();
    png::chunk(b"iCCP", &[b"a name\0\0".as_slice(), &compressed.finish().unwrap()].concat())
}

/// A JPEG with a profile in parts of this length, the last one first.
fn jpeg_with(profile: &[u8], length: usize) -> Vec<u8> {
    let jpeg = encoded(plain(), ImageFormat::Jpeg);
    let count = profile.len().div_ceil(length) as u8;
    let part = |(number, part): (u8, &[u8])| {
        jpeg::segment(0xe2, &[b"ICC_PROFILE\0", [number, count].as_slice(), part].concat())
    };
    let mut parts: Vec<Vec<u8>> = (1..).zip(profile.chunks(length)).map(part).collect();
    parts.reverse();
    [&jpeg[..2], &parts.concat(), &jpeg[2..]].concat()
}

#[track_caller]
fn assert_colour(bytes: &[u8], expected: [u8; 3], by: u8) {
    let got = pixel(&decoded(bytes), 8, 8);
    assert!(near(got, expected, by), "{got:?}, expected {expected:?}");
}

#[test]
fn display_p3_becomes_srgb_in_every_format() {
    assert_colour(&png_with(iccp(&p3())), OF_P3, 1);
    assert_colour(&jpeg_with(&p3(), 60_000), OF_P3, 4);
    assert_colour(&jpeg_with(&p3(), 100), OF_P3, 4);
    let chunks = &encoded(plain(), ImageFormat::WebP)[12..];
    let profile = p3();
    let mut body = b"WEBPVP8X\x0a\0\0\0\x20\0\0\0\x0f\0\0\x0f\0\0ICCP".to_vec();
    body.extend((profile.len() as u32).to_le_bytes());
    body.extend(&profile);
    body.extend(&[0][..profile.len() % 2]);
    body.extend(chunks);
    let webp = [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat();
    assert_colour(&webp, OF_P3, 1);
    assert_colour(&png_with(png::chunk(b"cICP", &[12, 13, 0, 1])), OF_P3, 1);
}

#[test]
fn numbers_take_precedence_over_a_profile_and_those_of_srgb_change_nothing() {
    let srgb = png::chunk(b"cICP", &[1, 13, 0, 1]);
    assert_colour(&png_with([iccp(&p3()), srgb.clone()].concat()), COLOUR, 0);
    assert_colour(&png_with([srgb, iccp(&p3())].concat()), COLOUR, 0);
    for numbers in [[2, 2, 2, 1], [1, 1, 0, 1], [1, 16, 0, 1], [0, 0, 0, 0], [255; 4], [3, 200, 9, 1]] {
        assert_colour(&png_with(png::chunk(b"cICP", &numbers)), COLOUR, 0);
    }
}

#[test]
fn a_profile_of_srgb_changes_no_pixel() {
    let picture = gradient(64, 48);
    let png = encoded(picture.clone(), ImageFormat::Png);
    let chunk = iccp(&ColorProfile::new_srgb().encode().unwrap());
    let bytes = [&png[..33], &chunk, &png[33..]].concat();
    assert_eq!(decoded(&bytes).pixels, picture.into_raw());
}

#[test]
fn grey_profiles_apply_to_grey_pictures() {
    let grey = GrayImage::from_pixel(8, 8, Luma([128]));
    let png = encoded(grey, ImageFormat::Png);
    let linear = iccp(&ColorProfile::new_gray_with_gamma(1.0).encode().unwrap());
    let bytes = [&png[..33], &linear, &png[33..]].concat();
    let got = pixel(&decoded(&bytes), 4, 4);
    assert!(near(got, [188; 3], 1), "{got:?}"); // 1.055 (128/255)^(1/2.4) - 0.055
}

#[test]
fn damaged_foreign_and_large_profiles_have_no_effect() {
    let whole = p3();
    for length in [0, 4, 100, 127, 128, 200, whole.len() - 1] {
        decoded(&png_with(iccp(&whole[..length])));
        decoded(&jpeg_with(&whole[..length], 60));
    }
    let mut missing = jpeg_with(&whole, 100);
    let at = missing.windows(12).position(|part| part == b"ICC_PROFILE\0").unwrap();
    missing[at] = b'X';
    assert_colour(&missing, COLOUR, 4);
    assert_colour(&png_with(png::chunk(b"iCCP", b"a name\0\0no deflate")), COLOUR, 0);
    assert_colour(&png_with(png::chunk(b"iCCP", b"")), COLOUR, 0);
    assert_colour(&png_with(iccp(&vec![0; 64 << 20])), COLOUR, 0);
    let mut foreign = whole.clone();
    foreign[16..20].copy_from_slice(b"CMYK");
    assert_colour(&png_with(iccp(&foreign)), COLOUR, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_profiles_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut profile = p3();
        for (at, value) in changes {
            let at = at.index(profile.len());
            profile[at] = value;
        }
        prop_assert_eq!(decoded(&jpeg_with(&profile, 60_000)).width, 16);
    }
}
