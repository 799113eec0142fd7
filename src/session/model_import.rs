//! The import of a user's encoder: an ONNX file becomes a model in the folder of the models.

mod accuracy;
mod detector;
mod faces;
mod place;
mod search;
mod separation;

use std::path::{Path, PathBuf};

use super::error::{Result, SessionError};
use super::{Control, Stopped};
use crate::encoder::onnx::pack::{self, Found};
use crate::encoder::{
    ChannelOrder, DetectorFile, Device, EncoderError, Input, Kind, Manifest, Model, Network, Runtime, Scale,
    Weights, hexadecimal, models_dir,
};
use crate::face::{Chip, NetworkError};
use crate::reply::{ImportedModel, TriedSetting, VERSION};
use search::{Candidate, Stated};

/// An encoder to import. What is not stated is found out.
#[derive(Debug, Clone, Default)]
pub struct ModelImportRequest {
    /// An ONNX file, or a folder or zip archive that contains one encoder.
    pub file: PathBuf,
    /// Name of the model. `None`: the name of the file.
    pub name: Option<String>,
    /// The folder for the model. `None`: the folder where models are found by name.
    pub out: Option<PathBuf>,
    /// How faces are aligned.
    pub chip: Option<Chip>,
    /// Order of the colours.
    pub channels: Option<ChannelOrder>,
    /// Subtracted from each colour, in the order of the channels.
    pub mean: Option<[f32; 3]>,
    /// Factor for the difference, not 0.
    pub scale: Option<Scale>,
    /// Cosine from which two faces count as one person.
    pub threshold: Option<f32>,
    /// Licence of the weights.
    pub licence: Option<String>,
    /// An ONNX file with an SCRFD detector for the model, or a pack with one. `None`: the built-in detector.
    pub detector: Option<PathBuf>,
    /// Whether the user accepts the conditions of known publishers.
    pub accept_licence: bool,
    /// Whether a network is imported that does not separate people.
    pub accept_inaccurate: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The device for the measurement.
    pub device: Device,
}

/// The result of an import.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelImport {
    /// The model was imported, or would be.
    Done(Box<ImportedModel>),
    /// It was stopped, and nothing was written.
    Stopped(Stopped),
}

/// Converts the file, finds its preprocessing by measurement, and writes the model. A refusal leaves nothing behind.
///
/// # Errors
/// The file or that of the detector is refused; the conditions of its publisher are not accepted; the network separates nobody; the name
/// is taken by another model, or by this one with another threshold or licence; the networks cannot run; the folder cannot be written.
pub fn import_model(request: &ModelImportRequest, control: &Control<'_>) -> Result<ModelImport> {
    require_usable(request)?;
    let onnx = |reason: String| SessionError::from(EncoderError::Onnx { file: request.file.clone(), reason });
    let side = request.chip.map(Chip::side);
    let found = pack::open(&request.file, side).map_err(|refusal| onnx(refusal.to_string()))?;
    let licence = licence(request, &found).map_err(onnx)?;
    let detector = request.detector.as_deref();
    let detector = detector.map(|file| DetectorFile::open(file, request.accept_licence)).transpose()?;
    let name = request.name.clone().unwrap_or_else(|| name_of(&found.file));
    let refused = |reason: String| SessionError::Request { field: "name", reason };
    Model::check_imported_name(&name).map_err(refused)?;

    let out = request.out.clone().unwrap_or_else(models_dir);
    let failed = |path: &Path, error: std::io::Error| {
        SessionError::from(EncoderError::Manifest { file: path.to_owned(), reason: error.to_string() })
    };
    let work = place::workplace(&out, request.dry_run).map_err(|error| failed(&out, error))?;
    let weights = work.path().join(format!("{name}.safetensors"));
    place::write(&weights, &found.converted.bytes).map_err(|error| failed(&weights, error))?;
    let weights = Weights::of(weights, &found.converted.bytes);
    let (mut model, mut network) = (described(&found, name, licence), unsettled(&found, weights));
    let origin = found.converted;
    let stated =
        Stated { chip: request.chip, channels: request.channels, mean: request.mean, scale: request.scale };
    let searched = search::search(&model, &network, stated, request.device, control);
    let searched = searched.map_err(|error| match error {
        // The model has no name that the user knows yet.
        SessionError::Encoder(EncoderError::Network(NetworkError::Failed { reason, .. })) => onnx(reason),
        error => error,
    });
    let Some(mut search) = searched? else {
        return Ok(ModelImport::Stopped(Stopped { looked_at: 0, total: 1, unit: "model" }));
    };
    search.warnings.extend(origin.notes.iter().cloned());
    let winner = &search.candidates[search.winner];
    network.input = winner.input;
    if let Some(shortcoming) = accuracy::shortcoming(winner) {
        if !request.accept_inaccurate {
            return Err(onnx(accuracy::refusal(&shortcoming, search.candidates.len())));
        }
        search.warnings.push(format!("imported although {shortcoming}"));
    }
    if let Some(detector) = &detector {
        let tried = Model { kind: Kind::Network(network.clone()), ..model.clone() };
        search.warnings.extend(detector::warning(&tried, detector, request.device)?);
    }
    network.weights = network.weights.map(|weights| Weights {
        file: PathBuf::from(weights.file.file_name().unwrap_or_default()),
        ..weights
    });
    (model.threshold, model.threshold_basis) = match request.threshold {
        Some(threshold) => (threshold, "stated at the import".into()),
        None => accuracy::threshold(winner.separation.as_ref()),
    };
    model.caveats.extend(search.warnings.iter().cloned());
    model.kind = Kind::Network(network.clone());
    // The manifest is beside the file.
    model.detector = detector.as_ref().map(DetectorFile::beside);

    let manifest = out.join(format!("{}.toml", model.name));
    let is_there = manifest.exists() || out.join(format!("{}.safetensors", model.name)).exists();
    if is_there {
        model = place::same(&manifest, &model, request)?;
    } else if !request.dry_run {
        detector.map(|detector| detector.install(&out)).transpose()?;
        let manifest = Manifest::of_network(&model, &network);
        place::publish(&work, &out, &model.name, &manifest).map_err(|error| failed(&out, error))?;
    }
    let reply = ImportedModel {
        version: VERSION,
        name: model.name.clone(),
        manifest: manifest.to_string_lossy().into_owned(),
        written: !is_there && !request.dry_run,
        dimension: model.dimension,
        chip: network.input.chip.to_string(),
        channels: network.input.channels,
        mean: network.input.mean,
        scale: network.input.scale.factors(),
        threshold: model.threshold,
        threshold_basis: model.threshold_basis.clone(),
        licence: model.licence.clone(),
        fingerprint: model.fingerprint(),
        detector: model.detector_name(),
        unused_detector: found.detector.filter(|_| model.detector.is_none()),
        file: found.file,
        operator_set: origin.opset,
        operations: origin.operations,
        parameters: origin.weights,
        products: u64::try_from(origin.plan.products).unwrap_or(0),
        settings: search
            .candidates
            .iter()
            .enumerate()
            .map(|(at, tried)| setting(tried, at == search.winner))
            .collect(),
        warnings: search.warnings,
    };
    control.report("settings", reply.settings.len() as u64, None);
    Ok(ModelImport::Done(Box::new(reply)))
}

