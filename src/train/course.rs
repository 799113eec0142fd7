//! The loop of a training, the same for every loss, network and kind of sample.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::architecture::Network;
use super::batch::{Batches, generator};
use super::checkpoint::{Checkpoint, State};
use super::{
    Backbone, Batch, Inputs, Learner, Options, Result, Samples, Step, Tensors, TrainError, augmentation,
    rate, tar_at_fmr,
};
use crate::control::Control;
use crate::encoder::hexadecimal;
use crate::fit::Compared;

/// The FMRs of the validation: the first one needs enough non-mated pairs.
const FMRS: [f64; 2] = [1e-4, 1e-3];
/// Non-mated pairs among which thirty reach the threshold of the first FMR.
const ENOUGH: u64 = 300_000;
/// The network has collapsed if the embeddings of a batch have a smaller mean squared distance...
const COLLAPSED: f64 = 1e-4;
/// ...in this many steps, one after the other.
const STEPS_OF_COLLAPSE: u32 = 5;

/// The results of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1; 0 is the start.
    pub epoch: usize,
    /// Steps that were done at its end.
    pub step: u64,
    /// Mean loss of its steps.
    pub loss: f64,
    /// Mean share of pairs or triplets with a gradient.
    pub active: f64,
    /// Mean squared distance between the embeddings of a batch.
    pub spread: f64,
    /// The learning rate of its last step.
    pub rate: f64,
    /// True accept rate on the people of the validation.
    pub tar: f64,
    /// The FMR at which it is measured: 1e-4, or 1e-3 if there are fewer than 300,000 non-mated pairs.
    pub fmr: f64,
}

/// What is trained, and with what.
pub struct Course<'a> {
    /// The settings.
    pub options: &'a Options,
    /// The samples to train with.
    pub training: &'a Samples,
    /// The samples to validate with.
    pub validation: &'a Samples,
    /// The file of the checkpoint; `None` to keep none.
    pub checkpoint: Option<PathBuf>,
    /// Stops the training and shows its steps.
    pub control: Control<'a>,
}

/// The end of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The network of the best epoch.
    pub network: Network,
    /// The start, and every epoch.
    pub epochs: Vec<Epoch>,
    /// The best epoch; 0 if no epoch was better than the start. Random weights are no result, so it is at least 1 for a small network.
    pub best: usize,
    /// Steps that are done, and all of them.
    pub step: u64,
    /// See `step`.
    pub steps: u64,
    /// Whether it was stopped. It can be continued from its checkpoint.
    pub stopped: bool,
}

struct Running {
    state: State,
    /// Steps of collapse, one after the other.
    collapsed: u32,
    best: Tensors,
}

