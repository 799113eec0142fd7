//! `gallerist import`

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::Args;
use serde_json::json;

use super::screen::{Screen, plural};
use super::{End, interrupt};
use crate::gallery::{Gallery, GalleryError, Name, Person};
use crate::vectors::{BLOCK, VectorFile, read_names};

/// Add ready-made templates. Rows are normalised to length 1. The whole file is checked before the first
/// row is written; an interrupted import goes on where it stopped when the same command is run again.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// One template a row, f32 or f16
    #[arg(value_name = "FILE.npy")]
    file: PathBuf,
    /// Names of the people, one line a row [default: FILE-ROW, each row a person of its own, with a number more where the name is taken]
    #[arg(long, value_name = "FILE.txt")]
    subjects: Option<PathBuf>,
    /// The model that the templates were made with; must be the gallery's. Needed unless the gallery was
    /// made with --dimension
    #[arg(long, value_name = "NAME")]
    from_model: Option<String>,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let mut file = VectorFile::open(&arguments.file)?;
    let gallery = Gallery::open(&arguments.gallery)?;
    check_origin(&gallery, arguments.from_model.as_deref())?;
    let (expected, got) = (gallery.binding().dimension, file.dimension);
    if expected != got {
        return Err(GalleryError::WrongDimension { expected, got }.into());
    }
    let names = arguments.subjects.as_ref().map(|names| read_names(names, file.rows)).transpose()?;
    let stem = arguments.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let person = |row: u64| match &names {
        Some(names) => Ok(Person::Named(names[row as usize].clone())),
        None => Name::made_up(&format!("{stem}-{row}")).map(Person::Unknown),
    };
    if file.rows > 0 {
        person(0)?; // before anything is written
    }

    let stop = interrupt::watch();
    let started = Instant::now();
    let bar = screen.progress(Some(file.rows), "rows checked");
    let hash = file.verify(|row| bar.set_position(row))?;
    bar.finish_and_clear();
    let source = gallery.source(&hash, &arguments.file, file.rows)?;
    let resumed_at = source.rows_done;
    let bar = screen.progress(Some(file.rows), "rows");
    bar.set_position(resumed_at);
    bar.reset_eta();
    let mut done = resumed_at;
    while done < file.rows && !stop.load(Ordering::Relaxed) {
        let templates = file.templates(done, BLOCK)?;
        let persons = (done..).take(templates.len()).map(person).collect::<Result<Vec<_>, _>>()?;
        gallery.import(&source, done, &persons, &templates)?;
        done += templates.len() as u64;
        bar.set_position(done);
        screen.json(&json!({ "event": "imported", "rows_done": done, "rows": file.rows }))?;
    }
    gallery.compact()?;
    bar.finish_and_clear();

    let interrupted = done < file.rows;
    let seconds = started.elapsed().as_secs_f64();
    screen.json(&json!({
        "event": "summary", "rows": file.rows, "imported": done - resumed_at, "imported_before": resumed_at,
        "seconds": seconds, "interrupted": interrupted,
    }))?;
    let rate = super::screen::count(((done - resumed_at) as f64 / seconds) as u64);
    let imported = plural(done - resumed_at, "template");
    screen.text(format!("{imported} imported in {seconds:.1} s ({rate} a second)"))?;
    if resumed_at > 0 {
        screen.text(format!("{} of this file were in the gallery already", plural(resumed_at, "row")))?;
    }
    if interrupted {
        screen.text("interrupted; the same command goes on from here")?;
    }
    Ok(if interrupted { End::Interrupted } else { End::Done })
}

/// Scores between templates of two models mean nothing, and a file does not say where it comes from.
fn check_origin(gallery: &Gallery, from_model: Option<&str>) -> Result<()> {
    let binding = gallery.binding();
    match from_model {
        None if binding.is_external() => Ok(()),
        None => bail!(
            "this gallery is bound to {}; say with --from-model {} that these templates were made with it",
            binding.describe(),
            binding.model
        ),
        Some(name) => {
            ensure!(
                name == binding.model,
                "this gallery is bound to {}, the templates come from {name:?}: scores between two models mean nothing",
                binding.describe()
            );
            Ok(())
        }
    }
}
