//! The real networks on libtorch. Every program that runs networks includes this module.
//!
//! It uses only fallible calls (`f_*`). Gradients are off in every thread that runs a network. libtorch computes each call with one
//! thread, because the callers run one worker per core.

mod cuda;
mod detector;
mod encoder;
mod graph;
mod pool;
#[allow(unsafe_code)] // one block, explained in that file
mod unsafe_library;

use std::sync::Once;

use detector::TorchNetworks;
use encoder::{ScriptEncoder, TorchEncoder};
use gallerist::encoder::{Device, Encoder, EncoderError, Engine, Kind, Model, models_dir, weights};
use gallerist::face::NetworkError;
use gallerist::face::mtcnn::Mtcnn;

/// Verifies and loads the networks of a model.
pub(crate) fn load(model: &Model, device: Device, trusted: bool) -> Result<Engine, EncoderError> {
    let (file, sha256) = match (&model.weights, model.weights_file()) {
        (Some(weights), Some(file)) => (file, weights.sha256.as_str()),
        _ => {
            let reason = "the manifest names no weights".into();
            return Err(NetworkError::Failed { model: model.name.clone(), reason }.into());
        }
    };
    if model.kind == Kind::Torchscript && !trusted {
        return Err(EncoderError::Untrusted { model: model.name.clone(), file });
    }
    let detector = Model::detector();
    let detector_file = models_dir().join(&detector.file);
    let bytes = weights::read(&model.name, &file, sha256)?;
    let detector_bytes = weights::read("mtcnn", &detector_file, &detector.sha256)?;

    let device = choose(device)?;
    let encoder: Box<dyn Encoder> = match model.kind {
        Kind::Torchscript => Box::new(ScriptEncoder::load(model, &bytes, device)?),
        _ => Box::new(TorchEncoder::load(model, &file, &bytes, device)?),
    };
    let networks = TorchNetworks::load(&detector_file, &detector_bytes, device)?;
    Ok(Engine { detector: Box::new(Mtcnn::new(networks)), encoder, model: model.clone() })
}

/// Chooses the device and the number of threads, before any other call to libtorch. Logged once per process.
fn choose(device: Device) -> Result<tch::Device, EncoderError> {
    static THREADS: Once = Once::new();
    static LOGGED: Once = Once::new();
    let cuda = (device != Device::Cpu).then(cuda::state);
    THREADS.call_once(|| tch::set_num_threads(1));
    let chosen = match (device, cuda) {
        (_, Some(cuda::State::Ready { .. })) => tch::Device::Cuda(0),
        (Device::Cuda, Some(state)) => {
            return Err(EncoderError::Device { device: "cuda", reason: state.to_string() });
        }
        _ => tch::Device::Cpu,
    };
    LOGGED.call_once(|| match cuda {
        Some(state) => tracing::info!("networks run on {chosen:?} ({state})"),
        None => tracing::info!("networks run on {chosen:?} (as asked)"),
    });
    Ok(chosen)
}

/// An error of libtorch in one line; the further lines of its messages are a C++ trace. Exceptions of libtorch are separate from outputs
/// with a wrong shape.
fn failure(model: &str, error: &tch::TchError) -> NetworkError {
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or("libtorch failed without a message").to_owned();
    let model = model.to_owned();
    match error {
        tch::TchError::Torch(_) => NetworkError::Library { model, reason },
        _ => NetworkError::Failed { model, reason },
    }
}
