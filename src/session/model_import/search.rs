//! The search for the preprocessing of an encoder: every usual setting is tried, and the one that separates people best is taken.

use rayon::prelude::*;

use super::faces::{self, Face};
use super::separation::Separation;
use crate::encoder::{ChannelOrder, Device, EncoderError, Engine, Input, Kind, Model, Network, Scale};
use crate::face::{Chip, NetworkError};
use crate::session::Control;
use crate::session::error::Result;

/// Mean and scale of the field's encoders for channels from 0 to 255, the most usual first.
const SCALINGS: [([f32; 3], [f32; 3]); 6] = [
    ([127.5; 3], [1.0 / 127.5; 3]),
    ([127.5; 3], [1.0 / 128.0; 3]),
    ([127.0; 3], [1.0 / 128.0; 3]),
    ([0.0; 3], [1.0 / 255.0; 3]),
    ([0.0; 3], [1.0; 3]),
    // ImageNet
    ([123.675, 116.28, 103.53], [1.0 / 58.395, 1.0 / 57.12, 1.0 / 57.375]),
];
/// Least d' and rank-1 share of an encoder that recognises people. The built-in encoders have 5 and more, and 100 %.
const LEAST_SEPARATION: (f64, f64) = (3.0, 0.9);
/// Crops per call.
const BATCH: usize = 8;

/// What the user states. The rest is searched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stated {
    pub chip: Option<Chip>,
    pub channels: Option<ChannelOrder>,
    pub mean: Option<[f32; 3]>,
    pub scale: Option<Scale>,
}

/// A setting of the preprocessing, and the result with it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub input: Input,
    /// None if the network gave no templates.
    pub separation: Option<Separation>,
}

/// All candidates that were tried, and the taken one.
pub(super) struct Search {
    pub candidates: Vec<Candidate>,
    pub winner: usize,
    pub warnings: Vec<String>,
}

/// Tries the settings for a model with the weights of `network`. Channel order, mean and scale
/// are tried with the most usual chip, then the other chips with the best of these. None if it was stopped.
///
/// # Errors
/// The networks cannot be loaded, or fail with every setting.
pub(super) fn search(
    model: &Model,
    network: &Network,
    stated: Stated,
    device: Device,
    control: &Control<'_>,
) -> Result<Option<Search>> {
    let chips = stated.chip.map_or_else(|| Chip::of_side(network.input.chip.side()), |chip| vec![chip]);
    let Some((&first, others)) = chips.split_first() else {
        let reason = format!("no chip has {} pixels a side", network.input.chip.side());
        return Err(EncoderError::from(NetworkError::Failed { model: model.name.clone(), reason }).into());
    };
    let mut trial = Trial { model, network, device, faces: None, failure: None };
    let mut candidates: Vec<Candidate> = Vec::new();
    let settings = settings(stated, first);
    let total = (settings.len() + others.len()) as u64;
    let mut attempt = |candidate: Candidate, candidates: &mut Vec<Candidate>| -> Result<bool> {
        if control.is_stopped() {
            return Ok(false);
        }
        candidates.push(trial.run(candidate)?);
        control.report("settings", candidates.len() as u64, Some(total));
        Ok(true)
    };
    for setting in settings {
        if !attempt(setting, &mut candidates)? {
            return Ok(None);
        }
    }
    let input = candidates[preferred(&candidates)].input;
    for &chip in others {
        if !attempt(Candidate { input: Input { chip, ..input }, separation: None }, &mut candidates)? {
            return Ok(None);
        }
    }
    let winner = preferred(&candidates);
    match (candidates[winner].separation.is_some(), trial.failure) {
        (false, Some(failure)) => Err(failure.into()),
        _ => Ok(Some(Search { warnings: warnings(&candidates, winner, stated), candidates, winner })),
    }
}

/// The settings of the input for one chip.
fn settings(stated: Stated, chip: Chip) -> Vec<Candidate> {
    let orders =
        stated.channels.map_or_else(|| vec![ChannelOrder::Rgb, ChannelOrder::Bgr], |order| vec![order]);
    let setting = |channels: ChannelOrder, mut mean: [f32; 3], mut scale: [f32; 3]| {
        if channels == ChannelOrder::Bgr {
            mean.reverse();
            scale.reverse();
        }
        let (mean, scale) = (stated.mean.unwrap_or(mean), stated.scale.unwrap_or(scale.into()));
        Candidate { input: Input { chip, channels, mean, scale }, separation: None }
    };
    let mut settings: Vec<Candidate> = Vec::new();
    for (mean, scale) in SCALINGS {
        for &channels in &orders {
            let setting = setting(channels, mean, scale);
            let is_new = |known: &Candidate| known.input != setting.input;
            if settings.iter().all(is_new) {
                settings.push(setting);
            }
        }
    }
    settings
}

