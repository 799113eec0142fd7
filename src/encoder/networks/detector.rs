//! The three networks of MTCNN on libtorch.

use std::path::Path;

use tch::{Device, Kind, TchError, Tensor};

use super::failure;
use super::graph::{Network, parse};
use super::pool::{Handle, Pool};
use gallerist::encoder::EncoderError;
use gallerist::face::NetworkError;
use gallerist::face::mtcnn::{Judgement, Networks, Pictures, Proposals};

/// MTCNN's networks on libtorch.
pub(super) struct TorchNetworks {
    nets: Pool<Nets>,
    device: Device,
}

struct Nets {
    propose: Network,
    refine: Network,
    output: Network,
}

impl Handle for Nets {
    fn another(&self) -> Self {
        Self { propose: self.propose.another(), refine: self.refine.another(), output: self.output.another() }
    }
}

impl TorchNetworks {
    pub fn load(file: &Path, bytes: &[u8], device: Device) -> Result<Self, EncoderError> {
        let nets = || -> Result<Nets, String> {
            let (descriptions, tensors) = parse(bytes)?;
            let net = |name: &str| {
                let description =
                    descriptions.get(name).ok_or_else(|| format!("it contains no network {name:?}"))?;
                Network::new(description, &tensors, device)
            };
            Ok(Nets { propose: net("pnet")?, refine: net("rnet")?, output: net("onet")? })
        };
        let nets = nets().map_err(|reason| EncoderError::Weights { file: file.into(), reason })?;
        Ok(Self { nets: Pool::new(nets), device })
    }

    fn run<R>(&self, work: impl FnOnce(&Nets) -> Result<R, TchError>) -> Result<R, NetworkError> {
        self.nets.with(work).map_err(|error| failure("mtcnn", &error))
    }
}

impl Networks for TorchNetworks {
    fn propose(&self, picture: &Pictures) -> Result<Proposals, NetworkError> {
        self.run(|nets| {
            let [probability, offsets] = outputs(&nets.propose, picture, self.device)?;
            let columns = probability.size().last().copied().unwrap_or(0) as usize;
            let probabilities = values(&probability.f_select(1, 1)?)?;
            let offsets = values(&offsets)?;
            if picture.count != 1 || offsets.len() != 4 * probabilities.len() {
                return Err(odd_shape());
            }
            Ok(Proposals { columns, probabilities, offsets })
        })
    }

    fn refine(&self, pictures: &Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.run(|nets| {
            let [probability, offsets] = outputs(&nets.refine, pictures, self.device)?;
            judgements(pictures.count, &probability, &offsets, None)
        })
    }

    fn output(&self, pictures: &Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.run(|nets| {
            let [probability, offsets, points] = outputs(&nets.output, pictures, self.device)?;
            judgements(pictures.count, &probability, &offsets, Some(&points))
        })
    }
}

fn outputs<const N: usize>(
    network: &Network,
    pictures: &Pictures,
    device: Device,
) -> Result<[Tensor; N], TchError> {
    let shape = [pictures.count as i64, pictures.height as i64, pictures.width as i64, 3];
    let input = Tensor::f_from_slice(&pictures.values)?.f_view(shape)?.f_permute([0, 3, 1, 2])?;
    network.run(input.f_to_device(device)?)?.try_into().map_err(|_| odd_shape())
}

fn judgements(
    count: usize,
    probability: &Tensor,
    offsets: &Tensor,
    points: Option<&Tensor>,
) -> Result<Vec<Judgement>, TchError> {
    let probability = values(&probability.f_select(1, 1)?)?;
    let offsets = values(offsets)?;
    let points = points.map(values).transpose()?;
    let points = points.unwrap_or_else(|| vec![0.0; 10 * count]);
    if (probability.len(), offsets.len(), points.len()) != (count, 4 * count, 10 * count) {
        return Err(odd_shape());
    }
    let rows = probability.iter().zip(offsets.as_chunks::<4>().0).zip(points.as_chunks::<10>().0);
    Ok(rows.map(|((&probability, &offsets), &points)| Judgement { probability, offsets, points }).collect())
}

/// The values of the tensor in the order of its indices.
fn values(tensor: &Tensor) -> Result<Vec<f32>, TchError> {
    let flat = tensor.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?;
    Vec::<f32>::try_from(&flat)
}

fn odd_shape() -> TchError {
    TchError::Shape("a network of the detector returned outputs with an unexpected shape".into())
}
