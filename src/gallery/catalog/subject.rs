//! People: names, templates, and the corrections a person makes to them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::json;

use super::checksum::{mismatch, name_key};
use super::journal::record;
use super::photo::{PhotoHash, Provenance, path_from, provenance_from};
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
    tx.prepare_cached(
        "SELECT id FROM subjects
         WHERE key = name_key(?1) AND name = ?1 AND intact('subjects', sum, id, name, created)",
    )?
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

/// Templates with what they refer to, each row of which is verified; [`template_from`] notices what is not there.
const TEMPLATES: &str =
    "SELECT t.id, t.subject_id, s.name, t.photo_id, p.path, t.source_id, f.path, t.source_row, t.face, p.hash
     FROM templates t LEFT JOIN subjects s ON s.id = t.subject_id
     LEFT JOIN photos p ON p.id = t.photo_id LEFT JOIN sources f ON f.id = t.source_id
     WHERE intact('templates', t.sum, t.id, t.subject_id, t.photo_id, t.face, t.source_id, t.source_row)
       AND (s.id IS NULL OR intact('subjects', s.sum, s.id, s.name, s.created))
       AND (p.id IS NULL OR intact('photos', p.sum, p.id, p.hash, p.path, p.outcome, p.detail, p.settings))
       AND (f.id IS NULL OR intact('sources', f.sum, f.id, f.hash, f.path, f.rows_total, f.rows_done))";

/// That a row of `templates` alone is as it was written.
pub(super) const INTACT: &str =
    "intact('templates', sum, id, subject_id, photo_id, face, source_id, source_row)";

