//! A running encoding. Writes results to the log in batches, counts them and prints them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::finish::finish;
use super::log::{Entry, Known, Log, Skipped};
use crate::cli::counts;
use crate::cli::screen::{Bar, Screen, plural};
use crate::cli::skip::skip_text;
use crate::gallery::Person;
use crate::ingest::{Census, EncodedFace, Finding, Outcome, Skip};
use crate::reason::Reason;
use crate::reply::{self, Counts, EncodeEvent, EncodeSummary};
use crate::vectors::{Description, checksum, hexadecimal};

/// Photos per batch. A batch needs one sync.
const BATCH: usize = 64;
/// Longest time between a result and its write.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

pub struct Tally<'a> {
    log: Log,
    screen: Screen,
    bar: &'a Bar,
    batch: Vec<Entry>,
    oldest: Instant,
    /// Counts of the results so far.
    pub counts: Counts,
}

impl<'a> Tally<'a> {
    pub fn new(log: Log, screen: Screen, bar: &'a Bar, system_files: u64) -> Self {
        Self {
            log,
            screen,
            bar,
            batch: Vec::new(),
            oldest: Instant::now(),
            counts: Counts { system_files, ..Counts::default() },
        }
    }

    /// Adds one result. `persons` are the persons of its faces, or the reason why it has none.
    pub fn add(&mut self, outcome: Outcome, persons: Result<Vec<Option<Person>>, Skip>) -> Result<()> {
        let Outcome { input, hash, finding, census } = outcome;
        let (path, photo) = (input.path.as_path(), hash.as_ref().map(hexadecimal));
        if let Some(known) = photo.as_ref().and_then(|photo| self.log.find(photo)).cloned() {
            return self.add_known(path, photo, known, persons.ok().as_deref());
        }
        match (finding, persons) {
            (Finding::Faces(faces), Ok(persons)) => {
                for face in &census.refused {
                    self.counts.refused_faces += 1;
                    let Skip { reason, detail } = face.skip.clone();
                    let path = path.to_string_lossy().into_owned();
                    self.print_skip(EncodeEvent::FaceSkipped, reply::Skipped { path, reason, detail })?;
                }
                self.print_note(path, &census)?;
                let describe = |(face, person)| self.describe(path, photo.clone(), face, person);
                let templates = faces.into_iter().zip(persons).map(describe).collect();
                self.push(Entry::Encoded(templates))
            }
            (Finding::Skipped(skip), _) | (Finding::Faces(..), Err(skip)) => self.skip(path, photo, skip),
            (Finding::Known, _) => {
                self.skip(path, photo, Skip::new(Reason::Duplicate, "same bytes as another photo"))
            }
        }
    }

    /// Adds a photo that this run or an earlier run has processed.
    fn add_known(
        &mut self,
        path: &Path,
        photo: Option<String>,
        known: Known,
        persons: Option<&[Option<Person>]>,
    ) -> Result<()> {
        let name =
            persons.and_then(|persons| persons.first()?.as_ref().map(|person| person.name().to_string()));
        match known {
            Known::Encoded { path: before, subject }
                if before == path.to_string_lossy() && subject == name =>
            {
                self.write_batch()?;
                self.counts.unchanged += 1;
                Ok(self.screen.json(&EncodeEvent::Unchanged { path: path.to_string_lossy().into_owned() })?)
            }
            Known::Encoded { path: before, subject: Some(subject) }
                if name.as_ref().is_some_and(|name| *name != subject) =>
            {
                let detail = format!("encoded as {subject}, from {before}; give one of the two names");
                self.skip(path, photo, Skip::new(Reason::OtherName, detail))
            }
            Known::Encoded { path: before, subject } => {
                let subject = subject.map(|subject| format!(", encoded as {subject}")).unwrap_or_default();
                let detail = format!("same bytes as {before}{subject}");
                self.skip(path, photo, Skip::new(Reason::Duplicate, detail))
            }
            Known::Skipped(skip) => {
                let again = Skipped { path: path.to_string_lossy().into_owned(), ..skip };
                self.push(Entry::Skipped(again))
            }
        }
    }

    fn describe(
        &self,
        path: &Path,
        photo: Option<String>,
        face: EncodedFace,
        person: Option<Person>,
    ) -> Description {
        let vector = face.template.as_slice();
        Description {
            subject: person.as_ref().map(|person| person.name().to_string()),
            made_up: matches!(person, Some(Person::Unknown(_))),
            path: Some(path.to_string_lossy().into_owned()),
            photo,
            model: Some(self.log.made_with.model.clone()),
            fingerprint: Some(self.log.made_with.fingerprint.clone()),
            vector_crc32c: Some(checksum(vector)),
            embedding: Some(vector.to_vec()),
            face: Some(face.provenance),
            ..Description::default()
        }
    }

