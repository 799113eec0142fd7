//! No-reference measures against values that were computed by hand, and the measures of whole photos.

use super::super::region::Region;
use super::super::spectrum::{Rings, Spectrum};
use super::super::{COUNT, MEASURES, Measures, Unmeasured, colour, sharpness, texture};
use super::*;
use crate::image::Photo;

#[test]
fn filters_have_their_textbook_values() {
    close(impulse(5, 1.0).blurred(0.5, 1).values[12], 0.6193); // (1 / (1 + 2 exp(-2)))^2
    close(impulse(5, 1.0).laplacian().values[12], -4.0);
    let [across, down] = ramp(6, 6, true).gradient();
    assert_eq!((across.values[21], down.values[21]), (2.0, 0.0));
    let [mean, deviation, skewness] = Plane { width: 3, height: 1, values: vec![1.0, 1.0, 4.0] }.moments();
    close(mean, 2.0);
    close(deviation, 2.0_f64.sqrt());
    close(skewness, 0.5_f64.sqrt());
}

#[test]
fn sharpness_is_measured_as_by_hand() {
    let board = Plane::new(4, 4, |x, y| ((x + y) % 2) as f64 * 10.0);
    close(sharpness::laplacian_variance(&board), 950.0); // 4 corners of 20, 8 borders of 30, 4 inside of 40, squared
    close(sharpness::gradient_energy(&ramp(4, 4, true).gradient()), 2.5);
    close(sharpness::blur(&impulse(21, 9.0)), 0.0);
    close(sharpness::blur(&flat(9.0)), 1.0);
    close(sharpness::noise(&impulse(5, 9.0)), 1.2032); // sqrt(pi / 2) / 6 * 16 * 9 / 25
    assert_eq!(sharpness::noise(&flat(9.0)), 0.0);
}

#[test]
fn blocks_are_found_at_any_offset() {
    for offset in 0..8 {
        let blocks = Plane::new(64, 64, |x, _| (x + 9 * ((x + offset) / 8)) as f64);
        close(sharpness::blockiness(&blocks), 5.5); // steps of 10 over steps of 1 across, none down
    }
    close(sharpness::blockiness(&flat(3.0)), 1.0);
}

#[test]
fn waves_are_of_low_or_high_frequency() {
    close(sharpness::high_low_frequency(&Spectrum::of(&wave(16.0, 9.0))), 1.0);
    close(sharpness::high_low_frequency(&Spectrum::of(&wave(32.0, 9.0))), -1.0);
    close(sharpness::high_low_frequency(&Spectrum::of(&flat(7.0))), 0.0);
}

#[test]
fn colours_are_measured_in_their_hue_saturation_and_value() {
    let halves = |one: [f64; 3], other: [f64; 3]| {
        [0, 1, 2].map(|at: usize| Plane::new(8, 8, |x, _| if x < 4 { one[at] } else { other[at] }))
    };
    let [h, _, _, s, s_deviation, _, v, ..] = colour::chromatic_moments(&halves([255.0, 0.0, 0.0], [0.0; 3]));
    for (got, expected) in [(h, 0.5), (s, 0.5), (s_deviation, 0.5), (v, 0.5)] {
        close(got, expected);
    }
    let [green, _, _, ..] = colour::chromatic_moments(&halves([0.0, 200.0, 0.0], [0.0, 200.0, 0.0]));
    close(green, 5.0 / 6.0);
    close(colour::specular_share(&halves([250.0; 3], [200.0, 120.0, 90.0])), 0.5);
    let [colours, frequent] = colour::diversity(&halves([250.0; 3], [200.0, 120.0, 90.0]));
    close(colours, 2000.0 / 64.0);
    close(frequent, 1.0);
    let red = halves([255.0, 0.0, 0.0], [255.0, 0.0, 0.0]);
    let [cb, cb_deviation, cr, _] = colour::colour_differences(&red, &flat(76.245));
    for (got, expected) in [(cb, -43.0022), (cb_deviation, 0.0), (cr, 127.4523)] {
        close(got, expected);
    }
}

#[test]
fn patterns_tell_areas_points_and_boards() {
    let shares = texture::patterns(&flat(5.0));
    assert_eq!(shares[8], 1.0);
    assert_eq!(texture::patterns(&impulse(5, 9.0))[0], 1.0 / 25.0);
    let board = texture::patterns(&Plane::new(100, 100, |x, y| ((x + y) % 2) as f64));
    assert!(board[8] > 0.47 && board[9] > 0.47, "{board:?}");
    close(board.iter().sum::<f64>(), 1.0);
}

#[test]
fn a_fine_pattern_over_texture_is_moire() {
    let rings = |amplitude: f64| {
        let fine = wave(40.0, amplitude);
        Rings::of(&Spectrum::of(&Plane::new(128, 128, |x, y| {
            20.0 * noise(x, y, 1) + fine.values[128 * y + x]
        })))
    };
    let ([plain, few], [peak, more]) = (texture::moire(&rings(0.0)), texture::moire(&rings(10.0)));
    assert!(peak > plain + 1.5 && more > few, "{plain} {peak} {few} {more}");
}

