//! One computing thread of the pipeline.

use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use sha2::{Digest, Sha256};

use super::memory::{Budget, Reservation, check_for_networks};
use super::select::{self, Chosen};
use super::{Census, EncodedFace, Finding, Input, Job, Options, Outcome, Skip};
use crate::encoder::Engine;
use crate::face::Aligned;
use crate::image::{self, DecodeError, Photo, PhotoHash, Source};
use crate::reason::Reason;

/// Faces per batch. Larger batches are not faster on a CPU core.
const BATCH: usize = 16;
/// A batch without a new face for this long is encoded as it is.
const BATCH_TIMEOUT: Duration = Duration::from_millis(50);

/// A photo with faces in the current batch.
struct Waiting {
    order: u64,
    input: Input,
    hash: PhotoHash,
    faces: Vec<Chosen>,
    census: Census,
}

pub(super) struct Worker<'a> {
    engine: &'a Engine,
    options: &'a Options,
    known: &'a (dyn Fn(&PhotoHash) -> bool + Sync),
    budget: &'a Budget,
    outcomes: Sender<(u64, Outcome)>,
    waiting: Vec<Waiting>,
}

/// The sink is closed, and no further outcomes are needed.
struct Closed;

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
            let done = match jobs.recv_timeout(BATCH_TIMEOUT) {
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

    fn take(&mut self, Job { order, input }: Job) -> Result<(), Closed> {
        let (mut hash, mut census) = (None, Census::default());
        match self.look(&input, &mut hash, &mut census) {
            Ok((hash, faces)) => {
                self.waiting.push(Waiting { order, input, hash, faces, census });
                let faces: usize = self.waiting.iter().map(|photo| photo.faces.len()).sum();
                if faces >= BATCH.div_ceil(self.engine.detector.threads_per_core().max(1)) {
                    self.encode()
                } else {
                    Ok(())
                }
            }
            Err(finding) => self.send(order, Outcome { input, hash, finding, census }),
        }
    }

    /// Reads, decodes, detects and aligns one photo: everything except the encoding.
    fn look(
        &self,
        input: &Input,
        hash: &mut Option<PhotoHash>,
        census: &mut Census,
    ) -> Result<(PhotoHash, Vec<Chosen>), Finding> {
        if let Some(problem) = &input.problem {
            return Err(Finding::Skipped(problem.clone()));
        }
        let (photo, _reservation) = self.photo(input, hash)?;
        let digest = hash.unwrap_or_default();
        let faces = select::faces(self.engine, self.options, &photo, census).map_err(Finding::Skipped)?;
        Ok((digest, faces))
    }

    /// Reads and decodes one photo. Reserves memory of the budget for as long as the photo exists.
    fn photo(
        &self,
        input: &Input,
        hash: &mut Option<PhotoHash>,
    ) -> Result<(Photo, Reservation<'a>), Finding> {
        let refused = |error: DecodeError| Finding::Skipped(error.into());
        let limits = &self.options.limits;
        let mut needed = 0;
        loop {
            let source = Source::open(&input.path, input.is_found(), limits).map_err(refused)?;
            let mut reservation = self.budget.take(source.len().max(needed));
            let bytes = source.read().map_err(refused)?;
            let digest: PhotoHash = Sha256::digest(&bytes).into();
            *hash = Some(digest);
            if (self.known)(&digest) {
                return Err(Finding::Known);
            }
            let picture = image::inspect(&bytes, limits).map_err(refused)?;
            if reservation.grow(picture.memory()) {
                return Ok((picture.decode().map_err(refused)?, reservation));
            }
            // Waiting for more memory while holding the bytes could block all workers. So the bytes are dropped and read again.
            needed = picture.memory();
        }
    }

    /// Encodes the waiting faces as one batch and sends the outcomes.
    fn encode(&mut self) -> Result<(), Closed> {
        let waiting = std::mem::take(&mut self.waiting);
        self.encode_together(waiting)
    }

    /// Encodes photos as one batch. If that fails, encodes each photo separately, so that one photo does not affect the others.
    fn encode_together(&self, mut waiting: Vec<Waiting>) -> Result<(), Closed> {
        let aligned: Vec<Aligned> = waiting
            .iter_mut()
            .flat_map(|photo| photo.faces.iter_mut())
            .map(|face| std::mem::take(&mut face.aligned))
            .collect();
        if aligned.is_empty() {
            return Ok(());
        }
        let encoded = check_for_networks(self.options.workers).and_then(|()| {
            self.engine.encoder.encode(&aligned).map_err(|error| Skip::network(Reason::EncodeFailed, &error))
        });
        if encoded.is_err() && waiting.len() > 1 {
            let mut aligned = aligned.into_iter();
            for mut photo in waiting {
                photo
                    .faces
                    .iter_mut()
                    .zip(aligned.by_ref())
                    .for_each(|(face, aligned)| face.aligned = aligned);
                self.encode_together(vec![photo])?;
            }
            return Ok(());
        }
        match encoded {
            Ok(templates) => {
                let mut templates = templates.into_iter().zip(aligned);
                for Waiting { order, input, hash, faces, census } in waiting {
                    let faces = faces
                        .into_iter()
                        .zip(templates.by_ref())
                        .map(|(Chosen { index, provenance, measures, .. }, (template, aligned))| {
                            EncodedFace {
                                index,
                                template,
                                provenance,
                                measures,
                                aligned: self.options.keep_aligned.then_some(aligned),
                            }
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

    fn send(&self, order: u64, outcome: Outcome) -> Result<(), Closed> {
        self.outcomes.send((order, outcome)).map_err(|_| Closed)
    }
}
