//! Selection, alignment and measurement of the faces of one photo.

use super::memory::check_for_networks;
use super::{Census, Faces, Options, RefusedFace, Skip};
use crate::authenticity::{Measures, Unmeasured};
use crate::encoder::Engine;
use crate::face::{Aligned, Face, Provenance, Quality, detect_turned};
use crate::image::Photo;
use crate::reason::Reason;

/// A used face, with its number among those found.
pub(super) struct Chosen {
    pub index: usize,
    pub aligned: Aligned,
    pub provenance: Provenance,
    pub measures: Option<Result<Measures, Unmeasured>>,
}

/// Detects the faces in a photo. Selects, aligns and measures the requested ones. Returns at least one face, or the reason why there is
/// none.
pub(super) fn faces(
    engine: &Engine,
    options: &Options,
    photo: &Photo,
    census: &mut Census,
) -> Result<Vec<Chosen>, Skip> {
    check_for_networks(options.workers)?;
    let (found, turned) = detect(engine, options, photo)?;
    census.found = found.len();
    if options.single_face && found.len() > 1 {
        census.not_looked_at = found.len();
        return Err(Skip::new(Reason::SeveralFaces, format!("{} faces, expected one", found.len())));
    }
    let wanted = wanted(options.faces, photo, found);
    census.not_looked_at = census.found - wanted.len();
    let mut chosen = Vec::new();
    for (index, face) in wanted {
        let bounds = face.bounds;
        match grade(engine, options, photo, (face, turned)) {
            Ok((aligned, provenance)) => {
                let measures = options.measure_authenticity.then(|| Measures::of(photo, bounds));
                chosen.push(Chosen { index, aligned, provenance, measures });
            }
            Err(skip) => census.refused.push(RefusedFace { index, bounds, skip }),
        }
    }
    match (chosen.is_empty(), census.refused.first()) {
        (true, Some(first)) => Err(first.skip.clone()),
        _ => Ok(chosen),
    }
}

/// The detected faces, and the clockwise rotation in degrees with which they were found.
fn detect(engine: &Engine, options: &Options, photo: &Photo) -> Result<(Vec<Face>, u16), Skip> {
    let shorter = photo.width.min(photo.height);
    if (shorter as f32) < options.detect.min_face {
        let size = format!("the photo is {} x {} pixels", photo.width, photo.height);
        return Err(Skip::new(Reason::TooSmall, size));
    }
    let (faces, turned) = detect_turned(&*engine.detector, photo, &options.detect)
        .map_err(|error| Skip::network(Reason::DetectFailed, &error))?;
    if faces.is_empty() { Err(Skip::new(Reason::NoFace, "")) } else { Ok((faces, turned)) }
}

/// The requested faces, with their numbers.
fn wanted(faces: Faces, photo: &Photo, found: Vec<Face>) -> Vec<(usize, Face)> {
    let found = found.into_iter().enumerate();
    match faces {
        Faces::All => found.collect(),
        Faces::Largest => {
            let prominence = |face: &Face| face.prominence(photo);
            let largest = found.max_by(|(_, one), (_, other)| prominence(one).total_cmp(&prominence(other)));
            largest.into_iter().collect()
        }
    }
}

/// Aligns and measures a face that was found with the photo rotated by `turned` degrees. Refuses it if it is too small or its quality is
/// too low.
fn grade(
    engine: &Engine,
    options: &Options,
    photo: &Photo,
    (face, turned): (Face, u16),
) -> Result<(Aligned, Provenance), Skip> {
    let chips = engine.model.chips();
    let aligned = Aligned::new(photo, &face.landmarks, &chips);
    let measured =
        chips.first().and_then(|&chip| Some(Quality::measure(photo, &face, aligned.crop(chip)?, chip)));
    let quality = measured.ok_or_else(|| Skip::new(Reason::EncodeFailed, "the model has no network"))?;
    if quality.size_px < options.detect.min_face {
        return Err(Skip::new(Reason::TooSmall, format!("the face is {:.0} pixels wide", quality.size_px)));
    }
    if quality.overall < options.min_quality {
        let detail =
            format!("quality {} of 100, at least {} is required", quality.overall, options.min_quality);
        return Err(Skip::new(Reason::LowQuality, detail));
    }
    let Face { bounds, score, landmarks } = face;
    Ok((aligned, Provenance { bounds, score, landmarks, turned, quality }))
}
