//! Parsing of the segments up to the end of the first picture (ITU-T T.81, annex B).

use super::super::DecodeError;
use super::super::annotations::Annotations;
use super::super::profile::Profile;
use super::{Colour, Component, Frame, Outline, Part};

/// The advice for a JPEG that is not decoded.
const CONVERT: &str = "convert it first, for example with `djpeg IN.jpg | cjpeg > OUT.jpg`";

/// Begins a segment with an XMP packet.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Begins a segment with a part of an ICC profile (ICC.1, annex B.4).
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Begins a segment with the index of a multi-picture file (CIPA DC-007, section 5.2.2).
const INDEX: &[u8] = b"MPF\0";

/// The state of the parser.
#[derive(Default)]
struct Walk<'a> {
    frame: Option<Frame>,
    height_behind: Option<u16>,
    annotations: Annotations<'a>,
    jfif: bool,
    /// The colour transform in Adobe's marker.
    adobe: Option<u8>,
    parts: Vec<Part<'a>>,
    scans: usize,
    data: u64,
    index: Option<&'a [u8]>,
}

/// A marker and the body of its segment.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    /// The segment with its marker.
    whole: &'a [u8],
}

pub(in crate::image) fn inspect(bytes: &[u8]) -> Result<Outline<'_>, DecodeError> {
    let mut walk = Walk::default();
    let mut at = 2;
    let mut end = None;
    while let Some((marker, behind)) = next_marker(bytes, at) {
        match marker {
            0x00 | 0x01 | 0xd0..=0xd8 => {
                at = behind; // stuffed byte, restart or another marker without a body
                continue;
            }
            0xd9 => {
                end = bytes.get(behind..);
                break;
            }
            _ => {}
        }
        let reserved = matches!(marker, 0x02..=0xbf);
        let Some(segment) = segment(bytes, marker, behind) else {
            if reserved {
                at = behind;
                continue;
            }
            if walk.scans > 0 {
                break; // after a scan: its data shows whether the picture is complete
            }
            return Err(truncated());
        };
        // Markers that T.81 reserves are segments if another marker follows. Otherwise they are stray bytes.
        let follows = behind + segment.whole.len() - 2;
        if reserved && bytes.get(follows) != Some(&0xff) {
            at = behind;
            continue;
        }
        at = follows;
        if marker == 0xda {
            let end = end_of_scan(bytes, at);
            walk.scan(segment.body, &bytes[at..end])?;
            at = end;
        } else {
            if marker == 0xe2 && segment.body.starts_with(INDEX) {
                walk.index = walk.index.or(bytes.get(at - segment.body.len() + INDEX.len()..));
            }
            walk.segment(&segment)?;
        }
    }
    walk.outline(end)
}

fn truncated() -> DecodeError {
    DecodeError::Failed("truncated JPEG: it ends before the start of its picture".into())
}

/// The next marker at or after `at`, with the place after it. Skips stray bytes and fill bytes.
fn next_marker(bytes: &[u8], at: usize) -> Option<(u8, usize)> {
    let start = at + bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
    let marker = start + bytes[start..].iter().position(|&byte| byte != 0xff)?;
    Some((bytes[marker], marker + 1))
}

/// The segment whose length is at `at`, after its marker. None if it is incomplete.
fn segment(bytes: &[u8], marker: u8, at: usize) -> Option<Segment<'_>> {
    let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?])).max(2);
    let whole = bytes.get(at - 2..at + length)?;
    Some(Segment { marker, body: &whole[4..], whole })
}

/// The end of the data of a scan that begins at `at`: the next marker other than a restart.
fn end_of_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == 0xff) {
        at += found;
        match bytes.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return at,
            None => break,
        }
    }
    bytes.len()
}

impl<'a> Walk<'a> {
    fn segment(&mut self, segment: &Segment<'a>) -> Result<(), DecodeError> {
        let body = segment.body;
        match segment.marker {
            0xc4 | 0xdb | 0xdd => self.parts.push(Part::Segment(segment.whole)),
            0xc0..=0xc2 if self.frame.is_some() => {
                return Err(DecodeError::Failed("damaged JPEG: it has two frame headers".into()));
            }
            0xc0..=0xc2 => {
                self.frame = Some(frame(body, segment.marker == 0xc2)?);
                self.parts.push(Part::Frame);
            }
            0xc3 => return Err(unsupported("lossless JPEG")),
            0xc5..=0xc7 | 0xde => return Err(unsupported("hierarchical JPEG")),
            0xc9..=0xcc => return Err(unsupported("JPEG with arithmetic coding")),
            0xcd..=0xcf => return Err(unsupported("hierarchical JPEG with arithmetic coding")),
            0xf7 => return Err(unsupported("JPEG-LS")),
            0xdc => self.height_behind = body.first_chunk::<2>().map(|height| u16::from_be_bytes(*height)),
            0xe0 => self.jfif |= body.starts_with(b"JFIF\0"),
            0xe1 if self.scans == 0 && body.starts_with(b"Exif\0") => {
                self.annotations.exif.push(body);
            }
            0xe1 if self.scans == 0 && body.starts_with(XMP) => {
                self.annotations.xmp.push(&body[XMP.len()..]);
            }
            0xe2 if self.scans == 0 => {
                if let Some([number, count, part @ ..]) = body.strip_prefix(ICC) {
                    match &mut self.annotations.profile {
                        Profile::Parts(parts) => parts.push((*number, *count, part)),
                        other => *other = Profile::Parts(vec![(*number, *count, part)]),
                    }
                }
            }
            0xee if body.starts_with(b"Adobe") => self.adobe = body.get(11).copied().or(self.adobe),
            _ => {}
        }
        Ok(())
    }

