//! Templates: their subjects, their photos, and whether they are live.
//!
//! A template without a subject has a group of its own in the index ([`group_of`]).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::json;

use super::checksum::mismatch;
use super::journal::{Kind, lists_to_leave, record};
use super::list::TakenOver;
use super::photo::{path_from, provenance_from};
use super::unknown::{UnknownFace, remove_unknown_of_removed_photos};
use super::{Catalog, Result, list, missing};
use crate::face::Provenance;
use crate::image::PhotoHash;

/// A template of a subject, and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectTemplate {
    /// Its id in the index.
    pub id: u64,
    /// Id of the subject.
    pub subject_id: u64,
    /// Name of the subject.
    pub subject: String,
    /// The photo or `.npy` file.
    pub path: Option<PathBuf>,
    /// Row in the `.npy` file; `None` if the photo is known.
    pub row: Option<u64>,
    /// The face in the photo.
    pub face: Option<Provenance>,
    /// Hash of the photo's bytes.
    pub photo: Option<PhotoHash>,
}

/// A face in a photo of the gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceOfPhoto {
    /// Hash of the photo's bytes.
    pub photo: PhotoHash,
    /// The face.
    pub face: Provenance,
    /// The first path of the photo.
    pub path: Option<PathBuf>,
}

/// A template that is to be moved, with the id and the name of its present subject, if it has one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::gallery) struct Original {
    pub id: u64,
    pub subject: Option<(u64, String)>,
}

impl From<&SubjectTemplate> for Original {
    fn from(template: &SubjectTemplate) -> Self {
        Self { id: template.id, subject: Some((template.subject_id, template.subject.clone())) }
    }
}

/// The bit that marks the group of a template without a subject. No subject has such an id.
const WITHOUT_SUBJECT: u64 = 1 << 63;

/// The group of a template in the index: its subject, otherwise a group of its own.
pub(in crate::gallery) fn group_of(id: u64, subject: Option<u64>) -> u64 {
    subject.unwrap_or(WITHOUT_SUBJECT | id)
}

/// Whether a group belongs to a template without a subject.
pub(in crate::gallery) fn is_without_subject(group: u64) -> bool {
    group & WITHOUT_SUBJECT != 0
}

/// Selects templates with the rows that they refer to, and verifies each row. [`template_from`] detects missing rows.
pub(super) const TEMPLATES: &str =
    "SELECT t.id, t.subject_id, s.name, t.photo_id, p.path, t.source_id, f.path, t.source_row, t.face, p.hash
     FROM templates t LEFT JOIN subjects s ON s.id = t.subject_id
     LEFT JOIN photos p ON p.id = t.photo_id LEFT JOIN sources f ON f.id = t.source_id
     WHERE intact('templates', t.sum, t.id, t.subject_id, t.photo_id, t.face, t.source_id, t.source_row)
       AND (s.id IS NULL OR intact('subjects', s.sum, s.id, s.name, s.created))
       AND (p.id IS NULL OR intact('photos', p.sum, p.id, p.hash, p.path, p.outcome, p.detail, p.settings))
       AND (f.id IS NULL OR intact('sources', f.sum, f.id, f.hash, f.path, f.rows_total, f.rows_done))";

/// The condition that a row of `templates` is intact.
pub(super) const INTACT: &str =
    "intact('templates', sum, id, subject_id, photo_id, face, source_id, source_row)";

/// Ids of the templates that are not live, for a writer: see [`Catalog::unsettled`].
pub(super) const UNSETTLED: &str = "SELECT template_id FROM removing UNION ALL
    SELECT u.id FROM templates u JOIN pending ON u.id BETWEEN first_template AND last_template";

impl Catalog {
    /// Ids of the templates of running or failed writes and removals. The index may or may not contain them.
    pub(in crate::gallery) fn unsettled(&self) -> Result<Vec<u64>> {
        self.read("reading unfinished writes", |db| {
            db.prepare_cached(UNSETTLED)?
                .query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
                .collect()
        })
    }

