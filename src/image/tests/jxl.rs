//! JPEG XL files that the reference encoder wrote.

use super::*;

const QUARTERS: &[u8] = include_bytes!("../fixtures/quarters.jxl");
const ALPHA: &[u8] = include_bytes!("../fixtures/alpha.jxl");
/// From a JPEG, in a container.
const LOSSY: &[u8] = include_bytes!("../fixtures/lossy.jxl");

#[test]
fn the_four_quarters_have_their_colours() {
    for (bytes, by) in [(QUARTERS, 0), (LOSSY, 12)] {
        let photo = decoded(bytes);
        assert_eq!((photo.width, photo.height), (48, 32));
        for ((x, y), expected) in [
            ((5, 5), [220, 40, 40]),
            ((40, 5), [40, 200, 60]),
            ((5, 28), [50, 60, 210]),
            ((40, 28), [230; 3]),
        ] {
            assert!(near(pixel(&photo, x, y), expected, by), "{:?}", pixel(&photo, x, y));
        }
    }
}

#[test]
fn alpha_is_composited_over_white() {
    let photo = decoded(ALPHA);
    assert_eq!([pixel(&photo, 5, 5), pixel(&photo, 5, 28)], [[220, 40, 40], [255; 3]]);
}

#[test]
fn limits_are_checked_with_the_header() {
    for limits in
        [Limits { pixels: 1_000, ..Limits::default() }, Limits { memory: 1 << 20, ..Limits::default() }]
    {
        assert_eq!(decode(QUARTERS, &limits).unwrap_err().reason().code(), "too_large");
    }
}

#[test]
fn a_cut_file_is_refused() {
    for whole in [QUARTERS, ALPHA, LOSSY] {
        for length in 12..whole.len() - 1 {
            // The last bytes of a container may hold nothing of the picture.
            if let Ok(photo) = decode(&whole[..length], &Limits::default()) {
                assert!(length > whole.len() / 2 && photo == decoded(whole), "cut to {length}");
            }
        }
        assert_eq!(code(&whole[..whole.len() / 3]), "decode_failed");
    }
}
