//! Enrollment: photos into the gallery.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::batch_writer::{BatchWriter, described};
use super::error::{Result, SessionError};
use super::identify::require_paths;
use super::{Control, Naming, Session, engine};
use crate::gallery::{EnrolledFace, EnrolledTemplate, Enrollment, ImportedRow, Person, PhotoOutcome};
use crate::ingest::{self, Census, Faces, Finding, Skip, look, survey, walk};
use crate::reply::{EnrollEvent, EnrollSummary, PhotoRequest};
use crate::template::Template;

/// The request for an enrollment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// Photos, or folders of photos.
    pub paths: Vec<PathBuf>,
    /// How the subjects are named.
    pub naming: Naming,
    /// Which photos and faces are used.
    pub photos: PhotoRequest,
}

/// The result for one photo in memory.
#[derive(Debug, Clone, PartialEq)]
pub enum Enrolled {
    /// The added templates, which are durable, and the faces in the photo.
    Added(Vec<EnrolledTemplate>, Census),
    /// The photo is already in the gallery, or gave no template.
    Skipped(Skip, Census),
}

impl EnrollRequest {
    /// Checks the request before anything is opened.
    ///
    /// # Errors
    /// A path does not exist; several faces of a photo would get the same name.
    pub fn check(&self) -> Result<()> {
        require_naming(self.photos.faces, Some(&self.naming))?;
        require_paths(&self.paths)
    }
}

impl Session {
    /// Enrolls photos. Photos that are already in the gallery are recognised by their content and are not decoded again, so the same
    /// request resumes a stopped enrollment. Everything that `sink` gets is durable. The summary is the last event and is also returned.
    ///
    /// # Errors
    /// The first error of `sink`; a path does not exist; several faces of a photo would get the same name; the networks cannot be loaded;
    /// the disk is full or failing.
    pub fn enroll<E: From<SessionError>>(
        &self,
        request: &EnrollRequest,
        control: &Control<'_>,
        mut sink: impl FnMut(EnrollEvent) -> Result<(), E>,
    ) -> Result<EnrollSummary, E> {
        request.check()?;
        let started = Instant::now();
        let (gallery, naming) = (self.gallery(), &request.naming);
        let options = engine::options(&request.photos)?;
        let loaded = self.engine()?;
        let found = survey(&request.paths);
        let total = found.inputs;
        control.report("photos", 0, Some(total));
        let mut batch_writer = BatchWriter::new(gallery, &options, found.system_files, &mut sink);
        let known = |hash: &_| {
            gallery.photo(hash).ok().flatten().is_some_and(|photo| {
                (photo.outcome == "enrolled" && !options.may_add_faces(&photo.settings))
                    || photo.is_skipped(&options.settings(&photo.outcome))
            })
        };
        let inputs = walk(&request.paths).map(|input| naming.with_problem(input));
        let mut seen = 0;
        ingest::run(loaded, inputs, &options, &known, control.stop, |outcome| {
            seen += 1;
            control.report("photos", seen, Some(total));
            let person = |index| naming.person(&outcome.input, index);
            let intended = match &outcome.finding {
                Finding::Faces(faces) => (0..faces.len()).map(person).collect::<Result<Vec<_>, _>>(),
                _ => person(0).map(|person| vec![person]),
            };
            batch_writer.add(outcome, intended)
        })?;
        batch_writer.finish()?;
        let (counts, several) = (batch_writer.counts.clone(), batch_writer.several);
        let left = total.saturating_sub(counts.inputs());
        let left = Some(left).filter(|left| control.is_stopped() && *left > 0);
        let summary = EnrollSummary::new(&counts, several, left, started.elapsed().as_secs_f64());
        sink(EnrollEvent::Summary(summary.clone()))?;
        Ok(summary)
    }

    /// Enrolls templates in memory, all or none; they must be of the gallery's model. The same templates with the same names are enrolled
    /// once, however often this is called. Durable when it returns. Returns how many were added.
    ///
    /// # Errors
    /// A template has another dimension (nothing is enrolled); the disk is full or failing.
    pub fn enroll_templates(&self, templates: &[(Template, Person)]) -> Result<u64> {
        if templates.is_empty() {
            return Ok(0);
        }
        let gallery = self.gallery();
        let source = gallery.source(&identity(templates), Path::new(""), templates.len() as u64)?;
        let mut held = HashSet::new();
        gallery.each_imported(&source, |row, _| {
            held.insert(row);
        })?;
        let new: Vec<ImportedRow> = (0..)
            .zip(templates)
            .filter(|(row, _)| !held.contains(row))
            .map(|(row, (template, person))| ImportedRow {
                row,
                person: Some(person.clone()),
                template: template.clone(),
                photo: None,
            })
            .collect();
        gallery.import(&source, &new)?;
        Ok(new.len() as u64)
    }

    /// Enrolls the faces of one photo in memory as one subject, on the calling thread. `path` is shown in listings and may be empty. The
    /// templates are durable when it returns.
    ///
    /// # Errors
    /// All faces were requested and the subject is named; the networks cannot be loaded; the disk is full or failing.
    pub fn enroll_photo(
        &self,
        bytes: &[u8],
        path: impl Into<PathBuf>,
        person: &Person,
        photos: &PhotoRequest,
    ) -> Result<Enrolled> {
        if photos.faces == Faces::All && matches!(person, Person::Named(_)) {
            return Err(SessionError::SharedName);
        }
        let options = engine::options(photos)?;
        let seen = look(self.engine()?, bytes, &options);
        let faces = match seen.finding {
            Finding::Faces(faces) => Ok(faces
                .into_iter()
                .map(|face| EnrolledFace {
                    person: person.clone(),
                    template: face.template,
                    provenance: face.provenance,
                })
                .collect()),
            Finding::Skipped(skip) if skip.is_temporary() => return Ok(Enrolled::Skipped(skip, seen.census)),
            Finding::Skipped(skip) => Err((skip.reason, skip.detail)),
            Finding::Known => unreachable!("bytes are not compared with the gallery before they are decoded"),
        };
        let outcome = faces.as_ref().err().map_or("enrolled", |(reason, _)| reason.code());
        let settings = options.settings(outcome);
        let photo = Enrollment { path: path.into(), hash: seen.hash, settings, faces };
        let outcome = self.gallery().enroll(std::slice::from_ref(&photo))?.pop();
        Ok(match (outcome, photo.faces) {
            (Some(PhotoOutcome::Enrolled(templates)), _) => Enrolled::Added(templates, seen.census),
            (_, Err((reason, detail))) => Enrolled::Skipped(Skip::new(reason, detail), seen.census),
            _ => Enrolled::Skipped(described(self.gallery(), &photo.hash, Some(person))?, seen.census),
        })
    }
}

/// A hash of templates and names: the identity of an import from memory.
fn identity(templates: &[(Template, Person)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (template, person) in templates {
        template.as_slice().iter().for_each(|component| hash.update(component.to_le_bytes()));
        hash.update(person.name().as_str());
        hash.update(b"\n");
    }
    hash.finalize().into()
}

/// Refuses requests in which several faces of a photo would get the same name.
pub fn require_naming(faces: Faces, naming: Option<&Naming>) -> Result<()> {
    match (faces, naming) {
        (Faces::Largest, _) | (_, None | Some(Naming::Photo)) => Ok(()),
        _ => Err(SessionError::SharedName),
    }
}
