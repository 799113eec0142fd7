//! The real networks on libtorch. Every program that runs networks includes this module.
//!
//! It uses only fallible calls (`f_*`). Gradients are off in every thread that runs a network. libtorch computes each call with one
//! thread, because the callers run one worker per core.

mod batcher;
mod canvas;
mod cuda;
mod detector;
mod encoder;
mod graph;
pub(crate) mod learner;
mod pool;
pub(crate) mod products;
mod scrfd;
#[allow(unsafe_code)] // one block, explained in that file
mod unsafe_library;

use std::path::PathBuf;
use std::sync::Once;

use detector::{BatchedNetworks, TorchNetworks};
use encoder::{BatchedEncoder, Input, ScriptEncoder, TorchEncoder};
use gallerist::encoder::{
    DetectorFile, Device, Encoder, EncoderError, Loaded, Model, ModelFile, Network, Origin, Runtime,
    models_dir, onnx, weights,
};
use gallerist::face::NetworkError;
use gallerist::face::mtcnn::Mtcnn;
use gallerist::face::scrfd::Scrfd;
use scrfd::TorchScrfd;

/// Verifies and loads the detector and the encoders of some networks.
pub(crate) fn load(
    detector_file: Option<&DetectorFile>,
    networks: &[(&Model, &Network)],
    device: Device,
    trusted: bool,
) -> Result<Loaded, EncoderError> {
    let files = networks.iter().map(|(model, network)| file(model, network, trusted));
    let files: Vec<ModelFile<'_>> = files.collect::<Result<_, _>>()?;
    let bytes = files.iter().map(|file| weights::read(&file.model, &file.path, file.sha256, file.origin));
    let bytes: Vec<Vec<u8>> = bytes.collect::<Result<_, _>>()?;
    let detector = Read::of(detector_file)?;

    let device = choose(device)?;
    let mut encoders: Vec<Box<dyn Encoder>> = Vec::new();
    for ((model, network), (file, bytes)) in networks.iter().zip(files.iter().zip(bytes)) {
        let input = Input::new(model, network, device);
        encoders.push(match network.runtime {
            Runtime::Torchscript => Box::new(ScriptEncoder::load(input, &bytes)?),
            runtime => Box::new(TorchEncoder::load(input, &file.path, &bytes, runtime == Runtime::Graph)?),
        });
    }
    match detector {
        Read::Mtcnn(file, bytes) => {
            let networks = TorchNetworks::load(&file, &bytes, device)?;
            if device.is_cuda() {
                return batched(networks, encoders);
            }
            Ok((Box::new(Mtcnn::new(networks)), encoders))
        }
        Read::Scrfd(file, converted) => {
            let network = TorchScrfd::load(&file, &converted, device)?;
            Ok((Box::new(Scrfd::new(network)), encoders))
        }
    }
}

/// A detector whose file is verified.
enum Read {
    Mtcnn(PathBuf, Vec<u8>),
    Scrfd(DetectorFile, onnx::detector::Converted),
}

impl Read {
    fn of(file: Option<&DetectorFile>) -> Result<Self, EncoderError> {
        if let Some(file) = file {
            return Ok(Self::Scrfd(file.clone(), file.convert()?));
        }
        let own = Model::detector();
        let file = models_dir().join(&own.file);
        let bytes = weights::read("mtcnn", &file, &own.sha256, Origin::Setup)?;
        Ok(Self::Mtcnn(file, bytes))
    }
}

fn file<'a>(model: &'a Model, network: &'a Network, trusted: bool) -> Result<ModelFile<'a>, EncoderError> {
    let Some(weights) = &network.weights else {
        let reason = "the manifest names no weights".into();
        return Err(NetworkError::Failed { model: model.name.clone(), reason }.into());
    };
    let file = ModelFile::new(&model.name, weights, network.runtime.origin());
    if network.runtime == Runtime::Torchscript && !trusted {
        return Err(EncoderError::Untrusted { model: model.name.clone(), file: file.path });
    }
    Ok(file)
}

/// The same networks, run with batches of many photos.
fn batched(networks: TorchNetworks, encoders: Vec<Box<dyn Encoder>>) -> Result<Loaded, EncoderError> {
    let no_thread = |error: std::io::Error| EncoderError::Device {
        device: "cuda",
        reason: format!("no thread could be started for its batches: {error}"),
    };
    let detector = Mtcnn::new(BatchedNetworks::new(networks).map_err(no_thread)?);
    let encoders = encoders.into_iter().map(|encoder| -> Result<Box<dyn Encoder>, _> {
        Ok(Box::new(BatchedEncoder::new(encoder).map_err(no_thread)?))
    });
    Ok((Box::new(detector), encoders.collect::<Result<_, EncoderError>>()?))
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
