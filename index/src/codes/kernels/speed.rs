//! How fast the kernels are, against the memory that they read.
//!
//! `cargo test --release -p gallerist-index --lib kernels::speed -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use super::{Bounds, Kernels, available};
use crate::codes::l0::{Bits, CODE, FACTORS, L0Query, ROWS, Rotation};

/// Bytes of a sweep through memory: more than caches hold.
const MEMORY: usize = 256 << 20;
/// And of one that stays in them.
const CACHE: usize = 256 << 10;

/// Gigabytes a second, the best of some sweeps over so many bytes.
fn rate(bytes: usize, mut sweep: impl FnMut()) -> f64 {
    let sweeps = (2 * MEMORY / bytes).clamp(5, 400);
    let seconds = |sweep: &mut dyn FnMut()| {
        let started = Instant::now();
        sweep();
        started.elapsed().as_secs_f64()
    };
    let best = (0..sweeps).map(|_| seconds(&mut sweep)).fold(f64::INFINITY, f64::min);
    bytes as f64 / best / 1e9
}

fn query(bits: Bits) -> L0Query {
    let rotation = Rotation::none(bits, bits.most());
    let vector: Vec<f32> =
        (0..rotation.dimension).map(|at| ((at * 37 % 101) as f32 - 50.0) / 1000.0).collect();
    L0Query::new(&rotation, &vector, 1e-5)
}

fn line(name: &str, row: usize, sweep: &mut dyn FnMut(usize)) {
    let [cache, memory] = [CACHE, MEMORY].map(|bytes| rate(bytes, || sweep(bytes)));
    let row_ns = row as f64 / cache;
    eprintln!("{name:28} {cache:6.1} GB/s in caches ({row_ns:5.2} ns a row), {memory:6.1} GB/s from memory");
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    let bytes: Vec<u8> = (0..MEMORY + 64).map(|at| (at * 7 % 251) as u8).collect();
    let bytes = &bytes[bytes.as_ptr().align_offset(64)..][..MEMORY]; // as sections begin
    let numbers: Vec<f32> = bytes[..MEMORY / 4].iter().map(|&byte| f32::from(byte) / 1e4).collect();
    let codes: Vec<i8> = bytes.iter().map(|&byte| byte as i8).collect();
    line("sum of words", 64, &mut |length| {
        let words = bytes[..length].as_chunks::<8>().0;
        black_box(words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word))));
    });
    for (name, kernels) in available() {
        let Kernels { scores, dot_i8, bound, .. } = kernels;
        eprintln!("{name}");
        for bits in Bits::ALL {
            let (query, mut bounds) = (query(bits), Bounds::NONE);
            let block = ROWS * CODE + FACTORS;
            line(&format!("L0 codes, {} bits", bits.number()), block / ROWS, &mut |length| {
                for block in bytes[..length].chunks_exact(block) {
                    black_box(bound(&query, block, 1.0, &mut bounds));
                }
            });
        }
        for dimension in [192, 512] {
            let probe = vec![0.01; dimension];
            let mut found = vec![0.0; 64];
            line(&format!("vectors, {dimension}-d"), 4 * dimension, &mut |length| {
                for rows in numbers[..length / 4].chunks_exact(64 * dimension) {
                    scores(&probe, rows, &mut found);
                    black_box(&found);
                }
            });
            let code = vec![3i8; dimension];
            line(&format!("SQ8 codes, {dimension}-d"), dimension, &mut |length| {
                for row in codes[..length].chunks_exact(dimension) {
                    black_box(dot_i8(&code, row));
                }
            });
        }
    }
}
