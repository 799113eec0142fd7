//! The samples of a gallery: the templates of its subjects, or the faces in their photos.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::super::recorded::{Faces, FoundFaces, Reading, Recorded, RecordedPhoto, counted, kinds};
use super::super::{Control, Stopped, engine};
use super::samples::{Read, chip, require_people};
use super::start::Start;
use super::{Networks, TrainRequest};
use crate::encoder::hexadecimal;
use crate::face::Chip;
use crate::gallery::{Access, Gallery, GalleryError};
use crate::image::PhotoHash;
use crate::ingest::{EncodedFace, Options};
use crate::number::plural;
use crate::reply::{FaceMissing, MissingReason};
use crate::session::error::{Result, SessionError};
use crate::train::{Inputs, Samples};

/// Templates of a gallery that are read at a time.
const TEMPLATES: usize = 4096;

/// The templates of the subjects of a gallery.
///
/// # Errors
/// They are of fewer than two people; the gallery failed.
pub(super) fn templates(request: &TrainRequest, control: &Control<'_>) -> Result<Result<Read, Stopped>> {
    let gallery = Gallery::open_with(&request.data, Access::ReadOnly, Duration::ZERO)?;
    let view = gallery.view_with_unknown()?;
    let (mut people, mut numbers, mut last) = (Vec::new(), Vec::new(), 0);
    loop {
        let block = gallery.templates_after(last, TEMPLATES)?;
        let Some(end) = block.last() else { break };
        last = end.id;
        if control.is_stopped() {
            return Ok(Err(Stopped {
                looked_at: people.len() as u64,
                total: people.len() as u64,
                unit: "template",
            }));
        }
        let ids: Vec<u64> = block.iter().map(|template| template.id).collect();
        for (row, template) in view.vectors(&ids).zip(&block) {
            if let Some(row) = row.map_err(GalleryError::from)? {
                people.push(template.subject.clone());
                numbers.extend_from_slice(&row.vector);
            }
        }
        control.report("templates", people.len() as u64, None);
    }
    require_people(request, &people, &[])?;
    let inputs = Inputs::Vectors { dimension: gallery.binding().dimension, values: numbers };
    Ok(Ok(Read { samples: Samples::new(&people, inputs), notes: Vec::new(), skipped: Vec::new() }))
}

/// The photos that show the subjects of a gallery, and where their faces are.
pub(super) struct Photos {
    gallery: Gallery,
    photos: Vec<RecordedPhoto>,
    /// Faces that no photo can show again.
    lost: Vec<FaceMissing>,
}

impl Photos {
    /// # Errors
    /// The gallery is in use, damaged or of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let gallery = Gallery::open_with(path, Access::ReadOnly, Duration::ZERO)?;
        let Faces { mut photos, mut lost } = Faces::read(&gallery)?;
        // Faces without a name teach nothing.
        photos.iter_mut().for_each(|photo| photo.faces.retain(|face| face.subject.is_some()));
        photos.retain(|photo| !photo.faces.is_empty());
        lost.retain(|face| face.subject.is_some());
        Ok(Self { gallery, photos, lost })
    }

    /// What the samples follow from: the settings, the faces with the names of their subjects, and the files of the photos with their sizes
    /// and times.
    ///
    /// # Errors
    /// The catalog failed.
    pub fn key(&self, settings: &str) -> Result<String> {
        let mut hasher = Sha256::new();
        hasher.update(format!("{settings} {}\n", hexadecimal(&self.gallery.id())));
        for photo in &self.photos {
            hasher.update(format!("{} {:?}\n", hexadecimal(&photo.hash), photo.faces));
            for face in &photo.faces {
                hasher.update(format!("{:?}\n", self.name_of(face)?));
            }
            for path in &photo.paths {
                let found = path.metadata().ok();
                let changed = found.as_ref().and_then(|found| found.modified().ok());
                let changed = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
                let length = found.map(|found| found.len());
                hasher.update(format!("{} {length:?} {changed:?}\n", path.display()));
            }
        }
        Ok(hexadecimal(&hasher.finalize()))
    }

    /// The name of the subject of a face.
    fn name_of(&self, face: &Recorded) -> Result<Option<String>> {
        Ok(face.subject.map(|id| self.gallery.subject_name(id)).transpose()?.flatten())
    }

    /// The aligned faces of the subjects. Each is found again at its place in its photo, or in the kept picture of the photo. The inner error
    /// means that it was stopped.
    ///
    /// # Errors
    /// Fewer than two people have a face that can be read, with the reasons; a photo failed for a reason that may pass; the networks or the
    /// disk failed.
    pub fn faces(
        &self,
        request: &TrainRequest,
        start: &Start,
        control: &Control<'_>,
    ) -> Result<Result<Read, Stopped>> {
        let networks = Networks::of_model(request.engine.clone(), start.model.clone());
        let options = Options { keep_aligned: true, ..engine::options(&request.photos)? };
        let mut found = Crops { chip: chip(start), crops: HashMap::new(), from_pictures: BTreeSet::new() };
        let (gallery, engine) = (&self.gallery, networks.engine()?);
        let unread =
            Reading { gallery, engine, options: &options, found: &mut found, control }.run(&self.photos)?;
        if control.is_stopped() {
            let total = self.photos.len() as u64;
            let is_read =
                |photo: &&RecordedPhoto| photo.faces.iter().all(|face| found.has(&photo.hash, face.bounds));
            let looked_at = self.photos.iter().filter(is_read).count() as u64;
            return Ok(Err(Stopped { looked_at, total, unit: "photo" }));
        }
        unread.require_lasting()?;
        let (mut kept, mut missing) = (Vec::new(), self.lost.clone());
        for photo in &self.photos {
            for face in &photo.faces {
                let unread = || unread.why.get(&photo.hash).copied().unwrap_or(MissingReason::PhotoMissing);
                match found.crops.get(&key(&photo.hash, face.bounds)) {
                    Some(Ok(pixels)) => kept.push((face, pixels)),
                    Some(Err(reason)) => missing.push(photo.missing(gallery, face, *reason)?),
                    None => missing.push(photo.missing(gallery, face, unread())?),
                }
            }
        }
        kept.sort_unstable_by_key(|(face, _)| face.id);
        let (mut people, mut pixels) = (Vec::new(), Vec::new());
        for (face, crop) in kept {
            if let Some(name) = self.name_of(face)? {
                people.push(name);
                pixels.extend_from_slice(crop);
            }
        }
        let notes = notes(&missing, found.from_pictures.len());
        require_readable(request, &people, &missing)?;
        let inputs = Inputs::Faces { side: found.chip.side() as usize, pixels };
        Ok(Ok(Read { samples: Samples::new(&people, inputs), notes, skipped: Vec::new() }))
    }
}

