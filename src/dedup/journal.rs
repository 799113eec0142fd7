//! The journal of a run: which file moves where, and which are replaced. It is written before the first change, so a run that was killed can
//! be completed or undone.
//!
//! A move is a rename on one file system. Whether it was made is seen from the files: before it only `from` exists, after it only `to`.
//! A replacement is a rename over the replaced file. Whether it was made is seen from the inode.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};

use super::application::attributes::Attributes;
use super::application::trash;
use super::disposal::Disposal;
use super::error::{DedupError, Result};
use super::plan::PathText;

/// Name of the folder that takes the moved files. Folders of this name are never searched.
pub const QUARANTINE: &str = ".gallerist-quarantine";
const NAME: &str = "journal.json";
/// A journal that is being written. A run that was killed leaves it, and no file was moved yet.
const PARTIAL: &str = "journal.json.partial";
/// Says where a run is whose folder is not the usual one.
const ELSEWHERE: &str = "elsewhere.json";
const VERSION: u32 = 3;
/// The version before the places of root and run.
const WITHOUT_PLACE: u32 = 2;
/// The version before disposals: all that it has are moves to a quarantine.
const QUARANTINE_ONLY: u32 = 1;

/// What a run does below one folder of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    version: u32,
    /// What becomes of the copies.
    #[serde(default)]
    pub disposal: Disposal,
    /// The folder of the plan when the journal was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<PathText>,
    /// The folder of the run when the journal was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<PathText>,
    /// The moves in order.
    pub moves: Vec<Move>,
    /// The files that are replaced, in order.
    #[serde(default)]
    pub replacements: Vec<Replacement>,
    /// The trashes that did not exist before the run.
    #[serde(default)]
    trashes: Vec<PathText>,
    /// The folders of the files, with their times of change before the run.
    folders: Vec<FolderTime>,
}

/// One move.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Where the file was.
    pub from: PathText,
    /// Where it is in the quarantine or trash.
    pub to: PathText,
    /// BLAKE3 of its content.
    pub blake3: String,
}

