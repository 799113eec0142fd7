//! The largest value of each window.

use pulp::Simd;

use super::layer::{MaxPool, Shape};
use super::vector::Kernel;

/// The pooling of one picture.
pub(crate) struct Run<'a> {
    pub layer: MaxPool,
    pub from: Shape,
    pub input: &'a [f32],
    pub to: Shape,
    pub out: &'a mut [f32],
}

impl Kernel for Run<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize, const P: usize>(self, _: S) {
        match self.from.channels {
            10 => windows::<10>(self),
            28 => windows::<28>(self),
            channels if channels % 16 == 0 => windows::<16>(self),
            _ => windows::<1>(self),
        }
    }
}

/// Channels are read `K` at a time, which divides their number.
#[inline(always)]
fn windows<const K: usize>(run: Run<'_>) {
    let Run { layer, from, input, to, out } = run;
    let (input, out) = (input.as_chunks::<K>().0, out.as_chunks_mut::<K>().0);
    let chunks = from.channels / K;
    let places = (0..to.height).flat_map(|y| (0..to.width).map(move |x| (y, x)));
    for (out, (y, x)) in out.chunks_exact_mut(chunks).zip(places) {
        let (top, left) = (y * layer.stride[0], x * layer.stride[1]);
        let (rows, columns) =
            (layer.kernel[0].min(from.height - top), layer.kernel[1].min(from.width - left));
        for (chunk, out) in out.iter_mut().enumerate() {
            let first = (top * from.width + left) * chunks + chunk;
            let size = (from.width * chunks, chunks);
            *out = match (rows, columns) {
                (2, 2) => largest(input, first, size, 2, 2),
                (3, 3) => largest(input, first, size, 3, 3),
                _ => largest(input, first, size, rows, columns),
            };
        }
    }
}

#[inline(always)]
fn largest<const K: usize>(
    input: &[[f32; K]],
    first: usize,
    (row, column): (usize, usize),
    rows: usize,
    columns: usize,
) -> [f32; K] {
    let mut largest = [f32::NEG_INFINITY; K];
    for y in 0..rows {
        for x in 0..columns {
            if let Some(values) = input.get(first + y * row + x * column) {
                for (largest, &value) in largest.iter_mut().zip(values) {
                    *largest = if value > *largest { value } else { *largest };
                }
            }
        }
    }
    largest
}
