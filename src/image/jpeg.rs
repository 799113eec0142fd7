//! JPEG: parses the segments of the file, writes a new file from them, and decodes that file with zune-jpeg in its
//! strict mode.
//!
//! The new file contains only the tables, the frame and the scans of the first picture, and adds what the original leaves out: the
//! standard Huffman tables (frames of Motion JPEG have none), the height that follows the first scan, and the colour
//! space by the rules of libjpeg. Bytes between segments or after the picture do not reach the decoder.
//!
//! A JPEG is truncated if its last scan is incomplete or if the decoder runs out of bits. In their lenient mode most
//! decoders fill the missing part with grey without an error, and a face would be enrolled from half a photo.

mod additions;
mod huffman;
mod planes;
mod walk;

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::annotations::Annotations;
use super::raster::upright;
use super::{DecodeError, Photo, Still, exif, room_for};
pub(super) use walk::inspect;

/// Every 8x8 block of the full-size component takes at least one bit in its first scan (every
/// Huffman code has at least one bit), so a byte can code at most 512 pixels.
const PIXELS_PER_BYTE: u64 = 512;
/// Most scans of a progressive file. Encoders write about ten. Each scan takes a pass over the whole picture.
const MOST_SCANS: usize = 100;
const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// The parsed segments.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    frame: Frame,
    pub annotations: Annotations<'a>,
    parts: Vec<Part<'a>>,
    scans: usize,
    /// Bytes in the scans.
    data: u64,
    /// Whether an end-of-image marker follows the last scan.
    ended: bool,
    /// The block of a multi-picture file that says where its pictures are, with everything behind it.
    index: Option<&'a [u8]>,
    /// What follows the end of the picture.
    behind: &'a [u8],
}

/// The frame header of the picture.
#[derive(Debug)]
struct Frame {
    progressive: bool,
    width: u16,
    height: u16,
    components: Vec<Component>,
    colour: Colour,
}

#[derive(Debug, Clone, Copy)]
struct Component {
    id: u8,
    horizontal: u8,
    vertical: u8,
    table: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// A part of the new file, in order.
#[derive(Debug)]
enum Part<'a> {
    /// An unchanged segment, with its marker: tables, restart interval.
    Segment(&'a [u8]),
    /// The frame header.
    Frame,
    /// A scan: the body of its header, and its data.
    Scan(&'a [u8], &'a [u8]),
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        (self.frame.width.into(), self.frame.height.into())
    }

    /// RGB, twice for a quarter turn. A file of several scans also needs its 16-bit coefficients or samples.
    fn memory(&self) -> u64 {
        let blocks = |count: u64, of: u64| count.div_ceil(8 * of) * 8 * of;
        let components = &self.frame.components;
        let most = |side: fn(&Component) -> u8| components.iter().map(side).max().map_or(1, u64::from);
        let (across, down) = (most(|one| one.horizontal), most(|one| one.vertical));
        let padded = blocks(self.frame.width.into(), across) * blocks(self.frame.height.into(), down);
        let samples: u64 =
            components.iter().map(|one| u64::from(one.horizontal) * u64::from(one.vertical)).sum();
        let kept = if self.scans > 1 || self.frame.progressive { 2 * samples } else { 0 };
        let rgb = if exif::is_quarter_turn(self.annotations.orientation()) { 6 } else { 3 };
        let twice = if self.ended { 1 } else { 2 };
        twice * (rgb * padded + (kept * padded).div_ceil(across * down))
    }

    /// Refuses headers with more pixels than the data can code, and files that take too much time or memory.
    fn check(&self) -> Result<(), DecodeError> {
        let (width, height) = self.size();
        if u64::from(width) * u64::from(height) > PIXELS_PER_BYTE * self.data {
            return Err(DecodeError::Failed(format!(
                "{} bytes cannot hold the {width} x {height} pixels that the header claims",
                self.data
            )));
        }
        if self.scans > MOST_SCANS {
            return Err(DecodeError::Failed(format!("{} scans, more than {MOST_SCANS}", self.scans)));
        }
        Ok(())
    }

    fn data(&self) -> Option<u64> {
        Some(self.data)
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    fn hash_encoded(&self, hasher: &mut blake3::Hasher) -> bool {
        for part in &self.parts {
            match part {
                Part::Segment(segment) => hasher.update(segment),
                Part::Frame => hasher.update(format!("{:?}", self.frame.coded()).as_bytes()),
                Part::Scan(header, data) => hasher.update(header).update(data),
            };
        }
        true
    }

    fn holds_more(&self) -> bool {
        additions::has_video(self.behind) || additions::has_view(self)
    }

    fn has_gain_map(&self) -> bool {
        additions::has_gain_map(self)
    }

    fn decode(self: Box<Self>, _: u64) -> Result<Photo, DecodeError> {
        let pixels = self.pixels(&[])?;
        if !self.ended {
            // Is more missing than the end-of-image marker? The decoder replaces missing bits by zeros. If ones in their
            // place give the same picture, no bit was missing. Missing scans of a progressive file cannot be detected.
            let ones = [0xff, 0x00].repeat(64);
            if self.frame.progressive || self.pixels(&ones)? != pixels {
                return Err(DecodeError::Failed(
                    "truncated JPEG: it ends before the end of its picture".into(),
                ));
            }
        }
        let (width, height) = self.size();
        upright(width, height, pixels, &self.annotations)
    }
}

impl Outline<'_> {
    /// Whether an end-of-image marker follows the last scan.
    pub fn is_complete(&self) -> bool {
        self.ended
    }

