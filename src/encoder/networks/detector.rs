//! The three networks of MTCNN on libtorch.

use std::path::Path;
use std::sync::Arc;

use tch::{Device, Kind, TchError, Tensor};

use super::batcher::Batcher;
use super::canvas::Canvas;
use super::failure;
use super::graph::{Network, parse};
use super::pool::{Handle, Pool};
use gallerist::encoder::EncoderError;
use gallerist::face::NetworkError;
use gallerist::face::mtcnn::{Judgement, Networks, Pictures, Proposals};

/// Most pixels of the proposal network's canvas, about, and most candidates of a batch.
const PIXELS: usize = 4 << 20;
const CANDIDATES: usize = 4096;

/// Threads per core whose photos form the batches. Most of them wait.
const WAITING: usize = 8;

/// MTCNN's networks on libtorch.
pub(super) struct TorchNetworks {
    nets: Pool<Nets>,
    device: Device,
    /// Whether pictures of all sizes become one. That is faster on CUDA devices, where the start of an operation takes longer than the
    /// operation.
    packs: bool,
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
        Ok(Self { nets: Pool::new(nets), device, packs: device.is_cuda() })
    }

    fn proposals(&self, pictures: &[Pictures]) -> Result<Vec<Proposals>, NetworkError> {
        self.run(|nets| match self.packs {
            true if !pictures.is_empty() => together(&nets.propose, pictures, self.device),
            _ => pictures.iter().map(|picture| alone(&nets.propose, picture, self.device)).collect(),
        })
    }

    fn refined(&self, pictures: &Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.run(|nets| {
            let [probability, offsets] = outputs(&nets.refine, pictures, self.device)?;
            judgements(pictures.count, &probability, &offsets, None)
        })
    }

    fn judged(&self, pictures: &Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.run(|nets| {
            let [probability, offsets, points] = outputs(&nets.output, pictures, self.device)?;
            judgements(pictures.count, &probability, &offsets, Some(&points))
        })
    }

    fn run<R>(&self, work: impl FnOnce(&Nets) -> Result<R, TchError>) -> Result<R, NetworkError> {
        self.nets.with(work).map_err(|error| failure("mtcnn", &error))
    }
}

impl Networks for TorchNetworks {
    fn propose(&self, pictures: Vec<Pictures>) -> Result<Vec<Proposals>, NetworkError> {
        self.proposals(&pictures)
    }

    fn refine(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.refined(&pictures)
    }

    fn output(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        self.judged(&pictures)
    }
}

/// The same networks, run with batches of the photos of many threads.
pub(super) struct BatchedNetworks {
    propose: Batcher<Pictures, Proposals>,
    refine: Batcher<Pictures, Vec<Judgement>>,
    output: Batcher<Pictures, Vec<Judgement>>,
}

impl BatchedNetworks {
    /// # Errors
    /// The system starts no thread.
    pub fn new(networks: TorchNetworks) -> std::io::Result<Self> {
        let networks = Arc::new(networks);
        let [one, two, three] = [0, 1, 2].map(|_| Arc::clone(&networks));
        let pixels = |picture: &Pictures| picture.height * picture.width;
        let count = |pictures: &Pictures| pictures.count;
        Ok(Self {
            propose: Batcher::new(PIXELS, pixels, move |pictures| one.proposals(pictures))?,
            refine: Batcher::new(CANDIDATES, count, move |pictures| {
                joined(pictures, |all| two.refined(all))
            })?,
            output: Batcher::new(CANDIDATES, count, move |pictures| {
                joined(pictures, |all| three.judged(all))
            })?,
        })
    }
}

impl Networks for BatchedNetworks {
    fn propose(&self, pictures: Vec<Pictures>) -> Result<Vec<Proposals>, NetworkError> {
        self.propose.run(pictures)
    }

    fn refine(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        Ok(self.refine.run(vec![pictures])?.concat())
    }

    fn output(&self, pictures: Pictures) -> Result<Vec<Judgement>, NetworkError> {
        Ok(self.output.run(vec![pictures])?.concat())
    }

    fn threads_per_core(&self) -> usize {
        WAITING
    }
}

