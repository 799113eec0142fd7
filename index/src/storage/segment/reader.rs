//! Reading a mapped segment.
//!
//! Opening verifies header, table and footer, and the columns that lookups use (ids, groups, order: 20
//! bytes a row). Vectors are verified block by block when they are first read. A large index therefore
//! opens at once, and a damaged vector is still an error and never a wrong score.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};
use zerocopy::{FromBytes, Immutable};

use super::graph::GraphSections;
use super::l0;
use super::layout::{
    BLOCK, BLOCKS, CODES, FOOTER, Footer, GRAPH, GROUPS, IDS, LENGTHS, ORDER, READ_AHEAD, SCALES, STATISTICS,
    Section, VECTORS, block_checksum,
};
use crate::background::Tick;
use crate::codes::sq8::{self, Codes};
use crate::error::{Context, Error};
use crate::graph::Searchable;
use crate::report::{GraphStats, SegmentStats};
use crate::storage::file::header::{Header, Kind};
use crate::storage::file::{self, damaged, name};
use crate::storage::manifest::SegmentEntry;
use crate::storage::mmap::{Map, ReadPattern};
use crate::storage::part::Part;

/// An open segment.
pub(crate) struct Segment {
    path: PathBuf,
    number: u64,
    pub(super) map: Map,
    rows: usize,
    pub(super) dimension: usize,
    ids: Range<usize>,
    groups: Range<usize>,
    order: Range<usize>,
    vectors: Range<usize>,
    /// Empty where all are 1.
    lengths: Range<usize>,
    pub(super) codes: Range<usize>,
    pub(super) scales: Range<usize>,
    pub(super) graph: Option<GraphSections>,
    pub(super) l0: Option<l0::L0Sections>,
    stats: SegmentStats,
    blocks: Range<usize>,
    sections: Vec<Section>,
    footer: Footer,
    /// One bit a block: its checksum was found right.
    verified: Box<[AtomicU64]>,
    /// No manifest names it any more: the file is removed with the last view that holds it.
    retired: AtomicBool,
    /// Device and inode of the file: another one may lie at its path by the time it goes.
    identity: (u64, u64),
}

impl Drop for Segment {
    fn drop(&mut self) {
        if *self.retired.get_mut() {
            file::discard_if(&self.path, self.identity);
        }
    }
}

impl Segment {
    /// Opens a file that the manifest names.
    pub(crate) fn open(
        directory: &Path,
        index: [u8; 16],
        dimension: usize,
        entry: &SegmentEntry,
    ) -> Result<Self, Error> {
        let path = directory.join(name::segment(entry.file));
        let file = file::open_listed(&path)?;
        let length = file::length(&file, &path)?;
        if length != entry.length {
            return Err(damaged(
                &path,
                length.min(entry.length),
                format!("{} bytes", entry.length),
                format!("{length} bytes"),
            ));
        }
        let identity = file::identity(&file, &path)?;
        let map = Map::sealed(&file).context(&path, "mapping")?;
        Self::parse(path, map, identity, index, dimension, entry)
    }

