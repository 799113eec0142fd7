//! `gallerist undo`

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::screen::{Screen, plural};
use super::{ExitStatus, NothingUsable, opening};
use crate::gallery::{Gallery, GalleryError, JournalEntry};
use crate::reply::{CorrectionUndone, VERSION};

/// Undo corrections of a gallery: renames, merges, moves, rejections, assignments of clusters and what `prune` removed, the newest first. A removal
/// by `subject remove` cannot be undone, and older corrections than it only by their numbers, which `subject history` lists.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Undo the newest N corrections that are not undone
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
    /// Undo these entries of the history: numbers and ranges, such as 12,20-31
    #[arg(long = "entry", value_name = "NUMBERS", conflicts_with = "last", value_delimiter = ',', value_parser = range)]
    entries: Vec<RangeInclusive<i64>>,
    /// Print what would be undone; change nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let gallery = match arguments.dry_run {
        true => opening::to_read(&arguments.gallery)?,
        false => opening::to_write(&arguments.gallery)?,
    };
    let numbers = arguments.numbers(&gallery)?;
    if numbers.is_empty() {
        return Err(NothingUsable("there is no correction to undo".into()).into());
    }
    if arguments.dry_run {
        return would_undo(&gallery, &numbers, screen);
    }
    for (done, &number) in numbers.iter().enumerate() {
        let undone = gallery.undo(number).with_context(|| match done {
            0 => "nothing was undone".to_owned(),
            done => format!("{} undone before", plural(done as u64, "correction")),
        })?;
        let subject = undone.subject.as_deref().map_or_else(String::new, |name| format!(": {name} is back"));
        screen.text(format!("undone {number}, {}{subject}", undone.verb))?;
        screen.json(&CorrectionUndone {
            version: VERSION,
            event: "undone".into(),
            id: undone.undone,
            verb: undone.verb,
            journal_id: undone.entry,
        })?;
    }
    Ok(ExitStatus::Done)
}

impl Arguments {
    /// The numbers of the entries, the newest first.
    fn numbers(&self, gallery: &Gallery) -> Result<Vec<i64>> {
        let journal = gallery.journal()?;
        let known = || journal.iter().rev();
        if self.entries.is_empty() {
            let last = usize::try_from(self.last).unwrap_or(usize::MAX);
            let is_left = |entry: &&JournalEntry| entry.verb != "undo" && entry.undone_by.is_none();
            let newest: Vec<&JournalEntry> = known().filter(is_left).take(last).collect();
            // An older correction instead would be a surprise.
            if let Some((entry, reason)) = newest.iter().find_map(|entry| Some((entry, entry.obstacle()?))) {
                bail!(
                    "entry {} of the history is newer and cannot be undone: {reason}; --entry NUMBER undoes another one",
                    entry.id
                );
            }
            return Ok(newest.iter().map(|entry| entry.id).collect());
        }
        for range in &self.entries {
            if let Some(id) =
                [range.start(), range.end()].into_iter().find(|id| known().all(|entry| entry.id != **id))
            {
                return Err(GalleryError::UnknownEntry { id: *id }.into());
            }
        }
        let is_given = |id: i64| self.entries.iter().any(|range| range.contains(&id));
        let is_single =
            |id: i64| self.entries.iter().any(|range| range.start() == range.end() && *range.start() == id);
        // In a range, entries of other kinds and those that are undone are left out; an entry given alone is refused with the reason.
        let chosen =
            known().filter(|entry| is_given(entry.id) && (entry.may_be_undone() || is_single(entry.id)));
        Ok(chosen.map(|entry| entry.id).collect())
    }
}

/// Stops at the first correction that cannot be undone, like the undoing itself.
fn would_undo(gallery: &Gallery, numbers: &[i64], screen: Screen) -> Result<ExitStatus> {
    let mut dry_run = gallery.undo_dry_run()?;
    for (done, &number) in numbers.iter().enumerate() {
        let entry = dry_run.undo(number).with_context(|| match done {
            0 => "nothing would be undone".to_owned(),
            done => format!("{} would be undone before", plural(done as u64, "correction")),
        })?;
        screen.text(format!("would undo {}, {}", entry.id, entry.verb))?;
        screen.json(&entry)?;
    }
    Ok(ExitStatus::Done)
}

/// A number, or two with a hyphen between them.
fn range(text: &str) -> Result<RangeInclusive<i64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<i64>().ok().filter(|number| *number > 0);
    match number(first).zip(number(last)) {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err("expected a number, or a range such as 20-31".into()),
    }
}
