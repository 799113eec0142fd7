//! Successors: galleries with the subjects of another gallery, and templates of another model.

use std::path::Path;

use super::backup::{copy_catalog, forget_erased, make_directory};
use super::catalog::Catalog;
use super::catalog::template::group_of;
use super::error::{GalleryError, Result};
use super::vectors::{Access, Row, VectorError, VectorErrorKind, VectorStore, local};
use super::{CATALOG, Gallery, INDEX, pictures, private};
use crate::face::Provenance;
use crate::template::{Binding, Template};

/// A template of another model for a face of a gallery.
#[derive(Debug, Clone)]
pub struct RenewedTemplate {
    /// The id that the face's template has in the gallery, and keeps.
    pub id: u64,
    /// Id of its subject in the gallery; `None` for an unknown face.
    pub subject: Option<u64>,
    /// The template of the other model.
    pub template: Template,
    /// The face in the photo.
    pub provenance: Provenance,
}

impl Gallery {
    /// Makes a gallery at `directory`, where nothing may exist, that is bound to another model and has the catalog of this gallery: subjects,
    /// templates, photos, lists and corrections keep their ids, so a correction of this gallery can be undone in the successor too. Kept
    /// pictures are linked or copied. `next` gives the new templates, block by block, in any order. Templates that it does not give are left
    /// out, and so are the subjects and photos that have no other. This gallery is not changed, and must be open for reading, so that no
    /// process writes to it. Returns the number of left out templates, those of unfinished writes among them.
    ///
    /// # Errors
    /// The first error of `next`; a template of another dimension, or that is not in this gallery; this gallery is open for writing; the disk
    /// is full or failing. An incomplete folder may be left.
    pub fn make_successor<E: From<GalleryError>>(
        &self,
        directory: &Path,
        binding: &Binding,
        mut next: impl FnMut() -> Result<Option<Vec<RenewedTemplate>>, E>,
    ) -> Result<u64, E> {
        if self.access != Access::ReadOnly {
            let what = "a gallery that is open for writing may change, so no successor of it is made";
            return Err(GalleryError::from(VectorError::new(VectorErrorKind::Unsupported, what)).into());
        }
        make_directory(directory)?;
        let graph = self.vectors.identity().graph;
        let index = directory.join(INDEX);
        let vectors = local::create(&index, binding.dimension, &binding.fingerprint, graph);
        let vectors = vectors.map_err(GalleryError::from)?;
        let mut catalog = self.rebound_catalog(directory, binding, vectors.identity().id)?;
        while let Some(block) = next()? {
            insert(&mut catalog, &vectors, &block)?;
        }
        vectors.set_watermark(catalog.generation()).map_err(GalleryError::from)?;
        drop((catalog, vectors));
        pictures::copy(&self.directory, directory, pictures::link_or_copy)?;
        let left_out = forget_erased(directory, true)?;
        let made = Self::open(directory)?;
        made.compact()?;
        // The copied catalog has the free pages of the original, and the rows of what was left out.
        made.purge()?;
        private::keep_private(directory);
        Ok(left_out)
    }

    fn rebound_catalog(&self, directory: &Path, binding: &Binding, index: [u8; 16]) -> Result<Catalog> {
        copy_catalog(&self.directory, directory)?;
        let path = directory.join(CATALOG);
        Catalog::merge_log(&path)?;
        let mut catalog = Catalog::open(&path, index)?;
        catalog.rebind(binding, index)?;
        Ok(catalog)
    }
}

/// Writes the vectors of a block to the index, and then its faces to the catalog.
fn insert(catalog: &mut Catalog, vectors: &dyn VectorStore, block: &[RenewedTemplate]) -> Result<()> {
    let rows: Vec<Row<'_>> = block
        .iter()
        .map(|one| Row {
            id: one.id,
            subject: group_of(one.id, one.subject),
            vector: one.template.as_slice(),
        })
        .collect();
    let faces = block.iter().map(|one| {
        let face = serde_json::to_string(&one.provenance);
        let face = face.map_err(|error| catalog.damaged(format!("a face cannot be written: {error}")))?;
        Ok((one.id, face))
    });
    let faces = faces.collect::<Result<Vec<_>>>()?;
    let generation = catalog.generation();
    let receipt = vectors.insert(&rows, generation)?;
    catalog.renew_faces(&faces, &receipt.shards, generation)
}
