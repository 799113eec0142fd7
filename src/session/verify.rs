//! Verification: two photos or two templates, without a gallery.

use std::path::PathBuf;

use super::answer::{face, refusals};
use super::engine::options;
use super::error::{Result, SessionError};
use super::identify::require_paths;
use super::{Control, Stopped};
use crate::decision::{Decision, Threshold, of_photo};
use crate::encoder::Engine;
use crate::gallery::GalleryError;
use crate::ingest::{self, Census, EncodedFace, Faces, Finding, Look, Outcome};
use crate::reply::{Basis, Model, PhotoRequest, Probe, Refusal, VERSION, Verification};
use crate::template::{Binding, Template};

/// The result for two photos.
#[derive(Debug, Clone, PartialEq)]
pub enum Verified {
    /// The largest faces were compared.
    Compared(Box<Verification>),
    /// One or both photos gave no template.
    Refused(Vec<Refusal>),
    /// The verification was stopped.
    Stopped(Stopped),
}

/// The threshold for a pair: the given one, or the model's.
///
/// # Errors
/// [`SessionError::NoThreshold`].
pub fn threshold(given: Option<f32>, binding: &Binding) -> Result<Threshold> {
    match given {
        Some(value) if (-1.0..=1.0).contains(&value) => Ok(Threshold::given(value, value)),
        Some(value) => {
            let reason = format!("expected a cosine from -1 to 1, got {value}");
            Err(SessionError::Request { field: "threshold", reason })
        }
        None => Threshold::uncalibrated(binding).ok_or(SessionError::NoThreshold),
    }
}

/// Compares the largest faces of two photos. If one of the photos shows more faces, a score below the threshold is inconclusive.
///
/// # Errors
/// A photo does not exist; a field of the request is outside its range.
pub fn verify_photos(
    engine: &Engine,
    photos: [PathBuf; 2],
    request: &PhotoRequest,
    threshold: &Threshold,
    control: &Control<'_>,
) -> Result<Verified> {
    require_paths(&photos)?;
    let (binding, options) =
        (engine.model.binding(), options(&PhotoRequest { faces: Faces::Largest, ..request.clone() })?);
    let mut sides: Vec<Outcome> = Vec::new();
    ingest::run(engine, ingest::files(photos), &options, &|_| false, control.stop, |outcome| {
        sides.push(outcome);
        Ok::<_, SessionError>(())
    })?;
    let [first, second] = sides.as_slice() else {
        let looked_at = sides.len() as u64;
        return Ok(Verified::Stopped(Stopped { looked_at, total: 2, unit: "photo" }));
    };
    let sides = [first, second].map(|side| Side::Photo {
        path: side.input.path.to_string_lossy().into_owned(),
        finding: &side.finding,
        census: &side.census,
    });
    Ok(verified(&sides, threshold, &binding))
}

/// Compares the largest faces of two photos in memory, on the calling thread. The same as [`verify_photos`] in all else.
///
/// # Errors
/// A field of the request is outside its range.
pub fn verify_bytes(
    engine: &Engine,
    photos: [&[u8]; 2],
    request: &PhotoRequest,
    threshold: &Threshold,
) -> Result<Verified> {
    let options = options(&PhotoRequest { faces: Faces::Largest, ..request.clone() })?;
    let seen = photos.map(|bytes| ingest::look(engine, bytes, &options));
    let sides = seen.each_ref().map(Side::of);
    Ok(verified(&sides, threshold, &engine.model.binding()))
}

/// A side of a pair: a processed photo, of which the largest face counts, or a template.
pub enum Side<'a> {
    /// A photo.
    Photo {
        /// Its path; may be empty.
        path: String,
        /// The faces that are used.
        finding: &'a Finding,
        /// All faces.
        census: &'a Census,
    },
    /// A template of the model.
    Template(&'a Template),
}

impl<'a> Side<'a> {
    /// A photo in memory.
    pub fn of(look: &'a Look) -> Self {
        Self::Photo { path: String::new(), finding: &look.finding, census: &look.census }
    }

    /// The template of the largest face, and the probe for the reply.
    fn largest(&self) -> Option<(&'a Template, Probe)> {
        match self {
            Self::Template(template) => Some((template, Probe::default())),
            Self::Photo { path, finding: Finding::Faces(faces), census } => {
                faces.first().map(|largest: &EncodedFace| (&largest.template, face(path, largest, census)))
            }
            Self::Photo { .. } => None,
        }
    }

    fn refused(&self, binding: &Binding) -> Vec<Refusal> {
        let Self::Photo { path, finding, census } = self else { return Vec::new() };
        let skip = if let Finding::Skipped(skip) = finding { Some(skip) } else { None };
        refusals(path, skip, census, binding)
    }
}

/// Compares two sides. Templates must have the dimension of the model.
pub fn verified(sides: &[Side<'_>; 2], threshold: &Threshold, binding: &Binding) -> Verified {
    let [Some((one, a)), Some((other, b))] = sides.each_ref().map(Side::largest) else {
        return Verified::Refused(sides.iter().flat_map(|side| side.refused(binding)).collect());
    };
    Verified::Compared(Box::new(compare([one, other], [a, b], threshold, binding)))
}

/// Compares two templates of the model `binding`.
///
/// # Errors
/// A template has another dimension than those of the model.
pub fn verify_templates(
    templates: [&Template; 2],
    threshold: &Threshold,
    binding: &Binding,
) -> Result<Verification> {
    let expected = binding.dimension;
    if let Some(wrong) = templates.iter().find(|template| template.dimension() != expected) {
        return Err(GalleryError::WrongDimension { expected, got: wrong.dimension() }.into());
    }
    Ok(compare(templates, [Probe::default(), Probe::default()], threshold, binding))
}

fn compare(
    [one, other]: [&Template; 2],
    [a, b]: [Probe; 2],
    threshold: &Threshold,
    binding: &Binding,
) -> Verification {
    let similarity = one.similarity(other);
    let reached = if threshold.reached(similarity) { Decision::Match } else { Decision::NoMatch };
    let not_looked_at = a.not_looked_at.unwrap_or(0) + b.not_looked_at.unwrap_or(0);
    let (decision, doubt) = of_photo((reached, None), not_looked_at);
    Verification {
        version: VERSION,
        decision,
        doubt,
        similarity,
        distance: 1.0 - similarity,
        threshold: threshold.value,
        calibration: Basis::from(threshold),
        a,
        b,
        model: Model::from(binding),
    }
}
