//! The network that a training starts from.

use std::path::Path;
use std::time::Duration;

use super::super::fuse::side_by_side;
use super::TrainRequest;
use super::encoded::{Encoded, MadeWith};
use crate::encoder::graph::parse;
use crate::encoder::{Ensemble, Kind, Matrix, Model, Network as Encoder, Runtime, models_dir, weights};
use crate::face::Chip;
use crate::fit::{Photo, principal_components};
use crate::gallery::{Access, Gallery};
use crate::session::error::{Result, SessionError};
use crate::session::probes::is_vectors;
use crate::template::Binding;
use crate::train::architecture::{self, Network};
use crate::train::{Backbone, Inputs, Options, Samples};
use crate::vectors::VectorFile;

/// Where a training starts.
#[derive(Debug)]
pub(super) struct Start {
    /// The model that encodes the samples, or aligns them: of a head the models side by side.
    pub model: Model,
    /// The model as the user named it.
    pub stored: Model,
    /// Names or paths of the models, for the manifest of a head.
    pub members: Vec<String>,
    /// The projection of a head that the named model has.
    projection: Option<Matrix>,
    /// Whether the samples are stored templates of the model: these are projected already.
    are_stored: bool,
    backbone: Backbone,
}

/// Whether a model aligns faces as a small network needs them.
fn is_aligned(model: &Model) -> bool {
    model.chips().contains(&Chip::ARCFACE_112)
}

fn refused<T>(reason: impl Into<String>) -> Result<T> {
    Err(SessionError::Input(reason.into()))
}

impl Start {
    /// # Errors
    /// A model does not exist, or cannot be the start of the backbone.
    pub fn new(request: &TrainRequest) -> Result<Self> {
        let models = request.models.iter().map(|name| Model::find(name)).collect::<Result<Vec<_>, _>>()?;
        match request.options.backbone {
            Backbone::Head => Self::head(request, models),
            Backbone::Small => {
                // The model only finds and aligns faces. That of a gallery finds them where they were found before.
                let of_gallery = || Origin::of(&request.data).ok()?.model().ok()?.filter(is_aligned);
                let model =
                    models.into_iter().next().or_else(of_gallery).unwrap_or_else(Model::default_available);
                if !is_aligned(&model) {
                    return refused(format!(
                        "{}: small needs a model with the alignment {}",
                        model.name,
                        Chip::ARCFACE_112
                    ));
                }
                Ok(Self::of(model, Backbone::Small))
            }
            Backbone::Mobilefacenet => {
                let model = match models.into_iter().next() {
                    Some(model) => model,
                    None => Model::find("mobilefacenet-192")?,
                };
                Ok(Self::of(model, Backbone::Mobilefacenet))
            }
        }
    }

    fn of(model: Model, backbone: Backbone) -> Self {
        let stored = model.clone();
        Self { model, stored, members: Vec::new(), projection: None, are_stored: false, backbone }
    }

    fn head(request: &TrainRequest, mut models: Vec<Model>) -> Result<Self> {
        let origin = Origin::of(&request.data)?;
        if models.is_empty() {
            models.push(origin.model()?.unwrap_or_else(Model::default_available));
        }
        let mut members = request.models.clone();
        let mut projection = None;
        let model = match (&models[..], models.first().map(|model| model.kind.clone())) {
            ([only], Some(Kind::Ensemble(ensemble))) => {
                members = ensemble.members.iter().map(|member| member.model.name.clone()).collect();
                if let Some(missing) = members.iter().find(|name| Model::find(name).is_err()) {
                    return refused(format!(
                        "{}: its member {missing} is not an installed model; name the manifests of its members instead",
                        only.name
                    ));
                }
                projection = Matrix::of_model(only)?;
                let plain = Ensemble { projection: None, ..ensemble };
                Model { dimension: plain.components(), kind: Kind::Ensemble(plain), ..only.clone() }
            }
            (several, _) => {
                if members.is_empty() {
                    members = several.iter().map(|model| model.name.clone()).collect();
                }
                side_by_side("side by side", several.to_vec(), false)?
            }
        };
        let stored = if models.len() == 1 { models.remove(0) } else { model.clone() };
        let are_stored = match &origin {
            Origin::Gallery(_) => true,
            // Several networks side by side have no projection.
            Origin::Vectors { dimension, .. } => *dimension == stored.dimension,
            Origin::Photos => false,
        };
        if matches!(origin, Origin::Gallery(_)) || (are_stored && request.models.len() < 2) {
            origin.require(request, &stored)?;
        }
        Ok(Self { model, stored, members, projection, are_stored, backbone: Backbone::Head })
    }

    /// Components of a sample of a head.
    pub fn components(&self) -> usize {
        if self.are_stored { self.stored.dimension } else { self.model.dimension }
    }

    /// The members of a head, with their weights.
    pub fn ensemble(&self) -> Option<&Ensemble> {
        match &self.model.kind {
            Kind::Ensemble(ensemble) if self.backbone == Backbone::Head => Some(ensemble),
            _ => None,
        }
    }