    /// Hides these templates from every list of a catalog that is open for reading. They replace the content of `pending` and `removing`.
    pub(in crate::gallery) fn hide(&self, ids: &[u64]) -> Result<()> {
        self.read("hiding unfinished writes", |db| {
            db.execute_batch(
                "CREATE TEMP TABLE removing(template_id INTEGER PRIMARY KEY);
                 CREATE TEMP TABLE pending(id, kind, first_template, last_template);",
            )?;
            let mut insert = db.prepare("INSERT INTO temp.removing VALUES (?1)")?;
            ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(|_| ()))
        })
    }

    /// Number of templates that are not live, by subject.
    pub(super) fn hidden(db: &Connection) -> rusqlite::Result<HashMap<i64, u64>> {
        db.prepare_cached(&format!(
            "SELECT subject_id, count(*) FROM templates t
             WHERE t.id IN ({UNSETTLED}) AND subject_id IS NOT NULL GROUP BY subject_id"
        ))?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?
        .collect()
    }

    /// The ids of a subject's templates.
    pub(in crate::gallery) fn ids_of(&self, subject: u64) -> Result<Vec<u64>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "SELECT id FROM templates WHERE subject_id = ?1 AND {INTACT} ORDER BY id"
            ))?
            .query_map([subject.cast_signed()], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
            .collect()
        })
    }

    /// The live templates of a subject, in ascending order of id.
    pub(in crate::gallery) fn templates_of(&self, subject: u64) -> Result<Vec<SubjectTemplate>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATES} AND t.subject_id = ?1 AND t.id NOT IN ({UNSETTLED}) ORDER BY t.id"
            ))?
            .query_map([subject.cast_signed()], template_from)?
            .collect()
        })
    }

    /// Every subject with live templates, with the lowest id of these, in order of subject.
    pub(in crate::gallery) fn first_templates(&self) -> Result<Vec<(u64, u64)>> {
        self.read("listing subjects", |db| {
            let unsettled: HashSet<i64> = db
                .prepare_cached(UNSETTLED)?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let mut statement = db.prepare_cached(&format!(
                "SELECT id, subject_id FROM templates NOT INDEXED WHERE {INTACT} ORDER BY id"
            ))?;
            let mut rows = statement.query([])?;
            let (mut first, mut templates) = (BTreeMap::new(), 0);
            while let Some(row) = rows.next()? {
                templates += 1;
                let (id, subject): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
                if let Some(subject) = subject.filter(|_| !unsettled.contains(&id)) {
                    first.entry(subject.cast_unsigned()).or_insert(id.cast_unsigned());
                }
            }
            self.ledger.expect_rows("templates", templates)?;
            Ok(first.into_iter().collect())
        })
    }

    /// Up to `limit` live templates with ids above `after`, in order: the id, and whether it has a subject.
    pub(in crate::gallery) fn template_ids_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, bool)>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "SELECT id, subject_id IS NOT NULL FROM templates
                 WHERE id > ?1 AND id NOT IN ({UNSETTLED}) AND {INTACT} ORDER BY id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
            })?
            .collect()
        })
    }

    /// The quality of a template's face, 0 to 100, if it is known. The outer `None`: there is no such template.
    pub(in crate::gallery) fn quality(&self, id: u64) -> Result<Option<Option<f32>>> {
        self.read("reading qualities", |db| {
            let face: Option<Option<String>> = db
                .prepare_cached(&format!("SELECT face FROM templates WHERE id = ?1 AND {INTACT}"))?
                .query_row([id.cast_signed()], |row| row.get(0))
                .optional()?;
            let Some(face) = face else { return Ok(None) };
            let face = face.map(|json| provenance_from(&json)).transpose()?;
            Ok(Some(face.map(|face| f32::from(face.quality.overall))))
        })
    }

    /// The photo and the face of a live template, if both are known.
    pub(in crate::gallery) fn face_of(&self, id: u64) -> Result<Option<FaceOfPhoto>> {
        let found = self.read("looking up a template", |db| {
            db.prepare_cached(&format!("{TEMPLATES} AND t.id = ?1 AND t.id NOT IN ({UNSETTLED})"))?
                .query_row([id.cast_signed()], unknown_from)
                .optional()
        })?;
        Ok(found.and_then(|UnknownFace { photo, face, path, .. }| {
            Some(FaceOfPhoto { photo: photo?, face: face?, path })
        }))
    }

    /// A template of a subject by its id.
    pub(in crate::gallery) fn template(&self, id: u64) -> Result<Option<SubjectTemplate>> {
        self.read("looking up a template", |db| {
            db.prepare_cached(&format!("{TEMPLATES} AND t.subject_id IS NOT NULL AND t.id = ?1"))?
                .query_row([id.cast_signed()], template_from)
                .optional()
        })
    }

    /// Up to `limit` templates of subjects with ids above `after`, in order of id.
    pub(in crate::gallery) fn templates_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<SubjectTemplate>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATES} AND t.subject_id IS NOT NULL AND t.id > ?1 AND t.id NOT IN ({UNSETTLED}) ORDER BY t.id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], template_from)?
            .collect()
        })
    }

    /// Adds templates to `removing` that are not in the index any more.
    pub(in crate::gallery) fn mark_gone(&mut self, ids: &[u64]) -> Result<()> {
        self.transaction("removing erased templates", |tx| {
            let mut insert = tx.prepare_cached("INSERT INTO removing(template_id) VALUES (?1)")?;
            ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(|_| ()))
        })
    }

    /// Adds templates and unknown faces to `removing`. The caller calls `finish_removing` after the index has deleted them.
    pub(in crate::gallery) fn mark_templates_removed(
        &mut self,
        templates: &[SubjectTemplate],
        unknown: &[u64],
    ) -> Result<()> {
        self.transaction("removing templates", |tx| {
            for (subject, templates) in by_subject(templates) {
                let ids: Vec<u64> = templates.iter().map(|template| template.id).collect();
                retire(tx, &ids)?;
                list::leave_if_emptied(tx, subject)?;
                record(tx, "remove", &json!({ "subject": subject, "template_ids": ids }))?;
            }
            if !unknown.is_empty() {
                retire(tx, unknown)?;
                record(tx, "remove", &json!({ "subject": null, "template_ids": unknown }))?;
            }
            remove_unknown_of_removed_photos(tx)
        })
    }
}

