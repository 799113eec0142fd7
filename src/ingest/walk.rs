//! Search for the files below the paths that a user named.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::Skip;
use crate::reason::Reason;

/// One file to process, or one path that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The path of the user under which the file was found.
    pub root: PathBuf,
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be processed, if so.
    pub problem: Option<Skip>,
}

impl Input {
    /// The folder directly below the user's path that contains this file, if there is one. A hidden folder is that of a program
    /// (`.ipynb_checkpoints`) and names nobody.
    pub fn top_folder(&self) -> Option<&Path> {
        let below = self.path.strip_prefix(&self.root).ok()?;
        let mut parts = below.components();
        let first = parts.next()?;
        let is_hidden = first.as_os_str().as_encoded_bytes().starts_with(b".");
        parts.next().filter(|_| !is_hidden).map(|_| Path::new(first.as_os_str()))
    }

    /// The part, from 0, of `parts` parts to which this file belongs. It depends only on its path below the user's path (or on the name
    /// of a file that the user named). So it does not change with other files or with the place of the folder.
    pub fn part(&self, parts: u64) -> u64 {
        let below = self.path.strip_prefix(&self.root).unwrap_or(&self.path);
        let whole = below.as_os_str().is_empty();
        let path = if whole { self.path.file_name().unwrap_or_default() } else { below.as_os_str() };
        xxhash_rust::xxh3::xxh3_64(path.as_encoded_bytes()) % parts.max(1)
    }

    /// Whether this file was found in a folder. Otherwise the user named the file itself.
    pub fn is_found(&self) -> bool {
        !self.root.as_os_str().is_empty() && self.path != self.root
    }
}

/// The number of files below some paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Inputs that [`walk`] returns.
    pub inputs: u64,
    /// Files and folders of operating systems and other programs, which [`walk`] skips: see [`is_system`].
    pub system_files: u64,
}

/// Counts what [`walk`] returns and skips.
pub fn survey(roots: &[PathBuf]) -> Survey {
    let mut survey = Survey::default();
    for root in roots {
        let mut entries = entries(root);
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if leaves_out(&entry) => {
                    survey.system_files += 1;
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                _ => survey.inputs += 1,
            }
        }
    }
    survey
}

/// Every file below `roots` in a fixed order: roots as given, folders by name. Links are followed. A link
/// to a folder above it is a problem and not an endless loop. System files are skipped, unless they are in `roots`.
pub fn walk(roots: &[PathBuf]) -> impl Iterator<Item = Input> {
    roots.iter().cloned().flat_map(|root| {
        entries(&root).filter_entry(|entry| !leaves_out(entry)).filter_map(move |entry| {
            let input = |path, problem| Some(Input { root: root.clone(), path, problem });
            match entry {
                Ok(entry) if entry.file_type().is_dir() => None,
                Ok(entry) => input(entry.into_path(), None),
                Err(error) => {
                    let path = error.path().map_or_else(|| root.clone(), Path::to_path_buf);
                    input(path, Some(problem(&error)))
                }
            }
        })
    })
}

fn entries(root: &Path) -> walkdir::IntoIter {
    WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter()
}

fn problem(error: &walkdir::Error) -> Skip {
    match error.io_error() {
        Some(io) => Skip::unreadable(io),
        None => Skip::new(Reason::Unreadable, "the link leads back to a folder above it"),
    }
}

/// A path that the user names is never skipped.
fn leaves_out(entry: &DirEntry) -> bool {
    entry.depth() > 0 && is_system(entry.file_name())
}

