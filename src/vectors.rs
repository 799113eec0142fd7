//! Files of vectors: NumPy's `.npy`, two-dimensional, one row a vector, f32 or f16, little-endian.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

use half::f16;
use npyz::{DType, NpyHeader, Order, WriterBuilder};
use sha2::{Digest, Sha256};

use crate::gallery::{GalleryError, Name};
use crate::template::Template;

/// Rows handled at a time.
pub const BLOCK: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    F32,
    F16,
}

/// An open `.npy` file whose header fits: rows are read in blocks, never all at once.
pub struct VectorFile {
    path: PathBuf,
    file: File,
    data_start: u64,
    element: Element,
    /// Number of vectors.
    pub rows: u64,
    /// Numbers in a vector.
    pub dimension: usize,
}

impl VectorFile {
    /// Opens a file and checks its header and length.
    ///
    /// # Errors
    /// Not readable, not `.npy`, not two-dimensional f32 or f16 in C order, or shorter or longer than
    /// its header says.
    pub fn open(path: &Path) -> Result<Self, GalleryError> {
        let io = |doing| move |source| GalleryError::Io { path: path.to_owned(), doing, source };
        let bad = |what: String| GalleryError::BadSource { path: path.to_owned(), what };
        let mut file = File::open(path).map_err(io("opening it"))?;
        let header = NpyHeader::from_reader(&mut file)
            .map_err(|e| bad(format!("expected a NumPy .npy file, but its header cannot be read: {e}")))?;
        let element = element_of(&header.dtype()).ok_or_else(|| {
            bad(format!("expected f32 or f16 (<f4 or <f2), got {}", header.dtype().descr()))
        })?;
        let &[rows, dimension] = header.shape() else {
            return Err(bad(format!(
                "expected two dimensions (rows, numbers a row), got shape {:?}",
                header.shape()
            )));
        };
        if header.order() != Order::C {
            return Err(bad("expected rows to lie one after the other (C order), got Fortran order".into()));
        }
        let dimension = usize::try_from(dimension)
            .ok()
            .filter(|d| (1..=4096).contains(d))
            .ok_or_else(|| bad(format!("expected 1 to 4096 numbers a row, got {dimension}")))?;
        let data_start = file.stream_position().map_err(io("reading its header"))?;
        let got = file.metadata().map_err(io("reading its length"))?.len();
        let row_bytes = (dimension * size_of_element(element)) as u64;
        let expected = rows.checked_mul(row_bytes).and_then(|n| n.checked_add(data_start));
        if expected != Some(got) {
            let expected = expected.map_or("more than any file has".into(), |n| n.to_string());
            return Err(bad(format!("{rows} rows of {dimension} need {expected} bytes, the file has {got}")));
        }
        Ok(Self { path: path.to_owned(), file, data_start, element, rows, dimension })
    }

    /// Reads the whole file once: every row must make a template. Returns the SHA-256 of its bytes.
    ///
    /// # Errors
    /// The first row that is no template, by number; reading failed.
    pub fn verify(&mut self, mut progress: impl FnMut(u64)) -> Result<[u8; 32], GalleryError> {
        let mut hash = Sha256::new();
        let mut header = vec![0; self.data_start as usize];
        self.file.rewind().and_then(|()| self.file.read_exact(&mut header)).map_err(|e| self.io(e))?;
        hash.update(&header);
        let mut bytes = Vec::new();
        let mut row = 0;
        while row < self.rows {
            self.read_bytes(row, BLOCK, &mut bytes)?;
            hash.update(&bytes);
            row += self.parse(row, &bytes)?.len() as u64;
            progress(row);
        }
        Ok(hash.finalize().into())
    }

    /// Up to `count` rows from row `first` on, as templates.
    ///
    /// # Errors
    /// A row that is no template, by number; reading failed.
    pub fn templates(&mut self, first: u64, count: usize) -> Result<Vec<Template>, GalleryError> {
        let mut bytes = Vec::new();
        self.read_bytes(first, count, &mut bytes)?;
        self.parse(first, &bytes)
    }

    fn read_bytes(&mut self, first: u64, count: usize, bytes: &mut Vec<u8>) -> Result<(), GalleryError> {
        let row_bytes = self.dimension * size_of_element(self.element);
        let count = (self.rows.saturating_sub(first)).min(count as u64) as usize;
        bytes.resize(count * row_bytes, 0);
        let start = self.data_start + first * row_bytes as u64;
        self.file
            .seek(io::SeekFrom::Start(start))
            .and_then(|_| self.file.read_exact(bytes))
            .map_err(|e| self.io(e))
    }

    fn parse(&self, first: u64, bytes: &[u8]) -> Result<Vec<Template>, GalleryError> {
        let mut raw = Vec::with_capacity(self.dimension);
        bytes
            .chunks_exact(self.dimension * size_of_element(self.element))
            .zip(first..)
            .map(|(chunk, row)| {
                raw.clear();
                match self.element {
                    Element::F32 => raw.extend(chunk.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
                    Element::F16 => {
                        raw.extend(chunk.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()));
                    }
                }
                Template::from_raw(&raw).map_err(|source| GalleryError::BadRow {
                    path: self.path.clone(),
                    row,
                    source,
                })
            })
            .collect()
    }

    fn io(&self, source: io::Error) -> GalleryError {
        GalleryError::Io { path: self.path.clone(), doing: "reading it", source }
    }
}

/// Writes vectors one by one into a new f32 `.npy` file of a known number of rows.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    file: &mut File,
    rows: u64,
    dimension: usize,
    mut vectors: impl FnMut(&mut dyn FnMut(&[f32]) -> io::Result<()>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = npyz::WriteOptions::<f32>::new()
        .default_dtype()
        .shape(&[rows, dimension as u64])
        .writer(io::BufWriter::with_capacity(1 << 20, &mut *file))
        .begin_nd()?;
    vectors(&mut |vector| vector.iter().try_for_each(|x| writer.push(x)))?;
    writer.finish()?;
    file.flush()
}

/// One name a line, as many lines as rows. A byte order mark is no part of the first.
///
/// # Errors
/// Not readable, not UTF-8, a line that is no name, or not exactly `rows` lines.
pub fn read_names(path: &Path, rows: u64) -> Result<Vec<Name>, GalleryError> {
    use std::io::BufRead;
    let io = |source| GalleryError::Io { path: path.to_owned(), doing: "reading names", source };
    let lines = BufReader::new(File::open(path).map_err(io)?).lines();
    let mut names = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line.map_err(io)?;
        let line = line.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(&line);
        let what = |error| format!("line {number}: {error}");
        let bad = |error| GalleryError::BadSource { path: path.to_owned(), what: what(error) };
        names.push(Name::new(line).map_err(bad)?);
    }
    if names.len() as u64 == rows {
        return Ok(names);
    }
    let what = format!("expected one name a line for {rows} rows, got {} lines", names.len());
    Err(GalleryError::BadSource { path: path.to_owned(), what })
}

fn element_of(dtype: &DType) -> Option<Element> {
    let DType::Plain(plain) = dtype else { return None };
    match plain.to_string().as_str() {
        "<f4" => Some(Element::F32),
        "<f2" => Some(Element::F16),
        _ => None,
    }
}

const fn size_of_element(element: Element) -> usize {
    match element {
        Element::F32 => 4,
        Element::F16 => 2,
    }
}
