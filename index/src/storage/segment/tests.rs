mod codes;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::layout::{
    ALIGNMENT, BLOCK, BLOCKS, ENTRY, FOOTER, Footer, GRAPH, STATISTICS, Section, block_checksum,
};
use super::{Segment, writer};
use crate::error::Error;
use crate::graph::build::Parameters;
use crate::storage::buffer::Chunk;
use crate::storage::file::header;
use crate::storage::file::name;
use crate::storage::manifest::SegmentEntry;
use crate::storage::part::Part;

const INDEX: [u8; 16] = [7; 16];
const NUMBER: u64 = 12;

/// A segment file in a directory of its own.
struct File {
    directory: tempfile::TempDir,
    path: PathBuf,
    entry: SegmentEntry,
    bytes: Vec<u8>,
    dimension: usize,
}

/// A vector of length 1 for an id.
fn vector(dimension: usize, id: u64) -> Vec<f32> {
    let mut vector = vec![0.0; dimension];
    vector[id as usize % dimension] = 0.6;
    vector[(id as usize + 1) % dimension] = -0.8;
    vector
}

fn write(
    directory: &Path,
    number: u64,
    dimension: usize,
    parts: &[Part<'_>],
    extras: writer::Extras,
) -> Option<writer::Finished> {
    let target = writer::Target { directory, index: INDEX, number, epoch: 3 };
    let sources: Vec<writer::Source<'_>> = parts.iter().map(|&part| part.into()).collect();
    writer::write(&target, dimension, &sources, extras, &|| Ok(())).unwrap()
}

impl File {
    /// `rows` rows in two parts, in no order.
    fn new(dimension: usize, rows: u64) -> Self {
        Self::with(dimension, rows, writer::Extras::default())
    }

    fn with(dimension: usize, rows: u64, extras: writer::Extras) -> Self {
        let memory = Path::new("/dev/shm");
        let directory =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let chunk = |ids: Vec<u64>| {
            let groups = ids.iter().map(|id| id % 5).collect();
            let vectors = ids.iter().flat_map(|&id| vector(dimension, id)).collect();
            Chunk::new(dimension, ids, groups, vectors)
        };
        let (odd, even) = (0..rows).rev().partition(|id| id % 2 == 1);
        let (odd, even) = (chunk(odd), chunk(even));
        let parts = [odd.part(), even.part()];
        let finished = write(directory.path(), NUMBER, dimension, &parts, extras).unwrap();
        let path = directory.path().join(name::segment(NUMBER));
        let bytes = fs::read(&path).unwrap();
        let entry = SegmentEntry {
            file: NUMBER,
            rows: finished.rows,
            length: finished.length,
            digest: finished.digest,
        };
        Self { directory, path, entry, bytes, dimension }
    }

    fn open(&self) -> Result<Segment, Error> {
        Segment::open(self.directory.path(), INDEX, self.dimension, &self.entry)
    }

    fn open_with(&self, bytes: &[u8]) -> Result<Segment, Error> {
        fs::write(&self.path, bytes).unwrap();
        self.open()
    }

    fn footer(&self) -> Footer {
        Footer::parse(&self.bytes, &self.path).unwrap()
    }

    fn sections(&self) -> Vec<Section> {
        self.footer().sections(&self.bytes, &self.path).unwrap()
    }

    /// Opens the file with other bytes in a section, and checksums that are right.
    fn changed(&mut self, kind: u32, change: impl FnOnce(&mut [u8])) -> Result<Segment, Error> {
        let mut sections = self.sections();
        let section = sections.iter_mut().find(|section| section.kind == kind).unwrap();
        change(&mut self.bytes[section.range()]);
        section.checksum = xxh3_64(&self.bytes[section.range()]);
        let blocks = sections.iter_mut().find(|section| section.kind == BLOCKS).unwrap();
        let (summed, sums) = self.bytes.split_at_mut(blocks.range().start);
        for ((at, block), sum) in summed.chunks(BLOCK).enumerate().zip(sums.as_chunks_mut().0) {
            *sum = block_checksum(NUMBER, at as u64, block).to_le_bytes();
        }
        blocks.checksum = xxh3_64(&self.bytes[blocks.range()]);
        self.forged(&sections, |_| {})
    }

    /// Opens the file with another table and footer, whose checksums are right, in a manifest that agrees.
    fn forged(&self, sections: &[Section], change: impl FnOnce(&mut Footer)) -> Result<Segment, Error> {
        let mut footer = self.footer();
        let mut bytes = self.bytes[..footer.table as usize].to_vec();
        let table: Vec<u8> = sections.iter().flat_map(Section::encode).collect();
        bytes.extend_from_slice(&table);
        footer.entries = sections.len() as u32;
        footer.table_checksum = crc32c::crc32c(&table);
        footer.length = (bytes.len() + FOOTER) as u64;
        footer.digest = xxh3_128(&bytes).to_le_bytes();
        change(&mut footer);
        bytes.extend_from_slice(&footer.encode());
        fs::write(&self.path, &bytes).unwrap();
        let entry = SegmentEntry {
            file: NUMBER,
            rows: footer.rows,
            length: bytes.len() as u64,
            digest: footer.digest,
        };
        Segment::open(self.directory.path(), INDEX, self.dimension, &entry)
    }
}

fn refused(opened: Result<Segment, Error>, path: &Path, what: &str) {
    match opened.err() {
        Some(Error::Damaged { path: named, .. }) => assert_eq!(named, path, "{what}"),
        other => panic!("{what}: {other:?}"),
    }
}

/// What is wrong, and how to make it so.
type Case<'a, T> = (&'a str, &'a dyn Fn(&mut T));

#[test]
fn rows_come_back_sorted_and_bit_by_bit() {
    for (dimension, rows) in [(2, 1), (3, 40), (100, 333), (16, 5_000)] {
        let file = File::new(dimension, rows);
        let segment = file.open().unwrap();
        assert_eq!((segment.rows() as u64, segment.number()), (rows, NUMBER));
        let part = segment.part();
        let keys: Vec<_> = part.groups.iter().zip(part.ids).collect();
        assert!(keys.is_sorted() && keys.len() as u64 == rows);
        for id in 0..rows {
            let row = part.find(id).unwrap();
            segment.verify(row..row + 1).unwrap();
            assert_eq!((part.ids[row], part.groups[row]), (id, id % 5));
            assert_eq!(part.vector(row).unwrap(), vector(dimension, id));
        }
        assert_eq!(part.find(rows), None);
        assert!(segment.check(&|| Ok(())).unwrap().is_empty());
        assert!(!file.directory.path().join(name::temporary(&name::segment(NUMBER))).exists());
    }
}

#[test]
fn no_rows_make_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let empty = Chunk::new(3, Vec::new(), Vec::new(), Vec::new());
    assert_eq!(write(directory.path(), 1, 3, &[empty.part()], writer::Extras::default()), None);
    assert_eq!(write(directory.path(), 1, 3, &[], writer::Extras::default()), None);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_layout_is_what_the_text_says() {
    for (dimension, rows) in [(3, 7), (20, 4_000)] {
        let file = File::new(dimension, rows);
        let (sections, footer) = (file.sections(), file.footer());
        assert_eq!(
            sections.iter().map(|section| section.kind).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6, 9, 15]
        );
        let widths = [8, 8, 4, dimension as u64 * 4, dimension as u64, 4];
        let mut end = header::LENGTH;
        for (place, section) in sections.iter().enumerate() {
            assert_eq!(section.offset, (end.next_multiple_of(ALIGNMENT)) as u64);
            assert!(file.bytes[end..section.offset as usize].iter().all(|&byte| byte == 0));
            end = (section.offset + section.length) as usize;
            assert_eq!(section.checksum, xxh3_64(&file.bytes[section.offset as usize..end]));
            assert!(widths.get(place).is_none_or(|width| section.length == width * rows));
        }
        let blocks = file.bytes[..sections[7].offset as usize].chunks(BLOCK).enumerate();
        let stored = file.bytes[sections[7].offset as usize..end].as_chunks::<4>().0;
        assert!(
            blocks
                .map(|(at, block)| block_checksum(NUMBER, at as u64, block).to_le_bytes())
                .eq(stored.iter().copied())
        );
        assert_eq!(footer.table as usize, end.next_multiple_of(ALIGNMENT));
        assert_eq!(footer.table as usize + 8 * ENTRY + FOOTER, file.bytes.len());
        assert_eq!(footer.digest, xxh3_128(&file.bytes[..file.bytes.len() - FOOTER]).to_le_bytes());
    }
}