/// Whether a file or folder with this name belongs to an operating system, a file server or another program: `.DS_Store`,
/// `Thumbs.db`, AppleDouble files, waste baskets, previews of file servers and galleries, version control, the files
/// of `encode` and `export`. Other hidden files do not count, because photos may be hidden.
pub fn is_system(name: &OsStr) -> bool {
    const NAMES: &[&str] = &[
        // macOS
        ".ds_store",
        ".localized",
        ".appledouble",
        ".appledb",
        ".appledesktop",
        ".lsoverride",
        ".spotlight-v100",
        ".fseventsd",
        ".temporaryitems",
        ".documentrevisions-v100",
        ".volumeicon.icns",
        ".com.apple.timemachine.donotpresent",
        "__macosx",
        "icon\r",
        "network trash folder",
        // Windows
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "folder.ini",
        "$recycle.bin",
        "system volume information",
        // Linux and its desktops
        "lost+found",
        ".directory",
        ".thumbnails",
        ".sh_thumbnails",
        ".cache",
        // notebooks
        ".ipynb_checkpoints",
        // Android and cameras
        ".nomedia",
        "autprint.mrk",
        // file servers and synchronisation
        "@eadir",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "@tmp",
        ".@__thumb",
        "@__thumb",
        ".stfolder",
        ".stversions",
        ".sync",
        ".dropbox.cache",
        // photo programs
        ".picasa.ini",
        "picasa.ini",
        ".picasaoriginals",
        // this program: files of `encode` and `export`
        "embeddings.npy",
        "templates.jsonl",
        "skipped.jsonl",
        "unfinished.jsonl",
        // version control
        ".git",
        ".svn",
        ".hg",
        ".bzr",
    ];
    /// Prefixes of names.
    const BEGINNINGS: &[&str] = &[
        "._",
        ".gallerist-",
        ".trash",
        ".fuse_hidden",
        ".nfs0",
        ".smbdelete",
        ".thumbdata",
        ".dtrash",
        ".syncthing.",
        "~$",
    ];
    let name = name.to_string_lossy().to_lowercase();
    NAMES.contains(&name.as_str()) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<(String, Option<&'static str>)> {
        walk(&[root.to_path_buf()])
            .map(|input| {
                let below = input.path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                (below, input.problem.map(|skip| skip.reason.code()))
            })
            .collect()
    }

    fn write(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
    }

    #[test]
    fn files_are_in_order_of_name() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["b/2.jpg", "b/1.jpg", "a.txt"]);
        let found: Vec<_> = names(root.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["a.txt", "b/1.jpg", "b/2.jpg"]);
    }

    #[test]
    fn a_link_to_a_folder_above_is_a_problem_and_not_a_loop() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(root.path(), folder.join("loop")).unwrap();
        std::os::unix::fs::symlink("itself", folder.join("itself")).unwrap();
        std::fs::write(folder.join("photo.jpg"), b"x").unwrap();
        let found = names(root.path());
        assert!(found.contains(&("a/b/photo.jpg".into(), None)));
        assert!(found.contains(&("a/b/loop".into(), Some("unreadable"))));
        assert!(found.contains(&("a/b/itself".into(), Some("unreadable"))));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn system_files_are_counted_separately_and_processed_only_if_named() {
        let root = tempfile::tempdir().unwrap();
        let system = [
            ".DS_Store",
            "Ada/Thumbs.db",
            "Ada/DESKTOP.INI",
            "Ada/._1.jpg",
            "Ada/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg",
            ".thumbnails/normal/0.png",
            "__MACOSX/Ada/._1.jpg",
            ".git/HEAD",
            ".Trash-1000/files/old.jpg",
            "Ada/.picasa.ini",
        ];
        write(root.path(), &system);
        write(root.path(), &["Ada/1.jpg", "Ada/.hidden.jpg", "Ada/thumbs.jpg"]);
        let found: Vec<_> = names(root.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["Ada/.hidden.jpg", "Ada/1.jpg", "Ada/thumbs.jpg"]);
        let survey_of = |path: PathBuf| survey(&[path]);
        assert_eq!(survey_of(root.path().into()), Survey { inputs: 3, system_files: 10 });
        let named = root.path().join("Ada/._1.jpg");
        assert_eq!(walk(std::slice::from_ref(&named)).count(), 1);
        assert_eq!(survey_of(named), Survey { inputs: 1, system_files: 0 });
        let folder = root.path().join("Ada/@eaDir");
        assert_eq!(survey_of(folder), Survey { inputs: 1, system_files: 0 });
    }

    #[test]
    fn the_part_of_a_photo_is_independent_of_other_photos() {
        let part = |root: &str, path: &str| {
            Input { root: root.into(), path: Path::new(root).join(path), problem: None }.part(1000)
        };
        assert_eq!(
            (part("/a", "x/1.jpg"), part("/a", "x/2.jpg")),
            (part("b/", "x/1.jpg"), part("b/.", "x/2.jpg"))
        );
        // Runs on other machines and with later versions must agree on it.
        assert_eq!((part("/a", "x/1.jpg"), part("/a", "x/2.jpg")), (209, 711));
        let named = Input { root: "x/1.jpg".into(), path: "x/1.jpg".into(), problem: None };
        assert_eq!(named.part(1000), part("x", "1.jpg"));
    }

    #[test]
    fn the_subject_is_the_folder_below_the_root() {
        let input = |path: &str| Input { root: "/r".into(), path: path.into(), problem: None };
        assert_eq!(input("/r/Ada/x/1.jpg").top_folder(), Some(Path::new("Ada")));
        assert_eq!(input("/r/1.jpg").top_folder(), None);
        assert_eq!(input("/r").top_folder(), None);
        assert_eq!(input("/r/.hidden/1.jpg").top_folder(), None);
        assert_eq!(input("/r/Ada/.hidden/1.jpg").top_folder(), Some(Path::new("Ada")));
        assert!(input("/r/1.jpg").is_found() && !input("/r").is_found());
    }
}
