//! The contents of the files in folders.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::super::{Control, Stopped};
use super::places::Places;
use crate::image::{Limits, PhotoHash};
use crate::ingest::{survey, walk};

/// Files between two looks at the stop flag.
const BLOCK: usize = 64;
/// Bytes that are read at a time.
const BUFFER: usize = 1 << 17;

/// The files of folders by their content.
pub struct Contents {
    /// The files with the content of a photo of the gallery, as they were found.
    files: HashMap<PhotoHash, Vec<PathBuf>>,
    /// The content of every file that was read, by its real place.
    at: HashMap<PathBuf, PhotoHash>,
}

impl Contents {
    /// Reads all files of folders. `known`: the photos of the gallery. Files that cannot be read, or are larger than any photo, have no content. The
    /// error means that it was stopped.
    pub fn read(
        folders: &[PathBuf],
        known: &HashSet<PhotoHash>,
        places: &mut Places,
        control: &Control<'_>,
    ) -> Result<Self, Stopped> {
        let total = survey(folders).inputs;
        let mut found = Self { files: HashMap::new(), at: HashMap::new() };
        let mut waiting = walk(folders).filter(|input| input.problem.is_none()).map(|input| input.path);
        let mut done = 0;
        loop {
            control.report("files read", done, Some(total));
            let block: Vec<PathBuf> = waiting.by_ref().take(BLOCK).collect();
            if block.is_empty() {
                return Ok(found);
            }
            if control.is_stopped() {
                return Err(Stopped { looked_at: done, total, unit: "file" });
            }
            done += block.len() as u64;
            let hashes: Vec<io::Result<PhotoHash>> = block.par_iter().map(|path| content(path)).collect();
            for (path, hash) in block.into_iter().zip(hashes) {
                let Ok(hash) = hash else { continue };
                found.at.insert(places.identity(&path), hash);
                if known.contains(&hash) {
                    found.files.entry(hash).or_default().push(path);
                }
            }
        }
    }

    /// The files with the content of a photo of the gallery.
    pub fn of(&self, photo: &PhotoHash) -> &[PathBuf] {
        self.files.get(photo).map_or(&[], Vec::as_slice)
    }

    /// The content of the file at a real place, if it was read.
    pub fn at(&self, place: &Path) -> Option<PhotoHash> {
        self.at.get(place).copied()
    }

    /// Whether a file is at a recorded path, perhaps spelled in another way.
    pub fn is_at(&self, file: &Path, path: &Path, places: &mut Places) -> bool {
        places.identity(file) == places.identity(path)
    }
}

/// The hash of the bytes of a file.
///
/// # Errors
/// It cannot be read, or is larger than any photo.
pub fn content(path: &Path) -> io::Result<PhotoHash> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() > Limits::default().file_bytes {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
