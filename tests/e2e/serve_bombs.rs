//! Images that promise more than they hold, or hold more than they promise.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;

use crate::program::{House, encode, photo};
use crate::serve::Server;

const G: &str = "/v1/galleries/gallery";
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A chunk of a PNG with its checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checksum = {
        let mut hash = flate2::Crc::new();
        hash.update(kind);
        hash.update(data);
        hash.sum()
    };
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &checksum.to_be_bytes()].concat()
}

/// The header of a PNG: width, height, bits and colour type.
fn header(width: u32, height: u32, bits: u8, colour: u8) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colour, 0, 0, 0]].concat())
}

/// A PNG with these chunks between its signature and its end.
fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [SIGNATURE, &chunks.concat(), &chunk(b"IEND", b"")].concat()
}

/// At least so many zeros, compressed: one compressed block, repeated, in a zlib frame.
fn zeros(bytes: usize) -> Vec<u8> {
    const BLOCK: usize = 1 << 16;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[0; BLOCK]).unwrap();
    encoder.flush().unwrap();
    let blocks = bytes.div_ceil(BLOCK);
    let checksum = ((blocks * BLOCK % 65_521) << 16 | 1) as u32; // Adler-32
    [&[0x78, 0xda][..], &encoder.get_ref().repeat(blocks), &[0x03, 0x00], &checksum.to_be_bytes()].concat()
}

/// A JPEG of one colour, with another size in its frame header.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = encode(&image::DynamicImage::new_rgb8(64, 64), image::ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

/// A RIFF file of a WebP with these chunks.
fn webp(length: u32, chunks: &[(&[u8; 4], u32, &[u8])]) -> Vec<u8> {
    let mut bytes = [&b"RIFF"[..], &length.to_le_bytes(), b"WEBP"].concat();
    for (kind, length, data) in chunks {
        bytes.extend([&kind[..], &length.to_le_bytes(), data].concat());
    }
    bytes
}

/// The data of a `VP8X` chunk for a canvas of this size.
fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let side = |n: u32| (n - 1).to_le_bytes()[..3].to_vec();
    [vec![flags, 0, 0, 0], side(width), side(height)].concat()
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let good = photo(1);
    let big = 60_000;
    let idat = |data: &[u8]| chunk(b"IDAT", data);
    let small_zeros = zeros(1 << 16);
    let jpeg_good = jpeg(64, 64);
    let webp_good = encode(&image::DynamicImage::new_rgb8(64, 64), image::ImageFormat::WebP);
    let lossless = |width: u32, height: u32| {
        let bits = (width - 1) | (height - 1) << 14;
        [&[0x2f][..], &bits.to_le_bytes(), &[0; 64]].concat()
    };
    let text = |kind: &[u8; 4], data: Vec<u8>| {
        png(&[header(64, 64, 8, 2), chunk(kind, &data), idat(&zeros(64 * 193))])
    };
    let mut lying = png(&[header(64, 64, 8, 2), idat(&small_zeros)]);
    lying[33..37].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    let mut wrong_sum = good.clone();
    wrong_sum[30] ^= 1;
    let mut noise = good.clone();
    noise.iter_mut().skip(100).step_by(3).for_each(|byte| *byte ^= 0x5a);
    vec![
        ("PNG of 60000 x 60000", png(&[header(big, big, 8, 2), idat(&small_zeros)])),
        ("PNG of 60000 x 60000, 16 bits", png(&[header(big, big, 16, 6), idat(&small_zeros)])),
        ("PNG of 2^31 x 2^31", png(&[header(0x7fff_ffff, 0x7fff_ffff, 8, 6), idat(&small_zeros)])),
        ("PNG of 2^32 x 1", png(&[header(u32::MAX, 1, 1, 0), idat(&small_zeros)])),
        ("PNG of 0 x 0", png(&[header(0, 0, 8, 2), idat(&small_zeros)])),
        ("PNG of 1 x 60000000", png(&[header(1, 60_000_000, 8, 2), idat(&small_zeros)])),
        (
            "PNG of 30000 x 30000, 1 bit, all pixels",
            png(&[header(30_000, 30_000, 1, 0), idat(&zeros(30_000 * 3751))]),
        ),
        ("PNG with 64 MiB behind its pixels", png(&[header(64, 64, 8, 2), idat(&zeros(64 << 20))])),
        ("PNG with unknown bits", png(&[header(64, 64, 7, 9), idat(&small_zeros)])),
        ("PNG without pixels", png(&[header(64, 64, 8, 2)])),
        ("PNG with half of the pixels", png(&[header(640, 640, 8, 2), idat(&zeros(1 << 16))])),
        ("PNG of a palette without one", png(&[header(64, 64, 8, 3), idat(&small_zeros)])),
        (
            "PNG with 100,000 chunks",
            png(&[
                vec![header(64, 64, 8, 2)],
                vec![chunk(b"tEXt", b"a\0b"); 100_000],
                vec![idat(&small_zeros)],
            ]
            .concat()),
        ),
        (
            "PNG with 50,000 empty parts of pixels",
            png(&[vec![header(64, 64, 8, 2)], vec![idat(b""); 50_000]].concat()),
        ),
        ("PNG with two headers", png(&[header(64, 64, 8, 2), header(big, big, 8, 2), idat(&small_zeros)])),
        ("PNG with a text bomb", text(b"zTXt", [&b"a\0\0"[..], &zeros(64 << 20)].concat())),
        ("PNG with a profile bomb", text(b"iCCP", [&b"a\0\0"[..], &zeros(64 << 20)].concat())),
        (
            "PNG with EXIF that points to itself",
            text(
                b"eXIf",
                b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x08\0\0\0\x08\0\0\0".to_vec(),
            ),
        ),
        ("PNG with a lying length", lying),
        ("PNG with a wrong checksum", wrong_sum),
        ("PNG with noise", noise),
        ("PNG cut in its header", good[..20].to_vec()),
        ("PNG cut in its pixels", good[..good.len() / 2].to_vec()),
        ("PNG signature only", SIGNATURE.to_vec()),
        (
            "PNG animation of 2^32 frames",
            text(b"acTL", [u32::MAX.to_be_bytes(), 0_u32.to_be_bytes()].concat()),
        ),
        ("JPEG of 65535 x 65535", jpeg(u16::MAX, u16::MAX)),
        ("JPEG of 60000 x 60000", jpeg(60_000, 60_000)),
        ("JPEG of 0 x 64", jpeg(0, 64)),
        ("JPEG with half of the pixels", jpeg_good[..jpeg_good.len() / 2].to_vec()),
        ("JPEG start only", b"\xff\xd8\xff".to_vec()),
        (
            "JPEG with 100,000 comments",
            [&jpeg_good[..2], &b"\xff\xfe\0\x02".repeat(100_000), &jpeg_good[2..]].concat(),
        ),
        ("JPEG with a lying length", [&jpeg_good[..2], b"\xff\xe1\xff\xff", &jpeg_good[2..]].concat()),
        ("JPEG with 1 MiB of padding", [&jpeg_good[..2], &vec![0xff; 1 << 20], &jpeg_good[2..]].concat()),
        ("JPEG without tables", [&jpeg_good[..2], b"\xff\xda\0\x08\x01\x01\0\0\x3f\0", &[0; 64]].concat()),
        ("WebP canvas of 16777216 x 16777216", webp(40, &[(b"VP8X", 10, &canvas(0, 1 << 24, 1 << 24))])),
        (
            "WebP canvas of 60000 x 60000",
            webp(200, &[(b"VP8X", 10, &canvas(2, 60_000, 60_000)), (b"ANIM", 6, &[0; 6])]),
        ),
        ("WebP lossless of 16384 x 16384", webp(80, &[(b"VP8L", 69, &lossless(16_384, 16_384))])),
        ("WebP with a lying length", webp(u32::MAX, &[(b"VP8L", u32::MAX, &lossless(64, 64))])),
        ("WebP cut in half", webp_good[..webp_good.len() / 2].to_vec()),
        ("WebP start only", b"RIFF\0\0\0\0WEBP".to_vec()),
        ("GIF", b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec()),
        ("TIFF that points to itself", b"II*\0\x04\0\0\0".to_vec()),
        ("BMP of 2^31", [&b"BM"[..], &[0; 16], &[0xff; 16]].concat()),
        ("SVG with entities", b"<!DOCTYPE a [<!ENTITY b \"b\">]><svg>&b;</svg>".to_vec()),
        ("HEIF", b"\0\0\0\x18ftypheic\0\0\0\0".to_vec()),
        ("a zip", b"PK\x03\x04".to_vec()),
        ("zeros", vec![0; 1 << 20]),
    ]
}