/// A file that is replaced by equal bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// All its paths; at least one.
    pub paths: Vec<PathText>,
    /// The file with equal bytes that stays.
    pub kept: PathText,
    /// BLAKE3 of the content of both.
    pub blake3: String,
    /// Inode number before the run.
    pub inode: u64,
    /// Inode number of the kept file.
    pub kept_inode: u64,
    /// Mode, owner and times before the run.
    pub attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FolderTime {
    path: PathText,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Journal {
    /// A journal of these moves and replacements. Reads the times of the folders.
    ///
    /// # Errors
    /// A folder cannot be read.
    pub fn new(disposal: Disposal, moves: Vec<Move>, replacements: Vec<Replacement>) -> Result<Self> {
        let folder = |path: &PathText| Some(path.path()?.parent()?.to_path_buf());
        let replaced = replacements.iter().flat_map(|one| &one.paths);
        let mut folders: BTreeSet<PathBuf> =
            moves.iter().map(|one| &one.from).chain(replaced).filter_map(folder).collect();
        let trashes = trashes(disposal, &moves);
        // Making a trash changes the folder above it.
        folders.extend(trashes.iter().filter_map(|trash| existing_above(trash)).map(Path::to_path_buf));
        let mut times = Vec::new();
        for path in folders {
            let modified = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
                Ok(modified) => modified,
                // Files that are gone are refused one by one.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(DedupError::io("read", &path, error)),
            };
            let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            times.push(FolderTime { path: path.as_path().into(), modified: since.as_nanos() as u64 });
        }
        let trashes = trashes.iter().map(|trash| trash.as_path().into()).collect();
        Ok(Self {
            version: VERSION,
            disposal,
            root: None,
            run: None,
            moves,
            replacements,
            trashes,
            folders: times,
        })
    }

    /// The journal of a run in the folder `run` for the folder `root` of the plan.
    pub fn at(self, root: &Path, run: &Path) -> Self {
        Self { root: Some(root.into()), run: Some(run.into()), ..self }
    }

    /// The folders of the plan and of the run when the journal was written. `run` is the folder where it is now.
    pub fn place(&self, run: &Path) -> Option<(PathBuf, PathBuf)> {
        if let (Some(root), Some(run)) = (&self.root, &self.run) {
            return Some((root.path()?, run.path()?));
        }
        // A journal of an earlier version says it by the places of the moved files, in the usual folder.
        let is_usual = |run: &Path| run.parent().is_some_and(|folder| folder.ends_with(QUARANTINE));
        let first = self.moves.first().and_then(|one| one.to.path());
        let was = first.iter().flat_map(|to| to.ancestors()).find(|folder| is_usual(folder));
        let was = was.unwrap_or(run);
        is_usual(run).then(|| Some((was.ancestors().nth(2)?.to_path_buf(), was.to_path_buf())))?
    }

    /// The journal with the paths that hold if the folders of the plan and of the run are now `root` and `run`.
    pub fn rebased(&self, root: &Path, run: &Path) -> Self {
        let mut journal = self.clone();
        let Some((old_root, old_run)) = self.place(run) else { return journal };
        let rebase = |text: &mut PathText| {
            let Some(path) = text.path() else { return };
            let now = match (path.strip_prefix(&old_run), path.strip_prefix(&old_root)) {
                (Ok(below), _) => run.join(below),
                (_, Ok(below)) => root.join(below),
                _ => return,
            };
            *text = now.as_path().into();
        };
        journal.moves.iter_mut().flat_map(|one| [&mut one.from, &mut one.to]).for_each(rebase);
        for one in &mut journal.replacements {
            one.paths.iter_mut().chain([&mut one.kept]).for_each(rebase);
        }
        journal
            .trashes
            .iter_mut()
            .chain(journal.folders.iter_mut().map(|one| &mut one.path))
            .for_each(rebase);
        journal
    }

    /// Whether a folder is that of a run.
    pub fn is_in(run: &Path) -> bool {
        run.join(NAME).is_file()
    }

    /// Reads the journal of a run. `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or is of another version.
    pub fn read(run: &Path) -> Result<Option<Self>> {
        let path = run.join(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DedupError::io("read", &path, error)),
        };
        let refused = |reason: String| DedupError::Plan { path: path.clone(), reason };
        let journal: Self =
            serde_json::from_str(&text).map_err(|error| refused(format!("not a journal: {error}")))?;
        match journal.version {
            VERSION | WITHOUT_PLACE | QUARANTINE_ONLY => Ok(Some(journal)),
            other => {
                Err(refused(format!("a journal of version {other}; this program reads version {VERSION}")))
            }
        }
    }

    /// Writes the journal into the folder of the run, durably. The folder above it keeps its time.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn write(&self, run: &Path) -> Result<()> {
        make_folder(run).map_err(|error| DedupError::io("make the folder", run, error))?;
        let path = run.join(NAME);
        let text = serde_json::to_vec(self).unwrap_or_default();
        let write = || -> io::Result<()> {
            let partial = run.join(PARTIAL);
            let mut file = File::create(&partial)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&partial, &path)?;
            File::open(run)?.sync_all()
        };
        write().map_err(|error| {
            self.clear(run);
            DedupError::io("write", &path, error)
        })
    }

    /// Removes what a run that was undone, or that changed nothing, leaves: the empty folders, the journal, the times.
    pub fn clear(&self, run: &Path) {
        self.trashes.iter().filter_map(PathText::path).for_each(|trash| trash::remove_empty(&trash));
        self.restore_times();
        Self::remove(run);
    }

    /// Gives the folders their times of change back.
    fn restore_times(&self) {
        for folder in &self.folders {
            let Some(path) = folder.path.path() else { continue };
            let modified = SystemTime::UNIX_EPOCH + Duration::from_nanos(folder.modified);
            // A folder that somebody removed since has no time.
            let _ = File::open(path).and_then(|open| open.set_times(FileTimes::new().set_modified(modified)));
        }
    }

    /// Removes the journal and the empty folders of a run that was undone. Folders that contain anything stay, and the folder above keeps its
    /// time. Completes a removal that was killed.
    pub fn remove(run: &Path) {
        remove_empty(&run.join("files"));
        let _ = fs::remove_file(run.join(PARTIAL));
        let _ = fs::remove_file(run.join(NAME));
        let _ = fs::remove_file(run.join(ELSEWHERE));
        let _ = fs::remove_dir(run);
        if let Some(quarantine) = run.parent() {
            Self::complete_removal(quarantine);
        }
    }

    /// Removes the folder of the runs if it is empty, and gives the folder above it its time if a process was killed while it did that.
    /// Returns whether there was something to do.
    pub fn complete_removal(quarantine: &Path) -> bool {
        let is_empty = fs::read_dir(quarantine).is_ok_and(|mut entries| entries.next().is_none());
        let above = quarantine.parent();
        let was_killed = || above.and_then(|above| kept_time(&File::open(above).ok()?)).is_some();
        let is_needed = is_empty || was_killed();
        if is_needed {
            let _ = keeping_time(above, || if is_empty { fs::remove_dir(quarantine) } else { Ok(()) });
        }
        is_needed
    }
}

