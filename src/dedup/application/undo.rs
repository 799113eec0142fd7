//! Undoes a run.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::lock::Locks;
use super::preparation::{Places, check_folder};
use super::runs::{self, Place};
use super::{Refused, trash};
use crate::control::Control;
use crate::dedup::Disposal;
use crate::dedup::error::{DedupError, Result};
use crate::dedup::journal::{Journal, Move, QUARANTINE, Replacement, exists, rename};
use crate::dedup::plan::{PathText, Plan, hex};
use crate::dedup::planning::content_hash;

/// What was undone.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Undone {
    /// What the run had done, if its journal was complete.
    pub disposal: Option<Disposal>,
    /// Files that are at their places again, or independent again.
    pub restored: u64,
    /// Clones. They were independent, with the contents, times and attributes of the files that they replaced, so nothing was restored.
    pub clones: u64,
    /// Files whose content was altered since they were moved away. They are at their places again, with that content.
    pub altered: Vec<Refused>,
    /// Files that could not be restored, with the reason.
    pub refused: Vec<Refused>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

impl Undone {
    fn refuse(&mut self, path: &Path, reason: String) {
        self.refused.push(Refused { path: path.into(), reason });
    }
}

/// Undoes a run: moves all files back, makes linked files independent, and gives the folders their times. The same call again continues
/// after a stop.
///
/// # Errors
/// There is no such run, another run works in the same folders, or a journal is damaged.
pub fn undo(plan: &Plan, quarantine: Option<&Path>, control: &Control<'_>) -> Result<Undone> {
    let places = Places::of(plan, quarantine);
    if let Some(folder) = quarantine {
        check_folder(folder)?;
    }
    if places.runs.iter().any(|place| place.run.is_dir()) {
        return undo_all(&places, control);
    }
    if complete_removals(places.runs.iter().map(|place| place.root.as_path()))? {
        return Ok(Undone::default());
    }
    let (path, mut reason) = match places.runs.first() {
        Some(place) => (place.run.clone(), "this plan was not applied, or it was undone".to_owned()),
        None => (PathBuf::new(), "the plan has no folder".to_owned()),
    };
    for root in plan.roots.iter().filter_map(PathText::path).filter(|root| !exists(root)) {
        reason = format!("{reason}; {} is not there: if it was renamed, name the new folder", root.display());
    }
    let others = places.runs.iter().filter_map(|place| runs::places(&place.root).ok()).flatten();
    Err(DedupError::Run { path, reason, runs: others.map(|place| place.run).collect() })
}

/// Undoes a run that is found by a folder: one of its plan, a quarantine, or the folder of the run. A folder of the plan may have been renamed
/// since, with all that is in it.
///
/// # Errors
/// As [`undo`], and the folder has several runs.
pub fn undo_folder(folder: &Path, control: &Control<'_>) -> Result<Undone> {
    let found = runs::places(folder)?;
    let ids: BTreeSet<String> = found.iter().map(Place::id).collect();
    let reason = match ids.len() {
        0 if complete_removals(std::iter::once(folder))? => return Ok(Undone::default()),
        0 => "there is no run that can be undone",
        1 => {
            let id = ids.into_iter().next().unwrap_or_default();
            return undo_all(&Places { id, runs: found }, control);
        }
        _ => "there are several runs; name one",
    };
    let runs = found.into_iter().map(|place| place.run).collect();
    Err(DedupError::Run { path: folder.into(), reason: reason.into(), runs })
}

/// Completes what a process left that was killed after it had removed the folder of its run. Returns whether there was something to do.
fn complete_removals<'a>(roots: impl Iterator<Item = &'a Path> + Clone) -> Result<bool> {
    let _locks = Locks::of(roots.clone())?;
    Ok(roots.filter(|root| Journal::complete_removal(&root.join(QUARANTINE))).count() > 0)
}

fn undo_all(places: &Places, control: &Control<'_>) -> Result<Undone> {
    let _locks = places.lock()?;
    let mut undone = Undone::default();
    for place in &places.runs {
        let run = &place.run;
        match Journal::read(run)? {
            Some(journal) => {
                undone.disposal = Some(journal.disposal);
                undo_run(&journal, places, place, control, &mut undone);
            }
            // A run that was killed before its first move.
            None => match place.lost() {
                Some(lost) => {
                    undone.refuse(
                        &lost,
                        "the quarantine is not there; if it was moved, name its folder".into(),
                    );
                }
                None => {
                    Journal::remove(run);
                    if run.is_dir() {
                        let reason = "it contains files but no journal, so their places are not known";
                        undone.refuse(run, reason.into());
                    }
                }
            },
        }
        place.unmark();
    }
    Ok(undone)
}

