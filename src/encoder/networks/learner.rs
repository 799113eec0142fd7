//! Learners on libtorch: the network with gradients, a loss, an optimizer.

mod losses;
mod network;
mod optimizer;
#[cfg(test)]
mod tests;

use gallerist::face::NetworkError;
use gallerist::train::architecture::Network;
use gallerist::train::batch::{generator, uniform};
use gallerist::train::mining::Distances;
use gallerist::train::{Batch, Inputs, Learner, Loss, Mining, Options, Setup, Step, Tensors, Values};
use tch::{Kind, TchError, Tensor, no_grad};

use super::{choose, failure};
use losses::Valued;
use network::Trainable;
use optimizer::Optimizer;

/// The weight of the contrastive loss beside the cross-entropy: lambda of DeepID2, which found 0.05 the best for features that are not
/// normalised; here both are about as large.
const CONTRASTIVE: f64 = 1.0;
/// The start of the boundary of [`Loss::Margin`] (Wu et al., section 5).
const BOUNDARY: f32 = 1.2;
/// Classifier and boundary start from nothing, beside a network that may be nearly right, so they learn faster.
const EXTRA_RATE: f64 = 10.0;

/// The length of the rows that a softmax classifier gets from the directions of the people: for embeddings of about length 1, the
/// differences of its logits are then as large as the logarithm of some thousand people.
const IMPRINTED: f32 = 16.0;

const CLASSIFIER: &str = "classifier";
const BETA: &str = "beta";

/// See [`Learner`].
pub(super) struct TorchLearner {
    options: Options,
    network: Trainable,
    /// The classifier, a row for each person, or the boundary.
    extra: Option<(&'static str, Tensor)>,
    optimizer: Optimizer,
    device: tch::Device,
}

/// Makes a learner.
pub(crate) fn new(setup: &Setup<'_>) -> Result<Box<dyn Learner>, NetworkError> {
    let device = choose(setup.device).map_err(|error| failed(error.to_string()))?;
    if device == tch::Device::Cpu {
        // One batch at a time, so libtorch uses the cores.
        tch::set_num_threads(std::thread::available_parallelism().map_or(1, |count| count.get() as i32));
    }
    let learner = TorchLearner::new(setup, device).map_err(|error| torch(&error))?;
    Ok(Box::new(learner))
}

fn torch(error: &TchError) -> NetworkError {
    failure("training", error)
}

fn failed(reason: String) -> NetworkError {
    NetworkError::Failed { model: "training".into(), reason }
}

impl TorchLearner {
    fn new(setup: &Setup<'_>, device: tch::Device) -> Result<Self, TchError> {
        let options = setup.options.clone();
        let network = Trainable::new(setup.network, options.precision, device)?;
        let extra = extra(&options, setup.classes)?;
        let extra =
            extra.map(|(name, values)| Ok::<_, TchError>((name, leaf(&values, device)?))).transpose()?;
        let mut learner = Self { optimizer: Optimizer::new(&options), options, network, extra, device };
        let names: Vec<String> = learner.parameters().into_iter().map(|(name, _)| name).collect();
        learner.optimizer.prepare(&names);
        Ok(learner)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut all = self.network.parameters();
        all.extend(self.extra.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.shallow_clone())));
        all
    }

    /// Loss, active share and the normalised embeddings of a batch.
    fn forward(&mut self, batch: &Batch<'_>) -> Result<(Valued, Tensor), TchError> {
        let input = self.network.input(batch.inputs, self.device)?;
        let raw = self.network.train(&input)?;
        let embeddings = losses::normalised(&raw)?;
        let people: Vec<i64> = batch.people.iter().map(|&person| i64::from(person)).collect();
        let labels = Tensor::f_from_slice(&people)?.f_to_device(self.device)?;
        let classifier = || {
            let found = self.extra.as_ref().map(|(_, tensor)| tensor);
            found.ok_or_else(|| TchError::Shape("the loss has no classifier".into()))
        };
        let valued = match self.options.loss {
            Loss::Arcface => losses::arcface(
                &embeddings,
                classifier()?,
                &labels,
                (self.options.margin, self.options.scale),
            )?,
            Loss::ContrastiveSoftmax => {
                let softmax = losses::softmax(&raw, classifier()?, &labels)?;
                let contrastive = losses::contrastive(&embeddings, &labels, self.options.margin)?;
                let weighted = contrastive.loss.f_mul_scalar(CONTRASTIVE)?;
                Valued { loss: softmax.loss.f_add(&weighted)?, active: contrastive.active }
            }
            loss if batch.done < loss.first_phase() => losses::softmax(&raw, classifier()?, &labels)?,
            _ => {
                let triplets = self.triplets(batch, &embeddings)?;
                let chosen = losses::Chosen::new(&embeddings, &triplets)?;
                match self.options.loss {
                    Loss::BatchHard => losses::soft_margin(&chosen)?,
                    Loss::Margin => losses::boundary(&chosen, classifier()?, self.options.margin)?,
                    _ => losses::triplet(&chosen, self.options.margin)?,
                }
            }
        };
        Ok((valued, embeddings))
    }

    fn triplets(&self, batch: &Batch<'_>, embeddings: &Tensor) -> Result<Vec<[usize; 3]>, TchError> {
        let distances = no_grad(|| losses::distances(&embeddings.f_detach()?))?;
        let values = numbers(&distances)?;
        let dimension = embeddings.size().last().copied().unwrap_or(0) as usize;
        let batched = Distances { people: batch.people, values: &values, dimension };
        let mining = self.options.mining.unwrap_or(Mining::Random);
        let mut random = generator(self.options.seed, batch.step, 2);
        Ok(batched.triplets(mining, self.options.margin, &mut random))
    }

    fn stepped(&mut self, batch: &Batch<'_>) -> Result<Step, TchError> {
        let (Valued { loss, active }, embeddings) = self.forward(batch)?;
        let value = f64::try_from(&loss.f_to_kind(Kind::Double)?)?;
        let spread = no_grad(|| spread(&embeddings))?;
        if value.is_finite() && loss.requires_grad() {
            let parameters = self.parameters();
            loss.f_backward()?;
            let extra = if self.extra.is_some() { EXTRA_RATE } else { 1.0 };
            no_grad(|| self.optimizer.step(&parameters, batch.rate, (&[CLASSIFIER, BETA], extra)))?;
        }
        Ok(Step { loss: value, active, spread })
    }

    fn stated(&self) -> Result<Tensors, TchError> {
        let mut state = self.network.state()?;
        if let Some((name, tensor)) = &self.extra {
            state.insert(format!("extra/{name}"), values(tensor)?);
        }
        state.extend(self.optimizer.state()?);
        Ok(state)
    }

    fn restored(&mut self, state: &Tensors) -> Result<(), TchError> {
        self.network.restore(state)?;
        if let Some((name, tensor)) = &mut self.extra {
            let stored = state.get(&format!("extra/{name}")).ok_or_else(|| missing(name))?;
            set(tensor, stored)?;
        }
        self.optimizer.restore(state, self.device)
    }
}

