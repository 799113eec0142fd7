//! The face in a photo from which a template was made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Quality;

/// The face in a photo from which a template was made. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Left, top, right, bottom in pixels of the photo after its EXIF rotation. May extend beyond the photo.
    pub bounds: [f32; 4],
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// Eyes, nose tip, corners of the mouth, in the same coordinates.
    pub landmarks: [[f32; 2]; 5],
    /// The clockwise rotation in degrees that was necessary to find the faces of the photo: 0, 90, 180 or 270. Bounds and
    /// landmarks are those in the photo without this rotation.
    #[serde(default)]
    pub turned: u16,
    /// The quality of the face.
    pub quality: Quality,
}
