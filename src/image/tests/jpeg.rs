//! JPEG files that other programs write and read.

use super::*;

const SAMPLED_411: &[u8] = include_bytes!("../fixtures/sampled-411.jpg");
const SAMPLED_MIXED: &[u8] = include_bytes!("../fixtures/sampled-mixed.jpg");
const RESTARTS: &[u8] = include_bytes!("../fixtures/restarts.jpg");
const SCAN_BY_COMPONENT: &[u8] = include_bytes!("../fixtures/scan-by-component.jpg");
const RGB: &[u8] = include_bytes!("../fixtures/rgb.jpg");
const ARITHMETIC: &[u8] = include_bytes!("../fixtures/arithmetic.jpg");

pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    [&[0xff, marker], (body.len() as u16 + 2).to_be_bytes().as_slice(), body].concat()
}

/// The start of the segment with this marker.
fn place_of(jpeg: &[u8], marker: u8) -> usize {
    jpeg.windows(2).position(|window| window == [0xff, marker]).unwrap()
}

fn frame_of(jpeg: &[u8]) -> usize {
    jpeg.windows(3).position(|window| matches!(window, [0xff, 0xc0..=0xc2, 0])).unwrap()
}

/// The same file with another width and height in its frame header.
pub fn claiming(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let (mut jpeg, frame) = (jpeg.to_vec(), frame_of(jpeg));
    jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

fn whole() -> Vec<u8> {
    encoded(gradient(40, 24), ImageFormat::Jpeg)
}

/// The file with `between` before each of its segments.
fn with_between(jpeg: &[u8], between: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (jpeg[..2].to_vec(), 2);
    loop {
        out.extend(between);
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == 0xda {
            out.extend(&jpeg[at..]);
            return out;
        }
        out.extend(&jpeg[at..end]);
        at = end;
    }
}

/// The file without the segments of this marker.
fn without(jpeg: &[u8], marker: u8) -> Vec<u8> {
    let mut out = jpeg.to_vec();
    while let Some(at) = out.windows(2).position(|window| window == [0xff, marker]) {
        let end = at + 2 + usize::from(u16::from_be_bytes([out[at + 2], out[at + 3]]));
        out.drain(at..end);
    }
    out
}

#[test]
fn stray_and_fill_bytes_between_segments_are_skipped() {
    let whole = whole();
    let expected = decoded(&whole);
    let strays: [&[u8]; 6] =
        [b"\0", b"garbage", &[0xff; 5], b"\xff\0\xff\0stray", b"\xff\x35\x99\x99", &[0; 70_000]];
    for stray in strays {
        assert!(decoded(&with_between(&whole, stray)) == expected, "{:?}", &stray[..stray.len().min(20)]);
    }
    let end = whole.len() - 2;
    let behind = [&whole[..end], b"left over", &whole[end..]].concat();
    assert!(decoded(&behind) == expected, "between the scan and the end");
}

#[test]
fn markers_of_other_makers_are_skipped() {
    let whole = whole();
    let body = vec![0xff; 300];
    for marker in [0x02, 0xbf, 0xc8, 0xe3, 0xed, 0xef, 0xf0, 0xfd, 0xfe] {
        let with = with_between(&whole, &segment(marker, &body));
        assert!(decoded(&with) == decoded(&whole), "{marker:02x}");
    }
}

#[test]
fn frames_of_motion_jpeg_get_the_standard_tables() {
    let whole = whole();
    let expected = decoded(&whole);
    let bare = without(&whole, 0xc4);
    assert!(bare.len() < whole.len());
    assert!(decoded(&bare) == expected);
    let avi = [&bare[..2], &segment(0xe0, b"AVI1\0\0\0\0\0\0\0\0"), &bare[2..]].concat();
    assert!(decoded(&avi) == expected);
}

#[test]
fn a_height_after_the_scan_is_used() {
    let whole = whole();
    let end = whole.len() - 2;
    let late =
        [&claiming(&whole, 40, 0)[..end], &segment(0xdc, &24_u16.to_be_bytes()), &whole[end..]].concat();
    assert!(decoded(&late) == decoded(&whole));
    assert_eq!(code(&claiming(&whole, 40, 0)), "decode_failed");
}

#[test]
fn every_sampling_and_restarts_and_scans_per_component_give_the_picture() {
    let files = [SAMPLED_411, SAMPLED_MIXED, RESTARTS, SCAN_BY_COMPONENT, RGB];
    for (number, bytes) in files.into_iter().enumerate() {
        let photo = decoded(bytes);
        assert_eq!((photo.width, photo.height), (72, 50));
        for (x, y) in [(3, 3), (36, 25), (60, 8), (8, 44), (70, 48)] {
            let expected = [x * 3, y * 5, (x + y) * 2].map(|value| value as u8);
            let got = pixel(&photo, x, y);
            assert!(near(got, expected, 16), "file {number} at {x}, {y}: {got:?}, expected {expected:?}");
        }
    }
}

#[test]
fn colour_spaces_follow_the_rules_of_libjpeg() {
    let rgb = decoded(RGB);
    // Adobe's marker alone means RGB, for any ids.
    let frame = frame_of(RGB);
    let mut numbered = RGB.to_vec();
    for (at, id) in [(10, 1), (13, 2), (16, 3)] {
        numbered[frame + at] = id;
    }
    let scan = place_of(RGB, 0xda);
    for (at, id) in [(5, 1), (7, 2), (9, 3)] {
        numbered[scan + at] = id;
    }
    assert!(decoded(&numbered) == rgb);
    // Without it the ids R, G, B mean RGB.
    assert!(decoded(&without(RGB, 0xee)) == rgb);
    // JFIF means YCbCr.
    let jfif = [&numbered[..2], &segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"), &numbered[2..]].concat();
    assert!(decoded(&jfif) != rgb);
}

#[test]
fn unsupported_kinds_are_named_and_not_called_damaged() {
    let changed = |at: usize, value: u8| {
        let mut jpeg = whole();
        let frame = frame_of(&jpeg);
        jpeg[frame + at] = value;
        jpeg
    };
    for (bytes, name) in [
        (ARITHMETIC.to_vec(), "arithmetic"),
        (changed(1, 0xc9), "arithmetic"),
        (changed(1, 0xca), "arithmetic"),
        (changed(1, 0xc3), "lossless"),
        (changed(1, 0xc5), "hierarchical"),
        (changed(1, 0xcd), "hierarchical"),
        (changed(1, 0xf7), "JPEG-LS"),
        (changed(4, 12), "12 bits"),
        (changed(11, 0x33), "unusual sampling"), // luma at a third of the resolution
        (changed(14, 0x44), "unusual sampling"), // luma coarser than a colour
    ] {
        let error = decode(&bytes, &Limits::default()).unwrap_err();
        let told = error.to_string();
        assert_eq!(error.reason().code(), "unsupported", "{name}: {told}");
        assert!(told.contains(name) && told.contains("convert") && !told.contains("damaged"), "{told}");
    }
}

#[test]
fn the_first_of_several_jpegs_is_the_photo() {
    let first = whole();
    let other = encoded(gradient(16, 16), ImageFormat::Jpeg);
    assert!(decoded(&[first.clone(), other].concat()) == decoded(&first));
}

#[test]
fn a_jpeg_cut_anywhere_is_refused() {
    for whole in [whole(), PROGRESSIVE.to_vec(), CMYK.to_vec(), SCAN_BY_COMPONENT.to_vec()] {
        decoded(&whole);
        // Only the end-of-image marker may be missing.
        for length in 3..whole.len() - 2 {
            assert_eq!(code(&whole[..length]), "decode_failed", "cut to {length} of {}", whole.len());
        }
        // The end-of-image marker of another JPEG after the cut does not make the picture complete.
        let spliced = [&whole[..whole.len() * 3 / 4], &whole[whole.len() - 2..]].concat();
        assert_eq!(code(&spliced), "decode_failed");
    }
}

#[test]
fn a_missing_end_marker_alone_is_accepted() {
    for whole in [whole(), CMYK.to_vec(), RESTARTS.to_vec(), encoded(gradient(333, 77), ImageFormat::Jpeg)] {
        for missing in 1..=2 {
            assert!(decoded(&whole[..whole.len() - missing]) == decoded(&whole));
        }
    }
    // Missing scans of a progressive file cannot be detected.
    assert_eq!(code(&PROGRESSIVE[..PROGRESSIVE.len() - 2]), "decode_failed");
}
