//! Loading a [`Model`]: verifies the weights, chooses the device and creates detector and encoder.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::ensemble::EnsembleEncoder;
use super::model::{DetectorFile, Kind, Model, Network};
use super::stand_in::{StandInDetector, StandInEncoder};
use super::{Encoder, EncoderError};
use crate::face::Detector;

/// Where networks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// CUDA if it is available, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device. An error if there is none.
    Cuda,
}

/// A detector and the encoder that goes with it, loaded. Threads share one engine.
pub struct Engine {
    /// Finds faces.
    pub detector: Box<dyn Detector>,
    /// Turns aligned faces into templates.
    pub encoder: Box<dyn Encoder>,
    /// The model of the encoder.
    pub model: Model,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("model", &self.model).finish_non_exhaustive()
    }
}

/// A function that loads the detector, the built-in one if none is given, and the encoders of some networks, none of them the stand-in; see
/// [`Engine::load`].
pub type Load =
    fn(Option<&DetectorFile>, &[(&Model, &Network)], Device, bool) -> Result<Loaded, EncoderError>;

/// A detector, and the encoders of networks in the order in which they were requested.
pub type Loaded = (Box<dyn Detector>, Vec<Box<dyn Encoder>>);

static PROVIDED: OnceLock<Load> = OnceLock::new();

impl Engine {
    /// Registers the function that loads real networks. Only the first call has an effect.
    pub fn provide(load: Load) {
        let _ = PROVIDED.set(load);
    }

    /// Whether this process can run real networks.
    pub fn is_provided() -> bool {
        PROVIDED.get().is_some()
    }

    /// Loads `model` and the detector onto `device`. Verifies the SHA-256 of every file first.
    /// `trust_torchscript` permits a [`Runtime::Torchscript`](super::Runtime::Torchscript) network to run its code.
    ///
    /// # Errors
    /// This process cannot run networks; weights are missing, changed or damaged; a TorchScript model is not trusted; the device is not
    /// usable.
    pub fn load(model: &Model, device: Device, trust_torchscript: bool) -> Result<Self, EncoderError> {
        let networks = model.networks();
        let (detector, mut encoders) = if model.is_stand_in() {
            let encoder = |(model, _): &(&Model, _)| {
                Box::new(StandInEncoder { dimension: model.dimension }) as Box<dyn Encoder>
            };
            (Box::new(StandInDetector) as Box<dyn Detector>, networks.iter().map(encoder).collect())
        } else {
            let no_networks = || EncoderError::NoNetworks { model: model.name.clone() };
            PROVIDED.get().ok_or_else(no_networks)?(
                model.detector.as_ref(),
                &networks,
                device,
                trust_torchscript,
            )?
        };
        let encoder = match &model.kind {
            Kind::Network(_) => encoders.remove(0),
            Kind::Ensemble(ensemble) => Box::new(EnsembleEncoder::new(model, ensemble, encoders)?),
        };
        Ok(Self { detector, encoder, model: model.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_loads_without_files() {
        let engine = Engine::load(&Model::named("stand-in").unwrap(), Device::Auto, false).unwrap();
        assert_eq!(engine.model.dimension, 64);
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&engine);
    }
}
