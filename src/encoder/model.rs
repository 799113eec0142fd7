//! Models: what turns an aligned face into a template. A [`Network`], or an [`Ensemble`] of networks. A [`Manifest`] describes one in a
//! TOML file.

mod detector;
mod ensemble;
mod fingerprint;
mod imported;
mod manifest;
mod scale;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EncoderError, weights};
use crate::face::Chip;
pub use detector::DetectorFile;
pub use ensemble::{Ensemble, Member, Projection};
pub use manifest::Manifest;
pub use scale::Scale;

/// What turns an aligned face into a template, and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The name that users give, such as `mobilefacenet-192`.
    pub name: String,
    /// Number of components of its templates.
    pub dimension: usize,
    /// Cosine from which two faces count as one person without a calibration.
    pub threshold: f32,
    /// The data and the error rate for which `threshold` was measured.
    pub threshold_basis: String,
    /// Licence of the weights, as far as it is known.
    pub licence: String,
    /// Origin of the weights.
    pub provenance: String,
    /// What users should know before they rely on the model.
    pub caveats: Vec<String>,
    /// What is run.
    pub kind: Kind,
    /// The detector of the user. None: the built-in one.
    pub detector: Option<DetectorFile>,
}

/// What a model runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// One network.
    Network(Network),
    /// Several networks.
    Ensemble(Ensemble),
}

/// A network and its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// What runs it.
    pub runtime: Runtime,
    /// Its input.
    pub input: Input,
    /// The file with the parameters. None for the stand-in.
    pub weights: Option<Weights>,
}

/// What runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// The executor of this program: safetensors with a list of operations.
    Builtin,
    /// The same, with the network of a user, such as an imported ONNX file. It runs no code of the user.
    Graph,
    /// TorchScript: the file of a user. Loading it runs its code.
    Torchscript,
    /// The deterministic replacement for tests. It cannot recognise people.
    StandIn,
}

/// The input of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Input {
    /// How faces are aligned, which is also the size of the input.
    pub chip: Chip,
    /// Order of the colours.
    pub channels: ChannelOrder,
    /// Subtracted from each colour (0 to 255), in the order of `channels`.
    pub mean: [f32; 3],
    /// Factor for the difference, in the order of `channels`.
    pub scale: Scale,
}

/// Order of the colours in a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// A file and its expected content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Absolute, or relative to [`models_dir`] (built-in models) or to the folder of the manifest (models of users).
    pub file: PathBuf,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Weights {
    /// A file with this content.
    pub fn of(file: PathBuf, content: &[u8]) -> Self {
        Self { file, sha256: hexadecimal(&Sha256::digest(content)) }
    }
}

static BUILTIN: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let networks = [
        include_str!("models/mobilefacenet-192.toml"),
        include_str!("models/mobilefacenet-512.toml"),
        include_str!("models/dlib-128.toml"),
    ];
    let mut models: Vec<Model> = networks.iter().map(|text| Manifest::embedded(text, &[], None)).collect();
    let projection = include_bytes!("models/duo-128.safetensors");
    models.insert(0, Manifest::embedded(include_str!("models/duo-128.toml"), &models, Some(projection)));
    models
});
static STAND_IN: LazyLock<Model> =
    LazyLock::new(|| Manifest::embedded(include_str!("models/stand-in.toml"), &[], None));
static DETECTOR: LazyLock<Weights> = LazyLock::new(|| {
    toml::from_str(include_str!("models/mtcnn.toml")).expect("the embedded manifests are read by a test")
});

