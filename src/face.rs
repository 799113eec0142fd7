//! Faces in photos: found by a [`Detector`], graded by [`Quality`], aligned to a [`Crop`].

pub mod align;
pub mod mtcnn;
mod network;
mod provenance;
pub mod quality;
mod resize;
mod turn;

pub use align::{Chip, align};
pub use network::NetworkError;
pub use provenance::Provenance;
pub use quality::Quality;
pub use turn::detect_turned;

use crate::image::Photo;

/// Five landmarks in photo pixels, x to the right and y down, pixel centres at whole numbers: the eye on
/// the left of an upright face, the one on the right, nose tip, left and right corner of the mouth.
pub type Landmarks = [[f32; 2]; 5];

/// One face found in a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Left, top, right, bottom in photo pixels. May reach beyond the photo's border.
    pub bounds: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// The five landmarks.
    pub landmarks: Landmarks,
}

impl Face {
    /// Width and height of the bounds in pixels.
    pub fn size(&self) -> [f32; 2] {
        let [left, top, right, bottom] = self.bounds;
        [right - left, bottom - top]
    }

    /// How far the line between the eyes is turned clockwise, in degrees from -180 to 180.
    pub fn roll(&self) -> f32 {
        let [left, right, ..] = self.landmarks;
        (right[1] - left[1]).atan2(right[0] - left[0]).to_degrees()
    }

    /// How much this face is what the photo is about: the pixels of its bounds inside the photo, times a weight that
    /// falls from 1 in the middle of the photo to 0 in its corners, times a weight that falls with the detector's doubt. Of
    /// the faces in a portrait, that of the person portrayed is often not the largest box: people at the border stand nearer
    /// to the camera, and what is no face at all, but a pattern or a belly, may be larger than any.
    pub fn prominence(&self, photo: &Photo) -> f32 {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (photo.width as f32, photo.height as f32);
        let visible = |from: f32, to: f32, side: f32| (to.min(side) - from.max(0.0)).max(0.0);
        let area = visible(left, right, width) * visible(top, bottom, height);
        let away = (left + right - width).hypot(top + bottom - height);
        area * (1.0 - away / width.hypot(height)).max(0.0) * self.belief()
    }

    /// 1 where the detector is sure, 0.5 at a score of 0.95, 0.2 at 0.9: faces that are found upright score above 0.99, most
    /// of what is none below 0.95.
    fn belief(&self) -> f32 {
        const LEAST: f32 = 0.7;
        ((self.score - LEAST) / (1.0 - LEAST)).clamp(0.0, 1.0).powi(4)
    }

    /// The face that the photo is about. None if there is no face.
    pub fn most_prominent<'a>(faces: &'a [Self], photo: &Photo) -> Option<&'a Self> {
        faces.iter().max_by(|one, other| one.prominence(photo).total_cmp(&other.prominence(photo)))
    }
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectOptions {
    /// Faces whose shorter side is below this many pixels are not looked for.
    pub min_face: f32,
    /// Nor are faces below this share of the photo's longer side, so that a big photo costs no more than a
    /// small one. The default, 1/40, is 40 pixels at 1,600 and 100 pixels at 4,000; 0 turns it off. Of a strip of a
    /// photo it is never more than half its shorter side.
    pub min_share: f32,
}

impl DetectOptions {
    /// The smallest face looked for in a photo of this size, in pixels.
    pub fn min_face_in(&self, photo: &Photo) -> f32 {
        let (longer, shorter) = (photo.width.max(photo.height), photo.width.min(photo.height));
        self.min_face.max((self.min_share * longer as f32).min(shorter as f32 / 2.0))
    }
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self { min_face: 40.0, min_share: 1.0 / 40.0 }
    }
}

/// Finds faces. Implementations are shared between threads.
pub trait Detector: Send + Sync {
    /// All faces in `photo`, largest box first.
    ///
    /// # Errors
    /// The network failed; a photo without faces is an empty list, not an error.
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, NetworkError>;
}

/// A square RGB picture of one aligned face, 8 bits a channel: what an encoder sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Pixels a side.
    pub side: u32,
    /// `side * side * 3` bytes, RGB interleaved, rows top to bottom.
    pub pixels: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prominence(bounds: [f32; 4]) -> f32 {
        let photo = Photo { width: 200, height: 100, pixels: Vec::new() };
        Face { bounds, score: 1.0, landmarks: [[0.0; 2]; 5] }.prominence(&photo)
    }

    #[test]
    fn a_face_in_the_middle_counts_whole_and_one_outside_not_at_all() {
        assert_eq!(prominence([80.0, 30.0, 120.0, 70.0]), 1600.0);
        assert_eq!(prominence([-40.0, -40.0, 0.0, 0.0]), 0.0);
        assert_eq!(prominence([210.0, 10.0, 260.0, 90.0]), 0.0);
    }

    #[test]
    fn a_larger_face_at_the_border_does_not_hide_the_person_portrayed() {
        let portrayed = prominence([70.0, 25.0, 120.0, 75.0]);
        assert!(portrayed > prominence([-40.0, 10.0, 40.0, 90.0]), "half of it is cut off");
        assert!(portrayed > prominence([0.0, 0.0, 55.0, 55.0]), "it lies in a corner");
        assert!(portrayed < prominence([80.0, 0.0, 180.0, 100.0]), "it is four times as large");
    }

    #[test]
    fn a_larger_find_that_is_doubtful_does_not_hide_the_face() {
        let photo = Photo { width: 200, height: 400, pixels: Vec::new() };
        let of = |bounds, score| Face { bounds, score, landmarks: [[0.0; 2]; 5] };
        let face = of([70.0, 40.0, 120.0, 100.0], 0.999);
        let belly = of([60.0, 180.0, 140.0, 270.0], 0.88);
        let faces = [belly.clone(), face.clone()];
        assert_eq!(Face::most_prominent(&faces, &photo), Some(&face));
        assert!(of(belly.bounds, 0.999).prominence(&photo) > face.prominence(&photo));
        assert_eq!(Face::most_prominent(&[], &photo), None);
    }

    #[test]
    fn a_strip_is_searched_for_faces_that_fit_into_it() {
        let least = |width, height| {
            DetectOptions::default().min_face_in(&Photo { width, height, pixels: Vec::new() })
        };
        assert_eq!((least(4000, 3000), least(1000, 500)), (100.0, 40.0));
        assert_eq!((least(6000, 120), least(6000, 50)), (60.0, 40.0));
    }
}
