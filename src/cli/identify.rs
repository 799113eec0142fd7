//! `gallerist identify`

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::enroll::FacesArgument;
use super::reply::{self, Reply, Sought};
use super::searching::{Deciding, DecisionArguments, SearchArguments};
use super::{End, Screen, interrupt, opening};
use crate::decision::{Certificate, Decision, Missed, decide};
use crate::gallery::{Candidates, Gallery, TOGETHER};
use crate::ingest::{self, Finding, walk};
use crate::template::Template;
use crate::vectors::VectorFile;

/// Tell who is in a photo, or that nobody in the gallery is. Ends with 10 if any probe matches, else 12 if
/// any allows no decision, else 11.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probe photos, or folders of them
    #[arg(required_unless_present = "vectors")]
    photos: Vec<PathBuf>,
    /// Probes that are templates already, one row each, f32 or f16
    #[arg(long, value_name = "FILE.npy", conflicts_with = "photos")]
    vectors: Option<PathBuf>,
    /// Candidates to list
    #[arg(short = 'k', long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
    /// Which faces of a photo to look up: all, or the largest, where one near the middle counts for more
    #[arg(long, value_enum, default_value = "largest")]
    faces: FacesArgument,
    /// Put each probe's template into its JSON reply, for `check-certificate`
    #[arg(long)]
    with_template: bool,
    #[command(flatten)]
    decision: DecisionArguments,
    #[command(flatten)]
    search: SearchArguments,
    #[command(flatten)]
    look: PhotoArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// A look-up under way.
struct Lookup<'a> {
    arguments: &'a Arguments,
    gallery: &'a Gallery,
    deciding: Deciding,
    missed: Option<Missed>,
    screen: Screen,
    decisions: Vec<Decision>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    for path in &arguments.photos {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let gallery = opening::to_read(&arguments.gallery)?;
    let deciding = arguments.decision.settle(&gallery, &arguments.search)?;
    let missed = arguments.search.missed(&gallery, &deciding.search)?;
    let mut lookup = Lookup { arguments, gallery: &gallery, deciding, missed, screen, decisions: Vec::new() };
    match &arguments.vectors {
        Some(path) => lookup.vectors(path)?,
        None => lookup.photos()?,
    }
    let decisions = lookup.decisions;
    ensure!(!decisions.is_empty(), "there is no probe in what was given");
    let any = |wanted| decisions.contains(&wanted).then_some(End::Decided(wanted));
    Ok(any(Decision::Match).or(any(Decision::Inconclusive)).unwrap_or(End::Decided(Decision::NoMatch)))
}

impl Lookup<'_> {
    fn vectors(&mut self, path: &Path) -> Result<()> {
        let file = VectorFile::open_or_standard_input(path)?;
        for first in (0..file.rows).step_by(TOGETHER) {
            let templates = file.templates(first, TOGETHER)?;
            let started = Instant::now();
            let probes: Vec<&Template> = templates.iter().collect();
            let found =
                self.gallery.identify_all(&probes, self.arguments.top_k as usize, &self.deciding.search)?;
            let each = started.elapsed().as_secs_f64() * 1e3 / templates.len() as f64;
            for ((row, template), candidates) in (first..).zip(&templates).zip(&found) {
                self.answer(Sought::Row { path, row, template }, candidates, each)?;
            }
        }
        Ok(())
    }

    fn photos(&mut self) -> Result<()> {
        let arguments = self.arguments;
        let stop = interrupt::watch();
        let engine = arguments.engine.load_for(self.gallery)?;
        let options = arguments.look.options(arguments.faces.into());
        ingest::run(&engine, walk(&arguments.photos), &options, &|_| false, stop, |outcome| {
            let path = &outcome.input.path;
            match &outcome.finding {
                Finding::Faces(faces, _) => {
                    for (index, face) in faces.iter().enumerate() {
                        let started = Instant::now();
                        let k = arguments.top_k as usize;
                        let candidates = self.gallery.identify(&face.template, k, &self.deciding.search)?;
                        let sought = Sought::Face { path, face, index, of: faces.len() };
                        self.answer(sought, &candidates, started.elapsed().as_secs_f64() * 1e3)?;
                    }
                    anyhow::Ok(())
                }
                // A sidecar or a document in a folder of probes is no probe.
                Finding::Skipped(skip) if skip.code == "not_a_photo" => Ok(()),
                Finding::Skipped(skip) => {
                    self.decisions.push(Decision::Inconclusive);
                    reply::print_unusable(self.screen, path, skip, self.gallery.binding())
                }
                Finding::Known => unreachable!("no photo is known to a look-up"),
            }
        })
    }

    fn answer(&mut self, sought: Sought<'_>, candidates: &Candidates, milliseconds: f64) -> Result<()> {
        let certificate = Certificate::of(candidates, self.missed);
        let best = candidates.candidates.first().map(|best| best.score);
        let (decision, doubt) = decide(best, &certificate, &self.deciding.threshold);
        self.decisions.push(decision);
        Reply {
            sought,
            decision,
            doubt,
            candidates,
            certificate: &certificate,
            deciding: &self.deciding,
            binding: self.gallery.binding(),
            with_template: self.arguments.with_template,
            milliseconds,
        }
        .print(self.screen)
    }
}
