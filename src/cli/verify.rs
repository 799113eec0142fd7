//! `gallerist verify`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use super::engine::{EngineArguments, PhotoArguments, binding_of};
use super::{End, Screen, interrupt, pairs, reply};
use crate::decision::Decision;
use crate::ingest::{self, EncodedFace, Faces, Finding, Skip};

/// Tell whether two photos show the same person; or, with --pairs, how well a model tells that.
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
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true)]
    threshold: Option<f32>,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let model = arguments.engine.chosen()?;
    let binding = binding_of(&model);
    let threshold = reply::threshold(arguments.threshold, &binding)?;
    let options = arguments.look.options(Faces::Largest);
    if let Some(list) = &arguments.pairs {
        let engine = arguments.engine.load(&model)?; // first: a list that is a pipe can be read once only
        let list = pairs::read(list, &arguments.root)?;
        return pairs::measure(&list, &engine, &options, &binding, &threshold, screen);
    }
    let [a, b] = arguments.photos.as_slice() else { anyhow::bail!("expected two photos") };
    for path in [a, b] {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file", path.display());
    }
    let engine = arguments.engine.load(&model)?;
    let mut found: Vec<Result<EncodedFace, Skip>> = Vec::new();
    ingest::run(
        &engine,
        ingest::files([a.clone(), b.clone()]),
        &options,
        &|_| false,
        interrupt::watch(),
        |outcome| {
            found.push(match outcome.finding {
                Finding::Faces(faces, _) => faces.into_iter().next().ok_or_else(|| Skip::new("no_face", "")),
                Finding::Skipped(skip) => Err(skip),
                Finding::Known => unreachable!("no photo is known to a comparison"),
            });
            anyhow::Ok(())
        },
    )?;
    let mut found = found.into_iter();
    let (first, second) = found.next().zip(found.next()).context("interrupted")?;
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (first, second) => {
            for (path, side) in [(a, first), (b, second)] {
                if let Err(skip) = side {
                    reply::print_unusable(screen, path, &skip, &binding)?;
                }
            }
            return Ok(End::Decided(Decision::Inconclusive));
        }
    };
    let score = gallerist_index::dot(first.template.as_slice(), second.template.as_slice());
    let decision = if threshold.reached(score) { Decision::Match } else { Decision::NoMatch };
    screen.text(format!(
        "{}  {score:.3}  (threshold {})",
        reply::headline(decision),
        reply::describe(&threshold)
    ))?;
    let side = |path: &Path, face: &EncodedFace| {
        json!({
            "path": path.to_string_lossy(), "bounds": face.provenance.bounds, "quality": face.provenance.quality,
        })
    };
    screen.json(&json!({
        "decision": decision, "similarity": score, "distance": 1.0 - score,
        "threshold": threshold.value, "calibration": reply::origin(&threshold),
        "a": side(a, &first), "b": side(b, &second),
        "model": { "name": binding.model, "fingerprint": binding.fingerprint },
    }))?;
    Ok(End::Decided(decision))
}
