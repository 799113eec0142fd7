//! Upper bounds of the scores of a block of 32 rows (see `l0`). This is the reference: every instruction
//! set returns the same bits.

use crate::codes::l0::{Bits, FACTORS, L0Query, ROWS};

/// Estimates of a block's rows, and how far below and above them the scores can lie; and the sums of
/// components times levels that they are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) estimates: [f32; ROWS],
    pub(crate) reaches: [f32; ROWS],
    pub(crate) sums: [i32; ROWS],
}

impl Bounds {
    pub(crate) const NONE: Self = Self { estimates: [0.0; ROWS], reaches: [0.0; ROWS], sums: [0; ROWS] };
}

/// The rows of a block whose upper bound is not below `cut`, a bit for each. `bounds` are those of all rows.
pub(super) fn bound(query: &L0Query, block: &[u8], cut: f32, bounds: &mut Bounds) -> u32 {
    let (codes, factors) = block.split_at(block.len() - FACTORS);
    bounds.sums.fill(query.lift);
    sums(query, codes, &mut bounds.sums);
    let (steps, rest) = factors.as_chunks::<2>().0.split_at(ROWS);
    let (errors, tails) = rest.split_at(ROWS);
    let value = |bytes: [u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(bytes)) << 16);
    let mut mask = 0;
    for row in 0..ROWS {
        let product = (2 * bounds.sums[row] - query.centre) as f32;
        bounds.estimates[row] = product * (value(steps[row]) * query.unit);
        bounds.reaches[row] =
            value(errors[row]) * query.of_error + value(tails[row]) * query.of_tail + query.more;
    }
    for row in 0..ROWS {
        mask |= u32::from(bounds.estimates[row] + bounds.reaches[row] >= cut) << row;
    }
    mask
}

/// As [`bound`], of each query.
pub(super) fn reached(queries: &[L0Query], block: &[u8], cut: f32, masks: &mut [u32]) {
    let mut bounds = Bounds::NONE;
    for (query, mask) in queries.iter().zip(masks) {
        *mask = bound(query, block, cut, &mut bounds);
    }
}

/// Adds for each row the query's components times the levels of its code; of lookups what they found.
fn sums(query: &L0Query, codes: &[u8], sums: &mut [i32; ROWS]) {
    // Of a group of components, the bytes of one row after the other: a loop that compilers turn into wide
    // instructions.
    let groups = codes.as_chunks::<128>().0.iter();
    match query.bits() {
        Bits::Eight => {
            let (upper, lower) = query.bytes.split_at(query.bytes.len() / 2);
            let query = upper.as_chunks::<4>().0.iter().zip(lower.as_chunks::<4>().0);
            for ((upper, lower), codes) in query.zip(groups) {
                let component = |at: usize| 128 * i32::from(upper[at] as i8) + i32::from(lower[at] as i8);
                let query: [i32; 4] = std::array::from_fn(component);
                for (sum, levels) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
                    *sum += (0..4).map(|at| query[at] * i32::from(levels[at])).sum::<i32>();
                }
            }
        }
        Bits::Four => {
            for (query, codes) in query.bytes.as_chunks::<8>().0.iter().zip(groups) {
                let query = query.map(|component| i32::from(component as i8));
                for (sum, levels) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
                    let low = (0..4).map(|at| query[at] * i32::from(levels[at] & 15)).sum::<i32>();
                    let high = (0..4).map(|at| query[4 + at] * i32::from(levels[at] >> 4)).sum::<i32>();
                    *sum += low + high;
                }
            }
        }
        Bits::One => {
            for (lookup, codes) in query.lookups.iter().zip(codes.as_chunks::<{ 2 * ROWS }>().0) {
                let [low, high] = [&lookup.low, &lookup.high].map(|bytes| bytes.as_chunks::<16>().0);
                for ((codes, low), high) in
                    codes.as_chunks::<ROWS>().0.iter().zip([&low[0], &low[2]]).zip([&high[0], &high[2]])
                {
                    for (sum, code) in sums.iter_mut().zip(codes) {
                        *sum +=
                            i32::from(low[usize::from(code & 15)]) + i32::from(high[usize::from(code >> 4)]);
                    }
                }
            }
        }
    }
}

/// The sum of the components, signed bytes, whose bit is set.
#[inline(always)]
pub(super) fn sum_where(components: &[u8], bits: &[u8]) -> i32 {
    let eights = components.as_chunks::<8>().0.iter().zip(bits);
    let sums = eights.map(|(eight, &bits)| {
        eight.iter().enumerate().map(|(at, &x)| i32::from(x as i8) * i32::from(bits >> at & 1)).sum::<i32>()
    });
    sums.sum()
}
