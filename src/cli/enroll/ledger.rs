//! An enrolment under way: outcomes are written to the gallery in batches, counted and printed.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::ProgressBar;
use serde_json::json;

use crate::cli::counts::{Counts, OTHER_NAME};
use crate::cli::screen::{Screen, count, plural};
use crate::gallery::{EnrolledFace, Enrollment, Gallery, Name, Person, PhotoOutcome, PhotoRecord, Sighting};
use crate::image::PhotoHash;
use crate::ingest::{Census, Finding, Options, Outcome, RefusedFace, Skip};

/// Photos written together, with one sync.
const BATCH: usize = 64;
/// Paths of photos that are in the gallery that are written together.
const SEEN: usize = 1024;
/// The longest time that a photo waits to be written.
const PATIENCE: Duration = Duration::from_millis(500);

pub struct Ledger<'a> {
    gallery: &'a Gallery,
    screen: Screen,
    bar: &'a ProgressBar,
    options: &'a Options,
    batch: Vec<Enrollment>,
    /// Photos that are in the gallery, at paths that it may not know.
    seen: Vec<Sighting>,
    /// The faces of the photos in `batch`.
    censuses: Vec<Census>,
    oldest: Instant,
    /// What became of the inputs so far.
    pub counts: Counts,
    /// Photos with more than one face, of which the largest was taken.
    several: u64,
}

impl<'a> Ledger<'a> {
    /// `system_files` were found beside the inputs and are no inputs.
    pub fn new(
        gallery: &'a Gallery,
        screen: Screen,
        bar: &'a ProgressBar,
        options: &'a Options,
        system_files: u64,
    ) -> Self {
        Self {
            gallery,
            screen,
            bar,
            options,
            batch: Vec::new(),
            seen: Vec::new(),
            censuses: Vec::new(),
            oldest: Instant::now(),
            counts: Counts { system_files, ..Counts::default() },
            several: 0,
        }
    }

    /// Enters one outcome; `persons` are those of its faces, or why it has none.
    pub fn enter(&mut self, outcome: Outcome, persons: Result<Vec<Person>, Skip>) -> Result<()> {
        let Outcome { input, hash, finding, census } = outcome;
        self.bar.inc(1);
        if matches!(finding, Finding::Faces(..)) || census.refused.len() > 1 {
            for face in &census.refused {
                self.counts.refused_faces += 1;
                self.print_refused(&input.path, face)?;
            }
        }
        let faces = match (finding, persons) {
            (Finding::Known, persons) => {
                // Written perhaps by a photo that still waits in the batch.
                self.write_batch()?;
                let record = hash.map(|hash| self.gallery.photo(&hash)).transpose()?.flatten();
                return match record {
                    Some(record) if record.outcome == "enrolled" => {
                        let person = persons.ok().and_then(|persons| persons.into_iter().next());
                        let skip = held(&record, person.as_ref());
                        self.see(hash, &input.path, &record, person)?;
                        if record.path == input.path && skip.code != OTHER_NAME {
                            self.unchanged(&input.path)
                        } else {
                            self.skip(&input.path, &skip)
                        }
                    }
                    Some(record) => {
                        self.skip(&input.path, &Skip::new(code_of(&record.outcome), record.detail))
                    }
                    None => self.skip(&input.path, &Skip::new("duplicate", "same bytes as another photo")),
                };
            }
            // Not about the photo, so nothing to remember of it.
            (Finding::Skipped(skip), _) if skip.temporary => return self.skip(&input.path, &skip),
            (Finding::Skipped(skip), _) | (Finding::Faces(..), Err(skip)) => Err(skip),
            (Finding::Faces(faces), Ok(persons)) => {
                let enroll = |(face, person): (crate::ingest::EncodedFace, Person)| EnrolledFace {
                    person,
                    template: face.template,
                    provenance: face.provenance,
                };
                Ok(faces.into_iter().zip(persons).map(enroll).collect())
            }
        };
        let Some(hash) = hash else {
            let skip = faces.err().unwrap_or_else(|| Skip::new("unreadable", ""));
            return self.skip(&input.path, &skip);
        };
        if self.batch.is_empty() {
            self.oldest = Instant::now();
        }
        let faces = faces.map_err(|skip| (skip.code, skip.detail));
        let settings = self.options.settings(faces.as_ref().err().map_or("enrolled", |(code, _)| code));
        self.batch.push(Enrollment { path: input.path, hash, settings, faces });
        self.censuses.push(census);
        if self.batch.len() >= BATCH || self.oldest.elapsed() >= PATIENCE {
            self.write_batch()
        } else {
            Ok(())
        }
    }

