//! Photos: decodes the bytes of an image file to upright RGB pixels, within limits.
//!
//! The bytes determine the format, not the file name. JPEG, PNG and WebP are decoded. Every other format (HEIC, AVIF, TIFF, GIF, camera raw
//! and others) is refused as `unsupported`, and the message contains a command that converts the file. Each further decoder would
//! be another target for hostile files.
//!
//! The header is read and checked before memory for the picture is allocated, so a decompression bomb costs nothing. The default limits are
//! 256 megapixels and 256 MiB per file (`--max-pixels`, `--max-file`). All photos in flight together may use half of the machine's memory
//! (`--max-memory`). A refusal names the option and a value that is sufficient.
//!
//! A decoder receives only the parts of a file that make up the picture. This module parses the segments or chunks of the file and drops
//! the rest: metadata, profiles, further pictures, and bytes between or after segments.
//!
//! Special cases:
//! - EXIF orientation (all eight) is applied in every format that allows EXIF, so a [`Photo`] is upright.
//! - Grey is copied to the three channels, 16 bits are rounded to 8, palettes are resolved.
//! - Alpha is composited over white, the usual background of a portrait that was cut out.
//! - CMYK and YCCK JPEG are converted with 255 as no ink, with or without Adobe's marker, as programs of Adobe write
//!   them.
//! - An animated PNG gives the picture that programs without animation show, an animated WebP its first picture, and a file
//!   of several JPEGs (MPO, motion photos) its first JPEG.
//! - Colour profiles and gamma are ignored: values are taken as sRGB. Photos in Display P3 become slightly paler, which does not affect
//!   recognition.

mod exif;
mod format;
mod jpeg;
mod limits;
pub mod picture;
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

/// SHA-256 of the bytes of a photo file. It identifies the photo independently of its name.
pub type PhotoHash = [u8; 32];

/// An upright RGB photo, 8 bits per channel, rows from top to bottom without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// `width * height * 3` bytes, RGB interleaved.
    pub pixels: Vec<u8>,
}

/// Why a file could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// A file in a folder that is not a photo by its name and by its content: a sidecar, a video, a document.
    #[error("{0}")]
    NotAPhoto(String),
    /// The format, or the variant of a format, is not decoded.
    #[error("{0}")]
    Unsupported(String),
    /// The file, its picture or the memory for decoding exceeds a limit.
    #[error("{}", .0.iter().map(Excess::to_string).collect::<Vec<_>>().join("; "))]
    TooLarge(Vec<Excess>),
    /// The bytes are damaged, truncated or do not agree with their header.
    #[error("{0}")]
    Failed(String),
    /// The file could not be read.
    #[error("{0}")]
    Unreadable(String),
    /// The machine failed and not the file: no memory, no file descriptor, a failing disk. Another attempt may succeed.
    #[error("{0}")]
    Temporary(String),
}

impl DecodeError {
    /// The reason, with a stable code for programs.
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

    /// An error of the system when the file was opened or read.
    pub fn unreadable(error: &io::Error) -> Self {
        let reason = format!("cannot be read: {error}");
        if read::is_temporary(error) { Self::Temporary(reason) } else { Self::Unreadable(reason) }
    }
}

/// A picture whose header was read and checked. It is not decoded yet.
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

/// Reads and checks the header of an image file. Does not decode it.
///
/// # Errors
/// The bytes are not an image, the format is unsupported, the file is damaged or truncated, or it exceeds `limits`.
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
        return Err(DecodeError::Failed(format!("its header has {width} x {height} pixels")));
    }
    // The file itself, and the copy of it for the decoder.
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
    /// Most memory, in bytes, for the file and its decoding together.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Decodes the picture and rotates it upright.
    ///
    /// # Errors
    /// The file is damaged, truncated, or a variant that is not decoded. `Temporary` if there is not enough memory.
    pub fn decode(self) -> Result<Photo, DecodeError> {
        // Decoders abort the process when an allocation fails, so the same amount is allocated first.
        drop(room_for(self.memory)?);
        let decode = || match self.kind {
            Kind::Jpeg(outline) => jpeg::decode(outline),
            Kind::Png(outline) => png::decode(outline, self.memory),
            Kind::WebP(outline) => webp::decode(outline),
        };
        // Decoders are third-party code, and some have panicked on unusual files. One photo must not end the run.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
            .unwrap_or_else(|_| Err(DecodeError::Failed("damaged: the decoder failed on it".into())))
    }
}

/// Decodes the bytes of one image file.
///
/// # Errors
/// As for [`inspect`] and [`Picture::decode`].
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    inspect(bytes, limits)?.decode()
}

/// An empty buffer with space for this number of bytes.
fn room_for(bytes: u64) -> Result<Vec<u8>, DecodeError> {
    let mut buffer = Vec::new();
    let reserved = usize::try_from(bytes).is_ok_and(|bytes| buffer.try_reserve_exact(bytes).is_ok());
    if reserved {
        return Ok(buffer);
    }
    Err(DecodeError::Temporary(format!("out of memory: cannot allocate {bytes} bytes")))
}

#[cfg(test)]
mod tests;
