//! The files of a collection, each once.
//!
//! A file is identified by its device and inode, not by its path. So a file that is reached twice (through a symbolic link, a hard link,
//! another spelling on a file system that ignores case or Unicode forms, a folder that was named twice) is one file with several paths, and
//! is never paired with itself. A folder that is mounted twice may show the same file under two devices: files with the same inode,
//! size and times to the nanosecond are taken as one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::application::{runs, trash};
use crate::control::Control;
use crate::ingest::{Input, walk};

/// What identifies the state of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Inode number.
    pub inode: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the last change of the content, in nanoseconds since 1970.
    pub modified: i128,
    /// Time of the last change of content or attributes, in nanoseconds since 1970.
    pub changed: i128,
}

impl Stamp {
    /// The stamp of a file, from its metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let time =
            |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
        Self {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file and all paths under which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute paths without symbolic links, in order; at least one. A file with one link has one: other paths to it are those of
    /// another mount.
    pub paths: Vec<PathBuf>,
    /// Its identity and state.
    pub stamp: Stamp,
}

impl File {
    /// The first path.
    pub fn path(&self) -> &Path {
        self.paths.first().map_or(Path::new(""), PathBuf::as_path)
    }
}

/// The files below some folders.
#[derive(Debug, Default)]
pub struct Found {
    /// Every file once, in the order of their first paths.
    pub files: Vec<File>,
    /// Symbolic links to files, by the file, in order. Links to folders are not among them.
    pub links: BTreeMap<Stamp, BTreeSet<PathBuf>>,
    /// Paths that could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Libraries of other programs, whose files are left alone.
    pub libraries: BTreeSet<PathBuf>,
}

/// Endings of the names of folders in which a program manages photos. The program would lose those that are moved.
const LIBRARIES: [&str; 7] = [
    "aplibrary",
    "cocatalog",
    "lrdata",
    "lrlibrary",
    "migratedphotolibrary",
    "photolibrary",
    "photoslibrary",
];

/// The outermost library that contains an input, below the folder that the user named.
fn library(input: &Input) -> Option<PathBuf> {
    let below = input.path.strip_prefix(&input.root).ok()?;
    let folders = below.ancestors().skip(1).filter(|folder| {
        folder.extension().is_some_and(|ending| LIBRARIES.iter().any(|one| ending.eq_ignore_ascii_case(one)))
    });
    folders.last().map(|folder| input.root.join(folder))
}

/// Finds all files below `roots` that are not in a trash, a quarantine or a library of another program. `None` if it was stopped.
pub fn find(roots: &[PathBuf], control: &Control<'_>) -> Option<Found> {
    let mut found = Found::default();
    let mut by_identity: BTreeMap<Stamp, Vec<PathBuf>> = BTreeMap::new();
    let mut single = BTreeSet::new();
    let mut last = None;
    let is_disposed =
        |input: &Input| trash::contains(&input.root, &input.path) || runs::contains(&input.root, &input.path);
    for (number, input) in walk(roots).filter(|input| !is_disposed(input)).enumerate() {
        if control.is_stopped() {
            return None;
        }
        control.report("files found", number as u64 + 1, None);
        if let Some(library) = library(&input) {
            found.libraries.insert(library);
            continue;
        }
        match identify(&input, &mut last) {
            Ok(Some((stamp, path, links))) => {
                if let Some(link) = link(&input.path, &path) {
                    found.links.entry(stamp).or_default().insert(link);
                }
                by_identity.entry(stamp).or_default().push(path);
                if links == 1 {
                    single.insert(stamp);
                }
            }
            Ok(None) => {}
            Err(reason) => found.unreadable.push((input.path, reason)),
        }
    }
    found.files = by_identity
        .into_iter()
        .map(|(stamp, mut paths)| {
            paths.sort();
            paths.dedup();
            if single.contains(&stamp) {
                paths.truncate(1);
            }
            File { paths, stamp }
        })
        .collect();
    found.files.sort_by(|one, other| one.paths.cmp(&other.paths));
    Some(found)
}

/// The folder of the last file, and its path without symbolic links. Files come folder by folder.
type LastFolder = Option<(PathBuf, PathBuf)>;

/// The stamp, the real path and the number of links of a file. `None` for what is not a regular file.
fn identify(input: &Input, last: &mut LastFolder) -> Result<Option<(Stamp, PathBuf, u64)>, String> {
    if let Some(problem) = &input.problem {
        return Err(problem.detail.clone());
    }
    let text = |error: io::Error| error.to_string();
    let own = fs::symlink_metadata(&input.path).map_err(text)?;
    let (metadata, path) = match (own.is_symlink(), input.path.parent(), input.path.file_name()) {
        (false, Some(folder), Some(name)) => {
            let real = match last {
                Some((known, real)) if known == folder => real.join(name),
                _ => {
                    let real = fs::canonicalize(folder).map_err(text)?;
                    last.insert((folder.into(), real)).1.join(name)
                }
            };
            (own, real)
        }
        _ => {
            let path = fs::canonicalize(&input.path).map_err(text)?;
            (fs::metadata(&path).map_err(text)?, path)
        }
    };
    Ok(metadata.is_file().then(|| (Stamp::of(&metadata), path, metadata.nlink())))
}

/// The symbolic link at `path`, in its real folder, if there is one. `real` is the file to which it leads.
fn link(path: &Path, real: &Path) -> Option<PathBuf> {
    // Most paths have no link at all.
    let is_link = path != real && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let folder = is_link.then(|| fs::canonicalize(path.parent()?).ok()).flatten()?;
    Some(folder.join(path.file_name()?))
}
