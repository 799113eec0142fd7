//! Names and corrections of another gallery with the same photos, such as one of another model: they follow the faces, not the templates.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::error::Result;
use super::super::place::SAME_FACE;
use super::super::{Control, Session, Stopped};
use super::assignment::is_generated;
use super::faces::{Face, list};
use crate::gallery::{Gallery, GalleryError, Name, overlap};
use crate::image::PhotoHash;
use crate::reply::{NamesTransferred, VERSION};

/// Faces that are named with the syncs of one write.
const WRITTEN: usize = 2048;

/// A face in a photo.
struct Place {
    id: u64,
    bounds: [f32; 4],
    /// Name of its subject.
    subject: Option<String>,
}

/// The faces of a gallery by photo.
struct Places(HashMap<PhotoHash, Vec<Place>>);

impl Places {
    fn of(gallery: &Gallery) -> Result<Self> {
        let mut places: HashMap<PhotoHash, Vec<Place>> = HashMap::new();
        for Face { id, subject, photo, bounds, .. } in list(gallery)? {
            if let Some((photo, bounds)) = photo.zip(bounds) {
                let subject = subject.map(|(_, name)| name);
                places.entry(photo).or_default().push(Place { id, bounds, subject });
            }
        }
        Ok(Self(places))
    }

    /// The face at this place of a photo.
    fn at(&self, photo: &PhotoHash, bounds: [f32; 4]) -> Option<&Place> {
        let shares = self.0.get(photo)?.iter().map(|place| (overlap(place.bounds, bounds), place));
        let best = shares.max_by(|a, b| a.0.total_cmp(&b.0));
        best.filter(|(share, _)| *share > SAME_FACE).map(|(_, place)| place)
    }
}

impl Session {
    /// Gives unknown faces the names that the same faces have in another gallery, and takes over what users said there: which faces do not show
    /// a subject, and which subjects are different people. A face is the same if it is in a photo with the same content at the same place.
    /// The inner error means that it was stopped; what was named stays.
    ///
    /// # Errors
    /// A gallery failed, or the disk is full.
    pub fn transfer_names(
        &self,
        from: &Gallery,
        control: &Control<'_>,
    ) -> Result<Result<NamesTransferred, Stopped>> {
        let (theirs, ours) = (Places::of(from)?, Places::of(self.gallery())?);
        let mut transferred = NamesTransferred { version: VERSION, ..NamesTransferred::default() };
        let named = named(&theirs, &ours, &mut transferred);
        let total = named.values().map(|ids| ids.len() as u64).sum();
        for (name, ids) in &named {
            for part in ids.chunks(WRITTEN) {
                if control.is_stopped() {
                    return Ok(Err(Stopped { looked_at: transferred.faces, total, unit: "face" }));
                }
                control.report("faces named", transferred.faces, Some(total));
                let clusters = [(part.to_vec(), Name::new(name)?)];
                let entries = self.gallery().assign_unknown_faces(&clusters)?;
                transferred.journal_ids.extend(entries.iter().filter_map(|one| one.entry));
                transferred.faces += part.len() as u64;
            }
        }
        transferred.subjects = named.len() as u64;
        // Generated names mean the same person in both galleries only where a face shows it.
        let common = common(&theirs, &Places::of(self.gallery())?);
        let is_known = |name: &str| !is_generated(name) || common.contains(name);
        self.transfer_rejections((from, &is_known), &mut transferred)?;
        self.transfer_distinct((from, &is_known), &mut transferred)?;
        Ok(Ok(transferred))
    }

    fn transfer_rejections(
        &self,
        (from, is_known): (&Gallery, &dyn Fn(&str) -> bool),
        transferred: &mut NamesTransferred,
    ) -> Result<()> {
        let rejections = from.rejections()?;
        let ours = Places::of(self.gallery())?;
        for (template, subject) in rejections.iter() {
            let (face, name) = (from.face_of(template)?, from.subject_name(subject)?);
            let Some((face, name)) = face.zip(name).filter(|(_, name)| is_known(name)) else { continue };
            let Some(place) = ours.at(&face.photo, face.face.bounds) else { continue };
            match self.gallery().reject_templates(&[place.id], &name) {
                Ok(rejected) => {
                    transferred.rejections += u64::from(!rejected.entries.is_empty());
                    transferred.journal_ids.extend(rejected.entries);
                }
                Err(GalleryError::UnknownSubject { .. } | GalleryError::UnknownTemplate { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn transfer_distinct(
        &self,
        (from, is_known): (&Gallery, &dyn Fn(&str) -> bool),
        transferred: &mut NamesTransferred,
    ) -> Result<()> {
        for pair in from.distinct_subjects()?.iter() {
            let mut ids = Vec::new();
            for id in pair {
                if let Some(name) = from.subject_name(id)?.filter(|name| is_known(name))
                    && let Ok(subject) = self.gallery().subject(&name)
                {
                    ids.push(subject.id);
                }
            }
            if let [one, other] = ids[..]
                && let Some(entry) = self.gallery().set_distinct(one, other, true)?
            {
                transferred.distinct += 1;
                transferred.journal_ids.push(entry);
            }
        }
        Ok(())
    }
}

/// The names that a face has in both galleries.
fn common(theirs: &Places, ours: &Places) -> HashSet<String> {
    let places = ours.0.iter().flat_map(|(photo, places)| places.iter().map(move |place| (photo, place)));
    let both = places.filter_map(|(photo, place)| {
        let name = place.subject.as_ref()?;
        let other = theirs.at(photo, place.bounds)?.subject.as_ref()?;
        (other == name).then(|| name.clone())
    });
    both.collect()
}

/// The unknown faces of `ours` by the name that they have among `theirs`. A generated name that is also in `ours` is used only if both mean the
/// same person, which a common face shows.
fn named(theirs: &Places, ours: &Places, transferred: &mut NamesTransferred) -> BTreeMap<String, Vec<u64>> {
    let mut named: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut present, mut common) = (HashSet::new(), HashSet::new());
    for (photo, places) in &ours.0 {
        for place in places {
            let other = theirs.at(photo, place.bounds).and_then(|other| other.subject.as_ref());
            match (&place.subject, other) {
                (None, Some(name)) => named.entry(name.clone()).or_default().push(place.id),
                (Some(name), other) => {
                    present.insert(name);
                    common.extend(other.filter(|other| *other == name));
                }
                (None, None) => {}
            }
        }
    }
    named.retain(|name, ids| {
        ids.sort_unstable();
        let is_other = is_generated(name) && present.contains(name) && !common.contains(name);
        transferred.other_person += if is_other { ids.len() as u64 } else { 0 };
        !is_other
    });
    named
}