#[test]
fn zeros_are_a_zlib_stream() {
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&zeros(200_000)[..]), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked, [0; 4 << 16]);
}

#[test]
fn bombs_are_refused_with_a_reason() {
    let house = House::new();
    let server = Server::start(&house, &[]);
    let bombs = bombs();
    assert!(bombs.len() >= 30, "{} bombs", bombs.len());
    let (mut wrong, mut slowest) = (Vec::new(), (Duration::ZERO, ""));
    let mut time = |name: &'static str, reply: &dyn Fn() -> crate::serve::Reply| {
        let started = Instant::now();
        let reply = reply();
        slowest = slowest.max((started.elapsed(), name));
        reply
    };
    for (name, bytes) in &bombs {
        let found = time(name, &|| server.form(&format!("{G}/identify"), &[("image", bytes)]));
        let reply: Value = serde_json::from_slice(&found.body).unwrap_or_default();
        let probe = &reply["replies"][0]["probe"];
        let reason = probe["reasons"][0].as_str().unwrap_or_default();
        let known =
            ["decode_failed", "unsupported", "too_large", "too_small", "empty", "no_face"].contains(&reason);
        // What is behind the pixels of a whole picture is not read, and does not make it a bad one.
        let is_harmless = found.status == 200
            && probe["faces"].as_u64().is_some_and(|faces| faces <= 1)
            && reason.is_empty();
        let may_pass = [
            "behind",
            "text",
            "profile",
            "EXIF",
            "animation",
            "comments",
            "padding",
            "half",
            "noise",
            "checksum",
            "chunks",
        ];
        let passes = is_harmless && may_pass.iter().any(|word| name.contains(word));
        if found.status != 200 || !(known || passes) {
            wrong.push(format!("{name}: identify {} {reply:.300}", found.status));
        }
        if !passes {
            let form: [(&str, &[u8]); 2] = [("subject", b"Mallory"), ("image", bytes)];
            let refused = time(name, &|| server.form(&format!("{G}/faces"), &form));
            let problem: Value = serde_json::from_slice(&refused.body).unwrap_or_default();
            if ![413, 422].contains(&refused.status) || problem["code"] != reason {
                wrong.push(format!("{name}: enroll {} {problem:.300}", refused.status));
            }
        }
    }
    println!("{} bombs, the slowest took {:?}: {}", bombs.len(), slowest.0, slowest.1);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(slowest.0 < Duration::from_secs(10), "{slowest:?}");
    assert_eq!(server.get("/v1/status").is(200)["requests"]["failed"], 0);
    server.stop();
    house.holds(0);
}
