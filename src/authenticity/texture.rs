//! No-reference measures of texture: local binary patterns, the shape of the spectrum, and moire.

use super::plane::Plane;
use super::spectrum::{Rings, SIDE};

/// Rotation-invariant uniform local binary patterns of the eight neighbours (Ojala, Pietikainen and Maenpaa, IEEE Transactions on Pattern
/// Analysis and Machine Intelligence 24, 2002): shares of the pixels with 0 to 8 brighter neighbours in a row, and of all other patterns.
pub(super) fn patterns(plane: &Plane) -> [f64; 10] {
    let mut counts = [0.0; 10];
    let patterns = plane.of_neighbourhoods(|[[a, b, c], [h, here, d], [g, f, e]]| {
        let bright = [a, b, c, d, e, f, g, h].map(|neighbour| neighbour >= here);
        let changes = (0..8).filter(|&at| bright[at] != bright[(at + 1) % 8]).count();
        if changes <= 2 { bright.iter().filter(|bright| **bright).count() } else { 9 }
    });
    patterns.into_iter().for_each(|pattern| counts[pattern] += 1.0);
    counts.map(|count| count / plane.values.len().max(1) as f64)
}

/// The slope of the logarithm of the median magnitude over the logarithm of the frequency, from 1/32 to 1/2 cycles per pixel: about -1 to
/// -2 for natural pictures, less for blurred ones. 0 for a picture without structure.
pub(super) fn spectral_slope(rings: &Rings) -> f64 {
    let points = || (SIDE / 32..SIDE / 2).map(|ring| ((ring as f64).ln(), rings.median(ring)));
    let n = points().count() as f64;
    let (x, y) = points().fold((0.0, 0.0), |(x, y), (a, b)| (x + a / n, y + b / n));
    let (product, square) =
        points().fold((0.0, 0.0), |(p, s), (a, b)| (p + (a - x) * (b - y), s + (a - x).powi(2)));
    product / square
}

/// Logarithm of the median magnitude in four octaves of frequency, relative to the lowest: the octaves begin at 1/16, 1/8, 1/4 and 3/8
/// cycles per pixel, and the lowest at 1/32.
pub(super) fn spectral_bands(rings: &Rings) -> [f64; 4] {
    let band =
        |from: usize, to: usize| (from..to).map(|ring| rings.median(ring)).sum::<f64>() / (to - from) as f64;
    let lowest = band(SIDE / 32, SIDE / 16);
    [(SIDE / 16, SIDE / 8), (SIDE / 8, SIDE / 4), (SIDE / 4, 3 * SIDE / 8), (3 * SIDE / 8, SIDE / 2)]
        .map(|(from, to)| band(from, to) - lowest)
}

/// Moire: peaks of the spectrum over the median of frequencies of equal distance from 0, in natural logarithms of the magnitude. The largest
/// peak, and the share of the frequencies with a peak of more than 2 (7.4 times the median). The pixels of a screen and the dots of a
/// print are periodic, a face is not. Frequencies below 1/16 cycles per pixel are left out.
pub(super) fn moire(rings: &Rings) -> [f64; 2] {
    let (mut largest, mut peaks, mut all) = (0.0_f64, 0.0, 0.0_f64);
    for (at, ring) in rings.rings.iter().enumerate().skip(SIDE / 16) {
        let median = rings.median(at);
        largest = largest.max(ring.last().map_or(0.0, |peak| peak - median));
        peaks += ring.iter().filter(|magnitude| **magnitude > median + 2.0).count() as f64;
        all += ring.len() as f64;
    }
    [largest, peaks / all.max(1.0)]
}
