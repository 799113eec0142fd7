//! The networks of a request or a gallery.

use std::sync::OnceLock;

use super::error::{Result, SessionError};
use crate::encoder::{DetectorFile, Device, EncoderError, Engine, Model};
use crate::face::DetectOptions;
use crate::image::Limits;
use crate::ingest::Options;
use crate::reply::{EngineRequest, PhotoRequest};
use crate::template::Binding;

#[derive(Debug)]
enum Wanted {
    /// The model that a gallery is bound to.
    OfGallery(Binding),
    /// The requested model, or the best available one.
    OfRequest,
    /// This one.
    Given(Box<Model>),
}

/// Networks that are loaded when they are first used.
#[derive(Debug)]
pub struct Networks {
    request: EngineRequest,
    /// The model that is loaded.
    wanted: Wanted,
    loaded: OnceLock<Engine>,
}

impl Networks {
    /// The networks of the model that a gallery is bound to.
    pub fn of_gallery(request: EngineRequest, binding: &Binding) -> Self {
        Self { request, wanted: Wanted::OfGallery(binding.clone()), loaded: OnceLock::new() }
    }

    /// The networks of the requested model, or of the best available one.
    pub fn of_request(request: EngineRequest) -> Self {
        Self { request, wanted: Wanted::OfRequest, loaded: OnceLock::new() }
    }

    /// The networks of a model. The model of the request is ignored.
    pub fn of_model(request: EngineRequest, model: Model) -> Self {
        Self { request, wanted: Wanted::Given(Box::new(model)), loaded: OnceLock::new() }
    }

    /// The requested device.
    pub fn device(&self) -> Device {
        self.request.device
    }

    /// The networks. The first call loads them.
    ///
    /// # Errors
    /// As [`load_for`] and [`load`].
    pub fn engine(&self) -> Result<&Engine> {
        if let Some(engine) = self.loaded.get() {
            return Ok(engine);
        }
        let loaded = match &self.wanted {
            Wanted::OfGallery(binding) => load_for(&self.request, binding)?,
            Wanted::OfRequest => load(&self.request, &chosen(&self.request)?)?,
            Wanted::Given(model) => load(&self.request, model)?,
        };
        Ok(self.loaded.get_or_init(|| loaded))
    }
}

/// The requested model, or the best available one, with the requested detector.
///
/// # Errors
/// There is no such model; the file of the detector is refused.
pub fn chosen(request: &EngineRequest) -> Result<Model> {
    let model =
        request.model.as_deref().map(Model::find).transpose()?.unwrap_or_else(Model::default_available);
    with_detector(model, request, None)
}

/// The model with the requested detector, otherwise with the installed one of this name, otherwise with its own.
fn with_detector(model: Model, request: &EngineRequest, name: Option<&str>) -> Result<Model> {
    Ok(match (&request.detector, name) {
        (Some(file), _) => model.with_detector(DetectorFile::open(file, request.accept_licence)?),
        (None, Some(name)) => model.with_detector(DetectorFile::installed(name)?),
        (None, None) => model,
    })
}

/// Loads the networks of a model.
///
/// # Errors
/// As [`Engine::load`].
pub fn load(request: &EngineRequest, model: &Model) -> Result<Engine> {
    Ok(Engine::load(model, request.device, request.trust_model_code)?)
}

/// Loads the networks of the model that a gallery is bound to.
///
/// # Errors
/// The gallery contains templates of another program; its model is neither built in nor imported and the request names none; the requested model or
/// detector is another one; its detector is not there; as [`Engine::load`].
pub fn load_for(request: &EngineRequest, binding: &Binding) -> Result<Engine> {
    if binding.is_external() {
        return Err(SessionError::ExternalTemplates);
    }
    let (name, detector) = Model::split(&binding.model);
    let complete = |model: Model| with_detector(model, request, detector);
    let model = match &request.model {
        Some(name) => complete(Model::find(name)?)?,
        None => {
            let named = Model::named(name).map_or_else(|| Model::imported(name), |model| Ok(Some(model)))?;
            let named = named.map(complete).transpose()?;
            let is_same = |model: &Model| model.fingerprint() == binding.fingerprint;
            let same = match named.as_ref().is_some_and(is_same) {
                true => None,
                // It may be imported here under another name.
                false => imported().filter_map(|model| complete(model).ok()).find(is_same),
            };
            same.or(named).ok_or_else(|| SessionError::NoManifest(binding.describe()))?
        }
    };
    model.require_for(binding)?;
    load(request, &model)
}

/// The imported models whose manifests can be read.
fn imported() -> impl Iterator<Item = Model> {
    Model::imported_names().into_iter().filter_map(|name| Model::imported(&name).ok().flatten())
}

/// Checks that the networks of a gallery's model can run in this process. Templates of another program need none.
///
/// # Errors
/// [`EncoderError::NoNetworks`].
pub fn require_for(binding: &Binding) -> Result<()> {
    let is_real = |model: Model| !model.is_stand_in();
    if Engine::is_provided()
        || binding.is_external()
        || !Model::named(Model::split(&binding.model).0).is_none_or(is_real)
    {
        return Ok(());
    }
    Err(EncoderError::NoNetworks { model: binding.model.clone() }.into())
}

/// The options of the pipeline for a request.
///
/// # Errors
/// A field is outside its range.
pub fn options(request: &PhotoRequest) -> Result<Options> {
    let defaults = Options::default();
    let refused = |field, reason: String| Err(SessionError::Request { field, reason });
    if let Some(pixels) = request.min_face.filter(|pixels| !(12.0..=10_000.0).contains(pixels)) {
        return refused("min_face", format!("expected 12 to 10000 pixels, got {pixels}"));
    }
    if request.min_quality > 100 {
        return refused("min_quality", format!("expected 0 to 100, got {}", request.min_quality));
    }
    if request.workers == Some(0) {
        return refused("workers", "expected at least 1, got 0".into());
    }
    Ok(Options {
        faces: request.faces,
        detect: request
            .min_face
            .map_or_else(DetectOptions::default, |min_face| DetectOptions { min_face, min_share: 0.0 }),
        min_quality: request.min_quality,
        single_face: request.single_face,
        measure_authenticity: false,
        keep_aligned: false,
        limits: Limits {
            pixels: request.max_pixels.unwrap_or(defaults.limits.pixels),
            file_bytes: request.max_file.unwrap_or(defaults.limits.file_bytes),
            memory: request.max_memory.unwrap_or(defaults.limits.memory),
        },
        workers: request.workers.map_or(defaults.workers, usize::from),
    })
}
