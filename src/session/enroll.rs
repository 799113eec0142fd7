//! Enrollment: photos into the gallery.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::batch_writer::{BatchWriter, described};
use super::error::{Result, SessionError};
use super::identify::require_paths;
use super::{Control, Naming, Session, engine};
use crate::gallery::{
    EnrolledFace, EnrolledTemplate, Enrollment, ImportedRow, ImportedTemplate, Name, Person, PhotoOutcome,
    Source,
};
use crate::ingest::{self, Census, EncodedFace, Faces, Finding, Look, Skip, look, survey, walk};
use crate::reason::Reason;
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

/// A processed photo to enroll.
#[derive(Debug)]
pub struct ProcessedPhoto {
    /// The faces in it.
    pub look: Look,
    /// The path that is shown in listings; may be empty.
    pub path: PathBuf,
    /// The subject of its faces.
    pub person: Person,
    /// The request that it was processed with.
    pub photos: PhotoRequest,
}

/// A template of a set that is in the gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnrolledRow {
    /// Id of the template.
    pub id: u64,
    /// Id of its subject, if the template is new.
    pub subject: Option<u64>,
    /// Whether the template was added; otherwise it was in the gallery.
    pub is_new: bool,
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
        let last = gallery.last_subject().map_err(SessionError::from)?;
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
        let mut summary = EnrollSummary::new(&counts, several, left, started.elapsed().as_secs_f64());
        summary.similar_names = gallery.similar_names(last).map_err(SessionError::from)?;
        sink(EnrollEvent::Summary(summary.clone()))?;
        Ok(summary)
    }

    /// Enrolls templates in memory, all or none; they must be of the gallery's model. The same templates with the same names are enrolled
    /// once, however often this is called. Durable when it returns. Returns how many were added.
    ///
    /// # Errors
    /// A template has another dimension (nothing is enrolled); the disk is full or failing.
    pub fn enroll_templates(&self, templates: &[(Template, Person)]) -> Result<u64> {
        let enrolled = self.enroll_sets(&[templates])?;
        Ok(enrolled.iter().flatten().filter(|template| template.is_new).count() as u64)
    }

    /// Enrolls several sets of templates, each as [`enroll_templates`](Self::enroll_templates), with the syncs of one. All sets or none.
    /// Returns the templates of each set, in its order.
    ///
    /// # Errors
    /// As [`enroll_templates`](Self::enroll_templates).
    pub fn enroll_sets(&self, sets: &[&[(Template, Person)]]) -> Result<Vec<Vec<EnrolledRow>>> {
        let gallery = self.gallery();
        let mut sources: Vec<(Source, Vec<ImportedRow>)> = Vec::new();
        let mut enrolled: Vec<Vec<Option<EnrolledRow>>> = Vec::new();
        let mut of_set = Vec::with_capacity(sets.len());
        let mut known = HashMap::new();
        for templates in sets {
            let hash = identity(templates);
            // A set that is given twice is enrolled once.
            let at = *known.entry(hash).or_insert(sources.len());
            of_set.push(at);
            if at < sources.len() {
                continue;
            }
            let source = gallery.source(&hash, Path::new(""), templates.len() as u64)?;
            let mut held: Vec<Option<EnrolledRow>> = vec![None; templates.len()];
            gallery.each_imported(&source, |row, existing| {
                if let Some(place) = held.get_mut(row as usize) {
                    *place = Some(EnrolledRow { id: existing.template, subject: None, is_new: false });
                }
            })?;
            let rows = (0..).zip(*templates).zip(&held).filter(|(_, held)| held.is_none());
            let new = rows.map(|((row, (template, person)), _)| ImportedRow {
                row,
                person: Some(person.clone()),
                template: template.clone(),
                photo: None,
            });
            sources.push((source, new.collect()));
            enrolled.push(held);
        }
        let parts: Vec<(Source, &[ImportedRow])> =
            sources.iter().map(|(source, rows)| (*source, rows.as_slice())).collect();
        if parts.iter().any(|(_, rows)| !rows.is_empty()) {
            for (((_, rows), added), held) in parts.iter().zip(gallery.import_all(&parts)?).zip(&mut enrolled)
            {
                for (row, ImportedTemplate { id, subject }) in rows.iter().zip(added) {
                    held[row.row as usize] = Some(EnrolledRow { id, subject, is_new: true });
                }
            }
        }
        Ok(of_set.into_iter().map(|at| enrolled[at].iter().flatten().copied().collect()).collect())
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
        let (path, person) = (path.into(), person.clone());
        require_one_face_each(&person, photos)?;
        let look = look(self.engine()?, bytes, &engine::options(photos)?);
        let photo = ProcessedPhoto { look, path, person, photos: photos.clone() };
        let enrolled = self.enroll_processed(vec![photo])?.pop();
        let Some(enrolled) = enrolled else { unreachable!("one result for one photo") };
        Ok(enrolled)
    }

    /// Enrolls processed photos, all or none, with the syncs of one. Returns a result for each, in their order. Durable when it returns.
    ///
    /// # Errors
    /// All faces of a photo were requested and the subject is named; the disk is full or failing.
    pub fn enroll_processed(&self, photos: Vec<ProcessedPhoto>) -> Result<Vec<Enrolled>> {
        let mut batch = Vec::with_capacity(photos.len());
        let mut results = Vec::with_capacity(photos.len());
        for ProcessedPhoto { look, path, person, photos } in photos {
            require_one_face_each(&person, &photos)?;
            let options = engine::options(&photos)?;
            let faces = match look.finding {
                Finding::Faces(faces) => {
                    enrolled_faces(faces, &person).map_err(|error| (Reason::NoSubject, error.to_string()))
                }
                Finding::Skipped(skip) if skip.is_temporary() => {
                    results.push((Some(Enrolled::Skipped(skip, look.census)), None));
                    continue;
                }
                Finding::Skipped(skip) => Err((skip.reason, skip.detail)),
                Finding::Known => {
                    unreachable!("bytes are not compared with the gallery before they are decoded")
                }
            };
            let faces: Result<Vec<EnrolledFace>, _> = faces;
            let outcome = faces.as_ref().err().map_or("enrolled", |(reason, _)| Reason::code(*reason));
            let settings = options.settings(outcome);
            results.push((None, Some((look.census, person))));
            batch.push(Enrollment { path, hash: look.hash, settings, faces });
        }
        let outcomes = if batch.is_empty() { Vec::new() } else { self.gallery().enroll(&batch)? };
        let mut stored = batch.into_iter().zip(outcomes);
        let mut enrolled = Vec::with_capacity(results.len());
        for result in results {
            enrolled.push(match result {
                (Some(temporary), _) => temporary,
                (None, waiting) => {
                    let Some(((photo, outcome), (census, person))) = stored.next().zip(waiting) else {
                        unreachable!("a photo that was stored has a result");
                    };
                    self.enrolled(photo, outcome, census, &person)?
                }
            });
        }
        Ok(enrolled)
    }

    /// The result for a stored photo.
    fn enrolled(
        &self,
        photo: Enrollment,
        outcome: PhotoOutcome,
        census: Census,
        person: &Person,
    ) -> Result<Enrolled> {
        Ok(match (outcome, photo.faces) {
            (PhotoOutcome::Enrolled(templates), _) => Enrolled::Added(templates, census),
            (_, Err((reason, detail))) => Enrolled::Skipped(Skip::new(reason, detail), census),
            _ => Enrolled::Skipped(described(self.gallery(), &photo.hash, Some(person))?, census),
        })
    }
}

fn enrolled_faces(faces: Vec<EncodedFace>, person: &Person) -> Result<Vec<EnrolledFace>> {
    let enrolled = |(index, face): (usize, EncodedFace)| {
        let person = person_of_face(person, index)?;
        Ok(EnrolledFace { person, template: face.template, provenance: face.provenance })
    };
    faces.into_iter().enumerate().map(enrolled).collect()
}

/// The subject of the `index`-th used face of a photo, from 0. Further faces of a photo with a generated name get a number.
///
/// # Errors
/// The name with a number is too long.
pub fn person_of_face(person: &Person, index: usize) -> Result<Person> {
    Ok(match person {
        Person::Unknown(name) if index > 0 => {
            Person::Unknown(Name::generated(&format!("{name}#{}", index + 1))?)
        }
        person => person.clone(),
    })
}

fn require_one_face_each(person: &Person, photos: &PhotoRequest) -> Result<()> {
    match (photos.faces, person) {
        (Faces::All, Person::Named(_)) => Err(SessionError::SharedName),
        _ => Ok(()),
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
        (Faces::Largest, _) | (_, None | Some(Naming::Photo | Naming::Nobody)) => Ok(()),
        _ => Err(SessionError::SharedName),
    }
}