/// What the usual folder of a run says if the run is elsewhere.
#[derive(Serialize, Deserialize)]
struct Elsewhere {
    /// The folder of the plan.
    root: PathText,
    /// The folder of the run.
    run: PathText,
}

/// Says in the usual folder of a run where it is.
///
/// # Errors
/// The disk is full or failing.
pub fn write_elsewhere(usual: &Path, root: &Path, run: &Path) -> Result<()> {
    let path = usual.join(ELSEWHERE);
    let text = serde_json::to_vec(&Elsewhere { root: root.into(), run: run.into() }).unwrap_or_default();
    let write = || -> io::Result<()> {
        // A run that was killed here has moved nothing, and its folder shows that it was not deleted.
        make_folder(run)?;
        make_folder(usual)?;
        let mut file = File::create(&path)?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(|error| DedupError::io("write", &path, error))
}

/// Where a run is, as its usual folder says. `root` is the folder of the plan now. `None` if it says nothing.
pub fn read_elsewhere(usual: &Path, root: &Path) -> Option<PathBuf> {
    let said: Elsewhere = serde_json::from_slice(&fs::read(usual.join(ELSEWHERE)).ok()?).ok()?;
    let run = said.run.path()?;
    Some(match run.strip_prefix(said.root.path()?) {
        Ok(below) => root.join(below),
        Err(_) => run,
    })
}

/// The first folder above a path that exists.
fn existing_above(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| folder.is_dir())
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let above = existing_above(folder);
    let first = folder.ancestors().take_while(|folder| Some(*folder) != above).last().unwrap_or(folder);
    if !first.is_dir() {
        keeping_time(above, || fs::create_dir(first))?;
    }
    fs::create_dir_all(folder)
}

/// Makes a change that gives a folder another time, and gives it its time back if that is permitted. Meanwhile an extended attribute of the
/// folder has the time, so a run that is killed in between can be completed.
fn keeping_time(folder: Option<&Path>, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let Some(open) = folder.and_then(|folder| File::open(folder).ok()) else { return change() };
    let time = kept_time(&open).or_else(|| open.metadata().and_then(|metadata| metadata.modified()).ok());
    if let Some(time) = time {
        keep_time(&open, Some(time));
    }
    let changed = change();
    if let Some(time) = time
        && open.set_times(FileTimes::new().set_modified(time)).is_ok()
    {
        keep_time(&open, None);
    }
    changed
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
const KEPT_TIME: &str = "user.gallerist.modified";

/// The time that a run which was killed left with a folder.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn kept_time(folder: &File) -> Option<SystemTime> {
    let mut bytes = [0; 8];
    let length = rustix::fs::fgetxattr(folder, KEPT_TIME, bytes.as_mut_slice()).ok()?;
    let nanoseconds = u64::from_le_bytes(bytes);
    (length == bytes.len()).then(|| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds))
}

/// Leaves a time with a folder, or removes it. A file system without such attributes leaves a short moment in which a kill is noticed.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn keep_time(folder: &File, time: Option<SystemTime>) {
    let since = time.map(|time| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    let _ = match since {
        Some(since) => {
            let bytes = (since.as_nanos() as u64).to_le_bytes();
            rustix::fs::fsetxattr(folder, KEPT_TIME, &bytes, rustix::fs::XattrFlags::empty())
        }
        None => rustix::fs::fremovexattr(folder, KEPT_TIME),
    };
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn kept_time(_: &File) -> Option<SystemTime> {
    None
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn keep_time(_: &File, _: Option<SystemTime>) {}

/// The trashes of these moves that do not exist.
fn trashes(disposal: Disposal, moves: &[Move]) -> BTreeSet<PathBuf> {
    if disposal != Disposal::Trash {
        return BTreeSet::new();
    }
    let trash = |one: &Move| Some(trash::of_place(&one.to.path()?)?.to_path_buf());
    moves.iter().filter_map(trash).filter(|trash| !trash.exists()).collect()
}

fn remove_empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

/// Renames a file on one file system. Never replaces another file.
///
/// # Errors
/// `to` exists, is on another file system, or the system refuses.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not know the flag.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        other => Ok(other?),
    }
}

/// Whether something is at this path.
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
