//! Takes down, in order, every change that the index makes below a directory, for [`super::power`] to replay.
//!
//! Directories and files have numbers that stay theirs through renames, as inodes do: a file that is still
//! written to after its name went to another is told from that other.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hook::Change;
use super::power::Disk;

/// A change that was made. Paths are relative to the directory that is recorded.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Create {
        path: PathBuf,
        number: usize,
    },
    CreateDirectory {
        path: PathBuf,
        number: usize,
    },
    Write {
        number: usize,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    Truncate {
        number: usize,
        length: u64,
    },
    Sync {
        number: usize,
    },
    /// What it should have made durable may be lost, and no later sync of the file changes that.
    FailedSync {
        number: usize,
    },
    SyncDirectory {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    RemoveAll {
        path: PathBuf,
    },
    /// In the place of a change that a test took out.
    Nothing,
}

/// Records a directory while it lives.
pub(crate) struct Recorder {
    recording: Recording,
}

/// What is recorded of one directory.
#[derive(Clone)]
pub(super) struct Recording {
    directory: PathBuf,
    trace: Arc<Mutex<Trace>>,
}

pub(super) struct Trace {
    directory: PathBuf,
    start: Disk,
    events: Vec<Event>,
    /// The numbers of files by what the system calls them.
    numbers: HashMap<u64, usize>,
    next: usize,
}

static RECORDINGS: Mutex<Vec<Recording>> = Mutex::new(Vec::new());

fn recordings() -> MutexGuard<'static, Vec<Recording>> {
    RECORDINGS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The recording that a path belongs to.
pub(super) fn recording(path: &Path) -> Option<Recording> {
    recordings().iter().find(|recording| path.starts_with(&recording.directory)).cloned()
}

impl Recording {
    pub(super) fn lock(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder {
    /// Begins with what is in a directory, all of it durable.
    pub(crate) fn new(directory: &Path) -> Self {
        let start = Disk::read(directory);
        Self::resume(directory, start)
    }

    /// Begins with a directory that shows what is on a disk, or on its way there.
    pub(crate) fn resume(directory: &Path, start: Disk) -> Self {
        let directory = directory.canonicalize().unwrap();
        let mut numbers = HashMap::new();
        start.each_file(&mut |path, number| {
            numbers.insert(directory.join(path).metadata().unwrap().ino(), number);
        });
        let next = start.nodes();
        let trace = Trace { directory: directory.clone(), start, events: Vec::new(), numbers, next };
        let recording = Recording { directory, trace: Arc::new(Mutex::new(trace)) };
        recordings().push(recording.clone());
        Self { recording }
    }

    /// How many changes were made so far.
    pub(crate) fn position(&self) -> usize {
        self.recording.lock().events.len()
    }

    /// The disk at the beginning, and what happened to it.
    pub(crate) fn finish(self) -> (Disk, Vec<Event>) {
        let mut trace = self.recording.lock();
        (trace.start.clone(), std::mem::take(&mut trace.events))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        recordings().retain(|other| !Arc::ptr_eq(&other.trace, &self.recording.trace));
    }
}

impl Trace {
    pub(super) fn record(&mut self, change: Change<'_>, path: &Path) {
        let event = match change {
            Change::Create => {
                let inode = fs::symlink_metadata(path).unwrap().ino();
                self.numbers.insert(inode, self.next);
                Event::Create { number: self.new_number(), path: self.relative(path) }
            }
            Change::CreateDirectory => {
                Event::CreateDirectory { number: self.new_number(), path: self.relative(path) }
            }
            Change::Write { file, bytes, offset } => {
                Event::Write { number: self.number(file), offset, bytes: bytes.into() }
            }
            Change::Truncate { file, length } => Event::Truncate { number: self.number(file), length },
            Change::Sync { file } => Event::Sync { number: self.number(file) },
            Change::SyncDirectory => Event::SyncDirectory { path: self.relative(path) },
            Change::Rename { from } => Event::Rename { from: self.relative(from), to: self.relative(path) },
            Change::Link { from } => Event::Link { from: self.relative(from), to: self.relative(path) },
            Change::Remove => Event::Remove { path: self.relative(path) },
            Change::RemoveAll => Event::RemoveAll { path: self.relative(path) },
        };
        self.events.push(event);
    }

    pub(super) fn record_failed_sync(&mut self, file: &File) {
        let number = self.number(file);
        self.events.push(Event::FailedSync { number });
    }

    fn new_number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn number(&self, file: &File) -> usize {
        self.numbers[&file.metadata().unwrap().ino()]
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.directory).unwrap().to_owned()
    }
}
