//! Fusing models: an ensemble of models, with weights and a projection fitted to labelled photos.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::engine::Networks;
use super::error::{Result, SessionError};
use super::probes::Source;
use super::replacement::{make_folder, replace};
use super::{Control, Stopped};
use crate::encoder::{Ensemble, Kind, Manifest, Matrix, Member, Model, Projection, Weights, hexadecimal};
use crate::experiment::Probe;
use crate::fit::{self, FitError, Fitted, Photo};
use crate::number::{count, plural};
use crate::reply::{EngineRequest, ModelFused, ModelInfo, PhotoRequest, VERSION};

/// Non-mated pairs among which ten reach a threshold for FMR 1e-4.
const RELIABLE: u64 = 100_000;
/// Number of components of a fitted template, if none is requested.
const DIMENSION: usize = 128;

/// The request for an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FuseRequest {
    /// Names of models, or paths of manifests.
    pub members: Vec<String>,
    /// Photos in folders named after people, to fit weights and a projection to. Without them the members are put side by side with equal
    /// weights.
    pub fit: Option<PathBuf>,
    /// Number of components of a template; 128 if it is not given. Only with `fit`.
    pub dimension: Option<usize>,
    /// Whether members also encode the mirrored face.
    pub mirror: bool,
    /// The manifest to write. The name of the model is that of the file.
    pub out: PathBuf,
    /// The device, and whether TorchScript models may run their code. Its model is ignored.
    pub engine: EngineRequest,
    /// Which photos and faces are used.
    pub photos: PhotoRequest,
}

/// The result of [`fuse`].
#[derive(Debug, Clone, PartialEq)]
pub enum Fused {
    /// The ensemble was written.
    Made(Box<ModelFused>),
    /// It was stopped. Nothing was written.
    Stopped(Stopped),
}

/// Makes an ensemble and writes its manifest, and its projection beside it.
///
/// # Errors
/// A member does not exist or is an ensemble; `out` exists or is not a `.toml` file; the photos do not suffice for the fit; the disk failed.
pub fn fuse(request: &FuseRequest, control: &Control<'_>) -> Result<Fused> {
    let name = name_of(&request.out)?;
    let members = request.members.iter().map(|name| Model::find(name)).collect::<Result<Vec<Model>, _>>()?;
    let plain = side_by_side(&name, members, request.mirror)?;
    let Some(photos) = &request.fit else {
        if request.dimension.is_some() {
            let reason = "only a projection changes the dimension, and it is fitted to photos";
            return Err(SessionError::Request { field: "dimension", reason: reason.into() });
        }
        write((&request.out, &request.members), &plain, None)?;
        return Ok(made(request, &plain, None));
    };
    let dimension = request.dimension.unwrap_or(DIMENSION.min(plain.dimension));
    if !(1..=plain.dimension).contains(&dimension) {
        let reason =
            format!("expected 1 to {}, the components of all members, got {dimension}", plain.dimension);
        return Err(SessionError::Request { field: "dimension", reason });
    }
    let encoded = match encode(request, (&plain, dimension), photos, control)? {
        Ok(encoded) => encoded,
        Err(stopped) => return Ok(Fused::Stopped(stopped)),
    };
    let fitted = match fit(&plain, dimension, encoded, control) {
        Err(FitError::Stopped) => return Ok(Fused::Stopped(Stopped { looked_at: 0, total: 1, unit: "fit" })),
        fitted => fitted?,
    };
    let model = with_projection(plain, dimension, &fitted, photos);
    let matrix = Matrix::new(fitted.projection.len() / dimension, fitted.projection.clone());
    let bytes = matrix.to_bytes().map_err(SessionError::Input)?;
    let model = write((&request.out, &request.members), &model, Some(&bytes))?;
    Ok(made(request, &model, Some(fitted)))
}

/// The name of the model in a manifest to be written, which must not exist.
pub(super) fn name_of(out: &Path) -> Result<String> {
    let refused = |reason: &str| Err(SessionError::Input(format!("{}: {reason}", out.display())));
    let name = match (out.file_stem(), out.extension()) {
        (Some(stem), Some(extension)) if extension == "toml" => stem.to_string_lossy().into_owned(),
        _ => return refused("the name of a manifest must end with .toml"),
    };
    if Model::named(&name).is_some() {
        return refused("this is the name of a built-in model; choose another one");
    }
    let taken =
        [out.to_owned(), projection_file(out)].into_iter().find(|path| path.symlink_metadata().is_ok());
    match taken {
        Some(path) => {
            Err(SessionError::Input(format!("{} exists already; choose another name", path.display())))
        }
        None => Ok(name),
    }
}

