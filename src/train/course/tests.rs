//! The loop with a learner that needs no libtorch.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::control::Progress;
use crate::encoder::graph::Values;
use crate::face::NetworkError;
use crate::train::{Backbone, Loss, architecture};

/// Adds the mean of a batch to its weights, component by component: every step depends on all before it.
struct Adder {
    weights: Vec<f32>,
    /// The loss of each step from this one is not a number.
    fails_from: u64,
    spread: f64,
}

impl Adder {
    fn new() -> Self {
        Self { weights: vec![1.0; 4], fails_from: u64::MAX, spread: 1.9 }
    }
}

impl Learner for Adder {
    fn step(&mut self, batch: &Batch<'_>) -> Result<Step, NetworkError> {
        let Inputs::Vectors { values, .. } = batch.inputs else { unreachable!("the samples are vectors") };
        for (at, value) in values.iter().enumerate() {
            self.weights[at % 4] += batch.rate as f32 * value / batch.people.len() as f32;
        }
        let loss = if batch.step >= self.fails_from { f64::NAN } else { f64::from(self.weights[0]) };
        Ok(Step { loss, active: 0.5, spread: self.spread })
    }

    fn imprint(&mut self, _: &[f32]) -> Result<(), NetworkError> {
        Ok(())
    }

    fn embed(&mut self, inputs: &Inputs) -> Result<Vec<f32>, NetworkError> {
        let Inputs::Vectors { values, .. } = inputs else { unreachable!("the samples are vectors") };
        let weighted = |row: &[f32]| -> Vec<f32> {
            let row: Vec<f32> = row.iter().zip(&self.weights).map(|(a, b)| a * b).collect();
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter().map(|x| x / length).collect()
        };
        Ok(values.chunks(4).flat_map(weighted).collect())
    }

    fn state(&self) -> Result<Tensors, NetworkError> {
        Ok(Tensors::from([("w".into(), Values { shape: vec![4], values: self.weights.clone() })]))
    }

    fn restore(&mut self, state: &Tensors) -> Result<(), NetworkError> {
        self.weights.clone_from(&state["w"].values);
        Ok(())
    }

    fn network(&self) -> Result<Network, NetworkError> {
        Ok(architecture::head(self.weights.clone(), [1, 4]))
    }
}

/// People with three samples each: noise around a direction.
fn samples(people: usize, seed: u64) -> Samples {
    let mut random = generator(seed, 0, 0);
    let names: Vec<String> = (0..people * 3).map(|at| format!("p{}", at / 3)).collect();
    let mut values = Vec::new();
    for at in 0..people * 3 {
        let angle = (at / 3) as f32 / people as f32;
        let mut noise = || rand::Rng::random_range(&mut random, -0.2_f32..0.2);
        values.extend([angle + noise(), 1.0 - angle + noise(), 4.0 * noise(), 1.0]);
    }
    Samples::new(&names, Inputs::Vectors { dimension: 4, values })
}

fn options() -> Options {
    Options {
        people: 4,
        samples: 3,
        epochs: 5,
        patience: 0,
        rate: 0.1,
        ..Options::usual(Loss::Triplet, Backbone::Head)
    }
}

fn course<'a>(
    options: &'a Options,
    samples: &'a [Samples; 2],
    control: Control<'a>,
    checkpoint: Option<PathBuf>,
) -> Course<'a> {
    Course { options, training: &samples[0], validation: &samples[1], checkpoint, control }
}

fn both() -> [Samples; 2] {
    [samples(20, 1), samples(10, 2)]
}

