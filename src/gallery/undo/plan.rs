//! What an undoing does, and whether it can: the same checks for an undoing and for its dry run.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use crate::gallery::catalog::journal::Successors;
use crate::gallery::catalog::template::Original;
use crate::gallery::catalog::{JournalEntry, Subject};
use crate::gallery::error::{GalleryError, Result};
use crate::gallery::name::normalised;
use crate::gallery::relocation::Destination;
use crate::gallery::{Gallery, Name};

/// The first id of subjects and templates that a dry run would make. No gallery has such ids.
const SIMULATED: u64 = 1 << 62;

/// What the undoing of an entry does.
pub(super) enum Plan {
    /// The subject gets this name.
    Rename { subject: Subject, name: Name },
    /// It is only recorded: the entry has changed no subject and no template.
    Forget,
    /// The templates go there.
    Move { originals: Vec<Original>, destination: Destination },
}

/// A plan, or why the entry cannot be undone.
type Checked = Result<Plan, String>;

/// The gallery before an undoing. In a dry run, it is as the earlier undoings would leave it.
pub(super) struct Before<'a> {
    gallery: &'a Gallery,
    journal: Vec<JournalEntry>,
    /// The templates that the dry run has made, or removed.
    templates: HashMap<u64, Option<Original>>,
    /// The names of subjects that the dry run has made or renamed; `None` for removed ones.
    names: HashMap<u64, Option<String>>,
    next: u64,
}

impl<'a> Before<'a> {
    pub fn of(gallery: &'a Gallery) -> Result<Self> {
        let (templates, names) = (HashMap::new(), HashMap::new());
        Ok(Self { gallery, journal: gallery.journal()?, templates, names, next: SIMULATED })
    }

    /// Checks whether an entry can be undone, and how.
    pub fn plan(&self, id: i64) -> Result<(&JournalEntry, Plan)> {
        let entry = self.journal.iter().find(|entry| entry.id == id);
        let entry = entry.ok_or(GalleryError::UnknownEntry { id })?;
        let plan = match (entry.obstacle(), entry.verb.as_str()) {
            (Some(reason), _) => Err(reason),
            (None, "rename") => self.renaming(entry, &Successors::of(&self.journal))?,
            (None, "not_subject") => Ok(Plan::Forget),
            (None, _) => self.moving(entry, &Successors::of(&self.journal))?,
        };
        plan.map(|plan| (entry, plan)).map_err(|reason| GalleryError::CannotUndo { id, reason })
    }

    fn renaming(&self, entry: &JournalEntry, successors: &Successors) -> Result<Checked> {
        let (Some(id), Some(from), Some(to)) =
            (entry.id_of("subject"), entry.name_of("from"), entry.name_of("to"))
        else {
            return Err(self.incomplete(entry));
        };
        let id = successors.subject(id);
        let Some(subject) = self.subject(to)?.filter(|subject| subject.id == id) else {
            return Ok(Err(match self.name_of(id)? {
                Some(now) => format!("the subject was renamed again, to {now:?}"),
                None => "the subject is not in the gallery any more".into(),
            }));
        };
        let name = match Name::new(from) {
            Err(GalleryError::SubjectName { name, reason }) => return Ok(Err(format!("{name:?}: {reason}"))),
            name => name?,
        };
        Ok(match self.subject(name.as_str())? {
            Some(other) if other.id != id => Err(taken(name.as_str(), "merge the two subjects instead")),
            _ => Ok(Plan::Rename { subject, name }),
        })
    }

