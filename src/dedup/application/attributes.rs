//! The attributes of a file that are no part of its content: mode, owner, times, extended attributes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{Gid, Mode, Timespec, Timestamps, Uid, fchmod, fchown, futimens};
use serde::{Deserialize, Serialize};

/// Mode, owner and times of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attributes {
    /// Permissions and the bits above them.
    mode: u32,
    user: u32,
    group: u32,
    /// Time of the last change of the content: seconds since 1970, and nanoseconds.
    modified: (i64, i64),
    /// Time of the last access.
    accessed: (i64, i64),
}

impl Attributes {
    /// Those of a file.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            mode: metadata.mode() & 0o7777,
            user: metadata.uid(),
            group: metadata.gid(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            accessed: (metadata.atime(), metadata.atime_nsec()),
        }
    }

    /// In what this file differs from another one, apart from the times.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        match () {
            () if self.mode != other.mode => Some("another mode"),
            () if (self.user, self.group) != (other.user, other.group) => Some("another owner"),
            () => None,
        }
    }

    /// Gives them to a file whose content is complete.
    ///
    /// # Errors
    /// The system refuses; for the owner, it may.
    pub fn give(&self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        if (metadata.uid(), metadata.gid()) != (self.user, self.group) {
            fchown(file, Some(Uid::from_raw(self.user)), Some(Gid::from_raw(self.group)))?;
        }
        // After the owner, because a change of the owner clears bits.
        fchmod(file, Mode::from_raw_mode(self.mode as rustix::fs::RawMode))?;
        let time = |(tv_sec, nanoseconds): (i64, i64)| Timespec { tv_sec, tv_nsec: nanoseconds as _ };
        let times = Timestamps { last_access: time(self.accessed), last_modification: time(self.modified) };
        Ok(futimens(file, &times)?)
    }
}

/// Extended attributes by name; access control lists are among them.
pub type Extended = BTreeMap<OsString, Vec<u8>>;

/// The extended attributes of a file. None on a file system without them.
///
/// # Errors
/// They cannot be read.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub fn extended(file: &File) -> io::Result<Extended> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use rustix::fs::{fgetxattr, flistxattr};
    use rustix::io::Errno;

    /// Largest list and largest value on Linux, in bytes.
    const LONGEST: usize = 65_536;
    let mut buffer = vec![0; LONGEST];
    let names = match flistxattr(file, buffer.as_mut_slice()) {
        Ok(length) => buffer[..length].to_vec(),
        Err(Errno::NOTSUP) => return Ok(Extended::new()),
        Err(error) => return Err(error.into()),
    };
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(OsStr::from_bytes);
    names
        .map(|name| {
            let length = fgetxattr(file, name, buffer.as_mut_slice())?;
            Ok((name.to_owned(), buffer[..length].to_vec()))
        })
        .collect()
}

/// Gives a file extended attributes.
///
/// # Errors
/// One of them that the file does not have yet cannot be set.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub fn extend(file: &File, attributes: &Extended) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fsetxattr};

    // A label that the system gives to every file may not be settable, and need not be set.
    let has = extended(file)?;
    let missing = attributes.iter().filter(|(name, value)| has.get(*name) != Some(value));
    for (name, value) in missing {
        fsetxattr(file, name.as_os_str(), value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Other systems: what is not known cannot be kept.
///
/// # Errors
/// Always.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub fn extended(_: &File) -> io::Result<Extended> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Other systems have none to give.
///
/// # Errors
/// Never.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub fn extend(_: &File, _: &Extended) -> io::Result<()> {
    Ok(())
}
