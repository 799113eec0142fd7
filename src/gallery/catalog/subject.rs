//! Subjects: their names, and corrections.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::json;

use super::checksum::{mismatch, name_key};
use super::journal::record;
use super::unknown::remove_unknown_of_removed_photos;
use super::{Catalog, Result, list};
use crate::gallery::error::GalleryError;
use crate::gallery::name::{Name, Person, folded, normalised};

/// A subject of the gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its id, which is its group in the index.
    pub id: u64,
    /// Its name, unique in the gallery.
    pub name: String,
    /// Number of its templates.
    pub templates: u64,
}

/// The row of a subject, which is made if it does not exist, and its name. A number may be appended to a generated name.
pub(in crate::gallery) fn ensure(tx: &Transaction<'_>, person: &Person) -> rusqlite::Result<(i64, Name)> {
    let name = match person {
        Person::Named(name) => match id_of(tx, name)? {
            Some(id) => return Ok((id, name.clone())),
            None => name.clone(),
        },
        Person::Unknown(name) => free_name(tx, name)?,
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

/// A name that no subject has: this one, or this one with a number from 2 on. The number is found by doubling and bisection, because
/// thousands of files may have the same name. After removals it may not be the lowest free number.
fn free_name(tx: &Transaction<'_>, name: &Name) -> rusqlite::Result<Name> {
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

impl Catalog {
    /// Number of subjects and of their live templates, from the ledger.
    pub(in crate::gallery) fn counts(&self) -> Result<(u64, u64)> {
        self.read("counting", |db| {
            let (mut subjects, mut templates) = (self.ledger.rows("subjects"), self.ledger.known());
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

    /// The subject with this name, exactly or after Unicode normalization. The error suggests names that contain it.
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

    /// The subject with this name, if there is one. A missing name is verified with the ledger.
    pub(in crate::gallery) fn subject_called(&self, name: &str) -> Result<Option<Subject>> {
        // The exact name first, because older galleries may contain names that are not valid today.
        match self.named(name)? {
            Some(subject) => Ok(Some(subject)),
            None => self.named(&normalised(name)),
        }
    }

    pub(super) fn named(&self, name: &str) -> Result<Option<Subject>> {
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

    /// Verifies the parts of the index of names for these persons. For a generated name this includes the numbered names.
    pub(in crate::gallery) fn verify_people<'a>(
        &self,
        people: impl IntoIterator<Item = &'a Person>,
    ) -> Result<()> {
        if self.has_compared_all("subjects") {
            return Ok(()); // after the first blocks of a large import, for example; this avoids a statement per row
        }
        for person in people {
            match person {
                Person::Unknown(name) if self.named(name.as_str())?.is_some() => {
                    (0..=u8::MAX).try_for_each(|bucket| {
                        self.compare_bucket("subjects", bucket, |db| sums_of_names(db, bucket))
                    })?;
                }
                Person::Named(name) | Person::Unknown(name) => self.verify_names([name.as_str()])?,
            }
        }
        Ok(())
    }

    /// Verifies the parts of the index of names for these names. Afterwards no subject has a name that is not found.
    pub(in crate::gallery) fn verify_names<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        for name in names {
            let bucket = name_key(name.as_bytes()).to_be_bytes()[0];
            self.compare_bucket("subjects", bucket, |db| sums_of_names(db, bucket))?;
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

    /// Calls `visit` with every subject, in the order of names.
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
            self.ledger.expect_known(templates)
        })
    }

    /// Up to `limit` subjects with ids above `after`, in order of id, each with the id of its first template.
    pub(in crate::gallery) fn subjects_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(Subject, Option<u64>)>> {
        self.read("listing subjects", |db| {
            let mut statement = db.prepare_cached(
                "SELECT id, name, (SELECT count(*) FROM templates WHERE subject_id = subjects.id),
                        (SELECT min(id) FROM templates WHERE subject_id = subjects.id)
                 FROM subjects WHERE id > ?1 AND intact('subjects', sum, id, name, created) ORDER BY id LIMIT ?2",
            )?;
            let hidden = Self::hidden(db)?;
            let found = statement.query_map(params![after.cast_signed(), limit as i64], |row| {
                let mut subject = subject_from(row)?;
                let hidden = hidden.get(&subject.id.cast_signed()).copied().unwrap_or(0);
                subject.templates = subject.templates.saturating_sub(hidden);
                Ok((subject, row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned)))
            })?;
            found.collect()
        })
    }

    /// Normalizes the names of an older gallery, once. If another subject already has the normalized name, both names stay; `merge` can
    /// combine the subjects.
    pub(in crate::gallery) fn normalise_names(&mut self) -> Result<()> {
        const KEY: &str = "names";
        const FORM: &str = "NFC";
        let known = self.read("reading the version of names", |db| {
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
        self.transaction("normalizing names", |tx| {
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

    /// The name of another subject that differs from `name` only in case or in the form of its characters.
    pub(in crate::gallery) fn similar_to(&self, subject: u64, name: &Name) -> Result<Option<String>> {
        let wanted = folded(name.as_str());
        let mut found = None;
        self.each_name(0, |id, other| {
            if id != subject && found.is_none() && folded(other) == wanted {
                found = Some(other.to_owned());
            }
        })?;
        Ok(found)
    }

    /// The highest id of a subject, 0 if there is none.
    pub(in crate::gallery) fn last_subject(&self) -> Result<u64> {
        self.read("listing subjects", |db| {
            let last = "SELECT coalesce(max(id), 0) FROM subjects";
            db.query_row(last, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
        })
    }

    /// The names of subjects with ids above `after` that differ only in case or form from that of another subject, each with that name.
    pub(in crate::gallery) fn similar_names(&self, after: u64) -> Result<Vec<[String; 2]>> {
        let mut new: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        self.each_name(after, |id, name| new.entry(folded(name)).or_default().push((id, name.to_owned())))?;
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut similar = Vec::new();
        self.each_name(0, |id, name| {
            for (other, new) in new.get(&folded(name)).into_iter().flatten().filter(|(other, _)| *other > id)
            {
                similar.push((*other, [new.clone(), name.to_owned()]));
            }
        })?;
        similar.sort();
        Ok(similar.into_iter().map(|(_, names)| names).collect())
    }

    /// The names of subjects that differ only in case or form from one of these names, each after that name.
    pub(in crate::gallery) fn similar_names_to(&self, names: &[Name]) -> Result<Vec<[String; 2]>> {
        let mut given: HashMap<String, Vec<(usize, &str)>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            given.entry(folded(name.as_str())).or_default().push((at, name.as_str()));
        }
        let mut similar = Vec::new();
        if !given.is_empty() {
            self.each_name(0, |_, other| {
                let names = given.get(&folded(other)).into_iter().flatten();
                similar.extend(
                    names
                        .filter(|(_, name)| *name != other)
                        .map(|(at, name)| (*at, [(*name).to_owned(), other.to_owned()])),
                );
            })?;
        }
        similar.sort();
        Ok(similar.into_iter().map(|(_, names)| names).collect())
    }

    /// Calls `visit` with the id and the name of every subject with an id above `after`.
    fn each_name(&self, after: u64, mut visit: impl FnMut(u64, &str)) -> Result<()> {
        self.read("listing subjects", |db| {
            let mut statement = db.prepare(
                "SELECT id, name FROM subjects WHERE id > ?1 AND intact('subjects', sum, id, name, created)",
            )?;
            let mut rows = statement.query([after.cast_signed()])?;
            while let Some(row) = rows.next()? {
                if let Ok(name) = row.get_ref(1)?.as_str() {
                    visit(row.get::<_, i64>(0)?.cast_unsigned(), name);
                }
            }
            Ok(())
        })
    }

    /// Adds every template of a subject to `removing`. The caller calls `finish_removing` after the index has deleted them.
    pub(in crate::gallery) fn mark_removed(&mut self, subject: &Subject) -> Result<()> {
        self.transaction("removing a subject", |tx| {
            let id = subject.id.cast_signed();
            tx.execute(
                "INSERT INTO removing(template_id) SELECT id FROM templates WHERE subject_id = ?1",
                [id],
            )?;
            remove_unknown_of_removed_photos(tx)?;
            list::leave(tx, subject.id)?;
            record(tx, "remove", &json!({ "subject": subject.id, "templates": subject.templates })).map(drop)
        })
    }
}

fn subject_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Subject> {
    Ok(Subject {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        name: row.get(1)?,
        templates: row.get::<_, i64>(2)?.cast_unsigned(),
    })
}

/// The hashes of the subjects that the index of names returns for a bucket. Verifies each row.
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
                mismatch(format!("the index of names leads from {name:?} to another subject, {id}"))
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
        // A subject whose name could not be normalized is still found by its exact name, so that it can be merged.
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
        let person = Person::Unknown(Name::generated("1.jpg").unwrap());
        let names: Vec<String> = (0..300)
            .map(|_| catalog.transaction("making it", |tx| ensure(tx, &person)).unwrap().1.to_string())
            .collect();
        assert_eq!(names[..3], ["1.jpg", "1.jpg (2)", "1.jpg (3)"]);
        assert_eq!(names[299], "1.jpg (300)");
    }
}
