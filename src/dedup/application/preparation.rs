//! What a run will do: where its journals are, where files go, which files replace which.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::attributes::Attributes;
use super::lock::Locks;
use super::replacement::{Replacing, cannot_clone};
use super::runs::{FILES, Place};
use super::trash::Trash;
use super::{ApplyRequest, moved_files};
use crate::dedup::Disposal;
use crate::dedup::error::{DedupError, Result};
use crate::dedup::item::is_sidecar;
use crate::dedup::journal::{Journal, Move, Replacement};
use crate::dedup::plan::{Action, Group, Member, PathText, Plan, PlannedFile, hex};

/// The folders of a plan, and the folder of the run for each. It takes the journal, and the files of a quarantine.
pub(super) struct Places {
    /// Identifies the run by the moved files of the plan: the same choices continue it.
    pub id: String,
    /// The place of the run for each root, the longest path first.
    pub runs: Vec<Place>,
}

impl Places {
    pub fn of(plan: &Plan, quarantine: Option<&Path>) -> Self {
        let id = hex(&blake3::hash(moved_files(plan).as_bytes()).as_bytes()[..6]);
        let mut runs = Vec::new();
        for (number, root) in plan.roots.iter().filter_map(|root| root.path()).enumerate() {
            // A root may be a single photo.
            let root =
                if root.is_dir() { root } else { root.parent().unwrap_or(Path::new("/")).to_path_buf() };
            let folder = quarantine.map(|folder| folder.join(&id).join(number.to_string()));
            runs.push(Place::of(root, &id, folder));
        }
        runs.sort_by_key(|place| std::cmp::Reverse(place.root.components().count()));
        Self { id, runs }
    }

    /// Locks the folders for a run.
    ///
    /// # Errors
    /// Another run works there.
    pub fn lock(&self) -> Result<Locks> {
        Locks::of(self.runs.iter().map(|place| place.root.as_path()))
    }

    /// The root of a path and the folder of its run.
    fn of_path(&self, path: &Path) -> Option<(&Path, &Path)> {
        let place = self.runs.iter().find(|place| path.starts_with(&place.root))?;
        Some((&place.root, &place.run))
    }

    /// Whether a path is in one of the folders.
    pub fn contain(&self, path: &Path) -> bool {
        self.of_path(path).is_some()
    }

    /// A replacement of a run with what is needed to carry it out.
    pub fn replacing<'a>(&self, disposal: Disposal, number: usize, record: &'a Replacement) -> Replacing<'a> {
        // Files that begin like this are never searched.
        Replacing { record, disposal, temporary: format!(".gallerist-{}-{number}", self.id) }
    }
}

/// Checks that a quarantine is, or can become, a folder.
///
/// # Errors
/// It is something else.
pub(super) fn check_folder(quarantine: &Path) -> Result<()> {
    match fs::metadata(quarantine) {
        Ok(metadata) if !metadata.is_dir() => {
            let reason = "a folder is expected as quarantine, and this is a file".into();
            Err(DedupError::Unsupported { path: quarantine.into(), reason })
        }
        _ => Ok(()),
    }
}

/// The files of a copy that a replacement concerns, each with the file that replaces it, if there is one. Sidecars are left alone: they are
/// small, and programs write into them.
pub(super) fn pairs<'a>(
    group: &'a Group,
    member: &'a Member,
    references: &'a [PathBuf],
) -> impl Iterator<Item = (&'a PlannedFile, Twin)> {
    let is_photo = |file: &&PlannedFile| {
        file.paths.first().and_then(PathText::path).is_some_and(|path| !is_sidecar(&path))
    };
    member.files.iter().filter(is_photo).map(|file| (file, twin(group, file, references)))
}

/// The file that replaces a copy.
pub(super) enum Twin {
    /// It is at this path.
    File(PathBuf),
    /// Only files in a reference folder could, and they must not share an inode with a copy.
    Reference,
    /// There is none.
    None,
}