    /// RGB before rotation. `filling` follows the last scan.
    fn pixels(&self, filling: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let all = self.frame.components.len() as u8;
        let partial = |part: &Part<'_>| matches!(part, Part::Scan([count, ..], _) if *count < all);
        if !self.frame.progressive && self.parts.iter().any(partial) {
            return planes::pixels(self, filling);
        }
        raw(&self.written(filling)?, (self.frame.width, self.frame.height), ColorSpace::RGB)
    }

    /// The new file for the decoder. `filling` follows the last scan.
    fn written(&self, filling: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut file = START.to_vec();
        if matches!(self.frame.colour, Colour::Cmyk | Colour::Ycck) {
            let transform = if self.frame.colour == Colour::Ycck { 2 } else { 0 };
            file.extend([&[0xff, 0xee, 0, 14], b"Adobe\0d\0\0\0\0".as_slice(), &[transform]].concat());
        }
        if !self.frame.progressive {
            file.extend(huffman::standard_tables());
        }
        for part in &self.parts {
            match part {
                Part::Segment(segment) => file.extend(*segment),
                Part::Frame => file.extend(self.frame.written()),
                Part::Scan(header, data) => {
                    file.extend(self.frame.scan_header(header)?);
                    file.extend(*data);
                }
            }
        }
        file.extend(filling);
        file.extend(END);
        Ok(file)
    }
}

impl Frame {
    /// Component ids that tell the decoder the colour space.
    fn new_ids(&self) -> &'static [u8] {
        if self.colour == Colour::Rgb { b"RGB" } else { &[1, 2, 3, 4] }
    }

    /// What the frame header says, without the colour space, which follows from metadata too.
    fn coded(&self) -> (bool, u16, u16, &[Component]) {
        (self.progressive, self.width, self.height, &self.components)
    }

    fn written(&self) -> Vec<u8> {
        let count = self.components.len() as u8;
        let mut segment = vec![0xff, if self.progressive { 0xc2 } else { 0xc0 }, 0, 8 + 3 * count, 8];
        segment.extend(self.height.to_be_bytes());
        segment.extend(self.width.to_be_bytes());
        segment.push(count);
        for (one, id) in self.components.iter().zip(self.new_ids()) {
            segment.extend([*id, one.horizontal << 4 | one.vertical, one.table]);
        }
        segment
    }

    /// The header of a scan with the new ids.
    fn scan_header(&self, body: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let damaged = || DecodeError::Failed("damaged JPEG: a scan's header does not fit the frame".into());
        let (&count, rest) = body.split_first().ok_or_else(damaged)?;
        let count = usize::from(count);
        let selectors = rest.get(..2 * count).ok_or_else(damaged)?;
        let spectrum = rest.get(2 * count..2 * count + 3).ok_or_else(damaged)?;
        let unique = |at: usize, id: u8| self.components.iter().position(|one| one.id == id) == Some(at);
        let all_unique = self.components.iter().enumerate().all(|(at, one)| unique(at, one.id));
        let mut segment = vec![0xff, 0xda, 0, 6 + 2 * count as u8, count as u8];
        for (place, selector) in selectors.as_chunks::<2>().0.iter().enumerate() {
            // Some programs give all components the same id. Then their order counts.
            let found = match all_unique {
                true => self.components.iter().position(|one| one.id == selector[0]),
                false => (count == self.components.len()).then_some(place),
            };
            segment.extend([self.new_ids()[found.ok_or_else(damaged)?], selector[1]]);
        }
        segment.extend(spectrum);
        Ok(segment)
    }
}

/// The output of the decoder for a file: `size` pixels in `colours`.
fn raw(file: &[u8], (width, height): (u16, u16), colours: ColorSpace) -> Result<Vec<u8>, DecodeError> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(MOST_SCANS + 1)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(refusal)?;
    let length = u64::from(width) * u64::from(height) * colours.num_components() as u64;
    if decoder.output_buffer_size().map(|size| size as u64) != Some(length) {
        return Err(DecodeError::Failed("damaged JPEG: its headers contradict each other".into()));
    }
    drop(room_for(length)?);
    let mut pixels = vec![0; length as usize]; // pages of the system are zero already
    decoder.decode_into(&mut pixels).map_err(refusal)?;
    Ok(pixels)
}

fn refusal(error: DecodeErrors) -> DecodeError {
    match error {
        DecodeErrors::Unsupported(scheme) => {
            DecodeError::Unsupported(format!("JPEG files of this kind are not decoded ({scheme:?})"))
        }
        other => DecodeError::Failed(format!("damaged or truncated JPEG: {other:?}")),
    }
}
