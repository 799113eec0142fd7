//! The lock of an index: one writer, or many readers.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::name;
use crate::background;
use crate::error::{Context, Error};
use crate::options::Access;

/// How long a wait sleeps between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Device and inode of each lock file that this process holds, and how often. Held while a lock is taken or
/// given back.
static HELD: Mutex<BTreeMap<Key, usize>> = Mutex::new(BTreeMap::new());

type Key = (u64, u64);

/// Ownership of an index's directory, until dropped or the process ends: exclusive, or shared by readers.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    key: Key,
    /// The directory, as it was given.
    directory: PathBuf,
}

impl Lock {
    /// Takes the lock of a directory, or says who has it. Tries until `wait` is over. A reader writes
    /// nothing; `None`: it found no lock file, so the index is not open for writing.
    pub(crate) fn take(directory: &Path, access: Access, wait: Duration) -> Result<Option<Self>, Error> {
        // A wait too long for the clock has no end.
        let end = Instant::now().checked_add(wait);
        loop {
            match Self::attempt(directory, access) {
                Err(Error::Locked { .. }) if end.is_none_or(|end| Instant::now() < end) => {
                    let left = end.map_or(PAUSE, |end| end.saturating_duration_since(Instant::now()));
                    thread::sleep(PAUSE.min(left));
                }
                result => return result,
            }
        }
    }

    fn attempt(directory: &Path, access: Access) -> Result<Option<Self>, Error> {
        let path = directory.join(name::LOCK);
        let opened = OpenOptions::new()
            .read(true)
            .write(access == Access::ReadWrite)
            .create(access == Access::ReadWrite)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path);
        let mut file = match opened {
            Err(error) if access == Access::ReadOnly && error.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            opened => opened.context(&path, "opening the lock file")?,
        };
        if access == Access::ReadWrite {
            // A lock file of another user, with other permissions, will do as well.
            let _ = super::restrict(&file, &path, 0o600);
        }
        let found = file.metadata().context(&path, "reading the lock file")?;
        let key = (found.dev(), found.ino());
        let mut held = held();
        let locked = match access {
            Access::ReadWrite => file.try_lock(),
            Access::ReadOnly => file.try_lock_shared(),
        };
        match locked {
            Ok(()) => *held.entry(key).or_default() += 1,
            Err(TryLockError::WouldBlock) => {
                let holder = match held.contains_key(&key) {
                    true => "this very process".into(),
                    false => holder(&mut file, access, key.1),
                };
                return Err(Error::Locked { path: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(error).context(&path, "locking"),
        }
        drop(held);
        let lock = Self { file, key, directory: directory.to_owned() };
        if !lock.is_there() {
            // The directory was replaced between opening the file and locking it.
            return Self::attempt(directory, access);
        }
        if access == Access::ReadWrite {
            // For the message only. It may be lost: a full disk must not prevent reading.
            let mut file = &lock.file;
            let _ = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id()));
        }
        Ok(Some(lock))
    }

    /// Whether the directory's path still leads to the lock file that is held. As the file is open, no other
    /// file can have its number.
    fn is_there(&self) -> bool {
        let found = fs::symlink_metadata(self.directory.join(name::LOCK));
        found.is_ok_and(|found| (found.dev(), found.ino()) == self.key)
    }

