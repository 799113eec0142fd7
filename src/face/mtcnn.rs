//! MTCNN (Zhang et al. 2016): the cascade around its three networks.
//!
//! 1. The proposal network runs on a pyramid of reduced photos. It outputs a probability and a box for every 12x12 cell.
//! 2. The refinement network classifies the remaining boxes at 24x24.
//! 3. The output network classifies those that remain at 48x48 and outputs the five landmarks.
//!
//! Between the stages, boxes are corrected by regression, made square and filtered by non-maximum suppression.
//!
//! The arithmetic follows facenet-pytorch, which is the source of the weights, including its `+ 1`s. Landmarks of faces within
//! the photo agree within 0.01 px. Special points: the "area" resize is adaptive average pooling (`resize`); areas count
//! pixels without `+ 1` for the union of boxes and with it in the last suppression; boxes are truncated before
//! their pixels are read.
//!
//! For boxes beyond the border of the photo the code differs from facenet-pytorch. That library cuts the box and stretches the rest to the
//! network's input, but places the landmarks with the uncut box. The landmarks are then wrong by up to half a face.
//! Here, as in the code of the method's authors, the network gets the whole box, with padding outside the photo. If
//! no face is found, the proposal network runs again with a margin around the photo, because a face that fills the photo
//! fits into no cell inside it.

mod boxes;

use super::resize::{Window, area, areas};
use super::{DetectOptions, Detector, Face, NetworkError};
use crate::image::Photo;
use boxes::{FaceBox, Overlap, average_points, suppress};

/// Smallest probability of a cell, a refined box and a final face.
const THRESHOLDS: [f32; 3] = [0.6, 0.7, 0.7];
/// The size of each level of the pyramid relative to the previous one.
const SHRINK: f64 = 0.709;
/// The side of the proposal network's cell in pixels. Cells start at every second pixel.
const CELL: f64 = 12.0;
const STRIDE: f32 = 2.0;
/// Levels of the pyramid with a smaller shorter side, in pixels, are repeated with a margin if no face was found.
const COARSE: f64 = 3.0 * CELL;
/// The margin of a level on every side, in pixels: half a cell.
const MARGIN: f64 = CELL / 2.0;
/// Most boxes per network call. Limits the memory for a photo with many candidates.
const BATCH: usize = 128;

/// Pictures of one size for a network: `count * height * width * 3` values, RGB interleaved, each
/// `(x - 127.5) / 128`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// Number of pictures.
    pub count: usize,
    /// Rows of each.
    pub height: usize,
    /// Columns of each.
    pub width: usize,
    /// The values, picture after picture.
    pub values: Vec<f32>,
}

/// Output of the proposal network for one picture: a grid of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposals {
    /// Columns of the grid. The number of rows follows from the length.
    pub columns: usize,
    /// Probability of a face in each cell, row by row.
    pub probabilities: Vec<f32>,
    /// The place of the face in its cell: left, top, right, bottom as shares of the cell. Four planes like
    /// `probabilities`, one after the other.
    pub offsets: Vec<f32>,
}

/// Output of the refinement or output network for one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Probability that this is a face.
    pub probability: f32,
    /// Corrections to left, top, right, bottom, as shares of the box.
    pub offsets: [f32; 4],
    /// The landmarks as shares of the box: five x, then five y. Zeros for the refinement network.
    pub points: [f32; 10],
}

/// The three networks. Threads share them.
pub trait Networks: Send + Sync {
    /// Runs the proposal network on pictures of any sizes from 12x12 pixels, one in each of `pictures`. Returns one grid per picture.
    ///
    /// # Errors
    /// The network failed.
    fn propose(&self, pictures: Vec<Pictures>) -> Result<Vec<Proposals>, NetworkError>;

