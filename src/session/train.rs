//! Training an encoder on labelled photos or templates.

mod compare;
mod encoded;
mod gallery;
mod photos;
mod result;
mod samples;
mod start;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::engine::Networks;
use super::error::{Result, SessionError};
use super::replacement::make_folder;
use super::{Control, Stopped};
use crate::encoder::EncoderError;
use crate::fit::{self, Measured, Photo};
use crate::number::{count, plural};
use crate::reply::{EngineRequest, ModelTrained, PhotoRequest, Skipped};
use crate::train::course::{Course, Ended, Epoch, embedded};
use crate::train::{Division, Learner, Options, Samples, Setup, TrainError, is_provided, learner};
pub use compare::{CompareRequest, Compared, compare};
use samples::Read;
use start::Start;

/// The request for a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// Photos in folders named after people, or a gallery, whose subjects' photos are read again; for a head the templates of a gallery, a
    /// file of vectors, or a folder that `encode` wrote.
    pub data: PathBuf,
    /// Names of the people of a file of vectors, one per row. Otherwise those of the descriptions beside it.
    pub names: Option<PathBuf>,
    /// Whether people whose names have the same beginning up to the first `_` are relatives.
    pub families: bool,
    /// Models to start from, by name or manifest: several are put side by side. Empty: the model of the gallery, or the best one; to continue
    /// with weights, `mobilefacenet-192`.
    pub models: Vec<String>,
    /// The folder of the result: the model, its checkpoint, curves and report.
    pub out: PathBuf,
    /// The licence of the result.
    pub licence: Option<String>,
    /// The settings.
    pub options: Options,
    /// The device. Its model is ignored.
    pub engine: EngineRequest,
    /// Which photos are used.
    pub photos: PhotoRequest,
}

/// The result of [`train`].
#[derive(Debug, Clone, PartialEq)]
pub enum Trained {
    /// The model was written.
    Made(Box<ModelTrained>),
    /// It was stopped. The same request continues.
    Stopped(Stopped),
}

/// What is known before the first step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Samples and people of each part: to train with, to validate with, to report on.
    pub parts: [[usize; 2]; 3],
    /// Trained weights of the network.
    pub parameters: usize,
    /// What the user should know, such as people with one photo.
    pub notes: Vec<String>,
    /// Photos that are left out.
    pub skipped: Vec<Skipped>,
}

/// What a training tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The samples are read.
    Prepared(Prepared),
    /// The start, or an epoch.
    Epoch(Epoch),
}

