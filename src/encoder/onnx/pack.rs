//! Where an ONNX file comes from: a file, or a folder or zip archive with several, such as the model packs of InsightFace, which contain an
//! encoder and a detector.
//!
//! Nothing of an archive is written to the disk. Of its entries only ONNX files are read, one at a time.

mod archive;
mod folder;

use std::io::{Read, Seek};
use std::path::Path;

use prost::bytes::Bytes;

use super::{Converted, LARGEST_FILE, Refusal, convert, detector};
use crate::encoder::weights::open_regular;

/// Most entries of an archive or a folder.
const MOST_ENTRIES: usize = 1000;

/// A converted encoder and what is known of its origin.
#[derive(Debug, Clone)]
pub struct Found {
    /// File name without folders.
    pub file: String,
    /// The network.
    pub converted: Converted,
    /// SHA-256 of the ONNX file.
    pub sha256: [u8; 32],
    /// The licence that goes with a known file name.
    pub licence: Option<Licence>,
    /// File name of the detector beside it, if that name is known.
    pub detector: Option<String>,
}

/// The ONNX file of a detector that can be converted.
#[derive(Debug, Clone)]
pub struct FoundDetector {
    /// File name without folders.
    pub file: String,
    /// Its content.
    pub bytes: Bytes,
    /// The licence that goes with a known file name.
    pub licence: Option<Licence>,
}

/// The licence of a known model pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// The project that publishes the file under this name.
    pub publisher: &'static str,
    /// Its conditions in short.
    pub conditions: &'static str,
    /// Another project that publishes a file of the same name under a free licence.
    pub namesake: Option<&'static str>,
}

impl Licence {
    /// The refusal of a file whose conditions are not accepted.
    pub fn refusal(&self, file: &str) -> String {
        format!(
            "{file} is a file of {}, licensed for {}. Give --accept-licence if you accept this.",
            self.publisher, self.conditions
        )
    }
}

const INSIGHTFACE: Licence =
    Licence { publisher: "InsightFace", conditions: "non-commercial research purposes only", namesake: None };

/// The file names of InsightFace's recognition models: buffalo_l and buffalo_m, buffalo_s and buffalo_sc, antelopev2.
const KNOWN: [(&str, Licence); 3] = [
    ("w600k_r50.onnx", INSIGHTFACE),
    ("w600k_mbf.onnx", INSIGHTFACE),
    ("glintr100.onnx", Licence { namesake: Some("AuraFace (Apache-2.0)"), ..INSIGHTFACE }),
];

/// The file names of InsightFace's detectors: buffalo_l, buffalo_m, buffalo_s and buffalo_sc; antelopev2 and single files.
const KNOWN_DETECTORS: [&str; 6] = [
    "det_10g.onnx",
    "det_2.5g.onnx",
    "det_500m.onnx",
    "scrfd_10g_bnkps.onnx",
    "scrfd_2.5g_bnkps.onnx",
    "scrfd_500m_bnkps.onnx",
];

fn is_known_detector(file: &str) -> bool {
    KNOWN_DETECTORS.contains(&file)
}

fn licence(file: &str) -> Option<Licence> {
    KNOWN.iter().find(|(known, _)| *known == file).map(|(_, licence)| *licence)
}

/// Converts the encoder in a file, or the only encoder in a folder or an archive.
///
/// # Errors
/// It cannot be read; it contains no encoder, or several; as [`convert`].
pub fn open(path: &Path, side: Option<u32>) -> Result<Found, Refusal> {
    let wanted = Wanted {
        what: "encoder",
        is_known: |name| licence(name).is_some(),
        name: |found: &Found| found.file.clone(),
        convert: &|file: &str, bytes: Vec<u8>| {
            let sha256 = <sha2::Sha256 as sha2::Digest>::digest(&bytes).into();
            let converted = convert(bytes, side)?;
            let (file, licence) = (file.to_owned(), licence(file));
            Ok(Found { file, converted, sha256, licence, detector: None })
        },
    };
    let (found, names) = search(path, LARGEST_FILE, &wanted)?;
    Ok(Found { detector: names.into_iter().find(|name| is_known_detector(name)), ..found })
}

