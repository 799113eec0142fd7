//! All losses on the same samples with the same budget.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::result::put;
use super::start::Start;
use super::{Event, Parts, Prepared, TrainRequest, locked, measured, samples, templates};
use crate::encoder::EncoderError;
use crate::evaluation::{DetPoint, Rate, clustering};
use crate::fit::{Line, Measured, Photo};
use crate::number::plural;
use crate::people::{Collection, Constraints, Edge, Method, Nearest};
use crate::report::training::{self, Comparison, Row, Spread};
use crate::session::error::{Result, SessionError};
use crate::session::fuse::people_of;
use crate::session::replacement::make_folder;
use crate::session::{Control, Stopped};
use crate::train::architecture::Network;
use crate::train::course::{Course, Ended};
use crate::train::{Loss, Options, Samples, Setup, TrainError, is_provided, learner};

/// The request for a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    /// The samples, the folder, and the settings that are the same for all losses. Its loss, mining, margin and seed are ignored.
    pub training: TrainRequest,
    /// The losses.
    pub losses: Vec<Loss>,
    /// Number of seeds, from 1.
    pub seeds: u64,
}

/// The result of [`compare`].
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    /// The page was written.
    Made(Box<Comparison>),
    /// It was stopped. The same request continues.
    Stopped(Stopped),
}

/// A training that has ended, as it is kept in the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Run {
    options: Options,
    best: usize,
    seconds: f64,
    line: Option<Line>,
    det: Vec<DetPoint>,
    bcubed: f64,
    failure: Option<String>,
}

/// Trains with every loss and every seed, and writes a page with a table and DET curves. Trainings that are complete are not repeated.
///
/// # Errors
/// As [`train`](super::train). A loss that collapses is no error: the page says so.
pub fn compare(
    request: &CompareRequest,
    control: &Control<'_>,
    observe: &mut dyn FnMut(Event, &str),
) -> Result<Compared> {
    let training_request = &request.training;
    if !is_provided() {
        let model = training_request.options.backbone.name().into();
        return Err(EncoderError::NoNetworks { model }.into());
    }
    make_folder(&training_request.out)?;
    let _lock = locked(&training_request.out)?;
    let start = Start::new(training_request)?;
    let read = match samples::read(training_request, &start, control)? {
        Ok(read) => read,
        Err(stopped) => return Ok(Compared::Stopped(stopped)),
    };
    let Parts { samples, division, notes, skipped } = Parts::new(read, training_request);
    let [training, validation, report] =
        [&division.training, &division.validation, &division.report].map(|part| samples.at(part));
    let network = start.network(&training_request.options, &training)?;
    let parts = [&training, &validation, &report].map(|part| [part.people.len(), part.names.len()]);
    observe(Event::Prepared(Prepared { parts, parameters: network.parameters(), notes, skipped }), "");
    let bench = Bench { request, start: &start, training, validation, report };
    let mut rows = vec![bench.start(&network, control)?];
    for &loss in &request.losses {
        let mut runs = Vec::new();
        for seed in 1..=request.seeds {
            let options = options(&training_request.options, loss, seed);
            options.check().map_err(|reason| SessionError::Train(TrainError::Options(reason)))?;
            let name = format!("{}, seed {seed}", loss.name());
            let mut tell = |event: Event| observe(event, &name);
            match bench.run(&options, control, &mut tell)? {
                Some(run) => runs.push(run),
                None => {
                    let (looked_at, total) = (runs.len() as u64, request.seeds);
                    return Ok(Compared::Stopped(Stopped { looked_at, total, unit: "training" }));
                }
            }
        }
        rows.push(row(loss.name(), &runs));
    }
    let comparison = Comparison {
        lede: lede(training_request, parts, request.seeds),
        rows,
        date: time::UtcDateTime::now().date().to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let out = &training_request.out;
    training::write(&comparison, out).map_err(|error| SessionError::Input(error.to_string()))?;
    Ok(Compared::Made(Box::new(comparison)))
}

/// The settings of a loss: those of all, with its own mining and margin.
fn options(all: &Options, loss: Loss, seed: u64) -> Options {
    Options { loss, mining: loss.mining(), margin: loss.usual_margin(), seed, ..all.clone() }
}

fn lede(request: &TrainRequest, parts: [[usize; 2]; 3], seeds: u64) -> String {
    let [training, validation, report] =
        parts.map(|[photos, people]| format!("{} of {}", plural(photos as u64, "photo"), people_of(people)));
    let Options { backbone, epochs, people, samples, rate, dimension, .. } = &request.options;
    format!(
        "{} of {dimension} numbers, trained with {training}, chosen on {validation}, reported on {report}. At most {epochs} epochs, batches of \
         {people} x {samples}, learning rate {rate}, {}",
        backbone.name(),
        plural(seeds, "seed")
    )
}

/// What all trainings share.
struct Bench<'a> {
    request: &'a CompareRequest,
    start: &'a Start,
    training: Samples,
    validation: Samples,
    report: Samples,
}

