//! Full-reference measures: a picture against its own blurred copy. A picture of a picture has lost the fine structure once already, so
//! blurring changes it less.
//!
//! The definitions are those of Galbally, Marcel and Fierrez, Image quality assessment for fake biometric detection, IEEE Transactions on
//! Image Processing 23 (2014), table I. `a` is the picture and `b` its copy, in grey levels from 0 to 255.

use std::f64::consts::PI;

use super::plane::{Plane, mean, ratio};
use super::spectrum::Spectrum;

/// Largest ratio in decibels; that of equal pictures.
const MOST_DECIBELS: f64 = 100.0;

/// Mean squared error, squared grey levels.
pub(super) fn mean_squared_error(a: &Plane, b: &Plane) -> f64 {
    mean(pairs(a, b).map(|(a, b)| (a - b).powi(2)))
}

/// Peak signal to noise ratio, decibels: 10 log10(255^2 / MSE), at most 100.
pub(super) fn peak_signal_to_noise(a: &Plane, b: &Plane) -> f64 {
    decibels(255.0 * 255.0, mean_squared_error(a, b))
}

/// Signal to noise ratio, decibels: 10 log10(sum a^2 / sum (a - b)^2), at most 100. 0 for a black picture.
pub(super) fn signal_to_noise(a: &Plane, b: &Plane) -> f64 {
    decibels(mean(a.values.iter().map(|a| a * a)), mean_squared_error(a, b))
}

fn decibels(signal: f64, noise: f64) -> f64 {
    match (signal, noise) {
        (signal, _) if signal <= 0.0 => 0.0,
        (_, noise) if noise <= 0.0 => MOST_DECIBELS,
        _ => (10.0 * (signal / noise).log10()).min(MOST_DECIBELS),
    }
}

/// Structural content: sum a^2 / sum b^2. 1 for black pictures.
pub(super) fn structural_content(a: &Plane, b: &Plane) -> f64 {
    let squares = |plane: &Plane| plane.values.iter().map(|value| value * value).sum::<f64>();
    ratio(squares(a), squares(b), 1.0)
}

/// Average difference: mean of a - b, grey levels.
pub(super) fn average_difference(a: &Plane, b: &Plane) -> f64 {
    mean(pairs(a, b).map(|(a, b)| a - b))
}

