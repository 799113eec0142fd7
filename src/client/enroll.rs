//! Enrollment of photos in folders.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::Client;
use super::batch::{Batches, Item, in_parts};
use super::error::{ClientError, Result};
use crate::ingest::{Input, Skip, survey, walk};
use crate::reason::Reason;
use crate::reply::{
    Counts, EnrollEvent, EnrollFaces, EnrollSummary, FaceEnrolled, FaceOptions, FaceSkipped, Names, Skipped,
    UnusedFace,
};
use crate::session::{Naming, Progress};

impl Client<'_> {
    /// Enrolls photos, as [`Session::enroll`](crate::session::Session::enroll). Everything that `sink` gets is durable on the server. The
    /// server does not know the paths, so a photo that it has counts as unchanged, unless other bytes of this run were the same.
    ///
    /// # Errors
    /// The first error of `sink`; the server cannot be reached, or refused a request.
    pub fn enroll_photos<E: From<ClientError>>(
        &self,
        gallery: &str,
        (paths, naming, photos): (&[PathBuf], &Naming, &FaceOptions),
        progress: &dyn Fn(Progress),
        sink: impl FnMut(EnrollEvent) -> Result<(), E>,
    ) -> Result<EnrollSummary, E> {
        let started = Instant::now();
        let found = survey(paths);
        let show = |done| progress(Progress { unit: "photos", done, total: Some(found.inputs) });
        show(0);
        let names = if *naming == Naming::Photo { Names::Generated } else { Names::Given };
        let request = EnrollFaces { faces: Vec::new(), photos: photos.clone(), names };
        let counts = Counts { system_files: found.system_files, ..Counts::default() };
        let mut run = Run { sink, counts, several: 0, sent: HashMap::new() };
        let items = walk(paths).map(|input| named(input, naming));
        for batch in Batches::new(items) {
            if self.is_stopped() {
                break;
            }
            let items = batch.iter();
            let sent = items.filter_map(|item| Some((item.subject.as_str(), item.content.as_deref().ok()?)));
            let sent: Vec<(&str, &[u8])> = sent.collect();
            let results = match self.results(gallery, &sent, &request) {
                Err(_) if self.is_stopped() => break,
                results => results?,
            };
            let mut results = results.into_iter();
            for item in &batch {
                match &item.content {
                    Err(skip) => run.skip(item.path(), skip.clone())?,
                    Ok(bytes) => match results.next() {
                        Some(result) => run.enter(item.path(), bytes, result)?,
                        None => {
                            return Err(
                                ClientError::Input("the server replied to other photos".into()).into()
                            );
                        }
                    },
                }
            }
            show(run.counts.inputs());
        }
        let left = found.inputs.saturating_sub(run.counts.inputs());
        let left = Some(left).filter(|left| self.is_stopped() && *left > 0);
        let summary = EnrollSummary::new(&run.counts, run.several, left, started.elapsed().as_secs_f64());
        (run.sink)(EnrollEvent::Summary(summary.clone()))?;
        Ok(summary)
    }

    /// The result for each photo.
    fn results(
        &self,
        gallery: &str,
        photos: &[(&str, &[u8])],
        request: &EnrollFaces,
    ) -> Result<Vec<FaceEnrolled>> {
        let mut send = |part: &[(&str, &[u8])]| match self.enroll(gallery, part, request) {
            Ok(enrolled) => Ok(enrolled.faces),
            Err(ClientError::Problem { problem, .. }) if !problem.faces.is_empty() => Ok(problem.faces),
            Err(error) => Err(error),
        };
        let mut all = Vec::with_capacity(photos.len());
        for (count, result) in in_parts(photos, &ClientError::is_too_large, &mut send)? {
            match result {
                Ok(faces) if faces.len() == count => all.extend(faces),
                Ok(_) => return Err(ClientError::Input("the server replied to other photos".into())),
                Err(error) => {
                    let detail = match error {
                        ClientError::Problem { problem, .. } => problem.detail,
                        error => error.to_string(),
                    };
                    all.push(FaceEnrolled::Skipped { reason: Reason::TooLarge, detail, refused: Vec::new() });
                }
            }
        }
        Ok(all)
    }
}

/// A photo with the name of its subject; a problem if it has none.
fn named(input: Input, naming: &Naming) -> Item {
    let person = match &input.problem {
        Some(problem) => Err(problem.clone()),
        None => naming.person(&input, 0),
    };
    match person {
        Ok(Some(person)) => Item { subject: person.name().to_string(), ..Item::read(input) },
        Ok(None) => {
            let problem = Skip::new(Reason::NoSubject, "a server takes no faces without a name");
            Item::read(Input { problem: Some(problem), ..input })
        }
        Err(problem) => Item::read(Input { problem: Some(problem), ..input }),
    }
}

/// The results so far.
struct Run<S> {
    sink: S,
    counts: Counts,
    /// Photos with more than one face. The largest was used.
    several: u64,
    /// The paths of the photos of this run, by the hash of their bytes.
    sent: HashMap<[u8; 32], String>,
}

impl<E, S: FnMut(EnrollEvent) -> Result<(), E>> Run<S> {
    fn enter(&mut self, path: String, bytes: &[u8], result: FaceEnrolled) -> Result<(), E> {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let before = self.sent.get(&hash).cloned();
        if before.is_none() {
            self.sent.insert(hash, path.clone());
        }
        match result {
            FaceEnrolled::Enrolled {
                subject,
                subjects,
                face_ids,
                faces,
                not_looked_at,
                note,
                renamed,
                refused,
                ..
            } => {
                self.refused(&path, refused)?;
                self.counts.done += 1;
                self.counts.templates += face_ids.len() as u64;
                self.several += u64::from(note.is_some());
                (self.sink)(EnrollEvent::Enrolled {
                    path,
                    subjects: if subjects.is_empty() { vec![subject] } else { subjects },
                    template_ids: face_ids,
                    faces: faces.unwrap_or(1),
                    not_looked_at: not_looked_at.unwrap_or(0),
                    note,
                    renamed,
                })
            }
            FaceEnrolled::Unchanged { subject, reason, detail, .. } => match (reason, before, subject) {
                (Reason::OtherName, Some(before), Some(subject)) => {
                    self.skip(path, Skip::new(reason, format!("in the gallery as {subject}, from {before}")))
                }
                (Reason::OtherName, ..) => self.skip(path, Skip::new(reason, detail)),
                (_, Some(before), Some(subject)) => self
                    .skip(path, Skip::new(reason, format!("same bytes as {before}, enrolled as {subject}"))),
                _ => {
                    self.counts.unchanged += 1;
                    (self.sink)(EnrollEvent::Unchanged { path })
                }
            },
            FaceEnrolled::Skipped { reason, detail, refused } => {
                if refused.len() > 1 {
                    self.refused(&path, refused)?;
                }
                self.skip(path, Skip::new(reason, detail))
            }
        }
    }

    fn skip(&mut self, path: String, Skip { reason, detail }: Skip) -> Result<(), E> {
        self.counts.skip(reason);
        (self.sink)(EnrollEvent::Skipped(Skipped { path, reason, detail }))
    }

    fn refused(&mut self, path: &str, refused: Vec<UnusedFace>) -> Result<(), E> {
        for UnusedFace { face, bounds, reason, detail } in refused {
            self.counts.refused_faces += 1;
            (self.sink)(EnrollEvent::FaceSkipped(FaceSkipped {
                path: path.to_owned(),
                face,
                bounds,
                reason,
                detail,
            }))?;
        }
        Ok(())
    }
}
