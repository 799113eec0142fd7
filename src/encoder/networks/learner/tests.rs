//! Losses against values computed by hand and gradients against finite differences; learners against their promises.

use gallerist::encoder::Device;
use gallerist::train::architecture::{self, Network};
use gallerist::train::{
    Backbone, Batch, Inputs, Learner, Loss, Mining, Optimizer, Options, Precision, Setup, Tensors, Values,
};
use tch::{TchError, Tensor};

use super::losses::{self, Chosen, Valued};

/// Embeddings in double precision, for finite differences.
fn double(rows: &[[f64; 3]]) -> Tensor {
    Tensor::f_from_slice(rows.as_flattened()).unwrap().view([-1, 3]).set_requires_grad(true)
}

/// Requires that the gradient of a loss is that of finite differences.
fn gradient_is_right(start: &Tensor, loss: &dyn Fn(&Tensor) -> Result<Valued, TchError>) {
    loss(start).unwrap().loss.backward();
    let analytic: Vec<f64> = Vec::try_from(start.grad().view([-1])).unwrap();
    let numbers: Vec<f64> = Vec::try_from(start.detach().view([-1])).unwrap();
    let step = 1e-6;
    for at in 0..numbers.len() {
        let value = |change: f64| {
            let mut moved = numbers.clone();
            moved[at] += change;
            let moved = Tensor::from_slice(&moved).view(start.size().as_slice());
            loss(&moved).unwrap().loss.double_value(&[])
        };
        let numeric = (value(step) - value(-step)) / (2.0 * step);
        assert!((numeric - analytic[at]).abs() < 1e-5, "{at}: {numeric} {}", analytic[at]);
    }
    assert!(analytic.iter().any(|value| value.abs() > 1e-3), "no gradient: {analytic:?}");
}

const ROWS: [[f64; 3]; 4] = [[0.9, 0.3, 0.1], [0.7, 0.6, -0.2], [0.2, 0.9, 0.4], [-0.3, 0.5, 0.8]];
const TRIPLETS: [[usize; 3]; 3] = [[0, 1, 2], [1, 0, 2], [2, 3, 1]];

fn labels() -> Tensor {
    Tensor::from_slice(&[0_i64, 0, 1, 1])
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let chosen = |rows: &Tensor| Chosen::new(&losses::normalised(rows)?, &TRIPLETS);
    gradient_is_right(&double(&ROWS), &|rows| losses::triplet(&chosen(rows)?, 0.9));
    gradient_is_right(&double(&ROWS), &|rows| losses::soft_margin(&chosen(rows)?));
    let beta = Tensor::from_slice(&[0.8_f64]).set_requires_grad(true);
    gradient_is_right(&double(&ROWS), &|rows| losses::boundary(&chosen(rows)?, &beta.detach(), 0.2));
    gradient_is_right(&beta, &|beta| losses::boundary(&chosen(&double(&ROWS))?, beta, 0.2));
    gradient_is_right(&double(&ROWS), &|rows| {
        losses::contrastive(&losses::normalised(rows)?, &labels(), 1.3)
    });
    let classifier = double(&[[0.5, 0.1, -0.4], [-0.2, 0.8, 0.3]]);
    gradient_is_right(&double(&ROWS), &|rows| losses::softmax(rows, &classifier.detach(), &labels()));
    gradient_is_right(&classifier, &|classifier| losses::softmax(&double(&ROWS), classifier, &labels()));
    for margin in [0.5, 2.9] {
        let arcface = |rows: &Tensor, classifier: &Tensor| {
            losses::arcface(&losses::normalised(rows)?, classifier, &labels(), (margin, 4.0))
        };
        gradient_is_right(&double(&ROWS), &|rows| arcface(rows, &classifier.detach()));
        let classifier = double(&[[0.5, 0.1, -0.4], [-0.2, 0.8, 0.3]]);
        gradient_is_right(&classifier, &|classifier| arcface(&double(&ROWS), classifier));
    }
}

fn value(valued: Result<Valued, TchError>) -> (f64, f64) {
    let valued = valued.unwrap();
    (valued.loss.double_value(&[]), valued.active)
}

fn close((loss, active): (f64, f64), expected: (f64, f64)) {
    assert!(
        (loss - expected.0).abs() < 1e-5 && (active - expected.1).abs() < 1e-9,
        "{loss} {active} {expected:?}"
    );
}

