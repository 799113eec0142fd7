//! The journal of corrections. It contains what is necessary to undo them.
//!
//! | verb | detail |
//! |---|---|
//! | `rename` | `subject`, names `from` and `to` |
//! | `merge`, `move` | `from`, `from_name`, `into`, `into_name`, `templates`: pairs of the ids before and after |
//! | `assign` | the same, of a clustering: `from` is null, because the templates were unknown faces |
//! | `reject` | the same, of templates that do not show `from`: `into` is null, because they are unknown faces now |
//! | `prune` | the same, of the faces of photos whose files are gone: `into` is null. `from` is null for unknown faces |
//! | `not_subject` | `subject`, and `template_ids` of other templates that do not show it |
//! | `remove` | `subject`, and `templates` (their number) or `template_ids` |
//! | `undo` | `undoes`: the id of the undone entry; `undone`: its verb; and the detail of the opposite rename or move |
//! | `threshold` | the values `from` and `to` |
//! | `distinct`, `not_distinct` | `subjects`: the ids of two subjects that are different people, or may be one again |
//!
//! A merge, a move or the undoing of one also has `lists`, if there are any: the ids of the lists on which `into` took the place of `from`. If
//! `into` is null, they are the lists that `from` has left with its last template. `joined` are those of them on which `into` was not before;
//! older entries do not have it.
//!
//! Subjects are identified by their ids. A name is kept as long as its subject is in the gallery, under this name or another one.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Transaction, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Catalog, Result};

/// A correction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JournalEntry {
    /// Its number. Later entries have higher numbers, and no number is given twice.
    pub id: i64,
    /// Time in seconds since 1970.
    pub at: i64,
    /// The kind of the correction: `rename`, `merge`, `move`, `assign`, `reject`, `prune`, `not_subject`, `remove`, `undo`, `threshold`, `distinct`
    /// or `not_distinct`.
    pub verb: String,
    /// Its details.
    pub detail: Value,
    /// The number of the entry that undid this one, if it was undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<i64>,
}

impl JournalEntry {
    /// Whether [`undo`](crate::gallery::Gallery::undo) may undo the correction, as far as the journal tells. Later changes of its subjects
    /// and templates may still prevent it.
    pub fn may_be_undone(&self) -> bool {
        self.obstacle().is_none()
    }

    /// Why the correction cannot be undone, in words, as far as the journal tells; `None` if it may be undone.
    pub fn obstacle(&self) -> Option<String> {
        let is_known = |name: &str| self.detail.get(name).is_some_and(Value::is_string);
        let reason = match (self.undone_by, self.verb.as_str()) {
            (Some(by), _) => return Some(format!("entry {by} of the journal has undone it")),
            (_, "rename") if is_known("from") && is_known("to") => return None,
            (_, "not_subject") => return None,
            (_, "merge" | "move" | "assign" | "prune") if self.number("from").is_none() => return None,
            (_, "merge" | "move" | "reject" | "prune") if is_known("from_name") => return None,
            (_, "rename" | "merge" | "move" | "reject" | "prune") => {
                "its subject was removed, and the name erased"
            }
            (_, "remove") => "it is a removal, and the templates are erased; enroll them again",
            (_, "undo") => "it has undone another correction; make that correction again",
            (_, "distinct" | "not_distinct") => {
                "it says whether two subjects are different people; say the opposite"
            }
            (_, verb) => return Some(format!("it is a change of another kind: {verb}")),
        };
        Some(reason.into())
    }

    /// The id of the renamed or removed subject, or of the subject whose templates were moved.
    fn subject(&self) -> Option<i64> {
        self.number("subject").or_else(|| self.number("from"))
    }

    /// Whether it changed a name and moved no template.
    fn is_rename(&self) -> bool {
        self.verb == "rename" || self.detail.get("undone").is_some_and(|undone| undone == "rename")
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.detail.get(key).and_then(Value::as_i64)
    }

    /// A subject of the detail.
    pub(in crate::gallery) fn id_of(&self, key: &str) -> Option<u64> {
        self.detail.get(key).and_then(Value::as_u64)
    }

    /// A name of the detail.
    pub(in crate::gallery) fn name_of(&self, key: &str) -> Option<&str> {
        self.detail.get(key).and_then(Value::as_str)
    }

    /// The ids of the lists on which a destination took the place of a subject.
    pub(super) fn lists(&self) -> Vec<i64> {
        let lists = self.detail.get("lists").cloned().unwrap_or_default();
        serde_json::from_value(lists).unwrap_or_default()
    }

