//! Photos: bytes of an image file to upright RGB pixels, within limits.

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
