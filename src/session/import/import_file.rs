//! The input of an import: vectors, names and photos, all checked.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::gallery::{GalleryError, ImportedPhoto, Name, Person};
use crate::session::error::{Result, SessionError};
use crate::template::TemplateError;
use crate::vectors::{
    Description, Descriptions, EMBEDDINGS, TEMPLATES, VectorFile, beside, is_descriptions, read_names,
};

/// An open import. [`ImportFile::check`] reads every row and every line.
pub struct ImportFile {
    pub file: VectorFile,
    /// The file with names and photos, if there is one.
    descriptions: Option<PathBuf>,
    /// The file of the names.
    names_path: PathBuf,
    /// One entry per row, if any name is known.
    persons: Option<Vec<Option<Person>>>,
    /// Rows of unknown faces, in ascending order.
    unknown: Vec<u64>,
    /// Name and fingerprint of the model in the descriptions.
    pub made_with: Option<(String, String)>,
    /// Rows that are not templates.
    pub invalid: Vec<(u64, TemplateError)>,
    /// Whether the descriptions contain photos.
    pub has_photos: bool,
}

impl ImportFile {
    /// Opens a file of vectors with its descriptions, a folder of both, or descriptions that contain vectors. The names are from
    /// `subjects`; without it, from the descriptions.
    pub fn open(given: &Path, subjects: Option<&Path>) -> Result<Self> {
        let (vectors, descriptions) = places(given)?;
        let file = match is_descriptions(&vectors) {
            true => VectorFile::from_descriptions(&vectors)?,
            false => VectorFile::open_or_standard_input(&vectors)?,
        };
        // A file of names contains only names; a file of descriptions may also contain photos and checksums.
        let subjects_describe = subjects.filter(|path| descriptions.is_none() && is_descriptions(path));
        let descriptions = descriptions.or(subjects_describe.map(Path::to_owned));
        let named = subjects.filter(|path| Some(*path) != descriptions.as_deref());
        let names = named.map(|path| read_names(path, file.rows)).transpose()?;
        Ok(Self {
            names_path: named.or(descriptions.as_deref()).unwrap_or(&vectors).to_owned(),
            persons: names.map(|names| names.into_iter().map(Person::Named).map(Some).collect()),
            file,
            descriptions,
            unknown: Vec::new(),
            made_with: None,
            invalid: Vec::new(),
            has_photos: false,
        })
    }

    /// Reads every row and every line. Each row must be a template, unless invalid rows are skipped, and must match its description.
    /// Returns the SHA-256 of the vectors.
    pub fn check(&mut self, skip_invalid: bool, progress: impl Fn(u64)) -> Result<[u8; 32]> {
        let mut lines = self.descriptions.as_deref().map(Descriptions::open).transpose()?;
        let mut judge = LineChecker { wants_names: self.persons.is_none(), ..LineChecker::default() };
        let mut invalid = Vec::new();
        let hash = self.file.verify(|row, template| {
            progress(row + 1);
            if let Some(lines) = &mut lines
                && let Some(line) = lines.next()?
            {
                let vector = template.as_ref().ok().map(|template| template.as_slice());
                judge.enter(&line, vector).map_err(|what| lines.bad(&what))?;
            }
            match template {
                Ok(_) => Ok(()),
                Err(error) if skip_invalid => {
                    invalid.push((row, error));
                    Ok(())
                }
                Err(error) => Err(SessionError::BadImportRow(self.file.bad_row(row, error))),
            }
        })?;
        if let Some(lines) = &mut lines {
            while lines.next()?.is_some() {}
            lines.require(self.file.rows)?;
        }
        if judge.wants_names && judge.persons.iter().any(Option::is_some) {
            self.persons = Some(judge.persons);
        }
        (self.made_with, self.has_photos, self.invalid) = (judge.made_with, judge.has_photos, invalid);
        self.unknown = judge.unknown;
        Ok(hash)
    }

    /// The number of rows.
    pub fn rows(&self) -> Result<usize> {
        let too_many = || SessionError::Input(format!("{} rows do not fit in memory", self.file.rows));
        usize::try_from(self.file.rows).map_err(|_| too_many())
    }

