//! Undoes a run.

use std::path::{Path, PathBuf};

use super::preparation::Places;
use super::{Refused, trash};
use crate::control::Control;
use crate::dedup::Disposal;
use crate::dedup::error::{DedupError, Result};
use crate::dedup::journal::{Journal, Move, Replacement, exists, rename};
use crate::dedup::plan::{PathText, Plan};

/// What was undone.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Undone {
    /// What the run had done, if its journal was complete.
    pub disposal: Option<Disposal>,
    /// Files that are at their places again, or independent again.
    pub restored: u64,
    /// Clones. They were independent, with the contents, times and attributes of the files that they replaced, so nothing was restored.
    pub clones: u64,
    /// Files that could not be restored, with the reason.
    pub refused: Vec<Refused>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Undoes a run: moves all files back, makes linked files independent, and gives the folders their times. The same call again continues
/// after a stop.
///
/// # Errors
/// There is no such run, another run works in the same folders, or a journal is damaged.
pub fn undo(plan: &Plan, quarantine: Option<&Path>, control: &Control<'_>) -> Result<Undone> {
    let places = Places::of(plan, quarantine);
    let _locks = places.lock()?;
    let mut undone = Undone::default();
    let mut has_run = false;
    for (root, run) in &places.runs {
        has_run |= run.is_dir();
        let Some(journal) = Journal::read(run)? else {
            // A run that was killed before its first move.
            Journal::remove(run);
            if run.is_dir() {
                let reason = "it contains files but no journal, so their places are not known".into();
                undone.refused.push(Refused { path: run.clone(), reason });
            }
            continue;
        };
        undone.disposal = Some(journal.disposal);
        undo_run(&journal, &places, root, run, control, &mut undone);
    }
    match has_run {
        true => Ok(undone),
        false => {
            let path = places.runs.first().map_or_else(PathBuf::new, |(_, run)| run.clone());
            Err(DedupError::Plan { path, reason: "this plan was not applied, or it was undone".into() })
        }
    }
}

fn undo_run(
    journal: &Journal,
    places: &Places,
    root: &Path,
    run: &Path,
    control: &Control<'_>,
    undone: &mut Undone,
) {
    let total = (journal.moves.len() + journal.replacements.len()) as u64;
    let mut is_complete = true;
    let moves = journal.moves.iter().rev().map(Operation::Move);
    let replacements = journal.replacements.iter().enumerate().rev();
    let replacements = replacements.map(|(number, record)| Operation::Replacement(number, record));
    for (done, operation) in moves.chain(replacements).enumerate() {
        if control.is_stopped() {
            undone.stopped = true;
            return;
        }
        is_complete &= match operation {
            Operation::Move(one) => move_back(one, journal.disposal, root, run, undone),
            Operation::Replacement(number, record) => {
                make_independent(journal.disposal, number, record, places, undone)
            }
        };
        control.report("files", done as u64 + 1, Some(total));
    }
    if is_complete {
        journal.clear(run);
    }
}

enum Operation<'a> {
    Move(&'a Move),
    Replacement(usize, &'a Replacement),
}

/// Returns `false` if the file could be moved back by another try.
fn move_back(one: &Move, disposal: Disposal, root: &Path, run: &Path, undone: &mut Undone) -> bool {
    // A journal that somebody changed moves nothing from or to other places.
    let is_place = |to: &PathBuf| match disposal {
        Disposal::Trash => trash::of_place(to).is_some(),
        _ => to.starts_with(run),
    };
    let (Some(from), Some(to)) =
        (one.from.path().filter(|from| from.starts_with(root)), one.to.path().filter(is_place))
    else {
        return true;
    };
    if !exists(&to) {
        if disposal == Disposal::Trash {
            trash::forget(&from, &to);
        }
        if !exists(&from) {
            let reason = format!("it is neither there nor at {}, so it was deleted since", to.display());
            undone.refused.push(Refused { path: from, reason });
        }
        return true;
    }
    let moved = match disposal {
        Disposal::Trash => trash::take_back(&from, &to),
        _ => rename(&to, &from),
    };
    match moved {
        Ok(()) => undone.restored += 1,
        Err(error) => {
            let reason = format!("it stays at {}: {error}", to.display());
            undone.refused.push(Refused { path: from, reason });
            return false;
        }
    }
    true
}

/// Returns `false` if the file could be made independent by another try.
fn make_independent(
    disposal: Disposal,
    number: usize,
    record: &Replacement,
    places: &Places,
    undone: &mut Undone,
) -> bool {
    let mut paths = record.paths.iter().filter_map(PathText::path);
    if !paths.all(|path| places.contain(&path)) {
        return true;
    }
    match places.replacing(disposal, number, record).restore() {
        Ok(has_copied) => {
            undone.restored += u64::from(has_copied);
            undone.clones += u64::from(disposal == Disposal::Reflink);
            true
        }
        Err(refused) => {
            undone.refused.push(refused);
            false
        }
    }
}
