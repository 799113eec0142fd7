//! Applies a plan, and undoes it.
//!
//! What becomes of the copies is a [`Disposal`]. Nothing is deleted, and a journal in `ROOT/.gallerist-quarantine/RUN`, where RUN follows from
//! the plan, makes a run that was stopped or killed complete, or undoes it. Before a group is touched, the content of all its files is read
//! again and compared with the plan.
//!
//! - A quarantine, `files` beside the journal, is on the file system of the photos. An item moves completely or not at all.
//! - The trash is that of the desktop. Items move completely too.
//! - A hard link makes a copy another name of the kept file. Both have one mode, owner and time then, and who writes into one writes into
//!   both. So files with another mode, owner or extended attributes, or with a name outside the plan, are refused.
//! - A clone (reflink) shares blocks and stays independent, with its own mode, owner, times and attributes.
//!
//! Links and clones replace only files whose bytes equal those of a kept file; if only copies have these bytes, those of the first of them. The
//! other files of an item, and all sidecars, stay as they are, and nothing moves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::cache::ContentHash;
use super::decisions::Decisions;
use super::disposal::Disposal;
use super::error::Result;
use super::files::Stamp;
use super::journal::{Journal, exists, rename};
use super::plan::{Action, Group, Kind, Member, PathText, Plan, PlannedFile, hex};
use super::planning::content_hash;
use crate::control::Control;

pub mod attributes;
mod entries;
mod lock;
mod preparation;
mod replacement;
pub mod runs;
#[cfg(test)]
mod tests;
pub mod trash;
mod undo;

use entries::Entry;
use preparation::{Operations, Places, Twin, check_folder, pairs, paths, unshared};
pub use undo::{Undone, undo, undo_folder};

/// How a plan is applied.
#[derive(Debug, Clone, Default)]
pub struct ApplyRequest {
    /// What becomes of the copies.
    pub disposal: Disposal,
    /// The folder for the journal and the files of a quarantine. Without one, each root has its own.
    pub quarantine: Option<PathBuf>,
    /// The trash of the user's home, usually `~/.local/share/Trash`.
    pub home_trash: Option<PathBuf>,
    /// Report what would be done, and do nothing.
    pub dry_run: bool,
}

/// What was done, or would be.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Applied {
    /// What becomes of the copies.
    pub disposal: Disposal,
    /// Files that were moved by this run.
    pub moved: u64,
    /// Files that were replaced by this run, each once.
    pub replaced: u64,
    /// The bytes of both.
    pub bytes: u64,
    /// Files that an earlier run of the same plan had moved or replaced.
    pub already: u64,
    /// Files that equal no kept file byte for byte, and no copy before them, so they are not replaced. Sidecars are not counted.
    pub unequal: u64,
    /// Groups that the user keeps whole from now on.
    pub kept_whole: u64,
    /// Groups and files that were left alone, with the reason.
    pub refused: Vec<Refused>,
    /// The folders with the moved files.
    pub folders: Vec<PathBuf>,
    /// Symbolic links that led to files which were moved, and that lead nowhere now, or would.
    pub links: Vec<PathBuf>,
    /// Folders of the plan in which no mark says where the quarantine is, with the reason. The run is not found by them.
    pub unmarked: Vec<Refused>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
    /// Whether nothing was changed, because only a dry run was requested. The numbers are those of what would be done.
    pub dry_run: bool,
    /// The groups of a dry run of which files would be moved or replaced, in the order of the plan.
    #[serde(skip)]
    pub groups: Vec<Foreseen>,
}

