//! Putting files right after a mutation: without this, no mutation gets past the checksums.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The index that every file belongs to.
pub const INDEX: [u8; 16] = [7; 16];
const HEADER: usize = 64;
const FOOTER: usize = 64;
const ENTRY: usize = 32;
const BLOCK: usize = 64 << 10;
const BLOCKS: u64 = 15;

/// How much of an input is put right before the crate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// Nothing: the checksums themselves are attacked.
    Nothing,
    /// Every checksum, so that a mutation reaches what reads the field.
    Checksums,
    /// Also what says where things are and to whom they belong, so that inserted and lost bytes get far.
    Places,
}

impl Mend {
    pub fn of(flags: u8) -> Self {
        match flags % 8 {
            0 => Self::Nothing,
            1..=4 => Self::Checksums,
            _ => Self::Places,
        }
    }
}

/// A number of `width` bytes; 0 where the file ends before.
pub fn get(bytes: &[u8], at: usize, width: usize) -> u64 {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte));
    at.checked_add(width).and_then(|end| bytes.get(at..end)).map_or(0, number)
}

/// Writes a number of `width` bytes, where the file has them.
pub fn put(bytes: &mut [u8], at: usize, width: usize, number: u64) {
    if let Some(place) = at.checked_add(width).and_then(|end| bytes.get_mut(at..end)) {
        place.copy_from_slice(&number.to_le_bytes()[..width]);
    }
}

/// The 64 bytes that every file begins with.
pub fn header(bytes: &mut Vec<u8>, kind: u64, number: u64, mend: Mend) {
    if mend == Mend::Places {
        bytes.resize(bytes.len().max(HEADER), 0);
        bytes[..8].copy_from_slice(b"GALLERST");
        let version = get(bytes, 8, 2).clamp(1, 2);
        put(bytes, 8, 2, version);
        put(bytes, 10, 2, kind);
        put(bytes, 12, 4, HEADER as u64);
        bytes[16..32].copy_from_slice(&INDEX);
        put(bytes, 32, 8, number);
    }
    if mend >= Mend::Checksums && bytes.len() >= HEADER {
        let checksum = crc32c::crc32c(&bytes[..60]);
        put(bytes, 60, 4, checksum.into());
    }
}

/// The CRC-32C that ends manifests, tombstones and erasures.
fn end(bytes: &mut [u8], mend: Mend) {
    if mend >= Mend::Checksums
        && let Some((content, checksum)) = bytes.split_last_chunk_mut::<4>()
    {
        *checksum = crc32c::crc32c(content).to_le_bytes();
    }
}

pub fn manifest(bytes: &mut Vec<u8>, mend: Mend) {
    header(bytes, 1, 0, mend);
    if mend == Mend::Places {
        bytes.resize(bytes.len().max(HEADER + 8), 0);
        let body = bytes.len() - HEADER - 8;
        put(bytes, HEADER, 4, body as u64);
    }
    end(bytes, mend);
}

/// Returns how many rows it calls dead.
pub fn tombstones(bytes: &mut Vec<u8>, number: u64, segment: u64, rows: u64, mend: Mend) -> u64 {
    header(bytes, 4, number, mend);
    if mend == Mend::Places {
        let words = rows.div_ceil(64).min(1 << 10) as usize;
        bytes.resize(HEADER + 24 + words * 8 + 4, 0);
        put(bytes, 64, 8, segment);
        put(bytes, 72, 8, rows);
        if !rows.is_multiple_of(64) && words > 0 {
            let last = HEADER + 24 + (words - 1) * 8;
            let bits = get(bytes, last, 8) & ((1 << (rows % 64)) - 1);
            put(bytes, last, 8, bits);
        }
        let bits = &bytes[HEADER + 24..HEADER + 24 + words * 8];
        let dead: u32 = bits.iter().map(|byte| byte.count_ones()).sum();
        put(bytes, 80, 8, dead.into());
    }
    end(bytes, mend);
    get(bytes, 80, 8)
}

/// Returns how many records it says it has.
pub fn erasures(bytes: &mut Vec<u8>, number: u64, mend: Mend) -> u64 {
    header(bytes, 5, number, mend);
    if mend == Mend::Places {
        let records = bytes.len().saturating_sub(HEADER + 12) / 24;
        bytes.resize(HEADER + 12 + records * 24, 0);
        put(bytes, 64, 8, records as u64);
    }
    end(bytes, mend);
    get(bytes, 64, 8)
}

/// A log whose first frame is to have the sequence `after + 1`. Returns the sequence of the last frame.
pub fn log(bytes: &mut Vec<u8>, number: u64, after: u64, dimension: u64, mend: Mend) -> u64 {
    header(bytes, 2, number, mend);
    let seed = crc32c::crc32c(&INDEX);
    let seed = crc32c::crc32c_append(seed, &number.to_le_bytes());
    let seed = crc32c::crc32c_append(seed, &get(bytes, 48, 8).to_le_bytes());
    let (mut start, mut chain, mut last) = (HEADER, seed, after);
    while mend >= Mend::Checksums && start + 32 <= bytes.len() {
        let mut payload = get(bytes, start, 4) as usize;
        let room = (bytes.len() - start) & !7;
        if mend == Mend::Places {
            payload = place_frame(&mut bytes[start..start + room], payload, last, dimension);
        }
        let length = (28 + payload + 4).next_multiple_of(8);
        if length > room {
            break;
        }
        let frame = &mut bytes[start..start + length];
        let head = crc32c::crc32c_append(seed, &frame[..24]);
        put(frame, 24, 4, head.into());
        frame[28 + payload..].fill(0);
        chain = crc32c::crc32c_append(chain, &frame[..length - 4]);
        put(frame, length - 4, 4, chain.into());
        last = get(frame, 8, 8);
        start += length;
    }
    last
}