/// Refuses numbers that no network can use.
fn require_usable(request: &ModelImportRequest) -> Result<()> {
    let refused = |field, reason: String| Err(SessionError::Request { field, reason });
    if let Some(mean) = request.mean.filter(|mean| !mean.iter().all(|mean| mean.is_finite())) {
        return refused("mean", format!("expected finite numbers, got {mean:?}"));
    }
    if let Some(scale) = request.scale.filter(|scale| !scale.is_normal()) {
        return refused("scale", format!("expected finite factors other than 0, got {scale}"));
    }
    Ok(())
}

/// The licence for the manifest. The conditions of a known publisher must be accepted.
fn licence(request: &ModelImportRequest, found: &Found) -> std::result::Result<String, String> {
    let Some(known) = found.licence else {
        return Ok(request.licence.clone().unwrap_or_else(|| "not stated".into()));
    };
    let is_namesake = known.namesake.is_some() && request.licence.is_some();
    if !request.accept_licence && !is_namesake {
        let namesake = known.namesake.map_or_else(String::new, |namesake| {
            format!(" {namesake} publishes a file of the same name; for that one state --licence.")
        });
        return Err(known.refusal(&found.file) + &namesake);
    }
    let own = format!("{}: {}", known.publisher, known.conditions);
    Ok(request.licence.clone().unwrap_or(own))
}

/// The name of a file as the name of a model.
fn name_of(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    stem.chars().map(plain).collect::<String>().trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// The model, apart from its network and its threshold.
fn described(found: &Found, name: String, licence: String) -> Model {
    let Found { file, converted, sha256, .. } = found;
    let producer = if converted.producer.is_empty() { "unknown" } else { &converted.producer };
    Model {
        name,
        dimension: converted.dimension,
        threshold: 0.0,
        threshold_basis: String::new(),
        licence,
        provenance: format!("imported from {file} (sha256 {}), written by {producer}", hexadecimal(sha256)),
        caveats: vec![
            "An imported model: its accuracy and its training set are not known to this program.".into(),
        ],
        kind: Kind::Network(unsettled(found, Weights { file: PathBuf::new(), sha256: String::new() })),
        detector: None,
    }
}

/// The network before its input is known.
fn unsettled(found: &Found, weights: Weights) -> Network {
    let chip = Chip::of_side(found.converted.side).first().copied().unwrap_or(Chip::ARCFACE_112);
    let input = Input { chip, channels: ChannelOrder::Rgb, mean: [0.0; 3], scale: 1.0.into() };
    Network { runtime: Runtime::Graph, input, weights: Some(weights) }
}

fn setting(candidate: &Candidate, taken: bool) -> TriedSetting {
    TriedSetting {
        chip: candidate.input.chip.to_string(),
        channels: candidate.input.channels,
        mean: candidate.input.mean,
        scale: candidate.input.scale.factors(),
        d_prime: candidate.separation.as_ref().map(|separation| separation.d_prime),
        rank_1: candidate.separation.as_ref().map(|separation| separation.rank_1),
        taken,
    }
}