#[test]
fn values_are_those_of_the_equations() {
    // Squared distances 0.5 and 0.9, and 1.0 and 0.6.
    let chosen = Chosen {
        positive: Tensor::from_slice(&[0.5_f64, 1.0]),
        negative: Tensor::from_slice(&[0.9_f64, 0.6]),
        count: 2,
    };
    // max(0, 0.5 - 0.9 + 0.2) = 0; 1.0 - 0.6 + 0.2 = 0.6.
    close(value(losses::triplet(&chosen, 0.2)), (0.3, 0.5));
    let soft = |p: f64, n: f64| (1.0 + (p.sqrt() - n.sqrt()).exp()).ln();
    close(value(losses::soft_margin(&chosen)), ((soft(0.5, 0.9) + soft(1.0, 0.6)) / 2.0, 0.5));
    // beta 0.8: positives 0.1071 and 0.4, negatives 0.0513 and 0.2254; all above 0.
    let beta = Tensor::from_slice(&[0.8_f64]);
    let parts = [0.5_f64.sqrt() - 0.6, 1.0 - 0.6, 1.0 - 0.9_f64.sqrt(), 1.0 - 0.6_f64.sqrt()];
    close(value(losses::boundary(&chosen, &beta, 0.2)), (parts.iter().sum::<f64>() / 4.0, 1.0));
    // Only the first positive and the second negative: beta 0.7, margin 0.
    let beta = Tensor::from_slice(&[0.72_f64]);
    close(value(losses::boundary(&chosen, &beta, 0.0)), (1.0 - 0.72, 0.25));

    let (third, rest) = (0.6, 0.8);
    let rows = double(&[[1.0, 0.0, 0.0], [third, rest, 0.0], [0.0, 1.0, 0.0]]);
    let people = Tensor::from_slice(&[0_i64, 0, 1]);
    // Squared distances: 0.8 of one person; 2 and 0.4 of two, of which 0.4 (0.632) is within the margin 1.
    let far = (1.0 - 0.4_f64.sqrt()).powi(2) * 2.0 / (2.0 * 4.0);
    close(value(losses::contrastive(&rows, &people, 1.0)), (0.8 * 2.0 / (2.0 * 2.0) + far, 0.5));

    let classifier = double(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    let cross = |own: f64, other: f64| (1.0 + (other - own).exp()).ln();
    let expected = (cross(1.0, 0.0) + cross(third, rest) + cross(1.0, 0.0)) / 3.0;
    close(value(losses::softmax(&rows, &classifier, &people)), (expected, 1.0));
    // Angles to the own row: 0, acos(0.6), 0.
    let enlarged = |angle: f64| 2.0 * (angle + 0.5).cos();
    let expected = (2.0 * cross(enlarged(0.0), 0.0) + cross(enlarged(third.acos()), 2.0 * rest)) / 3.0;
    let (loss, _) = value(losses::arcface(&rows, &classifier, &people, (0.5, 2.0)));
    assert!((loss - expected).abs() < 1e-3, "{loss} {expected}");
}

#[test]
fn no_triplets_give_no_loss_and_no_gradient() {
    let rows = double(&ROWS);
    let chosen = Chosen::new(&rows, &[]).unwrap();
    for valued in [losses::triplet(&chosen, 0.2), losses::soft_margin(&chosen)] {
        assert_eq!(value(valued), (0.0, 0.0));
    }
}

/// Vectors of eight people, whose first half of components shows the person and whose second half is noise of four times the length.
fn noisy() -> (Inputs, Vec<u32>) {
    let mut random = gallerist::train::batch::generator(3, 0, 0);
    let mut number = || gallerist::train::batch::uniform(&mut random, 1.0);
    let people: Vec<u32> = (0..8).flat_map(|person| [person; 8]).collect();
    let centres: Vec<f32> = (0..8 * 16).map(|_| number()).collect();
    let mut values = Vec::new();
    for &person in &people {
        values.extend(centres[16 * person as usize..][..16].iter().map(|value| value + 0.1 * number()));
        values.extend((0..16).map(|_| 4.0 * number()));
    }
    (Inputs::Vectors { dimension: 32, values }, people)
}

fn start() -> Network {
    let mut matrix = vec![0.0; 32 * 32];
    (0..32).for_each(|at| matrix[33 * at] = 1.0);
    architecture::head(matrix, [32, 32])
}

fn options(loss: Loss) -> Options {
    Options { dimension: 32, rate: 0.02, people: 8, samples: 8, ..Options::usual(loss, Backbone::Head) }
}

fn made(options: &Options, network: &Network) -> Box<dyn Learner> {
    super::new(&Setup { options, network, classes: 8, device: Device::Cpu }).unwrap()
}

/// The share of samples whose nearest other sample is of the same person.
fn rank_1(learner: &mut dyn Learner, inputs: &Inputs, people: &[u32]) -> f64 {
    let rows = learner.embed(inputs).unwrap();
    let rows: Vec<&[f32]> = rows.chunks(32).collect();
    let score = |a: usize, b: usize| rows[a].iter().zip(rows[b]).map(|(a, b)| a * b).sum::<f32>();
    let nearest = |at: usize| {
        (0..rows.len()).filter(|&other| other != at).max_by(|&a, &b| score(at, a).total_cmp(&score(at, b)))
    };
    let hits = (0..rows.len()).filter(|&at| people[nearest(at).unwrap()] == people[at]).count();
    hits as f64 / rows.len() as f64
}

fn trained(learner: &mut dyn Learner, samples: (&Inputs, &[u32]), steps: std::ops::Range<u64>) {
    at_rate(0.02, learner, samples, steps);
}

fn at_rate(
    rate: f64,
    learner: &mut dyn Learner,
    (inputs, people): (&Inputs, &[u32]),
    steps: std::ops::Range<u64>,
) {
    for step in steps {
        let done = step as f64 / 60.0;
        let found = learner.step(&Batch { inputs, people, step, done, rate }).unwrap();
        assert!(
            found.loss.is_finite() && (0.0..=1.0).contains(&found.active) && found.spread > 0.05,
            "{found:?}"
        );
    }
}

#[test]
fn every_loss_learns_to_ignore_noise() {
    let (inputs, people) = noisy();
    for (optimizer, rate) in [(Optimizer::Adamw, 0.02), (Optimizer::Sgd, 0.2)] {
        for loss in Loss::ALL {
            let options = Options { optimizer, ..options(loss) };
            let mut learner = made(&options, &start());
            let before = rank_1(&mut *learner, &inputs, &people);
            at_rate(rate, &mut *learner, (&inputs, &people), 0..60);
            let after = rank_1(&mut *learner, &inputs, &people);
            assert!(before < 0.6 && after > before + 0.3, "{loss:?} {optimizer:?}: {before} {after}");
        }
    }
}

#[test]
fn an_imprinted_classifier_starts_with_a_smaller_loss() {
    let (inputs, people) = noisy();
    for loss in [Loss::Arcface, Loss::ContrastiveSoftmax, Loss::SoftmaxThenTriplet] {
        let first = |imprints: bool| {
            let mut learner = made(&options(loss), &start());
            if imprints {
                let rows = learner.embed(&inputs).unwrap();
                let mut means = vec![0.0; 8 * 32];
                for (row, &person) in rows.chunks(32).zip(&people) {
                    row.iter()
                        .enumerate()
                        .for_each(|(at, value)| means[32 * person as usize + at] += value / 8.0);
                }
                learner.imprint(&means).unwrap();
                assert!(learner.imprint(&means[1..]).is_err());
            }
            let batch = Batch { inputs: &inputs, people: &people, step: 0, done: 0.0, rate: 0.0 };
            learner.step(&batch).unwrap().loss
        };
        let (random, imprinted) = (first(false), first(true));
        assert!(imprinted < random, "{loss:?}: {imprinted} {random}");
    }
    made(&options(Loss::Triplet), &start()).imprint(&[]).unwrap();
}

#[test]
fn every_mining_learns() {
    let (inputs, people) = noisy();
    for mining in
        [Mining::Random, Mining::SemiHard, Mining::RandomHard, Mining::BatchHard, Mining::DistanceWeighted]
    {
        let options = Options { mining: Some(mining), margin: 0.5, ..options(Loss::Triplet) };
        let mut learner = made(&options, &start());
        let before = rank_1(&mut *learner, &inputs, &people);
        trained(&mut *learner, (&inputs, &people), 0..60);
        assert!(rank_1(&mut *learner, &inputs, &people) > before + 0.2, "{mining:?}");
    }
}

#[test]
fn a_restored_learner_reaches_the_same_weights() {
    let (inputs, people) = noisy();
    for loss in Loss::ALL {
        let options = options(loss);
        let mut whole = made(&options, &start());
        trained(&mut *whole, (&inputs, &people), 0..20);
        let mut first = made(&options, &start());
        trained(&mut *first, (&inputs, &people), 0..7);
        let mut second = made(&options, &start());
        second.restore(&first.state().unwrap()).unwrap();
        trained(&mut *second, (&inputs, &people), 7..20);
        assert_eq!(whole.state().unwrap(), second.state().unwrap(), "{loss:?}");
    }
    let mut other = made(&options(Loss::Triplet), &start());
    let mut state = other.state().unwrap();
    state.insert("network/projection".into(), Values { shape: vec![1, 32], values: vec![0.0; 32] });
    assert!(other.restore(&state).is_err());
}

#[test]
fn an_exported_network_gives_the_embeddings_of_the_learner() {
    let network = architecture::small(32, 1);
    let pixels = (0..16 * 3 * 112 * 112_usize).map(|at| (at * at / 7 % 251) as u8).collect();
    let inputs = Inputs::Faces { side: 112, pixels };
    let people: Vec<u32> = (0..16).map(|at| at / 2).collect();
    let options = Options { dimension: 32, ..Options::usual(Loss::BatchHard, Backbone::Small) };
    let mut learner = made(&options, &network);
    for step in 0..3 {
        learner.step(&Batch { inputs: &inputs, people: &people, step, done: 0.0, rate: 1e-3 }).unwrap();
    }
    let exported = learner.network().unwrap();
    assert!(exported.normalised.is_empty());
    let mut encoder = made(&options, &exported);
    let (one, other) = (learner.embed(&inputs).unwrap(), encoder.embed(&inputs).unwrap());
    let worst = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
    assert_ne!(exported.tensors, network.tensors);
}

/// Faces of eight people, two each: noise on a pattern of the person.
fn patterned() -> (Inputs, Vec<u32>) {
    let mut random = noise_of(7);
    let mut pixels = Vec::new();
    for face in 0..16_usize {
        for at in 0..3 * 112 * 112 {
            let pattern = (at / 3 % 112 / 8 * (face / 2 + 1) + at / 336 / 8 * (face / 2 + 3)) % 7 * 30;
            pixels.push((pattern as u64 + random() % 40) as u8);
        }
    }
    (Inputs::Faces { side: 112, pixels }, (0..16).map(|face| face / 2).collect())
}

/// Numbers of a linear congruential generator.
fn noise_of(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    }
}

