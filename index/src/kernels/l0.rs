//! Bounding the scores of a block of 32 rows by their codes (see `l0`), written once; only the sums of components times levels are
//! written again for each instruction set.

use crate::l0::query::LIFT;
use crate::l0::{Bits, FACTORS, Query, ROWS};

/// Estimates of a block's rows, and how far below and above them the scores can lie; and the sums of components times levels that they
/// are made of.
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
#[inline(always)]
pub(super) fn bound(
    query: &Query,
    block: &[u8],
    cut: f32,
    bounds: &mut Bounds,
    sums: impl FnOnce(Bits, &[u8], &[u8], &mut [i32; ROWS]),
) -> u32 {
    let (codes, factors) = block.split_at(block.len() - FACTORS);
    bounds.sums.fill(0);
    sums(query.bits(), &query.tables, codes, &mut bounds.sums);
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

/// For each row, the sum of the query's components times the levels of its code.
#[inline(always)]
pub(super) fn sums(bits: Bits, tables: &[u8], codes: &[u8], sums: &mut [i32; ROWS]) {
    let (upper, lower) = tables.split_at(tables.len() / 2);
    let query =
        |component: usize| 128 * i32::from(upper[component] as i8) + i32::from(lower[component] as i8);
    // Of a group of components, the bytes of one row after the other: a loop that compilers turn into wide instructions.
    let groups = codes.as_chunks::<128>().0.iter().enumerate();
    match bits {
        Bits::Eight => groups.for_each(|(group, codes)| {
            let query: [i32; 4] = std::array::from_fn(|at| query(4 * group + at));
            for (sum, levels) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
                *sum += (0..4).map(|at| query[at] * i32::from(levels[at])).sum::<i32>();
            }
        }),
        Bits::Four => groups.for_each(|(group, codes)| {
            let query: [i32; 8] = std::array::from_fn(|at| query(8 * group + at));
            for (sum, levels) in sums.iter_mut().zip(codes.as_chunks::<4>().0) {
                let low = (0..4).map(|at| query[at] * i32::from(levels[at] & 15)).sum::<i32>();
                let high = (0..4).map(|at| query[4 + at] * i32::from(levels[at] >> 4)).sum::<i32>();
                *sum += low + high;
            }
        }),
        Bits::One => {
            sums.fill(lift(tables));
            for (pair, codes) in tables.as_chunks::<32>().0.iter().zip(codes.as_chunks::<ROWS>().0) {
                for (sum, code) in sums.iter_mut().zip(codes) {
                    let (low, high) = (usize::from(code & 15), usize::from(code >> 4));
                    *sum += i32::from(pair[low]) + i32::from(pair[16 + high]);
                }
            }
        }
    }
}

/// What undoes that each of the lookups, one of 16 bytes, added too much.
#[inline(always)]
pub(super) fn lift(tables: &[u8]) -> i32 {
    -LIFT * (tables.len() / 16) as i32
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