impl Candidate {
    /// Whether the network sees almost the same numbers: they differ by less than 0.02 of the range.
    fn is_like(&self, other: &Self) -> bool {
        let seen = |setting: &Self, value: f32| {
            let numbers = setting.input.mean.iter().zip(setting.input.scale.factors());
            numbers.map(|(mean, scale)| (value - mean) * scale).collect::<Vec<f32>>()
        };
        let ends = [0.0, 255.0].map(|value| (seen(self, value), seen(other, value)));
        let range =
            ends[0].0.iter().zip(&ends[1].0).map(|(low, high)| (high - low).abs()).fold(0.0, f32::max);
        let is_near =
            |(a, b): &(Vec<f32>, Vec<f32>)| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.02 * range);
        (self.input.chip, self.input.channels) == (other.input.chip, other.input.channels)
            && ends.iter().all(is_near)
    }

    fn d_prime(&self) -> f64 {
        self.separation.as_ref().map_or(f64::NEG_INFINITY, |separation| separation.d_prime)
    }

    fn is_within_noise_of(&self, other: &Self) -> bool {
        match (&self.separation, &other.separation) {
            (Some(a), Some(b)) => a.is_within_noise_of(b),
            _ => false,
        }
    }
}

/// Runs a model with different inputs.
struct Trial<'a> {
    model: &'a Model,
    network: &'a Network,
    device: Device,
    faces: Option<Vec<Face>>,
    /// The last failure of the network.
    failure: Option<EncoderError>,
}

impl Trial<'_> {
    fn run(&mut self, candidate: Candidate) -> Result<Candidate> {
        let network = Network { input: candidate.input, ..self.network.clone() };
        let tried = Model { kind: Kind::Network(network), ..self.model.clone() };
        let engine = Engine::load(&tried, self.device, false)?;
        let faces = match &mut self.faces {
            Some(faces) => faces,
            none => none.insert(faces::detected(&engine)?),
        };
        let crops = faces::aligned(faces, candidate.input.chip);
        let templates = crops.par_chunks(BATCH).map(|batch| engine.encoder.encode(batch));
        let separation = match templates.collect::<Result<Vec<_>, NetworkError>>() {
            Ok(templates) => Some(Separation::measure(&templates.concat())),
            Err(error) => {
                self.failure = Some(error.into());
                None
            }
        };
        Ok(Candidate { separation, ..candidate })
    }
}

/// The best candidate; of those that the network hardly distinguishes, the most usual one within its noise.
fn preferred(candidates: &[Candidate]) -> usize {
    let best =
        (0..candidates.len()).max_by(|&a, &b| candidates[a].d_prime().total_cmp(&candidates[b].d_prime()));
    let best = best.unwrap_or(0);
    let is_as_good = |candidate: &Candidate| {
        candidate.is_like(&candidates[best]) && candidate.is_within_noise_of(&candidates[best])
    };
    candidates.iter().position(is_as_good).unwrap_or(best)
}

fn warnings(candidates: &[Candidate], winner: usize, stated: Stated) -> Vec<String> {
    let best = &candidates[winner];
    let mut warnings = Vec::new();
    let (least, least_rank_1) = LEAST_SEPARATION;
    if best.separation.as_ref().is_none_or(|best| best.d_prime < least || best.rank_1 < least_rank_1) {
        warnings.push(
            "no setting separates people well: the file is no face encoder, or it needs another alignment or scaling; state them with --chip, --channels, --mean and --scale"
                .to_owned(),
        );
        return warnings;
    }
    let is_rival = |other: &&Candidate| !other.is_like(best) && other.is_within_noise_of(best);
    let rivals: Vec<&Candidate> = candidates.iter().filter(is_rival).collect();
    let differs = |what: &dyn Fn(&Candidate) -> bool| rivals.iter().any(|rival| what(rival));
    let mut unsure = Vec::new();
    if stated.channels.is_none() && differs(&|rival| rival.input.channels != best.input.channels) {
        unsure.push("the order of the channels (--channels)");
    }
    if differs(&|rival| rival.input.channels == best.input.channels && rival.input.chip == best.input.chip) {
        unsure.push("mean and scale (--mean, --scale)");
    }
    if differs(&|rival| rival.input.chip != best.input.chip) {
        unsure.push("the chip (--chip)");
    }
    if !unsure.is_empty() {
        warnings.push(format!(
            "the faces do not tell {} with certainty; state what the publisher of the model says",
            unsure.join(", ")
        ));
    }
    warnings
}
