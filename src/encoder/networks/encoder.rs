//! Encoders: the built-in networks, and TorchScript models of users.

use std::path::Path;

use tch::{CModule, Device, Kind, TchError, Tensor};

use super::batcher::Batcher;
use super::failure;
use super::graph::{self, parse};
use super::pool::{Handle, Pool};
use gallerist::encoder::{self, ChannelOrder, Encoder, EncoderError, Model};
use gallerist::face::{Aligned, Crop, NetworkError};
use gallerist::template::Template;

/// Crops per network call. A larger batch is not faster and needs more memory.
const BATCH: usize = 32;
/// The same on a CUDA device.
const LARGE_BATCH: usize = 512;

/// An encoder with a built-in network: a [`graph::Network`].
pub(super) struct TorchEncoder {
    input: Input,
    network: Pool<graph::Network>,
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

/// Converts faces to the input of a network, and its output to templates.
pub(super) struct Input {
    model: String,
    dimension: usize,
    expected: encoder::Input,
    device: Device,
}

impl TorchEncoder {
    /// The network of a user is checked first: shapes, memory and output.
    pub fn load(input: Input, file: &Path, bytes: &[u8], is_of_user: bool) -> Result<Self, EncoderError> {
        let network = || -> Result<graph::Network, String> {
            let (descriptions, tensors) = parse(bytes)?;
            let description = descriptions.get("").ok_or("it contains several networks, expected one")?;
            if is_of_user {
                let shapes = |name: &str| tensors.get(name).map(Tensor::size);
                let side = i64::from(input.expected.chip.side());
                let plan = encoder::graph::check(description, &shapes, [3, side])?;
                plan.require_vector(input.dimension)?;
            }
            graph::Network::new(description, &tensors, input.device)
        };
        let network = network().map_err(|reason| EncoderError::Weights { file: file.into(), reason })?;
        Ok(Self { input, network: Pool::new(network) })
    }
}

impl ScriptEncoder {
    pub fn load(input: Input, mut bytes: &[u8]) -> Result<Self, EncoderError> {
        let module = CModule::load_data_on_device(&mut bytes, input.device);
        let module = module.and_then(|mut module| {
            module.f_set_eval()?;
            Ok(module)
        });
        let module = module.map_err(|error| failure(&input.model, &error))?;
        Ok(Self { input, module: Pool::new(Module(std::sync::Arc::new(module))) })
    }
}

impl Encoder for TorchEncoder {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        self.input.encode(faces, |input| {
            self.network
                .with(|network| network.run(input)?.pop().ok_or_else(|| TchError::Shape("no output".into())))
        })
    }
}

impl Encoder for ScriptEncoder {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        self.input.encode(faces, |input| {
            // TorchScript models expect the usual order of the axes in memory.
            self.module.with(|module| module.0.forward_ts(&[input.f_contiguous()?]))
        })
    }
}

/// An encoder that is run with batches of the faces of many threads.
pub(super) struct BatchedEncoder(Batcher<Aligned, Template>);

impl BatchedEncoder {
    /// # Errors
    /// The system starts no thread.
    pub fn new(encoder: Box<dyn Encoder>) -> std::io::Result<Self> {
        Ok(Self(Batcher::new(LARGE_BATCH, |_| 1, move |faces| encoder.encode(faces))?))
    }
}

impl Encoder for BatchedEncoder {
    fn encode(&self, faces: &[Aligned]) -> Result<Vec<Template>, NetworkError> {
        if faces.is_empty() { Ok(Vec::new()) } else { self.0.run(faces.to_vec()) }
    }
}

impl Input {
    /// The input of a network of `model` on `device`.
    pub fn new(model: &Model, network: &encoder::Network, device: Device) -> Self {
        let (dimension, expected) = (model.dimension, network.input);
        Self { model: model.name.clone(), dimension, expected, device }
    }

    fn encode(
        &self,
        faces: &[Aligned],
        network: impl Fn(Tensor) -> Result<Tensor, TchError>,
    ) -> Result<Vec<Template>, NetworkError> {
        let crops: Vec<&Crop> = faces.iter().map(|face| self.crop(face)).collect::<Result<_, _>>()?;
        let mut templates = Vec::with_capacity(crops.len());
        for batch in crops.chunks(if self.device.is_cuda() { LARGE_BATCH } else { BATCH }) {
            let raw = self.tensor(batch).and_then(&network).and_then(|output| rows(&output));
            let (count, width, raw) = raw.map_err(|error| failure(&self.model, &error))?;
            if (count, width) != (batch.len(), self.dimension) {
                let expected = (batch.len(), self.dimension);
                return Err(self.failed(format!("its output is {:?}, expected {expected:?}", (count, width))));
            }
            for row in raw.chunks(width) {
                let wrong = |error| self.failed(format!("its output is not a template: {error}"));
                templates.push(Template::from_raw(row).map_err(wrong)?);
            }
        }
        Ok(templates)
    }

    fn crop<'a>(&self, face: &'a Aligned) -> Result<&'a Crop, NetworkError> {
        let (chip, side) = (self.expected.chip, self.expected.chip.side());
        let crop =
            face.crop(chip).ok_or_else(|| self.failed(format!("a face that is not aligned to {chip}")))?;
        if crop.side == side && crop.pixels.len() == 3 * (side * side) as usize {
            return Ok(crop);
        }
        Err(self.failed(format!("a crop of {} pixels a side, expected {side}", crop.side)))
    }

    /// Shape N, 3, side, side: `(value - mean) * scale`, channels innermost in memory.
    fn tensor(&self, crops: &[&Crop]) -> Result<Tensor, TchError> {
        let encoder::Input { chip, mean, scale, channels } = &self.expected;
        let (side, scale) = (i64::from(chip.side()), scale.factors());
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
        NetworkError::Failed { model: self.model.clone(), reason }
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