    fn skip(&mut self, path: &Path, photo: Option<String>, skip: Skip) -> Result<()> {
        self.push(Entry::Skipped(Skipped {
            path: path.to_string_lossy().into_owned(),
            reason: skip.reason,
            detail: skip.detail,
            photo,
            settings: self.log.options.settings(skip.reason.code()),
        }))
    }

    fn push(&mut self, entry: Entry) -> Result<()> {
        if self.batch.is_empty() {
            self.oldest = Instant::now();
        }
        // Results that do not depend on the content of the photo are not stored, so the next run processes the photo again.
        let is_stored = !matches!(&entry, Entry::Skipped(skip) if is_independent_of_content(skip.reason));
        if is_stored {
            self.log.remember(&entry);
        } else if let Entry::Skipped(skip) = &entry {
            self.log.skipped.insert(skip.path.clone(), skip.clone());
        }
        self.batch.push(entry);
        if self.batch.len() >= BATCH || self.oldest.elapsed() >= LONGEST_WAIT {
            self.write_batch()
        } else {
            Ok(())
        }
    }

    /// Writes the pending results. Results are printed after they are on the disk.
    pub fn write_batch(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        let is_stored =
            |entry: &&Entry| !matches!(entry, Entry::Skipped(skip) if is_independent_of_content(skip.reason));
        let lines: Vec<Entry> = batch.iter().filter(is_stored).cloned().collect();
        if !lines.is_empty() {
            self.log.append(&lines)?;
        }
        for entry in batch {
            match entry {
                Entry::Encoded(templates) => {
                    self.counts.done += 1;
                    self.counts.templates += templates.len() as u64;
                    let path = templates.first().and_then(|template| template.path.clone());
                    let subjects = templates.into_iter().map(|template| template.subject).collect();
                    self.screen.json(&EncodeEvent::Encoded { path, subjects })?;
                }
                Entry::Skipped(Skipped { path, reason, detail, .. }) => {
                    self.print_skip(EncodeEvent::Skipped, reply::Skipped { path, reason, detail })?;
                    self.counts.skip(reason);
                }
            }
        }
        Ok(())
    }

    /// Writes the finished files.
    pub fn finish(&mut self) -> Result<()> {
        finish(&mut self.log)
    }

    /// Prints that some faces of a photo were not used.
    fn print_note(&self, path: &Path, census: &Census) -> Result<()> {
        let Some(note) = census.note() else { return Ok(()) };
        self.bar.suspend(|| self.screen.text(format!("{}  ({note})", path.display())))?;
        let path = path.to_string_lossy().into_owned();
        let (faces, not_looked_at) = (census.found, census.not_looked_at);
        Ok(self.screen.json(&EncodeEvent::SeveralFaces { path, faces, not_looked_at, note })?)
    }

    fn print_skip(&self, event: fn(reply::Skipped) -> EncodeEvent, skipped: reply::Skipped) -> Result<()> {
        let reason = skip_text(skipped.reason, &skipped.detail);
        self.bar.suspend(|| self.screen.text(format!("skipped {}  ({reason})", skipped.path)))?;
        Ok(self.screen.json(&event(skipped))?)
    }

    /// Prints the summary.
    pub fn print_summary(&self, took: Duration, left: Option<u64>) -> Result<()> {
        let (seconds, counts) = (took.as_secs_f64(), &self.counts);
        self.screen.json(&EncodeEvent::Summary(EncodeSummary::new(counts, seconds, left)))?;
        let rate = counts.inputs() as f64 / seconds.max(1e-9);
        self.screen.text(format!(
            "{} in {seconds:.1} s ({rate:.0} a second), {} encoded to {}",
            plural(counts.inputs(), "input"),
            plural(counts.templates, "template"),
            self.log.folder.display()
        ))?;
        counts::print_headings(counts, self.screen, "encoded", "encoded before, unchanged")?;
        counts::print_failures(counts, self.screen)?;
        if counts.other_names() > 0 {
            let photos = plural(counts.other_names(), "photo");
            self.screen.text(format!("{photos} encoded before under other names, which stay"))?;
        }
        if left.is_some() {
            self.screen.text("interrupted; the same command resumes")?;
        } else if !counts.is_of_use() {
            self.screen.text("no input was usable")?;
        }
        Ok(())
    }
}

/// Whether a reason depends on the path, the name or the machine, and not on the content of the photo.
fn is_independent_of_content(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Duplicate
            | Reason::OtherName
            | Reason::Unreadable
            | Reason::NoSubject
            | Reason::TemporaryFailure
    )
}