    fn scan(&mut self, header: &'a [u8], data: &'a [u8]) -> Result<(), DecodeError> {
        if self.frame.is_none() {
            return Err(DecodeError::Failed("damaged JPEG: a scan without a frame header".into()));
        }
        self.scans += 1;
        self.data += data.len() as u64;
        self.parts.push(Part::Scan(header, data));
        Ok(())
    }

    /// `end` is what follows the end of the picture, if that is there.
    fn outline(self, end: Option<&'a [u8]>) -> Result<Outline<'a>, DecodeError> {
        let mut frame = match (self.frame, self.scans) {
            (Some(frame), 1..) => frame,
            _ if end.is_some() => return Err(DecodeError::Failed("a JPEG without a picture".into())),
            _ => return Err(truncated()),
        };
        if let Some(height) = self.height_behind.filter(|_| frame.height == 0) {
            frame.height = height;
        }
        frame.colour = colour(&frame, self.jfif, self.adobe);
        let Self { annotations, parts, scans, data, index, .. } = self;
        let (ended, behind) = (end.is_some(), end.unwrap_or_default());
        Ok(Outline { frame, annotations, parts, scans, data, ended, index, behind })
    }
}

pub(super) fn unsupported(kind: &str) -> DecodeError {
    DecodeError::Unsupported(format!("{kind} is not decoded: {CONVERT}"))
}

fn frame(body: &[u8], progressive: bool) -> Result<Frame, DecodeError> {
    let damaged = || DecodeError::Failed("damaged JPEG: invalid frame header".into());
    let (&[precision, a, b, c, d, count], rest) = body.split_first_chunk().ok_or_else(damaged)?;
    if precision != 8 {
        return Err(unsupported(&format!("JPEG of {precision} bits a sample")));
    }
    let count = usize::from(count);
    let mut components: Vec<_> =
        rest.get(..3 * count).ok_or_else(damaged)?.as_chunks::<3>().0.iter().map(component).collect();
    if !matches!(count, 1 | 3 | 4) {
        return Err(unsupported(&format!("JPEG of {count} components")));
    }
    let sound = |side: fn(&Component) -> u8| components.iter().all(|one| (1..=4).contains(&side(one)));
    if !sound(|one| one.horizontal) || !sound(|one| one.vertical) {
        return Err(damaged());
    }
    // Other factors exist, but the decoder gives wrong pixels or an error for them.
    let usual = |side: fn(&Component) -> u8| {
        components.iter().all(|one| side(one).is_power_of_two() && side(one) <= side(&components[0]))
    };
    if !usual(|one| one.horizontal) || !usual(|one| one.vertical) {
        return Err(unsupported("JPEG with unusual sampling factors"));
    }
    if let [grey] = &mut components[..] {
        (grey.horizontal, grey.vertical) = (1, 1); // a single component is coded block by block for all factors
    }
    let height = u16::from_be_bytes([a, b]);
    let width = u16::from_be_bytes([c, d]);
    Ok(Frame { progressive, width, height, components, colour: Colour::Grey })
}

fn component(&[id, sampling, table]: &[u8; 3]) -> Component {
    Component { id, horizontal: sampling >> 4, vertical: sampling & 15, table }
}

/// The colour space of the components, by the rules of libjpeg.
fn colour(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Colour {
    let ids: Vec<u8> = frame.components.iter().map(|one| one.id).collect();
    match (ids.len(), adobe) {
        (1, _) => Colour::Grey,
        (3, _) if jfif => Colour::YCbCr,
        (3, Some(0)) => Colour::Rgb,
        (3, None) if ids == b"RGB" => Colour::Rgb,
        (3, _) => Colour::YCbCr,
        (_, None | Some(0)) => Colour::Cmyk,
        _ => Colour::Ycck,
    }
}
