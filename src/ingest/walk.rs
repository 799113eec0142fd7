//! Finding the files below the paths a user named.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Skip;

/// One file to look at, or one place that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The path the user named, under which this was found.
    pub root: PathBuf,
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be looked at, if so.
    pub problem: Option<Skip>,
}

impl Input {
    /// The folder directly below the user's path that this file lies in, if there is one.
    pub fn top_folder(&self) -> Option<&Path> {
        let below = self.path.strip_prefix(&self.root).ok()?;
        let mut parts = below.components();
        let first = parts.next()?;
        parts.next().map(|_| Path::new(first.as_os_str()))
    }
}

/// Every file below `roots` in a fixed order: roots as given, folders by name. Links are followed, a link
/// back to a folder on the way is a problem and not a loop.
pub fn walk(roots: &[PathBuf]) -> impl Iterator<Item = Input> {
    roots.iter().cloned().flat_map(|root| {
        WalkDir::new(&root).follow_links(true).sort_by_file_name().into_iter().filter_map(move |entry| {
            let input = |path, problem| Some(Input { root: root.clone(), path, problem });
            match entry {
                Ok(entry) if entry.file_type().is_dir() => None,
                Ok(entry) => input(entry.into_path(), None),
                Err(error) => {
                    let path = error.path().map_or_else(|| root.clone(), Path::to_path_buf);
                    let reason = match error.io_error() {
                        Some(io) => io.to_string(),
                        None => "the link leads back to a folder above it".into(),
                    };
                    input(path, Some(Skip::new("unreadable", reason)))
                }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path) -> Vec<(String, Option<&'static str>)> {
        walk(&[root.to_path_buf()])
            .map(|input| {
                let below = input.path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                (below, input.problem.map(|skip| skip.code))
            })
            .collect()
    }

    #[test]
    fn files_come_in_order_of_name() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b/2.jpg", "b/1.jpg", "a.txt"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        let found: Vec<_> = names(root.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["a.txt", "b/1.jpg", "b/2.jpg"]);
    }

    #[test]
    fn a_link_to_a_folder_above_is_a_problem_and_not_a_loop() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(root.path(), folder.join("loop")).unwrap();
        std::fs::write(folder.join("photo.jpg"), b"x").unwrap();
        let found = names(root.path());
        assert!(found.contains(&("a/b/photo.jpg".into(), None)));
        assert!(found.contains(&("a/b/loop".into(), Some("unreadable"))));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_person_is_the_folder_below_the_root() {
        let input = |path: &str| Input { root: "/r".into(), path: path.into(), problem: None };
        assert_eq!(input("/r/Ada/x/1.jpg").top_folder(), Some(Path::new("Ada")));
        assert_eq!(input("/r/1.jpg").top_folder(), None);
        assert_eq!(input("/r").top_folder(), None);
    }
}
