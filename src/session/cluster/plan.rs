//! The steps that carry out a review. Its names are the state after the whole review, so they may be swapped, and the order of its clusters
//! does not matter.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::error::Result;
use super::entries::{self, Claim, Entry, Face};
use crate::gallery::{DistinctSubjects, Gallery, GalleryError, Name, Rejections, Subject};
use crate::reply::{Review, ReviewApplied, ReviewObstacle, VERSION};

/// A step. The ids of faces are those before the first step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Faces do not show the subject. `is_last`: it has no others.
    Reject {
        subject: String,
        face_ids: Vec<u64>,
        is_last: bool,
    },
    Merge {
        from: String,
        into: String,
    },
    /// Subjects by id, with the present name and the new one. All at once, because names may be swapped.
    Rename(Vec<(u64, String, Name)>),
    /// Faces without a subject get one.
    Name {
        subject: Name,
        is_new: bool,
        face_ids: Vec<u64>,
    },
    /// Faces go from their subjects to another one.
    Move {
        subject: Name,
        is_new: bool,
        face_ids: Vec<u64>,
    },
}

/// The steps of a review, and what they change.
pub(super) struct Plan {
    pub steps: Vec<Step>,
    /// The counts, without the entries of the journal.
    pub counts: ReviewApplied,
    /// The names that the review gives, each once.
    pub names: Vec<Name>,
    /// The names of the gallery before that no subject has after the review.
    pub freed: BTreeSet<String>,
}

impl Plan {
    /// # Errors
    /// The review is not valid for this gallery; the catalog failed.
    pub fn of(review: &Review, gallery: &Gallery) -> Result<Self> {
        entries::check(review, gallery)?;
        let present = gallery.present_ids()?;
        let (entries, left_alone, missing) = entries::resolve(review, (gallery, &present))?;
        let mut planner = Planner {
            gallery,
            rejections: gallery.rejections()?,
            distinct: gallery.distinct_subjects()?,
            wishes: BTreeMap::new(),
            rejected: HashMap::new(),
            called: HashMap::new(),
            sizes: BTreeMap::new(),
            steps: Vec::new(),
            counts: ReviewApplied { version: VERSION, left_alone, missing, ..ReviewApplied::default() },
        };
        let entries = planner.wish(entries);
        planner.reject_from_subjects(&entries);
        planner.name_subjects()?;
        for entry in &entries {
            planner.name_faces(entry)?;
        }
        for entry in &entries {
            planner.reject_without_subject(entry)?;
        }
        Ok(planner.finish(&entries))
    }
}

struct Planner<'a> {
    gallery: &'a Gallery,
    rejections: Rejections,
    distinct: DistinctSubjects,
    /// The subjects that the review names, by id, each with its name after the review.
    wishes: BTreeMap<u64, (Subject, Name)>,
    /// The own faces that subjects lose by rejections, before they are merged.
    rejected: HashMap<u64, BTreeSet<u64>>,
    /// The names of subjects after the review, by id, where the review touches them. Empty for those that lose all their faces first.
    called: HashMap<u64, String>,
    /// Number of faces by the name after the review, where the review touches them.
    sizes: BTreeMap<String, u64>,
    steps: Vec<Step>,
    counts: ReviewApplied,
}