impl Bench<'_> {
    /// The measures of the start.
    fn start(&self, network: &Network, control: &Control<'_>) -> Result<Row> {
        let options = options(&self.request.training.options, Loss::Triplet, 1);
        let (measured, bcubed) = self.measures("start", &options, network, control.stop)?;
        let (line, det) = measured.map(|measured| (measured.line, measured.det)).unzip();
        let det = det.unwrap_or_default();
        let run = Run { options, best: 0, seconds: 0.0, line, det, bcubed, failure: None };
        Ok(Row { best: Vec::new(), ..row("start", &[run]) })
    }

    fn measures(
        &self,
        name: &str,
        options: &Options,
        network: &Network,
        stop: &AtomicBool,
    ) -> Result<(Option<Measured>, f64)> {
        let device = self.request.training.engine.device;
        let setup = Setup { options, network, classes: self.training.names.len(), device };
        let mut encoder = learner(&setup)?;
        let measures = measured(name, &mut *encoder, &self.report)?;
        Ok((measures, best_agreement(&templates(&mut *encoder, &self.report)?, stop)?))
    }

    fn folder(&self, options: &Options) -> PathBuf {
        self.request.training.out.join("runs").join(format!("{}-{}", options.loss.name(), options.seed))
    }

    /// One training; `None` if it was stopped.
    fn run(
        &self,
        options: &Options,
        control: &Control<'_>,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Option<Run>> {
        let folder = self.folder(options);
        make_folder(&folder)?;
        let kept = folder.join("run.json");
        if let Some(run) = read(&kept).filter(|run| run.options == *options) {
            return Ok(Some(run));
        }
        let network = self.start.network(options, &self.training)?;
        let device = self.request.training.engine.device;
        let setup = Setup { options, network: &network, classes: self.training.names.len(), device };
        let checkpoint = folder.join(super::result::CHECKPOINT);
        let course = Course {
            options,
            training: &self.training,
            validation: &self.validation,
            checkpoint: Some(checkpoint.clone()),
            control: *control,
        };
        let started = Instant::now();
        let ended = course.run(&mut *learner(&setup)?, &mut |epoch| observe(Event::Epoch(*epoch)));
        let seconds = started.elapsed().as_secs_f64();
        let run = match ended {
            Ok(Ended { stopped: true, .. }) => return Ok(None),
            Ok(Ended { network, best, .. }) => {
                let (measured, bcubed) =
                    self.measures(options.loss.name(), options, &network, control.stop)?;
                let (line, det) = measured.map(|measured| (measured.line, measured.det)).unzip();
                let det = det.unwrap_or_default();
                Run { options: options.clone(), best, seconds, line, det, bcubed, failure: None }
            }
            Err(error @ (TrainError::Collapsed { .. } | TrainError::NotFinite { .. })) => Run {
                options: options.clone(),
                best: 0,
                seconds,
                line: None,
                det: Vec::new(),
                bcubed: 0.0,
                failure: Some(format!("seed {}: {error}", options.seed)),
            },
            Err(error) => return Err(error.into()),
        };
        let json = serde_json::to_vec(&run).map_err(|error| SessionError::Input(error.to_string()))?;
        put(&kept, &json)?;
        std::fs::remove_file(&checkpoint).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(SessionError::io(&checkpoint, "removing it")(error)),
        })?;
        Ok(Some(run))
    }
}

