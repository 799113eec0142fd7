//! Reads the files that are photos: hash of the content, signature, facts. Everything found is in the cache at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::cache::{Cache, ContentHash, Examined, Facts, NewPicture, Refusal};
use super::colours::Colours;
use super::drawing::is_drawn;
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
const BATCH: usize = 256;

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
    // The results of one batch are stored while the next one is examined.
    let mut last = Batch::default();
    for (batch, part) in files.chunks(BATCH).enumerate() {
        if control.is_stopped() {
            last.store(cache, &mut examination)?;
            return Ok(None);
        }
        let mut outcomes: Result<Vec<Outcome>> = Ok(Vec::new());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| {
                outcomes = part.par_iter().with_max_len(1).map(|file| examiner.outcome(file)).collect()
            });
            last.store(cache, &mut examination)
        })?;
        last = Batch::default();
        for (at, outcome) in outcomes?.into_iter().enumerate() {
            last.add(batch * BATCH + at, &part[at], outcome, &mut examination);
        }
        control.report("files examined", (batch * BATCH + part.len()) as u64, Some(files.len() as u64));
    }
    last.store(cache, &mut examination)?;
    Ok(Some(examination))
}

/// The results of some files, before they are stored.
#[derive(Default)]
struct Batch<'a> {
    files: Vec<(&'a File, ContentHash)>,
    pictures: Vec<NewPicture>,
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
        // A file that is too large is refused, whatever is known of it.
        if file.stamp.bytes <= self.options.limits.file_bytes
            && let Some(content) = self.cache.content(file)?
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
                let facts = measured(stated, &bytes, (&photo, &thumbnail));
                (Examined::Picture(facts, signature), Some((thumbnail, Colours::of(&photo))))
            }
        };
        Ok(Outcome::New(content, Box::new(new)))
    }

    /// What is known of a content. A refusal with other settings or programs is not, nor a picture of more pixels than are accepted now.
    fn known(&self, content: &ContentHash) -> Result<Option<Examined>> {
        let examined = self.cache.examined(content)?;
        Ok(examined.filter(|examined| match examined {
            Examined::Picture(facts, _) => {
                u64::from(facts.width) * u64::from(facts.height) <= self.options.limits.pixels
            }
            Examined::Refused(refusal) => refusal.settings == self.options.settings(&refusal.code),
        }))
    }
}

/// Programs for editing photos, as they name themselves in the files that they write. Others than these are mostly those of cameras.
const EDITORS: [&str; 31] = [
    "acdsee",
    "affinity",
    "aurora hdr",
    "canva",
    "capture one",
    "capturenx",
    "corel",
    "darktable",
    "digikam",
    "dxo",
    "faceapp",
    "facetune",
    "fotor",
    "gimp",
    "imagemagick",
    "irfanview",
    "lightroom",
    "luminar",
    "on1",
    "paint.net",
    "paintshop",
    "photomatix",
    "photopea",
    "photoscape",
    "photoshop",
    "picasa",
    "pixelmator",
    "polarr",
    "rawtherapee",
    "snapseed",
    "topaz",
];

/// Whether one of [`EDITORS`] is a word of this text, also with the number of a version behind it.
fn is_editor(software: &str) -> bool {
    let software = software.to_lowercase();
    let is_named = |editor: &&str| {
        software.match_indices(*editor).any(|(at, _)| {
            let (before, behind) = (&software[..at], &software[at + editor.len()..]);
            !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphabetic)
        })
    };
    EDITORS.iter().any(is_named)
}

/// What a file says without its pixels.
fn stated(bytes: &[u8], picture: &Picture<'_>) -> Facts {
    let metadata = picture.metadata();
    let camera: Vec<String> =
        [metadata.make, metadata.model, metadata.serial].into_iter().flatten().collect();
    let taken_ms =
        metadata.taken.as_ref().map(|taken| taken.seconds * 1000 + i64::from(taken.nanoseconds / 1_000_000));
    let tenths = |steps: f64| (10.0 * steps).round() as i16;
    let time = metadata.exposure_time.filter(|time| *time > 0.0).map(f64::log2);
    Facts {
        exposure: [time, metadata.exposure_bias].map(|steps| steps.map(tenths)),
        is_exported: metadata.software.is_some_and(|software| is_editor(&software)),
        has_gain_map: picture.has_gain_map(),
        bits: picture.bits(),
        data: picture.data(),
        taken: metadata.taken.map(|taken| taken.text),
        taken_ms,
        camera: (!camera.is_empty()).then(|| camera.join(" ")),
        fields: metadata.fields,
        has_more: has_more_pictures(bytes) || is_camera_raw(bytes),
        holds_more: picture.holds_more(),
        encoded: picture.encoded(),
        ..Facts::default()
    }
}

/// The sum of the quantisation steps of luma of a JPEG, and what counts as much for GIF and WebP with loss. `None` for other formats: they
/// have no loss, or are those of cameras. A drawing loses nothing in a GIF.
fn coarseness(bytes: &[u8], is_drawn: bool) -> Option<u32> {
    /// That of a JPEG of quality 75, the usual one of WebP.
    const USUAL: u32 = 1858;
    /// That of a JPEG of quality 20. 256 colours lose more than a JPEG of a higher quality.
    const PALETTE: u32 = 9200;
    match bytes {
        [b'G', b'I', b'F', b'8', ..] => (!is_drawn).then_some(PALETTE),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', chunks @ ..] => {
            // Chunks have a name of four bytes, a length, and an even number of bytes.
            let mut chunks = chunks;
            while let [name @ .., one, two, three, four] = chunks.first_chunk::<8>()?.as_slice() {
                match name {
                    b"VP8L" => return None,
                    b"VP8 " | b"ANMF" => return Some(USUAL),
                    _ => {
                        let length = u32::from_le_bytes([*one, *two, *three, *four]) as usize;
                        chunks = chunks.get(8 + length.next_multiple_of(2)..)?;
                    }
                }
            }
            None
        }
        _ => luma_steps(bytes).map(|steps| steps.iter().map(|&step| u32::from(step)).sum()),
    }
}