#[test]
fn every_change_of_the_frame_is_noticed_at_opening() {
    let file = File::new(16, 3_000);
    let table = file.footer().table as usize;
    let columns = file.sections()[2].offset as usize..file.sections()[2].offset as usize + 40;
    for at in (0..header::LENGTH).chain(columns).chain(table..file.bytes.len()) {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = file.bytes.clone();
            bytes[at] ^= change;
            refused(file.open_with(&bytes), &file.path, &format!("byte {at}"));
        }
    }
    for length in (0..file.bytes.len()).step_by(997).chain(file.bytes.len() - 200..file.bytes.len()) {
        refused(file.open_with(&file.bytes[..length]), &file.path, &format!("length {length}"));
    }
    refused(file.open_with(&[&file.bytes[..], &[0]].concat()), &file.path, "longer");
    file.open_with(&file.bytes).unwrap();
}

#[test]
fn every_change_of_a_byte_is_noticed_by_a_check() {
    let file = File::new(3, 30);
    for at in 0..file.bytes.len() {
        let mut bytes = file.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let noticed = match file.open_with(&bytes) {
            Ok(segment) => !segment.check(&|| Ok(())).unwrap().is_empty(),
            Err(_) => true,
        };
        assert!(noticed, "byte {at}");
    }
}

