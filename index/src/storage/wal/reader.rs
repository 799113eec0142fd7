//! Reading a log, however its owner ended.
//!
//! A log is read up to its last whole transaction. What follows is one of two things:
//! * a torn tail: writes that were never acknowledged as durable and reached the disk in part. They are
//!   dropped.
//! * damage: something durable is missing. That is an error, never a shorter log.
//!
//! Frames after the gap tell them apart. Each says which sequence was known to be on disk when it was
//! written. If any valid later frame, in the same file or a later one, names a sequence that is missing,
//! the log is damaged.

use std::fs::File;
use std::path::Path;

use super::frame::{self, HEAD, Head, MAX_PAYLOAD, Record};
use crate::error::Error;
use crate::storage::file::header::{self, Header, Kind};
use crate::storage::file::{self, damaged};

/// Bytes read at once.
const WINDOW: usize = 1 << 20;

/// Whole frames of one file, in order.
pub(crate) struct LogReader<'a> {
    file: &'a File,
    path: &'a Path,
    dimension: usize,
    length: u64,
    /// Where the next frame begins.
    offset: u64,
    seed: u32,
    chain: u32,
    window: Vec<u8>,
    window_start: u64,
}

/// Records that stand or fall together.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) records: Vec<Record>,
    /// Sequence of the last frame.
    pub(crate) last: u64,
}

/// What comes next in a file.
#[derive(Debug)]
pub(crate) enum Next {
    Transaction(Transaction),
    /// The file ends with a whole transaction.
    End,
    /// Bytes follow that are no whole transaction.
    Broken,
}

impl<'a> LogReader<'a> {
    /// Reads the header. `length` bounds what is read of a file that is still written to.
    pub(crate) fn new(
        file: &'a File,
        path: &'a Path,
        index: [u8; 16],
        number: u64,
        dimension: usize,
        length: u64,
    ) -> Result<Self, Error> {
        let mut bytes = [0; header::LENGTH];
        let read = file::read_at(file, path, &mut bytes, 0)?;
        let header = Header::parse_member(&bytes[..read], path, Kind::Log, index, number)?;
        let seed = frame::seed(index, number, header.salt);
        Ok(Self {
            file,
            path,
            dimension,
            length,
            offset: header::LENGTH as u64,
            seed,
            chain: seed,
            window: Vec::new(),
            window_start: 0,
        })
    }

    /// Where the next frame begins, or the broken bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// What the checksums of the file begin with.
    pub(crate) fn seed(&self) -> u32 {
        self.seed
    }

    /// Checksum of the last frame read.
    pub(crate) fn chain(&self) -> u32 {
        self.chain
    }

    /// The next transaction, whose first frame must follow the sequence `after`.
    ///
    /// # Errors
    /// Reading failed; a frame has a valid checksum and a content that no writer writes.
    pub(crate) fn next(&mut self, after: u64) -> Result<Next, Error> {
        let (start, chain) = (self.offset, self.chain);
        let mut records = Vec::new();
        let mut last = after;
        loop {
            if self.offset >= self.length && records.is_empty() {
                return Ok(Next::End);
            }
            let Some((head, record)) = self.frame(last + 1)? else {
                (self.offset, self.chain) = (start, chain);
                return Ok(Next::Broken);
            };
            last = head.sequence;
            records.push(record);
            if !head.continues {
                return Ok(Next::Transaction(Transaction { records, last }));
            }
        }
    }

    /// The frame at the offset; `None` if there is no valid one with this sequence.
    fn frame(&mut self, sequence: u64) -> Result<Option<(Head, Record)>, Error> {
        let Some(head) = self.head_at(self.offset)? else { return Ok(None) };
        let (offset, chain) = (self.offset, self.chain);
        let Some(frame) = self.bytes(offset, head.frame_length())? else { return Ok(None) };
        let Some(checksum) = frame::verify(frame, chain) else { return Ok(None) };
        if head.sequence != sequence {
            return Ok(None);
        }
        let payload = frame.get(HEAD..HEAD + head.length).unwrap_or_default().to_vec();
        let record = Record::parse(head.kind, &payload, self.dimension).map_err(|expected| {
            damaged(self.path, offset, expected, "something else with a valid checksum")
        })?;
        self.chain = checksum;
        self.offset += head.frame_length() as u64;
        Ok(Some((head, record)))
    }

    /// Whether the frame at the offset is whole and only too late in the sequence.
    pub(crate) fn begins_later(&mut self, missing: u64) -> Result<bool, Error> {
        let (offset, chain) = (self.offset, self.chain);
        let Some(head) = self.head_at(offset)?.filter(|head| head.sequence > missing) else {
            return Ok(false);
        };
        let frame = self.bytes(offset, head.frame_length())?;
        Ok(frame.and_then(|frame| frame::verify(frame, chain)).is_some())
    }

    /// The highest sequence that the head of any frame at or after the offset records as durable, whatever
    /// lies between.
    pub(crate) fn durable_later(&mut self) -> Result<u64, Error> {
        let (mut recorded, mut offset) = (0, self.offset);
        while offset + HEAD as u64 <= self.length {
            if let Some(head) = self.head_at(offset)? {
                recorded = recorded.max(head.durable);
            }
            offset += 8;
        }
        Ok(recorded)
    }

    fn head_at(&mut self, offset: u64) -> Result<Option<Head>, Error> {
        let seed = self.seed;
        let bytes = self.bytes(offset, HEAD)?.and_then(|bytes| bytes.first_chunk());
        Ok(bytes.and_then(|bytes| Head::parse(bytes, seed)))
    }

    /// Some bytes of the file; `None` if it does not reach that far.
    fn bytes(&mut self, offset: u64, length: usize) -> Result<Option<&[u8]>, Error> {
        if offset + length as u64 > self.length {
            return Ok(None);
        }
        let inside = offset >= self.window_start
            && offset + length as u64 <= self.window_start + self.window.len() as u64;
        if !inside {
            let left = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
            self.window.resize(left.min(WINDOW + MAX_PAYLOAD + 64), 0);
            let read = file::read_at(self.file, self.path, &mut self.window, offset)?;
            self.window.truncate(read);
            self.window_start = offset;
        }
        let start = (offset - self.window_start) as usize;
        Ok(self.window.get(start..start + length))
    }
}