fn projection_file(manifest: &Path) -> PathBuf {
    manifest.with_extension("safetensors")
}

/// The members with equal weights and without a projection.
pub(super) fn side_by_side(name: &str, models: Vec<Model>, mirror: bool) -> Result<Model> {
    let dimension = models.iter().map(|model| model.dimension).sum();
    let threshold = models.iter().map(|model| model.threshold).sum::<f32>() / models.len().max(1) as f32;
    let joined = |text: fn(&Model) -> &str| {
        let of = |model: &Model| format!("{}: {}", model.name, text(model));
        models.iter().map(of).collect::<Vec<_>>().join("; ")
    };
    let caveats =
        models.iter().flat_map(|model| model.caveats.iter().map(|text| format!("{}: {text}", model.name)));
    let mut caveats: Vec<String> = caveats.collect();
    for (at, model) in models.iter().enumerate() {
        let is_same = |other: &&Model| other.fingerprint() == model.fingerprint();
        if let Some(other) = models[..at].iter().find(is_same) {
            caveats.push(format!("{} and {} are one network, so it counts twice", other.name, model.name));
        }
    }
    let mut model = Model {
        name: name.into(),
        dimension,
        threshold,
        threshold_basis: "mean of the thresholds of the members, not measured".into(),
        licence: joined(|model| &model.licence),
        provenance: joined(|model| &model.provenance),
        caveats,
        kind: Kind::Ensemble(Ensemble { members: Vec::new(), mirror, projection: None }),
        detector: None,
    };
    let members = models.into_iter().map(|model| Member { model, weight: 1.0 }).collect();
    let ensemble = Ensemble { members, mirror, projection: None };
    ensemble.check(dimension).map_err(SessionError::Input)?;
    model.detector = ensemble.detector();
    model.kind = Kind::Ensemble(ensemble);
    Ok(model)
}

/// The templates of the photos that have a usable face.
fn encode(
    request: &FuseRequest,
    (model, dimension): (&Model, usize),
    photos: &Path,
    control: &Control<'_>,
) -> Result<Result<Vec<Photo>, Stopped>> {
    let networks = Networks::of_model(request.engine.clone(), model.clone());
    let source = Source {
        path: photos,
        names: None,
        binding: None,
        networks: &networks,
        photos: &request.photos,
        skip_invalid: false,
        control: *control,
    };
    let Some(listed) = source.listed()? else {
        let reason = "photos are needed for the fit, in folders named after people";
        return Err(SessionError::Input(format!("{}: {reason}", photos.display())));
    };
    // Other files, such as a description of the set, may lie beside the folders.
    if listed.iter().all(|photo| photo.person.is_none()) {
        let reason = "no photo in it is in a folder of a person; the fit needs a folder for each person";
        return Err(SessionError::Input(format!("{}: {reason}", photos.display())));
    }
    fit::enough(dimension, listed.iter().filter_map(|photo| photo.person.as_deref()))?;
    let read = match source.read()? {
        Ok(read) => read,
        Err(stopped) => return Ok(Err(stopped)),
    };
    let photo = |probe: Probe| {
        let person = probe.person.ok_or(SessionError::NoPerson(probe.name))?;
        Ok(Photo { person, vector: probe.template.as_slice().to_vec() })
    };
    Ok(Ok(read.probes.into_iter().map(photo).collect::<Result<_>>()?))
}

fn fit(
    model: &Model,
    dimension: usize,
    photos: Vec<Photo>,
    control: &Control<'_>,
) -> Result<Fitted, FitError> {
    let networks = model.networks();
    let request = fit::Request {
        members: networks.iter().map(|(member, _)| member.dimension).collect(),
        names: networks.iter().map(|(member, _)| member.name.clone()).collect(),
        dimension,
    };
    let done = Cell::new(0);
    let step = || {
        control.report("fits", done.replace(done.get() + 1), Some(fit::tried(&request)));
        !control.is_stopped()
    };
    fit::fit(&request, photos, &step)
}

