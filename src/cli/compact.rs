//! `gallerist compact`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Screen, plural};
use super::{ExitStatus, opening};
use crate::reply::Compacted;
use crate::session::maintenance;

/// Merge the segments of a gallery into a few large ones. An open gallery does this in the background; this command does it now.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let gallery = opening::to_write(&arguments.gallery)?;
    let done = maintenance::compact(&gallery)?;
    let Compacted { rewritten, segments, seconds, .. } = done;
    screen.text(format!("{} rewritten, {segments} now, in {seconds:.1} s", plural(rewritten, "segment")))?;
    screen.json(&done)?;
    Ok(ExitStatus::Done)
}
