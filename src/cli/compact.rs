//! `gallerist compact` and `gallerist purge`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::End;
use super::screen::{Screen, plural};
use crate::gallery::Gallery;

/// Merge a gallery's files into few large ones. A gallery does this by itself while it is open; this does it now.
#[derive(Debug, Args)]
pub struct CompactArguments {
    /// The gallery
    gallery: PathBuf,
}

/// Erase the bytes of removed templates from every file of a gallery. Copies made elsewhere are beyond its reach, and so
/// is what a disk keeps of files that were removed.
#[derive(Debug, Args)]
pub struct PurgeArguments {
    /// The gallery
    gallery: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn compact(arguments: &CompactArguments, screen: Screen) -> Result<End> {
    let gallery = Gallery::open(&arguments.gallery)?;
    let started = Instant::now();
    let done = gallery.compact()?;
    let seconds = started.elapsed().as_secs_f64();
    let (rewritten, now) = (done.rewritten as u64, done.segments as u64);
    screen.text(format!("{} rewritten, {now} now, in {seconds:.1} s", plural(rewritten, "segment")))?;
    screen.json(&json!({
        "event": "compacted", "rewritten": rewritten, "segments": now, "erased": done.erased, "seconds": seconds,
    }))?;
    Ok(End::Done)
}

pub fn purge(arguments: &PurgeArguments, screen: Screen) -> Result<End> {
    let gallery = Gallery::open(&arguments.gallery)?;
    if arguments.dry_run {
        let removed = gallery.summary()?.removed;
        screen.text(format!("would erase {}", plural(removed, "removed template")))?;
        screen.json(&json!({ "event": "purged", "erased": removed, "dry_run": true }))?;
        return Ok(End::Done);
    }
    let receipt = gallery.purge()?;
    screen.text(format!(
        "erased {}; {} rewritten",
        plural(receipt.erased, "removed template"),
        plural(receipt.rewritten as u64, "segment")
    ))?;
    screen.json(&json!({
        "event": "purged", "erased": receipt.erased, "rewritten": receipt.rewritten,
        "held_by_views": receipt.held_by_views, "dry_run": false,
    }))?;
    Ok(End::Done)
}
