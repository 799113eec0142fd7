//! Files that appear completely or not at all, and the unfinished files of killed runs.
//!
//! A symbolic link stays, and the file to which it leads is replaced. A device or a pipe, such as `/dev/stdout`, is never replaced: the
//! content is written to it when it is complete.
//!
//! A file is written beside its place under a temporary name. It is renamed after it is complete and synced. The writer holds a lock on it,
//! so an unlocked temporary file is from a run that has ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::{Result, SessionError};

/// Prefix of temporary file names.
const UNFINISHED: &str = ".gallerist-unfinished-";

/// Makes a folder and its parents if they do not exist.
///
/// # Errors
/// The folder cannot be made.
pub fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(SessionError::io(folder, "making the folder"))
}

/// Writes a file beside its place. [`Replacement::finish`] puts it in place.
///
/// # Errors
/// The first error of `write`; the disk is full or failing.
pub fn replace<E: From<SessionError>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<Replacement, E> {
    let target = Target::of(path);
    let folder = match &target {
        Target::File(path) => folder_of(path).to_owned(),
        Target::Stream => std::env::temp_dir(),
    };
    let mut file = locked_in(&folder).map_err(SessionError::io(path, "making it"))?;
    write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(SessionError::io(path, "syncing it"))?;
    Ok(Replacement { file, target, path: path.to_owned() })
}

/// What a path leads to.
enum Target {
    /// A file, or the place of one.
    File(PathBuf),
    /// A device or a pipe.
    Stream,
}

impl Target {
    fn of(path: &Path) -> Self {
        // What the names of the standard output lead to is open already.
        let is_open = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
        match path.metadata() {
            Ok(found) if is_open || !found.is_file() && !found.is_dir() => Self::Stream,
            Ok(_) => Self::File(path.canonicalize().unwrap_or_else(|_| path.to_owned())),
            // A link may lead to a file that does not exist yet.
            Err(_) => match path.read_link() {
                Ok(place) => Self::File(folder_of(path).join(place)),
                Err(_) => Self::File(path.to_owned()),
            },
        }
    }
}

/// Refuses to replace a file of another kind, such as a photo that a typing error or a pattern of the shell has named as the output. Call it
/// before long work.
///
/// # Errors
/// A file is there that is not empty and does not begin with `beginning`; it cannot be read; its folder does not exist.
pub fn require_own(path: &Path, beginning: &str) -> Result<()> {
    let mut found = Vec::new();
    if matches!(Target::of(path), Target::Stream) {
        return Ok(());
    }
    let read = File::open(path).and_then(|file| file.take(beginning.len() as u64).read_to_end(&mut found));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder_of(path);
            let missing =
                || io::Error::new(error.kind(), format!("its folder {} does not exist", folder.display()));
            if folder.is_dir() { Ok(()) } else { Err(SessionError::io(path, "writing it")(missing())) }
        }
        Ok(_) if found.is_empty() || found == beginning.as_bytes() => Ok(()),
        Ok(_) => {
            let other = io::Error::other("a file of another kind is there; name another file, or remove it");
            Err(SessionError::io(path, "writing it")(other))
        }
        Err(error) => Err(SessionError::io(path, "writing it")(error)),
    }
}

/// Refuses two outputs in one file, of which the second would replace the first. Call it before long work.
///
/// # Errors
/// The paths are those of one file.
pub fn require_two(one: &Path, other: &Path) -> Result<()> {
    let place = |path: &Path| {
        let folder = folder_of(path).canonicalize().unwrap_or_else(|_| folder_of(path).to_owned());
        path.canonicalize().unwrap_or_else(|_| folder.join(path.file_name().unwrap_or_default()))
    };
    match place(one) == place(other) {
        true => {
            let same = io::Error::other("two different files are expected, and this would be both of them");
            Err(SessionError::io(other, "writing it")(same))
        }
        false => Ok(()),
    }
}

/// The folder of a file; the current folder for a plain name.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A complete and synced file that is not in its place yet.
pub struct Replacement {
    file: NamedTempFile,
    target: Target,
    /// As the user named it.
    path: PathBuf,
}

impl Replacement {
    /// Puts the file in its place, durably.
    ///
    /// # Errors
    /// The disk is failing; the reader of a pipe closed it.
    pub fn finish(self) -> Result<()> {
        let Self { mut file, target, path } = self;
        let Target::File(place) = target else {
            let mut copy = || {
                let content = file.as_file_mut();
                content.rewind()?;
                io::copy(content, &mut OpenOptions::new().append(true).open(&path)?)
            };
            return copy().map(drop).map_err(SessionError::io(&path, "writing it"));
        };
        file.persist(&place).map_err(|error| SessionError::io(&path, "putting it in place")(error.error))?;
        File::open(folder_of(&place))
            .and_then(|folder| folder.sync_all())
            .map_err(SessionError::io(&path, "syncing its folder"))
    }
}

/// Removes the unfinished files of killed runs from a folder, and returns their paths. Files that are being written stay.
///
/// # Errors
/// The folder cannot be read.
pub fn sweep(folder: &Path) -> Result<Vec<PathBuf>> {
    const READING: &str = "looking for files of killed runs";
    let mut swept = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(SessionError::io(folder, READING))? {
        let path = entry.map_err(SessionError::io(folder, READING))?.path();
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
        if is_ours && is_abandoned(&path) && std::fs::remove_file(&path).is_ok() {
            swept.push(path);
        }
    }
    Ok(swept)
}

fn is_abandoned(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
        && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// A new file with a lock of this process.
fn locked_in(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // Another run may have removed it before it was locked.
            Ok(()) if is_at(file.as_file(), file.path()) => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether `path` is this open file.
pub fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), path.symlink_metadata()) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn write(path: &Path, text: &str) {
        require_own(path, "").unwrap();
        let file = replace(path, |file| {
            file.write_all(text.as_bytes()).map_err(SessionError::io(path, "writing it"))
        });
        file.unwrap().finish().unwrap();
    }

    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        std::fs::create_dir(place("real")).unwrap();
        std::fs::write(place("real/plan"), "old").unwrap();
        for (link, target) in [("link", "real/plan"), ("new", "real/later")] {
            std::os::unix::fs::symlink(target, place(link)).unwrap();
            write(&place(link), link);
            assert_eq!(std::fs::read_to_string(place(target)).unwrap(), link);
            assert!(place(link).is_symlink());
        }
    }

    #[test]
    fn a_pipe_gets_the_content_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        write(&pipe, "all of it");
        assert_eq!(reader.join().unwrap(), "all of it");
        assert!(!pipe.metadata().unwrap().is_file());
        write(Path::new("/dev/null"), "nothing");
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[test]
    fn unfinished_files_of_killed_runs_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let left = folder.path().join(format!("{UNFINISHED}abc"));
        let other = folder.path().join(".other");
        std::fs::write(&left, b"half").unwrap();
        std::fs::write(&other, b"somebody else's").unwrap();
        let replacement = replace(&path, |file| {
            file.write_all(b"all of it").map_err(SessionError::io(&path, "writing it"))?;
            assert_eq!(sweep(folder.path())?, std::slice::from_ref(&left));
            Ok::<_, SessionError>(())
        })
        .unwrap();
        assert!(!path.exists());
        replacement.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
        assert!(sweep(folder.path()).unwrap().is_empty());
        let mut there: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        there.sort();
        assert_eq!(there, [other, path]);
    }
}