/// Runs a network once on the pictures of several callers, which have one size.
fn joined(
    pictures: &[Pictures],
    network: impl Fn(&Pictures) -> Result<Vec<Judgement>, NetworkError>,
) -> Result<Vec<Vec<Judgement>>, NetworkError> {
    let Some(first) = pictures.first() else { return Ok(Vec::new()) };
    let values = pictures.iter().flat_map(|one| &one.values).copied().collect();
    let count = pictures.iter().map(|one| one.count).sum();
    let mut judgements = network(&Pictures { count, values, ..*first })?.into_iter();
    Ok(pictures.iter().map(|one| judgements.by_ref().take(one.count).collect()).collect())
}

/// The grid of one picture.
fn alone(network: &Network, picture: &Pictures, device: Device) -> Result<Proposals, TchError> {
    let [probability, offsets] = outputs(network, picture, device)?;
    let columns = probability.size().last().copied().unwrap_or(0) as usize;
    let probabilities = values(&probability.f_select(1, 1)?)?;
    let offsets = values(&offsets)?;
    if picture.count != 1 || offsets.len() != 4 * probabilities.len() {
        return Err(odd_shape());
    }
    Ok(Proposals { columns, probabilities, offsets })
}

/// The grids of pictures that are run as one. They equal those of [`alone`].
fn together(network: &Network, pictures: &[Pictures], device: Device) -> Result<Vec<Proposals>, TchError> {
    let sizes: Vec<[usize; 2]> = pictures.iter().map(|picture| [picture.width, picture.height]).collect();
    let Canvas { width, height, places } = Canvas::pack(&sizes);
    let mut canvas = Pictures { count: 1, height, width, values: vec![0.0; 3 * width * height] };
    // After the first convolution a picture has two columns and rows less. The pooling after it must see no others.
    let mut outside = vec![true; (width - 2) * (height - 2)];
    for (picture, &[left, top]) in pictures.iter().zip(&places) {
        for (y, row) in picture.values.chunks_exact(3 * picture.width).enumerate() {
            canvas.values[3 * ((top + y) * width + left)..][..row.len()].copy_from_slice(row);
        }
        for y in top..top + picture.height - 2 {
            outside[y * (width - 2) + left..][..picture.width - 2].fill(false);
        }
    }
    let outside = Tensor::f_from_slice(&outside)?.f_view([1, 1, height as i64 - 2, width as i64 - 2])?;
    let outputs = network.run_within(&tensor(&canvas, device)?, &outside.f_to_device(device)?)?;
    let [probability, offsets] = <[Tensor; 2]>::try_from(outputs).map_err(|_| odd_shape())?;
    let columns = probability.size().last().copied().unwrap_or(0) as usize;
    let (probability, offsets) = (values(&probability.f_select(1, 1)?)?, values(&offsets)?);
    let plane = probability.len();
    let grids = sizes.iter().zip(places).map(|(size, [left, top])| {
        let [across, down] = size.map(|side| (side - 1) / 2 - 4);
        let part = |plane: &[f32]| -> Vec<f32> {
            let rows = plane.chunks(columns.max(1)).skip(top / 2).take(down);
            rows.flat_map(|row| row.iter().skip(left / 2).take(across)).copied().collect()
        };
        let probabilities = part(&probability);
        let offsets: Vec<f32> = offsets.chunks(plane.max(1)).flat_map(part).collect();
        if probabilities.len() != across * down || offsets.len() != 4 * across * down {
            return Err(odd_shape());
        }
        Ok(Proposals { columns: across, probabilities, offsets })
    });
    grids.collect()
}

fn tensor(pictures: &Pictures, device: Device) -> Result<Tensor, TchError> {
    let shape = [pictures.count as i64, pictures.height as i64, pictures.width as i64, 3];
    let input = Tensor::f_from_slice(&pictures.values)?.f_view(shape)?.f_permute([0, 3, 1, 2])?;
    input.f_to_device(device)
}

fn outputs<const N: usize>(
    network: &Network,
    pictures: &Pictures,
    device: Device,
) -> Result<[Tensor; N], TchError> {
    network.run(tensor(pictures, device)?)?.try_into().map_err(|_| odd_shape())
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

#[cfg(test)]
mod tests;
