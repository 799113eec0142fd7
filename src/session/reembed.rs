//! Migration of a gallery to another model, or to a later version of the code between photo and network.
//!
//! A template cannot be converted, so the photos are read again: from their paths, or from kept pictures. Each face is found again at its
//! place. Everything else is copied with its ids: subjects, lists, the journal with its rejections and distinct subjects, paths, pictures. So
//! a correction that was made before can be undone after. Calibrations are measured again; audits, the results of skipped photos and a threshold
//! that a user has set are of the former model and are not copied.
//!
//! The former gallery is open for reading, so others can search it and nobody changes it. Encoded faces go to a log, so a stopped
//! migration goes on where it was. The new gallery is then built in one pass, checked, and put in its place by a rename.

mod log;
mod parity;
mod work;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Result, SessionError};
use super::recorded::{Faces, Reading, Recorded, RecordedPhoto, Unread, counted, kinds};
use super::{CalibrateRequest, Control, Networks, Session, Stopped, Strangers, engine, operating_points};
use crate::calibration::Strangers as Measured;
use crate::experiment::record;
use crate::fusion::Fusion;
use crate::gallery::{Access, Gallery, RenewedTemplate, refuse_inside};
use crate::number::plural;
use crate::reply::{
    Carried, EngineRequest, FaceMissing, MissingReason, PhotoRequest, Recalibrated, ReembedEvent, Reembedded,
    VERSION,
};
use crate::template::Binding;
use log::FaceLog;
use work::{Pair, Paths};

/// Templates that are written to the new gallery at a time.
const BLOCK: usize = 4096;
/// Subjects that a new calibration searches for, and the seed of their choice.
const PEOPLE: (u32, u64) = (10_000, 1);

/// The request for a migration.
#[derive(Debug, Clone, PartialEq)]
pub struct ReembedRequest {
    /// The gallery.
    pub gallery: PathBuf,
    /// Where the new gallery is made; `None`: in the place of the former one, which is kept beside it.
    pub out: Option<PathBuf>,
    /// The new model.
    pub engine: EngineRequest,
    /// The limits of photos. Which faces are used follows from the gallery.
    pub photos: PhotoRequest,
    /// Whether faces that cannot be carried over are left out; otherwise they are an error.
    pub drop_missing: bool,
}

/// Migrates a gallery to another model. The former one is not changed; without another place the new one takes its place when it is complete. A
/// stopped or failed migration goes on when it is called again. `sink` gets each face that cannot be carried over, and the summary, which is
/// also returned. The inner error means that it was stopped. `wait`: how long to wait for other processes to close the gallery.
///
/// # Errors
/// The first error of `sink`; there is no gallery or no such model, or the gallery has it; something is in one of the places;
/// [`SessionError::NotCarried`]; the networks cannot be loaded; the disk is full or failing.
pub fn reembed<E: From<SessionError>>(
    request: &ReembedRequest,
    wait: Duration,
    control: &Control<'_>,
    mut sink: impl FnMut(ReembedEvent) -> Result<(), E>,
) -> Result<Result<Reembedded, Stopped>, E> {
    let model = engine::chosen(&request.engine)?;
    let binding = model.binding();
    let paths = Paths::of(&request.gallery, request.out.as_deref(), &binding.model)?;
    if let Some(finished) = paths.finish_killed(&binding)? {
        sink(ReembedEvent::Summary(Box::new(finished.clone())))?;
        return Ok(Ok(finished));
    }
    let former = Gallery::open_with(&paths.gallery, Access::ReadOnly, wait).map_err(SessionError::from)?;
    if former.binding().fingerprint == binding.fingerprint {
        return Err(SessionError::SameModel(binding.describe()).into());
    }
    paths.require_free()?;
    request.out.as_deref().map(refuse_inside).transpose().map_err(SessionError::from)?;
    let networks = Networks::of_model(request.engine.clone(), model);
    networks.engine()?;
    let migration = Migration {
        request,
        control,
        binding: &binding,
        paths: &paths,
        networks: &networks,
        former: &Session::of(former, EngineRequest::default()),
    };
    match migration.run(&mut sink)? {
        Ok(done) => {
            sink(ReembedEvent::Summary(Box::new(done.clone())))?;
            Ok(Ok(done))
        }
        Err(stopped) => Ok(Err(stopped)),
    }
}

struct Migration<'a> {
    request: &'a ReembedRequest,
    control: &'a Control<'a>,
    binding: &'a Binding,
    paths: &'a Paths,
    networks: &'a Networks,
    former: &'a Session,
}

/// A face that is carried over.
struct Kept<'a> {
    photo: &'a RecordedPhoto,
    face: Recorded,
}

