//! Colour profiles: conversion of pixels to sRGB.
//!
//! Most photos have no profile or one of sRGB, and their values are not touched. A profile that is damaged, too large, or of another kind
//! than grey or RGB has no effect: the values are taken as sRGB. So are the values of HDR photos (PQ and HLG), except for their primaries.

use std::io::Read;

use moxcms::{
    CicpColorPrimaries, CicpProfile, ColorProfile, DataColorSpace, Layout, MatrixCoefficients,
    RenderingIntent, TransferCharacteristics, TransformOptions,
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

impl Profile<'_> {
    /// Converts RGB pixels to sRGB.
    pub fn to_srgb(&self, pixels: &mut [u8]) {
        if let Some(profile) = self.parsed() {
            convert(&profile, pixels);
        }
    }

    /// The profile, if it is of a kind that is applied.
    fn parsed(&self) -> Option<ColorProfile> {
        let mut joined = Vec::new();
        let icc = match self {
            Self::None => return None,
            Self::Cicp(primaries, transfer) => return cicp(*primaries, *transfer),
            Self::Icc(icc) => icc,
            Self::Owned(icc) => icc.as_slice(),
            Self::Compressed(bytes) => {
                let inflated = flate2::read::ZlibDecoder::new(*bytes);
                inflated.take(LARGEST as u64 + 1).read_to_end(&mut joined).ok()?;
                &joined
            }
            Self::Parts(parts) => {
                let count = parts.first()?.1;
                for number in 1..=count {
                    joined.extend(parts.iter().find(|part| part.0 == number)?.2);
                }
                &joined
            }
        };
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

/// Converts RGB pixels, unless the profile is that of sRGB.
fn convert(profile: &ColorProfile, pixels: &mut [u8]) {
    let is_grey = profile.color_space == DataColorSpace::Gray;
    let layout = if is_grey { Layout::Gray } else { Layout::Rgb };
    let options =
        TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..Default::default() };
    let srgb = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, options) else { return };
    if is_grey {
        let values: Vec<u8> = (0..=255).collect();
        let mut table = [0; 3 * 256];
        if transform.transform(&values, &mut table).is_err() || is_same(&greys(&values), &table) {
            return;
        }
        for pixel in pixels.as_chunks_mut::<3>().0 {
            *pixel = table.as_chunks::<3>().0[usize::from(pixel[0])];
        }
        return;
    }
    let steps = || (0..=5).map(|step| step * 51_u8);
    let probes: Vec<u8> =
        steps().flat_map(|r| steps().flat_map(move |g| steps().flat_map(move |b| [r, g, b]))).collect();
    let mut converted = vec![0; probes.len()];
    if transform.transform(&probes, &mut converted).is_err() || is_same(&probes, &converted) {
        return;
    }
    let mut batch = [0; 3 * BATCH];
    for part in pixels.chunks_mut(3 * BATCH) {
        let from = &mut batch[..part.len()];
        from.copy_from_slice(part);
        if transform.transform(from, part).is_err() {
            part.copy_from_slice(from);
        }
    }
}

fn greys(values: &[u8]) -> Vec<u8> {
    values.iter().flat_map(|&value| [value; 3]).collect()
}

fn is_same(probes: &[u8], converted: &[u8]) -> bool {
    probes.iter().zip(converted).all(|(&from, &to)| from.abs_diff(to) <= SAME)
}
