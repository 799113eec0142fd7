//! Verification of a whole index.

use std::path::{Path, PathBuf};

use crate::control::Control;
use crate::error::{Error, reserve};
use crate::maintenance::creation;
use crate::maintenance::recovery::{self, Log};
use crate::options::Access;
use crate::report::{CheckReport, CheckedFile, Problem};
use crate::storage::erasure;
use crate::storage::file::{self, damaged, name};
use crate::storage::manifest::Manifest;
use crate::storage::state::{Sealed, State};
use crate::storage::store::Store;
use crate::storage::wal::frame::Record;
use crate::write::logs::Logs;
use crate::write::shard::LogEnd;

/// How thoroughly is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Bytes, order, and everything that was computed from the vectors but the graphs.
    Ordinary,
    /// And that searches of the graphs find every row.
    Deep,
}

/// Checks an open index. The set of files is taken at one moment; writers go on meanwhile.
pub(crate) fn check(
    store: &Store,
    logs: &Logs,
    depth: Depth,
    control: &Control<'_>,
) -> Result<CheckReport, Error> {
    let directory = &store.directory;
    let mut report = CheckReport::default();
    // Before the manifest is: a log that comes into use later is not in it.
    store.expect_there()?;
    let ends = logs.ends();
    let committer = store.committer();
    let manifest = committer.manifest.clone();
    match Manifest::load(directory) {
        Ok(stored) if stored == manifest => {}
        Ok(stored) => {
            let path = directory.join(name::MANIFEST);
            report.add(damaged(&path, 40, format!("epoch {}", manifest.epoch), stored.epoch));
        }
        Err(error) => report.admit(error)?,
    }
    report.find_unknown(directory, &manifest, true)?;
    report.find_abandoned(directory);
    // Opened files stay readable whatever is removed later.
    let files = Files::open(directory, &manifest, &mut report)?;
    drop(committer);

    files.check(directory, &manifest, depth, control, &mut report)?;
    for (log, end) in files.logs.into_iter().zip(&ends) {
        let Some(mut log) = log else { continue };
        log.limit(end);
        report.read_log(&log, Some(end), |_| {})?;
    }
    report.count_rows(directory, &store.state.load())?;
    Ok(report)
}

/// Checks an index that is not open. The caller holds its lock.
pub(crate) fn check_files(directory: &Path) -> Result<CheckReport, Error> {
    let mut report = CheckReport::default();
    let manifest = match Manifest::load(directory) {
        Ok(manifest) => manifest,
        Err(error) => {
            report.admit(error)?;
            return Ok(report);
        }
    };
    report.find_unknown(directory, &manifest, false)?;
    report.find_abandoned(directory);
    let files = Files::open(directory, &manifest, &mut report)?;
    files.check(directory, &manifest, Depth::Ordinary, &Control::new(), &mut report)?;
    let mut state = State::empty(manifest.body.options.shards);
    state.segments = files.segments.into();
    for (shard, log) in files.logs.iter().enumerate() {
        if let Some(log) = log {
            report.read_log(log, None, |records| state = state.applied(shard, records).0)?;
        }
    }
    report.count_rows(directory, &state)?;
    Ok(report)
}

/// The files that a manifest names and that could be opened.
struct Files {
    segments: Vec<Sealed>,
    /// One for each shard.
    logs: Vec<Option<Log>>,
}

impl Files {
    fn open(directory: &Path, manifest: &Manifest, report: &mut CheckReport) -> Result<Self, Error> {
        let mut segments = Vec::new();
        for entry in &manifest.body.segments {
            segments.extend(report.take(recovery::segment(directory, manifest, entry))?);
        }
        for entry in &manifest.body.erasures {
            report.take(erasure::read(directory, manifest.index, entry))?;
        }
        let shards = 0..manifest.body.options.shards;
        let logs = shards.map(|shard| report.take(Log::new(directory, manifest, shard, Access::ReadOnly)));
        Ok(Self { segments, logs: logs.collect::<Result<_, _>>()? })
    }

