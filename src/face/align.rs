//! Alignment: the least-squares similarity transform from the landmarks of a face to the points of a chip,
//! and the bilinear sampling of the photo through it.

use super::{Chip, Crop, Landmarks};
use crate::image::Photo;

/// Which pixels of the chip that [`align`] makes are completely inside the photo, row by row. None if all are.
pub(super) fn within(photo: &Photo, landmarks: &Landmarks, chip: Chip) -> Option<Vec<bool>> {
    let to_photo = Similarity::between(landmarks, &chip.template()).inverse();
    let side = chip.side();
    let (right, bottom) = (f64::from(photo.width) - 1.0, f64::from(photo.height) - 1.0);
    let inside = |x: u32, y: u32| {
        let (x, y) = to_photo.apply(f64::from(x), f64::from(y));
        (0.0..=right).contains(&x) && (0.0..=bottom).contains(&y)
    };
    if [(0, 0), (side - 1, 0), (0, side - 1), (side - 1, side - 1)].iter().all(|&(x, y)| inside(x, y)) {
        return None;
    }
    Some((0..side).flat_map(|y| (0..side).map(move |x| (x, y))).map(|(x, y)| inside(x, y)).collect())
}

/// Rotates, scales and moves the face so that its landmarks are as close as possible to the points of the chip. Samples
/// bilinearly. Pixels outside the photo are black.
pub fn align(photo: &Photo, landmarks: &Landmarks, chip: Chip) -> Crop {
    let to_photo = Similarity::between(landmarks, &chip.template()).inverse();
    let side = chip.side();
    let mut pixels = Vec::with_capacity(3 * (side * side) as usize);
    for y in 0..side {
        for x in 0..side {
            let (x, y) = to_photo.apply(f64::from(x), f64::from(y));
            pixels.extend(sample(photo, x, y));
        }
    }
    Crop { side, pixels }
}

/// The colour of the photo at a point between pixel centres, bilinear, black outside the photo.
fn sample(photo: &Photo, x: f64, y: f64) -> [u8; 3] {
    let (left, top) = (floor(x), floor(y));
    let (right_share, bottom_share) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let mut sum = [0.0_f32; 3];
    for (row, row_share) in [(top, 1.0 - bottom_share), (top.saturating_add(1), bottom_share)] {
        for (column, column_share) in [(left, 1.0 - right_share), (left.saturating_add(1), right_share)] {
            if let Some(pixel) = pixel(photo, column, row) {
                for (sum, &value) in sum.iter_mut().zip(pixel) {
                    *sum += row_share * column_share * f32::from(value);
                }
            }
        }
    }
    sum.map(|value| (value + 0.5) as u8) // rounds without a function call
}

/// The next whole number below, without a function call. Saturates; NaN becomes 0.
fn floor(value: f64) -> i64 {
    let towards_zero = value as i64;
    towards_zero.saturating_sub((towards_zero as f64 > value).into())
}

fn pixel(photo: &Photo, column: i64, row: i64) -> Option<&[u8]> {
    let inside = (0..i64::from(photo.width)).contains(&column) && (0..i64::from(photo.height)).contains(&row);
    if !inside {
        return None;
    }
    let at = 3 * (row as usize * photo.width as usize + column as usize);
    photo.pixels.get(at..at + 3)
}

/// `(x, y) -> (a x - b y + dx, b x + a y + dy)`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Similarity {
    a: f64,
    b: f64,
    dx: f64,
    dy: f64,
}

