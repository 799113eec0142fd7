//! A whole program: a few words, stored, found, and stored again.

use std::error::Error;

use gallerist_index::{Index, Lengths, Options, Row};

const WORDS: [(&str, [f32; 3]); 4] = [
    ("king", [3.0, 1.0, 0.0]),
    ("queen", [2.9, -1.0, 0.2]),
    ("bread", [0.0, 0.1, 2.0]),
    ("butter", [0.2, -0.1, 1.5]),
];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::temp_dir().join(format!("words-{}", std::process::id()));
    let index = Index::open_or_create(&directory, Options::new(3).lengths(Lengths::Any))?;
    let rows: Vec<Row<'_>> =
        (0..).zip(&WORDS).map(|(id, (_, vector))| Row { id, group: id, vector }).collect();
    index.upsert(&rows)?;

    let answer = index.view().query(&[0.1, 0.0, 1.0])?.top_k(2)?;
    let found: Vec<&str> = answer.hits.iter().map(|hit| WORDS[hit.id as usize].0).collect();
    println!("{found:?}, complete: {}", answer.complete);
    assert_eq!((&found[..], answer.complete), (&["butter", "bread"][..], true));
    index.close()?;

    let again = Index::open_read_only(&directory)?;
    assert_eq!(again.view().len(), WORDS.len());
    drop(again);
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}
