//! A running enrollment. Writes results to the gallery in batches, counts them and reports them.

use std::path::Path;
use std::time::{Duration, Instant};

use super::edited::Recorded;
use super::error::{Result, SessionError};
use crate::gallery::{
    EnrolledFace, EnrolledTemplate, Enrollment, Gallery, KnownPath, Person, PhotoOutcome, PhotoRecord,
    UnknownFaces,
};
use crate::image::PhotoHash;
use crate::ingest::{Census, EncodedFace, Finding, Options, Outcome, Skip};
use crate::reason::Reason;
use crate::reply::{Counts, EnrollEvent, FaceSkipped, Renamed, Skipped};

/// Photos per batch. A batch needs one sync.
const BATCH: usize = 64;
/// Paths of known photos per write.
const PATH_BATCH: usize = 1024;
/// Longest time between a result and its write.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

pub(super) struct BatchWriter<'a, S> {
    gallery: &'a Gallery,
    options: &'a Options,
    sink: S,
    batch: Vec<Enrollment>,
    /// Known photos at paths that may be new.
    paths: Vec<KnownPath>,
    /// The faces of the photos in `batch`.
    censuses: Vec<Census>,
    /// Photos of unknown faces, and what was found in each.
    unknown: Vec<UnknownFaces>,
    unknown_censuses: Vec<Census>,
    /// What was recorded at the paths of the photos; read when the first new photo of unknown faces comes.
    recorded: Option<Recorded>,
    oldest: Instant,
    /// Counts of the results so far.
    pub counts: Counts,
    /// Photos with more than one face. The largest was used.
    pub several: u64,
}

impl<'a, E: From<SessionError>, S: FnMut(EnrollEvent) -> Result<(), E>> BatchWriter<'a, S> {
    /// `system_files`: number of files that are not counted as inputs.
    pub fn new(gallery: &'a Gallery, options: &'a Options, system_files: u64, sink: S) -> Self {
        Self {
            gallery,
            options,
            sink,
            batch: Vec::new(),
            paths: Vec::new(),
            censuses: Vec::new(),
            unknown: Vec::new(),
            unknown_censuses: Vec::new(),
            recorded: None,
            oldest: Instant::now(),
            counts: Counts { system_files, ..Counts::default() },
            several: 0,
        }
    }

    /// Adds one result. `persons` are the persons of its faces, `None` for unknown ones, or the reason why it cannot be named. A photo has
    /// either named or unknown faces.
    pub fn add(&mut self, outcome: Outcome, persons: Result<Vec<Option<Person>>, Skip>) -> Result<(), E> {
        let Outcome { input, hash, finding, census } = outcome;
        if matches!(finding, Finding::Faces(..)) || census.refused.len() > 1 {
            self.report_refused(&input.path, &census)?;
        }
        let faces = match (finding, persons) {
            (Finding::Known, persons) => {
                return self.add_known(&input.path, hash, persons.ok());
            }
            // The failure says nothing about the photo, so it is not stored.
            (Finding::Skipped(skip), _) if skip.is_temporary() => return self.skip(&input.path, &skip),
            (Finding::Skipped(skip), _) | (Finding::Faces(..), Err(skip)) => Err(skip),
            (Finding::Faces(faces), Ok(persons)) => Ok((faces, persons)),
        };
        let Some(hash) = hash else {
            let skip = faces.err().unwrap_or_else(|| Skip::new(Reason::Unreadable, ""));
            return self.skip(&input.path, &skip);
        };
        if self.waiting() == 0 {
            self.oldest = Instant::now();
        }
        let faces = faces.map_err(|skip| (skip.reason, skip.detail));
        let outcome = faces.as_ref().err().map_or("enrolled", |(reason, _)| reason.code());
        let (path, settings) = (input.path, self.options.settings(outcome));
        match faces {
            Ok((faces, persons)) if persons.iter().all(Option::is_none) => {
                let faces = faces.into_iter().map(|face| (face.template, face.provenance)).collect();
                self.unknown.push(UnknownFaces { path, hash, settings, faces });
                self.unknown_censuses.push(census);
            }
            faces => {
                let faces =
                    faces.map(|(faces, persons)| faces.into_iter().zip(persons).filter_map(named).collect());
                self.batch.push(Enrollment { path, hash, settings, faces });
                self.censuses.push(census);
            }
        }
        if self.waiting() >= BATCH || self.oldest.elapsed() >= LONGEST_WAIT {
            self.write_batch()
        } else {
            Ok(())
        }
    }