    /// What is trained.
    pub fn backbone(&self) -> Backbone {
        self.backbone
    }

    /// The projection that was applied to the samples, if they are stored templates.
    pub fn projection_of_samples(&self) -> Option<&Matrix> {
        self.projection.as_ref().filter(|_| self.are_stored)
    }

    /// The network of the start. A head without a projection of this size starts with the principal components of the samples to train with.
    ///
    /// # Errors
    /// The dimension does not fit; the weights cannot be read.
    pub fn network(&self, options: &Options, training: &Samples) -> Result<Network> {
        match (self.backbone, &training.inputs) {
            (Backbone::Head, Inputs::Vectors { dimension, values }) => {
                if options.dimension > *dimension {
                    return refused(format!(
                        "dimension is {}, but the vectors have {dimension} components; a head has at most as many",
                        options.dimension
                    ));
                }
                let size = [options.dimension, *dimension];
                if let Some(matrix) =
                    self.projection.as_ref().filter(|matrix| !self.are_stored && matrix.size() == size)
                {
                    return Ok(architecture::head(matrix.values().to_vec(), size));
                }
                let photo = |row: &[f32]| Photo { person: String::new(), vector: row.to_vec() };
                let photos: Vec<Photo> = values.chunks(*dimension).map(photo).collect();
                Ok(architecture::head(principal_components(&photos, options.dimension), size))
            }
            (Backbone::Small, _) => Ok(architecture::small(options.dimension, options.seed)),
            _ => fine_tuned(&self.model, options),
        }
    }
}

/// Where the samples of a head come from.
enum Origin {
    /// A gallery of this model.
    Gallery(MadeWith),
    /// A file of vectors, of this model if it is known.
    Vectors { dimension: usize, made_with: Option<MadeWith> },
    /// Photos, or a stream of vectors.
    Photos,
}

impl Origin {
    /// # Errors
    /// The gallery or the files cannot be read.
    fn of(path: &Path) -> Result<Self> {
        if Gallery::is_at(path) {
            let gallery = Gallery::open_with(path, Access::ReadOnly, Duration::ZERO)?;
            let Binding { model, fingerprint, .. } = gallery.binding().clone();
            return Ok(Self::Gallery(MadeWith { model, fingerprint }));
        }
        if let Some(encoded) = Encoded::at(path) {
            return Ok(Self::Vectors { dimension: encoded.dimension()?, made_with: encoded.made_with()? });
        }
        if path.is_file() && is_vectors(path) {
            return Ok(Self::Vectors { dimension: VectorFile::open(path)?.dimension, made_with: None });
        }
        Ok(Self::Photos)
    }

    fn made_with(&self) -> Option<&MadeWith> {
        match self {
            Self::Gallery(made_with) => Some(made_with),
            Self::Vectors { made_with, .. } => made_with.as_ref(),
            Self::Photos => None,
        }
    }

    /// The model of the templates, if it is known.
    ///
    /// # Errors
    /// It is not installed.
    fn model(&self) -> Result<Option<Model>> {
        Ok(self.made_with().map(|made_with| Model::find(&made_with.model)).transpose()?)
    }

    /// Requires that the templates are of the model that a head is made for.
    fn require(&self, request: &TrainRequest, stored: &Model) -> Result<()> {
        match self.made_with() {
            Some(MadeWith { model, fingerprint }) if *fingerprint != stored.fingerprint() => {
                refused(format!(
                    "{}: its templates are of model {model} (fingerprint {}...), the head is for {}; name that model, or the folder of the \
                 photos",
                    request.data.display(),
                    fingerprint.get(..12).unwrap_or_default(),
                    stored.name
                ))
            }
            _ => Ok(()),
        }
    }
}

/// A network with the weights of a model.
fn fine_tuned(model: &Model, options: &Options) -> Result<Network> {
    let Kind::Network(encoder) = &model.kind else {
        return refused(format!("{} is an ensemble; name one network to fine-tune", model.name));
    };
    let Encoder { runtime: Runtime::Builtin | Runtime::Graph, weights: Some(file), input } = encoder else {
        return refused(format!(
            "{}: only networks whose file is a list of operations can be fine-tuned: built-in and imported ones",
            model.name
        ));
    };
    if options.dimension != model.dimension {
        return refused(format!(
            "{} has {} components; a fine-tuning does not change them, got dimension {}",
            model.name, model.dimension, options.dimension
        ));
    }
    let path = models_dir().join(&file.file);
    let bytes = weights::read(&model.name, &path, &file.sha256, encoder.runtime.origin())?;
    let wrong = |reason: String| SessionError::Input(format!("{}: {reason}", path.display()));
    let (mut networks, tensors) = parse(&bytes).map_err(&wrong)?;
    let description = match networks.len() {
        1 => networks.drain().next().map(|(_, network)| network),
        _ => None,
    };
    let description = description.ok_or_else(|| wrong("it contains several networks".into()))?;
    Ok(Network { description, tensors, normalised: Vec::new(), input: Some(*input) })
}