/// The facts of a photo with those that follow from its pixels.
fn measured(stated: Facts, bytes: &[u8], (photo, thumbnail): (&Photo, &Thumbnail)) -> Facts {
    let (colour, saturation) = colour(photo);
    let (clipped, near_ends) = ends(photo);
    let (width, height, is_drawn) = (photo.width, photo.height, is_drawn(thumbnail));
    let coarseness = coarseness(bytes, is_drawn);
    Facts { width, height, coarseness, colour, saturation, is_drawn, clipped, near_ends, ..stated }
}

/// Of a sample of the pixels, every so many are looked at.
const EVERY: usize = 61;

/// Mean difference of the channels, and the same in 255ths of the mean of the brightest channel.
fn colour(photo: &Photo) -> (u8, u8) {
    let sample = photo.pixels.as_chunks::<3>().0.iter().step_by(EVERY);
    let (count, sum, brightest) =
        sample.fold((0_u64, 0_u64, 0_u64), |(count, sum, most), &[red, green, blue]| {
            let difference = red.abs_diff(green).max(green.abs_diff(blue));
            (count + 1, sum + u64::from(difference), most + u64::from(red.max(green).max(blue)))
        });
    ((sum / count.max(1)) as u8, (255 * sum / brightest.max(1)).min(255) as u8)
}

/// Thousandths of the pixels that are black and white, and of those that are near the darkest and the brightest grey of the picture. A copy
/// with other tones keeps the second, because greys that were clipped stay near each other.
fn ends(photo: &Photo) -> ([u16; 2], [u16; 2]) {
    /// Greys at the dark and at the bright end that are clipped. Noise that is added after clipping, and compression, spread white more
    /// than black.
    const BLACK: usize = 2;
    const WHITE: usize = 6;
    /// Greys that are near the darkest or the brightest one.
    const NEAR: usize = 24;
    /// Thousandths of the pixels that may be darker than the darkest grey, or brighter than the brightest.
    const STRAY: usize = 1;
    let mut counts = [0_usize; 256];
    for &[red, green, blue] in photo.pixels.as_chunks::<3>().0.iter().step_by(EVERY) {
        let luma = (77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue)) >> 8;
        counts[luma as usize] += 1;
    }
    let all = counts.iter().sum::<usize>().max(1);
    let thousandths = |greys: std::ops::Range<usize>| counts[greys].iter().sum::<usize>() * 1000 / all;
    let darkest = (0..256).find(|grey| thousandths(0..grey + 1) > STRAY).unwrap_or(0);
    let brightest = (0..256).rev().find(|grey| thousandths(*grey..256) > STRAY).unwrap_or(255);
    let clipped = [thousandths(0..BLACK), thousandths(256 - WHITE..256)];
    let near = [
        thousandths(darkest..(darkest + NEAR).min(256)),
        thousandths((brightest + 1).saturating_sub(NEAR)..brightest + 1),
    ];
    (clipped.map(|share| share as u16), near.map(|share| share as u16))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::files::find;
    use super::*;

    #[test]
    fn programs_for_editing_are_told_from_cameras() {
        for software in [
            "Adobe Photoshop 25.0 (Windows)",
            "GIMP 2.10",
            "ON1 Photo RAW 2023",
            "PhotoScape3",
            "paint.net 5",
        ] {
            assert!(is_editor(software), "{software}");
        }
        for software in
            ["Ver.1.02", "Version1.00", "Firmware Version 1.0.2", "17.4.1", "HDR+ 1.0.3", "Canvas", ""]
        {
            assert!(!is_editor(software), "{software}");
        }
    }

    #[test]
    fn what_was_examined_before_a_stop_is_not_decoded_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("photos");
        std::fs::create_dir(&root).unwrap();
        let all = 2 * BATCH + 7;
        for at in 0..all {
            // Every second file has the content of the one before it.
            let grey = image::Luma([(at / 2 % 256) as u8]);
            image::GrayImage::from_pixel(2 + (at / 512) as u32, 2, grey)
                .save(root.join(format!("{at}.png")))
                .unwrap();
        }
        let found = find(&[root], &Control::none()).unwrap();
        let cache = Cache::open(&folder.path().join("cache")).unwrap();
        let stop = AtomicBool::new(false);
        let progress = |progress: crate::control::Progress| {
            assert_eq!(progress.unit, "files examined");
            stop.store(true, Ordering::Relaxed);
        };
        let control = Control { stop: &stop, progress: &progress };
        assert!(examine(&found.files, &cache, &Limits::default(), &control).unwrap().is_none());
        let first: BTreeSet<ContentHash> =
            found.files.iter().filter_map(|file| cache.content(file).unwrap()).collect();
        assert!((BATCH / 2..=BATCH).contains(&first.len()), "{}", first.len());
        let rest = examine(&found.files, &cache, &Limits::default(), &Control::none()).unwrap().unwrap();
        assert_eq!(rest.photos.len(), all);
        let contents: BTreeSet<ContentHash> = rest.photos.values().map(|(content, _)| *content).collect();
        assert_eq!(rest.decoded as usize, contents.len() - first.len());
        let again = examine(&found.files, &cache, &Limits::default(), &Control::none()).unwrap().unwrap();
        assert_eq!((again.decoded, again.photos), (0, rest.photos));
    }
}
