//! JPEG XL, decoded by the `jxl-oxide` crate. An animation gives its first picture.

use jxl_oxide::{AllocTracker, EnumColourEncoding, InitializeResult, JxlImage, RenderingIntent};

use super::annotations::Annotations;
use super::boxes::Boxes;
use super::profile::Profile;
use super::raster::upright;
use super::{DecodeError, Photo, Still, room_for};

/// Bytes that contain the header of most files.
const START: usize = 64 << 10;
/// Memory for the header and the profile in it.
const HEADER: usize = 32 << 20;
/// Most bytes per sample that the decoder keeps: 32 bits, before and after its filters, in a reference and in its output.
const BYTES_PER_SAMPLE: u64 = 24;

/// A file whose header was read.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    bytes: &'a [u8],
    size: (u32, u32),
    samples: u64,
    annotations: Annotations<'a>,
}

/// Reads the header and only that.
pub(super) fn inspect(bytes: &[u8]) -> Result<Outline<'_>, DecodeError> {
    let start = &bytes[..bytes.len().min(START)];
    let image = match initialized(start, HEADER) {
        Ok(Some(image)) => image,
        _ => initialized(bytes, HEADER + bytes.len())?.ok_or_else(truncated)?,
    };
    let samples = 3 + image.image_header().metadata.ec_info.len() as u64;
    let mut annotations =
        Annotations { container: Some(image::metadata::Orientation::NoTransforms), ..Annotations::default() };
    for one in Boxes(bytes).filter(|one| one.whole && bytes[0] == 0) {
        match (&one.kind, one.body) {
            (b"Exif", [a, b, c, d, block @ ..]) => {
                let skipped = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
                annotations.exif.extend(block.get(skipped..));
            }
            (b"xml ", packet) => annotations.xmp.push(packet),
            _ => {}
        }
    }
    Ok(Outline { bytes, size: (image.width(), image.height()), samples, annotations })
}

fn truncated() -> DecodeError {
    DecodeError::Failed("truncated JPEG XL: it ends before the end of its picture".into())
}

fn damaged(error: impl std::fmt::Display) -> DecodeError {
    DecodeError::Failed(format!("damaged or truncated JPEG XL: {error}"))
}

/// A decoder that has read the header in `bytes` and everything behind it. None if the header is incomplete.
fn initialized(bytes: &[u8], memory: usize) -> Result<Option<JxlImage>, DecodeError> {
    let mut empty = JxlImage::builder()
        .pool(jxl_oxide::JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(memory))
        .build_uninit();
    empty.feed_bytes(bytes).map_err(damaged)?;
    match empty.try_init().map_err(damaged)? {
        InitializeResult::Initialized(image) => Ok(Some(image)),
        InitializeResult::NeedMoreData(_) => Ok(None),
    }
}

impl<'a> Still<'a> for Outline<'a> {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn memory(&self) -> u64 {
        (BYTES_PER_SAMPLE * self.samples + 6)
            .saturating_mul(u64::from(self.size.0) * u64::from(self.size.1))
            .saturating_add(2 * HEADER as u64)
    }

    fn annotations(&self) -> &Annotations<'a> {
        &self.annotations
    }

    fn decode(self: Box<Self>, memory: u64) -> Result<Photo, DecodeError> {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let mut image = initialized(self.bytes, memory)?.ok_or_else(truncated)?;
        let by_profile = image.original_icc().is_some();
        if !by_profile {
            image.request_color_encoding(EnumColourEncoding::srgb(RenderingIntent::Relative));
        }
        if image.num_loaded_keyframes() == 0 {
            return Err(truncated());
        }
        let render = image.render_frame(0).map_err(damaged)?;
        let mut stream = render.stream();
        let (width, height, channels) = (stream.width(), stream.height(), stream.channels() as usize);
        let pixels = u64::from(width) * u64::from(height);
        let mut samples = room_for(pixels * channels as u64)?;
        samples.resize(pixels as usize * channels, 0_u8);
        if stream.write_to_buffer(&mut samples) != samples.len() {
            return Err(truncated());
        }
        let blend = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let mut rgb = room_for(3 * pixels)?;
        match (image.pixel_format(), channels) {
            (_, 1) => rgb.extend(samples.iter().flat_map(|&grey| [grey; 3])),
            (_, 2) => rgb
                .extend(samples.as_chunks::<2>().0.iter().flat_map(|&[grey, alpha]| [blend(grey, alpha); 3])),
            (_, 3) => rgb = samples,
            (jxl_oxide::PixelFormat::Rgba, 4) => {
                let pixels = samples.as_chunks::<4>().0;
                rgb.extend(
                    pixels.iter().flat_map(|&[r, g, b, alpha]| [r, g, b].map(|value| blend(value, alpha))),
                );
            }
            (other, _) => {
                let what = format!("JPEG XL files with {other:?} samples are not decoded");
                return Err(DecodeError::Unsupported(format!("{what}; {}", super::format::JPEG_XL)));
            }
        }
        let profile = if by_profile { Profile::Owned(image.rendered_icc()) } else { Profile::None };
        upright(width, height, rgb, &Annotations { profile, ..self.annotations })
    }
}
