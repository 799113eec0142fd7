//! WebP files that other programs write, and files made to use much memory.

use super::*;

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [kind.as_slice(), &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WEBP".as_slice(), &chunks.concat()].concat();
    chunk(b"RIFF", &body)
}

fn canvas(width: u32, height: u32, flags: u8) -> Vec<u8> {
    let three = |n: u32| n.to_le_bytes()[..3].to_vec();
    chunk(b"VP8X", &[vec![flags, 0, 0, 0], three(width - 1), three(height - 1)].concat())
}

/// The picture chunk of a plain lossless WebP.
fn lossless(width: u32, height: u32) -> Vec<u8> {
    encoded(gradient(width, height), ImageFormat::WebP)[12..].to_vec()
}

/// An extended file with a picture, followed by more chunks.
pub fn extended(width: u32, height: u32, flags: u8, more: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut chunks = vec![canvas(width, height, flags), lossless(width, height)];
    chunks.extend(more.iter().map(|(kind, data)| chunk(kind, data)));
    file(&chunks)
}

/// An animation with one picture at an even place.
fn animation(width: u32, height: u32, x: u32, y: u32, picture: Vec<u8>, side: (u32, u32)) -> Vec<u8> {
    let three = |n: u32| n.to_le_bytes()[..3].to_vec();
    let head =
        [three(x / 2), three(y / 2), three(side.0 - 1), three(side.1 - 1), three(100), vec![0]].concat();
    let frame = chunk(b"ANMF", &[head, picture].concat());
    file(&[canvas(width, height, 0x02), chunk(b"ANIM", &[0; 6]), frame.clone(), frame])
}

#[test]
fn webp_is_read() {
    let photo = decoded(&encoded(gradient(12, 10), ImageFormat::WebP));
    assert_eq!(photo.pixels, gradient(12, 10).into_raw());
    let limits = Limits { pixels: 100, ..Limits::default() };
    assert_eq!(
        decode(&encoded(gradient(12, 10), ImageFormat::WebP), &limits).unwrap_err().reason().code(),
        "too_large"
    );
}

#[test]
fn flags_for_missing_chunks_have_no_effect() {
    for flags in [0x00, 0x04, 0x08, 0x20, 0x2c] {
        let photo = decoded(&extended(12, 10, flags, &[(b"ABCD", vec![1; 33])]));
        assert_eq!(photo.pixels, gradient(12, 10).into_raw(), "{flags:02x}");
    }
}

#[test]
fn an_animation_gives_its_first_picture_at_its_place() {
    let photo = decoded(&animation(20, 16, 4, 2, lossless(12, 10), (12, 10)));
    assert_eq!((photo.width, photo.height), (20, 16));
    assert_eq!(pixel(&photo, 0, 0), [255; 3]);
    assert_eq!(pixel(&photo, 4 + 5, 2 + 7), gradient(12, 10).get_pixel(5, 7).0);
    assert_eq!(pixel(&photo, 16, 8), [255; 3]);
    assert_eq!(code(&animation(20, 16, 10, 2, lossless(12, 10), (12, 10))), "decode_failed");
}

/// The container and the frame of an animation do not determine the size of the picture. Its own header does.
#[test]
fn the_header_of_a_picture_determines_its_size_and_not_its_container() {
    let header = |side: u32| {
        [vec![0x2f], ((side - 1) | (side - 1) << 14).to_le_bytes().to_vec(), vec![0; 50]].concat()
    };
    let bomb = chunk(b"VP8L", &header(16_384));
    let limits = Limits { pixels: 1 << 27, ..Limits::default() };
    let lossy = [&[0x10, 0, 0, 0x9d, 0x01, 0x2a], [0xff, 0x3f, 0xff, 0x3f].as_slice(), &[0; 50]].concat();
    for bytes in [
        file(std::slice::from_ref(&bomb)),
        file(&[canvas(8, 8, 0), bomb.clone()]),
        file(&[canvas(8, 8, 0), chunk(b"VP8 ", &lossy)]),
    ] {
        assert_eq!(decode(&bytes, &limits).unwrap_err().reason().code(), "too_large");
    }
    assert_eq!(code(&animation(8, 8, 0, 0, bomb, (8, 8))), "decode_failed", "it lies outside its canvas");
    let wide = animation(1 << 24, 1 << 24, 0, 0, lossless(8, 8), (8, 8));
    assert_eq!(code(&wide), "too_large", "the canvas");
}

#[test]
fn a_webp_cut_anywhere_is_refused() {
    let whole = encoded(gradient(40, 24), ImageFormat::WebP);
    for length in 12..whole.len() - 1 {
        assert_eq!(code(&whole[..length]), "decode_failed", "cut to {length} of {}", whole.len());
    }
}

/// Bits of a lossless stream, lowest first.
#[derive(Default)]
struct Bits(Vec<u8>, usize);

impl Bits {
    fn push(&mut self, value: u32, count: usize) {
        for place in 0..count {
            if self.1.is_multiple_of(8) {
                self.0.push(0);
            }
            let last = self.0.len() - 1;
            self.0[last] |= ((value >> place & 1) as u8) << (self.1 % 8);
            self.1 += 1;
        }
    }

    /// A code with one symbol.
    fn only(&mut self, symbol: u32) {
        self.push(0b101, 3); // simple, one symbol, eight bits
        self.push(symbol, 8);
    }
}

/// 8 x 8 pixels in one block, coded with group `group`. The stream has `group + 1` groups of 10 bytes each.
fn grouped(group: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.push(0x2f, 8);
    bits.push(7 | 7 << 14, 32);
    bits.push(0, 1); // no transform
    bits.push(0, 1); // no cached colours
    bits.push(1, 1); // groups
    bits.push(1, 3); // blocks of 8 x 8
    bits.push(0, 1);
    for symbol in [group & 255, group >> 8, 0, 0, 0] {
        bits.only(symbol);
    }
    for _ in 0..=group {
        for symbol in [10, 20, 30, 255, 0] {
            bits.only(symbol);
        }
    }
    file(&[chunk(b"VP8L", &bits.0)])
}

#[test]
fn tables_of_lossless_pictures_count_as_memory() {
    let limits = Limits { memory: 1 << 30, ..Limits::default() };
    let needed = |bytes: &[u8]| inspect(bytes, &limits).map(|picture| picture.memory());
    for group in [0, 3] {
        let bytes = grouped(group);
        assert_eq!(pixel(&decoded(&bytes), 0, 0), [20, 10, 30], "{group}");
        assert!(needed(&bytes).unwrap() < 1 << 20, "{:?}", needed(&bytes));
    }
    let refused = needed(&grouped(0xffff)).unwrap_err();
    assert!(
        refused.reason().code() == "too_large" && refused.to_string().contains("max_memory"),
        "{refused}"
    );
    let photo = encoded(gradient(640, 480), ImageFormat::WebP);
    assert!(needed(&photo).unwrap() < 64 << 20, "{:?}", needed(&photo));
}
