//! `gallerist list`: the lists of subjects of a gallery.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::screen::{Screen, Table, count, plural};
use super::{ExitStatus, opening};
use crate::gallery::Name;
use crate::reply::ListShown;
use crate::session::lists;

/// Show, make, change and remove lists of subjects. `identify --list` and `--not-list` search by them; `cluster --not-list` and
/// `dedup subjects --not-list` do not show the subjects on them. If a subject is merged into another one, that one takes its place, until
/// `gallerist undo` undoes the merge. Lists are no corrections: other changes of them are not undone.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show all lists, or the subjects on one
    Show {
        /// The gallery
        gallery: PathBuf,
        /// Name of the list
        list: Option<String>,
    },
    /// Add subjects to a list, which is made if it does not exist
    Add {
        /// The gallery
        gallery: PathBuf,
        /// Name of the list
        list: String,
        /// Names of the subjects
        #[arg(required = true)]
        subjects: Vec<String>,
    },
    /// Take subjects off a list, or remove the list. The subjects stay in the gallery
    Remove {
        /// The gallery
        gallery: PathBuf,
        /// Name of the list
        list: String,
        /// Names of the subjects
        subjects: Vec<String>,
        /// Confirm; required to remove the list
        #[arg(long, conflicts_with = "subjects")]
        yes: bool,
    },
}

impl Arguments {
    /// Whether the command only prints.
    pub fn only_prints(&self) -> bool {
        matches!(self.verb, Verb::Show { .. })
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::Show { gallery, list: None } => all(gallery, screen)?,
        Verb::Show { gallery, list: Some(list) } => show(gallery, list, screen)?,
        Verb::Add { gallery, list, subjects } => {
            let list = Name::new(list)?;
            print(&lists::add(&opening::to_write(gallery)?, &list, subjects)?, screen)?;
        }
        Verb::Remove { gallery, list, subjects, yes } if subjects.is_empty() => {
            remove(gallery, list, *yes, screen)?;
        }
        Verb::Remove { gallery, list, subjects, .. } => {
            print(&lists::take_off(&opening::to_write(gallery)?, list, subjects)?, screen)?;
        }
    }
    Ok(ExitStatus::Done)
}

fn all(gallery: &Path, screen: Screen) -> Result<()> {
    let shown = lists::all(&opening::to_read(gallery)?)?;
    screen.json(&shown)?;
    let mut table = Table::new(&[1]);
    for list in shown.lists {
        table.row([list.name, count(list.subjects)]);
    }
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}

fn show(gallery: &Path, list: &str, screen: Screen) -> Result<()> {
    let gallery = opening::to_read(gallery)?;
    let shown = lists::shown(&gallery, list)?;
    screen.json(&shown)?;
    for id in shown.subjects {
        if let Some(name) = gallery.subject_name(id)? {
            screen.text(name)?;
        }
    }
    Ok(())
}

fn remove(gallery: &Path, list: &str, is_confirmed: bool, screen: Screen) -> Result<()> {
    let gallery = opening::to_write(gallery)?;
    let shown = lists::shown(&gallery, list)?;
    let subjects = plural(shown.subjects.len() as u64, "subject");
    if !is_confirmed {
        bail!("{list} has {subjects}; add --yes to remove the list");
    }
    gallery.remove_list(list)?;
    screen.text(format!("removed the list {list}; its {subjects} stay in the gallery"))?;
    Ok(screen.json(&shown)?)
}

fn print(list: &ListShown, screen: Screen) -> Result<()> {
    screen.text(format!("{}: {}", list.name, plural(list.subjects.len() as u64, "subject")))?;
    Ok(screen.json(list)?)
}
