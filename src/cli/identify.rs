//! `gallerist identify`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::enroll::FacesArgument;
use super::reply::{self, Reply};
use super::{End, Screen, interrupt};
use crate::decision::{Decision, decide};
use crate::gallery::Gallery;
use crate::ingest::{self, Finding, walk};

/// Tell who is in a photo, or that nobody in the gallery is. Ends with 10 if any probe matches, else 12 if
/// any allows no decision, else 11.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probe photos, or folders of them
    #[arg(required = true)]
    photos: Vec<PathBuf>,
    /// Candidates to list
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    /// Score at or above which a candidate matches [default: the model's, uncalibrated]
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true)]
    threshold: Option<f32>,
    /// Which faces of a photo to look up: all, or the largest, where one near the middle counts for more
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    for path in &arguments.photos {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let gallery = Gallery::open(&arguments.gallery)?;
    let binding = gallery.binding();
    let threshold = reply::threshold(arguments.threshold, binding)?;
    let stop = interrupt::watch();
    let engine = arguments.engine.load_for(&gallery)?;
    let options = arguments.look.options(arguments.faces.into());
    let mut decisions = Vec::new();
    ingest::run(&engine, walk(&arguments.photos), &options, &|_| false, stop, |outcome| {
        let path = &outcome.input.path;
        match &outcome.finding {
            Finding::Faces(faces, _) => {
                for (index, probe) in faces.iter().enumerate() {
                    let started = Instant::now();
                    let candidates = gallery.identify(&probe.template, arguments.top_k as usize)?;
                    let decision = decide(&candidates, &threshold);
                    decisions.push(decision);
                    let face = (index, faces.len());
                    Reply {
                        path,
                        face,
                        probe,
                        decision,
                        candidates: &candidates,
                        threshold,
                        binding,
                        started,
                    }
                    .print(screen)?;
                }
                anyhow::Ok(())
            }
            Finding::Skipped(skip) => {
                decisions.push(Decision::Inconclusive);
                reply::print_unusable(screen, path, skip, binding)
            }
            Finding::Known => unreachable!("no photo is known to a look-up"),
        }
    })?;
    ensure!(!decisions.is_empty(), "there is no photo in the given folders");
    let any = |wanted| decisions.contains(&wanted).then_some(End::Decided(wanted));
    Ok(any(Decision::Match).or(any(Decision::Inconclusive)).unwrap_or(End::Decided(Decision::NoMatch)))
}