/// The detector in a file, or the only detector in a folder or an archive.
///
/// # Errors
/// It cannot be read; it contains no detector, or several; as [`detector::convert`].
pub fn open_detector(path: &Path) -> Result<FoundDetector, Refusal> {
    let wanted = Wanted {
        what: "detector",
        is_known: is_known_detector,
        name: |found: &FoundDetector| found.file.clone(),
        convert: &|file: &str, bytes: Vec<u8>| {
            let bytes = Bytes::from(bytes);
            detector::convert(bytes.clone())?;
            let licence = is_known_detector(file).then_some(INSIGHTFACE);
            Ok(FoundDetector { file: file.to_owned(), bytes, licence })
        },
    };
    Ok(search(path, detector::LARGEST_FILE, &wanted)?.0)
}

type Convert<'a, T> = dyn Fn(&str, Vec<u8>) -> Result<T, Refusal> + 'a;

/// What is looked for.
struct Wanted<'a, T> {
    what: &'static str,
    /// Whether the name of a file says that it is wanted.
    is_known: fn(&str) -> bool,
    name: fn(&T) -> String,
    /// Converts the content of the file with this name.
    convert: &'a Convert<'a, T>,
}

/// What is wanted, and the names of the ONNX files in the folder or archive.
fn search<T>(path: &Path, largest: u64, wanted: &Wanted<'_, T>) -> Result<(T, Vec<String>), Refusal> {
    let unreadable = |error: std::io::Error| Refusal::new(error.to_string());
    if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return folder::search(path, largest, wanted);
    }
    // An archive may be larger than the file in it.
    let (mut file, length) = open_regular(path, LARGEST_FILE).map_err(unreadable)?;
    let mut start = [0; 4];
    let is_archive = file.read(&mut start).map_err(unreadable)? == 4 && start == *b"PK\x03\x04";
    file.rewind().map_err(unreadable)?;
    if is_archive {
        return archive::search(file, largest, wanted);
    }
    if length > largest {
        return Err(Refusal::new(format!("{length} bytes, expected at most {largest}")));
    }
    let bytes = read(file, length).map_err(Refusal::new)?;
    Ok(((wanted.convert)(&name(path), bytes)?, Vec::new()))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// All bytes of a file of this length. The end is read too, because only there an archive compares its checksum.
fn read(file: impl Read, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let reserved = usize::try_from(length).is_ok_and(|length| bytes.try_reserve_exact(length).is_ok());
    if !reserved {
        return Err(format!("there is no memory for its {length} bytes"));
    }
    file.take(length.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() as u64 {
        read if read == length => Ok(bytes),
        read if read > length => Err(format!("more than its {length} bytes")),
        read => Err(format!("{read} bytes, expected {length}")),
    }
}

fn is_onnx(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Why a file of a folder or an archive is not converted.
enum Unread {
    /// It is not what is wanted; another one may be.
    Unwanted(Refusal),
    /// The archive is damaged, so nothing of it is taken.
    Damaged(Refusal),
}

impl From<Unread> for Refusal {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Unwanted(refusal) | Unread::Damaged(refusal) => refusal,
        }
    }
}

/// The file with a known name, or the only one that is what is wanted.
fn only<T>(
    names: &[String],
    wanted: &Wanted<'_, T>,
    container: &str,
    mut read: impl FnMut(usize) -> Result<Vec<u8>, Unread>,
) -> Result<T, Refusal> {
    let what = wanted.what;
    if let Some(at) = names.iter().position(|name| (wanted.is_known)(name)) {
        return (wanted.convert)(&names[at], read(at)?);
    }
    let mut found: Option<T> = None;
    let mut refused = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let converted = match read(at) {
            Ok(bytes) => (wanted.convert)(name, bytes),
            Err(Unread::Unwanted(reason)) => Err(reason),
            Err(Unread::Damaged(reason)) => return Err(reason),
        };
        match converted {
            Ok(second) => {
                if let Some(first) = found {
                    let names = format!("{} and {}", (wanted.name)(&first), (wanted.name)(&second));
                    return Err(Refusal::new(format!(
                        "the {container} contains several {what}s, {names}; give one file"
                    )));
                }
                found = Some(second);
            }
            Err(reason) => refused.push(format!("{name}: {reason}")),
        }
    }
    found.ok_or_else(|| match refused.is_empty() {
        true => Refusal::new(format!(
            "the {container} contains no .onnx file; a model of PyTorch (.pt, .pth) must be exported to ONNX first"
        )),
        false => Refusal::new(format!("the {container} contains no {what}; {}", refused.join("; "))),
    })
}
