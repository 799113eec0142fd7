//! The journal of corrections. It contains what is necessary to undo them.
//!
//! | verb | detail |
//! |---|---|
//! | `rename` | `subject`, names `from` and `to` |
//! | `merge`, `move` | `from`, `from_name`, `into`, `into_name`, `templates`: pairs of the ids before and after |
//! | `remove` | `subject`, and `templates` (their number) or `template_ids` |
//!
//! Subjects are identified by their ids. A name is kept as long as its subject is in the gallery, under this name or another one.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Catalog, Result};

/// A correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntry {
    /// Time in seconds since 1970.
    pub at: i64,
    /// The kind of the correction: `rename`, `merge`, `move` or `remove`.
    pub verb: String,
    /// Its details.
    pub detail: Value,
}

impl JournalEntry {
    /// The id of the renamed or removed subject, or of the subject whose templates were moved.
    fn subject(&self) -> Option<i64> {
        self.detail.get("subject").or_else(|| self.detail.get("from")).and_then(Value::as_i64)
    }
}

/// Records a correction in the transaction of the caller.
pub(super) fn record(tx: &Transaction<'_>, verb: &str, detail: &Value) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO journal(at, verb, detail) VALUES (unixepoch(), ?1, ?2)",
        params![verb, detail.to_string()],
    )?;
    Ok(())
}

fn entries(db: &Connection) -> rusqlite::Result<Vec<(i64, JournalEntry)>> {
    db.prepare("SELECT id, at, verb, detail FROM journal WHERE intact('journal', sum, id, at, verb, detail) ORDER BY id")?
        .query_map([], |row| {
            let detail: String = row.get(3)?;
            let detail = serde_json::from_str(&detail).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
            })?;
            Ok((row.get(0)?, JournalEntry { at: row.get(1)?, verb: row.get(2)?, detail }))
        })?
        .collect()
}

/// Removes the names of removed subjects from the journal. A name is kept if all templates of its subject went to a subject that is still
/// in the gallery.
pub(super) fn forget_names(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut entries = entries(tx)?;
    let mut is_there = tx.prepare_cached("SELECT 1 FROM subjects WHERE id = ?1")?;
    let mut remembered: HashMap<i64, bool> = HashMap::new();
    // Newest first: whether the destination of a subject still exists must be known before the subject itself is decided.
    for (_, entry) in entries.iter().rev() {
        let into = entry.detail.get("into").and_then(Value::as_i64);
        for id in [entry.subject(), into].into_iter().flatten() {
            if !remembered.contains_key(&id) && is_there.exists([id])? {
                remembered.insert(id, true);
            }
        }
        if let Some(subject) = entry.subject().filter(|_| entry.verb != "rename") {
            let went_on = into.and_then(|into| remembered.get(&into)).copied().unwrap_or(false);
            remembered.entry(subject).or_insert(went_on);
        }
    }
    for (id, entry) in &mut entries {
        let gone = |id: Option<i64>| !id.and_then(|id| remembered.get(&id)).copied().unwrap_or(false);
        let (from, into) = (gone(entry.subject()), gone(entry.detail.get("into").and_then(Value::as_i64)));
        let names: &[(&str, bool)] = match entry.verb.as_str() {
            "rename" => &[("from", from), ("to", from)],
            _ => &[("from_name", from), ("into_name", into)],
        };
        let Value::Object(detail) = &mut entry.detail else { continue };
        let before = detail.len();
        names.iter().filter(|(_, gone)| *gone).for_each(|(name, _)| drop(detail.remove(*name)));
        if detail.len() < before {
            tx.prepare_cached("UPDATE journal SET detail = ?2 WHERE id = ?1")?
                .execute(params![*id, entry.detail.to_string()])?;
        }
    }
    Ok(())
}

impl Catalog {
    /// All corrections, oldest first.
    pub(in crate::gallery) fn journal(&self) -> Result<Vec<JournalEntry>> {
        self.verify(&["journal"])?;
        self.read("reading the journal", |db| Ok(entries(db)?.into_iter().map(|(_, entry)| entry).collect()))
    }
}
