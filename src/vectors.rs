//! Files of vectors: NumPy's `.npy` with one vector per row, and the descriptions of the rows as text.
//!
//! `import` reads these files:
//! - `.npy` arrays of f2, f4 or f8 in either byte order, in C or Fortran order. An array of one dimension is one row. `-` is
//!   the standard input.
//! - the files of `encode` and `export`. Names, photos, quality and model come from `templates.jsonl`. Each line has a checksum
//!   of its row.
//!
//! Every row and every name is checked before the first one is written. A row that is already in the gallery, from the same file or from
//! the same face of the same photo, is not imported again. Under another name it is refused, renamed (`--rename`) or left unchanged
//! (`--keep-names`). `--skip-invalid` skips and lists rows that are not templates (not finite, or zero).

mod description;
mod format;
mod input;
mod lines;
mod names;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use npyz::WriterBuilder;
use sha2::{Digest, Sha256};

pub use description::{
    Description, Descriptions, EMBEDDINGS, TEMPLATES, beside, checksum, hexadecimal, is_descriptions,
    photo_hash,
};
use format::Layout;
pub use input::{STANDARD_INPUT, open_regular};
pub use names::read_names;

use crate::gallery::GalleryError;
use crate::template::{Binding, BindingError, Template, TemplateError};

/// Rows per block.
pub const BLOCK: usize = 8192;

/// An open `.npy` file with a valid header. Rows are read in blocks.
pub struct VectorFile {
    path: PathBuf,
    file: File,
    layout: Layout,
    /// Number of vectors.
    pub rows: u64,
    /// Components of a vector.
    pub dimension: usize,
}

/// The content of a row: a template, or the reason why it is not one.
pub type Row = Result<Template, TemplateError>;