impl Migration<'_> {
    fn run<E: From<SessionError>>(
        &self,
        sink: &mut impl FnMut(ReembedEvent) -> Result<(), E>,
    ) -> Result<Result<Reembedded, Stopped>, E> {
        let gallery = self.former.gallery();
        let faces = Faces::read(gallery)?;
        if !faces.lost.is_empty() && !self.request.drop_missing {
            // No photo can change that, so nothing is encoded.
            return Err(refused(faces.lost, None, sink)?);
        }
        let mut log = self.paths.open(&Pair::of(gallery, self.binding))?;
        let unread = self.encode(&faces, &mut log)?;
        if self.control.is_stopped() {
            let is_done = |photo: &&RecordedPhoto| is_done(photo, &log);
            let (looked_at, total) = (faces.photos.iter().filter(is_done).count(), faces.photos.len());
            let (looked_at, total) = (looked_at as u64, total as u64);
            return Ok(Err(Stopped { looked_at, total, unit: "photo" }));
        }
        unread.require_lasting()?;
        let (photos, from_pictures) = (faces.photos.len() as u64, from_pictures(&faces, &log));
        let (kept, missing) = self.sorted(&faces, &log, &unread)?;
        let missing: Vec<FaceMissing> = faces.lost.iter().cloned().chain(missing).collect();
        let counts = counted(missing.iter().map(|face| face.reason));
        // A gallery without faces is no migration, whatever may be dropped.
        if !missing.is_empty() && (!self.request.drop_missing || kept.is_empty()) {
            return Err(refused(missing, Some(&self.paths.work), sink)?);
        }
        for face in missing {
            sink(ReembedEvent::Missing(face))?;
        }
        let done = match self.build(&kept, &log)? {
            Ok(new) => self.measured(new, &kept)?,
            Err(stopped) => Err(stopped),
        };
        let done = done.map(|done| Reembedded { photos, from_pictures, missing: counts, ..done });
        if let Ok(done) = &done {
            self.paths.publish(done)?;
        }
        Ok(done)
    }

    fn encode(&self, faces: &Faces, log: &mut FaceLog) -> Result<Unread> {
        let options = engine::options(&self.request.photos)?;
        let engine = self.networks.engine()?;
        let gallery = self.former.gallery();
        Reading { gallery, engine, options: &options, found: log, control: self.control }.run(&faces.photos)
    }

    /// The encoded faces in the order of their ids, and the others.
    fn sorted<'a>(
        &self,
        faces: &'a Faces,
        log: &FaceLog,
        unread: &Unread,
    ) -> Result<(Vec<Kept<'a>>, Vec<FaceMissing>)> {
        let (mut kept, mut missing) = (Vec::new(), Vec::new());
        for photo in &faces.photos {
            for face in &photo.faces {
                let reason = match log.has(&photo.hash, face.bounds) {
                    true => log.missing(&photo.hash, face.bounds),
                    false => {
                        Some(unread.why.get(&photo.hash).copied().unwrap_or(MissingReason::PhotoMissing))
                    }
                };
                match reason {
                    None => kept.push(Kept { photo, face: *face }),
                    Some(reason) => missing.push(photo.missing(self.former.gallery(), face, reason)?),
                }
            }
        }
        kept.sort_unstable_by_key(|kept| kept.face.id);
        missing.sort_unstable_by_key(|face| face.template_id);
        Ok((kept, missing))
    }

    /// Builds the new gallery and checks it.
    fn build(&self, kept: &[Kept<'_>], log: &FaceLog) -> Result<Result<Session, Stopped>> {
        let total = kept.len() as u64;
        let (mut blocks, mut done) = (kept.chunks(BLOCK), 0);
        let mut stopped = None;
        let next = || {
            if self.control.is_stopped() {
                stopped = Some(Stopped { looked_at: done, total, unit: "template" });
                return Ok::<_, SessionError>(None);
            }
            self.control.report("templates written", done, Some(total));
            let Some(block) = blocks.next() else { return Ok(None) };
            done += block.len() as u64;
            block.iter().map(|kept| renewed(kept, log)).collect::<Result<Vec<_>>>().map(Some)
        };
        let building = self.paths.building();
        self.former.gallery().make_successor(&building, self.binding, next)?;
        if let Some(stopped) = stopped {
            return Ok(Err(stopped));
        }
        let new = Session::open(&building, Access::ReadWrite, Duration::ZERO, EngineRequest::default())?;
        let found = new.gallery().check_with(false, &record::problem)?;
        match found.problems.first() {
            None => Ok(Ok(new)),
            Some(problem) => Err(SessionError::Input(format!("{}: {problem}", building.display()))),
        }
    }

    /// Calibrates the new gallery and compares it with the former one. The numbers of photos and of missing faces are those of the caller.
    fn measured(&self, new: Session, kept: &[Kept<'_>]) -> Result<Result<Reembedded, Stopped>> {
        let mut calibrations = Vec::new();
        for fusion in Fusion::ALL {
            match self.calibrated(&new, fusion)? {
                Ok(calibrated) => calibrations.extend(calibrated),
                Err(stopped) => return Ok(Err(stopped)),
            }
        }
        let templates: Vec<(u64, u64)> =
            kept.iter().filter_map(|kept| Some((kept.face.id, kept.face.subject?))).collect();
        let parity = match parity::compare([self.former, &new], &templates, self.control)? {
            Ok(parity) => parity,
            Err(stopped) => return Ok(Err(stopped)),
        };
        let (before, after) = (self.former.gallery().summary()?, new.gallery().summary()?);
        let carried =
            |of: fn(&crate::gallery::Summary) -> u64| Carried { before: of(&before), after: of(&after) };
        let former = self.paths.former.as_ref().unwrap_or(&self.paths.gallery);
        Ok(Ok(Reembedded {
            version: VERSION,
            gallery: self.paths.target.to_string_lossy().into_owned(),
            former: former.to_string_lossy().into_owned(),
            from: self.former.gallery().binding().into(),
            to: self.binding.into(),
            subjects: carried(|summary| summary.subjects),
            templates: carried(|summary| summary.templates),
            unknown: carried(|summary| summary.unknown),
            photos: 0,
            from_pictures: 0,
            missing: Vec::new(),
            parity,
            set_threshold: self.set_threshold()?,
            calibrations,
        }))
    }

    /// The threshold that a user has set for the former gallery.
    fn set_threshold(&self) -> Result<Option<f32>> {
        let gallery = self.former.gallery();
        let is_set = gallery.journal()?.iter().any(|entry| entry.verb == "threshold");
        Ok(gallery.binding().threshold.filter(|_| is_set))
    }

    /// Measures the calibration of a fusion again, if the former gallery has one.
    fn calibrated(&self, new: &Session, fusion: Fusion) -> Result<Result<Option<Recalibrated>, Stopped>> {
        let Some((_, former)) = record::calibration(self.former.gallery(), Some(fusion))? else {
            return Ok(Ok(None));
        };
        let (people, seed) = PEOPLE;
        let request = CalibrateRequest {
            strangers: Strangers::LeftOut { people, seed },
            target_fpir: former.targets.clone(),
            fusion,
            photos: PhotoRequest::default(),
            skip_invalid: false,
        };
        let mut calibrated = Recalibrated {
            fusion,
            was_given: former.strangers == Measured::Given,
            target_fpir: former.targets,
            id: None,
            operating_points: Vec::new(),
            obstacle: None,
        };
        match new.calibrate(&request, self.control) {
            Ok(Err(stopped)) => return Ok(Err(stopped)),
            Ok(Ok(measured)) => {
                let subjects = new.gallery().counts()?.0;
                match operating_points(&measured.calibration, subjects) {
                    Ok(points) => {
                        calibrated.operating_points = points;
                        calibrated.id = Some(new.keep_calibration(&measured.calibration)?);
                    }
                    Err(error) => calibrated.obstacle = Some(error.to_string()),
                }
            }
            Err(error @ (SessionError::Calibration(_) | SessionError::Experiment(_))) => {
                calibrated.obstacle = Some(error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(Ok(Some(calibrated)))
    }
}

fn is_done(photo: &RecordedPhoto, log: &FaceLog) -> bool {
    photo.faces.iter().all(|face| log.has(&photo.hash, face.bounds))
}

/// Number of photos that were encoded from kept pictures.
fn from_pictures(faces: &Faces, log: &FaceLog) -> u64 {
    let is_one =
        |photo: &&RecordedPhoto| photo.faces.iter().any(|face| log.is_from_picture(&photo.hash, face.bounds));
    faces.photos.iter().filter(is_one).count() as u64
}

/// Lists the faces that would be lost. Returns the error for them.
fn refused<E: From<SessionError>>(
    missing: Vec<FaceMissing>,
    work: Option<&Path>,
    sink: &mut impl FnMut(ReembedEvent) -> Result<(), E>,
) -> Result<E, E> {
    let mut kinds = kinds(&counted(missing.iter().map(|face| face.reason)));
    let is_relative = |face: &FaceMissing| {
        let path = face.path.as_deref().map(Path::new);
        face.reason == MissingReason::PhotoMissing && path.is_some_and(Path::is_relative)
    };
    if missing.iter().any(is_relative) {
        kinds.push_str("; relative paths are looked up from the present folder, so run this in the folder in which they were enrolled");
    }
    let faces = plural(missing.len() as u64, "face");
    missing.into_iter().try_for_each(|face| sink(ReembedEvent::Missing(face)))?;
    Ok(SessionError::NotCarried { faces, kinds, work: work.map(Path::to_path_buf) }.into())
}

fn renewed(kept: &Kept<'_>, log: &FaceLog) -> Result<RenewedTemplate> {
    let Recorded { id, subject, bounds } = kept.face;
    let found = log.face(&kept.photo.hash, bounds)?;
    let (template, provenance) = found.ok_or_else(|| {
        SessionError::Input(format!("template {id} is not in the log of encoded faces any more"))
    })?;
    Ok(RenewedTemplate { id, subject, template, provenance })
}
