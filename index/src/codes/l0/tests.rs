use proptest::prelude::*;

use super::encode::encode;
use super::*;
use crate::codes::kernels::{self, Bounds};
use crate::random::Random;

impl Random {
    /// A unit vector whose components shrink by a factor.
    fn shrinking_vector(&mut self, dimension: usize, shrink: f64) -> Vec<f32> {
        let mut weight = 1.0;
        let numbers: Vec<f64> = (0..dimension)
            .map(|_| {
                weight *= shrink;
                (self.uniform() + self.uniform() + self.uniform()) * weight
            })
            .collect();
        unit(&numbers)
    }
}

fn unit(numbers: &[f64]) -> Vec<f32> {
    let norm = numbers.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-300);
    numbers.iter().map(|x| (x / norm) as f32).collect()
}

fn rows(dimension: usize, count: usize, shrink: f64, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    (0..count).flat_map(|_| random.shrinking_vector(dimension, shrink)).collect()
}

fn exact(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Vectors that are hard to quantise: single components, all alike, and those that lie along or across a
/// rotation's directions.
fn hostile(rotation: &Rotation) -> Vec<Vec<f32>> {
    let d = rotation.dimension;
    let mut all: Vec<Vec<f32>> =
        (0..d.min(8)).map(|at| (0..d).map(|i| f32::from(u8::from(i == at))).collect()).collect();
    all.push(unit(&vec![1.0; d]));
    all.push(unit(&(0..d).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<_>>()));
    for direction in rotation.directions.chunks_exact(d).step_by(9).take(8) {
        all.push(unit(&direction.iter().map(|&x| f64::from(x)).collect::<Vec<_>>()));
        let along = exact(direction, &all[d.min(8)]);
        let across: Vec<f64> =
            all[d.min(8)].iter().zip(direction).map(|(x, y)| f64::from(*x) - along * f64::from(*y)).collect();
        all.push(unit(&across));
    }
    // One large component and many that are just half a step.
    all.push(unit(&(0..d).map(|i| if i == 0 { 127.5 } else { 0.5 }).collect::<Vec<_>>()));
    let negative: Vec<Vec<f32>> = all.iter().map(|vector| vector.iter().map(|x| -x).collect()).collect();
    all.extend(negative);
    // Of the lengths that are still taken for 1.
    let long: Vec<Vec<f32>> = all.iter().map(|vector| vector.iter().map(|x| x * 1.0009).collect()).collect();
    all.extend(long);
    all
}

/// Bounds all pairs of some vectors and counts those that are violated.
fn violations(rotation: &Rotation, rows: &[f32], probes: &[Vec<f32>], miss: f64) -> (usize, usize) {
    let blocks = encode(rotation, rows);
    let seconds = second::stride(rotation).map(|stride| (stride, second::encode(rotation, rows)));
    let (mut pairs, mut violated) = (0, 0);
    for probe in probes {
        let query = L0Query::new(rotation, probe, miss);
        let vectors = rows.chunks(ROWS * rotation.dimension);
        for (number, (block, vectors)) in blocks.chunks_exact(rotation.block()).zip(vectors).enumerate() {
            let mut bounds = Bounds::NONE;
            kernels::bound(&query, block, 0.0, &mut bounds);
            for (row, vector) in vectors.chunks_exact(rotation.dimension).enumerate() {
                let score = kernels::dot(probe, vector);
                let outside = |(estimate, reach)| score > estimate + reach || score < estimate - reach;
                let by_both = seconds.as_ref().map(|(stride, seconds)| {
                    let bits = &seconds[(number * ROWS + row) * stride..][..*stride];
                    query.by_both(query.second.as_ref().unwrap(), bounds.sums[row], bits)
                });
                pairs += 1;
                let first = (bounds.estimates[row], bounds.reaches[row]);
                violated += usize::from(outside(first) || by_both.is_some_and(outside));
            }
        }
    }
    (pairs, violated)
}

/// Set GALLERIST_PAIRS for more.
fn wanted() -> usize {
    std::env::var("GALLERIST_PAIRS").ok().and_then(|pairs| pairs.parse().ok()).unwrap_or(400_000)
}

#[test]
fn no_score_lies_outside_its_bounds() {
    let mut pairs = 0;
    let mut seed = 1;
    while pairs < wanted() {
        for (dimension, shrink) in
            [(5, 0.9), (64, 1.0), (192, 0.97), (128, 0.96), (512, 0.99), (70, 0.5), (513, 0.98)]
        {
            let sample = rows(dimension, 300, shrink, seed);
            for (bits, components) in
                [(Bits::Eight, 64), (Bits::Four, 128), (Bits::Four, 64), (Bits::Eight, 20)]
            {
                let rotation = Rotation::learn_with(dimension, &sample, bits, components);
                assert!(rotation.skew() < rotation::SKEW, "{}", rotation.skew());
                let mut gallery = rows(dimension, 200, shrink, seed + 1);
                // Rows that the rotation was not learned for.
                gallery.extend(rows(dimension, 50, 1.0 / shrink.max(0.99), seed + 2));
                let hostile = hostile(&rotation);
                hostile.iter().for_each(|vector| gallery.extend(vector));
                let mut probes = hostile;
                probes.extend(gallery.chunks_exact(dimension).take(40).map(<[f32]>::to_vec));
                probes
                    .extend(rows(dimension, 40, 1.0, seed + 3).chunks_exact(dimension).map(<[f32]>::to_vec));
                let (some, violated) = violations(&rotation, &gallery, &probes, query::MISS);
                assert_eq!(violated, 0, "{bits:?}, dimension {dimension}, seed {seed}");
                pairs += some;
            }
        }
        seed += 10;
    }
    eprintln!("{pairs} pairs");
}

#[test]
fn of_one_bit_hardly_any_score_lies_outside() {
    let (dimension, shrink) = (512, 1.0);
    let rotation = Rotation::learn_with(dimension, &rows(dimension, 1000, shrink, 5), Bits::One, 512);
    let gallery = rows(dimension, 1000, shrink, 6);
    let probes: Vec<Vec<f32>> =
        rows(dimension, 200, shrink, 7).chunks_exact(dimension).map(<[f32]>::to_vec).collect();
    // Above and below, 200,000 pairs: at most twice as many violations as misses, and what chance adds.
    for (miss, least, most) in [(1e-3, 40, 520), (1e-4, 1, 80), (query::MISS, 0, 15)] {
        let (pairs, violated) = violations(&rotation, &gallery, &probes, miss);
        assert!(pairs == 200_000 && (least..=most).contains(&violated), "{violated} of {pairs}, miss {miss}");
    }
}

#[test]
fn the_second_bit_halves_the_error() {
    let (dimension, shrink) = (512, 1.0);
    let rotation = Rotation::learn_with(dimension, &rows(dimension, 1000, shrink, 5), Bits::One, 512);
    let mut head = vec![0.0; 512];
    let (mut first, mut both) = (0.0, 0.0);
    for vector in rows(dimension, 200, shrink, 6).chunks_exact(dimension) {
        first += encode::Code::new(&rotation, vector, &mut head).error;
        let stored = second::encode(&rotation, vector);
        let error = stored.len() - 4;
        both += f64::from(from_bf16(u16::from_le_bytes([stored[error], stored[error + 1]])));
    }
    // Of normal components: the root of pi / 2 - 1, and of 1 / (1 - 0.1188) - 1 (Max 1960).
    assert!((first / 200.0 - 0.755).abs() < 0.02 && (both / 200.0 - 0.367).abs() < 0.02, "{first} {both}");
}

#[test]
fn bits_are_chosen_by_the_spectrum() {
    let learned = |dimension, shrink| {
        let rotation = Rotation::learn(dimension, &rows(dimension, 2000, shrink, 3));
        (rotation.bits, rotation.components)
    };
    assert_eq!(learned(192, 0.9), (Bits::Four, 48));
    assert_eq!(learned(192, 0.98), (Bits::Four, 64));
    assert_eq!(learned(24, 1.0), (Bits::Four, 24));
    assert_eq!(learned(192, 1.0), (Bits::One, 192));
    assert_eq!(learned(512, 1.0), (Bits::One, 512));
}

#[test]
fn places_do_not_overlap() {
    for bits in Bits::ALL {
        let mut used = vec![0u8; CODE * ROWS];
        for row in 0..ROWS {
            for component in 0..bits.most() {
                let (byte, shift) = bits.place(row, component);
                let mask = (bits.centre() as u8) << shift;
                assert_eq!(used[byte] & mask, 0, "{bits:?}: row {row}, component {component}");
                used[byte] |= mask;
            }
        }
        assert!(used.iter().all(|&byte| byte == 0xff));
    }
}

proptest! {
    #[test]
    fn short_numbers_round_as_they_say(value in 0.0f32..3.0e38) {
        let (near, up) = (from_bf16(bf16(value)), from_bf16(bf16_up(value)));
        prop_assert!(up >= value && f64::from(up) <= f64::from(value) * (1.0 + 1.0 / 128.0) + 1e-38);
        prop_assert!((f64::from(near) - f64::from(value)).abs() <= f64::from(value) / 256.0 + 1e-38);
    }
}
