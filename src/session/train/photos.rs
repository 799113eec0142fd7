//! The samples of a folder of photos: templates of a head, aligned faces of another network. Each input that is left out is listed.

use super::super::contents::Contents;
use super::super::probes::person;
use super::super::{Control, Stopped, engine};
use super::samples::{Read, chip, require_people};
use super::start::Start;
use super::{Networks, TrainRequest};
use crate::face::Chip;
use crate::ingest::{self, EncodedFace, Faces, Finding, Options, Outcome, Skip, survey, walk};
use crate::reason::Reason;
use crate::reply::{PhotoRequest, Skipped};
use crate::session::error::{Result, SessionError};
use crate::train::{Backbone, Inputs, Samples};

/// Reads the samples. The inner error means that it was stopped.
///
/// # Errors
/// There is no such folder, or nothing usable in it; the networks or the machine failed.
pub(super) fn read(
    request: &TrainRequest,
    start: &Start,
    control: &Control<'_>,
) -> Result<Result<Read, Stopped>> {
    if !request.data.exists() {
        return Err(SessionError::Input(format!("{}: no such file or folder", request.data.display())));
    }
    let networks = Networks::of_model(request.engine.clone(), start.model.clone());
    let is_head = request.options.backbone == Backbone::Head;
    let photos = PhotoRequest { faces: Faces::Largest, ..request.photos.clone() };
    let options = Options { keep_aligned: !is_head, ..engine::options(&photos)? };
    let chip = (!is_head).then(|| chip(start));
    let roots = [request.data.clone()];
    let total = survey(&roots).inputs;
    let (mut collected, mut looked_at) = (Collected { chip, ..Collected::default() }, 0);
    control.report("photos", 0, Some(total));
    ingest::run(networks.engine()?, walk(&roots), &options, &|_| false, control.stop, |outcome| {
        looked_at += 1;
        control.report("photos", looked_at, Some(total));
        collected.enter(outcome)
    })?;
    if control.is_stopped() && looked_at < total {
        return Ok(Err(Stopped { looked_at, total, unit: "photo" }));
    }
    let Collected { people, pixels, values, skipped, .. } = collected;
    require_people(request, &people, &skipped)?;
    let inputs = match chip {
        Some(chip) => Inputs::Faces { side: chip.side() as usize, pixels },
        None => Inputs::Vectors { dimension: start.components(), values },
    };
    Ok(Ok(Read { samples: Samples::new(&people, inputs), notes: Vec::new(), skipped }))
}

/// The samples so far.
#[derive(Default)]
struct Collected {
    /// The alignment of the faces; `None` for templates.
    chip: Option<Chip>,
    people: Vec<String>,
    pixels: Vec<u8>,
    values: Vec<f32>,
    /// The first photo of each content, and its person.
    contents: Contents<String>,
    skipped: Vec<Skipped>,
}

impl Collected {
    /// # Errors
    /// The machine failed while the photo was processed.
    fn enter(&mut self, outcome: Outcome) -> Result<()> {
        let path = outcome.input.path.to_string_lossy().into_owned();
        let face = match outcome.finding {
            Finding::Faces(faces) => faces.into_iter().next(),
            Finding::Skipped(skip) if skip.is_temporary() => {
                return Err(SessionError::Input(format!("{path}: {skip}; nothing was trained")));
            }
            Finding::Skipped(skip) => {
                self.skip(path, skip);
                return Ok(());
            }
            Finding::Known => None,
        };
        let Some(face) = face else { return Ok(()) };
        let Some(person) = person(&outcome.input) else {
            self.skip(path, Skip::new(Reason::NoSubject, "it is not in a folder of a person"));
            return Ok(());
        };
        let skip =
            self.contents.enter(outcome.hash, person.clone(), &path).map(|(of, first)| match *of == person {
                true => Skip::new(Reason::Duplicate, format!("the same bytes as {first}")),
                false => Skip::new(Reason::OtherName, format!("the same bytes as {first}, of {of}")),
            });
        match skip {
            Some(skip) => self.skip(path, skip),
            None => self.add(person, &face),
        }
        Ok(())
    }

    fn add(&mut self, person: String, face: &EncodedFace) {
        match self.chip {
            None => self.values.extend_from_slice(face.template.as_slice()),
            Some(chip) => {
                let Some(crop) = face.aligned.as_ref().and_then(|aligned| aligned.crop(chip)) else { return };
                self.pixels.extend_from_slice(&crop.pixels);
            }
        }
        self.people.push(person);
    }

    fn skip(&mut self, path: String, Skip { reason, detail }: Skip) {
        self.skipped.push(Skipped { path, reason, detail });
    }
}
