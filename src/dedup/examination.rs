//! Reads the files that are photos: hash of the content, signature, facts. Everything found is in the cache at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::cache::{Cache, ContentHash, Examined, Facts, Refusal};
use super::colours::Colours;
use super::error::Result;
use super::files::File;
use super::hash::Hasher;
use super::recompression::luma_steps;
use super::signature::Signature;
use super::thumbnail::Thumbnail;
use crate::control::Control;
use crate::image::{DecodeError, Limits, Photo, Picture, Source, has_more_pictures, inspect, is_camera_raw};
use crate::ingest::Options;
use crate::reason::Reason;

/// Files that are read before their results are stored.
const BATCH: usize = 128;

/// The examined files.
#[derive(Debug, Default)]
pub struct Examination {
    /// Photos (numbers of files), with their content and what is known of it.
    pub photos: BTreeMap<usize, (ContentHash, Examined)>,
    /// Photos that could not be read: number of the file, code, explanation.
    pub unread: Vec<(usize, String, String)>,
    /// Photos that were decoded in this run.
    pub decoded: u64,
}

enum Outcome {
    NotAPhoto,
    /// The content was known.
    Known(ContentHash, Box<Examined>),
    /// The content was examined now.
    New(ContentHash, Box<(Examined, Option<(Thumbnail, Colours)>)>),
    /// Another file with this content is examined now.
    Copy(ContentHash),
    Unread(String, String),
}

/// Examines all photos among `files`. `None` if it was stopped; what was examined stays in the cache.
///
/// # Errors
/// The cache failed.
pub fn examine(
    files: &[File],
    cache: &Cache,
    limits: &Limits,
    control: &Control<'_>,
) -> Result<Option<Examination>> {
    let options = Options { limits: *limits, ..Options::default() };
    let examiner = Examiner { cache, options, hasher: Hasher::default(), begun: Mutex::default() };
    let mut examination = Examination::default();
    for (batch, part) in files.chunks(BATCH).enumerate() {
        if control.is_stopped() {
            return Ok(None);
        }
        let outcomes: Vec<Outcome> =
            part.par_iter().map(|file| examiner.outcome(file)).collect::<Result<_>>()?;
        let mut batch_writer = Batch::default();
        for (at, outcome) in outcomes.into_iter().enumerate() {
            batch_writer.add(batch * BATCH + at, &part[at], outcome, &mut examination);
        }
        batch_writer.store(cache, &mut examination)?;
        control.report("files examined", (batch * BATCH + part.len()) as u64, Some(files.len() as u64));
    }
    Ok(Some(examination))
}

/// The results of some files, before they are stored.
#[derive(Default)]
struct Batch<'a> {
    files: Vec<(&'a File, ContentHash)>,
    pictures: Vec<(ContentHash, Examined, Option<(Thumbnail, Colours)>)>,
    copies: Vec<(usize, ContentHash)>,
}

impl<'a> Batch<'a> {
    fn add(&mut self, number: usize, file: &'a File, outcome: Outcome, examination: &mut Examination) {
        match outcome {
            Outcome::NotAPhoto => {}
            Outcome::Unread(code, detail) => examination.unread.push((number, code, detail)),
            Outcome::Known(content, examined) => {
                self.files.push((file, content));
                examination.photos.insert(number, (content, *examined));
            }
            Outcome::Copy(content) => {
                self.files.push((file, content));
                self.copies.push((number, content));
            }
            Outcome::New(content, new) => {
                let (examined, thumbnail) = *new;
                self.files.push((file, content));
                examination.decoded += 1;
                examination.photos.insert(number, (content, examined.clone()));
                self.pictures.push((content, examined, thumbnail));
            }
        }
    }

    fn store(self, cache: &Cache, examination: &mut Examination) -> Result<()> {
        cache.store(&self.files, &self.pictures)?;
        for (number, content) in self.copies {
            match cache.examined(&content)? {
                Some(examined) => drop(examination.photos.insert(number, (content, examined))),
                // The other file failed for the moment.
                None => {
                    let code = Reason::TemporaryFailure.code().into();
                    examination.unread.push((number, code, "it could not be read at this moment".into()));
                }
            }
        }
        Ok(())
    }
}