    /// Writes everything that waits.
    pub fn settle(&mut self) -> Result<()> {
        self.write_batch()?;
        self.write_seen()
    }

    /// Has the path of a photo noted that is in the gallery under another one.
    fn see(
        &mut self,
        hash: Option<PhotoHash>,
        path: &Path,
        known: &PhotoRecord,
        person: Option<Person>,
    ) -> Result<()> {
        if let Some(hash) = hash.filter(|_| known.path != path) {
            self.seen.push(Sighting { hash, path: path.to_owned(), person });
        }
        if self.seen.len() >= SEEN { self.write_seen() } else { Ok(()) }
    }

    fn write_seen(&mut self) -> Result<()> {
        let seen = std::mem::take(&mut self.seen);
        if !seen.is_empty() {
            self.gallery.note_paths(&seen)?;
        }
        Ok(())
    }

    /// Writes the photos that wait. What is printed here is on the disk.
    fn write_batch(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let censuses = std::mem::take(&mut self.censuses);
        let outcomes = self.gallery.enroll(&batch)?;
        for ((photo, outcome), census) in batch.iter().zip(outcomes).zip(&censuses) {
            match (outcome, &photo.faces) {
                (PhotoOutcome::Enrolled(templates), Ok(faces)) => {
                    self.counts.done += 1;
                    self.counts.templates += templates.len() as u64;
                    for (face, template) in faces.iter().zip(&templates) {
                        self.print_renamed(&photo.path, face.person.name(), &template.subject)?;
                    }
                    let ids: Vec<_> = templates.iter().map(|template| template.id).collect();
                    let subjects: Vec<_> = templates.iter().map(|template| &template.subject).collect();
                    self.screen.json(&json!({
                        "event": "enrolled", "path": photo.path.to_string_lossy(), "subjects": subjects,
                        "template_ids": ids, "faces": census.found, "not_looked_at": census.not_looked_at,
                        "note": census.note(),
                    }))?;
                    if let Some(note) = census.note() {
                        self.several += 1;
                        let line = format!("enrolled {}  ({note})", photo.path.display());
                        self.bar.suspend(|| self.screen.text(line))?;
                    }
                }
                (PhotoOutcome::Duplicate, _) => {
                    let twin = self.gallery.photo(&photo.hash)?;
                    let person = photo.faces.iter().flatten().next().map(|face| &face.person);
                    let duplicate = || Skip::new("duplicate", "");
                    self.skip(&photo.path, &twin.map_or_else(duplicate, |twin| held(&twin, person)))?;
                }
                (_, Err((code, detail))) => self.skip(&photo.path, &Skip::new(code, detail.as_str()))?,
                (PhotoOutcome::Skipped, Ok(_)) => {
                    unreachable!("a photo with faces is enrolled or a duplicate")
                }
            }
        }
        Ok(())
    }

    fn unchanged(&mut self, path: &Path) -> Result<()> {
        self.counts.unchanged += 1;
        Ok(self.screen.json(&json!({ "event": "unchanged", "path": path.to_string_lossy() }))?)
    }

    fn skip(&mut self, path: &Path, skip: &Skip) -> Result<()> {
        self.counts.skip(skip.code);
        self.bar.suspend(|| self.screen.text(format!("skipped {}  ({skip})", path.display())))?;
        Ok(self.screen.json(&json!({
            "event": "skipped", "path": path.to_string_lossy(), "reason": skip.code, "detail": skip.detail,
        }))?)
    }

    /// A made-up name was taken: says what the person is called instead.
    fn print_renamed(&self, path: &Path, made_up: &Name, subject: &Name) -> Result<()> {
        if made_up != subject {
            let called = format!("{} is enrolled as {subject}: {made_up} is somebody else", path.display());
            self.bar.suspend(|| self.screen.text(called))?;
        }
        Ok(())
    }

