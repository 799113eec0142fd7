//! Encoders: the built-in networks, and TorchScript models of users.

use std::path::Path;

use tch::{CModule, Device, Kind, TchError, Tensor};

use super::failure;
use super::graph::{Network, parse};
use super::pool::{Handle, Pool};
use gallerist::encoder::graph::{self, Shape};
use gallerist::encoder::{ChannelOrder, Encoder, EncoderError, Model};
use gallerist::face::{Crop, NetworkError};
use gallerist::template::Template;

/// Crops per network call. A larger batch is not faster and needs more memory.
const BATCH: usize = 32;

/// An encoder with a built-in network: a [`Network`].
pub(super) struct TorchEncoder {
    input: Input,
    network: Pool<Network>,
}

/// An encoder with a TorchScript model of a user.
pub(super) struct ScriptEncoder {
    input: Input,
    module: Pool<Module>,
}

struct Module(std::sync::Arc<CModule>);

impl Handle for Module {
    fn another(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Converts crops to the input of a network, and its output to templates.
struct Input {
    model: Model,
    device: Device,
}

impl TorchEncoder {
    pub fn load(model: &Model, file: &Path, bytes: &[u8], device: Device) -> Result<Self, EncoderError> {
        let network = || -> Result<Network, String> {
            let (descriptions, tensors) = parse(bytes)?;
            let description = descriptions.get("").ok_or("it contains several networks, expected one")?;
            if model.is_graph() {
                let shapes = |name: &str| tensors.get(name).map(Tensor::size);
                let dimensions =
                    graph::check(description, &shapes, [3, i64::from(model.chip.side())])?.outputs;
                let expected = i64::try_from(model.dimension).unwrap_or(i64::MAX);
                let is_vector =
                    |shape: &Shape| shape.iter().fold(1, |product: i64, dim| product * dim.size) == expected;
                if dimensions.len() != 1 || !dimensions.iter().all(is_vector) {
                    return Err(format!("its output is not one vector of {expected} numbers"));
                }
            }
            Network::new(description, &tensors, device)
        };
        let network = network().map_err(|reason| EncoderError::Weights { file: file.into(), reason })?;
        Ok(Self { input: Input { model: model.clone(), device }, network: Pool::new(network) })
    }
}

impl ScriptEncoder {
    pub fn load(model: &Model, mut bytes: &[u8], device: Device) -> Result<Self, EncoderError> {
        let module = CModule::load_data_on_device(&mut bytes, device);
        let module = module.and_then(|mut module| {
            module.f_set_eval()?;
            Ok(module)
        });
        let module = module.map_err(|error| failure(&model.name, &error))?;
        let input = Input { model: model.clone(), device };
        Ok(Self { input, module: Pool::new(Module(std::sync::Arc::new(module))) })
    }
}

impl Encoder for TorchEncoder {
    fn encode(&self, crops: &[Crop]) -> Result<Vec<Template>, NetworkError> {
        self.input.encode(crops, |input| {
            self.network
                .with(|network| network.run(input)?.pop().ok_or_else(|| TchError::Shape("no output".into())))
        })
    }
}

impl Encoder for ScriptEncoder {
    fn encode(&self, crops: &[Crop]) -> Result<Vec<Template>, NetworkError> {
        self.input.encode(crops, |input| {
            // TorchScript models expect the usual order of the axes in memory.
            self.module.with(|module| module.0.forward_ts(&[input.f_contiguous()?]))
        })
    }
}

impl Input {
    fn encode(
        &self,
        crops: &[Crop],
        network: impl Fn(Tensor) -> Result<Tensor, TchError>,
    ) -> Result<Vec<Template>, NetworkError> {
        let side = self.model.chip.side();
        if let Some(odd) =
            crops.iter().find(|c| c.side != side || c.pixels.len() != 3 * (side * side) as usize)
        {
            return Err(self.failed(format!("a crop of {} pixels a side, expected {side}", odd.side)));
        }
        let mut templates = Vec::with_capacity(crops.len());
        for batch in crops.chunks(BATCH) {
            let raw = self.tensor(batch).and_then(&network).and_then(|output| rows(&output));
            let (count, width, raw) = raw.map_err(|error| failure(&self.model.name, &error))?;
            if (count, width) != (batch.len(), self.model.dimension) {
                let expected = (batch.len(), self.model.dimension);
                return Err(self.failed(format!("its output is {:?}, expected {expected:?}", (count, width))));
            }
            for row in raw.chunks(width) {
                let wrong = |error| self.failed(format!("its output is not a template: {error}"));
                templates.push(Template::from_raw(row).map_err(wrong)?);
            }
        }
        Ok(templates)
    }

    /// Shape N, 3, side, side: `(value - mean) * scale`, channels innermost in memory.
    fn tensor(&self, crops: &[Crop]) -> Result<Tensor, TchError> {
        let Model { mean, scale, channels, .. } = &self.model;
        let side = self.model.chip.side() as i64;
        let scale = scale.factors();
        let order = match channels {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        let pixels = crops.iter().flat_map(|crop| crop.pixels.as_chunks::<3>().0);
        let mut values = Vec::with_capacity(crops.len() * 3 * (side * side) as usize);
        for pixel in pixels {
            values.extend([0, 1, 2].map(|i| (f32::from(pixel[order[i]]) - mean[i]) * scale[i]));
        }
        let tensor = Tensor::f_from_slice(&values)?.f_view([crops.len() as i64, side, side, 3])?;
        tensor.f_permute([0, 3, 1, 2])?.f_to_device(self.device)
    }

    fn failed(&self, reason: String) -> NetworkError {
        NetworkError::Failed { model: self.model.name.clone(), reason }
    }
}

/// The number of rows, their length, and the values of an output with N rows.
fn rows(output: &Tensor) -> Result<(usize, usize, Vec<f32>), TchError> {
    let count = output.size().first().copied().unwrap_or(0);
    let flat = output.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    let values = Vec::<f32>::try_from(&flat)?;
    let count = usize::try_from(count).unwrap_or(0);
    Ok((count, values.len().checked_div(count).unwrap_or(0), values))
}
