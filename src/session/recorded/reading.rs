//! The photos of a gallery are read again, and their faces found again at their places.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::super::Control;
use super::super::error::{Result, SessionError};
use super::super::place::matched;
use super::RecordedPhoto;
use crate::encoder::Engine;
use crate::face::{DetectOptions, Provenance};
use crate::gallery::Gallery;
use crate::image::{PhotoHash, decode, picture};
use crate::ingest::{self, EncodedFace, Faces, Finding, Options, Outcome, Skip, files, look};
use crate::number::plural;
use crate::reason::Reason;
use crate::reply::MissingReason;

/// Longest time until a face that was found is durable.
const SYNCED: Duration = Duration::from_secs(1);
/// The smallest face, in pixels, that is looked for in a kept picture.
const SMALLEST_IN_PICTURE: f32 = 12.0;
/// Kept pictures between two looks at the stop flag.
const PICTURES: usize = 64;
const UNIT: &str = "photos";

/// A path, and the photos that are expected there.
type Expected = (PathBuf, Vec<PhotoHash>);

/// What keeps the faces that are found again.
pub(in super::super) trait FoundFaces {
    /// Whether a face was looked for.
    fn has(&self, photo: &PhotoHash, bounds: [f32; 4]) -> bool;

    /// Keeps what was found at the place of a recorded face: a face, or the reason why there is none. `from_picture`: the kept picture was
    /// read in place of the photo.
    ///
    /// # Errors
    /// The disk is full or failing.
    fn keep(
        &mut self,
        photo: &PhotoHash,
        bounds: [f32; 4],
        found: Result<&EncodedFace, MissingReason>,
        from_picture: bool,
    ) -> Result<()>;

    /// Makes everything durable that was kept.
    ///
    /// # Errors
    /// The disk is full or failing.
    fn sync(&mut self) -> Result<()>;
}

/// Reads photos and finds their faces again.
pub(in super::super) struct Reading<'a> {
    pub gallery: &'a Gallery,
    pub engine: &'a Engine,
    /// The limits of photos. Which faces are detected follows from the gallery.
    pub options: &'a Options,
    pub found: &'a mut dyn FoundFaces,
    pub control: &'a Control<'a>,
}

/// What is known about the photos whose faces were not looked for.
#[derive(Default)]
pub(in super::super) struct Unread {
    /// Why a photo was not read.
    pub why: HashMap<PhotoHash, MissingReason>,
    /// Photos that failed for a reason that may pass, and the first reason.
    pub temporary: Option<(u64, String)>,
}

/// The state of a run.
struct Run<'a> {
    /// The photos that are not read yet.
    left: HashMap<PhotoHash, &'a RecordedPhoto>,
    unread: Unread,
    done: u64,
    total: u64,
    synced: Instant,
}

