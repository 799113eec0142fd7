//! Ready-made templates into the gallery.

use std::path::Path;

use gallerist_index::Row;
use rusqlite::params;

use super::Gallery;
use super::catalog::{self, Source, subject};
use super::error::Result;
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

    /// Imports the next rows of `source`, starting at row `first_row`, all or nothing: `names` and
    /// `templates` have one entry a row. When it returns, they survive a power cut.
    ///
    /// # Errors
    /// A name or template that does not fit (nothing is written); a full or failing disk.
    pub fn import(
        &self,
        source: &Source,
        first_row: u64,
        names: &[String],
        templates: &[Template],
    ) -> Result<()> {
        debug_assert_eq!(names.len(), templates.len());
        for (name, template) in names.iter().zip(templates) {
            catalog::check_name(name)?;
            self.check_dimension(template)?;
        }
        let (written, ()) = self.write("importing templates", |tx, rows| {
            for (row, (name, template)) in (first_row..).zip(names.iter().zip(templates)) {
                let subject_id = subject::ensure(tx, name)?;
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
