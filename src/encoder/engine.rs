//! Loading a [`Model`]: verifies the weights, chooses the device and creates detector and encoder.

use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::model::{Kind, Model};
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

/// A function that loads a model other than the stand-in; see [`Engine::load`].
pub type Load = fn(&Model, Device, bool) -> Result<Engine, EncoderError>;

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
    /// `trust_torchscript` permits a [`Kind::Torchscript`] model to run its code.
    ///
    /// # Errors
    /// This process cannot run networks; weights are missing, changed or damaged; a TorchScript model is not trusted; the device is not
    /// usable.
    pub fn load(model: &Model, device: Device, trust_torchscript: bool) -> Result<Self, EncoderError> {
        if model.kind == Kind::StandIn {
            return Ok(Self {
                detector: Box::new(StandInDetector),
                encoder: Box::new(StandInEncoder { dimension: model.dimension }),
                model: model.clone(),
            });
        }
        let no_networks = || EncoderError::NoNetworks { model: model.name.clone() };
        PROVIDED.get().ok_or_else(no_networks)?(model, device, trust_torchscript)
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
