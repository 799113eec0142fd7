//! The part of a catalog that is read without its lock: the counts, and the names of subjects if they are kept in memory.
//!
//! A transaction holds the lock of the catalog while SQLite syncs. The published values change at the end of a transaction, while the
//! lock is still held, so they are those of the last committed transaction. Where they are not known, for example after a failed commit,
//! the caller reads the catalog.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction};

use super::{Catalog, Changes, Result};

/// Names by subject. A tree, because a hash map would keep its readers waiting whenever it grows.
type Names = BTreeMap<u64, Box<str>>;

/// Changed names of the running transaction, in order. `None`: the subject is gone.
type ChangedNames = Vec<(u64, Option<Box<str>>)>;

/// The values that are readable without the lock of the catalog.
#[derive(Debug, Default)]
pub(in crate::gallery) struct Published {
    counts: RwLock<Option<(u64, u64)>>,
    names: RwLock<KeptNames>,
    changed: Mutex<ChangedNames>,
}

#[derive(Debug, Default)]
struct KeptNames {
    /// Whether the names are to be kept.
    wanted: bool,
    names: Option<Names>,
}

/// The names of all subjects, unchanged while this exists.
pub(in crate::gallery) struct NamesInMemory<'a>(RwLockReadGuard<'a, KeptNames>);

impl NamesInMemory<'_> {
    /// Name of the subject with this id.
    pub fn get(&self, id: u64) -> Option<&str> {
        self.0.names.as_ref()?.get(&id).map(AsRef::as_ref)
    }

    #[cfg(test)]
    pub fn all(&self) -> Vec<(u64, String)> {
        let names = self.0.names.iter().flatten();
        names.map(|(id, name)| (*id, name.to_string())).collect()
    }
}

impl Published {
    /// Number of subjects and of their live templates, if they are known.
    pub fn counts(&self) -> Option<(u64, u64)> {
        *self.counts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names, if they are kept in memory.
    pub fn names(&self) -> Option<NamesInMemory<'_>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.names.is_some().then(|| NamesInMemory(names))
    }

    /// Whether the names are to be kept, and are not known.
    fn lacks_names(&self) -> bool {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names.wanted && names.names.is_none()
    }

    fn set_counts(&self, counts: Option<(u64, u64)>) {
        *self.counts.write().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    fn names_to_change(&self) -> RwLockWriteGuard<'_, KeptNames> {
        self.names.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) -> MutexGuard<'_, ChangedNames> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the changes of a transaction that was rolled back.
    pub(super) fn forget_changes(&self) {
        self.changed().clear();
    }

    /// Forgets all values. It is not known whether a failed commit is in the catalog.
    pub(super) fn forget(&self) {
        self.set_counts(None);
        self.names_to_change().names = None;
    }

    /// Adds the changes of a committed transaction to the names.
    fn apply_changes(&self) {
        let changed = std::mem::take(&mut *self.changed());
        if changed.is_empty() {
            return;
        }
        if let Some(names) = &mut self.names_to_change().names {
            for (id, name) in changed {
                match name {
                    Some(name) => drop(names.insert(id, name)),
                    None => drop(names.remove(&id)),
                }
            }
        }
    }

    /// Defines the function that the triggers of [`watch`] call.
    pub(super) fn define(self: &Arc<Self>, db: &Connection) -> rusqlite::Result<()> {
        let published = Arc::clone(self);
        db.create_scalar_function("name_changed", 2, FunctionFlags::SQLITE_UTF8, move |context| {
            if let ValueRef::Integer(id) = context.get_raw(0) {
                let name = match context.get_raw(1) {
                    ValueRef::Text(name) => Some(std::str::from_utf8(name)?.into()),
                    _ => None,
                };
                published.changed().push((id.cast_unsigned(), name));
            }
            Ok(1)
        })
    }
}

/// Creates triggers that report every changed name in this connection.
pub(super) fn watch(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TEMP TRIGGER name_inserted AFTER INSERT ON main.subjects BEGIN
            SELECT name_changed(new.id, new.name); END;
         CREATE TEMP TRIGGER name_deleted AFTER DELETE ON main.subjects BEGIN
            SELECT name_changed(old.id, NULL); END;
         CREATE TEMP TRIGGER name_updated AFTER UPDATE ON main.subjects BEGIN
            SELECT name_changed(old.id, NULL), name_changed(new.id, new.name); END;",
    )
}

impl Catalog {
    /// The values that are readable without a lock on the catalog.
    pub(in crate::gallery) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    /// Publishes the counts. They stay unknown if the catalog cannot be read; the next reader gets the error.
    pub(in crate::gallery) fn publish_counts(&self) {
        self.published.set_counts(self.counts().ok());
    }

    /// Reads the names of all subjects, and publishes them from now on. Returns their number.
    pub(in crate::gallery) fn publish_names(&self) -> Result<u64> {
        let names: Names = self.read("reading the names of all subjects", |db| {
            let mut statement = db.prepare(
                "SELECT id, name FROM subjects NOT INDEXED WHERE intact('subjects', sum, id, name, created) ORDER BY id",
            )?;
            let named = |row: &rusqlite::Row<'_>| {
                let name = row.get_ref(1)?.as_str()?;
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), Box::from(name)))
            };
            let names: Names = statement.query_map([], named)?.collect::<rusqlite::Result<_>>()?;
            self.ledger.expect_rows("subjects", names.len() as u64)?;
            Ok(names)
        })?;
        let number = names.len() as u64;
        *self.published.names_to_change() = KeptNames { wanted: true, names: Some(names) };
        Ok(number)
    }

    /// Reads the names again that a failed commit made unknown.
    pub(super) fn publish_names_again(&self) {
        if self.published.lacks_names()
            && let Err(error) = self.publish_names()
        {
            tracing::warn!(%error, "the names of subjects are read from the catalog, one by one");
        }
    }

    /// As [`transaction`](Self::transaction), for the first step of a write: `work` only adds templates in a pending range, with their
    /// subjects and photos. They are not counted yet, so the counts are not computed again.
    pub(in crate::gallery) fn begin_write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.run(doing, work, |_| false)
    }

    /// Publishes what a committed transaction changed.
    pub(super) fn publish(&self, counts_too: bool) {
        self.published.apply_changes();
        if counts_too {
            self.publish_counts();
        }
    }
}

/// Whether a transaction changed a table that the counts depend on.
pub(super) fn changes_counts(changes: &Changes) -> bool {
    ["subjects", "templates", "pending", "removing"].iter().any(|table| changes.has(table))
}
