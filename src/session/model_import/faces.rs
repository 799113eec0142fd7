//! The faces that the preprocessing of an imported model is measured with: 20 people, two photos each.
//!
//! They are photos of the Face Research Lab London Set by Lisa DeBruine and Benedict Jones (CC BY 4.0); `tests/faces/README.md` has the
//! source, the licence and the changes.

use crate::encoder::{EncoderError, Engine};
use crate::face::{self, Aligned, Chip, DetectOptions, Landmarks, NetworkError};
use crate::image::{self, Limits, Photo};

macro_rules! person {
    ($number:literal) => {
        [
            include_bytes!(concat!("../../../tests/faces/", $number, "/neutral.jpg")).as_slice(),
            include_bytes!(concat!("../../../tests/faces/", $number, "/smiling.jpg")).as_slice(),
        ]
    };
}

/// Two photos of each person.
const PEOPLE: [[&[u8]; 2]; 20] = [
    person!("001"),
    person!("003"),
    person!("004"),
    person!("005"),
    person!("006"),
    person!("008"),
    person!("012"),
    person!("013"),
    person!("017"),
    person!("020"),
    person!("021"),
    person!("024"),
    person!("025"),
    person!("030"),
    person!("032"),
    person!("034"),
    person!("037"),
    person!("038"),
    person!("041"),
    person!("042"),
];

/// A photo and the landmarks of its face.
pub(super) struct Face {
    photo: Photo,
    pub landmarks: Landmarks,
}

impl Face {
    /// The landmarks of the most prominent face that the detector of `engine` finds in the photo.
    ///
    /// # Errors
    /// The detector failed.
    pub fn most_prominent(&self, engine: &Engine) -> Result<Option<Landmarks>, EncoderError> {
        let faces = engine.detector.detect(&self.photo, &DetectOptions::default())?;
        Ok(face::Face::most_prominent(&faces, &self.photo).map(|face| face.landmarks))
    }
}

/// The faces, two of each person in turn.
///
/// # Errors
/// The detector failed, or found no face.
pub(super) fn detected(engine: &Engine) -> Result<Vec<Face>, EncoderError> {
    let failed = |reason: String| NetworkError::Failed { model: "mtcnn".into(), reason };
    let face = |bytes: &&[u8]| -> Result<Face, EncoderError> {
        let photo = image::decode(bytes, &Limits::default()).map_err(|error| failed(error.to_string()))?;
        let faces = engine.detector.detect(&photo, &DetectOptions::default())?;
        let first = faces.first().ok_or_else(|| failed("no face in a photo of the program itself".into()))?;
        Ok(Face { landmarks: first.landmarks, photo })
    };
    PEOPLE.as_flattened().iter().map(face).collect()
}

/// The faces aligned to a chip.
pub(super) fn aligned(faces: &[Face], chip: Chip) -> Vec<Aligned> {
    faces.iter().map(|face| Aligned::new(&face.photo, &face.landmarks, &[chip])).collect()
}