    fn check(
        &self,
        directory: &Path,
        manifest: &Manifest,
        depth: Depth,
        control: &Control<'_>,
        report: &mut CheckReport,
    ) -> Result<(), Error> {
        let all = 1 + self.segments.len() as u64;
        report.list(directory.join(name::MANIFEST), 0);
        for Sealed { segment, .. } in &self.segments {
            let problems = segment.check(&|| control.expect_going("checking"))?;
            if problems.is_empty() && depth == Depth::Deep {
                segment.check_searches().or_else(|error| report.admit(error))?;
            }
            problems.into_iter().try_for_each(|error| report.admit(error))?;
            report.list(segment.path().to_owned(), segment.rows() as u64);
            control.report(report.files as u64, Some(all));
        }
        // Opening them has read every byte.
        for entry in &manifest.body.tombstones {
            report.list(directory.join(name::tombstones(entry.file)), 0);
        }
        for entry in &manifest.body.erasures {
            report.list(directory.join(name::erasures(entry.file)), 0);
        }
        Ok(())
    }
}

impl CheckReport {
    fn add(&mut self, error: Error) {
        let problem = match error {
            Error::Damaged { path, offset, expected, got, .. } => Problem { path, offset, expected, got },
            Error::Io { ref path, .. } => {
                let expected = "a readable file".into();
                Problem { path: path.clone(), offset: 0, expected, got: error.to_string() }
            }
            Error::NewerVersion { ref path, .. } => Problem {
                path: path.clone(),
                offset: 8,
                expected: "a version that this program reads".into(),
                got: error.to_string(),
            },
            other => Problem {
                path: PathBuf::new(),
                offset: 0,
                expected: "a sound file".into(),
                got: other.to_string(),
            },
        };
        self.problems.push(problem);
    }

    /// As [`add`](Self::add), of a file that could not be read; the file may be sound where the process is
    /// what has to be helped.
    fn admit(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::TooManyFiles { .. } | Error::OutOfMemory { .. } | Error::Stopped { .. } => Err(error),
            error => {
                self.add(error);
                Ok(())
            }
        }
    }

    fn take<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => self.admit(error).map(|()| None),
        }
    }

    fn list(&mut self, path: PathBuf, rows: u64) {
        let bytes = path.metadata().map_or(0, |file| file.len());
        self.files += 1;
        self.listed.push(CheckedFile { path, bytes, rows });
    }

    fn read_log(
        &mut self,
        log: &Log,
        end: Option<&LogEnd>,
        mut act: impl FnMut(&[Record]),
    ) -> Result<(), Error> {
        let read = log.read(|transaction| {
            act(&transaction.records);
            Ok(())
        });
        let read = match read {
            Ok(read) => read,
            Err(error) => return self.admit(error),
        };
        if let Some(end) = end
            && read.last() < end.last
        {
            let (path, offset) = log.end_of(&read);
            self.add(damaged(
                path,
                offset,
                format!("records up to {}", end.last),
                format!("records up to {}", read.last()),
            ));
        }
        for (path, rows) in log.paths().zip(read.rows_of_files()) {
            self.list(path.to_owned(), rows);
        }
        Ok(())
    }

    /// Counts live rows and looks for ids that are live twice.
    fn count_rows(&mut self, directory: &Path, state: &State) -> Result<(), Error> {
        self.rows = state.live() as u64;
        let mut ids: Vec<u64> = Vec::new();
        reserve(&mut ids, state.live(), directory, "looking for ids that are live twice")?;
        state.each_live(|id, _| ids.push(id));
        ids.sort_unstable();
        for twice in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
            self.add(damaged(directory, 0, "each id live once", format!("id {} live twice", twice[0])));
        }
        Ok(())
    }

    /// Lists what killed creations, snapshots and restores left beside the index.
    fn find_abandoned(&mut self, directory: &Path) {
        let found = creation::abandoned(file::parent(directory));
        self.abandoned = found.into_iter().map(|(path, _)| path).collect();
    }

    /// Lists files that the manifest does not name; in an open index, files of ours may be on their way into
    /// it.
    fn find_unknown(&mut self, directory: &Path, manifest: &Manifest, open: bool) -> Result<(), Error> {
        let listed = manifest.body.files(directory);
        for entry in recovery::files(directory)? {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let coming = open && (name::is_temporary(&name) || name::number(&name).is_some());
            if !coming && !listed.contains(&entry.path()) {
                self.unknown.push(entry.path());
            }
        }
        Ok(())
    }
}