impl Planner<'_> {
    /// Notes which subjects get which names. Returns the entries without those that are left alone.
    fn wish(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        for claim in [Claim::Own, Claim::Merged, Claim::Faces] {
            for entry in entries.iter().filter(|entry| entry.is_outdated().is_none()) {
                let subject = entry.subject.as_ref().filter(|(_, own)| *own == claim);
                if let Some(((subject, _), name)) = subject.zip(entry.name.as_ref()) {
                    self.wishes.entry(subject.id).or_insert_with(|| (subject.clone(), name.clone()));
                }
            }
        }
        let mut left_alone = Vec::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            let after = entry.subject.as_ref().map(|(subject, _)| self.after(subject).to_owned());
            let is_granted = entry.name.as_ref().map(Name::as_str) == after.as_deref();
            let obstacle = match entry.is_outdated() {
                Some(_) if is_granted => None,
                None if entry.name.is_some() && after.is_some() && !is_granted => {
                    after.map(|name| ReviewObstacle::OtherName { name })
                }
                outdated => outdated,
            };
            match obstacle {
                Some(obstacle) => left_alone.push(entry.left_alone(obstacle)),
                None => kept.push(entry),
            }
        }
        self.counts.left_alone.extend(left_alone);
        kept
    }

    /// The name of a subject after the review.
    fn after<'a>(&'a self, subject: &'a Subject) -> &'a str {
        self.wishes.get(&subject.id).map_or(&subject.name, |(_, name)| name.as_str())
    }

    /// Before subjects are merged, so that the faces leave them and not the others.
    fn reject_from_subjects(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Some((subject, _)) = &entry.subject else { continue };
            let own = self.rejected.entry(subject.id).or_default();
            let before = own.len();
            own.extend(entry.rejected.iter().filter(|face| is_of(face, subject.id)).map(|face| face.id));
            let is_last = own.len() > before && own.len() as u64 >= subject.templates;
            self.reject(&entry.rejected, (Some(subject.id), &subject.name), is_last);
        }
        for (subject, _) in entries.iter().filter_map(|entry| entry.subject.as_ref()) {
            let is_emptied = self.rejected[&subject.id].len() as u64 >= subject.templates.max(1);
            if is_emptied && self.called.insert(subject.id, String::new()).is_none() {
                self.wishes.remove(&subject.id);
                self.counts.subjects_gone.push(subject.name.clone());
            }
        }
    }

    /// Adds a rejection, without the faces that are rejected from the subject already.
    fn reject(&mut self, faces: &[Face], (id, name): (Option<u64>, &str), is_last: bool) {
        let is_known =
            |face: u64| id.is_some() && self.rejections.of_template(face).any(|one| Some(one) == id);
        let is_own =
            |face: &Face| face.subject.is_some() && (face.subject == id || self.is_called(face, name));
        let face_ids: Vec<u64> =
            faces.iter().filter(|face| is_own(face) || !is_known(face.id)).map(|face| face.id).collect();
        if !face_ids.is_empty() {
            self.counts.rejected += face_ids.len() as u64;
            self.steps.push(Step::Reject { subject: name.to_owned(), face_ids, is_last });
        }
    }

    /// Whether the subject of a face has this name after the review, as far as the review touches it.
    fn is_called(&self, face: &Face, name: &str) -> bool {
        face.subject.and_then(|id| self.called.get(&id)).is_some_and(|called| called == name)
    }

    /// Subjects with the same name after the review are merged, then the others get their names.
    fn name_subjects(&mut self) -> Result<()> {
        let mut groups: BTreeMap<Name, Vec<Subject>> = BTreeMap::new();
        for (subject, name) in self.wishes.values() {
            groups.entry(name.clone()).or_default().push(subject.clone());
        }
        let mut renames = Vec::new();
        for (name, mut members) in groups {
            let holder = self.holder(name.as_str())?;
            if let Some(holder) = holder.filter(|one| members.iter().all(|other| other.id != one.id)) {
                members.push(holder);
            }
            members.sort_unstable_by_key(|subject| (subject.name != name.as_str(), subject.id));
            let Some((into, others)) = members.split_first() else { continue };
            for from in others {
                let (from, into) = (from.name.clone(), into.name.clone());
                self.steps.push(Step::Merge { from, into });
            }
            for (at, one) in members.iter().enumerate() {
                for other in members[..at].iter().filter(|other| self.distinct.contains(one.id, other.id)) {
                    self.counts.kept_apart.push([other.name.clone(), one.name.clone()]);
                }
            }
            self.counts.merged += others.len() as u64;
            renames.extend((into.name != name.as_str()).then(|| (into.id, into.name.clone(), name.clone())));
            let size = members.iter().map(|subject| self.left_of(subject)).sum();
            self.sizes.insert(name.to_string(), size);
            self.called.extend(members.iter().map(|subject| (subject.id, name.to_string())));
        }
        self.counts.renamed = renames.len() as u64;
        if !renames.is_empty() {
            self.steps.push(Step::Rename(renames));
        }
        Ok(())
    }

    /// The subject that has this name before and after the review, without the review giving it.
    fn holder(&self, name: &str) -> Result<Option<Subject>> {
        let found = match self.gallery.subject(name) {
            Err(GalleryError::UnknownSubject { .. }) => None,
            found => Some(found?),
        };
        let is_emptied = |id: u64| self.called.get(&id).is_some_and(String::is_empty);
        Ok(found.filter(|one| !self.wishes.contains_key(&one.id) && !is_emptied(one.id)))
    }

    /// Number of faces of a subject without the rejected ones.
    fn left_of(&self, subject: &Subject) -> u64 {
        let lost = self.rejected.get(&subject.id).map_or(0, BTreeSet::len) as u64;
        subject.templates.saturating_sub(lost)
    }

    /// Number of faces with a name after the steps so far.
    fn size(&mut self, name: &str) -> Result<&mut u64> {
        if !self.sizes.contains_key(name) {
            let size = self.holder(name)?.map_or(0, |subject| self.left_of(&subject));
            self.sizes.insert(name.to_owned(), size);
        }
        Ok(self.sizes.entry(name.to_owned()).or_default())
    }

    /// The name of the subject of a face after the review.
    fn name_of(&self, face: &Face) -> Result<Option<String>> {
        let Some(id) = face.subject else { return Ok(None) };
        Ok(match self.called.get(&id) {
            Some(name) => Some(name.clone()).filter(|name| !name.is_empty()),
            None => entries::subject_of(self.gallery, id)?.map(|subject| subject.name),
        })
    }

    /// Names the faces of a cluster that have no subject, and moves those that show somebody else.
    fn name_faces(&mut self, entry: &Entry) -> Result<()> {
        if let Some(name) = &entry.name {
            let unknown =
                entry.faces.iter().filter(|face| face.subject.is_none()).map(|face| face.id).collect();
            self.add_named(name, unknown)?;
            let mut others: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for face in entry.faces.iter().filter(|face| face.subject.is_some()) {
                let now = self.name_of(face)?.filter(|now| now != name.as_str());
                now.into_iter().for_each(|now| others.entry(now).or_default().push(face.id));
            }
            for (subject, face_ids) in others {
                let obstacle = ReviewObstacle::FacesNamed { face_ids, subject };
                self.counts.left_alone.push(entry.left_alone(obstacle));
            }
        }
        for (name, faces) in &entry.moved {
            let (mut unknown, mut moved) = (Vec::new(), Vec::new());
            for face in faces {
                match self.name_of(face)? {
                    Some(now) if now == name.as_str() => {}
                    Some(now) => {
                        let left = self.size(&now)?;
                        *left = left.saturating_sub(1);
                        if *left == 0 {
                            self.counts.subjects_gone.push(now);
                        }
                        moved.push(face.id);
                    }
                    None => unknown.push(face.id),
                }
            }
            self.add_named(name, unknown)?;
            if !moved.is_empty() {
                self.counts.moved += moved.len() as u64;
                let is_new = self.grow(name, moved.len())?;
                self.steps.push(Step::Move { subject: name.clone(), is_new, face_ids: moved });
            }
        }
        Ok(())
    }

    fn add_named(&mut self, name: &Name, face_ids: Vec<u64>) -> Result<()> {
        if !face_ids.is_empty() {
            self.counts.named += face_ids.len() as u64;
            let is_new = self.grow(name, face_ids.len())?;
            self.steps.push(Step::Name { subject: name.clone(), is_new, face_ids });
        }
        Ok(())
    }

    /// Adds faces to the subject with this name. Returns whether it is new.
    fn grow(&mut self, name: &Name, faces: usize) -> Result<bool> {
        let size = self.size(name.as_str())?;
        let is_new = *size == 0;
        *size += faces as u64;
        self.counts.subjects_gone.retain(|gone| gone != name.as_str());
        Ok(is_new)
    }

    /// Faces of a cluster without a subject do not show the person that the cluster shows.
    fn reject_without_subject(&mut self, entry: &Entry) -> Result<()> {
        if entry.subject.is_some() || entry.rejected.is_empty() {
            return Ok(());
        }
        if let Some(name) = &entry.name
            && *self.size(name.as_str())? > 0
        {
            let name = name.as_str();
            let id = self.called.iter().find(|(_, called)| *called == name).map(|(id, _)| *id);
            let id = id.or(self.holder(name)?.map(|subject| subject.id));
            let is_own =
                |face: &&Face| face.subject.is_some() && (face.subject == id || self.is_called(face, name));
            let own = entry.rejected.iter().filter(is_own).count() as u64;
            let size = self.size(name)?;
            *size = size.saturating_sub(own);
            let is_last = *size == 0;
            self.counts.subjects_gone.extend(is_last.then(|| name.to_owned()));
            self.reject(&entry.rejected, (id, name), is_last);
            return Ok(());
        }
        self.counts.missing += entry.rejected.len() as u64;
        if !entry.is_gone {
            let obstacle = ReviewObstacle::NoName { face_ids: entry.rejected_ids.clone() };
            self.counts.left_alone.push(entry.left_alone(obstacle));
        }
        Ok(())
    }

    fn finish(mut self, entries: &[Entry]) -> Plan {
        self.counts.left_alone.sort_by_key(|one| one.cluster);
        let mut names: Vec<Name> = Vec::new();
        for name in
            entries.iter().flat_map(|one| one.name.iter().chain(one.moved.iter().map(|(name, _)| name)))
        {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let before = self.steps.iter().flat_map(|step| match step {
            Step::Merge { from, .. } => vec![from.clone()],
            Step::Rename(renames) => renames.iter().map(|(_, from, _)| from.clone()).collect(),
            _ => Vec::new(),
        });
        let gone = self.counts.subjects_gone.iter().cloned();
        let is_taken = |name: &String| self.sizes.get(name).is_some_and(|size| *size > 0);
        let freed = before.chain(gone).filter(|name| !is_taken(name)).collect();
        Plan { steps: self.steps, counts: self.counts, names, freed }
    }
}

fn is_of(face: &Face, subject: u64) -> bool {
    face.subject == Some(subject)
}