impl VectorFile {
    /// Opens a file and checks its header and length. An array of one dimension is one row.
    ///
    /// # Errors
    /// The file is unreadable, not a regular file, not `.npy`, does not contain rows of f16, f32 or f64, or is shorter or longer than its
    /// header states.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        Self::of(path, open_regular(path)?)
    }

    /// Like [`open`](Self::open), but [`STANDARD_INPUT`] means the standard input, which is copied to a
    /// temporary file first.
    ///
    /// # Errors
    /// As for `open`; there is no space for the copy.
    pub fn open_or_standard_input(path: &Path) -> Result<Self, GalleryError> {
        if path.as_os_str() == STANDARD_INPUT {
            Self::of(path, input::standard_input()?)
        } else {
            Self::open(path)
        }
    }

    /// The vectors in a file of [`Description`]s, by means of a temporary file.
    ///
    /// # Errors
    /// The file is unreadable; a line has no vector, or one of another length; there is no space for the copy.
    pub fn from_descriptions(path: &Path) -> Result<Self, GalleryError> {
        let io = |source| GalleryError::Io { path: path.to_owned(), doing: "copying its vectors", source };
        let rows = Descriptions::count(path)?;
        let vector_of = |lines: &mut Descriptions| match lines.next()? {
            Some(Description { embedding: Some(vector), .. }) => Ok(Some(vector)),
            Some(_) => {
                Err(lines.bad("it contains no vector, and there is no embeddings.npy in the same folder"))
            }
            None => Ok(None),
        };
        let Some(first) = vector_of(&mut Descriptions::open(path)?)? else {
            return Err(GalleryError::BadSource { path: path.to_owned(), what: "it is empty".into() });
        };
        let mut file = tempfile::tempfile().map_err(io)?;
        let mut copy = Writer::new(&mut file, rows, first.len()).map_err(io)?;
        let mut lines = Descriptions::open(path)?;
        while let Some(vector) = vector_of(&mut lines)? {
            let (expected, got) = (first.len(), vector.len());
            if expected != got {
                return Err(
                    lines.bad(&format!("its vector has {got} numbers, that of line 1 has {expected}"))
                );
            }
            copy.push(&vector).map_err(io)?;
        }
        copy.finish().map_err(io)?;
        Self::of(path, file)
    }

    fn of(path: &Path, file: File) -> Result<Self, GalleryError> {
        let bad = |what: String| GalleryError::BadSource { path: path.to_owned(), what };
        let layout = Layout::read(&mut Cursor(&file, 0), &path.to_string_lossy()).map_err(bad)?;
        let io = |source| GalleryError::Io { path: path.to_owned(), doing: "reading its length", source };
        let got = file.metadata().map_err(io)?.len();
        let (rows, dimension) = (layout.rows, layout.dimension);
        let expected = layout.file_bytes();
        if expected != Some(got) {
            let expected = expected.map_or("more than any file has".into(), |n| n.to_string());
            return Err(bad(format!("{rows} rows of {dimension} need {expected} bytes, the file has {got}")));
        }
        Ok(Self { path: path.to_owned(), file, layout, rows, dimension })
    }

    /// The path with which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Requires that the vectors are of a gallery's model, as far as the file says so: `encode` and `export` write descriptions that name
    /// the model beside the vectors. The first line is read; all of them name one model. Templates of another program may be of any.
    ///
    /// # Errors
    /// The descriptions name another model, or cannot be read.
    pub fn require_model(&self, binding: &Binding) -> Result<(), GalleryError> {
        let Some(path) = description::beside(&self.path).filter(|_| !binding.is_external()) else {
            return Ok(());
        };
        match Descriptions::open(&path)?.next()? {
            Some(Description { model: Some(model), fingerprint: Some(fingerprint), .. }) => {
                let wrong = |error: BindingError| GalleryError::BadSource {
                    path: self.path.clone(),
                    what: error.to_string(),
                };
                binding.require(&model, &fingerprint).map_err(wrong)
            }
            _ => Ok(()),
        }
    }

    /// Reads the whole file once and calls `visit` with each row in order. Returns the SHA-256 of its bytes. The rows of
    /// a file in Fortran order are hashed row by row.
    ///
    /// # Errors
    /// The first error of `visit`; reading failed.
    pub fn verify<E: From<GalleryError>>(
        &self,
        mut visit: impl FnMut(u64, Row) -> Result<(), E>,
    ) -> Result<[u8; 32], E> {
        let mut hash = Sha256::new();
        let mut bytes = vec![0; self.layout.data_start as usize];
        self.file.read_exact_at(&mut bytes, 0).map_err(|e| self.io(e))?;
        hash.update(&bytes);
        for first in (0..self.rows).step_by(BLOCK) {
            self.read_bytes(first, BLOCK, &mut bytes)?;
            hash.update(&bytes);
            (first..).zip(self.parse(&bytes)).try_for_each(|(row, template)| visit(row, template))?;
        }
        Ok(hash.finalize().into())
    }

    /// Up to `count` rows, starting at row `first`, each a template or the reason why it is not one.
    ///
    /// # Errors
    /// A read error.
    pub fn block(&self, first: u64, count: usize) -> Result<Vec<Row>, GalleryError> {
        let mut bytes = Vec::new();
        self.read_bytes(first, count, &mut bytes)?;
        Ok(self.parse(&bytes).collect())
    }

    /// The valid templates among up to `count` rows, starting at row `first`, with their row numbers.
    ///
    /// # Errors
    /// A read error.
    pub fn valid(&self, first: u64, count: usize) -> Result<Vec<(u64, Template)>, GalleryError> {
        let block = (first..).zip(self.block(first, count)?);
        Ok(block.filter_map(|(row, template)| Some((row, template.ok()?))).collect())
    }

    /// Up to `count` rows, starting at row `first`, as templates.
    ///
    /// # Errors
    /// A row is not a template, with its number; a read error.
    pub fn templates(&self, first: u64, count: usize) -> Result<Vec<Template>, GalleryError> {
        let block = self.block(first, count)?;
        (first..)
            .zip(block)
            .map(|(row, template)| template.map_err(|source| self.bad_row(row, source)))
            .collect()
    }

    /// The error for a row that is not a template.
    pub fn bad_row(&self, row: u64, source: TemplateError) -> GalleryError {
        GalleryError::BadRow { path: self.path.clone(), row, source }
    }

    /// The bytes of rows in row order, also for files in Fortran order.
    fn read_bytes(&self, first: u64, count: usize, bytes: &mut Vec<u8>) -> Result<(), GalleryError> {
        let Layout { data_start, by_column, .. } = self.layout;
        let row_bytes = self.layout.row_bytes();
        let count = (self.rows.saturating_sub(first)).min(count as u64) as usize;
        bytes.resize(count * row_bytes, 0);
        if !by_column {
            let start = data_start + first * row_bytes as u64;
            return self.file.read_exact_at(bytes, start).map_err(|e| self.io(e));
        }
        let width = self.layout.element_bytes();
        let mut column = vec![0; count * width];
        for number in 0..self.dimension {
            let start = data_start + (number as u64 * self.rows + first) * width as u64;
            self.file.read_exact_at(&mut column, start).map_err(|e| self.io(e))?;
            for (row, value) in bytes.chunks_exact_mut(row_bytes).zip(column.chunks_exact(width)) {
                row[number * width..][..width].copy_from_slice(value);
            }
        }
        Ok(())
    }

    fn parse<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Row> + 'a {
        let mut numbers = Vec::with_capacity(self.dimension);
        bytes.chunks_exact(self.layout.row_bytes()).map(move |row| {
            self.layout.parse(row, &mut numbers);
            Template::from_raw(&numbers)
        })
    }

    fn io(&self, source: io::Error) -> GalleryError {
        GalleryError::Io { path: self.path.clone(), doing: "reading it", source }
    }
}

/// Reads a file from a position, independently of its own cursor.
struct Cursor<'a>(&'a File, u64);

impl io::Read for Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read_at(buffer, self.1)?;
        self.1 += n as u64;
        Ok(n)
    }
}

/// Writes vectors one by one into a new f32 `.npy` file with a known number of rows.
pub struct Writer<'a> {
    numbers: npyz::NpyWriter<f32, io::BufWriter<&'a mut File>>,
}

impl<'a> Writer<'a> {
    /// Writes the header.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn new(file: &'a mut File, rows: u64, dimension: usize) -> io::Result<Self> {
        let numbers = npyz::WriteOptions::<f32>::new()
            .default_dtype()
            .shape(&[rows, dimension as u64])
            .writer(io::BufWriter::with_capacity(1 << 20, file))
            .begin_nd()?;
        Ok(Self { numbers })
    }

    /// Writes the next vector.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, vector: &[f32]) -> io::Result<()> {
        vector.iter().try_for_each(|number| self.numbers.push(number))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// The file cannot be written; the number of vectors differs from the number of rows.
    pub fn finish(self) -> io::Result<()> {
        self.numbers.finish()
    }
}
