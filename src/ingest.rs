//! The pipeline from files to templates: walk, read, decode, detect, align, encode in batches.
//!
//! ```text
//! walk --jobs--> worker (read, decode, detect, align, encode a batch) --outcomes--> sink, in input order
//!   ^              one per core                                                        |
//!   +------------------------------ permits: photos under way ------------------------+
//! ```
//!
//! Every channel is bounded and the permits bound what lies between walk and sink, so memory does not
//! grow with the number of photos; a budget of bytes bounds what their pixels take together. A worker encodes
//! its own batches: as many threads compute as there are cores, never more.

mod look;
mod memory;
mod select;
mod skip;
mod walk;
mod worker;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam::channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};

use crate::encoder::Engine;
use crate::face::{DetectOptions, Provenance};
use crate::image::{Limits, PhotoHash};
use crate::template::Template;
pub use look::{Look, look};
use memory::Budget;
pub use skip::Skip;
pub use walk::{Input, Survey, is_system, survey, walk};

/// Photos between walk and sink at most.
const UNDER_WAY: usize = 512;

/// Which faces of a photo count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Faces {
    /// The largest one, as [`Face::prominence`](crate::face::Face::prominence) sees it: the person portrayed.
    #[default]
    Largest,
    /// Every one.
    All,
}

/// How photos are looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which faces count.
    pub faces: Faces,
    /// Which faces are looked for; smaller ones that are found all the same are refused.
    pub detect: DetectOptions,
    /// Faces whose overall quality, 0 to 100, is below this are refused.
    pub min_quality: u8,
    /// Whether photos in which more than one face is found are refused.
    pub single_face: bool,
    /// What a file may cost. `limits.memory` also bounds all photos under way together.
    pub limits: Limits,
    /// Threads that compute.
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            faces: Faces::Largest,
            detect: DetectOptions::default(),
            min_quality: 0,
            single_face: false,
            limits: Limits { memory: memory::half_of_the_machine(), ..Limits::default() },
            workers: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Version of what the decoders read. Raised when they read more, so that photos they refused are looked at again.
const DECODERS: u32 = 2;

impl Options {
    /// What decides whether a photo is skipped for the reason `code`, as text: such a skip holds for the same
    /// text only.
    pub fn settings(&self, code: &str) -> String {
        if code == "too_large" {
            let Limits { file_bytes, pixels, memory } = self.limits;
            return format!("decoders={DECODERS} file={file_bytes} pixels={pixels} memory={memory}");
        }
        format!(
            "decoders={DECODERS} faces={:?} single_face={} min_face={} min_share={} min_quality={}",
            self.faces, self.single_face, self.detect.min_face, self.detect.min_share, self.min_quality
        )
    }
}

/// A face that became a template.
#[derive(Debug, Clone)]
pub struct EncodedFace {
    /// Which of the faces found in the photo it is, in the detector's order, from 0.
    pub index: usize,
    /// Its template.
    pub template: Template,
    /// Where in the photo it was, and how good.
    pub provenance: Provenance,
}

/// A face that was found and does not count.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedFace {
    /// Which of the faces found in the photo it is, in the detector's order, from 0.
    pub index: usize,
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// Why it does not count.
    pub skip: Skip,
}

/// Every face found in a photo: `found` is the sum of those that count, `refused` and `not_looked_at`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Census {
    /// Faces that the detector found.
    pub found: usize,
    /// Those that were looked at and refused.
    pub refused: Vec<RefusedFace>,
    /// Those that were not looked at, as only the largest face was asked for.
    pub not_looked_at: usize,
}

impl Census {
    /// `4 faces, the largest was taken`, if faces were not looked at.
    pub fn note(&self) -> Option<String> {
        (self.not_looked_at > 0).then(|| format!("{} faces, the largest was taken", self.found))
    }
}

/// What was found in a file.
#[derive(Debug)]
pub enum Finding {
    /// Faces that count, at least one, largest first.
    Faces(Vec<EncodedFace>),
    /// Nothing usable.
    Skipped(Skip),
    /// The caller knew these bytes already.
    Known,
}