    /// The ids of the lists on which the destination was not before.
    fn joined(&self) -> Vec<i64> {
        let joined = self.detail.get("joined").cloned().unwrap_or_default();
        serde_json::from_value(joined).unwrap_or_default()
    }

    /// The two subjects that it keeps apart, or allows to be one person again.
    pub(in crate::gallery) fn kept_apart(&self) -> Option<[u64; 2]> {
        let subjects = self.detail.get("subjects").cloned()?;
        matches!(self.verb.as_str(), "distinct" | "not_distinct")
            .then(|| serde_json::from_value(subjects).ok())?
    }

    /// The other templates that do not show a subject, and the subject, unless this was undone.
    pub(in crate::gallery) fn not_of_subject(&self) -> Option<(Vec<u64>, u64)> {
        let is_valid = self.verb == "not_subject" && self.undone_by.is_none();
        let ids = self.detail.get("template_ids").filter(|_| is_valid).cloned()?;
        serde_json::from_value(ids).ok().zip(self.id_of("subject"))
    }

    /// The moved templates: pairs of the ids before and after. Empty for a rename and a removal.
    pub(in crate::gallery) fn moved(&self) -> Vec<(u64, u64)> {
        let is_move = matches!(self.verb.as_str(), "merge" | "move" | "assign" | "reject" | "prune" | "undo");
        let pairs = self.detail.get("templates").filter(|_| is_move).cloned().unwrap_or_default();
        serde_json::from_value(pairs).unwrap_or_default()
    }
}

/// What a correction is recorded as.
#[derive(Debug, Clone, Copy)]
pub(in crate::gallery) enum Kind<'a> {
    Rename,
    Merge,
    Move,
    /// A clustering gives unknown faces a subject.
    Assign,
    /// A subject loses templates that do not show it.
    Reject,
    /// Photos are gone, and their faces leave the gallery.
    Prune,
    /// The correction that undoes this one.
    Undo(&'a JournalEntry),
}

impl Kind<'_> {
    fn verb(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Merge => "merge",
            Self::Move => "move",
            Self::Assign => "assign",
            Self::Reject => "reject",
            Self::Prune => "prune",
            Self::Undo(_) => "undo",
        }
    }

    /// Records the correction in the transaction of the caller. Returns the number of the entry.
    pub fn record(self, tx: &Transaction<'_>, mut detail: Value) -> rusqlite::Result<i64> {
        if let Self::Undo(entry) = self {
            detail["undoes"] = entry.id.into();
            detail["undone"] = entry.verb.clone().into();
        }
        record(tx, self.verb(), &detail)
    }
}

/// The present ids of what was moved to and fro: an undone correction and the one that undid it cancel each other.
#[derive(Debug)]
pub(in crate::gallery) struct Successors {
    templates: HashMap<u64, u64>,
    subjects: HashMap<u64, u64>,
}

impl Successors {
    /// The successors according to all entries, in their order.
    pub fn of(journal: &[JournalEntry]) -> Self {
        let mut all = Self { templates: HashMap::new(), subjects: HashMap::new() };
        for undo in journal.iter().filter(|entry| entry.verb == "undo") {
            let Some(undone) = undo.number("undoes") else { continue };
            let Ok(at) = journal.binary_search_by_key(&undone, |entry| entry.id) else { continue };
            let undone = &journal[at];
            let returned: HashMap<u64, u64> = undo.moved().into_iter().collect();
            for (before, moved) in undone.moved() {
                if let Some(&after) = returned.get(&all.template(moved)) {
                    all.templates.insert(before, after);
                }
            }
            if let Some((before, after)) = undone.id_of("from").zip(undo.id_of("into")) {
                let before = all.subject(before);
                if before != after {
                    all.subjects.insert(before, after);
                }
            }
        }
        all
    }

    /// The present id of a template.
    pub fn template(&self, id: u64) -> u64 {
        follow(&self.templates, id)
    }

    /// The present id of a subject.
    pub fn subject(&self, id: u64) -> u64 {
        follow(&self.subjects, id)
    }
}

/// The present ids of templates and subjects that had other ids earlier, after all moves and merges.
#[derive(Debug)]
pub struct Present {
    templates: HashMap<u64, u64>,
    merged: HashMap<u64, u64>,
    successors: Successors,
}

impl Present {
    /// The present ids according to all entries, in their order.
    pub(in crate::gallery) fn of(journal: &[JournalEntry]) -> Self {
        let successors = Successors::of(journal);
        let (mut templates, mut merged) = (HashMap::new(), HashMap::new());
        for entry in journal {
            templates.extend(entry.moved());
            if entry.verb == "merge"
                && entry.undone_by.is_none()
                && let Some((from, into)) = entry.id_of("from").zip(entry.id_of("into"))
            {
                merged.insert(successors.subject(from), successors.subject(into));
            }
        }
        Self { templates, merged, successors }
    }

