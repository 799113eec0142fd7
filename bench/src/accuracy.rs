//! Verification accuracy of a model, from an exported gallery with one subject per person.
//!
//! ```text
//! gallerist init G --model NAME; gallerist enroll G FOLDER --subject-from dir; gallerist export G --out EXPORT
//! cargo run --release -p gallerist-bench -- accuracy EXPORT [REFERENCE.npy LIST.tsv]
//! ```
//!
//! Verification: all pairs of templates, and the TAR at thresholds with a given FMR over the non-mated pairs, measured in-sample.
//! With a reference: the cosine of each template with its row of REFERENCE.npy. The row is that of the line in LIST.tsv with which the path
//! of the photo ends. Prints one JSON line. `gallerist eval --one-image` measures identification.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use gallerist::template::Template;
use gallerist::vectors::VectorFile;
use gallerist_index::dot;
use rayon::prelude::*;
use serde_json::{Value, json};

/// Runs the benchmark with the arguments after its name.
///
/// # Errors
/// A file is missing or invalid, or the index fails.
pub fn run(arguments: &[String]) -> Result<()> {
    let export = Path::new(arguments.first().context("EXPORT is missing")?);
    let templates = read(&export.join("embeddings.npy"))?;
    let described = std::fs::read_to_string(export.join("templates.jsonl"))?;
    let mut subjects = Vec::new();
    let mut paths = Vec::new();
    for line in described.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |field: &str| line[field].as_str().map(str::to_owned).context("a line without names");
        subjects.push(text("subject")?);
        paths.push(text("path")?);
    }
    ensure!(subjects.len() == templates.len(), "the two files of the export have different numbers of rows");
    let people: HashSet<&str> = subjects.iter().map(String::as_str).collect();
    let reference = match &arguments[1..] {
        [file, list] => reference(&templates, &paths, &read(Path::new(file))?, Path::new(list))?,
        _ => Value::Null,
    };
    println!(
        "{}",
        json!({
            "templates": templates.len(), "people": people.len(),
            "verification": verification(&templates, &subjects),
            "cosine_with_reference": reference,
        })
    );
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Template>> {
    let file = VectorFile::open(path)?;
    let rows = usize::try_from(file.rows)?;
    Ok(file.templates(0, rows)?)
}

fn score(one: &Template, other: &Template) -> f32 {
    dot(one.as_slice(), other.as_slice())
}

/// The value that this share of the descending `sorted` reaches.
fn quantile(sorted: &[f32], share: f64) -> f32 {
    sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]
}

/// The share of the values at or above a threshold.
fn reach(values: &[f32], threshold: f32) -> f64 {
    values.iter().filter(|value| **value >= threshold).count() as f64 / values.len() as f64
}

fn descending(mut values: Vec<f32>) -> Vec<f32> {
    values.par_sort_unstable_by(|one, other| other.total_cmp(one));
    values
}

fn verification(templates: &[Template], subjects: &[String]) -> Value {
    let pairs = |mated: bool| -> Vec<f32> {
        (0..templates.len())
            .into_par_iter()
            .flat_map_iter(|one| {
                (one + 1..templates.len())
                    .filter(move |&other| (subjects[one] == subjects[other]) == mated)
                    .map(move |other| score(&templates[one], &templates[other]))
            })
            .collect()
    };
    let (mated, impostors) = (pairs(true), descending(pairs(false)));
    let rates: Vec<Value> = [1e-3, 1e-4, 1e-5, 1e-6]
        .into_iter()
        .map(|fmr| {
            let threshold = quantile(&impostors, fmr);
            json!({ "fmr": fmr, "threshold": threshold, "tar": reach(&mated, threshold) })
        })
        .collect();
    json!({ "mated_pairs": mated.len(), "impostor_pairs": impostors.len(), "tar_at_fmr": rates })
}

fn reference(templates: &[Template], paths: &[String], reference: &[Template], list: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(list)?;
    let names = text.lines().map(|line| line.split('\t').next().unwrap_or(line));
    let rows: HashMap<&str, usize> = names.enumerate().map(|(row, name)| (name, row)).collect();
    let mut cosines = Vec::with_capacity(templates.len());
    for (template, path) in templates.iter().zip(paths) {
        let cut = path.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
        let row = rows.get(&path[cut..]).with_context(|| format!("{path} is not in the list"))?;
        cosines.push(score(template, &reference[*row]));
    }
    let cosines = descending(cosines);
    let below = 1.0 - reach(&cosines, 0.7);
    Ok(json!({
        "median": quantile(&cosines, 0.5), "quantile_5_percent": quantile(&cosines, 0.95),
        "quantile_1_percent": quantile(&cosines, 0.99), "share_below_0.7": below,
    }))
}
