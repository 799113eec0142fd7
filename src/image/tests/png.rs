//! PNG files that other programs write and read.

use super::*;

pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let covered = [kind.as_slice(), data].concat();
    [&(data.len() as u32).to_be_bytes(), covered.as_slice(), &crc32fast::hash(&covered).to_be_bytes()]
        .concat()
}

/// The end of the header chunk.
const HEADER: usize = 8 + 25;

#[test]
fn ancillary_chunks_have_no_effect() {
    let png = encoded(gradient(20, 10), ImageFormat::Png);
    let mut bad_checksum = chunk(b"tIME", &[7; 7]);
    let end = bad_checksum.len();
    bad_checksum[end - 1] ^= 1;
    let between = [
        bad_checksum,
        chunk(b"iCCP", b"a name\0\0not deflate at all"),
        chunk(b"gAMA", &[0; 4]),
        chunk(b"zTXt", b"too short"),
        chunk(b"eXIf", b"nonsense"),
        chunk(b"prVt", &[1; 5000]),
    ];
    for chunk in &between {
        assert!(decoded(&[&png[..HEADER], chunk, &png[HEADER..]].concat()) == decoded(&png));
    }
    assert!(decoded(&[&png[..HEADER], &between.concat(), &png[HEADER..]].concat()) == decoded(&png));
}

#[test]
fn a_chunk_between_the_data_and_a_missing_end_are_accepted() {
    let png = encoded(gradient(20, 10), ImageFormat::Png);
    let data = &png[HEADER + 8..png.len() - 12 - 4];
    let (one, other) = data.split_at(data.len() / 2);
    let split =
        [&png[..HEADER], &chunk(b"IDAT", one), &chunk(b"tEXt", b"k\0v"), &chunk(b"IDAT", other)].concat();
    assert!(decoded(&split) == decoded(&png));
    assert!(decoded(&png[..png.len() - 5]) == decoded(&png));
    let cut = [&png[..HEADER], &chunk(b"IDAT", one)].concat();
    assert_eq!(code(&cut), "decode_failed");
}

#[test]
fn damaged_pictures_are_reported_with_chunk_and_place() {
    let mut png = encoded(gradient(20, 10), ImageFormat::Png);
    png[HEADER + 12] ^= 1;
    let error = decode(&png, &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("the checksum of its IDAT chunk at byte 33 does not match"), "{error}");
}

#[test]
fn apples_variant_and_unknown_critical_chunks_are_named() {
    let png = encoded(gradient(20, 10), ImageFormat::Png);
    let apple = [&png[..8], &chunk(b"CgBI", &[0x50, 0, 0x20, 2]), &png[8..]].concat();
    let error = decode(&apple, &Limits::default()).unwrap_err();
    assert!(error.reason().code() == "unsupported" && error.to_string().contains("CgBI"), "{error}");
    let critical = [&png[..HEADER], &chunk(b"NEWx", &[]), &png[HEADER..]].concat();
    assert_eq!(code(&critical), "unsupported");
}

#[test]
fn grey_with_alpha_and_sixteen_bits_with_alpha_are_composited_over_white() {
    let grey = ImageBuffer::from_fn(3, 1, |x, _| image::LumaA([100_u8, [255, 0, 102][x as usize]]));
    let photo = decoded(&encoded(DynamicImage::ImageLumaA8(grey), ImageFormat::Png));
    assert_eq!([0, 1, 2].map(|x| pixel(&photo, x, 0)), [[100; 3], [255; 3], [193; 3]]);
    let deep = ImageBuffer::from_fn(2, 1, |x, _| Rgba([51_400_u16, 0, 12_850, 65_535 * x as u16]));
    let photo = decoded(&encoded(DynamicImage::ImageRgba16(deep), ImageFormat::Png));
    assert_eq!([0, 1].map(|x| pixel(&photo, x, 0)), [[255; 3], [200, 0, 50]]);
}