/// What a dry run finds to do in a group.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Foreseen {
    /// The id of the group.
    pub id: String,
    /// The photos that stay.
    pub kept: Vec<PathBuf>,
    /// The files that would be moved or replaced, each at all its paths.
    pub files: Vec<PathBuf>,
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
/// Another run works in the same folders, the system cannot do it, the plan was applied with another disposal, or a journal cannot be written. Files that cannot be moved or
/// replaced are in [`Applied::refused`].
pub fn apply(
    plan: &Plan,
    request: &ApplyRequest,
    decisions: &Decisions,
    control: &Control<'_>,
) -> Result<Applied> {
    if let Some(folder) = &request.quarantine {
        check_folder(folder)?;
    }
    let places = Places::of(plan, request.quarantine.as_deref());
    let _locks = if request.dry_run { None } else { Some(places.lock()?) };
    let operations = Operations::of(plan, &places, request)?;
    let references = &unshared(plan, request.disposal);
    let mut run = Run { places, operations, request, references, applied: Applied::default() };
    run.applied.disposal = request.disposal;
    run.applied.dry_run = request.dry_run;
    if !request.dry_run {
        for group in plan.groups.iter().filter(|group| group.keep_all) {
            decisions.keep_all(&contents(group))?;
            run.applied.kept_whole += 1;
        }
        run.begin()?;
    }
    let groups: Vec<&Group> = plan.groups.iter().filter(|group| !group.keep_all).collect();
    let total = groups.len() as u64;
    for (done, group) in groups.into_iter().enumerate() {
        if control.is_stopped() {
            run.applied.stopped = true;
            break;
        }
        run.apply_group(group);
        control.report("groups", done as u64 + 1, Some(total));
    }
    Ok(run.end())
}

struct Run<'a> {
    places: Places,
    operations: Operations,
    request: &'a ApplyRequest,
    /// The folders whose files get no other names.
    references: &'a [PathBuf],
    applied: Applied,
}

