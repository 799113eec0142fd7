//! Manifests: models as TOML files.
//!
//! A network:
//!
//! ```toml
//! name = "my-encoder"
//! kind = "graph"               # of `gallerist model import`, or "torchscript"; the built-in networks say "builtin"
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
//! [detector]                   # optional: an SCRFD detector instead of the built-in one
//! file = "scrfd-5838f7fe.onnx"
//! sha256 = "..."
//! ```
//!
//! An ensemble, as `gallerist model fuse` writes it, has instead of `chip` to `scale`, `[weights]` and `[detector]`:
//!
//! ```toml
//! kind = "ensemble"
//! mirror = false               # whether members also encode the mirrored face
//! [[members]]
//! model = "mobilefacenet-192"  # a built-in model, or a manifest: beside this one, or an absolute path
//! fingerprint = "..."          # another fingerprint is refused
//! weight = 1.0
//! [[members]]
//! model = "other.toml"
//! fingerprint = "..."
//! weight = 0.8
//! [projection]                 # optional
//! file = "duo.safetensors"
//! sha256 = "..."
//! ```

use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    ChannelOrder, DetectorFile, Ensemble, Input, Kind, Member, Model, Network, Projection, Runtime, Scale,
    Weights,
};
use crate::encoder::{EncoderError, weights};
use crate::face::Chip;

/// Largest manifest that is read, in bytes. A manifest is a page of text.
pub(super) const LARGEST: u64 = 1 << 20;
/// Longest template, in components.
pub(crate) const LONGEST: usize = 4096;

