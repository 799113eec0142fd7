//! Which face of a photo a template was made from.

use serde::{Deserialize, Serialize};

use super::Quality;

/// The face of a photo that a template was made from. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Left, top, right, bottom in pixels of the photo, upright as its EXIF says. May reach beyond the photo.
    pub bounds: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// Eyes, nose tip, corners of the mouth, in the same pixels.
    pub landmarks: [[f32; 2]; 5],
    /// By how many degrees clockwise the photo had to be turned for its faces to be found: 0, 90, 180 or 270. Bounds and
    /// landmarks are those in the photo that was not turned.
    #[serde(default)]
    pub turned: u16,
    /// What the face looks like to an encoder.
    pub quality: Quality,
}