    /// Photos that are not written yet.
    fn waiting(&self) -> usize {
        self.batch.len() + self.unknown.len()
    }

    /// Adds a photo whose bytes are in the gallery or in this enrollment.
    fn add_known(
        &mut self,
        path: &Path,
        hash: Option<PhotoHash>,
        persons: Option<Vec<Option<Person>>>,
    ) -> Result<(), E> {
        // The photo may be in the pending batch.
        self.write_batch()?;
        let record = hash.map(|hash| self.gallery.photo(&hash)).transpose().map_err(SessionError::from)?;
        match record.flatten() {
            Some(record) if record.outcome == "enrolled" => {
                let person = persons.and_then(|persons| persons.into_iter().next()).flatten();
                self.add_path(hash, path, &record, person.clone())?;
                self.report_known(path, &record, person.as_ref())
            }
            Some(record) => self.skip(path, &Skip::new(Reason::of(&record.outcome), record.detail)),
            None => self.skip(path, &Skip::new(Reason::Duplicate, "same bytes as another photo")),
        }
    }

    /// Reports a photo that is in the gallery.
    fn report_known(&mut self, path: &Path, record: &PhotoRecord, person: Option<&Person>) -> Result<(), E> {
        let skip = known_skip(record, person);
        if record.path == path && skip.reason != Reason::OtherName {
            self.counts.unchanged += 1;
            (self.sink)(EnrollEvent::Unchanged { path: text(path) })
        } else {
            self.skip(path, &skip)
        }
    }

    /// Writes all pending results.
    pub fn finish(&mut self) -> Result<(), E> {
        self.write_batch()?;
        self.write_paths()
    }

    /// Stores a further path of a photo that is in the gallery, or that a missing one is there again.
    fn add_path(
        &mut self,
        hash: Option<PhotoHash>,
        path: &Path,
        known: &PhotoRecord,
        person: Option<Person>,
    ) -> Result<(), E> {
        if let Some(hash) = hash.filter(|_| known.path != path || known.is_missing()) {
            self.paths.push(KnownPath { hash, path: path.to_owned(), person });
        }
        if self.paths.len() >= PATH_BATCH { self.write_paths() } else { Ok(()) }
    }

    fn write_paths(&mut self) -> Result<(), E> {
        let paths = std::mem::take(&mut self.paths);
        if !paths.is_empty() {
            self.gallery.add_paths(&paths).map_err(SessionError::from)?;
        }
        Ok(())
    }

    /// Writes the pending photos. Results are reported after they are on the disk.
    fn write_batch(&mut self) -> Result<(), E> {
        self.write_unknown()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let censuses = std::mem::take(&mut self.censuses);
        let outcomes = self.gallery.enroll(&batch).map_err(SessionError::from)?;
        for ((photo, outcome), census) in batch.iter().zip(outcomes).zip(&censuses) {
            match (outcome, &photo.faces) {
                (PhotoOutcome::Enrolled(templates), Ok(faces)) => {
                    self.enrolled(&photo.path, faces, &templates, census)?;
                }
                (PhotoOutcome::Duplicate, _) => {
                    let person = photo.faces.iter().flatten().next().map(|face| &face.person);
                    let record = self.gallery.photo(&photo.hash).map_err(SessionError::from)?;
                    match record {
                        Some(record) => self.report_known(&photo.path, &record, person)?,
                        None => self.skip(&photo.path, &Skip::new(Reason::Duplicate, ""))?,
                    }
                }
                (_, Err((reason, detail))) => self.skip(&photo.path, &Skip::new(*reason, detail.as_str()))?,
                (PhotoOutcome::Skipped, Ok(_)) => {
                    unreachable!("a photo with faces is enrolled or a duplicate")
                }
            }
        }
        Ok(())
    }

