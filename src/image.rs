//! Photos: decodes the bytes of an image file to upright RGB pixels, within limits.
//!
//! The bytes determine the format, not the file name:
//! - JPEG, PNG, WebP, GIF, BMP, TIFF and JPEG XL are decoded here.
//! - HEIF/HEIC and AVIF are decoded by an installed program: `heif-dec` or `heif-convert` of libheif, `avifdec` of libavif, or `vips`. No
//!   library is loaded for it. Without a program they are refused as `unsupported`, and the message names the package to install.
//! - Camera raw files (DNG, CR2, CR3, NEF, NRW, ARW, RAF, ORF, RW2, PEF) give the largest complete JPEG in them, which is the
//!   camera's own rendering. The raw samples are not developed.
//! - Every other format (JPEG 2000, Photoshop and others) is refused as `unsupported`, and the message contains a command that
//!   converts the file.
//!
//! The header is read and checked before memory for the picture is allocated, so a decompression bomb costs nothing. The default limits are
//! 256 megapixels and 256 MiB per file (`--max-pixels`, `--max-file`). All photos in flight together may use half of the machine's memory
//! (`--max-memory`). A refusal names the option and a value that is sufficient.
//!
//! A decoder of JPEG, PNG and WebP receives only the parts of a file that make up the picture. This module parses the segments or chunks
//! of the file and drops the rest: metadata, profiles, further pictures, and bytes between or after segments.
//!
//! Special cases:
//! - EXIF orientation (all eight), or that of XMP if there is none in EXIF, is applied, so a [`Photo`] is upright. HEIF, AVIF and JPEG XL
//!   state it in their own structure, which takes precedence.
//! - Grey is copied to the three channels, 16 bits are rounded to 8, palettes are resolved.
//! - Alpha is composited over white, the usual background of a portrait that was cut out.
//! - CMYK and YCCK JPEG are converted with 255 as no ink, with or without Adobe's marker, as programs of Adobe write
//!   them.
//! - An animated PNG gives the picture that programs without animation show, every other animation its first picture, a TIFF its first
//!   page, and a file of several JPEGs (MPO, motion photos) its first JPEG.
//! - Colour profiles of grey and RGB (Display P3, Adobe RGB and others) are converted to sRGB, also those that PNG, HEIF and AVIF state by
//!   numbers. Profiles of CMYK, damaged profiles and the gamma of PNG are ignored: the values are taken as sRGB. The brightness of
//!   HDR photos in HEIF and AVIF (PQ, HLG) is not mapped.

mod annotations;
mod boxes;
mod decoders;
mod exif;
mod format;
mod heif;
mod ifd;
mod jpeg;
mod jxl;
mod limits;
mod metadata;
mod pages;
pub mod picture;
mod png;
mod profile;
mod raster;
mod raw;
mod read;
mod webp;
mod xmp;

pub use heif::programs;
pub use limits::{Bound, Excess, Limits};
pub use metadata::{Metadata, Taken, metadata};
pub use pages::{has_more_pictures, is_camera_raw};
pub use read::Source;

use std::fmt::Debug;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annotations::Annotations;
use decoders::Codec;
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
    /// The format, or the variant of a format, is not decoded, or only by a program that is not installed. The text says what to do.
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
    still: Box<dyn Still<'a> + 'a>,
    memory: u64,
}

/// A picture of some format whose header was read.
trait Still<'a>: Debug {
    /// Width and height in pixels as the header states them.
    fn size(&self) -> (u32, u32);

    /// Most memory for decoding in bytes, without the file and a copy of it.
    fn memory(&self) -> u64;

    /// Refuses pictures that cannot be decoded, after the limits were checked.
    fn check(&self) -> Result<(), DecodeError> {
        Ok(())
    }

    /// Bits of a channel that hold information, 8 or 16. A file of more bits is decoded for it with at most this much memory, in bytes.
    fn bits(&self, _memory: u64) -> u8 {
        8
    }

    /// Bytes of the encoded picture, without metadata and what follows it. `None` if the format does not tell them apart.
    fn data(&self) -> Option<u64> {
        None
    }

    /// What the file says about its picture.
    fn annotations(&self) -> &Annotations<'a>;

    /// Decodes the picture with at most this much memory, in bytes.
    fn decode(self: Box<Self>, memory: u64) -> Result<Photo, DecodeError>;

    /// Adds what the picture is encoded in, without what describes it, to a hash. `false` if that is not known for the format.
    fn hash_encoded(&self, _: &mut blake3::Hasher) -> bool {
        false
    }

    /// Whether the file holds something beside the picture that a copy of the picture lacks.
    fn holds_more(&self) -> bool {
        false
    }

    /// Whether the file holds a gain map.
    fn has_gain_map(&self) -> bool {
        false
    }

    /// Number of pixels by the header.
    fn pixels_of_header(&self) -> u64 {
        let (width, height) = self.size();
        u64::from(width) * u64::from(height)
    }
}

