//! The ledger: for each table, the number of rows and the wrapping sum of their hashes.
//!
//! The hash in a row shows that the row was changed. The ledger shows that a row is missing, or that a SQLite index does not lead to it.
//! Small tables are compared completely whenever they are read. Large tables are compared completely by `check` only; otherwise the bucket
//! of a name or a photo is compared before its absence is accepted.
//!
//! Triggers in the writing connection report each changed row. [`Ledger::flush`] writes the sums in the same transaction.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, params};

use super::checksum::mismatch;
use super::schema::{TABLES, Table};

/// A table and one of its buckets.
type Slot = (&'static str, u8);

/// Rows and the wrapping sum of their hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub rows: i64,
    pub digest: i64,
}

impl Entry {
    pub fn add(&mut self, sum: i64) {
        self.rows += 1;
        self.digest = self.digest.wrapping_add(sum);
    }
}

/// Changes of the running transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes(Arc<Mutex<HashMap<Slot, Entry>>>);

impl Changes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn forget(&self) {
        self.lock().clear();
    }

    pub fn any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Whether rows of a table were changed.
    pub fn has(&self, table: &str) -> bool {
        self.lock().keys().any(|(name, _)| *name == table)
    }

    fn note(&self, table: &Table, place: ValueRef<'_>, rows: i64, digest: i64) {
        let mut changes = self.lock();
        let entry = changes.entry((table.name, table.buckets.of(place))).or_default();
        entry.rows += rows;
        entry.digest = entry.digest.wrapping_add(digest);
    }

    /// Defines the functions that the triggers of [`watch`] call.
    pub fn define(&self, db: &Connection) -> rusqlite::Result<()> {
        for (name, sign) in [("ledger_add", 1_i64), ("ledger_take", -1)] {
            let changes = self.clone();
            db.create_scalar_function(name, 3, FunctionFlags::SQLITE_UTF8, move |context| {
                if let (ValueRef::Integer(table), ValueRef::Integer(sum)) =
                    (context.get_raw(0), context.get_raw(2))
                    && let Some(table) = usize::try_from(table).ok().and_then(|at| TABLES.get(at))
                {
                    changes.note(table, context.get_raw(1), sign, sum.wrapping_mul(sign));
                }
                Ok(1)
            })?;
        }
        Ok(())
    }
}

/// Writes the ledger of a new catalog: an empty entry for every bucket of every table.
pub(super) fn create(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert =
        tx.prepare("INSERT INTO ledger(name, bucket, rows, digest, last) VALUES (?1, ?2, 0, 0, 0)")?;
    for (name, bucket) in slots() {
        insert.execute(params![name, bucket])?;
    }
    Ok(())
}

/// Adds entries for the buckets that versions 3 and 4 do not have.
pub(super) fn extend(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert = tx.prepare(
        "INSERT INTO ledger(name, bucket, rows, digest, last) VALUES (?1, ?2, 0, 0, 0) ON CONFLICT DO NOTHING",
    )?;
    let new = slots()
        .filter(|slot| matches!(slot.0, "paths" | "lists" | "list_members") || *slot == ("templates", 1));
    for (name, bucket) in new {
        insert.execute(params![name, bucket])?;
    }
    Ok(())
}

/// Creates triggers that report every changed row in this connection. A table is identified by its position in [`TABLES`].
pub(super) fn watch(db: &Connection) -> rusqlite::Result<()> {
    for (at, Table { name, buckets, .. }) in TABLES.iter().enumerate() {
        let place = |row: &str| buckets.column().map_or("NULL".into(), |column| format!("{row}.{column}"));
        let (new, old) = (place("new"), place("old"));
        db.execute_batch(&format!(
            "CREATE TEMP TRIGGER {name}_inserted AFTER INSERT ON main.{name} BEGIN
                SELECT ledger_add({at}, {new}, new.sum); END;
             CREATE TEMP TRIGGER {name}_deleted AFTER DELETE ON main.{name} BEGIN
                SELECT ledger_take({at}, {old}, old.sum); END;
             CREATE TEMP TRIGGER {name}_updated AFTER UPDATE ON main.{name} BEGIN
                SELECT ledger_take({at}, {old}, old.sum), ledger_add({at}, {new}, new.sum); END;"
        ))?;
    }
    Ok(())
}

fn slots() -> impl Iterator<Item = Slot> {
    TABLES.iter().flat_map(|table| (0..=table.buckets.last()).map(|bucket| (table.name, bucket)))
}

/// The ledger after the last transaction.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<Slot, Entry>,
    /// For each table with unique numbers: the last number that SQLite has assigned.
    last: HashMap<String, i64>,
}

