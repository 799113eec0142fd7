//! Applies a plan, and undoes it.
//!
//! Files are moved to a quarantine on the same file system: `ROOT/.gallerist-quarantine/RUN/...`, where RUN follows from the plan. Nothing is
//! deleted. Before a group is touched, the content of all its files is read again and compared with the plan. An item moves completely or
//! not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::cache::ContentHash;
use super::decisions::Decisions;
use super::error::{DedupError, Result};
use super::journal::{Journal, Move, QUARANTINE, exists, rename};
use super::plan::{Action, Group, Member, Plan, hex};
use super::planning::content_hash;
use crate::control::Control;

/// How a plan is applied.
#[derive(Debug, Clone, Default)]
pub struct ApplyRequest {
    /// The folder that takes the files. Without one, each root has its own.
    pub quarantine: Option<PathBuf>,
    /// Report what would be done, and do nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Applied {
    /// Files that were moved by this run.
    pub moved: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that an earlier run of the same plan had moved.
    pub already: u64,
    /// Groups that the user keeps whole from now on.
    pub kept_whole: u64,
    /// Groups that were left alone, with the reason.
    pub refused: Vec<Refused>,
    /// The folders with the moved files.
    pub quarantines: Vec<PathBuf>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Something that was left alone.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

/// Applies a plan. The same plan again completes a run that was stopped or killed.
///
/// # Errors
/// A journal cannot be written. Files that cannot be moved are in [`Applied::refused`].
pub fn apply(
    plan: &Plan,
    request: &ApplyRequest,
    decisions: &Decisions,
    control: &Control<'_>,
) -> Result<Applied> {
    let places = Places::of(plan, request.quarantine.as_deref());
    let mut applied = Applied::default();
    let groups: Vec<&Group> = plan.groups.iter().filter(|group| !group.keep_all).collect();
    if !request.dry_run {
        for group in plan.groups.iter().filter(|group| group.keep_all) {
            decisions.keep_all(&contents(group))?;
            applied.kept_whole += 1;
        }
        let mut moves: BTreeMap<PathBuf, Vec<Move>> = BTreeMap::new();
        for member in
            groups.iter().flat_map(|group| &group.members).filter(|member| member.action == Action::Move)
        {
            for (from, to, run, blake3) in places.moves(member) {
                let one = Move { from: from.as_path().into(), to: to.as_path().into(), blake3 };
                moves.entry(run).or_default().push(one);
            }
        }
        for (run, moves) in moves {
            if Journal::read(&run)?.is_none() {
                Journal::new(moves, &run)?.write(&run)?;
            }
            applied.quarantines.push(run);
        }
    }
    let total = groups.len() as u64;
    for (done, group) in groups.into_iter().enumerate() {
        if control.is_stopped() {
            applied.stopped = true;
            break;
        }
        apply_group(group, &places, request.dry_run, &mut applied);
        control.report("groups", done as u64 + 1, Some(total));
    }
    if applied.moved + applied.already == 0 && !applied.stopped {
        for run in std::mem::take(&mut applied.quarantines) {
            let journal = Journal::read(&run)?;
            Journal::remove(&run);
            journal.iter().for_each(Journal::restore_times);
        }
    }
    Ok(applied)
}

fn apply_group(group: &Group, places: &Places, dry_run: bool, applied: &mut Applied) {
    let moved: Vec<&Member> = group.members.iter().filter(|member| member.action == Action::Move).collect();
    if moved.is_empty() {
        return;
    }
    for member in group.members.iter().filter(|member| member.action == Action::Keep) {
        if let Err(refused) = unchanged(member) {
            let reason = format!("{}, so its copies stay", refused.reason);
            applied.refused.push(Refused { reason, ..refused });
            return;
        }
    }
    for member in moved {
        let moves = places.moves(member);
        let count = member.files.iter().map(|file| file.paths.len()).sum::<usize>();
        if moves.len() != count {
            let path = member.photo.path().unwrap_or_default();
            applied.refused.push(Refused {
                path,
                reason: "one of its files is in none of the folders of the plan".into(),
            });
            continue;
        }
        let pending: Vec<_> =
            moves.into_iter().filter(|(from, to, ..)| exists(from) || !exists(to)).collect();
        applied.already += (count - pending.len()) as u64;
        let check = |(from, _, _, blake3): &(PathBuf, PathBuf, PathBuf, String)| unchanged_file(from, blake3);
        if let Err(refused) = pending.iter().try_for_each(check) {
            applied.refused.push(refused);
            continue;
        }
        if !dry_run && let Err(refused) = move_all(&pending) {
            applied.refused.push(refused);
            continue;
        }
        applied.moved += pending.len() as u64;
        // Several names of one file free its bytes once.
        applied.bytes +=
            if pending.is_empty() { 0 } else { member.files.iter().map(|file| file.bytes).sum() };
    }
}

/// Moves all files of an item, or none.
fn move_all(moves: &[(PathBuf, PathBuf, PathBuf, String)]) -> Result<(), Refused> {
    for (at, (from, to, ..)) in moves.iter().enumerate() {
        if let Err(error) = rename(from, to) {
            for (from, to, ..) in moves[..at].iter().rev() {
                // If this fails too, the file is in the quarantine and in the journal, so the plan can still be undone.
                let _ = rename(to, from);
            }
            let reason = match error.kind() {
                std::io::ErrorKind::CrossesDevices => {
                    "it is on another file system than the quarantine; name a folder on that file system"
                        .into()
                }
                _ => format!("it cannot be moved to {}: {error}", to.display()),
            };
            return Err(Refused { path: from.clone(), reason });
        }
    }
    Ok(())
}

fn unchanged(member: &Member) -> Result<(), Refused> {
    for file in &member.files {
        for path in file.paths.iter().filter_map(|path| path.path()) {
            unchanged_file(&path, &file.blake3)?;
        }
    }
    Ok(())
}

fn unchanged_file(path: &Path, blake3: &str) -> Result<(), Refused> {
    let refused = |reason: String| Refused { path: path.into(), reason };
    match content_hash(path) {
        Ok(content) if hex(&content) == blake3 => Ok(()),
        Ok(_) => Err(refused("it changed since the plan was made".into())),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Where files go.
struct Places {
    /// Roots with the folder of the run for each, the longest path first.
    runs: Vec<(PathBuf, PathBuf)>,
}

impl Places {
    fn of(plan: &Plan, quarantine: Option<&Path>) -> Self {
        let id = hex(&blake3::hash(moved_files(plan).as_bytes()).as_bytes()[..6]);
        let mut runs = Vec::new();
        for (number, root) in plan.roots.iter().filter_map(|root| root.path()).enumerate() {
            // A root may be a single photo.
            let root =
                if root.is_dir() { root } else { root.parent().unwrap_or(Path::new("/")).to_path_buf() };
            let run = match quarantine {
                Some(folder) => folder.join(&id).join(number.to_string()),
                None => root.join(QUARANTINE).join(&id),
            };
            runs.push((root, run));
        }
        runs.sort_by_key(|(root, _)| std::cmp::Reverse(root.components().count()));
        Self { runs }
    }

    /// For each path of each file: from, to, the folder of the run, the content.
    fn moves(&self, member: &Member) -> Vec<(PathBuf, PathBuf, PathBuf, String)> {
        let paths =
            member.files.iter().flat_map(|file| file.paths.iter().map(move |path| (path, &file.blake3)));
        let place = |(path, blake3): (&super::plan::PathText, &String)| {
            let from = path.path()?;
            let (root, run) = self.runs.iter().find(|(root, _)| from.starts_with(root))?;
            let to = run.join("files").join(from.strip_prefix(root).ok()?);
            Some((from, to, run.clone(), blake3.clone()))
        };
        paths.filter_map(place).collect()
    }
}

/// The moved files of a plan, which identify a run: the same choices continue it.
fn moved_files(plan: &Plan) -> String {
    let members = plan.groups.iter().filter(|group| !group.keep_all).flat_map(|group| &group.members);
    let moved: Vec<&Member> = members.filter(|member| member.action == Action::Move).collect();
    serde_json::to_string(&(&plan.roots, moved)).unwrap_or_default()
}

fn contents(group: &Group) -> Vec<(ContentHash, Vec<PathBuf>)> {
    let mut contents = Vec::new();
    for member in &group.members {
        let photo = member.files.iter().find(|file| file.paths.contains(&member.photo));
        if let Some(file) = photo {
            let bytes = blake3::Hash::from_hex(&file.blake3).map(|hash| *hash.as_bytes());
            let paths = file.paths.iter().filter_map(|path| path.path()).collect();
            contents.extend(bytes.ok().map(|content| (content, paths)));
        }
    }
    contents
}

/// What was moved back.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Undone {
    /// Files that are at their places again.
    pub restored: u64,
    /// Files that could not be moved back, with the reason. They stay in the quarantine.
    pub refused: Vec<Refused>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Moves all files of a run back, and gives the folders their times. The same call again continues after a stop.
///
/// # Errors
/// There is no such run, or a journal is damaged.
pub fn undo(plan: &Plan, quarantine: Option<&Path>, control: &Control<'_>) -> Result<Undone> {
    let places = Places::of(plan, quarantine);
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
        undo_run(&journal, root, run, control, &mut undone);
    }
    match has_run {
        true => Ok(undone),
        false => {
            let path = places.runs.first().map_or_else(PathBuf::new, |(_, run)| run.clone());
            Err(DedupError::Plan { path, reason: "this plan was not applied, or it was undone".into() })
        }
    }
}

fn undo_run(journal: &Journal, root: &Path, run: &Path, control: &Control<'_>, undone: &mut Undone) {
    let total = journal.moves.len() as u64;
    let before = undone.refused.len();
    for (done, one) in journal.moves.iter().rev().enumerate() {
        if control.is_stopped() {
            undone.stopped = true;
            return;
        }
        // A journal that somebody changed moves nothing from or to other places.
        let place = |path: Option<PathBuf>, folder: &Path| path.filter(|path| path.starts_with(folder));
        if let (Some(from), Some(to)) = (place(one.from.path(), root), place(one.to.path(), run))
            && exists(&to)
        {
            match rename(&to, &from) {
                Ok(()) => undone.restored += 1,
                Err(error) => {
                    let reason = format!("it stays at {}: {error}", to.display());
                    undone.refused.push(Refused { path: from, reason });
                }
            }
        }
        control.report("files", done as u64 + 1, Some(total));
    }
    if undone.refused.len() == before {
        // Once before the journal is removed, in case the run is killed, and once after it, because that changes the folder above.
        journal.restore_times();
        Journal::remove(run);
        journal.restore_times();
    }
}
