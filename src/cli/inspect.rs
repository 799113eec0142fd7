//! `gallerist stats` and `gallerist check`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use super::screen::{Screen, Table, aim, bytes, count, plural};
use super::{ExitStatus, interrupt, opening};
use crate::calibration::Calibration;
use crate::experiment::record;
use crate::gallery::Gallery;
use crate::reply::{Stats, StatsCalibration, VERSION, Versioned};
use crate::session::maintenance;

/// Show the content and the size of a gallery.
#[derive(Debug, Args)]
pub struct StatsArguments {
    /// The gallery
    gallery: PathBuf,
}

/// Verify every byte of a gallery, and compare its catalog with its index.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The gallery
    gallery: PathBuf,
    /// Also search every graph for each of its rows
    #[arg(long)]
    deep: bool,
}

pub fn stats(arguments: &StatsArguments, screen: Screen) -> Result<ExitStatus> {
    let started = Instant::now();
    let gallery = opening::to_read(&arguments.gallery)?;
    let opened_ms = started.elapsed().as_secs_f64() * 1e3;
    let summary = gallery.summary()?;
    let binding = gallery.binding();
    let calibration = record::calibration(&gallery, None);
    let sizes = (summary.subjects, summary.templates);
    let (overview, description) = match &calibration {
        Ok(Some((_, calibration))) => described(calibration, sizes),
        Ok(None) => (None, "none; `gallerist calibrate` makes one".to_owned()),
        Err(error) => (Some(StatsCalibration::Unreadable { error: error.to_string() }), error.to_string()),
    };
    screen.json(&Stats {
        version: VERSION,
        model: binding.clone(),
        sizes: summary.clone(),
        calibration: overview,
        open_ms: opened_ms,
    })?;
    let mut table = Table::new(&[]);
    table.row(["bound to", &binding.describe()]);
    table.row(["dimension", &binding.dimension.to_string()]);
    let threshold =
        binding.threshold.map_or("none".into(), |threshold| format!("{threshold:.3}, uncalibrated"));
    table.row(["threshold", &threshold]);
    table.row(["calibration", &description]);
    table.row(["subjects", &count(summary.subjects)]);
    table.row(["templates", &count(summary.templates)]);
    if summary.unknown > 0 {
        table.row(["unknown faces", &count(summary.unknown)]);
    }
    table.row(["removed, not erased yet", &count(summary.removed)]);
    table.row(["segments", &count(summary.segments)]);
    table.row(["buffered rows", &count(summary.buffered)]);
    table.row(["index", &bytes(summary.index_bytes)]);
    table.row(["catalog", &bytes(summary.catalog_bytes)]);
    table.row(["opened in", &format!("{opened_ms:.0} ms")]);
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    Ok(ExitStatus::Done)
}

/// A calibration in short, for JSON and for text. `subjects` and `templates` are the present counts of the gallery.
fn described(
    calibration: &Calibration,
    (subjects, templates): (u64, u64),
) -> (Option<StatsCalibration>, String) {
    let stale = calibration.stale(subjects, templates);
    let operating = calibration.targets.first().map(|&target| calibration.operating(target, subjects));
    let threshold = match &operating {
        Some(Ok(operating)) => {
            format!("{:.3} for FPIR {}", operating.threshold, aim(operating.target_fpir))
        }
        Some(Err(error)) => error.to_string(),
        None => "no target".into(),
    };
    let text = if stale.is_empty() { threshold } else { format!("{threshold}; STALE: {}", stale.join("; ")) };
    (Some(maintenance::overview(calibration, (subjects, templates))), text)
}

pub fn check(arguments: &CheckArguments, screen: Screen) -> Result<ExitStatus> {
    interrupt::exit_at_once(screen);
    let found = Gallery::check_at(&arguments.gallery, arguments.deep, opening::wait(), &record::problem)?;
    screen.json(&Versioned::new(&found))?;
    for folder in &found.leftovers {
        screen.text(format!(
            "left by a killed command; the next such command there removes it: {}",
            folder.display()
        ))?;
    }
    let templates = found.templates + found.unknown;
    let checked = format!("{} in {}", plural(templates, "template"), plural(found.files, "index file"));
    if found.is_sound() {
        screen.text(format!("sound: {checked} and the catalog"))?;
        return Ok(ExitStatus::Done);
    }
    screen.text(format!("NOT SOUND: {checked} and the catalog"))?;
    found.problems.iter().try_for_each(|problem| screen.text(format!("  {problem}")))?;
    if found.more_problems > 0 {
        screen.text(format!("  and {} more", count(found.more_problems)))?;
    }
    Ok(ExitStatus::Failed)
}