/// Makes a frame the next one and fits its payload into what is left. Returns the length of the payload.
fn place_frame(frame: &mut [u8], payload: usize, last: u64, dimension: u64) -> usize {
    let payload = payload.min(frame.len() - 32);
    put(frame, 0, 4, payload as u64);
    frame[5] &= 1;
    put(frame, 6, 2, 0);
    put(frame, 8, 8, last + 1);
    let durable = get(frame, 16, 8).min(last);
    put(frame, 16, 8, durable);
    if frame[4] == 4 && payload >= 8 {
        put(frame, 0, 4, 8);
        return 8;
    }
    if frame[4] == 1 && payload >= 8 {
        let rows = (payload - 8) as u64 / (16 + 4 * dimension);
        put(frame, 28, 4, rows);
        put(frame, 32, 4, dimension);
        let exact = 8 + (rows * (16 + 4 * dimension)) as usize;
        put(frame, 0, 4, exact as u64);
        return exact;
    }
    payload
}

/// What a manifest says of a segment.
#[derive(Debug, Clone)]
pub struct Segment {
    pub number: u64,
    pub rows: u64,
    pub dimension: u64,
    pub length: u64,
    pub digest: [u8; 16],
}

pub fn segment(bytes: &mut Vec<u8>, number: u64, mend: Mend) -> Segment {
    header(bytes, 3, number, mend);
    if bytes.len() >= HEADER + FOOTER && mend >= Mend::Checksums {
        let foot = bytes.len() - FOOTER;
        if mend == Mend::Places {
            place_sections(bytes, foot);
        }
        let table = (get(bytes, foot, 8) as usize).min(foot);
        block_checksums(bytes, table, number);
        section_checksums(bytes, table, foot);
        let checksum = crc32c::crc32c(&bytes[table..foot]);
        put(bytes, foot + 12, 4, checksum.into());
        let digest = xxh3_128(&bytes[..foot]).to_le_bytes();
        bytes[foot + 32..foot + 48].copy_from_slice(&digest);
        let checksum = crc32c::crc32c(&bytes[foot..foot + 60]);
        put(bytes, foot + 60, 4, checksum.into());
    }
    let foot = bytes.len().saturating_sub(FOOTER);
    let mut digest = [0; 16];
    digest.copy_from_slice(bytes.get(foot + 32..foot + 48).unwrap_or(&[0; 16]));
    let (rows, dimension) = (get(bytes, foot + 16, 8), get(bytes, foot + 24, 4));
    Segment { number, rows, dimension, length: bytes.len() as u64, digest }
}

/// Moves the table to the footer, and the sections into the file.
fn place_sections(bytes: &mut [u8], foot: usize) {
    let entries = (get(bytes, foot + 8, 4) as usize).min(64).min((foot - HEADER) / ENTRY);
    let table = foot - entries * ENTRY;
    put(bytes, foot, 8, table as u64);
    put(bytes, foot + 8, 4, entries as u64);
    put(bytes, foot + 48, 8, (foot + FOOTER) as u64);
    bytes[foot + 56..foot + 60].copy_from_slice(b"GEND");
    let mut free = HEADER as u64;
    for entry in (table..foot).step_by(ENTRY) {
        let wanted = get(bytes, entry + 8, 8) & !63;
        let offset = wanted.clamp(free, (table as u64).max(free)).next_multiple_of(64);
        let length = get(bytes, entry + 16, 8).min((table as u64).saturating_sub(offset));
        put(bytes, entry + 8, 8, offset);
        put(bytes, entry + 16, 8, length);
        free = offset + length;
    }
}

fn sections(bytes: &[u8], table: usize, foot: usize) -> Vec<(usize, std::ops::Range<usize>)> {
    let range = |entry: usize| {
        let start = usize::try_from(get(bytes, entry + 8, 8)).ok()?;
        let end = start.checked_add(usize::try_from(get(bytes, entry + 16, 8)).ok()?)?;
        (end <= table).then_some((entry, start..end))
    };
    (table..foot).step_by(ENTRY).filter_map(range).collect()
}

fn block_checksums(bytes: &mut [u8], table: usize, number: u64) {
    let foot = bytes.len() - FOOTER;
    let Some((entry, last)) = sections(bytes, table, foot).pop() else { return };
    if get(bytes, entry, 4) != BLOCKS {
        return;
    }
    for block in 0..(last.len() / 4).min(last.start.div_ceil(BLOCK)) {
        let content = &bytes[block * BLOCK..((block + 1) * BLOCK).min(last.start)];
        let seed = crc32c::crc32c(&number.to_le_bytes());
        let seed = crc32c::crc32c_append(seed, &(block as u64).to_le_bytes());
        let checksum = crc32c::crc32c_append(seed, content);
        put(bytes, last.start + block * 4, 4, checksum.into());
    }
}

fn section_checksums(bytes: &mut [u8], table: usize, foot: usize) {
    for (entry, section) in sections(bytes, table, foot) {
        let checksum = xxh3_64(&bytes[section]);
        put(bytes, entry + 24, 8, checksum);
    }
}