fn small_learner(loss: Loss, precision: Precision) -> Box<dyn Learner> {
    let options = Options { precision, dimension: 32, ..Options::usual(loss, Backbone::Small) };
    made(&Options { optimizer: Optimizer::Sgd, decay: 0.0, ..options }, &architecture::small(32, 1))
}

/// The gradients of the first step: the moments of gradient descent after it.
fn gradients(state: &Tensors) -> Vec<f64> {
    let moments = state.iter().filter(|(name, _)| name.starts_with("moment0/"));
    moments.flat_map(|(_, tensor)| &tensor.values).map(|&value| f64::from(value)).collect()
}

#[test]
fn a_step_in_bf16_is_nearly_that_in_f32() {
    let (inputs, people) = patterned();
    let stepped = |precision| {
        // A loss of all pairs: where triplets are chosen, two nearly equal distances may lead to another choice.
        let mut learner = small_learner(Loss::ContrastiveSoftmax, precision);
        let batch = Batch { inputs: &inputs, people: &people, step: 0, done: 0.0, rate: 1e-3 };
        let step = learner.step(&batch).unwrap();
        (step, learner.state().unwrap())
    };
    let ((single, of_single), (half, of_half)) = (stepped(Precision::F32), stepped(Precision::Bf16));
    assert_ne!(single.loss, half.loss, "nothing was rounded");
    assert!((single.loss - half.loss).abs() < 0.02 * single.loss.abs(), "{single:?} {half:?}");
    let (one, other) = (gradients(&of_single), gradients(&of_half));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt();
    // Random weights and a batch of 16 let the rounding grow from layer to layer.
    assert!(one.len() > 150_000 && cosine > 0.98, "{cosine}");
}

