//! EXIF in all formats that allow it, as cameras and mobile phones write it.

use super::*;

/// EXIF with an orientation value of this type, in one byte order, after `before` zero bytes.
fn block(little: bool, kind: u16, value: [u8; 4], before: usize) -> Vec<u8> {
    let two = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let four = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let mut block = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
    block.extend(four(8 + before as u32));
    block.resize(8 + before, 0x55);
    block.extend(two(1));
    block.extend([two(0x0112), two(kind)].concat());
    block.extend(four(1));
    block.extend(value);
    block.extend(four(0));
    block
}

fn jpeg_with(segments: &[Vec<u8>]) -> Vec<u8> {
    let jpeg = encoded(gradient(40, 24), ImageFormat::Jpeg);
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

fn app1(tiff: &[u8]) -> Vec<u8> {
    jpeg::segment(0xe1, &[b"Exif\0\0", tiff].concat())
}

/// Requires a quarter turn, as for orientation 6.
#[track_caller]
fn assert_turned(bytes: &[u8]) {
    let photo = decoded(bytes);
    assert_eq!((photo.width, photo.height), (24, 40));
}

#[test]
fn the_orientation_may_be_of_any_integer_type_in_either_byte_order() {
    for before in [0, 1, 3] {
        for (kind, bytes) in [(1, 1), (3, 2), (4, 4), (6, 1), (8, 2), (9, 4)] {
            let mut little = [0; 4];
            little[0] = 6;
            let mut big = [0; 4];
            big[bytes - 1] = 6;
            assert_turned(&jpeg_with(&[app1(&block(true, kind, little, before))]));
            assert_turned(&jpeg_with(&[app1(&block(false, kind, big, before))]));
        }
    }
}

#[test]
fn values_out_of_range_have_no_effect() {
    for value in [[0, 0, 0, 0], [9, 0, 0, 0], [6, 1, 0, 0], [0xff, 0xff, 0xff, 0xff]] {
        for kind in [3, 4, 8, 9] {
            let photo = decoded(&jpeg_with(&[app1(&block(true, kind, value, 0))]));
            assert_eq!(photo.width, 40, "{value:?} as {kind}");
        }
    }
}

#[test]
fn exif_may_follow_other_segments_and_precede_jfif() {
    let exif = app1(&tiff(6));
    let xmp = jpeg::segment(0xe1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>");
    let jfif = jpeg::segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    let icc = jpeg::segment(0xe2, &[b"ICC_PROFILE\0\x01\x01".as_slice(), &[7; 3000]].concat());
    let empty = app1(b"MM\0*\0\0\0\x08\0\0\0\0\0\0");
    assert_turned(&jpeg_with(&[xmp.clone(), exif.clone()]));
    assert_turned(&jpeg_with(&[jfif.clone(), icc, xmp.clone(), exif.clone(), xmp]));
    assert_turned(&jpeg_with(&[exif.clone(), jfif]));
    assert_turned(&jpeg_with(&[empty, exif.clone()]));
    let jpeg = encoded(gradient(40, 24), ImageFormat::Jpeg);
    let scan = jpeg.windows(2).position(|window| window == [0xff, 0xda]).unwrap();
    assert_turned(&[&jpeg[..scan], &exif, &jpeg[scan..]].concat());
}

#[test]
fn damage_in_other_parts_of_the_exif_has_no_effect() {
    // The count of entries is too large; the next directory is outside the block; a value is outside the block.
    let mut many = tiff(6);
    many[8] = 200;
    assert_turned(&jpeg_with(&[app1(&many)]));
    let mut next = tiff(6);
    let end = next.len();
    next[end - 4..].copy_from_slice(&[0xff; 4]);
    assert_turned(&jpeg_with(&[app1(&next)]));
    let two = [
        b"II*\0\x08\0\0\0\x02\0".as_slice(),
        b"\x0f\x01\x02\0\x40\0\0\0\0\0\xff\0", // the maker's name is far outside
        b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
        &[0; 4],
    ];
    assert_turned(&jpeg_with(&[app1(&two.concat())]));
    for junk in [&b"MM"[..], b"", b"II*\0\xff\xff\xff\xff", b"no TIFF at all"] {
        assert_eq!(decoded(&jpeg_with(&[app1(junk)])).width, 40);
    }
}

#[test]
fn png_may_have_exif_before_or_after_its_data() {
    let png = encoded(gradient(40, 24), ImageFormat::Png);
    let (first, last) = (8 + 25, png.len() - 12);
    for block in [tiff(6), [b"Exif\0\0".as_slice(), &tiff(6)].concat()] {
        let chunk = png::chunk(b"eXIf", &block);
        assert_turned(&[&png[..first], &chunk, &png[first..]].concat());
        assert_turned(&[&png[..last], &chunk, &png[last..]].concat());
    }
}

#[test]
fn webp_may_have_exif() {
    for block in [tiff(6), [b"Exif\0\0".as_slice(), &tiff(6)].concat()] {
        assert_turned(&webp::extended(40, 24, 0x08, &[(b"EXIF", block)]));
    }
}
