//! Writing a segment in one pass.

use std::fs::File;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;
use zerocopy::IntoBytes;

use super::l0::Learned;
use super::layout::{
    ALIGNMENT, BLOCK, BLOCKS, CODES, FOOTER, Footer, GROUPS, IDS, LENGTHS, ORDER, SCALES, STATISTICS,
    Section, VECTORS, block_checksum,
};
use super::{graph, l0};
use crate::background::Tick;
use crate::codes::sq8::{self, Codes};
use crate::error::{Error, reserve};
use crate::graph::build::Parameters;
use crate::report::SegmentStats;
use crate::storage::file::header::{Header, Kind};
use crate::storage::file::{self, name};
use crate::storage::manifest::SegmentEntry;
use crate::storage::part::Part;
use crate::storage::tombstone::Tombstones;

/// Bytes written at once.
const BUFFER: usize = 16 * BLOCK;
/// Bytes after which the file is synced while it is written. A sync of the whole at the end would hold up the
/// syncs of logs, which file systems with a journal order behind it.
const SYNC_AFTER: u64 = 4 << 20;

/// What the manifest has to know of a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) rows: u64,
    pub(crate) length: u64,
    pub(crate) digest: [u8; 16],
}

impl Finished {
    /// What the manifest names the file by.
    pub(crate) fn entry(&self, file: u64) -> SegmentEntry {
        SegmentEntry { file, rows: self.rows, length: self.length, digest: self.digest }
    }
}

/// Rows to write: those of a part that are not dead. Their vectors must be verified.
pub(crate) struct Source<'a> {
    pub(crate) part: Part<'a>,
    pub(crate) dead: Option<&'a Tombstones>,
}

impl<'a> From<Part<'a>> for Source<'a> {
    fn from(part: Part<'a>) -> Self {
        Self { part, dead: None }
    }
}

/// Where a segment is written, and what its header says.
pub(crate) struct Target<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) index: [u8; 16],
    pub(crate) number: u64,
    pub(crate) epoch: u64,
}

/// What is written beside the rows.
#[derive(Clone, Copy, Default)]
pub(crate) struct Extras<'a> {
    /// A graph, and how it is built.
    pub(crate) graph: Option<Parameters>,
    /// The rotation of L0 codes that others of the index have.
    pub(crate) rotation: Option<&'a Learned>,
}