/// The content of a manifest. The fields that do not belong to its kind are absent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    name: String,
    kind: ManifestKind,
    dimension: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    chip: Option<Chip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<ChannelOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<[f32; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<Scale>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<bool>,
    threshold: f32,
    threshold_basis: String,
    licence: String,
    provenance: String,
    #[serde(default)]
    caveats: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Weights>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    members: Vec<MemberEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection: Option<Weights>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detector: Option<Weights>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ManifestKind {
    Builtin,
    Graph,
    Torchscript,
    StandIn,
    Ensemble,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberEntry {
    model: String,
    fingerprint: String,
    weight: f32,
}

impl Manifest {
    /// Reads a model from a user's manifest. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// The file cannot be read, or is not a valid manifest. A manifest of a member is invalid, or has another fingerprint.
    pub(super) fn read(path: &Path) -> Result<Model, EncoderError> {
        let wrong = |reason: String| EncoderError::Manifest { file: path.into(), reason };
        let read = || -> std::io::Result<String> {
            let (file, length) = weights::open_regular(path, LARGEST)?;
            let mut text = String::new();
            file.take(length).read_to_string(&mut text)?;
            Ok(text)
        };
        let text = read().map_err(|error| wrong(error.to_string()))?;
        let manifest: Self = toml::from_str(&text).map_err(|error| wrong(one_line(&text, &error)))?;
        if matches!(manifest.kind, ManifestKind::Builtin | ManifestKind::StandIn) {
            let kinds = "\"graph\", \"torchscript\" or \"ensemble\"";
            return Err(wrong(format!("kind must be {kinds} in a user's manifest")));
        }
        if Model::named(&manifest.name).is_some() {
            return Err(wrong(format!("name {:?} is that of a built-in model", manifest.name)));
        }
        // The files of a model with a relative path would be looked for among the installed models.
        let absolute = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let find = |name: &str| match Model::named(name) {
            Some(model) => Ok(model),
            None if super::is_path(name) => Model::from_manifest(&folder.join(name)),
            None => Model::find(name),
        };
        let mut model = manifest.model(&find).map_err(|error| match error {
            Invalid::Reason(reason) => wrong(reason),
            Invalid::Member(name, error @ EncoderError::UnknownModel { .. }) => {
                wrong(format!("its member `{name}` is not there: {error}; import or make it again"))
            }
            Invalid::Member(_, error) => error,
        })?;
        match &mut model.kind {
            Kind::Network(Network { weights: Some(weights), .. })
            | Kind::Ensemble(Ensemble { projection: Some(Projection { weights, .. }), .. }) => {
                weights.file = folder.join(&weights.file);
            }
            _ => {}
        }
        if let (Kind::Network(_), Some(detector)) = (&model.kind, &mut model.detector) {
            detector.weights.file = folder.join(&detector.weights.file);
        }
        Ok(model)
    }

    /// The model of an embedded manifest. `projection` is the content of its projection file.
    ///
    /// # Panics
    /// The manifest is invalid. A test reads all embedded manifests.
    pub(super) fn embedded(text: &str, members: &[Model], projection: Option<&'static [u8]>) -> Model {
        let find = |name: &str| {
            let found = members.iter().find(|model| model.name == name).cloned();
            found.ok_or_else(|| EncoderError::UnknownModel { name: name.into(), known: String::new() })
        };
        let manifest: Self = toml::from_str(text).expect("the embedded manifests are read by a test");
        let Ok(mut model) = manifest.model(&find) else {
            panic!("the embedded manifests are read by a test")
        };
        if let Kind::Ensemble(Ensemble { projection: Some(file), .. }) = &mut model.kind {
            file.embedded = projection;
        }
        model
    }

    /// The manifest of an ensemble. `members` are the names or paths of its members.
    pub(crate) fn of_ensemble(model: &Model, ensemble: &Ensemble, members: &[String]) -> Self {
        let entry = |(member, name): (&Member, &String)| MemberEntry {
            model: name.clone(),
            fingerprint: member.model.fingerprint(),
            weight: member.weight,
        };
        Self {
            name: model.name.clone(),
            kind: ManifestKind::Ensemble,
            dimension: model.dimension,
            chip: None,
            channels: None,
            mean: None,
            scale: None,
            mirror: Some(ensemble.mirror),
            threshold: model.threshold,
            threshold_basis: model.threshold_basis.clone(),
            licence: model.licence.clone(),
            provenance: model.provenance.clone(),
            caveats: model.caveats.clone(),
            weights: None,
            members: ensemble.members.iter().zip(members).map(entry).collect(),
            projection: ensemble.projection.as_ref().map(|projection| projection.weights.clone()),
            detector: None,
        }
    }

    /// The manifest of a network of a user. Its weights and its detector are named as they are.
    pub(crate) fn of_network(model: &Model, network: &Network) -> Self {
        let Input { chip, channels, mean, scale } = network.input;
        Self {
            name: model.name.clone(),
            kind: match network.runtime {
                Runtime::Builtin => ManifestKind::Builtin,
                Runtime::Graph => ManifestKind::Graph,
                Runtime::Torchscript => ManifestKind::Torchscript,
                Runtime::StandIn => ManifestKind::StandIn,
            },
            dimension: model.dimension,
            chip: Some(chip),
            channels: Some(channels),
            mean: Some(mean),
            scale: Some(scale),
            mirror: None,
            threshold: model.threshold,
            threshold_basis: model.threshold_basis.clone(),
            licence: model.licence.clone(),
            provenance: model.provenance.clone(),
            caveats: model.caveats.clone(),
            weights: network.weights.clone(),
            members: Vec::new(),
            projection: None,
            detector: model.detector.as_ref().map(|detector| detector.weights.clone()),
        }
    }

    fn model(self, find: &dyn Fn(&str) -> Result<Model, EncoderError>) -> Result<Model, Invalid> {
        self.check().map_err(Invalid::Reason)?;
        let kind = match self.kind {
            ManifestKind::Builtin => self.network(Runtime::Builtin).map_err(Invalid::Reason)?,
            ManifestKind::Graph => self.network(Runtime::Graph).map_err(Invalid::Reason)?,
            ManifestKind::Torchscript => self.network(Runtime::Torchscript).map_err(Invalid::Reason)?,
            ManifestKind::StandIn => self.network(Runtime::StandIn).map_err(Invalid::Reason)?,
            ManifestKind::Ensemble => self.ensemble(find)?,
        };
        let detector = match &kind {
            Kind::Network(_) => self.detector.map(DetectorFile::named_by),
            Kind::Ensemble(ensemble) => ensemble.detector(),
        };
        Ok(Model {
            name: self.name,
            dimension: self.dimension,
            threshold: self.threshold,
            threshold_basis: self.threshold_basis,
            licence: self.licence,
            provenance: self.provenance,
            caveats: self.caveats,
            kind,
            detector,
        })
    }

    fn check(&self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("name is empty".into());
        }
        if !(1..=LONGEST).contains(&self.dimension) {
            return Err(format!("dimension is {}, expected 1 to {LONGEST}", self.dimension));
        }
        if !(-1.0..=1.0).contains(&self.threshold) {
            return Err(format!("threshold is {}, expected a cosine, -1 to 1", self.threshold));
        }
        let files =
            [("weights", &self.weights), ("projection", &self.projection), ("detector", &self.detector)];
        for (field, weights) in files {
            if let Some(Weights { sha256, .. }) =
                weights.as_ref().filter(|weights| !is_sha256(&weights.sha256))
            {
                return Err(format!(
                    "{field}.sha256 is {sha256:?}, expected 64 lower-case hexadecimal digits"
                ));
            }
        }
        Ok(())
    }

    fn network(&self, runtime: Runtime) -> Result<Kind, String> {
        if self.mirror.is_some() || !self.members.is_empty() || self.projection.is_some() {
            return Err("mirror, members and projection belong to a manifest of kind \"ensemble\"".into());
        }
        let missing = |field: &str| format!("{field} is missing");
        let input = Input {
            chip: self.chip.ok_or_else(|| missing("chip"))?,
            channels: self.channels.ok_or_else(|| missing("channels"))?,
            mean: self.mean.ok_or_else(|| missing("mean"))?,
            scale: self.scale.ok_or_else(|| missing("scale"))?,
        };
        if !input.mean.iter().all(|mean| mean.is_finite()) {
            return Err(format!("mean is {:?}", input.mean));
        }
        if !input.scale.is_normal() {
            return Err(format!("scale is {}", input.scale));
        }
        if self.weights.is_none() && runtime != Runtime::StandIn {
            return Err(missing("[weights]"));
        }
        Ok(Kind::Network(Network { runtime, input, weights: self.weights.clone() }))
    }

    fn ensemble(&self, find: &dyn Fn(&str) -> Result<Model, EncoderError>) -> Result<Kind, Invalid> {
        let refused = |reason: String| Err(Invalid::Reason(reason));
        let of_network = [
            ("chip", self.chip.is_some()),
            ("channels", self.channels.is_some()),
            ("mean", self.mean.is_some()),
            ("scale", self.scale.is_some()),
            ("[weights]", self.weights.is_some()),
            ("[detector]", self.detector.is_some()),
        ];
        if let Some((field, _)) = of_network.iter().find(|(_, given)| *given) {
            return refused(format!("{field} belongs to the members, not to the ensemble"));
        }
        let mut members = Vec::new();
        for MemberEntry { model: name, fingerprint, weight } in &self.members {
            let model = find(name).map_err(|error| Invalid::Member(name.clone(), error))?;
            if model.fingerprint() != *fingerprint {
                return refused(format!(
                    "member {name} has the fingerprint {}, expected {fingerprint}: it is another model, or of an earlier pipeline; \
                     fuse the models again",
                    model.fingerprint()
                ));
            }
            members.push(Member { model, weight: *weight });
        }
        let projection = self.projection.clone().map(|weights| Projection { weights, embedded: None });
        let ensemble = Ensemble { members, mirror: self.mirror.unwrap_or(false), projection };
        ensemble.check(self.dimension).map_err(Invalid::Reason)?;
        Ok(Kind::Ensemble(ensemble))
    }
}

/// Why a manifest does not describe a model.
enum Invalid {
    /// What is wrong with the manifest itself.
    Reason(String),
    /// The member with this name could not be found or read.
    Member(String, EncoderError),
}

/// An error of a manifest as one line: ``line 3, `chips = "a"`: unknown field ...``.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => {
            let number = before.matches('\n').count();
            let line: String = text.lines().nth(number).unwrap_or_default().trim().chars().take(80).collect();
            format!("line {}, `{line}`: {message}", number + 1)
        }
        None => message,
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
