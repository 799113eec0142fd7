//! The pipeline from files to templates: find files, read, decode, detect, align, encode in batches.
//!
//! ```text
//! walk --jobs--> worker (read, decode, detect, align, encode a batch) --outcomes--> sink, in input order
//!   ^              one per core                                                        |
//!   +------------------------------ permits: photos in flight -------------------------+
//! ```
//!
//! Every channel is bounded, and the permits limit the photos between walk and sink. So memory does not
//! grow with the number of photos. A budget in bytes limits the memory for their pixels. A worker encodes
//! its own batches, so the number of computing threads is at most the number of cores.
//!
//! # Faces
//!
//! Of several faces in a photo the most prominent one is used: large, near the middle, and with a high confidence of the detector. The
//! reply reports the number of faces. `--faces all` uses all of them, and `--single-face` refuses such photos. Each refused face is
//! listed with its reason. A probe photo with faces that were refused or not used is `match` or `inconclusive`, never `no_match`.
//!
//! A face may extend beyond the border of the photo. The missing pixels are grey for the detector and black for the encoder. If no upright
//! face is found, because the photo is on its side or upside down and has no EXIF, the other three quarter turns are tried. The reply then
//! contains the rotation.
//!
//! # Folders
//!
//! Files of operating systems and other programs (`.DS_Store`, `Thumbs.db`, `._*`, `@eaDir`, waste baskets, `.git`) and the files that
//! `encode` and `export` write are not inputs. They are counted separately. Sidecars, videos and documents are `not_a_photo`: `enroll`
//! lists them, and `identify` does not use them as probes. A file that the user names is always processed.
//!
//! # Reason codes
//!
//! An input that is left out has one of these codes: `no_face`, `too_small`, `low_quality`, `several_faces`, `decode_failed`,
//! `unsupported`, `too_large`, `empty`, `unreadable`, `not_a_photo`, `no_subject`, `duplicate`, `other_name`, `temporary_failure`. The
//! final counts add up to the number of inputs. After an interruption, the inputs that were not processed are counted too.
//!
//! - `other_name`: the photo is already enrolled under another name. The gallery keeps its name, so a correction is not undone.
//! - `unsupported`: the format is not decoded, or only by a program that is not installed. The message says how to convert the file or
//!   what to install.
//! - A refused photo is stored with its reason. The next run skips it, unless the options or the installed programs
//!   that led to the refusal have changed.
//! - `temporary_failure`: memory, file descriptors or a disk failed, which is independent of the photo. Nothing is stored, the run ends
//!   with exit code 1, and the same command tries again.

mod look;
mod memory;
mod path_text;
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
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authenticity::{Measures, Unmeasured};
use crate::encoder::Engine;
use crate::face::{Aligned, DetectOptions, Provenance};
use crate::image::{self, Limits, PhotoHash};
use crate::template::Template;
pub use look::{Detected, Look, Times, aligned, detect, look};
use memory::Budget;
pub use path_text::{PathText, hex};
pub use skip::Skip;
pub use walk::{Input, Survey, is_system, survey, walk};

/// Most photos between walk and sink.
const MAX_IN_FLIGHT: usize = 512;

/// Which faces of a photo are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Faces {
    /// The portrayed person: the face with the highest [`Face::prominence`](crate::face::Face::prominence).
    #[default]
    Largest,
    /// All faces.
    All,
}

/// How photos are processed.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which faces are used.
    pub faces: Faces,
    /// Which faces are detected. Smaller faces that are detected too are refused.
    pub detect: DetectOptions,
    /// Lowest overall quality, 0 to 100. Faces below it are refused.
    pub min_quality: u8,
    /// Whether photos with more than one face are refused.
    pub single_face: bool,
    /// Whether the authenticity of the used faces is measured, which takes some milliseconds per face.
    pub measure_authenticity: bool,
    /// Whether the aligned faces are returned with their templates.
    pub keep_aligned: bool,
    /// Limits of one file. `limits.memory` also limits all photos in flight together.
    pub limits: Limits,
    /// Number of computing threads; more are started if they wait for another device ([`Detector::threads_per_core`](crate::face::Detector::threads_per_core)).
    pub workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            faces: Faces::Largest,
            detect: DetectOptions::default(),
            min_quality: 0,
            single_face: false,
            measure_authenticity: false,
            keep_aligned: false,
            limits: Limits { memory: memory::half_of_the_machine(), ..Limits::default() },
            workers: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Version of the decoders. It is raised when they accept more files, so that photos they refused are processed again.
const DECODERS: u32 = 4;

impl Options {
    /// Whether these options may enroll faces of a photo that were not enrolled with the options of the text `earlier`, which
    /// [`settings`](Self::settings) made.
    pub fn may_add_faces(&self, earlier: &str) -> bool {
        let value = |name: &str| {
            earlier.split(' ').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let is_lower = |name, now: f32| value(name).parse::<f32>().is_ok_and(|before| now < before);
        self.faces == Faces::All
            && (value("faces") == "Largest"
                || is_lower("min_face", self.detect.min_face)
                || is_lower("min_share", self.detect.min_share)
                || is_lower("min_quality", self.min_quality.into()))
    }

    /// The detection options in a text of [`settings`](Self::settings). `None` if it has none, as for imported templates.
    pub fn detect_of(settings: &str) -> Option<DetectOptions> {
        let value = |name: &str| {
            settings
                .split(' ')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<f32>().ok())
        };
        let (min_face, min_share) = value("min_face").zip(value("min_share"))?;
        let is_valid = min_face >= 1.0 && min_face.is_finite() && (0.0..=1.0).contains(&min_share);
        is_valid.then_some(DetectOptions { min_face, min_share })
    }

