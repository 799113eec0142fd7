//! Metadata in the formats that carry them.

use super::*;

/// EXIF as a camera writes it: maker, model, time with decimals and offset, serial number, and a place.
fn block() -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let mut bytes = b"II*\0\x08\0\0\0\x04\0".to_vec();
    bytes.extend(entry(271, 2, 6, 200));
    bytes.extend(entry(272, 2, 10, 210));
    bytes.extend(entry(34665, 4, 1, 70));
    bytes.extend(entry(34853, 4, 1, 140));
    bytes.resize(70, 0);
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend(entry(0x9003, 2, 20, 220));
    bytes.extend(entry(0x9011, 2, 7, 240));
    bytes.extend(entry(0x9291, 2, 3, u32::from_le_bytes(*b"25\0\0")));
    bytes.extend(entry(0xa431, 2, 5, 250));
    bytes.resize(140, 0);
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(entry(0, 1, 4, 0x0302));
    bytes.extend(entry(2, 5, 3, 260));
    for (at, text) in
        [(200, "Maker"), (210, "Model One"), (220, "2024:05:31 18:02:03"), (240, "+02:00"), (250, "1234")]
    {
        bytes.resize(at, 0);
        bytes.extend(text.as_bytes());
    }
    bytes.resize(300, 0);
    bytes
}

fn jpeg_with(segments: &[Vec<u8>]) -> Vec<u8> {
    let jpeg = encoded(gradient(16, 16), ImageFormat::Jpeg);
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

fn exif(block: &[u8]) -> Vec<u8> {
    jpeg::segment(0xe1, &[b"Exif\0\0", block].concat())
}

fn xmp(packet: &str) -> Vec<u8> {
    jpeg::segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", packet.as_bytes()].concat())
}

#[test]
fn metadata_are_the_same_in_every_format() {
    let png = encoded(gradient(16, 16), ImageFormat::Png);
    let jpeg = jpeg_with(&[exif(&block())]);
    for bytes in [
        jpeg.clone(),
        [&png[..33], &png::chunk(b"eXIf", &block()), &png[33..]].concat(),
        webp::extended(16, 16, 0x08, &[(b"EXIF", block())]),
    ] {
        let found = metadata(&bytes);
        let taken = found.taken.clone().unwrap();
        assert_eq!(taken.text, "2024:05:31 18:02:03.25+02:00");
        assert_eq!(
            (taken.seconds, taken.nanoseconds, taken.offset),
            (1_717_171_323, 250_000_000, Some(7200))
        );
        assert_eq!(found.make.as_deref(), Some("Maker"));
        assert_eq!(found.model.as_deref(), Some("Model One"));
        assert_eq!(found.serial.as_deref(), Some("1234"));
        assert!(found.has_place);
        assert_eq!(found.fields, 10);
        assert_eq!(inspect(&bytes, &Limits::default()).unwrap().metadata(), found);
    }
    assert_eq!(metadata(b""), Metadata::default());
    assert_eq!(metadata(&encoded(gradient(4, 4), ImageFormat::Gif)), Metadata::default());
}

#[test]
fn xmp_gives_what_exif_lacks() {
    let packet = "<rdf:Description tiff:Orientation=\"6\" exif:DateTimeOriginal=\"2024-05-31T18:02:03Z\" \
                  exif:GPSLatitude=\"1,2N\"/>";
    let bytes = jpeg_with(&[xmp(packet)]);
    let found = metadata(&bytes);
    assert_eq!((found.taken.unwrap().seconds, found.has_place, found.fields), (1_717_178_523, true, 1));
    let wide = |segments: &[Vec<u8>]| {
        let jpeg = encoded(gradient(40, 24), ImageFormat::Jpeg);
        decoded(&[&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()).width
    };
    assert_eq!(wide(&[xmp(packet)]), 24);
    assert_eq!(wide(&[xmp(packet), exif(&tiff(1))]), 40, "EXIF takes precedence");
    assert_eq!(wide(&[xmp(packet), exif(&tiff(0))]), 24, "0 is no orientation");
    assert_eq!(wide(&[xmp("tiff:Orientation='9'")]), 40);
}

#[test]
fn damage_gives_missing_fields_only() {
    let whole = block();
    for length in 0..whole.len() {
        metadata(&jpeg_with(&[exif(&whole[..length])]));
    }
    for at in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] = 0xff;
        let found = metadata(&jpeg_with(&[exif(&bytes)]));
        let known = [found.make.is_some(), found.model.is_some(), found.taken.is_some(), found.has_place];
        assert!(at < 10 || known.iter().filter(|known| **known).count() >= 2, "byte {at}: {found:?}");
    }
}
