//! `gallerist import`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Bar, Screen, count, plural};
use super::{End, interrupt, opening};
use crate::reply::{EngineRequest, ImportEvent, ImportSummary};
use crate::session::{Control, ImportRequest, OtherNames, Session};

/// Add ready-made templates. Rows are normalised to length 1. Every row and every name is checked before the first
/// row is written; rows that are in the gallery already are not imported twice, so an interrupted import goes on where
/// it stopped when the same command is run again.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// One template a row, f16, f32 or f64; `-` reads the standard input; or what `encode` and `export` wrote: the
    /// folder, or a file in it. Names and photos are then read from templates.jsonl
    #[arg(value_name = "FILE.npy|DIR|-")]
    file: PathBuf,
    /// Names of the people, one line a row, or a templates.jsonl [default: FILE-ROW, each row a person of its own, with
    /// a number more where the name is taken]
    #[arg(long, value_name = "FILE.txt|FILE.jsonl")]
    subjects: Option<PathBuf>,
    /// Rows that are in the gallery under other names get the names given now
    #[arg(long)]
    rename: bool,
    /// Rows that are in the gallery under other names keep these
    #[arg(long, conflicts_with = "rename")]
    keep_names: bool,
    /// Leave rows out that are no templates (not finite, without a direction), and list them
    #[arg(long)]
    skip_invalid: bool,
    /// The model that the templates were made with; must be the gallery's. Needed unless the gallery was
    /// made with --dimension, or templates.jsonl names the model
    #[arg(long, value_name = "NAME")]
    from_model: Option<String>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let session = Session::of(opening::to_write(&arguments.gallery)?, EngineRequest::default());
    let bar = Bar::new();
    let control = Control { stop: interrupt::watch(), progress: &|progress| bar.show(progress) };
    let summary = session.import(&arguments.request(), &control, |event| {
        match &event {
            ImportEvent::Skipped { row, reason, detail } => {
                bar.aside(|| screen.text(format!("skipped row {row}  ({reason}: {detail})")))?;
            }
            ImportEvent::Imported { .. } => {}
            ImportEvent::Summary(_) => bar.finish(),
        }
        anyhow::Ok(screen.json(&event)?)
    })?;
    print_summary(&summary, screen)?;
    Ok(match summary.interrupted {
        true => End::Interrupted,
        false if summary.skipped == summary.rows => {
            screen.text("no input was usable")?;
            End::NothingUsable
        }
        false => End::Done,
    })
}

impl Arguments {
    fn request(&self) -> ImportRequest {
        ImportRequest {
            file: self.file.clone(),
            subjects: self.subjects.clone(),
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

/// The closing lines.
fn print_summary(summary: &ImportSummary, screen: Screen) -> Result<()> {
    let (imported, seconds) = (summary.imported, summary.seconds);
    let rate = count((imported as f64 / seconds) as u64);
    screen.text(format!("{} imported in {seconds:.1} s ({rate} a second)", plural(imported, "template")))?;
    for (number, what) in [
        (summary.imported_before, "of this file were in the gallery already"),
        (summary.repeated, "of a face that an earlier row is of left out"),
    ] {
        if number > 0 {
            screen.text(format!("{} {what}", plural(number, "row")))?;
        }
    }
    if summary.renamed > 0 {
        screen.text(format!("{} given other names", plural(summary.renamed, "template")))?;
    }
    if summary.skipped > 0 {
        screen.text(format!("{} left out", plural(summary.skipped, "row")))?;
    }
    if summary.interrupted {
        screen.text("interrupted; the same command goes on from here")?;
    }
    Ok(())
}
