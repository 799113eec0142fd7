//! `gallerist export`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use super::End;
use super::screen::{Screen, plural};
use crate::gallery::{Gallery, SubjectTemplate};
use crate::vectors;

const BLOCK: usize = 4096;

/// Write all templates to `embeddings.npy` (f32, unit length) and what is known of each, in the same order,
/// to `templates.jsonl`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Folder to write to; made if it does not exist. Existing files are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let gallery = Gallery::open(&arguments.gallery)?;
    let out = &arguments.out;
    std::fs::create_dir_all(out).with_context(|| format!("{}: making the folder", out.display()))?;
    let rows = gallery.summary()?.templates;
    let bar = screen.progress(Some(rows), "templates");
    let (embeddings, templates) = (out.join("embeddings.npy"), out.join("templates.jsonl"));
    replace(&embeddings, |file| {
        let view = gallery.view();
        let dimension = gallery.binding().dimension;
        vectors::write(file, rows, dimension, |push| {
            each_template(&gallery, |template| {
                bar.inc(1);
                let row = view.get(template.id).with_context(|| {
                    format!("template {} is not in the index; `gallerist check` tells more", template.id)
                })?;
                Ok(push(&row.vector)?)
            })
            .map_err(std::io::Error::other)
        })?;
        Ok(())
    })?;
    let mut written = 0;
    replace(&templates, |file| {
        let mut lines = BufWriter::with_capacity(1 << 20, file);
        each_template(&gallery, |template| {
            written += 1;
            serde_json::to_writer(&mut lines, &describe(template))?;
            Ok(lines.write_all(b"\n")?)
        })?;
        Ok(lines.flush()?)
    })?;
    bar.finish_and_clear();
    ensure!(
        written == rows,
        "{written} templates were described, {rows} exported: the gallery changed meanwhile"
    );
    screen.text(format!("{} written to {}", plural(rows, "template"), out.display()))?;
    screen.json(&json!({ "templates": rows, "embeddings": embeddings, "descriptions": templates }))?;
    Ok(End::Done)
}

fn describe(template: &SubjectTemplate) -> serde_json::Value {
    json!({
        "face_id": template.id, "subject_id": template.subject_id, "subject": template.subject,
        "path": template.path.as_ref().map(|path| path.to_string_lossy()), "row": template.row,
        "face": template.face,
    })
}

fn each_template(gallery: &Gallery, mut visit: impl FnMut(&SubjectTemplate) -> Result<()>) -> Result<()> {
    let mut last = 0;
    loop {
        let block = gallery.templates_after(last, BLOCK)?;
        let Some(end) = block.last() else { return Ok(()) };
        last = end.id;
        block.iter().try_for_each(&mut visit)?;
    }
}

/// Writes a file beside its place and puts it there when it is whole and on the disk.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let doing = |doing: &'static str| move || format!("{}: {doing}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(doing("making it"))?;
    write(file.as_file_mut()).with_context(doing("writing it"))?;
    file.as_file().sync_all().with_context(doing("syncing it"))?;
    file.persist(path).with_context(doing("putting it in place"))?;
    Ok(())
}