/// Copies a row of a template to another subject, or to none, under a new id. Returns the new id.
pub(in crate::gallery) fn copy_template(
    tx: &Transaction<'_>,
    id: u64,
    to: Option<u64>,
) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO templates(subject_id, photo_id, face, source_id, source_row)
         SELECT ?2, photo_id, face, source_id, source_row FROM templates WHERE id = ?1
            AND intact('templates', sum, id, subject_id, photo_id, face, source_id, source_row)",
    )?
    .execute(params![id.cast_signed(), to.map(u64::cast_signed)])?;
    Ok(tx.last_insert_rowid())
}

/// Makes the copies live, adds the originals to `removing`, and records the pairs of ids in the journal. Places on lists go with
/// them: see [`list`]. Returns the numbers of the journal entries, one for each former subject.
pub(in crate::gallery) fn retire_moved(
    tx: &Transaction<'_>,
    kind: Kind<'_>,
    originals: &[Original],
    into: Option<(u64, &str)>,
    copies: &[u64],
) -> rusqlite::Result<Vec<i64>> {
    let copy_of: HashMap<u64, u64> =
        originals.iter().map(|template| template.id).zip(copies.iter().copied()).collect();
    let mut subjects: BTreeMap<Option<&(u64, String)>, Vec<u64>> = BTreeMap::new();
    for original in originals {
        subjects.entry(original.subject.as_ref()).or_default().push(original.id);
    }
    let (into, into_name) = (into.map(|(id, _)| id), into.map(|(_, name)| name));
    if let Some((Kind::Undo(undone), into)) = Some(kind).zip(into) {
        list::join(tx, &undone.lists(), into)?;
    }
    let left = match kind {
        Kind::Undo(undone) => lists_to_leave(tx, undone)?,
        _ => Vec::new(),
    };
    let mut entries = Vec::with_capacity(subjects.len());
    for (from, ids) in subjects {
        let moved: Vec<(u64, u64)> = ids.iter().map(|id| (*id, copy_of[id])).collect();
        retire(tx, &ids)?;
        let (from, name) = (from.map(|(id, _)| id), from.map(|(_, name)| name));
        if let Some(from) = from {
            list::leave_some(tx, &left, *from)?;
        }
        let TakenOver { lists, joined } = match (from, into) {
            (Some(from), Some(into)) => list::take_over(tx, *from, into, matches!(kind, Kind::Merge))?,
            (Some(from), None) => TakenOver { lists: list::leave_if_emptied(tx, *from)?, joined: Vec::new() },
            (None, _) => TakenOver::default(),
        };
        let mut detail = json!({
            "from": from, "from_name": name, "into": into, "into_name": into_name, "templates": moved,
        });
        if !lists.is_empty() {
            detail["lists"] = lists.into();
        }
        if !joined.is_empty() {
            detail["joined"] = joined.into();
        }
        entries.push(kind.record(tx, detail)?);
    }
    match kind {
        Kind::Prune => missing::mark_photos_of(tx, copies, true)?,
        Kind::Undo(undone) if undone.verb == "prune" => missing::mark_photos_of(tx, copies, false)?,
        _ => {}
    }
    Ok(entries)
}

