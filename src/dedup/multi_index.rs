//! Look-up of hashes within a Hamming distance, without comparing all pairs.
//!
//! A hash is divided into four parts of 16 bits. If two hashes differ in at most 11 bits, at least one part differs in at most 2 (Norouzi,
//! Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012). So a look-up reads the lists of the 137 values within
//! 2 bits of each part.

use super::hash::PerceptualHash;
use super::vectors::vectorized;

/// Largest distance that a look-up finds completely.
pub const MOST_BITS: u32 = 11;
const PARTS: usize = 4;
const VALUES: usize = 1 << 16;
/// Bits that may differ in the part that leads to a hash.
const PART_BITS: u32 = 2;
/// Low bits of a value, whose values are the bits of one word.
const LOW_BITS: u32 = 6;

/// Hashes, indexed by each of their parts.
pub struct MultiIndex {
    hashes: Vec<PerceptualHash>,
    parts: [Lists; PARTS],
    neighbourhood: Neighbourhood,
}

/// The values within [`PART_BITS`] of a value, word by word.
struct Neighbourhood {
    /// Differences of the high bits, and how many of the low bits may differ then.
    high: Vec<(u16, usize)>,
    /// For each number of low bits that may differ, and for the low bits of a value, those of the values near it.
    low: [[u64; 1 << LOW_BITS]; PART_BITS as usize + 1],
}

impl Neighbourhood {
    fn new() -> Self {
        let high = (0..=u16::MAX >> LOW_BITS).filter(|bits| bits.count_ones() <= PART_BITS);
        let high = high.map(|bits| (bits << LOW_BITS, (PART_BITS - bits.count_ones()) as usize)).collect();
        let low = std::array::from_fn(|most| {
            std::array::from_fn(|own: usize| {
                let near = (0..1 << LOW_BITS).filter(|other| (own ^ other).count_ones() as usize <= most);
                near.fold(0, |word, other| word | 1 << other)
            })
        });
        Self { high, low }
    }
}

/// The rows of each value of a part.
struct Lists {
    /// The rows in the order of their values.
    entries: Vec<Entry>,
    words: Vec<Word>,
    /// Where the rows of each value that has some begin, in the order of the values; and the end.
    starts: Vec<u32>,
}

/// Values that share their high bits. Most have no rows, and these words stay in the nearest memory.
#[derive(Clone, Copy, Default)]
struct Word {
    /// A bit for each value that has rows.
    used: u64,
    /// How many values before these have rows.
    before: u32,
}

impl MultiIndex {
    /// An index of these hashes, at most 2^32 - 1. A row is the place of a hash.
    pub fn new(hashes: Vec<PerceptualHash>) -> Self {
        let parts = std::array::from_fn(|part| Lists::new(&hashes, part));
        Self { hashes, parts, neighbourhood: Neighbourhood::new() }
    }

    /// Calls `found` with the distance, once for each row within `bits` of `hash`, at most [`MOST_BITS`], in no particular order.
    pub fn within(&self, hash: PerceptualHash, bits: u32, mut found: impl FnMut(usize, u32)) {
        vectorized(
            #[inline(always)]
            || self.look_up(hash, bits.min(MOST_BITS), &mut found),
        );
    }

    #[inline(always)]
    fn look_up(&self, hash: PerceptualHash, bits: u32, found: &mut impl FnMut(usize, u32)) {
        for (part, lists) in self.parts.iter().enumerate() {
            let (own, next) = (value(hash, part), next_bits(hash, part));
            let low = usize::from(own % (1 << LOW_BITS));
            for &(mask, most) in &self.neighbourhood.high {
                let word = lists.words[usize::from((own ^ mask) >> LOW_BITS)];
                let mut values = word.used & self.neighbourhood.low[most][low];
                while values != 0 {
                    let value = values & values.wrapping_neg();
                    values &= values - 1;
                    for entry in lists.of(word, value) {
                        if (entry.bits ^ next).count_ones() > bits {
                            continue;
                        }
                        let (row, other) = (entry.row, self.hashes[entry.row as usize]);
                        let distance = hash.distance(other);
                        if distance <= bits && is_first(hash, other, part) {
                            found(row as usize, distance);
                        }
                    }
                }
            }
        }
    }
}

/// A row, with the bits of its hash that follow the part. Most other hashes differ in them alone, so they are not read.
#[derive(Clone, Copy, Default)]
struct Entry {
    row: u32,
    bits: u32,
}

/// The two parts after this one.
#[inline(always)]
fn next_bits(hash: PerceptualHash, part: usize) -> u32 {
    hash.0.rotate_right(16 * (part as u32 + 1)) as u32
}

/// Whether no part before this one leads from one hash to the other.
#[inline(always)]
fn is_first(one: PerceptualHash, other: PerceptualHash, part: usize) -> bool {
    (0..part).all(
        #[inline(always)]
        |earlier| (value(one, earlier) ^ value(other, earlier)).count_ones() > PART_BITS,
    )
}

impl Lists {
    fn new(hashes: &[PerceptualHash], part: usize) -> Self {
        let mut places = vec![0_u32; VALUES + 1];
        for hash in hashes {
            places[usize::from(value(*hash, part)) + 1] += 1;
        }
        for at in 0..VALUES {
            places[at + 1] += places[at];
        }
        let (mut words, mut starts) = (vec![Word::default(); VALUES >> LOW_BITS], Vec::new());
        for (at, word) in words.iter_mut().enumerate() {
            word.before = starts.len() as u32;
            for low in 0..1 << LOW_BITS {
                let value = at << LOW_BITS | low;
                if places[value] < places[value + 1] {
                    word.used |= 1 << low;
                    starts.push(places[value]);
                }
            }
        }
        starts.push(hashes.len() as u32);
        let mut entries = vec![Entry::default(); hashes.len()];
        for (row, hash) in hashes.iter().enumerate() {
            let place = &mut places[usize::from(value(*hash, part))];
            entries[*place as usize] = Entry { row: row as u32, bits: next_bits(*hash, part) };
            *place += 1;
        }
        Self { entries, words, starts }
    }

    /// The rows of the value that is this bit of a word.
    #[inline(always)]
    fn of(&self, word: Word, bit: u64) -> &[Entry] {
        let at = (word.before + (word.used & (bit - 1)).count_ones()) as usize;
        &self.entries[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

#[inline(always)]
fn value(hash: PerceptualHash, part: usize) -> u16 {
    (hash.0 >> (16 * part)) as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_look_up_equals_the_comparison_with_every_hash(
            hashes in prop::collection::vec(any::<u64>(), 1..60),
            probe in 0_usize..60,
            flips in prop::collection::vec(0_u32..64, 0..14),
            bits in 0_u32..=MOST_BITS,
        ) {
            let probe = flips.iter().fold(hashes[probe % hashes.len()], |hash, bit| hash ^ (1 << bit));
            let hashes: Vec<_> = hashes.into_iter().map(PerceptualHash).collect();
            let probe = PerceptualHash(probe);
            let expected: Vec<usize> =
                (0..hashes.len()).filter(|row| hashes[*row].distance(probe) <= bits).collect();
            let mut found = Vec::new();
            MultiIndex::new(hashes).within(probe, bits, |row, _| found.push(row));
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