/// Maximum difference: the largest |a - b|, grey levels.
pub(super) fn maximum_difference(a: &Plane, b: &Plane) -> f64 {
    pairs(a, b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Normalised absolute error: sum |a - b| / sum |a|. 0 for a black picture.
pub(super) fn normalised_absolute_error(a: &Plane, b: &Plane) -> f64 {
    let (error, all) =
        (pairs(a, b).map(|(a, b)| (a - b).abs()).sum(), a.values.iter().map(|a| a.abs()).sum());
    ratio(error, all, 0.0)
}

/// R-averaged maximum difference: the mean of the ten largest |a - b|, grey levels.
pub(super) fn largest_differences(a: &Plane, b: &Plane) -> f64 {
    const R: usize = 10;
    let mut differences: Vec<f64> = pairs(a, b).map(|(a, b)| (a - b).abs()).collect();
    differences.sort_by(|one, other| other.total_cmp(one));
    mean(differences.iter().take(R).copied())
}

/// Laplacian mean squared error: sum (L(a) - L(b))^2 / sum L(a)^2 with the Laplacian L. 0 for a picture without structure.
pub(super) fn laplacian_error(a: &Plane, b: &Plane) -> f64 {
    let (a, b) = (a.laplacian(), b.laplacian());
    let error = pairs(&a, &b).map(|(a, b)| (a - b).powi(2)).sum();
    ratio(error, a.values.iter().map(|a| a * a).sum(), 0.0)
}

/// Normalised cross-correlation: sum a b / sum a^2. 1 for a black picture.
pub(super) fn normalised_cross_correlation(a: &Plane, b: &Plane) -> f64 {
    ratio(pairs(a, b).map(|(a, b)| a * b).sum(), a.values.iter().map(|a| a * a).sum(), 1.0)
}

/// Mean angle between the colours of the two pictures, as a share of a right angle: 0 to 1. Mean angle similarity is 1 minus this.
pub(super) fn mean_angle(a: &[Plane; 3], b: &[Plane; 3]) -> f64 {
    let colour =
        |planes: &[Plane; 3], at: usize| [planes[0].values[at], planes[1].values[at], planes[2].values[at]];
    let dot = |one: [f64; 3], other: [f64; 3]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    mean((0..a[0].values.len()).map(|at| {
        let (one, other) = (colour(a, at), colour(b, at));
        let cosine = ratio(dot(one, other), (dot(one, one) * dot(other, other)).sqrt(), 1.0);
        cosine.clamp(0.0, 1.0).acos() * 2.0 / PI
    }))
}

/// Total edge difference, of the gradients of the two pictures: the share of pixels that are an edge in one picture only, 0 to 1. An edge has a squared gradient of more than
/// four times the mean of its picture.
pub(super) fn edge_difference(a: &[Plane; 2], b: &[Plane; 2]) -> f64 {
    let edges = |[across, down]: &[Plane; 2]| {
        let squared = across.with(down, |x, y| x * x + y * y);
        let limit = 4.0 * squared.moments()[0];
        squared.values.into_iter().map(move |value| value > limit).collect::<Vec<_>>()
    };
    let (a, b) = (edges(a), edges(b));
    mean(a.iter().zip(&b).map(|(a, b)| f64::from(u8::from(a != b))))
}

/// Total corner difference, of the gradients of the two pictures: the difference of the numbers of corners as a share of the larger number, 0 to 1. 0 without corners.
pub(super) fn corner_difference(a: &[Plane; 2], b: &[Plane; 2]) -> f64 {
    let (a, b) = (corners(a) as f64, corners(b) as f64);
    ratio((a - b).abs(), a.max(b), 0.0)
}

/// Number of corners (Harris and Stephens 1988, k = 0.04): local maxima of the response of at least one hundredth of the largest one.
fn corners([across, down]: &[Plane; 2]) -> usize {
    let smooth = |one: &Plane, other: &Plane| one.with(other, |a, b| a * b).blurred(1.0, 2);
    let (xx, yy, xy) = (smooth(across, across), smooth(down, down), smooth(across, down));
    let determinant = xx.with(&yy, |x, y| x * y).with(&xy, |product, xy| product - xy * xy);
    let trace = xx.with(&yy, |x, y| x + y);
    let response = determinant.with(&trace, |determinant, trace| determinant - 0.04 * trace * trace);
    let limit = response.values.iter().copied().fold(0.0, f64::max) / 100.0;
    let corners = response.of_neighbourhoods(|[[a, b, c], [d, here, e], [f, g, h]]| {
        here > limit && [a, b, c, d, e, f, g, h].into_iter().all(|other| here > other)
    });
    corners.into_iter().filter(|is_corner| *is_corner).count()
}

/// Spectral magnitude error: mean of (|A| - |B|)^2 over the frequencies of the two spectra.
pub(super) fn spectral_magnitude_error(a: &Spectrum, b: &Spectrum) -> f64 {
    mean(a.magnitudes().zip(b.magnitudes()).map(|(a, b)| (a - b).powi(2)))
}

/// Spectral phase error: mean of (arg A - arg B)^2, squared radians, 0 to pi^2. A frequency that one picture lacks has no phase and no
/// error.
pub(super) fn spectral_phase_error(a: &Spectrum, b: &Spectrum) -> f64 {
    let present: Vec<bool> = a.magnitudes().zip(b.magnitudes()).map(|(a, b)| a.min(b) > 1e-6).collect();
    let errors = a.phases().zip(b.phases()).zip(present);
    mean(errors.map(|((a, b), present)| if present { angle(a - b).powi(2) } else { 0.0 }))
}

/// Gradient magnitude error: mean of (|grad a| - |grad b|)^2, squared grey levels.
pub(super) fn gradient_magnitude_error(a: &[Plane; 2], b: &[Plane; 2]) -> f64 {
    let magnitude = |[across, down]: &[Plane; 2]| across.with(down, |x, y| (x * x + y * y).sqrt());
    mean_squared_error(&magnitude(a), &magnitude(b))
}

/// Gradient phase error: mean of (arg grad a - arg grad b)^2, squared radians, 0 to pi^2. A pixel without a gradient has no error.
pub(super) fn gradient_phase_error([ax, ay]: &[Plane; 2], [bx, by]: &[Plane; 2]) -> f64 {
    mean((0..ax.values.len()).map(|at| {
        let (a, b) = ([ax.values[at], ay.values[at]], [bx.values[at], by.values[at]]);
        let flat = a[0].hypot(a[1]).min(b[0].hypot(b[1])) < 1e-9;
        if flat { 0.0 } else { angle(a[1].atan2(a[0]) - b[1].atan2(b[0])).powi(2) }
    }))
}

/// An angle as one from -pi to pi.
fn angle(radians: f64) -> f64 {
    radians - 2.0 * PI * (radians / (2.0 * PI)).round()
}

/// Structural similarity, -1 to 1: the mean of the local index with a Gaussian window of deviation 1.5 (Wang, Bovik, Sheikh, Simoncelli,
/// IEEE Transactions on Image Processing 13, 2004, equation 13).
pub(super) fn structural_similarity(a: &Plane, b: &Plane) -> f64 {
    const C1: f64 = 6.5025; // (0.01 * 255)^2
    const C2: f64 = 58.5225; // (0.03 * 255)^2
    let local = |one: &Plane, other: &Plane| one.with(other, |a, b| a * b).blurred(1.5, 5);
    let (mean_a, mean_b) = (a.blurred(1.5, 5), b.blurred(1.5, 5));
    let (aa, bb, ab) = (local(a, a), local(b, b), local(a, b));
    mean((0..a.values.len()).map(|at| {
        let (ma, mb) = (mean_a.values[at], mean_b.values[at]);
        let (va, vb, vab) = (aa.values[at] - ma * ma, bb.values[at] - mb * mb, ab.values[at] - ma * mb);
        (2.0 * ma * mb + C1) * (2.0 * vab + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
    }))
}

fn pairs<'a>(a: &'a Plane, b: &'a Plane) -> impl ExactSizeIterator<Item = (f64, f64)> + 'a {
    a.values.iter().copied().zip(b.values.iter().copied())
}
