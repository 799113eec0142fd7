//! From a [`Model`] to something that runs: verified weights, a device, a detector and an encoder.

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
    /// CUDA if it is there, the CPU otherwise.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device; an error if there is none.
    Cuda,
}

/// A detector and the encoder that goes with it, loaded and ready, to be shared between threads.
pub struct Engine {
    /// Finds faces.
    pub detector: Box<dyn Detector>,
    /// Turns aligned faces into templates.
    pub encoder: Box<dyn Encoder>,
    /// What the encoder is.
    pub model: Model,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("model", &self.model).finish_non_exhaustive()
    }
}

/// Loads a model that is not the stand-in, as [`Engine::load`] says.
pub type Load = fn(&Model, Device, bool) -> Result<Engine, EncoderError>;

static PROVIDED: OnceLock<Load> = OnceLock::new();

impl Engine {
    /// Gives this process what runs real networks. The first call counts.
    pub fn provide(load: Load) {
        let _ = PROVIDED.set(load);
    }

    /// Whether real networks can run in this process.
    pub fn is_provided() -> bool {
        PROVIDED.get().is_some()
    }

    /// Loads `model` and the detector onto `device`. Every file is verified against its SHA-256 first.
    /// `trust_torchscript` allows a [`Kind::Torchscript`] model to run its code.
    ///
    /// # Errors
    /// Nothing runs networks here; weights missing, changed or damaged; a TorchScript model without trust; an unusable
    /// device.
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
    fn the_stand_in_needs_nothing() {
        let engine = Engine::load(&Model::named("stand-in").unwrap(), Device::Auto, false).unwrap();
        assert_eq!(engine.model.dimension, 64);
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&engine);
    }
}
