//! GIF, BMP and TIFF, which the `image` crate decodes as a whole.
//!
//! An animation gives its first picture, a TIFF of several pages its first page.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, tiff::TiffDecoder};
use image::{DynamicImage, ImageDecoder};

use super::annotations::Annotations;
use super::ifd::{Tiff, tag};
use super::profile::Profile;
use super::raster::{self, over_white, refusal, upright};
use super::{DecodeError, Photo, Still};

/// The formats of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gif,
    Bmp,
    Tiff,
}

/// A file whose header was read.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    bytes: &'a [u8],
    codec: Codec,
    size: (u32, u32),
    /// Bytes per pixel of the decoded picture.
    decoded: u64,
    /// Whether a sample has more than 8 bits.
    is_deep: bool,
    annotations: Annotations<'a>,
}

fn decoder(bytes: &[u8], codec: Codec) -> Result<Box<dyn ImageDecoder + '_>, DecodeError> {
    let reader = Cursor::new(bytes);
    Ok(match codec {
        Codec::Gif => Box::new(GifDecoder::new(reader).map_err(refused)?),
        Codec::Bmp => Box::new(BmpDecoder::new(reader).map_err(refused)?),
        Codec::Tiff => Box::new(TiffDecoder::new(reader).map_err(refused)?),
    })
}

/// An error of a decoder, with advice if the file is sound.
fn refused(error: image::ImageError) -> DecodeError {
    match refusal(error) {
        DecodeError::Unsupported(what) => {
            DecodeError::Unsupported(format!("{what}; {}", super::format::CONVERT))
        }
        other => other,
    }
}

/// Reads the header. The decoders allocate no more than a palette and the tags, which are limited.
pub(super) fn inspect(bytes: &[u8], codec: Codec) -> Result<Outline<'_>, DecodeError> {
    let mut decoder = decoder(bytes, codec)?;
    let mut annotations = Annotations::default();
    if codec == Codec::Tiff {
        if let Ok(Some(profile)) = decoder.icc_profile() {
            annotations.profile = Profile::Owned(profile);
        }
        annotations.exif.push(bytes);
        annotations.xmp.extend(Tiff::new(bytes).and_then(|tiff| tiff.first()?.bytes(tag::XMP)));
    }
    let colour = decoder.color_type();
    let decoded = u64::from(colour.bytes_per_pixel());
    let is_deep = colour.bytes_per_pixel() > colour.channel_count();
    Ok(Outline { bytes, codec, size: decoder.dimensions(), decoded, is_deep, annotations })
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    /// What the decoder keeps, its output, and the copies with alpha, without it, and turned.
    fn memory(&self) -> u64 {
        (self.decoded.max(8) + self.decoded + 4 + 6)
            .saturating_mul(u64::from(self.size.0) * u64::from(self.size.1))
            .saturating_add(1 << 20)
    }

    fn bits(&self, memory: u64) -> u8 {
        if self.is_deep { self.picture(memory).map_or(8, |picture| raster::bits(&picture)) } else { 8 }
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    fn decode(self: Box<Self>, memory: u64) -> Result<Photo, DecodeError> {
        let picture = self.picture(memory)?;
        upright(picture.width(), picture.height(), over_white(picture)?, &self.annotations)
    }
}

impl Outline<'_> {
    fn picture(&self, memory: u64) -> Result<DynamicImage, DecodeError> {
        let mut decoder = decoder(self.bytes, self.codec)?;
        let mut allowed = image::Limits::no_limits();
        allowed.max_alloc = Some(memory);
        decoder.set_limits(allowed).map_err(refused)?;
        DynamicImage::from_decoder(decoder).map_err(refused)
    }
}