    /// Runs the refinement network on 24x24 pictures. Returns one judgement per picture.
    ///
    /// # Errors
    /// The network failed.
    fn refine(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError>;

    /// Runs the output network on 48x48 pictures. Returns one judgement per picture.
    ///
    /// # Errors
    /// The network failed.
    fn output(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError>;

    /// As for [`Detector::threads_per_core`].
    fn threads_per_core(&self) -> usize {
        1
    }
}

/// The detector: [`Networks`] and the cascade around them.
#[derive(Debug)]
pub struct Mtcnn<N> {
    networks: N,
}

impl<N: Networks> Mtcnn<N> {
    /// A detector that runs these networks.
    pub fn new(networks: N) -> Self {
        Self { networks }
    }

    fn look(&self, photo: &Photo, levels: impl Iterator<Item = Level>) -> Result<Vec<Face>, NetworkError> {
        let candidates = self.proposals(photo, levels)?;
        let candidates = self.refined(photo, candidates)?;
        self.faces(photo, candidates)
    }

    fn proposals(
        &self,
        photo: &Photo,
        levels: impl Iterator<Item = Level>,
    ) -> Result<Vec<FaceBox>, NetworkError> {
        let mut candidates = Vec::new();
        let levels: Vec<Level> = levels.collect();
        if levels.is_empty() {
            return Ok(candidates);
        }
        for (level, proposals) in levels.iter().zip(self.networks.propose(pictures(photo, &levels))?) {
            let mut found = cells(&proposals, level);
            suppress(&mut found, 0.5, Overlap::Union);
            candidates.append(&mut found);
        }
        suppress(&mut candidates, 0.7, Overlap::Union);
        for candidate in &mut candidates {
            candidate.regress(0.0);
            candidate.make_square();
        }
        Ok(candidates)
    }

    fn refined(&self, photo: &Photo, candidates: Vec<FaceBox>) -> Result<Vec<FaceBox>, NetworkError> {
        let mut kept =
            judge(photo, candidates, 24, THRESHOLDS[1], |pictures| self.networks.refine(pictures))?;
        suppress(&mut kept, 0.7, Overlap::Union);
        for candidate in &mut kept {
            candidate.regress(1.0);
            candidate.make_square();
        }
        Ok(kept)
    }

    fn faces(&self, photo: &Photo, candidates: Vec<FaceBox>) -> Result<Vec<Face>, NetworkError> {
        let mut kept =
            judge(photo, candidates, 48, THRESHOLDS[2], |pictures| self.networks.output(pictures))?;
        for candidate in &mut kept {
            candidate.place_points();
            candidate.regress(1.0);
        }
        let candidates = kept.clone();
        suppress(&mut kept, 0.7, Overlap::Smaller);
        average_points(&mut kept, &candidates);
        let mut faces: Vec<Face> = kept.iter().map(FaceBox::face).collect();
        let size = |face: &Face| face.size().iter().product::<f32>();
        faces.sort_by(|a, b| size(b).total_cmp(&size(a)));
        Ok(faces)
    }
}

impl<N: Networks> Detector for Mtcnn<N> {
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, NetworkError> {
        let min_face = options.min_face_in(photo);
        let found = self.look(photo, levels(photo, min_face))?;
        if found.is_empty() { self.look(photo, levels_with_margin(photo, min_face)) } else { Ok(found) }
    }

    fn threads_per_core(&self) -> usize {
        self.networks.threads_per_core()
    }
}

/// One picture of the pyramid.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Level {
    /// Its pixels per pixel of the photo.
    scale: f64,
    /// Pixels of the photo that are added on every side.
    margin: i64,
}

/// The photo at each level.
fn pictures(photo: &Photo, levels: &[Level]) -> Vec<Pictures> {
    let size = |level: &Level| {
        let scaled = |side: u32| ((i64::from(side) + 2 * level.margin) as f64 * level.scale + 1.0) as usize;
        (level.margin, scaled(photo.width), scaled(photo.height))
    };
    let sizes: Vec<_> = levels.iter().map(size).collect();
    let values = areas(photo, &sizes);
    sizes
        .iter()
        .zip(values)
        .map(|(&(_, width, height), values)| Pictures { count: 1, height, width, values })
        .collect()
}

/// The pyramid. In the first level a face of `min_face` pixels fills one cell. The last level still has a cell.
fn levels(photo: &Photo, min_face: f32) -> impl Iterator<Item = Level> {
    scales(photo, min_face)
        .take_while(|(_, shorter)| *shorter >= CELL)
        .map(|(scale, _)| Level { scale, margin: 0 })
}

/// The coarse levels with a margin of half a cell, and further ones down to half a cell. They find faces as large
/// as the photo and up to twice as large.
fn levels_with_margin(photo: &Photo, min_face: f32) -> impl Iterator<Item = Level> {
    let large_enough = scales(photo, min_face).next().is_some_and(|(_, shorter)| shorter >= CELL);
    scales(photo, min_face)
        .take_while(move |(_, shorter)| large_enough && *shorter >= MARGIN)
        .filter(|(_, shorter)| *shorter < COARSE)
        .map(|(scale, _)| Level { scale, margin: (MARGIN / scale).round() as i64 })
}

/// The unlimited list of scales of the pyramid, and the shorter side of the photo at each.
fn scales(photo: &Photo, min_face: f32) -> impl Iterator<Item = (f64, f64)> {
    let first = CELL / f64::from(min_face.max(1.0));
    let shorter = f64::from(photo.width.min(photo.height));
    std::iter::successors(Some((first, shorter * first)), |(scale, side)| {
        Some((scale * SHRINK, side * SHRINK))
    })
}

/// The cells that may contain a face, as boxes of the photo.
fn cells(proposals: &Proposals, level: &Level) -> Vec<FaceBox> {
    let (scale, margin) = (level.scale as f32, level.margin as f32);
    let plane = proposals.probabilities.len();
    let likely = proposals.probabilities.iter().enumerate().filter(|(_, p)| **p >= THRESHOLDS[0]);
    likely
        .map(|(at, &score)| {
            let corner = [at % proposals.columns, at / proposals.columns].map(|i| STRIDE * i as f32 + 1.0);
            let near = corner.map(|x| (x / scale).floor());
            let far = corner.map(|x| ((x + CELL as f32 - 1.0) / scale).floor());
            let offset = |i: usize| proposals.offsets.get(i * plane + at).copied().unwrap_or(0.0);
            let bounds = [near[0], near[1], far[0], far[1]].map(|bound| bound - margin);
            FaceBox::proposed(bounds, score, [0, 1, 2, 3].map(offset))
        })
        .collect()
}

/// Runs `network` on every candidate at `side` pixels and keeps those with a probability above `threshold`.
/// Drops candidates that are completely outside the photo.
fn judge(
    photo: &Photo,
    candidates: Vec<FaceBox>,
    side: usize,
    threshold: f32,
    network: impl Fn(Pictures) -> Result<Vec<Judgement>, NetworkError>,
) -> Result<Vec<FaceBox>, NetworkError> {
    let visible: Vec<(FaceBox, Window)> =
        candidates.into_iter().filter_map(|candidate| Some((candidate, candidate.window(photo)?))).collect();
    let mut kept = Vec::new();
    for batch in visible.chunks(BATCH) {
        let mut values = Vec::with_capacity(3 * side * side * batch.len());
        for (_, window) in batch {
            area(photo, *window, side, side, &mut values);
        }
        let judgements = network(Pictures { count: batch.len(), height: side, width: side, values })?;
        for ((candidate, window), judgement) in batch.iter().zip(judgements) {
            if judgement.probability > threshold {
                kept.push(candidate.judged(&judgement, window.reaches_beyond(photo)));
            }
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