    /// A digest of all names, to recognise the same names in a later import; `None` if there are no names.
    pub fn names_digest(&self) -> Option<String> {
        let mut hash = Sha256::new();
        for person in self.persons.as_ref()? {
            hash.update(person.as_ref().map_or("", |person| person.name().as_str()));
            hash.update(b"\n");
        }
        Some(format!("{:x}", hash.finalize()))
    }

    /// The subject of a row, if it is known.
    pub fn person(&self, row: u64) -> Option<&Person> {
        self.persons.as_ref()?.get(usize::try_from(row).ok()?)?.as_ref()
    }

    /// Whether a row is described as an unknown face. Such a row has no subject unless a name is given.
    pub fn is_unknown(&self, row: u64) -> bool {
        self.unknown.binary_search(&row).is_ok()
    }

    /// The place of a row's name, for errors: file and line.
    pub fn name_place(&self, row: u64) -> String {
        format!("{} line {}", self.names_path.display(), row + 1)
    }

    /// The photos of the rows, in the order of the rows.
    pub fn photos(&self) -> Result<Photos, GalleryError> {
        let lines = self.descriptions.as_deref().filter(|_| self.has_photos);
        Ok(Photos { lines: lines.map(Descriptions::open).transpose()? })
    }
}

/// The file of vectors and the file of descriptions, if there is one.
///
/// # Errors
/// A folder contains neither.
pub(in super::super) fn places(given: &Path) -> Result<(PathBuf, Option<PathBuf>)> {
    if is_descriptions(given) {
        let vectors = given.with_file_name(EMBEDDINGS);
        let is_exported = given.file_name().is_some_and(|name| name == TEMPLATES) && vectors.exists();
        let vectors = if is_exported { vectors } else { given.to_owned() };
        return Ok((vectors, Some(given.to_owned())));
    }
    if !given.is_dir() {
        return Ok((given.to_owned(), beside(given)));
    }
    let vectors = given.join(EMBEDDINGS);
    let descriptions = Some(given.join(TEMPLATES)).filter(|path| path.exists());
    match (vectors.exists(), descriptions) {
        (true, descriptions) => Ok((vectors, descriptions)),
        (false, Some(descriptions)) => Ok((descriptions.clone(), Some(descriptions))),
        (false, None) => Err(SessionError::Input(format!(
            "{}: the folder has neither {EMBEDDINGS} nor {TEMPLATES}; photos are enrolled, not imported",
            given.display()
        ))),
    }
}

/// The photos of the rows, read row by row.
pub struct Photos {
    lines: Option<Descriptions>,
}

impl Photos {
    /// The photo of the next row, if it is known.
    pub fn next(&mut self) -> Result<Option<ImportedPhoto>, GalleryError> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        let Some(line) = lines.next()? else { return Ok(None) };
        let hash = line.photo_hash().map_err(|what| lines.bad(&what))?;
        Ok(hash.map(|hash| ImportedPhoto {
            hash,
            path: line.path.unwrap_or_default().into(),
            face: line.face,
            other_paths: line.other_paths.into_iter().map(PathBuf::from).collect(),
        }))
    }
}

/// Checks the lines of a file of descriptions.
#[derive(Default)]
struct LineChecker {
    wants_names: bool,
    persons: Vec<Option<Person>>,
    unknown: Vec<u64>,
    has_photos: bool,
    made_with: Option<(String, String)>,
    lines: u64,
}

impl LineChecker {
    fn enter(&mut self, line: &Description, vector: Option<&[f32]>) -> Result<(), String> {
        self.lines += 1;
        if self.wants_names {
            let name =
                line.subject.as_deref().map(Name::new).transpose().map_err(|error| error.to_string())?;
            self.persons.push(name.map(if line.made_up { Person::Unknown } else { Person::Named }));
        }
        if line.unknown && line.subject.is_none() {
            self.unknown.push(self.lines - 1);
        }
        self.has_photos |= line.photo_hash()?.is_some();
        if let Some(vector) = vector {
            line.require(vector)?;
        }
        let fingerprint = line.fingerprint.clone().filter(|fingerprint| !fingerprint.is_empty());
        let made_with = fingerprint.map(|fingerprint| (line.model.clone().unwrap_or_default(), fingerprint));
        if self.lines == 1 {
            self.made_with = made_with;
        } else if self.made_with != made_with {
            return Err(
                "its model differs from that of earlier lines; scores between two models mean nothing".into(),
            );
        }
        Ok(())
    }
}
