//! Synthetic templates, which make the gallery of the demo larger.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::vectors;

/// Dimension of the subspace of the synthetic templates. Real templates have a similar intrinsic dimension.
const SPREAD: usize = 64;

/// Writes `rows` random directions in a random subspace of `SPREAD` dimensions as `.npy`. Every run writes the same rows.
pub fn write(path: &Path, rows: u64, dimension: usize) -> Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let axes: Vec<Vec<f32>> = (0..SPREAD).map(|_| gaussian(&mut random, dimension)).collect();
    let mut file = fs::File::create(path).with_context(|| format!("{}: making it", path.display()))?;
    let mut write = || {
        let mut writer = vectors::Writer::new(&mut file, rows, dimension)?;
        for _ in 0..rows {
            let mut vector = vec![0.0; dimension];
            for (axis, weight) in axes.iter().zip(gaussian(&mut random, SPREAD)) {
                vector.iter_mut().zip(axis).for_each(|(x, a)| *x += weight * a);
            }
            writer.push(&vector)?;
        }
        writer.finish()
    };
    write().with_context(|| format!("{}: writing it", path.display()))
}

/// Approximately normal numbers: sums of four uniform ones.
fn gaussian(random: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    let mut uniform = || random.random::<f32>() - 0.5;
    (0..count).map(|_| uniform() + uniform() + uniform() + uniform()).collect()
}