    fn moving(&self, entry: &JournalEntry, successors: &Successors) -> Result<Checked> {
        let ids: Vec<u64> = entry.moved().into_iter().map(|(_, id)| successors.template(id)).collect();
        let originals = match self.originals(&ids) {
            Err(GalleryError::UnknownTemplate { id }) => {
                return Ok(Err(format!("template {id} was removed, or moved on")));
            }
            originals => originals?,
        };
        let into = entry.id_of("into").map(|id| successors.subject(id));
        let is_there = |one: &&Original| one.subject.as_ref().map(|(id, _)| *id) == into;
        if let Some(other) = originals.iter().find(|one| !is_there(one)) {
            return Ok(Err(match &other.subject {
                Some((_, now)) => format!("template {} belongs to {now:?} now", other.id),
                None => format!("template {} has no subject now", other.id),
            }));
        }
        let destination = match entry.id_of("from") {
            None => Ok(Destination::Nobody),
            Some(from) => self.former(entry, successors.subject(from), into)?,
        };
        if originals.is_empty() {
            return Err(self.incomplete(entry));
        }
        if let Some(into) = into
            && let Some(rename) = self.dependent(into, &originals, successors)?
        {
            let reason = "the rename of its subject, depends on it and must be undone first";
            return Ok(Err(format!("entry {rename}, {reason}")));
        }
        Ok(destination.map(|destination| Plan::Move { originals, destination }))
    }

    /// The subject from which the templates of an entry came, or why they cannot go back. A subject that still exists is identified by its
    /// id, because it may have been renamed.
    fn former(
        &self,
        entry: &JournalEntry,
        from: u64,
        now: Option<u64>,
    ) -> Result<Result<Destination, String>> {
        let Some(name) = entry.name_of("from_name") else { return Err(self.incomplete(entry)) };
        let known = self.name_of(from)?;
        let name = known.as_deref().unwrap_or(name);
        Ok(match self.destination(name) {
            Ok(Destination::Subject(subject)) if Some(subject.id) == now => {
                Err(format!("the subject with the templates has the name {name:?} now"))
            }
            // It may be another person, and would get the templates without a word.
            Ok(Destination::Subject(_)) if known.is_none() => Err(taken(name, "rename that subject first")),
            Err(GalleryError::SubjectName { name, reason }) => Err(format!("{name:?}: {reason}")),
            destination => Ok(destination?),
        })
    }

    /// The rename of a subject that would be gone without these templates, if it could not be undone afterwards: its name would be erased. A
    /// later correction that took templates from the subject keeps the name, and its undoing makes the subject again.
    fn dependent(
        &self,
        subject: u64,
        originals: &[Original],
        successors: &Successors,
    ) -> Result<Option<i64>> {
        if !self.has_only(subject, originals)? {
            return Ok(None);
        }
        let is_of = |entry: &JournalEntry, key: &str| {
            entry.id_of(key).is_some_and(|id| successors.subject(id) == subject)
        };
        let matters = |entry: &&JournalEntry| match entry.verb.as_str() {
            "undo" => false,
            "rename" => is_of(entry, "subject"),
            _ => is_of(entry, "from"),
        };
        let mut in_force = self.journal.iter().rev().filter(|entry| entry.undone_by.is_none());
        Ok(in_force.find(matters).filter(|last| last.verb == "rename").map(|last| last.id))
    }

    fn incomplete(&self, entry: &JournalEntry) -> GalleryError {
        self.gallery.damaged(format!("entry {} of the journal has no complete detail", entry.id))
    }
}

