//! Subjects that are different people although their templates are alike, as a user has said.
//!
//! The journal holds what was said, by ids of subjects. So it is part of backups, and holds no names.

use std::collections::BTreeSet;

use super::catalog::journal::Successors;
use super::error::Result;
use super::{Gallery, JournalEntry};

/// Pairs of subjects that are different people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DistinctSubjects(BTreeSet<[u64; 2]>);

impl DistinctSubjects {
    /// What the journal says. A subject into which another was merged inherits from whom that one is kept apart.
    fn of(journal: &[JournalEntry]) -> Self {
        // A subject that was made again by an undoing has another id.
        let successors = Successors::of(journal);
        let now = |id: u64| successors.subject(id);
        let mut pairs: BTreeSet<[u64; 2]> = BTreeSet::new();
        for entry in journal {
            if let Some([one, other]) = entry.kept_apart() {
                let pair = ordered(now(one), now(other));
                let _ = if entry.verb == "distinct" { pairs.insert(pair) } else { pairs.remove(&pair) };
            } else if entry.verb == "merge"
                && let Some((from, into)) = entry.id_of("from").zip(entry.id_of("into"))
                && let (from, into) = (now(from), now(into))
                && entry.undone_by.is_none()
            {
                let of_from = pairs.iter().filter_map(|pair| other(*pair, from));
                let inherited: Vec<[u64; 2]> =
                    of_from.filter(|id| *id != into).map(|id| ordered(id, into)).collect();
                pairs.extend(inherited);
            }
        }
        Self(pairs)
    }

    /// Whether two subjects, by id, are different people.
    pub fn contains(&self, one: u64, other: u64) -> bool {
        self.0.contains(&ordered(one, other))
    }

    /// The pairs in ascending order, the lower id first. Subjects that are not in the gallery any more may be among them.
    pub fn iter(&self) -> impl Iterator<Item = [u64; 2]> {
        self.0.iter().copied()
    }
}

fn ordered(one: u64, other: u64) -> [u64; 2] {
    [one.min(other), one.max(other)]
}

/// The other one of a pair.
fn other([one, two]: [u64; 2], id: u64) -> Option<u64> {
    if one == id { Some(two) } else { (two == id).then_some(one) }
}

impl Gallery {
    /// Records that two subjects are different people, or with `false` that they may be one person again. It is durable when it returns.
    /// Returns the number of the journal entry; `None` if it was so already.
    ///
    /// # Errors
    /// [`GalleryError::UnknownSubjectId`](super::GalleryError::UnknownSubjectId), and nothing is recorded; the disk is full or failing.
    pub fn set_distinct(&self, one: u64, other: u64, are_distinct: bool) -> Result<Option<i64>> {
        let _alone = self.correct();
        for id in [one, other] {
            self.subject_of_id(id)?;
        }
        if one == other || self.distinct_subjects()?.contains(one, other) == are_distinct {
            return Ok(None);
        }
        let mut catalog = self.catalog();
        let entry = catalog.record_distinct(ordered(one, other), are_distinct)?;
        self.record_in_index(&catalog)?;
        Ok(Some(entry))
    }

    /// The pairs of subjects that are different people.
    ///
    /// # Errors
    /// The catalog failed, or is damaged.
    pub fn distinct_subjects(&self) -> Result<DistinctSubjects> {
        Ok(DistinctSubjects::of(&self.journal()?))
    }
}
