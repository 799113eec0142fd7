//! `gallerist purge`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Screen, bytes, plural};
use super::{ExitStatus, opening};
use crate::gallery::{Erasure, PurgeSpace};
use crate::reply::{Purged, VERSION};

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
    let PurgeSpace { needed, available } = gallery.purge_room()?;
    let room = format!("needs {} of free space, {} are available", bytes(needed), bytes(available));
    if arguments.dry_run {
        let removed = gallery.unerased()?;
        screen.text(format!("would erase {}; {room}", plural(removed, "removed template")))?;
        screen.json(&Purged {
            version: VERSION,
            erased: removed,
            removed,
            rewritten: None,
            held_by_views: None,
            catalog_held: None,
            room_needed: needed,
            room_available: available,
            dry_run: true,
        })?;
        return Ok(ExitStatus::Done);
    }
    screen.text(format!("purging {}; {room}", plural(gallery.unerased()?, "removed template")))?;
    let done = gallery.purge()?;
    let erased = if done.is_whole() { done.removed } else { 0 };
    screen.json(&Purged {
        version: VERSION,
        erased,
        removed: done.removed,
        rewritten: Some(done.rewritten as u64),
        held_by_views: Some(done.held_by_views as u64),
        catalog_held: Some(done.catalog_held),
        room_needed: needed,
        room_available: available,
        dry_run: false,
    })?;
    let rewritten = plural(done.rewritten as u64, "segment");
    if done.is_whole() {
        screen.text(format!("erased {}; {rewritten} rewritten", plural(erased, "removed template")))?;
        return Ok(ExitStatus::Done);
    }
    screen.text(format!("NOT ERASED YET: {}; {rewritten} rewritten", remaining(&done)))?;
    Ok(ExitStatus::Failed)
}

/// What is not erased yet, and what to do.
fn remaining(done: &Erasure) -> String {
    let mut remaining = Vec::new();
    if done.catalog_held {
        remaining.push(
            "another program has catalog.sqlite open; names and paths of removed subjects stay in its files until that \
             program ends"
                .to_owned(),
        );
    }
    if done.held_by_views > 0 {
        let files = plural(done.held_by_views as u64, "replaced file");
        remaining.push(format!("{files} of the index are still used by earlier searches"));
    }
    format!("{}. Purge again later", remaining.join("; "))
}
