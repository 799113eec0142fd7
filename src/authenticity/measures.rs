//! The measures of a face.

use super::region::Region;
use super::spectrum::{Rings, Spectrum};
use super::unmeasured::Unmeasured;
use super::{colour, compression, reference, sharpness, texture};
use crate::image::Photo;

/// A measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Name, as in gate files and replies.
    pub name: &'static str,
    /// Unit; empty for a number without one.
    pub unit: &'static str,
    /// What it is, in words for people.
    pub meaning: &'static str,
    /// Whether the classifier gets the logarithm `ln(1 + x)`, for measures that span orders of magnitude.
    pub logarithmic: bool,
}

const fn linear(name: &'static str, unit: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit, meaning, logarithmic: false }
}

const fn logarithmic(name: &'static str, unit: &'static str, meaning: &'static str) -> Measure {
    Measure { name, unit, meaning, logarithmic: true }
}

/// Number of measures.
pub const COUNT: usize = 61;

/// All measures, in the order of the values of [`Measures`].
pub const MEASURES: [Measure; COUNT] = [
    logarithmic("mean_squared_error", "squared grey levels", "squared difference to the blurred copy"),
    linear("peak_signal_to_noise", "dB", "peak signal over the difference to the blurred copy"),
    linear("signal_to_noise", "dB", "signal over the difference to the blurred copy"),
    linear("structural_content", "", "energy over that of the blurred copy"),
    linear("average_difference", "grey levels", "mean difference to the blurred copy"),
    linear("maximum_difference", "grey levels", "largest difference to the blurred copy"),
    linear("largest_differences", "grey levels", "mean of the ten largest differences to the blurred copy"),
    linear("normalised_absolute_error", "", "absolute difference to the blurred copy, relative"),
    linear("laplacian_error", "", "difference of the second derivatives to the blurred copy, relative"),
    linear("normalised_cross_correlation", "", "correlation with the blurred copy"),
    linear("mean_angle", "right angles", "angle between the colours and those of the blurred copy"),
    linear("edge_difference", "", "share of the edges that blurring moves"),
    linear("corner_difference", "", "share of the corners that blurring removes"),
    logarithmic("spectral_magnitude_error", "", "difference of the spectra with and without blurring"),
    linear("spectral_phase_error", "squared radians", "difference of the phases with and without blurring"),
    logarithmic(
        "gradient_magnitude_error",
        "squared grey levels",
        "change of the edges' strength by blurring",
    ),
    linear("gradient_phase_error", "squared radians", "change of the edges' direction by blurring"),
    linear("structural_similarity", "", "similarity of structure with the blurred copy"),
    logarithmic("laplacian_variance", "squared grey levels", "sharpness by the second derivative"),
    logarithmic("gradient_energy", "squared grey levels", "sharpness by the gradient"),
    linear("blur", "", "blur"),
    linear("blockiness", "", "steps at the borders of 8 x 8 blocks"),
    linear("noise", "grey levels", "noise"),
    linear("high_low_frequency", "", "low over high frequencies"),
    linear("hue_mean", "turns", "mean hue"),
    linear("hue_deviation", "turns", "variety of hue"),
    linear("hue_skewness", "", "asymmetry of hue"),
    linear("saturation_mean", "", "mean saturation"),
    linear("saturation_deviation", "", "variety of saturation"),
    linear("saturation_skewness", "", "asymmetry of saturation"),
    linear("value_mean", "", "brightness"),
    linear("value_deviation", "", "variety of brightness"),
    linear("value_skewness", "", "asymmetry of brightness"),
    linear("specular_share", "", "share of highlights"),
    logarithmic("colours", "per 1,000 pixels", "number of colours"),
    linear("frequent_colours", "", "share of the 100 most frequent colours"),
    linear("cb_mean", "grey levels", "mean of blue minus luma"),
    linear("cb_deviation", "grey levels", "variety of blue minus luma"),
    linear("cr_mean", "grey levels", "mean of red minus luma"),
    linear("cr_deviation", "grey levels", "variety of red minus luma"),
    linear("spectral_slope", "", "decline of the spectrum"),
    linear("spectral_band_1", "", "structure at 1/16 to 1/8 cycles per pixel"),
    linear("spectral_band_2", "", "structure at 1/8 to 1/4 cycles per pixel"),
    linear("spectral_band_3", "", "structure at 1/4 to 3/8 cycles per pixel"),
    linear("spectral_band_4", "", "structure at 3/8 to 1/2 cycles per pixel"),
    linear("moire_peak", "", "largest periodic pattern"),
    logarithmic("moire_share", "", "share of periodic patterns"),
    linear("native_noise", "grey levels", "noise in pixels of the photo"),
    logarithmic("native_laplacian_variance", "squared grey levels", "sharpness in pixels of the photo"),
    linear("native_band_4", "", "structure at 3/8 to 1/2 cycles per pixel of the photo"),
    linear("pattern_0", "", "share of bright points"),
    linear("pattern_1", "", "share of patterns with one brighter neighbour"),
    linear("pattern_2", "", "share of patterns with two brighter neighbours"),
    linear("pattern_3", "", "share of patterns with three brighter neighbours"),
    linear("pattern_4", "", "share of straight edges"),
    linear("pattern_5", "", "share of patterns with five brighter neighbours"),
    linear("pattern_6", "", "share of patterns with six brighter neighbours"),
    linear("pattern_7", "", "share of patterns with seven brighter neighbours"),
    linear("pattern_8", "", "share of dark points and of areas of one value"),
    linear("pattern_other", "", "share of irregular patterns"),
    logarithmic("compression_contrast", "", "loss of the traces of an earlier compression in the face"),
];