    fn parse(
        path: PathBuf,
        map: Map,
        identity: (u64, u64),
        index: [u8; 16],
        dimension: usize,
        entry: &SegmentEntry,
    ) -> Result<Self, Error> {
        Header::parse_member(&map, &path, Kind::Segment, index, entry.file)?;
        let footer = Footer::parse(&map, &path)?;
        if (footer.rows, footer.dimension as usize, footer.digest) != (entry.rows, dimension, entry.digest) {
            let expected = format!("{} rows of dimension {dimension} as in the manifest", entry.rows);
            let got = format!("{} rows of dimension {}, or another content", footer.rows, footer.dimension);
            return Err(damaged(&path, map.len() - FOOTER, expected, got));
        }
        let sections = footer.sections(&map, &path)?;
        let rows = usize::try_from(footer.rows).unwrap_or(usize::MAX);
        let section = |kind: u32, width: usize| -> Result<Range<usize>, Error> {
            let expected = rows.checked_mul(width).map(|length| length as u64);
            match sections.iter().find(|section| section.kind == kind) {
                Some(section) if Some(section.length) == expected => Ok(section.range()),
                other => Err(damaged(
                    &path,
                    footer.table,
                    format!("section {kind} of {rows} rows"),
                    format!("{other:?}"),
                )),
            }
        };
        let (ids, groups, order) = (section(IDS, 8)?, section(GROUPS, 8)?, section(ORDER, 4)?);
        let vectors = section(VECTORS, dimension * 4)?;
        let (codes, scales) = (section(CODES, dimension)?, section(SCALES, 4)?);
        let has_lengths = sections.iter().any(|section| section.kind == LENGTHS);
        let lengths = if has_lengths { section(LENGTHS, 4)? } else { 0..0 };
        let graph = GraphSections::find(&sections, rows, &path)?;
        let l0 = l0::L0Sections::find(&sections, rows, dimension, &path)?;
        let statistics = sections.iter().find(|section| section.kind == STATISTICS);
        let statistics = statistics.map_or(0..0, Section::range);
        let Some(stats) = SegmentStats::parse(&map[statistics.clone()]) else {
            return Err(damaged(
                &path,
                statistics.start as u64,
                "statistics",
                format!("{} bytes", statistics.len()),
            ));
        };
        let Some(blocks) = sections.last().filter(|last| last.kind == BLOCKS).copied() else {
            return Err(damaged(
                &path,
                footer.table,
                "block checksums as the last section",
                "another section",
            ));
        };
        let blocks_range = blocks.range();
        let count = blocks_range.start.div_ceil(BLOCK);
        if blocks_range.len() != count * 4 || xxh3_64(&map[blocks_range.clone()]) != blocks.checksum {
            return Err(damaged(
                &path,
                blocks.offset,
                format!("{count} block checksums as in the table"),
                "others",
            ));
        }
        let verified = (0..count.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let segment = Self {
            path,
            number: entry.file,
            map,
            rows,
            dimension,
            ids,
            groups,
            order,
            vectors,
            lengths,
            codes,
            scales,
            graph,
            l0,
            stats,
            blocks: blocks_range,
            sections,
            footer,
            verified,
            retired: AtomicBool::new(false),
            identity,
        };
        for columns in [segment.ids.clone(), segment.groups.clone(), segment.order.clone(), statistics] {
            segment.verify_bytes(columns)?;
        }
        segment.expect(ReadPattern::Random);
        Ok(segment)
    }

    /// Tells the system how what may stay on disk will be read: vectors, their codes of one byte a component,
    /// and graphs. Searches want single rows of them, and a system that reads on after each row reads the
    /// whole file for a few hundred. Ids, groups and L0 codes, of which searches read all, are read in order.
    pub(crate) fn expect(&self, access: ReadPattern) {
        let graph = self.graph.iter().flat_map(GraphSections::ranges);
        for bytes in [&self.vectors, &self.codes, &self.scales].into_iter().chain(graph) {
            self.map.expect(access, bytes);
        }
    }

    /// Reads the vectors of some rows that will all be wanted, if they are not in memory.
    pub(crate) fn read_ahead(&self, rows: Range<usize>) {
        let width = self.dimension * 4;
        self.map.read_ahead(self.vectors.start + rows.start * width..self.vectors.start + rows.end * width);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Removes the file once no view holds it.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// What was measured when it was written.
    pub(crate) fn stats(&self) -> &SegmentStats {
        &self.stats
    }

    /// Rows, dead ones included.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The columns. Vectors must be verified before their values count.
    pub(crate) fn part(&self) -> Part<'_> {
        Part {
            dimension: self.dimension,
            ids: self.elements(&self.ids),
            groups: self.elements(&self.groups),
            order: self.elements(&self.order),
            vectors: self.elements(&self.vectors),
            lengths: self.elements(&self.lengths),
        }
    }

    /// The rows in one byte a component. They must be verified before their values count.
    pub(crate) fn codes(&self) -> Codes<'_> {
        Codes {
            dimension: self.dimension,
            codes: self.elements(&self.codes),
            scales: self.elements(&self.scales),
        }
    }