    /// The options that determine whether a photo is skipped for the reason `code`, as text. A stored skip is valid for the same
    /// text only.
    pub fn settings(&self, code: &str) -> String {
        if code == "too_large" {
            let Limits { file_bytes, pixels, memory } = self.limits;
            return format!("decoders={DECODERS} file={file_bytes} pixels={pixels} memory={memory}");
        }
        if matches!(code, "unsupported" | "decode_failed") {
            // Another program may read files that were refused, or on which the installed one failed.
            return format!("decoders={DECODERS} programs={}", image::programs());
        }
        format!(
            "decoders={DECODERS} faces={:?} single_face={} min_face={} min_share={} min_quality={}",
            self.faces, self.single_face, self.detect.min_face, self.detect.min_share, self.min_quality
        )
    }
}

/// A face with a template.
#[derive(Debug, Clone)]
pub struct EncodedFace {
    /// Number of the face among those found in the photo, in the detector's order, from 0.
    pub index: usize,
    /// Its template.
    pub template: Template,
    /// Its place in the photo and its quality.
    pub provenance: Provenance,
    /// Its measures of authenticity, if they were requested; or why it cannot be measured.
    pub measures: Option<Result<Measures, Unmeasured>>,
    /// The face itself, aligned to the chips of the model, if it was requested.
    pub aligned: Option<Aligned>,
}

/// A face that was found and refused.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedFace {
    /// Number of the face among those found in the photo, in the detector's order, from 0.
    pub index: usize,
    /// Left, top, right, bottom in pixels of the upright photo.
    pub bounds: [f32; 4],
    /// Why it was refused.
    pub skip: Skip,
}

/// All faces found in a photo: `found` is the number of used faces plus `refused` plus `not_looked_at`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Census {
    /// Faces that the detector found.
    pub found: usize,
    /// Faces that were measured and refused.
    pub refused: Vec<RefusedFace>,
    /// Faces that were not measured, because only the largest face was requested.
    pub not_looked_at: usize,
}

impl Census {
    /// `4 faces, the largest was taken`, if some faces were not measured.
    pub fn note(&self) -> Option<String> {
        (self.not_looked_at > 0).then(|| format!("{} faces, the largest was taken", self.found))
    }
}

/// The result for a file.
#[derive(Debug)]
pub enum Finding {
    /// The used faces, at least one, largest first.
    Faces(Vec<EncodedFace>),
    /// No usable face.
    Skipped(Skip),
    /// The caller already knows these bytes.
    Known,
}

/// The outcome of one input.
#[derive(Debug)]
pub struct Outcome {
    /// The input.
    pub input: Input,
    /// SHA-256 of its bytes, if it could be read.
    pub hash: Option<PhotoHash>,
    /// The result.
    pub finding: Finding,
    /// The faces in it. Empty if the file was not decoded.
    pub census: Census,
}

struct Job {
    order: u64,
    input: Input,
}

/// Processes every input and passes the outcomes to `sink`, one per input, in input
/// order. Bytes that `known` recognises are not decoded. When `stop` is set, no further input is started,
/// and those in flight are finished.
///
/// # Errors
/// The first error of `sink`. The pipeline then stops.
pub fn run<E>(
    engine: &Engine,
    inputs: impl Iterator<Item = Input> + Send,
    options: &Options,
    known: &(dyn Fn(&PhotoHash) -> bool + Sync),
    stop: &AtomicBool,
    mut sink: impl FnMut(Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let workers = options.workers.max(1) * engine.detector.threads_per_core().max(1);
    let budget = &Budget::new(options.limits.memory);
    let inputs = &Mutex::new(Some(inputs));
    let (give_permit, take_permit) = bounded::<()>(MAX_IN_FLIGHT);
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
            tracing::warn!(%error, "{started} computing threads were started instead of {workers}");
        }
        if refusal.is_none() {
            let feeder = move || feed(shared(inputs), &give_permit, &send_job, stop);
            refusal = thread::Builder::new().spawn_scoped(scope, feeder).err();
        }
        if let Some(error) = refusal {
            return without_threads(shared(inputs), &error, stop, sink);
        }
        // At the end of this scope the receivers are dropped, also after an error. Threads that wait to send then stop.
        in_order(outcomes, |outcome| {
            let handled = sink(outcome);
            take_permit.recv().ok();
            handled
        })
    })
}

/// The inputs. Each goes to the first thread that asks for it.
fn shared<I: Iterator>(inputs: &Mutex<Option<I>>) -> impl Iterator<Item = I::Item> {
    inputs.lock().unwrap_or_else(PoisonError::into_inner).take().into_iter().flatten()
}

/// The system starts no thread, so no input can be processed.
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

/// The paths as inputs, without a search of folders. For lists of files.
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
