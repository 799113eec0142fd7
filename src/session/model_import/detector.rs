//! The check of a user's detector: it has to find the people whose faces the built-in detector finds.

use super::faces;
use crate::encoder::{DetectorFile, Device, Engine, Model};
use crate::face::Landmarks;
use crate::session::error::Result;

/// Largest mean distance of the landmarks of two detectors, relative to the distance between the eyes.
const APART: f32 = 0.15;
/// Least share of the photos.
const LEAST: f32 = 0.9;

/// What the user should know about the detector, if it does not find the faces.
///
/// # Errors
/// A detector cannot be loaded, or fails.
pub(super) fn warning(model: &Model, detector: &DetectorFile, device: Device) -> Result<Option<String>> {
    let own = faces::detected(&Engine::load(model, device, false)?)?;
    let engine = Engine::load(&Model { detector: Some(detector.clone()), ..model.clone() }, device, false)?;
    let mut found = 0;
    for face in &own {
        let other = face.most_prominent(&engine)?;
        found += usize::from(other.is_some_and(|other| are_near(&face.landmarks, &other)));
    }
    let is_good = found as f32 >= LEAST * own.len() as f32;
    Ok((!is_good).then(|| {
        format!(
            "the detector finds the landmarks of {found} of {} photos of one face each; it may be no face detector, or one with \
             another input",
            own.len()
        )
    }))
}

fn are_near(one: &Landmarks, other: &Landmarks) -> bool {
    let apart = |[x, y]: [f32; 2], [u, v]: [f32; 2]| (x - u).hypot(y - v);
    let sum: f32 = one.iter().zip(other).map(|(&one, &other)| apart(one, other)).sum();
    sum / one.len() as f32 <= APART * apart(one[0], one[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Chip;

    #[test]
    fn landmarks_are_compared_with_the_size_of_the_face() {
        let face = Chip::ARCFACE_112.template();
        let moved = |by: f32| face.map(|[x, y]| [x + by, y]);
        assert!(are_near(&face, &moved(5.0)) && !are_near(&face, &moved(6.0)));
        let large = |face: Landmarks| face.map(|point| point.map(|x| 10.0 * x));
        assert!(are_near(&large(face), &large(moved(5.0))));
    }
}
