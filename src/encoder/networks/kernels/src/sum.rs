//! The sum of two values.

use pulp::Simd;

use super::vector::Kernel;

/// The sum of two slices of one length.
pub(crate) struct Run<'a> {
    pub inputs: [&'a [f32]; 2],
    pub out: &'a mut [f32],
}

impl Kernel for Run<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize, const P: usize>(self, _: S) {
        let [one, other] = self.inputs;
        for ((out, one), other) in self.out.iter_mut().zip(one).zip(other) {
            *out = one + other;
        }
    }
}
