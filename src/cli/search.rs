//! `gallerist search` and `gallerist range`: searches for vectors, without decisions.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::Args;

use super::rows::RowArguments;
use super::screen::{Screen, Table, count, score};
use super::{ExitStatus, NothingUsable, interrupt, opening, values};
use crate::gallery::{Gallery, GalleryError};
use crate::reply::{Candidate, Lookup};
use crate::session::{Stopped, lookup};
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
    each_probe(&arguments.gallery, (&arguments.vectors, &arguments.rows), screen, |gallery, row, probe, _| {
        Ok((lookup::search(gallery, row, probe, k)?, true))
    })
}

pub fn range(arguments: &RangeArguments, screen: Screen) -> Result<ExitStatus> {
    let least = arguments.min_score;
    each_probe(
        &arguments.gallery,
        (&arguments.vectors, &arguments.rows),
        screen,
        |gallery, row, probe, stop| Ok(lookup::range(gallery, row, probe, least, stop)?),
    )
}

fn each_probe(
    gallery: &Path,
    (vectors, rows): (&Path, &RowArguments),
    screen: Screen,
    ask: impl Fn(&Gallery, u64, &Template, &dyn Fn() -> bool) -> Result<(Lookup, bool)>,
) -> Result<ExitStatus> {
    let stop = interrupt::stop_flag();
    let is_stopped = || stop.load(Ordering::Relaxed);
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
            if is_stopped() {
                return interrupt::report(Stopped { looked_at: row, total, unit: "probe" }, screen);
            }
            let (found, whole) = ask(&gallery, row, &probe, &is_stopped)?;
            if !whole {
                return interrupt::report(Stopped { looked_at: row, total, unit: "probe" }, screen);
            }
            print(&found, screen)?;
        }
    }
    Ok(ExitStatus::Done)
}

fn print(found: &Lookup, screen: Screen) -> Result<()> {
    screen.json(found)?;
    if screen.is_json() {
        return Ok(());
    }
    let Lookup { probe, matches, searched, processing_time_ms, .. } = found;
    let (hits, searched) = (count(matches.len() as u64), count(*searched));
    screen.text(format!("probe {probe}: {hits} of {searched} templates, {processing_time_ms:.1} ms"))?;
    let mut table = Table::new(&[0, 2, 3]);
    for (rank, hit) in matches.iter().enumerate() {
        let Candidate { face_id, subject, similarity, .. } = hit;
        table.row([(rank + 1).to_string(), subject.clone(), format!("#{face_id}"), score(*similarity)]);
    }
    Ok(table.lines(2).iter().try_for_each(|line| screen.text(line))?)
}