fn read(path: &Path) -> Option<Run> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The means of the trainings that did not fail.
fn row(name: &str, runs: &[Run]) -> Row {
    let lines: Vec<&Line> = runs.iter().filter_map(|run| run.line.as_ref()).collect();
    let rates = |of: &dyn Fn(&Line) -> Option<Rate>| -> Option<Spread> {
        let rates: Vec<Rate> = lines.iter().filter_map(|line| of(line)).collect();
        let intervals: Vec<[f64; 2]> = rates.iter().map(|rate| rate.interval).collect();
        spread(&rates.iter().map(|rate| rate.value).collect::<Vec<_>>(), &intervals)
    };
    let accepted = |at: usize| {
        let of = |line: &Line| line.fnmr.get(at).copied();
        rates(&of).map(|Spread { mean, seeds: [low, high], people }| Spread {
            mean: 1.0 - mean,
            seeds: [1.0 - high, 1.0 - low],
            people: people.map(|[low, high]| [1.0 - high, 1.0 - low]),
        })
    };
    let whole: Vec<&Run> = runs.iter().filter(|run| run.failure.is_none()).collect();
    let agreements: Vec<f64> = whole.iter().map(|run| run.bcubed).collect();
    Row {
        name: name.into(),
        seeds: runs.len(),
        rank_1: rates(&|line| line.rank_1),
        fnir: (0..2).filter_map(|at| rates(&move |line| line.fnir.get(at).copied())).collect(),
        tar: (0..2).filter_map(accepted).collect(),
        bcubed: spread(&agreements, &[]),
        seconds: runs.iter().map(|run| run.seconds).sum::<f64>() / runs.len().max(1) as f64,
        best: whole.iter().map(|run| run.best).collect(),
        det: whole.first().map(|run| thinned(&run.det)).unwrap_or_default(),
        failures: runs.iter().filter_map(|run| run.failure.clone()).collect(),
    }
}

/// Points of a curve that are kept in the report.
const POINTS: usize = 300;

/// Every n-th point of a curve, and the last one.
fn thinned(points: &[DetPoint]) -> Vec<DetPoint> {
    let step = points.len().div_ceil(POINTS).max(1);
    let last = points.last().filter(|_| !(points.len().max(1) - 1).is_multiple_of(step));
    points.iter().step_by(step).chain(last).copied().collect()
}

fn spread(values: &[f64], intervals: &[[f64; 2]]) -> Option<Spread> {
    let first = *values.first()?;
    let mean = |of: &mut dyn Iterator<Item = f64>, count: usize| of.sum::<f64>() / count as f64;
    let people = (!intervals.is_empty()).then(|| {
        [0, 1].map(|end| mean(&mut intervals.iter().map(|interval| interval[end]), intervals.len()))
    });
    Some(Spread {
        mean: mean(&mut values.iter().copied(), values.len()),
        seeds: [values.iter().copied().fold(first, f64::min), values.iter().copied().fold(first, f64::max)],
        people,
    })
}

/// Most photos that are clustered, because all pairs are compared.
const MOST_CLUSTERED: usize = 6000;
/// Closest faces of each face that are kept, as in `cluster`.
const CLOSEST: usize = 64;
/// The lowest score of an edge, and the thresholds that are tried.
const LEAST: f32 = 0.1;
const THRESHOLDS: std::ops::Range<u8> = 4..17;

/// The best BCubed F of average linkage over thresholds from 0.2 to 0.8.
fn best_agreement(photos: &[Photo], stop: &AtomicBool) -> Result<f64> {
    let photos = &photos[..photos.len().min(MOST_CLUSTERED)];
    let Some(dimension) = photos.first().map(|photo| photo.vector.len()) else { return Ok(0.0) };
    let mut nearest = Nearest::new(photos.len(), CLOSEST);
    for (b, other) in photos.iter().enumerate() {
        for (a, one) in photos[..b].iter().enumerate() {
            let score: f32 = one.vector.iter().zip(&other.vector).map(|(x, y)| x * y).sum();
            if score >= LEAST {
                nearest.add(Edge { a: a as u32, b: b as u32, score });
            }
        }
    }
    let edges = nearest.edges();
    let keys: Vec<u128> = (0..photos.len() as u128).collect();
    let vectors: Vec<f32> = photos.iter().flat_map(|photo| photo.vector.iter().copied()).collect();
    let collection = Collection {
        keys: &keys,
        vectors: &vectors,
        dimension,
        edges: &edges,
        least: LEAST,
        most: CLOSEST,
        constraints: &Constraints::new(),
        stop,
    };
    let mut names: Vec<&str> = photos.iter().map(|photo| photo.person.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let person = |photo: &Photo| names.binary_search(&photo.person.as_str()).ok().map(|at| at as u64);
    let people: Vec<Option<u64>> = photos.iter().map(person).collect();
    let mut best = 0.0_f64;
    for step in THRESHOLDS {
        let Some(clusters) = collection.cluster(&Method::Average(f32::from(step) * 0.05))? else { break };
        let clusters: Vec<u64> = clusters.into_iter().map(u64::from).collect();
        best = best.max(clustering(&clusters, &people).bcubed.f);
    }
    Ok(best)
}
