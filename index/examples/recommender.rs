//! A recommender: items by how well they fit a user, without those the user has seen.
//!
//! `cargo run -p gallerist-index --example recommender`. The factors are drawn at random; use those of a trained model instead.
//! Scores are cosines. The length of a factor, often its popularity, comes back with the row for a second ranking.
#![allow(clippy::print_stdout)]

use std::collections::HashSet;
use std::error::Error;

use gallerist_index::{Durability, Index, Lengths, Options, Row};

const FACTORS: usize = 16;
const ITEMS: u64 = 5000;
const GENRES: u64 = 12;

fn factors(seed: u64) -> Vec<f32> {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..FACTORS).map(|_| next()).collect()
}

/// An item is near its genre, and as long as it is popular.
fn item(id: u64) -> Vec<f32> {
    let popularity = 1.0 + (id * 7919 % 100) as f32 / 20.0;
    let mixed = factors(id % GENRES).into_iter().zip(factors(1000 + id));
    mixed.map(|(genre, own)| popularity * (genre + 0.5 * own)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let options = Options::new(FACTORS).lengths(Lengths::Any).label("factors of run 1");
    let index = Index::open_or_create(&directory.path().join("items"), options)?;
    let vectors: Vec<Vec<f32>> = (0..ITEMS).map(item).collect();
    let rows: Vec<Row<'_>> =
        (0..).zip(&vectors).map(|(id, vector)| Row { id, group: id % GENRES, vector }).collect();
    // A bulk load does not wait for the disk; one wait at the end does.
    let receipt = index.insert_with(&rows, Durability::Bulk)?;
    index.wait_durable(&receipt)?;

    let (user, seen) = (factors(3), HashSet::from([3u64, 15, 27]));
    let view = index.view();
    let unseen = |id: u64, _genre: u64| !seen.contains(&id);
    let answer = view.query(&user)?.filter(&unseen).top_k(20)?;

    // The candidates again, by score times popularity.
    let mut ranked = Vec::new();
    for hit in &answer.hits {
        let row = view.get(hit.id)?.ok_or("the view does not change")?;
        ranked.push((hit.score * row.length, hit));
    }
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (value, hit) in ranked.iter().take(5) {
        println!("item {:4}  genre {:2}  score {:.3}  value {value:.2}", hit.id, hit.group, hit.score);
    }
    assert!(answer.hits.iter().all(|hit| hit.group == 3 && !seen.contains(&hit.id)));

    // One of each genre, for a page with variety.
    let varied = view.query(&user)?.filter(&unseen).top_groups(GENRES as usize)?;
    assert_eq!(varied.hits.len() as u64, GENRES);
    index.close()?;
    Ok(())
}
