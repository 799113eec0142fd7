//! Replaces a file by equal bytes in its place: by another name of the kept file, or by a clone of it.
//!
//! The new file is made under a temporary name in the same folder and then renamed over the old one, so a path always has a complete file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::attributes::{Attributes, extend, extended};
use super::entries::Entry;
use super::{Refused, unchanged_file};
use crate::dedup::Disposal;
use crate::dedup::files::Stamp;
use crate::dedup::journal::{Replacement, exists};
use crate::dedup::plan::{PathText, hex};

/// A replacement with what is needed to carry it out.
pub(super) struct Replacing<'a> {
    pub record: &'a Replacement,
    pub disposal: Disposal,
    /// Name of the temporary file, in the folder of each path. Only this run uses it.
    pub temporary: String,
}

/// A path of the replaced file.
struct Name {
    path: PathBuf,
    metadata: Metadata,
}

impl Replacing<'_> {
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.record.paths.iter().filter_map(PathText::path)
    }

    fn temporary(&self, path: &Path) -> PathBuf {
        path.with_file_name(&self.temporary)
    }

    /// Removes what a run that was killed left.
    pub fn clean(&self) {
        for temporary in self.paths().map(|path| self.temporary(&path)) {
            if fs::symlink_metadata(&temporary).is_ok_and(|metadata| metadata.is_file()) {
                let _ = fs::remove_file(temporary);
            }
        }
    }

    /// Replaces all paths of the file, or none. Returns `false` if that was done before. `kept` is the state of the kept file when its
    /// content was compared with the plan.
    ///
    /// # Errors
    /// One of the files changed, the replacement would lose something, or the system refuses.
    pub fn replace(&self, kept: Stamp, dry_run: bool) -> Result<bool, Refused> {
        let source = self.record.kept.path().unwrap_or_default();
        self.paths().try_for_each(|path| Entry::of(&path).map(drop))?;
        let names = self.names()?;
        let first = self.paths().next().unwrap_or_default();
        let refused = |reason: String| Refused { path: first.clone(), reason };
        let kept_metadata = fs::symlink_metadata(&source).map_err(|error| refused(error.to_string()))?;
        let is_kept = |name: &Name| same_file(&name.metadata, &kept_metadata);
        let is_old = |name: &Name| name.metadata.ino() == self.record.inode && !is_kept(name);
        let (old, new): (Vec<&Name>, Vec<&Name>) = names.iter().partition(|name| is_old(name));
        if self.disposal == Disposal::Hardlink && !new.iter().all(|name| is_kept(name)) {
            return Err(refused("it was replaced by another file since the run began".into()));
        }
        let Some(pattern) = old.first() else { return Ok(false) };
        self.allows(pattern, old.len(), &source, &kept_metadata).map_err(refused)?;
        if dry_run {
            return Ok(true);
        }
        let result = match (self.disposal, new.first()) {
            (Disposal::Hardlink, _) => self.link_all(&old, &source, &source, kept),
            (_, Some(clone)) => self.link_all(&old, &clone.path, &source, kept),
            (_, None) => self.clone_file(pattern, &source, kept).and_then(|()| {
                let rest: Vec<&Name> = old.iter().skip(1).copied().collect();
                self.link_all(&rest, &pattern.path, &source, kept)
            }),
        };
        result.map(|()| true).map_err(|error| {
            self.roll_back(&old);
            refused(explained(&error))
        })
    }

    /// Reads all paths, compares them with the plan, and takes their state from before that.
    fn names(&self) -> Result<Vec<Name>, Refused> {
        let mut names: Vec<Name> = Vec::new();
        for path in self.paths() {
            let refused = |reason: String| Refused { path: path.clone(), reason };
            let metadata = fs::symlink_metadata(&path).map_err(|error| refused(error.to_string()))?;
            if !metadata.is_file() {
                return Err(refused("it is no longer a file".into()));
            }
            if !names.iter().any(|name| same_file(&name.metadata, &metadata)) {
                unchanged_file(&path, &self.record.blake3)?;
            }
            names.push(Name { path, metadata });
        }
        Ok(names)
    }

    /// Why the replacement would lose something or cannot be made.
    fn allows(&self, old: &Name, count: usize, source: &Path, kept: &Metadata) -> Result<(), String> {
        let text = |error: io::Error| error.to_string();
        if old.metadata.dev() != kept.dev() {
            return Err(format!("it is on another file system than {}", source.display()));
        }
        if old.metadata.nlink() != count as u64 {
            return Err("it has a name outside the folders of the plan".into());
        }
        if self.disposal != Disposal::Hardlink {
            return Ok(());
        }
        let difference = Attributes::of(&old.metadata).difference(&Attributes::of(kept));
        let open = |path: &Path| File::open(path).and_then(|file| extended(&file));
        let difference = match difference {
            None if open(&old.path).map_err(text)? != open(source).map_err(text)? => {
                Some("other extended attributes")
            }
            difference => difference,
        };
        difference.map_or(Ok(()), |difference| {
            Err(format!(
                "it has {difference} than {}, which would be lost, because names of one file share them",
                source.display()
            ))
        })
    }

    /// Makes `source` available under all these paths.
    fn link_all(&self, names: &[&Name], source: &Path, kept: &Path, state: Stamp) -> io::Result<()> {
        for name in names {
            let temporary = self.temporary(&name.path);
            remove_if_there(&temporary)?;
            fs::hard_link(source, &temporary)?;
            self.rename_over(name, &temporary, kept, state)?;
        }
        Ok(())
    }

    /// Renames the temporary file over a path, if neither it nor the kept file changed since they were read.
    fn rename_over(&self, name: &Name, temporary: &Path, kept: &Path, state: Stamp) -> io::Result<()> {
        let renamed = is_still(&name.path, Stamp::of(&name.metadata))
            .and_then(|()| is_still(kept, state))
            .and_then(|()| fs::rename(temporary, &name.path));
        // A rename between two names of one file leaves both.
        let removed = remove_if_there(temporary);
        renamed.and(removed)
    }

    #[cfg(target_os = "linux")]
    fn clone_file(&self, name: &Name, kept: &Path, state: Stamp) -> io::Result<()> {
        let temporary = self.temporary(&name.path);
        remove_if_there(&temporary)?;
        let make = || {
            let file = new_file(&temporary)?;
            rustix::fs::ioctl_ficlone(&file, File::open(kept)?)?;
            extend(&file, &extended(&File::open(&name.path)?)?)?;
            Attributes::of(&name.metadata).give(&file)?;
            file.sync_all()
        };
        make().inspect_err(|_| drop(fs::remove_file(&temporary)))?;
        self.rename_over(name, &temporary, kept, state)
    }

    #[cfg(not(target_os = "linux"))]
    fn clone_file(&self, _: &Name, _: &Path, _: Stamp) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// After a failure: paths that were replaced become names of the old file again, of which at least one is left.
    fn roll_back(&self, old: &[&Name]) {
        let inode = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.ino());
        let is_left = |name: &&&Name| inode(&name.path).is_ok_and(|inode| inode == self.record.inode);
        let Some(left) = old.iter().find(is_left) else { return };
        for name in old.iter().filter(|name| !is_left(name)) {
            let _ = self.name_again(&left.path, &name.path);
        }
    }

    /// Makes `source` available under `path`, in place of what is there.
    fn name_again(&self, source: &Path, path: &Path) -> io::Result<()> {
        let temporary = self.temporary(path);
        remove_if_there(&temporary)?;
        fs::hard_link(source, &temporary)?;
        let renamed = fs::rename(&temporary, path);
        renamed.and(remove_if_there(&temporary))
    }

    /// Makes the file independent of the kept one again. Returns whether anything had to be done.
    ///
    /// # Errors
    /// A path is gone, its content changed, or the system refuses.
    pub fn restore(&self) -> Result<bool, Refused> {
        self.clean();
        // It was a name of the kept file before the run, which did nothing to it.
        if self.disposal == Disposal::Hardlink && self.record.inode == self.record.kept_inode {
            return Ok(false);
        }
        let names = self.names().map_err(|refused| {
            let reason = format!("{}, so it stays as it is", refused.reason);
            Refused { reason, ..refused }
        })?;
        let is_new = |name: &&Name| match self.disposal {
            Disposal::Hardlink => name.metadata.ino() == self.record.kept_inode,
            // A clone is independent. Only a run that was killed has paths of both.
            _ => name.metadata.ino() != self.record.inode,
        };
        let (new, old): (Vec<&Name>, Vec<&Name>) = names.iter().partition(is_new);
        let Some(first) = new.first() else { return Ok(false) };
        let refused = |error: io::Error| Refused { path: first.path.clone(), reason: error.to_string() };
        let (source, rest) = match old.first() {
            Some(old) => (&old.path, new.as_slice()),
            None if self.disposal == Disposal::Hardlink => {
                self.copy(&first.path).map_err(refused)?;
                (&first.path, &new[1..])
            }
            None => return Ok(false),
        };
        rest.iter().try_for_each(|name| self.name_again(source, &name.path)).map_err(refused)?;
        Ok(self.disposal == Disposal::Hardlink)
    }

    /// Replaces one name of a file by a copy with the attributes from before the run.
    fn copy(&self, path: &Path) -> io::Result<()> {
        let temporary = self.temporary(path);
        let make = || {
            let (mut from, mut to) = (File::open(path)?, new_file(&temporary)?);
            let mut hasher = blake3::Hasher::new();
            let mut buffer = vec![0; 1 << 16];
            loop {
                match from.read(&mut buffer)? {
                    0 => break,
                    length => {
                        hasher.update(&buffer[..length]);
                        to.write_all(&buffer[..length])?;
                    }
                }
            }
            if hex(hasher.finalize().as_bytes()) != self.record.blake3 {
                return Err(io::Error::other("it changed while it was read"));
            }
            extend(&to, &extended(&from)?)?;
            self.record.attributes.give(&to)?;
            to.sync_all()?;
            fs::rename(&temporary, path)
        };
        make().inspect_err(|_| drop(fs::remove_file(&temporary)))
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    if exists(path) { fs::remove_file(path) } else { Ok(()) }
}