#[test]
fn a_learner_in_bf16_keeps_single_precision_and_restores_bit_by_bit() {
    let (inputs, people) = patterned();
    let run = |learner: &mut dyn Learner, steps: std::ops::Range<u64>| {
        for step in steps {
            learner.step(&Batch { inputs: &inputs, people: &people, step, done: 0.0, rate: 1e-3 }).unwrap();
        }
    };
    let new = || small_learner(Loss::BatchHard, Precision::Bf16);
    let (mut whole, mut first, mut second) = (new(), new(), new());
    run(&mut *whole, 0..4);
    run(&mut *first, 0..2);
    second.restore(&first.state().unwrap()).unwrap();
    run(&mut *second, 2..4);
    let state = whole.state().unwrap();
    assert_eq!(state, second.state().unwrap());
    // Weights have more bits than those of bf16.
    let is_longer = |value: &f32| value.to_bits() & 0xffff != 0;
    let weights = state.iter().filter(|(name, _)| name.starts_with("network/conv"));
    let longer = weights.map(|(_, tensor)| tensor.values.iter().filter(|value| is_longer(value)).count());
    assert!(longer.sum::<usize>() > 150_000);
    // The validation is that of the exported network, which is computed in single precision.
    let mut encoder = made(
        &Options { dimension: 32, ..Options::usual(Loss::BatchHard, Backbone::Small) },
        &whole.network().unwrap(),
    );
    let (one, other) = (whole.embed(&inputs).unwrap(), encoder.embed(&inputs).unwrap());
    let worst = one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "{worst}");
}
