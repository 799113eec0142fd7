//! Files with more than one picture.

use image::Frame;
use image::codecs::gif::GifEncoder;

use super::*;

fn gif(pictures: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = |value: usize| Frame::new(image::RgbaImage::from_pixel(9, 7, Rgba([value as u8; 4])));
    GifEncoder::new(&mut bytes).encode_frames((0..pictures).map(frame)).unwrap();
    bytes
}

#[test]
fn animations_have_more_pictures_and_single_pictures_have_not() {
    assert!(has_more_pictures(&gif(2)) && has_more_pictures(&gif(5)) && has_more_pictures(ANIMATED));
    assert!(!has_more_pictures(&gif(1)) && !has_more_pictures(PALETTE) && !has_more_pictures(PROGRESSIVE));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Gif]
    {
        assert!(!has_more_pictures(&encoded(gradient(20, 10), format)), "{format:?}");
    }
    let mut webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
    webp.extend([2, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(has_more_pictures(&webp));
}

#[test]
fn a_second_page_counts_and_a_preview_does_not() {
    for (kind, expected) in [(0_u8, true), (2, true), (1, false)] {
        let mut bytes = encoded(gradient(20, 10), ImageFormat::Tiff);
        let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let count = usize::from(u16::from_le_bytes([bytes[first], bytes[first + 1]]));
        let (link, second) = (first + 2 + 12 * count, bytes.len());
        bytes[link..link + 4].copy_from_slice(&(second as u32).to_le_bytes());
        let entry =
            |tag: u16, value: u8| [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0, value, 0, 0, 0]].concat();
        bytes.extend([&[2, 0][..], &entry(254, kind), &entry(273, 8), &[0; 4]].concat());
        assert_eq!(has_more_pictures(&bytes), expected, "{kind}");
    }
}

#[test]
fn camera_raw_files_are_told_from_tiff() {
    assert!(!is_camera_raw(&encoded(gradient(20, 10), ImageFormat::Tiff)));
    assert!(is_camera_raw(b"FUJIFILMCCD-RAW 0201") && !is_camera_raw(PROGRESSIVE));
    let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
    bytes.extend([&50706_u16.to_le_bytes()[..], &[1, 0, 4, 0, 0, 0, 1, 4, 0, 0], &[0; 4]].concat());
    assert!(is_camera_raw(&bytes));
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(gradient(width, height), ImageFormat::Jpeg)
}

fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, body, &jpeg[2..]].concat()
}

fn inspected(bytes: &[u8]) -> Picture<'_> {
    inspect(bytes, &Limits::default()).unwrap()
}

#[test]
fn videos_and_views_behind_a_jpeg_are_more_and_gain_maps_and_previews_are_not() {
    let still = jpeg(40, 24);
    let more = |behind: &[u8]| inspected(&[&still, behind].concat()).holds_more();
    let video = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42\0\0\0\x09mdat!";
    assert!(more(video) && more(&[b"MotionPhoto_Data", &video[..]].concat()));
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x09mdat!";
    for behind in [&b""[..], b"ftyp", &[0; 999], &video[..12], heic] {
        assert!(!more(behind), "{behind:?}");
    }
    assert!(more(&jpeg(40, 24)) && !more(&jpeg(20, 12)));
    assert!(!more(&encoded(image::GrayImage::new(40, 24), ImageFormat::Jpeg)));
    assert!(!more(&with_segment(&jpeg(40, 24), 0xe1, b"<x hdrgm:Version=\"1.0\"/>")));
}

#[test]
fn a_picture_behind_a_jpeg_that_is_named_a_gain_map_is_one() {
    const NAMED: &[u8] = b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version=\"1.0\"/>";
    let (still, small) = (jpeg(40, 24), jpeg(20, 12));
    let named = |jpeg: &[u8]| with_segment(jpeg, 0xe1, NAMED);
    let has = |first: &[u8], behind: &[u8]| inspected(&[first, behind].concat()).has_gain_map();
    assert!(has(&named(&still), &small) && has(&still, &named(&small)) && has(&still, &named(&still)));
    assert!(!has(&still, &small) && !has(&named(&still), b"") && !has(&named(&still), &[0; 999]));
}

#[test]
fn the_index_of_a_multi_picture_file_says_which_pictures_are_views() {
    // The second picture has another size, and follows some bytes of padding.
    let (still, second) = (jpeg(40, 24), jpeg(20, 12));
    for (kind, expected) in [(0x02_0002_u32, true), (0x02_0003, true), (0x01_0001, false), (0, false)] {
        // The index is in a segment before the picture: 4 bytes of the marker, 4 of its name, then counted from there.
        let mut index = b"II*\0\x08\0\0\0\x01\0\x02\xb0\x07\0\x20\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
        let behind = still.len() + index.len() + 32 + 8 - 10 + 5;
        for (kind, offset) in [(0x03_0000, 0), (kind, behind as u32)] {
            index.extend([kind, second.len() as u32, offset, 0].map(u32::to_le_bytes).concat());
        }
        let whole =
            [with_segment(&still, 0xe2, &[b"MPF\0", &index[..]].concat()), vec![0; 5], second.clone()];
        assert_eq!(inspected(&whole.concat()).holds_more(), expected, "{kind:#x}");
        // Without its data it is no view.
        assert!(!inspected(&whole[0]).holds_more());
    }
}

#[test]
fn a_heif_with_a_video_in_it_holds_more() {
    let holds_more = |bytes: &[u8]| open(bytes).unwrap().holds_more();
    assert!(!holds_more(super::heif::P3));
    assert!(holds_more(&[super::heif::P3, b"\0\0\0\x0cmpvdabcd"].concat()));
}

#[test]
fn the_hash_of_the_encoded_picture_is_that_of_its_data_alone() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png] {
        let bytes = encoded(gradient(40, 24), format);
        let hash = inspected(&bytes).encoded();
        assert!(hash.is_some());
        assert_ne!(inspected(&encoded(gradient(40, 25), format)).encoded(), hash);
        let mut changed = gradient(40, 24);
        changed.put_pixel(3, 3, Rgb([250, 0, 250]));
        assert_ne!(inspected(&encoded(changed, format)).encoded(), hash);
        let described = match format {
            ImageFormat::Jpeg => {
                with_segment(&with_segment(&bytes, 0xfe, b"a comment"), 0xe1, b"Exif\0\0II*\0")
            }
            _ => {
                let chunk = [&b"tEXt"[..], b"Title\0x"].concat();
                let sum = crc32fast::hash(&chunk).to_be_bytes();
                [&bytes[..33], &[0, 0, 0, 7], &chunk, &sum, &bytes[33..]].concat()
            }
        };
        assert_eq!(inspected(&described).encoded(), hash, "{format:?}");
    }
    assert_eq!(inspected(&encoded(gradient(40, 24), ImageFormat::Bmp)).encoded(), None);
}

#[test]
fn cut_files_do_not_panic() {
    for whole in [gif(3), ANIMATED.to_vec(), encoded(gradient(20, 10), ImageFormat::Tiff)] {
        for length in 0..whole.len() {
            let _ = has_more_pictures(&whole[..length]);
        }
    }
}
