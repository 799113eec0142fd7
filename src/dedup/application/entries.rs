//! Directory entries of a plan, as they are now. Between plan and application a file or a folder may become a link to another one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Refused;
use crate::dedup::files::Stamp;

/// A regular file, at a path without symbolic links.
pub(super) struct Entry {
    pub path: PathBuf,
    pub stamp: Stamp,
    device: u64,
    links: u64,
    /// Device and inode of its folder.
    folder: (u64, u64),
}

impl Entry {
    /// The entry at this path.
    ///
    /// # Errors
    /// There is no regular file, or a symbolic link is part of the path.
    pub fn of(path: &Path) -> Result<Self, Refused> {
        let refused = |reason: String| Refused { path: path.into(), reason };
        let text = |error: std::io::Error| refused(error.to_string());
        let metadata = fs::symlink_metadata(path).map_err(text)?;
        let real = fs::canonicalize(path).map_err(text)?;
        if real != path {
            return Err(refused(format!("it is a link to {} since the plan was made", real.display())));
        }
        if !metadata.is_file() {
            return Err(refused("it is no longer a file".into()));
        }
        let folder = fs::metadata(path.parent().unwrap_or(Path::new("/"))).map_err(text)?;
        Ok(Self {
            path: path.into(),
            stamp: Stamp::of(&metadata),
            device: metadata.dev(),
            links: metadata.nlink(),
            folder: (folder.dev(), folder.ino()),
        })
    }

    /// The entry among `moved` with which this one would vanish, or the last name of its file. `None` if the file stays here.
    pub fn lost_with<'a>(&self, moved: &'a [Self]) -> Option<&'a Self> {
        let same = |other: &&Self| {
            other.stamp == self.stamp || (other.device, other.stamp.inode) == (self.device, self.stamp.inode)
        };
        let same: Vec<&Self> = moved.iter().filter(same).collect();
        // A folder that is mounted twice shows one entry under two paths, perhaps on two devices.
        let is_link = |other: &&Self| {
            other.device == self.device && (other.folder != self.folder || !self.has_name_of(other))
        };
        match self.links > same.len() as u64 {
            true => same.into_iter().find(|other| !is_link(other)),
            false => same.into_iter().next(),
        }
    }

    /// File systems that ignore case have one entry for both.
    fn has_name_of(&self, other: &Self) -> bool {
        let name = |entry: &Self| entry.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        name(self) == name(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &Path) -> Entry {
        Entry::of(path).map_err(|refused| refused.reason).unwrap()
    }

    #[test]
    fn a_link_is_no_entry_and_neither_is_a_file_in_a_linked_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("a")).unwrap();
        fs::write(root.join("a/1"), b"photo").unwrap();
        std::os::unix::fs::symlink("a", root.join("b")).unwrap();
        std::os::unix::fs::symlink("a/1", root.join("1")).unwrap();
        assert_eq!(entry(&root.join("a/1")).stamp.bytes, 5);
        for path in ["1", "b/1", "a/../a/1", "a", "none"] {
            let refused = Entry::of(&root.join(path)).err().unwrap();
            assert_eq!(refused.path, root.join(path));
        }
    }

    #[test]
    fn a_file_is_lost_with_its_last_names_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let [one, two, three, other] = ["1", "2", "3", "other"].map(|name| root.join(name));
        fs::write(&one, b"photo").unwrap();
        fs::write(&other, b"photo").unwrap();
        fs::hard_link(&one, &two).unwrap();
        fs::hard_link(&one, &three).unwrap();
        let kept = entry(&one);
        assert!(kept.lost_with(&[entry(&two), entry(&three), entry(&other)]).is_none());
        // The entry itself, as a second mount of the folder shows it.
        assert!(kept.lost_with(&[entry(&one)]).is_some());
        let last = Entry { links: 1, ..entry(&one) };
        assert_eq!(last.lost_with(&[entry(&other), entry(&two)]).map(|lost| lost.path.clone()), Some(two));
        assert!(last.lost_with(&[entry(&other)]).is_none());
    }
}
