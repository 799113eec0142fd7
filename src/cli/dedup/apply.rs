//! `gallerist dedup apply` and `gallerist dedup undo`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::group::{Listing, SHOWN, print_links};
use super::{DecisionsArgument, monitored};
use crate::cli::screen::{Screen, bytes, escaped, plural};
use crate::cli::{ExitStatus, folders};
use crate::dedup::Disposal;
use crate::dedup::application::{Applied, ApplyRequest, Refused, apply, undo as undo_plan, undo_folder};
use crate::dedup::plan::Plan;

/// Dispose of the copies of a plan. Without --yes it lists what it would do. Copies are moved to a quarantine on the same file system,
/// .gallerist-quarantine in each folder of the plan, or as --action says. The content of every file is read again first; what changed since
/// the plan stays. Nothing is deleted, and `undo` restores the files. The same command completes a run that was stopped.
#[derive(Debug, Args)]
pub struct Arguments {
    /// File of the plan
    plan: PathBuf,
    /// Do it
    #[arg(long)]
    yes: bool,
    /// What becomes of the copies: quarantine, trash (of the desktop), hardlink (another name of the kept file; who writes into one writes
    /// into both), reflink (shares the blocks of the kept file, and stays independent; Btrfs, XFS). The last two replace only files with
    /// equal bytes and move nothing
    #[arg(long, value_name = "ACTION", default_value = "quarantine", value_parser = str::parse::<Disposal>)]
    action: Disposal,
    #[command(flatten)]
    quarantine: QuarantineArgument,
    #[command(flatten)]
    decisions: DecisionsArgument,
}

/// Undo what `apply` did: move files back, make linked files independent, and give files and folders their times
#[derive(Debug, Args)]
pub struct UndoArguments {
    /// File of the plan that was applied; or a folder: one of the plan (also if it was renamed since), a quarantine, or that of a run
    plan: PathBuf,
    #[command(flatten)]
    quarantine: QuarantineArgument,
}

#[derive(Debug, Args)]
struct QuarantineArgument {
    /// Folder for the journal and the moved files, on the same file system as the photos
    #[arg(long, value_name = "DIR")]
    quarantine: Option<PathBuf>,
}

impl QuarantineArgument {
    fn folder(&self) -> Result<Option<PathBuf>> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).with_context(|| format!("{}: not a path", path.display()))
        };
        self.quarantine.as_ref().map(absolute).transpose()
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let plan = read(&arguments.plan)?;
    let request = ApplyRequest {
        disposal: arguments.action,
        quarantine: arguments.quarantine.folder()?,
        home_trash: folders::trash(),
        dry_run: !arguments.yes,
    };
    let decisions = arguments.decisions.open()?;
    let applied = monitored(|control| apply(&plan, &request, &decisions, control))?;
    screen.json(&applied)?;
    refusals(&applied.refused, screen)?;
    list(&applied, &arguments.plan, screen)?;
    screen.text(done(&applied, request.dry_run))?;
    print_links(&applied.links, if request.dry_run { "would be moved" } else { "were moved" }, screen)?;
    for Refused { path, reason } in &applied.unmarked {
        let path = escaped(&path.to_string_lossy()).into_owned();
        screen.text(format!(
            "{path} does not say where the quarantine is ({}); `undo` finds the run by the quarantine",
            escaped(reason)
        ))?;
    }
    if applied.already > 0 {
        let before = if applied.disposal.moves() { "moved" } else { "replaced" };
        screen.text(format!("{} had been {before} before", plural(applied.already, "file")))?;
    }
    if applied.unequal > 0 {
        let files = plural(applied.unequal, "file");
        screen.text(format!(
            "{files} skipped: no other file of the group has the same bytes, or the first that has stays"
        ))?;
    }
    if applied.kept_whole > 0 {
        screen.text(format!("{} will not be shown again", plural(applied.kept_whole, "group")))?;
    }
    for folder in &applied.folders {
        let folder = escaped(&folder.to_string_lossy()).to_string();
        screen.text(match applied.disposal {
            Disposal::Trash => format!("they are in the trash {folder}; empty it to free the space"),
            _ => format!("they are in {folder}; delete it to free the space"),
        })?;
    }
    Ok(status(applied.stopped, &applied))
}

/// The first groups of a dry run.
fn list(applied: &Applied, plan: &Path, screen: Screen) -> Result<()> {
    let verb = if applied.disposal.moves() { "move" } else { "replace" };
    for group in applied.groups.iter().take(SHOWN) {
        Listing::foreseen(group, verb).print(screen)?;
    }
    if applied.groups.len() > SHOWN {
        let more = plural((applied.groups.len() - SHOWN) as u64, "group");
        screen.text(format!("and {more} more; {} has all of them", plan.display()))?;
    }
    Ok(())
}

fn done(applied: &Applied, dry_run: bool) -> String {
    let files = plural(applied.moved + applied.replaced, "file");
    let size = bytes(applied.bytes);
    let (would, done, more) = match applied.disposal {
        Disposal::Quarantine => ("move", "moved", ""),
        Disposal::Trash => ("move", "moved", " to the trash"),
        Disposal::Hardlink => ("replace", "replaced", " by links to the kept files"),
        Disposal::Reflink => ("replace", "replaced", " by clones of the kept files"),
    };
    match dry_run {
        true => format!("would {would} {files} ({size}){more}; nothing was changed; --yes does it"),
        false => format!("{done} {files} ({size}){more}"),
    }
}

fn status(stopped: bool, applied: &Applied) -> ExitStatus {
    match () {
        () if stopped => ExitStatus::Interrupted,
        () if applied.refused.is_empty() => ExitStatus::Done,
        () => ExitStatus::Failed,
    }
}

pub fn undo(arguments: &UndoArguments, screen: Screen) -> Result<ExitStatus> {
    let undone = match arguments.plan.is_dir() {
        true => monitored(|control| undo_folder(&arguments.plan, control))?,
        false => {
            let plan = read(&arguments.plan)?;
            let quarantine = arguments.quarantine.folder()?;
            monitored(|control| undo_plan(&plan, quarantine.as_deref(), control))?
        }
    };
    screen.json(&undone)?;
    refusals(&undone.refused, screen)?;
    for Refused { path, reason } in &undone.altered {
        screen.text(format!("altered: {}: {}", escaped(&path.to_string_lossy()), escaped(reason)))?;
    }
    let files = plural(undone.restored, "file");
    screen.text(match undone.disposal {
        Some(Disposal::Hardlink) => format!("{files} independent again"),
        Some(Disposal::Reflink) => {
            let clones = plural(undone.clones, "clone");
            format!("{clones}: content, times and attributes were as before, so there was nothing to restore")
        }
        _ => format!("{files} moved back"),
    })?;
    Ok(match () {
        () if undone.stopped => ExitStatus::Interrupted,
        () if undone.refused.is_empty() && undone.altered.is_empty() => ExitStatus::Done,
        () => ExitStatus::Failed,
    })
}

fn refusals(refused: &[Refused], screen: Screen) -> Result<()> {
    for Refused { path, reason } in refused {
        screen.text(format!("left alone: {}: {}", escaped(&path.to_string_lossy()), escaped(reason)))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Plan> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the plan {}", path.display()))?;
    Ok(Plan::from_json(&text, path)?)
}
