//! Frames in bytes, and logs read back from them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::frame::{Encoder, HEAD, Head, MAX_DELETIONS, MAX_PAYLOAD, Record, seed, verify};
use super::reader::{LogReader, Next};
use super::writer::{AppendError, LogWriter};
use crate::error::Error;
use crate::storage::buffer::{Chunk, chunk_rows};
use crate::storage::file::Operation;
use crate::storage::file::fault::Fault;
use crate::storage::file::header;

const INDEX: [u8; 16] = [7; 16];

fn insert(dimension: usize, rows: u64) -> Record {
    let one =
        |at: u64| f32::from(u8::from(at % dimension as u64 == at / dimension as u64 % dimension as u64));
    let vectors = (0..rows * dimension as u64).map(one).collect();
    let chunk =
        Chunk::new(dimension, (10..10 + rows).collect(), (0..rows).map(|row| row / 2).collect(), vectors);
    Record::Insert(Arc::new(chunk))
}

/// Transactions of every kind.
fn samples() -> Vec<Vec<Record>> {
    vec![
        vec![insert(3, 1)],
        vec![Record::Delete(vec![(10, 0)])],
        vec![insert(3, 2), insert(3, 5), Record::Delete(vec![(u64::MAX, 7), (11, u64::MAX)])],
        vec![insert(3, 0)],
        vec![Record::Delete(Vec::new())],
        vec![insert(3, 1), Record::Mark(u64::MAX)],
        vec![Record::Close],
    ]
}

/// A log file on disk and how to write and read it.
struct Sample {
    directory: tempfile::TempDir,
    writer: LogWriter,
    sequence: u64,
    dimension: usize,
}

impl Sample {
    fn new(number: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let writer = LogWriter::create(directory.path(), INDEX, number, 5).unwrap();
        Self { directory, writer, sequence: 0, dimension: 3 }
    }