/// Trains an encoder and writes its manifest, weights, curves and report to a folder. A training that was stopped or killed continues from
/// its checkpoint in the folder.
///
/// # Errors
/// The settings or the samples do not allow it; the network collapses or its loss is not finite; a file of the folder is damaged or of
/// another training; the disk failed.
pub fn train(
    request: &TrainRequest,
    control: &Control<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<Trained> {
    request.options.check().map_err(|reason| SessionError::Train(TrainError::Options(reason)))?;
    if !is_provided() {
        return Err(EncoderError::NoNetworks { model: request.options.backbone.name().into() }.into());
    }
    let manifest = result::manifest(&request.out)?;
    make_folder(&request.out)?;
    let _lock = locked(&request.out)?;
    let start = Start::new(request)?;
    let read = match samples::read(request, &start, control)? {
        Ok(read) => read,
        Err(stopped) => return Ok(Trained::Stopped(stopped)),
    };
    let Parts { samples, division, notes, skipped } = Parts::new(read, request);
    let [training, validation, report] =
        [&division.training, &division.validation, &division.report].map(|part| samples.at(part));
    let network = start.network(&request.options, &training)?;
    observe(Event::Prepared(Prepared {
        parts: [&training, &validation, &report].map(|part| [part.people.len(), part.names.len()]),
        parameters: network.parameters(),
        notes,
        skipped,
    }));
    let setup = Setup {
        options: &request.options,
        network: &network,
        classes: training.names.len(),
        device: request.engine.device,
    };
    let mut trained = learner(&setup)?;
    let before = measured("start", &mut *trained, &report)?;
    let course = Course {
        options: &request.options,
        training: &training,
        validation: &validation,
        checkpoint: Some(request.out.join(result::CHECKPOINT)),
        control: *control,
    };
    let ended = course.run(&mut *trained, &mut |epoch| observe(Event::Epoch(*epoch)))?;
    result::write_curves(&request.out, &request.options, &ended.epochs)?;
    if ended.stopped {
        return Ok(Trained::Stopped(Stopped { looked_at: ended.step, total: ended.steps, unit: "step" }));
    }
    let Ended { network, epochs, best, .. } = ended;
    let setup = Setup { network: &network, ..setup };
    let mut trained = learner(&setup)?;
    let after = measured("trained", &mut *trained, &report)?;
    let threshold = match after.as_ref().and_then(threshold) {
        Some(threshold) => Some((threshold, report.clone())),
        // The people of the validation chose the epoch and were not trained with.
        None => {
            let others = samples.at(&[&division.validation[..], &division.report].concat());
            let measured = measured("threshold", &mut *trained, &others)?;
            measured.as_ref().and_then(threshold).map(|threshold| (threshold, others))
        }
    };
    let made = result::Made {
        request,
        network: &network,
        parts: [training.people.len(), training.names.len()],
        report: [report.people.len(), report.names.len()],
        lines: [before, after],
        threshold: threshold
            .map(|(threshold, others)| (threshold, [others.people.len(), others.names.len()])),
        epochs: &epochs,
        best,
    };
    Ok(Trained::Made(Box::new(made.write(&manifest, start)?)))
}

/// The threshold at FMR 1e-4. `None` if no pair of one person reaches it: then names are wrong, or the network has learned nothing.
fn threshold(measured: &Measured) -> Option<f32> {
    let accepts = measured.line.fnmr.last().is_some_and(|fnmr| fnmr.value < 1.0);
    measured.threshold.filter(|_| accepts).map(|threshold| threshold.clamp(-1.0, 1.0))
}

/// Locks the folder of a training for as long as the result exists. Two trainings in one folder would overwrite each other.
fn locked(out: &Path) -> Result<Option<File>> {
    let folder = File::open(out).map_err(SessionError::io(out, "opening it"))?;
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => {
            let reason = "another training runs in this folder; wait for it, or name another folder";
            Err(SessionError::Input(format!("{}: {reason}", out.display())))
        }
        // Some network file systems lock no folders.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// The error rates of a network on the people of the report; `None` if there are too few.
fn measured(name: &str, trained: &mut dyn Learner, report: &Samples) -> Result<Option<Measured>> {
    // Too few people for intervals are no reason to lose the training.
    Ok(fit::measured(name, &templates(trained, report)?).ok())
}

/// The embeddings of samples, with their people.
fn templates(trained: &mut dyn Learner, samples: &Samples) -> Result<Vec<Photo>> {
    let positions: Vec<usize> = (0..samples.people.len()).collect();
    let embeddings = embedded(trained, &samples.inputs, &positions)?;
    let dimension = embeddings.len() / positions.len().max(1);
    let photo = |(row, &person): (&[f32], &u32)| Photo {
        person: samples.names[person as usize].clone(),
        vector: row.to_vec(),
    };
    Ok(embeddings.chunks(dimension.max(1)).zip(&samples.people).map(photo).collect())
}

/// The samples with their division.
struct Parts {
    samples: Samples,
    division: Division,
    notes: Vec<String>,
    skipped: Vec<Skipped>,
}

impl Parts {
    fn new(Read { samples, mut notes, skipped }: Read, request: &TrainRequest) -> Self {
        let division = Division::new(&samples, request.families);
        let by_person = samples.by_person();
        if samples.inputs.are_equal() {
            notes.push("all samples are equal: there is nothing to learn from them".into());
        }
        let single = by_person.iter().filter(|own| own.len() == 1).count();
        if single > 0 {
            notes.push(format!(
                "{} of {} people have one photo: they are strangers to the others and teach nothing about themselves",
                count(single as u64),
                count(by_person.len() as u64)
            ));
        }
        let mut trained: Vec<u32> = division.training.iter().map(|&at| samples.people[at]).collect();
        trained.sort_unstable();
        trained.dedup();
        notes.extend(classifier(&request.options, trained.len()));
        Self { samples, division, notes, skipped }
    }
}

/// Fewest people whose classifier is worth a note.
const MANY_PEOPLE: usize = 50_000;

/// What the classifier of this many people to train with needs, if it is much.
fn classifier(options: &Options, people: usize) -> Option<String> {
    if !options.loss.has_classifier() || people < MANY_PEOPLE {
        return None;
    }
    // Four bytes each for the weight and the two moments.
    let bytes = (12 * people * options.dimension) as u64;
    let people = plural(people as u64, "person").replace("persons", "people");
    Some(format!("the classifier of {people} needs {} MiB with its moments", bytes >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Backbone, Inputs, Loss};

    #[test]
    fn the_memory_of_a_classifier_is_that_of_the_people_to_train_with() {
        let request = |loss| TrainRequest {
            data: PathBuf::new(),
            names: None,
            families: false,
            models: Vec::new(),
            out: PathBuf::new(),
            licence: None,
            options: Options::usual(loss, Backbone::Head),
            engine: crate::reply::EngineRequest::default(),
            photos: PhotoRequest::default(),
        };
        let notes = |count: usize, loss| {
            let people: Vec<String> = (0..count).map(|person| format!("p{person}")).collect();
            let inputs = Inputs::Vectors { dimension: 1, values: vec![0.0; count] };
            let read =
                Read { samples: Samples::new(&people, inputs), notes: Vec::new(), skipped: Vec::new() };
            let Parts { division, notes, .. } = Parts::new(read, &request(loss));
            let are_equal = |note: &String| note.contains("all samples are equal");
            assert_eq!(notes.iter().filter(|note| are_equal(note)).count(), 1, "{notes:?}");
            (division.training.len(), notes.into_iter().find(|note| note.contains("classifier")))
        };
        let (trained, note) = notes(100_000, Loss::Arcface);
        assert!((58_000..62_000).contains(&trained));
        let note = note.unwrap();
        assert!(note.contains(&format!("of {} people", crate::number::count(trained as u64))), "{note}");
        assert!(note.contains(&format!("{} MiB", (12 * trained * 128) >> 20)), "{note}");
        // Three fifths of these are below the number that is worth a note.
        assert_eq!(notes(80_000, Loss::Arcface).1, None);
        assert_eq!(notes(100_000, Loss::Margin).1, None);
    }
}
