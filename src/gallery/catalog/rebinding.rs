//! A copy of a catalog becomes the catalog of a gallery of another model.

use rusqlite::params;

use super::checksum::mismatch;
use super::{Catalog, Result, progress, write_meta};
use crate::template::Binding;

/// The properties of a gallery that are those of its model and its index.
const OF_MODEL: [&str; 5] = ["model", "fingerprint", "dimension", "threshold", "index"];
/// Tables with nothing but what a run of the program, or the scores of a model, have left.
const OF_SCORES: [&str; 4] = ["pending", "removing", "calibrations", "audits"];

impl Catalog {
    /// Binds this copy to another model, and to the empty index with the id `index`. Subjects, templates, photos, lists and the journal keep
    /// their rows and ids. Calibrations and audits are removed, because they are of the former model. So are the skipped photos, in which the
    /// other model may find faces. A template with a photo does not come from an imported file any more.
    pub(in crate::gallery) fn rebind(&mut self, binding: &Binding, index: [u8; 16]) -> Result<()> {
        self.transaction("binding it to another model", |tx| {
            for key in OF_MODEL {
                tx.execute("DELETE FROM meta WHERE key = ?1", [key])?;
            }
            for (key, value) in binding.to_pairs() {
                write_meta(tx, key, &value)?;
            }
            write_meta(tx, "index", &progress::hex(&index))?;
            tx.execute("DELETE FROM progress WHERE what <> 'generation'", [])?;
            for table in OF_SCORES {
                tx.execute(&format!("DELETE FROM {table}"), [])?;
            }
            tx.execute("DELETE FROM photos WHERE outcome <> 'enrolled'", [])?;
            tx.execute(
                "UPDATE templates SET source_id = NULL, source_row = NULL
                 WHERE source_id IS NOT NULL AND photo_id IS NOT NULL",
                [],
            )?;
            Ok(())
        })
    }

    /// Records the faces, as JSON, of templates whose vectors the index contains durably: `generation` is the watermark of that write to
    /// `shards`.
    pub(in crate::gallery) fn renew_faces(
        &mut self,
        faces: &[(u64, String)],
        shards: &[u16],
        generation: u64,
    ) -> Result<()> {
        self.transaction("storing the faces of renewed templates", |tx| {
            let mut update = tx.prepare_cached("UPDATE templates SET face = ?2 WHERE id = ?1")?;
            for (id, face) in faces {
                if update.execute(params![id.cast_signed(), face])? != 1 {
                    return Err(mismatch(format!("template {id} is not in the copy of the catalog")));
                }
            }
            progress::reached(tx, shards, generation)
        })
    }
}
