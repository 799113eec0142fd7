//! `gallerist dedup apply` and `gallerist dedup undo`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::{DecisionsArgument, monitored};
use crate::cli::ExitStatus;
use crate::cli::screen::{Screen, bytes, escaped, plural};
use crate::dedup::application::{Applied, ApplyRequest, Refused, apply, undo as undo_plan};
use crate::dedup::plan::Plan;

/// Move the copies of a plan to a quarantine on the same file system: .gallerist-quarantine in each folder of the plan. Without --yes it
/// prints what it would do. The content of every file is read again first; what changed since the plan stays. The same command completes
/// a run that was stopped.
#[derive(Debug, Args)]
pub struct Arguments {
    /// File of the plan
    plan: PathBuf,
    /// Do it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    quarantine: QuarantineArgument,
    #[command(flatten)]
    decisions: DecisionsArgument,
}

/// Move the files of a plan back to their places, and give the folders their times of change
#[derive(Debug, Args)]
pub struct UndoArguments {
    /// File of the plan that was applied
    plan: PathBuf,
    #[command(flatten)]
    quarantine: QuarantineArgument,
}

#[derive(Debug, Args)]
struct QuarantineArgument {
    /// Folder for the moved files, on the same file system as the photos
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
    let request = ApplyRequest { quarantine: arguments.quarantine.folder()?, dry_run: !arguments.yes };
    let decisions = arguments.decisions.open()?;
    let applied = monitored(|control| apply(&plan, &request, &decisions, control))?;
    screen.json(&applied)?;
    refusals(&applied.refused, screen)?;
    let (files, size) = (plural(applied.moved, "file"), bytes(applied.bytes));
    if request.dry_run {
        screen.text(format!("would move {files} ({size}); nothing was changed; --yes does it"))?;
    } else {
        screen.text(format!("moved {files} ({size})"))?;
    }
    if applied.already > 0 {
        screen.text(format!("{} had been moved before", plural(applied.already, "file")))?;
    }
    if applied.kept_whole > 0 {
        screen.text(format!("{} will not be shown again", plural(applied.kept_whole, "group")))?;
    }
    for folder in &applied.quarantines {
        screen.text(format!(
            "they are in {}; delete it to free the space",
            escaped(&folder.to_string_lossy())
        ))?;
    }
    Ok(status(applied.stopped, &applied))
}

fn status(stopped: bool, applied: &Applied) -> ExitStatus {
    match () {
        () if stopped => ExitStatus::Interrupted,
        () if applied.refused.is_empty() => ExitStatus::Done,
        () => ExitStatus::Failed,
    }
}

pub fn undo(arguments: &UndoArguments, screen: Screen) -> Result<ExitStatus> {
    let plan = read(&arguments.plan)?;
    let quarantine = arguments.quarantine.folder()?;
    let undone = monitored(|control| undo_plan(&plan, quarantine.as_deref(), control))?;
    screen.json(&undone)?;
    refusals(&undone.refused, screen)?;
    screen.text(format!("{} moved back", plural(undone.restored, "file")))?;
    Ok(match () {
        () if undone.stopped => ExitStatus::Interrupted,
        () if undone.refused.is_empty() => ExitStatus::Done,
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