/// The folders whose files get no other names: who writes into a link would write into a reference.
pub(super) fn unshared(plan: &Plan, disposal: Disposal) -> Vec<PathBuf> {
    let references = plan.references.iter().filter(|_| disposal == Disposal::Hardlink);
    references.filter_map(PathText::path).collect()
}

/// The file with the bytes of this one: a kept one, on the same file system if there are several. If only copies have these bytes, it is the
/// first of them, which stays.
fn twin(group: &Group, copy: &PlannedFile, references: &[PathBuf]) -> Twin {
    let device = |path: &Path| fs::symlink_metadata(path).ok().map(|metadata| metadata.dev());
    let of_copy = copy.paths.first().and_then(PathText::path).and_then(|path| device(&path));
    let with_bytes = |action: Action| {
        let members = group.members.iter().filter(move |member| member.action == action);
        members.flat_map(|member| &member.files).filter(|file| file.blake3 == copy.blake3)
    };
    let path = |file: &PlannedFile| file.paths.first()?.path();
    let is_reference = |file: &&PlannedFile| {
        let mut paths = file.paths.iter().filter_map(PathText::path);
        paths.any(|path| references.iter().any(|folder| path.starts_with(folder)))
    };
    let (unshared, kept): (Vec<_>, Vec<_>) = with_bytes(Action::Keep).partition(is_reference);
    if let Some(kept) = kept.into_iter().filter_map(path).min_by_key(|path| device(path) != of_copy) {
        return Twin::File(kept);
    }
    if !unshared.is_empty() {
        return Twin::Reference;
    }
    let first = with_bytes(Action::Move).next().filter(|first| *first != copy);
    first.and_then(path).map_or(Twin::None, Twin::File)
}

/// The journals of a run, and where each file is in them.
#[derive(Default)]
pub(super) struct Operations {
    /// Folder of the run, its journal, and whether that is to be written.
    pub runs: Vec<(PathBuf, Journal, bool)>,
    /// Where files go, by where they are.
    pub moves: HashMap<PathBuf, PathBuf>,
    /// Places of replacements in the journals, by the first path: of the run, and in it.
    pub replacements: HashMap<PathBuf, (usize, usize)>,
}

impl Operations {
    /// Reads the journals of an earlier run of the same plan, and makes the others. Changes nothing.
    ///
    /// # Errors
    /// A journal is damaged, the plan was applied with another disposal, or the system cannot do what is asked.
    pub fn of(plan: &Plan, places: &Places, request: &ApplyRequest) -> Result<Self> {
        let disposal = request.disposal;
        if disposal == Disposal::Trash && !cfg!(target_os = "linux") {
            let path = places.runs.first().map(|place| place.root.clone()).unwrap_or_default();
            let reason = "the trash of this system is not supported; the quarantine is".into();
            return Err(DedupError::Unsupported { path, reason });
        }
        let mut journals: BTreeMap<&Path, Option<Journal>> = BTreeMap::new();
        for place in &places.runs {
            if let Some(earlier) = place.earlier() {
                let reason = "this plan was applied with this quarantine; name it, or undo that".into();
                return Err(DedupError::Plan { path: earlier, reason });
            }
            let run = &place.run;
            let journal = Journal::read(run)?;
            if let Some(journal) = journal.as_ref().filter(|journal| journal.disposal != disposal) {
                let reason = format!(
                    "this plan was applied with `{}`; undo that before it is applied with `{disposal}`",
                    journal.disposal
                );
                return Err(DedupError::Plan { path: run.clone(), reason });
            }
            journals.insert(run, journal);
        }
        let is_open = |run: &Path| journals.get(run).is_some_and(Option::is_none);
        let mut planned: BTreeMap<&Path, (Vec<Move>, Vec<Replacement>)> = BTreeMap::new();
        let references = unshared(plan, disposal);
        let mut trash = Trash::new(request.home_trash.as_deref());
        for (group, member) in moved_members(plan) {
            if !disposal.moves() {
                for (file, kept) in pairs(group, member, &references) {
                    let first = file.paths.first().and_then(PathText::path).unwrap_or_default();
                    let Some((_, run)) = places.of_path(&first).filter(|(_, run)| is_open(run)) else {
                        continue;
                    };
                    let Twin::File(kept) = kept else { continue };
                    let Some(record) = replacement(file, &first, &kept) else { continue };
                    planned.entry(run).or_default().1.push(record);
                }
                continue;
            }
            for (path, blake3) in paths(member) {
                let Some((root, run)) = places.of_path(&path).filter(|(_, run)| is_open(run)) else {
                    continue;
                };
                let to = match disposal {
                    Disposal::Trash => match trash.place(&path) {
                        Ok(place) => place,
                        // It is refused later, like any file that cannot be read.
                        Err(_) => continue,
                    },
                    _ => run.join(FILES).join(path.strip_prefix(root).unwrap_or(&path)),
                };
                let one = Move { from: path.as_path().into(), to: to.as_path().into(), blake3 };
                planned.entry(run).or_default().0.push(one);
            }
        }
        let mut operations = Self::default();
        let made = planned.into_iter().map(|(run, (moves, replacements))| {
            let journal = Journal::new(disposal, moves, replacements)?;
            let place = places.runs.iter().find(|place| place.run == run);
            Ok((run.to_owned(), place.map_or(journal.clone(), |place| journal.at(&place.root, run)), true))
        });
        operations.runs = made.collect::<Result<_>>()?;
        let read = journals.into_iter().filter_map(|(run, journal)| Some((run.to_owned(), journal?, false)));
        operations.runs.extend(read);
        operations.index();
        if disposal == Disposal::Reflink {
            operations.check_clones()?;
        }
        Ok(operations)
    }

