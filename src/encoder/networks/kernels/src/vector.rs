//! The vectors of this CPU.

use pulp::{Simd, WithSimd};

/// Output channels that are computed together: one vector of AVX-512, two of AVX2.
pub(crate) const BLOCK: usize = 16;

/// Work for the vectors of a CPU.
pub(crate) trait Kernel: Sized {
    /// Does it. A block has `R` vectors. The sums of `P` pixels and a block of weights fit into the registers.
    fn run<S: Simd, const R: usize, const P: usize>(self, simd: S);
}

struct Wide<K>(K);
struct Narrow<K>(K);

impl<K: Kernel> WithSimd for Wide<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, 1, 8>(simd);
    }
}

impl<K: Kernel> WithSimd for Narrow<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, 2, 6>(simd);
    }
}

/// Whether this CPU has vectors for which the kernels are written: AVX-512, or AVX2 with FMA.
#[cfg(target_arch = "x86_64")]
pub fn is_supported() -> bool {
    pulp::x86::V3::try_new().is_some()
}

/// Whether this CPU has vectors for which the kernels are written: AVX-512, or AVX2 with FMA.
#[cfg(not(target_arch = "x86_64"))]
pub fn is_supported() -> bool {
    false
}

/// Runs `kernel` with the longest vectors of this CPU. Without vectors nothing runs; [`is_supported`] is then false.
#[cfg(target_arch = "x86_64")]
pub(crate) fn dispatch(kernel: impl Kernel) {
    #[cfg(test)]
    let wide = pulp::x86::V4::try_new().filter(|_| !tests::NARROW.get());
    #[cfg(not(test))]
    let wide = pulp::x86::V4::try_new();
    if let Some(simd) = wide {
        Simd::vectorize(simd, Wide(kernel));
    } else if let Some(simd) = pulp::x86::V3::try_new() {
        Simd::vectorize(simd, Narrow(kernel));
    }
}

/// There are no kernels for other processors.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn dispatch(_: impl Kernel) {}

/// `values` in chunks of [`BLOCK`], the last one filled with zeros.
pub(crate) fn blocks(values: &[f32]) -> Vec<f32> {
    let mut filled = values.to_vec();
    filled.resize(values.len().div_ceil(BLOCK) * BLOCK, 0.0);
    filled
}

/// A vector with `slope` as the factor of negative values.
#[inline(always)]
pub(crate) fn activated<S: Simd>(simd: S, value: S::f32s, slope: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.mul_add_e_f32s(slope, simd.min_f32s(value, zero), simd.max_f32s(value, zero))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use crate::{Convolution, Layer, MaxPool, Network, Shape, Step, is_supported};

    thread_local! {
        /// Whether this thread uses the vectors of AVX2 although it has those of AVX-512.
        pub(crate) static NARROW: Cell<bool> = const { Cell::new(false) };
    }

    fn values(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at * 7919 % 1009) as f32 / 504.5 - 1.0).collect()
    }

    /// On a CPU without AVX-512 this compares AVX2 with itself.
    #[test]
    fn both_kinds_of_vectors_give_the_same_values() {
        if !is_supported() {
            return;
        }
        let convolution = |size: [usize; 4], stride| {
            let made = Convolution::new(
                &values(size.iter().product()),
                size,
                Some(&values(size[0])),
                stride,
                [0; 4],
            );
            made.unwrap().activated(&values(size[0])).unwrap()
        };
        let depthwise = Convolution::depthwise(&values(9 * 48), [48, 1, 3, 3], None, [1, 1], [1; 4]).unwrap();
        let layers = [
            Layer::Convolution(convolution([10, 3, 3, 3], [1, 1])),
            Layer::MaxPool(MaxPool { kernel: [2, 2], stride: [2, 2], ceil: true }),
            Layer::Convolution(convolution([28, 10, 3, 3], [1, 1])),
            Layer::Convolution(convolution([48, 28, 2, 2], [2, 2])),
            Layer::Depthwise(depthwise),
            Layer::Convolution(convolution([33, 48, 1, 1], [1, 1])),
        ];
        let steps: Vec<Step> =
            (0..).zip(layers).map(|(at, layer)| Step { layer, inputs: vec![at] }).collect();
        let network = Network::new(steps, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let shape = Shape { height: 41, width: 33, channels: 3 };
        let picture = values(shape.len());
        let wide = network.run(&picture, 1, shape).unwrap();
        NARROW.set(true);
        let narrow = network.run(&picture, 1, shape).unwrap();
        NARROW.set(false);
        for (wide, narrow) in wide.iter().zip(&narrow) {
            let largest = wide.values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            for (wide, narrow) in wide.values.iter().zip(&narrow.values) {
                assert!((wide - narrow).abs() <= 1e-5 * largest, "{wide} and {narrow} of {largest}");
            }
        }
    }
}
