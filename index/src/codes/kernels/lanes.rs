//! The loops, written once. The compiler turns them into the instructions of each instruction set.

const LANES: usize = 32;

#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let shared = a.len().min(b.len());
    let (a, a_rest) = a[..shared].as_chunks::<LANES>();
    let (b, b_rest) = b[..shared].as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += a * b;
    }
    fold(&sums)
}

#[inline(always)]
fn fold(sums: &[f32; LANES]) -> f32 {
    let mut half = [0.0f32; LANES / 2];
    for lane in 0..LANES / 2 {
        half[lane] = sums[lane] + sums[lane + LANES / 2];
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            half[lane] += half[lane + width];
        }
    }
    half[0]
}

#[inline(always)]
pub(super) fn scores(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    for (row, score) in rows.chunks_exact(query.len().max(1)).zip(scores) {
        *score = dot(query, row);
    }
}

#[inline(always)]
pub(super) fn dot_i8(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}
