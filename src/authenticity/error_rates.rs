//! Error rates of presentation attack detection (ISO/IEC 30107-3), with intervals.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Samples of the bootstrap.
const SAMPLES: u32 = 1000;

/// The score of a face whose class is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The person in it. All faces of a person are drawn together.
    pub person: String,
    /// Whether it is an attack.
    pub attack: bool,
    /// The score; a higher one is more like an attack.
    pub score: f64,
    /// The threshold that decides about it: a score at or above it is taken for an attack.
    pub threshold: f64,
}

/// A rate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rate {
    /// The rate, 0 to 1.
    pub rate: f64,
    /// 95 % interval by a bootstrap over people. It is the rate itself if there is one person.
    pub ci95: [f64; 2],
}

/// Error rates. A rate whose class has no faces is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorRates {
    /// Genuine faces that were scored.
    pub genuine: u64,
    /// Attacks that were scored.
    pub attacks: u64,
    /// People in them.
    pub people: u64,
    /// Attack presentation classification error rate: the share of the attacks that are taken for genuine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apcer: Option<Rate>,
    /// Bona fide presentation classification error rate: the share of the genuine faces that are taken for attacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpcer: Option<Rate>,
    /// BPCER at the threshold for an APCER of at most 5 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bpcer_at_apcer_5: Option<Rate>,
    /// Equal error rate: the mean of both rates at the threshold where they differ least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eer: Option<Rate>,
}

impl ErrorRates {
    /// The error rates of trials. `seed` determines the samples of the bootstrap.
    pub fn of(trials: &[Trial], seed: u64) -> Self {
        let mut by_person: BTreeMap<&str, Vec<&Trial>> = BTreeMap::new();
        for trial in trials {
            by_person.entry(&trial.person).or_default().push(trial);
        }
        let people: Vec<Vec<&Trial>> = by_person.into_values().collect();
        let all: Vec<&Trial> = trials.iter().collect();
        let [mut apcer, mut bpcer, mut bpcer_at, mut eer] = [const { Vec::new() }; 4];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..SAMPLES {
            let drawn =
                (0..people.len()).flat_map(|_| people[rng.random_range(0..people.len())].iter().copied());
            let drawn: Vec<&Trial> = drawn.collect();
            apcer.extend(self::apcer(&drawn));
            bpcer.extend(self::bpcer(&drawn));
            bpcer_at.extend(bpcer_at_apcer(&drawn, 0.05));
            eer.extend(equal_error(&drawn).map(|(rate, _)| rate));
        }
        let count = |attack| trials.iter().filter(|trial| trial.attack == attack).count() as u64;
        Self {
            genuine: count(false),
            attacks: count(true),
            people: people.len() as u64,
            apcer: self::apcer(&all).map(|rate| with_interval(rate, apcer)),
            bpcer: self::bpcer(&all).map(|rate| with_interval(rate, bpcer)),
            bpcer_at_apcer_5: bpcer_at_apcer(&all, 0.05).map(|rate| with_interval(rate, bpcer_at)),
            eer: equal_error(&all).map(|(rate, _)| with_interval(rate, eer)),
        }
    }
}

fn with_interval(rate: f64, mut sampled: Vec<f64>) -> Rate {
    sampled.sort_by(f64::total_cmp);
    let at = |share: f64| sampled.get((share * (sampled.len().max(1) - 1) as f64).round() as usize).copied();
    Rate { rate, ci95: [at(0.025).unwrap_or(rate).min(rate), at(0.975).unwrap_or(rate).max(rate)] }
}

/// The share of the trials of a class for which `is_error` holds. None without such trials.
fn share(trials: &[&Trial], attack: bool, is_error: impl Fn(&Trial) -> bool) -> Option<f64> {
    let of_class = || trials.iter().filter(|trial| trial.attack == attack);
    let n = of_class().count();
    (n > 0).then(|| of_class().filter(|trial| is_error(trial)).count() as f64 / n as f64)
}

fn apcer(trials: &[&Trial]) -> Option<f64> {
    share(trials, true, |trial| trial.score < trial.threshold)
}

fn bpcer(trials: &[&Trial]) -> Option<f64> {
    share(trials, false, |trial| trial.score >= trial.threshold)
}

/// The equal error rate and its threshold. None without trials of both classes.
pub(super) fn equal_error(trials: &[&Trial]) -> Option<(f64, f64)> {
    let least = curve(trials)?.into_iter().min_by(|one, other| {
        let gap = |point: &Point| (point.apcer - point.bpcer).abs();
        gap(one).total_cmp(&gap(other))
    })?;
    Some(((least.apcer + least.bpcer) / 2.0, least.threshold))
}

/// The smallest BPCER with an APCER of at most `most`.
fn bpcer_at_apcer(trials: &[&Trial], most: f64) -> Option<f64> {
    let allowed = curve(trials)?.into_iter().filter(|point| point.apcer <= most);
    allowed.map(|point| point.bpcer).min_by(f64::total_cmp)
}

/// Both error rates at a threshold.
struct Point {
    threshold: f64,
    apcer: f64,
    bpcer: f64,
}

/// The error rates at every threshold that separates scores: in the middle between two neighbours, and beyond both ends.
fn curve(trials: &[&Trial]) -> Option<Vec<Point>> {
    let count = |attack| trials.iter().filter(|trial| trial.attack == attack).count() as f64;
    let (attacks, genuine) = (count(true), count(false));
    if attacks == 0.0 || genuine == 0.0 {
        return None;
    }
    let mut sorted: Vec<&Trial> = trials.to_vec();
    sorted.sort_by(|one, other| one.score.total_cmp(&other.score));
    let mut points = Vec::new();
    let (mut accepted, mut passed, mut before) = (0.0, 0.0, None);
    for trial in &sorted {
        if before != Some(trial.score) {
            let threshold = before.map_or(trial.score - 1.0, |before: f64| (before + trial.score) / 2.0);
            points.push(Point { threshold, apcer: accepted / attacks, bpcer: 1.0 - passed / genuine });
        }
        *(if trial.attack { &mut accepted } else { &mut passed }) += 1.0;
        before = Some(trial.score);
    }
    points.push(Point { threshold: before.unwrap_or(0.0) + 1.0, apcer: 1.0, bpcer: 0.0 });
    Some(points)
}