impl Reading<'_> {
    /// Looks for the faces that were not looked for before. Tries the paths of a photo in turn, then its kept picture. What was found is durable,
    /// also if the run was stopped.
    ///
    /// # Errors
    /// The gallery failed; the disk is full or failing.
    pub fn run(&mut self, photos: &[RecordedPhoto]) -> Result<Unread> {
        let is_left =
            |photo: &&RecordedPhoto| photo.faces.iter().any(|face| !self.found.has(&photo.hash, face.bounds));
        let left: Vec<&RecordedPhoto> = photos.iter().filter(is_left).collect();
        let mut run = Run {
            left: left.iter().map(|photo| (photo.hash, *photo)).collect(),
            unread: Unread::default(),
            done: 0,
            total: left.len() as u64,
            synced: Instant::now(),
        };
        let most = left.iter().map(|photo| photo.paths.len()).max().unwrap_or(0);
        for round in 0..most {
            for (options, expected) in self.rounds(&left, round, &run) {
                self.read(&options, &expected, &mut run)?;
                if self.control.is_stopped() {
                    self.found.sync()?;
                    return Ok(run.unread);
                }
            }
        }
        self.read_pictures(&left, &mut run)?;
        self.found.sync()?;
        for hash in run.left.keys() {
            run.unread.why.entry(*hash).or_insert(MissingReason::PhotoMissing);
        }
        Ok(run.unread)
    }

    /// The paths to read in a round with the same options, each with the photos that are expected there.
    fn rounds(
        &self,
        photos: &[&RecordedPhoto],
        round: usize,
        run: &Run<'_>,
    ) -> Vec<(Options, Vec<Expected>)> {
        let mut rounds: Vec<(DetectOptions, Vec<Expected>)> = Vec::new();
        let mut at: HashMap<&Path, (usize, usize)> = HashMap::new();
        for photo in photos.iter().filter(|photo| run.left.contains_key(&photo.hash)) {
            let Some(path) = photo.paths.get(round) else { continue };
            if let Some(&(group, place)) = at.get(path.as_path()) {
                rounds[group].1[place].1.push(photo.hash);
                continue;
            }
            let group = rounds.iter().position(|(detect, _)| *detect == photo.detect);
            let group = group.unwrap_or_else(|| {
                rounds.push((photo.detect, Vec::new()));
                rounds.len() - 1
            });
            at.insert(path, (group, rounds[group].1.len()));
            rounds[group].1.push((path.clone(), vec![photo.hash]));
        }
        rounds.into_iter().map(|(detect, paths)| (self.options_for(detect), paths)).collect()
    }

    /// Every face of the photo is wanted, because the recorded one need not be the largest for the new detector.
    fn options_for(&self, detect: DetectOptions) -> Options {
        Options { faces: Faces::All, min_quality: 0, single_face: false, detect, ..self.options.clone() }
    }

    fn read(&mut self, options: &Options, expected: &[Expected], run: &mut Run<'_>) -> Result<()> {
        let wanted: HashSet<PhotoHash> = run.left.keys().copied().collect();
        let at: HashMap<&Path, &[PhotoHash]> =
            expected.iter().map(|(path, hashes)| (path.as_path(), &hashes[..])).collect();
        let inputs = files(expected.iter().map(|(path, _)| path.clone()));
        let is_other = |hash: &PhotoHash| !wanted.contains(hash);
        let (engine, control) = (self.engine, self.control);
        self.control.report(UNIT, run.done, Some(run.total));
        ingest::run(engine, inputs, options, &is_other, control.stop, |outcome| {
            let hashes = at.get(outcome.input.path.as_path()).copied().unwrap_or_default();
            self.take(outcome, hashes, run)?;
            control.report(UNIT, run.done, Some(run.total));
            Ok(())
        })
    }

    /// Notes the outcome of a path where these photos are expected.
    fn take(&mut self, outcome: Outcome, expected: &[PhotoHash], run: &mut Run<'_>) -> Result<()> {
        let Outcome { input, hash, finding, .. } = outcome;
        if let Finding::Skipped(skip) = &finding
            && skip.is_temporary()
        {
            let detail = format!("{}: {}", input.path.display(), skip.detail);
            run.unread.temporary.get_or_insert((0, detail)).0 += 1;
            return Ok(());
        }
        let reason = of_path(&input.path, &finding, hash.is_some());
        for other in expected.iter().filter(|other| Some(**other) != hash) {
            let why = run.unread.why.entry(*other).or_insert(reason);
            if *why == MissingReason::PhotoMissing {
                *why = reason;
            }
        }
        let Some(photo) = hash.and_then(|hash| run.left.get(&hash).copied()) else { return Ok(()) };
        let found = match finding {
            Finding::Known => return Ok(()),
            Finding::Faces(faces) => Ok(faces),
            Finding::Skipped(skip) => Err(skip),
        };
        match found.map_err(|skip| of_photo(&skip)) {
            Err(Some(reason)) => {
                run.unread.why.insert(photo.hash, reason);
            }
            Err(None) => self.note(photo, Vec::new(), false, run)?,
            Ok(faces) => self.note(photo, faces, false, run)?,
        }
        Ok(())
    }

    /// Keeps what was found in a photo.
    fn note(
        &mut self,
        photo: &RecordedPhoto,
        found: Vec<EncodedFace>,
        from_picture: bool,
        run: &mut Run<'_>,
    ) -> Result<()> {
        let mut recorded: Vec<[f32; 4]> = photo.faces.iter().map(|face| face.bounds).collect();
        // Two templates of one place get the same face.
        recorded.sort_unstable_by_key(|bounds| bounds.map(f32::to_bits));
        recorded.dedup();
        let bounds: Vec<[f32; 4]> = found.iter().map(|face| face.provenance.bounds).collect();
        let reason = if found.is_empty() { MissingReason::NoFace } else { MissingReason::OtherPlace };
        for (place, at) in recorded.iter().zip(matched(&recorded, &bounds)) {
            let face = at.and_then(|at| found.get(at)).ok_or(reason);
            self.found.keep(&photo.hash, *place, face, from_picture)?;
        }
        run.left.remove(&photo.hash);
        run.unread.why.remove(&photo.hash);
        run.done += 1;
        if run.synced.elapsed() >= SYNCED {
            self.found.sync()?;
            run.synced = Instant::now();
        }
        Ok(())
    }

    /// Reads the kept pictures of the photos that are left.
    fn read_pictures(&mut self, photos: &[&RecordedPhoto], run: &mut Run<'_>) -> Result<()> {
        let options = self.options_for(DetectOptions { min_face: SMALLEST_IN_PICTURE, min_share: 0.0 });
        let (gallery, engine) = (self.gallery, self.engine);
        let left: Vec<&RecordedPhoto> =
            photos.iter().filter(|photo| run.left.contains_key(&photo.hash)).copied().collect();
        for some in left.chunks(PICTURES) {
            if self.control.is_stopped() {
                return Ok(());
            }
            let found: Vec<Option<Finding>> = some
                .par_iter()
                .map(|photo| in_picture(gallery, engine, photo, &options))
                .collect::<Result<_>>()?;
            for (photo, found) in some.iter().zip(found) {
                match found {
                    None => {}
                    Some(Finding::Skipped(skip)) if skip.is_temporary() => {
                        run.unread.temporary.get_or_insert((0, skip.detail)).0 += 1;
                    }
                    Some(Finding::Faces(faces)) => self.note(photo, faces, true, run)?,
                    Some(_) => self.note(photo, Vec::new(), true, run)?,
                }
            }
            self.control.report(UNIT, run.done, Some(run.total));
        }
        Ok(())
    }
}

