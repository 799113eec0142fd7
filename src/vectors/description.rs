//! Descriptions of the rows of a file of vectors: `templates.jsonl`, one JSON object per line, in the order of the rows.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::Lines;
use crate::face::Provenance;
use crate::gallery::GalleryError;
use crate::image::PhotoHash;

/// The file of vectors in a folder of `encode` and `export`.
pub const EMBEDDINGS: &str = "embeddings.npy";
/// The file of descriptions in such a folder.
pub const TEMPLATES: &str = "templates.jsonl";
/// Longest line in bytes: enough for a template of 4,096 numbers as text.
const LONGEST: usize = 1 << 20;

/// The description of one template. Every field is optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    /// Its id in the source gallery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_id: Option<u64>,
    /// The id of its subject in the source gallery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<u64>,
    /// The name of its subject.
    pub subject: Option<String>,
    /// Whether it is an unknown face: it has no subject, and no name is made up for it.
    #[serde(skip_serializing_if = "is_not")]
    pub unknown: bool,
    /// Whether the name was made up from the name of a photo. Such a name does not refer to a subject of the target gallery.
    #[serde(skip_serializing_if = "is_not")]
    pub made_up: bool,
    /// The photo, or the file of vectors from which it was imported.
    pub path: Option<String>,
    /// Further paths of photos with the same bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_paths: Vec<String>,
    /// The row in that file of vectors.
    pub row: Option<u64>,
    /// SHA-256 of the photo's bytes, in hexadecimal digits.
    pub photo: Option<String>,
    /// The face in the photo.
    pub face: Option<Provenance>,
    /// Name of the model.
    pub model: Option<String>,
    /// Fingerprint of the model. Empty or missing if it is unknown.
    pub fingerprint: Option<String>,
    /// CRC-32C of the vector's numbers as little-endian f32. It verifies that a line and a row belong together.
    pub vector_crc32c: Option<u32>,
    /// The vector, if there is no file of vectors in the same folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vec<f32>>,
}

impl Description {
    /// Hash of the photo, if it is known.
    ///
    /// # Errors
    /// A message if the text is not 64 hexadecimal digits.
    pub fn photo_hash(&self) -> Result<Option<PhotoHash>, String> {
        let Some(text) = &self.photo else { return Ok(None) };
        let wrong = || format!("photo: expected 64 hexadecimal digits, got {text:?}");
        photo_hash(text).map(Some).ok_or_else(wrong)
    }

    /// Requires that a vector is the described one.
    ///
    /// # Errors
    /// A message if the checksums differ.
    pub fn require(&self, vector: &[f32]) -> Result<(), String> {
        match self.vector_crc32c {
            Some(expected) if expected != checksum(vector) => {
                Err("it describes another vector than this row holds; if the vectors were changed on purpose, take \
                     vector_crc32c out of every line"
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// The hash of a photo as hexadecimal digits.
pub fn hexadecimal(hash: &PhotoHash) -> String {
    use std::fmt::Write;
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Parses the output of [`hexadecimal`].
pub fn photo_hash(text: &str) -> Option<PhotoHash> {
    let mut hash = PhotoHash::default();
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != hash.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it with a reference
fn is_not(flag: &bool) -> bool {
    !flag
}

/// CRC-32C of a vector's numbers as little-endian f32.
pub fn checksum(vector: &[f32]) -> u32 {
    vector.iter().fold(0, |crc, number| crc32c::crc32c_append(crc, &number.to_le_bytes()))
}

/// The descriptions beside a file of vectors of `encode` or `export`, if it is one.
pub fn beside(vectors: &Path) -> Option<PathBuf> {
    let is_one = vectors.file_name().is_some_and(|name| name == EMBEDDINGS);
    Some(vectors.with_file_name(TEMPLATES)).filter(|path| is_one && path.exists())
}

/// Whether the name of a path is that of a file of descriptions.
pub fn is_descriptions(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        extension.eq_ignore_ascii_case("jsonl") || extension.eq_ignore_ascii_case("ndjson")
    })
}

/// An open file of descriptions, read line by line.
pub struct Descriptions {
    path: PathBuf,
    lines: Lines,
    /// Lines read so far.
    pub read: u64,
}

impl Descriptions {
    /// Opens a file.
    ///
    /// # Errors
    /// The file is missing, unreadable or not a regular file.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        Ok(Self { path: path.to_owned(), lines: Lines::open(path, LONGEST)?, read: 0 })
    }

    /// Number of lines of a file.
    ///
    /// # Errors
    /// A read error.
    pub fn count(path: &Path) -> Result<u64, GalleryError> {
        let mut lines = Lines::open(path, LONGEST)?;
        let mut count = 0;
        while lines.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// The next description.
    ///
    /// # Errors
    /// A read error; the line is not a description.
    #[allow(clippy::should_implement_trait)] // an iterator would continue after an error
    pub fn next(&mut self) -> Result<Option<Description>, GalleryError> {
        let Some((_, line)) = self.lines.next()? else { return Ok(None) };
        self.read += 1;
        let parsed = serde_json::from_str(&line);
        parsed
            .map(Some)
            .map_err(|e| self.bad(&format!("expected a JSON object that describes a template: {e}")))
    }

    /// An error in the last line that was read.
    pub fn bad(&self, what: &str) -> GalleryError {
        self.lines.bad(what)
    }

    /// Requires that the file describes this number of rows. All lines must have been read.
    ///
    /// # Errors
    /// [`GalleryError::BadSource`].
    pub fn require(&self, rows: u64) -> Result<(), GalleryError> {
        if self.read == rows {
            return Ok(());
        }
        let what = format!("it describes {} templates, the file of vectors has {rows} rows", self.read);
        Err(GalleryError::BadSource { path: self.path.clone(), what })
    }
}
