//! Colour profiles: conversion of pixels to sRGB.
//!
//! Most photos have no profile or one of sRGB, and their values are not touched. A profile that is damaged, too large, or of another kind
//! than grey or RGB has no effect: the values are taken as sRGB. So are the values of HDR photos (PQ and HLG), except for their primaries.

use std::borrow::Cow;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    RenderingIntent, TransferCharacteristics, TransformExecutor, TransformOptions,
};

/// Larger profiles are ignored. Profiles of cameras and screens have a few kilobytes, those of printers up to 3 MiB.
const LARGEST: usize = 4 << 20;
/// A profile that changes no probe by more than this many steps of 255 counts as sRGB.
const SAME: u8 = 2;
/// Pixels that are converted at once.
const BATCH: usize = 4096;

/// A colour profile as the file contains it.
#[derive(Debug, Default, Clone)]
pub(super) enum Profile<'a> {
    /// None: the values are sRGB.
    #[default]
    None,
    /// An ICC profile in one part.
    Icc(&'a [u8]),
    /// The parts of an ICC profile in a JPEG: number of the part from 1, number of parts, bytes.
    Parts(Vec<(u8, u8, &'a [u8])>),
    /// An ICC profile compressed by zlib.
    Compressed(&'a [u8]),
    /// An ICC profile that a decoder returned.
    Owned(Vec<u8>),
    /// Primaries and transfer function by their numbers in ITU-T H.273.
    Cicp(u8, u8),
}

/// What a profile does to RGB pixels.
#[derive(Clone)]
enum Conversion {
    /// Nothing: it is that of sRGB, or it is not applied.
    None,
    /// Each grey value becomes a colour.
    Grey(Arc<[[u8; 3]; 256]>),
    Rgb(Arc<dyn TransformExecutor<u8> + Send + Sync>),
}

/// The conversions that were used last, by the bytes of their profiles: to make one takes as long as to decode a small photo, and a
/// collection has few of them.
static RECENT: Mutex<Vec<(Vec<u8>, Conversion)>> = Mutex::new(Vec::new());
/// Most conversions that are kept.
const MOST_RECENT: usize = 8;
/// Conversions of larger profiles are not kept.
const LARGEST_RECENT: usize = 64 << 10;

impl Profile<'_> {
    /// Converts RGB pixels to sRGB.
    pub fn to_srgb(&self, pixels: &mut [u8]) {
        let Some(key) = self.bytes() else { return };
        let recent = || RECENT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = recent().iter().find(|known| known.0 == *key).map(|known| known.1.clone());
        let conversion = known.unwrap_or_else(|| {
            let made = self.parsed(&key).map_or(Conversion::None, |profile| Conversion::of(&profile));
            if key.len() <= LARGEST_RECENT {
                let mut recent = recent();
                recent.truncate(MOST_RECENT - 1);
                recent.insert(0, (key.into_owned(), made.clone()));
            }
            made
        });
        conversion.apply(pixels);
    }

    /// The bytes of the profile, or its two numbers.
    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        let mut joined = Vec::new();
        match self {
            Self::None => return None,
            Self::Cicp(primaries, transfer) => joined.extend([*primaries, *transfer]),
            Self::Icc(icc) => return Some(Cow::Borrowed(icc)),
            Self::Owned(icc) => return Some(Cow::Borrowed(icc)),
            Self::Compressed(bytes) => {
                let inflated = flate2::read::ZlibDecoder::new(*bytes);
                inflated.take(LARGEST as u64 + 1).read_to_end(&mut joined).ok()?;
            }
            Self::Parts(parts) => {
                for number in 1..=parts.first()?.1 {
                    joined.extend(parts.iter().find(|part| part.0 == number)?.2);
                }
            }
        }
        Some(Cow::Owned(joined))
    }

    /// The profile, if it is of a kind that is applied.
    fn parsed(&self, icc: &[u8]) -> Option<ColorProfile> {
        if let Self::Cicp(primaries, transfer) = self {
            return cicp(*primaries, *transfer);
        }
        if icc.len() > LARGEST {
            return None;
        }
        let profile = ColorProfile::new_from_slice(icc).ok()?;
        matches!(profile.color_space, DataColorSpace::Rgb | DataColorSpace::Gray).then_some(profile)
    }
}

/// The profile of the primaries of H.273. None for those of sRGB and for unknown ones.
fn cicp(primaries: u8, transfer: u8) -> Option<ColorProfile> {
    let color_primaries = CicpColorPrimaries::try_from(primaries).ok()?;
    if !matches!(primaries, 4..=12 | 22) && matches!(transfer, 1 | 2 | 6 | 13..=16 | 18) {
        return None; // those of BT.709 or not specified
    }
    let transfer_characteristics = match transfer {
        // The functions of BT.709 and its sisters are shown as sRGB by all programs, and those of HDR are not applied.
        1 | 2 | 6 | 13..=16 | 18 => TransferCharacteristics::Srgb,
        other => TransferCharacteristics::try_from(other).ok()?,
    };
    Some(ColorProfile::new_from_cicp(CicpProfile {
        color_primaries,
        transfer_characteristics,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    }))
}

impl Conversion {
    fn of(profile: &ColorProfile) -> Self {
        let is_grey = profile.color_space == DataColorSpace::Gray;
        let layout = if is_grey { Layout::Gray } else { Layout::Rgb };
        let rendering_intent = RenderingIntent::RelativeColorimetric;
        let options = TransformOptions { rendering_intent, ..Default::default() };
        let made = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options);
        let Ok(transform) = made else { return Self::None };
        if is_grey {
            let values: Vec<u8> = (0..=255).collect();
            let mut table = [[0; 3]; 256];
            let done = transform.transform(&values, table.as_flattened_mut());
            return match done.is_err() || is_same(&greys(&values), table.as_flattened()) {
                true => Self::None,
                false => Self::Grey(Arc::new(table)),
            };
        }
        let steps = || (0..=5).map(|step| step * 51_u8);
        let probes: Vec<u8> =
            steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect();
        let mut converted = vec![0; probes.len()];
        match transform.transform(&probes, &mut converted).is_err() || is_same(&probes, &converted) {
            true => Self::None,
            false => Self::Rgb(transform),
        }
    }

    fn apply(&self, pixels: &mut [u8]) {
        match self {
            Self::None => {}
            Self::Grey(table) => {
                for pixel in pixels.as_chunks_mut::<3>().0 {
                    *pixel = table[usize::from(pixel[0])];
                }
            }
            Self::Rgb(transform) => {
                let mut batch = [0; 3 * BATCH];
                for part in pixels.chunks_mut(3 * BATCH) {
                    let from = &mut batch[..part.len()];
                    from.copy_from_slice(part);
                    if transform.transform(from, part).is_err() {
                        part.copy_from_slice(from);
                    }
                }
            }
        }
    }
}

fn greys(values: &[u8]) -> Vec<u8> {
    values.iter().flat_map(|&value| [value; 3]).collect()
}

fn is_same(probes: &[u8], converted: &[u8]) -> bool {
    probes.iter().zip(converted).all(|(&from, &to)| from.abs_diff(to) <= SAME)
}
