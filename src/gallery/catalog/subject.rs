//! People: names, templates, and the corrections a person makes to them.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::journal::record;
use super::photo::{PhotoHash, Provenance, path_from};
use super::{Catalog, Result};
use crate::gallery::error::GalleryError;
use crate::gallery::name::{Name, Person, normalised};

/// A person in the gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The group in the index.
    pub id: u64,
    /// Unique in the gallery.
    pub name: String,
    /// How many templates.
    pub templates: u64,
}

/// One template of a subject and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectTemplate {
    /// Its id in the index.
    pub id: u64,
    /// The subject's id.
    pub subject_id: u64,
    /// The subject's name.
    pub subject: String,
    /// The photo or `.npy` file.
    pub path: Option<PathBuf>,
    /// Row in the `.npy` file, unless the photo is known.
    pub row: Option<u64>,
    /// The face in the photo.
    pub face: Option<Provenance>,
    /// Hash of the photo's bytes.
    pub photo: Option<PhotoHash>,
}

/// The row of a person, made if there is none yet, and the name: a made-up one may have got a number.
pub(in crate::gallery) fn ensure(tx: &Transaction<'_>, person: &Person) -> rusqlite::Result<(i64, Name)> {
    let name = match person {
        Person::Named(name) => match id_of(tx, name)? {
            Some(id) => return Ok((id, name.clone())),
            None => name.clone(),
        },
        Person::Unknown(name) => free(tx, name)?,
    };
    tx.prepare_cached("INSERT INTO subjects(name, created) VALUES (?1, unixepoch())")?
        .execute([name.as_str()])?;
    Ok((tx.last_insert_rowid(), name))
}

fn id_of(tx: &Transaction<'_>, name: &Name) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT id FROM subjects WHERE name = ?1")?
        .query_row([name.as_str()], |row| row.get(0))
        .optional()
}

/// A name that nobody has: this one, or with a number from 2 on. The number is found by doubling and halving, as there may be thousands of
/// files of one name; where numbers were freed by removals it need not be the lowest.
fn free(tx: &Transaction<'_>, name: &Name) -> rusqlite::Result<Name> {
    if id_of(tx, name)?.is_none() {
        return Ok(name.clone());
    }
    let taken = |number| Ok::<_, rusqlite::Error>(id_of(tx, &name.numbered(number))?.is_some());
    let (mut below, mut number) = (1, 2);
    while taken(number)? {
        (below, number) = (number, number * 2);
    }
    while number - below > 1 {
        let middle = below.midpoint(number);
        *(if taken(middle)? { &mut below } else { &mut number }) = middle;
    }
    Ok(name.numbered(number))
}

const TEMPLATE_COLUMNS: &str =
    "SELECT t.id, t.subject_id, s.name, COALESCE(p.path, f.path), t.source_row, t.face, p.hash
     FROM templates t JOIN subjects s ON s.id = t.subject_id
     LEFT JOIN photos p ON p.id = t.photo_id LEFT JOIN sources f ON f.id = t.source_id";

/// Ids of the templates that are not live: see [`Catalog::unsettled`].
const UNSETTLED: &str = "SELECT template_id FROM removing UNION ALL
    SELECT u.id FROM templates u JOIN pending ON u.id BETWEEN first_template AND last_template";

impl Catalog {
    /// Ids of the templates of writes and removals that are under way, or that a failure left: the index may or may not
    /// hold them.
    pub(in crate::gallery) fn unsettled(&self) -> Result<Vec<u64>> {
        self.read("reading unfinished writes", |db| {
            db.prepare_cached(UNSETTLED)?
                .query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
                .collect()
        })
    }

