//! The log of encoded faces: what a stopped migration has done.
//!
//! A record for each recorded face: `u32` length of the rest without the checksum, `u32` CRC-32C of the rest, `u32` length of the description,
//! the description in JSON, and the vector as `f32`. Numbers are little-endian. A record that a crash has cut off, and everything behind it, is
//! removed when the log is opened.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::error::{Result, SessionError};
use super::super::recorded::FoundFaces;
use crate::face::Provenance;
use crate::image::PhotoHash;
use crate::ingest::EncodedFace;
use crate::reply::MissingReason;
use crate::template::Template;

const READING: &str = "reading the log of encoded faces";
const WRITING: &str = "writing the log of encoded faces";
/// Longest record that is read. The largest template has 4,096 numbers.
const LONGEST: u32 = 1 << 20;

/// A face of the former gallery: its photo, and the bits of its bounds.
type Key = (PhotoHash, [u32; 4]);

/// What was found at the place of a recorded face.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Encoded {
    /// A face and its template.
    Face(Box<(Template, Provenance)>),
    /// Nothing, for this reason.
    Missing(MissingReason),
}

#[derive(Debug, Serialize, Deserialize)]
struct Description {
    photo: PhotoHash,
    /// The bits of the bounds of the recorded face.
    place: [u32; 4],
    face: Option<Provenance>,
    missing: Option<MissingReason>,
    /// Whether a kept picture was encoded instead of the photo.
    from_picture: bool,
}

/// A record in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
    missing: Option<MissingReason>,
    from_picture: bool,
}

/// The open log. One process has it open at a time.
pub(super) struct FaceLog {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
    places: HashMap<Key, Place>,
}

impl FaceLog {
    /// Opens the log, or makes it.
    pub fn open(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(SessionError::io(path, READING))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("{}: another process is at work on this migration", path.display());
                return Err(SessionError::Input(what));
            }
            Err(TryLockError::Error(error)) => return Err(SessionError::io(path, READING)(error)),
        }
        let (places, length) = scan(&file).map_err(SessionError::io(path, READING))?;
        let cut = |mut file: File| {
            if file.metadata()?.len() > length {
                tracing::warn!("{}: the last record is incomplete, and is made again", path.display());
                file.set_len(length)?;
            }
            file.seek(SeekFrom::Start(length))?;
            Ok(file)
        };
        let file = BufWriter::with_capacity(1 << 18, cut(file).map_err(SessionError::io(path, WRITING))?);
        Ok(Self { path: path.to_owned(), file, length, places })
    }

    /// Whether a face was looked for.
    pub fn has(&self, photo: &PhotoHash, bounds: [f32; 4]) -> bool {
        self.places.contains_key(&key(photo, bounds))
    }

    /// Whether a face was encoded from a kept picture.
    pub fn is_from_picture(&self, photo: &PhotoHash, bounds: [f32; 4]) -> bool {
        self.places.get(&key(photo, bounds)).is_some_and(|place| place.from_picture)
    }

    /// Why a face is missing; `None` if it was encoded, or was not looked for.
    pub fn missing(&self, photo: &PhotoHash, bounds: [f32; 4]) -> Option<MissingReason> {
        self.places.get(&key(photo, bounds))?.missing
    }

    /// Adds what was found at the place of a face. It is durable after [`sync`](Self::sync).
    pub fn add(
        &mut self,
        photo: &PhotoHash,
        bounds: [f32; 4],
        encoded: &Encoded,
        from_picture: bool,
    ) -> Result<()> {
        let (face, missing) = match encoded {
            Encoded::Face(face) => (Some(face), None),
            Encoded::Missing(reason) => (None, Some(*reason)),
        };
        let key = key(photo, bounds);
        let provenance = face.map(|face| face.1.clone());
        let description =
            Description { photo: *photo, place: key.1, face: provenance, missing, from_picture };
        let io = |error| SessionError::io(&self.path, WRITING)(error);
        let text = serde_json::to_vec(&description).map_err(|error| io(error.into()))?;
        let mut rest = (text.len() as u32).to_le_bytes().to_vec();
        rest.extend(text);
        rest.extend(face.iter().flat_map(|face| face.0.as_slice()).flat_map(|number| number.to_le_bytes()));
        let length = rest.len() as u32;
        let head = [length.to_le_bytes(), crc32c::crc32c(&rest).to_le_bytes()].concat();
        self.file.write_all(&head).and_then(|()| self.file.write_all(&rest)).map_err(io)?;
        self.places.insert(key, Place { offset: self.length, length, missing, from_picture });
        self.length += 8 + u64::from(length);
        Ok(())
    }

    /// Makes everything durable that was added.
    pub fn sync(&mut self) -> Result<()> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        synced.map_err(SessionError::io(&self.path, WRITING))
    }

    /// The template of a face; `None` if there is none. Call [`sync`](Self::sync) after the last addition.
    pub fn face(&self, photo: &PhotoHash, bounds: [f32; 4]) -> Result<Option<(Template, Provenance)>> {
        let Some(place) = self.places.get(&key(photo, bounds)).filter(|place| place.missing.is_none()) else {
            return Ok(None);
        };
        let mut record = vec![0; 8 + place.length as usize];
        let read = self.file.get_ref().read_exact_at(&mut record, place.offset);
        read.map_err(SessionError::io(&self.path, READING))?;
        let parsed = checked(&record).and_then(|rest| {
            let (description, vector) = split(rest)?;
            let numbers: Vec<f32> =
                vector.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            Some((Template::from_raw(&numbers).ok()?, description.face?))
        });
        parsed.map(Some).ok_or_else(|| {
            let what = format!("the record at byte {} is damaged; remove the file", place.offset);
            SessionError::io(&self.path, READING)(std::io::Error::other(what))
        })
    }
}

