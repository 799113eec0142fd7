//! The samples of a training, and the file that keeps them so that a training that is continued decodes no photo again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::super::probes::{Source, is_vectors};
use super::super::replacement::replace;
use super::super::{Control, Stopped, engine};
use super::encoded::{Encoded, Rows};
use super::gallery::{self, Photos};
use super::start::Start;
use super::{Networks, TrainRequest};
use crate::encoder::graph::{Values, serialized, values};
use crate::encoder::{Kind, hexadecimal};
use crate::face::Chip;
use crate::gallery::Gallery;
use crate::ingest::{self, Faces, Input, survey, walk};
use crate::number::plural;
use crate::session::error::{Result, SessionError};
use crate::train::{Backbone, Inputs, Samples};

/// The file in the folder of a training.
const FILE: &str = "samples.safetensors";
/// Photos that are looked at before progress is reported and a stop is noticed.
const BLOCK: usize = 64;

/// Samples, and what is said about the photos.
pub(super) struct Read {
    pub samples: Samples,
    pub notes: Vec<String>,
}

/// Reads the samples: templates of a head, aligned faces of another network. The inner error means that it was stopped.
///
/// # Errors
/// There is no such data, or nothing usable in it; the networks or the disk failed.
pub(super) fn read(
    request: &TrainRequest,
    start: &Start,
    control: &Control<'_>,
) -> Result<Result<Read, Stopped>> {
    let is_head = request.options.backbone == Backbone::Head;
    let gallery = match Gallery::is_at(&request.data) {
        true if is_head => return gallery::templates(request, control),
        true => Some(Photos::open(&request.data)?),
        false => None,
    };
    let encoded = Encoded::at(&request.data);
    let has_photos = || survey(std::slice::from_ref(&request.data)).inputs > 0;
    if !is_head && (is_vectors(&request.data) || (encoded.is_some() && !has_photos())) {
        return Err(SessionError::Input(format!(
            "{}: only a head is trained with vectors; give a folder of photos, or a gallery of photos",
            request.data.display()
        )));
    }
    let path = request.out.join(FILE);
    let key = match &gallery {
        Some(photos) => Some(photos.key(&settings(request, start))?),
        None => key(request, start, encoded.as_ref().filter(|_| is_head)),
    };
    if let Some(read) = key.as_ref().and_then(|key| kept(&path, key)) {
        return Ok(Ok(read));
    }
    let read = match &gallery {
        Some(photos) => photos.faces(request, start, control)?,
        None if is_head => match &encoded {
            Some(encoded) => Ok(rows(request, start, encoded)?),
            None => vectors(request, start, control)?,
        },
        None => faces(request, start, control)?,
    };
    let read = match read {
        Ok(read) => read,
        Err(stopped) => return Ok(Err(stopped)),
    };
    if let Some(key) = key {
        keep(&path, &key, &read)?;
    }
    Ok(Ok(read))
}

/// What the samples follow from: the files with their sizes and times, the model, the settings. `None` for the standard input.
fn key(request: &TrainRequest, start: &Start, encoded: Option<&Encoded>) -> Option<String> {
    let mut hasher = Sha256::new();
    hasher.update(settings(request, start));
    let files: Vec<_> = match encoded {
        Some(encoded) => encoded.files(),
        None if is_vectors(&request.data) => vec![request.data.clone()],
        None => walk(std::slice::from_ref(&request.data)).map(|input| input.path).collect(),
    };
    for path in files {
        let found = path.metadata().ok()?;
        let changed = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        hasher.update(format!("{} {} {}\n", path.display(), found.len(), changed.as_nanos()));
    }
    Some(hexadecimal(&hasher.finalize()))
}

/// The settings that the samples follow from.
fn settings(request: &TrainRequest, start: &Start) -> String {
    let is_head = request.options.backbone == Backbone::Head;
    format!("{:?} {:?} {} {is_head}", request.photos, request.names, start.stored.fingerprint())
}

