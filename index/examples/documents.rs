//! Full-text-like search over documents: passages of a document form a group, and an edited document is upserted.
//!
//! `cargo run -p gallerist-index --example documents`. The embedding is a stand-in that hashes words; use a real model instead.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};

use gallerist_index::{Index, Lengths, Options, Row};

const DIMENSION: usize = 256;

const DOCUMENTS: [(&str, &[&str]); 3] = [
    (
        "bread",
        &["Mix flour, water, salt and yeast.", "Let the dough rise for an hour.", "Bake it in a hot oven."],
    ),
    (
        "bicycle",
        &["Take off the wheel and the tyre.", "Patch the hole in the tube.", "Pump up the tyre again."],
    ),
    ("tomatoes", &["Sow the seeds in spring.", "Water the plants when the soil is dry.", "Pick them red."]),
];

/// Counts of hashed words: near vectors share words.
fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSION];
    for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut hasher = DefaultHasher::new();
        word.to_lowercase().hash(&mut hasher);
        vector[hasher.finish() as usize % DIMENSION] += 1.0;
    }
    vector
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let options = Options::new(DIMENSION).lengths(Lengths::Any).label("hashed words");
    let index = Index::open_or_create(&directory.path().join("documents"), options)?;

    // A passage is a row, its document the group.
    let passages = |document: usize| {
        (0..).zip(DOCUMENTS[document].1).map(move |(at, text)| (document as u64 * 100 + at, *text))
    };
    for document in 0..DOCUMENTS.len() {
        let vectors: Vec<(u64, Vec<f32>)> = passages(document).map(|(id, text)| (id, embed(text))).collect();
        let rows: Vec<Row<'_>> =
            vectors.iter().map(|(id, vector)| Row { id: *id, group: document as u64, vector }).collect();
        index.insert(&rows)?;
    }

    let question = embed("how to water dry plants");
    let answer = index.view().query(&question)?.top_groups(2)?;
    for hit in &answer.hits {
        let (name, passages) = DOCUMENTS[hit.group as usize];
        println!("{:.3}  {name}: {}", hit.score, passages[(hit.id % 100) as usize]);
    }
    assert!(answer.complete && DOCUMENTS[answer.hits[0].group as usize].0 == "tomatoes");

    // An edited passage takes the place of the old one in one commit.
    let edited = embed("Water the bread dough.");
    let receipt = index.upsert(&[Row { id: 1, group: 0, vector: &edited }])?;
    assert_eq!((receipt.rows, receipt.replaced), (1, 1));
    index.delete_group(1)?;
    println!("{} passages are left", index.view().len());
    index.close()?;
    Ok(())
}