    /// Number of subjects and templates.
    pub(in crate::gallery) fn counts(&self) -> Result<(u64, u64)> {
        self.read("counting", |db| {
            db.query_row(
                &format!(
                    "SELECT (SELECT count(*) FROM subjects), (SELECT count(*) FROM templates)
                     - (SELECT count(*) FROM templates t WHERE t.id IN ({UNSETTLED}))"
                ),
                [],
                |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())),
            )
        })
    }

    /// Name of the subject with this id.
    pub(in crate::gallery) fn subject_name(&self, id: u64) -> Result<Option<String>> {
        self.read("looking up a subject", |db| {
            db.prepare_cached("SELECT name FROM subjects WHERE id = ?1")?
                .query_row([id.cast_signed()], |row| row.get(0))
                .optional()
        })
    }

    /// The subject called `name`, letter for letter or in another composition of characters; the error suggests names that contain it.
    pub(in crate::gallery) fn subject(&self, name: &str) -> Result<Subject> {
        // Letter for letter first: galleries made earlier may hold names that are none today.
        let found = match self.named(name)? {
            Some(subject) => Some(subject),
            None => self.named(&normalised(name))?,
        };
        match found {
            Some(subject) => Ok(subject),
            None => Err(GalleryError::UnknownSubject {
                name: name.to_owned(),
                hint: self.similar(&normalised(name))?,
            }),
        }
    }

    fn named(&self, name: &str) -> Result<Option<Subject>> {
        self.read("looking up a subject", |db| {
            db.prepare_cached(
                "SELECT id, name, (SELECT count(*) FROM templates WHERE subject_id = subjects.id)
                 FROM subjects WHERE name = ?1",
            )?
            .query_row([name], subject_from)
            .optional()
        })
    }

    fn similar(&self, name: &str) -> Result<String> {
        let names: Vec<String> = self.read("looking up a subject", |db| {
            db.prepare(
                "SELECT name FROM subjects WHERE instr(lower(name), lower(?1)) > 0 ORDER BY name LIMIT 3",
            )?
            .query_map([name], |row| row.get(0))?
            .collect()
        })?;
        Ok(if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) })
    }

    /// Calls `visit` with every subject in order of name.
    pub(in crate::gallery) fn each_subject(&self, mut visit: impl FnMut(Subject)) -> Result<()> {
        self.read("listing subjects", |db| {
            let mut statement = db.prepare(
                "SELECT id, name, (SELECT count(*) FROM templates WHERE subject_id = subjects.id)
                 FROM subjects ORDER BY name",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                visit(subject_from(row)?);
            }
            Ok(())
        })
    }

    /// The templates of one subject, oldest first.
    pub(in crate::gallery) fn templates_of(&self, subject: u64) -> Result<Vec<SubjectTemplate>> {
        self.read("listing templates", |db| {
            db.prepare(&format!("{TEMPLATE_COLUMNS} WHERE t.subject_id = ?1 ORDER BY t.id"))?
                .query_map([subject.cast_signed()], template_from)?
                .collect()
        })
    }

    /// Every subject that has live templates, with the oldest of these; in order of subject.
    pub(in crate::gallery) fn first_templates(&self) -> Result<Vec<(u64, u64)>> {
        self.read("listing subjects", |db| {
            db.prepare_cached(&format!(
                "SELECT subject_id, min(id) FROM templates WHERE id NOT IN ({UNSETTLED}) GROUP BY subject_id"
            ))?
            .query_map([], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
            })?
            .collect()
        })
    }

    /// Up to `limit` ids of live templates above `after`, in order.
    pub(in crate::gallery) fn template_ids_after(&self, after: u64, limit: usize) -> Result<Vec<u64>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "SELECT id FROM templates WHERE id > ?1 AND id NOT IN ({UNSETTLED}) ORDER BY id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], |row| {
                row.get::<_, i64>(0).map(i64::cast_unsigned)
            })?
            .collect()
        })
    }

    /// What is known of the quality of a subject's templates, by their ids: 0 to 100.
    pub(in crate::gallery) fn qualities(&self, subject: u64) -> Result<HashMap<u64, f32>> {
        self.read("reading qualities", |db| {
            db.prepare_cached(
                "SELECT id, json_extract(face, '$.quality.overall') FROM templates
                 WHERE subject_id = ?1 AND json_extract(face, '$.quality.overall') IS NOT NULL",
            )?
            .query_map([subject.cast_signed()], |row| {
                Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, f64>(1)? as f32))
            })?
            .collect()
        })
    }

    /// One template by its id.
    pub(in crate::gallery) fn template(&self, id: u64) -> Result<Option<SubjectTemplate>> {
        self.read("looking up a template", |db| {
            db.prepare_cached(&format!("{TEMPLATE_COLUMNS} WHERE t.id = ?1"))?
                .query_row([id.cast_signed()], template_from)
                .optional()
        })
    }

    /// Up to `limit` templates with ids above `after`, in order of id: for walking through all of them.
    pub(in crate::gallery) fn templates_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<SubjectTemplate>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "{TEMPLATE_COLUMNS} WHERE t.id > ?1 AND t.id NOT IN ({UNSETTLED}) ORDER BY t.id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], template_from)?
            .collect()
        })
    }

    /// Writes the names of a gallery that was made before names had one form in that form, once. Where the form is somebody else's name
    /// already, both stay as they are: two subjects are made one by `merge` only.
    pub(in crate::gallery) fn normalise_names(&mut self) -> Result<()> {
        const KEY: &str = "names";
        const FORM: &str = "NFC";
        let known = self.read("reading the form of names", |db| {
            db.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?.exists([KEY])
        })?;
        if known {
            return Ok(());
        }
        let mut others = Vec::new();
        self.each_subject(|subject| {
            let name = normalised(&subject.name);
            others.extend((name != subject.name).then_some((subject.id, name)));
        })?;
        self.transaction("writing names in one form", |tx| {
            for (id, name) in &others {
                let taken = tx.prepare_cached("SELECT 1 FROM subjects WHERE name = ?1")?.exists([name])?;
                if !taken {
                    tx.execute(
                        "UPDATE subjects SET name = ?2 WHERE id = ?1",
                        params![id.cast_signed(), name],
                    )?;
                }
            }
            tx.execute("INSERT INTO meta(key, value) VALUES (?1, ?2)", [KEY, FORM])?;
            Ok(())
        })
    }

    /// Gives a subject another name that nobody has.
    pub(in crate::gallery) fn rename(&mut self, subject: &Subject, to: &Name) -> Result<()> {
        if self.named(to.as_str())?.is_some_and(|other| other.id != subject.id) {
            return Err(GalleryError::SubjectName {
                name: to.to_string(),
                reason: "it is taken; `subject merge` makes two subjects one".into(),
            });
        }
        self.transaction("renaming a subject", |tx| {
            tx.execute(
                "UPDATE subjects SET name = ?2 WHERE id = ?1",
                params![subject.id.cast_signed(), to.as_str()],
            )?;
            record(tx, "rename", &json!({ "subject": subject.id, "from": subject.name, "to": to }))
        })
    }

    /// Decides to remove every template of a subject; `finish_removing` follows once the index let go.
    pub(in crate::gallery) fn mark_removed(&mut self, subject: &Subject) -> Result<()> {
        self.transaction("removing a subject", |tx| {
            let id = subject.id.cast_signed();
            tx.execute(
                "INSERT INTO removing(template_id) SELECT id FROM templates WHERE subject_id = ?1",
                [id],
            )?;
            record(tx, "remove", &json!({ "subject": subject.id, "templates": subject.templates }))
        })
    }

    /// Decides to remove some templates; `finish_removing` follows once the index let go.
    pub(in crate::gallery) fn mark_templates_removed(&mut self, templates: &[SubjectTemplate]) -> Result<()> {
        self.transaction("removing templates", |tx| {
            for (subject, templates) in by_subject(templates) {
                let ids: Vec<u64> = templates.iter().map(|template| template.id).collect();
                retire(tx, &ids)?;
                record(tx, "remove", &json!({ "subject": subject, "template_ids": ids }))?;
            }
            Ok(())
        })
    }
}

