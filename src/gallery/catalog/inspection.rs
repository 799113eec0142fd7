//! The checks of a catalog.

use super::schema::TABLES;
use super::{Catalog, Result};

/// Queries for rows that no write of this program leaves behind, each with a description.
const INVALID_ROWS: &[(&str, &str)] = &[
    (
        "SELECT id FROM subjects WHERE id NOT IN (SELECT subject_id FROM templates NOT INDEXED WHERE subject_id IS NOT NULL)",
        "subject # has no template",
    ),
    (
        "SELECT id FROM templates NOT INDEXED WHERE subject_id IS NOT NULL AND subject_id NOT IN (SELECT id FROM subjects NOT INDEXED)",
        "template # has a missing subject",
    ),
    (
        "SELECT id FROM templates NOT INDEXED WHERE photo_id IS NOT NULL AND photo_id NOT IN (SELECT id FROM photos NOT INDEXED)",
        "template # has a missing photo",
    ),
    (
        "SELECT id FROM templates NOT INDEXED WHERE source_id IS NOT NULL AND source_id NOT IN (SELECT id FROM sources NOT INDEXED)",
        "template # has a missing file",
    ),
    (
        "SELECT id FROM templates NOT INDEXED WHERE photo_id IS NULL AND source_id IS NULL",
        "template # has neither a photo nor a row of a file",
    ),
    ("SELECT id FROM photos NOT INDEXED WHERE length(hash) <> 32", "photo # has no SHA-256"),
    (
        "SELECT count(*) FROM paths WHERE hash NOT IN (SELECT hash FROM photos NOT INDEXED) HAVING count(*) > 0",
        "paths (#) have missing photos",
    ),
    (
        "SELECT DISTINCT p.id FROM paths x JOIN photos p ON p.hash = x.hash WHERE x.path IN (p.path, x'') OR p.outcome <> 'enrolled'",
        "photo # has an invalid further path",
    ),
    (
        "SELECT id FROM sources NOT INDEXED WHERE length(hash) <> 32 OR rows_done NOT BETWEEN 0 AND rows_total",
        "source # has invalid numbers",
    ),
    (
        "SELECT template_id FROM main.removing WHERE template_id NOT IN (SELECT id FROM templates NOT INDEXED)",
        "template # is being removed and does not exist",
    ),
    (
        "SELECT id FROM main.pending WHERE first_template < 1 OR first_template > last_template",
        "the unfinished write # has invalid numbers",
    ),
    (
        "SELECT DISTINCT list_id FROM list_members WHERE list_id NOT IN (SELECT id FROM lists NOT INDEXED)",
        "list # has subjects and does not exist",
    ),
    (
        "SELECT DISTINCT subject_id FROM list_members WHERE subject_id NOT IN (SELECT id FROM subjects NOT INDEXED)",
        "subject # is on a list and does not exist",
    ),
    ("SELECT id FROM journal WHERE NOT json_valid(detail)", "entry # of the journal is no JSON"),
];

impl Catalog {
    /// Reads every row of every table and index. Returns the problems in words; empty for a sound catalog.
    pub(in crate::gallery) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut note = |result: Result<Vec<String>>| match result {
            Ok(lines) => found.extend(lines.into_iter().map(|line| format!("catalog: {line}"))),
            Err(error) => found.push(error.to_string()),
        };
        note(self.integrity());
        for table in &TABLES {
            note(self.read("verifying its tables", |db| self.ledger.verify(db, table)).map(|()| Vec::new()));
        }
        note(
            self.read("reading the last numbers", |db| self.ledger.verify_sequences(db)).map(|()| Vec::new()),
        );
        note(self.binding().map(|_| Vec::new()));
        for (query, what) in INVALID_ROWS {
            note(self.read("looking for invalid rows", |db| {
                db.prepare(&format!("{query} LIMIT 20"))?
                    .query_map([], |row| Ok(what.replace('#', &row.get::<_, i64>(0)?.to_string())))?
                    .collect()
            }));
        }
        found
    }

    /// The result of SQLite's own integrity check.
    fn integrity(&self) -> Result<Vec<String>> {
        self.read("checking it", |db| {
            let mut found: Vec<String> = db
                .prepare("PRAGMA integrity_check(20)")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            found.retain(|line| line != "ok");
            Ok(found)
        })
    }
}