/// The kept samples, if they are of this key.
fn kept(path: &Path, key: &str) -> Option<Read> {
    let bytes = std::fs::read(path).ok()?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes).ok()?;
    let entries = metadata.metadata().as_ref()?;
    let file = SafeTensors::deserialize(&bytes).ok()?;
    if entries.get("key")? != key || entries.get("sha256")? != &checksum(&file) {
        return None;
    }
    let people: Vec<String> = serde_json::from_str(entries.get("people")?).ok()?;
    let notes = serde_json::from_str(entries.get("notes")?).ok()?;
    let inputs = if let Ok(view) = file.tensor("faces") {
        Inputs::Faces { side: *view.shape().get(1)?, pixels: view.data().to_vec() }
    } else {
        let Values { shape, values } = values("vectors", &file.tensor("vectors").ok()?).ok()?;
        Inputs::Vectors { dimension: *shape.get(1)?, values }
    };
    (inputs.len() == people.len()).then(|| Read { samples: Samples::new(&people, inputs), notes })
}

fn checksum(file: &SafeTensors<'_>) -> String {
    let mut hasher = Sha256::new();
    file.tensors().iter().for_each(|(_, view)| hasher.update(view.data()));
    hexadecimal(&hasher.finalize())
}

fn keep(path: &Path, key: &str, read: &Read) -> Result<()> {
    let Samples { names, people, inputs } = &read.samples;
    let people: Vec<&str> = people.iter().map(|&person| names[person as usize].as_str()).collect();
    let json =
        |value: serde_json::Result<String>| value.map_err(|error| SessionError::Input(error.to_string()));
    let count = inputs.len();
    let (bytes, hash) = match inputs {
        Inputs::Vectors { dimension, values } => {
            let tensor = Values { shape: vec![count, *dimension], values: values.clone() };
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (Kept::Vectors(tensor), hexadecimal(&Sha256::digest(&bytes)))
        }
        Inputs::Faces { pixels, side } => (Kept::Faces(*side, pixels), hexadecimal(&Sha256::digest(pixels))),
    };
    let metadata = HashMap::from([
        ("key".to_owned(), key.to_owned()),
        ("sha256".to_owned(), hash),
        ("people".to_owned(), json(serde_json::to_string(&people))?),
        ("notes".to_owned(), json(serde_json::to_string(&read.notes))?),
    ]);
    let bytes = match bytes {
        Kept::Vectors(tensor) => serialized([("vectors", &tensor)].into_iter(), metadata),
        Kept::Faces(side, pixels) => {
            let shape = vec![count, side, side, 3];
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::U8, shape, pixels);
            view.and_then(|view| safetensors::serialize([("faces", view)], Some(metadata)))
                .map_err(|error| error.to_string())
        }
    };
    let bytes = bytes.map_err(SessionError::Input)?;
    replace(path, |file| {
        std::io::Write::write_all(file, &bytes).map_err(SessionError::io(path, "writing it"))
    })?
    .finish()
}

enum Kept<'a> {
    Vectors(Values),
    Faces(usize, &'a [u8]),
}

