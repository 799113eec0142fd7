//! WebP: extracts the chunks of the first picture. The `image` crate decodes them as a separate still picture.
//!
//! The decoder has no limits. It allocates the size in the header of the bitstream, which may be larger than that of the
//! container, and it allocates canvases for animations. So this module reads the header of the bitstream, and passes no animation
//! to the decoder.

mod lossless;

use std::io::Cursor;

use image::DynamicImage;
use image::codecs::webp::WebPDecoder;

use super::annotations::Annotations;
use super::profile::Profile;
use super::raster::{over_white, refusal, upright};
use super::{DecodeError, Photo, Still, room_for};

/// A parsed WebP.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    /// The displayed size: that of the picture, or of the canvas of an animation.
    size: (u32, u32),
    /// The picture.
    frame: Frame<'a>,
    annotations: Annotations<'a>,
}

/// One picture.
#[derive(Debug, Default)]
struct Frame<'a> {
    /// Columns and rows to its left and above it.
    offset: (u32, u32),
    size: (u32, u32),
    lossless: bool,
    bitstream: &'a [u8],
    alpha: Option<&'a [u8]>,
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn memory(&self) -> u64 {
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        // Planes or RGBA, their conversion, RGB; also a lossless picture for the alpha of a lossy picture.
        let Frame { size, alpha, bitstream, .. } = self.frame;
        let with_alpha = if alpha.is_some() { 6 } else { 0 };
        let tables = match (self.frame.lossless, alpha) {
            (true, _) => lossless::tables(&bitstream[5..], size),
            (false, Some([method, stream @ ..])) if method & 3 == 1 => lossless::tables(stream, size),
            _ => 0,
        };
        tables + (11 + with_alpha) * pixels(size) + 6 * pixels(self.size)
    }

    fn data(&self) -> Option<u64> {
        Some((self.frame.bitstream.len() + self.frame.alpha.map_or(0, <[u8]>::len)) as u64)
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    fn decode(self: Box<Self>, _: u64) -> Result<Photo, DecodeError> {
        let Self { size: (width, height), frame, annotations } = *self;
        let bytes = alone(&frame);
        let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refusal)?;
        let picture = DynamicImage::from_decoder(decoder).map_err(refusal)?;
        if (picture.width(), picture.height()) != frame.size {
            return Err(DecodeError::Failed("damaged WebP: its headers contradict each other".into()));
        }
        let pixels = over_white(picture)?;
        if frame.size == (width, height) {
            return upright(width, height, pixels, &annotations);
        }
        let mut canvas = room_for(3 * u64::from(width) * u64::from(height))?;
        canvas.resize(3 * width as usize * height as usize, 255);
        let left = 3 * frame.offset.0 as usize;
        let rows = canvas.chunks_exact_mut(3 * width as usize).skip(frame.offset.1 as usize);
        for (to, from) in rows.zip(pixels.chunks_exact(3 * frame.size.0 as usize)) {
            to[left..left + from.len()].copy_from_slice(from);
        }
        upright(width, height, canvas, &annotations)
    }
}

/// A sequence of chunks: kind and data. The flag tells whether the chunk is complete; the last one may be truncated.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = ([u8; 4], &'a [u8], bool);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, after) = self.0.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let whole = length <= after.len();
        let (data, rest) = after.split_at(length.min(after.len()));
        self.0 = rest.get(length % 2..).unwrap_or_default();
        Some((*kind, data, whole))
    }
}

/// Parses the chunks (RFC 9649). Ignores the length of the file in its header, because some programs write a wrong one.
pub(super) fn inspect(bytes: &[u8]) -> Result<Outline<'_>, DecodeError> {
    let (mut canvas, mut annotations, mut animated) = (None, Annotations::default(), false);
    let mut still = Vec::new();
    let mut frame = None;
    for (kind, data, whole) in Chunks(bytes.get(12..).unwrap_or_default()) {
        match &kind {
            b"VP8X" => {
                animated = data.first().is_some_and(|flags| flags & 2 != 0);
                canvas = data.get(4..10).map(|sizes| (1 + three(&sizes[..3]), 1 + three(&sizes[3..])));
            }
            b"ALPH" | b"VP8 " | b"VP8L" if frame.is_none() && !animated => still.push((kind, data, whole)),
            b"ANMF" if frame.is_none() && data.len() >= 16 => {
                let mut first = picture(Chunks(&data[16..]))?;
                first.offset = (2 * three(&data[..3]), 2 * three(&data[3..6]));
                frame = Some(first);
            }
            b"EXIF" if whole => annotations.exif.push(data),
            b"XMP " if whole => annotations.xmp.push(data),
            b"ICCP" if whole => annotations.profile = Profile::Icc(data),
            _ => {}
        }
    }
    let frame = match frame {
        Some(frame) => frame,
        None => picture(still.into_iter())?,
    };
    let size = match canvas {
        Some(canvas) if animated => canvas,
        _ => frame.size,
    };
    let fits = |at: u32, length: u32, side: u32| u64::from(at) + u64::from(length) <= u64::from(side);
    if !(fits(frame.offset.0, frame.size.0, size.0) && fits(frame.offset.1, frame.size.1, size.1)) {
        return Err(DecodeError::Failed("damaged WebP: its first picture lies outside its canvas".into()));
    }
    Ok(Outline { size, frame, annotations })
}

/// The picture in a sequence of chunks, with the size from its own header.
fn picture<'a>(chunks: impl Iterator<Item = ([u8; 4], &'a [u8], bool)>) -> Result<Frame<'a>, DecodeError> {
    let damaged = |what: &str| DecodeError::Failed(format!("damaged or truncated WebP: {what}"));
    let mut frame = Frame::default();
    for (kind, data, whole) in chunks {
        if !whole {
            return Err(damaged("it ends within its picture"));
        }
        match &kind {
            b"ALPH" => frame.alpha = Some(data),
            b"VP8 " => {
                let &[tag, _, _, 0x9d, 0x01, 0x2a, a, b, c, d, ..] = data else {
                    return Err(damaged("its picture has no header"));
                };
                if tag & 1 != 0 {
                    return Err(damaged("it begins with a picture that depends on others"));
                }
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                frame.size = (side(a, b), side(c, d));
                frame.bitstream = data;
                return Ok(frame);
            }
            b"VP8L" => {
                let &[0x2f, a, b, c, d, ..] = data else {
                    return Err(damaged("its picture has no header"));
                };
                let header = u32::from_le_bytes([a, b, c, d]);
                frame.size = (1 + (header & 0x3fff), 1 + ((header >> 14) & 0x3fff));
                (frame.lossless, frame.bitstream, frame.alpha) = (true, data, None);
                return Ok(frame);
            }
            _ => {}
        }
    }
    Err(damaged("there is no picture in it"))
}

/// 24 bits, little-endian.
fn three(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

/// A file that contains only this picture.
fn alone(frame: &Frame<'_>) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    let mut push = |kind: &[u8; 4], data: &[u8]| {
        body.extend(kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(data);
        body.extend(&[0][..data.len() % 2]);
    };
    if let Some(alpha) = frame.alpha {
        let (width, height) = (frame.size.0 - 1, frame.size.1 - 1);
        let mut header = [0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]; // the flag for alpha
        header[4..7].copy_from_slice(&width.to_le_bytes()[..3]);
        header[7..10].copy_from_slice(&height.to_le_bytes()[..3]);
        push(b"VP8X", &header);
        push(b"ALPH", alpha);
    }
    push(if frame.lossless { b"VP8L" } else { b"VP8 " }, frame.bitstream);
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}
