//! Full-reference measures against values that were computed by hand.

use std::f64::consts::PI;

use super::super::reference::*;
use super::super::spectrum::Spectrum;
use super::*;

#[test]
fn differences_of_flat_pictures_are_those_of_their_grey_levels() {
    let (a, b) = (flat(10.0), flat(8.0));
    close(mean_squared_error(&a, &b), 4.0);
    close(peak_signal_to_noise(&a, &b), 42.1101); // 10 log10(65025 / 4)
    close(signal_to_noise(&a, &b), 13.9794); // 10 log10(100 / 4)
    close(structural_content(&a, &b), 1.5625);
    close(average_difference(&a, &b), 2.0);
    close(average_difference(&b, &a), -2.0);
    close(maximum_difference(&a, &b), 2.0);
    close(largest_differences(&a, &b), 2.0);
    close(normalised_absolute_error(&a, &b), 0.2);
    close(normalised_cross_correlation(&a, &b), 0.8);
    close(structural_similarity(&flat(100.0), &flat(110.0)), 22_006.502_5 / 22_106.502_5);
}

#[test]
fn equal_and_black_pictures_have_finite_measures() {
    for plane in [flat(0.0), flat(255.0), impulse(9, 255.0)] {
        assert_eq!(mean_squared_error(&plane, &plane), 0.0);
        assert_eq!(peak_signal_to_noise(&plane, &plane), 100.0);
        close(structural_content(&plane, &plane), 1.0);
        close(normalised_cross_correlation(&plane, &plane), 1.0);
        close(structural_similarity(&plane, &plane), 1.0);
        for zero in [normalised_absolute_error, laplacian_error] {
            assert_eq!(zero(&plane, &plane), 0.0);
        }
        let gradient = plane.gradient();
        for zero in [edge_difference, corner_difference, gradient_magnitude_error, gradient_phase_error] {
            assert_eq!(zero(&gradient, &gradient), 0.0);
        }
    }
    assert_eq!(signal_to_noise(&flat(0.0), &flat(0.0)), 0.0);
}

#[test]
fn the_ten_largest_differences_are_averaged() {
    let a = Plane::new(5, 4, |x, y| if y < 2 { (x + 5 * y) as f64 + 1.0 } else { 0.0 });
    let b = Plane::new(5, 4, |_, _| 0.0);
    close(largest_differences(&a, &b), 5.5); // 1 to 10
    close(maximum_difference(&a, &b), 10.0);
}

#[test]
fn half_the_structure_is_a_quarter_of_the_laplacian_error() {
    close(laplacian_error(&impulse(5, 8.0), &impulse(5, 4.0)), 0.25);
}

#[test]
fn angles_between_colours_are_shares_of_a_right_angle() {
    let colour = |red: f64, green: f64| [flat(red), flat(green), flat(0.0)];
    close(mean_angle(&colour(9.0, 0.0), &colour(0.0, 5.0)), 1.0);
    close(mean_angle(&colour(9.0, 0.0), &colour(5.0, 5.0)), 0.5);
    close(mean_angle(&colour(0.0, 0.0), &colour(5.0, 5.0)), 0.0);
}

#[test]
fn an_edge_in_one_picture_counts_its_two_columns() {
    let step = Plane::new(12, 12, |x, _| if x < 6 { 0.0 } else { 100.0 });
    close(edge_difference(&step.gradient(), &Plane::new(12, 12, |_, _| 7.0).gradient()), 2.0 / 12.0);
}

#[test]
fn corners_that_vanish_are_a_share_of_all() {
    let square = |corners: usize| {
        Plane::new(40, 40, move |x, y| {
            let inside = (10..30).contains(&y) && (10..30).contains(&x);
            f64::from(u8::from(corners > 0 && inside)) * 200.0
        })
        .gradient()
    };
    close(corner_difference(&square(4), &square(0)), 1.0);
    close(corner_difference(&square(4), &square(4)), 0.0);
}

#[test]
fn spectra_follow_parsevals_theorem() {
    // Under a Hann window the squares of a wave of amplitude 1 add up to 48 down and 24 across.
    let (wave, nothing) = (Spectrum::of(&wave(16.0, 1.0)), Spectrum::of(&Plane::new(128, 128, |_, _| 5.0)));
    close(spectral_magnitude_error(&wave, &nothing), 48.0 * 24.0);
    close(spectral_phase_error(&wave, &nothing), 0.0);
}

#[test]
fn opposite_waves_have_opposite_phases() {
    // The window spreads the two frequencies of a wave over three each in both directions.
    let (one, other) = (Spectrum::of(&wave(16.0, 1.0)), Spectrum::of(&wave(16.0, -1.0)));
    close(spectral_magnitude_error(&one, &other), 0.0);
    close(spectral_phase_error(&one, &other), 18.0 * PI * PI / 16_384.0);
}

#[test]
fn gradients_differ_in_magnitude_and_direction() {
    let nothing = Plane::new(4, 4, |_, _| 3.0).gradient();
    let (across, down) = (ramp(4, 4, true).gradient(), ramp(4, 4, false).gradient());
    close(gradient_magnitude_error(&across, &nothing), 2.5); // columns of 1, 2, 2, 1
    close(gradient_phase_error(&across, &nothing), 0.0);
    close(gradient_phase_error(&across, &down), PI * PI / 4.0);
}
