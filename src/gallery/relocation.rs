//! Templates that get another subject, or none: each is copied under a new id, and the original is removed.

use std::collections::HashMap;

use super::catalog::journal::Kind;
use super::catalog::template::{Original, group_of};
use super::catalog::{PendingKind, Subject, subject, template};
use super::error::{GalleryError, Result};
use super::vectors::Row;
use super::{Gallery, Name, Person};

/// Where templates go.
pub(super) enum Destination {
    Subject(Subject),
    /// The subject with this name, which is made if it does not exist.
    Named(Name),
    /// No subject: they become unknown faces.
    Nobody,
}

impl Destination {
    /// Name of the subject.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Subject(subject) => Some(&subject.name),
            Self::Named(name) => Some(name.as_str()),
            Self::Nobody => None,
        }
    }
}

/// Templates that were moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relocated {
    /// Name of their present subject.
    pub into: Option<String>,
    /// The new ids, in the order of the templates.
    pub ids: Vec<u64>,
    /// The numbers of the journal entries, one for each former subject.
    pub entries: Vec<i64>,
}

impl Gallery {
    /// The subject `to`, or a new one.
    pub(super) fn destination(&self, to: &str) -> Result<Destination> {
        match self.subject(to) {
            Ok(subject) => Ok(Destination::Subject(subject)),
            Err(GalleryError::UnknownSubject { .. }) => Ok(Destination::Named(Name::new(to)?)),
            Err(error) => Err(error),
        }
    }

    /// Moves templates to one destination.
    pub(super) fn relocate(
        &self,
        kind: Kind<'_>,
        templates: &[Original],
        destination: Destination,
    ) -> Result<Relocated> {
        let none = Relocated { into: None, ids: Vec::new(), entries: Vec::new() };
        let parts = [(templates.to_vec(), destination)];
        Ok(self.relocate_all(kind, &parts)?.pop().unwrap_or(none))
    }

    /// Moves templates to several destinations, all or none. The caller holds the lock of a correction, and each template is in one part.
    pub(super) fn relocate_all(
        &self,
        kind: Kind<'_>,
        parts: &[(Vec<Original>, Destination)],
    ) -> Result<Vec<Relocated>> {
        let vectors = self.vectors_of(parts)?;
        let vector = |id: u64| vectors.get(&id).map_or(&[][..], Vec::as_slice);
        let (written, moved) = self.write_as(PendingKind::Move, "moving templates", |tx, rows| {
            let mut moved = Vec::with_capacity(parts.len());
            for (templates, destination) in parts {
                let into = match destination {
                    Destination::Subject(subject) => Some((subject.id, subject.name.clone())),
                    Destination::Named(name) => {
                        let (id, name) = subject::ensure(tx, &Person::Named(name.clone()))?;
                        Some((id.cast_unsigned(), name.to_string()))
                    }
                    Destination::Nobody => None,
                };
                let subject = into.as_ref().map(|(id, _)| *id);
                let mut ids = Vec::with_capacity(templates.len());
                for original in templates {
                    let id = template::copy_template(tx, original.id, subject)?.cast_unsigned();
                    rows.push(Row { id, subject: group_of(id, subject), vector: vector(original.id) });
                    ids.push(id);
                }
                moved.push((into, ids));
            }
            Ok(moved)
        })?;
        let mut entries = Vec::with_capacity(parts.len());
        self.finish(written, |tx| {
            for ((templates, _), (into, ids)) in parts.iter().zip(&moved) {
                let into = into.as_ref().map(|(id, name)| (*id, name.as_str()));
                entries.push(template::retire_moved(tx, kind, templates, into, ids)?);
            }
            Ok(())
        })?;
        self.finish_removals()?;
        // There are no entries if there was nothing to move.
        entries.resize_with(moved.len(), Vec::new);
        let relocated = moved.into_iter().zip(entries).map(|((into, ids), entries)| Relocated {
            into: into.map(|(_, name)| name),
            ids,
            entries,
        });
        Ok(relocated.collect())
    }

    /// The vectors of these templates, by id.
    fn vectors_of(&self, parts: &[(Vec<Original>, Destination)]) -> Result<HashMap<u64, Vec<f32>>> {
        let view = self.vectors.snapshot()?;
        let sought: Vec<u64> = parts.iter().flat_map(|(templates, _)| templates).map(|one| one.id).collect();
        let mut vectors = HashMap::with_capacity(sought.len());
        for (row, id) in view.vectors(&sought).zip(&sought) {
            let row = row?.ok_or_else(|| {
                let what = format!("template {id} is not in the index");
                self.catalog().damaged(what)
            })?;
            vectors.insert(*id, row.vector);
        }
        Ok(vectors)
    }
}
