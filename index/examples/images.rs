//! Near-duplicate images: every image whose score reaches a threshold, with none missed.
//!
//! `cargo run -p gallerist-index --example images`. The images are drawn here and described by their colours; use a real encoder
//! instead.
#![allow(clippy::print_stdout)]

use std::error::Error;

use gallerist_index::{Index, Lengths, Options, Row};

const SIDE: usize = 32;
/// Levels of each colour.
const LEVELS: usize = 4;
const DIMENSION: usize = LEVELS * LEVELS * LEVELS;

type Pixel = [u8; 3];

/// A gradient between two colours, with as much noise as wanted.
fn draw(seed: u64, noise: u64) -> Vec<Pixel> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let [from, to] = [0, 1].map(|_| [0, 1, 2].map(|_| next(256)));
    let pixel = |at: usize, next: &mut dyn FnMut(u64) -> u64| {
        let part = (at % SIDE) as u64;
        [0, 1, 2].map(|colour| {
            let mixed = (from[colour] * (SIDE as u64 - part) + to[colour] * part) / SIDE as u64;
            (mixed + next(noise + 1)).min(255) as u8
        })
    };
    (0..SIDE * SIDE).map(|at| pixel(at, &mut next)).collect()
}

/// How many pixels have each mixture of colours.
fn histogram(image: &[Pixel]) -> Vec<f32> {
    let mut counts = vec![0.0; DIMENSION];
    for pixel in image {
        let bin = pixel.iter().fold(0, |bin, &level| bin * LEVELS + usize::from(level) * LEVELS / 256);
        counts[bin] += 1.0;
    }
    counts
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let options = Options::new(DIMENSION).lengths(Lengths::Any).label("colour histograms");
    let index = Index::open_or_create(&directory.path().join("images"), options)?;
    let vectors: Vec<Vec<f32>> = (0..500).map(|seed| histogram(&draw(seed, 0))).collect();
    let rows: Vec<Row<'_>> = (0..).zip(&vectors).map(|(id, vector)| Row { id, group: id, vector }).collect();
    index.insert(&rows)?;

    // The same image with noise, as another camera or a compression would leave it.
    let copy = histogram(&draw(123, 8));
    let answer = index.view().query(&copy)?.range(0.9)?;
    println!("{} of {} images score at least 0.9:", answer.hits.len(), index.view().len());
    for hit in &answer.hits {
        println!("{:.4}  image {}", hit.score, hit.id);
    }
    assert!(answer.complete, "no image above the threshold is missing");
    assert!(answer.hits.iter().any(|hit| hit.id == 123));
    index.close()?;
    Ok(())
}