    /// An error unless the directory's path still leads to the directory that is locked.
    pub(crate) fn expect_there(&self) -> Result<(), Error> {
        if self.is_there() { Ok(()) } else { Err(Error::Moved { path: self.directory.clone() }) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut held = held();
        if let Some(times) = held.get_mut(&self.key) {
            *times -= 1;
            if *times == 0 {
                held.remove(&self.key);
            }
        }
        // Closing would do, but for a process that another thread is just starting: until its exec it shares
        // the file.
        let _ = self.file.unlock();
    }
}

fn held() -> MutexGuard<'static, BTreeMap<Key, usize>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Only what looks like an index is locked; nothing in any other directory is touched.
pub(crate) fn expect_index(path: &Path) -> Result<(), Error> {
    match path.join(name::MANIFEST).is_file() {
        true => Ok(()),
        false => Err(Error::NotAnIndex { path: path.to_owned() }),
    }
}

/// Reads an index while it is not open for writing. Returns its absolute path, the lock, and what was read.
pub(crate) fn with_shared_lock<T>(
    path: &Path,
    wait: Duration,
    read: impl Fn(&Path) -> Result<T, Error>,
) -> Result<(PathBuf, Option<Lock>, T), Error> {
    background::expect_threads(path)?;
    expect_index(path)?;
    let absolute = path.canonicalize().context(path, "resolving the path")?;
    loop {
        let lock = Lock::take(&absolute, Access::ReadOnly, wait)?;
        let result = read(&absolute);
        // Without a lock file there was no lock to take. If there is one now, an owner came meanwhile.
        if lock.is_some() || !path.join(name::LOCK).exists() {
            return Ok((absolute, lock, result?));
        }
    }
}

/// Who has the lock, as far as can be told.
fn holder(file: &mut File, wanted: Access, inode: u64) -> String {
    // Only where readers have it can one more reader get it. What an earlier owner wrote is not about them.
    let readers = wanted == Access::ReadWrite && file.try_lock_shared().is_ok();
    if readers {
        let _ = file.unlock();
        return match readers_of(inode) {
            Some(process) => format!("process {process}, which reads it"),
            None => "another process, which reads it".into(),
        };
    }
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("process {text}")
        }
        _ => "another process".into(),
    }
}

/// A process that has a file locked for reading, where the system lists locks. Its lines are like
/// `4: FLOCK  ADVISORY  READ 1234 08:01:131 0 EOF`, with device and inode of the file.
fn readers_of(inode: u64) -> Option<u32> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let file = format!(":{inode}");
    locks.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [_, "FLOCK", _, "READ", process, at, ..] if at.ends_with(&file) => process.parse().ok(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(directory: &Path, access: Access) -> Result<Option<Lock>, Error> {
        Lock::take(directory, access, Duration::ZERO)
    }

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = take(directory.path(), Access::ReadWrite).unwrap();
        for access in [Access::ReadWrite, Access::ReadOnly] {
            match take(directory.path(), access) {
                Err(Error::Locked { holder, .. }) => assert_eq!(holder, "this very process"),
                other => panic!("{other:?}"),
            }
        }
        drop(first);
        take(directory.path(), Access::ReadWrite).unwrap();
    }

    #[test]
    fn readers_share_and_keep_owners_out() {
        let directory = tempfile::tempdir().unwrap();
        assert!(take(directory.path(), Access::ReadOnly).unwrap().is_none(), "nothing is made for a reader");
        assert!(!directory.path().join(name::LOCK).exists());
        drop(take(directory.path(), Access::ReadWrite).unwrap());
        let readers = [0, 1].map(|_| take(directory.path(), Access::ReadOnly).unwrap().unwrap());
        assert!(matches!(take(directory.path(), Access::ReadWrite), Err(Error::Locked { .. })));
        drop(readers);
        take(directory.path(), Access::ReadWrite).unwrap();
    }

    #[test]
    fn a_lock_knows_when_its_directory_was_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locked");
        fs::create_dir(&path).unwrap();
        let lock = take(&path, Access::ReadWrite).unwrap().unwrap();
        lock.expect_there().unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        assert!(matches!(lock.expect_there(), Err(Error::Moved { .. })));
        fs::create_dir(&path).unwrap();
        let other = take(&path, Access::ReadWrite).unwrap().unwrap();
        assert!(matches!(lock.expect_there(), Err(Error::Moved { .. })));
        other.expect_there().unwrap();
        fs::remove_dir_all(&path).unwrap();
        fs::rename(directory.path().join("moved"), &path).unwrap();
        lock.expect_there().unwrap();
    }

    #[test]
    fn a_wait_ends_when_the_lock_is_free() {
        let directory = tempfile::tempdir().unwrap();
        let first = take(directory.path(), Access::ReadWrite).unwrap();
        thread::scope(|scope| {
            let second =
                scope.spawn(|| Lock::take(directory.path(), Access::ReadWrite, Duration::MAX).map(drop));
            thread::sleep(PAUSE * 3);
            assert!(!second.is_finished());
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}