/// Reads the header of an image file.
fn open(bytes: &[u8]) -> Result<Box<dyn Still<'_> + '_>, DecodeError> {
    let open = || -> Result<Box<dyn Still<'_> + '_>, DecodeError> {
        Ok(match Format::of(bytes) {
            Some(Format::Jpeg) => Box::new(jpeg::inspect(bytes)?),
            Some(Format::Png) => Box::new(png::inspect(bytes)?),
            Some(Format::WebP) => Box::new(webp::inspect(bytes)?),
            Some(Format::Gif) => Box::new(decoders::inspect(bytes, Codec::Gif)?),
            Some(Format::Bmp) => Box::new(decoders::inspect(bytes, Codec::Bmp)?),
            Some(Format::Tiff) if !raw::is_raw(bytes) => Box::new(decoders::inspect(bytes, Codec::Tiff)?),
            Some(Format::Tiff | Format::Raw) => Box::new(raw::inspect(bytes)?),
            Some(Format::JpegXl) => Box::new(jxl::inspect(bytes)?),
            Some(Format::Heif) => Box::new(heif::inspect(bytes, false)?),
            Some(Format::Avif) => Box::new(heif::inspect(bytes, true)?),
            Some(Format::Other(name, help)) => {
                return Err(DecodeError::Unsupported(format!("{name} files are not decoded: {help}")));
            }
            None => {
                let what = format!("not an image in a known format; {}", format::DECODED);
                return Err(DecodeError::Unsupported(what));
            }
        })
    };
    guarded(open)
}

/// Decoders are third-party code, and some have panicked on unusual files. One photo must not end the run.
fn guarded<T>(decode: impl FnOnce() -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(DecodeError::Failed("damaged: the decoder failed on it".into())))
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
    let still = open(bytes)?;
    let (width, height) = still.size();
    if width == 0 || height == 0 {
        return Err(DecodeError::Failed(format!("its header has {width} x {height} pixels")));
    }
    // The file itself, and the copy of it for the decoder.
    let memory = still.memory().saturating_add(2 * bytes.len() as u64);
    limits.check([(Bound::Pixels, still.pixels_of_header()), (Bound::Memory, memory)])?;
    still.check()?;
    Ok(Picture { still, memory })
}

impl Picture<'_> {
    /// Most memory, in bytes, for the file and its decoding together, including that of another program.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    /// Metadata of the photo.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(self.still.annotations())
    }

    /// A hash of what the picture is encoded in, without metadata and profiles: of a JPEG or a PNG, otherwise `None`. Files that differ in
    /// their metadata only have the same.
    pub fn encoded(&self) -> Option<u64> {
        let mut hasher = blake3::Hasher::new();
        let is_known = self.still.hash_encoded(&mut hasher);
        is_known.then(|| u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().unwrap_or(&[0; 8])))
    }

    /// Whether the file holds something beside its picture that a copy of the picture lacks: the video of a motion photo, or the second view
    /// of a stereo or multi-view photo. Previews, gain maps and depth maps do not count.
    pub fn holds_more(&self) -> bool {
        self.still.holds_more()
    }

    /// Whether a JPEG holds a gain map, with which it is a photo of a high dynamic range (HDR).
    pub fn has_gain_map(&self) -> bool {
        self.still.has_gain_map()
    }

    /// Bits of a channel that hold information: 8, or 16 for a PNG or TIFF of more bits that has more than 256 values.
    pub fn bits(&self) -> u8 {
        catch_unwind(AssertUnwindSafe(|| self.still.bits(self.memory))).unwrap_or(8)
    }

    /// Bytes of the encoded picture, without metadata and what follows it. `None` if the format does not tell them apart.
    pub fn data(&self) -> Option<u64> {
        self.still.data()
    }

    /// Decodes the picture, converts its colours to sRGB and rotates it upright.
    ///
    /// # Errors
    /// The file is damaged, truncated, or a variant that is not decoded. `Temporary` if there is not enough memory.
    pub fn decode(self) -> Result<Photo, DecodeError> {
        // Decoders abort the process when an allocation fails, so the same amount is allocated first.
        drop(room_for(self.memory)?);
        guarded(|| self.still.decode(self.memory))
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
