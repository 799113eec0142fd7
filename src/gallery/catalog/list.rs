//! Lists: named sets of subjects, such as watch-lists.
//!
//! A list must not lose a person by a correction of templates, and must not keep a removed one. So these rules hold in the transaction that
//! removes the last template of a subject:
//!
//! - If the templates were removed, the subject leaves all lists.
//! - If they were merged into or moved to another subject, that one takes its place.
//!
//! The entry of the journal has the ids of the lists, and of those on which the other subject was not before, so that undoing it puts the
//! former subject back on the lists and takes the other one off those. It stays where a further correction has put it.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::template::UNSETTLED;
use super::{Catalog, Result};
use crate::gallery::error::GalleryError;
use crate::gallery::name::{Name, normalised};

/// Removes a subject from all lists.
pub(super) fn leave(tx: &Transaction<'_>, subject: u64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM list_members WHERE subject_id = ?1")?
        .execute([subject.cast_signed()])
        .map(drop)
}

/// Removes a subject from all lists, if all its templates are being removed. Returns the ids of these lists.
pub(super) fn leave_if_emptied(tx: &Transaction<'_>, subject: u64) -> rusqlite::Result<Vec<i64>> {
    if !is_emptied(tx, subject)? {
        return Ok(Vec::new());
    }
    let lists = lists_of(tx, subject)?;
    leave(tx, subject)?;
    Ok(lists)
}

/// Removes a subject from some lists.
pub(super) fn leave_some(tx: &Transaction<'_>, lists: &[i64], subject: u64) -> rusqlite::Result<()> {
    let mut delete = tx.prepare_cached("DELETE FROM list_members WHERE list_id = ?1 AND subject_id = ?2")?;
    lists.iter().try_for_each(|list| delete.execute(params![list, subject.cast_signed()]).map(drop))
}

/// The ids of the lists that a subject is on.
fn lists_of(tx: &Transaction<'_>, subject: u64) -> rusqlite::Result<Vec<i64>> {
    tx.prepare_cached("SELECT list_id FROM list_members WHERE subject_id = ?1 ORDER BY list_id")?
        .query_map([subject.cast_signed()], |row| row.get(0))?
        .collect()
}

/// The lists on which a subject took the place of another one.
#[derive(Debug, Default)]
pub(super) struct TakenOver {
    /// Their ids.
    pub lists: Vec<i64>,
    /// Those of them on which it was not before.
    pub joined: Vec<i64>,
}

/// Puts `into` on the lists of `from`, if `from` was merged into it or lost its last template. A subject that lost it leaves the lists.
pub(super) fn take_over(
    tx: &Transaction<'_>,
    from: u64,
    into: u64,
    is_merge: bool,
) -> rusqlite::Result<TakenOver> {
    let emptied = is_emptied(tx, from)?;
    if !is_merge && !emptied {
        return Ok(TakenOver::default());
    }
    let lists = lists_of(tx, from)?;
    let joined = join(tx, &lists, into)?;
    if emptied {
        leave(tx, from)?;
    }
    Ok(TakenOver { lists, joined })
}

/// Puts a subject on those of the lists that exist. Returns the ids of those on which it was not before.
pub(super) fn join(tx: &Transaction<'_>, lists: &[i64], subject: u64) -> rusqlite::Result<Vec<i64>> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO list_members(list_id, subject_id) SELECT id, ?2 FROM lists WHERE id = ?1
         ON CONFLICT DO NOTHING",
    )?;
    let mut joined = Vec::new();
    for list in lists {
        if insert.execute(params![list, subject.cast_signed()])? > 0 {
            joined.push(*list);
        }
    }
    Ok(joined)
}

fn is_emptied(tx: &Transaction<'_>, subject: u64) -> rusqlite::Result<bool> {
    let remains = tx
        .prepare_cached(
            "SELECT 1 FROM templates WHERE subject_id = ?1 AND id NOT IN (SELECT template_id FROM removing)",
        )?
        .exists([subject.cast_signed()])?;
    Ok(!remains)
}

/// The hashes of all members. Verifies each row.
fn sums_of_members(db: &Connection) -> rusqlite::Result<Vec<i64>> {
    db.prepare("SELECT sum FROM list_members WHERE intact('list_members', sum, list_id, subject_id)")?
        .query_map([], |row| row.get(0))?
        .collect()
}

