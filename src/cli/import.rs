//! `gallerist import`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::naming::print_similar;
use super::screen::{Bar, Screen, count, plural};
use super::{ExitStatus, interrupt, opening};
use crate::reply::{EngineRequest, ImportEvent, ImportSummary};
use crate::session::{Control, ImportRequest, OtherNames, Session};

/// Add templates from a file. Rows are normalised to length 1. Every row and every name is checked before the first row is written. Rows
/// that are already in the gallery are not imported again, so the same command resumes an interrupted import.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// One template per row, f16, f32 or f64; `-` is the standard input. Or the folder that `encode` or `export` wrote, or a file in it:
    /// names and photos are then read from templates.jsonl
    #[arg(value_name = "FILE.npy|DIR|-")]
    file: PathBuf,
    /// Subject names, one line per row, or a templates.jsonl [default: FILE-ROW, each row is a subject of its own; a number is appended to
    /// a name that is already used]
    #[arg(long, value_name = "FILE.txt|FILE.jsonl")]
    subjects: Option<PathBuf>,
    /// Import every row as a face without a name; `cluster G --assign` groups them into people
    #[arg(long, conflicts_with_all = ["subjects", "rename", "keep_names"])]
    unnamed: bool,
    /// Rename rows that are in the gallery under another name
    #[arg(long)]
    rename: bool,
    /// Leave the names of rows that are in the gallery under another name
    #[arg(long, conflicts_with = "rename")]
    keep_names: bool,
    /// Skip rows that are not templates (not finite, or zero), and list them
    #[arg(long)]
    skip_invalid: bool,
    /// Model of the templates; it must be the gallery's. Required unless the gallery was made with --dimension or templates.jsonl names the
    /// model
    #[arg(long, value_name = "NAME")]
    from_model: Option<String>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let session = Session::of(opening::to_write(&arguments.gallery)?, EngineRequest::default());
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let summary = session.import(&arguments.request(), &control, |event| {
        match &event {
            ImportEvent::Skipped { row, reason, detail } => {
                bar.suspend(|| screen.text(format!("skipped row {row}  ({reason}: {detail})")))?;
            }
            ImportEvent::Imported { .. } => {}
            ImportEvent::Summary(_) => bar.finish(),
        }
        anyhow::Ok(screen.json(&event)?)
    })?;
    print_summary(&summary, screen)?;
    Ok(match summary.interrupted {
        true => ExitStatus::Interrupted,
        false if summary.skipped == summary.rows => {
            screen.text("no input was usable")?;
            ExitStatus::NothingUsable
        }
        false => ExitStatus::Done,
    })
}

impl Arguments {
    fn request(&self) -> ImportRequest {
        ImportRequest {
            file: self.file.clone(),
            subjects: self.subjects.clone(),
            unnamed: self.unnamed,
            other_names: match (self.rename, self.keep_names) {
                (true, _) => OtherNames::Rename,
                (_, true) => OtherNames::Keep,
                _ => OtherNames::Refuse,
            },
            skip_invalid: self.skip_invalid,
            from_model: self.from_model.clone(),
        }
    }
}

/// Prints the summary.
fn print_summary(summary: &ImportSummary, screen: Screen) -> Result<()> {
    let (imported, seconds) = (summary.imported, summary.seconds);
    let rate = count((imported as f64 / seconds) as u64);
    screen.text(format!("{} imported in {seconds:.1} s ({rate} a second)", plural(imported, "template")))?;
    for (number, what) in [
        (summary.imported_before, "of this file were already in the gallery"),
        (summary.repeated, "with the face of an earlier row skipped"),
    ] {
        if number > 0 {
            screen.text(format!("{} {what}", plural(number, "row")))?;
        }
    }
    if summary.renamed > 0 {
        screen.text(format!("{} renamed", plural(summary.renamed, "template")))?;
    }
    if summary.skipped > 0 {
        screen.text(format!("{} left out", plural(summary.skipped, "row")))?;
    }
    print_similar(&summary.similar_names, screen)?;
    if summary.interrupted {
        screen.text("interrupted; the same command resumes")?;
    }
    Ok(())
}