impl Unread {
    /// Requires that nothing failed for a reason that may pass.
    ///
    /// # Errors
    /// [`SessionError::Temporary`].
    pub fn require_lasting(&self) -> Result<()> {
        match &self.temporary {
            None => Ok(()),
            Some((number, first)) => {
                Err(SessionError::Temporary { photos: plural(*number, "photo"), first: first.clone() })
            }
        }
    }
}

/// Why a path does not lead to a photo that is expected there. `is_read`: the file there is another photo.
fn of_path(path: &Path, finding: &Finding, is_read: bool) -> MissingReason {
    match finding {
        _ if is_read => MissingReason::PhotoChanged,
        _ if !path.exists() => MissingReason::PhotoMissing,
        Finding::Skipped(skip) if skip.reason == Reason::Unreadable => MissingReason::Unreadable,
        Finding::Skipped(skip) if skip.reason == Reason::TooLarge => MissingReason::NotDecoded,
        _ => MissingReason::PhotoChanged,
    }
}

/// Why a photo with the right content gave no faces; `None` if it shows none.
fn of_photo(skip: &Skip) -> Option<MissingReason> {
    match skip.reason {
        Reason::NoFace | Reason::TooSmall | Reason::LowQuality => None,
        _ => Some(MissingReason::NotDecoded),
    }
}

/// The faces in the kept picture of a photo, in the coordinates of the photo; `None` if there is no picture.
fn in_picture(
    gallery: &Gallery,
    engine: &Engine,
    photo: &RecordedPhoto,
    options: &Options,
) -> Result<Option<Finding>> {
    let Some(jpeg) = gallery.picture(&photo.hash)? else { return Ok(None) };
    let (size, small) = (picture::size_of_photo(&jpeg), decode(&jpeg, &options.limits).ok());
    let Some(((width, _), small)) = size.zip(small) else { return Ok(None) };
    let scale = width as f32 / small.width as f32;
    Ok(Some(match look(engine, &jpeg, options).finding {
        Finding::Faces(faces) => {
            Finding::Faces(faces.into_iter().map(|face| in_photo(face, scale)).collect())
        }
        other => other,
    }))
}

/// A face of a kept picture in the coordinates of the photo.
fn in_photo(face: EncodedFace, scale: f32) -> EncodedFace {
    let Provenance { bounds, landmarks, .. } = &face.provenance;
    let bounds = bounds.map(|x| x * scale);
    let landmarks = landmarks.map(|point| point.map(|x| x * scale));
    EncodedFace { provenance: Provenance { bounds, landmarks, ..face.provenance }, ..face }
}
