//! MTCNN (Zhang et al. 2016), the cascade around its three networks.
//!
//! 1. The proposal network looks at a pyramid of shrunk photos and gives a probability and a box for every
//!    12x12 cell; 2. the refinement network judges the surviving boxes at 24x24; 3. the output network judges
//!    those at 48x48 and places the five landmarks. Between the stages boxes are regressed, made square and
//!    thinned by non-maximum suppression.
//!
//! The arithmetic follows facenet-pytorch, whose weights these are, down to its `+ 1`s: landmarks agree
//! within 0.01 px. Its traps: the "area" resize is adaptive average pooling (`resize`); areas count
//! pixels without `+ 1` while boxes are united and with it in the last suppression; boxes are truncated, then
//! cut at the photo's border, before their pixels are taken.

mod boxes;

use super::resize::{Window, area};
use super::{DetectOptions, Detector, Face};
use crate::encoder::EncoderError;
use crate::image::Photo;
use boxes::{Candidate, Overlap, suppress};

/// Probability from which a cell, a refined box and a final face are kept.
const THRESHOLDS: [f32; 3] = [0.6, 0.7, 0.7];
/// Each level of the pyramid is this much smaller than the one before.
const SHRINK: f64 = 0.709;
/// The proposal network sees this many pixels, every second pixel.
const CELL: f64 = 12.0;
const STRIDE: f32 = 2.0;
/// Boxes that one call to a network judges at most: bounds the memory of a photo full of candidates.
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

/// What the proposal network says of one picture: a grid of cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposals {
    /// Columns of the grid; rows follow from the length.
    pub columns: usize,
    /// Probability of a face in each cell, row by row.
    pub probabilities: Vec<f32>,
    /// Where the face lies in its cell: left, top, right, bottom as shares of the cell, four planes like
    /// `probabilities`, one after the other.
    pub offsets: Vec<f32>,
}

/// What the refinement and output networks say of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Probability that this is a face.
    pub probability: f32,
    /// Corrections to left, top, right, bottom, as shares of the box.
    pub offsets: [f32; 4],
    /// The landmarks as shares of the box: five x, then five y. Zeros from the refinement network.
    pub points: [f32; 10],
}

/// The three networks. Implementations are shared between threads.
pub trait Networks: Send + Sync {
    /// Runs the proposal network on one picture of at least 12x12 pixels.
    ///
    /// # Errors
    /// The network failed.
    fn propose(&self, picture: &Pictures) -> Result<Proposals, EncoderError>;

    /// Runs the refinement network on 24x24 pictures, one judgement each.
    ///
    /// # Errors
    /// The network failed.
    fn refine(&self, pictures: &Pictures) -> Result<Vec<Judgement>, EncoderError>;

    /// Runs the output network on 48x48 pictures, one judgement each.
    ///
    /// # Errors
    /// The network failed.
    fn output(&self, pictures: &Pictures) -> Result<Vec<Judgement>, EncoderError>;
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

    fn proposals(&self, photo: &Photo, min_face: f32) -> Result<Vec<Candidate>, EncoderError> {
        let mut candidates = Vec::new();
        for scale in scales(photo, min_face) {
            let picture = level(photo, scale);
            let proposals = self.networks.propose(&picture)?;
            let mut found = cells(&proposals, scale);
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

    fn refined(&self, photo: &Photo, candidates: Vec<Candidate>) -> Result<Vec<Candidate>, EncoderError> {
        let mut kept =
            judge(photo, candidates, 24, THRESHOLDS[1], |pictures| self.networks.refine(pictures))?;
        suppress(&mut kept, 0.7, Overlap::Union);
        for candidate in &mut kept {
            candidate.regress(1.0);
            candidate.make_square();
        }
        Ok(kept)
    }

    fn faces(&self, photo: &Photo, candidates: Vec<Candidate>) -> Result<Vec<Face>, EncoderError> {
        let mut kept =
            judge(photo, candidates, 48, THRESHOLDS[2], |pictures| self.networks.output(pictures))?;
        for candidate in &mut kept {
            candidate.place_points();
            candidate.regress(1.0);
        }
        suppress(&mut kept, 0.7, Overlap::Smaller);
        let mut faces: Vec<Face> = kept.iter().map(Candidate::face).collect();
        let size = |face: &Face| face.size().iter().product::<f32>();
        faces.sort_by(|a, b| size(b).total_cmp(&size(a)));
        Ok(faces)
    }
}

impl<N: Networks> Detector for Mtcnn<N> {
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, EncoderError> {
        let candidates = self.proposals(photo, options.min_face_in(photo))?;
        let candidates = self.refined(photo, candidates)?;
        self.faces(photo, candidates)
    }
}

/// The pyramid: the first level shows a face of `min_face` pixels in one cell, the last one still has a cell.
fn scales(photo: &Photo, min_face: f32) -> impl Iterator<Item = f64> {
    let first = CELL / f64::from(min_face.max(1.0));
    let shorter = f64::from(photo.width.min(photo.height));
    let factors = std::iter::successors(Some((first, shorter * first)), |(scale, side)| {
        Some((scale * SHRINK, side * SHRINK))
    });
    factors.take_while(|(_, side)| *side >= CELL).map(|(scale, _)| scale)
}

fn level(photo: &Photo, scale: f64) -> Pictures {
    let scaled = |side: u32| (f64::from(side) * scale + 1.0) as usize;
    let (width, height) = (scaled(photo.width), scaled(photo.height));
    let mut values = Vec::with_capacity(3 * width * height);
    area(photo, Window::whole(photo), width, height, &mut values);
    Pictures { count: 1, height, width, values }
}

/// The cells that may hold a face, as boxes of the photo.
fn cells(proposals: &Proposals, scale: f64) -> Vec<Candidate> {
    let scale = scale as f32;
    let plane = proposals.probabilities.len();
    let likely = proposals.probabilities.iter().enumerate().filter(|(_, p)| **p >= THRESHOLDS[0]);
    likely
        .map(|(at, &score)| {
            let corner = [at % proposals.columns, at / proposals.columns].map(|i| STRIDE * i as f32 + 1.0);
            let near = corner.map(|x| (x / scale).floor());
            let far = corner.map(|x| ((x + CELL as f32 - 1.0) / scale).floor());
            let offset = |i: usize| proposals.offsets.get(i * plane + at).copied().unwrap_or(0.0);
            Candidate {
                bounds: [near[0], near[1], far[0], far[1]],
                score,
                offsets: [0, 1, 2, 3].map(offset),
                points: [0.0; 10],
            }
        })
        .collect()
}

/// Shows every candidate to `network` at `side` pixels and keeps those it is surer of than `threshold`.
/// Candidates wholly outside the photo are dropped.
fn judge(
    photo: &Photo,
    candidates: Vec<Candidate>,
    side: usize,
    threshold: f32,
    network: impl Fn(&Pictures) -> Result<Vec<Judgement>, EncoderError>,
) -> Result<Vec<Candidate>, EncoderError> {
    let visible: Vec<(Candidate, Window)> =
        candidates.into_iter().filter_map(|candidate| Some((candidate, candidate.window(photo)?))).collect();
    let mut kept = Vec::new();
    for batch in visible.chunks(BATCH) {
        let mut values = Vec::with_capacity(3 * side * side * batch.len());
        for (_, window) in batch {
            area(photo, *window, side, side, &mut values);
        }
        let judgements = network(&Pictures { count: batch.len(), height: side, width: side, values })?;
        for ((candidate, _), judgement) in batch.iter().zip(judgements) {
            if judgement.probability > threshold {
                kept.push(candidate.judged(&judgement));
            }
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests;
