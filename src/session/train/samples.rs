//! The samples of a training, and the file that keeps them so that a training that is continued decodes no photo again.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::super::probes::{Source, is_vectors};
use super::super::replacement::replace;
use super::super::{Control, Stopped};
use super::encoded::{Encoded, Rows};
use super::gallery::{self, Photos};
use super::photos;
use super::start::Start;
use super::{Networks, TrainRequest};
use crate::encoder::graph::{Values, serialized, values};
use crate::encoder::{Kind, hexadecimal};
use crate::face::Chip;
use crate::gallery::Gallery;
use crate::ingest::{survey, walk};
use crate::number::plural;
use crate::reply::Skipped;
use crate::session::error::{Result, SessionError};
use crate::train::{Backbone, Inputs, Samples};

/// The file in the folder of a training.
const FILE: &str = "samples.safetensors";

/// Samples, and what is said about the photos.
pub(super) struct Read {
    pub samples: Samples,
    pub notes: Vec<String>,
    /// Inputs that are left out.
    pub skipped: Vec<Skipped>,
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
        None => match encoded.as_ref().filter(|_| is_head) {
            Some(encoded) => Ok(rows(request, start, encoded).map_err(complete)?),
            None if is_vectors(&request.data) => vectors(request, start, control).map_err(complete)?,
            None => photos::read(request, start, control)?,
        },
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
    let skipped = serde_json::from_str(entries.get("skipped")?).ok()?;
    let inputs = if let Ok(view) = file.tensor("faces") {
        Inputs::Faces { side: *view.shape().get(1)?, pixels: view.data().to_vec() }
    } else {
        let Values { shape, values } = values("vectors", &file.tensor("vectors").ok()?).ok()?;
        Inputs::Vectors { dimension: *shape.get(1)?, values }
    };
    (inputs.len() == people.len()).then(|| Read { samples: Samples::new(&people, inputs), notes, skipped })
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
        ("skipped".to_owned(), json(serde_json::to_string(&read.skipped))?),
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

/// The rows of a file.
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
    let (mut people, mut values) = (Vec::new(), Vec::new());
    for probe in &probes.probes {
        if let Some(person) = &probe.person {
            people.push(person.clone());
            values.extend_from_slice(probe.template.as_slice());
        }
    }
    let dimension = probes.probes.first().map_or(0, |probe| probe.template.as_slice().len());
    require_dimension(request, start, dimension)?;
    require_people(request, &people, &[])?;
    let inputs = Inputs::Vectors { dimension, values };
    Ok(Ok(Read { samples: Samples::new(&people, inputs), notes: Vec::new(), skipped: Vec::new() }))
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
    require_people(request, &named, &[])?;
    let inputs = Inputs::Vectors { dimension, values: numbers };
    Ok(Read { samples: Samples::new(&named, inputs), notes, skipped: Vec::new() })
}

/// A training uses every row, so none can be skipped.
fn complete(error: SessionError) -> SessionError {
    match error {
        SessionError::BadRow(row) => SessionError::Input(row.to_string()),
        error => error,
    }
}

fn require_dimension(request: &TrainRequest, start: &Start, dimension: usize) -> Result<()> {
    if dimension == start.components() {
        return Ok(());
    }
    let model = match &start.members[..] {
        [] => start.model.name.clone(),
        members => members.join(" beside "),
    };
    Err(SessionError::Input(format!(
        "{}: the vectors have {dimension} components, those of {model} have {}; name the model that made them",
        request.data.display(),
        start.components()
    )))
}

/// Requires samples of two people. Otherwise the first skipped photo says more.
pub(super) fn require_people(request: &TrainRequest, people: &[String], skipped: &[Skipped]) -> Result<()> {
    let first = people.first();
    if first.is_some() && people.iter().any(|person| Some(person) != first) {
        return Ok(());
    }
    let skipped = match skipped {
        [] => String::new(),
        [one, ..] => {
            let count = plural(skipped.len() as u64, "input");
            format!("; {count} left out, the first one: {}: {} {}", one.path, one.reason, one.detail)
        }
    };
    Err(SessionError::Input(format!(
        "{}: the usable photos are of {}; a training compares people, so it needs photos of several, with their names: those of folders, \
         of subjects of a gallery, or of templates{skipped}",
        request.data.display(),
        if first.is_none() { "nobody with a name" } else { "one person" }
    )))
}

/// The alignment of the faces that a network is trained with.
pub(super) fn chip(start: &Start) -> Chip {
    match &start.model.kind {
        Kind::Network(network) => network.input.chip,
        Kind::Ensemble(_) => Chip::ARCFACE_112,
    }
}
