//! Where runs are, and how one is found again: by its plan, by a folder of the plan, or by its own folder, also if that was renamed since.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dedup::error::{DedupError, Result};
use crate::dedup::journal::{self, Journal, QUARANTINE};

/// The folder of the files of a quarantine, beside the journal.
pub(super) const FILES: &str = "files";
/// Digits of the id of a run.
const ID: usize = 12;

/// The place of a run for one folder of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The folder of the plan.
    pub root: PathBuf,
    /// The folder of the run, with the journal.
    pub run: PathBuf,
    /// The folder that the run has if no quarantine is named. If one is, this one says where the run is.
    pub usual: PathBuf,
}

impl Place {
    /// The place of the run with this id. `folder` is the one for this root in a quarantine that was named. Without one, it is where an
    /// earlier run was, otherwise the usual one.
    pub fn of(root: PathBuf, id: &str, folder: Option<PathBuf>) -> Self {
        let usual = root.join(QUARANTINE).join(id);
        let run = match folder {
            Some(folder) => folder,
            None => elsewhere(&root, &usual).unwrap_or_else(|| usual.clone()),
        };
        Self { root, run, usual }
    }

    /// The place of a run whose folder is this one. `None` if it has no journal, or one that does not say where its root is.
    fn at(run: &Path) -> Option<Self> {
        let (root, was) = Journal::read(run).ok()??.place(run)?;
        // A root that was renamed with the run in it.
        let root = match was.strip_prefix(&root) {
            Ok(below) if run.ends_with(below) => {
                run.ancestors().nth(below.components().count())?.to_path_buf()
            }
            _ => root,
        };
        let usual = root.join(QUARANTINE).join(id(run));
        Some(Self { root, run: run.into(), usual })
    }

    /// The id of the run.
    pub fn id(&self) -> String {
        id(&self.run)
    }

    /// Says in the usual folder where the run is, if it is elsewhere.
    ///
    /// # Errors
    /// The disk is full or failing.
    pub fn mark(&self) -> Result<()> {
        match self.run == self.usual {
            true => Ok(()),
            false => journal::write_elsewhere(&self.usual, &self.root, &self.run),
        }
    }

    /// Removes what [`Place::mark`] made, if there is no run any more.
    pub fn unmark(&self) {
        if self.run != self.usual && !Journal::is_in(&self.run) && !Journal::is_in(&self.usual) {
            Journal::remove(&self.usual);
        }
    }

    /// Where an earlier run of the same plan is, if that is another place than this one.
    pub fn earlier(&self) -> Option<PathBuf> {
        let usual = Journal::is_in(&self.usual).then(|| self.usual.clone());
        usual.or_else(|| elsewhere(&self.root, &self.usual)).filter(|run| *run != self.run)
    }

    /// Where the run was, if the folder that should say so is all that is left of it.
    pub fn lost(&self) -> Option<PathBuf> {
        journal::read_elsewhere(&self.usual, &self.root).filter(|run| self.run == self.usual && !run.is_dir())
    }
}

/// The id of a run, from its folder: `ID`, or `ID/NUMBER` in a quarantine that was named.
fn id(run: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let own = name(run);
    if is_id(&own) { own } else { run.parent().map(name).unwrap_or_default() }
}

fn is_id(name: &str) -> bool {
    name.len() == ID && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where the usual folder says that the run is, if it is there.
fn elsewhere(root: &Path, usual: &Path) -> Option<PathBuf> {
    let run = journal::read_elsewhere(usual, root)?;
    (Journal::is_in(&run) && is_id(&id(&run))).then_some(run)
}

/// Whether a file was found in a quarantine below `root`, so that it is not part of the collection.
pub fn contains(root: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(root).unwrap_or(Path::new(""));
    let is_quarantine = |folder: &Path| {
        let run = || folder.parent().map(|run| root.join(run));
        folder.file_name() == Some(FILES.as_ref())
            && run().is_some_and(|run| is_id(&id(&run)) && Journal::is_in(&run))
    };
    below.ancestors().skip(1).any(is_quarantine)
}

/// The runs of a folder: one of a plan, a quarantine, or a run.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn places(folder: &Path) -> Result<Vec<Place>> {
    let folder = fs::canonicalize(folder).map_err(|error| DedupError::io("find", folder, error))?;
    let quarantine = folder.join(QUARANTINE);
    let mut found = Vec::new();
    collect(if quarantine.is_dir() { &quarantine } else { &folder }, 2, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<Place>) -> Result<()> {
    if is_id(&id(folder)) {
        if let Some(place) = Place::at(folder) {
            found.push(place);
            return Ok(());
        }
        let root =
            folder.ancestors().nth(2).filter(|_| folder.parent().is_some_and(|q| q.ends_with(QUARANTINE)));
        if let Some(root) = root
            && let Some(run) = elsewhere(root, folder)
        {
            found.push(Place { root: root.into(), run, usual: folder.into() });
            return Ok(());
        }
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(|error| DedupError::io("read", folder, error))? {
        let entry = entry.map_err(|error| DedupError::io("read", folder, error))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_part = is_id(&name) || (is_id(&id(folder)) && name.bytes().all(|byte| byte.is_ascii_digit()));
        if is_folder && is_part {
            collect(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}
