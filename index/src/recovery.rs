//! Opening: from the files to the state they stand for.
//!
//! Segments are mapped, logs are read back. A log whose owner did not close it is copied, up to its last whole
//! transaction, into a new file that is on disk before the manifest names it: what the system's cache shows after
//! a crash is not always what the disk holds, and nothing is served that is not.

use std::fs::{self, DirEntry};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::erasure::Erasure;
use crate::error::{Context, Error};
use crate::file::header::{self, Header, Kind};
use crate::file::{self, PublishError, damaged, name};
use crate::manifest::{COUNTERS, Manifest, SegmentEntry};
use crate::segment::Segment;
use crate::shard::{LogEnd, Recovered};
use crate::state::{Sealed, State, shard_of};
use crate::store::Store;
use crate::tombstone::Tombstones;
use crate::wal::frame::{Encoder, Record};
use crate::wal::reader::{Next, Reader, Transaction};
use crate::wal::writer::Writer;

/// An index read back.
pub(crate) struct Opened {
    pub(crate) manifest: Manifest,
    /// File numbers from here on are free.
    pub(crate) next_file: u64,
    pub(crate) state: State,
    pub(crate) shards: Vec<Recovered>,
}

/// Reads an index back. The caller holds its lock.
pub(crate) fn open(directory: &Path) -> Result<Opened, Error> {
    let mut manifest = Manifest::load(directory)?;
    remove_temporary(directory)?;
    let mut next_file = manifest.body.next_file.max(highest_number(directory)? + 1);
    let mut state = State::empty(manifest.body.options.shards);
    let entries = manifest.body.segments.iter();
    state.segments =
        Arc::new(entries.map(|entry| segment(directory, &manifest, entry)).collect::<Result<_, _>>()?);
    let mut logs = Vec::new();
    for shard in 0..manifest.body.options.shards {
        let log = Log::new(directory, &manifest, shard)?;
        let (replayed, next) = log.replay(state)?;
        state = next;
        logs.push((log, replayed));
    }
    let rewritten = match rewrite(directory, &mut manifest, &mut next_file, &logs) {
        Ok(rewritten) => rewritten,
        Err(error @ Error::Full { .. }) => {
            tracing::warn!(%error, "the disk is full: logs are settled where they are instead of being copied");
            for (log, replayed) in logs.iter().filter(|(_, replayed)| !replayed.closed) {
                log.settle(replayed)?;
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    if rewritten.iter().all(Option::is_none) {
        // No manifest was published here, and the one that was read may be in the system's cache only: its owner may
        // have ended between its rename and the sync. What follows relies on it.
        file::sync_directory(directory)?;
    }
    remove_leftovers(directory, &manifest)?;
    let mut rewritten = rewritten.into_iter().chain(std::iter::repeat_with(|| None));
    let shards = logs.into_iter().map(|(log, replayed)| match rewritten.next().flatten() {
        Some(recovered) => Ok(recovered),
        None => log.reuse(replayed),
    });
    Ok(Opened { shards: shards.collect::<Result<_, Error>>()?, manifest, next_file, state })
}

/// Reads what can be read and changes nothing; also says what cannot.
pub(crate) fn salvage(directory: &Path) -> Result<(Manifest, State, Vec<Error>), Error> {
    let manifest = Manifest::load(directory)?;
    let mut problems = Vec::new();
    let mut state = State::empty(manifest.body.options.shards);
    let mut segments = Vec::new();
    for entry in &manifest.body.segments {
        match segment(directory, &manifest, entry) {
            Ok(sealed) => {
                problems.extend(sealed.segment.check());
                segments.push(sealed);
            }
            Err(error) => problems.push(error),
        }
    }
    state.segments = Arc::new(segments);
    for shard in 0..manifest.body.options.shards {
        let read = Log::new(directory, &manifest, shard).and_then(|log| {
            log.read(|transaction| {
                state = state.applied(usize::from(shard), &transaction.records).0;
                Ok(())
            })
        });
        problems.extend(read.err());
    }
    Ok((manifest, state, problems))
}

/// Copies every log that was not closed and publishes a manifest that names the copies. On an error everything is
/// as before.
fn rewrite(
    directory: &Path,
    manifest: &mut Manifest,
    next_file: &mut u64,
    logs: &[(Log, Replayed)],
) -> Result<Vec<Option<Recovered>>, Error> {
    let mut next = manifest.clone();
    let mut rewritten: Vec<Option<Recovered>> = Vec::new();
    let written = logs.iter().zip(&mut next.body.shards).try_for_each(|((log, replayed), entry)| {
        let copy = match replayed.closed {
            true => None,
            false => Some(log.rewrite(replayed, next_file, next.epoch)?),
        };
        if let Some(copy) = &copy {
            entry.logs.clone_from(&copy.logs);
            entry.durable = copy.last;
        }
        rewritten.push(copy);
        Ok(())
    });
    let copies = || rewritten.iter().flatten();
    let published = written.map_err(PublishError::Unchanged).and_then(|()| {
        if copies().next().is_none() {
            return Ok(());
        }
        next.epoch += 1;
        next.body.next_file = *next_file;
        next.publish(directory)
    });
    match published {
        Ok(()) => {
            *manifest = next;
            Ok(rewritten)
        }
        Err(PublishError::Unchanged(error)) => {
            copies().for_each(|copy| file::discard(&copy.log.path));
            Err(error)
        }
        Err(PublishError::InDoubt(error)) => Err(error),
    }
}

/// A segment with its tombstones.
pub(crate) fn segment(directory: &Path, manifest: &Manifest, entry: &SegmentEntry) -> Result<Sealed, Error> {
    let Manifest { index, body, .. } = manifest;
    let segment = Segment::open(directory, *index, body.options.dimension, entry)?;
    let Some(dead) = body.tombstones.iter().find(|dead| dead.segment == entry.file) else {
        return Ok(Sealed { segment: Arc::new(segment), dead: None });
    };
    let path = directory.join(name::tombstones(dead.file));
    let bytes = file::read_small(&path, Tombstones::file_length(segment.rows()) as u64)?;
    let read = Tombstones::parse(&bytes, &path, *index, dead.file, entry.file, segment.rows())?;
    if read.len() as u64 != dead.dead {
        return Err(damaged(&path, 80, format!("{} dead rows", dead.dead), read.len()));
    }
    Ok(Sealed { segment: Arc::new(segment), dead: Some(Arc::new(read)) })
}

/// The log files of a shard.
pub(crate) struct Log {
    shard: u16,
    /// Shards of the index.
    shards: u16,
    folder: PathBuf,
    index: [u8; 16],
    dimension: usize,
    sealed: u64,
    durable: u64,
    files: Vec<LogFile>,
}

struct LogFile {
    number: u64,
    path: PathBuf,
    file: fs::File,
    length: u64,
}

/// How far a log was read.
pub(crate) struct Replayed {
    /// Sequence of the last frame.
    last: u64,
    rows: usize,
    /// Rows in each file.
    rows_of_files: Vec<u64>,
    bytes: usize,
    /// Whether the owner closed the index, and the manifest vouches for it, so that nothing is in doubt.
    closed: bool,
    /// What it deletes; of a log that is only checked, nothing.
    erasures: Vec<Erasure>,
    /// The last file that holds frames, with its whole frames' length and last checksum.
    tail: usize,
    length: u64,
    seed: u32,
    chain: u32,
}

impl Replayed {
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn rows_of_files(&self) -> impl Iterator<Item = u64> {
        self.rows_of_files.iter().copied()
    }
}

impl Log {
    pub(crate) fn new(directory: &Path, manifest: &Manifest, shard: u16) -> Result<Self, Error> {
        let folder = name::shard(directory, shard);
        let entry = &manifest.body.shards[usize::from(shard)];
        let files = entry.logs.iter().map(|&number| {
            let path = folder.join(name::log(number));
            let file = file::open_listed_for_writing(&path)?;
            let length = file::length(&file, &path)?;
            Ok(LogFile { number, path, file, length })
        });
        let files = files.collect::<Result<Vec<_>, Error>>()?;
        if files.is_empty() {
            let manifest = directory.join(name::MANIFEST);
            return Err(damaged(&manifest, header::LENGTH, format!("a log for shard {shard}"), "none"));
        }
        let dimension = manifest.body.options.dimension;
        Ok(Self {
            shard,
            shards: manifest.body.options.shards,
            folder,
            index: manifest.index,
            dimension,
            sealed: entry.sealed,
            durable: entry.durable,
            files,
        })
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// The file and byte where reading ended.
    pub(crate) fn end_of(&self, read: &Replayed) -> (&Path, u64) {
        (&self.files[read.tail].path, read.length)
    }

    /// Reads no further than what was written when `end` was taken.
    pub(crate) fn limit(&mut self, end: &LogEnd) {
        for file in &mut self.files {
            if file.number == end.number {
                file.length = end.length;
            } else if file.number > end.number {
                file.length = header::LENGTH as u64; // a spare, empty then
            }
        }
    }

    fn reader(&self, at: usize) -> Result<Reader<'_>, Error> {
        let LogFile { number, path, file, length } = &self.files[at];
        Reader::new(file, path, self.index, *number, self.dimension, *length)
    }

    /// Calls `act` for each whole transaction, in order, and says how far that was.
    pub(crate) fn read(
        &self,
        mut act: impl FnMut(&Transaction) -> Result<(), Error>,
    ) -> Result<Replayed, Error> {
        let mut read = Replayed {
            last: self.sealed,
            rows: 0,
            rows_of_files: vec![0; self.files.len()],
            bytes: 0,
            closed: true,
            erasures: Vec::new(),
            tail: 0,
            length: 0,
            seed: 0,
            chain: 0,
        };
        for at in 0..self.files.len() {
            let mut reader = self.reader(at)?;
            loop {
                if at == read.tail || reader.offset() > header::LENGTH as u64 {
                    (read.tail, read.length) = (at, reader.offset());
                    (read.seed, read.chain) = (reader.seed(), reader.chain());
                }
                let start = reader.offset();
                match reader.next(read.last)? {
                    Next::Transaction(transaction) => {
                        self.expect_own_groups(&transaction, at, start)?;
                        act(&transaction)?;
                        read.last = transaction.last;
                        let rows: usize = transaction.records.iter().map(Record::rows).sum();
                        read.rows += rows;
                        read.rows_of_files[at] += rows as u64;
                        read.closed = transaction.records == [Record::Close];
                        if !read.closed {
                            read.bytes += transaction.records.iter().map(Record::frame_length).sum::<usize>();
                        }
                    }
                    Next::End => break,
                    Next::Broken => {
                        self.judge(at, reader, &read)?;
                        read.closed = false;
                        return Ok(read);
                    }
                }
            }
        }
        if read.last < self.durable {
            let (path, offset) = self.end_of(&read);
            let expected = format!("records up to {}", self.durable);
            return Err(damaged(path, offset, expected, format!("records up to {}", read.last)));
        }
        Ok(read)
    }

    /// A row in another shard's log would be found by searches, but neither by its group nor by a deletion.
    fn expect_own_groups(&self, transaction: &Transaction, at: usize, offset: u64) -> Result<(), Error> {
        let (shard, shards) = (usize::from(self.shard), usize::from(self.shards));
        let mut groups = transaction.records.iter().flat_map(Record::groups);
        match groups.find(|&group| shard_of(group, shards) != shard) {
            Some(group) => {
                let path = &self.files[at].path;
                Err(damaged(path, offset, format!("groups of shard {shard}"), format!("group {group}")))
            }
            None => Ok(()),
        }
    }

    /// Whether the bytes that could not be read are a torn tail, or damage: see [`crate::wal::reader`].
    fn judge(&self, at: usize, mut reader: Reader<'_>, read: &Replayed) -> Result<(), Error> {
        let missing = read.last + 1;
        let LogFile { path, length, .. } = &self.files[at];
        let offset = reader.offset();
        let (cut, end) = self.end_of(read);
        // A file that begins with a whole frame is not the one that lacks something: the one before was cut short.
        let (path_of_gap, gap) = if reader.begins_later(missing)? { (cut, end) } else { (&**path, offset) };
        let mut vouched = self.durable.max(reader.vouched_later()?);
        for later in at + 1..self.files.len() {
            vouched = vouched.max(self.reader(later)?.vouched_later()?);
        }
        if vouched >= missing {
            let got = format!("nothing valid, though records up to {vouched} were on disk");
            return Err(damaged(path_of_gap, gap, format!("record {missing}"), got));
        }
        tracing::warn!(
            shard = self.shard,
            path = %path.display(),
            offset,
            bytes = length - offset.min(*length),
            "the log ends in the middle of a write that was never acknowledged as durable; it is dropped"
        );
        Ok(())
    }

    fn replay(&self, state: State) -> Result<(Replayed, State), Error> {
        let mut state = state;
        let mut erasures = Vec::new();
        let mut replayed = self.read(|transaction| {
            state = state.applied(usize::from(self.shard), &transaction.records).0;
            erasures.extend(Erasure::of(self.index, &transaction.records, transaction.last));
            Ok(())
        })?;
        // The owner may have ended between the close frame and its sync, or the sync may have failed: then the frame
        // may be in the system's cache only. The manifest is written once it is on disk.
        replayed.closed &= replayed.last <= self.durable;
        Ok((Replayed { erasures, ..replayed }, state))
    }

    /// Goes on with the files as they are.
    fn reuse(self, replayed: Replayed) -> Result<Recovered, Error> {
        let Replayed { last, rows, bytes, closed, erasures, tail, length, seed, chain, .. } = replayed;
        let logs = self.files.iter().take(tail + 1).map(|file| file.number).collect();
        let mut rest = self.files.into_iter().skip(tail);
        let log = rest
            .next()
            .map(|file| file.into_writer(length, seed, chain))
            .expect("a log has at least one file");
        let spare = rest.next().map(|file| file.into_empty(self.index)).transpose()?;
        Ok(Recovered { log, logs, spare, last, rows, bytes, closed, erasures })
    }

    /// Cuts off what follows the last whole transaction and makes the rest durable. Used where there is no room
    /// for a copy.
    fn settle(&self, replayed: &Replayed) -> Result<(), Error> {
        self.files[replayed.tail].cut(replayed.length)?;
        self.files[..replayed.tail].iter().try_for_each(|file| file.cut(file.length))?;
        self.files[replayed.tail + 1..].iter().try_for_each(|file| file.cut(header::LENGTH as u64))
    }

    /// Copies every whole transaction into a new file.
    fn rewrite(&self, replayed: &Replayed, next_file: &mut u64, epoch: u64) -> Result<Recovered, Error> {
        let number = *next_file;
        *next_file += 1;
        let mut log = Writer::create(&self.folder, self.index, number, epoch)?;
        let mut frames = Vec::new();
        let copied = self.read(|transaction| {
            let sequence = transaction.last - transaction.records.len() as u64;
            frames.clear();
            let mut encoder =
                Encoder { out: &mut frames, seed: log.seed, chain: log.chain, sequence, durable: sequence };
            encoder.transaction(&transaction.records);
            let chain = encoder.chain;
            log.append(&frames, chain).map_err(Error::from)
        });
        if let Err(error) = copied.and_then(|_| file::sync(&log.file, &log.path)) {
            file::discard(&log.path);
            return Err(error);
        }
        let &Replayed { last, rows, bytes, .. } = replayed;
        let erasures = replayed.erasures.clone();
        Ok(Recovered { log, logs: vec![number], spare: None, last, rows, bytes, closed: false, erasures })
    }
}

impl LogFile {
    /// Cuts off what follows and makes the rest durable.
    fn cut(&self, length: u64) -> Result<(), Error> {
        if length < self.length {
            file::truncate(&self.file, &self.path, length)?;
        }
        match self.overwrite(length) {
            // Where overwriting takes room as well, the sync has to do.
            Ok(()) | Err(Error::Full { .. }) => file::sync(&self.file, &self.path),
            Err(error) => Err(error),
        }
    }

    /// Writes the bytes that are there once more: a sync that failed earlier may have lost them while reading still
    /// shows them, and then another sync would write nothing.
    fn overwrite(&self, length: u64) -> Result<(), Error> {
        let (mut bytes, mut offset) = (vec![0; 1 << 20], 0);
        while offset < length {
            let wanted = bytes.len().min(usize::try_from(length - offset).unwrap_or(usize::MAX));
            let read = file::read_at(&self.file, &self.path, &mut bytes[..wanted], offset)?;
            if read == 0 {
                break;
            }
            file::write_at(&self.file, &self.path, &bytes[..read], offset)?;
            offset += read as u64;
        }
        Ok(())
    }

    fn into_writer(self, length: u64, seed: u32, chain: u32) -> Writer {
        Writer { file: Arc::new(self.file), path: self.path.into(), number: self.number, length, seed, chain }
    }

    fn into_empty(self, index: [u8; 16]) -> Result<Writer, Error> {
        let reader = Reader::new(&self.file, &self.path, index, self.number, 1, self.length)?;
        let (length, seed, chain) = (reader.offset(), reader.seed(), reader.chain());
        Ok(self.into_writer(length, seed, chain))
    }
}

fn entries(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).context(directory, "listing the directory")? {
        entries.push(entry.context(directory, "listing the directory")?);
    }
    Ok(entries)
}

/// Every file in the directory and in the shards' folders.
pub(crate) fn files(directory: &Path) -> Result<Vec<DirEntry>, Error> {
    let mut files = Vec::new();
    for entry in entries(directory)? {
        let kind = entry.file_type().context(&entry.path(), "reading the file's type")?;
        if kind.is_dir() && entry.file_name().to_string_lossy().starts_with("shard-") {
            files.extend(entries(&entry.path())?);
        } else {
            files.push(entry);
        }
    }
    Ok(files)
}

fn remove_temporary(directory: &Path) -> Result<(), Error> {
    for entry in files(directory)? {
        if name::is_temporary(&entry.file_name().to_string_lossy()) {
            file::discard(&entry.path());
        }
    }
    Ok(())
}

/// The highest number in the name of a file, whoever made it. One near the end of all numbers is not ours, and counting on
/// from it would make a manifest that is refused.
fn highest_number(directory: &Path) -> Result<u64, Error> {
    let numbers =
        files(directory)?.into_iter().filter_map(|entry| name::number(&entry.file_name().to_string_lossy()));
    Ok(numbers.filter(|&number| number < COUNTERS / 2).max().unwrap_or(0))
}

/// Removes files of this index that its manifest does not name: an interrupted publication left them. Files of
/// others, and whatever is no file of ours, stay.
fn remove_leftovers(directory: &Path, manifest: &Manifest) -> Result<(), Error> {
    let listed = Store::listed(directory, &manifest.body);
    for entry in files(directory)? {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if listed.contains(&path) || name::number(&name).is_none() {
            continue;
        }
        let kind = match name.split_once('-') {
            Some(("seg", _)) => Kind::Segment,
            Some(("tomb", _)) => Kind::Tombstones,
            Some(("erased", _)) => Kind::Erasures,
            _ => Kind::Log,
        };
        if belongs(&path, kind, manifest.index) {
            tracing::info!(path = %path.display(), "removing what an interrupted write left");
            file::discard(&path);
        }
    }
    Ok(())
}

fn belongs(path: &Path, kind: Kind, index: [u8; 16]) -> bool {
    let mut bytes = [0; header::LENGTH + 1];
    let read = file::open(path).and_then(|file| file::read_at(&file, path, &mut bytes, 0));
    let Some(bytes) = read.ok().and_then(|read| bytes.get(..read)) else { return false };
    // A log has its name before its header: one without was only just made.
    let unborn = kind == Kind::Log && bytes.len() <= header::LENGTH && bytes.iter().all(|&byte| byte == 0);
    unborn || Header::parse(bytes, path, kind).is_ok_and(|header| header.index == index)
}
