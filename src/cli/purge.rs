//! `gallerist purge`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Screen, bytes, plural};
use super::{ExitStatus, opening};
use crate::reply::Purged;
use crate::session::maintenance;

/// Erase the bytes of removed templates from every file of a gallery, and the names of removed subjects from its journal. Ends with exit
/// code 1 while something is left; run it again then. It cannot erase copies made elsewhere, or what a disk keeps of deleted files.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Print what would be erased and the disk space that it needs; change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let open = if arguments.dry_run { opening::to_read } else { opening::to_write };
    let gallery = open(&arguments.gallery)?;
    let preview = maintenance::purge_preview(&gallery)?;
    let (needed, available) = (bytes(preview.room_needed), bytes(preview.room_available));
    let room = format!("needs {needed} of free space, {available} are available");
    let removed = plural(preview.removed, "removed template");
    if arguments.dry_run {
        screen.text(format!("would erase {removed}; {room}"))?;
        screen.json(&preview)?;
        return Ok(ExitStatus::Done);
    }
    screen.text(format!("purging {removed}; {room}"))?;
    let done = maintenance::purge(&gallery)?;
    screen.json(&done)?;
    let rewritten = plural(done.rewritten.unwrap_or(0), "segment");
    if done.is_whole() {
        screen.text(format!("erased {}; {rewritten} rewritten", plural(done.erased, "removed template")))?;
        return Ok(ExitStatus::Done);
    }
    screen.text(format!("NOT ERASED YET: {}; {rewritten} rewritten", remaining(&done)))?;
    Ok(ExitStatus::Failed)
}

/// What is not erased yet, and what to do.
fn remaining(done: &Purged) -> String {
    let mut remaining = Vec::new();
    if done.catalog_held == Some(true) {
        remaining.push(
            "another program has catalog.sqlite open; names and paths of removed subjects stay in its files until that \
             program ends"
                .to_owned(),
        );
    }
    if let Some(held) = done.held_by_views.filter(|held| *held > 0) {
        let files = plural(held, "replaced file");
        remaining.push(format!("{files} of the index are still used by earlier searches"));
    }
    format!("{}. Purge again later", remaining.join("; "))
}
