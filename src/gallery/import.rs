//! Ready-made templates into the gallery.

use std::path::Path;

use gallerist_index::Row;
use rusqlite::params;

use super::catalog::{Source, subject};
use super::error::Result;
use super::{Gallery, Person};
use crate::template::Template;

impl Gallery {
    /// The import source whose bytes hash to `hash`, with how many of its rows are in already.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn source(&self, hash: &[u8; 32], path: &Path, rows_total: u64) -> Result<Source> {
        self.settle()?;
        self.catalog().source(hash, path, rows_total)
    }

    /// Imports the next rows of `source`, starting at row `first_row`, all or nothing: `persons` and
    /// `templates` have one entry a row. When it returns, they survive a power cut.
    ///
    /// # Errors
    /// A template that does not fit (nothing is written); a full or failing disk.
    pub fn import(
        &self,
        source: &Source,
        first_row: u64,
        persons: &[Person],
        templates: &[Template],
    ) -> Result<()> {
        debug_assert_eq!(persons.len(), templates.len());
        templates.iter().try_for_each(|template| self.check_dimension(template))?;
        let (written, ()) = self.write("importing templates", |tx, rows| {
            for (row, (person, template)) in (first_row..).zip(persons.iter().zip(templates)) {
                let (subject_id, _) = subject::ensure(tx, person)?;
                tx.prepare_cached(
                    "INSERT INTO templates(subject_id, source_id, source_row) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![subject_id, source.id, row.cast_signed()])?;
                rows.push(Row {
                    id: tx.last_insert_rowid().cast_unsigned(),
                    group: subject_id.cast_unsigned(),
                    vector: template.as_slice(),
                });
            }
            Ok(())
        })?;
        self.finish(written, |_| Ok(()))
    }
}