    /// The present id of a template. It may have been removed.
    pub fn template(&self, id: u64) -> u64 {
        latest(&self.templates, id)
    }

    /// The id of a subject that was made again by an undoing, before any merge.
    pub fn unmerged(&self, id: u64) -> u64 {
        self.successors.subject(id)
    }

    /// The present id of a subject: of the one into which it was merged, or that was made again by an undoing. It may have been removed.
    pub fn subject(&self, id: u64) -> u64 {
        follow(&self.merged, self.successors.subject(id))
    }
}

/// Follows a chain to its end. A damaged chain may be a circle.
fn follow(next: &HashMap<u64, u64>, id: u64) -> u64 {
    let steps = std::iter::successors(Some(id), |at| next.get(at).copied());
    steps.take(next.len() + 1).last().unwrap_or(id)
}

/// The lists that the destination of an entry leaves when the entry is undone: those on which the entry has put it, unless another
/// correction that is not undone has put it there too.
pub(super) fn lists_to_leave(tx: &Transaction<'_>, undone: &JournalEntry) -> rusqlite::Result<Vec<i64>> {
    let mut lists = undone.joined();
    if lists.is_empty() {
        return Ok(lists);
    }
    let entries = entries(tx)?;
    let successors = Successors::of(&entries);
    let into = |entry: &JournalEntry| entry.id_of("into").map(|id| successors.subject(id));
    let is_other = |entry: &&JournalEntry| {
        entry.id != undone.id && entry.undone_by.is_none() && into(entry) == into(undone)
    };
    for other in entries.iter().filter(is_other) {
        let kept = other.lists();
        lists.retain(|list| !kept.contains(list));
    }
    Ok(lists)
}

/// Records a correction in the transaction of the caller. Returns the number of the entry.
pub(super) fn record(tx: &Transaction<'_>, verb: &str, detail: &Value) -> rusqlite::Result<i64> {
    tx.execute(
        "INSERT INTO journal(at, verb, detail) VALUES (unixepoch(), ?1, ?2)",
        params![verb, detail.to_string()],
    )?;
    Ok(tx.last_insert_rowid())
}

fn entries(db: &Connection) -> rusqlite::Result<Vec<JournalEntry>> {
    let mut entries: Vec<JournalEntry> = db
        .prepare("SELECT id, at, verb, detail FROM journal WHERE intact('journal', sum, id, at, verb, detail) ORDER BY id")?
        .query_map([], |row| {
            let detail: String = row.get(3)?;
            let detail = serde_json::from_str(&detail).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, error.into())
            })?;
            let (id, at, verb) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(JournalEntry { id, at, verb, detail, undone_by: None })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let undone: HashMap<i64, i64> = entries
        .iter()
        .filter(|entry| entry.verb == "undo")
        .filter_map(|entry| Some((entry.number("undoes")?, entry.id)))
        .collect();
    for entry in &mut entries {
        entry.undone_by = undone.get(&entry.id).copied();
    }
    Ok(entries)
}