#[test]
fn a_training_that_was_stopped_anywhere_ends_with_the_same_weights() {
    let (samples, options) = (both(), options());
    let whole =
        course(&options, &samples, Control::none(), None).run(&mut Adder::new(), &mut |_| {}).unwrap();
    assert_eq!((whole.epochs.len(), whole.stopped), (6, false));
    for after in [1, 5, 6, 13, 24] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = || Some(folder.path().join("checkpoint"));
        let stop = AtomicBool::new(false);
        let stopping = |progress: Progress| {
            stop.store(progress.done >= after, std::sync::atomic::Ordering::Relaxed);
        };
        let control = Control { stop: &stop, progress: &stopping };
        let part =
            course(&options, &samples, control, checkpoint()).run(&mut Adder::new(), &mut |_| {}).unwrap();
        assert!(part.stopped);
        let rest = course(&options, &samples, Control::none(), checkpoint())
            .run(&mut Adder::new(), &mut |_| {})
            .unwrap();
        assert_eq!(rest, whole, "stopped after {after}");
    }
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (samples, options) = (both(), options());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let run = |options: &Options, samples: &[Samples; 2]| {
        course(options, samples, Control::none(), Some(path.clone())).run(&mut Adder::new(), &mut |_| {})
    };
    run(&options, &samples).unwrap();
    let other = Options { rate: 0.2, ..options.clone() };
    let told = run(&other, &samples).unwrap_err().to_string();
    assert!(told.contains("other settings (rate 0.1 instead of 0.2)"), "{told}");
    let told = run(&options, &[samples_of(30), samples[1].clone()]).unwrap_err().to_string();
    assert!(told.contains("other photos or people") && told.contains("remove it"), "{told}");
    std::fs::write(&path, "gallerist checkpoint 1\nsha256 00").unwrap();
    assert!(run(&options, &samples).unwrap_err().to_string().contains("checkpoint"));
}

fn samples_of(people: usize) -> Samples {
    samples(people, 3)
}

#[test]
fn a_loss_that_is_no_number_ends_the_training_and_keeps_the_checkpoint() {
    let (samples, options) = (both(), options());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let mut adder = Adder { fails_from: 7, ..Adder::new() };
    let told = course(&options, &samples, Control::none(), Some(path.clone()))
        .run(&mut adder, &mut |_| {})
        .unwrap_err();
    assert!(matches!(told, TrainError::NotFinite { step: 8, .. }), "{told}");
    assert_eq!(Checkpoint::read(&path).unwrap().state.step, 5);
}

#[test]
fn a_collapse_is_told_after_five_steps() {
    let (samples, options) = (both(), options());
    let mut adder = Adder { spread: 1e-6, ..Adder::new() };
    let told = course(&options, &samples, Control::none(), None).run(&mut adder, &mut |_| {}).unwrap_err();
    assert!(matches!(told, TrainError::Collapsed { step: 5, .. }), "{told}");
    for part in ["collapsed", "margin", "Semi-hard", "learning rate"] {
        assert!(told.to_string().contains(part), "{told}");
    }
}

#[test]
fn the_training_ends_when_the_validation_no_longer_improves() {
    let samples = both();
    let options = Options { epochs: 100, patience: 2, ..options() };
    let ended =
        course(&options, &samples, Control::none(), None).run(&mut Adder::new(), &mut |_| {}).unwrap();
    let last = ended.epochs.last().unwrap().epoch;
    assert_eq!(last, ended.best + 2);
    assert!(last < 100);
    let best = ended.epochs.iter().map(|epoch| epoch.tar).fold(0.0, f64::max);
    assert_eq!(ended.epochs[ended.best].tar, best);
}

#[test]
fn a_loss_of_two_phases_is_not_ended_in_the_first_one() {
    let samples = both();
    let options = Options { loss: Loss::SoftmaxThenTriplet, epochs: 20, patience: 2, ..options() };
    let ended =
        course(&options, &samples, Control::none(), None).run(&mut Adder::new(), &mut |_| {}).unwrap();
    let last = ended.epochs.last().unwrap().epoch;
    assert_eq!(last, (ended.best.max(10) + 2).min(20));
}

#[test]
fn samples_that_teach_nothing_are_refused() {
    let options = options();
    let refused = |training: Samples, validation: Samples| {
        let pair = [training, validation];
        let told = course(&options, &pair, Control::none(), None).run(&mut Adder::new(), &mut |_| {});
        told.unwrap_err().to_string()
    };
    let positions: Vec<usize> = (0..20).map(|at| 3 * at).collect();
    let single = samples(20, 1).at(&positions);
    assert!(refused(single.clone(), samples(10, 2)).contains("0 of 20 people"));
    assert!(refused(samples(20, 1), single).contains("validation"));
    assert!(refused(samples(1, 1), samples(10, 2)).contains("1 of 1 people"));
    assert!(refused(samples(20, 1), samples(1, 2)).contains("both are needed"));
}
