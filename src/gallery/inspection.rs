//! The size of a gallery, and its check.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalog::UnknownFace;
use super::catalog::template::group_of;
use super::documents::{DocumentCheck, is_json};
use super::error::Result;
use super::opening::leftovers_beside;
use super::vectors::{Access, Stored, VectorError, VectorErrorKind, View, local};
use super::{Gallery, INDEX};

/// Rows of the catalog per block of the comparison with the index.
const BLOCK: usize = 16_384;
/// Most listed problems. Further problems are counted.
const LISTED: usize = 100;

/// Counts and sizes of a gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of subjects.
    pub subjects: u64,
    /// Number of their live templates.
    pub templates: u64,
    /// Number of live templates without a subject.
    pub unknown: u64,
    /// Number of removed templates that are not erased yet, in the index or in the catalog.
    pub removed: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of buffered rows, which are not in a segment yet.
    pub buffered: u64,
    /// Size of the index on disk, in bytes.
    pub index_bytes: u64,
    /// Size of the catalog on disk, in bytes.
    pub catalog_bytes: u64,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Compared templates with a subject.
    pub templates: u64,
    /// Compared templates without a subject.
    pub unknown: u64,
    /// Completely verified files of the index.
    pub files: u64,
    /// The problems, in words; empty for a sound gallery.
    pub problems: Vec<String>,
    /// Number of further problems.
    pub more_problems: u64,
    /// Folders beside the gallery that a killed `init`, `backup` or `restore` left. The next such command there removes them.
    pub leftovers: Vec<PathBuf>,
}

impl Inspection {
    /// Whether no problem was found.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, problem: String) {
        if self.problems.len() < LISTED { self.problems.push(problem) } else { self.more_problems += 1 }
    }

    /// A row of a lookup. The outer `None`: the row is damaged, which is added to the problems.
    fn readable(&mut self, row: Result<Option<Stored>, VectorError>) -> Result<Option<Option<Stored>>> {
        match row {
            Err(error) if error.kind() == VectorErrorKind::Damaged => {
                self.add(error.to_string());
                Ok(None)
            }
            row => Ok(Some(row?)),
        }
    }
}

impl Gallery {
    /// Counts and sizes of the gallery.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn summary(&self) -> Result<Summary> {
        let (subjects, templates) = self.catalog().counts()?;
        let unknown = self.catalog().unknown_count()?;
        let stats = self.vectors.statistics()?;
        let catalog_bytes = ["catalog.sqlite", "catalog.sqlite-wal"]
            .iter()
            .filter_map(|name| std::fs::metadata(self.directory.join(name)).ok())
            .map(|file| file.len())
            .sum();
        Ok(Summary {
            subjects,
            templates,
            unknown,
            removed: self.unerased()?,
            segments: stats.segments,
            buffered: stats.buffered,
            index_bytes: stats.bytes,
            catalog_bytes,
        })
    }

    /// Opens a gallery for reading and checks it: see [`check`](Self::check). Damage that prevents opening is a problem in the result too.
    ///
    /// # Errors
    /// There is no gallery; another process writes to it; a file cannot be read at all.
    pub fn check_at(
        directory: &Path,
        deep: bool,
        wait: Duration,
        documents: DocumentCheck<'_>,
    ) -> Result<Inspection> {
        let leftovers = leftovers_beside(directory);
        let damage = match Self::open_with(directory, Access::ReadOnly, wait) {
            Ok(gallery) => return Ok(Inspection { leftovers, ..gallery.check_with(deep, documents)? }),
            Err(error) if error.is_damage() => error,
            Err(error) => return Err(error),
        };
        let mut found = Inspection {
            templates: 0,
            unknown: 0,
            files: 0,
            problems: Vec::new(),
            more_problems: 0,
            leftovers: Vec::new(),
        };
        found.leftovers = leftovers;
        found.add(damage.to_string());
        if let Ok(report) = local::check_at(&directory.join(INDEX)) {
            found.files = report.files;
            report.problems.into_iter().for_each(|problem| found.add(problem));
        }
        Ok(found)
    }

    /// Verifies every byte of the index and every row and document of the catalog. Compares the templates and subjects of both, and
    /// the pictures with the photos. If `deep`, also searches each graph for each of its rows.
    ///
    /// # Errors
    /// A file cannot be read at all. Damage is a problem in the result.
    pub fn check(&self, deep: bool) -> Result<Inspection> {
        self.check_with(deep, &is_json)
    }

    /// As [`check`](Self::check), with a check of the documents' content.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_with(&self, deep: bool, documents: DocumentCheck<'_>) -> Result<Inspection> {
        let report = self.vectors.check(deep)?;
        let mut found = Inspection {
            templates: 0,
            unknown: 0,
            files: report.files,
            problems: Vec::new(),
            more_problems: 0,
            leftovers: Vec::new(),
        };
        report.problems.into_iter().for_each(|problem| found.add(problem));
        for problem in self.catalog().problems() {
            found.add(problem);
        }
        match self.document_problems(documents) {
            Ok(problems) => problems.into_iter().for_each(|problem| found.add(problem)),
            Err(error) => found.add(error.to_string()),
        }
        match self.picture_problems() {
            Ok(problems) => problems.into_iter().for_each(|problem| found.add(problem)),
            Err(error) => found.add(error.to_string()),
        }
        if let Err(error) = self.compare(&mut found) {
            found.add(error.to_string());
        }
        Ok(found)
    }

    /// Compares the catalog with the index.
    fn compare(&self, found: &mut Inspection) -> Result<()> {
        let view = self.view_with_unknown()?;
        self.compare_unknown(&view, found)?;
        let mut last = 0;
        loop {
            let block = self.catalog().templates_after(last, BLOCK)?;
            let Some(end) = block.last() else { break };
            last = end.id;
            let ids: Vec<u64> = block.iter().map(|template| template.id).collect();
            for (template, row) in block.iter().zip(view.vectors(&ids)) {
                found.templates += 1;
                let Some(row) = found.readable(row)? else { continue };
                match row {
                    None => found.add(format!(
                        "template {} of {:?} is in the catalog but not in the index",
                        template.id, template.subject
                    )),
                    Some(row) if row.subject != template.subject_id => found.add(format!(
                        "template {} belongs to subject {} in the catalog and to {} in the index",
                        template.id, template.subject_id, row.subject
                    )),
                    Some(_) => {}
                }
            }
        }
        let unsettled = self.catalog().unsettled()?;
        let unsettled = unsettled.len() - view.absent(&unsettled)?.len();
        let known = found.templates + found.unknown;
        if view.len() as u64 > known + unsettled as u64 {
            found.add(format!("the index contains {} templates, the catalog {known} of them", view.len()));
        }
        Ok(())
    }

    fn compare_unknown(&self, view: &View, found: &mut Inspection) -> Result<()> {
        let mut last = 0;
        loop {
            let block = self.catalog().unknown_after(last, BLOCK, true)?;
            let Some(end) = block.last() else { return Ok(()) };
            last = end.id;
            let ids: Vec<u64> = block.iter().map(|UnknownFace { id, .. }| *id).collect();
            for (id, row) in ids.iter().zip(view.vectors(&ids)) {
                found.unknown += 1;
                let Some(row) = found.readable(row)? else { continue };
                match row {
                    None => found.add(format!("unknown face {id} is in the catalog but not in the index")),
                    Some(row) if row.subject != group_of(*id, None) => found.add(format!(
                        "template {id} has no subject in the catalog and belongs to {} in the index",
                        row.subject
                    )),
                    Some(_) => {}
                }
            }
        }
    }
}
