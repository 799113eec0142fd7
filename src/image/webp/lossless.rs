//! The memory for the code tables of a lossless picture (RFC 9649, section 3).
//!
//! A picture may use up to 65,536 groups of five prefix codes. A few megabytes that describe so many groups become gigabytes of
//! tables. The number of groups follows from the picture that assigns them to blocks. This module reads that picture only
//! up to its own prefix codes, which limit the numbers in it.

/// Most bytes of tables per byte of description: 2,048 codes of one length are described in ten bytes
/// and take 66 KiB to decode.
const BYTES_PER_BYTE: u64 = 6_800;
/// Most bytes of the tables of a group, without those for cached colours.
const BYTES_PER_GROUP: u64 = 56 << 10;
/// Bytes for each cached colour.
const BYTES_PER_COLOUR: u64 = 32;
const MOST_GROUPS: u64 = 1 << 16;

/// Most memory for the code tables of a picture of this size, in bytes. `stream` begins after the header.
pub(super) fn tables(stream: &[u8], (width, height): (u32, u32)) -> u64 {
    let (groups, colours) =
        groups(&mut Bits { bytes: stream, at: 0 }, width, height).unwrap_or((MOST_GROUPS, 2048));
    let by_groups = groups * (BYTES_PER_GROUP + BYTES_PER_COLOUR * colours);
    by_groups.min(BYTES_PER_BYTE * stream.len() as u64)
}

/// Most groups of codes, and the number of cached colours. None if the stream is damaged.
fn groups(bits: &mut Bits<'_>, mut width: u32, height: u32) -> Option<(u64, u64)> {
    let pixels = |width: u32, height: u32| u64::from(width) * u64::from(height);
    for _ in 0..=4 {
        if bits.read(1)? == 0 {
            break;
        }
        match bits.read(2)? {
            0 | 1 => {
                let side = 1 << (bits.read(3)? + 2);
                skip_picture(bits, pixels(width.div_ceil(side), height.div_ceil(side)))?;
            }
            2 => {}
            _ => {
                let colours = bits.read(8)? + 1;
                skip_picture(bits, colours.into())?;
                let packed = match colours {
                    1..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                };
                width = width.div_ceil(packed);
            }
        }
    }
    let colours = cached_colours(bits)?;
    if bits.read(1)? == 0 {
        return Some((1, colours));
    }
    bits.read(3)?;
    let [green, red, ..] = code_lengths(bits)?;
    // The number of a group is red * 256 + green.
    let highest =
        |lengths: &[u8]| lengths.iter().take(256).rposition(|&length| length > 0).map_or(0, |at| at as u64);
    let groups = match highest(&red) {
        0 => highest(&green) + 1,
        red => (red + 1) * 256,
    };
    Some((groups, colours))
}

/// Skips a picture in the stream that has one group of codes.
fn skip_picture(bits: &mut Bits<'_>, pixels: u64) -> Option<()> {
    let [green, red, blue, alpha, distance] = code_lengths(bits)?.map(|lengths| Code::new(&lengths));
    let (green, red, blue, alpha, distance) = (green?, red?, blue?, alpha?, distance?);
    let mut seen = 0;
    while seen < pixels {
        seen += match green.read(bits)? {
            0..256 => {
                red.read(bits)?;
                blue.read(bits)?;
                alpha.read(bits)?;
                1
            }
            length @ 256..280 => {
                let length = bits.prefixed(u32::from(length) - 256)?;
                let distance = distance.read(bits)?;
                bits.prefixed(distance.into())?;
                length
            }
            _ => 1,
        };
    }
    Some(())
}

fn cached_colours(bits: &mut Bits<'_>) -> Option<u64> {
    if bits.read(1)? == 0 {
        return Some(0);
    }
    let width = bits.read(4)?;
    (1..=11).contains(&width).then_some(1 << width)
}

/// The code lengths of the five codes of a picture without groups: green, red, blue, alpha, distance.
fn code_lengths(bits: &mut Bits<'_>) -> Option<[Vec<u8>; 5]> {
    let colours = cached_colours(bits)? as usize;
    let [mut green, mut red, mut blue, mut alpha, mut distance] = [const { Vec::new() }; 5];
    let places = [&mut green, &mut red, &mut blue, &mut alpha, &mut distance];
    for (place, symbols) in places.into_iter().zip([280 + colours, 256, 256, 256, 40]) {
        *place = lengths(bits, symbols)?;
    }
    Some([green, red, blue, alpha, distance])
}

/// The length of the code of each symbol.
fn lengths(bits: &mut Bits<'_>, symbols: usize) -> Option<Vec<u8>> {
    const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut lengths = vec![0; symbols];
    if bits.read(1)? == 1 {
        let two = bits.read(1)? == 1;
        let wide = if bits.read(1)? == 1 { 8 } else { 1 };
        *lengths.get_mut(bits.read(wide)? as usize)? = 1;
        if two {
            *lengths.get_mut(bits.read(8)? as usize)? = 1;
        }
        return Some(lengths);
    }
    let mut of_lengths = [0; 19];
    let count = 4 + bits.read(4)? as usize;
    for &at in ORDER.get(..count)? {
        of_lengths[at] = bits.read(3)? as u8;
    }
    let code = Code::new(&of_lengths)?;
    let mut left = symbols;
    if bits.read(1)? == 1 {
        let wide = 2 + 2 * bits.read(3)?;
        left = 2 + bits.read(wide)? as usize;
    }
    let (mut at, mut last) = (0, 8);
    while at < symbols && left > 0 {
        left -= 1;
        let (length, times) = match code.read(bits)? {
            16 => (last, 3 + bits.read(2)?),
            17 => (0, 3 + bits.read(3)?),
            18 => (0, 11 + bits.read(7)?),
            length => (length as u8, 1),
        };
        last = if length > 0 { length } else { last };
        let end = at + times as usize;
        lengths.get_mut(at..end)?.fill(length);
        at = end;
    }
    Some(lengths)
}

/// A canonical prefix code.
struct Code {
    /// The number of codes of each length.
    counts: [u32; 16],
    /// The symbols, ordered by length and then by number.
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for length in 1..16_u8 {
            let of_length =
                lengths.iter().zip(0..).filter(|(one, _)| **one == length).map(|(_, symbol)| symbol);
            let before = symbols.len();
            symbols.extend(of_length);
            counts[usize::from(length)] = (symbols.len() - before) as u32;
        }
        (!symbols.is_empty()).then_some(Self { counts, symbols })
    }

    /// The next symbol. A code with only one symbol takes no bits.
    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        if let [only] = self.symbols[..] {
            return Some(only);
        }
        let (mut code, mut first, mut at) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.read(1)?;
            if code < first + count {
                return self.symbols.get((at + code - first) as usize).copied();
            }
            at += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// Reads bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, the first one lowest. None after the end.
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }

    /// A length or distance from its prefix.
    fn prefixed(&mut self, prefix: u32) -> Option<u64> {
        if prefix < 4 {
            return Some(u64::from(prefix) + 1);
        }
        let extra = (prefix - 2) >> 1;
        let offset = (2 + u64::from(prefix & 1)) << extra;
        Some(offset + u64::from(self.read(extra)?) + 1)
    }
}