/// Looking up, in the gallery and in what a dry run would have changed.
impl Before<'_> {
    fn name_of(&self, subject: u64) -> Result<Option<String>> {
        match self.names.get(&subject) {
            Some(simulated) => Ok(simulated.clone()),
            None => self.gallery.catalog().subject_name(subject),
        }
    }

    fn subject(&self, name: &str) -> Result<Option<Subject>> {
        if let Some(subject) = self.simulated(name) {
            return Ok(Some(subject));
        }
        match self.gallery.catalog().subject(name) {
            Ok(subject) => Ok(Some(subject).filter(|subject| !self.names.contains_key(&subject.id))),
            Err(GalleryError::UnknownSubject { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The subject that the dry run has given this name.
    fn simulated(&self, name: &str) -> Option<Subject> {
        let normalised = normalised(name);
        let mut named = self.names.iter().filter_map(|(id, known)| Some((*id, known.as_ref()?)));
        let (id, known) = named.find(|(_, known)| *known == name || **known == normalised)?;
        Some(Subject { id, name: known.clone(), templates: 0 })
    }

    /// The subject with this name, or a new one.
    fn destination(&self, name: &str) -> Result<Destination> {
        if let Some(subject) = self.simulated(name) {
            return Ok(Destination::Subject(subject));
        }
        match self.gallery.destination(name)? {
            Destination::Subject(subject) if self.names.contains_key(&subject.id) => {
                Ok(Destination::Named(Name::new(name)?))
            }
            destination => Ok(destination),
        }
    }

    /// The live templates with these ids, in order.
    fn originals(&self, ids: &[u64]) -> Result<Vec<Original>> {
        let (simulated, real): (Vec<u64>, Vec<u64>) =
            ids.iter().partition(|id| self.templates.contains_key(id));
        let mut found = self.gallery.require_originals(&real)?;
        for id in simulated {
            let original = self.templates.get(&id).cloned().flatten();
            found.push(original.ok_or(GalleryError::UnknownTemplate { id })?);
        }
        found.sort_unstable_by_key(|one| one.id);
        found.dedup_by_key(|one| one.id);
        Ok(found)
    }

    /// Whether a subject has no other templates than these.
    fn has_only(&self, subject: u64, originals: &[Original]) -> Result<bool> {
        let given: HashSet<u64> = originals.iter().map(|one| one.id).collect();
        let is_of_subject = |one: &&Original| one.subject.as_ref().is_some_and(|(id, _)| *id == subject);
        let simulated = self.templates.values().flatten().filter(is_of_subject).map(|one| one.id);
        let mut real = self.gallery.catalog().ids_of(subject)?;
        real.retain(|id| !self.templates.contains_key(id));
        Ok(real.into_iter().chain(simulated).all(|id| given.contains(&id)))
    }
}

/// Dry runs.
impl Before<'_> {
    /// Takes over what an undoing would change, for the checks of the next one.
    pub fn simulate(&mut self, entry: &JournalEntry, plan: Plan) -> Result<()> {
        let mut detail = match plan {
            Plan::Forget => json!({}),
            Plan::Rename { subject, name } => {
                self.names.insert(subject.id, Some(name.to_string()));
                json!({ "subject": subject.id, "from": subject.name, "to": name })
            }
            Plan::Move { originals, destination } => self.simulate_move(originals, destination)?,
        };
        detail["undoes"] = entry.id.into();
        detail["undone"] = entry.verb.clone().into();
        let id = self.journal.last().map_or(0, |last| last.id) + 1;
        if let Some(undone) = self.journal.iter_mut().find(|one| one.id == entry.id) {
            undone.undone_by = Some(id);
        }
        self.journal.push(JournalEntry { id, at: entry.at, verb: "undo".into(), detail, undone_by: None });
        Ok(())
    }

    fn simulate_move(
        &mut self,
        originals: Vec<Original>,
        destination: Destination,
    ) -> Result<serde_json::Value> {
        let from = originals.first().and_then(|one| one.subject.as_ref()).map(|(id, _)| *id);
        if let Some(from) = from
            && self.has_only(from, &originals)?
        {
            self.names.insert(from, None);
        }
        let into = match destination {
            Destination::Nobody => None,
            Destination::Subject(subject) => Some((subject.id, subject.name)),
            Destination::Named(name) => {
                let id = self.next_id();
                self.names.insert(id, Some(name.to_string()));
                Some((id, name.to_string()))
            }
        };
        let mut pairs = Vec::with_capacity(originals.len());
        for original in originals {
            let id = self.next_id();
            self.templates.insert(original.id, None);
            self.templates.insert(id, Some(Original { id, subject: into.clone() }));
            pairs.push((original.id, id));
        }
        let into = into.map(|(id, _)| id);
        Ok(json!({ "from": from, "into": into, "templates": pairs }))
    }

    fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

fn taken(name: &str, remedy: &str) -> String {
    format!("{name:?}: another subject has this name; {remedy}")
}
