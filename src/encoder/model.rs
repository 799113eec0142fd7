//! Models: the description of a network, its weights file and its input.
//!
//! A manifest is a TOML file:
//!
//! ```toml
//! name = "my-encoder"
//! kind = "graph"               # of `gallerist model import`; or "torchscript", which runs code; the built-in ones say "builtin"
//! dimension = 512              # length of a template
//! chip = "arcface-112"         # how faces are aligned, see `Chip`
//! channels = "rgb"             # or "bgr"
//! mean = [127.5, 127.5, 127.5] # in the order of `channels`; the network sees (value - mean) * scale
//! scale = 0.0078125            # or one for each of `channels`
//! threshold = 0.4              # cosine from which two faces count as one person
//! threshold_basis = "FMR 1e-4 on ..."
//! licence = "MIT"
//! provenance = "where it comes from"
//! caveats = ["what a user should know"]
//! [weights]
//! file = "encoder.safetensors" # beside the manifest, or an absolute path
//! sha256 = "..."
//! ```

mod imported;
mod scale;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EncoderError, weights};
use crate::face::Chip;
pub use scale::Scale;

/// Largest manifest that is read, in bytes. A manifest is a page of text.
const LARGEST_MANIFEST: u64 = 1 << 20;

/// Version of the code between photo and network that no manifest describes: the detector cascade, the alignment, the rounding. It is
/// raised when their results change, so that galleries made with earlier versions are recognised.
///
/// 1: faces at the border of a photo were stretched. 2: they are padded, and rotated photos are recognised.
const PIPELINE: u32 = 2;

/// A network and its input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name that users give, such as `mobilefacenet-192`.
    pub name: String,
    /// How the network is run.
    pub kind: Kind,
    /// Number of components of its templates.
    pub dimension: usize,
    /// How faces are aligned, which is also the size of the input.
    pub chip: Chip,
    /// Order of the colours in the input.
    pub channels: ChannelOrder,
    /// Subtracted from each colour (0 to 255), in the order of `channels`.
    pub mean: [f32; 3],
    /// Factor for the difference, in the order of `channels`.
    pub scale: Scale,
    /// Cosine from which two faces count as one person without a calibration.
    pub threshold: f32,
    /// The data and the error rate for which `threshold` was measured.
    pub threshold_basis: String,
    /// Licence of the weights, as far as it is known.
    pub licence: String,
    /// Origin of the weights.
    pub provenance: String,
    /// What users should know before they rely on the model.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// The file with the parameters. None for the stand-in.
    #[serde(default)]
    pub weights: Option<Weights>,
}

/// How a model is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A built-in model: safetensors with a list of operations, run by the executor of this program.
    Builtin,
    /// A network of a user in the same form, such as an imported ONNX file. It runs no code of the user.
    Graph,
    /// A TorchScript file of a user. Loading it runs its code.
    Torchscript,
    /// The deterministic replacement for tests. It cannot recognise people.
    StandIn,
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
    let manifests = [
        include_str!("models/mobilefacenet-192.toml"),
        include_str!("models/mobilefacenet-512.toml"),
        include_str!("models/dlib-128.toml"),
    ];
    manifests.iter().map(|text| embedded(text)).collect()
});
static STAND_IN: LazyLock<Model> = LazyLock::new(|| embedded(include_str!("models/stand-in.toml")));
static DETECTOR: LazyLock<Weights> = LazyLock::new(|| {
    toml::from_str(include_str!("models/mtcnn.toml")).expect("the embedded manifests are parsed by a test")
});

