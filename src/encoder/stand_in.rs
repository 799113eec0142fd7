//! The stand-in: a deterministic detector and encoder without networks. With it the rest of the program can be tested on machines
//! without libtorch. It does not recognise faces.

use super::Encoder;
use crate::face::{Aligned, Chip, Crop, DetectOptions, Detector, Face, NetworkError};
use crate::image::Photo;
use crate::template::Template;

/// Finds one face in the central square of a photo. In a photo at least twice as wide as high, finds one face in each square, from left
/// to right. A square with only one colour has no face.
#[derive(Debug)]
pub(super) struct StandInDetector;

impl Detector for StandInDetector {
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, NetworkError> {
        let side = photo.width.min(photo.height);
        if (side as f32) < options.min_face_in(photo) {
            return Ok(Vec::new());
        }
        let squares = photo.width / side;
        let corners = (0..squares).map(|square| match squares {
            1 => [(photo.width - side) / 2, (photo.height - side) / 2],
            _ => [square * side, 0],
        });
        Ok(corners
            .filter(|corner| has_colours(photo, *corner, side))
            .map(|corner| face_in(corner, side))
            .collect())
    }
}

/// Whether the pixels of a square have more than one colour.
fn has_colours(photo: &Photo, [left, top]: [u32; 2], side: u32) -> bool {
    let row = |y: u32| {
        let start = 3 * (y as usize * photo.width as usize + left as usize);
        photo.pixels[start..start + 3 * side as usize].chunks_exact(3)
    };
    let first = row(top).next();
    !(top..top + side).flat_map(row).all(|pixel| Some(pixel) == first)
}

fn face_in(corner: [u32; 2], side: u32) -> Face {
    let ([left, top], side) = (corner.map(|at| at as f32), side as f32);
    let scale = side / Chip::ARCFACE_112.side() as f32;
    let landmarks = Chip::ARCFACE_112.template().map(|[x, y]| [left + scale * x, top + scale * y]);
    Face { bounds: [left, top, left + side, top + side], score: 1.0, landmarks }
}

/// Projects a crop, reduced to 16x16, onto fixed random directions. Equal pictures give equal templates, and similar pictures give
/// similar templates.
#[derive(Debug)]
pub(super) struct StandInEncoder {
    pub dimension: usize,
}

/// Cells per side of the reduced crop.
const GRID: usize = 16;

impl Encoder for StandInEncoder {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        let crops = faces.iter().filter_map(|face| face.crop(Chip::ARCFACE_112));
        crops.map(|crop| self.project(&shrink(crop))).collect()
    }
}

impl StandInEncoder {
    fn project(&self, cells: &[f32]) -> Result<Template, NetworkError> {
        let mean =
            [0, 1, 2].map(|colour| cells.iter().skip(colour).step_by(3).sum::<f32>() / (GRID * GRID) as f32);
        let raw: Vec<f32> = (0..self.dimension)
            .map(|row| {
                let direction = |column: usize| splitmix(row * cells.len() + column);
                // The constant gives a crop of one colour a direction too.
                direction(cells.len() + row)
                    + cells
                        .iter()
                        .enumerate()
                        .map(|(i, cell)| (cell - mean[i % 3]) * direction(i))
                        .sum::<f32>()
            })
            .collect();
        Template::from_raw(&raw).map_err(|error| NetworkError::Failed {
            model: "stand-in".into(),
            reason: format!("its output is not a template: {error}"),
        })
    }
}

/// The mean of every cell and colour.
fn shrink(crop: &Crop) -> Vec<f32> {
    let side = (crop.side as usize).max(1);
    let mut sums = vec![0.0_f32; GRID * GRID * 3];
    let mut counts = vec![0.0_f32; sums.len()];
    for (at, &value) in crop.pixels.iter().enumerate() {
        let (pixel, colour) = (at / 3, at % 3);
        let (row, column) = (pixel / side * GRID / side, pixel % side * GRID / side);
        let cell = 3 * (row.min(GRID - 1) * GRID + column) + colour;
        sums[cell] += f32::from(value);
        counts[cell] += 1.0;
    }
    sums.iter().zip(counts).map(|(sum, count)| sum / f32::max(count, 1.0)).collect()
}

/// A fixed random number between -1 and 1 (SplitMix64: Steele, Lea, Flood 2014).
fn splitmix(at: usize) -> f32 {
    let mut z = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::align;

    fn photo(pixel: impl Fn(u32, u32) -> u8) -> Photo {
        let at = (0..80).flat_map(|y| (0..120).map(move |x| (x, y)));
        Photo { width: 120, height: 80, pixels: at.flat_map(|(x, y)| [pixel(x, y), 9, 9]).collect() }
    }

    fn template(photo: &Photo) -> Template {
        let face = StandInDetector.detect(photo, &DetectOptions::default()).unwrap().remove(0);
        let crop = align(photo, &face.landmarks, Chip::ARCFACE_112);
        StandInEncoder { dimension: 64 }.encode(&[Aligned::of(Chip::ARCFACE_112, crop)]).unwrap().remove(0)
    }

    #[test]
    fn one_colour_is_no_face() {
        let faces = |photo| StandInDetector.detect(&photo, &DetectOptions::default()).unwrap();
        assert!(faces(photo(|_, _| 3)).is_empty());
        let found = faces(photo(|x, _| x as u8));
        assert_eq!(found[0].bounds, [20.0, 0.0, 100.0, 80.0]);
    }

    #[test]
    fn a_wide_photo_shows_several_faces() {
        let pixel = |x: u32, y: u32| if (80..160).contains(&x) { 7 } else { (x * y) as u8 };
        let at = (0..80).flat_map(|y| (0..250).map(move |x| (x, y)));
        let photo =
            Photo { width: 250, height: 80, pixels: at.flat_map(|(x, y)| [pixel(x, y), 9, 9]).collect() };
        let found = StandInDetector.detect(&photo, &DetectOptions::default()).unwrap();
        let bounds: Vec<[f32; 4]> = found.iter().map(|face| face.bounds).collect();
        assert_eq!(bounds, [[0.0, 0.0, 80.0, 80.0], [160.0, 0.0, 240.0, 80.0]]);
    }

    #[test]
    fn equal_pictures_have_equal_templates_and_others_do_not() {
        let score = |a: &Template, b: &Template| {
            a.as_slice().iter().zip(b.as_slice()).map(|(x, y)| x * y).sum::<f32>()
        };
        let stripes = template(&photo(|x, y| (x * y) as u8));
        let nearly = template(&photo(|x, y| ((x * y) as u8).saturating_add(2)));
        let other = template(&photo(|x, y| (x ^ y) as u8));
        assert_eq!(stripes.dimension(), 64);
        assert_eq!(stripes, template(&photo(|x, y| (x * y) as u8)));
        assert!(score(&stripes, &nearly) > 0.95);
        assert!(score(&stripes, &other) < 0.7);
    }

    #[test]
    fn any_crop_has_a_template() {
        let crop = Crop { side: 112, pixels: vec![128; 112 * 112 * 3] };
        assert_eq!(
            StandInEncoder { dimension: 64 }.encode(&[Aligned::of(Chip::ARCFACE_112, crop)]).unwrap()[0]
                .dimension(),
            64
        );
    }
}
