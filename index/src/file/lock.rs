//! One owner at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::name;
use crate::error::{Context, Error};

/// Exclusive ownership of an index's directory, until dropped or the process ends.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says who has it. The file holds the owner's process id, for the message only.
    pub(crate) fn take(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(name::LOCK);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .context(&path, "opening the lock file")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: directory.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(error).context(&path, "locking"),
        }
        // A full disk must not keep anybody from reading, so the message may be lost.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, but for a process that another thread is just starting: until its exec it shares the file.
        let _ = self.file.unlock();
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path()).unwrap();
        match Lock::take(directory.path()) {
            Err(Error::Locked { holder, .. }) => assert_eq!(holder, std::process::id().to_string()),
            other => panic!("{:?}", other.err()),
        }
        drop(first);
        Lock::take(directory.path()).unwrap();
    }
}
