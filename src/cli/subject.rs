//! `gallerist subject`: the subjects of a gallery.

mod history;
mod templates;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand};

use super::naming::print_kept_apart;
use super::screen::{Screen, Table, count, plural};
use super::{ExitStatus, opening};
use crate::gallery::{Gallery, Name, SubjectTemplate};
use crate::reply::{Correction, SubjectCorrected, SubjectListed};
use crate::session::subjects;

/// List, show, rename, merge and remove subjects; move, reject and remove single templates. `history` lists these corrections, and
/// `gallerist undo` undoes them.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all subjects
    List {
        /// The gallery
        gallery: PathBuf,
    },
    /// Show the templates of a subject: ids, photos and quality
    Show {
        /// The gallery
        gallery: PathBuf,
        /// Name of the subject
        name: String,
    },
    /// Rename a subject
    Rename {
        /// The gallery
        gallery: PathBuf,
        /// Present name
        from: String,
        /// New name
        to: String,
        /// Print what would be done; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Merge two subjects that are one person: move the templates of the first to the second
    Merge {
        /// The gallery
        gallery: PathBuf,
        /// Name of the subject to merge; it is removed
        from: String,
        /// Name of the subject that gets the templates
        into: String,
        /// Print what would be done; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Move single templates to another subject, which is made if it does not exist. The templates get new ids
    Move {
        /// The gallery
        gallery: PathBuf,
        /// Ids of the templates; `subject show`, `identify`, `audit` and `cluster` print them
        #[arg(long = "template", value_name = "ID", required = true, num_args = 1.., value_delimiter = ',')]
        templates: Vec<u64>,
        /// Name of the subject that gets the templates
        #[arg(long, value_name = "NAME")]
        to: String,
        /// Print what would be done; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Say that templates do not show a subject. Those that belong to it lose their name, and `cluster` does not give it to them again
    Reject {
        /// The gallery
        gallery: PathBuf,
        /// Name of the subject
        name: String,
        /// Ids of the templates
        #[arg(long = "template", value_name = "ID", required = true, num_args = 1.., value_delimiter = ',')]
        templates: Vec<u64>,
    },
    /// Remove a subject with all its templates, or single templates. `purge` erases their bytes. Enrolling the same photos adds them again
    Remove {
        /// The gallery
        gallery: PathBuf,
        /// Name of the subject
        #[arg(required_unless_present = "templates")]
        name: Option<String>,
        /// Ids of single templates; `subject show`, `identify` and `audit` print them. A subject without templates is removed too
        #[arg(long = "template", value_name = "ID", conflicts_with = "name", num_args = 1.., value_delimiter = ',')]
        templates: Vec<u64>,
        /// Confirm; required to remove a whole subject
        #[arg(long)]
        yes: bool,
        /// Print what would be done; change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// List all corrections. Names of removed subjects are not listed
    History {
        /// The gallery
        gallery: PathBuf,
    },
}

impl Arguments {
    /// Whether the command only prints.
    pub fn only_prints(&self) -> bool {
        matches!(self.verb, Verb::List { .. } | Verb::Show { .. } | Verb::History { .. })
    }
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    match &arguments.verb {
        Verb::List { gallery } => list(gallery, screen)?,
        Verb::Show { gallery, name } => show(gallery, name, screen)?,
        Verb::Rename { gallery, from, to, dry_run } => {
            let to = Name::new(to)?;
            ensure!(from != to.as_str(), "{from} is already the name");
            print(screen, &subjects::rename(&open(gallery, *dry_run)?, from, &to, *dry_run)?)?;
        }
        Verb::Merge { gallery, from, into, dry_run } => {
            print(screen, &subjects::merge(&open(gallery, *dry_run)?, from, into, *dry_run)?)?;
        }
        Verb::Move { gallery, templates, to, dry_run } => {
            templates::relocate(&open(gallery, *dry_run)?, templates, to, *dry_run, screen)?;
        }
        Verb::Reject { gallery, name, templates } => {
            templates::reject(&opening::to_write(gallery)?, templates, name, screen)?;
        }
        Verb::History { gallery } => history::list(&opening::to_read(gallery)?, screen)?,
        Verb::Remove { gallery, name: None, templates, dry_run, .. } => {
            templates::remove(&open(gallery, *dry_run)?, templates, *dry_run, screen)?;
        }
        Verb::Remove { gallery, name: Some(name), yes, dry_run, .. } => {
            let gallery = open(gallery, *dry_run)?;
            let subject = gallery.subject(name)?;
            if !dry_run && !yes {
                bail!("{name} has {}; add --yes to remove them", plural(subject.templates, "template"));
            }
            print(screen, &subjects::remove(&gallery, name, *dry_run)?)?;
        }
    }
    Ok(ExitStatus::Done)
}

fn list(gallery: &Path, screen: Screen) -> Result<()> {
    let gallery = opening::to_read(gallery)?;
    let mut table = Table::new(&[1]);
    let mut failed = Ok(());
    gallery.each_subject(|subject| {
        if screen.is_json() && failed.is_ok() {
            let (subject_id, templates) = (subject.id, subject.templates);
            failed = screen.json(&SubjectListed { subject_id, subject: subject.name, templates });
        } else {
            table.row([subject.name, count(subject.templates)]);
        }
    })?;
    failed?;
    Ok(table.lines(0).iter().try_for_each(|line| screen.text(line))?)
}

fn show(gallery: &Path, name: &str, screen: Screen) -> Result<()> {
    let gallery = opening::to_read(gallery)?;
    let subject = gallery.subject(name)?;
    let templates = gallery.templates_of(&subject)?;
    screen.json(&subjects::shown(&gallery, &subject)?)?;
    screen.text(format!("{}, {}", subject.name, plural(subject.templates, "template")))?;
    let mut table = Table::new(&[0]);
    for template in templates {
        let origin = origin(&template);
        let quality =
            template.face.map_or_else(String::new, |face| format!("quality {}", face.quality.overall));
        table.row([format!("#{}", template.id), origin, quality]);
    }
    Ok(table.lines(2).iter().try_for_each(|line| screen.text(line))?)
}

/// The origin of a template: path, and row if it has one.
fn origin(template: &SubjectTemplate) -> String {
    let path = template.path.as_ref().map_or_else(String::new, |path| path.display().to_string());
    template.row.map_or_else(|| path.clone(), |row| format!("{path} row {row}"))
}

/// Opens the gallery; for a dry run, for reading only.
fn open(gallery: &Path, dry_run: bool) -> Result<Gallery> {
    Ok(if dry_run { opening::to_read(gallery) } else { opening::to_write(gallery) }?)
}

/// Prints a correction of a whole subject.
fn print(screen: Screen, corrected: &SubjectCorrected) -> Result<()> {
    let SubjectCorrected { event, what, templates, dry_run, .. } = corrected;
    let done = match event {
        Correction::Renamed => "renamed",
        Correction::Merged => "merged",
        Correction::Removed => "removed",
    };
    let would = if *dry_run { "would have " } else { "" };
    let count = if *templates > 0 { format!(", {}", plural(*templates, "template")) } else { String::new() };
    screen.text(format!("{would}{done} {what}{count}"))?;
    if let (true, Some(to)) = (corrected.kept_apart, &corrected.to) {
        print_kept_apart(&[[corrected.from.clone(), to.clone()]], *dry_run, screen)?;
    }
    if let (false, Some(to)) = (corrected.lists.is_empty(), &corrected.to) {
        screen.text(joined((&corrected.from, to), &corrected.lists, *dry_run))?;
    }
    Ok(screen.json(corrected)?)
}

/// On which lists a subject is because of a merge, in words. It may be hidden by one.
fn joined((from, to): (&str, &str), lists: &[String], dry_run: bool) -> String {
    let (is, was) = if dry_run { ("would be", "is") } else { ("is now", "was") };
    let word = if lists.len() == 1 { "list" } else { "lists" };
    format!("{to} {is} on the {word} {}, because {from} {was}", lists.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_says_which_lists_the_subject_is_on_now() {
        let lists = ["hidden".to_owned(), "vip".to_owned()];
        let said = |lists: &[String], dry_run| joined(("Ada", "Eve"), lists, dry_run);
        assert_eq!(said(&lists[..1], false), "Eve is now on the list hidden, because Ada was");
        assert_eq!(said(&lists, true), "Eve would be on the lists hidden, vip, because Ada is");
    }
}
