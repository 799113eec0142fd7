//! `gallerist export`

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use super::output::{make_folder, replace, sweep};
use super::screen::{Screen, complain, plural};
use super::{End, interrupt, opening};
use crate::gallery::{Gallery, SubjectTemplate, UnknownFace, refuse_inside};
use crate::template::Binding;
use crate::vectors::{Description, Writer, checksum, hexadecimal};

const BLOCK: usize = 4096;

/// Write all templates to `embeddings.npy` (f32, unit length) and what is known of each, in the same order,
/// to `templates.jsonl`. `import` reads both again, with names and photos.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The gallery
    gallery: PathBuf,
    /// Folder to write to; made if it does not exist. Existing files are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(arguments: &Arguments, screen: Screen) -> Result<End> {
    let gallery = opening::to_read(&arguments.gallery)?;
    let out = &arguments.out;
    refuse_inside(out)?;
    let stop = interrupt::watch();
    let is_new = !out.exists();
    make_folder(out)?;
    report_swept(&sweep(out)?);
    let summary = gallery.summary()?;
    let rows = summary.templates + summary.unknown;
    let bar = screen.progress(Some(rows), "templates");
    let (embeddings, templates) = (out.join("embeddings.npy"), out.join("templates.jsonl"));
    let written = write(&gallery, rows, (&embeddings, &templates), &bar, stop);
    bar.finish_and_clear();
    if written.is_err() && is_new {
        std::fs::remove_dir(out).ok(); // what is in it by now is somebody else's
    }
    if written.is_err() && stop.load(Ordering::Relaxed) {
        complain("interrupted: nothing was exported, and the temporary files are removed");
        screen.json(&json!({ "event": "interrupted", "unit": "template", "total": rows, "exported": 0 }))?;
        return Ok(End::Interrupted);
    }
    written?;
    screen.text(format!("{} written to {}", plural(rows, "template"), out.display()))?;
    screen.json(&json!({ "templates": rows, "embeddings": embeddings, "descriptions": templates }))?;
    Ok(End::Done)
}

/// Writes both files, and puts them in place when both are whole. A request to stop is an error.
fn write(
    gallery: &Gallery,
    rows: u64,
    (embeddings, templates): (&Path, &Path),
    bar: &ProgressBar,
    stop: &AtomicBool,
) -> Result<()> {
    let mut checksums = Vec::new();
    let vectors = replace(embeddings, |file| {
        let writing = || format!("{}: writing it", embeddings.display());
        let view = gallery.view_with_unknown()?;
        let mut writer = Writer::new(file, rows, gallery.binding().dimension).with_context(writing)?;
        each_template(gallery, |Exported { template, .. }| {
            ensure!(!stop.load(Ordering::Relaxed), "interrupted");
            bar.inc(1);
            let row = view.get(template.id)?.with_context(|| {
                format!("template {} is not in the index; `gallerist check` tells more", template.id)
            })?;
            checksums.push(checksum(&row.vector));
            ensure!(
                checksums.len() as u64 <= rows,
                "the gallery changed meanwhile; run the same command again"
            );
            writer.push(&row.vector).with_context(writing)
        })?;
        ensure!(checksums.len() as u64 == rows, "the gallery changed meanwhile; run the same command again");
        writer.finish().with_context(writing)
    })?;
    let descriptions = replace(templates, |file| {
        let writing = || format!("{}: writing it", templates.display());
        let mut lines = BufWriter::with_capacity(1 << 20, file);
        let mut checksums = checksums.iter();
        each_template(gallery, |exported| {
            ensure!(!stop.load(Ordering::Relaxed), "interrupted");
            let mut description = describe(exported, gallery.binding(), checksums.next().copied());
            if let Some(photo) = &exported.template.photo {
                let paths = gallery.other_paths(photo)?;
                description.other_paths =
                    paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
            }
            serde_json::to_writer(&mut lines, &description).with_context(writing)?;
            lines.write_all(b"\n").with_context(writing)
        })?;
        ensure!(checksums.next().is_none(), "the gallery changed meanwhile; run the same command again");
        lines.flush().with_context(writing)
    })?;
    vectors.finish()?;
    descriptions.finish()
}

/// Says what a killed run had left.
pub fn report_swept(swept: &[PathBuf]) {
    for path in swept {
        let path = path.display();
        tracing::warn!("{path}: removed; a run that was killed had left it half-written");
    }
}

/// A template, and the id and name of its subject if it has one.
struct Exported {
    subject: Option<(u64, String)>,
    template: UnknownFace,
}

impl Exported {
    fn of_subject(template: SubjectTemplate) -> Self {
        let SubjectTemplate { id, subject_id, subject, path, row, face, photo } = template;
        Self { subject: Some((subject_id, subject)), template: UnknownFace { id, path, row, face, photo } }
    }
}

fn describe(exported: &Exported, binding: &Binding, checksum: Option<u32>) -> Description {
    let Exported { subject, template } = exported;
    Description {
        face_id: Some(template.id),
        subject_id: subject.as_ref().map(|(id, _)| *id),
        subject: subject.as_ref().map(|(_, name)| name.clone()),
        unknown: subject.is_none(),
        path: template.path.as_deref().map(Path::to_string_lossy).map(String::from),
        row: template.row,
        photo: template.photo.as_ref().map(hexadecimal),
        face: template.face.clone(),
        model: Some(binding.model.clone()),
        fingerprint: Some(binding.fingerprint.clone()),
        vector_crc32c: checksum,
        ..Description::default()
    }
}

/// Visits the templates of subjects, and then those without one.
fn each_template(gallery: &Gallery, mut visit: impl FnMut(&Exported) -> Result<()>) -> Result<()> {
    let mut last = 0;
    loop {
        let block = gallery.templates_after(last, BLOCK)?;
        let Some(end) = block.last() else { break };
        last = end.id;
        block.into_iter().map(Exported::of_subject).try_for_each(|template| visit(&template))?;
    }
    last = 0;
    loop {
        let block = gallery.unknown_faces_after(last, BLOCK)?;
        let Some(end) = block.last() else { return Ok(()) };
        last = end.id;
        let exported = |template| Exported { subject: None, template };
        block.into_iter().map(exported).try_for_each(|template| visit(&template))?;
    }
}
