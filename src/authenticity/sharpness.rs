//! No-reference measures of focus, compression and noise.

use std::f64::consts::PI;

use super::plane::{Plane, mean, ratio};
use super::spectrum::Spectrum;

/// Sharpness: the variance of the Laplacian, squared grey levels (Pech-Pacheco et al., ICPR 2000).
pub(super) fn laplacian_variance(plane: &Plane) -> f64 {
    plane.laplacian().moments()[1].powi(2)
}

/// Sharpness: the mean squared gradient (Tenengrad; Krotkov, International Journal of Computer Vision 1, 1988), squared grey levels.
pub(super) fn gradient_energy([across, down]: &[Plane; 2]) -> f64 {
    across.with(down, |x, y| x * x + y * y).moments()[0]
}

/// Blur, 0 (sharp) to 1: the share of the variation between neighbours that remains when the picture is blurred along the same
/// direction by nine pixels, for the worse direction (Crete et al., SPIE 6492, 2007). 1 for a picture of one colour.
pub(super) fn blur(plane: &Plane) -> f64 {
    blur_down(plane).max(blur_down(&plane.transposed()))
}

fn blur_down(plane: &Plane) -> f64 {
    let blurred = plane.convolved_down(&[1.0 / 9.0; 9]);
    let steps = |plane: &Plane| -> Vec<f64> {
        plane
            .values
            .iter()
            .zip(&plane.values[plane.width..])
            .map(|(above, below)| (below - above).abs())
            .collect()
    };
    let (sharp, smooth) = (steps(plane), steps(&blurred));
    let lost = sharp.iter().zip(smooth).map(|(sharp, smooth)| (sharp - smooth).max(0.0)).sum();
    1.0 - ratio(lost, sharp.iter().sum(), 0.0)
}

/// Blockiness: the mean step across the borders of 8 x 8 blocks over the mean of the other steps, for the place of the grid with the
/// largest steps, mean of both directions (as Wang, Bovik and Evans, ICIP 2000, in the spatial domain). 1 without blocks. JPEG stores such
/// blocks, and a photo of a screen or a repeated compression shifts or doubles them.
pub(super) fn blockiness(plane: &Plane) -> f64 {
    (blockiness_across(plane) + blockiness_across(&plane.transposed())) / 2.0
}

fn blockiness_across(plane: &Plane) -> f64 {
    let mut steps = [[0.0; 2]; 8];
    for at in (1..plane.values.len()).filter(|at| at % plane.width != 0) {
        let [sum, count] = &mut steps[at % plane.width % 8];
        *sum += (plane.values[at] - plane.values[at - 1]).abs();
        *count += 1.0;
    }
    let means = steps.map(|[sum, count]| ratio(sum, count, 0.0));
    let largest = means.iter().copied().fold(0.0, f64::max);
    ratio(largest, (means.iter().sum::<f64>() - largest) / 7.0, 1.0)
}

/// Deviation of the noise, grey levels: the mean response to a difference of two Laplacians (Immerkaer, Computer Vision and Image
/// Understanding 64, 1996).
pub(super) fn noise(plane: &Plane) -> f64 {
    let response = plane.of_neighbourhoods(|[[a, b, c], [d, e, f], [g, h, i]]| {
        (a - 2.0 * b + c - 2.0 * d + 4.0 * e - 2.0 * f + g - 2.0 * h + i).abs()
    });
    (PI / 2.0).sqrt() / 6.0 * mean(response.into_iter())
}

/// High-low frequency index: the sum of the magnitudes below 0.15 cycles per pixel minus that of the others, over all, -1 to 1 (Zhu and
/// Karam 2014, after Galbally et al.). 0 without structure.
pub(super) fn high_low_frequency(spectrum: &Spectrum) -> f64 {
    let (mut low, mut high) = (0.0, 0.0);
    for (frequency, magnitude) in Spectrum::frequencies().zip(spectrum.magnitudes()) {
        *(if frequency < 0.15 { &mut low } else { &mut high }) += magnitude;
    }
    ratio(low - high, low + high, 0.0)
}
