//! Replaying the log of a shard, and telling a torn tail from damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::options::Access;
use crate::storage::erasure::Erasure;
use crate::storage::file::{self, damaged, header, name};
use crate::storage::manifest::Manifest;
use crate::storage::state::{State, shard_of};
use crate::storage::wal::frame::{Encoder, Record};
use crate::storage::wal::reader::{LogReader, Next, Transaction};
use crate::storage::wal::writer::LogWriter;
use crate::write::shard::{LogEnd, Recovered};

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
    /// The caller's highest watermark up to `sealed`.
    watermark: u64,
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
    /// Whether the owner closed the index, and the manifest records that as durable.
    pub(super) closed: bool,
    /// What it deletes; of a log that is only checked, nothing.
    erasures: Vec<Erasure>,
    /// The caller's highest watermark; 0 if there is none.
    watermark: u64,
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

    pub(crate) fn watermark(&self) -> u64 {
        self.watermark
    }

    pub(crate) fn into_erasures(self) -> Vec<Erasure> {
        self.erasures
    }

    pub(crate) fn rows_of_files(&self) -> impl Iterator<Item = u64> {
        self.rows_of_files.iter().copied()
    }
}

impl Log {
    pub(crate) fn new(
        directory: &Path,
        manifest: &Manifest,
        shard: u16,
        access: Access,
    ) -> Result<Self, Error> {
        let folder = name::shard(directory, shard);
        let entry = &manifest.body.shards[usize::from(shard)];
        let files = entry.logs.iter().map(|&number| {
            let path = folder.join(name::log(number));
            let file = match access {
                Access::ReadWrite => file::open_listed_for_writing(&path)?,
                Access::ReadOnly => file::open_listed(&path)?,
            };
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
            watermark: entry.watermark,
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

    /// Where the last whole transaction ends.
    pub(super) fn end(&self, read: &Replayed) -> LogEnd {
        LogEnd { number: self.files[read.tail].number, length: read.length, last: read.last }
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

    fn reader(&self, at: usize) -> Result<LogReader<'_>, Error> {
        let LogFile { number, path, file, length } = &self.files[at];
        LogReader::new(file, path, self.index, *number, self.dimension, *length)
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
            watermark: self.watermark,
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
                        let marks = transaction.records.iter().map(Record::watermark);
                        read.watermark = marks.fold(read.watermark, u64::max);
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

    /// Whether the bytes that could not be read are a torn tail, or damage: see
    /// [`crate::storage::wal::reader`].
    fn judge(&self, at: usize, mut reader: LogReader<'_>, read: &Replayed) -> Result<(), Error> {
        let missing = read.last + 1;
        let LogFile { path, length, .. } = &self.files[at];
        let offset = reader.offset();
        let (cut, end) = self.end_of(read);
        // A file that begins with a whole frame is not the one that lacks something: the one before was cut
        // short.
        let (path_of_gap, gap) = if reader.begins_later(missing)? { (cut, end) } else { (&**path, offset) };
        let mut recorded = self.durable.max(reader.durable_later()?);
        for later in at + 1..self.files.len() {
            recorded = recorded.max(self.reader(later)?.durable_later()?);
        }
        if recorded >= missing {
            let got = format!("nothing valid, though records up to {recorded} were on disk");
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

    pub(super) fn replay(&self, state: State) -> Result<(Replayed, State), Error> {
        let mut state = state;
        let mut erasures = Vec::new();
        let mut replayed = self.read(|transaction| {
            state = state.applied(usize::from(self.shard), &transaction.records).0;
            erasures.extend(Erasure::of(self.index, &transaction.records, transaction.last));
            Ok(())
        })?;
        // The owner may have ended between the close frame and its sync, or the sync may have failed: then
        // the frame may be in the system's cache only. The manifest is written once it is on disk.
        replayed.closed &= replayed.last <= self.durable;
        Ok((Replayed { erasures, ..replayed }, state))
    }

    /// Goes on with the files as they are.
    pub(super) fn reuse(self, replayed: Replayed) -> Result<Recovered, Error> {
        let Replayed { last, rows, bytes, closed, erasures, watermark, tail, length, seed, chain, .. } =
            replayed;
        let logs = self.files.iter().take(tail + 1).map(|file| file.number).collect();
        let mut rest = self.files.into_iter().skip(tail);
        let log = rest
            .next()
            .map(|file| file.into_writer(length, seed, chain))
            .expect("a log has at least one file");
        let spare = rest.next().map(|file| file.into_empty(self.index)).transpose()?;
        Ok(Recovered { log, logs, spare, last, rows, bytes, closed, erasures, watermark })
    }

    /// Cuts off what follows the last whole transaction and makes the rest durable. Used where there is no room
    /// for a copy.
    pub(super) fn make_durable_in_place(&self, replayed: &Replayed) -> Result<(), Error> {
        self.files[replayed.tail].cut(replayed.length)?;
        self.files[..replayed.tail].iter().try_for_each(|file| file.cut(file.length))?;
        self.files[replayed.tail + 1..].iter().try_for_each(|file| file.cut(header::LENGTH as u64))
    }

    /// Copies every whole transaction into a new file.
    pub(super) fn rewrite(
        &self,
        replayed: &Replayed,
        next_file: &mut u64,
        epoch: u64,
    ) -> Result<Recovered, Error> {
        let number = *next_file;
        *next_file += 1;
        let mut log = LogWriter::create(&self.folder, self.index, number, epoch)?;
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
        let &Replayed { last, rows, bytes, watermark, .. } = replayed;
        let erasures = replayed.erasures.clone();
        let logs = vec![number];
        Ok(Recovered { log, logs, spare: None, last, rows, bytes, closed: false, erasures, watermark })
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

    /// Writes the bytes that are there once more: a sync that failed earlier may have lost them while reading
    /// still shows them, and then another sync would write nothing.
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

    fn into_writer(self, length: u64, seed: u32, chain: u32) -> LogWriter {
        LogWriter {
            file: Arc::new(self.file),
            path: self.path.into(),
            number: self.number,
            length,
            seed,
            chain,
        }
    }

    fn into_empty(self, index: [u8; 16]) -> Result<LogWriter, Error> {
        let reader = LogReader::new(&self.file, &self.path, index, self.number, 1, self.length)?;
        let (length, seed, chain) = (reader.offset(), reader.seed(), reader.chain());
        Ok(self.into_writer(length, seed, chain))
    }
}
