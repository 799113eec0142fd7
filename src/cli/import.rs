//! `gallerist import`

mod plan;
mod sheet;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;

use super::screen::{Screen, count, plural};
use super::{End, interrupt, opening};
use crate::gallery::{Gallery, GalleryError, ImportedRow, Name, Person, Source};
use crate::vectors::{BLOCK, STANDARD_INPUT};
use plan::{OtherNames, Plan};
use sheet::Sheet;

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
    let mut sheet = Sheet::open(&arguments.file, arguments.subjects.as_deref())?;
    let gallery = opening::to_write(&arguments.gallery)?;
    let (expected, got) = (gallery.binding().dimension, sheet.file.dimension);
    if expected != got {
        return Err(GalleryError::WrongDimension { expected, got })
            .with_context(|| arguments.file.display().to_string());
    }
    let stop = interrupt::watch();
    let started = Instant::now();
    let rows = sheet.file.rows;
    let bar = screen.progress(Some(rows), "rows checked");
    let hash = sheet.check(arguments.skip_invalid, |row| bar.set_position(row))?;
    bar.finish_and_clear();
    check_origin(&gallery, arguments.from_model.as_deref(), sheet.made_with.as_ref())?;

    let source = gallery.source(&hash, &arguments.file, rows)?;
    let others = match (arguments.rename, arguments.keep_names) {
        (true, _) => OtherNames::Rename,
        (_, true) => OtherNames::Keep,
        _ => OtherNames::Refuse,
    };
    let plan = Plan::make(&gallery, &source, &sheet, others)?;
    list_invalid(&sheet, screen)?;
    gallery.rename_templates(&plan.renamed)?;
    gallery.note_source_names(&source, sheet.names_digest().as_deref())?;
    let import = Import { arguments, gallery: &gallery, source, sheet, plan, screen };
    let imported = import.rows(stop)?;
    gallery.compact()?;
    import.summary(imported, started.elapsed().as_secs_f64())
}

/// Bytes of vectors that are written together. The catalog finds names by hash, so each transaction writes most pages of that index of a large
/// gallery anew: few large transactions write far less than many small ones.
const TOGETHER: usize = 48 << 20;

/// An import that may be written.
struct Import<'a> {
    arguments: &'a Arguments,
    gallery: &'a Gallery,
    source: Source,
    sheet: Sheet,
    plan: Plan,
    screen: Screen,
}

impl Import<'_> {
    /// Writes the rows that are missing, block by block, until `stop`. Returns how many were written.
    fn rows(&self, stop: &AtomicBool) -> Result<u64> {
        let (file, plan) = (&self.sheet.file, &self.plan);
        let bar = self.screen.progress(Some(file.rows), "rows");
        bar.set_position(plan.held);
        bar.reset_eta();
        let mut photos = self.sheet.photos()?;
        let mut imported = 0;
        let together = (TOGETHER / (size_of::<f32>() * file.dimension)).clamp(1024, BLOCK * 8);
        for first in (0..file.rows).step_by(together) {
            let end = file.rows.min(first + together as u64);
            if stop.load(Ordering::Relaxed) || plan.next(first).is_none() {
                break;
            }
            let missing = plan.next(first).is_some_and(|row| row < end);
            let block = if missing { file.block(first, together)? } else { Vec::new() };
            let mut block = block.into_iter();
            let mut wanted = Vec::new();
            for row in first..end {
                let (photo, template) = (photos.next()?, block.next());
                if let Some(template) = template.filter(|_| plan.wants(row)) {
                    let template = template.map_err(|error| file.bad_row(row, error))?;
                    wanted.push(ImportedRow { row, person: self.person(row)?, template, photo });
                }
            }
            if wanted.is_empty() {
                continue;
            }
            self.gallery.import(&self.source, &wanted)?;
            imported += wanted.len() as u64;
            bar.set_position(plan.held + imported);
            let done = plan.held + imported;
            self.screen.json(&json!({ "event": "imported", "rows_done": done, "rows": file.rows }))?;
        }
        bar.finish_and_clear();
        Ok(imported)
    }

    /// Whose a row is: the name that it comes with, or one that is made up; nobody's if it is an unknown face.
    fn person(&self, row: u64) -> Result<Option<Person>, GalleryError> {
        if let Some(person) = self.sheet.person(row) {
            return Ok(Some(person.clone()));
        }
        if self.sheet.is_unknown(row) {
            return Ok(None);
        }
        let path = &self.arguments.file;
        let stem = if path.as_os_str() == STANDARD_INPUT {
            "standard-input".into()
        } else {
            path.file_stem().unwrap_or_default().to_string_lossy()
        };
        Name::made_up(&format!("{stem}-{row}")).map(Person::Unknown).map(Some)
    }

    fn summary(&self, imported: u64, seconds: f64) -> Result<End> {
        let (rows, held) = (self.sheet.file.rows, self.plan.held);
        let (skipped, renamed) = (self.sheet.invalid.len() as u64, self.plan.renamed.len() as u64);
        let repeated = self.plan.repeated;
        let interrupted = held + imported + skipped + repeated < rows;
        let screen = self.screen;
        screen.json(&json!({
            "event": "summary", "rows": rows, "imported": imported, "imported_before": held, "renamed": renamed,
            "repeated": repeated, "skipped": skipped, "seconds": seconds, "interrupted": interrupted,
        }))?;
        let rate = count((imported as f64 / seconds) as u64);
        screen
            .text(format!("{} imported in {seconds:.1} s ({rate} a second)", plural(imported, "template")))?;
        if held > 0 {
            screen.text(format!("{} of this file were in the gallery already", plural(held, "row")))?;
        }
        if repeated > 0 {
            screen
                .text(format!("{} of a face that an earlier row is of left out", plural(repeated, "row")))?;
        }
        if renamed > 0 {
            screen.text(format!("{} given other names", plural(renamed, "template")))?;
        }
        if skipped > 0 {
            screen.text(format!("{} left out", plural(skipped, "row")))?;
        }
        if interrupted {
            screen.text("interrupted; the same command goes on from here")?;
        }
        Ok(match interrupted {
            true => End::Interrupted,
            false if skipped == rows => {
                screen.text("no input was usable")?;
                End::NothingUsable
            }
            false => End::Done,
        })
    }
}

fn list_invalid(sheet: &Sheet, screen: Screen) -> Result<()> {
    for (row, error) in &sheet.invalid {
        screen.text(format!("skipped row {row}  ({}: {error})", error.code()))?;
        screen.json(&json!({
            "event": "skipped", "row": row, "reason": error.code(), "detail": error.to_string(),
        }))?;
    }
    Ok(())
}

/// Scores between templates of two models mean nothing; a file of vectors does not say where it comes from, its
/// descriptions may.
fn check_origin(gallery: &Gallery, given: Option<&str>, made_with: Option<&(String, String)>) -> Result<()> {
    let binding = gallery.binding();
    if let Some(name) = given {
        ensure!(
            name == binding.model,
            "this gallery is bound to {}, the templates come from {name:?}: scores between two models mean nothing",
            binding.describe()
        );
    }
    match made_with {
        _ if binding.is_external() => Ok(()),
        Some((model, fingerprint)) => Ok(binding.require(model, fingerprint)?),
        None if given.is_some() => Ok(()),
        None => bail!(
            "this gallery is bound to {}; say with --from-model {} that these templates were made with it",
            binding.describe(),
            binding.model
        ),
    }
}
