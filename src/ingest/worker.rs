//! One computing thread of the pipeline.

use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use sha2::{Digest, Sha256};

use super::memory::{Budget, Room, check_for_networks};
use super::{Census, EncodedFace, Faces, Finding, Input, Job, Options, Outcome, RefusedFace, Skip};
use crate::encoder::Engine;
use crate::face::{Crop, Face, Provenance, Quality, align, detect_turned};
use crate::image::{self, DecodeError, Photo, PhotoHash, Source};

/// Faces encoded at once: the point where a larger batch no longer pays on a CPU core.
const BATCH: usize = 16;
/// A batch that nothing was added to for this long is encoded as it is.
const PATIENCE: Duration = Duration::from_millis(50);

/// A photo whose faces wait for their batch.
struct Waiting {
    order: u64,
    input: Input,
    hash: PhotoHash,
    faces: Vec<Chosen>,
    census: Census,
}

/// A face that counts, with its number among those found.
struct Chosen {
    index: usize,
    crop: Crop,
    provenance: Provenance,
}

pub(super) struct Worker<'a> {
    engine: &'a Engine,
    options: &'a Options,
    known: &'a (dyn Fn(&PhotoHash) -> bool + Sync),
    budget: &'a Budget,
    outcomes: Sender<(u64, Outcome)>,
    waiting: Vec<Waiting>,
}

/// The sink is gone: nobody wants further outcomes.
struct Unwanted;