impl Course<'_> {
    /// Trains to the end, until the validation no longer improves, or until it is stopped. `observe` is called with the start and with
    /// every epoch that is done here.
    ///
    /// # Errors
    /// The samples do not suffice; the loss is not finite; the network collapses; the checkpoint is damaged or of another training.
    pub fn run(&self, learner: &mut dyn Learner, observe: &mut dyn FnMut(&Epoch)) -> Result<Ended> {
        self.options.check().map_err(TrainError::Options)?;
        let size = (self.options.people, self.options.samples);
        let batches = Batches::new(self.training.by_person(), size, self.options.seed);
        let compared = Compared::new(&self.validation.people);
        self.require(&batches, &compared)?;
        let in_an_epoch = batches.in_an_epoch();
        let steps = in_an_epoch * self.options.epochs as u64;
        let mut running = self.start(learner, &compared, observe)?;
        let mut last = Instant::now();
        while running.state.step < steps && !self.is_done(&running.state) {
            if self.control.is_stopped() {
                self.keep(learner, &running)?;
                return self.ended(learner, running, (steps, true));
            }
            let step = self.step(learner, &batches, &mut running, steps)?;
            self.control.report("steps", running.state.step, Some(steps));
            if running.state.step.is_multiple_of(in_an_epoch) {
                let epoch = self.epoch(learner, &compared, &mut running, step)?;
                observe(&epoch);
                self.keep(learner, &running)?;
                last = Instant::now();
            } else if last.elapsed().as_secs() >= 60 {
                self.keep(learner, &running)?;
                last = Instant::now();
            }
        }
        self.ended(learner, running, (steps, false))
    }

    fn require(&self, batches: &Batches, compared: &Compared) -> Result<()> {
        let people = batches.people_with_several();
        if people < 2 {
            return Err(TrainError::Samples(format!(
                "{people} of {} people to train with have two photos or more; at least 2 are needed, because a network learns from what \
                 photos of one person have in common",
                self.training.names.len()
            )));
        }
        let [mated, non_mated] = compared.pairs();
        if mated == 0 || non_mated == 0 {
            return Err(TrainError::Samples(format!(
                "the people who are kept aside for the validation have {mated} pairs of photos of one person and {non_mated} of two people; \
                 both are needed. More people with two photos or more are needed"
            )));
        }
        Ok(())
    }

    fn start(
        &self,
        learner: &mut dyn Learner,
        compared: &Compared,
        observe: &mut dyn FnMut(&Epoch),
    ) -> Result<Running> {
        let samples = digest(self.training);
        if let Some(path) = self.checkpoint.as_ref().filter(|path| path.exists()) {
            let Checkpoint { state, learner: tensors, best } = Checkpoint::read(path)?;
            let refused = |reason: &str| TrainError::Checkpoint { file: path.clone(), reason: reason.into() };
            let remedy = "; remove it, or name another folder, to start anew";
            if state.options != *self.options {
                let differences = state.options.differences(self.options);
                return Err(refused(&format!(
                    "the checkpoint is of a training with other settings ({differences}){remedy}"
                )));
            }
            if state.samples != samples {
                return Err(refused(&format!(
                    "the checkpoint is of a training with other photos or people{remedy}"
                )));
            }
            learner.restore(&tensors)?;
            return Ok(Running { state, collapsed: 0, best });
        }
        let tar = self.validate(learner, compared)?;
        if self.options.loss.has_classifier() && self.options.backbone != Backbone::Small {
            let directions = self.directions(learner)?;
            learner.imprint(&directions)?;
        }
        let best = learner.network()?.tensors;
        let start = Epoch {
            epoch: 0,
            step: 0,
            loss: 0.0,
            active: 0.0,
            spread: 0.0,
            rate: 0.0,
            tar,
            fmr: fmr(compared),
        };
        observe(&start);
        let options = self.options.clone();
        let state = State { options, samples, step: 0, sums: [0.0; 4], epochs: vec![start], best: (tar, 0) };
        Ok(Running { state, collapsed: 0, best })
    }

    /// The normalised mean of the embeddings of each person.
    fn directions(&self, learner: &mut dyn Learner) -> Result<Vec<f32>> {
        let positions: Vec<usize> = (0..self.training.people.len()).collect();
        let embeddings = embedded(learner, &self.training.inputs, &positions)?;
        let dimension = embeddings.len() / positions.len().max(1);
        let mut means = vec![0.0_f32; self.training.names.len() * dimension];
        for (row, &person) in embeddings.chunks(dimension.max(1)).zip(&self.training.people) {
            let mean = &mut means[person as usize * dimension..][..dimension];
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        for mean in means.chunks_mut(dimension.max(1)) {
            let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            mean.iter_mut().for_each(|value| *value /= length);
        }
        Ok(means)
    }

    fn is_done(&self, state: &State) -> bool {
        // The first phase of a loss may become worse before the second one begins.
        let first_phase = (self.options.loss.first_phase() * self.options.epochs as f64).ceil() as usize;
        let since = state.best.1.max(first_phase);
        let passed = state.epochs.last().map_or(0, |epoch| epoch.epoch).saturating_sub(since);
        self.options.patience > 0 && passed >= self.options.patience
    }

    /// Does one step. Returns its learning rate.
    fn step(
        &self,
        learner: &mut dyn Learner,
        batches: &Batches,
        running: &mut Running,
        steps: u64,
    ) -> Result<f64> {
        let number = running.state.step;
        let positions = batches.batch(number);
        let mut inputs = self.training.inputs.at(&positions);
        if self.options.augment {
            inputs = augmentation::changed(inputs, &mut generator(self.options.seed, number, 1));
        }
        let people: Vec<u32> = positions.iter().map(|&at| self.training.people[at]).collect();
        let rate = rate(self.options, number, steps);
        let done = number as f64 / steps as f64;
        let batch = Batch { inputs: &inputs, people: &people, step: number, done, rate };
        let Step { loss, active, spread } = learner.step(&batch)?;
        if !loss.is_finite() || !spread.is_finite() {
            return Err(TrainError::NotFinite { step: number + 1, loss, rate });
        }
        running.collapsed = if spread < COLLAPSED { running.collapsed + 1 } else { 0 };
        if running.collapsed >= STEPS_OF_COLLAPSE {
            return Err(TrainError::Collapsed { step: number + 1, spread, rate });
        }
        for (sum, value) in running.state.sums.iter_mut().zip([1.0, loss, active, spread]) {
            *sum += value;
        }
        running.state.step += 1;
        Ok(rate)
    }

    /// Ends an epoch: validates, and keeps the network if it is the best.
    fn epoch(
        &self,
        learner: &mut dyn Learner,
        compared: &Compared,
        running: &mut Running,
        rate: f64,
    ) -> Result<Epoch> {
        let [steps, loss, active, spread] = std::mem::take(&mut running.state.sums);
        let (loss, active, spread) = (loss / steps, active / steps, spread / steps);
        let tar = self.validate(learner, compared)?;
        let number = running.state.epochs.len();
        let epoch = Epoch {
            epoch: number,
            step: running.state.step,
            loss,
            active,
            spread,
            rate,
            tar,
            fmr: fmr(compared),
        };
        running.state.epochs.push(epoch);
        // Random weights are no result, however the first epochs compare with them.
        let is_first = running.state.best.1 == 0 && self.options.backbone == Backbone::Small;
        if tar > running.state.best.0 || is_first {
            running.state.best = (tar, number);
            running.best = learner.network()?.tensors;
        }
        Ok(epoch)
    }

    fn validate(&self, learner: &mut dyn Learner, compared: &Compared) -> Result<f64> {
        let embeddings = embedded(learner, &self.validation.inputs, &compared.positions)?;
        let dimension = embeddings.len() / compared.positions.len().max(1);
        Ok(tar_at_fmr(compared, &embeddings, dimension, fmr(compared)))
    }

    fn keep(&self, learner: &dyn Learner, running: &Running) -> Result<()> {
        let Some(path) = &self.checkpoint else { return Ok(()) };
        let Running { state, best, .. } = running;
        Checkpoint { state: state.clone(), learner: learner.state()?, best: best.clone() }.write(path)
    }

    fn ended(&self, learner: &dyn Learner, running: Running, (steps, stopped): (u64, bool)) -> Result<Ended> {
        let mut network = learner.network()?;
        network.tensors = running.best;
        let State { epochs, best, step, .. } = running.state;
        Ok(Ended { network, epochs, best: best.1, step, steps, stopped })
    }
}

fn fmr(compared: &Compared) -> f64 {
    FMRS[usize::from(compared.pairs()[1] < ENOUGH)]
}

/// Samples per call of the network.
const AT_ONCE: usize = 256;

/// The embeddings of inputs at these positions.
///
/// # Errors
/// The network failed.
pub fn embedded(learner: &mut dyn Learner, inputs: &Inputs, positions: &[usize]) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    for part in positions.chunks(AT_ONCE) {
        all.extend(learner.embed(&inputs.at(part))?);
    }
    Ok(all)
}

/// SHA-256 of samples and their people.
fn digest(samples: &Samples) -> String {
    let mut hasher = Sha256::new();
    for name in &samples.names {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
    }
    for person in &samples.people {
        hasher.update(person.to_le_bytes());
    }
    match &samples.inputs {
        Inputs::Vectors { dimension, values } => {
            hasher.update((*dimension as u64).to_le_bytes());
            for value in values {
                hasher.update(value.to_le_bytes());
            }
        }
        Inputs::Faces { pixels, .. } => hasher.update(pixels),
    }
    hexadecimal(&hasher.finalize())
}

#[cfg(test)]
mod tests;