impl FoundFaces for FaceLog {
    fn has(&self, photo: &PhotoHash, bounds: [f32; 4]) -> bool {
        self.has(photo, bounds)
    }

    fn keep(
        &mut self,
        photo: &PhotoHash,
        bounds: [f32; 4],
        found: Result<&EncodedFace, MissingReason>,
        from_picture: bool,
    ) -> Result<()> {
        let encoded = match found {
            Ok(face) => Encoded::Face(Box::new((face.template.clone(), face.provenance.clone()))),
            Err(reason) => Encoded::Missing(reason),
        };
        self.add(photo, bounds, &encoded, from_picture)
    }

    fn sync(&mut self) -> Result<()> {
        self.sync()
    }
}

fn key(photo: &PhotoHash, bounds: [f32; 4]) -> Key {
    (*photo, bounds.map(f32::to_bits))
}

/// The content of a record, without its length and its checksum; `None` if it is damaged.
fn checked(record: &[u8]) -> Option<&[u8]> {
    let (head, rest) = record.split_at_checked(8)?;
    let [length, sum] = [0, 4].map(|at| number(&head[at..]));
    (length? as usize == rest.len() && sum? == crc32c::crc32c(rest)).then_some(rest)
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.first_chunk()?))
}

/// The description and the bytes of the vector.
fn split(rest: &[u8]) -> Option<(Description, &[u8])> {
    let (text, vector) = rest.get(4..)?.split_at_checked(number(rest)? as usize)?;
    Some((serde_json::from_slice(text).ok()?, vector))
}

/// The intact records at the beginning of a log, and their length.
fn scan(file: &File) -> std::io::Result<(HashMap<Key, Place>, u64)> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut places, mut offset) = (HashMap::new(), 0);
    loop {
        let mut record = Vec::new();
        reader.by_ref().take(8).read_to_end(&mut record)?;
        let Some(length) = number(&record).filter(|length| record.len() == 8 && *length <= LONGEST) else {
            break;
        };
        reader.by_ref().take(length.into()).read_to_end(&mut record)?;
        let Some((description, _)) = checked(&record).and_then(split) else { break };
        let Description { photo, place, missing, from_picture, .. } = description;
        places.insert((photo, place), Place { offset, length, missing, from_picture });
        offset += 8 + u64::from(length);
    }
    Ok((places, offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Quality;

    const PLACE: [f32; 4] = [1.0, 2.0, 30.5, 40.25];

    fn face() -> Encoded {
        let quality = Quality {
            size_px: 50.0,
            detector_score: 1.0,
            sharpness: 20.5,
            yaw: 1.0,
            pitch: -2.0,
            roll: 0.1,
            overall: 60,
        };
        let provenance =
            Provenance { bounds: PLACE, score: 1.0, landmarks: [[3.0; 2]; 5], turned: 90, quality };
        Encoded::Face(Box::new((Template::from_raw(&[3.0, 4.0]).unwrap(), provenance)))
    }

    #[test]
    fn faces_are_read_again_and_a_cut_record_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = FaceLog::open(&path).unwrap();
        log.add(&[1; 32], PLACE, &face(), false).unwrap();
        log.add(&[2; 32], PLACE, &Encoded::Missing(MissingReason::NoFace), true).unwrap();
        log.add(&[3; 32], PLACE, &face(), false).unwrap();
        log.sync().unwrap();
        assert!(FaceLog::open(&path).is_err(), "one process at a time");
        drop(log);

        let length = std::fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length - 3).unwrap();
        let mut log = FaceLog::open(&path).unwrap();
        let Encoded::Face(expected) = face() else { unreachable!() };
        assert_eq!(log.face(&[1; 32], PLACE).unwrap(), Some(*expected.clone()));
        assert_eq!(log.missing(&[2; 32], PLACE), Some(MissingReason::NoFace));
        assert!(log.is_from_picture(&[2; 32], PLACE) && !log.is_from_picture(&[1; 32], PLACE));
        assert_eq!(log.face(&[2; 32], PLACE).unwrap(), None);
        assert!(!log.has(&[3; 32], PLACE) && !log.has(&[1; 32], [0.0; 4]));
        log.add(&[3; 32], PLACE, &face(), false).unwrap();
        log.sync().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length);
        assert_eq!(log.face(&[3; 32], PLACE).unwrap(), Some(*expected));
    }

    #[test]
    fn a_damaged_record_ends_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = FaceLog::open(&path).unwrap();
        for photo in 1..=3 {
            log.add(&[photo; 32], PLACE, &face(), false).unwrap();
        }
        log.sync().unwrap();
        drop(log);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let log = FaceLog::open(&path).unwrap();
        assert_eq!([1, 2, 3].map(|photo| log.has(&[photo; 32], PLACE)), [true, false, false]);
    }
}
