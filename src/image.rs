//! Photos: bytes of an image file to upright RGB pixels, within limits.
//!
//! The format is told from the bytes, never from a name. JPEG, PNG and WebP are decoded; every other format is
//! refused by name, with how to convert it: each further decoder would be one more that hostile files reach, for
//! formats that no camera writes today. A header is read and judged before anything of the size it claims is
//! allocated, so a decompression bomb costs nothing.
//!
//! A decoder gets only what makes the picture: the segments or chunks of a file are walked here, and what does not
//! concern the pixels (metadata, profiles, further pictures, what lies between or behind) is left out before.
//!
//! What becomes of the less common kinds:
//! - EXIF orientation (all eight) is applied, wherever the format allows EXIF: a [`Photo`] is upright.
//! - Grey is spread over the three channels, 16 bits are rounded to 8, palettes are looked up.
//! - Alpha is composited over white, the usual paper behind a cut-out portrait.
//! - CMYK and YCCK JPEG are converted, with ink 255 as no ink, as Adobe's programs write it, whether or not
//!   Adobe's marker says so.
//! - An animated PNG gives the picture that programs without animation show, an animated WebP its first one; a file
//!   of several JPEGs (MPO, motion photos) its first one.
//! - Colour profiles and gamma are ignored: numbers are taken as sRGB. Photos in Display P3 look slightly paler than
//!   they should, which faces survive.

mod exif;
mod format;
mod jpeg;
mod limits;
mod png;
mod raster;
mod read;
mod webp;

pub use limits::{Bound, Excess, Limits};
pub use read::Source;

use std::io;

use format::Format;
use thiserror::Error;

use crate::reason::Reason;

/// SHA-256 of a photo file's bytes: its identity, whatever the file is called.
pub type PhotoHash = [u8; 32];

/// An upright RGB photo, 8 bits a channel, rows top to bottom without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// `width * height * 3` bytes, RGB interleaved.
    pub pixels: Vec<u8>,
}

/// Why some bytes did not become a photo.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes at all.
    #[error("the file is empty")]
    Empty,
    /// A file in a folder that neither claims to be a photo nor is one: a sidecar, a video, a document.
    #[error("{0}")]
    NotAPhoto(String),
    /// The bytes are of a format, or of a variant of one, that is not decoded.
    #[error("{0}")]
    Unsupported(String),
    /// The file, its picture or the memory to decode it exceeds limits.
    #[error("{}", .0.iter().map(Excess::to_string).collect::<Vec<_>>().join("; "))]
    TooLarge(Vec<Excess>),
    /// The bytes are damaged, truncated or not what their header says.
    #[error("{0}")]
    Failed(String),
    /// The file could not be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// The machine failed, not the file: no memory, no file descriptor, a failing disk. Trying again may help.
    #[error("{0}")]
    Temporary(String),
}

impl DecodeError {
    /// The reason, with a code that programs can rely on.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Empty => Reason::Empty,
            Self::NotAPhoto(_) => Reason::NotAPhoto,
            Self::Unsupported(_) => Reason::Unsupported,
            Self::TooLarge(_) => Reason::TooLarge,
            Self::Failed(_) => Reason::DecodeFailed,
            Self::Unreadable(_) => Reason::Unreadable,
            Self::Temporary(_) => Reason::TemporaryFailure,
        }
    }

    /// An error of the system while a file was opened or read.
    pub fn unreadable(error: &io::Error) -> Self {
        let reason = format!("cannot be read: {error}");
        if read::is_temporary(error) { Self::Temporary(reason) } else { Self::Unreadable(reason) }
    }
}

/// A picture whose header was read and judged, and that is not decoded yet.
#[derive(Debug)]
pub struct Picture<'a> {
    kind: Kind<'a>,
    memory: u64,
}

#[derive(Debug)]
enum Kind<'a> {
    Jpeg(jpeg::Outline<'a>),
    Png(png::Outline<'a>),
    WebP(webp::Outline<'a>),
}

/// Reads the header of an image file and judges it, without decoding.
///
/// # Errors
/// Bytes that are no image, an unsupported format, a damaged or truncated file, or one beyond `limits`.
pub fn inspect<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Picture<'a>, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    limits.check([(Bound::File, bytes.len() as u64)])?;
    let kind = match Format::of(bytes) {
        Some(Format::Jpeg) => Kind::Jpeg(jpeg::inspect(bytes)?),
        Some(Format::Png) => Kind::Png(png::inspect(bytes)?),
        Some(Format::WebP) => Kind::WebP(webp::inspect(bytes)?),
        Some(Format::Other(name, help)) => {
            return Err(DecodeError::Unsupported(format!("{name} files are not decoded: {help}")));
        }
        None => {
            return Err(DecodeError::Unsupported(
                "not an image in a known format; JPEG, PNG and WebP are decoded".into(),
            ));
        }
    };
    let ((width, height), working) = match &kind {
        Kind::Jpeg(outline) => (outline.size(), outline.memory()),
        Kind::Png(outline) => (outline.size(), outline.memory()),
        Kind::WebP(outline) => (outline.size(), outline.memory()),
    };
    if width == 0 || height == 0 {
        return Err(DecodeError::Failed(format!("the header says {width} x {height} pixels")));
    }
    // The file itself, and the copy of it that the decoder gets.
    let memory = working.saturating_add(2 * bytes.len() as u64);
    let pixels = u64::from(width) * u64::from(height);
    limits.check([(Bound::Pixels, pixels), (Bound::Memory, memory)])?;
    match &kind {
        Kind::Jpeg(outline) => outline.check()?,
        Kind::Png(outline) => outline.check()?,
        Kind::WebP(_) => {}
    }
    Ok(Picture { kind, memory })
}

impl Picture<'_> {
    /// Most memory, in bytes, that the file and its decoding take together.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Decodes the picture and turns it upright.
    ///
    /// # Errors
    /// A damaged or truncated file, a variant that is not decoded; `Temporary` if the memory is not there.
    pub fn decode(self) -> Result<Photo, DecodeError> {
        // Decoders end the process when an allocation fails. What they will need is asked for before.
        drop(room_for(self.memory)?);
        let decode = || match self.kind {
            Kind::Jpeg(outline) => jpeg::decode(outline),
            Kind::Png(outline) => png::decode(outline, self.memory),
            Kind::WebP(outline) => webp::decode(outline),
        };
        // Decoders are others' code, and some have panicked on odd files: one photo must not end a run.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(DecodeError::Failed("damaged: the decoder gave up on it".into())))
    }
}

/// Decodes the bytes of one image file.
///
/// # Errors
/// As [`inspect`] and [`Picture::decode`].
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    inspect(bytes, limits)?.decode()
}

/// An empty buffer with room for so many bytes.
fn room_for(bytes: u64) -> Result<Vec<u8>, DecodeError> {
    let mut buffer = Vec::new();
    let reserved = usize::try_from(bytes).is_ok_and(|bytes| buffer.try_reserve_exact(bytes).is_ok());
    if reserved {
        return Ok(buffer);
    }
    Err(DecodeError::Temporary(format!("out of memory: {bytes} bytes were refused")))
}

#[cfg(test)]
mod tests;
