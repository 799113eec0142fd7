//! Traces of an earlier compression, in pictures that are rounded to the multiples of a table.

use super::super::compression::{coefficients, contrast, tables, waves};
use super::measured::photo;
use super::*;

const SIDE: usize = 224;
/// The box of a face of this picture. Its outline is an ellipse of 53 x 54 pixels around the middle.
const BOUNDS: [f32; 4] = [52.0, 28.0, 172.0, 178.0];

/// Smooth texture, whose coefficients are not all far beyond the steps of a table.
fn soft() -> Plane {
    Plane::new(SIDE, SIDE, |x, y| 255.0 * noise(x, y, 8)).blurred(1.0, 3)
}

/// A picture whose blocks have only multiples of the steps of a table, as after a compression. `offset` is that of the grid.
fn compressed(mut plane: Plane, table: &[[f64; 8]; 8], offset: usize) -> Plane {
    let waves = waves();
    let inverse: [[f64; 8]; 8] = std::array::from_fn(|u| std::array::from_fn(|x| waves[x][u]));
    for top in (offset..=SIDE - 8).step_by(8) {
        for left in (offset..=SIDE - 8).step_by(8) {
            let at = |i: usize| SIDE * (top + i / 8) + left + i % 8;
            let block: Vec<f64> = (0..64).map(|i| plane.values[at(i)]).collect();
            let mut multiples = coefficients(&block, &waves);
            for (value, step) in multiples.as_flattened_mut().iter_mut().zip(table.as_flattened()) {
                *value = step * (*value / step).round();
            }
            let back = coefficients(multiples.as_flattened(), &inverse);
            (0..64).for_each(|i| plane.values[at(i)] = back[i / 8][i % 8]);
        }
    }
    plane
}

/// The measure of a picture whose face, if `face` is given, is from there.
fn of(picture: &Plane, face: Option<&Plane>) -> f64 {
    let grey = photo(SIDE as u32, SIDE as u32, |x, y| {
        let inside = ((x as f64 - 112.0) / 53.0).hypot((y as f64 - 112.0) / 54.0) < 1.0;
        let plane = face.filter(|_| inside).unwrap_or(picture);
        [plane.values[SIDE * y + x].round().clamp(0.0, 255.0) as u8; 3]
    });
    contrast(&grey, BOUNDS)
}

#[test]
fn a_face_without_the_traces_of_an_earlier_compression_is_found_for_any_quality() {
    let soft = soft();
    for quality in [56, 70, 82] {
        let table = &tables()[(quality - 50) / 2];
        let stored = compressed(soft.clone(), table, 0);
        let (untouched, spliced) = (of(&stored, None), of(&stored, Some(&soft)));
        assert!(untouched < 0.1 && spliced > 0.8, "{quality}: {untouched} {spliced}");
    }
}

#[test]
fn a_photo_that_was_cut_off_its_grid_has_no_traces() {
    let soft = soft();
    let cut = compressed(soft.clone(), &tables()[10], 3);
    for face in [None, Some(&soft)] {
        assert!(of(&cut, face) < 0.1, "{}", of(&cut, face));
    }
}

#[test]
fn a_face_without_blocks_around_it_has_no_contrast() {
    let small = photo(30, 30, |x, y| [(255.0 * noise(x, y, 4)) as u8; 3]);
    assert_eq!(contrast(&small, [-60.0, -60.0, 90.0, 90.0]), 0.0);
    assert_eq!(contrast(&small, BOUNDS), 0.0);
    for side in [0.0, f32::MAX, f32::INFINITY, f32::NAN] {
        assert_eq!(contrast(&small, [0.0, 0.0, side, side]), 0.0, "{side}");
    }
}

#[test]
fn the_transform_of_a_wave_is_one_coefficient() {
    let wave = |at: usize| (std::f64::consts::PI * (2 * (at % 8) + 1) as f64 * 3.0 / 16.0).cos();
    let block: Vec<f64> = (0..64).map(wave).collect();
    let found = coefficients(&block, &waves());
    close(found[0][3], 32.0_f64.sqrt()); // 8 rows: sqrt(8) of the constant, times 4 / 2
    close(found.as_flattened().iter().map(|value| value.abs()).sum::<f64>(), 32.0_f64.sqrt());
    assert_eq!((tables()[0][0][0], tables()[12][0][0]), (16.0, 8.0)); // qualities 50 and 74
}
