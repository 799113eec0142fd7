//! Export: templates out of the gallery.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::{Result, SessionError};
use super::replacement::{Replacement, make_folder, replace, sweep};
use super::{Control, Session, Stopped};
use crate::gallery::{Gallery, SubjectTemplate, UnknownFace, refuse_inside};
use crate::template::Binding;
use crate::vectors::{Description, EMBEDDINGS, TEMPLATES, Writer, checksum, hexadecimal};

const BLOCK: usize = 4096;
const WRITING: &str = "writing it";

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exported {
    /// Number of written templates.
    pub templates: u64,
    /// The `.npy` file: f32, unit length, one template per row.
    pub embeddings: PathBuf,
    /// The descriptions of the templates, one JSON object per line, in the same order.
    pub descriptions: PathBuf,
}

impl Session {
    /// Writes all templates to `embeddings.npy` and their descriptions to `templates.jsonl`, in a folder that is made if it does not exist.
    /// Existing files of these names are replaced after both files are complete. A stopped export leaves no file; the inner error means
    /// that it was stopped.
    ///
    /// # Errors
    /// The folder is in a gallery; the gallery failed or was changed during the export; the disk is full or failing.
    pub fn export(&self, out: &Path, control: &Control<'_>) -> Result<Result<Exported, Stopped>> {
        refuse_inside(out)?;
        let is_new = !out.exists();
        make_folder(out)?;
        report_swept(&sweep(out)?);
        let summary = self.gallery().summary()?;
        let templates = summary.templates + summary.unknown;
        let (embeddings, descriptions) = (out.join(EMBEDDINGS), out.join(TEMPLATES));
        let export = Export { gallery: self.gallery(), rows: templates, control };
        let written = export.write(&embeddings, &descriptions);
        if written.is_err() && is_new {
            std::fs::remove_dir(out).ok(); // fails if another program has written into it
        }
        if written.is_err() && control.is_stopped() {
            return Ok(Err(Stopped { looked_at: 0, total: templates, unit: "template" }));
        }
        written?;
        Ok(Ok(Exported { templates, embeddings, descriptions }))
    }
}

/// Logs the removal of the unfinished files of killed runs.
pub fn report_swept(swept: &[PathBuf]) {
    for path in swept {
        let path = path.display();
        tracing::warn!("{path}: removed; a killed run left it incomplete");
    }
}

struct Export<'a> {
    gallery: &'a Gallery,
    /// The number of templates.
    rows: u64,
    control: &'a Control<'a>,
}

impl Export<'_> {
    /// Writes both files, and puts them in place after both are complete. A stop request is an error.
    fn write(&self, embeddings: &Path, descriptions: &Path) -> Result<()> {
        let mut checksums = Vec::new();
        let vectors = self.vectors(embeddings, &mut checksums)?;
        let descriptions = self.descriptions(descriptions, &checksums)?;
        vectors.finish()?;
        descriptions.finish()
    }

    fn vectors(&self, path: &Path, checksums: &mut Vec<u32>) -> Result<Replacement> {
        let (gallery, rows) = (self.gallery, self.rows);
        replace(path, |file| {
            let view = gallery.view_with_unknown()?;
            let io = |error| SessionError::io(path, WRITING)(error);
            let mut writer = Writer::new(file, rows, gallery.binding().dimension).map_err(io)?;
            each_template(gallery, |Template { template, .. }| {
                self.go_on()?;
                let row = view.get(template.id).map_err(crate::gallery::GalleryError::from)?;
                let row = row.ok_or_else(|| {
                    SessionError::Input(format!(
                        "template {} is not in the index: the gallery is damaged",
                        template.id
                    ))
                })?;
                checksums.push(checksum(&row.vector));
                self.control.report("templates", checksums.len() as u64, Some(rows));
                require(checksums.len() as u64 <= rows)?;
                writer.push(&row.vector).map_err(io)
            })?;
            require(checksums.len() as u64 == rows)?;
            writer.finish().map_err(io)
        })
    }

    fn descriptions(&self, path: &Path, checksums: &[u32]) -> Result<Replacement> {
        let gallery = self.gallery;
        replace(path, |file| {
            let io = |error| SessionError::io(path, WRITING)(error);
            let mut lines = BufWriter::with_capacity(1 << 20, file);
            let mut checksums = checksums.iter();
            each_template(gallery, |exported| {
                self.go_on()?;
                let mut description = describe(exported, gallery.binding(), checksums.next().copied());
                if let Some(photo) = &exported.template.photo {
                    let paths = gallery.other_paths(photo)?;
                    description.other_paths =
                        paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
                }
                serde_json::to_writer(&mut lines, &description).map_err(|error| io(error.into()))?;
                lines.write_all(b"\n").map_err(io)
            })?;
            require(checksums.next().is_none())?;
            lines.flush().map_err(io)
        })
    }

    fn go_on(&self) -> Result<()> {
        if self.control.is_stopped() { Err(SessionError::Input("interrupted".into())) } else { Ok(()) }
    }
}

/// Requires that both passes read the same templates.
fn require(unchanged: bool) -> Result<()> {
    match unchanged {
        true => Ok(()),
        false => Err(SessionError::Input(
            "the gallery was changed during the export; run the same command again".into(),
        )),
    }
}

/// A template with the id and the name of its subject, if it has one.
struct Template {
    subject: Option<(u64, String)>,
    template: UnknownFace,
}

impl Template {
    fn of_subject(template: SubjectTemplate) -> Self {
        let SubjectTemplate { id, subject_id, subject, path, row, face, photo } = template;
        Self { subject: Some((subject_id, subject)), template: UnknownFace { id, path, row, face, photo } }
    }
}

fn describe(exported: &Template, binding: &Binding, checksum: Option<u32>) -> Description {
    let Template { subject, template } = exported;
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

/// Visits the templates of subjects, then the templates without a subject.
fn each_template(gallery: &Gallery, mut visit: impl FnMut(&Template) -> Result<()>) -> Result<()> {
    let mut last = 0;
    loop {
        let block = gallery.templates_after(last, BLOCK)?;
        let Some(end) = block.last() else { break };
        last = end.id;
        block.into_iter().map(Template::of_subject).try_for_each(|template| visit(&template))?;
    }
    last = 0;
    loop {
        let block = gallery.unknown_faces_after(last, BLOCK)?;
        let Some(end) = block.last() else { return Ok(()) };
        last = end.id;
        let exported = |template| Template { subject: None, template };
        block.into_iter().map(exported).try_for_each(|template| visit(&template))?;
    }
}
