//! The state of a folder of `encode`: its finished files, and the log of the photos that are not in them yet.
//!
//! `unfinished.jsonl` contains one line per processed photo. Lines are appended and synced during a run. The end of the run writes the
//! finished files from them. The next run truncates a line that is incomplete after a power failure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::cli::FileFormat;
use crate::image::PhotoHash;
use crate::ingest::Options;
use crate::reason::Reason;
use crate::session::replacement::{is_at, make_folder, sweep};
use crate::session::report_swept;
use crate::vectors::{Description, Descriptions};

const UNFINISHED: &str = "unfinished.jsonl";

/// The model of the templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeWith {
    pub model: String,
    pub fingerprint: String,
    pub dimension: usize,
}

/// The result for a photo: one line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The templates, with their vectors.
    Encoded(Vec<Description>),
    /// The photo gave no template.
    Skipped(Skipped),
}

/// A photo without a template: one line of `skipped.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub path: String,
    pub reason: Reason,
    #[serde(default)]
    pub detail: String,
    /// SHA-256 of the file, hexadecimal; `None` if it could not be read.
    pub photo: Option<String>,
    /// The options that led to this result. The photo is processed again if they change.
    #[serde(default)]
    pub settings: String,
}

/// A photo that is in the finished files or in the log.
#[derive(Debug, Clone)]
pub enum Known {
    /// It was encoded from this path, with this name.
    Encoded {
        path: String,
        subject: Option<String>,
    },
    Skipped(Skipped),
}

pub struct Log {
    pub folder: PathBuf,
    pub made_with: MadeWith,
    pub format: FileFormat,
    pub options: Options,
    path: PathBuf,
    file: File,
    /// The photos by the hexadecimal hash of their bytes.
    photos: HashMap<String, Known>,
    /// Photos without a template, by path.
    pub skipped: BTreeMap<String, Skipped>,
    /// Hashes of the photos whose templates are in the finished files.
    pub finished: HashSet<String>,
}

impl Log {
    /// Opens the folder, or makes it, and reads the files of earlier runs.
    pub fn open(folder: &Path, made_with: MadeWith, options: Options, format: FileFormat) -> Result<Self> {
        crate::gallery::refuse_inside(folder)?;
        make_folder(folder)?;
        let path = folder.join(UNFINISHED);
        let file = locked(&path)?;
        report_swept(&sweep(folder)?);
        let mut log = Self {
            folder: folder.to_owned(),
            made_with,
            format,
            options,
            path,
            file,
            photos: HashMap::new(),
            skipped: BTreeMap::new(),
            finished: HashSet::new(),
        };
        log.read_finished()?;
        let end = log.each_entry(|log, entry| log.remember(entry))?;
        log.file.set_len(end).with_context(|| format!("{}: cutting its end", log.path.display()))?;
        Ok(log)
    }

    /// Path of the finished file of templates.
    pub fn templates(&self) -> PathBuf {
        self.folder.join("templates.jsonl")
    }

    /// Path of the finished file of vectors.
    pub fn embeddings(&self) -> PathBuf {
        self.folder.join("embeddings.npy")
    }

    /// Path of the list of photos without a template.
    pub fn skips(&self) -> PathBuf {
        self.folder.join("skipped.jsonl")
    }

    /// The stored result for a photo. A skip counts only under the same options.
    pub fn find(&self, hash: &str) -> Option<&Known> {
        self.photos.get(hash).filter(|known| match known {
            Known::Encoded { .. } => true,
            Known::Skipped(skip) => skip.settings == self.options.settings(skip.reason.code()),
        })
    }

    /// The photos that need not be processed again.
    pub fn known(&self) -> HashSet<PhotoHash> {
        let hashes = self.photos.keys().filter(|hash| self.find(hash).is_some());
        hashes.filter_map(|hash| crate::vectors::photo_hash(hash)).collect()
    }

    /// Appends entries and syncs the log.
    pub fn append(&mut self, entries: &[Entry]) -> Result<()> {
        let doing = |doing: &'static str| move |path: &Path| format!("{}: {doing}", path.display());
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        let written = self.file.seek(SeekFrom::End(0)).and_then(|_| self.file.write_all(&lines));
        written.with_context(|| doing("writing it")(&self.path))?;
        self.file.sync_data().with_context(|| doing("syncing it")(&self.path))
    }

