//! Turns the log into the finished files.
//!
//! The file of vectors is replaced first and `templates.jsonl` last, because the lines of `templates.jsonl` define the rows. A run that is
//! killed in between leaves vectors without lines, and the log. The next run makes both files again from the log.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::log::{Entry, Log};
use crate::cli::FileFormat;
use crate::session::replacement::{Replacement, replace};
use crate::vectors::{BLOCK, Description, Descriptions, VectorFile, Writer};

/// Writes the finished files from their old content and the log, and removes the log.
pub fn finish(log: &mut Log) -> Result<()> {
    let before = if log.templates().exists() { Some(Descriptions::count(&log.templates())?) } else { None };
    let mut new = 0;
    each_new(log, |_| {
        new += 1;
        Ok(())
    })?;
    let changed = new > 0 || before.is_none();
    let before = before.unwrap_or(0);
    let vectors = match log.format {
        FileFormat::Npy if changed => Some(write_vectors(log, before, new)?),
        _ => None,
    };
    let templates = if changed { Some(write_templates(log)?) } else { None };
    let skips = write_skips(log)?;
    for file in [vectors, Some(skips), templates].into_iter().flatten() {
        file.finish()?;
    }
    log.remove()
}

/// Calls `visit` with every template of the log that is not in the finished files.
fn each_new(log: &mut Log, mut visit: impl FnMut(&Description) -> Result<()>) -> Result<()> {
    let mut done = Ok(());
    log.each_entry(|log, entry| {
        let Entry::Encoded(templates) = entry else { return };
        let is_finished = |photo: &String| log.finished.contains(photo);
        if done.is_ok()
            && !templates.first().is_some_and(|first| first.photo.as_ref().is_some_and(is_finished))
        {
            done = templates.iter().try_for_each(&mut visit);
        }
    })?;
    done
}

fn write_vectors(log: &mut Log, before: u64, new: u64) -> Result<Replacement> {
    let path = log.embeddings();
    let writing = || format!("{}: writing it", path.display());
    replace(&path, |file| {
        let mut writer = Writer::new(file, before + new, log.made_with.dimension).with_context(writing)?;
        if before > 0 {
            copy_vectors(log, before, &mut writer)?;
        }
        each_new(log, |template| {
            let vector = template.embedding.as_deref().context("a template in the log has its vector")?;
            template.require(vector).map_err(anyhow::Error::msg)?;
            writer.push(vector).with_context(writing)
        })?;
        writer.finish().with_context(writing)
    })
}

/// Copies the vectors of the finished files. Compares each one with its line.
fn copy_vectors(log: &Log, rows: u64, writer: &mut Writer<'_>) -> Result<()> {
    let file = VectorFile::open(&log.embeddings())?;
    let (path, dimension) = (file.path().display(), log.made_with.dimension);
    ensure!(
        file.rows >= rows && file.dimension == dimension,
        "{path}: expected {rows} rows of {dimension} or more, as templates.jsonl describes, got {} of {}",
        file.rows,
        file.dimension
    );
    let mut lines = Descriptions::open(&log.templates())?;
    for first in (0..rows).step_by(BLOCK) {
        let count = BLOCK.min(usize::try_from(rows - first)?);
        for template in file.templates(first, count)? {
            if let Some(line) = lines.next()? {
                line.require(template.as_slice()).map_err(|what| lines.bad(&what))?;
            }
            writer.push(template.as_slice())?;
        }
    }
    Ok(())
}

fn write_templates(log: &mut Log) -> Result<Replacement> {
    let path = log.templates();
    let writing = || format!("{}: writing it", path.display());
    let with_vectors = log.format == FileFormat::Jsonl;
    replace(&path, |file| {
        let mut lines = BufWriter::with_capacity(1 << 20, file);
        if path.exists() {
            copy_lines(&path, &mut lines)?;
        }
        each_new(log, |template| {
            let mut line = template.clone();
            line.embedding = line.embedding.filter(|_| with_vectors);
            write_line(&mut lines, &line).with_context(writing)
        })?;
        lines.flush().with_context(writing)
    })
}

fn copy_lines(path: &Path, to: &mut impl Write) -> Result<()> {
    let reading = || format!("{}: copying it", path.display());
    let mut from = BufReader::with_capacity(1 << 20, File::open(path).with_context(reading)?);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).with_context(reading)? > 0 {
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        to.write_all(&line).with_context(reading)?;
        line.clear();
    }
    Ok(())
}

fn write_skips(log: &Log) -> Result<Replacement> {
    let path = log.skips();
    let writing = || format!("{}: writing it", path.display());
    replace(&path, |file| {
        let mut lines = BufWriter::new(file);
        log.skipped.values().try_for_each(|skip| write_line(&mut lines, skip).with_context(writing))?;
        lines.flush().with_context(writing)
    })
}

fn write_line(to: &mut impl Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")
}
