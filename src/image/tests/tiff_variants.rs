//! Compressions, layouts and colours of TIFF: what is read is right, and what is not read is refused with a reason.

use super::raw::{Value, directory, long, short};
use super::*;

const WIDTH: usize = 24;
const HEIGHT: usize = 18;

/// One or several numbers of 16 or 32 bits.
fn shorts(values: &[u16]) -> Value {
    (3, values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

fn longs(values: impl IntoIterator<Item = usize>) -> Value {
    (4, values.into_iter().flat_map(|value| (value as u32).to_le_bytes()).collect())
}

/// A file with these strips or tiles, whose places have the tags `places` (273 or 324) and `lengths` (279 or 325).
fn file((places, lengths): (u16, u16), chunks: &[Vec<u8>], entries: &[(u16, Value)]) -> Vec<u8> {
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let mut starts = Vec::new();
    for chunk in chunks {
        starts.push(bytes.len());
        bytes.extend(chunk);
    }
    let at = bytes.len();
    bytes[4..8].copy_from_slice(&(at as u32).to_le_bytes());
    let mut all = vec![
        (256, long(WIDTH)),
        (257, long(HEIGHT)),
        (places, longs(starts)),
        (lengths, longs(chunks.iter().map(Vec::len))),
    ];
    all.extend_from_slice(entries);
    bytes.extend(directory(at, &all, 0));
    bytes
}

/// A file of one strip.
fn strip(data: Vec<u8>, compression: u16, interpretation: u16, depths: &[u16]) -> Vec<u8> {
    let entries = [
        (258, shorts(depths)),
        (259, short(compression)),
        (262, short(interpretation)),
        (277, short(depths.len() as u16)),
        (278, long(HEIGHT)),
    ];
    file((273, 279), &[data], &entries)
}

/// LZW with codes of 9 bits only: the table is cleared before it grows, and there is no end code if `ends` is false.
fn lzw(data: &[u8], ends: bool) -> Vec<u8> {
    let codes =
        data.chunks(200).flat_map(|part| [256].into_iter().chain(part.iter().map(|&byte| byte.into())));
    let codes: Vec<u16> = codes.chain(ends.then_some(257)).collect();
    let bit = |at: usize| codes.get(at / 9).map_or(0, |code| code >> (8 - at % 9) & 1) as u8;
    (0..(codes.len() * 9).div_ceil(8))
        .map(|byte| (0..8).fold(0, |all, at| all << 1 | bit(8 * byte + at)))
        .collect()
}

fn plain() -> RgbImage {
    gradient(WIDTH as u32, HEIGHT as u32)
}

#[test]
fn lzw_is_read_with_and_without_an_end_code_and_refused_if_it_is_cut() {
    let expected = plain().into_raw();
    for ends in [true, false] {
        let data = lzw(&expected, ends);
        assert_eq!(decoded(&strip(data.clone(), 5, 2, &[8; 3])).pixels, expected, "end code: {ends}");
        let cut = data[..data.len() - 20].to_vec();
        assert_eq!(code(&strip(cut, 5, 2, &[8; 3])), "decode_failed");
    }
}

#[test]
fn tiles_are_joined_and_their_padding_is_cut() {
    const TILE: usize = 16;
    let picture = plain();
    let tile = |left: usize, top: usize| -> Vec<u8> {
        let places = (top..top + TILE).flat_map(|y| (left..left + TILE).map(move |x| (x, y)));
        let is_inside = |x: usize, y: usize| x < WIDTH && y < HEIGHT;
        places
            .flat_map(
                |(x, y)| if is_inside(x, y) { picture.get_pixel(x as u32, y as u32).0 } else { [77; 3] },
            )
            .collect()
    };
    let tiles: Vec<Vec<u8>> = [(0, 0), (TILE, 0), (0, TILE), (TILE, TILE)].map(|(x, y)| tile(x, y)).into();
    let entries = [
        (258, shorts(&[8; 3])),
        (259, short(1)),
        (262, short(2)),
        (277, short(3)),
        (322, long(TILE)),
        (323, long(TILE)),
    ];
    assert_eq!(decoded(&file((324, 325), &tiles, &entries)).pixels, picture.as_raw()[..]);
}

#[test]
fn sixteen_bits_of_grey_and_inverted_grey_are_read() {
    let deep: Vec<u8> =
        (0..WIDTH * HEIGHT).flat_map(|at| ((at % WIDTH) as u16 * 2_570).to_le_bytes()).collect();
    let photo = decoded(&strip(deep, 1, 1, &[16]));
    assert_eq!((pixel(&photo, 3, 0), pixel(&photo, 23, 17)), ([30; 3], [230; 3]));
    let inverted = strip(vec![55; WIDTH * HEIGHT], 1, 0, &[8]);
    assert_eq!(pixel(&decoded(&inverted), 4, 4), [200; 3]);
}

#[test]
fn palettes_and_luma_with_chroma_are_refused_with_advice() {
    let colours = (320, shorts(&[0x8000; 3 * 256]));
    let entries =
        [(258, short(8)), (259, short(1)), (262, short(3)), (277, short(1)), (278, long(HEIGHT)), colours];
    let palette = file((273, 279), &[vec![7; WIDTH * HEIGHT]], &entries);
    let luma = strip(vec![90; WIDTH * HEIGHT * 3], 1, 6, &[8; 3]);
    let jpeg = encoded(plain(), ImageFormat::Jpeg);
    let compressed = strip(jpeg, 7, 6, &[8; 3]);
    for (name, bytes) in [("palette", palette), ("YCbCr", luma), ("JPEG", compressed)] {
        let error = decode(&bytes, &Limits::default()).unwrap_err();
        let told = error.to_string();
        assert!(error.reason().code() == "unsupported" && told.contains("magick"), "{name}: {told}");
    }
}
