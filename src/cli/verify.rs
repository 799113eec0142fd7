//! `gallerist verify`

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::engine::{EngineArguments, PhotoArguments};
use super::interrupt::{self, Stopped};
use super::reply::Unusable;
use super::{End, Screen, pairs, reply, screen, values};
use crate::decision::{Decision, of_photo};
use crate::ingest::{self, EncodedFace, Faces, Finding, Outcome};

/// Tell whether two photos show the same person; or, with --pairs, how well a model tells that. Two photos whose largest faces differ are
/// inconclusive if one of them shows more faces.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Two photos; the largest face of each counts
    #[arg(num_args = 2, value_names = ["A", "B"], required_unless_present = "pairs", conflicts_with = "pairs")]
    photos: Vec<PathBuf>,
    /// Measure on a list of pairs: lines of PHOTO, PHOTO, 1 or 0 for the same person, tabs between
    #[arg(long, value_name = "FILE.tsv")]
    pairs: Option<PathBuf>,
    /// Folder that the photos of --pairs lie in
    #[arg(long, value_name = "DIR", default_value = ".", requires = "pairs")]
    root: PathBuf,
    /// Score at or above which two faces are one person [default: the model's, uncalibrated]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    threshold: Option<f32>,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let stop = interrupt::watch();
    let model = arguments.engine.chosen()?;
    let binding = model.binding();
    let threshold = reply::threshold(arguments.threshold, &binding)?;
    let options = arguments.look.options(Faces::Largest);
    if let Some(list) = &arguments.pairs {
        if list.is_file() {
            pairs::require(list, &pairs::read(list, &arguments.root)?)?; // before the networks are loaded
        }
        let engine = arguments.engine.load(&model)?; // a list that is a pipe can be read once only
        let pairs = pairs::read(list, &arguments.root)?;
        pairs::require(list, &pairs)?;
        return pairs::measure(&pairs, &engine, &options, &binding, &threshold, screen);
    }
    let [a, b] = arguments.photos.as_slice() else { anyhow::bail!("expected two photos") };
    for path in [a, b] {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file", path.display());
    }
    let engine = arguments.engine.load(&model)?;
    let mut sides: Vec<Outcome> = Vec::new();
    ingest::run(&engine, ingest::files([a.clone(), b.clone()]), &options, &|_| false, stop, |outcome| {
        sides.push(outcome);
        anyhow::Ok(())
    })?;
    let [first, second] = sides.as_slice() else {
        return Stopped { looked_at: sides.len() as u64, total: 2, unit: "photo" }.report(screen);
    };
    let (Some(one), Some(other)) = (largest(first), largest(second)) else {
        for side in &sides {
            let skip = if let Finding::Skipped(skip) = &side.finding { Some(skip) } else { None };
            for unusable in Unusable::of(skip, &side.census) {
                unusable.print(screen, &side.input.path, &side.census, &binding)?;
            }
        }
        return Ok(End::Decided(Decision::Inconclusive));
    };
    let score = one.template.similarity(&other.template);
    let reached = if threshold.reached(score) { Decision::Match } else { Decision::NoMatch };
    let not_looked_at = first.census.not_looked_at + second.census.not_looked_at;
    let (decision, doubt) = of_photo((reached, None), not_looked_at);
    screen.text(format!(
        "{}  {}  (threshold {})",
        reply::headline(decision),
        screen::score(score),
        reply::describe(&threshold)
    ))?;
    for (side, face) in sides.iter().zip([one, other]) {
        if let Some(turned) = reply::turned(face) {
            screen.text(format!("  {}: {turned}", side.input.path.display()))?;
        }
        if let Some(note) = side.census.note() {
            screen.text(format!("  {}: {note}", side.input.path.display()))?;
        }
    }
    if let Some(doubt) = doubt {
        screen.text(format!("  {}", doubt.describe()))?;
    }
    screen.json(&json!({
        "decision": decision, "doubt": doubt, "similarity": score, "distance": 1.0 - score,
        "threshold": threshold.value, "calibration": reply::origin(&threshold),
        "a": side(first, one), "b": side(second, other),
        "model": { "name": binding.model, "fingerprint": binding.fingerprint },
    }))?;
    Ok(End::Decided(decision))
}

/// The face of a photo that counts.
fn largest(outcome: &Outcome) -> Option<&EncodedFace> {
    if let Finding::Faces(faces) = &outcome.finding { faces.first() } else { None }
}

fn side(outcome: &Outcome, face: &EncodedFace) -> Value {
    json!({
        "path": outcome.input.path.to_string_lossy(), "face": face.index, "faces": outcome.census.found,
        "not_looked_at": outcome.census.not_looked_at, "bounds": face.provenance.bounds,
        "turned": face.provenance.turned, "quality": face.provenance.quality,
    })
}
