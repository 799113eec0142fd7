//! Plans: what would be moved, what is kept, and why. A plan is data; making one changes nothing.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{DedupError, Result};
pub use crate::ingest::PathText;
pub(super) use crate::ingest::hex;

/// Version of the format.
pub const VERSION: u32 = 1;

/// A plan. Two runs over the same files give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`VERSION`].
    pub version: u32,
    /// The folders that were searched.
    pub roots: Vec<PathText>,
    /// Folders whose files are never moved.
    pub references: Vec<PathText>,
    /// The rules that selected the kept items, in order.
    pub keep: Vec<String>,
    /// Groups of copies.
    pub groups: Vec<Group>,
    /// Files that were not compared.
    pub unread: Vec<Unread>,
    /// Sums.
    pub counts: Counts,
}

/// Items of which one picture is enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Identifies the group by the contents of its photos, 16 hexadecimal digits.
    pub id: String,
    /// How its members are related.
    pub kind: Kind,
    /// The user wants to keep all of them, and not to be asked again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_all: bool,
    /// The items, the kept one first.
    pub members: Vec<Member>,
}

/// How the members of a group are related.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Their bytes are equal.
    Exact,
    /// The same picture, processed: every member was compared with one of them.
    Similar,
    /// Different pictures of one moment. Nothing is moved unless the user says so.
    Burst,
}

/// What happens to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It stays.
    Keep,
    /// All its files are moved away.
    Move,
}

/// An item of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What happens to it.
    pub action: Action,
    /// Why it is kept, or in what it differs from the kept item.
    pub why: String,
    /// The photo that belongs to the group.
    pub photo: PathText,
    /// Width in pixels, 0 if it was not decoded.
    pub width: u32,
    /// Height in pixels, 0 if it was not decoded.
    pub height: u32,
    /// When it was taken, as the file states it.
    pub taken: Option<String>,
    /// Its files, the photo among them.
    pub files: Vec<PlannedFile>,
}

/// A file of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFile {
    /// All paths of the file (hard links have several).
    pub paths: Vec<PathText>,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of its content in hexadecimal digits.
    pub blake3: String,
    /// Symbolic links in the searched folders that lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<PathText>,
}

/// Files of one kind that were not compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// The stable code of the reason.
    pub reason: String,
    /// The reason and a remedy.
    pub detail: String,
    /// The files.
    pub paths: Vec<PathText>,
}

/// The sums of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Photos, each file once.
    pub photos: u64,
    /// Groups of equal bytes.
    pub exact_groups: u64,
    /// Groups of the same picture.
    pub similar_groups: u64,
    /// Bursts.
    pub bursts: u64,
    /// Groups that are not listed, because the user keeps all of them.
    #[serde(default)]
    pub kept_groups: u64,
    /// Items that would be moved.
    pub moved_items: u64,
    /// Files that would be moved, each name of a file with several counted.
    pub moved_files: u64,
    /// Their bytes.
    pub moved_bytes: u64,
}

/// An absolute path without `..`, so that comparisons of paths are comparisons of files.
fn real(path: &PathText) -> Result<PathBuf, String> {
    let real = path.path().ok_or_else(|| format!("{path:?} is not a path"))?;
    match () {
        () if !real.is_absolute() => Err(format!("{} is not an absolute path", real.display())),
        () if real.components().any(|part| part == Component::ParentDir) => {
            Err(format!("{} contains `..`; a plan has paths without it", real.display()))
        }
        () => Ok(real),
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Plan {
    /// The plan in its stored form.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Symbolic links to files that would be moved, in order.
    pub fn links(&self) -> BTreeSet<PathBuf> {
        let members = self.groups.iter().filter(|group| !group.keep_all).flat_map(|group| &group.members);
        let moved = members.filter(|member| member.action == Action::Move);
        let links = moved.flat_map(|member| &member.files).flat_map(|file| &file.links);
        links.filter_map(PathText::path).collect()
    }

    /// Whether one of the files of a member is in a folder whose files are never moved.
    pub fn is_reference(&self, member: &Member) -> bool {
        let references: Vec<PathBuf> = self.references.iter().filter_map(PathText::path).collect();
        let mut paths = member.files.iter().flat_map(|file| &file.paths).filter_map(PathText::path);
        paths.any(|path| references.iter().any(|folder| path.starts_with(folder)))
    }

    /// Reads a plan and checks it. `path` is for messages. An editor may have put a byte order mark before the text.
    ///
    /// # Errors
    /// It is damaged, of another version, or would lose something: a group of which nothing is kept, a file that occurs twice, a file of a
    /// reference folder that is moved.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let refused = |reason: String| DedupError::Plan { path: path.into(), reason };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let plan: Self =
            serde_json::from_str(text).map_err(|error| refused(format!("not a plan: {error}")))?;
        if plan.version != VERSION {
            return Err(refused(format!(
                "a plan of version {}; this program reads version {VERSION}",
                plan.version
            )));
        }
        plan.check().map_err(refused)?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        for folder in self.roots.iter().chain(&self.references) {
            real(folder)?;
        }
        let mut moved = BTreeSet::new();
        let mut kept = BTreeSet::new();
        for group in &self.groups {
            if !group.keep_all && !group.members.iter().any(|member| member.action == Action::Keep) {
                return Err(format!(
                    "group {} keeps nothing; set the action of one member to `keep`",
                    group.id
                ));
            }
            for member in &group.members {
                let is_moved = !group.keep_all && member.action == Action::Move;
                if is_moved && self.is_reference(member) {
                    let path = member.photo.path().unwrap_or_default();
                    return Err(format!("{} is in a reference folder and would be moved", path.display()));
                }
                for path in member.files.iter().flat_map(|file| &file.paths) {
                    let real = real(path)?;
                    match if group.keep_all { Action::Keep } else { member.action } {
                        Action::Move if !moved.insert(real.clone()) => {
                            return Err(format!("{} is moved by two groups", real.display()));
                        }
                        Action::Keep => drop(kept.insert(real)),
                        Action::Move => {}
                    }
                }
            }
        }
        match moved.intersection(&kept).next() {
            Some(path) => Err(format!("{} is moved by one group and kept by another", path.display())),
            None => Ok(()),
        }
    }
}