impl<'a> Worker<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        options: &'a Options,
        known: &'a (dyn Fn(&PhotoHash) -> bool + Sync),
        budget: &'a Budget,
        outcomes: Sender<(u64, Outcome)>,
    ) -> Self {
        Self { engine, options, known, budget, outcomes, waiting: Vec::new() }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let done = match jobs.recv_timeout(PATIENCE) {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => self.encode(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.encode().ok();
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn take(&mut self, Job { order, input }: Job) -> Result<(), Unwanted> {
        let (mut hash, mut census) = (None, Census::default());
        match self.look(&input, &mut hash, &mut census) {
            Ok((hash, faces)) => {
                self.waiting.push(Waiting { order, input, hash, faces, census });
                let faces: usize = self.waiting.iter().map(|photo| photo.faces.len()).sum();
                if faces >= BATCH { self.encode() } else { Ok(()) }
            }
            Err(finding) => self.send(order, Outcome { input, hash, finding, census }),
        }
    }

    /// Reads, decodes, detects, aligns: everything about one photo but the encoding.
    fn look(
        &self,
        input: &Input,
        hash: &mut Option<PhotoHash>,
        census: &mut Census,
    ) -> Result<(PhotoHash, Vec<Chosen>), Finding> {
        if let Some(problem) = &input.problem {
            return Err(Finding::Skipped(problem.clone()));
        }
        let (photo, _room) = self.photo(input, hash)?;
        let digest = hash.unwrap_or_default();
        check_for_networks(self.options.workers).map_err(Finding::Skipped)?;
        let (found, turned) = self.detect(&photo).map_err(Finding::Skipped)?;
        census.found = found.len();
        if self.options.single_face && found.len() > 1 {
            let detail = format!("{} faces, one is asked for", found.len());
            census.not_looked_at = found.len();
            return Err(Finding::Skipped(Skip::new("several_faces", detail)));
        }
        let faces = self.choose(&photo, self.wanted(&photo, found), turned, census);
        match (faces.is_empty(), census.refused.first()) {
            (true, Some(first)) => Err(Finding::Skipped(first.skip.clone())),
            _ => Ok((digest, faces)),
        }
    }

    /// Reads and decodes one photo in a room of the memory budget, which it needs as long as it lives.
    fn photo(&self, input: &Input, hash: &mut Option<PhotoHash>) -> Result<(Photo, Room<'a>), Finding> {
        let refused = |error: DecodeError| Finding::Skipped(error.into());
        let limits = &self.options.limits;
        let mut needed = 0;
        loop {
            let source = Source::open(&input.path, input.is_found(), limits).map_err(refused)?;
            let mut room = self.budget.take(source.len().max(needed));
            let bytes = source.read().map_err(refused)?;
            let digest: PhotoHash = Sha256::digest(&bytes).into();
            *hash = Some(digest);
            if (self.known)(&digest) {
                return Err(Finding::Known);
            }
            let picture = image::inspect(&bytes, limits).map_err(refused)?;
            if room.grow(picture.memory()) {
                return Ok((picture.decode().map_err(refused)?, room));
            }
            // Waiting for more with the bytes in memory could last for ever, if all workers did: they are read again.
            needed = picture.memory();
        }
    }

    /// The faces found, and by how many degrees clockwise the photo was turned for it.
    fn detect(&self, photo: &Photo) -> Result<(Vec<Face>, u16), Skip> {
        let shorter = photo.width.min(photo.height);
        if (shorter as f32) < self.options.detect.min_face {
            let size = format!("the photo is {} x {} pixels", photo.width, photo.height);
            return Err(Skip::new("too_small", size));
        }
        let (faces, turned) = detect_turned(&*self.engine.detector, photo, &self.options.detect)
            .map_err(|error| Skip::network("detect_failed", &error))?;
        if faces.is_empty() {
            return Err(Skip::new("no_face", ""));
        }
        Ok((faces, turned))
    }

    /// The faces that are to be looked at, with their numbers.
    fn wanted(&self, photo: &Photo, found: Vec<Face>) -> Vec<(usize, Face)> {
        let faces = found.into_iter().enumerate();
        match self.options.faces {
            Faces::All => faces.collect(),
            Faces::Largest => {
                let prominence = |face: &Face| face.prominence(photo);
                let largest =
                    faces.max_by(|(_, one), (_, other)| prominence(one).total_cmp(&prominence(other)));
                largest.into_iter().collect()
            }
        }
    }

    /// Aligns and grades the faces, and refuses those that are too small or too poor.
    fn choose(
        &self,
        photo: &Photo,
        faces: Vec<(usize, Face)>,
        turned: u16,
        census: &mut Census,
    ) -> Vec<Chosen> {
        census.not_looked_at = census.found - faces.len();
        let mut chosen = Vec::new();
        for (index, face) in faces {
            let mut refuse = |code, detail| {
                let skip = Skip::new(code, detail);
                census.refused.push(RefusedFace { index, bounds: face.bounds, skip });
            };
            let crop = align(photo, &face.landmarks, self.engine.model.chip);
            let quality = Quality::measure(photo, &face, &crop, self.engine.model.chip);
            if quality.size_px < self.options.detect.min_face {
                refuse("too_small", format!("the face is {:.0} pixels wide", quality.size_px));
            } else if quality.overall < self.options.min_quality {
                let least = self.options.min_quality;
                refuse("low_quality", format!("{} of 100, at least {least} wanted", quality.overall));
            } else {
                let Face { bounds, score, landmarks } = face;
                let provenance = Provenance { bounds, score, landmarks, turned, quality };
                chosen.push(Chosen { index, crop, provenance });
            }
        }
        chosen
    }

    /// Encodes what waits, as one batch, and sends it on.
    fn encode(&mut self) -> Result<(), Unwanted> {
        let waiting = std::mem::take(&mut self.waiting);
        self.encode_together(waiting)
    }

    /// Encodes photos as one batch; if that fails, each by itself, so that no photo suffers for another.
    fn encode_together(&self, mut waiting: Vec<Waiting>) -> Result<(), Unwanted> {
        let crops: Vec<Crop> = waiting
            .iter_mut()
            .flat_map(|photo| photo.faces.iter_mut())
            .map(|face| std::mem::replace(&mut face.crop, Crop { side: 0, pixels: Vec::new() }))
            .collect();
        if crops.is_empty() {
            return Ok(());
        }
        let encoded = check_for_networks(self.options.workers).and_then(|()| {
            self.engine.encoder.encode(&crops).map_err(|error| Skip::network("encode_failed", &error))
        });
        if encoded.is_err() && waiting.len() > 1 {
            let mut crops = crops.into_iter();
            for mut photo in waiting {
                photo.faces.iter_mut().zip(crops.by_ref()).for_each(|(face, crop)| face.crop = crop);
                self.encode_together(vec![photo])?;
            }
            return Ok(());
        }
        match encoded {
            Ok(templates) => {
                let mut templates = templates.into_iter();
                for Waiting { order, input, hash, faces, census } in waiting {
                    let faces = faces
                        .into_iter()
                        .zip(templates.by_ref())
                        .map(|(Chosen { index, provenance, .. }, template)| EncodedFace {
                            index,
                            template,
                            provenance,
                        })
                        .collect();
                    let finding = Finding::Faces(faces);
                    self.send(order, Outcome { input, hash: Some(hash), finding, census })?;
                }
            }
            Err(skip) => {
                for Waiting { order, input, hash, census, .. } in waiting {
                    let finding = Finding::Skipped(skip.clone());
                    self.send(order, Outcome { input, hash: Some(hash), finding, census })?;
                }
            }
        }
        Ok(())
    }

    fn send(&self, order: u64, outcome: Outcome) -> Result<(), Unwanted> {
        self.outcomes.send((order, outcome)).map_err(|_| Unwanted)
    }
}
