//! Directories of TIFF (TIFF 6.0, section 2): the structure of EXIF blocks, TIFF files and most camera raw files.
//!
//! Everything borrows from the bytes. Damage in one entry has no effect on the others, and every loop is bounded.

use std::ops::RangeInclusive;

/// Most directories of a file that are read.
const MOST_DIRECTORIES: usize = 64;
/// Most values of an entry that are read as numbers.
const MOST_NUMBERS: usize = 1024;
/// Longest text that is read, in bytes.
const LONGEST_TEXT: usize = 256;

/// Tags that say how the pixels are stored and turned, or where the profile is.
const STRUCTURE: [RangeInclusive<u16>; 13] = [
    254..=259,
    262..=266,
    273..=274,
    277..=284,
    290..=297,
    301..=301,
    317..=325,
    330..=342,
    347..=347,
    512..=521,
    529..=532,
    700..=700,
    34675..=34675,
];

/// Tags by their numbers.
pub(super) mod tag {
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const MAKE: u16 = 271;
    pub const MODEL: u16 = 272;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const STRIP_LENGTHS: u16 = 279;
    pub const SOFTWARE: u16 = 305;
    pub const TILE_OFFSETS: u16 = 324;
    pub const SUB_DIRECTORIES: u16 = 330;
    pub const JPEG_OFFSET: u16 = 513;
    pub const JPEG_LENGTH: u16 = 514;
    pub const XMP: u16 = 700;
    pub const EXIF: u16 = 34665;
    pub const GPS: u16 = 34853;
}

/// A block of bytes that begins with the header of TIFF.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

/// One directory. It may be incomplete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory<'a> {
    tiff: Tiff<'a>,
    entries: &'a [[u8; 12]],
    /// Offset of the next directory, 0 if there is none.
    next: usize,
}

impl<'a> Tiff<'a> {
    /// The block, if it begins with a byte order. The number after it is not checked, because camera makers change it.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.first_chunk::<2>()? {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        Some(Self { bytes, big_endian })
    }

    /// The same byte order with offsets that count from another place.
    pub fn from(self, at: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes.get(at..)?, ..self })
    }

    /// Other bytes with the same byte order.
    pub fn with<'b>(self, bytes: &'b [u8]) -> Tiff<'b> {
        Tiff { bytes, big_endian: self.big_endian }
    }

    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    fn two(self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// A number of four bytes.
    pub fn four(self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The first directory.
    pub fn first(self) -> Option<Directory<'a>> {
        self.directory(self.four(4)? as usize)
    }

    /// The directory at this offset. Entries beyond the end of the block are left out.
    pub fn directory(self, at: usize) -> Option<Directory<'a>> {
        let count = usize::from(self.two(at)?);
        let entries = self.bytes.get(at.checked_add(2)?..)?.as_chunks::<12>().0;
        let entries = &entries[..count.min(entries.len())];
        let next = self.four(at + 2 + 12 * count).unwrap_or(0) as usize;
        Some(Directory { tiff: self, entries, next })
    }

    /// The directories of the chain and the directories below them, each once.
    pub fn directories(self) -> Vec<Directory<'a>> {
        let mut waiting: Vec<usize> = self.four(4).map(|at| at as usize).into_iter().collect();
        let (mut seen, mut found) = (Vec::new(), Vec::new());
        while let Some(at) = waiting.pop() {
            if at == 0 || seen.contains(&at) || seen.len() >= MOST_DIRECTORIES {
                continue;
            }
            seen.push(at);
            let Some(directory) = self.directory(at) else { continue };
            waiting.push(directory.next);
            let below = directory.numbers(tag::SUB_DIRECTORIES);
            waiting.extend(below.iter().take(MOST_DIRECTORIES).filter_map(|&at| usize::try_from(at).ok()));
            found.push(directory);
        }
        found
    }
}