    pub(super) fn elements<T: FromBytes + Immutable>(&self, range: &Range<usize>) -> &[T] {
        <[T]>::ref_from_bytes(&self.map[range.clone()])
            .expect("proven at opening: inside the file, aligned to 64, a whole number of elements")
    }

    /// Makes sure that the vectors of some rows are what was written.
    pub(crate) fn verify(&self, rows: Range<usize>) -> Result<(), Error> {
        let width = self.dimension * 4;
        self.verify_bytes(self.vectors.start + rows.start * width..self.vectors.start + rows.end * width)
    }

    /// As [`verify`](Self::verify), of the lengths too.
    pub(crate) fn verify_whole(&self, rows: Range<usize>) -> Result<(), Error> {
        self.verify(rows.clone())?;
        match self.lengths.is_empty() {
            true => Ok(()),
            false => {
                self.verify_bytes(self.lengths.start + rows.start * 4..self.lengths.start + rows.end * 4)
            }
        }
    }

    /// As [`verify`](Self::verify), of the codes of some rows.
    pub(crate) fn verify_codes(&self, rows: Range<usize>) -> Result<(), Error> {
        let (codes, scales) = (self.codes.start, self.scales.start);
        self.verify_bytes(codes + rows.start * self.dimension..codes + rows.end * self.dimension)?;
        self.verify_bytes(scales + rows.start * 4..scales + rows.end * 4)
    }