fn undo_run(recorded: &Journal, places: &Places, place: &Place, control: &Control<'_>, undone: &mut Undone) {
    let journal = &recorded.rebased(&place.root, &place.run);
    let total = (journal.moves.len() + journal.replacements.len()) as u64;
    let mut is_complete = true;
    let moves = journal.moves.iter().zip(&recorded.moves).rev();
    let moves = moves.map(|(one, recorded)| Operation::Move(one, recorded));
    let replacements = journal.replacements.iter().enumerate().rev();
    let replacements = replacements.map(|(number, record)| Operation::Replacement(number, record));
    for (done, operation) in moves.chain(replacements).enumerate() {
        if control.is_stopped() {
            undone.stopped = true;
            return;
        }
        is_complete &= match operation {
            Operation::Move(one, recorded) => move_back(one, recorded, journal.disposal, place, undone),
            Operation::Replacement(number, record) => {
                make_independent(journal.disposal, number, record, places, undone)
            }
        };
        control.report("files", done as u64 + 1, Some(total));
    }
    if is_complete {
        journal.clear(&place.run);
    }
}

enum Operation<'a> {
    /// A move, and how the journal has it, which is another one if the folder was renamed since.
    Move(&'a Move, &'a Move),
    Replacement(usize, &'a Replacement),
}

/// The folder of a file, or the nearest one above it that exists, if a symbolic link below `root` leads it to another place.
fn led_elsewhere(file: &Path, root: &Path) -> Option<PathBuf> {
    let folder = file.ancestors().skip(1).find(|folder| exists(folder))?;
    let expected = root.canonicalize().ok()?.join(folder.strip_prefix(root).ok()?);
    (folder.canonicalize().ok()? != expected).then(|| folder.into())
}

/// Returns `false` if the file could be moved back by another try.
fn move_back(one: &Move, recorded: &Move, disposal: Disposal, place: &Place, undone: &mut Undone) -> bool {
    // A journal that somebody changed moves nothing from or to other places.
    let is_below = |path: &Path, folder: &Path| {
        path.starts_with(folder) && !path.components().any(|part| part == Component::ParentDir)
    };
    let is_place = |to: &PathBuf| match disposal {
        Disposal::Trash => trash::of_place(to).is_some(),
        _ => is_below(to, &place.run),
    };
    let (from, to) = (one.from.path().unwrap_or_default(), one.to.path().unwrap_or_default());
    if !is_below(&from, &place.root) || !is_place(&to) {
        undone.refuse(
            &from,
            format!("the journal moves it to {}, which is no place of this run", to.display()),
        );
        return false;
    }
    let described = recorded.from.path().unwrap_or_default();
    if !exists(&to) {
        if disposal == Disposal::Trash {
            trash::forget(&described, &to);
        }
        if !exists(&from) {
            undone.refuse(
                &from,
                format!("it is neither there nor at {}, so it was deleted since", to.display()),
            );
        }
        return true;
    }
    if let Some(folder) = led_elsewhere(&from, &place.root) {
        let reason = format!("it stays at {}: {} leads to another place now", to.display(), folder.display());
        undone.refuse(&from, reason);
        return false;
    }
    let altered = match content_hash(&to) {
        Ok(content) if hex(&content) == one.blake3 => None,
        Ok(_) => Some(format!("its content was altered at {}; it was moved back with it", to.display())),
        Err(error) => Some(format!("it was moved back, but its content was not compared: {error}")),
    };
    let moved = match disposal {
        Disposal::Trash => trash::take_back(&from, &to).inspect(|()| trash::forget(&described, &to)),
        _ => rename(&to, &from),
    };
    match (moved, altered) {
        (Ok(()), None) => undone.restored += 1,
        (Ok(()), Some(reason)) => {
            undone.restored += 1;
            undone.altered.push(Refused { path: from, reason });
        }
        (Err(error), _) => {
            undone.refuse(&from, format!("it stays at {}: {error}", to.display()));
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
    if let Some(path) = record.paths.iter().filter_map(PathText::path).find(|path| !places.contain(path)) {
        let reason = "one of its paths is not below the folder; undo it by its plan".into();
        undone.refused.push(Refused { path, reason });
        return false;
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
