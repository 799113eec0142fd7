//! The samples of a head from the files that `encode` and `export` write: vectors, and the lines that describe them.

use std::path::{Path, PathBuf};

use super::super::import::places;
use super::super::probes::is_vectors;
use crate::gallery::Gallery;
use crate::session::error::{Result, SessionError};
use crate::vectors::{
    BLOCK, Descriptions, EMBEDDINGS, STANDARD_INPUT, TEMPLATES, VectorFile, is_descriptions, read_names,
};

/// Vectors with their descriptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encoded {
    vectors: PathBuf,
    descriptions: PathBuf,
}

/// The model that made templates: its name and its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MadeWith {
    pub model: String,
    pub fingerprint: String,
}

/// The rows of a file.
pub(super) struct Rows {
    pub dimension: usize,
    /// The name of the person of each row, if there is one.
    pub people: Vec<Option<String>>,
    pub values: Vec<f32>,
}

impl Encoded {
    /// The files that a path leads to: a folder of `encode` or `export`, or one of the two files in it. `None` if it is something else.
    pub fn at(path: &Path) -> Option<Self> {
        if path.as_os_str() == STANDARD_INPUT || Gallery::is_at(path) {
            return None;
        }
        let is_folder = path.is_dir() && [EMBEDDINGS, TEMPLATES].iter().any(|name| path.join(name).is_file());
        if !is_folder && !(path.is_file() && (is_vectors(path) || is_descriptions(path))) {
            return None;
        }
        let (vectors, descriptions) = places(path).ok()?;
        Some(Self { vectors, descriptions: descriptions? })
    }

    /// The files.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.descriptions.clone(), self.vectors.clone()];
        files.dedup();
        files
    }

    /// The model of the vectors, if the first line names it. All lines name one model.
    ///
    /// # Errors
    /// The descriptions cannot be read.
    pub fn made_with(&self) -> Result<Option<MadeWith>> {
        let first = Descriptions::open(&self.descriptions)?.next()?.unwrap_or_default();
        let fingerprint = first.fingerprint.filter(|fingerprint| !fingerprint.is_empty());
        Ok(first.model.zip(fingerprint).map(|(model, fingerprint)| MadeWith { model, fingerprint }))
    }

    fn open(&self) -> Result<VectorFile> {
        Ok(match self.vectors == self.descriptions {
            true => VectorFile::from_descriptions(&self.descriptions)?,
            false => VectorFile::open(&self.vectors)?,
        })
    }

    /// Components of a vector.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn dimension(&self) -> Result<usize> {
        Ok(self.open()?.dimension)
    }

    /// Reads the vectors with the names of their people: those of the file `names`, otherwise those of the descriptions.
    ///
    /// # Errors
    /// A file cannot be read; a row is not a template, or is not the one that its line describes; the numbers of lines and rows differ.
    pub fn read(&self, names: Option<&Path>) -> Result<Rows> {
        let file = self.open()?;
        let mut lines = Descriptions::open(&self.descriptions)?;
        let (mut people, mut values) = (Vec::new(), Vec::new());
        for first in (0..file.rows).step_by(BLOCK) {
            for (row, template) in (first..).zip(file.block(first, BLOCK)?) {
                let template = template.map_err(|error| SessionError::BadRow(file.bad_row(row, error)))?;
                let Some(line) = lines.next()? else { break };
                line.require(template.as_slice()).map_err(|what| lines.bad(&what))?;
                people.push(line.subject.filter(|_| !line.unknown));
                values.extend_from_slice(template.as_slice());
            }
        }
        while lines.next()?.is_some() {}
        lines.require(file.rows)?;
        if let Some(names) = names {
            people = read_names(names, file.rows)?.iter().map(|name| Some(name.to_string())).collect();
        }
        Ok(Rows { dimension: file.dimension, people, values })
    }
}