impl Catalog {
    /// All lists in the order of names: id, name, number of subjects.
    pub(in crate::gallery) fn lists(&self) -> Result<Vec<(i64, String, u64)>> {
        self.verify_lists()?;
        self.read("reading the lists", |db| {
            db.prepare_cached(
                "SELECT id, name, (SELECT count(*) FROM list_members WHERE list_id = lists.id)
                 FROM lists NOT INDEXED ORDER BY name",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.cast_unsigned())))?
            .collect()
        })
    }

    /// The id of a list, by its name or the normalized form of it.
    pub(in crate::gallery) fn list_called(&self, name: &str) -> Result<Option<i64>> {
        self.verify_lists()?;
        let name = normalised(name);
        self.read("looking up a list", |db| {
            db.prepare_cached("SELECT id FROM lists NOT INDEXED WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()
        })
    }

    /// The subjects of a list, in order of id.
    pub(in crate::gallery) fn members(&self, list: i64) -> Result<Vec<u64>> {
        self.verify_lists()?;
        self.read("reading a list", |db| {
            db.prepare_cached(
                "SELECT subject_id FROM list_members
                 WHERE list_id = ?1 AND intact('list_members', sum, list_id, subject_id) ORDER BY subject_id",
            )?
            .query_map([list], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
            .collect()
        })
    }

    /// The names of the lists that have the subject `from` and not `into`, in order.
    pub(in crate::gallery) fn lists_without(&self, from: u64, into: u64) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for (list, name, _) in self.lists()? {
            let members = self.members(list)?;
            names.extend(Some(name).filter(|_| members.contains(&from) && !members.contains(&into)));
        }
        Ok(names)
    }

    /// Makes a list with these subjects, or replaces the subjects of the list with this name.
    pub(in crate::gallery) fn set_list(&mut self, name: &Name, subjects: &[u64]) -> Result<()> {
        let known = self.list_called(name.as_str())?;
        self.require_subjects(subjects)?;
        self.transaction("storing a list", |tx| {
            let list = match known {
                Some(list) => list,
                None => {
                    tx.execute("INSERT INTO lists(name) VALUES (?1)", [name.as_str()])?;
                    tx.last_insert_rowid()
                }
            };
            tx.execute("DELETE FROM list_members WHERE list_id = ?1", [list])?;
            subjects.iter().try_for_each(|subject| join(tx, &[list], *subject).map(drop))
        })
    }

    /// Removes subjects from a list and then adds others.
    pub(in crate::gallery) fn change_list(&mut self, list: i64, add: &[u64], remove: &[u64]) -> Result<()> {
        self.require_subjects(add)?;
        self.transaction("changing a list", |tx| {
            remove.iter().try_for_each(|subject| leave_some(tx, &[list], *subject))?;
            add.iter().try_for_each(|subject| join(tx, &[list], *subject).map(drop))
        })
    }

    /// Removes a list.
    pub(in crate::gallery) fn remove_list(&mut self, list: i64) -> Result<()> {
        self.transaction("removing a list", |tx| {
            tx.execute("DELETE FROM list_members WHERE list_id = ?1", [list])?;
            tx.execute("DELETE FROM lists WHERE id = ?1", [list])?;
            Ok(())
        })
    }

    /// Requires that the subjects exist and have live templates.
    fn require_subjects(&self, subjects: &[u64]) -> Result<()> {
        let unknown = self.read("looking up subjects", |db| {
            let mut is_live = db.prepare_cached(&format!(
                "SELECT 1 FROM subjects s WHERE s.id = ?1 AND intact('subjects', s.sum, s.id, s.name, s.created)
                   AND EXISTS (SELECT 1 FROM templates WHERE subject_id = s.id AND id NOT IN ({UNSETTLED}))"
            ))?;
            for subject in subjects {
                if !is_live.exists([subject.cast_signed()])? {
                    return Ok(Some(*subject));
                }
            }
            Ok(None)
        })?;
        unknown.map_or(Ok(()), |id| Err(GalleryError::UnknownSubjectId { id }))
    }

    /// Verifies the lists completely, and their subjects once per opening.
    fn verify_lists(&self) -> Result<()> {
        self.verify(&["lists"])?;
        self.compare_bucket("list_members", 0, sums_of_members)
    }
}
