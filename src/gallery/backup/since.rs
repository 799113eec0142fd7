//! The changes of a backup's templates since the backup, according to the original gallery.
//!
//! A moved or merged template has a new id, and its old id counts as deleted in the index. The journal of the catalog contains the new id.
//! Without a readable catalog, and for a subject that was removed and enrolled again, vectors are compared: a row of the index that is
//! newer than the backup and bitwise equal to the deleted row is the same template.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use crate::gallery::catalog::JournalEntry;
use crate::gallery::catalog::journal::Present;
use crate::gallery::catalog::template::is_without_subject;
use crate::gallery::error::{GalleryError, Result};
use crate::gallery::vectors::local::{self, Erasures};
use crate::gallery::vectors::{Access, VectorStore, View};
use crate::gallery::{Gallery, INDEX, Name};

/// Ids of templates in the backup, each with its id in the original gallery.
type Pairs = Vec<(u64, u64)>;

/// The changes of a backup's templates since the backup.
pub(super) struct ChangesSince {
    /// The removed templates, without those that have another id in the original gallery.
    pub erasures: Erasures,
    /// Templates of the backup that have another id in the original gallery, by their present subject.
    moved: BTreeMap<Owner, Vec<u64>>,
    /// Why the present names are not known.
    pub names_unknown: Option<String>,
    /// Rows of the original index that cannot be read. A template of the backup may be among them.
    pub unreadable: u64,
}

/// The present subject of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Subject(u64, String),
    /// It is an unknown face.
    Nobody,
    /// The catalog cannot be read.
    NotKnown,
}

impl Owner {
    fn of((id, name): (u64, String)) -> Self {
        Self::Subject(id, name)
    }
}

impl ChangesSince {
    /// Compares the index of a backup with the original gallery.
    pub fn of(gallery: &Path, backup: &Path) -> Result<Self> {
        if !gallery.exists() {
            return Err(GalleryError::Missing(gallery.to_owned()));
        }
        let to_read = |index: &Path| local::open(index, Access::ReadOnly, Duration::ZERO);
        let index = to_read(&gallery.join(INDEX))?;
        let mut erasures = index.erasures()?;
        let copy = to_read(&backup.join(INDEX))?;
        let erased = copy.erased_since(&erasures)?;
        let (before, now) = (copy.snapshot()?, index.snapshot()?);
        let (catalog, names_unknown) = match Gallery::open_with(gallery, Access::ReadOnly, Duration::ZERO) {
            Ok(gallery) => (Some(gallery), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let journal = catalog.as_ref().map_or(Ok(Vec::new()), Gallery::journal)?;
        let (mut pairs, rest) = follow_journal(&erased, &journal, &now)?;
        let (found, unreadable) = equal_rows(&rest, &pairs, &before, &now)?;
        pairs.extend(found);
        let mut moved: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        let mut spared = Vec::new();
        for (old, new) in pairs {
            spared.extend(before.get(old)?.map(|row| (old, row.subject)));
            let known =
                catalog.as_ref().map(|gallery| gallery.catalog().original(new)).transpose()?.flatten();
            let owner = known.map_or(Owner::NotKnown, |now| now.subject.map_or(Owner::Nobody, Owner::of));
            moved.entry(owner).or_default().push(old);
        }
        erasures.keep(&spared);
        Ok(Self { erasures, moved, names_unknown, unreadable })
    }

    /// Number of templates that were moved, merged, or removed and enrolled again.
    pub fn moved(&self) -> u64 {
        self.moved.values().map(|ids| ids.len() as u64).sum()
    }

    /// Moves these templates to their present subjects.
    pub fn carry_over(&self, restored: &Path) -> Result<()> {
        if self.moved.keys().all(|owner| *owner == Owner::NotKnown) {
            return Ok(());
        }
        let gallery = Gallery::open(restored)?;
        for (owner, ids) in &self.moved {
            let (id, name) = match owner {
                Owner::Subject(id, name) => (id, name),
                Owner::Nobody => {
                    gallery.forget_subjects_of(ids)?;
                    continue;
                }
                Owner::NotKnown => continue,
            };
            let to = present_name(&gallery, *id, name)?;
            let mut others = Vec::new();
            for &id in ids {
                let now =
                    gallery.catalog().original(id)?.ok_or(GalleryError::UnknownTemplate { id })?.subject;
                others.extend(Some(id).filter(|_| now.is_none_or(|(_, name)| name != to)));
            }
            if !others.is_empty() {
                gallery.move_templates(&others, &to)?;
            }
        }
        Ok(())
    }
}

/// Pairs of old and new ids according to the journal, and the old ids without a live new one.
fn follow_journal(erased: &[u64], journal: &[JournalEntry], now: &View) -> Result<(Pairs, Vec<u64>)> {
    let present = Present::of(journal);
    let (mut pairs, mut rest) = (Vec::new(), Vec::new());
    for &old in erased {
        let at = present.template(old);
        if at != old && now.contains(at)? { pairs.push((old, at)) } else { rest.push(old) }
    }
    Ok((pairs, rest))
}

/// Pairs of deleted rows and newer live rows with equal vectors, each row in at most one pair, and the number of unreadable rows.
fn equal_rows(erased: &[u64], known: &[(u64, u64)], before: &View, now: &View) -> Result<(Pairs, u64)> {
    let mut wanted: HashMap<Vec<u32>, Vec<(u64, u64)>> = HashMap::new();
    for row in before.vectors(erased) {
        if let Some(row) = row? {
            wanted.entry(bits(&row.vector)).or_default().push((row.id, row.subject));
        }
    }
    if wanted.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let taken: HashSet<u64> = known.iter().map(|&(_, new)| new).collect();
    let (mut pairs, mut unreadable) = (Vec::new(), 0);
    for row in now.rows() {
        let Ok(row) = row else {
            unreadable += 1;
            continue;
        };
        // A row that is also in the backup is not a copy of another one.
        if before.contains(row.id)? || taken.contains(&row.id) {
            continue;
        }
        let Some(old) = wanted.get_mut(&bits(&row.vector)) else { continue };
        // An unknown face with this vector must not restore the name of a removed subject.
        let is_same =
            |(_, group): &(u64, u64)| !is_without_subject(row.subject) || is_without_subject(*group);
        if let Some(at) = old.iter().rposition(is_same) {
            pairs.push((old.remove(at).0, row.id));
        }
    }
    Ok((pairs, unreadable))
}

fn bits(vector: &[f32]) -> Vec<u32> {
    vector.iter().map(|component| component.to_bits()).collect()
}

/// The present name of a subject, for the restored gallery. A subject that was renamed since the backup is renamed in the restored gallery
/// too, unless another subject has the name there.
fn present_name(restored: &Gallery, id: u64, name: &str) -> Result<String> {
    let known = restored.catalog().subject_name(id)?;
    let Some(old) = known.filter(|old| old != name) else { return Ok(name.to_owned()) };
    let taken = restored.catalog().subject_called(name)?.is_some();
    match Name::new(name) {
        Ok(new) if !taken => restored.rename_subject(&old, &new).map(|_| new.to_string()),
        _ => Ok(old),
    }
}
