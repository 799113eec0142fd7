//! Import: templates into the gallery.

mod import_file;
mod plan;

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use import_file::ImportFile;
pub(super) use import_file::places;
pub use plan::OtherNames;
use plan::Plan;

use super::error::{Result, SessionError};
use super::{Control, Session};
use crate::gallery::{Gallery, GalleryError, ImportedRow, Name, Person, Source};
use crate::reply::{ImportEvent, ImportSummary, VERSION};
use crate::vectors::{BLOCK, STANDARD_INPUT};

/// The request for an import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportRequest {
    /// A `.npy` file with one template per row; `-` for the standard input; or the folder of an export, or a file in it.
    pub file: PathBuf,
    /// Subject names, one line per row, or a `templates.jsonl`. `None`: the names of the export; if there are none, each row is a subject
    /// of its own.
    pub subjects: Option<PathBuf>,
    /// Whether every row is a face without a name, whatever names there are.
    pub unnamed: bool,
    /// The treatment of rows that are in the gallery under other names.
    pub other_names: OtherNames,
    /// Whether invalid rows are skipped. Otherwise the first one is an error.
    pub skip_invalid: bool,
    /// The model of the templates. Required unless the gallery is for templates of another program or the descriptions name the model.
    pub from_model: Option<String>,
}

/// Bytes of vectors per write. The catalog has an index of names by hash, so each transaction on a large gallery rewrites most pages of
/// this index. Few large transactions write much less than many small ones.
const TOGETHER: usize = 48 << 20;

/// An import that was checked and can be written.
struct Import<'a> {
    file: &'a std::path::Path,
    unnamed: bool,
    gallery: &'a Gallery,
    source: Source,
    import_file: ImportFile,
    plan: Plan,
}

impl Session {
    /// Imports templates. Every row and every name is checked before the first row is written. Rows that are already in the gallery are not
    /// imported again, so the same request resumes a stopped import. Everything that `sink` gets is durable. The summary is the last event
    /// and is also returned.
    ///
    /// # Errors
    /// The first error of `sink`; the file cannot be read or does not fit; a row or a name is refused (then nothing is written); the disk
    /// is full or failing.
    pub fn import<E: From<SessionError>>(
        &self,
        request: &ImportRequest,
        control: &Control<'_>,
        mut sink: impl FnMut(ImportEvent) -> Result<(), E>,
    ) -> Result<ImportSummary, E> {
        let started = Instant::now();
        let last = self.gallery().last_subject().map_err(SessionError::from)?;
        let import = self.planned(request, control)?;
        for (row, error) in &import.import_file.invalid {
            let (reason, detail) = (error.reason(), error.to_string());
            sink(ImportEvent::Skipped { row: *row, reason, detail })?;
        }
        import.names()?;
        let imported = import.rows(control, &mut sink)?;
        self.gallery().compact().map_err(SessionError::from)?;
        let mut summary = import.summary(imported, started.elapsed().as_secs_f64());
        summary.similar_names = self.gallery().similar_names(last).map_err(SessionError::from)?;
        sink(ImportEvent::Summary(summary.clone()))?;
        Ok(summary)
    }

    /// Reads the whole file and compares it with the gallery. Writes nothing.
    fn planned<'a>(&'a self, request: &'a ImportRequest, control: &Control<'_>) -> Result<Import<'a>> {
        let mut import_file = ImportFile::open(&request.file, request.subjects.as_deref())?;
        let gallery = self.gallery();
        let (expected, got) = (gallery.binding().dimension, import_file.file.dimension);
        if expected != got {
            let error = GalleryError::WrongDimension { expected, got };
            return Err(SessionError::Input(format!("{}: {error}", request.file.display())));
        }
        let rows = import_file.file.rows;
        let hash =
            import_file.check(request.skip_invalid, |row| control.report("rows checked", row, Some(rows)))?;
        check_origin(gallery, request.from_model.as_deref(), import_file.made_with.as_ref())?;
        let source = gallery.source(&hash, &request.file, rows)?;
        let others = if request.unnamed { OtherNames::Keep } else { request.other_names };
        let plan = Plan::make(gallery, &source, &import_file, others)?;
        Ok(Import { file: &request.file, unnamed: request.unnamed, gallery, source, import_file, plan })
    }
}

