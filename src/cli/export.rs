//! `gallerist export`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::screen::{Bar, Screen, plural, print_error};
use super::{ExitStatus, interrupt, opening};
use crate::reply::{EngineRequest, ExportInterrupted, VERSION, Versioned};
use crate::session::{Control, Session};

/// Write all templates to `embeddings.npy` (f32, unit length) and their descriptions, in the same order, to `templates.jsonl`. `import`
/// reads both files, with names and photos.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Folder to write to; made if it does not exist. Existing files are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<ExitStatus> {
    let session = Session::of(opening::to_read(&arguments.gallery)?, EngineRequest::default());
    let bar = Bar::new();
    let control = Control { stop: interrupt::stop_flag(), progress: &|progress| bar.show(progress) };
    let exported = session.export(&arguments.out, &control)?;
    bar.finish();
    match exported {
        Ok(exported) => {
            let templates = plural(exported.templates, "template");
            screen.text(format!("{templates} written to {}", arguments.out.display()))?;
            screen.json(&Versioned::new(exported))?;
            Ok(ExitStatus::Done)
        }
        Err(stopped) => {
            print_error("interrupted: nothing was exported; temporary files are removed");
            let (unit, total) = (stopped.unit.to_owned(), stopped.total);
            screen.json(&ExportInterrupted {
                version: VERSION,
                unit,
                total,
                exported: 0,
                looked_at: 0,
                not_looked_at: total,
            })?;
            Ok(ExitStatus::Interrupted)
        }
    }
}
