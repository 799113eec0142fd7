//! New names of subjects, one at a time or several at once.

use std::collections::{HashSet, VecDeque};

use rusqlite::params;
use serde_json::json;

use super::journal::Kind;
use super::{Catalog, Result, Subject};
use crate::gallery::Name;
use crate::gallery::error::GalleryError;

impl Catalog {
    /// Renames a subject. No other subject may have the name. Returns the number of the journal entry.
    pub(in crate::gallery) fn rename(&mut self, kind: Kind<'_>, subject: &Subject, to: &Name) -> Result<i64> {
        self.may_rename(subject, to)?;
        self.transaction("renaming a subject", |tx| {
            tx.execute(
                "UPDATE subjects SET name = ?2 WHERE id = ?1",
                params![subject.id.cast_signed(), to.as_str()],
            )?;
            kind.record(tx, json!({ "subject": subject.id, "from": subject.name, "to": to }))
        })
    }

    /// Renames several subjects at once, so that names can be swapped. No other subject may have one of the new names, and these differ.
    /// Where names go round in a circle, one subject gets a temporary name first. Returns the numbers of the journal entries: undone from
    /// the last to the first, they give all old names back.
    pub(in crate::gallery) fn rename_all(&mut self, renames: &[(Subject, Name)]) -> Result<Vec<i64>> {
        let renamed: HashSet<u64> = renames.iter().map(|(subject, _)| subject.id).collect();
        for (_, to) in renames {
            if self.named(to.as_str())?.is_some_and(|other| !renamed.contains(&other.id)) {
                return Err(taken(to));
            }
        }
        let mut waiting: VecDeque<(Subject, Name)> =
            renames.iter().filter(|(subject, to)| subject.name != to.as_str()).cloned().collect();
        let mut steps: Vec<(u64, String, Name)> = Vec::with_capacity(waiting.len());
        let mut passed = 0;
        while let Some((mut subject, to)) = waiting.pop_front() {
            if !waiting.iter().any(|(other, _)| other.name == to.as_str()) {
                steps.push((subject.id, subject.name, to));
                passed = 0;
                continue;
            }
            if passed > waiting.len() {
                let is_used = |name: &Name| {
                    steps.iter().any(|(_, _, other)| other == name)
                        || renames.iter().any(|(_, to)| to == name)
                };
                let temporary = self.temporary(&to, is_used)?;
                steps.push((subject.id, subject.name, temporary.clone()));
                subject.name = temporary.to_string();
                passed = 0;
            }
            passed += 1;
            waiting.push_back((subject, to));
        }
        self.transaction("renaming subjects", |tx| {
            steps
                .iter()
                .map(|(id, from, to)| {
                    tx.execute(
                        "UPDATE subjects SET name = ?2 WHERE id = ?1",
                        params![id.cast_signed(), to.as_str()],
                    )?;
                    Kind::Rename.record(tx, json!({ "subject": id, "from": from, "to": to }))
                })
                .collect()
        })
    }

    /// A name that no subject has, also not in the end.
    fn temporary(&self, name: &Name, is_used: impl Fn(&Name) -> bool) -> Result<Name> {
        let name = Name::generated(name.as_str()).or_else(|_| Name::new("renamed"))?;
        let mut number = 2;
        while is_used(&name.numbered(number)) || self.named(name.numbered(number).as_str())?.is_some() {
            number += 1;
        }
        Ok(name.numbered(number))
    }

    /// Requires that no other subject has a name.
    pub(in crate::gallery) fn may_rename(&self, subject: &Subject, to: &Name) -> Result<()> {
        match self.named(to.as_str())? {
            Some(other) if other.id != subject.id => Err(taken(to)),
            _ => Ok(()),
        }
    }
}

fn taken(name: &Name) -> GalleryError {
    GalleryError::SubjectName {
        name: name.to_string(),
        reason: "another subject has this name; merge the two subjects instead".into(),
    }
}
