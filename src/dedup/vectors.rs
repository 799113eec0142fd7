//! Loops over lines of pixels for the widest vectors of the machine.

/// Runs `work` as it is compiled for the widest vectors of this machine. What `work` calls is compiled for them if it is inlined, so both
/// are `inline(always)`. Vectors change the speed and not the result: products and sums are rounded one by one in the written order.
#[inline(always)]
pub(super) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