fn by_subject(templates: &[SubjectTemplate]) -> BTreeMap<u64, Vec<&SubjectTemplate>> {
    let mut subjects: BTreeMap<u64, Vec<&SubjectTemplate>> = BTreeMap::new();
    for template in templates {
        subjects.entry(template.subject_id).or_default().push(template);
    }
    subjects
}

pub(super) fn retire(tx: &Transaction<'_>, ids: &[u64]) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO removing(template_id) VALUES (?1)")?;
    ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(drop))
}

fn template_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<SubjectTemplate> {
    let UnknownFace { id, path, row: number, face, photo } = unknown_from(row)?;
    let subject_id: i64 = row.get(1)?;
    Ok(SubjectTemplate {
        id,
        subject_id: subject_id.cast_unsigned(),
        subject: row.get::<_, Option<String>>(2)?.ok_or_else(|| gone(id, "subject", subject_id))?,
        path,
        row: number,
        face,
        photo,
    })
}

fn gone(id: u64, what: &str, key: i64) -> rusqlite::Error {
    mismatch(format!("template {id} has a missing {what} {key}"))
}

/// A row of [`TEMPLATES`], with or without a subject.
pub(super) fn unknown_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<UnknownFace> {
    let id = row.get::<_, i64>(0)?.cast_unsigned();
    let origin = |key: usize, what: &str| -> rusqlite::Result<Option<PathBuf>> {
        let Some(known) = row.get::<_, Option<i64>>(key)? else { return Ok(None) };
        let path = row.get::<_, Option<Vec<u8>>>(key + 1)?.ok_or_else(|| gone(id, what, known))?;
        Ok(Some(path_from(&path)))
    };
    let face: Option<String> = row.get(8)?;
    let photo: Option<PhotoHash> = row.get(9)?;
    Ok(UnknownFace {
        id,
        path: origin(3, "photo")?.or(origin(5, "source")?),
        row: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned).filter(|_| photo.is_none()),
        face: face.map(|json| provenance_from(&json)).transpose()?,
        photo,
    })
}