    fn print_refused(&self, path: &Path, face: &RefusedFace) -> Result<()> {
        let RefusedFace { index, bounds, skip } = face;
        let line = format!("skipped {} face {}  ({skip})", path.display(), index + 1);
        self.bar.suspend(|| self.screen.text(line))?;
        Ok(self.screen.json(&json!({
            "event": "face_skipped", "path": path.to_string_lossy(), "face": index, "bounds": bounds,
            "reason": skip.code, "detail": skip.detail,
        }))?)
    }

    /// The closing lines; `total` is the number of all inputs.
    pub fn print_summary(&self, took: Duration, total: u64, interrupted: bool) -> Result<()> {
        let (seconds, counts) = (took.as_secs_f64(), &self.counts);
        let left = if interrupted { total.saturating_sub(counts.inputs()) } else { 0 };
        self.screen.json(&json!({
            "event": "summary", "inputs": counts.inputs(), "enrolled": counts.done, "unchanged": counts.unchanged,
            "skipped": counts.skipped, "templates": counts.templates, "faces_skipped": counts.refused_faces,
            "system_files": counts.system_files, "several_faces": self.several, "not_looked_at": left,
            "seconds": seconds, "interrupted": interrupted,
        }))?;
        let rate = counts.inputs() as f64 / seconds.max(1e-9);
        self.screen.text(format!(
            "{} in {seconds:.1} s ({rate:.0} a second), {} added",
            plural(counts.inputs(), "input"),
            plural(counts.templates, "template")
        ))?;
        counts.print_headings(self.screen, "enrolled", "in the gallery already, unchanged")?;
        self.print_remarks()?;
        counts.print_failures(self.screen)?;
        if interrupted {
            let left = count(left);
            self.screen.text(format!(
                "interrupted: {left} of {} not looked at; the same command goes on from here",
                plural(total, "input")
            ))?;
        } else if !counts.is_of_use() {
            self.screen.text("no input was usable")?;
        }
        Ok(())
    }

    /// What is to be said about some of the inputs.
    fn print_remarks(&self) -> Result<()> {
        if self.several > 0 {
            let photos = plural(self.several, "photo");
            self.screen.text(format!(
                "{photos} with several faces, of which the largest was taken; --single-face refuses such photos"
            ))?;
        }
        if self.counts.system_files > 0 {
            let system_files = plural(self.counts.system_files, "system file");
            self.screen.text(format!(
                "not counted: {system_files}, such as previews, waste baskets and .DS_Store"
            ))?;
        }
        if self.counts.other_names() > 0 {
            let photos = plural(self.counts.other_names(), "photo");
            self.screen.text(format!(
                "{photos} in the gallery under other names, which stay; `gallerist subject move` gives them these"
            ))?;
        }
        Ok(())
    }
}

/// What becomes of a photo that is in the gallery, and comes as this person now.
fn held(record: &PhotoRecord, person: Option<&Person>) -> Skip {
    let path = record.path.display();
    let Some(subject) = &record.subject else {
        return Skip::new("duplicate", format!("same bytes as {path}"));
    };
    match person {
        // A made-up name may have got a number, or have been mended since.
        Some(Person::Named(name)) if name.as_str() != subject => Skip::new(
            OTHER_NAME,
            format!(
                "in the gallery as {subject}, from {path}; `gallerist subject move` gives it another name"
            ),
        ),
        _ => Skip::new("duplicate", format!("same bytes as {path}, enrolled as {subject}")),
    }
}

/// Reason codes are a closed set; one that a newer version wrote is told as `skipped`.
fn code_of(stored: &str) -> &'static str {
    const CODES: [&str; 13] = [
        "not_a_photo",
        "no_face",
        "too_small",
        "low_quality",
        "several_faces",
        "decode_failed",
        "unsupported",
        "too_large",
        "empty",
        "unreadable",
        "no_subject",
        "detect_failed",
        "encode_failed",
    ];
    CODES.into_iter().find(|code| *code == stored).unwrap_or("skipped")
}
