//! Faces in photos: found by a [`Detector`], measured by [`Quality`], aligned to a [`Crop`].

pub mod align;
mod aligned;
mod chip;
pub mod mtcnn;
mod network;
mod provenance;
pub mod quality;
mod resize;
pub mod scrfd;
mod turn;

pub use align::align;
pub use aligned::Aligned;
pub use chip::Chip;
pub use network::NetworkError;
pub use provenance::Provenance;
pub use quality::Quality;
pub use turn::detect_turned;

use crate::image::Photo;

/// Five landmarks in photo pixels, x to the right and y down, pixel centres at whole numbers. Order: the eye on
/// the left of the picture of an upright face, the eye on the right, nose tip, left and right corner of the mouth.
pub type Landmarks = [[f32; 2]; 5];

/// One face found in a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Left, top, right, bottom in photo pixels. May extend beyond the border of the photo.
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

    /// The clockwise rotation of the line between the eyes, in degrees from -180 to 180.
    pub fn roll(&self) -> f32 {
        let [left, right, ..] = self.landmarks;
        (right[1] - left[1]).atan2(right[0] - left[0]).to_degrees()
    }

    /// The prominence of this face in the photo: the area of its bounds inside the photo in pixels, times a weight that falls from 1 in the
    /// middle of the photo to 0 in its corners, times a weight that falls with the confidence of the detector. The most prominent face is
    /// taken to be the portrayed person.
    ///
    /// The largest box is often another one. People at the border are closer to the camera, and a false detection, such as a pattern or a
    /// belly, may be larger than every face.
    pub fn prominence(&self, photo: &Photo) -> f32 {
        let [left, top, right, bottom] = self.bounds;
        let (width, height) = (photo.width as f32, photo.height as f32);
        let visible = |from: f32, to: f32, side: f32| (to.min(side) - from.max(0.0)).max(0.0);
        let area = visible(left, right, width) * visible(top, bottom, height);
        let away = (left + right - width).hypot(top + bottom - height);
        area * (1.0 - away / width.hypot(height)).max(0.0) * self.confidence_weight()
    }

    /// The weight of the detector's confidence: 1 at a score of 1, 0.5 at 0.95, 0.2 at 0.9. Upright faces score above 0.99, and most
    /// false detections below 0.95.
    fn confidence_weight(&self) -> f32 {
        const LEAST: f32 = 0.7;
        ((self.score - LEAST) / (1.0 - LEAST)).clamp(0.0, 1.0).powi(4)
    }

    /// The most prominent face. None if there is no face.
    pub fn most_prominent<'a>(faces: &'a [Self], photo: &Photo) -> Option<&'a Self> {
        faces.iter().max_by(|one, other| one.prominence(photo).total_cmp(&other.prominence(photo)))
    }
}

/// Which faces are detected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectOptions {
    /// The smallest face, as the shorter side of its bounds in pixels.
    pub min_face: f32,
    /// The smallest face as a share of the photo's longer side, so that a large photo takes no longer than a small one. The default of 1/40
    /// is 40 pixels at 1,600 and 100 pixels at 4,000; 0 switches it off. In a strip of a photo the limit is at most half of the
    /// shorter side.
    pub min_share: f32,
}

impl DetectOptions {
    /// The smallest face that is detected in a photo of this size, in pixels.
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

/// Finds faces. Threads share one detector.
pub trait Detector: Send + Sync {
    /// All faces in `photo`, the largest box first.
    ///
    /// # Errors
    /// The network failed. A photo without faces gives an empty list.
    fn detect(&self, photo: &Photo, options: &DetectOptions) -> Result<Vec<Face>, NetworkError>;

    /// Threads for each core that keep it busy: 1, or more if they wait for another device and form its batches.
    fn threads_per_core(&self) -> usize {
        1
    }
}

/// A square RGB picture of one aligned face, 8 bits per channel: the input of an encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crop {
    /// Pixels per side.
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
    fn prominence_is_full_in_the_middle_and_zero_outside() {
        assert_eq!(prominence([80.0, 30.0, 120.0, 70.0]), 1600.0);
        assert_eq!(prominence([-40.0, -40.0, 0.0, 0.0]), 0.0);
        assert_eq!(prominence([210.0, 10.0, 260.0, 90.0]), 0.0);
    }

    #[test]
    fn a_larger_face_at_the_border_is_less_prominent() {
        let portrayed = prominence([70.0, 25.0, 120.0, 75.0]);
        assert!(portrayed > prominence([-40.0, 10.0, 40.0, 90.0]), "half of it is cut off");
        assert!(portrayed > prominence([0.0, 0.0, 55.0, 55.0]), "it lies in a corner");
        assert!(portrayed < prominence([80.0, 0.0, 180.0, 100.0]), "it is four times as large");
    }

    #[test]
    fn a_larger_uncertain_detection_is_less_prominent() {
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
