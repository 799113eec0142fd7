//! The probes of replies: from the reply, from a row of a file, or from a photo that is processed again.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::encoder::Engine;
use crate::ingest::{self, Census, EncodedFace, Faces, Finding, Skip};
use crate::reason::Reason;
use crate::reply::{PhotoRequest, Probe};
use crate::session::Control;
use crate::session::answer::{face, row};
use crate::session::engine::options;
use crate::session::error::{Result, SessionError};
use crate::template::Template;
use crate::vectors::VectorFile;

/// A probe and its source.
pub enum ProbeSource {
    /// The template is in the reply. Its source is not known.
    Given,
    /// A row of a file.
    Row { path: PathBuf, row: u64 },
    /// A face of a photo.
    Photo { path: PathBuf, face: Box<EncodedFace>, census: Census },
}

/// The result for a photo.
pub struct ProcessedPhoto {
    pub faces: Vec<EncodedFace>,
    pub skip: Option<Skip>,
    pub census: Census,
}

/// Photos by path and by whether all of their faces were processed.
pub type Photos = HashMap<(PathBuf, bool), ProcessedPhoto>;

impl ProbeSource {
    /// The expected probe of the reply. Unknown fields are copied from the claim.
    pub fn probe(&self, claimed: &Probe) -> Probe {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match self {
            Self::Given => claimed.clone(),
            Self::Row { path, row: number } => row(&text(path), *number),
            // The reply does not contain the gate.
            Self::Photo { path, face: found, census } => {
                Probe { authenticity: claimed.authenticity.clone(), ..face(&text(path), found, census) }
            }
        }
    }
}

/// The photo of a probe, and whether all of its faces were processed.
pub fn photo_of(probe: &Probe) -> Option<(PathBuf, bool)> {
    if probe.template.is_some() || probe.row.is_some() {
        return None;
    }
    let several = probe.reasons.first() == Some(&Reason::SeveralFaces);
    let all = several || probe.not_looked_at.unwrap_or(0) == 0;
    Some((PathBuf::from(&probe.path), all))
}

/// Processes photos again, each once; `false` if it was stopped.
pub fn process_again(
    wanted: BTreeSet<(PathBuf, bool)>,
    engine: &Engine,
    request: &PhotoRequest,
    control: &Control<'_>,
    photos: &mut Photos,
) -> Result<bool> {
    let count = wanted.len();
    for (all, which) in [(false, Faces::Largest), (true, Faces::All)] {
        let paths = wanted.iter().filter(|(_, every)| *every == all).map(|(path, _)| path.clone());
        let files = ingest::files(paths.collect::<Vec<_>>());
        let options = options(&PhotoRequest { faces: which, ..request.clone() })?;
        ingest::run(engine, files, &options, &|_| false, control.stop, |outcome| {
            let (faces, skip) = match outcome.finding {
                Finding::Faces(faces) => (faces, None),
                Finding::Skipped(skip) => (Vec::new(), Some(skip)),
                Finding::Known => (Vec::new(), None),
            };
            photos.insert((outcome.input.path, all), ProcessedPhoto { faces, skip, census: outcome.census });
            Ok::<_, SessionError>(())
        })?;
    }
    Ok(photos.len() == count)
}

/// The probe of a reply with its template, or the reason why there is none. `last` is the last opened file of vectors.
pub fn find(
    probe: &Probe,
    dimension: usize,
    photos: &Photos,
    last: &mut Option<(PathBuf, VectorFile)>,
) -> Result<(ProbeSource, Template), String> {
    if let Some(numbers) = &probe.template {
        return Ok((ProbeSource::Given, given_template(numbers, dimension)?));
    }
    let path = PathBuf::from(&probe.path);
    if let Some(row) = probe.row {
        if last.as_ref().is_none_or(|(open, _)| *open != path) {
            // Reading a pipe or a device might never end.
            if !path.is_file() {
                return Err(format!("{}: not a regular file", path.display()));
            }
            *last = Some((path.clone(), VectorFile::open(&path).map_err(|error| error.to_string())?));
        }
        let file = last.as_mut().map(|(_, file)| file).filter(|file| row < file.rows);
        let file = file.ok_or_else(|| format!("{} has no row {row}", path.display()))?;
        let mut templates = file.templates(row, 1).map_err(|error| error.to_string())?;
        let template = templates.pop().ok_or("the row has no template")?;
        return Ok((ProbeSource::Row { path, row }, template));
    }
    let processed =
        photo_of(probe).and_then(|photo| photos.get(&photo)).ok_or("it was not processed again")?;
    let index = probe.face.ok_or("face: expected a whole number from 0")?;
    let face = processed.faces.iter().find(|face| face.index == index).ok_or_else(|| {
        let why = processed.skip.as_ref().map(|skip| format!(" ({skip})")).unwrap_or_default();
        format!("{}: face {index} of the reply is not found in the photo{why}", path.display())
    })?;
    let seen = ProbeSource::Photo { path, face: Box::new(face.clone()), census: processed.census.clone() };
    Ok((seen, face.template.clone()))
}

/// The template in a reply. It must have the dimension of the gallery and length 1.
fn given_template(numbers: &[f32], dimension: usize) -> Result<Template, String> {
    if numbers.len() != dimension {
        let got = numbers.len();
        return Err(format!("template: {got} components, expected {dimension}"));
    }
    if let Some(at) = numbers.iter().position(|number| !(-1.0..=1.0).contains(number)) {
        return Err(format!("template[{at}]: expected a number from -1 to 1, got {}", numbers[at]));
    }
    let length = numbers.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    if (length - 1.0).abs() >= 1e-3 {
        return Err(format!("template: its length is {length:.3}, expected 1"));
    }
    Template::from_raw(numbers).map_err(|error| error.to_string())
}
