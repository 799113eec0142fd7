//! Where recorded paths lead today. Nothing is read but folders and links.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A folder of the request.
#[derive(Debug, Clone)]
pub struct Root {
    given: PathBuf,
    real: PathBuf,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A file.
    File,
    /// No file, and the folder above it, or the first one that exists, is not empty.
    Gone,
    /// It cannot be looked up.
    Unreachable,
}

/// A folder on the way to a file.
#[derive(Debug, Clone)]
struct Folder {
    /// The folder without links. For a folder that does not exist: below the first one that does.
    real: PathBuf,
    state: State,
    /// The folder or link because of which it is unreachable.
    obstacle: PathBuf,
}

/// Looks up paths; each folder once.
#[derive(Debug, Default)]
pub struct Places(HashMap<PathBuf, Folder>);

impl Places {
    pub fn new() -> Self {
        Self::default()
    }

    /// A folder of the request; `None` if it is no folder that can be read.
    pub fn root(&mut self, given: &Path) -> Option<Root> {
        let real = fs::canonicalize(given).ok()?;
        fs::read_dir(&real).ok()?;
        Some(Root { given: absolute(given), real })
    }

    /// Whether a path lies in one of the folders, by its name or where its links lead.
    pub fn is_in(&mut self, path: &Path, roots: &[Root]) -> bool {
        let (named, real) = (absolute(path), self.identity(path));
        roots.iter().any(|root| named.starts_with(&root.given) || real.starts_with(&root.real))
    }

    /// The path through its real folder. Two spellings of a path have the same one.
    pub fn identity(&mut self, path: &Path) -> PathBuf {
        let path = absolute(path);
        match path.parent().zip(path.file_name()) {
            Some((parent, name)) => self.folder(parent).real.join(name),
            None => path,
        }
    }

    /// What is at a path.
    pub fn state(&mut self, path: &Path) -> State {
        let path = absolute(path);
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => State::File,
            Ok(_) => State::Gone,
            Err(error) if is_absence(error.kind()) => match fs::symlink_metadata(&path) {
                Ok(_) => State::Unreachable, // a link to a file that is not there
                Err(_) => path.parent().map_or(State::Gone, |parent| self.folder(parent).state),
            },
            Err(_) => State::Unreachable,
        }
    }

    /// The folder, link or file because of which a path cannot be looked up.
    pub fn obstacle(&mut self, path: &Path) -> PathBuf {
        let path = absolute(path);
        match path.parent() {
            Some(parent) if fs::symlink_metadata(&path).is_err() => {
                let folder = self.folder(parent);
                if folder.state == State::Unreachable { folder.obstacle } else { path }
            }
            _ => path,
        }
    }

    /// A folder. Its state is that of a file in it that does not exist: [`State::Gone`] or [`State::Unreachable`].
    fn folder(&mut self, path: &Path) -> Folder {
        if let Some(known) = self.0.get(path) {
            return known.clone();
        }
        let found = self.look_up(path);
        self.0.insert(path.to_owned(), found.clone());
        found
    }

    fn look_up(&mut self, path: &Path) -> Folder {
        let is = |real: PathBuf, state| Folder { real, state, obstacle: path.to_owned() };
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => {
                let Some((parent, name)) = path.parent().zip(path.file_name()) else {
                    return is(path.to_owned(), State::Unreachable);
                };
                let above = self.folder(parent);
                let real = above.real.join(name);
                // A link that exists and leads nowhere is that to a disk which is not mounted.
                return match is_absence(error.kind()) && fs::symlink_metadata(path).is_err() {
                    true => Folder { real, ..above },
                    false => is(real, State::Unreachable),
                };
            }
        };
        match fs::read_dir(&real).map(|mut entries| entries.next().is_some()) {
            Ok(true) => is(real, State::Gone),
            // The empty folder in which a disk was mounted.
            Ok(false) => is(real, State::Unreachable),
            Err(error) if error.kind() == ErrorKind::NotADirectory => is(real, State::Gone),
            Err(_) => is(real, State::Unreachable),
        }
    }
}

/// Whether an error means that there is nothing at a path.
fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gone_only_where_its_folder_can_be_looked_up() {
        let folder = tempfile::tempdir().unwrap();
        let at = |below: &str| folder.path().join(below);
        for one in ["photos/full/1.jpg", "photos/2.jpg"] {
            fs::create_dir_all(at(one).parent().unwrap()).unwrap();
            fs::write(at(one), b"x").unwrap();
        }
        fs::create_dir(at("photos/empty")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("photos/link")).unwrap();
        std::os::unix::fs::symlink("full", at("photos/other")).unwrap();
        let mut places = Places::new();
        for (below, state) in [
            ("photos/full/1.jpg", State::File),
            ("photos/other/1.jpg", State::File),
            ("photos/full/3.jpg", State::Gone),
            ("photos/none/at/all.jpg", State::Gone),
            ("photos/2.jpg/3.jpg", State::Gone),
            ("photos/full", State::Gone),
            ("photos/empty/1.jpg", State::Unreachable),
            ("photos/empty/deep/1.jpg", State::Unreachable),
            ("photos/link/1.jpg", State::Unreachable),
            ("photos/link", State::Unreachable),
        ] {
            assert_eq!(places.state(&at(below)), state, "{below}");
        }
        assert_eq!(places.obstacle(&at("photos/empty/deep/1.jpg")), at("photos/empty"));
        assert_eq!(places.obstacle(&at("photos/link/1.jpg")), at("photos/link"));
        let identity = places.identity(&at("photos/full/1.jpg"));
        assert_eq!(places.identity(&at("photos/other/1.jpg")), identity);
        let roots = [places.root(&at("photos/full")).unwrap()];
        assert!(places.is_in(&at("photos/other/gone.jpg"), &roots));
        assert!(!places.is_in(&at("photos/2.jpg"), &roots) && places.root(&at("none")).is_none());
    }
}
