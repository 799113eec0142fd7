//! Photos: bytes of an image file to upright RGB pixels, within limits.
//!
//! The format is told from the bytes, never from a name. JPEG and PNG are decoded, WebP if [`Limits::webp`]
//! says so; every other format is refused by name. A header is read and judged before anything of the
//! size it claims is allocated, so a decompression bomb costs nothing.
//!
//! What becomes of the less common kinds:
//! - EXIF orientation (all eight) is applied: a [`Photo`] is upright.
//! - Grey is spread over the three channels, 16 bits are rounded to 8, palettes are looked up.
//! - Alpha is composited over white, the usual paper behind a cut-out portrait.
//! - CMYK and YCCK JPEG with Adobe's marker are converted; without it the polarity of the inks is
//!   unknown, so they are refused.
//! - An animated PNG or WebP gives its first picture.
//! - Colour profiles and gamma are ignored.

mod jpeg;
mod raster;
mod read;

pub use read::read;

use thiserror::Error;

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

/// How much one photo may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Most pixels a header may claim.
    pub pixels: u64,
    /// Most memory the decoding of one photo may take, in bytes, as estimated from its header.
    pub alloc: u64,
    /// Whether WebP is decoded. Off by default: its decoder knows no limits of its own.
    pub webp: bool,
}

impl Default for Limits {
    /// 32 MiB of file, 100 megapixels, 1 GiB of memory, no WebP.
    fn default() -> Self {
        Self { file_bytes: 32 << 20, pixels: 100_000_000, alloc: 1 << 30, webp: false }
    }
}

/// Why some bytes did not become a photo.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// There are no bytes at all.
    #[error("the file is empty")]
    Empty,
    /// The bytes are of a format, or of a variant of one, that is not decoded.
    #[error("{0}; JPEG and PNG are")]
    Unsupported(String),
    /// The file, its picture or the memory to decode it exceeds a limit.
    #[error("{what} is {got}, the limit is {limit}")]
    TooLarge {
        /// What was measured, with its unit.
        what: &'static str,
        /// Its size here.
        got: u64,
        /// The largest accepted.
        limit: u64,
    },
    /// The bytes are damaged, truncated or not what their header says.
    #[error("{0}")]
    Failed(String),
    /// The file could not be read at all.
    #[error("{0}")]
    Unreadable(String),
}

impl DecodeError {
    /// The reason as a word that programs can rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "too_large",
            Self::Failed(_) => "decode_failed",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// Decodes the bytes of one image file.
///
/// # Errors
/// Bytes that are no image, an unsupported format, a damaged or truncated file, or one beyond `limits`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Photo, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    within("the file in bytes", bytes.len() as u64, limits.file_bytes)?;
    match Format::of(bytes) {
        Some(Format::Jpeg) => jpeg::decode(bytes, limits),
        Some(Format::Png) => raster::decode_png(bytes, limits),
        Some(Format::WebP) if limits.webp => raster::decode_webp(bytes, limits),
        Some(other) => Err(DecodeError::Unsupported(format!("{} files are not decoded", other.name()))),
        None => Err(DecodeError::Unsupported("not an image in a known format".into())),
    }
}

/// Image formats that can be told from their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
    WebP,
    Gif,
    Bmp,
    Tiff,
    Heif,
    Avif,
    JpegXl,
    Jpeg2000,
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let brand = |names: &[&[u8; 4]]| {
            bytes.get(4..8) == Some(b"ftyp") && names.iter().any(|name| bytes.get(8..12) == Some(&name[..]))
        };
        Some(match () {
            () if starts(&[0xff, 0xd8, 0xff]) => Self::Jpeg,
            () if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Self::WebP,
            () if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            () if starts(b"BM") => Self::Bmp,
            () if starts(b"II*\0") || starts(b"MM\0*") => Self::Tiff,
            () if brand(&[b"avif", b"avis"]) => Self::Avif,
            () if brand(&[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]) => Self::Heif,
            () if starts(&[0xff, 0x0a]) || starts(b"\0\0\0\x0cJXL ") => Self::JpegXl,
            () if starts(b"\0\0\0\x0cjP  ") => Self::Jpeg2000,
            () => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Heif => "HEIF/HEIC",
            Self::Avif => "AVIF",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
        }
    }
}

/// Refuses a header's dimensions, or the memory they would take, before anything is allocated.
/// `bytes_per_pixel` is what the decoder holds at its peak.
fn check_header(
    width: u64,
    height: u64,
    bytes_per_pixel: u64,
    limits: &Limits,
) -> Result<(u32, u32), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::Failed(format!("the header says {width} x {height} pixels")));
    }
    let pixels = width.saturating_mul(height);
    within("the picture in pixels", pixels, limits.pixels)?;
    within("the memory to decode it in bytes", pixels.saturating_mul(bytes_per_pixel), limits.alloc)?;
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err(DecodeError::TooLarge {
            what: "a side in pixels",
            got: width.max(height),
            limit: u32::MAX.into(),
        }),
    }
}

fn within(what: &'static str, got: u64, limit: u64) -> Result<(), DecodeError> {
    if got > limit { Err(DecodeError::TooLarge { what, got, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