    fn index(&mut self) {
        for (at, (_, journal, _)) in self.runs.iter().enumerate() {
            let path = |one: &Move| Some((one.from.path()?, one.to.path()?));
            self.moves.extend(journal.moves.iter().filter_map(path));
            let first =
                |(number, one): (usize, &Replacement)| Some((one.paths.first()?.path()?, (at, number)));
            self.replacements.extend(journal.replacements.iter().enumerate().filter_map(first));
        }
    }

    /// Asks each file system once whether it can clone.
    fn check_clones(&self) -> Result<()> {
        let mut asked = Vec::new();
        for record in self.runs.iter().flat_map(|(_, journal, _)| &journal.replacements) {
            let (Some(copy), Some(kept)) =
                (record.paths.first().and_then(PathText::path), record.kept.path())
            else {
                continue;
            };
            let device = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
            let Some(of_copy) = device(&copy).filter(|of_copy| device(&kept) == Some(*of_copy)) else {
                continue;
            };
            if asked.contains(&of_copy) {
                continue;
            }
            asked.push(of_copy);
            if let Some(reason) = cannot_clone(&kept, &copy) {
                return Err(DedupError::Unsupported { path: copy, reason });
            }
        }
        Ok(())
    }
}

fn replacement(file: &PlannedFile, first: &Path, kept: &Path) -> Option<Replacement> {
    let metadata = fs::symlink_metadata(first).ok()?;
    let kept_metadata = fs::symlink_metadata(kept).ok()?;
    Some(Replacement {
        paths: file.paths.clone(),
        kept: kept.into(),
        blake3: file.blake3.clone(),
        inode: metadata.ino(),
        kept_inode: kept_metadata.ino(),
        attributes: Attributes::of(&metadata),
    })
}

/// The members that do not stay, with their groups.
fn moved_members(plan: &Plan) -> impl Iterator<Item = (&Group, &Member)> {
    let groups = plan.groups.iter().filter(|group| !group.keep_all);
    let members = groups.flat_map(|group| group.members.iter().map(move |member| (group, member)));
    members.filter(|(_, member)| member.action == Action::Move)
}

/// All paths of the files of a member, with their contents.
pub(super) fn paths(member: &Member) -> impl Iterator<Item = (PathBuf, String)> {
    let files = member.files.iter().flat_map(|file| file.paths.iter().map(move |path| (path, &file.blake3)));
    files.filter_map(|(path, blake3)| Some((path.path()?, blake3.clone())))
}