/// The ensemble with the fitted weights. The projection is not written yet.
fn with_projection(model: Model, dimension: usize, fitted: &Fitted, photos: &Path) -> Model {
    let Kind::Ensemble(mut ensemble) = model.kind else { return model };
    for (member, &weight) in ensemble.members.iter_mut().zip(&fitted.weights) {
        member.weight = weight;
    }
    let set = photos.file_name().unwrap_or(photos.as_os_str()).to_string_lossy().into_owned();
    let (report, [count_of_photos, people]) = (&fitted.report, fitted.fitted_to);
    let provenance = format!(
        "{}; projection fitted to the templates of {} of {} of {set}",
        model.provenance,
        plural(count_of_photos as u64, "photo"),
        people_of(people)
    );
    let mut caveats = model.caveats;
    caveats.push(
        "The projection contains directions in the space of the templates. No photo can be derived from it."
            .into(),
    );
    let mut threshold_basis = format!(
        "FMR 1e-4 over {} non-mated pairs of {} of {set} who were not used for the fit",
        count(report.non_mated_pairs),
        people_of(report.people)
    );
    if report.non_mated_pairs < RELIABLE {
        threshold_basis += "; these are few pairs for this rate, so the threshold is uncertain";
    }
    let kind = Kind::Ensemble(ensemble);
    let threshold = report.threshold;
    Model { dimension, threshold, threshold_basis, provenance, caveats, kind, ..model }
}

pub(super) fn people_of(people: usize) -> String {
    if people == 1 { "1 person".into() } else { format!("{} people", count(people as u64)) }
}

/// Writes the projection and the manifest. Returns the model with the written projection.
pub(super) fn write(
    (out, members): (&Path, &[String]),
    model: &Model,
    projection: Option<&[u8]>,
) -> Result<Model> {
    let folder = out.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        make_folder(folder)?;
    }
    let mut model = model.clone();
    let Kind::Ensemble(ensemble) = &mut model.kind else { return Ok(model) };
    let file = projection_file(out);
    ensemble.projection = projection.map(|bytes| {
        let name = file.file_name().unwrap_or_default();
        Projection::in_file(Weights { file: name.into(), sha256: hexadecimal(&Sha256::digest(bytes)) })
    });
    let names: Vec<String> = members.iter().map(|name| placed(name, folder)).collect::<Result<_>>()?;
    let manifest = Manifest::of_ensemble(&model, &ensemble_of(&model), &names);
    let text = toml::to_string(&manifest).map_err(|error| SessionError::Input(error.to_string()))?;
    let written = |path: &Path, bytes: &[u8]| {
        replace(path, |file| file.write_all(bytes).map_err(SessionError::io(path, "writing it")))
    };
    let manifest = written(out, text.as_bytes())?;
    if let Some(bytes) = projection {
        written(&file, bytes)?.finish()?;
    }
    manifest.finish()?;
    Ok(Model::from_manifest(out)?)
}

fn ensemble_of(model: &Model) -> Ensemble {
    match &model.kind {
        Kind::Ensemble(ensemble) => ensemble.clone(),
        Kind::Network(_) => Ensemble { members: Vec::new(), mirror: false, projection: None },
    }
}

/// The name of a member in a manifest in `folder`: that of an installed model, or a path that does not depend on the current folder.
fn placed(name: &str, folder: &Path) -> Result<String> {
    if Model::named(name).is_some() || !(name.contains('/') || name.ends_with(".toml")) {
        return Ok(name.into());
    }
    let absolute = |path: &Path| path.canonicalize().map_err(SessionError::io(path, "finding it"));
    let path = absolute(Path::new(name))?;
    let folder = absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let beside = path.strip_prefix(&folder).ok().filter(|rest| rest.components().count() == 1);
    Ok(beside.unwrap_or(&path).to_string_lossy().into_owned())
}

fn made(request: &FuseRequest, model: &Model, fitted: Option<Fitted>) -> Fused {
    Fused::Made(Box::new(ModelFused {
        version: VERSION,
        manifest: request.out.to_string_lossy().into_owned(),
        model: ModelInfo::from(model),
        mirror: request.mirror,
        whitening: fitted.as_ref().map(|fitted| fitted.whitening),
        fitted_to: fitted.as_ref().map(|fitted| fitted.fitted_to),
        report: fitted.map(|fitted| fitted.report),
    }))
}