/// The measures of one face. All values are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Measures {
    /// One value per measure of [`MEASURES`], in its unit.
    pub values: [f64; COUNT],
}

impl Measures {
    /// Measures the face with this box (left, top, right, bottom in pixels of the upright photo).
    ///
    /// # Errors
    /// A side of the box is shorter than 48 pixels; less than 16 x 16 pixels of the region around the face are in the photo.
    pub fn of(photo: &Photo, bounds: [f32; 4]) -> Result<Self, Unmeasured> {
        let region = Region::of(photo, bounds)?;
        let mut values = [0.0; COUNT];
        let of_region = against_blurred(&region).into_iter().chain(alone(&region));
        let all = of_region.chain([compression::contrast(photo, bounds)]);
        values.iter_mut().zip(all).for_each(|(place, value)| {
            debug_assert!(value.is_finite());
            *place = if value.is_finite() { value } else { 0.0 };
        });
        Ok(Self { values })
    }

    /// The values for the classifier: the logarithm of those measures that span orders of magnitude.
    pub(super) fn transformed(&self) -> [f64; COUNT] {
        let mut values = self.values;
        values.iter_mut().zip(MEASURES).filter(|(_, measure)| measure.logarithmic).for_each(|(value, _)| {
            *value = value.max(0.0).ln_1p();
        });
        values
    }

    /// The value of a measure by its name.
    pub fn named(&self, name: &str) -> Option<f64> {
        MEASURES.iter().position(|measure| measure.name == name).map(|at| self.values[at])
    }
}

/// The full-reference measures. The copy is blurred by a Gaussian of deviation 0.5 with 3 x 3 taps, as by Galbally et al.
fn against_blurred(Region { colours, luma: a, .. }: &Region) -> Vec<f64> {
    let blurred = colours.each_ref().map(|plane| plane.blurred(0.5, 1));
    let b = &a.blurred(0.5, 1);
    let (gradient, blurred_gradient) = (&a.gradient(), &b.gradient());
    let (spectrum, smooth) = (Spectrum::of(a), Spectrum::of(b));
    vec![
        reference::mean_squared_error(a, b),
        reference::peak_signal_to_noise(a, b),
        reference::signal_to_noise(a, b),
        reference::structural_content(a, b),
        reference::average_difference(a, b),
        reference::maximum_difference(a, b),
        reference::largest_differences(a, b),
        reference::normalised_absolute_error(a, b),
        reference::laplacian_error(a, b),
        reference::normalised_cross_correlation(a, b),
        reference::mean_angle(colours, &blurred),
        reference::edge_difference(gradient, blurred_gradient),
        reference::corner_difference(gradient, blurred_gradient),
        reference::spectral_magnitude_error(&spectrum, &smooth),
        reference::spectral_phase_error(&spectrum, &smooth),
        reference::gradient_magnitude_error(gradient, blurred_gradient),
        reference::gradient_phase_error(gradient, blurred_gradient),
        reference::structural_similarity(a, b),
    ]
}

/// The no-reference measures.
fn alone(Region { colours, luma, native }: &Region) -> Vec<f64> {
    let spectrum = Spectrum::of(luma);
    let (rings, native_rings) = (Rings::of(&spectrum), Rings::of(&Spectrum::of(native)));
    let mut values = vec![
        sharpness::laplacian_variance(luma),
        sharpness::gradient_energy(&luma.gradient()),
        sharpness::blur(luma),
        sharpness::blockiness(native),
        sharpness::noise(luma),
        sharpness::high_low_frequency(&spectrum),
    ];
    values.extend(colour::chromatic_moments(colours));
    values.push(colour::specular_share(colours));
    values.extend(colour::diversity(colours));
    values.extend(colour::colour_differences(colours, luma));
    values.push(texture::spectral_slope(&rings));
    values.extend(texture::spectral_bands(&rings));
    values.extend(texture::moire(&native_rings));
    values.push(sharpness::noise(native));
    values.push(sharpness::laplacian_variance(native));
    values.push(texture::spectral_bands(&native_rings)[3]);
    values.extend(texture::patterns(luma));
    values
}