impl Model {
    /// The built-in models, the best one first. [`Self::default_available`] tries them in this order.
    pub fn builtin() -> &'static [Self] {
        &BUILTIN
    }

    /// The built-in model with this name, or the hidden `stand-in`.
    pub fn named(name: &str) -> Option<Self> {
        Self::builtin().iter().chain([&*STAND_IN]).find(|model| model.name == name).cloned()
    }

    /// The first built-in model with installed weights. Logs a warning if it is not the best model. If no model is installed, the
    /// best one; loading it then reports the missing file.
    pub fn default_available() -> Self {
        let best = &Self::builtin()[0];
        let found = Self::builtin().iter().find(|model| model.is_installed()).unwrap_or(best);
        if found.name != best.name {
            tracing::warn!(
                "{} is not installed; {} is used instead and is less accurate. tools/setup installs the better one.",
                best.name,
                found.name
            );
        }
        found.clone()
    }

    /// The model for a name that a user gives: a built-in or imported model, also with an installed detector (`duo-128+scrfd-5838f7fe`), or the
    /// path of a manifest (a text with `/`, or ending with `.toml`).
    ///
    /// # Errors
    /// There is no such model or detector, or the manifest is invalid.
    pub fn find(name: &str) -> Result<Self, EncoderError> {
        if is_path(name) {
            return Self::from_manifest(Path::new(name));
        }
        if let (model, Some(detector)) = Self::split(name) {
            return Ok(Self::find(model)?.with_detector(DetectorFile::installed(detector)?));
        }
        if let Some(model) = Self::named(name) {
            return Ok(model);
        }
        Self::imported(name)?.ok_or_else(|| {
            let known = Self::builtin().iter().map(|model| model.name.clone()).chain(Self::imported_names());
            EncoderError::UnknownModel { name: name.into(), known: known.collect::<Vec<_>>().join(", ") }
        })
    }

    /// Reads a user's manifest. The paths in it are relative to its folder.
    ///
    /// # Errors
    /// The file cannot be read or is not a valid manifest.
    pub fn from_manifest(path: &Path) -> Result<Self, EncoderError> {
        Manifest::read(path)
    }

    /// The networks: of an ensemble its members, otherwise the model itself.
    pub fn networks(&self) -> Vec<(&Self, &Network)> {
        match &self.kind {
            Kind::Network(network) => vec![(self, network)],
            Kind::Ensemble(ensemble) => {
                ensemble.members.iter().flat_map(|member| member.model.networks()).collect()
            }
        }
    }

    /// The alignments of a face that the networks need, each once. The quality of a face is measured on the first.
    pub fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        for (_, network) in self.networks() {
            if !chips.contains(&network.input.chip) {
                chips.push(network.input.chip);
            }
        }
        chips
    }

    /// The files that are not part of the program: weights, and the projection of an ensemble.
    pub fn files(&self) -> Vec<ModelFile<'_>> {
        let mut files = Vec::new();
        for (model, network) in self.networks() {
            let file = |weights| ModelFile::new(model.name.as_str(), weights, network.runtime.origin());
            files.extend(network.weights.as_ref().map(file));
        }
        if let Kind::Ensemble(Ensemble { projection: Some(projection), .. }) = &self.kind
            && projection.embedded().is_none()
        {
            files.push(ModelFile::new(self.name.as_str(), &projection.weights, Origin::Fusion));
        }
        if let Some(detector) = &self.detector {
            files.push(ModelFile::new(detector.name(), &detector.weights, Origin::Detector));
        }
        files
    }

    /// Whether all of its files exist.
    pub fn is_installed(&self) -> bool {
        self.files().iter().all(|file| file.path.is_file())
    }

    /// Verifies the files of a user's model against the manifest. The weights of built-in models may be installed later, because their
    /// hashes are part of the program.
    ///
    /// # Errors
    /// A file is missing, not a regular file, too large, unreadable, or has another SHA-256.
    pub fn check_weights(&self) -> Result<(), EncoderError> {
        let mut own = self.files().into_iter().filter(|file| Self::named(&file.model).is_none());
        own.try_for_each(|file| weights::check(&file.model, &file.path, file.sha256, file.origin))
    }

    /// The detector of every model that has no other one, except the stand-in.
    pub fn detector() -> &'static Weights {
        &DETECTOR
    }

    /// Whether it is the replacement for tests, which runs without libtorch.
    pub fn is_stand_in(&self) -> bool {
        self.networks().iter().all(|(_, network)| network.runtime == Runtime::StandIn)
    }
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile<'a> {
    /// Name of the model that it belongs to: the model itself, or a member of it; or of the detector.
    pub model: Cow<'a, str>,
    /// Its place, whether it exists or not.
    pub path: PathBuf,
    /// Its SHA-256, hexadecimal.
    pub sha256: &'a str,
    /// What made it.
    pub origin: Origin,
}

/// What made a file of a model, and can make it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `tools/setup`.
    Setup,
    /// `gallerist model import`.
    Import,
    /// `gallerist model fuse` or `gallerist train`.
    Fusion,
    /// The file of a detector, which was copied.
    Detector,
    /// The user.
    User,
}

impl Origin {
    /// What to do about a file that was changed.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Setup => "remove the file and run tools/setup",
            Self::Import => {
                "remove it and its manifest, and import the model again with `gallerist model import`"
            }
            Self::Fusion => {
                "remove it and its manifest, and make the model again as it was made, with `gallerist model fuse` or `gallerist train`"
            }
            Self::Detector => "remove it, and give the detector again with --detector",
            Self::User => "put the right file there, or correct the manifest",
        }
    }
}

impl Runtime {
    /// What makes the weights of such a network.
    pub fn origin(self) -> Origin {
        match self {
            Self::Builtin => Origin::Setup,
            Self::Graph => Origin::Import,
            Self::Torchscript | Self::StandIn => Origin::User,
        }
    }
}

impl<'a> ModelFile<'a> {
    /// The file `weights` of a model.
    pub fn new(model: impl Into<Cow<'a, str>>, weights: &'a Weights, origin: Origin) -> Self {
        Self { model: model.into(), path: models_dir().join(&weights.file), sha256: &weights.sha256, origin }
    }
}

/// Whether a name that a user gives is the path of a manifest.
fn is_path(name: &str) -> bool {
    name.contains('/') || name.ends_with(".toml")
}

/// The folder of the converted models: `$GALLERIST_MODELS`, otherwise `models` in `$GALLERIST_CACHE`, otherwise `models` in
/// `gallerist` in the user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`).
pub fn models_dir() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(models) = variable("GALLERIST_MODELS") {
        return models;
    }
    let cache = variable("GALLERIST_CACHE").unwrap_or_else(|| {
        let home = || variable("HOME").unwrap_or_default().join(".cache");
        variable("XDG_CACHE_HOME").unwrap_or_else(home).join("gallerist")
    });
    cache.join("models")
}

/// Two lower-case digits per byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