/// Removes the names of removed subjects from the journal. A name is kept if all templates of its subject went to a subject that is still
/// in the gallery, or were rejected and are still there as faces of nobody or of somebody else: the undoing needs it. If `keeps_pruned`, so is a name that the undoing of a `prune` needs, unless templates of the subject were removed after
/// it.
pub(super) fn forget_names(tx: &Transaction<'_>, keeps_pruned: bool) -> rusqlite::Result<()> {
    let mut entries = entries(tx)?;
    let pruned = if keeps_pruned { names_of_pruned(&entries) } else { HashSet::new() };
    let returned: HashMap<i64, i64> =
        entries.iter().filter_map(|entry| Some((entry.id, entry.number("into")?))).collect();
    let mut is_there = tx.prepare_cached("SELECT 1 FROM subjects WHERE id = ?1")?;
    let mut left = RejectedFaces { tx, later: None };
    let mut remembered: HashMap<i64, bool> = HashMap::new();
    // Newest first: whether the destination of a subject still exists must be known before the subject itself is decided.
    for entry in entries.iter().rev() {
        let into = entry.number("into");
        // The templates of an undone move are where the undoing has put them.
        let at = entry.undone_by.map_or(into, |by| returned.get(&by).copied());
        for id in [entry.subject(), into, at].into_iter().flatten() {
            if !remembered.contains_key(&id) && is_there.exists([id])? {
                remembered.insert(id, true);
            }
        }
        if let Some(subject) = entry.subject().filter(|_| !entry.is_rename()) {
            let went_on = match at {
                Some(at) => remembered.get(&at).copied().unwrap_or(false),
                None if remembered.contains_key(&subject) => false,
                None => {
                    entry.verb == "reject" && entry.undone_by.is_none() && left.are_there(entry, &entries)?
                }
            };
            remembered.entry(subject).or_insert(went_on);
        }
    }
    for entry in &mut entries {
        let gone = |id: Option<i64>| !id.and_then(|id| remembered.get(&id)).copied().unwrap_or(false);
        let (from, into) = (gone(entry.subject()), gone(entry.number("into")));
        let names: &[(&str, bool)] = match entry.is_rename() {
            true => &[("from", from), ("to", from)],
            false => &[("from_name", from), ("into_name", into)],
        };
        let is_needed = pruned.contains(&entry.id);
        let Value::Object(detail) = &mut entry.detail else { continue };
        let before = detail.len();
        names.iter().filter(|(_, gone)| *gone && !is_needed).for_each(|(name, _)| drop(detail.remove(*name)));
        if detail.len() < before {
            tx.prepare_cached("UPDATE journal SET detail = ?2 WHERE id = ?1")?
                .execute(params![entry.id, entry.detail.to_string()])?;
        }
    }
    Ok(())
}

/// The faces that rejections have left without a subject.
struct RejectedFaces<'a> {
    tx: &'a Transaction<'a>,
    /// The next id of each template that was moved. Read when it is needed first.
    later: Option<HashMap<u64, u64>>,
}

impl RejectedFaces<'_> {
    /// Whether all templates of an entry are still in the gallery, under any id.
    fn are_there(&mut self, entry: &JournalEntry, entries: &[JournalEntry]) -> rusqlite::Result<bool> {
        let later = self.later.get_or_insert_with(|| entries.iter().flat_map(JournalEntry::moved).collect());
        let mut is_there = self.tx.prepare_cached("SELECT 1 FROM templates WHERE id = ?1")?;
        for (_, id) in entry.moved() {
            if !is_there.exists([latest(later, id).cast_signed()])? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The last id of a template. A later id is always greater, because ids are not reused.
fn latest(later: &HashMap<u64, u64>, id: u64) -> u64 {
    let mut at = id;
    while let Some(&next) = later.get(&at).filter(|next| **next > at) {
        at = next;
    }
    at
}

/// The entries whose names are needed to bring the faces of missing photos back.
fn names_of_pruned(entries: &[JournalEntry]) -> HashSet<i64> {
    let mut removed: HashMap<i64, i64> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.verb == "remove") {
        removed.extend(entry.subject().map(|subject| (subject, entry.id)));
    }
    let is_needed = |entry: &&JournalEntry| {
        let last = entry.subject().and_then(|subject| removed.get(&subject));
        entry.verb == "prune" && entry.undone_by.is_none() && last.is_none_or(|last| *last < entry.id)
    };
    entries.iter().filter(is_needed).map(|entry| entry.id).collect()
}

impl Catalog {
    /// Records that two subjects are different people, or may be one again. Returns the number of the entry.
    pub(in crate::gallery) fn record_distinct(
        &mut self,
        subjects: [u64; 2],
        are_distinct: bool,
    ) -> Result<i64> {
        let verb = if are_distinct { "distinct" } else { "not_distinct" };
        self.transaction("recording that subjects are kept apart", |tx| {
            record(tx, verb, &json!({ "subjects": subjects }))
        })
    }

    /// Records that templates do not show a subject. Returns the number of the entry.
    pub(in crate::gallery) fn record_not_subject(&mut self, templates: &[u64], subject: u64) -> Result<i64> {
        self.transaction("recording whom templates do not show", |tx| {
            record(tx, "not_subject", &json!({ "subject": subject, "template_ids": templates }))
        })
    }

    /// Records that an entry without templates to move back is undone. Returns the number of the new entry.
    pub(in crate::gallery) fn record_undo(&mut self, entry: &JournalEntry) -> Result<i64> {
        self.transaction("undoing a correction", |tx| Kind::Undo(entry).record(tx, json!({})))
    }

    /// All corrections, oldest first.
    pub(in crate::gallery) fn journal(&self) -> Result<Vec<JournalEntry>> {
        self.verify(&["journal"])?;
        self.read("reading the journal", entries)
    }
}