fn same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Another link changes only the time of the last change of attributes, so that time is not compared.
fn is_still(path: &Path, before: Stamp) -> io::Result<()> {
    let now = Stamp::of(&fs::symlink_metadata(path)?);
    let state = |stamp: Stamp| (stamp.inode, stamp.bytes, stamp.modified);
    match state(now) == state(before) {
        true => Ok(()),
        false => Err(io::Error::other(format!("{} changed while it was read", path.display()))),
    }
}

fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TooManyLinks => "the kept file has as many names as the file system permits".into(),
        io::ErrorKind::CrossesDevices => "the file system cannot link it to the kept file".into(),
        io::ErrorKind::Unsupported => "the file system cannot do it".into(),
        _ => error.to_string(),
    }
}

/// Asks the file system of `copy` whether it can clone `kept`, with an unnamed file. Changes nothing. `None` if it can or does not say.
#[cfg(target_os = "linux")]
pub(super) fn cannot_clone(kept: &Path, copy: &Path) -> Option<String> {
    use rustix::fs::{Mode, OFlags, ioctl_ficlone, open};
    use rustix::io::Errno;

    let folder = copy.parent()?;
    let probe = || {
        let file = open(folder, OFlags::TMPFILE | OFlags::RDWR, Mode::RUSR | Mode::WUSR)?;
        ioctl_ficlone(file, File::open(kept).map_err(|_| Errno::ACCESS)?)
    };
    let reason = "its file system cannot share blocks between files (reflink); Btrfs and XFS can";
    match probe() {
        Err(Errno::NOTSUP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::ISDIR | Errno::NOSYS) => {
            Some(reason.into())
        }
        _ => None,
    }
}

/// Other systems cannot.
#[cfg(not(target_os = "linux"))]
pub(super) fn cannot_clone(_: &Path, _: &Path) -> Option<String> {
    Some("files are cloned (reflink) on Linux only".into())
}