impl Ledger {
    /// Reads the ledger. It must be complete and intact.
    pub fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut found: HashMap<(String, i64), (Entry, i64)> = db
            .prepare(
                "SELECT name, bucket, rows, digest, last FROM ledger
                 WHERE intact('ledger', sum, name, bucket, rows, digest, last)",
            )?
            .query_map([], |row| {
                Ok((
                    (row.get(0)?, row.get(1)?),
                    (Entry { rows: row.get(2)?, digest: row.get(3)? }, row.get(4)?),
                ))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut ledger = Self::default();
        for (name, bucket) in slots() {
            let Some((entry, last)) = found.remove(&(name.to_owned(), i64::from(bucket))) else {
                return Err(mismatch(format!("the row of the table ledger for {name} {bucket} is missing")));
            };
            ledger.entries.insert((name, bucket), entry);
            if bucket == 0 {
                ledger.last.insert(name.to_owned(), last);
            }
        }
        match found.into_keys().next() {
            Some((name, bucket)) => Err(mismatch(format!("the table ledger has a row for {name} {bucket}"))),
            None => Ok(ledger),
        }
    }

    /// Accepts the present rows of a damaged table, so that they can be deleted.
    pub fn accept(&mut self, table: &'static str, found: Entry) {
        self.entries.insert((table, 0), found);
    }

    /// Number of rows of a table.
    pub fn rows(&self, table: &str) -> u64 {
        let rows: i64 =
            self.entries.iter().filter(|((name, _), _)| *name == table).map(|(_, entry)| entry.rows).sum();
        rows.cast_unsigned()
    }

    /// The entry of a bucket.
    pub fn entry(&self, table: &'static str, bucket: u8) -> Entry {
        self.entries.get(&(table, bucket)).copied().unwrap_or_default()
    }

    /// Writes the changes of a transaction. The caller calls [`apply`](Self::apply) after the commit.
    pub fn flush(&self, tx: &Transaction<'_>, changes: &Changes) -> rusqlite::Result<Self> {
        let mut next = Self { entries: HashMap::new(), last: sequences(tx)? };
        for (&slot, change) in &*changes.lock() {
            let mut entry = self.entries.get(&slot).copied().unwrap_or_default();
            entry.rows += change.rows;
            entry.digest = entry.digest.wrapping_add(change.digest);
            next.entries.insert(slot, entry);
        }
        let mut update = tx.prepare_cached(
            "UPDATE ledger SET rows = ?3, digest = ?4, last = ?5 WHERE name = ?1 AND bucket = ?2",
        )?;
        for (&(name, bucket), entry) in &next.entries {
            let last = if bucket == 0 { next.last.get(name).copied().unwrap_or(0) } else { 0 };
            if update.execute(params![name, bucket, entry.rows, entry.digest, last])? != 1 {
                return Err(mismatch(format!("the row of the table ledger for {name} {bucket} is missing")));
            }
        }
        for (name, last) in next.last.iter().filter(|(name, last)| self.last.get(*name) != Some(last)) {
            tx.prepare_cached("UPDATE ledger SET last = ?2 WHERE name = ?1 AND bucket = 0")?
                .execute(params![name, last])?;
        }
        Ok(next)
    }

    /// Replaces the ledger by the one that [`flush`](Self::flush) wrote.
    pub fn apply(&mut self, written: Self) {
        self.entries.extend(written.entries);
        self.last.extend(written.last);
    }

    /// Compares SQLite's sequence numbers with the last assigned ones, because a number must not be assigned twice.
    pub fn verify_sequences(&self, db: &Connection) -> rusqlite::Result<()> {
        let found = sequences(db)?;
        for (name, last) in &self.last {
            let got = found.get(name).copied().unwrap_or(0);
            if got != *last {
                return Err(mismatch(format!(
                    "the last number of the table {name} is {last}, sqlite_sequence has {got}"
                )));
            }
        }
        Ok(())
    }

    /// Reads a table completely and compares it with the ledger.
    pub fn verify(&self, db: &Connection, table: &Table) -> rusqlite::Result<()> {
        let Table { name, columns, buckets } = table;
        let place = buckets.column().unwrap_or("NULL");
        let mut found = HashMap::<u8, Entry>::new();
        let mut statement = db.prepare_cached(&format!(
            "SELECT {place}, sum FROM main.{name} NOT INDEXED WHERE intact('{name}', sum, {columns})"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.entry(buckets.of(row.get_ref(0)?)).or_default().add(row.get(1)?);
        }
        for slot in slots().filter(|slot| slot.0 == *name) {
            self.compare(slot, found.get(&slot.1).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Number of templates without a subject.
    pub fn unknown(&self) -> u64 {
        self.entry("templates", 1).rows.cast_unsigned()
    }

    /// Number of templates with a subject.
    pub fn known(&self) -> u64 {
        self.entry("templates", 0).rows.cast_unsigned()
    }

    /// Requires that a list of the templates of all subjects has the right length.
    pub fn expect_known(&self, found: u64) -> rusqlite::Result<()> {
        Self::expect("templates", self.known(), found)
    }

    /// Requires that a list of all rows of a table has the right length.
    pub fn expect_rows(&self, table: &str, found: u64) -> rusqlite::Result<()> {
        Self::expect(table, self.rows(table), found)
    }

    fn expect(table: &str, expected: u64, found: u64) -> rusqlite::Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(mismatch(format!("the table {table} has {found} rows, expected {expected}")))
    }

    /// Compares the rows that a SQLite index returned for a bucket with the ledger. If they agree, no other row exists.
    pub fn compare(&self, (name, bucket): Slot, found: Entry) -> rusqlite::Result<()> {
        let expected = self.entry(name, bucket);
        if found == expected {
            return Ok(());
        }
        Err(mismatch(if found.rows == expected.rows {
            format!("rows of the table {name} were changed")
        } else {
            format!("the table {name} has {} rows here, expected {}", found.rows, expected.rows)
        }))
    }
}

fn sequences(db: &Connection) -> rusqlite::Result<HashMap<String, i64>> {
    db.prepare_cached("SELECT name, seq FROM sqlite_sequence")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