/// What became of one input.
#[derive(Debug)]
pub struct Outcome {
    /// The input.
    pub input: Input,
    /// Hash of its bytes, if it could be read.
    pub hash: Option<PhotoHash>,
    /// What was found.
    pub finding: Finding,
    /// The faces in it; none where the file was not looked at.
    pub census: Census,
}

struct Job {
    order: u64,
    input: Input,
}

/// Runs every input through the pipeline and hands the outcomes to `sink`, one for each input, in input
/// order. Bytes that `known` recognises are not decoded. Once `stop` is set no further input is taken;
/// those under way are finished.
///
/// # Errors
/// The first error of `sink`, at once.
pub fn run<E>(
    engine: &Engine,
    inputs: impl Iterator<Item = Input> + Send,
    options: &Options,
    known: &(dyn Fn(&PhotoHash) -> bool + Sync),
    stop: &AtomicBool,
    mut sink: impl FnMut(Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let workers = options.workers.max(1);
    let budget = &Budget::new(options.limits.memory);
    let inputs = &Mutex::new(Some(inputs));
    let (give_permit, take_permit) = bounded::<()>(UNDER_WAY);
    let (send_job, jobs) = bounded::<Job>(workers * 2);
    let (send_outcome, outcomes) = bounded::<(u64, Outcome)>(workers * 4);
    thread::scope(move |scope| {
        let mut started = 0;
        let mut refusal = None;
        while started < workers && refusal.is_none() {
            let (jobs, send_outcome) = (jobs.clone(), send_outcome.clone());
            let worker = worker::Worker::new(engine, options, known, budget, send_outcome);
            match thread::Builder::new().spawn_scoped(scope, move || worker.run(&jobs)) {
                Ok(_) => started += 1,
                Err(error) => refusal = Some(error),
            }
        }
        drop((jobs, send_outcome));
        if let Some(error) = refusal.take_if(|_| started > 0) {
            tracing::warn!(%error, "{started} threads compute instead of {workers}");
        }
        if refusal.is_none() {
            let feeder = move || feed(taken(inputs), &give_permit, &send_job, stop);
            refusal = thread::Builder::new().spawn_scoped(scope, feeder).err();
        }
        if let Some(error) = refusal {
            return without_threads(taken(inputs), &error, stop, sink);
        }
        // When this ends, however it does, it drops the receivers: threads that wait to send give up.
        in_order(outcomes, |outcome| {
            let handled = sink(outcome);
            take_permit.recv().ok();
            handled
        })
    })
}

/// The inputs, which whoever asks first gets.
fn taken<I: Iterator>(inputs: &Mutex<Option<I>>) -> impl Iterator<Item = I::Item> {
    inputs.lock().unwrap_or_else(PoisonError::into_inner).take().into_iter().flatten()
}

/// The machine starts no thread: nothing can be said about any input.
fn without_threads<E>(
    inputs: impl Iterator<Item = Input>,
    error: &io::Error,
    stop: &AtomicBool,
    mut sink: impl FnMut(Outcome) -> Result<(), E>,
) -> Result<(), E> {
    for input in inputs.take_while(|_| !stop.load(Ordering::Relaxed)) {
        let skip = Skip::temporary(format!("no thread could be started: {error}"));
        sink(Outcome { input, hash: None, finding: Finding::Skipped(skip), census: Census::default() })?;
    }
    Ok(())
}

/// The paths as inputs of their own, without walking: for lists of files.
pub fn files(paths: impl IntoIterator<Item = PathBuf>) -> impl Iterator<Item = Input> {
    paths.into_iter().map(|path| Input { root: PathBuf::new(), path, problem: None })
}

fn feed(inputs: impl Iterator<Item = Input>, permits: &Sender<()>, jobs: &Sender<Job>, stop: &AtomicBool) {
    for (order, input) in (0..).zip(inputs) {
        let stopped = stop.load(Ordering::Relaxed);
        if stopped || permits.send(()).is_err() || jobs.send(Job { order, input }).is_err() {
            return;
        }
    }
}

fn in_order<E>(
    outcomes: Receiver<(u64, Outcome)>,
    mut sink: impl FnMut(Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (order, outcome) in outcomes {
        early.insert(order, outcome);
        while let Some(outcome) = early.remove(&next) {
            sink(outcome)?;
            next += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
