//! `gallerist compact`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use super::screen::{Screen, plural};
use super::{ExitStatus, opening};
use crate::reply::{Compacted, VERSION};

/// Merge the segments of a gallery into a few large ones. An open gallery does this in the background; this command does it now.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let gallery = opening::to_write(&arguments.gallery)?;
    let started = Instant::now();
    let done = gallery.compact()?;
    let seconds = started.elapsed().as_secs_f64();
    let (rewritten, segments) = (done.rewritten as u64, done.segments as u64);
    screen.text(format!("{} rewritten, {segments} now, in {seconds:.1} s", plural(rewritten, "segment")))?;
    screen.json(&Compacted { version: VERSION, rewritten, segments, erased: done.erased, seconds })?;
    Ok(ExitStatus::Done)
}
