//! Generations and watermarks. They show whether catalog and index are of the same moment.
//!
//! Every transaction with a change raises the *generation* of the catalog. The index stores in the WAL of each shard, as its watermark, the
//! generation of the last write to the shard. The catalog stores for each shard the watermark of the last finished write. If a watermark is
//! above the generation, the catalog is an old copy or lost the end of its WAL. If a shard's watermark is below the one in the catalog, the
//! index is an old copy or lost the end of a WAL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::checksum::mismatch;
use super::{Catalog, Result};
use crate::gallery::error::GalleryError;

/// Records in `tx` that these shards of the index contain the write of `generation`, durably.
pub(in crate::gallery) fn reached(
    tx: &Transaction<'_>,
    shards: &[u16],
    generation: u64,
) -> rusqlite::Result<()> {
    for shard in shards {
        tx.prepare_cached(
            "INSERT INTO progress(what, value) VALUES (?1, ?2)
             ON CONFLICT(what) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute(params![format!("shard {shard}"), generation.cast_signed()])?;
    }
    Ok(())
}

fn value(db: &Connection, what: &str) -> rusqlite::Result<Option<u64>> {
    db.prepare_cached("SELECT value FROM progress WHERE what = ?1 AND intact('progress', sum, what, value)")?
        .query_row([what], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
        .optional()
}

pub(super) fn generation(db: &Connection) -> rusqlite::Result<u64> {
    value(db, "generation")?.ok_or_else(|| mismatch("the generation of the catalog is missing".into()))
}

impl Catalog {
    /// Number of transactions that changed this catalog.
    pub(in crate::gallery) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The same number, readable without a lock on the catalog.
    pub(in crate::gallery) fn generation_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.generation)
    }

    /// Reads the generation. A missing one is an error.
    pub(super) fn read_generation(&self) -> Result<u64> {
        self.read("reading its generation", generation)
    }

    /// Requires that the index is the one of this catalog, and of the same moment.
    pub(in crate::gallery) fn require_same_moment(&self, id: [u8; 16], watermarks: &[u64]) -> Result<()> {
        let name = hex(&id);
        match self.meta("index")? {
            Some(known) if known == name => {}
            known => {
                let known = known.unwrap_or_else(|| "none".into());
                return Err(self.damaged(format!("it belongs to the index {known}, but its index is {name}")));
            }
        }
        let ahead = watermarks.iter().copied().max().unwrap_or(0);
        if ahead > self.generation() {
            return Err(GalleryError::CatalogBehind {
                path: self.path.clone(),
                expected: ahead,
                got: self.generation(),
            });
        }
        for (shard, &got) in watermarks.iter().enumerate() {
            let what = format!("shard {shard}");
            let noted = self.read("reading the watermarks of the index", |db| value(db, &what))?.unwrap_or(0);
            if got < noted {
                let index = self.path.with_file_name(crate::gallery::INDEX);
                return Err(GalleryError::IndexBehind { path: index, shard, expected: noted, got });
            }
        }
        Ok(())
    }
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