    /// Adds a result to the state in memory. `append` writes it.
    pub fn remember(&mut self, entry: &Entry) {
        match entry {
            Entry::Encoded(templates) => {
                let Some(first) = templates.first() else { return };
                let path = first.path.clone().unwrap_or_default();
                self.skipped.remove(&path);
                let known = Known::Encoded { path, subject: first.subject.clone() };
                self.photos.extend(first.photo.clone().map(|photo| (photo, known)));
            }
            Entry::Skipped(skip) => {
                let known = skip.photo.clone().map(|photo| (photo, Known::Skipped(skip.clone())));
                self.photos.extend(known);
                self.skipped.insert(skip.path.clone(), skip.clone());
            }
        }
    }

    /// Calls `visit` with every complete entry of the log. Returns the offset after the last one.
    pub fn each_entry(&mut self, mut visit: impl FnMut(&mut Self, &Entry)) -> Result<u64> {
        let reading = |path: &Path| format!("{}: reading it", path.display());
        let mut file = self.file.try_clone().with_context(|| reading(&self.path))?;
        file.rewind().with_context(|| reading(&self.path))?;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        let (mut line, mut end) = (Vec::new(), 0);
        loop {
            line.clear();
            let n = lines.by_ref().read_until(b'\n', &mut line).with_context(|| reading(&self.path))?;
            let whole = line.last() == Some(&b'\n');
            match serde_json::from_slice(&line) {
                Ok(entry) if whole => visit(self, &entry),
                _ => return Ok(end),
            }
            end += n as u64;
        }
    }

    /// Removes the log after the finished files contain all of it.
    pub fn remove(&self) -> Result<()> {
        std::fs::remove_file(&self.path).with_context(|| format!("{}: removing it", self.path.display()))
    }

    fn read_finished(&mut self) -> Result<()> {
        let (templates, skips) = (self.templates(), self.skips());
        if templates.exists() {
            let mut lines = Descriptions::open(&templates)?;
            while let Some(line) = lines.next()? {
                self.require(&line).map_err(|what| lines.bad(&what))?;
                self.finished.extend(line.photo.clone());
                if !line.photo.as_ref().is_some_and(|photo| self.photos.contains_key(photo)) {
                    self.remember(&Entry::Encoded(vec![line]));
                }
            }
        }
        if skips.exists() {
            let text = std::fs::read_to_string(&skips)
                .with_context(|| format!("{}: reading it", skips.display()))?;
            for (number, line) in (1..).zip(text.lines()) {
                let skip: Skipped = serde_json::from_str(line).with_context(|| {
                    format!("{} line {number}: expected a skipped photo", skips.display())
                })?;
                let encoded = skip.photo.as_ref().is_some_and(|photo| self.finished.contains(photo));
                match encoded {
                    true => drop(self.skipped.insert(skip.path.clone(), skip)),
                    false => self.remember(&Entry::Skipped(skip)),
                }
            }
        }
        Ok(())
    }

    /// Refuses a folder whose templates have another model, format or origin.
    fn require(&self, line: &Description) -> Result<(), String> {
        let elsewhere = "choose another folder with --out";
        let MadeWith { model, fingerprint, .. } = &self.made_with;
        if line.face_id.is_some() {
            return Err(format!("it was written by `export`; {elsewhere}"));
        }
        if line.fingerprint.as_deref() != Some(fingerprint) {
            let other = line.model.as_deref().unwrap_or("an unknown model");
            return Err(format!(
                "it was made with another model ({other}) than {model}: scores between two models mean nothing; {elsewhere}"
            ));
        }
        if line.embedding.is_some() != (self.format == FileFormat::Jsonl) {
            return Err(format!("the templates in this folder are in the other --format; {elsewhere}"));
        }
        Ok(())
    }
}

/// Opens the log, or makes it, and locks it against other runs.
fn locked(path: &Path) -> Result<File> {
    loop {
        let opened = File::options().read(true).append(true).create(true).open(path);
        let file = opened.with_context(|| format!("{}: opening it", path.display()))?;
        match file.try_lock() {
            // Another run may have removed the file between opening and locking.
            Ok(()) if is_at(&file, path) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                ensure!(
                    false,
                    "{}: another run writes to this folder; wait for it, or give each run an --out of its own",
                    path.display()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{}: locking it", path.display()));
            }
        }
    }
}