impl<'a> Directory<'a> {
    /// The next directory of the chain, if there is one.
    pub fn following(&self) -> Option<Self> {
        (self.next != 0).then(|| self.tiff.directory(self.next))?
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Number of entries that say something about the photo, and not how its pixels are stored.
    pub fn described(&self) -> usize {
        let tag = |entry: &[u8; 12]| Tiff { bytes: &entry[..2], ..self.tiff }.two(0);
        let is_structure = |tag: u16| STRUCTURE.iter().any(|tags| tags.contains(&tag));
        self.entries.iter().filter(|entry| !tag(entry).is_some_and(is_structure)).count()
    }

    /// The type of the value of an entry, its bytes, and where they are in the block if they are outside of the entry.
    fn value(&self, tag: u16) -> Option<(u16, &'a [u8], Option<usize>)> {
        let tiff = self.tiff;
        let two = |bytes: [u8; 2]| Tiff { bytes: &bytes, ..tiff }.two(0);
        let place = self.entries.iter().position(|entry| two([entry[0], entry[1]]) == Some(tag))?;
        let entry = &self.entries[place];
        let within = Tiff { bytes: entry, ..tiff };
        let kind = within.two(2)?;
        let size = usize::try_from(within.four(4)?).ok()?.checked_mul(size_of_kind(kind)?)?;
        if size <= 4 {
            return Some((kind, &entry[8..8 + size], None));
        }
        let at = within.four(8)? as usize;
        Some((kind, tiff.bytes.get(at..at.checked_add(size)?)?, Some(at)))
    }

    /// The bytes of a value.
    pub fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        Some(self.value(tag)?.1)
    }

    /// Where the bytes of a value that is longer than four bytes are in the block.
    pub fn place(&self, tag: u16) -> Option<usize> {
        self.value(tag)?.2
    }

    /// The whole numbers of a value, as many as are read at most. Empty if there is none.
    pub fn numbers(&self, tag: u16) -> Vec<i64> {
        let Some((kind, bytes, _)) = self.value(tag) else { return Vec::new() };
        let size = size_of_kind(kind).unwrap_or(1);
        let number = |bytes: &'a [u8]| {
            let value = Tiff { bytes, ..self.tiff };
            Some(match kind {
                1 | 7 => i64::from(*bytes.first()?),
                6 => i64::from(bytes.first()?.cast_signed()),
                3 => i64::from(value.two(0)?),
                8 => i64::from(value.two(0)?.cast_signed()),
                4 | 13 => i64::from(value.four(0)?),
                9 => i64::from(value.four(0)?.cast_signed()),
                _ => return None,
            })
        };
        bytes.chunks_exact(size).take(MOST_NUMBERS).map_while(number).collect()
    }

    /// The first number of a value that is not negative.
    pub fn number(&self, tag: u16) -> Option<u64> {
        u64::try_from(*self.numbers(tag).first()?).ok()
    }

    /// The first value of an entry of fractions, or of whole numbers as some programs write them. None if it has none, or its denominator is 0.
    pub fn fraction(&self, tag: u16) -> Option<f64> {
        let (kind, bytes, _) = self.value(tag)?;
        let value = Tiff { bytes, ..self.tiff };
        let number = |at: usize| {
            let bits = value.four(at)?;
            Some(if kind == 5 { f64::from(bits) } else { f64::from(bits.cast_signed()) })
        };
        if !matches!(kind, 5 | 10) {
            return self.numbers(tag).first().map(|number| *number as f64);
        }
        let (numerator, denominator) = (number(0)?, number(4)?);
        (denominator != 0.0).then(|| numerator / denominator)
    }

    /// A text without the zeros and spaces around it. None if it is empty or no text.
    pub fn text(&self, tag: u16) -> Option<String> {
        let (2, bytes, _) = self.value(tag)? else { return None };
        let bytes = &bytes[..bytes.len().min(LONGEST_TEXT)];
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text = String::from_utf8_lossy(&bytes[..end]).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The directory that an entry points to.
    pub fn below(&self, tag: u16) -> Option<Directory<'a>> {
        self.tiff.directory(usize::try_from(self.number(tag)?).ok()?)
    }
}

/// Bytes of one value of a type.
fn size_of_kind(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => return None,
    })
}