impl Import<'_> {
    /// Renames rows that are already in the gallery, and stores the digest of the file's names.
    fn names(&self) -> Result<()> {
        self.gallery.rename_templates(&self.plan.renamed)?;
        self.gallery.note_source_names(&self.source, self.import_file.names_digest().as_deref())?;
        Ok(())
    }

    /// Writes the missing rows, block by block, until a stop is requested. Returns their number.
    fn rows<E: From<SessionError>>(
        &self,
        control: &Control<'_>,
        sink: &mut impl FnMut(ImportEvent) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (file, plan) = (&self.import_file.file, &self.plan);
        control.report("rows", plan.held, Some(file.rows));
        let mut photos = self.import_file.photos().map_err(SessionError::from)?;
        let mut imported = 0;
        let together = (TOGETHER / (size_of::<f32>() * file.dimension)).clamp(1024, BLOCK * 8);
        for first in (0..file.rows).step_by(together) {
            if control.is_stopped() || plan.next(first).is_none() {
                break;
            }
            let wanted = self.block(first, together, &mut photos)?;
            if wanted.is_empty() {
                continue;
            }
            self.gallery.import(&self.source, &wanted).map_err(SessionError::from)?;
            imported += wanted.len() as u64;
            let (rows_done, rows) = (plan.held + imported, file.rows);
            control.report("rows", rows_done, Some(rows));
            sink(ImportEvent::Imported { rows_done, rows })?;
        }
        Ok(imported)
    }

    /// The missing rows of a block.
    fn block(
        &self,
        first: u64,
        together: usize,
        photos: &mut import_file::Photos,
    ) -> Result<Vec<ImportedRow>> {
        let (file, plan) = (&self.import_file.file, &self.plan);
        let end = file.rows.min(first + together as u64);
        let missing = plan.next(first).is_some_and(|row| row < end);
        let block = if missing { file.block(first, together)? } else { Vec::new() };
        let mut block = block.into_iter();
        let mut wanted = Vec::new();
        for row in first..end {
            let (photo, template) = (photos.next()?, block.next());
            if let Some(template) = template.filter(|_| plan.includes(row)) {
                let template = template.map_err(|error| file.bad_row(row, error))?;
                wanted.push(ImportedRow { row, person: self.person(row)?, template, photo });
            }
        }
        Ok(wanted)
    }

    /// The subject of a row: its name in the file, or a generated name; `None` for an unknown face.
    fn person(&self, row: u64) -> Result<Option<Person>, GalleryError> {
        if self.unnamed {
            return Ok(None);
        }
        if let Some(person) = self.import_file.person(row) {
            return Ok(Some(person.clone()));
        }
        if self.import_file.is_unknown(row) {
            return Ok(None);
        }
        let stem = if self.file.as_os_str() == STANDARD_INPUT {
            "standard-input".into()
        } else {
            self.file.file_stem().unwrap_or_default().to_string_lossy()
        };
        Name::generated(&format!("{stem}-{row}")).map(Person::Unknown).map(Some)
    }

    fn summary(&self, imported: u64, seconds: f64) -> ImportSummary {
        let (rows, held, repeated) = (self.import_file.file.rows, self.plan.held, self.plan.repeated);
        let skipped = self.import_file.invalid.len() as u64;
        ImportSummary {
            version: VERSION,
            rows,
            imported,
            imported_before: held,
            renamed: self.plan.renamed.len() as u64,
            repeated,
            skipped,
            seconds,
            interrupted: held + imported + skipped + repeated < rows,
            similar_names: Vec::new(),
        }
    }
}

/// Requires that the templates are of the gallery's model, because scores between templates of two models mean nothing. A file of vectors
/// does not name its model; its descriptions may.
fn check_origin(gallery: &Gallery, given: Option<&str>, made_with: Option<&(String, String)>) -> Result<()> {
    let binding = gallery.binding();
    if let (true, Some((model, _))) = (binding.is_external(), made_with) {
        return match given == Some(model) {
            true => Ok(()),
            false => Err(SessionError::NamedOrigin { model: model.clone() }),
        };
    }
    if let Some(name) = given.filter(|name| *name != binding.model) {
        return Err(SessionError::Input(format!(
            "this gallery is bound to {}, the templates come from {name:?}: scores between two models mean nothing",
            binding.describe()
        )));
    }
    match made_with {
        _ if binding.is_external() => Ok(()),
        Some((model, fingerprint)) => Ok(binding.require(model, fingerprint)?),
        None if given.is_some() => Ok(()),
        None => {
            let (described, model) = (binding.describe(), binding.model.clone());
            Err(SessionError::UnknownOrigin { described, model })
        }
    }
}
