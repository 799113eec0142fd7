//! SCRFD (Guo, Deng, Lattas, Zafeiriou: Sample and Computation Redistribution for Efficient Face Detection, ICLR 2022): the input of its
//! network, and the faces in its output.
//!
//! The network is a user's file; see `encoder::onnx::detector`. This module follows InsightFace's published post-processing:
//!
//! 1. The photo is reduced or enlarged until it fits into the picture of the network, 640 x 640 if the file states no other size, by bilinear
//!    interpolation between the four neighbours, rounded as in OpenCV. It lies in the upper left corner; the rest is black. Colours are R, G, B, `(x - 127.5) / 128`.
//! 2. At every place of the strides 8, 16 and 32 there are one or two anchors, at column and row times the stride. Scores are those of the
//!    network. The distances to the four sides of the box and to the landmarks are in units of the stride.
//! 3. Places with a score of 0.5 and more are kept, then those that no surer box overlaps by more than 0.4 of the union. The sides of boxes
//!    count their last pixel, in the photo.
//!
//! Both axes are divided by the scale of the rows, as published. The scale of the columns differs from it by less than one pixel of
//! the picture at the far side, because the reduced width is a whole number.
//!
//! **The smallest face** has about 16 pixels in the picture of the network, the smallest anchor: with 640 pixels, 1/40 of the photo's longer
//! side, or 100 pixels in a photo of 4000 x 3000. That is the default of [`DetectOptions`], and a smaller `min_face` finds few more.
//!
//! What the published code does not do:
//! - If no face is found, the photo is searched again at half the size with a black margin, because a face that fills the photo exceeds the
//!   largest anchor and has no surroundings.
//! - A box without an inside is no face. Trained networks give none.
//! - Scores are put on the scale of MTCNN, see [`confidence`], because the rest of the program is made for it.

use super::mtcnn::Pictures;
use super::{DetectOptions, Detector, Face, NetworkError};
use crate::image::Photo;

/// Pixels between neighbouring places.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Least score of a face.
const THRESHOLD: f32 = 0.5;
/// Intersection by union above which the less sure of two boxes is dropped.
const OVERLAP: f32 = 0.4;
/// Most places that are kept before overlapping boxes are dropped, the surest ones. A picture of 640 x 640 has 16,800.
const MOST: usize = 20_000;

/// The output of the network for the places of one stride: row by row, in each row by column, then by anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// A score from 0 to 1 for each anchor.
    pub scores: Vec<f32>,
    /// Distances to left, top, right, bottom for each anchor, in strides.
    pub boxes: Vec<f32>,
    /// Distances x, y to the five landmarks for each anchor, in strides.
    pub points: Vec<f32>,
}

/// The network. Threads share it.
pub trait Network: Send + Sync {
    /// Rows and columns of its picture, multiples of 32.
    fn size(&self) -> [usize; 2];

    /// Anchors at each place, at least 1.
    fn anchors(&self) -> usize;

    /// Runs it on one picture of its size. Returns the levels of the strides 8, 16, 32.
    ///
    /// # Errors
    /// The network failed.
    fn run(&self, picture: &Pictures) -> Result<[Level; 3], NetworkError>;
}

/// The detector: a [`Network`] with the steps around it.
#[derive(Debug)]
pub struct Scrfd<N> {
    network: N,
}

impl<N: Network> Scrfd<N> {
    /// A detector that runs this network.
    pub fn new(network: N) -> Self {
        Self { network }
    }

    /// The faces of a photo as published, the surest first. `score` is that of the network.
    ///
    /// # Errors
    /// The network failed, or its output does not have the stated size.
    pub fn faces(&self, photo: &Photo) -> Result<Vec<Face>, NetworkError> {
        self.look(photo, Frame { margin: [0; 2] })
    }

