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
fn cut_files_do_not_panic() {
    for whole in [gif(3), ANIMATED.to_vec(), encoded(gradient(20, 10), ImageFormat::Tiff)] {
        for length in 0..whole.len() {
            let _ = has_more_pictures(&whole[..length]);
        }
    }
}