/// Writes the rows of some sources as `directory/seg-<number>.seg`: durable, under its final name, and in no
/// manifest yet. `None` if there are no rows.
pub(crate) fn write(
    target: &Target<'_>,
    dimension: usize,
    sources: &[Source<'_>],
    extras: Extras<'_>,
    tick: Tick<'_>,
) -> Result<Option<Finished>, Error> {
    let &Target { directory, index, number, epoch } = target;
    let rows = sorted(sources, directory)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let target = directory.join(name::segment(number));
    let temporary = directory.join(name::temporary(&name::segment(number)));
    let header = Header { kind: Kind::Segment, index, file: number, sequence: epoch, salt: 0 };
    let entries = file::open_directory(directory)?;
    let finished = SegmentWriter::create(temporary.clone(), &header, tick)
        .and_then(|writer| write_rows(writer, sources, &rows, dimension, extras))
        .and_then(|finished| {
            file::rename(&temporary, &target)?;
            Ok(finished)
        })
        .inspect_err(|_| file::discard(&temporary))?;
    if let Err(error) = entries.sync() {
        file::discard(&target);
        return Err(error);
    }
    Ok(Some(finished))
}

/// Where each row lies, as (part, row), by ascending (group, id).
fn sorted(sources: &[Source<'_>], directory: &Path) -> Result<Vec<(u32, u32)>, Error> {
    let most = sources.iter().map(|source| source.part.len()).sum();
    let mut keyed: Vec<(u64, u64, u32, u32)> = Vec::new();
    reserve(&mut keyed, most, directory, "sorting the rows of a segment")?;
    for (number, Source { part, dead }) in sources.iter().enumerate() {
        let columns = part.groups.iter().zip(part.ids).enumerate();
        let live = columns.filter(|(row, _)| dead.is_none_or(|dead| !dead.contains(*row)));
        keyed.extend(live.map(|(row, (&group, &id))| (group, id, number as u32, row as u32)));
    }
    keyed.sort_unstable();
    let mut places = Vec::new();
    reserve(&mut places, keyed.len(), directory, "sorting the rows of a segment")?;
    places.extend(keyed.into_iter().map(|(_, _, part, row)| (part, row)));
    Ok(places)
}

fn write_rows(
    mut writer: SegmentWriter<'_>,
    sources: &[Source<'_>],
    rows: &[(u32, u32)],
    dimension: usize,
    extras: Extras<'_>,
) -> Result<Finished, Error> {
    let at = |&(source, row): &(u32, u32)| (&sources[source as usize].part, row as usize);
    let ids: Vec<u64> = rows.iter().map(|place| at(place).0.ids[at(place).1]).collect();
    let groups: Vec<u64> = rows.iter().map(|place| at(place).0.groups[at(place).1]).collect();
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|&row| ids[row as usize]);

    writer.section(IDS, |writer| writer.push(ids.as_bytes()))?;
    writer.section(GROUPS, |writer| writer.push(groups.as_bytes()))?;
    writer.section(ORDER, |writer| writer.push(order.as_bytes()))?;
    let vector = |row: usize| {
        let (part, row) = at(&rows[row]);
        &part.vectors[row * dimension..(row + 1) * dimension]
    };
    writer
        .section(VECTORS, |writer| (0..rows.len()).try_for_each(|row| writer.push(vector(row).as_bytes())))?;
    let (mut scales, mut errors) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    let mut codes = Vec::new();
    writer.section(CODES, |writer| {
        (0..rows.len()).try_for_each(|row| {
            // A graph is built over all codes; without one, each can go as soon as it is written.
            if extras.graph.is_none() {
                codes.clear();
            }
            let start = codes.len();
            let scale = sq8::encode(vector(row), &mut codes);
            scales.push(scale);
            errors.push(sq8::error(vector(row), &codes[start..], scale));
            writer.push(codes[start..].as_bytes())
        })
    })?;
    writer.section(SCALES, |writer| writer.push(scales.as_bytes()))?;
    if sources.iter().any(|source| !source.part.lengths.is_empty()) {
        let lengths: Vec<f32> = rows.iter().map(|place| at(place).0.length(at(place).1)).collect();
        writer.section(LENGTHS, |writer| writer.push(lengths.as_bytes()))?;
    }
    let mut stats = SegmentStats::measure(&groups, vector, errors.into_iter());
    if let Some(parameters) = extras.graph {
        let codes = Codes { dimension, codes: &codes, scales: &scales };
        stats.graph = Some(graph::write(&mut writer, codes, parameters)?);
    }
    writer.section(STATISTICS, |writer| writer.push(&stats.encode()))?;
    l0::write(&mut writer, dimension, rows.len(), extras.rotation, |wanted, vectors| {
        wanted.for_each(|row| vectors.extend_from_slice(vector(row)));
    })?;
    writer.finish(rows.len() as u64, dimension as u32)
}

pub(super) struct SegmentWriter<'a> {
    file: File,
    path: PathBuf,
    number: u64,
    buffer: Vec<u8>,
    /// Bytes that left the buffer: a multiple of the block size until the end.
    written: u64,
    /// Bytes that were on disk at the last sync.
    synced: u64,
    sections: Vec<Section>,
    blocks: Vec<u32>,
    digest: Xxh3,
    section_hash: Xxh3,
    tick: Tick<'a>,
}

impl<'a> SegmentWriter<'a> {
    fn create(path: PathBuf, header: &Header, tick: Tick<'a>) -> Result<Self, Error> {
        let file = file::create(&path)?;
        let mut writer = Self {
            file,
            path,
            number: header.file,
            buffer: Vec::with_capacity(BUFFER),
            written: 0,
            synced: 0,
            sections: Vec::new(),
            blocks: Vec::new(),
            digest: Xxh3::new(),
            section_hash: Xxh3::new(),
            tick,
        };
        writer.push(&header.encode())?;
        Ok(writer)
    }

    fn offset(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn tick(&self) -> Tick<'a> {
        self.tick
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.section_hash.update(bytes);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BUFFER - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            if self.buffer.len() == BUFFER {
                self.flush()?;
            }
            bytes = later;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.digest.update(&self.buffer);
        for block in self.buffer.chunks(BLOCK) {
            let number = self.blocks.len() as u64;
            self.blocks.push(block_checksum(self.number, number, block));
        }
        file::write_at(&self.file, &self.path, &self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        if self.written >= self.synced + SYNC_AFTER {
            file::sync(&self.file, &self.path)?;
            self.synced = self.written;
        }
        (self.tick)()
    }

    pub(super) fn section(
        &mut self,
        kind: u32,
        content: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.align()?;
        let offset = self.offset();
        self.section_hash.reset();
        content(self)?;
        let length = self.offset() - offset;
        self.sections.push(Section { kind, offset, length, checksum: self.section_hash.digest() });
        Ok(())
    }

    fn align(&mut self) -> Result<(), Error> {
        let gap = self.offset().next_multiple_of(ALIGNMENT as u64) - self.offset();
        self.push(&[0; ALIGNMENT][..gap as usize])
    }

    fn finish(mut self, rows: u64, dimension: u32) -> Result<Finished, Error> {
        self.align()?;
        self.flush()?;
        let blocks = std::mem::take(&mut self.blocks);
        self.section(BLOCKS, |writer| writer.push(blocks.as_bytes()))?;
        self.align()?;
        let table: Vec<u8> = self.sections.iter().flat_map(Section::encode).collect();
        let (table_offset, entries) = (self.offset(), self.sections.len() as u32);
        self.push(&table)?;
        self.flush()?;
        let footer = Footer {
            table: table_offset,
            entries,
            table_checksum: crc32c::crc32c(&table),
            rows,
            dimension,
            digest: self.digest.digest128().to_le_bytes(),
            length: self.written + FOOTER as u64,
        };
        file::write_at(&self.file, &self.path, &footer.encode(), self.written)?;
        file::sync(&self.file, &self.path)?;
        Ok(Finished { rows, length: footer.length, digest: footer.digest })
    }
}