/// Copies one template row to another subject under a new id, which is returned.
pub(in crate::gallery) fn copy_template(tx: &Transaction<'_>, id: u64, to: u64) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO templates(subject_id, photo_id, face, source_id, source_row)
         SELECT ?2, photo_id, face, source_id, source_row FROM templates WHERE id = ?1",
    )?
    .execute(params![id.cast_signed(), to.cast_signed()])?;
    Ok(tx.last_insert_rowid())
}

/// The copies with the ids `copies` are live: the originals go, and the journal keeps which became which.
pub(in crate::gallery) fn retire_moved(
    tx: &Transaction<'_>,
    verb: &str,
    originals: &[SubjectTemplate],
    (into, into_name): (u64, &str),
    copies: &[u64],
) -> rusqlite::Result<()> {
    let copy_of: HashMap<u64, u64> =
        originals.iter().map(|template| template.id).zip(copies.iter().copied()).collect();
    for (from, templates) in by_subject(originals) {
        let moved: Vec<(u64, u64)> = templates.iter().map(|at| (at.id, copy_of[&at.id])).collect();
        retire(tx, &moved.iter().map(|(old, _)| *old).collect::<Vec<_>>())?;
        let name = templates.first().map(|template| &template.subject);
        let detail = json!({
            "from": from, "from_name": name, "into": into, "into_name": into_name, "templates": moved,
        });
        record(tx, verb, &detail)?;
    }
    Ok(())
}

