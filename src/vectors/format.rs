//! The header of a `.npy` file, and the conversion of its numbers.

use std::io::{Cursor, Read};

use half::f16;
use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};

/// Longest header that is read, in bytes. Headers of NumPy have a few hundred.
const HEADER_BYTES: usize = 1 << 20;
/// Most numbers per row.
const LONGEST_ROW: u64 = 4096;

/// The layout of the numbers in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Bytes before the first number.
    pub data_start: u64,
    pub rows: u64,
    pub dimension: usize,
    element: Element,
    /// Fortran order: the first numbers of all rows, then the second ones, and so on.
    pub by_column: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Element {
    bytes: usize,
    big_endian: bool,
}

impl Layout {
    /// Reads a header. Afterwards the reader is at the first number.
    ///
    /// # Errors
    /// A message with advice: the file does not contain rows of floating-point numbers.
    pub fn read(reader: &mut impl Read, name: &str) -> Result<Self, String> {
        let bytes = header_bytes(reader, name)?;
        let mut cursor = Cursor::new(&bytes);
        let header = NpyHeader::from_reader(&mut cursor).map_err(|e| {
            let what = "expected a NumPy .npy file, but its header cannot be read";
            format!("{what}: {e}; {}", cure(name, "a.astype('<f4')"))
        })?;
        let element = element_of(&header.dtype(), name)?;
        let (rows, dimension) = match *header.shape() {
            [dimension] => (1, dimension),
            [rows, dimension] => (rows, dimension),
            [] => {
                let what = "expected two dimensions (rows, numbers a row), got a single number";
                return Err(format!("{what}; {}", cure(name, "np.atleast_2d(a.item())")));
            }
            ref shape => {
                return Err(format!(
                    "expected two dimensions (rows, numbers a row), got shape {shape:?}; {}",
                    cure(name, "a.reshape(len(a), -1)")
                ));
            }
        };
        let dimension = usize::try_from(dimension)
            .ok()
            .filter(|_| (1..=LONGEST_ROW).contains(&dimension))
            .ok_or_else(|| format!("expected 1 to {LONGEST_ROW} numbers a row, got {dimension}"))?;
        let by_column = header.order() == Order::Fortran && rows > 1;
        Ok(Self { data_start: cursor.position(), rows, dimension, element, by_column })
    }

    /// Bytes of one number.
    pub fn element_bytes(&self) -> usize {
        self.element.bytes
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.dimension * self.element.bytes
    }

    /// Bytes of the whole file. `None` if they exceed the range of the type.
    pub fn file_bytes(&self) -> Option<u64> {
        self.rows.checked_mul(self.row_bytes() as u64)?.checked_add(self.data_start)
    }

    /// Converts the numbers of one row and replaces the content of `row`.
    pub fn parse(&self, bytes: &[u8], row: &mut Vec<f32>) {
        row.clear();
        match (self.element.bytes, self.element.big_endian) {
            (2, false) => row.extend(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
            (2, true) => row.extend(bytes.as_chunks().0.iter().map(|b| f16::from_be_bytes(*b).to_f32())),
            (4, false) => row.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            (4, true) => row.extend(bytes.as_chunks().0.iter().map(|b| f32::from_be_bytes(*b))),
            (_, false) => row.extend(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32)),
            (_, true) => row.extend(bytes.as_chunks().0.iter().map(|b| f64::from_be_bytes(*b) as f32)),
        }
    }
}

/// Everything before the first number, up to a length limit.
fn header_bytes(reader: &mut impl Read, name: &str) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("reading its header: {e}");
    let mut bytes = Vec::new();
    reader.by_ref().take(12).read_to_end(&mut bytes).map_err(failed)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(not_npy(&bytes, name));
    }
    let (before, length) = match bytes[..] {
        [_, _, _, _, _, _, 1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([a, b]))),
        [_, _, _, _, _, _, 2 | 3, _, a, b, c, d] => (12, u32::from_le_bytes([a, b, c, d]) as usize),
        [_, _, _, _, _, _, version, ..] => {
            return Err(format!("expected a .npy file of version 1, 2 or 3, got version {version}"));
        }
        _ => return Err("expected a NumPy .npy file, but it ends within its header".into()),
    };
    if length > HEADER_BYTES {
        return Err(format!("its header claims {length} bytes, more than the {HEADER_BYTES} that are read"));
    }
    let left = (before + length).saturating_sub(bytes.len());
    reader.by_ref().take(left as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() < before + length {
        return Err("expected a NumPy .npy file, but it ends within its header".into());
    }
    Ok(bytes)
}

fn element_of(dtype: &DType, name: &str) -> Result<Element, String> {
    let refused = |what: &str, conversion: &str| {
        Err(format!("expected floating-point numbers (f2, f4 or f8), got {what}; {}", cure(name, conversion)))
    };
    let DType::Plain(plain) = dtype else {
        return refused(&format!("records {}", dtype.descr()), "a['embedding'].astype('f4')");
    };
    match (plain.type_char(), plain.num_bytes()) {
        (TypeChar::Float, Some(bytes @ (2 | 4 | 8))) => {
            Ok(Element { bytes, big_endian: plain.endianness() == Endianness::Big })
        }
        (TypeChar::Object, _) => {
            let conversion = "np.stack(a).astype('f4')";
            Err(format!(
                "it holds Python objects ({}), which only Python can read; {}",
                dtype.descr(),
                cure_pickled(name, conversion)
            ))
        }
        _ => refused(&dtype.descr(), "a.astype('f4')"),
    }
}

/// The probable type of a file that is not `.npy`, and how to convert it.
fn not_npy(start: &[u8], name: &str) -> String {
    let (is, load) = match start {
        [] => return "expected a NumPy .npy file, it is empty".into(),
        [b'P', b'K', ..] => {
            let load = format!("a = np.load({name:?}); np.save('vectors.npy', a[a.files[0]])");
            ("a zip archive, such as NumPy's .npz or a file of torch.save", load)
        }
        [b'\x89', b'H', b'D', b'F', ..] => (
            "an HDF5 file",
            format!("import h5py; f = h5py.File({name:?}); np.save('vectors.npy', f[list(f)[0]][:])"),
        ),
        [b'P', b'A', b'R', b'1', ..] => {
            let load = format!(
                "import pandas as pd; d = pd.read_parquet({name:?}); np.save('vectors.npy', np.stack(d['embedding']))"
            );
            ("a Parquet file", load)
        }
        [0x80, 2..=5, ..] => (
            "a Python pickle",
            format!("np.save('vectors.npy', np.asarray(np.load({name:?}, allow_pickle=True), 'f4'))"),
        ),
        [b'{' | b'[', ..] => (
            "JSON",
            format!("import json; np.save('vectors.npy', np.array(json.load(open({name:?})), 'f4'))"),
        ),
        _ if start.iter().all(|&b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => {
            let load = format!("np.save('vectors.npy', np.loadtxt({name:?}, delimiter=',', dtype='f4'))");
            ("text", load)
        }
        _ => ("something else", "np.save('vectors.npy', array)".into()),
    };
    format!("expected a NumPy .npy file, got {is}; in Python: import numpy as np; {load}")
}

/// One line of Python that writes a readable file.
fn cure(name: &str, conversion: &str) -> String {
    format!("in Python: import numpy as np; a = np.load({name:?}); np.save('vectors.npy', {conversion})")
}

fn cure_pickled(name: &str, conversion: &str) -> String {
    format!(
        "in Python, if you trust it: import numpy as np; a = np.load({name:?}, allow_pickle=True); \
         np.save('vectors.npy', {conversion})"
    )
}
