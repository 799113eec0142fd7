//! `gallerist stats` and `gallerist check`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::End;
use super::screen::{Screen, Table, bytes, count, plural};
use crate::gallery::Gallery;

/// Show what is in a gallery.
#[derive(Debug, Args)]
pub struct StatsArguments {
    /// The gallery
    gallery: PathBuf,
}

/// Verify every byte of a gallery, and that its catalog and its index hold the same templates.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The gallery
    gallery: PathBuf,
    /// Search every graph for each of its rows too; without graphs this changes nothing
    #[arg(long)]
    deep: bool,
}

pub fn stats(arguments: &StatsArguments, screen: Screen) -> Result<End> {
    let started = Instant::now();
    let gallery = Gallery::open(&arguments.gallery)?;
    let opened_ms = started.elapsed().as_secs_f64() * 1e3;
    let summary = gallery.summary()?;
    let binding = gallery.binding();
    screen.json(&json!({ "model": binding, "sizes": summary, "open_ms": opened_ms }))?;
    let mut table = Table::new(&[]);
    table.row(["bound to", &binding.describe()]);
    table.row(["dimension", &binding.dimension.to_string()]);
    let threshold =
        binding.threshold.map_or("none".into(), |threshold| format!("{threshold:.3}, uncalibrated"));
    table.row(["threshold", &threshold]);
    table.row(["subjects", &count(summary.subjects)]);
    table.row(["templates", &count(summary.templates)]);
    table.row(["removed, not erased yet", &count(summary.removed)]);
    table.row(["segments", &count(summary.segments)]);
    table.row(["buffered rows", &count(summary.buffered)]);
    table.row(["index", &bytes(summary.index_bytes)]);
    table.row(["catalog", &bytes(summary.catalog_bytes)]);
    table.row(["opened in", &format!("{opened_ms:.0} ms")]);
    table.lines(0).iter().try_for_each(|line| screen.text(line))?;
    Ok(End::Done)
}

pub fn check(arguments: &CheckArguments, screen: Screen) -> Result<End> {
    let gallery = Gallery::open(&arguments.gallery)?;
    let found = gallery.check(arguments.deep)?;
    screen.json(&found)?;
    let checked = format!("{} in {}", plural(found.templates, "template"), plural(found.files, "index file"));
    if found.is_sound() {
        screen.text(format!("sound: {checked} and the catalog"))?;
        return Ok(End::Done);
    }
    screen.text(format!("NOT SOUND: {checked} and the catalog"))?;
    found.problems.iter().try_for_each(|problem| screen.text(format!("  {problem}")))?;
    if found.more_problems > 0 {
        screen.text(format!("  and {} more", count(found.more_problems)))?;
    }
    Ok(End::Wrong)
}