impl Learner for TorchLearner {
    fn step(&mut self, batch: &Batch<'_>) -> Result<Step, NetworkError> {
        self.stepped(batch).map_err(|error| torch(&error))
    }

    fn imprint(&mut self, directions: &[f32]) -> Result<(), NetworkError> {
        let Some((CLASSIFIER, classifier)) = &mut self.extra else { return Ok(()) };
        // The length decides nothing for arcface, which normalises the rows.
        let length = if self.options.loss == Loss::Arcface { 1.0 } else { IMPRINTED };
        let shape = classifier.size().iter().map(|&side| side as usize).collect();
        let rows = Values { shape, values: directions.iter().map(|value| length * value).collect() };
        if rows.values.len() != classifier.numel() {
            return Err(failed(format!(
                "{} numbers for a classifier of {}",
                rows.values.len(),
                classifier.numel()
            )));
        }
        set(classifier, &rows).map_err(|error| torch(&error))
    }

    fn embed(&mut self, inputs: &Inputs) -> Result<Vec<f32>, NetworkError> {
        let embed = || {
            let input = self.network.input(inputs, self.device)?;
            numbers(&losses::normalised(&self.network.run(&input)?)?)
        };
        no_grad(embed).map_err(|error| torch(&error))
    }

    fn state(&self) -> Result<Tensors, NetworkError> {
        self.stated().map_err(|error| torch(&error))
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), NetworkError> {
        self.restored(state).map_err(|error| torch(&error))
    }

    fn network(&self) -> Result<Network, NetworkError> {
        self.network.exported().map_err(|error| torch(&error))
    }
}

/// The numbers that a loss learns beside the network, at their start.
fn extra(options: &Options, classes: usize) -> Result<Option<(&'static str, Values)>, TchError> {
    if options.loss == Loss::Margin {
        return Ok(Some((BETA, Values { shape: vec![1], values: vec![BOUNDARY] })));
    }
    if !options.loss.has_classifier() {
        return Ok(None);
    }
    let mut random = generator(options.seed, 0, 3);
    let deviation = 1.0 / (options.dimension as f32).sqrt();
    let count = classes * options.dimension;
    let values = (0..count).map(|_| uniform(&mut random, 1.7 * deviation)).collect();
    Ok(Some((CLASSIFIER, Values { shape: vec![classes, options.dimension], values })))
}

/// Mean squared distance between normalised embeddings: 2 (1 - |mean|^2).
fn spread(embeddings: &Tensor) -> Result<f64, TchError> {
    let mean = embeddings.f_detach()?.f_to_kind(Kind::Double)?.f_mean_dim(
        [0_i64].as_slice(),
        false,
        Kind::Double,
    )?;
    Ok(2.0 * (1.0 - f64::try_from(&mean.f_square()?.f_sum(Kind::Double)?)?))
}

fn missing(name: &str) -> TchError {
    TchError::Shape(format!("the checkpoint has no tensor {name:?}, or one of another size"))
}

/// The numbers of a tensor, the last axis fastest.
fn numbers(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let flat = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(Kind::Float)?;
    Vec::<f32>::try_from(&flat.f_contiguous()?.f_view([-1])?)
}

fn values(tensor: &Tensor) -> Result<Values, TchError> {
    let shape = tensor.size().iter().map(|&side| side as usize).collect();
    Ok(Values { shape, values: numbers(tensor)? })
}

fn tensor(values: &Values, device: tch::Device) -> Result<Tensor, TchError> {
    let shape: Vec<i64> = values.shape.iter().map(|&side| side as i64).collect();
    Tensor::f_from_slice(&values.values)?.f_reshape(shape)?.f_to_device(device)
}

/// A tensor that a gradient is computed for.
fn leaf(values: &Values, device: tch::Device) -> Result<Tensor, TchError> {
    tensor(values, device)?.f_detach()?.f_set_requires_grad(true)
}

/// Replaces the numbers of a tensor.
fn set(to: &mut Tensor, stored: &Values) -> Result<(), TchError> {
    let shape: Vec<i64> = stored.shape.iter().map(|&side| side as i64).collect();
    if to.size() != shape {
        return Err(missing("of this shape"));
    }
    let from = tensor(stored, to.device())?;
    no_grad(|| to.f_copy_(&from))
}
