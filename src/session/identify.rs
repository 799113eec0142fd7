//! Identification: photos, bytes and templates against the gallery.

use std::path::{Path, PathBuf};

use super::answer::{face, refusals, row};
use super::batch::Asked;
use super::error::{Result, SessionError};
use super::{Control, Policy, Session, Stopped, engine};
use crate::gallery::{GalleryError, TOGETHER};
use crate::ingest::{self, EncodedFace, Finding, Options, Outcome, look, walk};
use crate::reason::Reason;
use crate::reply::{Identification, IdentifyRequest, PhotoRequest, Probe, Refusal, Reply};
use crate::template::{Binding, Template};
use crate::vectors::VectorFile;

impl Session {
    /// Identifies the faces in photos and in folders of photos. `sink` gets the replies in the order of the inputs. Files in folders that
    /// are not photos are ignored. Returns the number of processed inputs and the number of all inputs.
    ///
    /// # Errors
    /// The first error of `sink`; a path does not exist; the networks cannot be loaded; the gallery failed.
    pub fn identify_photos<E: From<SessionError>>(
        &self,
        paths: &[PathBuf],
        photos: &PhotoRequest,
        (request, policy): (&IdentifyRequest, &Policy),
        control: &Control<'_>,
        mut sink: impl FnMut(Reply) -> Result<(), E>,
    ) -> Result<Stopped, E> {
        require_paths(paths)?;
        let options = self.probe_options(photos)?;
        let loaded = self.engine()?;
        let mut looked_at = 0;
        let inputs = || walk(paths);
        ingest::run(loaded, inputs(), &options, &|_| false, control.stop, |outcome| {
            looked_at += 1;
            self.replies(&outcome, (request, policy))?.into_iter().try_for_each(&mut sink)
        })?;
        let total = if control.is_stopped() { (inputs().count() as u64).max(looked_at) } else { looked_at };
        Ok(Stopped { looked_at, total, unit: "input" })
    }

    /// Identifies the faces of one photo in memory, on the calling thread. Returns one reply per processed face; if there is none, one for
    /// the photo.
    ///
    /// # Errors
    /// The networks cannot be loaded; the gallery failed.
    pub fn identify_photo(
        &self,
        bytes: &[u8],
        photos: &PhotoRequest,
        (request, policy): (&IdentifyRequest, &Policy),
    ) -> Result<Vec<Reply>> {
        let seen = look(self.engine()?, bytes, &self.probe_options(photos)?);
        self.of_finding("", &seen.finding, &seen.census, (request, policy))
    }

    /// Identifies the rows of a file of vectors, in batches. Skips invalid rows. Returns the number of processed rows.
    ///
    /// # Errors
    /// The first error of `sink`; the file cannot be read or has another dimension; the gallery failed.
    pub fn identify_rows<E: From<SessionError>>(
        &self,
        file: &VectorFile,
        (request, policy): (&IdentifyRequest, &Policy),
        control: &Control<'_>,
        mut sink: impl FnMut(Reply) -> Result<(), E>,
    ) -> Result<u64, E> {
        require_rows(file, self.gallery().binding())?;
        let path = file.path().to_string_lossy().into_owned();
        let mut looked_at = 0;
        for first in (0..file.rows).step_by(TOGETHER) {
            if control.is_stopped() {
                break;
            }
            let rows = file.valid(first, TOGETHER).map_err(SessionError::from)?;
            let probes = rows.iter().map(|(number, template)| (row(&path, *number), template)).collect();
            for reply in self.identify_templates(probes, (request, policy))? {
                sink(Reply::Identified(Box::new(reply)))?;
                looked_at += 1;
            }
        }
        Ok(looked_at)
    }

    /// Identifies templates in one batch, which reads the gallery from memory only once. Each reply contains its probe as given.
    ///
    /// # Errors
    /// A template has another dimension; the gallery failed.
    pub fn identify_templates(
        &self,
        probes: Vec<(Probe, &Template)>,
        (request, policy): (&IdentifyRequest, &Policy),
    ) -> Result<Vec<Identification>> {
        let batch = probes.iter().map(|(probe, template)| Asked { probe, template, request, policy });
        self.identify_batch(&batch.collect::<Vec<_>>())
    }

    /// The options for the photos of probes. Faces are measured if a gate judges them.
    ///
    /// # Errors
    /// A field is outside its range.
    pub fn probe_options(&self, photos: &PhotoRequest) -> Result<Options> {
        Ok(Options { measure_authenticity: self.guard().is_some(), ..engine::options(photos)? })
    }

    fn replies(&self, outcome: &Outcome, asked: (&IdentifyRequest, &Policy)) -> Result<Vec<Reply>> {
        let path = outcome.input.path.to_string_lossy();
        self.of_finding(&path, &outcome.finding, &outcome.census, asked)
    }

    fn of_finding(
        &self,
        path: &str,
        finding: &Finding,
        census: &ingest::Census,
        asked: (&IdentifyRequest, &Policy),
    ) -> Result<Vec<Reply>> {
        if matches!(finding, Finding::Skipped(skip) if skip.reason == Reason::NotAPhoto) {
            return Ok(Vec::new());
        }
        let PhotoProbes { probes, refused } = self.probes_of(path, finding, census);
        let mut replies = Vec::with_capacity(probes.len() + refused.len());
        for (probe, template) in probes {
            let found = self.identify_templates(vec![(probe, template)], asked)?;
            replies.extend(found.into_iter().map(Box::new).map(Reply::Identified));
        }
        replies.extend(refused.into_iter().map(Box::new).map(Reply::Refused));
        Ok(replies)
    }

    /// The probes of a processed photo.
    pub fn probes_of<'a>(
        &self,
        path: &str,
        finding: &'a Finding,
        census: &ingest::Census,
    ) -> PhotoProbes<'a> {
        let (faces, skip) = match finding {
            Finding::Faces(faces) => (&faces[..], None),
            Finding::Skipped(skip) => (&[][..], Some(skip)),
            Finding::Known => unreachable!("an identification knows no photos"),
        };
        let judged = |face: &EncodedFace| self.guard().map(|guard| guard.judge(face));
        let probe = |one| Probe { authenticity: judged(one), ..face(path, one, census) };
        let probes = faces.iter().map(|one| (probe(one), &one.template)).collect();
        PhotoProbes { probes, refused: refusals(path, skip, census, self.gallery().binding()) }
    }
}

/// The faces of a photo as probes.
#[derive(Debug)]
pub struct PhotoProbes<'a> {
    /// The used faces with their templates.
    pub probes: Vec<(Probe, &'a Template)>,
    /// A refusal for each refused face, or for the photo.
    pub refused: Vec<Refusal>,
}

/// Requires that the rows of a file fit the model of a gallery.
///
/// # Errors
/// The file states another model, or has another dimension.
pub fn require_rows(file: &VectorFile, binding: &Binding) -> Result<()> {
    file.require_model(binding)?;
    let (expected, got) = (binding.dimension, file.dimension);
    if expected != got {
        let error = GalleryError::WrongDimension { expected, got };
        return Err(SessionError::Input(format!("{}: {error}", file.path().display())));
    }
    Ok(())
}

/// Refuses paths that do not exist.
pub(super) fn require_paths<P: AsRef<Path>>(paths: &[P]) -> Result<()> {
    match paths.iter().map(AsRef::as_ref).find(|path| path.symlink_metadata().is_err()) {
        Some(path) => Err(SessionError::Input(format!("{}: no such file or folder", path.display()))),
        None => Ok(()),
    }
}