struct Examiner<'a> {
    cache: &'a Cache,
    options: Options,
    hasher: Hasher,
    /// Contents that are decoded in this run, so that equal files are decoded once.
    begun: Mutex<HashSet<ContentHash>>,
}

impl Examiner<'_> {
    fn outcome(&self, file: &File) -> Result<Outcome> {
        if let Some(content) = self.cache.content(file)?
            && let Some(examined) = self.known(&content)?
        {
            return Ok(Outcome::Known(content, Box::new(examined)));
        }
        let limits = &self.options.limits;
        let bytes = match Source::open(file.path(), true, limits).and_then(Source::read) {
            Ok(bytes) => bytes,
            Err(DecodeError::NotAPhoto(_)) => return Ok(Outcome::NotAPhoto),
            Err(error) => return Ok(Outcome::Unread(error.reason().code().into(), error.to_string())),
        };
        let content = *blake3::hash(&bytes).as_bytes();
        if let Some(examined) = self.known(&content)? {
            return Ok(Outcome::Known(content, Box::new(examined)));
        }
        if !self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(content) {
            return Ok(Outcome::Copy(content));
        }
        let described = inspect(&bytes, limits).and_then(|picture| {
            let facts = stated(&bytes, &picture);
            Ok((facts, picture.decode()?))
        });
        let new = match described {
            // Depends on the moment, so it is not kept.
            Err(error @ DecodeError::Temporary(_)) => {
                return Ok(Outcome::Unread(error.reason().code().into(), error.to_string()));
            }
            Err(error) => {
                let code = error.reason().code();
                let settings = self.options.settings(code);
                (Examined::Refused(Refusal { code: code.into(), detail: error.to_string(), settings }), None)
            }
            Ok((stated, photo)) => {
                let thumbnail = Thumbnail::of(&photo);
                let signature = Signature::of(&thumbnail, &self.hasher);
                let (width, height, colour) = (photo.width, photo.height, colour(&photo));
                let facts = Facts { width, height, colour, ..stated };
                (Examined::Picture(facts, signature), Some((thumbnail, Colours::of(&photo))))
            }
        };
        Ok(Outcome::New(content, Box::new(new)))
    }

    /// What is known of a content. A refusal with other settings or programs is not.
    fn known(&self, content: &ContentHash) -> Result<Option<Examined>> {
        let examined = self.cache.examined(content)?;
        Ok(examined.filter(|examined| match examined {
            Examined::Picture(..) => true,
            Examined::Refused(refusal) => refusal.settings == self.options.settings(&refusal.code),
        }))
    }
}

/// What a file says without its pixels.
fn stated(bytes: &[u8], picture: &Picture<'_>) -> Facts {
    let metadata = picture.metadata();
    let camera: Vec<String> =
        [metadata.make, metadata.model, metadata.serial].into_iter().flatten().collect();
    let taken_ms =
        metadata.taken.as_ref().map(|taken| taken.seconds * 1000 + i64::from(taken.nanoseconds / 1_000_000));
    Facts {
        taken: metadata.taken.map(|taken| taken.text),
        taken_ms,
        camera: (!camera.is_empty()).then(|| camera.join(" ")),
        fields: metadata.fields,
        coarseness: luma_steps(bytes).map(|steps| steps.iter().map(|&step| u32::from(step)).sum()),
        has_more: has_more_pictures(bytes) || is_camera_raw(bytes),
        holds_more: picture.holds_more(),
        encoded: picture.encoded(),
        ..Facts::default()
    }
}

/// Mean difference of the channels in a sample of the pixels.
fn colour(photo: &Photo) -> u8 {
    const EVERY: usize = 61;
    let sample = photo.pixels.as_chunks::<3>().0.iter().step_by(EVERY);
    let (count, sum) = sample.fold((0_u64, 0_u64), |(count, sum), &[red, green, blue]| {
        (count + 1, sum + u64::from(red.abs_diff(green).max(green.abs_diff(blue))))
    });
    (sum / count.max(1)) as u8
}