/// The templates of photos, or the rows of a file.
fn vectors(request: &TrainRequest, start: &Start, control: &Control<'_>) -> Result<Result<Read, Stopped>> {
    let networks = Networks::of_model(request.engine.clone(), start.model.clone());
    let source = Source {
        path: &request.data,
        names: request.names.as_deref(),
        binding: None,
        networks: &networks,
        photos: &request.photos,
        skip_invalid: false,
        control: *control,
    };
    let probes = match source.read()? {
        Ok(probes) => probes,
        Err(stopped) => return Ok(Err(stopped)),
    };
    let (mut people, mut numbers, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut nameless = 0;
    for probe in &probes.probes {
        match &probe.person {
            Some(person) => {
                people.push(person.clone());
                numbers.extend_from_slice(probe.template.as_slice());
            }
            None => nameless += 1,
        }
    }
    let dimension = probes.probes.first().map_or(0, |probe| probe.template.as_slice().len());
    require_dimension(request, start, dimension)?;
    note_left_out(&mut notes, nameless, probes.failed.len());
    require_people(request, &people)?;
    Ok(Ok(Read { samples: Samples::new(&people, Inputs::Vectors { dimension, values: numbers }), notes }))
}

/// The templates of `encode` or `export`.
fn rows(request: &TrainRequest, start: &Start, encoded: &Encoded) -> Result<Read> {
    let Rows { dimension, people, values } = encoded.read(request.names.as_deref())?;
    require_dimension(request, start, dimension)?;
    let (mut named, mut numbers) = (Vec::new(), Vec::new());
    for (person, row) in people.iter().zip(values.chunks(dimension.max(1))) {
        if let Some(person) = person {
            named.push(person.clone());
            numbers.extend_from_slice(row);
        }
    }
    let mut notes = Vec::new();
    let nameless = people.len() - named.len();
    if nameless > 0 {
        notes.push(format!("{} without the name of a person, left out", plural(nameless as u64, "template")));
    }
    require_people(request, &named)?;
    Ok(Read { samples: Samples::new(&named, Inputs::Vectors { dimension, values: numbers }), notes })
}

fn require_dimension(request: &TrainRequest, start: &Start, dimension: usize) -> Result<()> {
    if dimension == start.components() {
        return Ok(());
    }
    Err(SessionError::Input(format!(
        "{}: the vectors have {dimension} components, those of {} have {}; name the model that made them",
        request.data.display(),
        start.model.name,
        start.components()
    )))
}

fn note_left_out(notes: &mut Vec<String>, nameless: usize, failed: usize) {
    if nameless > 0 {
        notes.push(format!("{} not in a folder of a person, left out", plural(nameless as u64, "photo")));
    }
    if failed > 0 {
        notes.push(format!("{} without a usable face, left out", plural(failed as u64, "photo")));
    }
}

pub(super) fn require_people(request: &TrainRequest, people: &[String]) -> Result<()> {
    let first = people.first();
    if first.is_none() || people.iter().all(|person| Some(person) == first) {
        return Err(SessionError::Input(format!(
            "{}: the usable photos are of {}; a training compares people, so it needs photos of several, with their names: those of folders, \
             of subjects of a gallery, or of templates",
            request.data.display(),
            if first.is_none() { "nobody with a name" } else { "one person" }
        )));
    }
    Ok(())
}

/// The aligned faces of photos.
fn faces(request: &TrainRequest, start: &Start, control: &Control<'_>) -> Result<Result<Read, Stopped>> {
    let networks = Networks::of_model(request.engine.clone(), start.model.clone());
    let loaded = networks.engine()?;
    let options =
        engine::options(&crate::reply::PhotoRequest { faces: Faces::Largest, ..request.photos.clone() })?;
    let chip = chip(start);
    let photos: Vec<(Input, String)> = walk(std::slice::from_ref(&request.data))
        .filter_map(|input| person(&input).map(|who| (input, who)))
        .collect();
    let total = photos.len() as u64;
    let (mut people, mut pixels, mut failed) = (Vec::new(), Vec::new(), 0);
    let looked_at = AtomicU64::new(0);
    for block in photos.chunks(BLOCK) {
        if control.is_stopped() {
            let looked_at = looked_at.load(Ordering::Relaxed);
            return Ok(Err(Stopped { looked_at, total, unit: "photo" }));
        }
        let aligned = |(input, _): &(Input, String)| {
            let bytes = std::fs::read(&input.path).ok()?;
            ingest::aligned(loaded, &bytes, &options).ok()?.into_iter().next()
        };
        let found: Vec<_> = block.par_iter().map(aligned).collect();
        for ((_, who), face) in block.iter().zip(found) {
            match face.as_ref().and_then(|face| face.crop(chip)) {
                Some(crop) => {
                    people.push(who.clone());
                    pixels.extend_from_slice(&crop.pixels);
                }
                None => failed += 1,
            }
        }
        looked_at.fetch_add(block.len() as u64, Ordering::Relaxed);
        control.report("photos", looked_at.load(Ordering::Relaxed), Some(total));
    }
    require_people(request, &people)?;
    let mut notes = Vec::new();
    note_left_out(&mut notes, 0, failed);
    let inputs = Inputs::Faces { side: chip.side() as usize, pixels };
    Ok(Ok(Read { samples: Samples::new(&people, inputs), notes }))
}

/// The alignment of the faces that a network is trained with.
pub(super) fn chip(start: &Start) -> Chip {
    match &start.model.kind {
        Kind::Network(network) => network.input.chip,
        Kind::Ensemble(_) => Chip::ARCFACE_112,
    }
}

fn person(input: &Input) -> Option<String> {
    input.top_folder().map(|folder| folder.to_string_lossy().into_owned())
}