/// Ids of the templates that are not live, for a writer: see [`Catalog::unsettled`].
pub(super) const UNSETTLED: &str = "SELECT template_id FROM removing UNION ALL
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

    /// Hides these templates from every list, in a catalog that is open for reading: they take the place of what its tables say is
    /// under way.
    pub(in crate::gallery) fn hide(&self, ids: &[u64]) -> Result<()> {
        self.read("hiding what is unfinished", |db| {
            db.execute_batch(
                "CREATE TEMP TABLE removing(template_id INTEGER PRIMARY KEY);
                 CREATE TEMP TABLE pending(id, kind, first_template, last_template);",
            )?;
            let mut insert = db.prepare("INSERT INTO temp.removing VALUES (?1)")?;
            ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(|_| ()))
        })
    }

    /// How many templates of a subject are not live, where there are any.
    fn hidden(db: &Connection) -> rusqlite::Result<HashMap<i64, u64>> {
        db.prepare_cached(&format!(
            "SELECT subject_id, count(*) FROM templates t WHERE t.id IN ({UNSETTLED}) GROUP BY subject_id"
        ))?
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?
        .collect()
    }

    /// Number of subjects and of live templates: by the ledger, not by counting.
    pub(in crate::gallery) fn counts(&self) -> Result<(u64, u64)> {
        self.read("counting", |db| {
            let (mut subjects, mut templates) = (self.ledger.rows("subjects"), self.ledger.rows("templates"));
            let mut all = db.prepare_cached("SELECT count(*) FROM templates WHERE subject_id = ?1")?;
            for (subject, hidden) in Self::hidden(db)? {
                let has: i64 = all.query_row([subject], |row| row.get(0))?;
                subjects = subjects.saturating_sub(u64::from(has.cast_unsigned() <= hidden));
                templates = templates.saturating_sub(hidden);
            }
            Ok((subjects, templates))
        })
    }

    /// Name of the subject with this id.
    pub(in crate::gallery) fn subject_name(&self, id: u64) -> Result<Option<String>> {
        self.read("looking up a subject", |db| {
            db.prepare_cached(
                "SELECT name FROM subjects WHERE id = ?1 AND intact('subjects', sum, id, name, created)",
            )?
            .query_row([id.cast_signed()], |row| row.get(0))
            .optional()
        })
    }

    /// The subject called `name`, letter for letter or in another composition of characters; the error suggests names that contain it.
    pub(in crate::gallery) fn subject(&self, name: &str) -> Result<Subject> {
        let known = match self.subject_called(name)? {
            Some(mut subject) => {
                let hidden = self.read("looking up a subject", Self::hidden)?;
                subject.templates -=
                    hidden.get(&subject.id.cast_signed()).copied().unwrap_or(0).min(subject.templates);
                Some(subject).filter(|subject| subject.templates > 0 || hidden.is_empty())
            }
            None => None,
        };
        match known {
            Some(subject) => Ok(subject),
            None => Err(GalleryError::UnknownSubject {
                name: name.to_owned(),
                hint: self.similar(&normalised(name))?,
            }),
        }
    }

    /// The subject called `name`, if there is one: that there is none is proven.
    pub(in crate::gallery) fn subject_called(&self, name: &str) -> Result<Option<Subject>> {
        // Letter for letter first: galleries made earlier may hold names that are none today.
        match self.named(name)? {
            Some(subject) => Ok(Some(subject)),
            None => self.named(&normalised(name)),
        }
    }

    fn named(&self, name: &str) -> Result<Option<Subject>> {
        self.verify_names([name])?;
        self.read("looking up a subject", |db| {
            db.prepare_cached(
                "SELECT id, name, (SELECT count(*) FROM templates WHERE subject_id = subjects.id)
                 FROM subjects WHERE key = name_key(?1) AND name = ?1 AND intact('subjects', sum, id, name, created)",
            )?
            .query_row([name], subject_from)
            .optional()
        })
    }

    /// Verifies the part of the index of names in which the names of these people are or would be, made-up ones with their numbers.
    pub(in crate::gallery) fn verify_people<'a>(
        &self,
        people: impl IntoIterator<Item = &'a Person>,
    ) -> Result<()> {
        for person in people {
            match person {
                Person::Unknown(name) if self.named(name.as_str())?.is_some() => {
                    (0..=u8::MAX).try_for_each(|bucket| {
                        self.believe("subjects", bucket, |db| sums_of_names(db, bucket))
                    })?;
                }
                Person::Named(name) | Person::Unknown(name) => self.verify_names([name.as_str()])?,
            }
        }
        Ok(())
    }

    /// Verifies the part of the index of names in which these are or would be: afterwards a name that is not found there is nobody's.
    pub(in crate::gallery) fn verify_names<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        for name in names {
            let bucket = name_key(name.as_bytes()).to_be_bytes()[0];
            self.believe("subjects", bucket, |db| sums_of_names(db, bucket))?;
        }
        Ok(())
    }

    fn similar(&self, name: &str) -> Result<String> {
        let names: Vec<String> = self.read("looking up a subject", |db| {
            db.prepare(
                "SELECT name FROM subjects WHERE instr(lower(name), lower(?1)) > 0
                 AND intact('subjects', sum, id, name, created) ORDER BY name LIMIT 3",
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
                 FROM subjects WHERE intact('subjects', sum, id, name, created) ORDER BY name",
            )?;
            let mut rows = statement.query([])?;
            let hidden = Self::hidden(db)?;
            let (mut subjects, mut templates) = (0, 0);
            while let Some(row) = rows.next()? {
                let mut subject = subject_from(row)?;
                (subjects, templates) = (subjects + 1, templates + subject.templates);
                let hidden = hidden.get(&subject.id.cast_signed()).copied().unwrap_or(0);
                subject.templates = subject.templates.saturating_sub(hidden);
                if subject.templates > 0 || hidden == 0 {
                    visit(subject);
                }
            }
            self.ledger.expect_rows("subjects", subjects)?;
            self.ledger.expect_rows("templates", templates)
        })
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

    /// The templates of one subject, oldest first.
    pub(in crate::gallery) fn templates_of(&self, subject: u64) -> Result<Vec<SubjectTemplate>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!("{TEMPLATES} AND t.subject_id = ?1 ORDER BY t.id"))?
                .query_map([subject.cast_signed()], template_from)?
                .collect()
        })
    }

    /// Every subject that has live templates, with the oldest of these; in order of subject.
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
                let (id, subject): (i64, i64) = (row.get(0)?, row.get(1)?);
                if !unsettled.contains(&id) {
                    first.entry(subject.cast_unsigned()).or_insert(id.cast_unsigned());
                }
            }
            self.ledger.expect_rows("templates", templates)?;
            Ok(first.into_iter().collect())
        })
    }

    /// Up to `limit` ids of live templates above `after`, in order.
    pub(in crate::gallery) fn template_ids_after(&self, after: u64, limit: usize) -> Result<Vec<u64>> {
        self.read("listing templates", |db| {
            db.prepare_cached(&format!(
                "SELECT id FROM templates WHERE id > ?1 AND id NOT IN ({UNSETTLED}) AND {INTACT} ORDER BY id LIMIT ?2"
            ))?
            .query_map(params![after.cast_signed(), limit as i64], |row| {
                row.get::<_, i64>(0).map(i64::cast_unsigned)
            })?
            .collect()
        })
    }

    /// The quality of a template's face, 0 to 100, if it is known; `None` outside if there is no such template.
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

    /// One template by its id.
    pub(in crate::gallery) fn template(&self, id: u64) -> Result<Option<SubjectTemplate>> {
        self.read("looking up a template", |db| {
            db.prepare_cached(&format!("{TEMPLATES} AND t.id = ?1"))?
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
                "{TEMPLATES} AND t.id > ?1 AND t.id NOT IN ({UNSETTLED}) ORDER BY t.id LIMIT ?2"
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
                let taken = "SELECT 1 FROM subjects WHERE key = name_key(?1) AND name = ?1";
                let taken = tx.prepare_cached(taken)?.exists([name])?;
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
        self.may_rename(subject, to)?;
        self.transaction("renaming a subject", |tx| {
            tx.execute(
                "UPDATE subjects SET name = ?2 WHERE id = ?1",
                params![subject.id.cast_signed(), to.as_str()],
            )?;
            record(tx, "rename", &json!({ "subject": subject.id, "from": subject.name, "to": to }))
        })
    }

    /// Refuses a name that somebody else has.
    pub(in crate::gallery) fn may_rename(&self, subject: &Subject, to: &Name) -> Result<()> {
        match self.named(to.as_str())? {
            Some(other) if other.id != subject.id => Err(GalleryError::SubjectName {
                name: to.to_string(),
                reason: "it is taken; `subject merge` makes two subjects one".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Decides to remove templates that the index holds no more.
    pub(in crate::gallery) fn mark_gone(&mut self, ids: &[u64]) -> Result<()> {
        self.transaction("removing what was erased", |tx| {
            let mut insert = tx.prepare_cached("INSERT INTO removing(template_id) VALUES (?1)")?;
            ids.iter().try_for_each(|id| insert.execute([id.cast_signed()]).map(|_| ()))
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
         SELECT ?2, photo_id, face, source_id, source_row FROM templates WHERE id = ?1
            AND intact('templates', sum, id, subject_id, photo_id, face, source_id, source_row)",
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
    let (id, subject_id): (i64, i64) = (row.get(0)?, row.get(1)?);
    let gone =
        |what: &str, key: i64| mismatch(format!("template {id} is of {what} {key}, which is not there"));
    let origin = |key: usize, what: &str| -> rusqlite::Result<Option<PathBuf>> {
        let Some(known) = row.get::<_, Option<i64>>(key)? else { return Ok(None) };
        let path = row.get::<_, Option<Vec<u8>>>(key + 1)?.ok_or_else(|| gone(what, known))?;
        Ok(Some(path_from(&path)))
    };
    let face: Option<String> = row.get(8)?;
    let photo: Option<PhotoHash> = row.get(9)?;
    Ok(SubjectTemplate {
        id: id.cast_unsigned(),
        subject_id: subject_id.cast_unsigned(),
        subject: row.get::<_, Option<String>>(2)?.ok_or_else(|| gone("subject", subject_id))?,
        path: origin(3, "photo")?.or(origin(5, "source")?),
        row: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned).filter(|_| photo.is_none()),
        face: face.map(|json| provenance_from(&json)).transpose()?,
        photo,
    })
}

/// The hashes of the subjects to which the index of names leads in one bucket, each of which is verified.
fn sums_of_names(db: &Connection, bucket: u8) -> rusqlite::Result<Vec<i64>> {
    let first = i64::from_be_bytes([bucket, 0, 0, 0, 0, 0, 0, 0]);
    let mut statement = db.prepare_cached(
        "SELECT key, name, id FROM subjects INDEXED BY subjects_by_name
         WHERE key BETWEEN ?1 AND ?2 ORDER BY key, name",
    )?;
    let mut rows = statement.query([first, first | 0x00ff_ffff_ffff_ffff])?;
    let mut found = Vec::<(i64, String, i64)>::new();
    while let Some(row) = rows.next()? {
        let (key, name): (i64, String) = (row.get(0)?, row.get(1)?);
        let is_behind = found.last().is_none_or(|(last, before, _)| (*last, before) < (key, &name));
        if key != name_key(name.as_bytes()) || !is_behind {
            return Err(mismatch(format!("the index of names is not in order at {name:?}")));
        }
        found.push((key, name, row.get(2)?));
    }
    let mut row = db.prepare_cached(
        "SELECT sum FROM subjects WHERE id = ?1 AND name = ?2 AND key = ?3
         AND intact('subjects', sum, id, name, created)",
    )?;
    found
        .into_iter()
        .map(|(key, name, id)| {
            row.query_row(params![id, name, key], |row| row.get(0)).optional()?.ok_or_else(|| {
                mismatch(format!("the index of names leads from {name:?} to subject {id}, who is another"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Binding;

    #[test]
    fn names_of_an_earlier_gallery_get_the_form_of_today() {
        let folder = tempfile::tempdir().unwrap();
        let binding = Binding::external(4, None);
        let mut catalog = Catalog::create(&folder.path().join("catalog.sqlite"), &binding, [1; 16]).unwrap();
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
        let mut catalog = Catalog::create(&folder.path().join("catalog.sqlite"), &binding, [1; 16]).unwrap();
        let person = Person::Unknown(Name::made_up("1.jpg").unwrap());
        let names: Vec<String> = (0..300)
            .map(|_| catalog.transaction("making it", |tx| ensure(tx, &person)).unwrap().1.to_string())
            .collect();
        assert_eq!(names[..3], ["1.jpg", "1.jpg (2)", "1.jpg (3)"]);
        assert_eq!(names[299], "1.jpg (300)");
    }
}