/// What is said about the photos before the training.
fn notes(missing: &[FaceMissing], from_pictures: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if !missing.is_empty() {
        notes.push(format!("{} left out: {}", plural(missing.len() as u64, "face"), reasons(missing)));
    }
    if from_pictures > 0 {
        let photos = plural(from_pictures as u64, "photo");
        notes.push(format!("{photos} read from the pictures that the gallery keeps, which are smaller"));
    }
    notes
}

/// Why faces are missing, with the path of the first one.
fn reasons(missing: &[FaceMissing]) -> String {
    let first = missing.iter().find_map(|face| face.path.as_deref());
    let first = first.map(|path| format!("; the first one: {path}")).unwrap_or_default();
    format!("{}{first}", kinds(&counted(missing.iter().map(|face| face.reason))))
}

/// Requires faces of two people. If some could not be read, says why.
fn require_readable(request: &TrainRequest, people: &[String], missing: &[FaceMissing]) -> Result<()> {
    let count = people.iter().collect::<BTreeSet<_>>().len();
    if count < 2 && !missing.is_empty() {
        return Err(SessionError::Input(format!(
            "{}: only {} of {} of its subjects can be read: {}; a training compares people, so it needs photos of several. Give the \
             folder where the photos are now",
            request.data.display(),
            people.len(),
            plural((people.len() + missing.len()) as u64, "face"),
            reasons(missing)
        )));
    }
    require_people(request, people, &[])
}

/// A recorded face: its photo, and the bits of its bounds.
type Key = (PhotoHash, [u32; 4]);

fn key(photo: &PhotoHash, bounds: [f32; 4]) -> Key {
    (*photo, bounds.map(f32::to_bits))
}

/// The pixels of faces, or the reasons why there are none.
struct Crops {
    chip: Chip,
    crops: HashMap<Key, Result<Vec<u8>, MissingReason>>,
    /// The photos whose kept pictures were read.
    from_pictures: BTreeSet<PhotoHash>,
}

impl FoundFaces for Crops {
    fn has(&self, photo: &PhotoHash, bounds: [f32; 4]) -> bool {
        self.crops.contains_key(&key(photo, bounds))
    }

    fn keep(
        &mut self,
        photo: &PhotoHash,
        bounds: [f32; 4],
        found: Result<&EncodedFace, MissingReason>,
        from_picture: bool,
    ) -> Result<()> {
        let crop = found.and_then(|face| {
            let crop = face.aligned.as_ref().and_then(|aligned| aligned.crop(self.chip));
            crop.map(|crop| crop.pixels.clone()).ok_or(MissingReason::NoFace)
        });
        if from_picture && crop.is_ok() {
            self.from_pictures.insert(*photo);
        }
        self.crops.insert(key(photo, bounds), crop);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}
