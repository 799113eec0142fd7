//! Loops over lines of pixels for the widest vectors of the machine.

/// Runs `work` as it is compiled for the widest vectors of this machine. What `work` calls is compiled for them if it is inlined, so both
/// are `inline(always)`. Vectors change the speed and not the result: products and sums are rounded one by one in the written order.
#[inline(always)]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// The sum of a term of each pair of values in two lines, as 16 sums of every sixteenth one.
#[inline(always)]
pub(super) fn total(one: &[f32], other: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let ((chunks, rest), (other_chunks, other_rest)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let mut sums = [0_f32; LANES];
    for (one, other) in chunks.iter().zip(other_chunks) {
        let pairs = sums.iter_mut().zip(one.iter().zip(other));
        pairs.for_each(|(sum, (a, b))| *sum += term(*a, *b));
    }
    let rest = rest.iter().zip(other_rest).map(|(a, b)| term(*a, *b)).sum::<f32>();
    sums.iter().sum::<f32>() + rest
}