#[test]
fn a_changed_vector_is_noticed_where_it_is_read() {
    let file = File::new(32, 4_000);
    let (vectors, width) = (file.sections()[3], 32 * 4);
    for at in (vectors.offset..vectors.offset + vectors.length).step_by(19_997) {
        let mut bytes = file.bytes.clone();
        bytes[at as usize] ^= 0x10;
        let block = at as usize / BLOCK;
        let Ok(segment) = file.open_with(&bytes) else {
            // The block is verified at opening as columns lie in it too.
            assert!(vectors.offset as usize / BLOCK == block);
            continue;
        };
        for row in 0..4_000 {
            let start = vectors.offset as usize + row * width;
            let touches = (start / BLOCK..(start + width).div_ceil(BLOCK)).contains(&block);
            match segment.verify(row..row + 1) {
                Ok(()) => assert!(!touches, "byte {at}, row {row}"),
                Err(Error::Damaged { offset, .. }) => assert!(touches && offset == (block * BLOCK) as u64),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(segment.verify(0..4_000).is_err() && segment.verify(0..4_000).is_err(), "again and again");
        assert_eq!(segment.check(&|| Ok(())).unwrap().len(), 3, "the block, the section and the whole");
    }
}

#[test]
fn a_hostile_table_is_refused() {
    let file = File::new(3, 30);
    let sound = file.sections();
    let table = file.footer().table;
    let with = |at: usize, change: &dyn Fn(&mut Section)| {
        let mut sections = sound.clone();
        change(&mut sections[at]);
        file.forged(&sections, |_| {})
    };
    file.forged(&sound, |_| {}).unwrap();
    for at in 0..sound.len() {
        let cases: [Case<'_, Section>; 11] = [
            ("in the header", &|section| section.offset = 0),
            ("unaligned", &|section| section.offset += 1),
            ("unaligned by 32", &|section| section.offset += 32),
            ("far outside", &|section| section.offset = 1 << 40),
            ("in the table", &|section| section.offset = table.next_multiple_of(64)),
            ("at the end of numbers", &|section| section.offset = u64::MAX - 63),
            ("too long", &|section| section.length = table),
            ("longer than numbers", &|section| section.length = u64::MAX),
            ("wrapping around", &|section| section.length = u64::MAX - section.offset + 1),
            ("one element short", &|section| section.length -= 4),
            ("of no known kind", &|section| section.kind = 99),
        ];
        for (what, change) in cases {
            refused(with(at, change), &file.path, &format!("section {at} {what}"));
        }
        let mut sections = sound.clone();
        sections.remove(at);
        refused(file.forged(&sections, |_| {}), &file.path, &format!("section {at} missing"));
        let mut sections = sound.clone();
        sections.swap(at, (at + 1) % sound.len());
        refused(file.forged(&sections, |_| {}), &file.path, &format!("section {at} out of order"));
        sections = sound.clone();
        sections[at] = sections[(at + 1) % sound.len()];
        refused(file.forged(&sections, |_| {}), &file.path, &format!("section {at} given twice"));
    }
    refused(file.forged(&[], |_| {}), &file.path, "no sections");
    refused(file.forged(&[sound[7]; 65], |_| {}), &file.path, "65 sections");
}

#[test]
fn sections_of_later_kinds_are_checked_and_otherwise_ignored() {
    let file = File::new(3, 30);
    let mut sections = file.sections();
    // No bytes, before the block checksums.
    sections.insert(7, Section { kind: 99, length: 0, checksum: xxh3_64(&[]), ..sections[7] });
    let segment = file.forged(&sections, |_| {}).unwrap();
    assert!(segment.part().find(29).is_some() && segment.check(&|| Ok(())).unwrap().is_empty());
    drop(segment);
    sections[7].checksum += 1;
    assert_eq!(file.forged(&sections, |_| {}).unwrap().check(&|| Ok(())).unwrap().len(), 1);
}

#[test]
fn a_deep_check_finds_what_searches_of_a_graph_miss() {
    let parameters = Parameters { degree: 4, width: 20 };
    let mut file = File::with(16, 200, writer::Extras { graph: Some(parameters), ..Default::default() });
    let segment = file.open().unwrap();
    assert!(segment.check(&|| Ok(())).unwrap().is_empty());
    segment.check_searches().unwrap();
    // The tenth number says how many nodes are not found by a search of their own code.
    let segment = file.changed(STATISTICS, |statistics| statistics[9 * 8] += 1).unwrap();
    assert!(segment.check(&|| Ok(())).unwrap().is_empty(), "nothing that an ordinary check looks at");
    let error = segment.check_searches().unwrap_err();
    assert!(error.to_string().contains("searches miss 1 rows"), "{error}");
}

#[test]
fn a_graph_without_layers_is_refused() {
    let parameters = Parameters { degree: 4, width: 20 };
    let file = File::with(16, 200, writer::Extras { graph: Some(parameters), ..Default::default() });
    assert!(file.open().unwrap().has_graph() && !File::new(16, 200).open().unwrap().has_graph());
    for numbers in [0, 1] {
        let mut sections = file.sections();
        sections.iter_mut().find(|section| section.kind == GRAPH).unwrap().length = 4 * numbers;
        let segment = file.forged(&sections, |_| {});
        let error = segment.and_then(|segment| segment.searchable().map(|_| ())).unwrap_err().to_string();
        assert!(error.contains("1 to 16 layers"), "{numbers} numbers: {error}");
    }
}

#[test]
fn a_hostile_footer_is_refused() {
    let file = File::new(3, 30);
    let sound = file.sections();
    let cases: [Case<'_, Footer>; 10] = [
        ("no table", &|footer| footer.entries = 0),
        ("a table of all memory", &|footer| footer.entries = u32::MAX),
        ("a table outside", &|footer| footer.table = u64::MAX),
        ("a table in the header", &|footer| footer.table = 0),
        ("no rows", &|footer| footer.rows = 0),
        ("one row more", &|footer| footer.rows += 1),
        ("rows beyond memory", &|footer| footer.rows = u64::MAX / 8),
        ("rows whose bytes wrap around", &|footer| footer.rows = (1 << 61) + 30),
        ("another dimension", &|footer| footer.dimension = 4),
        ("another length", &|footer| footer.length = u64::MAX),
    ];
    for (what, change) in cases {
        refused(file.forged(&sound, change), &file.path, what);
    }
}

proptest! {
    #[test]
    fn no_table_makes_a_reader_panic(
        changes in prop::collection::vec((0usize..5, 0u8..3, 0u8..12, any::<u64>()), 1..4),
        rows in prop_oneof![Just(30u64), Just(0), 0u64..40, any::<u64>()],
    ) {
        let file = File::new(3, 30);
        let mut sections = file.sections();
        for (at, field, kind, noise) in changes {
            let value = match kind {
                0 => noise,
                1 => noise % 4096,
                2 => noise % 64 * 64,
                _ => u64::from(kind - 3) * 64,
            };
            match field {
                0 => sections[at].kind = (value % 17) as u32,
                1 => sections[at].offset = value,
                _ => sections[at].length = value,
            }
        }
        if let Ok(segment) = file.forged(&sections, |footer| footer.rows = rows) {
            let part = segment.part();
            prop_assert!(sections.last().is_some_and(|section| section.kind == BLOCKS));
            part.find_each(&[0, 1, 29, u64::MAX], |_, row| assert!(row < part.len()));
            let _ = (segment.verify(0..segment.rows()), segment.check(&|| Ok(())).unwrap());
        }
    }
}
