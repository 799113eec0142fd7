//! PNG: selects the chunks that make up the picture. The `image` crate decodes them.

use std::io::Cursor;

use image::DynamicImage;
use image::codecs::png::PngDecoder;

use super::annotations::Annotations;
use super::profile::Profile;
use super::raster::{self, over_white, refusal, upright};
use super::{DecodeError, Photo, Still};

/// Deflate expands a byte to at most 1,032 bytes (RFC 1951: 258 bytes per code of at least two bits).
const DEFLATE_RATIO: u64 = 1_032;
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// A parsed PNG.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    width: u32,
    height: u32,
    /// Bytes of the picture without compression.
    raw: u64,
    /// Bytes per pixel of the decoded picture.
    expanded: u64,
    /// Bits of a sample.
    depth: u8,
    /// Bytes of compressed picture data in the file.
    data: u64,
    pub annotations: Annotations<'a>,
    /// The complete chunks that make up the picture.
    chunks: Vec<&'a [u8]>,
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Refuses a header with more pixels than the compressed data can code.
    fn check(&self) -> Result<(), DecodeError> {
        if self.raw <= DEFLATE_RATIO * self.data {
            return Ok(());
        }
        let Self { width, height, data, .. } = self;
        Err(DecodeError::Failed(format!(
            "{data} bytes cannot hold the {width} x {height} pixels that the header claims"
        )))
    }

    /// The decoded picture, its copy in 8 bits with alpha, and RGB. RGB counts twice for a rotated picture.
    fn memory(&self) -> u64 {
        (self.expanded + 4 + 3).saturating_mul(u64::from(self.width) * u64::from(self.height))
    }

    fn bits(&self, memory: u64) -> u8 {
        if self.depth <= 8 { 8 } else { self.picture(memory).map_or(8, |picture| raster::bits(&picture)) }
    }

    fn data(&self) -> Option<u64> {
        Some(self.data)
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    fn hash_encoded(&self, hasher: &mut blake3::Hasher) -> bool {
        for chunk in &self.chunks {
            hasher.update(chunk);
        }
        true
    }

    fn decode(self: Box<Self>, memory: u64) -> Result<Photo, DecodeError> {
        let picture = self.picture(memory)?;
        upright(picture.width(), picture.height(), over_white(picture)?, &self.annotations)
    }
}

impl Outline<'_> {
    fn picture(&self, memory: u64) -> Result<DynamicImage, DecodeError> {
        let mut bytes = [SIGNATURE, &self.chunks.concat()].concat();
        bytes.extend(END);
        let mut allowed = image::Limits::default();
        allowed.max_alloc = Some(memory);
        let decoder = PngDecoder::with_limits(Cursor::new(bytes), allowed).map_err(refusal)?;
        DynamicImage::from_decoder(decoder).map_err(refusal)
    }
}

/// One chunk: its kind, its data, and all of its bytes from length to checksum.
struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The chunk at the beginning of `rest`. None if it is incomplete.
    fn first(rest: &'a [u8]) -> Option<Self> {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let data = after.get(..length)?;
        let whole = rest.get(..length.checked_add(12)?)?;
        Some(Self { kind: *kind, data, whole })
    }

    fn is_sound(&self) -> bool {
        let covered = &self.whole[4..self.whole.len() - 4];
        self.whole.ends_with(&crc32fast::hash(covered).to_be_bytes())
    }
}