    /// Writes the pending photos of unknown faces.
    fn write_unknown(&mut self) -> Result<(), E> {
        let batch = std::mem::take(&mut self.unknown);
        let censuses = std::mem::take(&mut self.unknown_censuses);
        if batch.is_empty() {
            return Ok(());
        }
        self.take_over(&batch)?;
        let added = self.gallery.add_unknown_faces(&batch).map_err(SessionError::from)?;
        for ((photo, template_ids), census) in batch.iter().zip(added).zip(&censuses) {
            if template_ids.is_empty() {
                match self.gallery.photo(&photo.hash).map_err(SessionError::from)? {
                    Some(record) => self.report_known(&photo.path, &record, None)?,
                    None => self.skip(&photo.path, &Skip::new(Reason::Duplicate, ""))?,
                }
                continue;
            }
            self.counts.done += 1;
            self.counts.templates += template_ids.len() as u64;
            (self.sink)(EnrollEvent::Enrolled {
                path: text(&photo.path),
                subjects: Vec::new(),
                template_ids,
                faces: census.found,
                not_looked_at: census.not_looked_at,
                note: census.note(),
                renamed: Vec::new(),
            })?;
        }
        Ok(())
    }

    /// Keeps the faces of photos that were edited and show the same faces.
    fn take_over(&mut self, batch: &[UnknownFaces]) -> Result<(), E> {
        let recorded = match self.recorded.take() {
            Some(recorded) => recorded,
            None => Recorded::read(self.gallery)?,
        };
        let recorded = self.recorded.insert(recorded);
        for photo in batch {
            recorded.take_over(self.gallery, photo)?;
        }
        Ok(())
    }

    fn enrolled(
        &mut self,
        path: &Path,
        faces: &[EnrolledFace],
        templates: &[EnrolledTemplate],
        census: &Census,
    ) -> Result<(), E> {
        self.counts.done += 1;
        self.counts.templates += templates.len() as u64;
        self.several += u64::from(census.note().is_some());
        let renamed = templates.iter().filter_map(|template| {
            let (from, to) = (faces.get(template.face)?.person.name(), &template.subject);
            (from != to).then(|| Renamed { from: from.to_string(), to: to.to_string() })
        });
        (self.sink)(EnrollEvent::Enrolled {
            path: text(path),
            subjects: templates.iter().map(|template| template.subject.to_string()).collect(),
            template_ids: templates.iter().map(|template| template.id).collect(),
            faces: census.found,
            not_looked_at: census.not_looked_at,
            note: census.note(),
            renamed: renamed.collect(),
        })
    }

    fn skip(&mut self, path: &Path, skip: &Skip) -> Result<(), E> {
        self.counts.skip(skip.reason);
        let skipped = Skipped { path: text(path), reason: skip.reason, detail: skip.detail.clone() };
        (self.sink)(EnrollEvent::Skipped(skipped))
    }

    fn report_refused(&mut self, path: &Path, census: &Census) -> Result<(), E> {
        for face in &census.refused {
            self.counts.refused_faces += 1;
            (self.sink)(EnrollEvent::FaceSkipped(FaceSkipped {
                path: text(path),
                face: face.index,
                bounds: face.bounds,
                reason: face.skip.reason,
                detail: face.skip.detail.clone(),
            }))?;
        }
        Ok(())
    }
}

fn named((face, person): (EncodedFace, Option<Person>)) -> Option<EnrolledFace> {
    Some(EnrolledFace { person: person?, template: face.template, provenance: face.provenance })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The result for a photo whose bytes are in the gallery, given its present subject.
pub(super) fn described(gallery: &Gallery, hash: &PhotoHash, person: Option<&Person>) -> Result<Skip> {
    let duplicate = || Skip::new(Reason::Duplicate, "");
    Ok(gallery.photo(hash)?.map_or_else(duplicate, |record| known_skip(&record, person)))
}

fn known_skip(record: &PhotoRecord, person: Option<&Person>) -> Skip {
    // Photos from memory may have no path.
    let path = Some(record.path.display().to_string()).filter(|path| !path.is_empty());
    let same = path
        .as_ref()
        .map_or_else(|| "same bytes as before".to_owned(), |path| format!("same bytes as {path}"));
    let Some(subject) = &record.subject else { return Skip::new(Reason::Duplicate, same) };
    match person {
        // A generated name may have got a number, or may have been corrected.
        Some(Person::Named(name)) if name.as_str() != subject => {
            let from = path.map(|path| format!(", from {path}")).unwrap_or_default();
            Skip::new(Reason::OtherName, format!("in the gallery as {subject}{from}"))
        }
        _ => Skip::new(Reason::Duplicate, format!("{same}, enrolled as {subject}")),
    }
}
