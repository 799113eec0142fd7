//! `gallerist identify`

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::engine::{EngineArguments, PhotoArguments};
use super::enroll::FacesArgument;
use super::interrupt::{self, Stopped};
use super::reply::{Reply, Sought, Unusable};
use super::rows::RowArguments;
use super::searching::{Deciding, DecisionArguments, SearchOptions};
use super::{End, NothingUsable, Screen, opening};
use crate::decision::{Certificate, Decision, Missed, decide, of_photo};
use crate::gallery::{Candidates, Gallery, TOGETHER};
use crate::ingest::{self, Finding, Outcome, walk};
use crate::template::Template;

/// Tell who is in a photo, or that nobody in the gallery is. Ends with 10 if any probe matches, else 12 if
/// any allows no decision, else 11. A photo with faces that were refused or not looked at is never "no match".
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Probe photos, or folders of them
    #[arg(required_unless_present = "vectors")]
    photos: Vec<PathBuf>,
    /// Probes that are templates already, one row each; `-` reads the standard input
    #[arg(long, value_name = "FILE.npy", conflicts_with = "photos")]
    vectors: Option<PathBuf>,
    #[command(flatten)]
    rows: RowArguments,
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
    search: SearchOptions,
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
    stop: &'static AtomicBool,
    decisions: Vec<Decision>,
    /// Photos or rows that were looked at.
    looked_at: u64,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    for path in &arguments.photos {
        ensure!(path.symlink_metadata().is_ok(), "{}: no such file or folder", path.display());
    }
    let stop = interrupt::watch();
    let gallery = opening::to_read(&arguments.gallery)?;
    let deciding = arguments.decision.resolve(&gallery, &arguments.search)?;
    let missed = arguments.search.missed(&gallery, &deciding.search)?;
    let mut lookup = Lookup {
        arguments,
        gallery: &gallery,
        deciding,
        missed,
        screen,
        stop,
        decisions: Vec::new(),
        looked_at: 0,
    };
    let total = match &arguments.vectors {
        Some(path) => lookup.vectors(path)?,
        None => lookup.photos()?,
    };
    if lookup.looked_at < total {
        return Stopped { looked_at: lookup.looked_at, total, unit: "input" }.report(screen);
    }
    let decisions = lookup.decisions;
    if decisions.is_empty() {
        return Err(NothingUsable("there is no probe in what was given".into()).into());
    }
    let any = |wanted| decisions.contains(&wanted).then_some(End::Decided(wanted));
    Ok(any(Decision::Match).or(any(Decision::Inconclusive)).unwrap_or(End::Decided(Decision::NoMatch)))
}

impl Lookup<'_> {
    /// Looks the rows of a file up, until it is to stop; returns how many there are.
    fn vectors(&mut self, path: &Path) -> Result<u64> {
        let (file, left_out) = self.arguments.rows.open(path, self.screen)?;
        self.decisions.extend(left_out.iter().map(|_| Decision::Inconclusive));
        self.looked_at += left_out.len() as u64;
        for first in (0..file.rows).step_by(TOGETHER) {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let rows = file.valid(first, TOGETHER)?;
            if rows.is_empty() {
                continue;
            }
            let started = Instant::now();
            let probes: Vec<&Template> = rows.iter().map(|(_, template)| template).collect();
            let found =
                self.gallery.identify_all(&probes, self.arguments.top_k as usize, &self.deciding.search)?;
            let each = started.elapsed().as_secs_f64() * 1e3 / rows.len() as f64;
            for (&(row, ref template), candidates) in rows.iter().zip(&found) {
                self.answer(Sought::Row { path, row, template }, candidates, each)?;
                self.looked_at += 1;
            }
        }
        Ok(file.rows)
    }

    /// Looks photos up, until it is to stop; returns how many there are.
    fn photos(&mut self) -> Result<u64> {
        let arguments = self.arguments;
        let engine = arguments.engine.load_for(self.gallery)?;
        let options = arguments.look.options(arguments.faces.into());
        let inputs = || walk(&arguments.photos);
        ingest::run(&engine, inputs(), &options, &|_| false, self.stop, |outcome| self.photo(&outcome))?;
        let stopped = self.stop.load(Ordering::Relaxed);
        Ok(if stopped { (inputs().count() as u64).max(self.looked_at) } else { self.looked_at })
    }

    fn photo(&mut self, outcome: &Outcome) -> Result<()> {
        let (path, census) = (&outcome.input.path, &outcome.census);
        self.looked_at += 1;
        let (faces, skip) = match &outcome.finding {
            Finding::Faces(faces) => (&faces[..], None),
            // A sidecar or a document in a folder of probes is no probe.
            Finding::Skipped(skip) if skip.code == "not_a_photo" => return Ok(()),
            Finding::Skipped(skip) => (&[][..], Some(skip)),
            Finding::Known => unreachable!("no photo is known to a look-up"),
        };
        for face in faces {
            let started = Instant::now();
            let k = self.arguments.top_k as usize;
            let candidates = self.gallery.identify(&face.template, k, &self.deciding.search)?;
            let sought = Sought::Face { path, face, census };
            self.answer(sought, &candidates, started.elapsed().as_secs_f64() * 1e3)?;
        }
        for unusable in Unusable::of(skip, census) {
            self.decisions.push(Decision::Inconclusive);
            unusable.print(self.screen, path, census, self.gallery.binding())?;
        }
        Ok(())
    }

    fn answer(&mut self, sought: Sought<'_>, candidates: &Candidates, milliseconds: f64) -> Result<()> {
        let certificate = Certificate::of(candidates, self.missed);
        let best = candidates.candidates.first().map(|best| best.score);
        let decided = decide(best, &certificate, &self.deciding.threshold);
        let (decision, doubt) = of_photo(decided, sought.census().map_or(0, |census| census.not_looked_at));
        self.decisions.push(decision);
        Reply {
            sought,
            decision,
            doubt,
            candidates,
            certificate: &certificate,
            top_k: self.arguments.top_k,
            deciding: &self.deciding,
            binding: self.gallery.binding(),
            with_template: self.arguments.with_template,
            milliseconds,
        }
        .print(self.screen)
    }
}
