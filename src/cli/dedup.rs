//! `gallerist dedup`: duplicates.

mod apply;
mod group;
mod plan;
mod subjects;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::screen::{Bar, Screen};
use super::{ExitStatus, folders, interrupt};
use crate::control::Control;
use crate::dedup::decisions::Decisions;

/// Find copies of photos, and people who are in a gallery twice. No photo is deleted: `plan` only reads, `apply` moves or links copies, `undo` restores them.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Find copies, and write what would be moved to a plan
    Plan(plan::Arguments),
    /// Move the copies of a plan to a quarantine or the trash, or replace them by links
    Apply(apply::Arguments),
    /// Undo what `apply` did
    Undo(apply::UndoArguments),
    /// Find people who are in a gallery under two names, and names that stand for two people
    Subjects(subjects::Arguments),
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::Plan(arguments) => plan::run(arguments, screen),
        Verb::Apply(arguments) => apply::run(arguments, screen),
        Verb::Undo(arguments) => apply::undo(arguments, screen),
        Verb::Subjects(arguments) => subjects::run(arguments, screen),
    }
}

/// Runs `work` with the stop flag and a progress bar.
fn monitored<T>(work: impl FnOnce(&Control<'_>) -> T) -> T {
    let bar = Bar::new();
    let done = work(&Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) });
    bar.finish();
    done
}

/// Where decisions are remembered.
#[derive(Debug, Args)]
struct DecisionsArgument {
    /// File that remembers the groups to keep whole [default: photo-decisions.sqlite in the state folder of the user]
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
}

impl DecisionsArgument {
    fn open(&self) -> Result<Decisions> {
        let path = file(
            self.decisions.as_deref(),
            folders::state(),
            ("photo-decisions.sqlite", "--decisions FILE"),
        )?;
        Decisions::open(&path).with_context(|| elsewhere("file of decisions", &path, "--decisions FILE"))
    }
}

/// What to do if a file of the user's folders cannot be used, as in a home that is read-only.
fn elsewhere(what: &str, path: &Path, option: &str) -> String {
    format!("the {what} {} cannot be used; {option} names another one", path.display())
}

/// The given file, or the one with this name in the folder.
fn file(given: Option<&Path>, folder: Option<PathBuf>, (name, option): (&str, &str)) -> Result<PathBuf> {
    match given {
        Some(given) => Ok(given.to_owned()),
        None => Ok(folder
            .with_context(|| format!("HOME is not set, so a file must be given: {option}"))?
            .join(name)),
    }
}
