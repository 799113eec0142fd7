//! `gallerist backup` and `gallerist restore`

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use super::screen::{Bar, Screen, bytes, count, plural};
use super::{ExitStatus, interrupt};
use crate::gallery::{Gallery, Restored};
use crate::reply::{BackupMade, RestoreMade, VERSION};
use crate::session::{Control, Progress, maintenance};

/// Copy a gallery. It may be in use; its writes wait briefly. The copy is verified before it appears under its name. A backup keeps
/// templates that are removed from the gallery later, also after a purge: delete old backups too.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The gallery
    gallery: PathBuf,
    /// Backup to make; nothing may exist there. A file if the name ends in .tar, otherwise a folder
    #[arg(value_name = "FILE.tar|FOLDER")]
    to: PathBuf,
}

/// Make a gallery from a backup. The backup is verified first, and is not changed. The gallery appears under its name after it was
/// verified.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// A file or folder that `gallerist backup` made
    #[arg(value_name = "FILE.tar|FOLDER")]
    backup: PathBuf,
    /// Gallery to make; the folder must not exist, or be empty
    gallery: PathBuf,
    /// The original gallery of the backup; it may be damaged. Templates that were removed from it since the backup are not restored
    #[arg(long, value_name = "GALLERY")]
    erased: Option<PathBuf>,
    /// Verify the backup and print what would be restored; change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn backup(arguments: &BackupArguments, screen: Screen) -> Result<ExitStatus> {
    ensure!(
        arguments.to.as_os_str() != "-",
        "a backup is a file or a folder, and cannot be written to the standard output"
    );
    interrupt::exit_at_once(screen);
    let bar = Bar::new();
    let control = Control { progress: &|progress| bar.show(progress), ..Control::none() };
    let done = maintenance::backup(&arguments.gallery, &arguments.to, &control)?;
    bar.finish();
    let BackupMade { backup: made, seconds, .. } = &done;
    screen.text(format!(
        "{} {}: {} of {} in {}, {}, verified, in {seconds:.1} s",
        if arguments.to.is_dir() { "folder" } else { "file" },
        arguments.to.display(),
        plural(made.templates, "template"),
        plural(made.subjects, "subject"),
        plural(made.files, "file"),
        bytes(made.bytes)
    ))?;
    screen.json(&done)?;
    Ok(ExitStatus::Done)
}

pub fn restore(arguments: &RestoreArguments, screen: Screen) -> Result<ExitStatus> {
    ensure!(
        arguments.backup.as_os_str() != "-",
        "a backup is a file or a folder, and cannot be read from the standard input"
    );
    interrupt::exit_at_once(screen);
    let bar = Bar::new();
    let (erased, dry_run) = (arguments.erased.as_deref(), arguments.dry_run);
    let done = Gallery::restore(&arguments.backup, &arguments.gallery, erased, dry_run, &|done, of| {
        bar.show(Progress { unit: "bytes verified", done, total: Some(of) });
    })?;
    bar.finish();
    let verb = if dry_run { "would restore" } else { "restored" };
    let templates = done.backup.templates.saturating_sub(done.erased);
    screen.text(format!("{verb} {}", plural(templates, "template")))?;
    match erased {
        Some(gallery) => print_changes(&done, gallery, screen)?,
        None => screen.text(
            "templates that were removed since the backup are restored too; --erased GALLERY excludes them",
        )?,
    }
    screen.json(&RestoreMade {
        version: VERSION,
        gallery: arguments.gallery.to_string_lossy().into_owned(),
        restored: templates,
        erased: done.erased,
        moved: done.moved,
        names_unknown: done.names_unknown,
        unreadable: done.unreadable,
        erasures_known: erased.is_some(),
        backup: done.backup,
        dry_run,
    })?;
    Ok(ExitStatus::Done)
}

/// Prints the changes in the original gallery since the backup.
fn print_changes(done: &Restored, gallery: &Path, screen: Screen) -> Result<()> {
    let gallery = gallery.display();
    if done.moved > 0 {
        let moved = format!("{} of them moved, merged or enrolled again since the backup", count(done.moved));
        screen.text(match &done.names_unknown {
            None => format!("{moved}: they have their names in {gallery}"),
            Some(why) => format!(
                "{moved}: they have their names in the backup, because those in {gallery} cannot be read ({why})"
            ),
        })?;
    }
    screen.text(format!("{} removed since the backup, not restored", plural(done.erased, "template")))?;
    if done.unreadable > 0 {
        let rows = plural(done.unreadable, "template");
        screen.text(format!(
            "{rows} of {gallery} cannot be read: a template that was moved there counts as removed; without --erased everything is restored"
        ))?;
    }
    Ok(())
}
