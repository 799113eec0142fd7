//! The network of an SCRFD detector on libtorch. The user's ONNX file is verified and converted whenever it is loaded.
//!
//! Photos are not joined to batches, also not on CUDA devices.

use tch::{Device, Kind, TchError, Tensor};

use super::failure;
use super::graph::{Network, parse};
use super::pool::Pool;
use gallerist::encoder::onnx::detector::{Converted, STRIDES};
use gallerist::encoder::{DetectorFile, EncoderError};
use gallerist::face::NetworkError;
use gallerist::face::mtcnn::Pictures;
use gallerist::face::scrfd::{self, Level};

/// The network of a detector, and the size of its picture.
pub(super) struct TorchScrfd {
    name: String,
    network: Pool<Network>,
    size: [usize; 2],
    anchors: usize,
    /// Bytes of the values that exist at one time.
    memory: usize,
    device: Device,
}

impl TorchScrfd {
    pub fn load(file: &DetectorFile, converted: &Converted, device: Device) -> Result<Self, EncoderError> {
        let network = || -> Result<Network, String> {
            let (descriptions, tensors) = parse(&converted.bytes)?;
            let description = descriptions.get("").ok_or("it contains several networks, expected one")?;
            Network::new(description, &tensors, device)
        };
        let network =
            network().map_err(|reason| EncoderError::Weights { file: file.weights.file.clone(), reason })?;
        let numbers = usize::try_from(converted.plan.activations).unwrap_or(usize::MAX);
        Ok(Self {
            name: file.name(),
            network: Pool::new(network),
            size: [converted.height, converted.width],
            anchors: converted.anchors,
            memory: numbers.saturating_mul(size_of::<f32>()),
            device,
        })
    }
}

impl scrfd::Network for TorchScrfd {
    fn size(&self) -> [usize; 2] {
        self.size
    }

    fn anchors(&self) -> usize {
        self.anchors
    }

    fn run(&self, picture: &Pictures) -> Result<[Level; 3], NetworkError> {
        // libtorch ends the process when an allocation fails.
        if Vec::<u8>::new().try_reserve_exact(self.memory).is_err() {
            let reason = format!("out of memory: cannot allocate {} bytes", self.memory);
            return Err(NetworkError::Library { model: self.name.clone(), reason });
        }
        let outputs = self.network.with(|network| {
            let shape = [1, picture.height as i64, picture.width as i64, 3];
            let input = Tensor::f_from_slice(&picture.values)?.f_view(shape)?.f_permute([0, 3, 1, 2])?;
            let outputs = network.run(input.f_to_device(self.device)?)?;
            outputs.iter().map(values).collect::<Result<Vec<_>, _>>()
        });
        let outputs = outputs.map_err(|error| failure(&self.name, &error))?;
        let level = |stride: usize| {
            let output =
                |kind: usize| outputs.get(STRIDES.len() * kind + stride).cloned().unwrap_or_default();
            Level { scores: output(0), boxes: output(1), points: output(2) }
        };
        Ok([0, 1, 2].map(level))
    }
}

/// The values of the tensor in the order of its indices.
fn values(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let flat = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    Vec::<f32>::try_from(&flat)
}