fn embedded(text: &str) -> Model {
    toml::from_str(text).expect("the embedded manifests are parsed by a test")
}

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
        let installed = |model: &&Self| model.weights_file().is_some_and(|file| file.exists());
        let best = &Self::builtin()[0];
        let found = Self::builtin().iter().find(installed).unwrap_or(best);
        if found.name != best.name {
            tracing::warn!(
                "{} is not installed; {} is used instead and is less accurate. tools/setup installs the better one.",
                best.name,
                found.name
            );
        }
        found.clone()
    }

    /// The model for a name that a user gives: a built-in or imported model, or the path of a manifest (a text with `/`, or ending with `.toml`).
    ///
    /// # Errors
    /// There is no such model, or the manifest is invalid.
    pub fn find(name: &str) -> Result<Self, EncoderError> {
        if name.contains('/') || name.ends_with(".toml") {
            return Self::from_manifest(Path::new(name));
        }
        if let Some(model) = Self::named(name) {
            return Ok(model);
        }
        Self::imported(name)?.ok_or_else(|| {
            let known = Self::builtin().iter().map(|model| model.name.clone()).chain(Self::imported_names());
            EncoderError::UnknownModel { name: name.into(), known: known.collect::<Vec<_>>().join(", ") }
        })
    }

    /// Reads the manifest of a user.
    ///
    /// # Errors
    /// [`EncoderError::Manifest`]: the file is unreadable or not TOML, or a field is missing, unknown or out of range.
    pub fn from_manifest(path: &Path) -> Result<Self, EncoderError> {
        let wrong = |reason: String| EncoderError::Manifest { file: path.into(), reason };
        let read = || -> std::io::Result<String> {
            let (file, length) = weights::open_regular(path, LARGEST_MANIFEST)?;
            let mut text = String::new();
            file.take(length).read_to_string(&mut text)?;
            Ok(text)
        };
        let text = read().map_err(|error| wrong(error.to_string()))?;
        let mut model: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        model.validate().map_err(wrong)?;
        if let Some(weights) = &mut model.weights {
            weights.file = path.parent().unwrap_or(Path::new("")).join(&weights.file);
        }
        Ok(model)
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let hexadecimal = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match &self.weights {
            _ if !matches!(self.kind, Kind::Graph | Kind::Torchscript) => {
                Err("kind must be \"graph\" or \"torchscript\" in a user's manifest".into())
            }
            None => Err("[weights] is missing".into()),
            Some(weights) if weights.sha256.len() != 64 || !hexadecimal(&weights.sha256) => Err(format!(
                "weights.sha256 is {:?}, expected 64 lower-case hexadecimal digits",
                weights.sha256
            )),
            _ if self.name.is_empty() => Err("name is empty".into()),
            _ if Self::named(&self.name).is_some() => {
                Err(format!("name {:?} is that of a built-in model", self.name))
            }
            _ if !(1..=4096).contains(&self.dimension) => {
                Err(format!("dimension is {}, expected 1 to 4096", self.dimension))
            }
            _ if !self.mean.iter().all(|mean| mean.is_finite()) => Err(format!("mean is {:?}", self.mean)),
            _ if !self.scale.is_normal() => Err(format!("scale is {}", self.scale)),
            _ if !(-1.0..=1.0).contains(&self.threshold) => {
                Err(format!("threshold is {}, expected a cosine, -1 to 1", self.threshold))
            }
            _ => Ok(()),
        }
    }

    /// The path of the weights file, whether it exists or not. None for the stand-in.
    pub fn weights_file(&self) -> Option<PathBuf> {
        Some(models_dir().join(&self.weights.as_ref()?.file))
    }

    /// Verifies the weights of a user's model against the manifest. The weights of built-in models may be installed later, because their
    /// hashes are part of the program.
    ///
    /// # Errors
    /// The weights are missing, not a regular file, too large, unreadable, or have another SHA-256.
    pub fn check_weights(&self) -> Result<(), EncoderError> {
        match (self.kind, &self.weights, self.weights_file()) {
            (Kind::Graph | Kind::Torchscript, Some(weights), Some(file)) => {
                weights::check(&self.name, &file, &weights.sha256)
            }
            _ => Ok(()),
        }
    }

    /// The detector of every model except the stand-in.
    pub fn detector() -> &'static Weights {
        &DETECTOR
    }

    /// SHA-256, in hexadecimal, of everything that determines the template of a photo: the weights of encoder and detector, alignment,
    /// channel order, mean, scale, dimension, and the version of the code between them. Templates with different fingerprints cannot be
    /// compared.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of(PIPELINE)
    }

    /// Whether `fingerprint` is that of this model with an earlier version of the code between photo and network.
    pub fn is_of_earlier_pipeline(&self, fingerprint: &str) -> bool {
        (1..PIPELINE).any(|pipeline| self.fingerprint_of(pipeline) == fingerprint)
    }

    fn fingerprint_of(&self, pipeline: u32) -> String {
        let mut text = format!("gallerist pipeline {pipeline}\n{:?}\n", self.kind);
        for weights in [self.weights.as_ref(), Some(Self::detector())] {
            text += &format!("weights {}\n", weights.map_or("none", |weights| weights.sha256.as_str()));
        }
        let points = self.chip.template().as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let mean = self.mean.map(f32::to_bits);
        text += &format!("chip {} {points:x?}\n", self.chip.side());
        text += &format!("input {:?} {mean:x?} {}\n", self.channels, self.scale.bits());
        text += &format!("dimension {}\n", self.dimension);
        hexadecimal(&Sha256::digest(text))
    }
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