#[test]
fn blurred_texture_has_a_steeper_spectrum() {
    let texture = Plane::new(128, 128, |x, y| 100.0 * noise(x, y, 2));
    let rings = |plane: &Plane| Rings::of(&Spectrum::of(plane));
    let (sharp, soft) = (rings(&texture), rings(&texture.blurred(1.0, 4)));
    close((texture::spectral_slope(&sharp) * 10.0).round() / 10.0, 0.0);
    assert!(texture::spectral_slope(&soft) < -0.5);
    assert!(texture::spectral_bands(&soft)[3] < texture::spectral_bands(&sharp)[3] - 2.0);
}

pub(super) fn photo(width: u32, height: u32, colour: impl Fn(usize, usize) -> [u8; 3]) -> Photo {
    let rows = (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (x, y)));
    Photo { width, height, pixels: rows.flat_map(|(x, y)| colour(x, y)).collect() }
}

#[test]
fn constant_grey_and_strange_pictures_have_finite_measures() {
    let whole = [0.0, 0.0, 100.0, 100.0];
    for colour in [[0; 3], [255; 3], [9; 3], [255, 0, 0]] {
        let measures = Measures::of(&photo(100, 100, |_, _| colour), whole).unwrap();
        assert!(measures.values.iter().all(|value| value.is_finite()), "{colour:?}: {measures:?}");
    }
    let grey = photo(100, 100, |x, y| [(255.0 * noise(x, y, 3)) as u8; 3]);
    let measures = Measures::of(&grey, whole).unwrap();
    assert!(measures.values.iter().all(|value| value.is_finite()));
    assert_eq!(measures.named("saturation_mean"), Some(0.0));
    assert_eq!(measures.named("no such measure"), None);
}

#[test]
fn a_box_outside_or_of_no_size_has_no_measures() {
    let small = photo(100, 100, |x, _| [x as u8; 3]);
    for bounds in
        [[200.0, 200.0, 300.0, 300.0], [50.0, 50.0, 51.0, 51.0], [90.0, 0.0, 20.0, 5.0], [f32::NAN; 4]]
    {
        assert!(Measures::of(&small, bounds).is_err(), "{bounds:?}");
    }
    assert!(Measures::of(&small, [-50.0, -50.0, 60.0, 60.0]).is_ok());
}

#[test]
fn a_face_that_cannot_be_measured_says_what_was_found_and_what_is_needed() {
    let small = photo(100, 100, |x, _| [x as u8; 3]);
    let found = Measures::of(&small, [10.0, 10.0, 50.0, 62.5]).unwrap_err();
    assert_eq!(found, Unmeasured::TooSmall { width: 40.0, height: 52.5 });
    assert_eq!(found.to_string(), "the face is 40 x 52 pixels: at least 48 x 48 are needed to judge it");
    let found = Measures::of(&small, [-50.0, 0.0, 10.0, 60.0]).unwrap_err();
    assert_eq!(found, Unmeasured::BeyondPhoto { width: 10, height: 60 });
    let expected = "10 x 60 pixels of the face are in the photo: at least 16 x 16 are needed to judge it";
    assert_eq!(found.to_string(), expected);
}

#[test]
fn a_large_region_is_reduced_and_its_middle_is_kept() {
    let large = photo(600, 500, |x, y| [if (x + y) % 2 == 0 { 255 } else { 0 }; 3]);
    let region = Region::of(&large, [50.0, 0.0, 550.0, 500.0]).unwrap();
    assert_eq!((region.luma.width, region.luma.height), (224, 224));
    assert_eq!((region.native.width, region.native.height), (224, 224));
    assert!(
        sharpness::laplacian_variance(&region.native) > 10.0 * sharpness::laplacian_variance(&region.luma)
    );
}

#[test]
fn the_names_of_the_measures_are_different() {
    let names: std::collections::BTreeSet<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    assert_eq!(names.len(), COUNT);
}

#[test]
fn a_blurred_photo_of_a_photo_differs_from_its_original() {
    let texture = |x: usize, y: usize| 255.0 * noise(x, y, 4);
    let sharp = photo(100, 100, |x, y| [texture(x, y) as u8; 3]);
    let soft = Plane::new(100, 100, texture).blurred(1.0, 3);
    let soft = photo(100, 100, |x, y| [soft.values[100 * y + x] as u8; 3]);
    let measure =
        |photo: &Photo, name| Measures::of(photo, [10.0, 10.0, 90.0, 90.0]).unwrap().named(name).unwrap();
    for (name, rises) in
        [("mean_squared_error", true), ("blur", false), ("structural_similarity", false), ("noise", true)]
    {
        assert_eq!(measure(&sharp, name) > measure(&soft, name), rises, "{name}");
    }
}