impl Similarity {
    /// The similarity transform without reflection that has the least squared error from `from` to `to` (Umeyama 1991). In two dimensions
    /// this is one complex division. Points that all coincide give a translation.
    fn between(from: &Landmarks, to: &Landmarks) -> Self {
        let mean = |points: &Landmarks, axis: usize| {
            points.iter().map(|point| f64::from(point[axis])).sum::<f64>() / points.len() as f64
        };
        let (from_x, from_y) = (mean(from, 0), mean(from, 1));
        let (to_x, to_y) = (mean(to, 0), mean(to, 1));
        let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (x, y) = (f64::from(p[0]) - from_x, f64::from(p[1]) - from_y);
            let (u, v) = (f64::from(q[0]) - to_x, f64::from(q[1]) - to_y);
            along += x * u + y * v;
            across += x * v - y * u;
            spread += x * x + y * y;
        }
        let (a, b) = if spread > 0.0 { (along / spread, across / spread) } else { (1.0, 0.0) };
        Self { a, b, dx: to_x - (a * from_x - b * from_y), dy: to_y - (b * from_x + a * from_y) }
    }

    fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x - self.b * y + self.dx, self.b * x + self.a * y + self.dy)
    }

    fn inverse(&self) -> Self {
        let norm = self.a * self.a + self.b * self.b;
        if norm == 0.0 {
            return Self { a: 1.0, b: 0.0, dx: -self.dx, dy: -self.dy };
        }
        let (a, b) = (self.a / norm, -self.b / norm);
        Self { a, b, dx: -(a * self.dx - b * self.dy), dy: -(b * self.dx + a * self.dy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Photo {
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        Photo { width, height, pixels }
    }

    #[test]
    fn landmarks_on_the_points_of_the_chip_give_the_photo_itself() {
        let photo = gradient(112, 112);
        let crop = align(&photo, &Chip::ARCFACE_112.template(), Chip::ARCFACE_112);
        assert_eq!(crop.pixels, photo.pixels);
    }

    #[test]
    fn a_known_similarity_is_recovered() {
        let truth = Similarity { a: 1.7, b: -0.4, dx: 12.0, dy: -30.5 };
        let from = Chip::ARCFACE_112.template();
        let to = from.map(|[x, y]| {
            let (x, y) = truth.apply(f64::from(x), f64::from(y));
            [x as f32, y as f32]
        });
        let found = Similarity::between(&from, &to);
        for (found, truth) in
            [(found.a, truth.a), (found.b, truth.b), (found.dx, truth.dx), (found.dy, truth.dy)]
        {
            assert!((found - truth).abs() < 1e-4, "{found} is not {truth}");
        }
        let (x, y) = found.apply(3.0, 4.0);
        let (x, y) = found.inverse().apply(x, y);
        assert!((x - 3.0).abs() < 1e-9 && (y - 4.0).abs() < 1e-9);
    }

    /// Searches for a better fit of five points for which no exact similarity exists.
    #[test]
    fn no_small_change_of_the_similarity_fits_better() {
        let from = [[30.0, 40.0], [95.0, 52.0], [61.0, 80.0], [33.0, 120.0], [88.0, 117.0]];
        let to = Chip::ARCFACE_112.template();
        let error = |t: &Similarity| -> f64 {
            from.iter()
                .zip(&to)
                .map(|(p, q)| {
                    let (x, y) = t.apply(p[0].into(), p[1].into());
                    (x - f64::from(q[0])).powi(2) + (y - f64::from(q[1])).powi(2)
                })
                .sum()
        };
        let best = Similarity::between(&from, &to);
        for step in [1e-3, -1e-3] {
            for changed in [
                Similarity { a: best.a + step, ..best },
                Similarity { b: best.b + step, ..best },
                Similarity { dx: best.dx + step, ..best },
                Similarity { dy: best.dy + step, ..best },
            ] {
                assert!(error(&changed) > error(&best));
            }
        }
    }

    #[test]
    fn outside_the_photo_is_black() {
        let photo = Photo { width: 2, height: 2, pixels: vec![255; 12] };
        assert_eq!(sample(&photo, 0.5, 0.5), [255; 3]);
        assert_eq!(sample(&photo, -0.5, 0.0), [128; 3]);
        assert_eq!(sample(&photo, 1e30, f64::NAN), [0; 3]);
    }

    #[test]
    fn landmarks_that_coincide_do_not_panic() {
        let crop = align(&gradient(50, 50), &[[5.0, 5.0]; 5], Chip::DLIB_150);
        assert_eq!(crop.pixels.len(), 150 * 150 * 3);
        align(&gradient(50, 50), &[[f32::NAN; 2]; 5], Chip::ARCFACE_112);
    }
}