/// Parses the chunks until the end of the picture (PNG, third edition, section 5).
pub(super) fn inspect(bytes: &[u8]) -> Result<Outline<'_>, DecodeError> {
    let mut outline = None;
    let (mut data_bytes, mut annotations) = (0_u64, Annotations::default());
    let mut rest = &bytes[SIGNATURE.len()..];
    while !rest.is_empty() {
        let Some(chunk) = Chunk::first(rest) else {
            // After a complete picture any bytes may follow. The decoder detects an incomplete picture.
            let is_data = data_bytes == 0 || rest.get(4..8) == Some(b"IDAT");
            if is_data {
                return Err(DecodeError::Failed("truncated PNG: it ends within a chunk".into()));
            }
            break;
        };
        let is_critical = chunk.kind[0].is_ascii_uppercase();
        if is_critical && !chunk.is_sound() {
            let (kind, at) = (chunk.kind.escape_ascii(), bytes.len() - rest.len());
            return Err(DecodeError::Failed(format!(
                "damaged PNG: the checksum of its {kind} chunk at byte {at} does not match"
            )));
        }
        rest = &rest[chunk.whole.len()..];
        match (&chunk.kind, &mut outline) {
            (b"IHDR", None) => outline = Some(header(&chunk)?),
            (b"CgBI", None) => {
                let what = "PNG files in Apple's own variant (CgBI) are not decoded: convert it with \
                            `xcrun pngcrush -revert-iphone-optimizations IN.png OUT.png`";
                return Err(DecodeError::Unsupported(what.into()));
            }
            (_, None) => return Err(DecodeError::Failed("a PNG must begin with its header chunk".into())),
            (b"IEND", _) => break,
            (b"IHDR", _) => return Err(DecodeError::Failed("a PNG with two headers".into())),
            (b"IDAT", Some(outline)) => {
                data_bytes += chunk.data.len() as u64;
                outline.chunks.push(chunk.whole);
            }
            (b"PLTE" | b"tRNS", Some(outline)) => outline.chunks.push(chunk.whole),
            (b"eXIf", _) if chunk.is_sound() => annotations.exif.push(chunk.data),
            (b"iTXt", _) if chunk.is_sound() => annotations.xmp.extend(xmp(chunk.data)),
            // The colours by their numbers take precedence over a profile.
            (b"cICP", _) if chunk.is_sound() && chunk.data.len() == 4 => {
                annotations.profile = Profile::Cicp(chunk.data[0], chunk.data[1]);
            }
            (b"iCCP", _) if chunk.is_sound() && !matches!(annotations.profile, Profile::Cicp(..)) => {
                let name = chunk.data.iter().position(|&byte| byte == 0).unwrap_or(chunk.data.len());
                let compressed = chunk.data.get(name + 2..).unwrap_or_default(); // a zero and the method follow the name
                annotations.profile = Profile::Compressed(compressed);
            }
            ([b'a'..=b'z', ..], _) => {} // ancillary: does not affect the pixels
            (kind, _) => {
                let kind = kind.escape_ascii();
                return Err(DecodeError::Unsupported(format!(
                    "PNG files with critical chunks of the kind {kind} are not decoded"
                )));
            }
        }
    }
    let outline =
        outline.ok_or_else(|| DecodeError::Failed("a PNG must begin with its header chunk".into()))?;
    Ok(Outline { annotations, data: data_bytes, ..outline })
}

/// The XMP packet in a chunk of text, if it is one and is not compressed.
fn xmp(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"XML:com.adobe.xmp\0\0")?.get(1..)?;
    let mut parts = rest.splitn(3, |&byte| byte == 0); // language, translated keyword, text
    parts.nth(2)
}

/// The content of the header chunk: width, height, depth, colour.
fn header<'a>(chunk: &Chunk<'a>) -> Result<Outline<'a>, DecodeError> {
    let &[a, b, c, d, e, f, g, h, depth, colour, ..] = chunk.data else {
        return Err(DecodeError::Failed("truncated PNG header".into()));
    };
    let (width, height) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    let samples = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let raw = (u64::from(width) * samples * u64::from(depth)).div_ceil(8).saturating_mul(height.into());
    // A palette gives up to four samples. A transparent colour adds one to the other types.
    let expanded = if colour == 3 { 4 } else { samples + 1 } * u64::from(depth).div_ceil(8);
    let chunks = vec![chunk.whole];
    Ok(Outline { width, height, raw, expanded, depth, data: 0, annotations: Annotations::default(), chunks })
}