fn by_subject(templates: &[SubjectTemplate]) -> BTreeMap<u64, Vec<&SubjectTemplate>> {
    let mut subjects: BTreeMap<u64, Vec<&SubjectTemplate>> = BTreeMap::new();
    for template in templates {
        subjects.entry(template.subject_id).or_default().push(template);
    }
    subjects
}

fn retire(tx: &Transaction<'_>, ids: &[u64]) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO removing(template_id) VALUES (?1)")?;
    ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(drop))
}

fn subject_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Subject> {
    Ok(Subject {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        name: row.get(1)?,
        templates: row.get::<_, i64>(2)?.cast_unsigned(),
    })
}

fn template_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<SubjectTemplate> {
    let face: Option<String> = row.get(5)?;
    let photo: Option<PhotoHash> = row.get(6)?;
    Ok(SubjectTemplate {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        subject_id: row.get::<_, i64>(1)?.cast_unsigned(),
        subject: row.get(2)?,
        path: row.get::<_, Option<Vec<u8>>>(3)?.map(|bytes| path_from(&bytes)),
        row: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned).filter(|_| photo.is_none()),
        face: face.and_then(|json| serde_json::from_str(&json).ok()),
        photo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Binding;

    #[test]
    fn names_of_an_earlier_gallery_get_the_form_of_today() {
        let folder = tempfile::tempdir().unwrap();
        let binding = Binding::external(4, None);
        let mut catalog = Catalog::create(&folder.path().join("catalog.sqlite"), &binding).unwrap();
        let earlier = ["Jose\u{301}", "Zoe\u{308}", "Zo\u{eb}", "A\u{200b}da", "Grace"];
        catalog
            .transaction("making it older", |tx| {
                tx.execute("DELETE FROM meta WHERE key = 'names'", [])?;
                for name in earlier {
                    tx.execute("INSERT INTO subjects(name, created) VALUES (?1, 0)", [name])?;
                }
                Ok(())
            })
            .unwrap();
        catalog.normalise_names().unwrap();
        for (name, id) in
            [("Jos\u{e9}", 1), ("Jose\u{301}", 1), ("Zo\u{eb}", 3), ("A\u{200b}da", 4), ("Grace", 5)]
        {
            assert_eq!(catalog.subject(name).unwrap().id, id, "{name:?}");
        }
        // Letter for letter, who could not be renamed is still found, to be merged.
        assert_eq!(catalog.subject("Zoe\u{308}").unwrap().id, 2);
        let person = |name| Person::Named(Name::new(name).unwrap());
        let found = catalog.transaction("looking up", |tx| ensure(tx, &person("Jose\u{301}"))).unwrap();
        assert_eq!(found.0, 1);
    }

    #[test]
    fn made_up_names_that_are_taken_get_the_next_number() {
        let folder = tempfile::tempdir().unwrap();
        let binding = Binding::external(4, None);
        let mut catalog = Catalog::create(&folder.path().join("catalog.sqlite"), &binding).unwrap();
        let person = Person::Unknown(Name::made_up("1.jpg").unwrap());
        let names: Vec<String> = (0..300)
            .map(|_| catalog.transaction("making it", |tx| ensure(tx, &person)).unwrap().1.to_string())
            .collect();
        assert_eq!(names[..3], ["1.jpg", "1.jpg (2)", "1.jpg (3)"]);
        assert_eq!(names[299], "1.jpg (300)");
    }
}
