//! `gallerist search` and `gallerist range`: searches for vectors, without decisions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::Args;

use super::rows::RowArguments;
use super::screen::{Screen, Table, count, score};
use super::{ExitStatus, NothingUsable, interrupt, opening, values};
use crate::gallery::{Answer, Gallery, GalleryError};
use crate::reply::{Candidate, Lookup};
use crate::session::Stopped;
use crate::template::Template;
use crate::vectors::BLOCK;

/// List the templates closest to each vector of a file.
#[derive(Debug, Args)]
pub struct SearchArguments {
    /// The gallery
    gallery: PathBuf,
    /// Probes, one per row; `-` is the standard input
    #[arg(long, value_name = "FILE.npy")]
    vectors: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Number of templates to list for each probe
    #[arg(short = 'k', long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    top_k: u32,
}

/// List every template with at least a given score, for each vector of a file.
#[derive(Debug, Args)]
pub struct RangeArguments {
    /// The gallery
    gallery: PathBuf,
    /// Probes, one per row; `-` is the standard input
    #[arg(long, value_name = "FILE.npy")]
    vectors: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Lowest score to list
    #[arg(long, value_name = "COSINE", allow_negative_numbers = true, value_parser = values::cosine)]
    min_score: f32,
}

pub fn search(arguments: &SearchArguments, screen: Screen) -> Result<ExitStatus> {
    let k = arguments.top_k as usize;
    each_probe(&arguments.gallery, (&arguments.vectors, &arguments.rows), screen, |gallery, probe| {
        Ok(gallery.search(probe, k)?)
    })
}

pub fn range(arguments: &RangeArguments, screen: Screen) -> Result<ExitStatus> {
    let least = arguments.min_score;
    each_probe(&arguments.gallery, (&arguments.vectors, &arguments.rows), screen, |gallery, probe| {
        Ok(gallery.range(probe, least)?)
    })
}

fn each_probe(
    gallery: &Path,
    (vectors, rows): (&Path, &RowArguments),
    screen: Screen,
    ask: impl Fn(&Gallery, &Template) -> Result<Answer>,
) -> Result<ExitStatus> {
    let stop = interrupt::stop_flag();
    let gallery = opening::to_read(gallery)?;
    let (file, left_out) = rows.open(vectors, screen)?;
    let total = file.rows;
    if left_out.len() as u64 == total {
        return Err(NothingUsable(format!("{}: no usable probe", vectors.display())).into());
    }
    file.require_model(gallery.binding())?;
    let (expected, got) = (gallery.binding().dimension, file.dimension);
    if expected != got {
        let error = GalleryError::WrongDimension { expected, got };
        return Err(error).with_context(|| vectors.display().to_string());
    }
    for first in (0..total).step_by(BLOCK) {
        for (row, probe) in file.valid(first, BLOCK)? {
            if stop.load(Ordering::Relaxed) {
                return interrupt::report(Stopped { looked_at: row, total, unit: "probe" }, screen);
            }
            let started = std::time::Instant::now();
            let answer = ask(&gallery, &probe)?;
            let took = started.elapsed().as_secs_f64() * 1e3;
            if !print(&gallery, row, &answer, took, screen, stop)? {
                return interrupt::report(Stopped { looked_at: row, total, unit: "probe" }, screen);
            }
        }
    }
    Ok(ExitStatus::Done)
}

/// Prints the hits of a probe. Looks up each name once. Returns false if a stop is requested before all names are known.
fn print(
    gallery: &Gallery,
    row: u64,
    answer: &Answer,
    milliseconds: f64,
    screen: Screen,
    stop: &AtomicBool,
) -> Result<bool> {
    let mut names = HashMap::new();
    for hit in &answer.hits {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if let Entry::Vacant(place) = names.entry(hit.subject) {
            place.insert(gallery.name_of(hit)?.unwrap_or_default());
        }
    }
    let hits = count(answer.hits.len() as u64);
    let searched = count(answer.scanned);
    screen.text(format!("probe {row}: {hits} of {searched} templates, {milliseconds:.1} ms"))?;
    let mut table = Table::new(&[0, 2, 3]);
    let mut listed = Vec::new();
    for (rank, hit) in answer.hits.iter().enumerate() {
        let subject = &names[&hit.subject];
        if screen.is_json() {
            listed.push(Candidate {
                face_id: hit.id,
                subject_id: hit.subject,
                subject: subject.clone(),
                similarity: hit.score,
                distance: 1.0 - hit.score,
            });
        } else {
            table.row([(rank + 1).to_string(), subject.clone(), format!("#{}", hit.id), score(hit.score)]);
        }
    }
    screen.json(&Lookup {
        probe: row,
        matches: listed,
        complete: answer.complete,
        searched: answer.scanned,
        max_similarity: answer.max_score,
        processing_time_ms: milliseconds,
    })?;
    table.lines(2).iter().try_for_each(|line| screen.text(line))?;
    Ok(true)
}