    fn path(&self) -> PathBuf {
        self.writer.path.to_path_buf()
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    /// Writes a transaction that vouches for everything before it. Returns its bytes.
    fn write(&mut self, records: &[Record]) -> Vec<u8> {
        let (mut out, before) = (Vec::new(), self.sequence);
        let LogWriter { seed, chain, .. } = self.writer;
        let mut encoder = Encoder { out: &mut out, seed, chain, sequence: before, durable: before };
        encoder.transaction(records);
        let (chain, sequence) = (encoder.chain, encoder.sequence);
        self.writer.append(&out, chain).unwrap();
        self.sequence = sequence;
        out
    }

    /// Writes the samples. Returns where each begins, with the sequence before it, and all bytes of the file.
    fn write_samples(&mut self) -> (Vec<(usize, u64)>, Vec<u8>) {
        let start = |records: &Vec<Record>| {
            let start = (self.writer.length as usize, self.sequence);
            self.write(records);
            start
        };
        (samples().iter().map(start).collect(), self.bytes())
    }

    /// The whole transactions of a file with other bytes, the sequence recorded for after them, and whether
    /// it ends there.
    fn read(&self, bytes: &[u8]) -> (Vec<Vec<Record>>, u64, bool) {
        let path = self.directory.path().join("changed");
        fs::write(&path, bytes).unwrap();
        let file = fs::File::open(&path).unwrap();
        let number = self.writer.number;
        let mut reader =
            LogReader::new(&file, &path, INDEX, number, self.dimension, bytes.len() as u64).unwrap();
        let (mut transactions, mut last) = (Vec::new(), 0);
        loop {
            match reader.next(last).unwrap() {
                Next::Transaction(transaction) => {
                    last = transaction.last;
                    transactions.push(transaction.records);
                }
                Next::End => return (transactions, 0, true),
                Next::Broken => return (transactions, reader.durable_later().unwrap(), false),
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_frame_has_known_bytes() {
    let mut out = Vec::new();
    let seed = seed(INDEX, 9, 11);
    let mut encoder = Encoder { out: &mut out, seed, chain: seed, sequence: 41, durable: 40 };
    let chunk = Chunk::new(1, vec![5], vec![6], vec![1.0]);
    encoder.transaction(&[Record::Insert(Arc::new(chunk)), Record::Delete(vec![(5, 6)])]);
    encoder.transaction(&[Record::Close]);
    let expected = [
        // length, kind, flags, zero, sequence, durable, checksum of the head
        "1c000000 01 01 0000 2a00000000000000 2800000000000000 8bf4a550",
        // rows, dimension, id, group, vector, padding, checksum
        "01000000 01000000 0500000000000000 0600000000000000 0000803f 00000000 18ff5eff",
        "10000000 02 00 0000 2b00000000000000 2800000000000000 caf39260",
        "0500000000000000 0600000000000000 bbd14be1",
        "00000000 03 00 0000 2c00000000000000 2800000000000000 14cc8607 f12b1844",
    ];
    assert_eq!(hex(&out), expected.concat().replace(' ', ""));
}

#[test]
fn every_record_comes_back() {
    let mut sample = Sample::new(1);
    for records in samples() {
        let written = sample.write(&records);
        assert_eq!(written.len() % 8, 0);
        assert_eq!(written.len(), records.iter().map(Record::frame_length).sum::<usize>());
    }
    assert_eq!(sample.read(&sample.bytes()), (samples(), 0, true));
    assert_eq!(sample.writer.length, sample.bytes().len() as u64);
}

#[test]
fn the_largest_frames_come_back_and_stay_bounded() {
    for dimension in [1, 3, 4096] {
        let mut sample = Sample::new(1);
        sample.dimension = dimension;
        let deletions = (0..MAX_DELETIONS as u64).map(|id| (id, id * 3)).collect();
        let records = [insert(dimension, chunk_rows(dimension) as u64), Record::Delete(deletions)];
        let written = sample.write(&records);
        assert_eq!(written.len(), records.iter().map(Record::frame_length).sum::<usize>());
        assert!(records.iter().all(|record| record.frame_length() <= HEAD + MAX_PAYLOAD + 12));
        assert_eq!(sample.read(&sample.bytes()).0, [records.to_vec()]);
    }
}

/// Whether the frames of a file after its header are valid, one after the other, up to the end.
fn all_valid(mut frames: &[u8], seed: u32) -> bool {
    let mut chain = seed;
    while let Some(head) = frames.first_chunk().and_then(|head| Head::parse(head, seed)) {
        let Some((frame, rest)) = frames.split_at_checked(head.frame_length()) else { return false };
        let Some(checksum) = verify(frame, chain) else { return false };
        (frames, chain) = (rest, checksum);
    }
    frames.is_empty()
}

#[test]
fn every_flipped_bit_is_noticed() {
    let mut sample = Sample::new(1);
    let chain = sample.writer.chain;
    let frames = samples().iter().flat_map(|records| sample.write(records)).collect::<Vec<u8>>();
    assert!(all_valid(&frames, chain));
    for bit in 0..frames.len() * 8 {
        let mut changed = frames.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!all_valid(&changed, chain), "bit {bit}");
    }
    (0..32).for_each(|bit| assert!(!all_valid(&frames, chain ^ 1 << bit), "bit {bit} of the seed"));
}

#[test]
fn damage_hides_what_follows_and_the_frames_after_it_tell() {
    let mut sample = Sample::new(1);
    let (starts, bytes) = sample.write_samples();
    let (last, _) = starts[starts.len() - 1];
    for byte in header::LENGTH..last {
        let mut changed = bytes.clone();
        changed[byte] ^= 1 << (byte % 8);
        let hit = starts.iter().filter(|(start, _)| *start <= byte).count() - 1;
        let (transactions, recorded, ended) = sample.read(&changed);
        assert_eq!((&transactions[..], ended), (&samples()[..hit], false), "byte {byte}");
        assert!(recorded > starts[hit].1, "byte {byte} of {last}: only {recorded} is recorded for");
    }
}

#[test]
fn every_length_gives_the_whole_transactions_before_it() {
    let mut sample = Sample::new(1);
    let (starts, bytes) = sample.write_samples();
    for length in header::LENGTH..=bytes.len() {
        let (transactions, recorded, ended) = sample.read(&bytes[..length]);
        let whole = starts[1..].iter().filter(|(start, _)| *start <= length).count();
        let whole = if length == bytes.len() { starts.len() } else { whole };
        assert_eq!(transactions, samples()[..whole], "length {length}");
        assert_eq!(ended, length == bytes.len() || starts.iter().any(|(start, _)| *start == length));
        assert!(ended || recorded <= starts[whole].1, "nothing durable is missing at length {length}");
    }
}

#[test]
fn a_moved_frame_is_not_accepted() {
    let mut sample = Sample::new(1);
    let start = sample.bytes();
    let [one, two, three] = [1, 2, 3].map(|group| sample.write(&[Record::Delete(vec![(group, group)])]));
    let kept = |frames: &[&[u8]]| {
        let bytes = [&[&start[..]], frames].concat().concat();
        sample.read(&bytes).0.len()
    };
    assert_eq!(kept(&[&one, &two, &three]), 3);
    assert_eq!(kept(&[&two, &one, &three]), 0, "swapped");
    assert_eq!(kept(&[&two, &three]), 0, "the first is missing");
    assert_eq!(kept(&[&one, &three]), 1, "the second is missing");
    assert_eq!(kept(&[&one, &one, &two, &three]), 1, "repeated");
    assert_eq!(kept(&[&one, &two, &two, &three]), 2, "repeated");
    assert_eq!(kept(&[&one, &[0; 8], &two, &three]), 1, "a gap");
    assert_eq!(kept(&[&[0; 4096]]), 0, "zeros");
    assert_eq!(kept(&[&[0xff; 4096]]), 0, "ones");
}

#[test]
fn a_frame_of_another_file_is_not_accepted() {
    // The same number and the same index: only the random salt differs, as in a recycled file.
    let (mut sample, mut other) = (Sample::new(1), Sample::new(1));
    let records = [Record::Delete(vec![(1, 1)])];
    let header = sample.bytes();
    let (own, foreign) = (sample.write(&records), other.write(&records));
    assert_eq!((&own[..24], &own[HEAD..own.len() - 4]), (&foreign[..24], &foreign[HEAD..foreign.len() - 4]));
    assert_eq!(sample.read(&[&header[..], &own].concat()).0.len(), 1);
    assert_eq!(sample.read(&[&header[..], &foreign].concat()), (Vec::new(), 0, false));
    let seeds = [seed(INDEX, 1, 2), seed([8; 16], 1, 2), seed(INDEX, 2, 2), seed(INDEX, 1, 3)];
    assert!((1..4).all(|other| seeds[other] != seeds[0]), "{seeds:?}");
}

#[test]
fn a_valid_frame_that_no_writer_writes_is_damage() {
    let mut sample = Sample::new(1);
    sample.write(&[insert(2, 2)]);
    let path = sample.path();
    let file = fs::File::open(&path).unwrap();
    let mut reader = LogReader::new(&file, &path, INDEX, 1, 3, sample.writer.length).unwrap();
    match reader.next(0) {
        Err(Error::Damaged { path: named, offset, expected, .. }) => {
            assert_eq!((named, offset), (path, header::LENGTH as u64));
            assert!(expected.contains("dimension 3"), "{expected}");
        }
        other => panic!("{other:?}"),
    }
    let wrong: [(u8, &[u8]); 6] = [(1, &[0; 7]), (1, &[9; 24]), (2, &[0; 15]), (3, &[0]), (0, &[]), (4, &[])];
    for (kind, payload) in wrong {
        assert!(Record::parse(kind, payload, 3).is_err(), "{kind} {payload:?}");
    }
    let endless = [&1u32.to_le_bytes()[..], &1u32.to_le_bytes(), &[0; 16], &f32::NAN.to_le_bytes()].concat();
    assert!(Record::parse(1, &endless, 1).unwrap_err().contains("finite"));
    let long = [&1u32.to_le_bytes()[..], &1u32.to_le_bytes(), &[0; 16], &1.5f32.to_le_bytes()].concat();
    assert!(Record::parse(1, &long, 1).unwrap_err().contains("length 1"), "or sealing it makes damage");
    let with_length = |length: f32| {
        let counts = [1u32.to_le_bytes(), 1u32.to_le_bytes()].concat();
        [&counts[..], &[0; 16], &1f32.to_le_bytes(), &length.to_le_bytes()].concat()
    };
    assert!(Record::parse(5, &with_length(2.5), 1).is_ok());
    for length in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(Record::parse(5, &with_length(length), 1).unwrap_err().contains("lengths"), "{length}");
    }
    assert!(Record::parse(1, &with_length(2.5), 1).is_err(), "a length where none belongs");
    let huge = [u32::MAX.to_le_bytes(), 3u32.to_le_bytes()].concat();
    assert!(Record::parse(1, &huge, 3).is_err());
}

#[test]
fn a_head_that_no_writer_writes_is_refused() {
    let mut sample = Sample::new(1);
    sample.write(&[Record::Close]);
    let written: [u8; HEAD] = *sample.write(&[insert(3, 1)]).first_chunk().unwrap();
    let seed = sample.writer.seed;
    let head = Head::parse(&written, seed).unwrap();
    assert_eq!(Head::parse(&written, seed ^ 1), None, "a head of another file");
    assert_eq!((head.kind, head.continues, head.sequence, head.durable), (1, false, 2, 1));
    for (at, value) in [(2, 0xff), (4, 0), (4, 6), (5, 2), (6, 1), (7, 1), (16, 2), (23, 1)] {
        let mut changed = written;
        changed[at] = value;
        let checksum = crc32c::crc32c_append(seed, &changed[..24]);
        changed[24..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Head::parse(&changed, seed), None, "byte {at}");
    }
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let mut sample = Sample::new(1);
    sample.write(&[insert(3, 4)]);
    let (before, chain) = (sample.bytes(), sample.writer.chain);
    let full = Fault::new(Operation::Write, sample.directory.path(), "wal-", 0, libc::ENOSPC);
    let refused = sample.writer.append(&[1; 100], 5);
    assert!(matches!(refused, Err(AppendError::Clean(Error::Full { .. }))));
    drop(full);
    assert_eq!((sample.bytes(), sample.writer.chain), (before, chain));
    sample.write(&[Record::Close]);
    assert_eq!(sample.read(&sample.bytes()).0, [vec![insert(3, 4)], vec![Record::Close]]);
}
