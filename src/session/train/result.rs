//! The files of a training: manifest, weights, curves, report.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::fuse::{self, people_of};
use super::super::replacement::replace;
use super::TrainRequest;
use super::start::Start;
use crate::encoder::graph::to_bytes;
use crate::encoder::{Ensemble, Kind, Manifest, Matrix, Model, Network as Encoder, Runtime, Weights};
use crate::fit::{Line, Measured};
use crate::number::plural;
use crate::reply::{ModelInfo, ModelTrained, VERSION};
use crate::report::training_curve;
use crate::session::error::{Result, SessionError};
use crate::train::architecture::{Network, PROJECTION};
use crate::train::course::Epoch;
use crate::train::{Backbone, Options};

/// The checkpoint in the folder.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// The path of the manifest: `NAME.toml` in the folder, whose name is that of the model.
///
/// # Errors
/// The folder has no name for a model, or contains a trained model.
pub(super) fn manifest(out: &Path) -> Result<PathBuf> {
    let refused = |reason: String| Err(SessionError::Input(format!("{}: {reason}", out.display())));
    let Some(name) = out.file_name().and_then(|name| name.to_str()) else {
        return refused("the folder has no name that can be that of a model".into());
    };
    if let Err(reason) = Model::check_imported_name(name) {
        return refused(format!("the model has the name of its folder: {reason}"));
    }
    let path = out.join(format!("{name}.toml"));
    if path.exists() {
        return refused("this training is complete; name another folder for another one".into());
    }
    Ok(path)
}

/// Writes `curve.jsonl`, one epoch per line, and `curve.svg`.
pub(super) fn write_curves(out: &Path, options: &Options, epochs: &[Epoch]) -> Result<()> {
    let lines = epochs.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|error| SessionError::Input(error.to_string()))?;
    put(&out.join("curve.jsonl"), format!("{}\n", lines.join("\n")).as_bytes())?;
    if let Some(chart) = training_curve(options.loss.name(), epochs) {
        put(&out.join("curve.svg"), chart.file().as_bytes())?;
    }
    Ok(())
}

pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |file| file.write_all(bytes).map_err(SessionError::io(path, "writing it")))?.finish()
}

/// A training that has ended.
pub(super) struct Made<'a> {
    pub request: &'a TrainRequest,
    pub network: &'a Network,
    /// Photos and people that it was trained with.
    pub parts: [usize; 2],
    /// Photos and people of the report.
    pub report: [usize; 2],
    /// The start and the result.
    pub lines: [Option<Measured>; 2],
    /// The measured threshold, with the photos and people that it follows from.
    pub threshold: Option<(f32, [usize; 2])>,
    pub epochs: &'a [Epoch],
    pub best: usize,
}

