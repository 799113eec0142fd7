//! Convolutions of each channel with itself.

use std::ops::Range;

use pulp::Simd;

use super::layer::{Convolution, Shape};
use super::vector::{Kernel, activated};

/// Vectors of channels whose sums are computed at the same time, because each addition waits for the one before it.
const TOGETHER: usize = 4;

/// A depthwise convolution of one picture. Padding is left out of the sums. The number of channels is a multiple of
/// [`BLOCK`](super::vector::BLOCK).
pub(crate) struct Run<'a> {
    pub layer: &'a Convolution,
    pub from: Shape,
    pub input: &'a [f32],
    pub to: Shape,
    pub out: &'a mut [f32],
}

impl Kernel for Run<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize, const P: usize>(self, simd: S) {
        let Self { layer, from, input, to, out } = self;
        let [top, left, ..] = layer.pad;
        let vectors = from.channels / S::F32_LANES;
        let window = Window {
            simd,
            input: S::as_simd_f32s(input).0,
            weights: S::as_simd_f32s(&layer.weights).0,
            bias: S::as_simd_f32s(&layer.bias).0,
            slope: S::as_simd_f32s(&layer.slope).0,
            vectors,
        };
        let pixels = S::as_mut_simd_f32s(out).0.chunks_exact_mut(vectors);
        let places = (0..to.height).flat_map(|y| (0..to.width).map(move |x| (y, x)));
        for (out, (y, x)) in pixels.zip(places) {
            let (y, x) = (y * layer.stride[0], x * layer.stride[1]);
            let rows = inside(y, top, layer.kernel[0], from.height);
            let columns = inside(x, left, layer.kernel[1], from.width);
            let spans = rows.map(|row| {
                let pixel = (y + row - top) * from.width + x + columns.start - left;
                (pixel, row * layer.kernel[1] + columns.start)
            });
            let (groups, rest) = out.as_chunks_mut::<TOGETHER>();
            let done = groups.len() * TOGETHER;
            for (at, out) in groups.iter_mut().enumerate() {
                *out = window.sums(spans.clone(), columns.len(), at * TOGETHER);
            }
            for (at, out) in rest.iter_mut().enumerate() {
                [*out] = window.sums(spans.clone(), columns.len(), done + at);
            }
        }
    }
}

/// The vectors of a picture and of a layer.
struct Window<'a, S: Simd> {
    simd: S,
    input: &'a [S::f32s],
    weights: &'a [S::f32s],
    bias: &'a [S::f32s],
    slope: &'a [S::f32s],
    /// Vectors of a pixel.
    vectors: usize,
}

impl<S: Simd> Window<'_, S> {
    /// `G` vectors of an output pixel, from number `at`. The taps are `width` neighbours in each row; `spans` are the first pixel and
    /// the first tap of each.
    #[inline(always)]
    fn sums<const G: usize>(
        &self,
        spans: impl Iterator<Item = (usize, usize)>,
        width: usize,
        at: usize,
    ) -> [S::f32s; G] {
        let read = |from: &[S::f32s], place: usize| {
            from.get(place * self.vectors + at..)?.first_chunk::<G>().copied()
        };
        let zero = [self.simd.splat_f32s(0.0); G];
        let mut sums = self.bias.get(at..).and_then(<[_]>::first_chunk).copied().unwrap_or(zero);
        for (pixel, tap) in spans {
            for column in 0..width {
                let (Some(values), Some(weights)) =
                    (read(self.input, pixel + column), read(self.weights, tap + column))
                else {
                    continue;
                };
                for g in 0..G {
                    sums[g] = self.simd.mul_add_e_f32s(values[g], weights[g], sums[g]);
                }
            }
        }
        let slope = self.slope.get(at..).and_then(<[_]>::first_chunk::<G>).copied().unwrap_or(zero);
        std::array::from_fn(|g| activated(self.simd, sums[g], slope[g]))
    }
}

/// The taps of a window that are inside a picture with `side` pixels. The window starts at `start`, counted from `pad` before the picture.
fn inside(start: usize, pad: usize, kernel: usize, side: usize) -> Range<usize> {
    let first = pad.saturating_sub(start).min(kernel);
    first..kernel.min((side + pad).saturating_sub(start)).max(first)
}