impl Run<'_> {
    /// Writes the journals, and removes what a run that was killed left.
    fn begin(&mut self) -> Result<()> {
        for (folder, journal, is_new) in &self.operations.runs {
            if *is_new {
                let place = self.places.runs.iter().find(|place| place.run == *folder);
                if let Some(Err(error)) = place.map(runs::Place::mark) {
                    let path = place.map(|place| place.root.clone()).unwrap_or_default();
                    self.applied.unmarked.push(Refused { path, reason: error.to_string() });
                }
                journal.write(folder).inspect_err(|_| place.into_iter().for_each(runs::Place::unmark))?;
            } else {
                for (number, record) in journal.replacements.iter().enumerate() {
                    self.places.replacing(journal.disposal, number, record).clean();
                }
            }
        }
        let mut folders: Vec<PathBuf> = match self.request.disposal {
            Disposal::Quarantine => self.operations.runs.iter().map(|(folder, ..)| folder.clone()).collect(),
            Disposal::Trash => {
                let places = self.operations.moves.values();
                places.filter_map(|place| trash::of_place(place)).map(Path::to_path_buf).collect()
            }
            Disposal::Hardlink | Disposal::Reflink => Vec::new(),
        };
        folders.sort();
        folders.dedup();
        self.applied.folders = folders;
        Ok(())
    }

    /// Leaves nothing of a run that did nothing.
    fn end(mut self) -> Applied {
        let done = self.applied.moved + self.applied.replaced + self.applied.already;
        if !self.request.dry_run && done == 0 && !self.applied.stopped {
            self.applied.folders.clear();
            // The files of an earlier run need their journal.
            let new = self.operations.runs.iter().filter(|(.., is_new)| *is_new);
            new.for_each(|(folder, journal, _)| journal.clear(folder));
            self.places.runs.iter().for_each(runs::Place::unmark);
        }
        self.applied
    }

    fn apply_group(&mut self, group: &Group) {
        let is_moved = |member: &&Member| member.action == Action::Move;
        let (moved, kept): (Vec<&Member>, Vec<&Member>) = group.members.iter().partition(is_moved);
        if moved.is_empty() {
            return;
        }
        let mut states = BTreeMap::new();
        for member in &kept {
            match unchanged(member) {
                Ok(of_member) => states.extend(of_member),
                Err(refused) => {
                    let reason = format!("{}, so its copies stay", refused.reason);
                    self.applied.refused.push(Refused { reason, ..refused });
                    return;
                }
            }
        }
        if self.request.disposal.moves()
            && let Err(refused) = stay(&kept, &moved)
        {
            self.applied.refused.push(refused);
            return;
        }
        let mut files = Vec::new();
        for member in moved {
            if !self.request.disposal.moves() {
                files.extend(self.replace_files(group, member, &states));
                continue;
            }
            match self.move_item(member) {
                Ok(moved) => files.extend(moved),
                Err(refused) => self.applied.refused.push(refused),
            }
        }
        if self.request.dry_run && !files.is_empty() {
            let kept = kept.iter().filter_map(|member| member.photo.path()).collect();
            self.applied.groups.push(Foreseen { id: group.id.clone(), kept, files });
        }
    }

    /// Returns the files that were moved, or would be.
    fn move_item(&mut self, member: &Member) -> Result<Vec<PathBuf>, Refused> {
        let mut pending = Vec::new();
        let mut already = 0;
        for (from, blake3) in paths(member) {
            match self.operations.moves.get(&from) {
                Some(to) if exists(&from) || !exists(to) => pending.push((from, to, blake3)),
                Some(_) => already += 1,
                None => return Err(self.is_outside(member)),
            }
        }
        self.applied.already += already;
        pending.iter().try_for_each(|(from, _, blake3)| state(from, blake3).map(drop))?;
        let links = links(member);
        if !self.request.dry_run {
            move_all(&pending, self.request.disposal)?;
        }
        self.applied.links.extend(links);
        self.applied.moved += pending.len() as u64;
        // Several names of one file free its bytes once.
        self.applied.bytes +=
            if pending.is_empty() { 0 } else { member.files.iter().map(|file| file.bytes).sum() };
        Ok(pending.into_iter().map(|(from, ..)| from).collect())
    }

    fn is_outside(&self, member: &Member) -> Refused {
        let path = member.photo.path().unwrap_or_default();
        let reason = match paths(member).all(|(path, _)| self.places.contain(&path)) {
            true => "one of its files was not there when the run began",
            false => "one of its files is in none of the folders of the plan",
        };
        Refused { path, reason: reason.into() }
    }

    /// Returns the files that were replaced, or would be.
    fn replace_files(
        &mut self,
        group: &Group,
        member: &Member,
        kept: &BTreeMap<PathBuf, Stamp>,
    ) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (file, twin) in pairs(group, member, self.references) {
            match twin {
                Twin::File(_) => {}
                Twin::Reference => {
                    let path = member.photo.path().unwrap_or_default();
                    let reason = "equal bytes are only in a reference folder, whose files get no other names";
                    self.applied.refused.push(Refused { path, reason: reason.into() });
                    continue;
                }
                Twin::None => {
                    self.applied.unequal += 1;
                    continue;
                }
            }
            let is_inside =
                file.paths.iter().filter_map(PathText::path).all(|path| self.places.contain(&path));
            let first = file.paths.first().and_then(PathText::path).unwrap_or_default();
            let Some((at, number)) = self.operations.replacements.get(&first).filter(|_| is_inside) else {
                self.applied.refused.push(self.is_outside(member));
                continue;
            };
            let record = &self.operations.runs[*at].1.replacements[*number];
            let replacing = self.places.replacing(self.request.disposal, *number, record);
            let source = record.kept.path().unwrap_or_default();
            let state = match kept.get(&source) {
                Some(state) => Ok(*state),
                None => state(&source, &record.blake3),
            };
            match state.and_then(|state| replacing.replace(state, self.request.dry_run)) {
                Ok(true) => {
                    self.applied.replaced += 1;
                    self.applied.bytes += file.bytes;
                    files.extend(file.paths.iter().filter_map(PathText::path));
                }
                Ok(false) => self.applied.already += 1,
                Err(refused) => self.applied.refused.push(refused),
            }
        }
        files
    }
}

