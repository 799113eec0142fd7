//! Convolutions over all channels.
//!
//! A tile of neighbouring pixels and one block of outputs is computed in registers: for every tap and input, the weights of the block
//! are multiplied by the input of each pixel. So each loaded vector of weights is used for all pixels of the tile.

use pulp::Simd;

use super::layer::{Convolution, Shape};
use super::vector::{BLOCK, Kernel, activated, dispatch};

/// Input values of a strip of pixels. They stay in the first cache while all blocks of outputs are computed.
const STRIP: usize = 4096;

/// A convolution of one picture that is padded already.
pub(crate) struct Run<'a> {
    pub layer: &'a Convolution,
    pub from: Shape,
    pub input: &'a [f32],
    pub to: Shape,
    pub out: &'a mut [f32],
}

impl Run<'_> {
    pub fn run(self) {
        match self.layer.inputs {
            inputs if inputs % 16 == 0 => dispatch(By::<16>(self)),
            inputs if inputs % 2 == 0 => dispatch(By::<2>(self)),
            3 => dispatch(By::<3>(self)),
            _ => dispatch(By::<1>(self)),
        }
    }
}

/// A convolution that reads `K` inputs at a time, which divides their number.
struct By<'a, const K: usize>(Run<'a>);

impl<const K: usize> Kernel for By<'_, K> {
    #[inline(always)]
    fn run<S: Simd, const R: usize, const P: usize>(self, simd: S) {
        let Run { layer, from, input, to, out } = self.0;
        // Without a neighbourhood, all pixels are one row.
        let flat = layer.kernel == [1, 1] && layer.stride == [1, 1];
        let (height, width) = if flat { (1, to.height * to.width) } else { (to.height, to.width) };
        let size = layer.kernel[0] * layer.kernel[1] * layer.inputs * BLOCK;
        let strip = (STRIP / layer.inputs).next_multiple_of(P).max(P);
        for y in 0..height {
            let out = &mut out[y * width * to.channels..][..width * to.channels];
            for start in (0..width).step_by(strip) {
                let count = strip.min(width - start);
                let rows = Rows { layer, from, input, y, start };
                for (block, weights) in layer.weights.chunks(size).enumerate() {
                    let block = Block::<S, K, R> {
                        simd,
                        weights: S::as_simd_f32s(weights).0.as_chunks::<R>().0.as_chunks::<K>().0,
                        bias: vectors::<S, R>(&layer.bias[block * BLOCK..]),
                        slope: vectors::<S, R>(&layer.slope[block * BLOCK..]),
                        first: block * BLOCK,
                    };
                    // Tiles of one size; the last one repeats columns of the one before it.
                    match count.div_ceil(count.div_ceil(P)) {
                        1 => block.tiles::<1>(&rows, count, out),
                        2 | 3 if count > 2 => block.tiles::<3>(&rows, count, out),
                        4 | 5 if count > 4 => block.tiles::<5>(&rows, count, out),
                        6.. if count >= P => block.tiles::<P>(&rows, count, out),
                        _ => block.tiles::<2>(&rows, count, out),
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn vectors<S: Simd, const R: usize>(values: &[f32]) -> [S::f32s; R] {
    let values = S::as_simd_f32s(values).0;
    std::array::from_fn(|at| values[at])
}

/// The input of columns of an output row.
struct Rows<'a> {
    layer: &'a Convolution,
    from: Shape,
    input: &'a [f32],
    y: usize,
    start: usize,
}

/// One block of outputs.
struct Block<'a, S: Simd, const K: usize, const R: usize> {
    simd: S,
    weights: &'a [[[S::f32s; R]; K]],
    bias: [S::f32s; R],
    slope: [S::f32s; R],
    first: usize,
}

impl<S: Simd, const K: usize, const R: usize> Block<'_, S, K, R> {
    /// Computes `count` columns in tiles of `P`, which is at most `count`.
    #[inline(always)]
    fn tiles<const P: usize>(&self, rows: &Rows<'_>, count: usize, out: &mut [f32]) {
        for tile in 0..count.div_ceil(P) {
            let x = rows.start + (tile * P).min(count - P);
            let sums = self.sums::<P>(rows, x);
            self.store(sums, rows.layer.outputs, x, out);
        }
    }

    #[inline(always)]
    fn sums<const P: usize>(&self, rows: &Rows<'_>, x: usize) -> [[S::f32s; R]; P] {
        let Rows { layer, from, input, y, .. } = *rows;
        let mut sums = [self.bias; P];
        let chunks = layer.kernel[1] * (layer.inputs / K);
        let step = layer.stride[1] * layer.inputs;
        for (row, weights) in self.weights.chunks_exact(chunks).enumerate() {
            let row = (y * layer.stride[0] + row) * from.width + x * layer.stride[1];
            for (chunk, weights) in weights.iter().enumerate() {
                let start = row * layer.inputs + chunk * K;
                let mut values = [&[0.0; K]; P];
                for (pixel, values) in values.iter_mut().enumerate() {
                    if let Some(read) = input.get(start + pixel * step..).and_then(<[f32]>::first_chunk) {
                        *values = read;
                    }
                }
                for (k, weights) in weights.iter().enumerate() {
                    for (sums, values) in sums.iter_mut().zip(values) {
                        let value = self.simd.splat_f32s(values[k]);
                        for (sum, weight) in sums.iter_mut().zip(weights) {
                            *sum = self.simd.mul_add_e_f32s(value, *weight, *sum);
                        }
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    fn store<const P: usize>(&self, sums: [[S::f32s; R]; P], outputs: usize, x: usize, out: &mut [f32]) {
        for (pixel, sums) in sums.into_iter().enumerate() {
            let start = (x + pixel) * outputs;
            let out = &mut out[start + self.first..start + outputs];
            let (full, rest) = S::as_mut_simd_f32s(out);
            let whole = full.len();
            for (r, (sum, slope)) in sums.into_iter().zip(self.slope).enumerate() {
                let value = activated(self.simd, sum, slope);
                match full.get_mut(r) {
                    Some(out) => *out = value,
                    None if r == whole => self.simd.partial_store_f32s(rest, value),
                    None => {}
                }
            }
        }
    }
}