impl Made<'_> {
    /// Writes the model and the report.
    ///
    /// # Errors
    /// The disk failed.
    pub fn write(self, manifest: &Path, start: Start) -> Result<ModelTrained> {
        let described = self.described(&start);
        let model = match start.backbone() {
            Backbone::Head => self.write_head(manifest, described, &start)?,
            Backbone::Small | Backbone::Mobilefacenet => self.write_network(manifest, described, &start)?,
        };
        let lines: Vec<Line> = self.lines.into_iter().flatten().map(|measured| measured.line).collect();
        let made = ModelTrained {
            version: VERSION,
            manifest: manifest.to_string_lossy().into_owned(),
            model: ModelInfo::from(&model),
            options: self.request.options.clone(),
            trained_with: self.parts,
            reported_on: self.report,
            epochs: self.epochs.to_vec(),
            best: self.best,
            lines,
        };
        let json =
            serde_json::to_vec_pretty(&made).map_err(|error| SessionError::Input(error.to_string()))?;
        put(&self.request.out.join("report.json"), &json)?;
        Ok(made)
    }

    /// The model without its files.
    fn described(&self, start: &Start) -> Model {
        let Options { loss, backbone, dimension, .. } = &self.request.options;
        let base = &start.stored;
        let [photos, people] = self.parts;
        let from = match backbone {
            Backbone::Small => "random weights".into(),
            Backbone::Head | Backbone::Mobilefacenet => format!("{} ({})", base.name, base.provenance),
        };
        let of_start = match backbone {
            Backbone::Small => "that of the photos it was trained with, which is not stated".into(),
            Backbone::Head | Backbone::Mobilefacenet => {
                format!("{}; and that of the photos it was trained with, which is not stated", base.licence)
            }
        };
        let mut caveats = match backbone {
            Backbone::Small => Vec::new(),
            Backbone::Head | Backbone::Mobilefacenet => base.caveats.clone(),
        };
        caveats.push(format!(
            "Trained with {} of {}; measured on other people of the same set only.",
            plural(photos as u64, "photo"),
            people_of(people)
        ));
        let (threshold, threshold_basis) = self.threshold(base);
        Model {
            name: self.name(),
            dimension: *dimension,
            threshold,
            threshold_basis,
            licence: self.request.licence.clone().unwrap_or(of_start),
            provenance: format!(
                "trained by `gallerist train --loss {} --backbone {}` with {} of {} of {}, from {from}",
                loss.name(),
                backbone.name(),
                plural(photos as u64, "photo"),
                people_of(people),
                self.set(),
            ),
            caveats,
            ..start.model.clone()
        }
    }

    /// The threshold, and what it follows from. That of another model is right only if the start was kept.
    fn threshold(&self, base: &Model) -> (f32, String) {
        let Options { backbone, dimension, .. } = self.request.options;
        let kept_start = self.best == 0 && backbone != Backbone::Small && dimension == base.dimension;
        match self.threshold {
            Some((threshold, [photos, people])) => {
                let (photos, people) = (plural(photos as u64, "photo"), people_of(people));
                let set = self.set();
                let basis =
                    format!("FMR 1e-4 on {photos} of {people} of {set} who were not used for the training");
                (threshold, basis)
            }
            None if kept_start => {
                (base.threshold, format!("that of {}, from which nothing changed", base.name))
            }
            None => {
                let why = "too few people with several photos to measure it, or photos of one person under two names";
                (1.0, format!("nothing matches before `gallerist calibrate`: {why}"))
            }
        }
    }

    /// The name of the data.
    fn set(&self) -> String {
        self.request.data.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn name(&self) -> String {
        self.request.out.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A head is the projection of an ensemble. If the samples were projected templates of a gallery, the two projections become one.
    fn write_head(&self, manifest: &Path, model: Model, start: &Start) -> Result<Model> {
        let projection = self.network.tensors.get(PROJECTION);
        let projection =
            projection.ok_or_else(|| SessionError::Input("the head has no projection".into()))?;
        let matrix = match start.projection_of_samples() {
            Some(earlier) => earlier.multiplied_by(&projection.values),
            None => Matrix::new(projection.shape[1], projection.values.clone()),
        };
        let ensemble = start.ensemble().cloned().unwrap_or(Ensemble {
            members: Vec::new(),
            mirror: false,
            projection: None,
        });
        let model = Model { kind: Kind::Ensemble(ensemble), ..model };
        let bytes = matrix.to_bytes().map_err(SessionError::Input)?;
        fuse::write((manifest, &start.members), &model, Some(&bytes))
    }

    fn write_network(&self, manifest: &Path, model: Model, start: &Start) -> Result<Model> {
        let input =
            self.network.input.ok_or_else(|| SessionError::Input("the network has no input".into()))?;
        let bytes =
            to_bytes(&self.network.description, &self.network.tensors).map_err(SessionError::Input)?;
        let file = PathBuf::from(format!("{}.safetensors", self.name()));
        let weights = Weights::of(file.clone(), &bytes);
        let network = Encoder { runtime: Runtime::Graph, input, weights: Some(weights) };
        let detector = start.model.detector.clone();
        let model = Model { kind: Kind::Network(network.clone()), detector, ..model };
        let text = toml::to_string(&Manifest::of_network(&model, &network))
            .map_err(|error| SessionError::Input(error.to_string()))?;
        put(&self.request.out.join(file), &bytes)?;
        put(manifest, text.as_bytes())?;
        Ok(Model::from_manifest(manifest)?)
    }
}