/// The symbolic links to the files of a member that still lead there.
fn links(member: &Member) -> Vec<PathBuf> {
    let leads_to = |file: &PlannedFile, link: &Path| {
        let real = std::fs::canonicalize(link).ok();
        real.is_some_and(|real| file.paths.iter().any(|path| path.path().as_ref() == Some(&real)))
    };
    let of_file = |file: &PlannedFile| -> Vec<PathBuf> {
        let links = file.links.iter().filter_map(PathText::path);
        links.filter(|link| exists(link) && leads_to(file, link)).collect()
    };
    member.files.iter().flat_map(of_file).collect()
}

/// Moves all files of an item, or none.
fn move_all(moves: &[(PathBuf, &PathBuf, String)], disposal: Disposal) -> Result<(), Refused> {
    for (at, (from, to, _)) in moves.iter().enumerate() {
        let moved = match disposal {
            Disposal::Trash => trash::put(from, to),
            _ => rename(from, to),
        };
        if let Err(error) = moved {
            for (from, to, _) in moves[..at].iter().rev() {
                // If this fails too, the file is in the quarantine and in the journal, so the plan can still be undone.
                let _ = match disposal {
                    Disposal::Trash => trash::take_back(from, to),
                    _ => rename(to, from),
                };
            }
            let reason = match (error.kind(), disposal) {
                (std::io::ErrorKind::CrossesDevices, Disposal::Quarantine) => {
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

/// Compares all files of a member with the plan. Returns their states from before they were read.
fn unchanged(member: &Member) -> Result<Vec<(PathBuf, Stamp)>, Refused> {
    paths(member).map(|(path, blake3)| state(&path, &blake3).map(|state| (path, state))).collect()
}

/// The state of a file from before it was read and compared with the plan.
fn state(path: &Path, blake3: &str) -> Result<Stamp, Refused> {
    let entry = Entry::of(path)?;
    unchanged_file(path, blake3)?;
    Ok(entry.stamp)
}

/// Checks that no kept file vanishes with the moved ones.
fn stay(kept: &[&Member], moved: &[&Member]) -> Result<(), Refused> {
    // What is not there any more was moved before, or is refused later.
    let moved: Vec<Entry> =
        moved.iter().flat_map(|member| paths(member)).filter_map(|(path, _)| Entry::of(&path).ok()).collect();
    for (path, _) in kept.iter().flat_map(|member| paths(member)) {
        if let Some(lost) = Entry::of(&path)?.lost_with(&moved) {
            let reason = format!("it is the same file as {}, so its copies stay", lost.path.display());
            return Err(Refused { path, reason });
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

/// The folder of a run of this plan that can be undone. `None` if there is none that is found without its quarantine.
pub fn applied(plan: &Plan) -> Option<PathBuf> {
    let places = Places::of(plan, None);
    places.runs.into_iter().map(|place| place.run).find(|run| Journal::is_in(run))
}

/// The moved files of a plan, which identify a run: the same choices continue it.
fn moved_files(plan: &Plan) -> String {
    let members = plan.groups.iter().filter(|group| !group.keep_all).flat_map(|group| &group.members);
    let moved: Vec<&Member> = members.filter(|member| member.action == Action::Move).collect();
    serde_json::to_string(&(&plan.roots, moved)).unwrap_or_default()
}

/// The contents of a group with their files, for a decision about it.
fn contents(group: &Group) -> Vec<(ContentHash, Vec<PathBuf>)> {
    let mut contents = Vec::new();
    for member in &group.members {
        let photo = member.files.iter().find(|file| file.paths.contains(&member.photo));
        if let Some(file) = photo {
            let bytes = blake3::Hash::from_hex(&file.blake3).map(|hash| *hash.as_bytes());
            // Whoever keeps the photos of a moment says nothing about a second copy of one of them.
            let is_about_copies = group.kind != Kind::Burst;
            let paths = file.paths.iter().filter(|_| is_about_copies).filter_map(PathText::path).collect();
            contents.extend(bytes.ok().map(|content| (content, paths)));
        }
    }
    contents
}