    pub(super) fn verify_bytes(&self, bytes: Range<usize>) -> Result<(), Error> {
        let (mut ahead, end) = (0, bytes.end.div_ceil(BLOCK));
        for block in bytes.start / BLOCK..end {
            let (word, bit) = (self.verified.get(block / 64), 1u64 << (block % 64));
            if word.is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0) {
                continue;
            }
            if block >= ahead {
                ahead = (block + READ_AHEAD).min(end);
                self.map.read_ahead(block * BLOCK..(ahead * BLOCK).min(self.blocks.start));
            }
            self.verify_block(block)?;
            if let Some(word) = word {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn verify_block(&self, block: usize) -> Result<(), Error> {
        let start = block * BLOCK;
        let content = &self.map[start..(start + BLOCK).min(self.blocks.start)];
        let stored = self.map[self.blocks.clone()]
            .as_chunks::<4>()
            .0
            .get(block)
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let computed = block_checksum(self.number, block as u64, content);
        if computed != stored {
            return Err(damaged(
                &self.path,
                start,
                format!("checksum {stored:08x} of the {} bytes from here", content.len()),
                format!("{computed:08x}"),
            ));
        }
        Ok(())
    }

    /// Verifies every byte again, and that the rows are in order, finite and of length 1. Returns all problems.
    /// `tick` is called after each block; an error of its own ends the check.
    pub(crate) fn check(&self, tick: Tick<'_>) -> Result<Vec<Error>, Error> {
        self.expect(ReadPattern::Sequential);
        let problems = self.check_all(tick);
        self.expect(ReadPattern::Random);
        problems
    }

    fn check_all(&self, tick: Tick<'_>) -> Result<Vec<Error>, Error> {
        let blocks = self.blocks.start.div_ceil(BLOCK);
        let mut problems: Vec<Error> = Vec::new();
        for block in 0..blocks {
            problems.extend(self.verify_block(block).err());
            tick()?;
        }
        for section in &self.sections {
            tick()?;
            let bytes = &self.map[section.range()];
            let computed = xxh3_64(bytes);
            if computed != section.checksum {
                let expected = format!("checksum {:016x} of section {}", section.checksum, section.kind);
                problems.push(damaged(&self.path, section.offset, expected, format!("{computed:016x}")));
            }
        }
        let digest = xxh3_128(&self.map[..self.map.len() - FOOTER]).to_le_bytes();
        if digest != self.footer.digest {
            problems.push(damaged(
                &self.path,
                0,
                format!("digest {:02x?}", self.footer.digest),
                format!("{digest:02x?}"),
            ));
        }
        if problems.is_empty() {
            problems.extend(self.check_rows().or_else(|| self.check_codes()));
            match self.searchable() {
                Ok(graph) if problems.is_empty() => problems.extend(self.check_statistics(graph.as_ref())),
                Ok(_) => {}
                Err(error) => problems.push(error),
            }
            tick()?;
            problems.extend(self.check_l0().err());
        }
        Ok(problems)
    }

    /// Looks for every row in the graph, by a search of its own code. For a segment that
    /// [`check`](Self::check) finds sound.
    pub(crate) fn check_searches(&self) -> Result<(), Error> {
        let (Some(graph), Some(stats)) = (self.searchable()?, self.stats.graph) else { return Ok(()) };
        match graph.unfound()? {
            unfound if unfound == stats.unfound => Ok(()),
            unfound => {
                let expected = format!("a graph in which searches miss {} rows", stats.unfound);
                Err(damaged(&self.path, self.offset_of(GRAPH), expected, format!("{unfound} rows")))
            }
        }
    }

    fn offset_of(&self, kind: u32) -> u64 {
        self.sections.iter().find(|section| section.kind == kind).map_or(0, |section| section.offset)
    }

    fn check_rows(&self) -> Option<Error> {
        let part = self.part();
        let keys = || part.groups.iter().zip(part.ids);
        if let Some(row) = keys().zip(keys().skip(1)).position(|(one, next)| one >= next) {
            return Some(damaged(
                &self.path,
                self.ids.start + row * 8,
                "rows by ascending (group, id)",
                format!("row {row} out of order"),
            ));
        }
        let by_id = |at: usize| part.order.get(at).and_then(|&row| part.ids.get(row as usize));
        let wrong = |&at: &usize| by_id(at).is_none() || (at > 0 && by_id(at - 1) >= by_id(at));
        if let Some(place) = (0..part.order.len()).find(wrong) {
            return Some(damaged(
                &self.path,
                self.order.start + place * 4,
                "rows by ascending id, each once",
                "another order",
            ));
        }
        let wrong = |length: &f32| !length.is_finite() || *length <= 0.0;
        if let Some(row) = part.lengths.iter().position(wrong) {
            let offset = self.lengths.start + row * 4;
            return Some(damaged(&self.path, offset, "a length above 0", format!("another in row {row}")));
        }
        let bad = part.vectors.chunks_exact(self.dimension).position(|vector| {
            !(crate::codes::kernels::dot(vector, vector).sqrt() - 1.0).abs().lt(&crate::row::UNIT_TOLERANCE)
        })?;
        let offset = self.vectors.start + bad * self.dimension * 4;
        Some(damaged(&self.path, offset, "a vector of length 1", format!("another length in row {bad}")))
    }

    fn check_codes(&self) -> Option<Error> {
        let (codes, mut code) = (self.codes(), Vec::new());
        let bad =
            self.part().vectors.chunks_exact(self.dimension).enumerate().position(|(row, vector)| {
                code.clear();
                let scale = sq8::encode(vector, &mut code);
                code != codes.code(row) || scale.to_bits() != codes.scales[row].to_bits()
            })?;
        let offset = self.codes.start + bad * self.dimension;
        Some(damaged(&self.path, offset, "the code of the vector", format!("another one in row {bad}")))
    }

    /// Measures again what does not take many searches.
    fn check_statistics(&self, graph: Option<&Searchable<'_>>) -> Option<Error> {
        let (part, codes, stats) = (self.part(), self.codes(), &self.stats);
        let vector = |row: usize| &part.vectors[row * self.dimension..(row + 1) * self.dimension];
        let errors = (0..self.rows).map(|row| sq8::error(vector(row), codes.code(row), codes.scales[row]));
        let mut measured = SegmentStats::measure(part.groups, vector, errors);
        measured.graph = graph.map(|found| match stats.graph {
            Some(GraphStats { repaired, unfound, probes, .. }) => {
                GraphStats { repaired, unfound, probes, ..found.graph.shape() }
            }
            None => found.graph.shape(),
        });
        let whole = measured.graph.is_none_or(|graph| graph.orphans == 0);
        (measured.encode() != stats.encode() || !whole).then(|| {
            let offset = self.offset_of(STATISTICS);
            damaged(&self.path, offset, format!("{measured:?}, no node out of reach"), format!("{stats:?}"))
        })
    }
}