    fn look(&self, photo: &Photo, frame: Frame) -> Result<Vec<Face>, NetworkError> {
        let size = self.network.size();
        let Some((picture, scale)) = frame.picture(photo, size) else { return Ok(Vec::new()) };
        let levels = self.network.run(&picture)?;
        let mut found = Vec::new();
        for (level, stride) in levels.iter().zip(STRIDES) {
            let anchors = self.network.anchors();
            let places = (size[0] / stride) * (size[1] / stride) * anchors;
            let lengths = [level.scores.len(), level.boxes.len() / 4, level.points.len() / 10];
            if lengths != [places; 3] {
                let reason = format!("{lengths:?} anchors of stride {stride}, expected {places}");
                return Err(NetworkError::Failed { model: "scrfd".into(), reason });
            }
            found.extend(candidates(level, stride, size[1] / stride, anchors, frame.margin, scale));
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(MOST);
        Ok(suppressed(found))
    }
}

impl<N: Network> Detector for Scrfd<N> {
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, NetworkError> {
        let mut faces = self.faces(photo)?;
        if faces.is_empty() {
            faces = self.look(photo, Frame { margin: [photo.width / 2, photo.height / 2] })?;
        }
        let least = options.min_face_in(photo);
        faces.retain(|face| face.size().into_iter().fold(f32::INFINITY, f32::min) >= least);
        faces.iter_mut().for_each(|face| face.score = confidence(face.score));
        let area = |face: &Face| face.size().iter().product::<f32>();
        faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
        Ok(faces)
    }
}

/// The score of SCRFD on the scale of MTCNN.
///
/// MTCNN's score is a probability that comes close to 1 for every clear face: the doubt, 1 minus the score, is below 3e-4. SCRFD's score
/// predicts how well the box fits, and is about 0.8 for clear faces. The quality of a face, the choice of the most prominent face and the
/// recognition of turned photos use the doubt and its ratios. So the doubt falls by a factor of 10 for each 0.1 of the score, from the
/// 0.3 at which MTCNN's last network gives up: 0.5, 0.6, 0.7, 0.8 become 0.7, 0.97, 0.997, 0.9997. The order of scores stays. This curve
/// is an assumption from published scores, not a measurement.
pub fn confidence(score: f32) -> f32 {
    1.0 - 0.3 * 10.0_f32.powf(-10.0 * (score - THRESHOLD))
}

/// The photo with black pixels at left and right, and at top and bottom.
#[derive(Debug, Clone, Copy)]
struct Frame {
    margin: [u32; 2],
}

impl Frame {
    /// The picture for a network of `height` x `width`, and its pixels per pixel of the photo. None if the photo is too narrow for a
    /// pixel.
    fn picture(self, photo: &Photo, [height, width]: [usize; 2]) -> Option<(Pictures, f32)> {
        let full = [photo.width + 2 * self.margin[0], photo.height + 2 * self.margin[1]];
        let ratio = f64::from(full[1]) / f64::from(full[0]);
        let is_high = ratio > height as f64 / width as f64;
        let (columns, rows) = match is_high {
            true => ((height as f64 / ratio) as usize, height),
            false => (width, (width as f64 * ratio) as usize),
        };
        if columns == 0 || rows == 0 || photo.pixels.len() < 3 * photo.width as usize * photo.height as usize
        {
            return None;
        }
        let black = (0.0 - 127.5) / 128.0;
        let mut values = vec![black; 3 * height * width];
        let across = taps(columns.min(width), full[0], self.margin[0], photo.width);
        let down = taps(rows.min(height), full[1], self.margin[1], photo.height);
        let line = 3 * photo.width as usize;
        for (values, (rows, below)) in values.chunks_exact_mut(3 * width).zip(&down) {
            let [upper, lower] = rows.map(|row| row.map(|row| &photo.pixels[row * line..][..line]));
            for (values, (columns, beside)) in values.chunks_exact_mut(3).zip(&across) {
                for (colour, value) in values.iter_mut().enumerate() {
                    let at = |row: Option<&[u8]>, column: Option<usize>| match (row, column) {
                        (Some(row), Some(column)) => i32::from(row[3 * column + colour]),
                        _ => 0,
                    };
                    let of = |row| at(row, columns[0]) * beside[0] + at(row, columns[1]) * beside[1];
                    let mixed = (((of(upper) >> 4) * below[0]) >> 16) + (((of(lower) >> 4) * below[1]) >> 16);
                    *value = (((mixed + 2) >> 2) as f32 - 127.5) / 128.0;
                }
            }
        }
        let scale = (rows as f64 / f64::from(full[1])) as f32;
        Some((Pictures { count: 1, height, width, values }, scale))
    }
}

/// For each of `count` pixels the two neighbours among the `side` pixels of the photo, and their weights in 2048ths. None is outside the
/// photo. The photo and a margin on both sides have `full` pixels.
///
/// The weights and the sums are rounded as OpenCV does it, which the published code uses.
fn taps(count: usize, full: u32, margin: u32, side: u32) -> Vec<([Option<usize>; 2], [i32; 2])> {
    const ONE: f32 = 2048.0;
    let scale = 1.0 / (count as f64 / f64::from(full));
    let last = i64::from(full) - 1;
    let tap = |at: usize| {
        let place = ((at as f64 + 0.5) * scale - 0.5) as f32;
        let low = place.floor() as i64;
        let share = if (0..last).contains(&low) { place - place.floor() } else { 0.0 };
        let inside = |at: i64| {
            let at = at.clamp(0, last) - i64::from(margin);
            (0..i64::from(side)).contains(&at).then_some(at as usize)
        };
        let weights = [1.0 - share, share].map(|weight| (weight * ONE).round_ties_even() as i32);
        ([inside(low), inside(low + 1)], weights)
    };
    (0..count).map(tap).collect()
}

/// The likely places of a level, as faces of the photo.
fn candidates(
    level: &Level,
    stride: usize,
    columns: usize,
    anchors: usize,
    margin: [u32; 2],
    scale: f32,
) -> impl Iterator<Item = Face> {
    let [right, down] = margin.map(|margin| margin as f32);
    let likely = level.scores.iter().enumerate().filter(|(_, score)| **score >= THRESHOLD);
    let face = move |(at, &score): (usize, &f32)| {
        let place = at / anchors;
        let length = stride as f32;
        let centre = [(place % columns * stride) as f32, (place / columns * stride) as f32];
        let sides = &level.boxes[4 * at..][..4];
        let point = |[x, y]: [f32; 2]| [x / scale - right, y / scale - down];
        let [near, far] = [
            [centre[0] - sides[0] * length, centre[1] - sides[1] * length],
            [centre[0] + sides[2] * length, centre[1] + sides[3] * length],
        ]
        .map(point);
        let landmark = |number: usize| {
            let [x, y] = [0, 1].map(|axis| level.points[10 * at + 2 * number + axis]);
            point([centre[0] + x * length, centre[1] + y * length])
        };
        let bounds = [near[0], near[1], far[0], far[1]];
        Face { bounds, score, landmarks: [0, 1, 2, 3, 4].map(landmark) }
    };
    // A box without an inside is no face, and numbers that are not finite could not be aligned.
    let is_sound = |face: &Face| {
        let numbers = face.bounds.iter().chain(face.landmarks.as_flattened());
        numbers.copied().all(f32::is_finite) && face.size().into_iter().all(|side| side > 0.0)
    };
    likely.map(face).filter(is_sound)
}

/// The faces, surest first, that no surer one overlaps.
fn suppressed(sorted: Vec<Face>) -> Vec<Face> {
    let area = |[left, top, right, bottom]: [f32; 4]| (right - left + 1.0) * (bottom - top + 1.0);
    let mut kept: Vec<Face> = Vec::new();
    for face in sorted {
        let overlaps = |other: &Face| {
            let shared = |near: usize, far: usize| {
                let (from, to) =
                    (face.bounds[near].max(other.bounds[near]), face.bounds[far].min(other.bounds[far]));
                (to - from + 1.0).max(0.0)
            };
            let both = shared(0, 2) * shared(1, 3);
            both / (area(face.bounds) + area(other.bounds) - both) > OVERLAP
        };
        if !kept.iter().any(overlaps) {
            kept.push(face);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
